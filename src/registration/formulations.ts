import { solvePositive } from "../core/cholesky.js";
import type { NormalEquations } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { type AffineMap, betweenIndices, centreOf, composeAffine, identityMap, invertAffine } from "../image/grid.js";
import { determinant } from "../image/matrix.js";
import { affineSystem } from "../kernels/affineSystem.js";
import { engine } from "../kernels/engine.js";
import { type GradientSums, gradientSums } from "../kernels/gradientSums.js";
import { identityBase } from "../kernels/reference/sampling.js";
import { sample, sampleBoth } from "../kernels/sampling.js";
import { dispose, scope, Tensor } from "../tensor/index.js";
import type { AffineModel } from "../transforms/affine.js";
import { baseOf } from "../transforms/warp.js";
import { coefficientsOf, type LevelRun, LinearFamily, type LinearLevel, type LinearResult, secondOrder } from "./linearFamily.js";
import { type Compositional, dot, following, forcesOf, inverseCompositional, quadratic, residualOf, squaresOf } from "./residual.js";

/**
 * Three ways to minimise  J(φ) = ½ ∫ (M(φ(x)) − F(x))² dx  over the parameters of φ:
 *
 *  forward               Σ over fixed voxels x; ∇M is sampled at φ(x), anew in every step. JᵀJ is summed in every step.
 *  inverse               Σ over moving voxels y = φ(x):  ∇J = |A|⁻¹ Σ (M(y) − F(φ⁻¹(y))) ∇M(y) ⊗ (φ⁻¹(y), 1). ∇M(y) is known beforehand; a step
 *                        samples F alone, and JᵀJ is a fixed matrix seen through φ⁻¹.
 *  inverseCompositional  the step is taken on the fixed image and composed: φ ← φ ∘ Δ⁻¹ with Δ from F(Δ(x)) = M(φ(x)). ∇F, its products with
 *                        the parameters and the Hessian are fixed; a step samples M alone.
 * @see Awate, Image registration (lecture notes), for the second; Baker & Matthews (2004), Lucas–Kanade 20 years on, IJCV 56(3), for the third
 */
export const formulations = ["forward", "inverse", "inverseCompositional"] as const;
/** A name in `formulations`. */
export type Formulation = (typeof formulations)[number];

/** An image, its gradient and its products ∇⊗∇ ⊗ (p, 1)(p, 1)ᵀ on its own voxels: what the fixed side of a step needs. */
export class Prepared {
  readonly gradient: Tensor;
  /** [d(d + 1)]², row-major; the gradient's products summed with the weights. */
  readonly products: Float64Array;
  readonly weight: number;
  readonly size: readonly number[];
  constructor(
    readonly values: Tensor,
    readonly weights: Tensor | undefined,
  ) {
    const e = engine();
    const [, ...size] = values.shape;
    const d = size.length;
    this.size = size;
    this.gradient = Tensor.uninitialised([d, ...size]);
    const s = scope(() => {
      const c = coefficientsOf(values);
      const same = Tensor.uninitialised(values.shape);
      const affine = identityBase(d);
      sampleBoth(e, "cubic", { at: c.pointer, channels: 1, size }, { size, base: affine }, same.pointer, this.gradient.pointer);
      return affineSystem(e, values.pointer, size, weights?.pointer ?? 0, c.pointer, size, { interpolation: "cubic", affine });
    });
    const [n, N] = [d * (d + 1), d * (d + 1) + 2];
    this.products = Float64Array.from({ length: n * n }, (_, k) => s.jtj[Math.floor(k / n) * N + (k % n)]);
    this.weight = s.weight;
  }
  free(): void {
    dispose(this.gradient);
  }
}

/**
 * The fixed values, carried a little way out of the mask: a voxel outside takes the mean of its known neighbours, three layers far (a cubic
 * sample feels a hundredth of what is beyond), the rest the mean of all. Samples and slopes at the mask's edge then see nothing of what it hides.
 */
