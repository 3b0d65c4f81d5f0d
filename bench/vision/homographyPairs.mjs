import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "../../dist/core/random.js";
import { readSafetensors } from "../../dist/io/index.js";
import { homographyByNetwork, homographyNetwork } from "../../dist/models/index.js";
import { withWeightsOf } from "../../dist/nn/index.js";
import { curvePlot } from "../../dist/report/index.js";
import { root } from "../machine.mjs";
import { patches } from "./learnedHomography.mjs";

export const about = "Homographies by networks that learned from few pairs or many, with known moves and by brightness alone";
const style =
  "svg{background:#fff}.label{fill:#555;font:12px system-ui,sans-serif}.axis{fill:none;stroke:#555}.grid-line{stroke:#ddd}.curve{fill:none;stroke-width:2;stroke-linejoin:round}";
const order = (n) => (n === 0 ? Number.POSITIVE_INFINITY : n);

/** PULLBACK_WEIGHTS: what scripts/train/pairs.mjs wrote. */
export async function run() {
  const folder = process.env.PULLBACK_WEIGHTS ?? "";
  const files = existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith(".json")) : [];
  const items = files.length > 0 ? (await patches(false)).slice(0, Number(process.env.PAIRS ?? 40)) : [];
  const runs = [];
  for (const file of files) {
    const said = JSON.parse(readFileSync(join(folder, file), "utf8"));
    const weights = readSafetensors(readFileSync(join(folder, file.replace(".json", ".safetensors"))));
    const model = withWeightsOf(homographyNetwork({ random: seeded(1), features: said.features ?? 32 }), weights);
    let [first, last] = [0, 0];
    for (const { pair, error } of items) {
      const { steps } = homographyByNetwork(model, ...pair, { refine: "none", side: said.patch });
      first += Math.min(100, error(steps[0])) / items.length;
      last += Math.min(100, error(steps[steps.length - 1])) / items.length;
    }
    const scale = 128 / said.patch;
    const held = ["first step", "last step"].map((k) => -said.figures[k] * scale);
    runs.push({ ...said, first, last, held });
  }
  runs.sort((a, b) => a.kind.localeCompare(b.kind) || order(a.pairs) - order(b.pairs));
  if (runs.length > 0 && !process.argv.includes("--no-save")) {
    const kinds = [...new Set(runs.map((r) => r.kind))];
    const counts = [...new Set(runs.map((r) => r.pairs || r.steps * r.batch))].sort((a, b) => a - b);
    const svg = curvePlot(
      kinds.map((kind) => ({
        name: kind,
        values: counts.map((n) => runs.find((r) => r.kind === kind && (r.pairs || r.steps * r.batch) === n)?.last ?? Number.NaN),
      })),
      { x: counts.map((n) => Math.log10(n)), xLabel: "log₁₀ of the number of distinct pairs", yLabel: "corner error, px", title: "error" },
    ).replace(/^<svg([^>]*)>/, `<svg xmlns="http://www.w3.org/2000/svg"$1><style>${style}</style>`);
    writeFileSync(join(root, "bench/results/training/homography-pairs.svg"), svg);
  }
  return {
    head: [
      "kind",
      "distinct pairs",
      "steps × batch",
      "channels",
      "first step px",
      "last step px",
      "held back, first step",
      "held back, last step",
    ],
    rows: runs.map((r) => [
      r.kind,
      Math.min(r.pairs || Number.POSITIVE_INFINITY, r.steps * r.batch),
      `${r.steps} × ${r.batch}`,
      r.features ?? 32,
      ...[r.first, r.last, ...r.held].map((v) => v.toFixed(2)),
    ]),
    notes: [
      `the first ${items.length} of the patches whose corners moved by up to 32 of 128 pixels, seen at ${runs[0]?.patch ?? 64} × ${runs[0]?.patch ?? 64}; mean error at the corners, pixels of 128`,
      "held back: 24 pairs of two pictures that were not trained on, in other light and noise",
      ...(runs.length > 0 ? [] : ["no weights: node scripts/train/pairs.mjs OUT/ IMAGES…, then PULLBACK_WEIGHTS=OUT"]),
    ],
  };
}
