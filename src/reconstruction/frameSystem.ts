import type { Iteration, State, Stop } from "../core/interfaces.js";
import { iterateSync } from "../core/iterate.js";
import { gradientOperator } from "../operators/index.js";
import { type CgState, conjugateGradient, type LinearSystem } from "../solvers/index.js";
import { irfft, rfft, scope, Tensor } from "../tensor/index.js";
import { dotOf, normOf } from "../tensor/variables.js";
import type { FrameOperator } from "./frameModel.js";

/** Σ_t A_t*A_t, Σ_t A_t* d_t and ½ Σ ‖d_t‖² of frames whose motion is given: all that the image's equations need. */
export interface FrameEquations {
  /** Frame by frame. */
  readonly operators: readonly FrameOperator[];
  /** Σ Aᵢ* dᵢ. */
  readonly rhs: Tensor;
  /** ½ Σ ‖dᵢ‖². */
  readonly half: number;
  /** The mean over all shifts of the spectrum of Σ A_t*A_t, on a ring, where the image is small enough for transforms to pay. */
  readonly spectrum?: Tensor;
  /** Differences along the axes of space, voxel units. */
  readonly gradient: ReturnType<typeof gradientOperator>;
}
/** Beyond so many samples a transform costs more than the steps that it saves. */
const transformed = 4e6;

/** The normal equations of several frames for one image: Σ Aᵢ*Aᵢ and Σ Aᵢ*dᵢ, with a gradient beside them where a prior asks for it. */
export function frameEquations(operators: readonly FrameOperator[], gradient?: ReturnType<typeof gradientOperator>): FrameEquations {
  const shape = operators[0].domain;
  const axes = shape.slice(1).map((_, k) => k + 1);
  const data = operators.map((a) => a.data);
  const rhs = operators.map((a, t) => a.adjoint(data[t])).reduce((s, v) => s.add(v));
  const half = data.reduce((s, d) => s + 0.5 * dotOf(d, d), 0);
  const n = shape.reduce((a, b) => a * b, 1);
  return {
    operators,
    rhs,
    half,
    gradient: gradient ?? gradientOperator(shape, { axes }),
    ...(n <= transformed && { spectrum: scope(() => spectrumOf(operators)) }),
  };
}
export const normalOf = (e: FrameEquations, x: Tensor): Tensor =>
  scope(() => e.operators.map((a) => a.adjoint(a.apply(x))).reduce((s, v) => s.add(v)));

/**
 * Frames shifted every which way see, on average, all aliases equally often: Σ A_t*A_t is then nearly a convolution, with the spectrum
 * Σ_t |F W_t*S_t*e|² / (fine samples for one of the frame's), e a sample in the middle.
 */
function spectrumOf(operators: readonly FrameOperator[]): Tensor {
  const spectra = operators.map((a) => {
    const e = Tensor.zeros([1, ...a.range.slice(1)]);
    const middle = a.range.slice(1).reduce((at, n) => at * n + (n >> 1), 0);
    e.data[middle] = 1;
    const many = a.range[0] === 1 ? e : e.broadcastTo(a.range);
    const h = a.motion
      .splat(a.frame.sensor.adjoint(many))
      .mul(a.light.gain * a.trust)
      .slice([0], [1]);
    const z = rfft(h.reshape(...h.shape.slice(1)));
    const stretch = a.frame.factors.reduce((p, f) => p * f, 1);
    return z.real().square().add(z.imag().square()).div(stretch);
  });
  return spectra.reduce((s, v) => s.add(v));
}
/** r ↦ (spectrum + weight · that of ∇*∇)⁻¹ r on a ring, channel by channel. */
function ringInverse(e: FrameEquations, weight: number): ((r: Tensor) => Tensor) | undefined {
  const { spectrum } = e;
  if (!spectrum) return undefined;
  const shape = e.operators[0].domain.slice(1);
  const laplacian = shape
    .map((n, k) => {
      const count = k === shape.length - 1 ? Math.floor(n / 2) + 1 : n;
      const line = Float32Array.from({ length: count }, (_, i) => 2 - 2 * Math.cos((2 * Math.PI * i) / n));
      return Tensor.from(
        line,
        shape.map((_, i) => (i === k ? count : 1)),
      );
    })
    .reduce((s, v) => s.add(v));
  const scale = spectrum.add(laplacian.mul(weight));
  const inverse = Tensor.scalar(1).div(scale.add(1e-4 * scale.max().item()));
  const axes = shape.map((_, k) => k + 1);
  return (r) => scope(() => irfft(rfft(r, { axes }).mul(inverse), { axes, n: shape[shape.length - 1] }));
}

