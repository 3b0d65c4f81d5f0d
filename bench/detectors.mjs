// How detectors and descriptors stand changes of a picture whose geometry is known: repeatability, matching score, precision and recall.
import { seeded } from "../dist/core/index.js";
import { matchFeatures } from "../dist/features/index.js";
import { image } from "../dist/image/index.js";
import { gaussian } from "../dist/tensor/index.js";
import { invertHomography, project } from "../dist/vision/planar.js";

/** What is done to a picture, by how much. */
export const changes = {
  scale: { levels: [1.25, 1.6, 2.5], unit: "times smaller" },
  turn: { levels: [15, 45, 90], unit: "degrees" },
  light: { levels: [1.25, 1.6, 2.5], unit: "gamma, light falling to a part as small" },
  blur: { levels: [1, 2, 3], unit: "σ in pixels" },
};

/** The picture (values 0 to 1) changed, in 8 bits with noise of σ 1 %, and H from its pixel centres to the new ones'. */
export function changed(picture, kind, level, seed = 1) {
  const [w, h] = picture.grid.size;
  const soft = kind === "blur" ? level : kind === "scale" ? 0.5 * Math.sqrt(level ** 2 - 1) : 0;
  const values = (soft > 0 ? gaussian(picture.values, { sigma: [soft, soft] }) : picture.values).data.slice();
  const s = kind === "scale" ? 1 / level : 1;
  const [W, H] = [Math.round(w * s), Math.round(h * s)];
  const angle = kind === "turn" ? (level * Math.PI) / 180 : 0;
  const [c, d] = [s * Math.cos(angle), s * Math.sin(angle)];
  const [x0, y0, x1, y1] = [(w - 1) / 2, (h - 1) / 2, (W - 1) / 2, (H - 1) / 2];
  const map = [c, -d, x1 - c * x0 + d * y0, d, c, y1 - d * x0 - c * y0, 0, 0, 1];
  const back = invertHomography(map);
  const random = seeded(seed);
  const out = Float32Array.from({ length: W * H }, (_, k) => {
    const [X, Y] = [k % W, Math.floor(k / W)];
    const [x, y] = project(back, X, Y);
    let v = 0.5;
    if (x >= 0 && y >= 0 && x <= w - 1 && y <= h - 1) {
      const [i, j] = [Math.min(w - 2, Math.floor(x)), Math.min(h - 2, Math.floor(y))];
      const [f, g] = [x - i, y - j];
      const p = j * w + i;
      v = (1 - g) * ((1 - f) * values[p] + f * values[p + 1]) + g * ((1 - f) * values[p + w] + f * values[p + w + 1]);
    }
    if (kind === "light") v = Math.max(0, v) ** level * (1 - (1 - 1 / level) * (X / W));
    return Math.max(0, Math.min(255, Math.round(255 * (v + 0.01 * random.normal())))) / 255;
  });
  return { picture: image(out, { size: [W, H] }), h: map };
}

/** Pixels of the second picture within which two points are the same. */
export const near = 2.5;
const inside = ([w, h], x, y, margin = 8) => x >= margin && y >= margin && x < w - margin && y < h - margin;
/** Places without their repetitions (points with several directions). */
function places(list) {
  const seen = new Set();
  return list.filter(([x, y]) => {
    const key = `${Math.round(2 * x)},${Math.round(2 * y)}`;
    return !seen.has(key) && seen.add(key);
  });
}
/** Points of both pictures that the other one shows too, and all nearest neighbours with their truth. */
export function compare(a, b, h, sizeA, sizeB) {
  const back = invertHomography(h);
  const there = Array.from({ length: a.count }, (_, i) => project(h, a.x[i], a.y[i]));
  const shownA = there.map(([x, y]) => inside(sizeB, x, y));
  const shownB = Array.from({ length: b.count }, (_, j) => inside(sizeA, ...project(back, b.x[j], b.y[j]).slice(0, 2)));
  const fromA = places(there.filter((_, i) => shownA[i]));
  const fromB = places(Array.from({ length: b.count }, (_, j) => [b.x[j], b.y[j]]).filter((_, j) => shownB[j]));
  // One to one, the nearest first.
  const pairs = [];
  for (const [i, [x, y]] of fromA.entries())
    for (const [j, [u, v]] of fromB.entries()) {
      const away = Math.hypot(x - u, y - v);
      if (away < near) pairs.push([away, i, j]);
    }
  pairs.sort((p, q) => p[0] - q[0]);
  const [usedA, usedB] = [new Set(), new Set()];
  for (const [, i, j] of pairs)
    if (!usedA.has(i) && !usedB.has(j)) {
      usedA.add(i);
      usedB.add(j);
    }
  const possible = Math.max(1, Math.min(fromA.length, fromB.length));
  const right = (m, k) => Math.hypot(there[m.a[k]][0] - b.x[m.b[k]], there[m.a[k]][1] - b.y[m.b[k]]) < near;
  const best = matchFeatures(a, b, { ratio: 1, mutual: true });
  const correct = Array.from({ length: best.count }, (_, k) => k).filter((k) => shownA[best.a[k]] && right(best, k));
  const all = matchFeatures(a, b, { ratio: 1, mutual: false });
  const candidates = Array.from({ length: all.count }, (_, k) => k)
    .filter((k) => shownA[all.a[k]])
    .map((k) => ({ right: right(all, k), ratio: all.ratio[k], distance: all.distance[k] }));
  return {
    repeatability: usedA.size / possible,
    score: Math.min(1, places(correct.map((k) => there[best.a[k]])).length / possible),
    candidates,
    reachable: there.filter(([x, y], i) => shownA[i] && nearest(b, x, y) < near).length,
  };
}
function nearest(b, x, y) {
  let least = Number.POSITIVE_INFINITY;
  for (let j = 0; j < b.count; j++) least = Math.min(least, Math.hypot(b.x[j] - x, b.y[j] - y));
  return least;
}

/** Precision over recall when candidates are let in from the smallest `by` on; `area` is the mean precision over recall from 0 to 1. */
export function precisionRecall(candidates, reachable, by) {
  const sorted = [...candidates].sort((p, q) => p[by] - q[by]);
  const curve = [];
  let [right, area] = [0, 0];
  for (const [k, c] of sorted.entries())
    if (c.right) {
      right++;
      area += right / (k + 1) / reachable;
      curve.push([right / reachable, right / (k + 1)]);
    }
  return { curve, area };
}
