import type { Features } from "../features/index.js";
import { type Matches, matchesOf } from "../features/index.js";
import { rowBytes } from "../features/keypoints.js";
import { type Homography, project } from "./planar.js";

/** What guided matching needs to know of the second picture. */
export interface Guided {
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
  /** Area over which a chance pair may lie, in squared pixels. */
  readonly area: number;
}

/** Euclidean distance of byte rows, or differing bits: as `matchFeatures` tells them. */
function distanceOf(kind: Features["kind"]): (a: Uint8Array, i: number, b: Uint8Array, j: number) => number {
  const n = rowBytes(kind);
  if (kind === "bytes")
    return (a, i, b, j) => {
      let s = 0;
      for (let k = 0, p = i * n, q = j * n; k < n; k++) {
        const d = a[p + k] - b[q + k];
        s += d * d;
      }
      return Math.sqrt(s);
    };
  return (a, i, b, j) => {
    let s = 0;
    for (let k = 0; k < n; k++) for (let v = a[i * n + k] ^ b[j * n + k]; v > 0; v &= v - 1) s++;
    return s;
  };
}

/**
 * Matches near where H says: for each feature of a the best of those of b within a radius (in units of the keypoint's own scale, at least pixels) whose
 * size and direction are about what H makes of its own; kept when it is clearly nearer than the next that lies elsewhere, and is best both ways.
 */
export function guidedMatches(a: Features, b: Features, h: Homography, { width, height }: Guided, radius: number): Matches {
  const cell = Math.max(8, radius);
  const [columns, rows] = [Math.max(1, Math.ceil(width / cell)), Math.max(1, Math.ceil(height / cell))];
  const grid: number[][] = Array.from({ length: columns * rows }, () => []);
  const column = (x: number) => Math.min(columns - 1, Math.max(0, Math.floor(x / cell)));
  const row = (y: number) => Math.min(rows - 1, Math.max(0, Math.floor(y / cell)));
  for (let j = 0; j < b.count; j++) grid[row(b.y[j]) * columns + column(b.x[j])].push(j);
  const distance = distanceOf(a.kind);
  const best = new Map<number, { a: number; b: number; ratio: number; distance: number }>();
  for (let i = 0; i < a.count; i++) {
    const [x, y] = [a.x[i], a.y[i]];
    const [px, py, w] = project(h, x, y);
    if (!(px > -radius && py > -radius && px < width + radius && py < height + radius) || !(w > 0)) continue;
    // The map near the point: its size and what it does to the point's direction.
    const e = 0.5;
    const [rx, ry] = project(h, x + e, y);
    const [dx, dy] = project(h, x, y + e);
    const J = [(rx - px) / e, (dx - px) / e, (ry - py) / e, (dy - py) / e];
    const size = a.scale[i] * Math.sqrt(Math.abs(J[0] * J[3] - J[1] * J[2]));
    const [c, s] = [Math.cos(a.angle[i]), Math.sin(a.angle[i])];
    const angle = Math.atan2(J[2] * c + J[3] * s, J[0] * c + J[1] * s);
    const reach = Math.min(cell, Math.max(radius * 0.5, radius * 0.35 * size));
    let [d1, d2, at] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -1];
    for (let r = row(py - cell); r <= row(py + cell); r++)
      for (let q = column(px - cell); q <= column(px + cell); q++)
        for (const j of grid[r * columns + q]) {
          const ratio = b.scale[j] / size;
          if (ratio < 0.6 || ratio > 1.67) continue;
          const turn = Math.abs(b.angle[j] - angle) % (2 * Math.PI);
          if (Math.min(turn, 2 * Math.PI - turn) > 0.6) continue;
          // Squares: Math.hypot costs more than all else here.
          const away = (b.x[j] - px) ** 2 + (b.y[j] - py) ** 2;
          if (away > 4 * reach * reach) continue;
          const d = distance(a.descriptors, i, b.descriptors, j);
          const elsewhere = at < 0 || (b.x[j] - b.x[at]) ** 2 + (b.y[j] - b.y[at]) ** 2 > 4;
          if (away <= reach * reach && d < d1) {
            if (at >= 0 && elsewhere) d2 = Math.min(d2, d1);
            [d1, at] = [d, j];
          } else if (elsewhere) d2 = Math.min(d2, d);
        }
    if (at < 0) continue;
    const ratio = d2 > 0 && Number.isFinite(d2) ? d1 / d2 : d1 === 0 ? 0 : 0.9;
    if (ratio > 0.95) continue;
    const known = best.get(at);
    if (!known || d1 < known.distance) best.set(at, { a: i, b: at, ratio, distance: d1 });
  }
  return matchesOf([...best.values()].sort((p, q) => p.ratio - q.ratio || p.a - q.a));
}
