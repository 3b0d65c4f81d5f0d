import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { scope } from "../core/scope.js";
import { shapeText } from "../core/shape.js";
import {
  convolution,
  type Layer,
  network,
  orthogonal,
  relu,
  sequential,
  subPixel,
  tiled,
  transposedConvolution,
  type UpsamplingKind,
  upsample,
  upsampling,
  zeros,
} from "../nn/index.js";
import type { Enlarger } from "../reconstruction/index.js";
import { concat } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";
import { seenAs, views } from "./views.js";

/**
 * Where a network for super-resolution enlarges:
 * pre          at once, by a fixed rule; all convolutions work on the fine grid
 * post         at the end; all convolutions work on the coarse grid
 * progressive  by its prime factors, with convolutions on each grid on the way
 * upDown       again and again: features are enlarged, reduced and compared with what they came from, and the difference is enlarged and added
 *              (iterative back-projection, learned)
 */
export const superResolutionFrameworks = ["pre", "post", "progressive", "upDown"] as const;
/** Where in a network pictures are enlarged: a name in `superResolutionFrameworks`. */
export type SuperResolutionFramework = (typeof superResolutionFrameworks)[number];
/** How features are enlarged: by a fixed rule and a convolution after it, or learned. */
export type FeatureUpsampling = UpsamplingKind | "transposed" | "subPixel";

/** How many times a network enlarges, in which framework, with how many features. */
export interface SuperResolutionOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** A whole number from 2 on. */
  readonly scale: number;
  /** Default post. */
  readonly framework?: SuperResolutionFramework;
  /** Default subPixel; for "pre", which has no features to enlarge, the fixed rule (default cubic). */
  readonly upsampling?: FeatureUpsampling;
  /** Of the pictures (default 1). */
  readonly channels?: number;
  /** Inside (default 32). */
  readonly features?: number;
  /** Convolutions of 3 × 3 taps between the first and the last (default 6; upDown: pairs of an enlargement and a reduction, default 2). */
  readonly depth?: number;
}

/** s = p₁ p₂ …, smallest first. */
function primes(s: number): number[] {
  for (let p = 2; p * p <= s; p++) if (s % p === 0) return [p, ...primes(s / p)];
  return [s];
}

/**
 * x [n, c, y, x] → [n, c, s y, s x]: cubic enlargement plus what a convolutional network makes of x. It begins as cubic enlargement. New sample i lies at
 * (i + ½)/s − ½ of the old ones.
 * @throws ArgumentError for a scale that is no whole number from 2 on, and for frameworks and upsamplings that there are not
 * @see Dong et al. (2016), Image super-resolution using deep convolutional networks, IEEE TPAMI 38 (pre); Shi et al. (2016), CVPR (post, sub-pixel);
 *      Lai et al. (2017), Deep Laplacian pyramid networks, CVPR (progressive); Haris et al. (2018), Deep back-projection networks, CVPR (upDown)
 */
export function superResolutionNetwork(o: SuperResolutionOptions): Layer {
  const { random, scale, framework = "post", channels = 1, features = 32 } = o;
  const kind = o.upsampling ?? (framework === "pre" ? "cubic" : "subPixel");
  const depth = o.depth ?? (framework === "upDown" ? 2 : 6);
  const fixed = kind === "nearest" || kind === "linear" || kind === "cubic";
  if (!(Number.isInteger(scale) && scale >= 2))
    throw new ArgumentError(`superResolutionNetwork: scale ${scale}; give a whole number from 2 on`, { scale });
  if (!superResolutionFrameworks.includes(framework))
    throw new ArgumentError(`superResolutionNetwork: no framework "${framework}"; there are ${superResolutionFrameworks.join(", ")}`, {});
  if (framework === "pre" && !fixed)
    throw new ArgumentError(`superResolutionNetwork: "pre" enlarges by a fixed rule; "${kind}" is learned`, { upsampling: kind });
  const initialise = orthogonal({ gain: Math.SQRT2 });
  const block = (inputs: number, outputs = features) => sequential(convolution({ inputs, outputs, random, initialise }), relu());
  const last = (inputs: number) => convolution({ inputs, outputs: channels, random, initialise: zeros });
  const blocks = (count: number) => Array.from({ length: count }, () => block(features));
  /** Features on a grid s times as fine. */
  const up = (s: number, outputs = features, first = initialise): Layer => {
    if (kind === "transposed")
      return transposedConvolution({ inputs: features, outputs, kernel: 2 * s, stride: s, random, initialise: first });
    if (kind === "subPixel") return subPixel({ inputs: features, outputs, scale: s, random, initialise: first });
    return sequential(upsampling({ scale: s, kind }), convolution({ inputs: features, outputs, random, initialise: first }));
  };
  const checked = (x: Tensor) => {
    if (x.rank !== 4 || x.shape[1] !== channels)
      throw new ShapeError(`superResolutionNetwork: images ${shapeText(x.shape)}; expected [n, ${channels}, y, x]`, { shape: x.shape });
    return x;
  };
  if (framework === "pre") {
    const { body } = bodyOnFineGrid({ random, channels, features, depth });
    return network({ body }, (parts, x: Tensor) => {
      const fine = upsample(checked(x), scale, kind as UpsamplingKind);
      return fine.add(parts.body.forward(fine));
    });
  }
  if (framework === "post")
    return network({ body: sequential(block(channels), ...blocks(depth), up(scale, channels, zeros)) }, ({ body }, x: Tensor) =>
      upsample(checked(x), scale, "cubic").add(body.forward(x)),
    );
  if (framework === "progressive") {
    const factors = primes(scale);
    const share = Math.max(1, Math.round(depth / (factors.length + 1)));
    const stages = factors.map((s) => sequential(...blocks(share), up(s), relu()));
    const body = sequential(block(channels), ...stages, ...blocks(Math.max(0, depth - share * factors.length)), last(features));
    return network({ body }, (parts, x: Tensor) => upsample(checked(x), scale, "cubic").add(parts.body.forward(x)));
  }
  const half = (i: number) => ({ [`up${i}`]: up(scale), [`back${i}`]: up(scale) });
  const parts: Record<string, Layer> = { first: block(channels), last: last(features * depth) };
  for (let i = 0; i < depth; i++) {
    Object.assign(parts, half(i));
    parts[`down${i}`] = convolution({
      inputs: features,
      outputs: features,
      kernel: 2 * scale,
      stride: scale,
      random,
      initialise,
      padding: backPadding(scale),
    });
    if (i > 0) parts[`mix${i}`] = convolution({ inputs: features, outputs: features, kernel: 1, random, initialise });
  }
  return network(parts, (p, x: Tensor) => upDown(p, checked(x), scale, depth));
}

