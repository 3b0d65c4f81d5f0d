import { AbortedError, ArgumentError, ShapeError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { resizeOperator } from "../operators/index.js";
import { scope, Tensor } from "../tensor/index.js";
import { back, forth, placed, power, projectedKernel, type Spectra, spectraOf } from "./projectedKernel.js";

/** Size of the unknown kernel, weight of edges while it is sought, rounds on each level. */
export interface BlindKernelOptions {
  /** The kernel is sought on a square of so many samples, odd (default 25, at most a third of the picture). Larger than the blur is well, but less sure. */
  readonly size?: number;
  /** Weight of ‖∇x‖₀ while the kernel is sought, for pictures of contrast 1: at the beginning (default 0.03), falling to a thirtieth. More keeps only stronger edges. */
  readonly edges?: number;
  /** Alternations on each level (default 6). */
  readonly rounds?: number;
  /** What lay beyond the border when the picture was blurred: the picture again, or something unknown (default), whose effect is faded out. */
  readonly periodic?: boolean;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: {
    readonly level: number;
    readonly levels: number;
    readonly iteration: number;
    readonly iterations: number;
    readonly x: Tensor;
  }) => void;
}
/** Kernel and picture that explain a blurred picture together. */
export interface BlindKernelResult {
  /** [size, size], no weight negative, their sum 1, the centre of mass in the middle. */
  readonly kernel: Tensor;
  /** The picture of few edges that the kernel was found with. */
  readonly edges: Tensor;
  /** ‖∇(k ∗ x − y)‖ / ‖∇y‖: how much of the blurred picture's edges is not explained. */
  readonly unexplained: number;
}

/**
 * The kernel of an unknown blur, and a picture of few edges together with it:
 *  min over x, k  ½‖k ∗ x − y‖² + λ‖∇x‖₀ + …,  k on the simplex {k ≥ 0, Σ k = 1}
 * from coarse to fine. On each level in turns: which edges there are, by half-quadratic splitting, gradients below √(λ/β) set to 0 with β rising; then kernel and picture together, by
 * variable projection: a Gauss–Newton step over the simplex on what is left when the picture follows the kernel (`projectedKernel`). Few edges are what keeps the trivial answer, no blur
 * and x = y, from being the best: y has many small gradients.
 * The picture and its kernel are determined up to a shift; the kernel is centred. Gain and offset of the picture do not matter.
 * @param image  a gray picture [y, x]
 * @see Xu, Zheng & Jia (2013), Unnatural L0 sparse representation for natural image deblurring, CVPR
 * @throws ShapeError unless the picture has two axes; ArgumentError for a size that is even, or too large for it
 */
export async function blindKernel(image: Tensor, o: BlindKernelOptions = {}): Promise<BlindKernelResult> {
  if (image.rank !== 2 || image.dtype === "c64" || image.dtype === "c128")
    throw new ShapeError(`blind deblurring: an image ${shapeText(image.shape)} of ${image.dtype}; give one gray picture [y, x]`, {
      shape: image.shape,
    });
  const [H, W] = image.shape;
  const third = 2 * Math.floor(Math.min(H, W) / 6) + 1;
  const size = o.size ?? Math.min(25, third);
  if (!(Number.isInteger(size) && size % 2 === 1 && size >= 3 && size <= Math.min(H, W) / 2))
    throw new ArgumentError(
      `blind deblurring: a kernel of ${size} for a picture of ${W}×${H}; give an odd number from 3 on, at most half the picture`,
      {
        size,
      },
    );
  const { edges: weight = 0.03, rounds = 6 } = o;
  const y = scope(() => {
    const low = image.min().item();
    const contrast = image.max().item() - low;
    const unit = image
      .cast("f32")
      .sub(low)
      .div(contrast > 0 ? contrast : 1);
    return o.periodic ? unit : faded(unit, size);
  });
  const sizes: number[] = [size];
  while (sizes[0] > 3) sizes.unshift(Math.max(3, 2 * Math.floor(sizes[0] / Math.SQRT2 / 2) + 1));
  let k = delta(sizes[0]);
  let x = y;
  let unexplained = 1;
  for (const [level, n] of sizes.entries()) {
    const shape = [H, W].map((m) => Math.max(2 * n, Math.round((m * n) / size)));
    const last = level === sizes.length - 1;
    const data = last ? y : scope(() => resizeOperator([H, W], { size: shape }).apply(y));
    if (k.shape[0] !== n) k = grown(k, n);
    const known = scope(() => spectraOf(data));
    for (let r = 0; r < rounds; r++) {
      if (o.signal?.aborted) throw new AbortedError("stopped by its signal", {}, { cause: o.signal.reason });
      await new Promise((resolve) => setTimeout(resolve)); // pages paint
      // What is needed to begin with hides fine edges later.
      const found = scope(() => {
        const next = fewEdges(known, data, k, weight * 30 ** -((level * rounds + r) / (sizes.length * rounds)));
        return { x: next, ...kernelOf(known, next, k) };
      });
      x = found.x;
      unexplained = found.unexplained;
      k = scope(() => tidied(found.k));
      o.onProgress?.({ level, levels: sizes.length, iteration: r + 1, iterations: rounds, x });
    }
  }
  return { kernel: centred(k), edges: x, unexplained };
}

