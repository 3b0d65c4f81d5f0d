import type { Image } from "../../core/interfaces.js";
import { solve } from "../../kernels/linalg.js";
import { project } from "../planar.js";
import { betweenCameras, type TurnedCamera } from "./cameras.js";
import type { Evening } from "./canvas.js";

/**
 * Gains of views and one fall of brightness towards their corners, from what overlapping views say of the same places:
 *   log I_a(p) − log I_b(q) = log g_a − log g_b + α (r_p² − r_q²) + β (r_p⁴ − r_q⁴),
 * linear least squares reweighted (Cauchy) against things that moved; the mean log gain is 0, and weak penalties hold what is not seen.
 * @returns what makes each view even: its gain's inverse and (α, β)
 */
export function evenExposure(
  views: readonly Image[],
  cameras: readonly TurnedCamera[],
  edges: readonly { readonly a: number; readonly b: number }[],
): Evening[] {
  const n = views.length;
  const size = n + 2;
  const smooth = views.map(coarseGray);
  interface Row {
    readonly a: number;
    readonly b: number;
    readonly value: number;
    readonly r2: number;
    readonly r4: number;
  }
  const rows: Row[] = [];
  for (const { a, b } of edges) {
    const h = betweenCameras(cameras[a], cameras[b]);
    const [A, B] = [smooth[a], smooth[b]];
    for (let y = cell; y < A.height - cell; y += 2 * cell)
      for (let x = cell; x < A.width - cell; x += 2 * cell) {
        const [u, v, w] = project(h, x, y);
        if (!(w > 0 && u > cell && v > cell && u < B.width - cell && v < B.height - cell)) continue;
        const [p, q] = [A.at(x, y), B.at(u, v)];
        // Near black there is noise, near white the sensor was full.
        if (!(p > 0.03 * A.top && q > 0.03 * B.top && p < 0.95 * A.top && q < 0.95 * B.top)) continue;
        const [s, t] = [A.radius2(x, y, cameras[a].centre), B.radius2(u, v, cameras[b].centre)];
        rows.push({ a, b, value: Math.log(p / q), r2: s - t, r4: s * s - t * t });
      }
  }
  let x = new Float64Array(size);
  for (let round = 0; round < 8; round++) {
    const m = new Float64Array(size * size);
    const right = new Float64Array(size);
    for (const { a, b, value, r2, r4 } of rows) {
      const residual = value - (x[a] - x[b] + x[n] * r2 + x[n + 1] * r4);
      const w = round === 0 ? 1 : 1 / (1 + (residual / 0.05) ** 2);
      const at = [a, b, n, n + 1];
      const row = [1, -1, r2, r4];
      for (let p = 0; p < 4; p++) {
        right[at[p]] += w * row[p] * value;
        for (let q = 0; q < 4; q++) m[at[p] * size + at[q]] += w * row[p] * row[q];
      }
    }
    const weak = 1e-3 * Math.max(1, rows.length / Math.max(1, n));
    for (let p = 0; p < n; p++) {
      m[p * size + p] += weak;
      for (let q = 0; q < n; q++) m[p * size + q] += weak;
    }
    for (let p = n; p < size; p++) m[p * size + p] += weak;
    x = new Float64Array(solve(m, size, right));
  }
  return views.map((_, i) => ({ gain: Math.exp(-x[i]), fall: [x[n], x[n + 1]] as const }));
}

/** Half the window over which brightness is averaged, pixels. */
const cell = 8;
/** Means of gray over windows, by a summed table. */
function coarseGray(view: Image) {
  const [width, height] = view.grid.size;
  const channels = view.values.shape[0];
  const data = view.values.data;
  const table = new Float64Array((width + 1) * (height + 1));
  const n = width * height;
  let top = 0;
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      let v = 0;
      for (let c = 0; c < Math.min(3, channels); c++) v += data[c * n + y * width + x];
      v /= Math.min(3, channels);
      if (v > top) top = v;
      row += v;
      table[(y + 1) * (width + 1) + x + 1] = table[y * (width + 1) + x + 1] + row;
    }
  }
  const at = (x: number, y: number): number => {
    const [x0, y0] = [Math.max(0, Math.round(x) - cell), Math.max(0, Math.round(y) - cell)];
    const [x1, y1] = [Math.min(width, Math.round(x) + cell + 1), Math.min(height, Math.round(y) + cell + 1)];
    const s = table[y1 * (width + 1) + x1] - table[y0 * (width + 1) + x1] - table[y1 * (width + 1) + x0] + table[y0 * (width + 1) + x0];
    return s / ((x1 - x0) * (y1 - y0));
  };
  const radius2 = (x: number, y: number, [cx, cy]: readonly [number, number]) =>
    (4 * ((x - cx) ** 2 + (y - cy) ** 2)) / (width * width + height * height);
  return { width, height, top, at, radius2 };
}
