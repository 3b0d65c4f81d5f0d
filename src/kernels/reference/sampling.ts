/**
 * Plain twins of the sampling kernels, and their specification.
 *
 * An image I of sizes [(D,) H, W] is continued between its voxels by interpolation, I(q) = Σ_k I_k w_k(q), w a product over the axes
 * of nearest, linear or cubic B-spline weights (then I holds the coefficients of `bsplinePrefilter`, mirrored at the border).
 * Positions are clamped to the box [0, size − 1]; where that moves an axis, derivatives along it are 0. With `border: "constant"`
 * everything outside the box has the value `fill` and derivative 0.
 * Derivatives of any order are sums over products of weights: ∂h₁…∂h_m I(q) = Σ_a h₁[a₁]…h_m[a_m] ∂a₁…∂a_m I(q).
 * For linear weights they are those of the cell that holds q (the last cell at the far border): exact almost everywhere.
 */
export type Interpolation = "nearest" | "linear" | "cubic";
export interface BorderRule {
  /** "clamp": the border value goes on; "constant": `fill` outside. Default clamp. */
  readonly border?: "clamp" | "constant";
  /** Value outside for border "constant". Default 0. */
  readonly fill?: number;
}
/** Row-major d × (d + 1) matrix [A | b] in x, y, z order: voxel of the output ↦ position in voxels of the image. */
export type Base = readonly number[];
/** Where to sample: A·p + b + field(p) over the voxels p of `size` ([(OD,) OH, OW]), planes x, y(, z); or `count` points, [n, d]. */
export type Positions<Data> =
  | { readonly field?: Data; readonly size: readonly number[]; readonly base?: Base }
  | { readonly points: Data; readonly count: number };
type Numbers = ArrayLike<number>;
type Out = { [i: number]: number };

export const countPositions = (positions: Positions<unknown>): number =>
  "count" in positions ? positions.count : positions.size.reduce((a, b) => a * b, 1);
/** [I | 0] for d axes. */
export const identityBase = (d: number): Base =>
  Array.from({ length: d * (d + 1) }, (_, k) => (k % (d + 1) === Math.floor(k / (d + 1)) ? 1 : 0));

/** Position k, in x, y(, z). */
function position(positions: Positions<Numbers>, d: number, k: number): number[] {
  if ("count" in positions) return Array.from({ length: d }, (_, a) => positions.points[k * d + a]);
  const { size, field } = positions;
  const base = positions.base ?? identityBase(d);
  const n = countPositions(positions);
  const p: number[] = [];
  for (let a = d - 1, rest = k; a >= 0; a--) {
    p.push(rest % size[a]);
    rest = Math.floor(rest / size[a]);
  }
  return p.map((_, a) => {
    let q = base[a * (d + 1) + d] + (field ? field[a * n + k] : 0);
    for (let c = 0; c < d; c++) q += base[a * (d + 1) + c] * p[c];
    return q;
  });
}
/** Component `axis` of vector k, laid out like the positions: planes for a field, interleaved for points. */
const component = (positions: Positions<unknown>, vectors: Numbers, d: number, k: number, axis: number): number =>
  vectors["count" in positions ? k * d + axis : axis * countPositions(positions) + k];

/** Uniform cubic B-spline weights at t ∈ [0, 1] for the four knots −1, 0, 1, 2, derivative `order`. */
export function cubicWeights(t: number, order: number): number[] {
  const s = 1 - t;
  if (order === 0) return [(s * s * s) / 6, 2 / 3 - t * t + (t * t * t) / 2, 2 / 3 - s * s + (s * s * s) / 2, (t * t * t) / 6];
  if (order === 1) return [(-s * s) / 2, t * (1.5 * t - 2), s * (2 - 1.5 * s), (t * t) / 2];
  if (order === 2) return [s, 3 * t - 2, 3 * s - 2, t];
  if (order === 3) return [-1, 3, -3, 1];
  return [0, 0, 0, 0];
}
/** Index mirrored about the first and last sample (period 2n − 2). */
export function mirror(i: number, n: number): number {
  if (n === 1) return 0;
  const period = 2 * n - 2;
  const k = ((i % period) + period) % period;
  return k < n ? k : period - k;
}

export interface AxisTaps {
  readonly index: readonly number[];
  /** weights by order of derivative */
  readonly weights: readonly (readonly number[])[];
  readonly inside: boolean;
}
/** Taps of one axis at coordinate q. */
export function axisTaps(interpolation: Interpolation, q: number, n: number): AxisTaps {
  const f = Math.min(n - 1, Math.max(0, Number.isNaN(q) ? 0 : q));
  const inside = f === q;
  if (interpolation === "nearest") return { index: [Math.min(n - 1, Math.floor(f + 0.5))], weights: [[1], [0], [0], [0]], inside };
  const i = Math.max(0, Math.min(Math.floor(f), n - 2));
  const t = f - i;
  const zero = (k: number) => new Array<number>(k).fill(0);
  if (interpolation === "linear") {
    if (n === 1) return { index: [0], weights: [[1], [0], [0], [0]], inside };
    return { index: [i, i + 1], weights: [[1 - t, t], inside ? [-1, 1] : [0, 0], [0, 0], [0, 0]], inside };
  }
  return {
    index: [i - 1, i, i + 1, i + 2].map((k) => mirror(k, n)),
    weights: [0, 1, 2, 3].map((order) => (order === 0 || inside ? cubicWeights(t, order) : zero(4))),
    inside,
  };
}

