// What a network for super-resolution is trained by: what scripts/train/losses.mjs trained, measured.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ssim } from "../dist/evaluation/index.js";
import { readSafetensors } from "../dist/io/index.js";
import { startEngine } from "../dist/kernels/index.js";
import { denoiserFeatures, loadModel } from "../dist/models/index.js";
import { perceptualLoss, withWeightsOf } from "../dist/nn/index.js";
import { scope } from "../dist/tensor/index.js";
import { lossNetwork, lossScale, lossVariants } from "../scripts/train/lossVariants.mjs";
import { mobileNetFeatures } from "../scripts/train/mobileNet.mjs";
import { folder } from "./inverseImages.mjs";
import { cubic, mean, psnrOf, set5 } from "./luminance.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- losses OUT/ [options]
  OUT/                what node scripts/train/losses.mjs OUT/ … wrote
  --mobilenet FOLDER  the unpacked npm package nsfwjs (4.x), for a second perceptual distance
  --threads N         default 2
  --no-save           print only, leave bench/results alone`;

export async function main(args) {
  const { values: o, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      threads: { type: "string", default: "2" },
      mobilenet: { type: "string" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const [out] = positionals;
  if (o.help || !out) {
    console.log(help);
    return o.help ? 0 : 2;
  }
  if (!existsSync(folder("sisr"))) {
    console.log("losses: the images are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  startEngine({ threads: Number(o.threads) });
  const images = set5(lossScale);
  const theirs = o.mobilenet && mobileNetFeatures(o.mobilenet);
  if (!theirs) console.error("MobileNet: peer absent");
  const ours = perceptualLoss({ features: denoiserFeatures(await loadModel("denoiser")) });
  const other = theirs && perceptualLoss({ features: theirs });
  const inner = (t, size) => t.slice([0, 0, lossScale, lossScale], [1, 1, size[0] - lossScale, size[1] - lossScale]);
  function row(name, f, more) {
    const found = images.map(({ coarse, fine }) =>
      scope(() => {
        const size = fine.shape.slice(2);
        const made = f(coarse, size).clamp(0, 1);
        const [a, b] = [inner(made, size), inner(fine, size)];
        const grid = { size: [a.shape[3], a.shape[2]] };
        return [
          psnrOf(made, fine, lossScale),
          ssim(a.data, b.data, grid),
          1e4 * ours(a, b).item(),
          other ? other(a, b).item() : Number.NaN,
        ];
      }),
    );
    const [p, s, d, e] = [0, 1, 2, 3].map((i) => mean(found.map((v) => v[i])));
    return [name, ...more, p.toFixed(2), s.toFixed(4), d.toFixed(1), Number.isNaN(e) ? "–" : e.toFixed(3)];
  }
  const rows = [row("cubic interpolation", cubic, ["–", "–"])];
  let run;
  for (const { name, base, terms = {} } of lossVariants) {
    if (!existsSync(join(out, `${name}.json`))) {
      console.error(`${name}: not trained`);
      continue;
    }
    const said = JSON.parse(readFileSync(join(out, `${name}.json`), "utf8"));
    run ??= said;
    const model = withWeightsOf(lossNetwork(), readSafetensors(readFileSync(join(out, `${name}.safetensors`))));
    const words = { tv: "TV", perceptual: "perceptual (denoiser)", mobilenet: "perceptual (MobileNet)", gan: "GAN" };
    const label = [base, ...Object.keys(terms).map((t) => words[t])].join(" + ");
    const weights = Object.values(said.weights).map((w) => w.toPrecision(2));
    rows.push(row(label, (x) => model.forward(x), [weights.join(", ") || "–", (1000 * said.secondsEach).toFixed(0)]));
    console.error(rows.at(-1).join("  "));
  }
  const lines = [
    ...heading("What a network is trained by", machine(`npm run bench -- losses ${args.join(" ")}`.trim()), [
      `×${lossScale}; one network (28 thousand weights, the same first ones), ${run?.steps ?? "?"} steps each of ${run?.batch ?? "?"} patches (\`node scripts/train/losses.mjs\`)`,
      `Set5, means over the studio-range luminance, a border of ${lossScale} samples cut; the network alone, without back-projection`,
      "weights: of the added terms; they have the size of L1 (TV: a tenth, GAN: half) for cubic enlargement",
      "perceptual: mean squared difference of the denoiser's features, times 10⁴; MobileNet: of the features of nsfwjs's MobileNet v2. Smaller is nearer",
      "training ms: processor time of a step, 1 thread",
    ]),
    ...table(["loss", "weights", "training ms", "PSNR", "SSIM", "perceptual", "MobileNet"], rows),
    "",
  ];
  console.log(lines.join("\n"));
  if (!o["no-save"]) writeFileSync(join(root, "bench/results/losses.md"), `${lines.join("\n")}\n`);
  return 0;
}
