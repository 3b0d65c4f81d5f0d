import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { scope } from "../core/scope.js";
import { shapeText } from "../core/shape.js";
import {
  convolution,
  cutTo,
  type Layer,
  network,
  orthogonal,
  padToMultiple,
  pixelShuffle,
  pixelUnshuffle,
  relu,
  sequential,
  tiled,
  zeros,
} from "../nn/index.js";
import type { Denoiser } from "../priors/index.js";
import { stopGradient } from "../tensor/differentiate.js";
import { averagePool } from "../tensor/ops/pooling.js";
import { concat } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";
import { seenAs, type View, views } from "./views.js";

/** Pictures [n, channels, y, x] of values about 0 to 1, and the standard deviation of the noise: of each, [n], or of every sample, [n, 1, y, x]. */
export interface NoisyImages {
  /** The image. */
  readonly image: Tensor;
  /** Standard deviation of the noise, of each image or of each place. */
  readonly sigma: Tensor;
}

/** 1, 2, 3, 4, 4 … 4, 3, 2, 1: far in the middle, where no sample is skipped any more because of the near ones before. */
const rising = (depth: number) => Array.from({ length: depth }, (_, i) => Math.min(i + 1, depth - i, 4));

/**
 * x − f(x, σ) with one network f for all strengths of noise: blocks of `block` × `block` samples become channels, σ is one more channel of constant
 * value, and what follows are `depth` convolutions of 3 × 3 taps and `features` channels with rectifiers between, their taps `dilations` apart.
 * It begins as the identity. Dilations let it see far; blocks do as well and make it faster, for there are fewer places, but it is less exact.
 * @returns  a network of 56 thousand weights by default; its result is like its images
 * @throws ArgumentError when dilations are not as many as convolutions
 * @see Zhang, Zuo & Zhang (2018), FFDNet: Toward a fast and flexible solution for CNN-based image denoising, IEEE TIP 27 (blocks, σ as a channel)
 * @see Zhang, Zuo, Gu & Zhang (2017), Learning deep CNN denoiser prior for image restoration, CVPR (dilations)
 */
export function denoisingNetwork(o: {
  readonly random: Random;
  readonly channels?: number;
  readonly features?: number;
  readonly depth?: number;
  /** Default 1: none. */
  readonly block?: number;
  /** Of each convolution; default 1, 2, 3, 4 … 4, 3, 2, 1. */
  readonly dilations?: readonly number[];
}): Layer<NoisyImages, Tensor> {
  const { random, channels = 1, features = 32, depth = 8, block = 1 } = o;
  const dilations = o.dilations ?? rising(depth);
  if (dilations.length !== depth)
    throw new ArgumentError(`denoisingNetwork: ${dilations.length} dilations for ${depth} convolutions; give one for each`, {
      dilations,
      depth,
    });
  const packed = block * block * channels;
  const inner = Array.from({ length: depth - 1 }, (_, i) => [
    // √2 makes up for what a rectifier takes away.
    convolution({
      inputs: i === 0 ? packed + 1 : features,
      outputs: features,
      random,
      dilation: dilations[i],
      initialise: orthogonal({ gain: Math.SQRT2 }),
    }),
    relu(),
  ]);
  const body = sequential(
    ...inner.flat(),
    convolution({ inputs: features, outputs: packed, random, dilation: dilations[depth - 1], initialise: zeros }),
  );
  return network({ body }, (parts, { image, sigma }: NoisyImages) => {
    const map = sigma.rank === 4 && sigma.size * channels === image.size;
    if (image.rank !== 4 || image.shape[1] !== channels || (sigma.size !== image.shape[0] && !map))
      throw new ShapeError(
        `denoisingNetwork: images ${shapeText(image.shape)} and noise ${shapeText(sigma.shape)}; expected [n, ${channels}, y, x] and [n] or [n, 1, y, x]`,
        { image: image.shape, sigma: sigma.shape },
      );
    const blocks = pixelUnshuffle(padToMultiple(image, block), block);
    const [n, , h, w] = blocks.shape;
    const level = map ? averagePool(padToMultiple(sigma, block), { kernel: block }) : sigma.reshape(n, 1, 1, 1).broadcastTo([n, 1, h, w]);
    const noise = pixelShuffle(parts.body.forward(concat([blocks, level], 1)), block);
    return image.sub(cutTo(noise, image.shape.slice(2)));
  });
}

