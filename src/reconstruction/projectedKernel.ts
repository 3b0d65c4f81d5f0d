import { irfft, rfft, Tensor } from "../tensor/index.js";

/** A blurred picture in the Fourier basis. */
export interface Spectra {
  /** Of the picture. */
  readonly y: Tensor;
  /** Lengths of the axes, the slowest first. */
  readonly shape: readonly number[];
  /** Transfer functions of the forward differences along y and x, and |·|² of both together. */
  readonly differences: readonly Tensor[];
  /** |·|² of both differences' transfer functions, added. */
  readonly squares: Tensor;
}
const axes = [0, 1];
export const forth = (x: Tensor) => rfft(x, { axes });
export const back = (z: Tensor, n: number) => irfft(z, { axes, n });
export const power = (z: Tensor) => z.real().square().add(z.imag().square());

/** Fourier transforms of a picture and of differences, which serve at every step. */
export function spectraOf(y: Tensor): Spectra {
  const [H, W] = y.shape;
  const difference = (at: number) => {
    const d = new Float32Array(H * W);
    d[0] = -1;
    d[at] += 1;
    return forth(Tensor.from(d, [H, W]));
  };
  const differences = [difference((H - 1) * W), difference(W - 1)];
  return { y: forth(y), shape: y.shape, differences, squares: differences.map(power).reduce((a, b) => a.add(b)) };
}
/** The kernel on the ring of the picture, its middle at the origin. */
export function placed(k: Tensor, [H, W]: readonly number[]): Tensor {
  const n = k.shape[0];
  const c = Math.floor(n / 2);
  const out = new Float32Array(H * W);
  k.data.forEach((v, i) => {
    out[((Math.floor(i / n) - c + H) % H) * W + (((i % n) - c + W) % W)] += v;
  });
  return Tensor.from(out, [H, W]);
}
function cut(x: Tensor, n: number): Tensor {
  const [H, W] = x.shape;
  const c = Math.floor(n / 2);
  const { data } = x;
  return Tensor.from(
    Float32Array.from({ length: n * n }, (_, i) => data[((Math.floor(i / n) - c + H) % H) * W + (((i % n) - c + W) % W)]),
    [n, n],
  );
}

/** The picture eliminated: what is left of the objective, and its slope, as functions of the kernel. */
export interface Projected {
  /** The kernel. */
  readonly k: Tensor;
  /** J(k). */
  readonly value: number;
  /** Spectra of the gradients u(k) that are best for k, along y and x, and of k ∗ u − ∇y. */
  readonly u: readonly Tensor[];
  /** Spectra of k ∗ u − ∇y, along y and x. */
  readonly residuals: readonly Tensor[];
  /** |K|² + β. */
  readonly scale: Tensor;
}
/** The kernel that was found by eliminating the picture. */
export interface ProjectedKernel {
  /** The picture eliminated, at a kernel. */
  at(k: Tensor): Projected;
  /** ∇J, exact: where u is the best for k, what u does to first order does not matter. */
  gradient(at: Projected): Tensor;
  /** The minimiser over the simplex of J's Gauss–Newton model at k: u follows k to first order. */
  step(at: Projected): Tensor;
  /** ‖k ∗ ∇x − ∇y‖ / ‖∇y‖. */
  unexplained(k: Tensor): number;
}

/**
 * Kernel and picture together, given a picture x of few edges:
 *  J(k) = min over u  ½‖k ∗ u − ∇y‖² + ½β‖u − ∇x‖² + ½γ‖k‖²,  k ≥ 0, Σ k = 1.
 * The gradients u of the picture are eliminated in closed form, U = (K̄ ∇Y + β ∇X) / (|K|² + β) frequency by frequency (variable projection). The Gauss–Newton model of J,
 * with Kaufman's derivative of u, is a convolution again: its spectrum is |U|² β / (|K|² + β). With β → ∞ the picture stands still.
 * @param size  rows and columns of the kernel, odd
 * @see Golub & Pereyra (2003), Inverse Problems 19; Kaufman (1975), BIT 15
 */
export function projectedKernel(
  { y, shape, differences }: Spectra,
  x: Tensor,
  size: number,
  { beta, ridge = 0.002 }: { readonly beta: number /** γ over ‖∇x‖². */; readonly ridge?: number },
): ProjectedKernel {
  const W = shape[1];
  const z = forth(x);
  const wanted = differences.map((d) => y.mul(d));
  const edges = differences.map((d) => z.mul(d));
  // ‖∇x‖² is the autocorrelation at 0.
  const gamma = ridge * back(sum(edges.map(power)), W).data[0];
  const square = (v: Tensor) => {
    const s = back(v, W);
    return s.innerProduct(s).item();
  };
  const at = (k: Tensor): Projected => {
    const transfer = forth(placed(k, shape));
    const scale = power(transfer).add(beta);
    const u = edges.map((e, a) => wanted[a].mul(transfer.conj()).add(e.mul(beta)).div(scale));
    const residuals = u.map((v, a) => v.mul(transfer).sub(wanted[a]));
    const left = residuals.reduce((s, v) => s + square(v), 0) + beta * u.reduce((s, v, a) => s + square(v.sub(edges[a])), 0);
    return { k, u, residuals, scale, value: 0.5 * left + 0.5 * gamma * k.innerProduct(k).item() };
  };
  const gradient = ({ k, u, residuals }: Projected) =>
    cut(back(sum(residuals.map((r, a) => r.mul(u[a].conj()))), W), size).add(k.mul(gamma));
  return {
    at,
    gradient,
    step(now) {
      const { k, u, scale } = now;
      const curvature = sum(u.map(power)).mul(beta).div(scale);
      const slope = gradient(now);
      // Frequencies bound the step.
      const lipschitz = curvature.max().item() + gamma;
      const model = (v: Tensor) => {
        const d = v.sub(k);
        return cut(back(forth(placed(d, shape)).mul(curvature), W), size)
          .add(d.mul(gamma))
          .add(slope);
      };
      let [best, v, t] = [k, k, 1];
      for (let i = 0; i < 40; i++) {
        const next = onSimplex(v.sub(model(v).div(lipschitz)));
        const s = (1 + Math.sqrt(1 + 4 * t * t)) / 2;
        v = next.add(next.sub(best).mul((t - 1) / s));
        [best, t] = [next, s];
      }
      return best;
    },
    unexplained(k) {
      const transfer = forth(placed(k, shape));
      const norm = (v: readonly Tensor[]) => v.reduce((s, w) => s + square(w), 0);
      return Math.sqrt(norm(edges.map((e, a) => e.mul(transfer).sub(wanted[a]))) / Math.max(1e-30, norm(wanted)));
    },
  };
}
const sum = (v: readonly Tensor[]): Tensor => v.reduce((a, b) => a.add(b));

/** The nearest point with no negative coordinates and the sum 1. */
export function onSimplex(k: Tensor): Tensor {
  const sorted = Float64Array.from(k.data).sort().reverse();
  let [sum, shift] = [0, 0];
  for (let i = 0; i < sorted.length; i++) {
    sum += sorted[i];
    const s = (sum - 1) / (i + 1);
    if (sorted[i] - s > 0) shift = s;
  }
  return k.sub(shift).relu();
}
