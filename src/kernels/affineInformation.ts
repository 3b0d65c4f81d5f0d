import type { Engine } from "./engine.js";
import { rangeTable } from "./mutualInformation.js";
import type { AffineInformation, InformationProblem } from "./reference/affineInformation.js";
import { temporary } from "./temporary.js";

export type { AffineInformation, InformationProblem } from "./reference/affineInformation.js";

/**
 * One pass over the fixed image that returns the joint histogram with the moving image under an affine map, and its derivative (see
 * `AffineInformation`); fixed, weight and moving are addresses of floats, sizes [(D,) H, W], weight 0: none; "cubic" takes coefficients.
 */
export function affineInformation(
  e: Engine,
  fixed: number,
  size: readonly number[],
  weight: number,
  moving: number,
  movingSize: readonly number[],
  o: InformationProblem,
): AffineInformation {
  const { interpolation, affine, step, bins, order, slopes = false } = o;
  const d = size.length;
  const flat = d === 2;
  const s = [...(step ?? size.map(() => 1)), 1].slice(0, 3);
  const [D, H, W] = flat ? [1, ...size] : size;
  const [MD, MH, MW] = flat ? [1, ...movingSize] : movingSize;
  const base = flat ? [affine[0], affine[1], 0, affine[2], affine[3], affine[4], 0, affine[5], 0, 0, 0, 0] : affine;
  const [count, rowsY, rowsZ] = [Math.ceil(W / s[0]), Math.ceil(H / s[1]), Math.ceil(D / s[2])];
  const rows = count === 0 || MD * MH * MW === 0 ? 0 : rowsY * rowsZ;
  const centre = [(W - 1) / 2, (H - 1) / 2, (D - 1) / 2];
  // A slab clears and hands over its tables: at least as many samples as half of these have entries, so that this costs little.
  const cell = flat ? 8 : 12;
  const entries = bins * bins * (slopes ? 1 + cell : 1);
  const grain = Math.max(1, Math.ceil(Math.max(4096, entries / 2) / Math.max(1, count)), Math.ceil(rows / 32));
  const slabs = Math.ceil(rows / grain);
  const total = new Float64Array(entries);
  temporary(e, (reserve) => {
    const range = rangeTable(e, reserve, o);
    if (slabs === 0) return;
    const out = reserve(slabs * entries * 8);
    const kind = interpolation === "cubic" ? 2 : 1;
    const placed = [...base, ...s, count, rowsY, ...centre, range, bins, order, slopes ? 1 : 0, out, grain];
    e.parallel("affineInformation", [kind, d, fixed, H, W, weight, moving, MD, MH, MW, ...placed], {
      extent: rows,
      grain,
      workspace: e.call("affineInformationWorkspace", count, bins, slopes ? 1 : 0),
    });
    for (let k = 0; k < slabs; k++) {
      const part = e.f64(out + k * entries * 8, entries);
      for (let i = 0; i < entries; i++) total[i] += part[i];
    }
  });
  const histogram = total.subarray(0, bins * bins);
  const found = slopes ? total.subarray(bins * bins) : undefined;
  return { histogram, derivative: found && flat ? flattened(found, bins * bins) : found, centre: centre.slice(0, d) };
}

/** Rows of x, y, 1, 0 without the 0. */
function flattened(derivative: Float64Array, cells: number): Float64Array {
  const out = new Float64Array(6 * cells);
  for (let k = 0; k < cells; k++)
    for (let a = 0; a < 2; a++) for (let j = 0; j < 3; j++) out[6 * k + 3 * a + j] = derivative[8 * k + 4 * a + j];
  return out;
}
