import { networkTracker } from "../../dist/models/index.js";
import { boxTracker } from "../../dist/vision/index.js";
import { trained } from "../visionWeights.mjs";
import { follow } from "./tracking.mjs";

export const about =
  "Boxes through frames by networks: Lucas–Kanade on learned features beside regression and the correlation filter, on sequences none of them saw";

export async function run() {
  const methods = [["correlation filter", boxTracker]];
  const missing = [];
  for (const [name, title] of [
    ["tracking-deep-lk", "Deep-LK"],
    ["tracking-regression", "regression"],
  ]) {
    const model = await trained(name);
    if (model) methods.push([title, (first, box) => networkTracker(model, first, box)]);
    else missing.push(`no weights of ${name}: pullback train ${name}, then PULLBACK_WEIGHTS=FOLDER with ${name}/weights.safetensors`);
  }
  const rows = [];
  for (const [title, begin] of methods) for (const row of await follow(begin)) rows.push([title, ...row]);
  return {
    head: ["method", "sequence", "frames", "AUC", "precision at 20 px", "lost", "frames/s (processor)", "frames/s (wall)"],
    rows,
    notes: ["goals: Deep-LK above regression and at 60 frames/s, regression at 100 frames/s", ...missing],
  };
}
