import type { Size3 } from "./gaussian.js";
import { boxSum } from "./lines.js";

type Numbers = ArrayLike<number>;

/**
 * The pairs of neighbours of a voxel, as [first, second] with axis 0 = z, 1 = y, 2 = x and a sign. Two pairs share one difference second − first,
 * so that channels 2e and 2e + 1 read the same filtered image of squared differences, at the place of `first`. Pictures have the first four.
 */
export const mindPairs: readonly (readonly [
  first: readonly [axis: number, sign: 1 | -1],
  second: readonly [axis: number, sign: 1 | -1],
])[] = [
  [
    [1, -1],
    [2, 1],
  ],
  [
    [2, -1],
    [1, 1],
  ],
  [
    [1, 1],
    [2, 1],
  ],
  [
    [2, -1],
    [1, -1],
  ],
  [
    [0, -1],
    [2, 1],
  ],
  [
    [2, -1],
    [0, 1],
  ],
  [
    [0, 1],
    [2, 1],
  ],
  [
    [2, -1],
    [0, -1],
  ],
  [
    [0, -1],
    [1, 1],
  ],
  [
    [1, -1],
    [0, 1],
  ],
  [
    [0, 1],
    [1, 1],
  ],
  [
    [1, -1],
    [0, -1],
  ],
];

export interface MindSscOptions {
  /** Half the patch along z, y, x, in voxels. */
  readonly radius: Size3;
  /** From the voxel to its neighbours along z, y, x, in voxels. */
  readonly dilation: Size3;
  /** ε, in squared units of the image. */
  readonly floor: number;
  /** Four channels of the plane (y, x) rather than twelve. */
  readonly planar: boolean;
}
export const mindChannels = ({ planar }: { readonly planar: boolean }): number => (planar ? 4 : 12);

/** The frame in which everything lies inside: the image with its border values going on for dilation + radius. */
function frame(size: Size3, { radius, dilation }: MindSscOptions) {
  const rim = radius.map((r, a) => r + dilation[a]);
  const padded = size.map((n, a) => n + 2 * rim[a]);
  /** Image sample of a padded one. */
  const source = (u: number) => {
    const [, H, W] = padded;
    const at = [Math.floor(u / (H * W)), Math.floor(u / W) % H, u % W].map((v, a) => Math.min(size[a] - 1, Math.max(0, v - rim[a])));
    return (at[0] * size[1] + at[1]) * size[2] + at[2];
  };
  const strides = [padded[1] * padded[2], padded[2], 1];
  const step = ([axis, sign]: readonly [number, number]) => sign * dilation[axis] * strides[axis];
  /** Padded sample of an image's. */
  const place = (z: number, y: number, x: number) => (z + rim[0]) * strides[0] + (y + rim[1]) * strides[1] + x + rim[2];
  return { total: padded[0] * padded[1] * padded[2], padded, source, step, place };
}
/** Sums over patches of an array in the frame. */
function patchSums(x: Float64Array, padded: readonly number[], radius: Size3): Float64Array {
  const [D, H, W] = padded;
  let from = x;
  for (const [a, lines] of [
    { outer: 1, n: D, inner: H * W },
    { outer: D, n: H, inner: W },
    { outer: D * H, n: W, inner: 1 },
  ].entries()) {
    const to = new Float64Array(x.length);
    boxSum(from, to, lines, radius[a]);
    from = to;
  }
  return from;
}
const everyVoxel = ([D, H, W]: Size3, work: (i: number, z: number, y: number, x: number) => void): void => {
  for (let z = 0, i = 0; z < D; z++) for (let y = 0; y < H; y++) for (let x = 0; x < W; x++, i++) work(i, z, y, x);
};

