import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "../../dist/core/random.js";
import { homography } from "../../dist/vision/index.js";
import { dataFolder } from "../data.mjs";
import { picture } from "./homography.mjs";

export const about = "Photographs of different things: how often a homography is claimed";

export async function run() {
  const natural = join(dataFolder, "vision", "natural");
  const files = ["train", "val"].flatMap((set) =>
    existsSync(join(natural, set))
      ? readdirSync(join(natural, set))
          .sort()
          .map((f) => join(natural, set, f))
      : [],
  );
  const random = seeded(20);
  const rows = [];
  for (const [method, count, options] of [
    ["fast", 500, { fast: true }],
    ["full", 100, {}],
  ]) {
    let accepted = 0;
    let least = 0;
    for (let n = 0; n < count; n++) {
      const i = random.integer(files.length);
      const j = (i + 1 + random.integer(files.length - 1)) % files.length;
      const r = homography(await picture(files[i]), await picture(files[j]), options);
      if (r.status === "ok") accepted++;
      least = Math.min(least, r.logFalseAlarms);
    }
    rows.push([method, count, accepted, `${((100 * accepted) / count).toFixed(1)} %`, "1 %", least.toFixed(1)]);
  }
  return { head: ["method", "pairs", "status ok", "share", "goal", "surest (log10)"], rows };
}
