/** How patches are grouped and shrunk; see `collaborative`. Patches have 8 × 8 samples. */
export interface Collaborative {
  /** "threshold": coefficients up to `level` become 0. "wiener": each is multiplied by e²/(e² + level), e the guide's; level = σ². */
  readonly shrink: "threshold" | "wiener";
  readonly level: number;
  /** Patches are alike whose squared distance, the sum over 64 samples, is below this. */
  readonly far: number;
  /** Most patches of a group, a power of two. */
  readonly most: number;
  /** Patches are sought up to so many samples away along each axis. */
  readonly radius: number;
  /** From one reference patch to the next. */
  readonly step: number;
  /** The 2-D transform A X Aᵀ and its inverse B C Bᵀ, 8 × 8 row-major; constants have only the first coefficient. */
  readonly analysis: ArrayLike<number>;
  readonly synthesis: ArrayLike<number>;
  /** Weights of the 64 samples in the mean over patches. */
  readonly window: ArrayLike<number>;
}
/** Places of reference patches along n samples: every `step`, and the last one. */
export const references = (n: number, step: number): number[] =>
  Array.from({ length: Math.ceil((n - 8) / step) + 1 }, (_, k) => Math.min(k * step, n - 8));

/**
 * Plain twin of `collaborative`: one step of collaborative filtering of an H × W image, both at least 8. For each reference patch the nearest
 * patches of the guide are stacked (the largest power of two of them, nearest first), transformed (A X Aᵀ, then Haar along the stack), shrunk
 * except for the mean, transformed back, and averaged where they lie: weight = window / number of coefficients kept (Wiener: / Σ factor²).
 * @see Dabov, Foi, Katkovnik & Egiazarian (2007), IEEE Trans. Image Process. 16(8)
 */
export function collaborative(
  image: ArrayLike<number>,
  guide: ArrayLike<number>,
  size: readonly [number, number],
  o: Collaborative,
): Float64Array {
  const [H, W] = size;
  const sum = new Float64Array(H * W);
  const weights = new Float64Array(H * W);
  for (const y of references(H, o.step))
    for (const x of references(W, o.step)) {
      const all = nearest(guide, H, W, y, x, o);
      const places = all.slice(0, 2 ** Math.floor(Math.log2(all.length)));
      const group = places.map((p) => sandwich(o.analysis, patchAt(image, W, p)));
      const estimate = places.map((p) => sandwich(o.analysis, patchAt(guide, W, p)));
      haar(group);
      haar(estimate);
      let total = 0;
      group.forEach((g, i) => {
        for (let k = 0; k < 64; k++) {
          const e = estimate[i][k] ** 2;
          const factor = i + k === 0 ? 1 : o.shrink === "wiener" ? e / Math.max(1e-30, e + o.level) : Number(Math.abs(g[k]) > o.level);
          g[k] *= factor;
          total += factor * factor;
        }
      });
      haar(group, true);
      places.forEach((p, i) => {
        const back = sandwich(o.synthesis, group[i]);
        for (let k = 0; k < 64; k++) {
          const at = p + Math.floor(k / 8) * W + (k % 8);
          sum[at] += (o.window[k] / total) * back[k];
          weights[at] += o.window[k] / total;
        }
      });
    }
  return sum.map((v, k) => v / weights[k]);
}

const patchAt = (image: ArrayLike<number>, W: number, p: number): Float64Array =>
  Float64Array.from({ length: 64 }, (_, k) => image[p + Math.floor(k / 8) * W + (k % 8)]);

/** Places of the nearest patches in order, the reference itself first. */
function nearest(guide: ArrayLike<number>, H: number, W: number, y: number, x: number, o: Collaborative): number[] {
  const here = patchAt(guide, W, y * W + x);
  const found: { readonly place: number; readonly distance: number }[] = [];
  for (let v = Math.max(0, y - o.radius); v <= Math.min(H - 8, y + o.radius); v++)
    for (let u = Math.max(0, x - o.radius); u <= Math.min(W - 8, x + o.radius); u++) {
      if (v === y && u === x) continue;
      const distance = patchAt(guide, W, v * W + u).reduce((s, t, k) => s + (t - here[k]) ** 2, 0);
      if (distance < o.far) found.push({ place: v * W + u, distance });
    }
  found.sort((p, q) => p.distance - q.distance);
  return [y * W + x, ...found.slice(0, o.most - 1).map((f) => f.place)];
}

/** M X Mᵀ, 8 × 8 row-major. */
function sandwich(m: ArrayLike<number>, x: ArrayLike<number>): Float64Array {
  const half = new Float64Array(64);
  const out = new Float64Array(64);
  for (let i = 0; i < 8; i++) for (let j = 0; j < 8; j++) for (let k = 0; k < 8; k++) half[8 * i + j] += m[8 * i + k] * x[8 * k + j];
  for (let i = 0; i < 8; i++) for (let j = 0; j < 8; j++) for (let k = 0; k < 8; k++) out[8 * i + j] += half[8 * i + k] * m[8 * j + k];
  return out;
}

/** The orthonormal Haar transform along a stack of 2ⁿ patches, in place: sums of neighbours, then of their sums. */
function haar(group: readonly Float64Array[], back = false): void {
  const strides = Array.from({ length: Math.log2(group.length) }, (_, i) => 2 ** i);
  if (back) strides.reverse();
  for (const s of strides)
    for (let i = 0; i < group.length; i += 2 * s)
      for (let k = 0; k < 64; k++) {
        const [u, v] = [group[i][k], group[i + s][k]];
        group[i][k] = (u + v) / Math.SQRT2;
        group[i + s][k] = (u - v) / Math.SQRT2;
      }
}