export function withoutOutside(values: Tensor, mask: Tensor | undefined): Tensor {
  const out = Tensor.uninitialised(values.shape);
  const v = out.data;
  v.set(values.data);
  if (!mask) return out;
  const n = v.length;
  const known = Uint8Array.from(mask.data, (w) => (w > 0 ? 1 : 0));
  const size = values.shape.slice(1).reverse();
  const strides = size.map((_, a) => size.slice(0, a).reduce((x, y) => x * y, 1));
  let [sum, count] = [0, 0];
  for (let k = 0; k < n; k++)
    if (known[k]) {
      sum += v[k];
      count++;
    }
  let rest = Array.from({ length: n }, (_, k) => k).filter((k) => !known[k]);
  for (let sweep = 0; sweep < 3; sweep++) {
    const found: number[] = [];
    for (const k of rest) {
      let [s, m] = [0, 0];
      for (const [a, stride] of strides.entries()) {
        const i = Math.floor(k / stride) % size[a];
        for (const step of [-1, 1]) {
          if (i + step < 0 || i + step >= size[a] || known[k + step * stride] === 0) continue;
          s += v[k + step * stride];
          m++;
        }
      }
      if (m > 0) {
        v[k] = s / m;
        found.push(k);
      }
    }
    for (const k of found) known[k] = 1;
    rest = rest.filter((k) => !known[k]);
  }
  for (const k of rest) v[k] = sum / Math.max(1, count);
  return out;
}

/** The rows that take sums over (y, 1) to sums over (x, 1), x = φ⁻¹(y), for d rows of the gradient: I ⊗ [A⁻¹ | −A⁻¹b; 0 1]. */
function seenFromFixed(inverse: readonly number[], d: number): number[][] {
  const n = d * (d + 1);
  return Array.from({ length: n }, (_, k) => {
    const [a, i] = [Math.floor(k / (d + 1)), k % (d + 1)];
    const row = new Array<number>(n).fill(0);
    for (let j = 0; j <= d; j++) row[a * (d + 1) + j] = i === d ? (j === d ? 1 : 0) : inverse[i * (d + 1) + j];
    return row;
  });
}

/** Sums of the inverse formulation at φ: y = A x + b between voxels. `source`: fixed values, or their coefficients for cubic samples. */
function inversePass(level: LinearLevel, own: Prepared, source: Tensor, cubic: boolean, entries: readonly number[]) {
  const d = own.size.length;
  const map = { matrix: entries.filter((_, k) => k % (d + 1) < d), offset: entries.filter((_, k) => k % (d + 1) === d) };
  const back = invertAffine(map);
  const inverse = baseOf(back);
  const sums = scope(() => sampledSums(own, source, cubic, inverse, level.fixedMask));
  return { sums, rows: seenFromFixed(inverse, d), determinant: determinant(map.matrix, d) };
}
/** Samples of `source` along a base, against the prepared image; `mask` is on the grid of `source`. */
function sampledSums(own: Prepared, source: Tensor, cubic: boolean, base: readonly number[], mask: Tensor | undefined): GradientSums {
  const e = engine();
  const [, ...sourceSize] = source.shape;
  const positions = { size: own.size, base };
  const v = Tensor.uninitialised(own.values.shape);
  const inside = Tensor.uninitialised(own.values.shape);
  sample(e, cubic ? "cubic" : "linear", { at: source.pointer, channels: 1, size: sourceSize }, positions, [], v.pointer, {
    border: "clamp",
    inside: inside.pointer,
  });
  if (mask) sample(e, "linear", { at: mask.pointer, channels: 1, size: sourceSize }, positions, [], inside.pointer, { border: "constant" });
  return gradientSums(e, v.pointer, own.values.pointer, own.gradient.pointer, own.size, own.weights?.pointer ?? 0, inside.pointer);
}

/**
 * J and ∇J with respect to the entries [A | b] of φ between voxels, by the inverse formulation for squared differences:
 * J = |A|⁻¹ ½ Σ (M(y) − F(φ⁻¹(y)))² over the moving voxels y with φ⁻¹(y) in fixed. With `determinant: "absorbed"` the factor |A|⁻¹ is left
 * out: it changes the length of a step along −∇J, not its direction.
 */
export function inverseGradient(
  level: LinearLevel,
  entries: readonly number[],
  { determinant: how = "kept", cubic = false }: { readonly determinant?: "kept" | "absorbed"; readonly cubic?: boolean } = {},
): { readonly value: number; readonly gradient: Float64Array } {
  const own = new Prepared(level.moving.values, undefined);
  const source = cubic ? coefficientsOf(level.fixed.values) : level.fixed.values;
  try {
    const { sums, rows, determinant: det } = inversePass(level, own, source, cubic, entries);
    const r = residualOf(sums, "ssd", "moving");
    const factor = how === "kept" ? 1 / Math.abs(det) : 1;
    const forces = forcesOf(sums, r);
    return { value: 0.5 * factor * squaresOf(sums, r), gradient: Float64Array.from(rows, (row) => factor * dot(row, forces)) };
  } finally {
    own.free();
    if (cubic) dispose(source);
  }
}

