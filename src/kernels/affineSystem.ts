import type { Engine } from "./engine.js";
import type { AffineProblem, AffineSystem } from "./reference/affineSystem.js";

export type { AffineProblem, AffineSystem } from "./reference/affineSystem.js";

/** Numbers in a slab's block. */
const block = 112;
const products = [
  [0, 0],
  [0, 1],
  [0, 2],
  [1, 1],
  [1, 2],
  [2, 2],
];
/** 1, x, y, z, xx, xy, xz, yy, yz, zz: where the product of two of (x, y, z, 1) is. */
const pairOf = [
  [4, 5, 6, 1],
  [5, 7, 8, 2],
  [6, 8, 9, 3],
  [1, 2, 3, 0],
];

/**
 * One pass over the fixed image that returns the normal equations of an affine least-squares step (see `AffineSystem`); fixed, weight and
 * moving are addresses of floats, sizes [(D,) H, W], weight 0: none. The sums are kept about the centre of the fixed image and moved to
 * voxel coordinates in f64 at the end.
 */
export function affineSystem(
  e: Engine,
  fixed: number,
  size: readonly number[],
  weight: number,
  moving: number,
  movingSize: readonly number[],
  { interpolation, affine, gain = 1, offset = 0, step }: AffineProblem,
): AffineSystem {
  const d = size.length;
  const flat = d === 2;
  const s = [...(step ?? size.map(() => 1)), 1].slice(0, 3);
  const [D, H, W] = flat ? [1, ...size] : size;
  const [MD, MH, MW] = flat ? [1, ...movingSize] : movingSize;
  const base = flat ? [affine[0], affine[1], 0, affine[2], affine[3], affine[4], 0, affine[5], 0, 0, 0, 0] : affine;
  const [count, rowsY, rowsZ] = [Math.ceil(W / s[0]), Math.ceil(H / s[1]), Math.ceil(D / s[2])];
  const rows = count === 0 || MD * MH * MW === 0 ? 0 : rowsY * rowsZ;
  const centre = [(W - 1) / 2, (H - 1) / 2, (D - 1) / 2];
  const grain = Math.max(1, Math.floor((interpolation === "cubic" ? 4_000 : 20_000) / Math.max(1, count)), Math.ceil(rows / 512));
  const slabs = Math.ceil(rows / grain);
  const total = new Float64Array(block);
  if (slabs > 0) {
    const out = e.allocate(slabs * block * 8);
    try {
      const rowBytes = ((count + 7) & ~3) * 4;
      const kind = interpolation === "cubic" ? 2 : 1;
      e.parallel(
        "affineSystem",
        [kind, d, fixed, H, W, weight, moving, MD, MH, MW, ...base, ...s, count, rowsY, gain, offset, ...centre, out, grain],
        { extent: rows, grain, workspace: 6 * rowBytes + 640 + 128 },
      );
      const parts = e.f64(out, slabs * block);
      for (let k = 0; k < slabs; k++) for (let i = 0; i < block; i++) total[i] += parts[k * block + i];
    } finally {
      e.free(out);
    }
  }
  return assemble(total, d, centre, gain);
}

/** JᵀJ and Jᵀr from the sums about the centre: p = p̂ + c, so Σ P pᵢ pⱼ = Σ P p̂ᵢ p̂ⱼ + cⱼ Σ P p̂ᵢ + cᵢ Σ P p̂ⱼ + cᵢ cⱼ Σ P. */
function assemble(t: Float64Array, d: number, centre: readonly number[], gain: number): AffineSystem {
  const N = d * (d + 1) + 2;
  const [jtj, jtr] = [new Float64Array(N * N), new Float64Array(N)];
  const axes = d === 3 ? [0, 1, 2, 3] : [0, 1, 3]; // x, y(, z), 1 among x, y, z, 1
  const c = (i: number) => (i < 3 ? centre[i] : 0);
  const second = (q: number, i: number, j: number) =>
    t[q + pairOf[i][j]] + c(j) * t[q + pairOf[i][3]] + c(i) * t[q + pairOf[3][j]] + c(i) * c(j) * t[q];
  const first = (q: number, i: number) => t[q + (i < 3 ? i + 1 : 0)] + c(i) * t[q];
  const place = (i: number, j: number, v: number) => {
    jtj[i * N + j] = v;
    jtj[j * N + i] = v;
  };
  products.forEach(([a, b], q) => {
    if (b >= d) return;
    axes.forEach((i, k) => {
      axes.forEach((j, l) => {
        place(a * (d + 1) + k, b * (d + 1) + l, gain * gain * second(10 * q, i, j));
      });
    });
  });
  for (let a = 0; a < d; a++)
    axes.forEach((i, k) => {
      const q = 60 + 12 * a;
      place(a * (d + 1) + k, N - 2, gain * first(q, i));
      place(a * (d + 1) + k, N - 1, gain * first(q + 4, i));
      jtr[a * (d + 1) + k] = gain * first(q + 8, i);
    });
  const [weight, m, mm, f, ff, mf, count, rr, r, mr] = t.subarray(96, 106);
  place(N - 2, N - 2, mm);
  place(N - 2, N - 1, m);
  place(N - 1, N - 1, weight);
  jtr[N - 2] = mr;
  jtr[N - 1] = r;
  return { jtj, jtr, rr, count, weight, m, mm, f, ff, mf };
}
