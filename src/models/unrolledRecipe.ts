import { type Random, seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { type Layer, pipeline, randomCrop, randomFlip, randomQuarterTurn, squaredLoss } from "../nn/index.js";
import { blurOperator, gaussianKernel, maskOperator } from "../operators/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { inpaintBiharmonic } from "../reconstruction/index.js";
import { randomNormal, randomUniform, stack, Tensor } from "../tensor/index.js";
import { denoisingNetwork } from "./denoisingNetwork.js";
import { loadModel } from "./models.js";
import type { Recipe, TrainingPicture } from "./recipe.js";
import { type MeasuredPictures, unrolledRestoration } from "./unrolledRestoration.js";

/** What is measured of clean pictures, and they themselves. */
export interface UnrolledBatch extends MeasuredPictures {
  /** Without noise. */
  readonly clean: Tensor;
}
/** A way to measure: the operator, the noise and, where there is a good one, the start, of pictures [n, 1, y, x]. */
type Measuring = (clean: Tensor, random: Random) => UnrolledBatch;

/** Known with probability `share`, no noise; the biharmonic interpolation to begin with. */
const missing =
  (share: (random: Random) => number): Measuring =>
  (clean, random) => {
    const known = randomUniform(clean.shape, 0, 1, random).less(share(random));
    const data = clean.mul(known);
    const sigma = Tensor.full([clean.shape[0]], 1e-3);
    return { clean, operator: maskOperator(known), data, sigma, start: inpaintBiharmonic(data, known, { dimensions: 2 }).image };
  };

/** The path of a shaken hand: a walk whose direction turns slowly, on 19 × 19 samples. */
export function strokeKernel(random: Random): Tensor {
  const side = 19;
  const weights = new Float32Array(side * side);
  let [y, x, angle] = [side / 2, side / 2, 2 * Math.PI * random.uniform()];
  for (let k = 0, n = 40 + random.integer(160); k < n; k++) {
    angle += 0.6 * (random.uniform() - 0.5);
    y += 0.12 * Math.sin(angle);
    x += 0.12 * Math.cos(angle);
    const [i, j] = [Math.floor(y), Math.floor(x)];
    if (i < 0 || j < 0 || i + 1 >= side || j + 1 >= side) break;
    for (const [di, dj] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ])
      weights[(i + di) * side + j + dj] += Math.abs(1 - di - (y - i)) * Math.abs(1 - dj - (x - j));
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  return Tensor.from(
    weights.map((w) => w / sum),
    [side, side],
  );
}
/** A periodic blur and white noise of 1 to 6/255. */
const blurred =
  (kernel: (random: Random) => Tensor): Measuring =>
  (clean, random) => {
    const strength = (1 + 5 * random.uniform()) / 255;
    const operator = blurOperator(clean.shape, kernel(random));
    const noise = randomNormal(clean.shape, random).mul(strength);
    return { clean, operator, data: operator.apply(clean).add(noise), sigma: Tensor.full([clean.shape[0]], strength) };
  };
const bell = (random: Random) => gaussianKernel(15, 0.6 + 1.8 * random.uniform());

/** For each problem: the ways of training, the network's form, and the ways that it is judged by. */
export const unrolledProblems = {
  /** Missing samples. */
  inpainting: {
    summary: "missing samples of gray pictures",
    operator: "10 to 60 % of the samples, by chance",
    steps: 6,
    own: true,
    measure: missing((random) => 0.1 + 0.5 * random.uniform()),
    looks: { "50 % known": missing(() => 0.5), "20 % known": missing(() => 0.2) } as Readonly<Record<string, Measuring>>,
  },
  /** A known blur. */
  deblur: {
    summary: "blurred gray pictures, the kernel known",
    operator: "periodic blurs by Gaussians and strokes of a hand, noise of 1 to 6/255",
    steps: 8,
    own: false,
    measure: blurred((random) => (random.uniform() < 0.4 ? bell(random) : strokeKernel(random))),
    looks: { Gaussian: blurred(() => gaussianKernel(15, 1.6)), stroke: blurred(strokeKernel) } as Readonly<Record<string, Measuring>>,
  },
} as const;
/** A name in `unrolledProblems`. */
export type UnrolledProblem = keyof typeof unrolledProblems;

/** The network of a problem with its first weights. */
export function unrolledNetwork(
  problem: UnrolledProblem,
  random: Random,
  denoiser?: Parameters<typeof unrolledRestoration>[0]["denoiser"],
) {
  const { steps, own } = unrolledProblems[problem];
  return unrolledRestoration({ random, steps, own, denoiser });
}

/**
 * Plug-and-play of a fixed number of steps, trained end to end: it begins as the package's denoiser in every step (of other `features` or `depth`: as an untrained one),
 * and each batch is measured in another way.
 */
export const unrolledRecipe = (problem: UnrolledProblem): Recipe<Layer<MeasuredPictures, Tensor>, UnrolledBatch> => {
  const { summary, operator, steps: stages, own, measure, looks } = unrolledProblems[problem];
  return {
    name: `unrolled-${problem}`,
    summary: `${summary}, by unrolled plug-and-play; learns from clean ones`,
    steps: 2000,
    least: ({ patch = 64 }) => [patch, patch],
    async plan(pictures, held, { batch = 4, patch = 64, features, depth, seed = 1 }) {
      const random = seeded(seed);
      const denoiser =
        features === undefined && depth === undefined ? await loadModel("denoiser") : denoisingNetwork({ random, features, depth });
      const tensorOf = ({ values, height, width }: TrainingPicture) => Tensor.from(values, [1, height, width]);
      const all = pictures.map(tensorOf);
      const kept = held.map(tensorOf);
      const view = pipeline(randomCrop(patch), randomFlip(), randomQuarterTurn());
      return {
        model: unrolledNetwork(problem, random, denoiser),
        data: (chance) => {
          const cut = Array.from({ length: batch }, () => view([all[chance.integer(all.length)]], chance)[0]);
          return measure(stack(cut, 0), chance);
        },
        loss: (m, { clean, ...y }) => squaredLoss()(m.forward(y), clean),
        optimiser: adamW({ step: 3e-4 }),
        schedule: (steps) => cosine({ steps, warmUp: Math.min(50, steps >> 1) }),
        clip: 0.1,
        average: 0.99,
        figures: (model) =>
          Object.fromEntries(
            Object.entries(looks).map(([name, look]) => {
              const values = kept.map((picture, k) =>
                scope(() => {
                  const [, h, w] = picture.shape;
                  const side = Math.min(192, h, w);
                  const [y, x] = [(h - side) >> 1, (w - side) >> 1];
                  const clean = picture.slice([0, y, x], [1, y + side, x + side]).reshape(1, 1, side, side);
                  const { clean: _, ...rest } = look(clean, seeded(1000 + k));
                  return -10 * Math.log10(Math.max(model.forward(rest).sub(clean).square().mean().item(), 1e-12));
                }),
              );
              return [name, values.reduce((a, b) => a + b, 0) / values.length];
            }),
          ),
        figuresTitle: "PSNR in dB of pictures held back, by what is measured of them",
        what: `unrolledRestoration, ${stages} steps, ${own ? "a denoiser each" : "one denoiser"}; A: ${operator}; values 0 to 1`,
        settings: { batch, patch, features: features ?? "denoiser", depth: depth ?? "denoiser", seed },
      };
    },
  };
};
