// The networks that scripts/train/classes.mjs trains and bench/classes.mjs measures: of each class of learned reconstruction one for MR and one for super-resolution.
import { seeded } from "../../dist/core/index.js";
import {
  denoisingNetwork,
  domainTransform,
  patchModel,
  reconstructionCascade,
  refinedAdjoint,
  unrolledRestoration,
} from "../../dist/models/index.js";
import { convolution, network, orthogonal, relu, sequential, subPixel, tanh, unet, upsample } from "../../dist/nn/index.js";

export const classScale = 3;
export const classAcceleration = 4;
/** Numbers of slices; the largest is all that there are. */
export const setSizes = [1, 20, 100, 401];

/** Coarse samples to fine ones without any interpolation: a network that is told nothing of how pictures were made coarse. */
function straight({ random, scale, features = 28, depth = 5 }) {
  const initialise = orthogonal({ gain: Math.SQRT2 });
  const inner = Array.from({ length: depth }, (_, i) => [
    convolution({ inputs: i === 0 ? 1 : features, outputs: features, random, initialise }),
    relu(),
  ]);
  return sequential(...inner.flat(), subPixel({ inputs: features, outputs: 1, scale, random }));
}
/** A U-Net on pictures that interpolation has enlarged, by whatever factor; and after cubic interpolation of its own. */
const refining = ({ random, features = [12, 24, 40] }) =>
  network({ net: unet({ inputs: 1, outputs: 1, random, features, residual: true }) }, ({ net }, x) => net.forward(x));
const interpolated = ({ random, scale, features = [12, 24, 40] }) =>
  network({ net: unet({ inputs: 1, outputs: 1, random, features, residual: true }) }, ({ net }, x) =>
    net.forward(upsample(x, scale, "cubic")),
  );

/** For both problems: the network of each class with its first weights; `size`: rows and columns of the images, of which only those need to know that know but one. */
export const classNetworks = {
  mr: {
    agnostic: ({ seed = 1, size = [256, 256] } = {}) => domainTransform({ random: seeded(seed), size, features: 32, depth: 5 }),
    partly: ({ seed = 1 } = {}) => refinedAdjoint({ random: seeded(seed), features: [10, 20, 40] }),
    unrolled: ({ seed = 1 } = {}) => reconstructionCascade({ random: seeded(seed), cascades: 4, depth: 4, features: 20 }),
    generator: ({ seed = 1, size = [64, 64] } = {}) =>
      patchModel({ random: seeded(seed), size, channels: 2, latent: 16, features: 24, last: tanh() }),
  },
  sr: {
    agnostic: ({ seed = 1 } = {}) => straight({ random: seeded(seed), scale: classScale }),
    partly: ({ seed = 1 } = {}) => interpolated({ random: seeded(seed), scale: classScale }),
    /** The same weights, for pictures that are enlarged already. */
    refine: ({ seed = 1 } = {}) => refining({ random: seeded(seed) }),
    unrolled: ({ seed = 1 } = {}) => {
      const random = seeded(seed);
      const denoiser = denoisingNetwork({ random, features: 24, depth: 4, block: 2, dilations: [1, 1, 1, 1] });
      return unrolledRestoration({ random, steps: 4, own: true, denoiser, data: "gradient" });
    },
    generator: ({ seed = 1, size = [48, 48] } = {}) => patchModel({ random: seeded(seed), size, latent: 8, features: 28 }),
  },
};
/** What is trained for a problem: the class, for MR on how many slices, and how many times as many steps. */
export const classVariants = {
  mr: [
    ...["unrolled", "partly", "agnostic"].map((kind) => ({ name: `mr-${kind}`, kind, items: setSizes.at(-1) })),
    { name: "mr-generator", kind: "generator", items: setSizes.at(-1), longer: 3 },
    ...setSizes
      .slice(0, -1)
      .flatMap((items) => ["unrolled", "partly", "agnostic"].map((kind) => ({ name: `mr-${kind}-${items}`, kind, items }))),
    { name: "mr-agnostic-long", kind: "agnostic", items: setSizes.at(-1), longer: 4 },
  ],
  sr: [
    ...["unrolled", "partly", "agnostic"].map((kind) => ({ name: `sr-${kind}`, kind })),
    { name: "sr-generator", kind: "generator", longer: 2 },
  ],
};
