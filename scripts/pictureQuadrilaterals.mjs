/*
 * docs/images/quadrilaterals.svg: the outline of a real pair's first picture in its second one, true and as each method has it. Outlines alone: the photographs are not ours to show.
 *   SETS=homography QUADRILATERALS=q.json npm run bench -- vision --cases learnedHomography --no-save && node scripts/pictureQuadrilaterals.mjs q.json
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const { views, drawn } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const methods = [...new Set(drawn.map((d) => d.method))].filter((m) => m !== "the identity");
const [w, h, left, top] = [112, 84, 92, 42];
const project = (m, [x, y]) => {
  const z = m[6] * x + m[7] * y + m[8];
  return [(m[0] * x + m[1] * y + m[2]) / z, (m[3] * x + m[4] * y + m[5]) / z];
};
const corners = ([x, y]) => [
  [0, 0],
  [x - 1, 0],
  [x - 1, y - 1],
  [0, y - 1],
];
const parts = [];
const text = (x, y, s, more = "") => parts.push(`<text x="${x}" y="${y}" ${more}>${s}</text>`);
for (const [k, m] of methods.entries()) {
  const words = m
    .replace("network, ", "")
    .split(", ")
    .flatMap((s) => (s.length > 19 ? [s.slice(0, s.lastIndexOf(" ", 19)), s.slice(s.lastIndexOf(" ", 19) + 1)] : [s]));
  for (const [i, word] of words.entries()) text(left + (k + 0.5) * (w + 8), 12 + 12 * i, word, 'text-anchor="middle"');
}
for (const [r, view] of views.entries()) {
  const y0 = top + r * (h + 8);
  text(4, y0 + h / 2, view.name);
  const truth = corners(view.a).map((p) => project(view.truth, p));
  const all = [...truth, ...corners(view.b)];
  const range = (i) => [Math.min(...all.map((p) => p[i])), Math.max(...all.map((p) => p[i]))];
  const [[x1, x2], [y1, y2]] = [range(0), range(1)];
  const scale = 0.92 * Math.min(w / (x2 - x1), h / (y2 - y1));
  for (const [k, method] of methods.entries()) {
    const x0 = left + k * (w + 8);
    const at = ([x, y]) => [(x - (x1 + x2) / 2) * scale + w / 2, (y - (y1 + y2) / 2) * scale + h / 2];
    const line = (points, kind) => {
      if (!points.flat().every(Number.isFinite)) return "";
      return `<polygon class="${kind}" points="${points
        .map((p) =>
          at(p)
            .map((v) => Math.max(-999, Math.min(999, v)).toFixed(1))
            .join(","),
        )
        .join(" ")}"/>`;
    };
    const found = drawn.find((d) => d.pair === view.name && d.method === method);
    const guess = found?.h.length ? corners(view.a).map((p) => project(found.h, p)) : [[Number.NaN]];
    const error = found && Number.isFinite(found.error) ? (found.error < 100 ? found.error.toFixed(1) : "over 99") : "none";
    parts.push(
      `<svg x="${x0}" y="${y0}" width="${w}" height="${h}"><rect width="${w}" height="${h}" class="ground"/>${line(corners(view.b), "frame")}${line(truth, "true")}${line(guess, "found")}<text x="3" y="${h - 4}">${error}</text></svg>`,
    );
  }
}
const [width, height] = [left + methods.length * (w + 8), top + views.length * (h + 8)];
const style =
  "svg{background:#fff}text{fill:#333;font:11px system-ui,sans-serif}polygon{fill:none}.ground{fill:#f4f4f4}.frame{fill:#ddd}.true{stroke:#d22;stroke-width:3}.found{stroke:#e8b800;stroke-width:1.5}";
writeFileSync(
  join(dirname(fileURLToPath(import.meta.url)), "../docs/images/quadrilaterals.svg"),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="true and estimated outlines"><style>${style}</style>${parts.join("\n")}</svg>\n`,
);
