import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { overlapDistance } from "../../dist/vision/index.js";
import { invertHomography, multiply3 } from "../../dist/vision/planar.js";
import { dataFolder } from "../data.mjs";
import { median, root } from "../machine.mjs";

export const about = "Mosaics: the homographies of all pairs of views against the truth, over the overlap";

/** The command line, as it is scored: everything from reading to the picture on disk. */
export async function run({ reps, threads }) {
  const head = ["views", "pairs", "mean px", "goal", "worst pair px", "max px", "goal", "focal px", "s in all", "goal s"];
  const rows = [];
  for (const set of readdirSync(join(dataFolder, "vision/mosaic")).sort()) {
    const folder = join(dataFolder, "vision/mosaic", set);
    const truth = JSON.parse(readFileSync(join(folder, "views.json")));
    const seconds = [];
    let json;
    for (let k = 0; k < reps; k++) {
      const to = mkdtempSync(join(tmpdir(), "mosaic-"));
      const args = ["mosaic", ...truth.views.map((v) => join(folder, v.file)), "-o", join(to, "pano.png"), "--threads", threads, "--json"];
      json = JSON.parse(execFileSync("node", [join(root, "dist/cli/main.js"), ...args.map(String)], { maxBuffer: 1e9 }));
      rmSync(to, { recursive: true });
      seconds.push(json.seconds.total);
    }
    const errors = [];
    for (let i = 0; i < truth.views.length; i++)
      for (let j = i + 1; j < truth.views.length; j++) {
        const t = multiply3(invertHomography(truth.views[j].H.flat()), truth.views[i].H.flat());
        const p = json.pairs.find((e) => e.i === i && e.j === j);
        const size = [2 * truth.K[0][2], 2 * truth.K[1][2]];
        const d = p
          ? overlapDistance(p.H.flat(), t, size, size, 4)
          : { mean: Number.POSITIVE_INFINITY, max: Number.POSITIVE_INFINITY, count: 1 };
        if (d.count > 0) errors.push(d);
      }
    const mean = errors.reduce((s, e) => s + e.mean, 0) / errors.length;
    const most = (key) => Math.max(...errors.map((e) => e[key])).toFixed(3);
    rows.push([
      set,
      errors.length,
      mean.toFixed(3),
      "0.15",
      most("mean"),
      most("max"),
      "0.6",
      json.figures.focal.toFixed(1),
      median(seconds).toFixed(2),
      "5",
    ]);
  }
  return {
    head,
    rows,
    notes: [
      "peers measured on the same views: Hugin with the field of view given mean 0.26, max 1.20 px, 29 s; pairwise SIFT and MAGSAC mean 3.66, max 81 px",
    ],
  };
}
