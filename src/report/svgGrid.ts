import { indexToPoint, invert, type Lattice, type Samples } from "../evaluation/lattice.js";
import type { View } from "./slices.js";

/**
 * The grid of a view's slice after the map y(p) = p + u(p), as SVG path data in pixels of the view: every line is one of fixed's grid lines,
 * carried to where moving is looked up. Displacements out of the plane are not drawn.
 * @param displacement  u in mm, planes x, y(, z) on the grid
 * @param lines         lines along the longer side (default 24)
 * `straight`: lines stay straight: their ends are enough
 */
export function svgGrid(displacement: Samples, grid: Lattice, view: View, at: number, { lines = 24, straight = false } = {}): string {
  const d = grid.size.length;
  const n = grid.size.reduce((s, v) => s * v, 1);
  const toIndex = invert(indexToPoint(grid), d);
  const strides = grid.size.map((_, k) => grid.size.slice(0, k).reduce((s, v) => s * v, 1));
  const gap = Math.max(1, Math.round(Math.max(view.width, view.height) / lines));
  const step = straight ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(gap / 4));
  const place = (x: number, y: number): string => {
    const ix = view.flipAcross ? view.width - 1 - x : x;
    const iy = view.flipDown ? view.height - 1 - y : y;
    const i = ix * strides[view.across] + iy * strides[view.down] + (view.through < 0 ? 0 : at * strides[view.through]);
    let du = 0;
    let dv = 0;
    for (let c = 0; c < d; c++) {
      du += toIndex[view.across * d + c] * displacement[c * n + i];
      dv += toIndex[view.down * d + c] * displacement[c * n + i];
    }
    // Pixel centres stand at + ½ in the picture's own coordinates.
    return `${short(x + 0.5 + (view.flipAcross ? -du : du))} ${short(y + 0.5 + (view.flipDown ? -dv : dv))}`;
  };
  const stops = (extent: number, by: number) => {
    const out: number[] = [];
    for (let v = 0; v < extent - 1; v += by) out.push(v);
    out.push(extent - 1);
    return out;
  };
  const path = (points: string[]) => `M${points.join("L")}`;
  const across = stops(view.height, gap).map((y) => path(stops(view.width, step).map((x) => place(x, y))));
  const down = stops(view.width, gap).map((x) => path(stops(view.height, step).map((y) => place(x, y))));
  return [...across, ...down].join("");
}

const short = (v: number): string => (Number.isFinite(v) ? String(Math.round(v * 10) / 10) : "0");