/** Σ A_t*A_t + weight ∇*∇ and its near inverse. */
export function imageSystem(e: FrameEquations, weight: number, rhs: Tensor): LinearSystem<Tensor> {
  const preconditioner = ringInverse(e, weight);
  return {
    apply: (x) => scope(() => normalOf(e, x).add(e.gradient.adjoint(e.gradient.apply(x)).mul(weight))),
    rhs,
    ...(preconditioner && { preconditioner }),
  };
}
export interface Solved {
  readonly x: Tensor;
  /** ½ Σ ‖A_t x − d_t‖² + ½ weight ‖∇x‖². */
  readonly value: number;
  readonly iterations: number;
}
/** argmin over x of ½ Σ ‖A_t x − d_t‖² + ½ weight ‖∇x‖², from a start. */
export function solveImage(
  e: FrameEquations,
  weight: number,
  start: Tensor,
  o: { readonly iterations: number; readonly relativeResidual: number },
): Solved {
  return scope(() => {
    const run = iterateSync(conjugateGradient<Tensor>(o), imageSystem(e, weight, e.rhs), start, {
      iterations: o.iterations,
      keepBest: false,
      keepState: true,
    });
    return { x: run.x, value: ((run.state as CgState<Tensor>).value as number) + e.half, iterations: run.iterations };
  });
}

export interface FrameTvState extends State<Tensor> {
  /** ∇x, split, and the scaled multiplier. */
  readonly z: Tensor;
  /** The scaled multiplier. */
  readonly u: Tensor;
  /** (N + ρ∇*∇) x of the last step. */
  readonly applied?: Tensor;
  /** How far gradients and their split parts are apart. */
  readonly primal: number;
  /** How much the split parts still move. */
  readonly dual: number;
  /** The weight of the coupling in a splitting. */
  readonly rho: number;
}
/** Frames, total variation and its weight: one image that explains all of them. */
export interface FrameTvProblem {
  /** Of all frames. */
  readonly equations: FrameEquations;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
}
/**
 * min over x  ½ Σ ‖A_t x − d_t‖² + λ TV(x) by alternating directions, the image's equation solved by a few preconditioned conjugate gradients from
 * the last image.
 * @see Goldstein & Osher (2009), The split Bregman method, SIAM J. Imaging Sciences 2; Boyd et al. (2011), sections 3.3 and 3.4.1
 */
export function frameTv(
  o: { readonly tolerance?: number; readonly inner?: number; readonly rhoScale?: number } = {},
): Iteration<FrameTvProblem, Tensor, FrameTvState> {
  const { tolerance = 1e-3, inner = 2, rhoScale = 1 } = o;
  const sizes = (g: Tensor) => g.square().sum(0, true).sqrt();
  return {
    init({ equations: e, lambda }, x) {
      const z = e.gradient.apply(x);
      // Where most differences are small: a threshold λ/ρ of their typical size.
      const typical = Math.max(1e-6, normOf(z) / Math.sqrt(x.size));
      return {
        x,
        z,
        u: z.mul(0),
        primal: Number.POSITIVE_INFINITY,
        dual: Number.POSITIVE_INFINITY,
        rho: rhoScale * Math.max(lambda / (0.5 * typical), 1e-12),
      };
    },
    step({ equations: e, lambda }, s) {
      const { rho } = s;
      const rhs = e.rhs.add(e.gradient.adjoint(s.z.sub(s.u)).mul(rho));
      const run = iterateSync(
        conjugateGradient<Tensor>({ relativeResidual: 1e-7 }),
        { ...imageSystem(e, rho, rhs), applied: s.applied },
        s.x,
        {
          iterations: inner,
          keepBest: false,
          keepState: true,
        },
      );
      const x = run.x;
      const state = run.state as CgState<Tensor>;
      const g = e.gradient.apply(x);
      const v = g.mul(1.6).sub(s.z.mul(0.6)).add(s.u); // over-relaxed
      const size = sizes(v);
      const z = v.mul(
        size
          .sub(lambda / rho)
          .maximum(0)
          .div(size.maximum(1e-20)),
      );
      const u = v.sub(z);
      // Nx = rhs − residual − ρ∇*∇x.
      const applied = rhs.sub(state.residual);
      const fitted = applied.sub(e.gradient.adjoint(g).mul(rho));
      const value = 0.5 * dotOf(x, fitted) - dotOf(x, e.rhs) + e.half + lambda * sizes(g).sum().item();
      const primal = normOf(g.sub(z)) / Math.max(normOf(g), 1e-20);
      const dual = normOf(z.sub(s.z)) / Math.max(normOf(g), 1e-20);
      return { x, z, u, applied, value, primal, dual, rho };
    },
    done(s): { stop: Stop; reason: string } | undefined {
      return s.primal < tolerance && s.dual < tolerance ? { stop: "converged", reason: "the image and its split agree" } : undefined;
    },
  };
}
