import { ArgumentError } from "../core/errors.js";
import { type Random, seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { type Layer, pipeline, randomCrop, randomFlip, randomQuarterTurn, type Sample, shuffled } from "../nn/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { complex, fft, ifft, randomNormal, Tensor } from "../tensor/index.js";
import { lines, phase } from "./mrSampling.js";
import type { Recipe, TrainingPicture } from "./recipe.js";
import { fromChannels, type MeasuredImages, reconstructionCascade, sampledNormal, toChannels } from "./reconstructionCascade.js";

const accelerations = [4, 6, 11];
/** Values up to 1. */
function tensorOf({ values, height, width }: TrainingPicture): Tensor {
  const peak = values.reduce((a, b) => Math.max(a, b), 0);
  return Tensor.from(peak > 0 ? values.map((v) => v / peak) : values, [1, height, width]);
}

/** A slice [1, y, x] ↦ the complex truth and A*y in two channels, and the mask. The largest magnitude of A*y is 1. */
function measured(slice: Tensor, acceleration: number, noise: number, random: Random): Sample {
  const [, h, w] = slice.shape;
  const image = complex(slice.reshape(h, w)).mul(phase(h, w, random));
  const mask = Tensor.from(lines(h, acceleration, random), [h, 1]);
  const grain = () => randomNormal([h, w], random).mul(noise);
  const k = fft(image, { normalisation: "ortho" }).add(complex(grain(), grain()));
  const folded = ifft(k.mul(mask), { normalisation: "ortho" });
  const scale = Math.max(folded.abs().max().item(), 1e-3);
  const channels = (z: Tensor) => toChannels(z.div(scale).reshape(1, 1, h, w)).reshape(2, h, w);
  return { truth: channels(image), zeroFilled: channels(folded), mask: mask.reshape(1, h, 1), scale: Tensor.full([], scale) };
}

/**
 * The cascade for undersampled MR from magnitude pictures: they become complex by a smooth phase, are sampled by whole lines 3.5 to 12 times less
 * than whole, and noise is added. Lines are rows; a strip of `patch` columns of all rows shows the folding as a whole slice does.
 */
export const cascadeRecipe: Recipe<Layer<MeasuredImages, Tensor>, Sample> = {
  name: "mr-cascade",
  summary: "images from few lines of k-space, one coil; learns from magnitude pictures of one size",
  steps: 12000,
  least: ({ patch = 96 }) => [patch, patch],
  plan(pictures, held, { batch = 2, patch = 96, features = 32, depth = 5, seed = 1 }) {
    const [first] = pictures;
    const rows = first.height;
    const other = [...pictures, ...held].find((p) => p.height !== rows || p.width !== rows);
    if (other)
      throw new ArgumentError(
        `${other.name}: ${other.width}×${other.height} pixels, and ${first.name} has ${first.width}×${rows}; mr-cascade learns from square pictures of one size`,
        {},
      );
    const kept = held.map(tensorOf);
    const view = pipeline(randomFlip(), randomQuarterTurn());
    const strip = randomCrop([rows, patch]);
    const psnr = (model: Layer<MeasuredImages, Tensor>, acceleration: number): number =>
      kept
        .map((slice, i) =>
          scope(() => {
            const { truth, zeroFilled, mask, scale } = measured(slice, acceleration, 0.005, seeded(1000 + i));
            const one = (t: Tensor) => t.reshape(1, ...t.shape);
            const size = (t: Tensor) => fromChannels(t).abs();
            const x = model.forward({ zeroFilled: one(zeroFilled), normal: sampledNormal(one(mask)) });
            const error = size(x)
              .sub(size(one(truth)))
              .mul(scale)
              .square()
              .mean()
              .item();
            return -10 * Math.log10(Math.max(error, 1e-12));
          }),
        )
        .reduce((s, v) => s + v, 0) / kept.length;
    return {
      model: reconstructionCascade({ random: seeded(seed), depth, features }),
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
          const acceleration = Math.exp(Math.log(3.5) + random.uniform() * Math.log(12 / 3.5));
          return measured(part, acceleration, 0.008 * random.uniform(), random);
        },
      }),
      // Mean over a batch of 10 log₁₀ of the mean squared error: what PSNR counts, each sample alike.
      loss: (m, { zeroFilled, mask, truth }) =>
        m
          .forward({ zeroFilled, normal: sampledNormal(mask) })
          .sub(truth)
          .square()
          .mean([1, 2, 3])
          .add(1e-7)
          .log()
          .mean()
          .mul(10 / Math.LN10),
      optimiser: adamW({ step: 1e-3, decay: 1e-4 }),
      schedule: (steps) => cosine({ steps, warmUp: Math.min(200, steps >> 1) }),
      clip: 20,
      average: 0.999,
      figures: (model) => Object.fromEntries(accelerations.map((a) => [`${a}×`, psnr(model, a)])),
      figuresTitle: "PSNR in dB of magnitudes of pictures held back, by acceleration",
      what: `reconstructionCascade, ${depth} convolutions of ${features} channels in each of five; one coil, whole lines, 3.5 to 12 times fewer`,
      settings: { batch, patch, features, depth, seed },
    };
  },
};
