// Where a network for super-resolution enlarges, and how: what scripts/train/frameworks.mjs trained, measured.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../dist/core/index.js";
import { readSafetensors } from "../dist/io/index.js";
import { engine, startEngine } from "../dist/kernels/index.js";
import { refiningNetwork } from "../dist/models/index.js";
import { withWeightsOf } from "../dist/nn/index.js";
import { scope } from "../dist/tensor/index.js";
import { frameworkVariants, variantNetwork } from "../scripts/train/frameworkVariants.mjs";
import { folder } from "./inverseImages.mjs";
import { cubic, mean, psnrOf, set5 } from "./luminance.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- frameworks OUT/ [options]
  OUT/           what node scripts/train/frameworks.mjs OUT/ … wrote
  --threads N    default 2
  --no-save      print only, leave bench/results alone`;

export async function main(args) {
  const { values: o, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { threads: { type: "string", default: "2" }, "no-save": { type: "boolean" }, help: { type: "boolean" } },
  });
  const [out] = positionals;
  if (o.help || !out) {
    console.log(help);
    return o.help ? 0 : 2;
  }
  if (!existsSync(folder("sisr"))) {
    console.log("frameworks: the images are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  startEngine({ threads: Number(o.threads) });
  const images = Object.fromEntries([2, 2.5, 3, 4].map((s) => [s, set5(s)]));
  /** Mean PSNR of a function of (coarse, fine size) at a scale, processor seconds and megabytes for the largest image. */
  function measured(f, scale) {
    const found = images[scale].map(({ coarse, fine }) => {
      const before = engine().memoryUse.used;
      engine().resetPeak();
      const cpu = process.cpuUsage();
      const psnr = scope(() => psnrOf(f(coarse, fine.shape.slice(2)), fine, Math.ceil(scale)));
      const used = process.cpuUsage(cpu);
      return { psnr, seconds: (used.user + used.system) / 1e6, memory: (engine().memoryUse.peak - before) / 2 ** 20 };
    });
    return {
      psnr: mean(found.map((e) => e.psnr)),
      seconds: mean(found.map((e) => e.seconds)),
      memory: Math.max(...found.map((e) => e.memory)),
    };
  }
  const rows = [];
  const other = [];
  const plain = measured((x, size) => cubic(x, size), 4);
  rows.push(["cubic interpolation", "–", "–", "–", plain.psnr.toFixed(2), plain.seconds.toFixed(3), plain.memory.toFixed(0)]);
  other.push(["cubic interpolation", ...[2, 2.5, 3, 4].map((s) => measured((x, size) => cubic(x, size), s).psnr.toFixed(2))]);
  let run;
  for (const variant of frameworkVariants) {
    const { name } = variant;
    if (!existsSync(join(out, `${name}.json`))) {
      console.error(`${name}: not trained`);
      continue;
    }
    const said = JSON.parse(readFileSync(join(out, `${name}.json`), "utf8"));
    run ??= said;
    const file = readSafetensors(readFileSync(join(out, `${name}.safetensors`)));
    const model = withWeightsOf(variantNetwork(variant, said.features), file);
    const f = variant.refines ? (x, size) => model.forward(cubic(x, size)) : (x) => model.forward(x);
    measured(f, 4); // warm
    const m = measured(f, 4);
    const kind = { subPixel: "pixel shuffle", transposed: "transposed", nearest: "nearest", linear: "bilinear", cubic: "cubic" }[
      variant.upsampling
    ];
    rows.push([
      variant.refines ? "pre, ×2 ×3 ×4 by turns" : variant.framework,
      kind ?? "cubic",
      said.weights,
      (1000 * said.secondsEach).toFixed(0),
      m.psnr.toFixed(2),
      m.seconds.toFixed(3),
      m.memory.toFixed(0),
    ]);
    console.error(rows.at(-1).join("  "));
    if (!variant.refines && variant.framework !== "pre") continue;
    // After its enlargement, "pre" does not know the scale.
    const refine = variant.refines ? model : withWeightsOf(refiningNetwork({ random: seeded(1), features: said.features }), file);
    other.push([
      variant.refines ? "pre, trained on ×2 ×3 ×4" : "pre, trained on ×4",
      ...[2, 2.5, 3, 4].map((s) => measured((x, size) => refine.forward(cubic(x, size)), s).psnr.toFixed(2)),
    ]);
  }
  const lines = [
    ...heading("Where a network enlarges", machine(`npm run bench -- frameworks ${args.join(" ")}`.trim()), [
      `×4; as many weights and ${run?.steps ?? "?"} steps each of ${run?.batch ?? "?"} patches, 48 fine samples wide, one data loader (\`node scripts/train/frameworks.mjs\`)`,
      `Set5, mean PSNR of the studio-range luminance in dB, a border of 4 samples cut; the network alone, without back-projection`,
      `training ms: processor time of a step, 1 thread; s: of an image, ${o.threads} threads; MB: most held by the engine for the largest image (512²)`,
    ]),
    ...table(["framework", "enlarged by", "weights", "training ms", "PSNR", "s", "MB"], rows),
    "",
    "Other scales than one was trained on (×2.5 is of none): only what enlarges first can be asked for them.",
    "",
    ...table(["", "×2", "×2.5", "×3", "×4"], other),
    "",
  ];
  console.log(lines.join("\n"));
  if (!o["no-save"]) writeFileSync(join(root, "bench/results/frameworks.md"), `${lines.join("\n")}\n`);
  return 0;
}