/** min ½‖k ∗ x − y‖² + λ‖∇x‖₀ by half-quadratic splitting. */
function fewEdges({ y, differences, squares }: Spectra, data: Tensor, k: Tensor, lambda: number): Tensor {
  const W = data.shape[1];
  const transfer = forth(placed(k, data.shape));
  const right = y.mul(transfer.conj());
  const blurred = power(transfer);
  let x = data;
  for (let beta = 2 * lambda; beta < 1e4; beta *= 2.5) {
    x = scope(() => {
      const z = forth(x);
      const slopes = differences.map((d) => back(z.mul(d), W));
      const strong = slopes
        .map((s) => s.square())
        .reduce((a, b) => a.add(b))
        .greater(lambda / beta);
      const sum = slopes.map((s, i) => forth(s.mul(strong)).mul(differences[i].conj())).reduce((a, b) => a.add(b));
      return back(right.add(sum.mul(beta)).div(blurred.add(squares.mul(beta))), W);
    });
  }
  return x;
}

/** How sure strong edges are against the data: between 20 and 200 kernels hardly differ; below, the trivial kernel gains; above, edges are taken for exact. */
const edgeWeight = 40;

/** One Gauss–Newton step of the projected problem, halved until its value falls. */
function kernelOf(known: Spectra, x: Tensor, before: Tensor): { k: Tensor; unexplained: number } {
  const problem = projectedKernel(known, x, before.shape[0], { beta: edgeWeight });
  const at = problem.at(before);
  const goal = problem.step(at);
  let k = before;
  for (let t = 1; t > 0.1; t /= 2) {
    const next = before.add(goal.sub(before).mul(t)); // between two points of a convex set
    if (problem.at(next).value < at.value) {
      k = next;
      break;
    }
  }
  return { k, unexplained: problem.unexplained(k) };
}
/** Weights below a twentieth of the largest are noise. */
function tidied(k: Tensor): Tensor {
  const top = k.max().item();
  const kept = k.mul(k.greater(top / 20));
  return kept.div(kept.sum());
}
const delta = (n: number): Tensor =>
  Tensor.from(
    Float32Array.from({ length: n * n }, (_, i) => Number(i === (n * n - 1) / 2)),
    [n, n],
  );
/** On a finer level the same kernel has more samples. */
function grown(k: Tensor, n: number): Tensor {
  return scope(() => {
    const fine = resizeOperator(k.shape, { size: [n, n], method: "linear" })
      .apply(centred(k))
      .relu();
    return fine.div(fine.sum());
  });
}
/** Shifted by whole samples so that the centre of mass is nearest to the middle. */
function centred(k: Tensor): Tensor {
  const n = k.shape[0];
  const w = Float32Array.from(k.data);
  const at = (of: (i: number) => number) => w.reduce((s, v, i) => s + v * of(i), 0);
  const [dy, dx] = [at((i) => Math.floor(i / n)), at((i) => i % n)].map((m) => Math.round(m - (n - 1) / 2));
  const out = new Float32Array(n * n);
  w.forEach((v, i) => {
    const [r, c] = [Math.floor(i / n) - dy, (i % n) - dx];
    if (r >= 0 && r < n && c >= 0 && c < n) out[r * n + c] += v;
  });
  const sum = out.reduce((s, v) => s + v, 0);
  return Tensor.from(
    out.map((v) => v / sum),
    [n, n],
  );
}
/** Towards the border the picture becomes its mean, so that its ends meet. */
function faded(y: Tensor, margin: number): Tensor {
  const mean = y.mean().item();
  const ramp = (n: number) =>
    Float32Array.from(
      { length: n },
      (_, i) => Math.sin((Math.PI / 2) * Math.min(1, (Math.min(i, n - 1 - i) + 0.5) / Math.min(margin, n / 4))) ** 2,
    );
  const window = Tensor.from(ramp(y.shape[0]), [y.shape[0], 1]).mul(Tensor.from(ramp(y.shape[1]), [1, y.shape[1]]));
  return y.sub(mean).mul(window).add(mean);
}
