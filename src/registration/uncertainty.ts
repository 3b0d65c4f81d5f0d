import { solvePositive } from "../core/cholesky.js";
import { ArgumentError } from "../core/errors.js";
import type { Grid, Image, Metric, Transform } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { type AffineMap, applyAffine, cornersOf, physicalToIndex, tensorShape, voxelsOf } from "../image/grid.js";
import { inverse } from "../image/matrix.js";
import { engine } from "../kernels/engine.js";
import { identityBase } from "../kernels/reference/sampling.js";
import { sampleBoth } from "../kernels/sampling.js";
import { dispose, grad, hessian, keep, scope, stack, Tensor, warpField } from "../tensor/index.js";
import type { AffineModel } from "../transforms/affine.js";
import { coefficientsOf, LinearFamily, type LinearLevel } from "./linearFamily.js";
import { dot, following, quadratic } from "./residual.js";

/** How sure a parametric result is. */
export interface Uncertainty {
  /**
   * least squares  σ² (JᵀJ)⁻¹, σ² from what is left: for noise that is independent from voxel to voxel (`leastSquaresUncertainty`)
   * hessian        (n ∇²J)⁻¹ by automatic differentiation, for metrics that are a log-likelihood for each of n samples (mutual information)
   * starts         the spread of results from starts a voxel or so away: how well the search repeats itself, not what noise does
   */
  readonly method: "least squares" | "hessian" | "starts";
  /** The largest of the corners' standard errors, mm; of a deformation the 95 % quantile over its voxels. */
  readonly standardErrorMm: number;
  /** Where the corners of the fixed grid go, and the standard error √trace Cov of that, mm. */
  readonly corners: readonly {
    /** The corner, mm. */
    readonly point: readonly number[];
    /** Of where the corner goes. */
    readonly standardErrorMm: number;
  }[];
  /** Of deformations: the spread at every voxel of the fixed grid, mm, [1, (z,) y, x]; its median and 95 % quantile, the latter being `standardErrorMm` too. */
  readonly map?: Image;
  /** Of the standard errors over the image. */
  readonly quantiles?: {
    /** Half of the points are surer. */
    readonly medianMm: number;
    /** 95 of 100 points are surer. */
    readonly p95Mm: number;
  };
  /** How many starts there were. */
  readonly starts?: number;
  /** Of the parameters, in mm: shifts, then turns, scales or matrix entries times the radius of the fixed image (`affineFromParameters`). p × p, row by row. */
  readonly covariance?: readonly number[];
}

/** C = σ² H⁻¹, row by row; undefined when H is not positive definite: then the images do not determine the parameters. */
export function covarianceOf(h: readonly number[], variance: number): number[] | undefined {
  const p = Math.round(Math.sqrt(h.length));
  const columns = Array.from({ length: p }, (_, k) =>
    solvePositive(
      h,
      Array.from({ length: p }, (_, i) => (i === k ? variance : 0)),
    ),
  );
  return columns.every((c) => c?.every(Number.isFinite)) ? columns.flatMap((c) => [...(c as Float64Array)]) : undefined;
}

/** Standard errors of mapped points: Cov y(x) = G C Gᵀ, G = ∂y/∂θ by central differences of the family. */
export function atCorners(
  covariance: readonly number[],
  corners: readonly (readonly number[])[],
  mapped: (theta: readonly number[], point: readonly number[]) => readonly number[],
  h: number,
): Uncertainty["corners"] {
  const p = Math.round(Math.sqrt(covariance.length));
  const unit = (k: number, s: number) => Array.from({ length: p }, (_, i) => (i === k ? s : 0));
  return corners.map((point) => {
    const slopes = Array.from({ length: p }, (_, k) => {
      const [up, down] = [mapped(unit(k, h), point), mapped(unit(k, -h), point)];
      return up.map((v, i) => (v - down[i]) / (2 * h));
    });
    let trace = 0;
    for (let i = 0; i < p; i++)
      for (let j = 0; j < p; j++) trace += covariance[i * p + j] * slopes[i].reduce((s, v, a) => s + v * slopes[j][a], 0);
    return { point, standardErrorMm: Math.sqrt(Math.max(0, trace)) };
  });
}
const largest = (corners: Uncertainty["corners"]) => Math.max(...corners.map((c) => c.standardErrorMm));

/**
 * For "ssd" and "ncc":  Cov θ = σ² H⁻¹ (JᵀJ) H⁻¹,  σ² = Σ r² / (n − p), gain and offset following. J has the slopes of moving, and with them
 * its noise, which makes JᵀJ too large; H is Σ J Jᶠᵀ with Jᶠ from the slopes of fixed instead: the two noises are independent, so H has no such
 * part. Without noise in the slopes H = JᵀJ, and this is σ² (JᵀJ)⁻¹. It holds where what is left is noise, independent from voxel to voxel.
 * Interpolation averages neighbours of moving, so that its noise is smaller than at its voxels and correlated over one or two; a misfit of the
 * model is correlated over more, and then the true error is larger. About 50 000 voxels on a lattice are summed.
 */
