import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { absoluteLoss, type Layer, type Sample, supervised } from "../nn/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import type { Tensor } from "../tensor/index.js";
import type { Recipe } from "./recipe.js";
import { superResolutionData, superResolutionPair } from "./superResolutionData.js";
import { superResolutionNetwork } from "./superResolutionNetwork.js";

/** Enlargement from fine pictures and their reductions; a patch counts coarse samples. */
export const superResolutionRecipe = (scale: number): Recipe<Layer, Sample> => ({
  name: `super-resolution-x${scale}`,
  summary: `pictures ${scale} times finer; learns from fine ones`,
  steps: 20000,
  least: ({ patch = 24 }) => [patch * scale, patch * scale],
  plan(pictures, held, { batch = 16, patch = 24, features = 32, depth = 6, seed = 1 }) {
    const pairs = pictures.map((p) => superResolutionPair(p, scale));
    const kept = held.map((p) => superResolutionPair(p, scale));
    /** A border of `scale` samples is left out, as the literature does. */
    const psnr = (model: Layer) =>
      kept
        .map(({ fine, coarse }) =>
          scope(() => {
            const [, h, w] = fine.shape;
            const made = model.forward(coarse.reshape(1, ...coarse.shape)).reshape(1, h, w);
            const inner = (t: Tensor) => t.slice([0, scale, scale], [1, h - scale, w - scale]);
            return -10 * Math.log10(Math.max(inner(made).sub(inner(fine)).square().mean().item(), 1e-12));
          }),
        )
        .reduce((s, v) => s + v, 0) / kept.length;
    return {
      model: superResolutionNetwork({ random: seeded(seed), scale, features, depth }),
      data: superResolutionData({ pairs, scale, batch, patch, seed }),
      loss: supervised(absoluteLoss()),
      optimiser: adamW({ step: 1e-3, decay: 1e-4 }),
      schedule: (steps) => cosine({ steps, warmUp: Math.min(200, steps >> 1) }),
      clip: 0.5,
      average: 0.999,
      figures: (model) => ({ [`×${scale}`]: psnr(model) }),
      figuresTitle: "PSNR in dB of pictures held back, reduced by antialiased cubic interpolation",
      what: `superResolutionNetwork ×${scale}, ${depth} convolutions of ${features} channels; gray values 0 to 1, antialiased cubic reduction`,
      settings: { batch, patch, features, depth, seed },
    };
  },
});
