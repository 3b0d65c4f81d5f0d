// What scripts/train/losses.mjs trains one network by, and bench/losses.mjs compares.
import { seeded } from "../../dist/core/index.js";
import { superResolutionNetwork } from "../../dist/models/index.js";
import { convolution, leakyRelu, sequential } from "../../dist/nn/index.js";

export const lossScale = 3;
/** `base`: how far the picture is from the truth; `terms`: what is added, with the share of the base that it has for cubic enlargement, before the first step. */
export const lossVariants = [
  { name: "L1", base: "L1" },
  { name: "L2", base: "L2" },
  { name: "Huber", base: "Huber" },
  { name: "TV", base: "L1", terms: { tv: 0.1 } },
  { name: "perceptual", base: "L1", terms: { perceptual: 1 } },
  { name: "GAN", base: "L1", terms: { gan: 0.5 } },
  { name: "perceptual-GAN", base: "L1", terms: { perceptual: 1, gan: 0.5 } },
  { name: "MobileNet", base: "L1", terms: { mobilenet: 1 } },
];
export const lossNetwork = (seed = 1) => superResolutionNetwork({ random: seeded(seed), scale: lossScale, features: 22 });
/** Is this patch of a picture a real one? One logit for each 4 × 4 samples. */
export function judge(seed = 2) {
  const random = seeded(seed);
  const layer = (inputs, outputs, stride) =>
    sequential(convolution({ inputs, outputs, stride, kernel: stride === 1 ? 3 : 4, padding: 1, random }), leakyRelu({ slope: 0.2 }));
  return sequential(layer(1, 16, 1), layer(16, 32, 2), layer(32, 32, 2), convolution({ inputs: 32, outputs: 1, random }));
}
