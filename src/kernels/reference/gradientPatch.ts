type Numbers = ArrayLike<number>;

/** The samples of a patch: image [H, W] at (x + a u + b v, y + c u + d v), (u, v) the P × P cell centres of [−1, 1]², bilinear, the border going on. */
export function framePatch(image: Numbers, H: number, W: number, frame: Numbers, factor: number, P: number): Float64Array {
  const out = new Float64Array(P * P);
  const [x, y] = [frame[0], frame[1]];
  const [a, b, c, d] = [2, 3, 4, 5].map((k) => factor * frame[k]);
  for (let j = 0; j < P; j++)
    for (let i = 0; i < P; i++) {
      const u = (2 * (i + 0.5)) / P - 1;
      const v = (2 * (j + 0.5)) / P - 1;
      const px = Math.min(W - 1, Math.max(0, x + a * u + b * v));
      const py = Math.min(H - 1, Math.max(0, y + c * u + d * v));
      const ix = Math.min(W - 2, Math.floor(px));
      const iy = Math.min(H - 2, Math.floor(py));
      const at = (dy: number, dx: number) => image[(iy + dy) * W + ix + dx];
      const top = at(0, 0) + (px - ix) * (at(0, 1) - at(0, 0));
      const bottom = at(1, 0) + (px - ix) * (at(1, 1) - at(1, 0));
      out[j * P + i] = top + (py - iy) * (bottom - top);
    }
  return out;
}
/** Size and direction (turns, [0, 1)) of the central difference at inner sample (j, i). */
function gradientAt(patch: Float64Array, P: number, j: number, i: number): { readonly size: number; readonly turns: number } {
  const gx = patch[j * P + i + 1] - patch[j * P + i - 1];
  const gy = patch[(j + 1) * P + i] - patch[(j - 1) * P + i];
  const turns = Math.atan2(gy, gx) / (2 * Math.PI);
  return { size: Math.hypot(gx, gy), turns: turns < 0 ? turns + 1 : turns };
}

/** h_b = Σ over gradients with r ≤ 1 of |g| exp(−r²/2s²), each shared by its two nearest of `bins` directions; frames [n, 6] ↦ [n, bins]. */
export function directionHistograms(
  image: Numbers,
  H: number,
  W: number,
  frames: Numbers,
  count: number,
  P: number,
  bins: number,
  s: number,
): Float64Array {
  const out = new Float64Array(count * bins);
  for (let k = 0; k < count; k++) {
    const patch = framePatch(image, H, W, Array.from(frames).slice(6 * k, 6 * k + 6), 1, P);
    for (let j = 1; j < P - 1; j++)
      for (let i = 1; i < P - 1; i++) {
        const r2 = ((2 * (i + 0.5)) / P - 1) ** 2 + ((2 * (j + 0.5)) / P - 1) ** 2;
        if (r2 > 1) continue;
        const { size, turns } = gradientAt(patch, P, j, i);
        const at = turns * bins;
        const b = Math.floor(at) % bins;
        const m = size * Math.exp(-r2 / (2 * s * s));
        out[k * bins + b] += m * (1 - (at - Math.floor(at)));
        out[k * bins + ((b + 1) % bins)] += m * (at - Math.floor(at));
      }
  }
  return out;
}

/** Rows [n, bins] smoothed around the circle by (1, 4, 6, 4, 1) / 16, `turns` times. */
export function smoothCircles(rows: Numbers, bins: number, turns: number): Float64Array {
  let out = Float64Array.from(rows);
  for (let t = 0; t < turns; t++)
    out = out.map((v, k, all) => {
      const start = k - (k % bins);
      const at = (step: number) => all[start + ((k - start + step + bins) % bins)];
      return (6 * v + 4 * (at(1) + at(-1)) + at(2) + at(-2)) / 16;
    });
  return out;
}

