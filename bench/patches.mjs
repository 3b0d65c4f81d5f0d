// Denoisers and what is built on them: PSNR against goals, processor times.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readPng } from "../dist/io/png.js";
import { startEngine } from "../dist/kernels/index.js";
import { blurOperator } from "../dist/operators/index.js";
import { bm3d, dictionary, nonLocalMeans, plugAndPlay, totalVariation } from "../dist/priors/index.js";
import { blindKernel, enlarge, restore } from "../dist/reconstruction/index.js";
import { Tensor } from "../dist/tensor/index.js";
import { deblurring, inpainting } from "./denoiserCases.mjs";
import { array, decibels, files, folder, gray, psnr } from "./inverseImages.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- patches [options]
  --cases LIST   denoise, deblur, inpaint, superres, blind (default all)
  --images N     the first N images of each case (default all)
  --threads N    default 2
  --no-save      print only, leave bench/results alone`;

export const colour = (file) => {
  const p = readPng(readFileSync(file));
  const [w, h] = p.size;
  const plane = (c) => p.data.subarray((p.channels === 1 ? 0 : c) * w * h, ((p.channels === 1 ? 0 : c) + 1) * w * h);
  return Tensor.from(
    Float32Array.from(
      [0, 1, 2].flatMap((c) => [...plane(c)]),
      (v) => v / 255,
    ),
    [3, h, w],
  );
};
/** On the studio-range luminance of 8-bit colours, a border of `crop` pixels cut. */
export function psnrY(x, truth, crop) {
  const [, h, w] = truth.shape;
  const n = h * w;
  const y = (t, i) => {
    const v = (c) => Math.round(255 * Math.min(1, Math.max(0, t.data[c * n + i]))) / 255;
    return (65.481 * v(0) + 128.553 * v(1) + 24.966 * v(2) + 16) / 255;
  };
  let s = 0;
  for (let i = crop; i < h - crop; i++) for (let j = crop; j < w - crop; j++) s += (y(x, i * w + j) - y(truth, i * w + j)) ** 2;
  return decibels(s, (h - 2 * crop) * (w - 2 * crop));
}
/** The best over shifts of whole samples, which blind deblurring leaves open; 8 pixels cut. */
function psnrShifted(x, truth) {
  const [h, w] = truth.shape;
  let best = Number.NEGATIVE_INFINITY;
  for (let dy = -3; dy <= 3; dy++)
    for (let dx = -3; dx <= 3; dx++) {
      let s = 0;
      for (let i = 8; i < h - 8; i++)
        for (let j = 8; j < w - 8; j++) s += (Math.min(1, Math.max(0, x.data[(i + dy) * w + j + dx])) - truth.data[i * w + j]) ** 2;
      best = Math.max(best, decibels(s, (h - 16) * (w - 16)));
    }
  return best;
}

function cases() {
  const denoise = [25, 50].flatMap((sigma) =>
    [bm3d(), nonLocalMeans(), dictionary()].map((f) => ({
      case: "denoise",
      name: `${f.name}, σ ${sigma}`,
      goal: f.name === "bm3d" ? (sigma === 25 ? 29.5 : 25.8) : undefined,
      items: files("denoise", `y_s${sigma}`).map((file, i) => ({
        run: () => f.denoise(array(file), sigma / 255),
        score: (x) => psnr(x, gray(files("denoise", "gt")[i])),
      })),
    })),
  );
  const prior = plugAndPlay(bm3d());
  const deblur = deblurring(prior, (kernel) => `plug-and-play bm3d, ${kernel}`, { levin1: 31.5, levin3: 31.5 });
  const inpaint = inpainting(prior, (kind) => `bm3d, ${kind}`, { rand50: 32, rand80: 27 });
  const superres = [2, 3, 4].map((scale) => ({
    case: "superres",
    name: `enlarge ×${scale} (Y)`,
    goal: { 2: 35.2, 3: 31.5, 4: 29.3 }[scale],
    items: files("sisr", `lr_x${scale}`).map((file, i) => ({
      run: async () => (await enlarge(colour(file), { scale })).image,
      score: (x) => psnrY(x, colour(files("sisr", "gt")[i]), scale),
    })),
  }));
  const blind = ["levin1", "levin3"].map((kernel) => ({
    case: "blind",
    name: `kernel unknown, total variation, ${kernel}`,
    items: files("deblur", `y_${kernel}`).map((file, i) => ({
      run: async () => {
        const data = array(file);
        const { kernel: found } = await blindKernel(data, { periodic: true });
        return (await restore({ operator: blurOperator(data.shape, found), data, prior: totalVariation(), lambda: 2e-3 })).image;
      },
      score: (x) => psnrShifted(x, gray(files("deblur", "gt")[i])),
    })),
  }));
  return [...denoise, ...deblur, ...inpaint, ...superres, ...blind];
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      cases: { type: "string", default: "denoise,deblur,inpaint,superres,blind" },
      images: { type: "string", default: "100" },
      threads: { type: "string", default: "2" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  if (!existsSync(folder("denoise"))) {
    console.log("patches: the images are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  startEngine({ threads: Number(o.threads) });
  const wanted = o.cases.split(",");
  const mean = (v) => v.reduce((s, x) => s + x, 0) / v.length;
  const rows = [];
  const all = [];
  for (const c of cases().filter((c) => wanted.includes(c.case))) {
    const found = [];
    for (const [i, item] of c.items.slice(0, Number(o.images)).entries()) {
      const cpu = process.cpuUsage();
      const x = await item.run();
      const used = process.cpuUsage(cpu);
      found.push({ case: c.name, image: i + 1, psnr: item.score(x), processor: (used.user + used.system) / 1e6 });
    }
    all.push(...found);
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
    ...heading("Denoisers and what is built on them", machine(`npm run bench -- patches ${args.join(" ")}`.trim()), [
      "PSNR: mean of the images; super-resolution on the studio-range luminance, a border of `scale` pixels cut; blind: best over shifts of whole pixels",
      `processor s: seconds of processor time for an image, ${o.threads} threads`,
    ]),
    ...table(["case", "images", "PSNR", "goal", "processor s"], rows),
    "",
  ];
  console.log(lines.join("\n"));
  if (!o["no-save"]) {
    mkdirSync(join(root, "bench/results"), { recursive: true });
    writeFileSync(join(root, "bench/results/patches.md"), `${lines.join("\n")}\n`);
    writeFileSync(join(root, "bench/results/patches.json"), `${JSON.stringify(all, undefined, 1)}\n`);
  }
  return 0;
}
