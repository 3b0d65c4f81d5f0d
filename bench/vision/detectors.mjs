import { readdirSync } from "node:fs";
import { join } from "node:path";
import { detectors, matchFeatures } from "../../dist/features/index.js";
import { image } from "../../dist/image/index.js";
import { estimateHomography } from "../../dist/vision/index.js";
import { project } from "../../dist/vision/planar.js";
import { dataFolder } from "../data.mjs";
import { changed, changes, compare, near, precisionRecall } from "../detectors.mjs";
import { median } from "../machine.mjs";
import { picture } from "./homography.mjs";

export const about = "Detectors and descriptors: 500 points a picture, photographs changed by known amounts";
const photos = 4;
const used = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
/** Gray, 0 to 1. */
function gray({ values, grid }) {
  const [w, h] = grid.size;
  const n = w * h;
  const c = values.shape[0];
  const d = values.data;
  const top = d.some((v) => v > 1.5) ? 255 : 1;
  return image(
    Float32Array.from({ length: n }, (_, k) => (c >= 3 ? 0.299 * d[k] + 0.587 * d[n + k] + 0.114 * d[2 * n + k] : d[k]) / top),
    { size: [w, h] },
  );
}

export async function run() {
  const folder = join(dataFolder, "vision/natural/val");
  const files = readdirSync(folder)
    .filter((f) => /\.(jpg|png)$/.test(f))
    .sort()
    .filter((_, k, all) => k % Math.floor(all.length / photos) === 0)
    .slice(0, photos);
  const pictures = [];
  for (const f of files) pictures.push(gray(await picture(join(folder, f))));
  const kinds = Object.entries(changes).flatMap(([kind, { levels }]) => levels.map((level) => ({ kind, level })));
  const rows = [];
  for (const [name, detect] of Object.entries(detectors)) {
    const find = (p) => detect(p, { limit: 500 });
    find(pictures[0]);
    const times = [];
    const timed = (p) => {
      const from = used();
      const f = find(p);
      times.push(used() - from);
      return f;
    };
    const first = pictures.map(timed);
    const of = Object.fromEntries(Object.keys(changes).map((k) => [k, []]));
    const pool = { candidates: [], reachable: 0 };
    const ransac = { before: [0, 0], after: [0, 0] };
    for (const { kind, level } of kinds)
      for (const [k, p] of pictures.entries()) {
        const { picture: other, h } = changed(p, kind, level, 10 * k + level);
        const f = timed(other);
        const c = compare(first[k], f, h, p.grid.size, other.grid.size);
        of[kind].push({ level, ...c });
        for (const one of c.candidates) pool.candidates.push(one);
        pool.reachable += c.reachable;
        const matches = matchFeatures(first[k], f);
        const r = estimateHomography(first[k], f, matches);
        const good = (x, y, u, v) => {
          const [s, t] = project(h, x, y);
          return Math.hypot(s - u, t - v) < near;
        };
        for (let i = 0; i < matches.count; i++) {
          const [a, b] = [matches.a[i], matches.b[i]];
          ransac.before[1]++;
          if (good(first[k].x[a], first[k].y[a], f.x[b], f.y[b])) ransac.before[0]++;
        }
        for (let i = 0; i < r.pairs.count; i++) {
          if (!(r.weights[i] > 0)) continue;
          ransac.after[1]++;
          if (good(r.pairs.a[2 * i], r.pairs.a[2 * i + 1], r.pairs.b[2 * i], r.pairs.b[2 * i + 1])) ransac.after[0]++;
        }
      }
    const percent = (v) => `${Math.round(100 * v)}`;
    const mean = (list) => list.reduce((s, v) => s + v, 0) / list.length;
    const cell = (kind, what) =>
      changes[kind].levels.map((l) => percent(mean(of[kind].filter((c) => c.level === l).map((c) => c[what])))).join("/");
    const area = (by) => percent(precisionRecall(pool.candidates, pool.reachable, by).area);
    rows.push([
      name,
      ...Object.keys(changes).map((k) => `${cell(k, "repeatability")} · ${cell(k, "score")}`),
      `${area("distance")} · ${area("ratio")}`,
      `${percent(ransac.before[0] / ransac.before[1])} · ${percent(ransac.after[0] / Math.max(1, ransac.after[1]))}`,
      median(times).toFixed(0),
    ]);
  }
  return {
    head: [
      "detector",
      ...Object.entries(changes).map(([k, { levels }]) => `${k} ${levels.join("/")}`),
      "area under precision–recall",
      "right before · after RANSAC",
      "ms",
    ],
    rows,
    notes: [
      "in %: repeatability · matching score, each at three amounts; mean precision over recall when matches are let in by distance · by ratio; ms of processor for a picture of 481×321",
      `${files.length} photographs (${files.join(", ")}); changes: ${Object.entries(changes)
        .map(([k, { unit }]) => `${k} in ${unit}`)
        .join("; ")}; noise of 1 %, 8 bits`,
    ],
  };
}
