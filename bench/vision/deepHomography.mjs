import { readFileSync } from "node:fs";
import { join } from "node:path";
import { image } from "../../dist/image/index.js";
import { homography } from "../../dist/vision/index.js";
import { invertHomography, project, throughFour } from "../../dist/vision/planar.js";
import { dataFolder } from "../data.mjs";
import { median } from "../machine.mjs";
import { picture } from "./homography.mjs";

export const about = "Patches of 128 × 128 pixels whose corners are moved by up to 32 (DeTone and others), by features and brightness";
const side = 128;
// The patch reaches from 0 to 128: with corners at 127 the truth itself is half a pixel off, and pictures pulled back by it agree less.
const corners = [
  [0, 0],
  [side, 0],
  [side, side],
  [0, side],
];

export async function run() {
  const folder = join(dataFolder, "vision", "deephomography");
  const { pairs } = JSON.parse(readFileSync(join(folder, "pairs.json")));
  const strips = [];
  for (let k = 0; k < 4; k++) strips.push(await picture(join(folder, `pairs_0${k}.png`)));
  const rows = [];
  for (const [method, options, goal] of [
    ["features", {}, ""],
    ["features, then brightness (refine lk)", { refine: "lk" }, "0.11"],
    ["features, then correlation (refine ecc)", { refine: "ecc" }, ""],
    ["fast, then brightness", { fast: true, refine: "lk" }, ""],
  ])
    for (const way of ["B to A", "A to B"]) {
      const errors = [];
      let milliseconds = 0;
      let wrong = 0;
      let ok = 0;
      for (const [i, { delta }] of pairs.entries()) {
        const strip = strips[Math.floor(i / 50)].values.data;
        const cut = (left) =>
          image(
            Float32Array.from(
              { length: side * side },
              (_, k) => strip[((i % 50) * side + Math.floor(k / side)) * 2 * side + left + (k % side)],
            ),
            { size: [side, side] },
          );
        const [a, b] = [cut(0), cut(side)];
        const truth = throughFour({ a: corners.flat(), b: corners.flatMap(([x, y], k) => [x + delta[k][0], y + delta[k][1]]) });
        const from = process.cpuUsage();
        const r = way === "B to A" ? homography(b, a, options) : homography(a, b, options);
        const { user, system } = process.cpuUsage(from);
        milliseconds += (user + system) / 1000 / pairs.length;
        const h = r.h && (way === "B to A" ? r.h : invertHomography(r.h));
        const error = h
          ? corners.reduce((s, [x, y]) => {
              const [u, v] = project(truth, x, y);
              const [p, q] = project(h, x, y);
              return s + Math.hypot(p - u, q - v) / 4;
            }, 0)
          : Number.POSITIVE_INFINITY;
        errors.push(error);
        if (r.status === "ok") ok++;
        if (r.status === "ok" && !(error < 3)) wrong++;
      }
      rows.push([
        method,
        way,
        (errors.reduce((s, e) => s + e, 0) / errors.length).toFixed(4),
        goal,
        median(errors).toFixed(4),
        `${((100 * errors.filter((e) => e < 3).length) / errors.length).toFixed(1)} %`,
        goal && "100 %",
        milliseconds.toFixed(0),
        ok,
        wrong,
      ]);
    }
  const head = ["method", "way", "mean px", "goal", "median px", "below 3 px", "goal", "CPU ms", "status ok", "wrong but ok"];
  return { head, rows, notes: [`${pairs.length} pairs; errors at the corners of B, in A`] };
}
