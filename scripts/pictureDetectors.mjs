/**
 * Draws docs/images/detectors.svg and docs/images/ransac.svg from rendered textures.
 *     npm run build && node scripts/pictureDetectors.mjs
 * The first: how many points are found again (dashed) and matched (lines) while a texture is made smaller, turned, darkened unevenly and blurred, and
 * precision over recall when matches are let in by distance (dashed) and by ratio (lines). The second: matches before and after the robust search.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { changed, compare, precisionRecall } from "../bench/detectors.mjs";
import { seeded } from "../dist/core/random.js";
import { detectors, matchFeatures, orb } from "../dist/features/index.js";
import { image } from "../dist/image/index.js";
import { grayPicture, matchesSvg, plain, ticks } from "../dist/report/index.js";
import { estimateHomography } from "../dist/vision/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [width, height] = [360, 270];

/** Discs and bars of all sizes over soft clouds: something for corners and for blobs. */
function texture(seed) {
  const random = seeded(seed);
  const shapes = Array.from({ length: 420 }, () => ({
    x: width * random.uniform(),
    y: height * random.uniform(),
    r: 1.5 + 22 * random.uniform() ** 4,
    v: random.uniform(),
    turn: Math.PI * random.uniform(),
    bar: random.uniform() < 0.5,
  }));
  const value = (x, y) => {
    let v = 0.5 + 0.12 * Math.sin(x / 31 + 2 * Math.sin(y / 47)) + 0.1 * Math.sin(y / 19 - Math.sin(x / 23));
    for (const s of shapes) {
      const [dx, dy] = [x - s.x, y - s.y];
      if (Math.abs(dx) > 2 * s.r + 2 || Math.abs(dy) > 2 * s.r + 2) continue;
      const [p, q] = [Math.cos(s.turn) * dx + Math.sin(s.turn) * dy, Math.cos(s.turn) * dy - Math.sin(s.turn) * dx];
      const d = s.bar ? Math.max(Math.abs(p) - 1.4 * s.r, Math.abs(q) - s.r / 2) : Math.hypot(dx, dy) - s.r;
      if (d < 0.5) v += 0.8 * (s.v - v) * Math.min(1, 0.5 - d);
    }
    return v;
  };
  const values = Float32Array.from({ length: width * height }, (_, k) => value(k % width, Math.floor(k / width)));
  return image(values, { size: [width, height] });
}

const kinds = [
  ["scale", [1, 1.25, 1.6, 2, 2.5, 3.2], "times smaller"],
  ["turn", [0, 15, 30, 45, 67.5, 90], "turned, degrees"],
  ["light", [1, 1.3, 1.7, 2.2, 2.8, 3.5], "gamma, uneven light"],
  ["blur", [0, 0.75, 1.5, 2.25, 3, 4], "blur, σ in pixels"],
];
const colours = { sift: "#d1495b", orb: "#1b7fb8", harris: "#2a9d5c", shiTomasi: "#b07cc6", fast: "#e08e1b" };
const scenes = [3, 8].map(texture);
const found = {};
for (const [name, detect] of Object.entries(detectors)) {
  const first = scenes.map((p) => detect(p, { limit: 400 }));
  const pool = { candidates: [], reachable: 0 };
  found[name] = { pool };
  for (const [kind, levels] of kinds)
    found[name][kind] = levels.map((level) => {
      const sum = [0, 0];
      for (const [k, p] of scenes.entries()) {
        const { picture, h } = changed(p, kind, level, 7 * k + 1);
        const c = compare(first[k], detect(picture, { limit: 400 }), h, p.grid.size, picture.grid.size);
        pool.candidates.push(...c.candidates);
        pool.reachable += c.reachable;
        sum[0] += c.repeatability / scenes.length;
        sum[1] += c.score / scenes.length;
      }
      return sum;
    });
  console.log(
    name,
    kinds
      .map(([kind]) => `${kind} ${found[name][kind].map(([r, s]) => `${Math.round(100 * r)}·${Math.round(100 * s)}`).join(" ")}`)
      .join("; "),
  );
}