function bodyOnFineGrid(o: { random: Random; channels: number; features: number; depth: number }) {
  const { random, channels, features, depth } = o;
  const initialise = orthogonal({ gain: Math.SQRT2 });
  const block = (inputs: number) => sequential(convolution({ inputs, outputs: features, random, initialise }), relu());
  const blocks = Array.from({ length: depth }, () => block(features));
  const last = convolution({ inputs: features, outputs: channels, random, initialise: zeros });
  return { body: sequential(block(channels), ...blocks, last) };
}
/**
 * What a network of the framework "pre" does after its enlargement: x [n, c, y, x] ↦ x + f(x). With its weights, pictures that were enlarged by any rule and any factor
 * are sharpened: refiningNetwork(o).with(pre.parameters).
 */
export function refiningNetwork(o: Omit<SuperResolutionOptions, "scale" | "framework" | "upsampling">): Layer {
  const { random, channels = 1, features = 32, depth = 6 } = o;
  return network(bodyOnFineGrid({ random, channels, features, depth }), ({ body }, x: Tensor) => x.add(body.forward(x)));
}

/** So that a reduction of 2 s taps undoes an enlargement of s: the fine grid's n s samples to n. */
const backPadding = (scale: number) => Array.from({ length: 2 }, () => [Math.floor(scale / 2), Math.ceil(scale / 2)] as const);

function upDown(p: Readonly<Record<string, Layer>>, x: Tensor, scale: number, depth: number): Tensor {
  const rectified = (t: Tensor) => t.relu();
  let low = p.first.forward(x);
  const highs: Tensor[] = [];
  for (let i = 0; i < depth; i++) {
    const coarse = i === 0 ? low : rectified(p[`mix${i}`].forward(low));
    const high = rectified(p[`up${i}`].forward(coarse));
    const error = rectified(p[`down${i}`].forward(high)).sub(coarse);
    const better = high.add(rectified(p[`back${i}`].forward(error)));
    highs.push(better);
    low = coarse.sub(error);
  }
  return upsample(x, scale, "cubic").add(p.last.forward(concat(highs, 1)));
}

/** In which tiles a network enlarges a large picture, and over how many turned views it takes the mean. */
export interface EnlargerOptions {
  /** How many samples the network makes of each, along both axes; asked for by pictures larger than a tile (default: measured on a small picture). */
  readonly scale?: number;
  /** How far a fine sample sees, in coarse ones (default 16; `superResolutionNetwork` by itself: 2 and its convolutions), and the size of a tile (default 256): see `tiled`. */
  readonly reach?: number;
  /** Samples along a tile's sides. */
  readonly tile?: number;
  /** The mean over so many of the eight ways to turn and mirror a picture, 1 to 8 (default 1), for as much more time. */
  readonly views?: number;
}

/**
 * A network as `network` of `enlarge`: black and white are read from each picture, so that gain and offset pass through; large pictures go through tile by tile.
 * @throws ArgumentError for views that are not 1 to 8
 */
export function networkEnlarger(model: Layer, o: EnlargerOptions = {}): Enlarger {
  const { reach = 16, tile = 256, views: count = 1 } = o;
  if (!(Number.isInteger(count) && count >= 1 && count <= views.length))
    throw new ArgumentError(`networkEnlarger: ${count} views; give 1 to ${views.length}`, { views: count });
  const scaleOf = () => o.scale ?? scope(() => model.forward(Tensor.zeros([1, 1, 8, 8])).shape[2] / 8);
  const whole = (x: Tensor) => {
    if (x.shape[2] <= tile && x.shape[3] <= tile) return model.forward(x);
    return tiled((part) => model.forward(part), x, { reach, tile, scale: scaleOf() });
  };
  return (image) => {
    const [h, w] = image.shape.slice(-2);
    const black = image.min();
    const range = image.max().sub(black).add(1e-20);
    const shown = image
      .sub(black)
      .div(range)
      .reshape(image.size / (h * w), 1, h, w);
    const fine = views
      .slice(0, count)
      .map((view) => scope(() => seenAs(view, whole, shown)))
      .reduce((sum, x) => sum.add(x));
    return fine
      .div(count)
      .mul(range)
      .add(black)
      .reshape(...image.shape.slice(0, -2), ...fine.shape.slice(-2));
  };
}
