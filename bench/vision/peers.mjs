import { readFileSync } from "node:fs";
import { join } from "node:path";
import { homography } from "../../dist/vision/index.js";
import { dataFolder } from "../data.mjs";
import { median } from "../machine.mjs";
import { openCv } from "../opencv.mjs";
import { errorOf, picture } from "./homography.mjs";

export const about = "Homographies beside OpenCV, interleaved pair by pair";
const sets = [
  ["homography", 1],
  ["warped", 3], // every third: an extract that lasts a minute
];

export async function run() {
  const peer = await openCv("homography.py");
  const used = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const ours = { "Pullback, full": {}, "Pullback, fast": { fast: true }, "Pullback, ORB": { detector: "orb" } };
  const rows = [];
  for (const [set, every] of sets) {
    const folder = (...path) => join(dataFolder, "vision", set, ...path);
    const pairs = JSON.parse(readFileSync(folder("pairs.json"))).filter((_, k) => k % every === 0);
    const scores = new Map([...Object.keys(ours), ...(peer?.methods ?? [])].map((name) => [name, []]));
    // Once before the clock starts: nobody's first call counts.
    const warm = pairs[0];
    for (const o of Object.values(ours)) homography(await picture(folder(warm.a)), await picture(folder(warm.b)), o);
    for (const method of peer?.methods ?? []) await peer.ask({ method, a: folder(warm.a), b: folder(warm.b) });
    for (const p of pairs) {
      const [a, b] = [await picture(folder(p.a)), await picture(folder(p.b))];
      for (const [name, options] of Object.entries(ours)) {
        const [from, cpu] = [performance.now(), used()];
        const { h } = homography(a, b, options);
        scores.get(name).push([errorOf(p, h, a.grid.size), (performance.now() - from) / 1000, used() - cpu]);
      }
      for (const method of peer?.methods ?? []) {
        const { h, seconds, processor } = await peer.ask({ method, a: folder(p.a), b: folder(p.b) });
        scores.get(method).push([errorOf(p, h, a.grid.size), seconds, processor]);
      }
    }
    for (const [name, list] of scores) {
      const share = (t) => Math.round((100 * list.filter(([e]) => e < t).length) / list.length);
      const mean = (k) => (list.reduce((s, v) => s + v[k], 0) / list.length).toFixed(2);
      rows.push([
        `${set} (${list.length})`,
        name,
        [1, 3, 5].map(share).join("/"),
        median(list.map(([e]) => e)).toFixed(2),
        mean(1),
        mean(2),
      ]);
    }
  }
  peer?.close();
  return {
    head: ["set", "method", "MHA@1/3/5 %", "median px", "s a pair", "s of processor"],
    rows,
    notes: [
      peer
        ? `OpenCV ${peer.version} (Python), one thread; USAC_MAGSAC at 3 px; RootSIFT with ratio 0.85`
        : "peer absent: OpenCV (apt-get install python3-opencv)",
    ],
  };
}
