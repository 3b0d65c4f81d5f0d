import { ArgumentError } from "../../core/errors.js";
import { type AffineMap, identityMap } from "../../image/grid.js";
import { determinant } from "../../image/matrix.js";
import { eigh } from "../../kernels/linalg.js";
import type { AffineModel } from "../../transforms/index.js";
import type { KernelField } from "./kernelField.js";
import { nearest } from "./neighbours.js";
import { mapOfPairs } from "./pairs.js";
import { type Cloud, centroid, mapped, radius } from "./pointSet.js";

export interface DriftResult {
  readonly map: AffineMap;
  /** The deviation the mixture ended with, mm. */
  readonly sigma: number;
  readonly iterations: number;
  /** −log likelihood per moving point, step by step. */
  readonly values: readonly number[];
  /** Share of the moving points that the mixture explains rather than its uniform part. */
  readonly matched: number;
}

/**
 * Coherent point drift with a linear map: the mapped fixed points are the centres of Gaussians of one deviation σ, next to a uniform part w for outliers, and
 * the moving points are drawn from them; expectation maximisation over map and σ.
 * The M-step is the closed form for pairs (`alignPairs`): every fixed point with its expected partner, weighted by its share of the moving points.
 * @see Myronenko & Song (2010), Point set registration: coherent point drift, IEEE TPAMI 32(12)
 */
export function drift(
  fixed: Cloud,
  moving: Cloud,
  model: AffineModel,
  o: {
    readonly start?: AffineMap;
    readonly sigma?: number;
    readonly outliers?: number;
    readonly iterations?: number;
    readonly signal?: () => void;
  } = {},
): DriftResult {
  const { start = centred(fixed, moving), outliers = 0.1, iterations = 150, signal } = o;
  const d = fixed.dimension;
  let map = start;
  let now = mapped(fixed, map);
  const size = radius(moving, centroid(moving));
  // Without a deviation to begin with: the sum over all pairs of |y − m|², by the centroids, no double loop.
  const [cy, cm] = [centroid(now), centroid(moving)];
  let s2 = o.sigma ? o.sigma ** 2 : (radius(now, cy) ** 2 + size ** 2 + cy.reduce((s, v, a) => s + (v - cm[a]) ** 2, 0)) / d;
  const least = (1e-7 * size) ** 2; // below, coordinates in f64 have nothing left to say
  const values: number[] = [];
  let matched = 0;
  let steps = 0;
  for (; steps < iterations; steps++) {
    signal?.();
    const e = expectations(now, moving, s2, outliers);
    values.push(e.value);
    matched = e.total / moving.count;
    if (!(e.total > d)) break; // nothing is explained any more
    map = mapOfPairs(fixed, { ...fixed, points: e.partner }, model, e.weight);
    now = mapped(fixed, map);
    let left = e.scatter;
    for (let i = 0; i < now.count; i++)
      for (let a = 0; a < d; a++) left += e.weight[i] * (now.points[i * d + a] - e.partner[i * d + a]) ** 2;
    const next = Math.max(left / (e.total * d), least);
    const change = Math.abs(next - s2) / s2;
    s2 = next;
    if (s2 === least || change < 1e-6) break;
  }
  return { map, sigma: Math.sqrt(s2), iterations: steps, values, matched };
}