/** The inverse formulation by Levenberg–Marquardt. J is the mean over what overlaps, so that the factor |A|⁻¹ cancels: it is in the sum and in its weight. */
export async function alignInverse(
  level: LinearLevel,
  family: LinearFamily,
  kind: "ssd" | "ncc",
  cubic: boolean,
  run: LevelRun,
  undamped: boolean,
): Promise<LinearResult> {
  const own = new Prepared(level.moving.values, undefined);
  const seen = withoutOutside(level.fixed.values, level.fixedMask);
  const source = cubic ? coefficientsOf(seen) : seen;
  let first: number | undefined;
  const normal = (x: Tensor): NormalEquations => {
    const { sums: s, rows } = inversePass(level, own, source, cubic, family.entries(x.data));
    first ??= s.weight;
    const r = residualOf(s, kind, "moving");
    const chain = family.slopes(x.data).map((slope) => rows[0].map((_, k) => slope.reduce((a, v, i) => a + v * rows[i][k], 0)));
    const scale = 1 / Math.max(s.weight, 1e-9);
    const forces = forcesOf(s, r);
    const share = s.weight / Math.max(own.weight, 1e-9);
    let hessian = quadratic(chain, own.products).map((v) => share * v);
    if (kind === "ncc") {
      const [jm, j1] = [s.ofOwn, s.ofOne].map((c) => chain.map((row) => dot(row, c)));
      hessian = following(hessian, jm, j1, { mm: s.uu, m: s.u, w: s.weight });
    }
    return {
      value: s.weight > 0.5 * first ? 0.5 * scale * squaresOf(s, r) : Number.POSITIVE_INFINITY,
      gradient: chain.map((row) => scale * r.gain * dot(row, forces)),
      hessian: hessian.map((v) => scale * r.gain * r.gain * v),
    };
  };
  const x0 = Tensor.zeros([family.count], "f64");
  try {
    const result = await iterate(secondOrder(undamped), { normal }, x0, run);
    return { map: family.physical(result.x.data), value: result.value ?? Number.NaN, values: result.history, reason: result.reason };
  } finally {
    dispose(x0, seen);
    own.free();
    if (cubic) dispose(source);
  }
}

/** The inverse-compositional algorithm, with the step halved while it does not lower J. */
export async function alignCompositional(
  level: LinearLevel,
  model: AffineModel,
  start: AffineMap,
  kind: "ssd" | "ncc",
  cubic: boolean,
  run: LevelRun,
): Promise<LinearResult> {
  const { fixed, moving } = level;
  const seen = withoutOutside(fixed.values, level.fixedMask);
  const own = new Prepared(seen, level.fixedMask);
  const source = cubic ? coefficientsOf(moving.values) : moving.values;
  // Δ on the fixed image: about its middle, in mm at its corners.
  const family = new LinearFamily({ fixed, moving: fixed }, model, identityMap(centreOf(fixed.grid).length));
  const chain = family.slopes(new Float64Array(family.count));
  const fixedHessian = quadratic(chain, own.products);
  let first: number | undefined;
  const at = (map: AffineMap): Compositional<AffineMap> => {
    const s = scope(() => sampledSums(own, source, cubic, baseOf(betweenIndices(fixed.grid, map, moving.grid)), undefined));
    first ??= s.weight;
    const r = residualOf(s, kind, "fixed");
    if (!(s.weight > 0.5 * first)) return { x: map, value: Number.POSITIVE_INFINITY };
    const share = s.weight / Math.max(own.weight, 1e-9);
    let hessian = fixedHessian.map((v) => share * v);
    if (kind === "ncc") {
      const one = chain.map((row) => dot(row, s.ofOne));
      const m = chain.map((row) => dot(row, s.ofOwn) + dot(row, s.ofDifference));
      hessian = following(hessian, m, one, { mm: s.uu + 2 * s.ut + s.tt, m: s.u + s.t, w: s.weight });
    }
    const forces = forcesOf(s, r);
    const step = solvePositive(
      hessian,
      chain.map((row) => dot(row, forces)),
    );
    return { x: map, value: (0.5 * squaresOf(s, r)) / s.weight, step: step && [...step] };
  };
  const move = (x: AffineMap, delta: readonly number[]) => composeAffine(x, invertAffine(family.physical(delta)));
  try {
    const result = await iterate(inverseCompositional(at, move), undefined, start, run);
    return { map: result.x, value: result.value ?? Number.NaN, values: result.history, reason: result.reason };
  } finally {
    own.free();
    dispose(seen);
    if (cubic) dispose(source);
  }
}
