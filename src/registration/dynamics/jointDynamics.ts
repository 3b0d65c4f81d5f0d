import { solvePositive } from "../../core/cholesky.js";
import type { Grid, Image, Iteration, State, Stop } from "../../core/interfaces.js";
import { cg } from "../../solvers/index.js";
import { scope, stack, Tensor } from "../../tensor/index.js";
import { dotOf } from "../../tensor/variables.js";
import type { LinearisedMotion, MotionFamily } from "../../transforms/index.js";
import type { TimeCourse } from "./timeCourse.js";

/** All frames but the reference, which stays, may move by parameters of `family`. */
export interface JointDynamics {
  /** Frame by frame. */
  readonly frames: readonly Image[];
  /** When each frame was taken. */
  readonly times: readonly number[];
  /** The frame that stays. */
  readonly reference: number;
  /** The model of intensity over time. */
  readonly dynamics: TimeCourse;
  /** How frames may move. */
  readonly family: MotionFamily;
  /** Weights of voxels, on the frames' grid. */
  readonly weights?: Tensor;
  /**
   * Of ½μ‖K(p − p₀)‖², p₀ `around` (default 0: no motion), K the family's or 1, and how much more each single step is held together. What the model can
   * follow, the frames do not tell from motion: there p₀ decides.
   */
  readonly mu: number;
  /** p₀, what motions are held to (default 0: no motion). */
  readonly around?: Tensor;
  /** How much more each single step is held together (default 0). */
  readonly stepMu?: number;
}
/** Parameters [frames − 1, …those of one], and φ there. */
export interface JointDynamicsState extends State<Tensor> {
  readonly value: number;
  /** Longest change of a parameter in the last step, voxels. */
  readonly moved?: number;
  /** Whether no step went down. */
  readonly stuck?: boolean;
}
/** How `jointDynamics` steps. */
export interface JointDynamicsOptions {
  /**
   * How much the projection's derivative is held back: J*(I − (1 − δ) P)J, δ from 0 (Gauss–Newton) to 1 (the model stands still within a step). Default 0.3:
   * motion that the model can follow is little punished, and noise alone would carry it far.
   */
  readonly damping?: number;
  /** Conjugate gradients for a step. Default 12. */
  readonly steps?: number;
  /** Converged when no parameter moves by more voxels. Default 0.01. */
  readonly tolerance?: number;
  /** No parameter moves by more voxels in a step. Default 2. */
  readonly longest?: number;
}

const partOf = (p: Tensor, k: number): Tensor => p.slice([k], [k + 1]).reshape(...p.shape.slice(1));
const joined = (parts: readonly Tensor[], like: Tensor): Tensor => {
  const out = Tensor.uninitialised(like.shape);
  const n = like.size / Math.max(1, parts.length);
  parts.forEach((t, k) => {
    out.data.set(t.data.subarray(0, n) as Float32Array, k * n);
  });
  return out;
};
/** The frames under the motion p [frames − 1, …parameters]. */
export function warpedFrames({ frames, family, reference }: JointDynamics, p: Tensor): Float32Array[] {
  return frames.map((f, t) => {
    if (t === reference) return f.values.data as Float32Array;
    return scope(() => Float32Array.from(family.at(partOf(p, t < reference ? t : t - 1), f.grid).warp(f.values).data));
  });
}

/**
 * min over p  φ(p) = min over θ  ½ Σ_t ‖frame_t ∘ y(p_t) − C(t; θ)‖² + ½μ‖K(p − p₀)‖²: variable projection. The model of brightness is eliminated at every voxel,
 * and Gauss–Newton moves all frames at once with the derivative of what is left: (I − P) (∇frame_t · ∂y/∂p_t) over the frames, P the projection onto what
 * the model can follow at that voxel (Kaufman's derivative). A frame's mistake is not shared with the prediction that the others see.
 * @see Golub & Pereyra (1973), SIAM J. Numer. Anal. 10; Kaufman (1975), BIT 15
 */
export function jointDynamics(o: JointDynamicsOptions = {}): Iteration<JointDynamics, Tensor, JointDynamicsState> {
  const { damping = 0.3, steps = 12, tolerance = 0.01, longest = 2 } = o;
  return {
    init: (problem, p) => ({ x: p, value: valueAt(problem, p) }),
    step(problem, s) {
      const step = scope(() => direction(problem, s.x, steps, damping));
      const length = Math.max(1e-30, step.abs().max().item());
      let t = Math.min(1, longest / length);
      for (let halvings = 0; halvings < 5 && t * length > 0.1 * tolerance; halvings++, t *= 0.5) {
        const next = s.x.add(step.mul(t));
        const value = valueAt(problem, next);
        if (value < s.value) return { x: next, value, moved: t * length };
      }
      return { ...s, moved: 0, stuck: true };
    },
    done(s): { stop: Stop; reason: string } | undefined {
      if (s.stuck) return { stop: "converged", reason: "no step lowers the objective" };
      return s.moved !== undefined && s.moved < tolerance
        ? { stop: "converged", reason: `no parameter of motion moves by more than ${tolerance} voxels` }
        : undefined;
    },
  };
}
/** ½ Σ w f (f − predicted): of projections ½‖f − predicted‖², of penalised fits their objective. */
function valueAt(problem: JointDynamics, p: Tensor): number {
  const { dynamics, times, weights } = problem;
  const f = warpedFrames(problem, p);
  const { predicted } = dynamics.fit(f, times, { quick: true });
  const w = weights?.data;
  let sum = 0;
  for (const [t, row] of f.entries()) {
    const c = predicted[t];
    for (let i = 0; i < row.length; i++) sum += (w ? w[i] : 1) * row[i] * (row[i] - c[i]);
  }
  return (
    0.5 * sum +
    0.5 *
      scope(() => {
        if (problem.mu === 0) return 0;
        const away = off(problem, p);
        return dotOf(away, penalised(problem.family, away, problem.mu));
      })
  );
}
const off = ({ around }: JointDynamics, p: Tensor): Tensor => (around ? p.sub(around) : p);
function penalised(family: MotionFamily, p: Tensor, mu: number): Tensor {
  const { penalty } = family;
  if (!penalty) return p.mul(mu);
  return joined(
    Array.from({ length: p.shape[0] }, (_, k) => penalty(partOf(p, k))),
    p,
  ).mul(mu);
}

