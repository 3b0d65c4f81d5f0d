import { type Grid, indexToPhysical, physicalToIndex } from "../image/grid.js";
import { eigh, solve } from "../kernels/linalg.js";
import { HomographyTransform, homographyOfAffine } from "../transforms/homography.js";

/** Pairs of points of two pictures, (x, y) after (x, y). */
export interface PointPairs {
  /** Points of the first picture: x, y, x, y, … */
  readonly a: ArrayLike<number>;
  /** Points of the second picture: x, y, x, y, … */
  readonly b: ArrayLike<number>;
}
/** A 3 × 3 matrix, row by row, that maps pixel centres of one picture to those of another. */
export type Homography = Float64Array;

/** H p, with its denominator. */
export function project(h: ArrayLike<number>, x: number, y: number): [number, number, number] {
  const w = h[6] * x + h[7] * y + h[8];
  return [(h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w, w];
}
export function invertHomography(h: ArrayLike<number>): Float64Array | undefined {
  const [a, b, c, d, e, f, g, i, j] = Array.from(h);
  const [A, B, C] = [e * j - f * i, -(d * j - f * g), d * i - e * g];
  const det = a * A + b * B + c * C;
  const size = Math.hypot(...Array.from(h));
  if (!(Math.abs(det) > 1e-14 * size ** 3)) return undefined;
  return Float64Array.from(
    [A, c * i - b * j, b * f - c * e, B, a * j - c * g, c * d - a * f, C, b * g - a * i, a * e - b * d],
    (v) => v / det,
  );
}
export function multiply3(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const out = new Float64Array(9);
  for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) for (let k = 0; k < 3; k++) out[3 * i + j] += a[3 * i + k] * b[3 * k + j];
  return out;
}
/** h₃₃ = 1 where it can be, else length √3. */
export function scaled(h: ArrayLike<number>): Float64Array {
  const size = Math.hypot(...Array.from(h));
  const by = Math.abs(h[8]) > 1e-10 * size ? 1 / h[8] : Math.sqrt(3) / size;
  return Float64Array.from(h, (v) => v * by);
}

/** Similarity that brings weighted points to mean 0 and mean distance √2 (Hartley 1997). */
function normalising(
  p: ArrayLike<number>,
  list: ArrayLike<number> | undefined,
  weights: ArrayLike<number> | undefined,
): [number, number, number] {
  const n = list ? list.length : p.length / 2;
  let [x, y, w] = [0, 0, 0];
  const at = (k: number) => (list ? list[k] : k);
  for (let k = 0; k < n; k++) {
    const [i, v] = [at(k), weights ? weights[at(k)] : 1];
    x += v * p[2 * i];
    y += v * p[2 * i + 1];
    w += v;
  }
  [x, y] = [x / w, y / w];
  let r = 0;
  for (let k = 0; k < n; k++) r += (weights ? weights[at(k)] : 1) * Math.hypot(p[2 * at(k)] - x, p[2 * at(k) + 1] - y);
  return [x, y, r > 0 ? (Math.SQRT2 * w) / r : 1];
}

/**
 * The homography with b ≈ H a that makes  Σ wᵢ |bᵢ × H aᵢ|²  least over |H| = 1, points brought to a common size first (direct linear transform).
 * @returns undefined when the points do not fix one (three on a line, all alike)
 * @see Hartley & Zisserman (2004), Multiple View Geometry, algorithm 4.2; Hartley (1997), In defense of the eight-point algorithm, PAMI 19(6)
 */
