import { ArgumentError, GridError } from "../core/errors.js";
import type { Grid, Image, Objective, Parameters } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { seeded } from "../core/random.js";
import { gridText, physicalToIndex, sameGrid } from "../image/grid.js";
import { type ImageMetric, lncc } from "../metrics/index.js";
import { coordinateNetwork } from "../nn/index.js";
import { lbfgs } from "../optimisers/index.js";
import { dispose, jacobianDeterminant, keep, scope, type Tensor, turnPlanes, valueAndGrad, warpField } from "../tensor/index.js";
import { leavesOf, mapLeaves, withLeaves } from "../tensor/variables.js";
import { flow, identityTransform, TimeVelocityTransform, type Transform } from "../transforms/index.js";
import { atSpacing, baseSpacing, defaultShrinks, robustRange, scaledTo } from "./levels.js";
import { Lattice, type NeuralOdeOptions, roughness } from "./neuralOde.js";

/** Size of the network that is the motion of a series, and how it is trained. */
export interface NeuralSequenceOptions extends Omit<NeuralOdeOptions, "steps"> {
  /** Runge–Kutta steps from a frame to the next (default 2). */
  readonly steps?: number;
  /** D (default lncc, radius 4 voxels in the plane, 2 in space). */
  readonly metric?: ImageMetric;
  /** α in mean D + α ½ ∫ mean |∇v|² (default 0.05). */
  readonly alpha?: number;
  /** Shrink factors, coarse to fine. Default: halved down to 1; with `homotopy` in steps of √2. */
  readonly shrinks?: readonly number[];
  /** Whether blur falls along the way. */
  readonly homotopy?: boolean;
  /** Most steps on a level (default 60). */
  readonly iterations?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (p: {
    readonly level: number;
    readonly levels: number;
    readonly iteration: number;
    readonly value?: number;
  }) => void;
}
/** One motion through all frames, with how well each is explained. */
export interface NeuralSequenceResult {
  /** Points of the first frame ↦ points of frame k; the first is the identity. Each has its inverse. */
  readonly transforms: readonly Transform[];
  /** The weights of v(x, t), time 0 to 1 from the first to the last frame. */
  readonly parameters: Parameters;
  /** ok; or suspect, and `reason` says which frame did not come closer or where the flow folds. */
  readonly status: "ok" | "suspect";
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** D of each later frame before and after, and the least det ∇y. */
  readonly frames: readonly {
    /** At the start. */
    readonly before: number;
    /** At the end. */
    readonly after: number;
    /** The smallest det ∂y. */
    readonly leastJacobian: number;
  }[];
  /** How each level went: success or failure is known for each. */
  readonly trace: readonly {
    /** The level's shrink factor. */
    readonly shrink: number;
    /** The metric or objective, step by step. */
    readonly values: readonly number[];
    /** Whether the objective went down. */
    readonly lowered: boolean;
    /** Why it ended, in a sentence. */
    readonly reason: string;
  }[];
}

/**
 * One velocity v(x, t) for a whole sequence: the flow of it takes the points of the first frame through all the others, y_k(x) = φ(t_k, x), so that
 * motion is smooth in time and every y_k has an inverse. The weights minimise  mean over k of D(M_k ∘ y_k, M_0) + α ½ ∫ mean |∇v|²,  from coarse to fine.
 * @throws ArgumentError for fewer than two frames, GridError for frames of different grids, AbortedError
 */