function direction(problem: JointDynamics, p: Tensor, steps: number, damping: number): Tensor {
  const { frames, times, reference, dynamics, family, weights, mu, stepMu = 0 } = problem;
  const moving = frames.flatMap((f, t) => (t === reference ? [] : [{ f, t }]));
  const motions = moving.map(({ f }, k) => family.at(partOf(p, k), f.grid));
  const linear: LinearisedMotion[] = motions.map((m, k) => m.linearise(moving[k].f.values));
  const warped = frames.map((f) => f.values.data as Float32Array);
  moving.forEach(({ f, t }, k) => {
    warped[t] = Float32Array.from(motions[k].warp(f.values).data);
  });
  const linearised = dynamics.linearise?.(warped, times);
  const { predicted } = linearised ?? dynamics.fit(warped, times, { quick: true });
  const shape = frames[0].values.shape;
  const tensor = (v: Float32Array) => {
    const t = Tensor.from(v, shape);
    return weights ? t.mul(weights.reshape(...shape)) : t;
  };
  const pulled = (rows: readonly Float32Array[]) =>
    joined(
      moving.map(({ t }, k) => linear[k].pull(tensor(rows[t]))),
      p,
    );
  const residual = warped.map((row, t) => row.map((v, i) => v - predicted[t][i]));
  const slope = pulled(residual).add(penalised(family, off(problem, p), mu));
  const held = mu + stepMu;
  // One number a frame (or one small system), of ∇frame alone: what the model follows is left out.
  const inverses = moving.map(({ f }, k) => inverseOf(linear[k], f.grid, partOf(p, k), held));
  const apply = (q: Tensor): Tensor =>
    scope(() => {
      const rows = frames.map(() => new Float32Array(warped[0].length));
      moving.forEach(({ t }, k) => {
        rows[t].set(linear[k].push(partOf(q, k)).data as Float32Array);
      });
      if (linearised) {
        const followed = rows.map((row) => row.slice());
        linearised.follow(followed);
        for (const [t, row] of rows.entries()) for (let i = 0; i < row.length; i++) row[i] -= (1 - damping) * followed[t][i];
      }
      return pulled(rows).add(penalised(family, q, held));
    });
  return cg(
    {
      apply,
      rhs: slope.neg(),
      preconditioner: (r) =>
        joined(
          inverses.map((inverse, k) => inverse(partOf(r, k))),
          p,
        ),
    },
    { iterations: steps, relativeResidual: 0.05 },
  ).x;
}
/** About (G*G + K*K)⁻¹ of one frame. */
function inverseOf(l: LinearisedMotion, grid: Grid, p: Tensor, mu: number): (r: Tensor) => Tensor {
  if (l.columns) {
    const n = p.size;
    const flat = l.columns.reshape(n, -1);
    const gram = Float64Array.from(flat.matmul(flat.transpose()).data);
    const largest = Math.max(1e-30, ...p.data.map((_, i) => gram[i * (n + 1)]));
    for (let i = 0; i < n; i++) gram[i * (n + 1)] += mu + 1e-6 * largest;
    return (r) => Tensor.from(Float32Array.from(solvePositive(gram, r.data) ?? r.data), p.shape);
  }
  const d = grid.size.length;
  const [, ...points] = p.shape;
  // The diagonal of G*G: Σ B² g² is about (∫B² / ∫B)^d Σ B g² for cubic splines B, and a constant displacement along an axis shows g. 2d neighbours have
  // each point: the diagonal of K*K.
  const along = Array.from({ length: d }, (_, a) => {
    const one = Tensor.full(points, 1);
    const none = Tensor.zeros(points);
    const g = l.push(stack(Array.from({ length: d }, (_, b) => (a === b ? one : none))));
    return partOf(l.pull(g), a);
  });
  const diagonal = stack(along).mul(0.479 ** d);
  const scale = Tensor.full(p.shape, 1).div(diagonal.add(2 * d * mu + 1e-3 * Math.max(1e-30, diagonal.max().item())));
  return (r) => r.mul(scale);
}
/** The mean curvature of ½‖frame ∘ y(p)‖² along a parameter, over the frames at p: what μ is to be compared with. */
export function curvatureOf({ frames, family, reference }: JointDynamics, p: Tensor): number {
  return scope(() => {
    let sum = 0;
    frames.forEach((f, t) => {
      if (t === reference) return;
      const { push } = family.at(partOf(p, t < reference ? t : t - 1), f.grid).linearise(f.values);
      const v = push(signs(family.shape));
      sum += dotOf(v, v);
    });
    return sum / Math.max(1, p.size);
  });
}
const signs = (shape: readonly number[]): Tensor =>
  Tensor.from(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((Math.imul(i + 1, 0x9e3779b1) >>> 15) & 1 ? 1 : -1)),
    shape,
  );
