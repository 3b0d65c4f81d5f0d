import { solvePositive } from "../core/cholesky.js";
import type { Grid, Iteration, State, Stop } from "../core/interfaces.js";
import { identityMap } from "../image/index.js";
import { gradientOperator } from "../operators/index.js";
import { cg } from "../solvers/index.js";
import { scope, Tensor } from "../tensor/index.js";
import { dotOf } from "../tensor/variables.js";
import { AffineTransform, type MotionFamily } from "../transforms/index.js";
import { type Frame, FrameOperator, type Light, lightsOf } from "./frameModel.js";
import { knownMotion } from "./frameMotion.js";
import { type FrameEquations, frameEquations, imageSystem, solveImage } from "./frameSystem.js";

/**
 * How the derivative of the projected residual r(p) = A(p) x(p) − d, x(p) = argmin over x, is taken.
 *  kaufman   dr = P⊥ (dA) x: the image follows to first order, the term with dA* r is left out. P⊥ is not written down: the step is that of
 *            Gauss–Newton in the image and the motion together, found by one run of conjugate gradients.
 *  fixed     dr = (dA) x: the image stands still within a step. Cheap, every frame for itself; more steps.
 * @see Golub & Pereyra (1973), SIAM J. Numer. Anal. 10; Kaufman (1975), BIT 15; Ruhe & Wedin (1980), SIAM Review 22, algorithms 1 to 3
 */
export type ProjectionJacobian = "kaufman" | "fixed";
/** Frames whose motion and whose common image are both unknown. */
export interface JointProblem {
  /** Frame by frame. */
  readonly frames: readonly Frame[];
  /** The grid of the common image. */
  readonly target: Grid;
  /** What may be estimated, or the network. */
  readonly model: MotionFamily;
  /** ½λ‖∇x‖² and ½μ‖Kp‖². */
  readonly lambda: number;
  /** The weight of the image's smoothness. */
  readonly mu: number;
  /** Whether frames have a gain and a bias, found with image and motion. */
  readonly brightness?: boolean;
  /** Where they begin. */
  readonly lights?: readonly Light[];
  /** The first frame is where the image is; the others have parameters. */
}
/** The image and the motions, as they stand. */
export interface JointUnknowns {
  readonly [name: string]: Tensor;
  /** The image. */
  readonly image: Tensor;
  /** [frames − 1, …parameters of one]. */
  readonly motion: Tensor;
}
export interface JointState extends State<JointUnknowns> {
  readonly value: number;
  /** Longest change of a parameter in the last step, samples of the image. */
  readonly moved?: number;
  /** No step lowered φ; the decrease that the last one promised. */
  readonly stuck?: number;
  /** Gain and bias, frame by frame. */
  readonly lights?: readonly Light[];
  /** The shortest step that was tried in vain. */
  readonly shortest?: number;
  /** How much solving the image better at the same motion gave, since the last step that moved. */
  readonly solved?: number;
}
/** How image and motions take turns, and when they are done. */
export interface JointOptions {
  /** How the slope of the projected objective is had. */
  readonly jacobian?: ProjectionJacobian;
  /** Conjugate gradients for the image at each p, for the step, and before the first step. */
  readonly imageSteps?: number;
  /** Steps of image and motions together. */
  readonly jointSteps?: number;
  /** Steps of the motions before. */
  readonly firstSteps?: number;
  /** Converged when no parameter moves by more (samples of the image; default 0.005). */
  readonly tolerance?: number;
}

/** The parameters of frame k + 1. */
export const partOf = (motion: Tensor, k: number): Tensor => {
  const [, ...shape] = motion.shape;
  return motion.slice([k], [k + 1]).reshape(...shape);
};
/** A_t(p) of all frames. */
export function operatorsAt(
  { frames, target, model }: Pick<JointProblem, "frames" | "target" | "model">,
  motion: Tensor,
  lights?: readonly Light[],
): FrameOperator[] {
  const still = new AffineTransform(identityMap(target.size.length));
  return frames.map(
    (frame, t) =>
      new FrameOperator(
        frame,
        target,
        t === 0 ? knownMotion(still, frame.fine, target) : model.at(partOf(motion, t - 1), frame.fine),
        lights?.[t],
      ),
  );
}
const penalised = (p: JointProblem, motion: Tensor): Tensor | undefined => {
  const { model, mu } = p;
  if (!model.penalty || mu === 0) return undefined;
  const parts = Array.from({ length: motion.shape[0] }, (_, k) => (model.penalty as (v: Tensor) => Tensor)(partOf(motion, k)));
  return stacked(parts, motion).mul(mu);
};
const stacked = (parts: readonly Tensor[], like: Tensor): Tensor => {
  const out = Tensor.uninitialised(like.shape);
  const n = like.size / Math.max(1, parts.length);
  parts.forEach((t, k) => {
    out.data.set(t.data.subarray(0, n) as Float32Array, k * n);
  });
  return out;
};

