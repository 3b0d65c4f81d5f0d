/**
 * Draws docs/images/metrics.svg: every metric's value while one image is moved over, or turned against, another of the same contrast and of an
 * inverted, curved one. Each curve is scaled to its own range: what counts is where it is least, how wide the valley is and how smooth.
 *     npm run build && node scripts/metricsPicture.mjs
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { metrics } from "../dist/catalogue.js";
import { seeded } from "../dist/core/index.js";
import { grid, image } from "../dist/image/index.js";
import { Tensor } from "../dist/tensor/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const n = 96;
const g = grid({ size: [n, n] });
const random = seeded(12);
const between = (low, high) => low + (high - low) * random.uniform();
// A head: ellipses within an ellipse, the brighter the deeper; exact under any motion, so that no interpolation shows.
const ellipses = [
  { x: 0, y: 0, a: 38, b: 30, turn: 0.3, value: 0.35 },
  { x: 0, y: 0, a: 34, b: 26, turn: 0.3, value: 0.2 },
  ...Array.from({ length: 7 }, () => ({
    x: between(-20, 20),
    y: between(-14, 14),
    a: between(4, 10),
    b: between(3, 7),
    turn: between(0, 3),
    value: between(-0.25, 0.35),
  })),
];
const soft = (q) => 1 / (1 + Math.exp(6 * (q - 1)));
const head = (x, y) =>
  ellipses.reduce((sum, e) => {
    const [c, s] = [Math.cos(e.turn), Math.sin(e.turn)];
    const [u, v] = [c * (x - e.x) + s * (y - e.y), -s * (x - e.x) + c * (y - e.y)];
    return sum + e.value * soft((u / e.a) ** 2 + (v / e.b) ** 2);
  }, 0);
const noise = Float32Array.from({ length: 2 * n * n }, () => 0.01 * random.normal());
/** The head moved and turned, seen through a map of its values. */
const drawn = (shift, angle, map, seed) => {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const values = Float32Array.from({ length: n * n }, (_, i) => {
    const [x, y] = [(i % n) - (n - 1) / 2, Math.floor(i / n) - (n - 1) / 2];
    return map(head(c * x - s * y - shift, s * x + c * y)) + noise[seed * n * n + i];
  });
  return image(values, g);
};
const contrasts = [
  { name: "same contrast", colour: "#1f6fb2", map: (v) => v },
  { name: "other contrast", colour: "#d1701a", map: (v) => (v < 0.05 ? 4 * v : 0.2 + 0.7 * Math.exp(-4 * (v - 0.05))) },
];
const sweeps = [
  { name: "shift, pixels", from: -16, to: 16, at: (t, map) => drawn(t, 0, map, 1) },
  { name: "rotation, degrees", from: -40, to: 40, at: (t, map) => drawn(0, (t * Math.PI) / 180, map, 1) },
];
const fixed = drawn(0, 0, (v) => v, 0);
const names = Object.keys(metrics).filter((m) => m !== "labelOverlap"); // compares labels, not contrasts
const inside = Tensor.ones([1, n, n]);

const [width, height, left, top, gap] = [96, 84, 26, 40, 10];
const parts = [];
const text = (x, y, what, extra = "") => parts.push(`<text x="${x}" y="${y}" ${extra}>${what}</text>`);
names.forEach((name, column) => {
  text(left + column * (width + gap) + width / 2, top - 8, name, 'text-anchor="middle" font-weight="600"');
  sweeps.forEach((sweep, row) => {
    const [x0, y0] = [left + column * (width + gap), top + row * (height + 34)];
    parts.push(`<rect x="${x0}" y="${y0}" width="${width}" height="${height}" fill="none" stroke="#bbb"/>`);
    parts.push(`<path d="M${x0 + width / 2} ${y0}v${height}" stroke="#ddd"/>`);
    for (const [end, anchor] of [
      [sweep.from, "start"],
      [0, "middle"],
      [sweep.to, "end"],
    ])
      text(
        x0 + ((end - sweep.from) / (sweep.to - sweep.from)) * width,
        y0 + height + 11,
        end,
        `text-anchor="${anchor}" fill="#777" font-size="8"`,
      );
    for (const { map, colour } of contrasts) {
      const ts = Array.from({ length: 65 }, (_, k) => sweep.from + (k / 64) * (sweep.to - sweep.from));
      const metric = metrics[name]();
      const ready = metric.prepare?.(fixed, sweep.at(0, map)) ?? metric;
      const values = ts.map((t) => ready.value(sweep.at(t, map), fixed, { warped: inside }).item());
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const points = values.map(
        (v, k) => `${(x0 + (k / 64) * width).toFixed(1)},${(y0 + 4 + (1 - (v - low) / (high - low || 1)) * (height - 8)).toFixed(1)}`,
      );
      parts.push(`<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.4"/>`);
      const best = ts[values.indexOf(low)];
      console.log(`${name}, ${sweep.name}: least at ${best}`);
    }
  });
});
sweeps.forEach((sweep, row) => {
  const y = top + row * (height + 34) + height / 2;
  text(14, y, sweep.name, `text-anchor="middle" transform="rotate(-90 14 ${y})"`);
});
contrasts.forEach(({ name, colour }, k) => {
  parts.push(`<path d="M${left + k * 130} 12h18" stroke="${colour}" stroke-width="2"/>`);
  text(left + k * 130 + 24, 15, name);
});
const [w, h] = [left + names.length * (width + gap), top + 2 * (height + 34) - 12];
mkdirSync(join(root, "docs/images"), { recursive: true });
writeFileSync(
  join(root, "docs/images/metrics.svg"),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" font-family="sans-serif" font-size="10" fill="#222">
<rect width="100%" height="100%" fill="#fff"/>
${parts.join("\n").replace(/<text /g, '<text stroke="none" ')}
</svg>
`,
);
