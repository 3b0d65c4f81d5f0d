import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { imageFromRaw } from "../../dist/io/index.js";
import { openImage } from "../../dist/io/node.js";
import { boxTracker } from "../../dist/vision/index.js";
import { dataFolder } from "../data.mjs";

export const about = "Boxes through frames: one pass from the first frame's box";
const sequences = ["crossing", "dragonbaby", "car4", "carchase2"];

/** AUC over thresholds 0, 0.05 … 1 of overlap; precision: centres nearer than 20 pixels; frames a second of processor and of wall time, without decoding. */
export async function follow(begin) {
  const rows = [];
  const mean = [0, 0, 0, 0];
  for (const name of sequences) {
    const folder = join(dataFolder, "vision/tracking", name);
    const files = readdirSync(folder)
      .filter((f) => f.endsWith(".jpg"))
      .sort();
    const truth = readFileSync(join(folder, "groundtruth.txt"), "utf8")
      .trim()
      .split(/\s+/)
      .map((l) => l.split(",").map(Number));
    const [overlaps, errors] = [[], []];
    let [cpu, wall, lost] = [0, 0, 0];
    let tracker;
    for (const [k, file] of files.entries()) {
      const frame = imageFromRaw(await openImage(join(folder, file)));
      const [x, y, width, height] = truth[k];
      const [c0, w0] = [process.cpuUsage(), performance.now()];
      let b = { x, y, width, height, lost: false };
      if (tracker) b = tracker.next(frame);
      else tracker = begin(frame, b);
      const used = process.cpuUsage(c0);
      cpu += (used.user + used.system) / 1e6;
      wall += (performance.now() - w0) / 1000;
      lost += b.lost ? 1 : 0;
      const side = (p, a, q, c) => Math.max(0, Math.min(p + a, q + c) - Math.max(p, q));
      const both = side(x, width, b.x, b.width) * side(y, height, b.y, b.height);
      overlaps.push(both / (width * height + b.width * b.height - both));
      errors.push(Math.hypot(b.x + b.width / 2 - x - width / 2, b.y + b.height / 2 - y - height / 2));
    }
    const n = files.length;
    let auc = 0;
    for (let t = 0; t <= 20; t++) auc += overlaps.filter((v) => v > t * 0.05).length / n / 21;
    const figures = [auc, errors.filter((e) => e < 20).length / n, n / cpu, n / wall];
    for (const [i, v] of figures.entries()) mean[i] += v / sequences.length;
    rows.push([name, n, figures[0].toFixed(3), figures[1].toFixed(3), lost, figures[2].toFixed(0), figures[3].toFixed(0)]);
  }
  rows.push(["mean", "", mean[0].toFixed(3), mean[1].toFixed(3), "", mean[2].toFixed(0), mean[3].toFixed(0)]);
  return rows;
}

export async function run() {
  return {
    head: ["sequence", "frames", "AUC", "precision at 20 px", "lost", "frames/s (processor)", "frames/s (wall)"],
    rows: await follow((frame, box) => boxTracker(frame, box)),
    notes: ["goal: mean AUC 0.77, precision 0.93, 60 frames/s; OpenCV's CSRT 0.752, 0.918, 24 frames/s, KCF 0.499, 0.601, 340"],
  };
}