interface Linearised {
  push(dp: Tensor): Tensor;
  pull(r: Tensor): Tensor;
  /** r ↦ about (G*G)⁻¹ r. */
  readonly inverse: (r: Tensor) => Tensor;
}
/** G = ∂(A(p) x)/∂p of one frame. */
function linearisedFrame(a: FrameOperator, x: Tensor, mu: number): Linearised {
  const l = a.motion.linearise(x);
  if (l.columns) {
    const n = l.columns.shape[0];
    const [, ...fine] = l.columns.shape;
    const columns = Array.from({ length: n }, (_, j) => a.see((l.columns as Tensor).slice([j], [j + 1]).reshape(...fine)).reshape(1, -1));
    const gram = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) gram[i * n + j] = gram[j * n + i] = dotOf(columns[i], columns[j]);
    const largest = Math.max(1e-30, ...Array.from({ length: n }, (_, i) => gram[i * (n + 1)]));
    for (let i = 0; i < n; i++) gram[i * (n + 1)] += 1e-6 * largest;
    return {
      push: (dp) => {
        let sum: Tensor | undefined;
        columns.forEach((c, j) => {
          const part = c.mul(dp.data[j]);
          sum = sum ? sum.add(part) : part;
        });
        return (sum as Tensor).reshape(...a.range);
      },
      pull: (r) => {
        const flat = r.reshape(1, -1);
        return Tensor.from(
          columns.map((c) => dotOf(c, flat)),
          [n],
        ).cast("f32");
      },
      inverse: (r) => Tensor.from(Float32Array.from(solvePositive(gram, r.data) ?? r.data), [n]),
    };
  }
  const push = (dp: Tensor) => a.see(l.push(dp));
  const pull = (r: Tensor) => l.pull(a.seen(r));
  // The mean of the diagonal of G*G, by a probe of signs.
  const mean = scope(() => {
    const shape = a.motion.parameterShape as readonly number[];
    const probe = Tensor.from(
      Float32Array.from({ length: shape.reduce((s, n) => s * n, 1) }, (_, i) => ((Math.imul(i + 1, 0x9e3779b1) >>> 15) & 1 ? 1 : -1)),
      shape,
    );
    const v = push(probe);
    return dotOf(v, v) / probe.size;
  });
  const scale = 1 / Math.max(mean + 4 * mu, 1e-30);
  return { push, pull, inverse: (r) => r.mul(scale) };
}

/**
 * min over p  φ(p) = min over x  ½ Σ_t ‖A_t(p) x − d_t‖² + ½λ‖∇x‖² + ½μ‖Kp‖²: variable projection. The image is eliminated by conjugate gradients,
 * warm-started; Gauss–Newton moves the motion, its step halved until φ falls.
 */
export function jointMotion(o: JointOptions = {}): Iteration<JointProblem, JointUnknowns, JointState> {
  const { jacobian = "kaufman", imageSteps = 8, jointSteps = 12, firstSteps = 16, tolerance = 0.005 } = o;
  const project = (p: JointProblem, image: Tensor, motion: Tensor, iterations: number, lights?: readonly Light[]) =>
    scope(() => {
      const e = frameEquations(operatorsAt(p, motion, lights), differences(p));
      const solved = solveImage(e, p.lambda, image, { iterations, relativeResidual: 1e-4 });
      const k = penalised(p, motion);
      return { image: solved.x, value: solved.value + (k ? 0.5 * dotOf(motion, k) : 0) };
    });
  /** Gains and biases in closed form for this image and motion, and φ with them. */
  const lit = (p: JointProblem, s: JointState): JointState => {
    if (!p.brightness) return s;
    const { lights, change } = scope(() => {
      const operators = operatorsAt(p, s.x.motion, s.lights);
      const lights = lightsOf(operators, s.x.image);
      const half = (a: FrameOperator) => {
        const r = a.apply(s.x.image).sub(a.data);
        return 0.5 * dotOf(r, r);
      };
      return { lights, change: operators.reduce((sum, a, t) => sum + half(a.in(lights[t])) - half(a), 0) };
    });
    return { ...s, lights, value: s.value + change };
  };
  return {
    init(p, { image, motion }) {
      const s = project(p, image, motion, firstSteps, p.lights);
      return lit(p, { x: { image: s.image, motion }, value: s.value, lights: p.lights });
    },
    step(p, s) {
      const { image, motion } = s.x;
      const step = scope(() => direction(p, image, motion, jacobian, jointSteps, s.lights));
      const longest = Math.max(1e-30, step.motion.abs().max().item());
      // No parameter moves by more than two samples of the image at once: the model of the step is no better than that.
      let t = Math.min(1, 2 / longest);
      for (let halvings = 0; halvings < 5; halvings++, t *= 0.5) {
        const next = motion.add(step.motion.mul(t));
        const from = step.image ? image.add(step.image.mul(t)) : image;
        const found = project(p, from, next, imageSteps, s.lights);
        if (found.value < s.value)
          return lit(p, { x: { image: found.image, motion: next }, value: found.value, moved: t * longest, lights: s.lights });
      }
      if (s.solved !== undefined) return { ...s, moved: longest, stuck: step.gain, shortest: 2 * t * longest };
      // An image that is not solved for sharply enough points motion elsewhere: once more from a better one.
      const better = project(p, image, motion, 4 * imageSteps, s.lights);
      return lit(p, { ...s, x: { image: better.image, motion }, value: better.value, moved: longest, solved: s.value - better.value });
    },
    done(s): { stop: Stop; reason: string } | undefined {
      if (s.stuck !== undefined) {
        if ((s.moved as number) < 10 * tolerance || s.stuck < Math.max(0.01 * s.value, s.solved ?? 0))
          return { stop: "converged", reason: "no step improves the value by as much as the image is solved to" };
        // Interpolation has kinks where samples meet, and shifts by whole samples are at them.
        return (s.shortest as number) < 10 * tolerance
          ? { stop: "converged", reason: `no step longer than ${(s.shortest as number).toPrecision(2)} samples improves the value` }
          : { stop: "stalled", reason: "no step along the motion's direction improves the value" };
      }
      return s.moved !== undefined && s.moved < tolerance
        ? { stop: "converged", reason: `no motion parameter moves by more than ${tolerance} samples` }
        : undefined;
    },
  };
}
const differences = (p: JointProblem) => {
  const shape = [p.frames[0].data.shape[0], ...[...p.target.size].reverse()];
  return gradientOperator(shape, { axes: shape.slice(1).map((_, k) => k + 1) });
};