export function leastSquaresUncertainty(
  level: LinearLevel,
  model: AffineModel,
  map: AffineMap,
  kind: "ssd" | "ncc",
): Uncertainty | undefined {
  const family = new LinearFamily(level, model, map);
  const { fixed } = level;
  const zero = new Float64Array(family.count);
  const s = scope(() => latticeSums(level, family.entries(zero), kind));
  if (!(s.mm - (s.m * s.m) / s.w > 1e-9 * s.mm)) return undefined; // no structure
  const slopes = family.slopes(zero);
  const free = kind === "ncc" ? 2 : 0;
  const parts = [s.cross, s.own].map((sums) => {
    const h = quadratic(slopes, sums);
    if (!free) return h;
    return following(
      h,
      slopes.map((row) => dot(row, s.jm)),
      slopes.map((row) => dot(row, s.j1)),
      s,
    );
  });
  const left = s.count - family.count - free;
  const p = family.count;
  const inverted = left > 0 ? covarianceOf(parts[0], 1) : undefined;
  if (!inverted) return undefined;
  // A lattice of every k-th voxel holds 1/k^d of the information.
  const covariance = quadratic(
    Array.from({ length: p }, (_, i) => inverted.slice(i * p, i * p + p)),
    parts[1].map((v) => (v * s.rr) / left / s.gain ** 2 / s.thinning),
  );
  const corners = atCorners(covariance, cornersOf(fixed.grid), (t, x) => applyAffine(family.physical(t), x), 1e-4 * family.radius);
  return { method: "least squares", standardErrorMm: largest(corners), corners, covariance };
}

/** Over a lattice of fixed voxels, for the entries [A | b]: Σ J Jᵀ, Σ J Jᶠᵀ (made symmetric), Σ J M, Σ J and the moments of M; r = g M + o − F. */
function latticeSums(level: LinearLevel, entries: readonly number[], kind: "ssd" | "ncc") {
  const e = engine();
  const { fixed, moving, fixedMask } = level;
  const full = tensorShape(fixed.grid);
  const d = full.length;
  const voxels = voxelsOf(fixed.grid);
  const every = Math.max(1, Math.round((voxels / 5e4) ** (1 / d)));
  const size = full.map((m) => Math.ceil(m / every));
  const count = size.reduce((a, b) => a * b, 1);
  const cubic = voxels <= 1e6;
  const seen = (im: Tensor, base: readonly number[]) => {
    const [v, inside] = [Tensor.uninitialised([1, ...size]), Tensor.uninitialised([1, ...size])];
    const g = Tensor.uninitialised([d, ...size]);
    const at = cubic ? coefficientsOf(im).pointer : im.pointer;
    const spread = base.map((b, k) => (k % (d + 1) === d ? b : b * every));
    sampleBoth(e, cubic ? "cubic" : "linear", { at, channels: 1, size: im.shape.slice(1) }, { size, base: spread }, v.pointer, g.pointer, {
      inside: inside.pointer,
    });
    return { v: v.data.slice(), g: g.data.slice(), inside: inside.data.slice() };
  };
  const [F, M] = [seen(fixed.values, identityBase(d)), seen(moving.values, entries)];
  const weight = fixedMask && seen(fixedMask, identityBase(d)).v;
  const used = (k: number) => (M.inside[k] > 0 ? (weight ? Math.max(0, weight[k]) : 1) : 0);
  let [w, m, mm, f, mf] = [0, 0, 0, 0, 0];
  for (let k = 0; k < count; k++) {
    const q = used(k);
    w += q;
    m += q * M.v[k];
    mm += q * M.v[k] ** 2;
    f += q * F.v[k];
    mf += q * M.v[k] * F.v[k];
  }
  const variance = mm - (m * m) / w;
  const gain = kind === "ncc" && variance > 0 ? (mf - (m * f) / w) / variance : 1;
  const offset = kind === "ncc" ? (f - gain * m) / w : 0;
  const n = d * (d + 1);
  const [own, cross, jm, j1, J, JF] = [n * n, n * n, n, n, n, n].map((length) => new Float64Array(length));
  // ∇F = g Aᵀ ∇M at the solution.
  const back = inverse(
    entries.filter((_, k) => k % (d + 1) < d),
    d,
  );
  const p = new Array<number>(d + 1).fill(0);
  p[d] = 1;
  let rr = 0;
  for (let k = 0; k < count; k++) {
    const q = used(k);
    if (q > 0) {
      for (let a = 0; a < d; a++) {
        let slope = 0;
        for (let b = 0; b < d; b++) slope += (back[b * d + a] * F.g[b * count + k]) / gain;
        for (let i = 0; i <= d; i++) {
          J[a * (d + 1) + i] = M.g[a * count + k] * p[i];
          JF[a * (d + 1) + i] = slope * p[i];
        }
      }
      for (let i = 0; i < n; i++) {
        jm[i] += q * J[i] * M.v[k];
        j1[i] += q * J[i];
        for (let j = 0; j < n; j++) {
          own[i * n + j] += q * J[i] * J[j];
          cross[i * n + j] += 0.5 * q * (J[i] * JF[j] + JF[i] * J[j]);
        }
      }
      rr += q * (gain * M.v[k] + offset - F.v[k]) ** 2;
    }
    for (let a = 0, carry = true; a < d && carry; a++) {
      p[a] += every;
      carry = p[a] >= full[d - 1 - a];
      if (carry) p[a] = 0;
    }
  }
  return { own, cross, jm, j1, mm, m, w, rr, count: w, gain, thinning: every ** d };
}