/** How a trained network is made to fit the values, the noise and the size of a picture. */
export interface NetworkDenoiserOptions {
  /** The value of white, black being 0 (default 1): the network sees values divided by it. "auto": black and white are read from each picture. */
  readonly peak?: number | "auto";
  /** The strongest noise that the network was trained for, of its values 0 to 1 (default 55/255). */
  readonly most?: number;
  /** How far an output sees, in samples (default 32: farther than `denoisingNetwork` by itself), and the size of a tile (default 512): see `tiled`. */
  readonly reach?: number;
  /** Samples along a tile's sides. */
  readonly tile?: number;
  /** The mean over so many turned and mirrored views of a picture is taken, 1 to 8 (default 1), for as much more time. In a sequence of denoisings each sees another view. */
  readonly views?: number;
}

/**
 * A denoising network of one channel as a `Denoiser`, for `plugAndPlay` and `red`: pictures [(…,) y, x], one by one along the axes before, large ones tile by
 * tile. For noise σ stronger than the network knows, contrast is lowered until it does know it:  f(x, σ) = s f((x − ½)/s + ½, σ/s) − (s − 1)/2, s = σ / most.
 */
export function networkDenoiser(model: Layer<NoisyImages, Tensor>, o: NetworkDenoiserOptions = {}): Denoiser {
  const { peak = 1, most = 55 / 255, reach = 32, tile, views: count = 1 } = o;
  if (!(Number.isInteger(count) && count >= 1 && count <= views.length))
    throw new ArgumentError(`networkDenoiser: ${count} views; give 1 to ${views.length}`, { views: count });
  const one = (picture: Tensor, sigma: number, seen: readonly View[]): Tensor => {
    const [black, white] = peak === "auto" ? ends(picture, sigma) : [0, peak];
    const stretch = Math.max(1, sigma / ((white - black) * most));
    const scale = (white - black) * stretch;
    // Middle gray stays: x = ½ + (v − middle) / scale.
    const middle = (black + white) / 2;
    const level = stopGradient(Tensor.full([1], sigma / scale, picture.dtype));
    const f = (image: Tensor) => model.forward({ image, sigma: level });
    const x = picture.sub(middle).div(scale).add(0.5);
    const clean = seen.map((view) => scope(() => seenAs(view, (shown) => tiled(f, shown, { reach, tile, multiple: 4 }), x)));
    const mean = clean.length === 1 ? clean[0] : clean.reduce((sum, c) => sum.add(c)).div(clean.length);
    return mean.sub(0.5).mul(scale).add(middle);
  };
  return {
    name: "network",
    denoise(image, sigma, step) {
      const seen = step === undefined ? views.slice(0, count) : [views[step % views.length]];
      const [h, w] = image.shape.slice(-2);
      const n = image.size / (h * w);
      const pictures = image.reshape(n, 1, h, w);
      const clean = Array.from({ length: n }, (_, k) => scope(() => one(pictures.slice([k, 0, 0, 0], [k + 1, 1, h, w]), sigma, seen)));
      return (n === 1 ? clean[0] : concat(clean, 0)).reshape(...image.shape);
    },
  };
}

/** Black and white of a picture: its values but for half of one per cent at either end, as far apart as noise alone would bring them at least. */
function ends(picture: Tensor, sigma: number): [number, number] {
  const all = Float64Array.from(picture.data as ArrayLike<number>).sort();
  const [low, high] = [all[Math.ceil(0.005 * (all.length - 1))], all[Math.floor(0.995 * (all.length - 1))]];
  const least = Math.max(5 * sigma, 1e-30);
  const more = Math.max(0, least - (high - low)) / 2;
  return [low - more, high + more];
}