export async function neuralSequence(frames: readonly Image[], o: NeuralSequenceOptions = {}): Promise<NeuralSequenceResult> {
  const { steps = 2, alpha = 0.05, iterations = 60, homotopy = false, width = 48, depth = 2, bandwidth = 1.5, seed = 1 } = o;
  const later = frames.length - 1;
  if (later < 1) throw new ArgumentError(`neuralSequence: ${frames.length} frames came; give at least two`, { frames: frames.length });
  if (!Number.isInteger(steps) || steps < 1 || !(alpha >= 0))
    throw new ArgumentError(
      `neuralSequence: ${steps} steps and α = ${alpha}; give a whole number from 1 and a number that is not negative`,
      {},
    );
  const { grid } = frames[0];
  const other = frames.findIndex((f) => !sameGrid(f.grid, grid) || f.values.shape[0] !== 1);
  if (other >= 0)
    throw new GridError(
      `neuralSequence: frame ${other} has ${frames[other].values.shape[0]} channels on ${gridText(frames[other].grid)}; expected one on the grid of the first, ${gridText(grid)}`,
      { frame: other },
    );
  const d = grid.size.length;
  const metric = o.metric ?? lncc({ radiusVoxels: d === 2 ? 4 : 2 });
  const coarse = defaultShrinks(grid, 24)[0];
  const ratio = homotopy ? Math.SQRT2 : 2;
  const count = Math.round(Math.log(coarse) / Math.log(ratio));
  const shrinks = o.shrinks ?? Array.from({ length: count + 1 }, (_, k) => ratio ** (count - k));
  const model = coordinateNetwork({ inputs: d + 1, outputs: d, width, depth, bandwidth, random: seeded(seed) });
  const times = later * steps + 1;
  const lattice = new Lattice(grid, times, o.nodes ?? (d === 2 ? 2048 : 4096));
  const velocity = (p: Parameters) => lattice.velocity(model.with(p));
  /** y_k(x) − x of all later frames, mm, on a grid: each goes on from the one before. */
  const displacements = (v: Tensor, on: Grid): Tensor[] => {
    const out: Tensor[] = [];
    for (let k = 0; k < later; k++) {
      const part = v.slice([k * steps], [(k + 1) * steps + 1]).mul(1 / later);
      const before = out.at(-1);
      const on2 = flow(part, lattice.grid, steps, false, { grid: on, displacement: before });
      out.push(before ? before.add(on2) : on2);
    }
    return out;
  };
  const base = baseSpacing(grid);
  const scaled = frames.map((f) => scaledTo(f, robustRange(f)));
  let p: Parameters = keep(mapLeaves((w) => w.add(0), model.parameters));
  const trace: NeuralSequenceResult["trace"][number][] = [];
  let finest: { readonly data: (p: Parameters) => number[]; readonly start: number[] } | undefined;
  for (const [level, shrink] of shrinks.entries()) {
    const images = scaled.map((f) => atSpacing(f, shrink * base));
    const [fixed, ...moving] = images;
    const into = physicalToIndex(fixed.grid).matrix;
    const metrics = moving.map((m) => metric.prepare?.(fixed, m) ?? metric);
    const likenesses = (v: Tensor): Tensor[] =>
      displacements(v, fixed.grid).map((u, k) => {
        const values = warpField(moving[k].values, turnPlanes(u, into), { border: "clamp" });
        return metrics[k].value({ values, grid: fixed.grid }, fixed);
      });
    const value = (q: Parameters): Tensor => {
      const v = velocity(q);
      const data = likenesses(v)
        .reduce((a, b) => a.add(b))
        .div(later);
      return alpha > 0 ? data.add(roughness(v, lattice.grid).mul(alpha)) : data;
    };
    const objective: Objective<Parameters> = {
      value,
      valueAndGrad(q) {
        const { value: at, gradients } = valueAndGrad((...leaves) => value(withLeaves(q, leaves)))(...leavesOf(q));
        return { value: at.item(), gradient: withLeaves(q, gradients) };
      },
    };
    const data = (q: Parameters) => scope(() => likenesses(velocity(q)).map((t) => t.item()));
    const result = await iterate(lbfgs<Parameters>({ firstMove: 0.5, relativeDecrease: 2e-5 }), objective, p, {
      iterations,
      signal: o.signal,
      onProgress: (s) => o.onProgress?.({ level, levels: shrinks.length, iteration: s.iteration, value: s.value }),
    });
    const [first, last] = [result.history[0], Math.min(...result.history)];
    trace.push({ shrink, values: result.history, lowered: last <= first, reason: result.reason });
    if (result.x !== p) {
      dispose(p);
      p = keep(result.x);
    }
    if (level === shrinks.length - 1) finest = { data, start: data(model.parameters) };
    else for (const im of images) if (!scaled.includes(im)) dispose(im.values);
  }
  const after = finest?.data(p) ?? [];
  const least = scope(() =>
    displacements(velocity(p), grid).map((u) =>
      jacobianDeterminant(turnPlanes(u, physicalToIndex(grid).matrix))
        .min()
        .item(),
    ),
  );
  const found = after.map((value, k) => ({ before: finest?.start[k] ?? Number.NaN, after: value, leastJacobian: least[k] }));
  const transforms = scope(() => {
    const v = velocity(p);
    return [
      identityTransform(d) as Transform,
      ...Array.from({ length: later }, (_, k) => {
        const until = v.slice([0], [(k + 1) * steps + 1]).mul((k + 1) / later);
        return new TimeVelocityTransform(
          keep(until),
          lattice.grid,
          { name: "frame 0", grid },
          { name: `frame ${k + 1}`, grid },
          2 * (k + 1) * steps,
        );
      }),
    ];
  });
  const worse = found.findIndex((f) => !(f.after <= f.before + 1e-4)); // frames that were alike may stay as they are
  const folded = found.findIndex((f) => !(f.leastJacobian > 0));
  const failed = trace.find((t) => !t.lowered);
  const status = worse >= 0 || folded >= 0 || failed ? "suspect" : "ok";
  const reason =
    folded >= 0
      ? `the flow to frame ${folded + 1} folds (least Jacobian ${found[folded].leastJacobian.toFixed(2)}): more steps, or a larger alpha`
      : worse >= 0
        ? `frame ${worse + 1} is less like the first than before: more levels, or homotopy`
        : failed
          ? `the level 1/${failed.shrink.toFixed(1)} did not lower its objective`
          : `all ${later} frames are as near or nearer; the least Jacobian is ${Math.min(...least).toFixed(2)}`;
  return { transforms, parameters: p, status, reason, frames: found, trace };
}