/** D_k for all channels k, one image each. */
function distances(image: Numbers, size: Size3, o: MindSscOptions): Float64Array[] {
  const f = frame(size, o);
  const patch = o.radius.reduce((p, r) => p * (2 * r + 1), 1);
  const P = Float64Array.from({ length: f.total }, (_, u) => image[f.source(u)]);
  const n = size[0] * size[1] * size[2];
  return Array.from({ length: mindChannels(o) }, (_, k) => {
    const [a, b] = mindPairs[k];
    const delta = f.step(b) - f.step(a);
    // Where the other sample is missing no patch of this pair comes.
    const squared = P.map((v, u) => (u + delta >= 0 && u + delta < f.total ? (v - P[u + delta]) ** 2 : 0));
    const sums = patchSums(squared, f.padded, o.radius);
    const out = new Float64Array(n);
    everyVoxel(size, (i, z, y, x) => {
      out[i] = sums[f.place(z, y, x) + f.step(a)] / patch;
    });
    return out;
  });
}

/**
 * Plain twin of `mindSsc` for one volume [D, H, W]:  y_k = exp(−(D_k − min D) / V),  V = mean D − min D + ε,
 * D_k = mean over the patch |p| ≤ radius of (I(x + a_k + p) − I(x + b_k + p))², (a_k, b_k) the k-th pair of neighbours at ± dilation that are √2 apart;
 * border values go on outside. [K, D, H, W], K = 12, for pictures 4.
 */
export function mindSsc(image: Numbers, size: Size3, o: MindSscOptions): Float64Array {
  const D = distances(image, size, o);
  const [K, n] = [D.length, D[0].length];
  const out = new Float64Array(K * n);
  for (let i = 0; i < n; i++) {
    let [least, sum] = [Number.POSITIVE_INFINITY, 0];
    for (const d of D) {
      if (d[i] < least) least = d[i];
      sum += d[i];
    }
    const V = sum / K - least + o.floor;
    for (let k = 0; k < K; k++) out[k * n + i] = V > 0 ? Math.exp((least - D[k][i]) / V) : 1;
  }
  return out;
}

/** Jᵀ g: the cotangent g [K, D, H, W] of the descriptors pulled back to the image. */
export function mindSscGradient(image: Numbers, g: Numbers, size: Size3, o: MindSscOptions): Float64Array {
  const D = distances(image, size, o);
  const [K, n] = [D.length, D[0].length];
  const patch = o.radius.reduce((p, r) => p * (2 * r + 1), 1);
  // With u_k = (D_k − m) / V and h_k = −g_k y_k / V:  ∂/∂D_k = q_k − [k least] Σ q,  q_k = h_k − Σ h u / K.
  for (let i = 0; i < n; i++) {
    let [least, at, sum] = [Number.POSITIVE_INFINITY, 0, 0];
    for (let k = 0; k < K; k++) {
      if (D[k][i] < least) [least, at] = [D[k][i], k];
      sum += D[k][i];
    }
    const V = sum / K - least + o.floor;
    const u = D.map((d) => (V > 0 ? (d[i] - least) / V : 0));
    const h = u.map((v, k) => (V > 0 ? (-g[k * n + i] * Math.exp(-v)) / V : 0));
    const mean = h.reduce((s, v, k) => s + v * u[k], 0) / K;
    const total = h.reduce((s, v) => s + v - mean, 0);
    for (let k = 0; k < K; k++) D[k][i] = h[k] - mean - (k === at ? total : 0);
  }
  const f = frame(size, o);
  const P = Float64Array.from({ length: f.total }, (_, u) => image[f.source(u)]);
  const out = new Float64Array(n);
  for (let k = 0; k < K; k++) {
    const [a, b] = mindPairs[k];
    const delta = f.step(b) - f.step(a);
    const spread = new Float64Array(f.total);
    everyVoxel(size, (i, z, y, x) => {
      spread[f.place(z, y, x) + f.step(a)] += D[k][i];
    });
    const sums = patchSums(spread, f.padded, o.radius);
    for (let u = 0; u < f.total; u++) {
      if (sums[u] === 0) continue;
      const pull = (2 * sums[u] * (P[u] - P[u + delta])) / patch;
      out[f.source(u)] += pull;
      out[f.source(u + delta)] -= pull;
    }
  }
  return out;
}