/** Σ over gradients with r ≤ 1 of exp(−r²/2s²) (g_x², g_x g_y, g_y²); frames [n, 6] ↦ [n, 3]. */
export function gradientMoments(image: Numbers, H: number, W: number, frames: Numbers, count: number, P: number, s: number): Float64Array {
  const out = new Float64Array(3 * count);
  for (let k = 0; k < count; k++) {
    const patch = framePatch(image, H, W, Array.from(frames).slice(6 * k, 6 * k + 6), 1, P);
    for (let j = 1; j < P - 1; j++)
      for (let i = 1; i < P - 1; i++) {
        const r2 = ((2 * (i + 0.5)) / P - 1) ** 2 + ((2 * (j + 0.5)) / P - 1) ** 2;
        if (r2 > 1) continue;
        const gx = patch[j * P + i + 1] - patch[j * P + i - 1];
        const gy = patch[(j + 1) * P + i] - patch[(j - 1) * P + i];
        const w = Math.exp(-r2 / (2 * s * s));
        out[3 * k] += w * gx * gx;
        out[3 * k + 1] += w * gx * gy;
        out[3 * k + 2] += w * gy * gy;
      }
  }
  return out;
}

/**
 * Tables of a P-sample axis over `across` cells, of which the middle four count: of each sample the cell to its left + 1 (0 … 4), and the weights of
 * that cell and the next, times a Gaussian of half the four cells' width.
 */
export function cellTables(P: number, across = 5): { readonly cells: Int32Array; readonly weights: Float32Array } {
  const cells = new Int32Array(P);
  const weights = new Float32Array(2 * P);
  for (let i = 0; i < P; i++) {
    const u = ((2 * (i + 0.5)) / P - 1) * (across / 2); // in cells about the middle
    const at = u + 1.5; // cell c has its centre at c
    const left = Math.max(-1, Math.min(3, Math.floor(at)));
    const f = Math.min(1, Math.max(0, at - left));
    const w = Math.exp(-(u * u) / 8);
    cells[i] = left + 1;
    weights[2 * i] = w * (1 - f);
    weights[2 * i + 1] = w * f;
  }
  return { cells, weights };
}

export interface DescriptorOptions {
  /** Samples of a patch along each axis, a multiple of 4. */
  readonly samples: number;
  /** Sizes of the patch, as factors on its frame, whose histograms are added. */
  readonly factors: readonly number[];
  /** Square roots of shares rather than values of unit length. */
  readonly root: boolean;
  /** What 1 is stored as; 127 is the most that is kept. */
  readonly unit: number;
}
/** Values before rounding, [n, 128]: cell row, cell column, direction. */
export function gradientDescriptors(
  image: Numbers,
  H: number,
  W: number,
  frames: Numbers,
  count: number,
  o: DescriptorOptions,
): Float64Array {
  const { samples: P, factors, root, unit } = o;
  const out = new Float64Array(count * 128);
  const { cells, weights } = cellTables(P);
  for (let k = 0; k < count; k++) {
    const all = new Float64Array(6 * 6 * 8);
    for (const factor of factors) {
      const patch = framePatch(image, H, W, Array.from(frames).slice(6 * k, 6 * k + 6), factor, P);
      for (let j = 1; j < P - 1; j++)
        for (let i = 1; i < P - 1; i++) {
          const { size, turns } = gradientAt(patch, P, j, i);
          const at = turns * 8;
          const b = Math.floor(at);
          for (const [dy, dx] of [
            [0, 0],
            [0, 1],
            [1, 0],
            [1, 1],
          ]) {
            const w = size * weights[2 * j + dy] * weights[2 * i + dx];
            const cell = 8 * ((cells[j] + dy) * 6 + cells[i] + dx);
            all[cell + (b % 8)] += w * (1 - (at - b));
            all[cell + ((b + 1) % 8)] += w * (at - b);
          }
        }
    }
    const h = Float64Array.from({ length: 128 }, (_, i) => all[8 * ((Math.floor(i / 32) + 1) * 6 + (Math.floor(i / 8) % 4) + 1) + (i % 8)]);
    const cut = 0.2 * Math.hypot(...h);
    const kept = h.map((v) => Math.min(v, cut));
    const total = root ? kept.reduce((a, b) => a + b, 0) : Math.hypot(...kept);
    for (let i = 0; i < 128; i++) {
      const share = total > 0 ? kept[i] / total : 0;
      out[128 * k + i] = Math.min(127, unit * (root ? Math.sqrt(share) : share));
    }
  }
  return out;
}