/** For metrics that are a log-likelihood for each sample: (n ∇²J)⁻¹, the Hessian by automatic differentiation of cubic samples where that is finite, else by differences of its gradient. */
export function hessianUncertainty(level: LinearLevel, model: AffineModel, map: AffineMap, metric: Metric): Uncertainty | undefined {
  const family = new LinearFamily(level, model, map);
  const h = scope(() => linearHessian(level, family, metric));
  const n = level.fixedMask ? level.fixedMask.sum().item() : voxelsOf(level.fixed.grid);
  const covariance = covarianceOf(h, 1 / n);
  if (!covariance) return undefined;
  const corners = atCorners(covariance, cornersOf(level.fixed.grid), (t, p) => applyAffine(family.physical(t), p), 1e-4 * family.radius);
  return { method: "hessian", standardErrorMm: largest(corners), corners, covariance };
}

/** ∇²J(θ) at θ = 0: the family's entries to second order in θ (which is exact there), the rest by automatic differentiation. */
function linearHessian(level: LinearLevel, family: LinearFamily, metric: Metric): number[] {
  const { fixed, moving, fixedMask } = level;
  const shape = tensorShape(fixed.grid);
  const d = shape.length;
  const p = family.count;
  const zero = new Float64Array(p);
  const h = 1e-3 * family.radius;
  const first = family.slopes(zero);
  const second = Array.from({ length: p }, (_, l) => {
    const at = (s: number) => family.slopes(zero.map((_, i) => (i === l ? s : 0)));
    const [up, down] = [at(h), at(-h)];
    return up.map((row, k) => row.map((v, i) => (v - down[k][i]) / (2 * h)));
  });
  const E1 = Tensor.from(Float64Array.from(first.flat()), [p, d * (d + 1)]).cast("f32");
  const E2 = Tensor.from(Float64Array.from(second.flat(2)), [p, p * d * (d + 1)]).cast("f32");
  const axes = Array.from({ length: d }, (_, a) => {
    const line = Tensor.from(
      Float32Array.from({ length: fixed.grid.size[a] }, (_, i) => i),
      [fixed.grid.size[a]],
    );
    return line.reshape(...shape.map((_, k) => (k === d - 1 - a ? fixed.grid.size[a] : 1))).broadcastTo(shape);
  });
  const positions = stack([...axes, Tensor.ones(shape)]).reshape(d + 1, voxelsOf(fixed.grid));
  const base = family.entries(zero);
  const J = (theta: Tensor) => {
    const t = theta.reshape(1, p);
    const linear = t.matmul(E1);
    const quadratic = t.matmul(t.matmul(E2).reshape(p, d * (d + 1))).mul(0.5);
    const u = linear
      .add(quadratic)
      .reshape(d, d + 1)
      .matmul(positions)
      .reshape(d, ...shape);
    const warped = warpField(moving.values, u, { base, interpolation: "cubic", border: "clamp" });
    return metric.value({ values: warped, grid: fixed.grid }, fixed, { fixed: fixedMask });
  };
  const exact = Array.from(hessian(J)(Tensor.zeros([p])).data);
  if (exact.every(Number.isFinite)) return exact;
  // A histogram with empty bins has no second derivative; differences of the gradient over half a voxel have.
  const step = 0.25 * Math.min(...fixed.grid.spacing);
  const slope = grad(J);
  const columns = Array.from({ length: p }, (_, k) => {
    const at = (s: number) =>
      slope(
        Tensor.from(
          Float32Array.from({ length: p }, (_, i) => (i === k ? s : 0)),
          [p],
        ),
      ).data;
    const [up, down] = [at(step).slice(), at(-step).slice()];
    return Array.from(up, (v, i) => (v - down[i]) / (2 * step));
  });
  return columns.flatMap((c, i) => c.map((v, j) => 0.5 * (v + columns[j][i])));
}