/** Call `visit(index in one channel, weight)` for every tap of ∂h₁…∂h_m at q; false when q is outside and the border is constant. */
function taps(
  interpolation: Interpolation,
  size: readonly number[],
  rule: BorderRule,
  q: readonly number[],
  directions: readonly (readonly number[])[],
  visit: (index: number, weight: number) => void,
): boolean {
  const d = size.length;
  const axes = q.map((v, a) => axisTaps(interpolation, v, size[d - 1 - a]));
  if (rule.border === "constant" && axes.some((a) => !a.inside)) return false;
  const stride = q.map((_, a) => size.slice(d - a).reduce((x, y) => x * y, 1));
  const assign = (m: number, coefficient: number, orders: number[]): void => {
    if (coefficient === 0) return;
    if (m < directions.length) {
      for (let a = 0; a < d; a++)
        assign(
          m + 1,
          coefficient * directions[m][a],
          orders.map((o, b) => (b === a ? o + 1 : o)),
        );
      return;
    }
    const walk = (a: number, index: number, weight: number): void => {
      if (a < 0) visit(index, weight);
      else for (const [t, i] of axes[a].index.entries()) walk(a - 1, index + i * stride[a], weight * axes[a].weights[orders[a]][t]);
    };
    walk(d - 1, 0, coefficient);
  };
  assign(
    0,
    1,
    q.map(() => 0),
  );
  return true;
}

const vector = (positions: Positions<unknown>, v: Numbers, d: number, k: number) =>
  Array.from({ length: d }, (_, a) => component(positions, v, d, k, a));

/** out[c] = ∂h₁…∂h_m I_c(q), m = directions.length (0: the value), each laid out like the positions; out [C, n]. */
export function sample(
  interpolation: Interpolation,
  image: Numbers,
  channels: number,
  size: readonly number[],
  positions: Positions<Numbers>,
  directions: readonly Numbers[],
  out: Out,
  rule: BorderRule = {},
  inside?: Out,
): void {
  const d = size.length;
  const n = countPositions(positions);
  const voxels = size.reduce((a, b) => a * b, 1);
  for (let k = 0; k < n; k++) {
    const q = position(positions, d, k);
    const h = directions.map((v) => vector(positions, v, d, k));
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      const hit = taps(interpolation, size, rule, q, h, (i, w) => {
        if (w !== 0) sum += w * image[c * voxels + i];
      });
      out[c * n + k] = hit ? sum : directions.length === 0 ? (rule.fill ?? 0) : 0;
    }
    if (inside) inside[k] = q.every((v, a) => v >= 0 && v <= size[d - 1 - a] - 1) ? 1 : 0;
  }
}

/** out = Σ_c g[c] ∇(∂h₁…∂h_m I_c)(q), laid out like the positions; g [C, n]. */
export function sampleGradient(
  interpolation: Interpolation,
  image: Numbers,
  channels: number,
  size: readonly number[],
  positions: Positions<Numbers>,
  g: Numbers,
  directions: readonly Numbers[],
  out: Out,
  rule: BorderRule = {},
): void {
  const d = size.length;
  const n = countPositions(positions);
  const voxels = size.reduce((a, b) => a * b, 1);
  for (let k = 0; k < n; k++) {
    const q = position(positions, d, k);
    const h = directions.map((v) => vector(positions, v, d, k));
    for (let a = 0; a < d; a++) {
      let sum = 0;
      const e = Array.from({ length: d }, (_, b) => (b === a ? 1 : 0));
      taps(interpolation, size, rule, q, [...h, e], (i, w) => {
        if (w !== 0) for (let c = 0; c < channels; c++) sum += w * g[c * n + k] * image[c * voxels + i];
      });
      out["count" in positions ? k * d + a : a * n + k] = sum;
    }
  }
}

/** out[c] = I_c(q) in [C, n] and gradient[c][axis] = ∂I_c/∂axis (q) in [C, d, n]. */
export function sampleBoth(
  interpolation: Interpolation,
  image: Numbers,
  channels: number,
  size: readonly number[],
  positions: Positions<Numbers>,
  out: Out,
  gradient: Out,
  rule: BorderRule = {},
  inside?: Out,
): void {
  const d = size.length;
  const n = countPositions(positions);
  const voxels = size.reduce((a, b) => a * b, 1);
  sample(interpolation, image, channels, size, positions, [], out, rule, inside);
  for (let k = 0; k < n; k++) {
    const q = position(positions, d, k);
    for (let c = 0; c < channels; c++)
      for (let a = 0; a < d; a++) {
        let sum = 0;
        const e = Array.from({ length: d }, (_, b) => (b === a ? 1 : 0));
        taps(interpolation, size, rule, q, [e], (i, w) => {
          if (w !== 0) sum += w * image[c * voxels + i];
        });
        gradient[(c * d + a) * n + k] = sum;
      }
  }
}