export function directLinear({ a, b }: PointPairs, weights?: ArrayLike<number>, list?: ArrayLike<number>): Homography | undefined {
  const n = list ? list.length : a.length / 2;
  if (n < 4) return undefined;
  const [ax, ay, as] = normalising(a, list, weights);
  const [bx, by, bs] = normalising(b, list, weights);
  const m = new Float64Array(81);
  const row = new Float64Array(9);
  for (let k = 0; k < n; k++) {
    const i = list ? list[k] : k;
    const w = weights ? weights[i] : 1;
    if (!(w > 0)) continue;
    const [x, y] = [(a[2 * i] - ax) * as, (a[2 * i + 1] - ay) * as];
    const [u, v] = [(b[2 * i] - bx) * bs, (b[2 * i + 1] - by) * bs];
    for (let half = 0; half < 2; half++) {
      row.fill(0);
      const [o, t] = half === 0 ? [0, u] : [3, v];
      row[o] = x;
      row[o + 1] = y;
      row[o + 2] = 1;
      row[6] = -t * x;
      row[7] = -t * y;
      row[8] = -t;
      for (let p = 0; p < 9; p++) if (row[p] !== 0) for (let q = 0; q <= p; q++) m[9 * p + q] += w * row[p] * row[q];
    }
  }
  for (let p = 0; p < 9; p++) for (let q = p + 1; q < 9; q++) m[9 * p + q] = m[9 * q + p];
  const { values, vectors } = eigh(m, 9);
  if (!(values[1] > 1e-12 * values[8])) return undefined;
  const h = Float64Array.from({ length: 9 }, (_, k) => vectors[9 * k]);
  return scaled(multiply3([1 / bs, 0, bx, 0, 1 / bs, by, 0, 0, 1], multiply3(h, [as, 0, -as * ax, 0, as, -as * ay, 0, 0, 1])));
}

/**
 * The homography through four pairs with h₃₃ = 1, by the 8 × 8 system of the direct linear transform. undefined when it is singular.
 */
export function throughFour({ a, b }: PointPairs, list: ArrayLike<number> = [0, 1, 2, 3]): Homography | undefined {
  // Moved so that the first point is the origin of both: there h₃₃ = 1 fails only if that point goes to infinity.
  const [ox, oy, px, py] = [a[2 * list[0]], a[2 * list[0] + 1], b[2 * list[0]], b[2 * list[0] + 1]];
  const m = new Float64Array(36);
  const r = new Float64Array(6);
  // The first pair then says h₁₃ = h₂₃ = 0: six unknowns are left.
  for (let k = 1; k < 4; k++) {
    const i = list[k];
    const [x, y, u, v] = [a[2 * i] - ox, a[2 * i + 1] - oy, b[2 * i] - px, b[2 * i + 1] - py];
    m.set([x, y, 0, 0, -u * x, -u * y], 12 * (k - 1));
    m.set([0, 0, x, y, -v * x, -v * y], 12 * (k - 1) + 6);
    r[2 * k - 2] = u;
    r[2 * k - 1] = v;
  }
  const h = eliminate(m, r, 6);
  if (!h) return undefined;
  return scaled(
    multiply3([1, 0, px, 0, 1, py, 0, 0, 1], multiply3([h[0], h[1], 0, h[2], h[3], 0, h[4], h[5], 1], [1, 0, -ox, 0, 1, -oy, 0, 0, 1])),
  );
}
/** Gauss with partial pivoting, in place; undefined when singular. */
function eliminate(m: Float64Array, r: Float64Array, n: number): Float64Array | undefined {
  for (let k = 0; k < n; k++) {
    let p = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(m[n * i + k]) > Math.abs(m[n * p + k])) p = i;
    if (!(Math.abs(m[n * p + k]) > 1e-10)) return undefined;
    if (p !== k) {
      for (let j = k; j < n; j++) [m[n * k + j], m[n * p + j]] = [m[n * p + j], m[n * k + j]];
      [r[k], r[p]] = [r[p], r[k]];
    }
    for (let i = k + 1; i < n; i++) {
      const f = m[n * i + k] / m[n * k + k];
      if (f === 0) continue;
      for (let j = k; j < n; j++) m[n * i + j] -= f * m[n * k + j];
      r[i] -= f * r[k];
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    for (let j = k + 1; j < n; j++) r[k] -= m[n * k + j] * r[j];
    r[k] /= m[n * k + k];
  }
  return r;
}

/** Twice the signed area of a triangle of points. */
const area = (p: ArrayLike<number>, i: number, j: number, k: number) =>
  (p[2 * j] - p[2 * i]) * (p[2 * k + 1] - p[2 * i + 1]) - (p[2 * j + 1] - p[2 * i + 1]) * (p[2 * k] - p[2 * i]);
/** No three on a line, and every triangle turns the same way in both pictures, as it does on a plane seen from one side. */
export function consistentFour({ a, b }: PointPairs, s: ArrayLike<number>, least = 1): boolean {
  for (const [i, j, k] of [
    [0, 1, 2],
    [0, 1, 3],
    [0, 2, 3],
    [1, 2, 3],
  ]) {
    const [p, q] = [area(a, s[i], s[j], s[k]), area(b, s[i], s[j], s[k])];
    if (!(Math.abs(p) > least && Math.abs(q) > least) || p > 0 !== q > 0) return false;
  }
  return true;
}