const [w, h, left, top, bottom] = [232, 190, 38, 24, 36];
const at = (v) => Math.round(10 * v) / 10;
/** Axes from the least to 1 upwards, in per cent, and lines. */
function panel(column, row, title, label, [low, high], lines, least = 0) {
  const x = (v) => left + ((w - left - 8) * (v - low)) / (high - low);
  const y = (v) => top + ((h - top - bottom) * (1 - v)) / (1 - least);
  const parts = [`<text x="${left}" y="14" font-weight="600">${title}</text>`];
  for (const t of [0, 0.25, 0.5, 0.75, 1].map((v) => least + v * (1 - least)))
    parts.push(
      `<path d="M${left} ${at(y(t))}H${w - 8}" stroke="#ddd"/><text x="${left - 5}" y="${at(y(t) + 3.5)}" text-anchor="end">${Math.round(100 * t)}</text>`,
    );
  for (const t of ticks(low, high, 5)) parts.push(`<text x="${at(x(t))}" y="${h - bottom + 14}" text-anchor="middle">${plain(t)}</text>`);
  parts.push(`<text x="${(left + w - 8) / 2}" y="${h - 6}" text-anchor="middle">${label}</text>`);
  for (const { points, colour, dashed } of lines)
    parts.push(
      `<path d="M${points.map(([p, q]) => `${at(x(p))} ${at(y(q))}`).join("L")}" fill="none" stroke="${colour}" stroke-width="1.6"${dashed ? ' stroke-dasharray="3 3" stroke-opacity=".7"' : ""}/>`,
    );
  return `<g transform="translate(${column * w} ${row * h})">${parts.join("")}</g>`;
}
const panels = kinds.map(([kind, levels, label], k) =>
  panel(
    k % 3,
    Math.floor(k / 3),
    kind,
    label,
    [levels[0], levels.at(-1)],
    Object.entries(colours).flatMap(([name, colour]) =>
      [0, 1].map((what) => ({ colour, dashed: what === 0, points: levels.map((l, i) => [l, found[name][kind][i][what]]) })),
    ),
  ),
);
const thinned = (curve) => curve.filter((_, k) => k % Math.ceil(curve.length / 120) === 0);
panels.push(
  panel(
    1,
    1,
    "precision over recall",
    "recall",
    [0, 1],
    Object.entries(colours).flatMap(([name, colour]) =>
      ["distance", "ratio"].map((by) => ({
        colour,
        dashed: by === "distance",
        points: thinned(precisionRecall(found[name].pool.candidates, found[name].pool.reachable, by).curve),
      })),
    ),
    0.6,
  ),
);
const key = Object.entries(colours)
  .map(
    ([name, colour], k) => `<path d="M0 ${18 * k}h22" stroke="${colour}" stroke-width="2.5"/><text x="30" y="${18 * k + 4}">${name}</text>`,
  )
  .concat(
    ["found again; by distance", "matched; by ratio"].map(
      (text, k) =>
        `<path d="M0 ${18 * (6 + k)}h22" stroke="#444" stroke-width="1.6"${k === 0 ? ' stroke-dasharray="3 3"' : ""}/><text x="30" y="${18 * (6 + k) + 4}">${text}</text>`,
    ),
  )
  .join("");
writeFileSync(
  join(root, "docs/images/detectors.svg"),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${3 * w} ${2 * h}" width="${3 * w}" height="${2 * h}" font-family="sans-serif" font-size="10" fill="#222"><rect width="100%" height="100%" fill="#fff"/>${panels.join("")}<g transform="translate(${2 * w + 40} ${h + 40})">${key}</g></svg>\n`,
);

// The nearest of a fast descriptor without any test, and what the robust search makes of them.
const { picture } = changed(changed(scenes[0], "turn", 25, 1).picture, "scale", 1.5, 2);
const [a, b] = [orb(scenes[0], { limit: 600 }), orb(picture, { limit: 600 })];
const matches = matchFeatures(a, b, { ratio: 1, mutual: false });
const r = estimateHomography(a, b, matches);
const shown = (im) =>
  grayPicture({ width: im.grid.size[0], height: im.grid.size[1], values: Float32Array.from(im.values.data) }, { low: 0, high: 1 });
const place = (p, k) => [p[2 * k], p[2 * k + 1]];
const before = Array.from({ length: matches.count }, (_, k) => ({
  a: [a.x[matches.a[k]], a.y[matches.a[k]]],
  b: [b.x[matches.b[k]], b.y[matches.b[k]]],
  inlier: false,
}));
const after = Array.from({ length: r.pairs.count }, (_, k) => ({ a: place(r.pairs.a, k), b: place(r.pairs.b, k), inlier: true })).filter(
  (_, k) => r.weights[k] > 0,
);
const drawings = [before, after].map((list) => matchesSvg(shown(scenes[0]), shown(picture), list, { most: 250 }));
const [W, H] = [width + 8 + picture.grid.size[0], height];
writeFileSync(
  join(root, "docs/images/ransac.svg"),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${W} ${2 * H + 8}" width="${W}" height="${2 * H + 8}"><rect width="100%" height="100%" fill="#fff"/>${drawings
    .map((d, k) => d.replace("<svg ", `<svg x="0" y="${k * (H + 8)}" width="${W}" height="${H}" `))
    .join("")}</svg>\n`,
);
console.log(`${matches.count} matches, ${after.length} after: ${r.status}, ${r.reason}`);