/** The spread (standard deviation) of results over starts that are moved by about `shiftMm`. */
export async function spreadOverStarts(
  level: LinearLevel,
  model: AffineModel,
  map: AffineMap,
  align: (start: AffineMap) => Promise<AffineMap>,
  {
    shiftMm,
    starts = 6,
    random = seeded(1),
  }: { readonly shiftMm: number; readonly starts?: number; readonly random?: ReturnType<typeof seeded> },
): Promise<Uncertainty> {
  const family = new LinearFamily(level, model, map);
  const points = cornersOf(level.fixed.grid);
  const found: number[][][] = [];
  for (let k = 0; k < starts; k++) {
    const start = family.physical(Array.from({ length: family.count }, () => shiftMm * random.normal()));
    const result = await align(start);
    found.push(points.map((p) => applyAffine(result, p)));
  }
  const corners = points.map((point, c) => {
    let s = 0;
    for (let a = 0; a < point.length; a++) {
      const mean = found.reduce((m, f) => m + f[c][a] / starts, 0);
      s += found.reduce((m, f) => m + (f[c][a] - mean) ** 2 / (starts - 1), 0);
    }
    return { point, standardErrorMm: Math.sqrt(s) };
  });
  return { method: "starts", standardErrorMm: largest(corners), corners };
}

/**
 * The spread of deformations over starts that are moved by about `shiftMm` each parameter (shifts, turns, scales and shears, in mm at the border):
 *   s(p)² = Σₖ |yₖ(p) − ȳ(p)|² / (K − 1).
 * Small where the images say where a point goes, of the order of `shiftMm` where only the regulariser and the start do. It tells how well the search
 * repeats itself; what noise does, and what all runs get wrong together, it does not see.
 * @param found  y, around which the differences are summed
 * @param align  the whole search for a deformation, begun at a linear map
 */
export async function spreadOfDeformations(
  level: LinearLevel,
  map: AffineMap,
  found: Transform,
  grid: Grid,
  align: (start: AffineMap) => Promise<Transform>,
  {
    shiftMm,
    starts = 6,
    random = seeded(1),
  }: { readonly shiftMm: number; readonly starts?: number; readonly random?: ReturnType<typeof seeded> },
): Promise<Uncertainty> {
  if (!Number.isInteger(starts) || starts < 2)
    throw new ArgumentError(`register: a spread over ${starts} starts; give a whole number from 2`, { starts });
  const family = new LinearFamily(level, "affine", map);
  let sums: { readonly first: Tensor; readonly second: Tensor } | undefined;
  const centre = keep(scope(() => found.displacement(grid).mul(1))); // a copy: some transforms return what they hold
  try {
    for (let k = 0; k < starts; k++) {
      const y = await align(family.physical(Array.from({ length: family.count }, () => shiftMm * random.normal())));
      const earlier = sums;
      // Differences from one of them: their squares are then small where the results agree, and nothing cancels.
      sums = keep(
        scope(() => {
          const off = y.displacement(grid).sub(centre);
          const squares = off.square().sum([0], true);
          return earlier ? { first: earlier.first.add(off), second: earlier.second.add(squares) } : { first: off, second: squares };
        }),
      );
      if (earlier) dispose(earlier);
    }
    const { first, second } = sums as NonNullable<typeof sums>;
    const values = keep(
      scope(() =>
        second
          .sub(
            first
              .square()
              .sum([0], true)
              .mul(1 / starts),
          )
          .mul(1 / (starts - 1))
          .maximum(0)
          .sqrt(),
      ),
    );
    const sorted = Float64Array.from(values.data).sort();
    const at = (q: number) => sorted[Math.round(q * (sorted.length - 1))];
    const place = physicalToIndex(grid);
    const corners = cornersOf(grid).map((point) => {
      const i = applyAffine(place, point).map((v, a) => Math.min(grid.size[a] - 1, Math.max(0, Math.round(v))));
      return { point, standardErrorMm: values.data[i.reduceRight((k, v, a) => k * grid.size[a] + v, 0)] };
    });
    const quantiles = { medianMm: at(0.5), p95Mm: at(0.95) };
    return { method: "starts", standardErrorMm: quantiles.p95Mm, corners, starts, quantiles, map: { values, grid } };
  } finally {
    dispose(centre, sums);
  }
}