interface Expectations {
  readonly partner: Float64Array;
  readonly weight: Float64Array;
  readonly total: number;
  /** Σ P |m − partner|², what is spread within the expected partners */
  readonly scatter: number;
  readonly value: number;
}
/** The E-step; pairs beyond 6σ weigh less than 1.6e-8 of one in place, and are left out when σ is small. */
function expectations(y: Cloud, moving: Cloud, s2: number, outliers: number): Expectations {
  const d = y.dimension;
  const size = radius(moving, centroid(moving));
  const uniform = ((2 * Math.PI * s2) ** (d / 2) * outliers * y.count) / ((1 - outliers) * boxOf(moving, size));
  const sum = new Float64Array(y.count * d);
  const squares = new Float64Array(y.count);
  const weight = new Float64Array(y.count);
  let value = 0;
  const g = new Float64Array(y.count);
  const near = 36 * s2 < size * size * 0.1 ? nearest(y, moving, Math.min(y.count, 40), 6 * Math.sqrt(s2)) : undefined;
  for (let j = 0; j < moving.count; j++) {
    let total = uniform;
    const count = near ? near.k : y.count;
    for (let q = 0; q < count; q++) {
      const i = near ? near.index[j * near.k + q] : q;
      if (i < 0) break;
      let s = 0;
      for (let a = 0; a < d; a++) s += (moving.points[j * d + a] - y.points[i * d + a]) ** 2;
      g[q] = Math.exp(-s / (2 * s2));
      total += g[q];
    }
    value -= Math.log(Math.max(total, Number.MIN_VALUE)) - (d / 2) * Math.log(2 * Math.PI * s2) - Math.log(y.count);
    if (!(total > 0)) continue;
    for (let q = 0; q < count; q++) {
      const i = near ? near.index[j * near.k + q] : q;
      if (i < 0) break;
      const p = g[q] / total;
      if (p < 1e-12) continue;
      weight[i] += p;
      for (let a = 0; a < d; a++) {
        const v = moving.points[j * d + a];
        sum[i * d + a] += p * v;
        squares[i] += p * v * v;
      }
    }
  }
  const partner = new Float64Array(y.count * d);
  let total = 0;
  let scatter = 0;
  for (let i = 0; i < y.count; i++) {
    total += weight[i];
    if (!(weight[i] > 0)) continue;
    for (let a = 0; a < d; a++) {
      partner[i * d + a] = sum[i * d + a] / weight[i];
      squares[i] -= weight[i] * partner[i * d + a] ** 2;
    }
    scatter += Math.max(0, squares[i]);
  }
  return { partner, weight, total, scatter, value: value / moving.count };
}
/** The volume the moving points fill, as an ellipsoid would: outliers are uniform there. */
function boxOf(cloud: Cloud, size: number): number {
  const d = cloud.dimension;
  const c = centroid(cloud);
  let v = 1;
  for (let a = 0; a < d; a++) {
    let s = 0;
    for (let i = 0; i < cloud.count; i++) s += (cloud.points[i * d + a] - c[a]) ** 2;
    v *= Math.max(Math.sqrt((12 * s) / cloud.count), 1e-3 * size); // a uniform side of length L deviates by L/√12
  }
  return v;
}

/** Centroid on centroid. */
export function centred(fixed: Cloud, moving: Cloud): AffineMap {
  const [f, m] = [centroid(fixed), centroid(moving)];
  return { ...identityMap(fixed.dimension), offset: m.map((v, a) => v - f[a]) };
}
/** Centroid on centroid, each axis stretched by the ratio of deviations: how a chest breathes. */
export function moments(fixed: Cloud, moving: Cloud): AffineMap {
  const d = fixed.dimension;
  const deviation = (c: Cloud) => {
    const mean = centroid(c);
    return mean.map((v, a) => {
      let s = 0;
      for (let i = 0; i < c.count; i++) s += (c.points[i * d + a] - v) ** 2;
      return Math.sqrt(s / c.count);
    });
  };
  const [f, m] = [centroid(fixed), centroid(moving)];
  const [df, dm] = [deviation(fixed), deviation(moving)];
  const scale = df.map((v, a) => (v > 0 && dm[a] > 0 ? dm[a] / v : 1));
  const matrix = Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? scale[k % d] : 0));
  return { matrix, offset: m.map((v, a) => v - scale[a] * f[a]) };
}
/** Centroid on centroid, principal axes on principal axes: the proper turns among the signs that axes can have. */
export function axesStarts(fixed: Cloud, moving: Cloud): AffineMap[] {
  const d = fixed.dimension;
  const axes = (cloud: Cloud) => {
    const c = centroid(cloud);
    const s = new Float64Array(d * d);
    for (let i = 0; i < cloud.count; i++)
      for (let a = 0; a < d; a++)
        for (let b = 0; b < d; b++) s[a * d + b] += (cloud.points[i * d + a] - c[a]) * (cloud.points[i * d + b] - c[b]);
    return { c, v: eigh(s, d).vectors };
  };
  const [f, m] = [axes(fixed), axes(moving)];
  const out: AffineMap[] = [];
  for (let signs = 0; signs < 1 << d; signs++) {
    const matrix = new Array<number>(d * d).fill(0);
    for (let k = 0; k < d; k++)
      for (let a = 0; a < d; a++)
        for (let b = 0; b < d; b++) matrix[a * d + b] += ((signs >> k) & 1 ? -1 : 1) * m.v[a * d + k] * f.v[b * d + k];
    if (determinant(matrix, d) < 0) continue;
    out.push({ matrix, offset: m.c.map((v, a) => v - f.c.reduce((s, x, b) => s + matrix[a * d + b] * x, 0)) });
  }
  return out;
}

