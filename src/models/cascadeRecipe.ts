import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { type Layer, pipeline, randomCrop, randomFlip, randomQuarterTurn, type Sample, shuffled } from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";
import { decibels, magnitudePsnr, measuredSlice, optimisation, randomAcceleration, rowsOf, tensorOf } from "./mrTraining.js";
import type { Recipe } from "./recipe.js";
import { type MeasuredImages, reconstructionCascade, sampledNormal } from "./reconstructionCascade.js";

const accelerations = [4, 6, 11];
/**
 * The cascade for undersampled MR from magnitude pictures: they become complex by a smooth phase, are sampled by whole lines 3.5 to 12 times less
 * than whole, and noise is added. Lines are rows; a strip of `patch` columns of all rows shows the folding as a whole slice does.
 */
export const cascadeRecipe: Recipe<Layer<MeasuredImages, Tensor>, Sample> = {
  name: "mr-cascade",
  summary: "images from few lines of k-space, one coil; learns from magnitude pictures of one size",
  steps: 12000,
  takes: ["domain"],
  least: ({ patch = 96 }) => [patch, patch],
  plan(pictures, held, { batch = 2, patch = 96, features = 32, depth = 5, domain = "image", seed = 1 }) {
    const rows = rowsOf("mr-cascade", [...pictures, ...held]);
    const kept = held.map(tensorOf);
    const view = pipeline(randomFlip(), randomQuarterTurn());
    const strip = randomCrop([rows, patch]);
    const psnr = (model: Layer<MeasuredImages, Tensor>, acceleration: number): number =>
      kept
        .map((slice, i) =>
          scope(() => {
            const { truth, zeroFilled, mask, scale } = measuredSlice(slice, { acceleration, noise: 0.005, random: seeded(1000 + i) });
            const one = (t: Tensor) => t.reshape(1, ...t.shape);
            const x = model.forward({ zeroFilled: one(zeroFilled), normal: sampledNormal(one(mask)) });
            return magnitudePsnr(x, one(truth), scale);
          }),
        )
        .reduce((s, v) => s + v, 0) / kept.length;
    return {
      model: reconstructionCascade({ random: seeded(seed), depth, features, domain }),
      data: shuffled({
        items: pictures.map(tensorOf),
        batch,
        seed,
        sample(slice, random) {
          const [whole] = view([slice], random);
          // Columns with next to nothing in them teach nothing.
          let part = whole;
          for (let i = 0; i < 4; i++) {
            [part] = strip([whole], random);
            if (part.mean().item() > 0.5 * whole.mean().item()) break;
          }
          const { data: _, ...seen } = measuredSlice(part, {
            acceleration: randomAcceleration(random),
            noise: 0.008 * random.uniform(),
            random,
          });
          return seen;
        },
      }),
      loss: (m, { zeroFilled, mask, truth }) => decibels(m.forward({ zeroFilled, normal: sampledNormal(mask) }), truth),
      ...optimisation,
      figures: (model) => Object.fromEntries(accelerations.map((a) => [`${a}×`, psnr(model, a)])),
      figuresTitle: "PSNR in dB of magnitudes of pictures held back, by acceleration",
      what: `reconstructionCascade${domain === "frequency" ? " of spectra" : ""}, ${depth} convolutions of ${features} channels in each of five; one coil, whole lines, 3.5 to 12 times fewer`,
      settings: { batch, patch, features, depth, seed, ...(domain !== "image" && { domain }) },
    };
  },
};
