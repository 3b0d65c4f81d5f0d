import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { type Layer, pipeline, randomCrop, randomFlip, randomQuarterTurn, type Sample, shuffled, squaredLoss } from "../nn/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { denoisingNetwork, type NoisyImages, networkDenoiser } from "./denoisingNetwork.js";
import type { Recipe, TrainingPicture } from "./recipe.js";

const most = 55;
const strengths = [15, 25, 50];
const tensorOf = ({ values, height, width }: TrainingPicture) => Tensor.from(values, [1, height, width]);

/** PSNR in dB of the middles of pictures, for noise of 15, 25 and 50 of 255. */
function psnrs(model: Layer<NoisyImages, Tensor>, held: readonly Tensor[]): Record<string, number> {
  const denoiser = networkDenoiser(model);
  return Object.fromEntries(
    strengths.map((s) => {
      const errors = held.map((image, k) =>
        scope(() => {
          const [, h, w] = image.shape;
          const side = Math.min(256, h, w);
          const [y, x] = [(h - side) >> 1, (w - side) >> 1];
          const clean = image.slice([0, y, x], [1, y + side, x + side]);
          const noisy = clean.add(randomNormal(clean.shape, seeded(1000 + k)).mul(s / 255));
          return denoiser
            .denoise(noisy, s / 255)
            .sub(clean)
            .square()
            .mean()
            .item();
        }),
      );
      return [`σ ${s}`, errors.reduce((sum, e) => sum - 10 * Math.log10(Math.max(e, 1e-12)), 0) / errors.length];
    }),
  );
}

/** The denoising network from clean pictures: patches, turned and mirrored, with noise of a deviation from 0 to 55/255. */
export const denoiserRecipe: Recipe<Layer<NoisyImages, Tensor>, Sample> = {
  name: "denoiser",
  summary: "noise of 0 to 55/255 off gray pictures; learns from clean ones",
  steps: 26000,
  least: ({ patch = 48 }) => [patch, patch],
  plan(pictures, held, { batch = 8, patch = 48, features = 32, depth = 8, seed = 1 }) {
    const view = pipeline(randomCrop(patch), randomFlip(), randomQuarterTurn());
    const kept = held.map(tensorOf);
    return {
      model: denoisingNetwork({ random: seeded(seed), features, depth }),
      data: shuffled({
        items: pictures.flatMap((p) => Array.from({ length: 64 }, () => tensorOf(p))), // a pass is 64 patches of each
        batch,
        seed,
        sample(image, random) {
          const [clean] = view([image], random);
          const sigma = (most / 255) * random.uniform();
          return { clean, sigma: Tensor.full([], sigma), image: clean.add(randomNormal(clean.shape, random).mul(sigma)) };
        },
      }),
      loss: (m, { image, sigma, clean }) => squaredLoss()(m.forward({ image, sigma }), clean),
      optimiser: adamW({ step: 2e-3, decay: 1e-4 }),
      schedule: (steps) => cosine({ steps, warmUp: Math.min(200, steps >> 1) }),
      clip: 0.1,
      average: 0.999,
      figures: (model) => psnrs(model, kept),
      figuresTitle: "PSNR in dB of pictures held back, by the deviation of the noise of 255",
      what: `denoisingNetwork, gray, ${depth} convolutions of ${features} channels; white noise of deviation 0 to ${most}/255, values 0 to 1`,
      settings: { batch, patch, features, depth, seed },
    };
  },
};
