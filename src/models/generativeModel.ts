import { ArgumentError, FormatError, ShapeError } from "../core/errors.js";
import type { Parameters } from "../core/interfaces.js";
import { type Random, seeded } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import { readSafetensors } from "../io/index.js";
import {
  convolution,
  dense,
  flatten,
  type Layer,
  leakyRelu,
  network,
  sequential,
  sigmoid,
  stateless,
  subPixel,
  withWeightsOf,
} from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";

/** Size of the pictures, of the code that stands for one, and of the networks between. */
export interface GenerativeOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** Samples along the sides of a picture, a multiple of 4 (default 28). */
  readonly side?: number;
  /** Numbers that a picture is made of (default 32). */
  readonly latent?: number;
  /** Channels on the coarsest grid (default 32). */
  readonly features?: number;
}
/** A generator, what it is trained against, and what finds codes; as a function it is its generator, z [n, latent] ↦ pictures. */
export interface GenerativeNetworks extends Layer {
  /** How many numbers a code has. */
  readonly latent: number;
  /** What makes pictures of codes. */
  readonly generator: Layer;
  /** Pictures ↦ logits [n, 1] of being real ones: D(x) = σ(logit). */
  readonly discriminator: Layer;
  /** Pictures ↦ [n, 2 latent]: mean and logarithm of the variance of their z. */
  readonly encoder: Layer;
  /** The same with other parameters. */
  with(parameters: Parameters): GenerativeNetworks;
}
/** Three networks of one kind of picture, [n, 1, side, side] of values 0 to 1. */
export interface GenerativeModel extends GenerativeNetworks {
  /** Samples along the sides of a picture. */
  readonly side: number;
  /** The same with other parameters. */
  with(parameters: Parameters): GenerativeModel;
}

/**
 * A small generator of pictures, the discriminator that it is trained against, and an encoder that sees to it that every picture has a z. Grids of a quarter, a half and
 * the whole of the size; enlargement by `subPixel`, reduction by strides.
 * @returns  networks of 110, 15 and 48 thousand weights by default
 * @throws ArgumentError when the sides are no multiple of 4
 * @see Goodfellow et al. (2014), Generative adversarial nets, NeurIPS; Larsen, Sønderby, Larochelle & Winther (2016), Autoencoding beyond pixels using a learned similarity metric, ICML
 */
export function generativeModel(o: GenerativeOptions): GenerativeModel {
  const { random, side = 28, latent = 32, features = 32 } = o;
  if (!(Number.isInteger(side) && side >= 8 && side % 4 === 0))
    throw new ArgumentError(`generativeModel: pictures of ${side} samples along their sides; give a multiple of 4 from 8 on`, { side });
  const quarter = side / 4;
  const half = Math.max(1, features >> 1);
  const rectifier = () => leakyRelu({ slope: 0.2 });
  const generator = sequential(
    dense({ inputs: latent, outputs: features * quarter * quarter, random }),
    rectifier(),
    stateless((x: Tensor) => x.reshape(x.shape[0], features, quarter, quarter)),
    subPixel({ inputs: features, outputs: features, scale: 2, random }),
    rectifier(),
    subPixel({ inputs: features, outputs: half, scale: 2, random }),
    rectifier(),
    convolution({ inputs: half, outputs: 1, random }),
    sigmoid(),
  );
  const last = Math.ceil(quarter / 2);
  const judge = (outputs: number) =>
    sequential(
      convolution({ inputs: 1, outputs: half, stride: 2, padding: 1, random }),
      rectifier(),
      convolution({ inputs: half, outputs: features, stride: 2, padding: 1, random }),
      rectifier(),
      convolution({ inputs: features, outputs: features, stride: 2, padding: 1, random }),
      rectifier(),
      flatten(),
      dense({ inputs: features * last * last, outputs, random }),
    );
  const withSide = (m: GenerativeNetworks): GenerativeModel => ({ ...m, side, with: (given) => withSide(m.with(given)) });
  return withSide(generativeNetworks({ generator, discriminator: judge(1), encoder: judge(2 * latent) }, latent, "generativeModel"));
}

/** The parts of generative networks as one, whose parameters are those of all three. */
export function generativeNetworks(
  parts: Pick<GenerativeNetworks, "generator" | "discriminator" | "encoder">,
  latent: number,
  name = "generativeNetworks",
): GenerativeNetworks {
  const { generator } = parts;
  const whole = network<typeof parts, Tensor, Tensor>(parts, (_, z) => {
    if (z.rank !== 2 || z.shape[1] !== latent)
      throw new ShapeError(`${name}: z is ${shapeText(z.shape)}; expected [n, ${latent}]`, { shape: z.shape });
    return generator.forward(z);
  });
  return {
    ...whole,
    ...parts,
    latent,
    with(given) {
      const { parameters } = whole.with(given); // names and shapes are right
      const of = (part: keyof typeof parts) =>
        parts[part].with(
          Object.fromEntries(
            Object.entries(parameters)
              .filter(([name]) => name.startsWith(`${part}.`))
              .map(([name, p]) => [name.slice(part.length + 1), p]),
          ),
        );
      return generativeNetworks({ generator: of("generator"), discriminator: of("discriminator"), encoder: of("encoder") }, latent, name);
    },
  };
}

/**
 * Generator, discriminator and encoder of one's own training, of whatever size they are: it is read off the weights.
 * @throws FormatError when the file is none, or of another network
 */
export function trainedGenerativeModel(weights: Uint8Array): GenerativeModel {
  const file = readSafetensors(weights);
  const shapeOf = (name: string) => Object.entries(file.tensors).find(([key]) => key.endsWith(name))?.[1].shape;
  const [first, next] = [shapeOf("generator.0.weight"), shapeOf("generator.3.convolution.weight")];
  if (first?.length !== 2 || next?.length !== 4)
    throw new FormatError("generative model: these are weights of another network; expected those that pullback train digits writes", {
      names: Object.keys(file.tensors).slice(0, 8),
    });
  const [latent, features] = [first[1], next[1]];
  const side = 4 * Math.round(Math.sqrt(first[0] / features));
  return withWeightsOf(generativeModel({ random: seeded(1), side, latent, features }), file);
}
