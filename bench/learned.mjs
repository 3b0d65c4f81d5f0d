// The learned denoiser, and plug-and-play with it: PSNR against goals, processor times. Its weights were trained on none of these images.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../dist/core/index.js";
import { importTensorFlowLayers } from "../dist/io/index.js";
import { startEngine } from "../dist/kernels/index.js";
import { learnedDenoiser, learnedEnlarger, learnedScales } from "../dist/models/index.js";
import { plugAndPlay } from "../dist/priors/index.js";
import { enlarge } from "../dist/reconstruction/index.js";
import { randomNormal, scope } from "../dist/tensor/index.js";
import { deblurring, inpainting } from "./denoiserCases.mjs";
import { array, files, folder, gray, psnr } from "./inverseImages.mjs";
import { heading, machine, root, table } from "./machine.mjs";
import { colour, psnrY } from "./patches.mjs";

const help = `npm run bench -- learned [options]
  --cases LIST   denoise, deblur, inpaint, superres (by the denoiser), enlarge (by networks), upscaler (default all)
  --images N     the first N images of each case (default all)
  --threads N    default 2
  --weights F    weights of another training (default: those of the package)
  --upscaler F   a folder whose node_modules have @upscalerjs/esrgan-slim (and -medium): their networks on the same images, in our engine
  --no-save      print only, leave bench/results alone`;

function cases(f) {
  const prior = plugAndPlay(f);
  const truths = files("denoise", "gt");
  const denoise = [15, 25, 50].map((sigma) => ({
    case: "denoise",
    name: `denoise, σ ${sigma}`,
    goal: { 25: 29.6, 50: 26.3 }[sigma],
    items: truths.slice(0, sigma === 50 ? 7 : undefined).map((truth, i) => ({
      run() {
        const clean = gray(truth);
        // Noise of 15 is not in the data: made here.
        const noisy =
          sigma === 15 ? clean.add(randomNormal(clean.shape, seeded(100 + i)).mul(sigma / 255)) : array(files("denoise", `y_s${sigma}`)[i]);
        return f.denoise(noisy, sigma / 255);
      },
      score: (x) => psnr(x, gray(truth)),
    })),
  }));
  const deblur = deblurring(prior, (kernel) => `plug-and-play, ${kernel}`, { "gauss1.6": 29.7, levin1: 32.4, levin3: 32.3 });
  const inpaint = inpainting(prior, (kind) => `inpaint, ${kind}`, { rand50: 33, rand80: 28 });
  const superres = [2, 3, 4].map((scale) => ({
    case: "superres",
    name: `denoiser, 8 steps ×${scale} (Y)`,
    items: files("sisr", `lr_x${scale}`).map((file, i) => ({
      run: async () => (await enlarge(colour(file), { scale, denoiser: f })).image,
      score: (x) => psnrY(x, colour(files("sisr", "gt")[i]), scale),
    })),
  }));
  return [...denoise, ...deblur, ...inpaint, ...superres];
}

/** The networks of the package that enlarge, alone, with back-projection (as superres does), and the mean of eight views. */
async function enlargers() {
  const kinds = [
    { what: "network alone", views: 1, noise: 1e-12 }, // agreement is only asked for where there is no noise
    { what: "network", views: 1, goal: { 2: 36.7, 3: 32.8, 4: 30.5 } },
    { what: "network, 8 views", views: 8 },
  ];
  const found = [];
  for (const scale of learnedScales)
    for (const { what, views, noise, goal } of kinds) {
      const network = await learnedEnlarger(scale, { views });
      found.push(
        enlargement(
          `${what} ×${scale} (Y)`,
          scale,
          async (file) => (await enlarge(colour(file), { scale, network, noise })).image,
          goal?.[scale],
        ),
      );
    }
  return found;
}
const enlargement = (name, scale, run, goal, kind = "enlarge") => ({
  case: kind,
  name,
  goal,
  items: files("sisr", `lr_x${scale}`).map((file, i) => ({
    run: () => run(file),
    score: (x) => psnrY(x, colour(files("sisr", "gt")[i]), scale),
  })),
});
/** UpscalerJS' layers-models, read as any of TensorFlow.js: red, green and blue, 0 to 255. */
function upscalers(place) {
  const found = [];
  for (const kind of ["slim", "medium"])
    for (const scale of [2, 3, 4]) {
      const at = join(place ?? "", "node_modules/@upscalerjs", `esrgan-${kind}`, "models", `x${scale}`);
      if (!place || !existsSync(at)) continue;
      const json = JSON.parse(readFileSync(join(at, "model.json"), "utf8"));
      const parts = json.weightsManifest.flatMap((g) => g.paths).map((p) => readFileSync(join(at, p)));
      const network = importTensorFlowLayers(json, Buffer.concat(parts));
      const run = (file) =>
        scope(() =>
          network
            .forward(
              colour(file)
                .mul(255)
                .reshape(1, ...colour(file).shape),
            )
            .div(255),
        );
      const flat = (y) => y.reshape(...y.shape.slice(1));
      found.push(enlargement(`UpscalerJS esrgan-${kind} ×${scale} (Y)`, scale, (file) => flat(run(file)), undefined, "upscaler"));
    }
  if (found.length === 0) console.error("UpscalerJS: peer absent");
  return found;
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      cases: { type: "string", default: "denoise,deblur,inpaint,superres,enlarge,upscaler" },
      upscaler: { type: "string" },
      images: { type: "string", default: "100" },
      threads: { type: "string", default: "2" },
      weights: { type: "string" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  if (!existsSync(folder("denoise"))) {
    console.log("learned: the images are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  startEngine({ threads: Number(o.threads) });
  const f = await learnedDenoiser(o.weights ? { weights: readFileSync(o.weights) } : {});
  const wanted = o.cases.split(",");
  const mean = (v) => v.reduce((s, x) => s + x, 0) / v.length;
  const rows = [];
  const all = [...cases(f), ...(await enlargers()), ...(wanted.includes("upscaler") ? upscalers(o.upscaler) : [])];
  for (const c of all.filter((c) => wanted.includes(c.case))) {
    const found = [];
    if (c.case === "enlarge" || c.case === "upscaler") await c.items[0].run(); // fractions of a second: compiled before they are timed
    for (const item of c.items.slice(0, Number(o.images))) {
      const cpu = process.cpuUsage();
      const x = await item.run();
      const used = process.cpuUsage(cpu);
      found.push({ psnr: item.score(x), processor: (used.user + used.system) / 1e6 });
    }
    const reached = mean(found.map((e) => e.psnr));
    rows.push([
      c.name,
      found.length,
      reached.toFixed(2),
      c.goal === undefined ? "–" : `${c.goal} ${reached >= c.goal ? "reached" : "missed"}`,
      mean(found.map((e) => e.processor)).toFixed(2),
    ]);
    console.error(rows.at(-1).join("  "));
  }
  const lines = [
    ...heading("The learned denoiser and what is built on it", machine(`npm run bench -- learned ${args.join(" ")}`.trim()), [
      "PSNR: mean of the images; super-resolution on the studio-range luminance, a border of `scale` pixels cut",
      `processor s: seconds of processor time for an image, ${o.threads} threads`,
    ]),
    ...table(["case", "images", "PSNR", "goal", "processor s"], rows),
    "",
  ];
  console.log(lines.join("\n"));
  if (!o["no-save"]) {
    mkdirSync(join(root, "bench/results"), { recursive: true });
    writeFileSync(join(root, "bench/results/learned.md"), `${lines.join("\n")}\n`);
  }
  return 0;
}