/** A homography after least squares, with its covariance. */
export interface RefinedHomography {
  /** Row by row. */
  readonly h: Homography;
  /** Covariance of the eight parameters of H (row by row, h₃₃ = 1), row-major 8 × 8; undefined when they are not fixed. */
  readonly covariance?: Float64Array;
}

/**
 * Least squares of  Σ wᵢ (|bᵢ − H aᵢ|² / sᵢ² + |aᵢ − H⁻¹ bᵢ|² / tᵢ²)  by Levenberg–Marquardt from H, errors by their own noise (s of b, t of a).
 * Weights stay as they are. At most so many steps (10). Covariance: σ̂² (JᵀW J)⁻¹ with σ̂² from the weighted residuals.
 */
export function refineHomography(
  pairs: PointPairs,
  start: ArrayLike<number>,
  weights: ArrayLike<number>,
  noise?: PointPairs,
  { steps = 10, covariance = true }: { readonly steps?: number; readonly covariance?: boolean } = {},
): RefinedHomography {
  const { a, b } = pairs;
  const n = a.length / 2;
  // In normalised coordinates, so that the eight parameters are of one size.
  const [ax, ay, as] = normalising(a, undefined, weights);
  const [bx, by, bs] = normalising(b, undefined, weights);
  const N = [as, 0, -as * ax, 0, as, -as * ay, 0, 0, 1];
  const back = [1 / bs, 0, bx, 0, 1 / bs, by, 0, 0, 1];
  const M = [bs, 0, -bs * bx, 0, bs, -bs * by, 0, 0, 1];
  const unN = [1 / as, 0, ax, 0, 1 / as, ay, 0, 0, 1];
  let h = scaled(multiply3(M, multiply3(start, unN)));
  const row = new Float64Array(8);
  const system = (at: Float64Array, normal?: Float64Array, right?: Float64Array): number => {
    const inv = invertHomography(at);
    if (!inv) return Number.POSITIVE_INFINITY;
    normal?.fill(0);
    right?.fill(0);
    let sum = 0;
    const add = (r: number, w: number, from: number, to: number) => {
      sum += w * r * r;
      if (!normal || !right) return;
      for (let p = from; p < to; p++) {
        const f = w * row[p];
        if (f === 0) continue;
        right[p] -= f * r;
        for (let q = 0; q <= p; q++) normal[8 * p + q] += f * row[q];
      }
    };
    for (let i = 0; i < n; i++) {
      const w = weights[i];
      if (!(w > 0)) continue;
      const x = (a[2 * i] - ax) * as;
      const y = (a[2 * i + 1] - ay) * as;
      const u = (b[2 * i] - bx) * bs;
      const v = (b[2 * i + 1] - by) * bs;
      const s = noise ? noise.b[i] : 1;
      const t = noise ? noise.a[i] : 1;
      const d = at[6] * x + at[7] * y + at[8];
      const px = (at[0] * x + at[1] * y + at[2]) / d;
      const py = (at[3] * x + at[4] * y + at[5]) / d;
      const forward = w / (bs * s) ** 2;
      row[0] = x / d;
      row[1] = y / d;
      row[2] = 1 / d;
      row[3] = row[4] = row[5] = 0;
      row[6] = (-px * x) / d;
      row[7] = (-px * y) / d;
      add(px - u, forward, 0, 8);
      row[3] = row[0];
      row[4] = row[1];
      row[5] = row[2];
      row[0] = row[1] = row[2] = 0;
      row[6] = (-py * x) / d;
      row[7] = (-py * y) / d;
      add(py - v, forward, 3, 8);
      // ∂(H⁻¹ b)/∂H = −(H⁻¹ dH H⁻¹) b: with q = H⁻¹ b (homogeneous) this is −H⁻¹ dH q.
      const qd = inv[6] * u + inv[7] * v + inv[8];
      const qx = (inv[0] * u + inv[1] * v + inv[2]) / qd;
      const qy = (inv[3] * u + inv[4] * v + inv[5]) / qd;
      const weigh = w / (as * t) ** 2;
      for (let axis = 0; axis < 2; axis++) {
        const value = axis === 0 ? qx : qy;
        const o = 3 * axis;
        // d(q_axis) = Σ_k (inv[axis, k] − value·inv[2, k]) · (−dH q̂)_k, with q̂ = (qx, qy, 1) — the factor qd cancels.
        for (let k = 0; k < 3; k++) {
          const f = -(inv[o + k] - value * inv[6 + k]);
          row[3 * k] = f * qx;
          row[3 * k + 1] = f * qy;
          if (k < 2) row[3 * k + 2] = f;
        }
        add(axis === 0 ? qx - x : qy - y, weigh, 0, 8);
      }
      if (!Number.isFinite(qd)) return Number.POSITIVE_INFINITY;
    }
    return sum;
  };
  const normal = new Float64Array(64);
  const right = new Float64Array(8);
  const mirror = (m: Float64Array) => {
    for (let p = 0; p < 8; p++) for (let q = p + 1; q < 8; q++) m[8 * p + q] = m[8 * q + p];
  };
  let value = system(h, normal, right);
  let damping = 1e-4;
  for (let k = 0; k < steps; k++) {
    mirror(normal);
    const damped = Float64Array.from(normal, (v, i) => (i % 9 === 0 ? v * (1 + damping) + 1e-14 : v));
    let step: Float64Array;
    try {
      step = solve(damped, 8, right);
    } catch {
      break;
    }
    const next = Float64Array.from(h, (v, i) => (i < 8 ? v + step[i] : v));
    const then = system(next);
    if (then < value) {
      const done = value - then < 1e-10 * value;
      h = next;
      damping = Math.max(1e-9, damping / 10);
      value = system(h, normal, right);
      if (done) break;
    } else {
      damping *= 10;
      if (damping > 1e3) break;
    }
  }
  const out = scaled(multiply3(back, multiply3(h, N)));
  return covariance ? { h: out, covariance: covarianceOf(pairs, out, weights, noise) } : { h: out };
}

