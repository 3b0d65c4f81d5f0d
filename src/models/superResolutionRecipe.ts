import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { absoluteLoss, type Layer, type Sample, shuffled, supervised } from "../nn/index.js";
import { resizeOperator } from "../operators/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { Tensor } from "../tensor/index.js";
import type { Recipe, TrainingPicture } from "./recipe.js";
import { superResolutionNetwork } from "./superResolutionNetwork.js";

/** A picture cut to a multiple of the scale, and its antialiased cubic reduction, rounded to 8 bits as files are. */
function pairOf({ values, height, width }: TrainingPicture, scale: number): { readonly fine: Tensor; readonly coarse: Tensor } {
  const [h, w] = [height, width].map((s) => s - (s % scale));
  return scope(() => {
    const fine = Tensor.from(values, [1, height, width]).slice([0, 0, 0], [1, h, w]);
    const coarse = resizeOperator(fine.shape, { size: [h / scale, w / scale] }).apply(fine);
    return { fine, coarse: coarse.mul(255).add(0.5).floor().div(255) };
  });
}

/** Enlargement from fine pictures and their reductions; a patch counts coarse samples. */
export const superResolutionRecipe = (scale: number): Recipe<Layer, Sample> => ({
  name: `super-resolution-x${scale}`,
  summary: `pictures ${scale} times finer; learns from fine ones`,
  steps: 20000,
  least: ({ patch = 24 }) => [patch * scale, patch * scale],
  plan(pictures, held, { batch = 16, patch = 24, features = 32, depth = 6, seed = 1 }) {
    const pairs = pictures.map((p) => pairOf(p, scale));
    const kept = held.map((p) => pairOf(p, scale));
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
      data: shuffled({
        items: pairs.flatMap((p) => Array.from({ length: 64 }, () => p)), // a pass is 64 patches of each
        batch,
        seed,
        sample({ fine, coarse }, random) {
          const [, h, w] = coarse.shape;
          const [y, x] = [random.integer(h - patch + 1), random.integer(w - patch + 1)];
          const symmetry = random.integer(8); // of the square
          const cut = (t: Tensor, s: number) => {
            let v = t.slice([0, y * s, x * s], [1, (y + patch) * s, (x + patch) * s]);
            if (symmetry & 1) v = v.flip(1);
            if (symmetry & 2) v = v.flip(2);
            return symmetry & 4 ? v.transpose() : v;
          };
          return { input: cut(coarse, 1), target: cut(fine, scale) };
        },
      }),
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
