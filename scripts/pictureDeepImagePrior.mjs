/*
 * docs/images/deepImagePriorCurves.svg: how fast a network learns a picture, the same with noise, its pixels shuffled, and noise.
 * docs/images/deepImagePrior.png, two rows: a hole and letters, filled in biharmonically, by total variation, by the deep image prior, the truth;
 * noise, the deep image prior on it; a fourth of the size, cubic, the deep image prior on it. PSNRs are printed. Run after npm run build:
 *   node scripts/pictureDeepImagePrior.mjs [curves|pictures] [STEPS] [PICTURE]
 * PICTURE: a png for the curves, its middle of 128 × 128 samples; else what the other pictures show.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decode, encode } from "fast-png";
import { seeded } from "../dist/core/index.js";
import { identityOperator, maskOperator, resizeOperator } from "../dist/operators/index.js";
import { biharmonic, totalVariation } from "../dist/priors/index.js";
import { deepImagePrior, restore } from "../dist/reconstruction/index.js";
import { curvePlot } from "../dist/report/index.js";
import { randomNormal, Tensor } from "../dist/tensor/index.js";

const [what = "both", given, file] = process.argv.slice(2);
const steps = Number(given ?? 600);
const n = 64;
const shape = [n, n];
const place = (name) => join(import.meta.dirname, "../docs/images", name);
const made = (f) =>
  Tensor.from(
    Float32Array.from({ length: n * n }, (_, k) => f(k % n, Math.floor(k / n))),
    shape,
  );
/** Rings, stripes and a disc. */
const picture = made((x, y) => {
  const r = Math.hypot(x - 22, y - 23);
  if (r < 18) return 0.5 + 0.4 * Math.cos((r * r) / 30);
  if (x > 42) return (x + y) % 10 < 5 ? 0.85 : 0.2;
  return Math.hypot(x - 26, y - 52) < 8 ? 0.95 : 0.3;
});
const psnr = (x) => -10 * Math.log10(x.sub(picture).square().mean().item());

/** The middle of a picture, gray, 0 to 1. */
function middle(name, side) {
  const { width, height, channels, depth, data } = decode(readFileSync(name));
  const gray = (i) => {
    const [r, g = r, b = r] = data.subarray(i * channels, i * channels + Math.min(3, channels === 2 ? 1 : channels));
    return (0.299 * r + 0.587 * g + 0.114 * b) / (2 ** depth - 1);
  };
  const at = (k) => ((height - side) / 2 + Math.floor(k / side)) * width + (width - side) / 2 + (k % side);
  return Tensor.from(
    Float32Array.from({ length: side * side }, (_, k) => gray(at(k))),
    [side, side],
  );
}

async function curves() {
  const natural = file ? middle(file, 128) : picture;
  const { shape } = natural;
  const n = shape[0];
  const random = seeded(4);
  const order = Int32Array.from({ length: n * n }, (_, i) => i);
  for (let i = n * n - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  const noise = randomNormal(shape, seeded(5));
  const subjects = {
    "a picture": natural,
    "the same and noise": natural.add(noise.mul(0.1)),
    "its pixels shuffled": Tensor.from(
      Float32Array.from(order, (k) => natural.data[k]),
      shape,
    ),
    noise: noise.mul(0.25).add(0.5),
  };
  const series = [];
  for (const [name, data] of Object.entries(subjects)) {
    const variance = data.sub(data.mean()).square().mean().item();
    const r = await deepImagePrior({ operator: identityOperator(shape), data, held: 0, jitter: 0, iterations: steps });
    series.push({ name, values: r.history.seen.map((v) => v / variance) });
    console.log(name, "error left of the variance:", (r.history.seen.at(-1) / variance).toExponential(2));
  }
  const style =
    "svg{background:#fff}.label{fill:#555;font:12px system-ui,sans-serif}.axis{fill:none;stroke:#555}.grid-line{stroke:#ddd}.curve{fill:none;stroke-width:2;stroke-linejoin:round}";
  const x = series[0].values.map((_, i) => 5 * (i + 1));
  const svg = curvePlot(series, { x, xLabel: "step", yLabel: "error / variance", title: "What a network learns first" });
  writeFileSync(
    place("deepImagePriorCurves.svg"),
    svg.replace(/^<svg([^>]*)>/, `<svg xmlns="http://www.w3.org/2000/svg"$1><style>${style}</style>`),
  );
}

/** A word of letters of 5 × 7, twice as large. */
const letters = [
  "111101111011111011101111",
  "100101001010010010010010", // not a font, but strokes as thin as letters
  "111101111010010010010111",
  "100001010010010010010010",
  "100001001011111011101001",
];
const hidden = made((x, y) => {
  if (x >= 44 && x < 56 && y >= 14 && y < 26) return 0; // the hole
  const [i, j] = [Math.floor((y - 36) / 2), Math.floor((x - 6) / 2)];
  return letters[i]?.[j] === "1" ? 0 : 1;
});

async function pictures() {
  const operator = maskOperator(hidden);
  const data = picture.mul(hidden);
  const smooth = (await restore({ operator, data, prior: biharmonic(), lambda: 0 })).image;
  const flat = (await restore({ operator, data, prior: totalVariation(), lambda: 0.002 })).image;
  const whole = await deepImagePrior({ operator, data, iterations: steps });
  const noisy = picture.add(randomNormal(shape, seeded(1)).mul(0.1));
  const clean = await deepImagePrior({ operator: identityOperator(shape), data: noisy, noise: 0.1, iterations: steps });
  const reduce = resizeOperator(shape, { size: [n / 2, n / 2] });
  const small = reduce.apply(picture);
  const cubic = resizeOperator([n / 2, n / 2], { size: shape }).apply(small);
  const fine = await deepImagePrior({ operator: reduce, data: small, noise: 0, iterations: steps });
  console.log(
    "hole and letters: biharmonic",
    psnr(smooth).toFixed(2),
    "TV",
    psnr(flat).toFixed(2),
    "prior",
    psnr(whole.image).toFixed(2),
    whole.reason,
  );
  console.log("noise 0.1:", psnr(noisy).toFixed(2), "prior", psnr(clean.image).toFixed(2), clean.best, clean.reason);
  console.log("×2: cubic", psnr(cubic).toFixed(2), "prior", psnr(fine.image).toFixed(2), fine.best, fine.reason);
  const rows = [
    [data, smooth, flat, whole.image, picture],
    [noisy, clean.image, cubic, fine.image, picture],
  ];
  const [zoom, gap] = [2, 6];
  const side = n * zoom;
  const [width, height] = [5 * side + 4 * gap, 2 * side + gap];
  const out = new Uint8Array(width * height).fill(255);
  rows.forEach((row, r) => {
    row.forEach((x, c) => {
      for (let i = 0; i < side; i++)
        for (let j = 0; j < side; j++)
          out[(r * (side + gap) + i) * width + c * (side + gap) + j] =
            255 * Math.min(1, Math.max(0, x.data[Math.floor(i / zoom) * n + Math.floor(j / zoom)]));
    });
  });
  writeFileSync(place("deepImagePrior.png"), encode({ width, height, data: out, channels: 1 }));
}
if (what !== "pictures") await curves();
if (what !== "curves") await pictures();
process.exit(0);