/** σ̂² (JᵀW J)⁻¹ of the forward errors in the parameters of H itself. */
function covarianceOf({ a, b }: PointPairs, h: Float64Array, weights: ArrayLike<number>, noise?: PointPairs): Float64Array | undefined {
  const n = a.length / 2;
  const normal = new Float64Array(64);
  const row = new Float64Array(8);
  let [sum, total] = [0, 0];
  for (let i = 0; i < n; i++) {
    const s = noise ? noise.b[i] : 1;
    const w = weights[i] / (s * s);
    if (!(w > 0)) continue;
    const [x, y] = [a[2 * i], a[2 * i + 1]];
    const [px, py, d] = project(h, x, y);
    total += weights[i];
    for (let axis = 0; axis < 2; axis++) {
      const p = axis === 0 ? px : py;
      row.fill(0);
      row.set([x / d, y / d, 1 / d], 3 * axis);
      row[6] = (-p * x) / d;
      row[7] = (-p * y) / d;
      sum += w * (p - b[2 * i + axis]) ** 2;
      for (let k = 0; k < 8; k++) {
        const f = w * row[k];
        if (f !== 0) for (let l = 0; l <= k; l++) normal[8 * k + l] += f * row[l];
      }
    }
  }
  if (!(2 * total > 8)) return undefined;
  for (let k = 0; k < 8; k++) for (let l = k + 1; l < 8; l++) normal[8 * k + l] = normal[8 * l + k];
  // Scaled to a unit diagonal: the entries differ by the twelfth power of ten.
  const size = Float64Array.from({ length: 8 }, (_, k) => 1 / Math.sqrt(normal[9 * k] || 1));
  const even = normal.map((v, k) => v * size[Math.floor(k / 8)] * size[k % 8]);
  try {
    const inverse = solve(
      even,
      8,
      Float64Array.from({ length: 64 }, (_, k) => (k % 9 === 0 ? 1 : 0)),
      8,
    );
    const variance = sum / (2 * total - 8);
    return inverse.map((v, k) => v * variance * size[Math.floor(k / 8)] * size[k % 8]);
  } catch {
    return undefined;
  }
}

/** A homography of pixel centres in the space of two grids. */
export function physical(h: Homography, a: Grid, b: Grid): HomographyTransform {
  const toA = homographyOfAffine(physicalToIndex(a));
  return new HomographyTransform(Array.from(multiply3(homographyOfAffine(indexToPhysical(b)), multiply3(h, toA))));
}
