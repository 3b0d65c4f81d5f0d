// From blurred to sharp: the path of the minimiser against going level by level and against the sharp images alone, from harder and harder starts.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { applyAffine, centreOf, grid, image } from "../dist/image/index.js";
import { readPoints } from "../dist/io/index.js";
import { readBytes, readImageFile } from "../dist/io/node.js";
import { ssd } from "../dist/metrics/index.js";
import { alignLinear, traceHomotopy } from "../dist/registration/index.js";
import { atSpacing } from "../dist/registration/levels.js";
import { affineFromParameters } from "../dist/transforms/index.js";
import { hasData, registrationData } from "./data.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- homotopy [options]
  --model NAME   translation, rigid, similarity or affine (default affine)
  --spacing N    pixels of the 128² pictures that make one of the experiment's (default 2)
  --no-save      print only, leave bench/results and docs/images alone`;

const methods = {
  "sharp images alone": async (fixed, moving, model, start) => {
    const r = await alignLinear({ fixed, moving }, model, start, ssd(), true, { iterations: 200, level: 0, levels: 1 });
    return { map: r.map, evaluations: r.values.length };
  },
  "level by level": async (fixed, moving, model, start) => {
    let map = start;
    let evaluations = 0;
    for (const spacing of [16, 8, 4, 2, 1].filter((s) => s >= fixed.grid.spacing[0])) {
      const level = { fixed: atSpacing(fixed, spacing), moving: atSpacing(moving, spacing) };
      const r = await alignLinear(level, model, map, ssd(), spacing === fixed.grid.spacing[0], { iterations: 100, level: 0, levels: 1 });
      map = r.map;
      evaluations += r.values.length;
    }
    return { map, evaluations };
  },
  "homotopy, no predictor": traced({ predictor: false }),
  "homotopy, JᵀJ": traced({ hessian: "gaussNewton" }),
  "homotopy, exact": traced({}),
};
function traced(options) {
  return async (fixed, moving, model, start) => {
    const r = await traceHomotopy(fixed, moving, { model, start, ...options });
    return {
      map: r.map,
      evaluations: r.cost.hessians,
      points: r.path.length,
      minima: r.path.filter((p) => p.minimum).length,
      path: r.path,
    };
  };
}

const gray = (file) => {
  const raw = readImageFile(file);
  return image(
    Float32Array.from(raw.data, (v) => v / 255),
    grid({ size: raw.size }),
  );
};

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      model: { type: "string", default: "affine" },
      spacing: { type: "string", default: "2" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  if (!hasData()) {
    console.log("homotopy: the hands of FAIR are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  const [fixed, moving] = ["hands-R.png", "hands-T.png"].map((name) => atSpacing(gray(registrationData("fair", name)), Number(o.spacing)));
  const csv = readBytes(registrationData("fair", "hands_landmarks.csv"));
  const [p, q] = ["fixed_", "moving_"].map((prefix) => readPoints(csv, { prefix }));
  const at = (t, k) => [t.points[2 * k], t.points[2 * k + 1]];
  const landmarks = Array.from({ length: p.count }, (_, k) => ({ p: at(p, k), q: at(q, k) }));
  const error = (map) =>
    landmarks.reduce((s, { p, q }) => s + Math.hypot(...applyAffine(map, p).map((v, i) => v - q[i])), 0) / landmarks.length;
  const middle = centreOf(fixed.grid);
  // Turns about the middle of the picture, and shifts: how the moving image is placed at the start.
  const starts = [
    ...[-90, -60, -40, -20, 0, 20, 40, 60, 90].map((angle) => ({ name: `${angle}°`, angle, shift: [0, 0] })),
    ...[-30, 30].map((x) => ({ name: `${x} px along x`, angle: 0, shift: [x, 0] })),
    ...[-30, 30].map((y) => ({ name: `${y} px along y`, angle: 0, shift: [0, y] })),
  ];
  const names = Object.keys(methods);
  const results = [];
  for (const s of starts) {
    const start = affineFromParameters("rigid", [...s.shift, (s.angle * Math.PI) / 180], middle);
    const row = { ...s, before: error(start), found: {} };
    for (const name of names) {
      const before = process.cpuUsage();
      const r = await methods[name](fixed, moving, o.model, start);
      const used = process.cpuUsage(before);
      row.found[name] = { ...r, error: error(r.map), seconds: (used.user + used.system) / 1e6 };
    }
    results.push(row);
    console.error(`${s.name}: ${names.map((n) => row.found[n].error.toFixed(1)).join("  ")}`);
  }
  const m = machine(`npm run bench -- homotopy ${args.join(" ")}`.trim());
  const rows = results.map((r) => [r.name, r.before.toFixed(1), ...names.map((n) => r.found[n].error.toFixed(1))]);
  const best = Math.min(...results.flatMap((r) => names.map((n) => r.found[n].error)));
  const reached = (n) => results.filter((r) => r.found[n].error < best + 2).length;
  const mean = (f) => (results.reduce((s, r) => s + f(r), 0) / results.length).toFixed(1);
  const lines = [
    ...heading("From blurred to sharp", m, [
      `hands of FAIR at ${o.spacing} px, ${o.model}, squared differences; mean distance of 7 landmarks in px; starts: turns about the middle, shifts`,
    ]),
    ...table(["start", "before", ...names], rows),
    "",
    ...table(
      [
        "method",
        `within 2 px of the best (${best.toFixed(1)}), of ${results.length} starts`,
        "Gauss–Newton or Newton matrices, mean",
        "processor seconds, mean",
      ],
      names.map((n) => [n, reached(n), mean((r) => r.found[n].evaluations), mean((r) => r.found[n].seconds)]),
    ),
    "",
  ];
  console.log(lines.join("\n"));
  if (!o["no-save"]) {
    const write = (file, text) => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    };
    write(join(root, "bench/results/homotopy.md"), `${lines.join("\n")}\n`);
    const turns = results.filter((r) => r.shift.every((v) => v === 0));
    write(join(root, "docs/images/homotopy.svg"), figure(turns, ["sharp images alone", "level by level", "homotopy, exact"]));
  }
  return 0;
}

/** Curves of the landmarks' error over the turn at the start. */
function figure(turns, names) {
  const [width, height, left, bottom, top] = [760, 360, 56, 46, 46];
  const high = Math.ceil(Math.max(...turns.flatMap((r) => [r.before, ...names.map((n) => r.found[n].error)])) / 10) * 10;
  const px = (a) => left + ((a + 90) / 180) * (width - left - 16);
  const py = (v) => height - bottom - (v / high) * (height - bottom - top);
  const colours = ["#9aa0a6", "#d1495b", "#e09f3e", "#1f6fb2"];
  const all = [
    { name: "before", values: turns.map((r) => r.before) },
    ...names.map((n) => ({ name: n, values: turns.map((r) => r.found[n].error) })),
  ];
  const text = (x, y, s, anchor = "middle") =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" font-family="sans-serif" font-size="13" fill="#333">${s}</text>`;
  const parts = [`<rect width="${width}" height="${height}" fill="white"/>`];
  for (let v = 0; v <= high; v += 20)
    parts.push(`<line x1="${left}" x2="${width - 16}" y1="${py(v)}" y2="${py(v)}" stroke="#e5e5e5"/>`, text(left - 8, py(v) + 4, v, "end"));
  for (const r of turns) parts.push(text(px(r.angle), height - bottom + 20, `${r.angle}°`));
  all.forEach((s, k) => {
    const at = turns.map((r, i) => `${px(r.angle).toFixed(1)},${py(s.values[i]).toFixed(1)}`);
    parts.push(
      `<polyline points="${at.join(" ")}" fill="none" stroke="${colours[k]}" stroke-width="2.5"${k === 0 ? ' stroke-dasharray="5 5"' : ""}/>`,
    );
    for (const p of at) parts.push(`<circle cx="${p.split(",")[0]}" cy="${p.split(",")[1]}" r="3.2" fill="${colours[k]}"/>`);
    parts.push(
      `<line x1="${left + 175 * k}" x2="${left + 175 * k + 26}" y1="20" y2="20" stroke="${colours[k]}" stroke-width="3"/>`,
      text(left + 175 * k + 32, 24, s.name, "start"),
    );
  });
  parts.push(text((left + width) / 2, height - 8, "turn at the start"), text(left, top + 2, "mean distance of the landmarks, px", "start"));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Landmark error over the turn at the start, with and without homotopy">${parts.join("")}</svg>\n`;
}
