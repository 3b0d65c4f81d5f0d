import { ArgumentError } from "../../core/errors.js";

/**
 * How the brightness of one place may change over time:  s(t) = c(t; θ).  A fit looks at every pixel alone (or, for models that learn their curves from
 * the series, at all together) and gives the series as the model sees it: what registration compares a frame with.
 */
export interface TimeCourse {
  /** What it is called. */
  readonly name: string;
  /** Whether the times of the frames matter; without, frames count as 0, 1, 2, … */
  readonly needsTimes: boolean;
  /** Fewer frames than this leave nothing to compare. */
  readonly leastFrames: number;
  /** Least-squares fit of frames, each the same pixels, taken at these times. `quick`: the prediction is wanted, parameters to a few digits. */
  fit(frames: readonly ArrayLike<number>[], times: readonly number[], o?: { readonly quick?: boolean }): CourseFit;
  /**
   * The fit and how it follows the frames to first order, the parameters eliminated: predicted(f + v) ≈ predicted + follow(v), in place of v. What joint
   * estimation of motion and model needs; without it, predictions count as standing still within a step.
   */
  linearise?(frames: readonly ArrayLike<number>[], times: readonly number[]): LinearisedCourse;
  /** The same model with what it chooses by the data (a smoothness, say) chosen for these frames: values of the objective can then be compared. */
  settled?(frames: readonly ArrayLike<number>[], times: readonly number[]): TimeCourse;
}
/** A fit, and its derivative: v ↦ what the prediction takes of a change v of the frames. */
export interface LinearisedCourse {
  /** The frames as the model has them. */
  readonly predicted: readonly Float32Array[];
  /** What is left of a change of the frames when the model has followed it. */
  follow(v: Float32Array[]): void;
}
/** A time course at each voxel: the model's maps and what they predict. */
export interface CourseFit {
  /** The frames as the model has them. */
  readonly predicted: readonly Float32Array[];
  /** Parameter maps by name, one value a pixel; units of the frames and of the times. */
  readonly maps: Readonly<Record<string, Float32Array>>;
}

/** Times that a model can use: one for each frame, finite, growing. @throws ArgumentError otherwise */
export function checkedTimes(course: TimeCourse, times: readonly number[] | undefined, count: number): readonly number[] {
  if (!times) {
    if (course.needsTimes)
      throw new ArgumentError(`dynamics ${course.name}: the frames' times are missing; give one time for each of the ${count} frames`, {});
    return Array.from({ length: count }, (_, t) => t);
  }
  if (times.length !== count)
    throw new ArgumentError(`dynamics: ${times.length} times came for ${count} frames; one for each was expected`, { times: times.length });
  const odd = times.findIndex((t) => !Number.isFinite(t));
  if (odd >= 0) throw new ArgumentError(`dynamics: the time of frame ${odd} is ${times[odd]}; finite numbers were expected`, {});
  if (new Set(times).size < Math.min(count, course.leastFrames))
    throw new ArgumentError(
      `dynamics ${course.name}: only ${new Set(times).size} different times came; at least ${course.leastFrames} were expected`,
      {},
    );
  return times;
}

/** Σ over pixels and frames of (frame − predicted)², and how many values that are. */
export function squaredResidual(
  frames: readonly ArrayLike<number>[],
  predicted: readonly ArrayLike<number>[],
  weights?: ArrayLike<number>,
) {
  let [sum, count] = [0, 0];
  for (const [t, f] of frames.entries()) {
    const p = predicted[t];
    for (let i = 0; i < f.length; i++) {
      const w = weights ? weights[i] : 1;
      if (w > 0) sum += w * (f[i] - p[i]) ** 2;
      count += w;
    }
  }
  return { sum, count, rms: Math.sqrt(sum / Math.max(count, 1e-300)) };
}