/** The adjoint of `sample` in the image: image_c += Σ_k g[c, k] · (the weights of position k). The image is not cleared first. */
export function splat(
  interpolation: Interpolation,
  g: Numbers,
  channels: number,
  size: readonly number[],
  positions: Positions<Numbers>,
  directions: readonly Numbers[],
  image: Out,
  rule: BorderRule = {},
): void {
  const d = size.length;
  const n = countPositions(positions);
  const voxels = size.reduce((a, b) => a * b, 1);
  for (let k = 0; k < n; k++) {
    const q = position(positions, d, k);
    const h = directions.map((v) => vector(positions, v, d, k));
    taps(interpolation, size, rule, q, h, (i, w) => {
      if (w !== 0) for (let c = 0; c < channels; c++) image[c * voxels + i] += w * g[c * n + k];
    });
  }
}

/** Second derivatives of each channel at the positions, [C, d(d+1)/2, n]: xx, xy, (xz,) yy, (yz, zz). */
export function sampleHessian(
  interpolation: Interpolation,
  image: Numbers,
  channels: number,
  size: readonly number[],
  positions: Positions<Numbers>,
  out: Out,
  rule: BorderRule = {},
): void {
  const d = size.length;
  const n = countPositions(positions);
  const voxels = size.reduce((a, b) => a * b, 1);
  const unit = (a: number) => Array.from({ length: d }, (_, b) => (b === a ? 1 : 0));
  const pairs = d === 3 ? [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]] : [[0, 0], [0, 1], [1, 1]]; // biome-ignore format: a table
  for (let k = 0; k < n; k++) {
    const q = position(positions, d, k);
    for (let c = 0; c < channels; c++)
      pairs.forEach(([a, b], j) => {
        let sum = 0;
        taps(interpolation, size, rule, q, [unit(a), unit(b)], (i, w) => {
          if (w !== 0) sum += w * image[c * voxels + i];
        });
        out[(c * pairs.length + j) * n + k] = sum;
      });
  }
}

/** Composition of displacement fields on one lattice: out(p) = u(p + s v(p)) + s v(p), u [d, size], v and out [d, outSize], border clamp. */
export function composeFields(u: Numbers, size: readonly number[], v: Numbers, outSize: readonly number[], out: Out, factor = 1): void {
  const d = size.length;
  const n = d * outSize.reduce((a, b) => a * b, 1);
  const step = Float64Array.from({ length: n }, (_, i) => factor * v[i]);
  sample("linear", u, d, size, { field: step, size: outSize }, [], out);
  for (let i = 0; i < n; i++) out[i] += step[i];
}

/** In place: the B-spline coefficients (or, adjoint, their transpose) of [outer, n, inner], along the middle axis. */
function filterAxis(data: Out & Numbers, outer: number, n: number, inner: number, adjoint: boolean): void {
  const z = Math.sqrt(3) - 2;
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      const at = (k: number) => (o * n + k) * inner + i;
      if (n === 1) continue;
      const scaleEnds = (s: number) => {
        data[at(0)] *= s;
        data[at(n - 1)] *= s;
      };
      if (adjoint) scaleEnds(2);
      let first = data[at(0)] + z ** (n - 1) * data[at(n - 1)];
      for (let k = 1; k < n - 1; k++) first += (z ** k + z ** (2 * n - 2 - k)) * data[at(k)];
      data[at(0)] = (6 * first) / (1 - z ** (2 * n - 2));
      for (let k = 1; k < n; k++) data[at(k)] = 6 * data[at(k)] + z * data[at(k - 1)];
      data[at(n - 1)] = (z / (z * z - 1)) * (data[at(n - 1)] + z * data[at(n - 2)]);
      for (let k = n - 2; k >= 0; k--) data[at(k)] = z * (data[at(k + 1)] - data[at(k)]);
      if (adjoint) scaleEnds(0.5);
    }
}
/**
 * Coefficients of the interpolating cubic B-spline of [channels, ...size], in place, mirrored at the borders; `adjoint`: the transpose.
 * Unser, Aldroubi & Eden (1993), B-spline signal processing, IEEE Trans. Signal Processing 41.
 */
export function bsplinePrefilter(data: Out & Numbers, channels: number, size: readonly number[], adjoint = false): void {
  size.forEach((n, a) => {
    const product = (s: readonly number[]) => s.reduce((x, y) => x * y, 1);
    filterAxis(data, channels * product(size.slice(0, a)), n, product(size.slice(a + 1)), adjoint);
  });
}
