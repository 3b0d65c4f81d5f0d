import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readFlo } from "../../dist/io/index.js";
import { opticalFlow } from "../../dist/vision/index.js";
import { dataFolder } from "../data.mjs";
import { median } from "../machine.mjs";
import { picture } from "./homography.mjs";

export const about = "Optical flow: mean end-point error in pixels, where the flow is known";
const folder = (...path) => join(dataFolder, "vision/flow", ...path);
const sets = [
  ["rubberwhale", "rubberwhale_10.png", "rubberwhale_11.png", "rubberwhale.flo", { fast: [0.2, 0.15], variational: [0.11, 3] }],
  ["chairs0", "chairs0_0.png", "chairs0_1.png", "chairs0.flo", { variational: [1.55, 3] }],
];
const methods = [
  ["variational", {}],
  ["fast", { fast: true }],
  ["tvl1", { method: "tvl1" }],
  ["tvl1, fast", { method: "tvl1", fast: true }],
  ["dis, fast", { method: "dis", fast: true }],
  ["hornSchunck", { method: "hornSchunck" }],
];

export async function run({ reps }) {
  const rows = [];
  for (const [name, first, second, truth, goals] of sets) {
    const [a, b] = [await picture(folder(first)), await picture(folder(second))];
    const gt = readFlo(readFileSync(folder(truth)));
    for (const [method, options] of methods) {
      const [wall, processor] = [[], []];
      let r;
      for (let k = 0; k <= reps; k++) {
        const [from, cpu] = [performance.now(), process.cpuUsage()];
        r = opticalFlow(a, b, options);
        if (k === 0) continue; // the first warms up
        wall.push((performance.now() - from) / 1000);
        processor.push(process.cpuUsage(cpu).user / 1e6);
      }
      let [sum, count] = [0, 0];
      for (let k = 0; k < gt.u.length; k++)
        if (!Number.isNaN(gt.u[k])) {
          sum += Math.hypot(r.u[k] - gt.u[k], r.v[k] - gt.v[k]);
          count++;
        }
      const [goal = "", seconds = ""] = goals[method] ?? [];
      rows.push([name, method, (sum / count).toFixed(3), goal, median(wall).toFixed(3), median(processor).toFixed(3), seconds]);
    }
  }
  const head = ["pair", "method", "error px", "goal", "s", "processor s", "goal s"];
  return { head, rows, notes: [`times: medians of ${reps} after a warm-up, from pictures in memory to the flow`] };
}
