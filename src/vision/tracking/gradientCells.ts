/** Channels that `gradientCells` gives. */
export const gradientChannels = 31;
const bins = 18;

/** An angle in units of a turn, [0, 1), to 1e-4: a polynomial of the arc tangent on an eighth, mirrored. */
function turnOf(y: number, x: number): number {
  const [ax, ay] = [Math.abs(x), Math.abs(y)];
  const most = Math.max(ax, ay);
  if (most === 0) return 0;
  const z = Math.min(ax, ay) / most;
  const s = z * z;
  let t = ((-0.0464964749 * s + 0.15931422) * s - 0.327622764) * s * z + z;
  t *= 1 / (2 * Math.PI);
  if (ay > ax) t = 0.25 - t;
  if (x < 0) t = 0.5 - t;
  return y < 0 ? 1 - t : t;
}

/**
 * Histograms of gradient directions over cells of cell × cell pixels: 18 directions, 9 without their sign and 4 amounts of texture, each normalised by
 * the energy of four blocks of 2 × 2 cells and cut at 0.2. Values [31, rows, columns] with rows = height / cell. A gradient's vote is shared linearly
 * between two directions and four cells.
 * @see Felzenszwalb, Girshick, McAllester, Ramanan (2010), Object detection with discriminatively trained part-based models, PAMI 32(9), section 6
 */
export function gradientCells(values: Float32Array, width: number, height: number, cell: number): Float32Array {
  const [columns, rows] = [Math.floor(width / cell), Math.floor(height / cell)];
  const n = columns * rows;
  // Votes with a border of one cell, directions fastest.
  const row = (columns + 2) * bins;
  const votes = new Float32Array(row * (rows + 2));
  for (let y = 1; y < height - 1; y++) {
    const v = (y + 0.5) / cell + 0.5;
    const j = Math.floor(v);
    const fy = v - j;
    for (let x = 1; x < width - 1; x++) {
      const k = y * width + x;
      const gx = values[k + 1] - values[k - 1];
      const gy = values[k + width] - values[k - width];
      const m = Math.sqrt(gx * gx + gy * gy);
      if (m === 0) continue;
      const t = turnOf(gy, gx) * bins;
      let b0 = Math.floor(t);
      const fb = t - b0;
      if (b0 >= bins) b0 -= bins;
      const b1 = b0 + 1 === bins ? 0 : b0 + 1;
      const u = (x + 0.5) / cell + 0.5;
      const i = Math.floor(u);
      const fx = u - i;
      const o = j * row + i * bins;
      const [m1, m0] = [m * fb, m * (1 - fb)];
      const [c11, c10] = [fx * fy, (1 - fx) * fy];
      const [c01, c00] = [fx - c11, 1 - fx - c10];
      votes[o + b0] += c00 * m0;
      votes[o + b1] += c00 * m1;
      votes[o + bins + b0] += c01 * m0;
      votes[o + bins + b1] += c01 * m1;
      votes[o + row + b0] += c10 * m0;
      votes[o + row + b1] += c10 * m1;
      votes[o + row + bins + b0] += c11 * m0;
      votes[o + row + bins + b1] += c11 * m1;
    }
  }
  const half = bins / 2;
  const energy = new Float32Array((columns + 2) * (rows + 2));
  for (let c = 0; c < energy.length; c++) {
    let s = 0;
    for (let b = 0; b < half; b++) {
      const v = votes[c * bins + b] + votes[c * bins + half + b];
      s += v * v;
    }
    energy[c] = s;
  }
  const out = new Float32Array(gradientChannels * n);
  const w = columns + 2;
  for (let j = 0; j < rows; j++)
    for (let i = 0; i < columns; i++) {
      const e = (j + 1) * w + i + 1;
      const norm = (a: number, b: number) => 1 / Math.sqrt(energy[e] + energy[e + a] + energy[e + b] + energy[e + a + b] + 1e-4);
      const [n0, n1, n2, n3] = [norm(-1, -w), norm(1, -w), norm(-1, w), norm(1, w)];
      const at = j * columns + i;
      const from = e * bins;
      let [t0, t1, t2, t3] = [0, 0, 0, 0];
      for (let b = 0; b < bins; b++) {
        const v = votes[from + b];
        const [a0, a1, a2, a3] = [Math.min(0.2, v * n0), Math.min(0.2, v * n1), Math.min(0.2, v * n2), Math.min(0.2, v * n3)];
        out[b * n + at] = 0.5 * (a0 + a1 + a2 + a3);
        t0 += a0;
        t1 += a1;
        t2 += a2;
        t3 += a3;
      }
      for (let b = 0; b < half; b++) {
        const v = votes[from + b] + votes[from + half + b];
        out[(bins + b) * n + at] = 0.5 * (Math.min(0.2, v * n0) + Math.min(0.2, v * n1) + Math.min(0.2, v * n2) + Math.min(0.2, v * n3));
      }
      out[27 * n + at] = 0.2357 * t0;
      out[28 * n + at] = 0.2357 * t1;
      out[29 * n + at] = 0.2357 * t2;
      out[30 * n + at] = 0.2357 * t3;
    }
  return out;
}
