import { solve } from "../../kernels/linalg.js";
import { spread } from "./neighbours.js";
import type { Cloud } from "./pointSet.js";

/**
 * u(x) = Σₖ cₖ exp(−|x − zₖ|² / 2β²): a smooth displacement carried by control points z; its roughness is cᵀ K(z, z) c, the norm of
 * the kernel's Hilbert space, which is what coherent point drift penalises. With fewer control points than points it is a low-rank form of it.
 * @see Myronenko & Song (2010), Point set registration: coherent point drift, IEEE TPAMI 32(12)
 */
export class KernelField {
  /** K(points, z), row by row. */
  readonly #basis: Float64Array;
  readonly #own: Float64Array;
  constructor(
    readonly points: Cloud,
    readonly control: Cloud,
    readonly beta: number,
  ) {
    this.#basis = kernelMatrix(points, control, beta);
    this.#own = kernelMatrix(control, control, beta);
  }
  /** Control points spread over the points themselves. */
  static on(points: Cloud, beta: number, rank = 200): KernelField {
    return new KernelField(points, spread(points, rank), beta);
  }
  get zero(): Float64Array {
    return new Float64Array(this.control.count * this.points.dimension);
  }
  /** c = argmin Σᵢ wᵢ |u(xᵢ) − vᵢ|² + λ cᵀ K c */
  fit(values: Float64Array, weights: ArrayLike<number>, lambda: number): Float64Array {
    const r = this.control.count;
    const d = this.points.dimension;
    const a = new Float64Array(r * r);
    const b = new Float64Array(r * d);
    for (let i = 0; i < this.points.count; i++) {
      const w = weights[i];
      if (!(w > 0)) continue;
      const row = this.#basis.subarray(i * r, (i + 1) * r);
      for (let k = 0; k < r; k++) {
        const wk = w * row[k];
        if (wk < 1e-12) continue;
        const base = k * r;
        for (let l = 0; l <= k; l++) a[base + l] += wk * row[l];
        for (let j = 0; j < d; j++) b[k * d + j] += wk * values[i * d + j];
      }
    }
    for (let k = 0; k < r; k++)
      for (let l = 0; l <= k; l++) {
        // The ridge keeps a kernel matrix of close control points solvable; 1e-6 of the diagonal 1 bends nothing.
        a[k * r + l] += lambda * (this.#own[k * r + l] + (k === l ? 1e-6 : 0));
        a[l * r + k] = a[k * r + l];
      }
    return solve(a, r, b, d);
  }
  /** u at the points. */
  values(c: Float64Array): Float64Array {
    const r = this.control.count;
    const d = this.points.dimension;
    const out = new Float64Array(this.points.count * d);
    for (let i = 0; i < this.points.count; i++)
      for (let k = 0; k < r; k++) {
        const g = this.#basis[i * r + k];
        for (let j = 0; j < d; j++) out[i * d + j] += g * c[k * d + j];
      }
    return out;
  }
  /** u on a lattice with axes along x, y(, z): planes [d, (z,) y, x]. The kernel is a product of three, one an axis. */
  planes(c: Float64Array, origin: readonly number[], spacing: number, size: readonly number[]): Float32Array {
    const d = this.points.dimension;
    const [nx, ny, nz] = [size[0], size[1], size[2] ?? 1];
    const out = new Float32Array(d * nx * ny * nz);
    const plane = nx * ny * nz;
    const one = (axis: number, k: number, n: number) =>
      axis >= d
        ? Float64Array.of(1)
        : Float64Array.from({ length: n }, (_, i) =>
            Math.exp(-((origin[axis] + i * spacing - this.control.points[k * d + axis]) ** 2) / (2 * this.beta ** 2)),
          );
    for (let k = 0; k < this.control.count; k++) {
      const [ex, ey, ez] = [one(0, k, nx), one(1, k, ny), one(2, k, nz)];
      for (let z = 0; z < nz; z++)
        for (let y = 0; y < ny; y++) {
          const f = ez[z] * ey[y];
          if (f < 1e-5) continue;
          const at = (z * ny + y) * nx;
          for (let j = 0; j < d; j++) {
            const g = f * c[k * d + j];
            for (let x = 0; x < nx; x++) out[j * plane + at + x] += g * ex[x];
          }
        }
    }
    return out;
  }
}

function kernelMatrix(a: Cloud, b: Cloud, beta: number): Float64Array {
  const d = a.dimension;
  const out = new Float64Array(a.count * b.count);
  for (let i = 0; i < a.count; i++)
    for (let k = 0; k < b.count; k++) {
      let s = 0;
      for (let j = 0; j < d; j++) s += (a.points[i * d + j] - b.points[k * d + j]) ** 2;
      out[i * b.count + k] = Math.exp(-s / (2 * beta * beta));
    }
  return out;
}
