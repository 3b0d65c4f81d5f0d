import { readFileSync } from "node:fs";
import { join } from "node:path";
import { imageFromRaw } from "../../dist/io/index.js";
import { openImage } from "../../dist/io/node.js";
import { homography } from "../../dist/vision/index.js";
import { project } from "../../dist/vision/planar.js";
import { dataFolder } from "../data.mjs";
import { median } from "../machine.mjs";

export const about = "Homographies by features: mean error at the corners or the annotated points";
const folder = (...path) => join(dataFolder, "vision", ...path);
export const picture = async (path) => imageFromRaw(await openImage(path));

export function errorOf(p, h, [width, height]) {
  if (!h) return Number.POSITIVE_INFINITY;
  const truth = p.H.flat();
  const corners = [
    [0, 0],
    [width - 1, 0],
    [0, height - 1],
    [width - 1, height - 1],
  ];
  const errors = (p.metric === "corner" ? corners : p.ptsA).map(([x, y], k) => {
    const [u, v] = p.metric === "corner" ? project(truth, x, y) : p.ptsB[k];
    const [a, b] = project(h, x, y);
    return Math.hypot(a - u, b - v);
  });
  return errors.reduce((s, e) => s + e, 0) / errors.length;
}

export async function run({ reps }) {
  const rows = [];
  const head = ["set", "method", "MHA@1/3/5 %", "goal", "median px", "s a pair", "goal s", "wrong but ok"];
  const goals = {
    homography: { full: ["45/91/100", 1], fast: ["40/75/90", 0.15] },
    warped: { full: ["100/100/100, 0.15 px", 1], fast: ["", 0.15] },
  };
  for (const set of ["homography", "warped"]) {
    const pairs = JSON.parse(readFileSync(folder(set, "pairs.json")));
    const images = [];
    for (const p of pairs) images.push([await picture(folder(set, p.a)), await picture(folder(set, p.b))]);
    for (const [method, options] of [
      ["full", {}],
      ["fast", { fast: true }],
      ["orb", { detector: "orb" }],
      ["harris", { detector: "harris" }],
    ]) {
      const errors = [];
      const times = [];
      let wrong = 0;
      for (const [k, p] of pairs.entries()) {
        const [a, b] = images[k];
        const seconds = [];
        let r;
        for (let i = 0; i < reps; i++) {
          const from = performance.now();
          r = homography(a, b, options);
          seconds.push((performance.now() - from) / 1000);
        }
        const e = errorOf(p, r.h, a.grid.size);
        errors.push(e);
        times.push(median(seconds));
        if (r.status === "ok" && e > 10) wrong++;
      }
      const share = (t) => Math.round((100 * errors.filter((e) => e < t).length) / errors.length);
      const [goal = "", seconds = ""] = goals[set][method] ?? [];
      rows.push([
        set,
        method,
        [1, 3, 5].map(share).join("/"),
        goal,
        median(errors).toFixed(3),
        (times.reduce((s, t) => s + t, 0) / times.length).toFixed(2),
        seconds,
        wrong,
      ]);
    }
  }
  return { head, rows, notes: [`times: medians of ${reps} in one process, mean over pairs`] };
}
