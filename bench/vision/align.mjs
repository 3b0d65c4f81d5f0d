import { readdirSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "../../dist/core/random.js";
import { image } from "../../dist/image/index.js";
import { align } from "../../dist/vision/index.js";
import { project, throughFour } from "../../dist/vision/planar.js";
import { dataFolder } from "../data.mjs";
import { median } from "../machine.mjs";
import { picture } from "./homography.mjs";

export const about = "Direct alignment: 100 × 100 templates whose corners are moved at random (Baker and Matthews)";
const side = 220;
const corners = [
  [0, 0],
  [99, 0],
  [99, 99],
  [0, 99],
];

/** The middle of a photograph in gray, and values between its samples. */
async function windows() {
  const folder = join(dataFolder, "vision", "natural", "val");
  const out = [];
  for (const f of readdirSync(folder).sort().slice(0, 20)) {
    const im = await picture(join(folder, f));
    const [W, H] = im.grid.size;
    const d = im.values.data;
    const n = W * H;
    const gray = (k) => (d.length === 3 * n ? 0.299 * d[k] + 0.587 * d[n + k] + 0.114 * d[2 * n + k] : d[k]);
    const [ox, oy] = [(W - side) >> 1, (H - side) >> 1];
    out.push(Float32Array.from({ length: side * side }, (_, k) => gray((oy + Math.floor(k / side)) * W + ox + (k % side))));
  }
  return out;
}
function between(window, x, y) {
  const [u, v] = [x, y].map((c) => Math.min(side - 1.001, Math.max(0, c)));
  const [i, j] = [Math.floor(u), Math.floor(v)];
  const [f, g, k] = [u - i, v - j, j * side + i];
  return (1 - g) * ((1 - f) * window[k] + f * window[k + 1]) + g * ((1 - f) * window[k + side] + f * window[k + side + 1]);
}

export async function run({ reps }) {
  const list = await windows();
  const rows = [];
  const trial = (random, n, { sigma, noise = 0, covered = 0 }) => {
    const window = list[n % list.length];
    const from = [60, 159, 159, 60].map((x, k) => [x, k < 2 ? 60 : 159]);
    const to = from.map(([x, y]) => [x + sigma * random.normal(), y + sigma * random.normal()]);
    const truth = throughFour({ a: corners.flat(), b: to.flat() });
    const start = throughFour({ a: corners.flat(), b: from.flat() });
    const template = Float32Array.from({ length: 1e4 }, (_, k) => {
      const [x, y] = project(truth, k % 100, Math.floor(k / 100));
      return between(window, x, y) + noise * random.normal();
    });
    if (covered > 0) {
      const s = Math.round(100 * Math.sqrt(covered));
      const [x0, y0] = [random.integer(100 - s), random.integer(100 - s)];
      const other = list[(n + 7) % list.length];
      for (let y = 0; y < s; y++) for (let x = 0; x < s; x++) template[(y + y0) * 100 + x + x0] = other[(y + 40) * side + x + 60];
      for (let k = 0; k < 1e4; k++) template[k] = 0.8 * template[k] + 20;
    }
    return { truth, start, a: image(template, { size: [100, 100] }), b: image(window, { size: [side, side] }) };
  };
  for (const [name, goal, setting, count, options] of [
    ["σ 6", "100 %, 0.02 px", { sigma: 6 }, 100, {}],
    ["σ 10", "100 %, 0.02 px", { sigma: 10 }, 100, {}],
    ["σ 10, noise 8", "100 %, 0.04 px", { sigma: 10, noise: 8 }, 100, {}],
    ["σ 24", "85 %", { sigma: 24 }, 100, {}],
    ["σ 10, 30 % covered, gain and bias", "80 %", { sigma: 10, covered: 0.3 }, 100, {}],
    ["σ 6, one level, ic", "", { sigma: 6 }, 50, { levels: 0, robust: "none", search: false }],
    ["σ 6, one level, fa", "", { sigma: 6 }, 50, { levels: 0, robust: "none", search: false, method: "fa" }],
    ["σ 6, one level, esm", "", { sigma: 6 }, 50, { levels: 0, robust: "none", search: false, method: "esm" }],
    ["σ 6, one level, ecc", "", { sigma: 6 }, 50, { levels: 0, robust: "none", search: false, method: "ecc" }],
  ]) {
    const random = seeded(100 + setting.sigma);
    const errors = [];
    let seconds = 0;
    let ok = 0;
    let wrong = 0;
    for (let n = 0; n < count; n++) {
      const { truth, start, a, b } = trial(random, n, setting);
      const t = performance.now();
      const r = align(a, b, { start, ...options });
      seconds += (performance.now() - t) / 1000;
      const e = corners.reduce((s, [x, y]) => {
        const [u, v] = project(r.h, x, y);
        const [p, q] = project(truth, x, y);
        return s + Math.hypot(u - p, v - q) / 4;
      }, 0);
      if (r.status === "ok") ok++;
      if (r.status === "ok" && !(e < 1)) wrong++;
      if (e < 1) errors.push(e);
    }
    rows.push([
      name,
      `${Math.round((100 * errors.length) / count)} %`,
      (errors.reduce((s, e) => s + e, 0) / errors.length).toFixed(4),
      goal,
      ((1000 * seconds) / count).toFixed(1),
      ok,
      wrong,
    ]);
  }
  // Steps a second: the difference of two numbers of steps, so that what is done once does not count.
  const { a, b, start } = trial(seeded(5), 0, { sigma: 6 });
  for (const method of ["ic", "fc", "fa", "esm", "ecc"]) {
    const time = (iterations) => {
      const all = [];
      for (let k = 0; k < 2 * reps + 3; k++) {
        const t = performance.now();
        align(a, b, { start, method, levels: 0, robust: "none", search: false, tolerance: 0, iterations });
        all.push(performance.now() - t);
      }
      return median(all);
    };
    const [few, many] = [time(10), time(210)];
    const used = (n) => align(a, b, { start, method, levels: 0, robust: "none", search: false, tolerance: 0, iterations: n }).iterations;
    rows.push([
      `steps a second, ${method}`,
      "",
      "",
      method === "ic" ? "4000/s" : "",
      `${Math.round((1000 * (used(210) - used(10))) / (many - few))}/s`,
      "",
      "",
    ]);
  }
  return { head: ["case", "converged", "mean error px", "goal", "ms", "status ok", "wrong but ok"], rows };
}
