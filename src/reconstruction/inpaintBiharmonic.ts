import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Stop } from "../core/interfaces.js";
import { shapeText, sizeOf } from "../core/shape.js";
import { engine } from "../kernels/index.js";
import { conjugateDirection, conjugateStep, laplacian } from "../kernels/laplacian.js";
import { scope, Tensor } from "../tensor/index.js";

/** Tolerance and number of steps of the inpainting equation. */
export interface BiharmonicOptions {
  /** The last so many axes are space (1 to 3; default all). */
  readonly dimensions?: number;
  /** Converged when the residual falls below this part of the first one (default 1e-4). */
  readonly tolerance?: number;
  /** Most iterations of each level (default 2000). */
  readonly iterations?: number;
}
/** The picture with its holes filled, and how exactly the equation holds. */
export interface BiharmonicResult {
  /** The image. */
  readonly image: Tensor;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** How many steps were made. */
  readonly iterations: number;
}

/**
 * Fill in missing samples with the smoothest surface:  min ½‖Δx‖²  with x = y where the mask is not 0; Δ = −∇*∇, differences beyond the border
 * left out. Its equations Δ²x = 0 at the missing samples are solved by conjugate gradients from the solution at half the resolution, so that
 * large holes take few iterations as well.
 * @see Damelin & Hoang (2018), Int. J. Math. Math. Sci., 3950312 (biharmonic inpainting)
 * @throws ShapeError when mask and data differ, ArgumentError when nothing is known
 */
export function inpaintBiharmonic(data: Tensor, mask: Tensor, o: BiharmonicOptions = {}): BiharmonicResult {
  if (shapeText(data.shape) !== shapeText(mask.shape))
    throw new ShapeError(`inpaint: the mask is ${shapeText(mask.shape)} but the image ${shapeText(data.shape)}; they must agree`, {
      data: data.shape,
      mask: mask.shape,
    });
  const d = o.dimensions ?? data.rank;
  if (!(Number.isInteger(d) && d >= 1 && d <= 3 && d <= data.rank))
    throw new ShapeError(
      `inpaint: ${d} spatial axes of ${shapeText(data.shape)}; give dimensions 1, 2 or 3, at most as many as there are`,
      {
        dimensions: d,
      },
    );
  const size = data.shape.slice(data.rank - d);
  const pictures = sizeOf(data.shape.slice(0, data.rank - d));
  const n = sizeOf(size);
  return scope(() => {
    const y = data.cast("f32");
    const known = Float32Array.from(mask.data, (v) => Number(v !== 0));
    const out = new Float32Array(data.size);
    let iterations = 0;
    let converged = true;
    for (let k = 0; k < pictures; k++) {
      const level: Level = {
        size,
        values: Float32Array.from(y.data.subarray(k * n, (k + 1) * n)),
        known: known.subarray(k * n, (k + 1) * n),
      };
      if (n > 0 && !level.known.includes(1)) throw new ArgumentError("inpaint: no sample is known; the mask is 0 everywhere", {});
      const solved = solveLevel(level, o.tolerance ?? 1e-4, o.iterations ?? 2000);
      out.set(solved.values, k * n);
      iterations = Math.max(iterations, solved.iterations);
      converged &&= solved.converged;
    }
    return {
      image: Tensor.from(out, data.shape),
      stop: converged ? "converged" : "iterations",
      reason: converged ? "the residual is small" : "the number of iterations asked for is done",
      iterations,
    };
  });
}

interface Level {
  readonly size: readonly number[];
  readonly values: Float32Array;
  /** 1 or 0. */
  readonly known: Float32Array;
}
function solveLevel(level: Level, tolerance: number, most: number): { values: Float32Array; iterations: number; converged: boolean } {
  const { size, values, known } = level;
  const n = values.length;
  if (!known.includes(0)) return { values, iterations: 0, converged: true };
  // The start: half the resolution where there are samples whose neighbours are all missing, else the mean of the known.
  const coarse = halved(level);
  const start = new Float32Array(n);
  if (coarse.known.includes(0) || Math.min(...size) < 4) {
    if (Math.min(...size) >= 4) {
      const guess = solveLevel(coarse, tolerance, most).values;
      spread(guess, coarse.size, size, start);
    } else {
      const total = known.reduce((s, v) => s + v, 0);
      start.fill(values.reduce((s, v, k) => s + (known[k] ? v : 0), 0) / total);
    }
  } else spread(coarse.values, coarse.size, size, start);
  const e = engine();
  const at = Array.from({ length: 6 }, () => e.allocate(4 * n));
  try {
    const [x, r, p, q, t, m] = at;
    e.f32(x, n).set(start.map((v, k) => (known[k] ? values[k] : v)));
    e.f32(m, n).set(known.map((v) => 1 - v));
    e.f32(p, n).fill(0);
    // r = −m Δ²x.
    laplacian(e, x, t, size);
    laplacian(e, t, q, size, m);
    e.f32(r, n).fill(0);
    e.f32(t, n).fill(0);
    let rho = conjugateStep(e, t, r, p, q, 1, n);
    // Against what the known samples alone would leave: a start that is exact needs no steps.
    const zero = e.f32(t, n);
    zero.set(values.map((v, k) => (known[k] ? v : 0)));
    laplacian(e, t, q, size);
    laplacian(e, q, t, size, m, 0);
    const scale = e.f32(t, n).reduce((s, v) => s + v * v, 0);
    const target = tolerance * tolerance * scale;
    e.f32(p, n).set(e.f32(r, n));
    let k = 0;
    for (; k < most && rho > target; k++) {
      laplacian(e, p, t, size);
      const curvature = laplacian(e, t, q, size, m, p);
      if (!(curvature > 0)) break;
      const next = conjugateStep(e, x, r, p, q, rho / curvature, n);
      conjugateDirection(e, p, r, next / rho, n);
      rho = next;
    }
    return { values: Float32Array.from(e.f32(x, n)), iterations: k, converged: rho <= target };
  } finally {
    for (const a of at) e.free(a);
  }
}

/** Blocks of two along each axis: known where one of them is, with the mean of those. */
function halved({ size, values, known }: Level): Level {
  const small = size.map((v) => Math.ceil(v / 2));
  const sum = new Float32Array(sizeOf(small));
  const count = new Float32Array(sum.length);
  each(size, small, (k, c) => {
    if (known[k]) {
      sum[c] += values[k];
      count[c]++;
    }
  });
  return { size: small, values: sum.map((v, c) => (count[c] ? v / count[c] : 0)), known: count.map((v) => Number(v > 0)) };
}
const spread = (coarse: Float32Array, from: readonly number[], size: readonly number[], out: Float32Array): void =>
  each(size, from, (k, c) => {
    out[k] = coarse[c];
  });
function each(size: readonly number[], small: readonly number[], visit: (fine: number, coarse: number) => void): void {
  const [D, H, W] = [1, 1, 1, ...size].slice(-3);
  const [, h, w] = [1, 1, 1, ...small].slice(-3);
  for (let z = 0, k = 0; z < D; z++)
    for (let y = 0; y < H; y++) {
      const base = ((z >> 1) * h + (y >> 1)) * w;
      for (let x = 0; x < W; x++, k++) visit(k, base + (x >> 1));
    }
}