/** The Gauss–Newton step at (x, p), x (nearly) the best for p. */
function direction(
  p: JointProblem,
  image: Tensor,
  motion: Tensor,
  jacobian: ProjectionJacobian,
  steps: number,
  lights?: readonly Light[],
): { motion: Tensor; image?: Tensor; gain: number } {
  const operators = operatorsAt(p, motion, lights);
  const residuals = operators.map((a) => a.apply(image).sub(a.data));
  const g = operators.slice(1).map((a) => linearisedFrame(a, image, p.mu));
  const penalty = penalised(p, motion);
  const gradient = stacked(
    g.map((l, k) => l.pull(residuals[k + 1])),
    motion,
  );
  const slope = penalty ? gradient.add(penalty) : gradient;
  const inverse = (r: Tensor) =>
    stacked(
      g.map((l, k) => l.inverse(partOf(r, k))),
      motion,
    );
  const told = (step: { motion: Tensor; image?: Tensor }) => ({ ...step, gain: -0.5 * dotOf(slope, step.motion) });
  if (jacobian === "fixed" && !p.model.penalty) return told({ motion: inverse(slope).neg() });
  const withPenalty = (v: Tensor, q: Tensor) => {
    const k = penalised(p, q);
    return k ? v.add(k) : v;
  };
  if (jacobian === "fixed") {
    const apply = (q: Tensor) =>
      scope(() =>
        withPenalty(
          stacked(
            g.map((l, k) => l.pull(l.push(partOf(q, k)))),
            motion,
          ),
          q,
        ),
      );
    return told({ motion: cg({ apply, rhs: slope.neg(), preconditioner: inverse }, { iterations: steps, relativeResidual: 1e-3 }).x });
  }
  const e: FrameEquations = frameEquations(operators, differences(p));
  const system = imageSystem(e, p.lambda, e.rhs);
  const smooth = (x: Tensor) => e.gradient.adjoint(e.gradient.apply(x)).mul(p.lambda);
  const apply = (v: JointUnknowns): JointUnknowns =>
    scope(() => {
      const y = operators.map((a, t) => {
        const own = a.apply(v.image);
        return t === 0 ? own : own.add(g[t - 1].push(partOf(v.motion, t - 1)));
      });
      const x = operators.map((a, t) => a.adjoint(y[t])).reduce((s, w) => s.add(w));
      const q = stacked(
        g.map((l, k) => l.pull(y[k + 1])),
        motion,
      );
      return { image: x.add(smooth(v.image)), motion: withPenalty(q, v.motion) };
    });
  const slopeOfImage = operators
    .map((a, t) => a.adjoint(residuals[t]))
    .reduce((s, w) => s.add(w))
    .add(smooth(image));
  const found = cg<JointUnknowns>(
    {
      apply,
      rhs: { image: slopeOfImage.neg(), motion: slope.neg() },
      preconditioner: (r) => ({ image: system.preconditioner ? system.preconditioner(r.image) : r.image, motion: inverse(r.motion) }),
    },
    { iterations: steps, relativeResidual: 1e-3 },
  );
  return told({ motion: found.x.motion, image: found.x.image });
}