export interface FlowOptions {
  /** The deviation goes down from one to the other by a factor a step. */
  readonly from: number;
  readonly to: number;
  readonly factor?: number;
  /** How much the field's norm weighs against the points' misfit in units of σ², 1/mm². */
  readonly lambda: number;
  /** Of a point to have no partner, in units of a partner in place. */
  readonly alone?: number;
  readonly signal?: () => void;
}
export interface Flow {
  readonly coefficients: Float64Array;
  /** Soft partners of every fixed point and how sure they are, 0 … 1. */
  readonly partner: Float64Array;
  readonly weight: Float64Array;
  readonly values: readonly number[];
}
/**
 * Non-rigid drift: soft partners by Sinkhorn's balancing with a way out on both sides, then a smooth field through them (`KernelField.fit`), while the deviation
 * σ falls. Balancing makes one partner serve one point; the way out leaves points alone that have none.
 * @see Chui & Rangarajan (2003), A new point matching algorithm for non-rigid registration, CVIU 89
 */
export function flow(field: KernelField, base: Cloud, moving: Cloud, coefficients: Float64Array, o: FlowOptions): Flow {
  const { factor = 0.87, alone = 0.2, signal } = o;
  const d = base.dimension;
  let c = coefficients;
  let partner = new Float64Array(base.points.length);
  let weight = new Float64Array(base.count);
  const values: number[] = [];
  const steps = Math.max(1, Math.ceil(Math.log(o.to / o.from) / Math.log(factor)));
  for (let step = 0; step <= steps; step++) {
    signal?.();
    const sigma = o.from * (o.to / o.from) ** (step / steps);
    for (let twice = 0; twice < 2; twice++) {
      const u = field.values(c);
      const now = { ...base, points: base.points.map((v, i) => v + u[i]) };
      ({ partner, weight } = balanced(now, moving, sigma, alone));
      const residual = partner.map((v, i) => v - base.points[i]);
      c = field.fit(residual, weight, o.lambda * sigma * sigma);
    }
    let matched = 0;
    for (const w of weight) matched += w;
    values.push(1 - matched / Math.min(base.count, moving.count));
    if (!(matched > d)) throw new ArgumentError("registerPoints: no point of one cloud lies near one of the other; give a start", {});
  }
  return { coefficients: c, partner, weight, values };
}

/** P = diag(a) G diag(b), rows and columns summing to 1 together with what they leave alone. */
export function balanced(
  y: Cloud,
  moving: Cloud,
  sigma: number,
  alone: number,
): { partner: Float64Array<ArrayBuffer>; weight: Float64Array<ArrayBuffer> } {
  const d = y.dimension;
  const k = Math.min(moving.count, 48);
  const { index, distance } = nearest(moving, y, k, 3.5 * sigma); // e^(−6) of one in place: 0.002
  const g = new Float64Array(index.length);
  for (let q = 0; q < g.length; q++) if (index[q] >= 0) g[q] = Math.exp(-(distance[q] ** 2) / (2 * sigma * sigma));
  const a = new Float64Array(y.count).fill(1);
  const b = new Float64Array(moving.count).fill(1);
  for (let pass = 0; pass < 5; pass++) {
    for (let i = 0; i < y.count; i++) {
      let s = alone;
      for (let q = i * k; q < (i + 1) * k && index[q] >= 0; q++) s += g[q] * b[index[q]];
      a[i] = 1 / s;
    }
    const s = new Float64Array(moving.count).fill(alone);
    for (let i = 0; i < y.count; i++) for (let q = i * k; q < (i + 1) * k && index[q] >= 0; q++) s[index[q]] += g[q] * a[i];
    for (let j = 0; j < moving.count; j++) b[j] = 1 / s[j];
  }
  const partner = Float64Array.from(y.points);
  const weight = new Float64Array(y.count);
  for (let i = 0; i < y.count; i++) {
    const sum = [0, 0, 0];
    for (let q = i * k; q < (i + 1) * k && index[q] >= 0; q++) {
      const p = a[i] * g[q] * b[index[q]];
      weight[i] += p;
      for (let c = 0; c < d; c++) sum[c] += p * moving.points[index[q] * d + c];
    }
    if (weight[i] > 1e-9) for (let c = 0; c < d; c++) partner[i * d + c] = sum[c] / weight[i];
    else weight[i] = 0;
  }
  return { partner, weight };
}
