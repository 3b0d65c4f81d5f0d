import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Parameters } from "../core/interfaces.js";
import type { Random } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import { convolution, dense, flatten, type Layer, leakyRelu, network, sequential, sigmoid, stateless, subPixel } from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";

/** Size of pictures of shapes, of the code that stands for one, and of the networks between. */
export interface ShapeCodeOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** Samples along the sides of a picture, a multiple of 16 (default 80). */
  readonly side?: number;
  /** Numbers of a code (default 32). */
  readonly latent?: number;
  /** Channels on the coarsest grid (default 32). */
  readonly features?: number;
}
/** Two networks: a picture of a shape ↦ its code ↦ the picture; as a function both, one after the other. */
export interface ShapeAutoencoder extends Layer {
  /** Samples along the sides of a picture. */
  readonly side: number;
  /** How many numbers a code has. */
  readonly latent: number;
  /** Pictures [n, 1, side, side] ↦ codes [n, latent]. */
  readonly encoder: Layer;
  /** Codes ↦ pictures of values 0 to 1. */
  readonly decoder: Layer;
  /** The same with other parameters. */
  with(parameters: Parameters): ShapeAutoencoder;
}

function checked({ side = 80, latent = 32, features = 32 }: ShapeCodeOptions) {
  if (!(Number.isInteger(side) && side >= 16 && side % 16 === 0 && latent >= 1 && features >= 2))
    throw new ArgumentError(
      `shapes: pictures of ${side} samples along their sides, ${latent} numbers, ${features} channels; give a multiple of 16, at least 1 and 2`,
      { side, latent, features },
    );
  return { side, latent, features, half: features >> 1, last: side / 16 };
}

/**
 * Pictures [n, 1, side, side] ↦ codes [n, latent]: four convolutions, each of half the samples, and a dense layer. The encoder of `shapeAutoencoder`, and by itself the
 * network that is taught to find the code of the shape in a picture that shows it.
 * @throws ArgumentError for sides that are no multiple of 16
 */
export function shapeEncoder(o: ShapeCodeOptions): Layer {
  const { random } = o;
  const { side, latent, features, half, last } = checked(o);
  const down = (inputs: number, outputs: number) =>
    sequential(convolution({ inputs, outputs, stride: 2, padding: 1, random }), leakyRelu({ slope: 0.2 }));
  const sized = stateless((x: Tensor) => {
    if (x.rank !== 4 || x.shape[1] !== 1 || x.shape[2] !== side || x.shape[3] !== side)
      throw new ShapeError(`shapeEncoder: pictures ${shapeText(x.shape)}; expected [n, 1, ${side}, ${side}]`, { shape: x.shape });
    return x;
  });
  return sequential(
    sized,
    down(1, half),
    down(half, features),
    down(features, features),
    down(features, features),
    flatten(),
    dense({ inputs: features * last * last, outputs: latent, random }),
  );
}

/**
 * What shapes of one kind are like: trained to give each mask back through few numbers, it gives what is not quite such a shape back as one.
 * @returns  about 90 thousand weights by default
 * @throws ArgumentError for sides that are no multiple of 16; ShapeError (when it runs) for pictures of other sides
 * @see Oktay et al. (2018), Anatomically constrained neural networks (ACNN): application to cardiac image enhancement and segmentation, IEEE TMI 37
 */
export function shapeAutoencoder(o: ShapeCodeOptions): ShapeAutoencoder {
  const { random } = o;
  const { side, latent, features, half, last } = checked(o);
  const up = (inputs: number, outputs: number) => sequential(subPixel({ inputs, outputs, scale: 2, random }), leakyRelu({ slope: 0.2 }));
  const decoder = sequential(
    dense({ inputs: latent, outputs: features * last * last, random }),
    leakyRelu({ slope: 0.2 }),
    stateless((x: Tensor) => x.reshape(x.shape[0], features, last, last)),
    up(features, half),
    up(half, half),
    up(half, half),
    subPixel({ inputs: half, outputs: 1, scale: 2, random }),
    sigmoid(),
  );
  return joined({ encoder: shapeEncoder(o), decoder }, side, latent);
}

function joined(parts: Pick<ShapeAutoencoder, "encoder" | "decoder">, side: number, latent: number): ShapeAutoencoder {
  const whole = network<typeof parts, Tensor, Tensor>(parts, ({ encoder, decoder }, x) => decoder.forward(encoder.forward(x)));
  return {
    ...whole,
    ...parts,
    side,
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
      return joined({ encoder: of("encoder"), decoder: of("decoder") }, side, latent);
    },
  };
}
