import { join } from "node:path";
import { stereo } from "../../dist/vision/index.js";
import { dataFolder } from "../data.mjs";
import { median } from "../machine.mjs";
import { picture } from "./homography.mjs";

export const about = "Stereo: share of pixels off by more than one, occluded ones and holes counted";
const folder = (...path) => join(dataFolder, "vision/stereo/cones", ...path);

export async function run({ reps }) {
  const [left, right, truth] = await Promise.all(["im2.png", "im6.png", "disp2.png"].map((name) => picture(folder(name))));
  const rows = [];
  for (const [method, options, goal, seconds] of [
    ["filled", {}, 15, 0.25],
    ["not filled", { fill: false }, "", ""],
    ["range 64", { range: 64 }, "", ""],
  ]) {
    const [wall, processor] = [[], []];
    let r;
    for (let k = 0; k <= reps; k++) {
      const [from, cpu] = [performance.now(), process.cpuUsage()];
      r = stereo(left, right, options);
      if (k === 0) continue; // the first warms up
      wall.push((performance.now() - from) / 1000);
      processor.push(process.cpuUsage(cpu).user / 1e6);
    }
    let [bad, agreedBad, all, agreed] = [0, 0, 0, 0];
    for (const [k, d] of truth.values.data.entries()) {
      if (d === 0) continue;
      const wrong = Math.abs(r.disparity[k] - d / 4) <= 1 ? 0 : 1;
      all++;
      bad += wrong;
      agreed += r.agreed[k];
      agreedBad += wrong * r.agreed[k];
    }
    const percent = (x) => (100 * x).toFixed(1);
    rows.push([
      ...["cones", method, percent(bad / all), goal, percent(agreedBad / agreed), percent(agreed / all)],
      ...[median(wall).toFixed(3), median(processor).toFixed(3), seconds],
    ]);
  }
  const head = ["pair", "method", "bad-1.0 %", "goal", "of agreed %", "agreed %", "s", "processor s", "goal s"];
  return { head, rows, notes: [`times: medians of ${reps} after a warm-up, from pictures in memory to the disparities`] };
}
