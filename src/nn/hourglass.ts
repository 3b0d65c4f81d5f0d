import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import { concat } from "../tensor/ops/shaping.js";
import type { Tensor } from "../tensor/tensor.js";
import { convolution } from "./convolution.js";
import { zeros } from "./initialise.js";
import { type Layer, network } from "./module.js";
import { normalisedRectifier } from "./normalisedRectifier.js";
import { cutTo, padToMultiple } from "./padding.js";
import { upsample } from "./upsample.js";

/** How deep an encoder and decoder with skip connections is, and how many channels each depth has. */
export interface HourglassOptions {
  /** Channels that come in. */
  readonly inputs: number;
  /** Channels that go out. */
  readonly outputs: number;
  /** Where random numbers come from. */
  readonly random: Random;
  /** Channels of each level, the finest first (default 16, 32, 32, 32, 32): the finest is half the price of the rest. */
  readonly features?: readonly number[];
  /** Channels that go from the way down to the way up on each level (default 4; 0: none). */
  readonly skip?: number;
  /** Taps along each side of the convolutions across (default 1). */
  readonly across?: number;
  /** Its output is 0 before it has learned anything. */
  readonly silent?: boolean;
  /** How the way up enlarges (default nearest). */
  readonly enlarge?: "nearest" | "linear";
}

/**
 * An encoder–decoder whose coarse levels carry nearly all of it: strided convolutions down, enlargement and convolutions up, a few channels across on each level, values
 * normalised and rectified after each convolution. As a picture of its weights it shows what is smooth and what repeats long before it shows noise: the network of
 * `deepImagePrior`. Any size will do.  x [n, inputs, y, x] → [n, outputs, y, x].
 * @see Ulyanov, Vedaldi & Lempitsky (2018), Deep image prior, CVPR
 */
export function hourglass(o: HourglassOptions): Layer {
  const { inputs, outputs, random, features = [16, 32, 32, 32, 32], skip = 4, across = 1, enlarge = "nearest" } = o;
  if (features.length < 2 || skip < 0) throw new ArgumentError("hourglass: give two levels or more", { features, skip });
  const step = (from: number, to: number, kernel = 3, stride = 1) => ({
    c: convolution({ inputs: from, outputs: to, kernel, stride, padding: kernel >> 1, random, bias: false }),
    n: normalisedRectifier(to),
  });
  const last = features.length - 1;
  const parts: Record<string, Layer> = {};
  const put = (name: string, { c, n }: ReturnType<typeof step>) => {
    parts[name] = c;
    parts[`${name}Norm`] = n;
  };
  features.forEach((f, level) => {
    const from = level === 0 ? inputs : features[level];
    if (level < last) {
      put(`down${level}`, step(from, features[level + 1], 3, 2)); // to the next level's grid
      if (skip > 0) put(`across${level}`, step(from, skip, across));
      put(`up${level}`, step(features[level + 1] + skip, f));
    } else put(`middle`, step(from, f));
  });
  parts.head = convolution({ inputs: features[0], outputs, kernel: 1, random, ...(o.silent ? { initialise: zeros } : {}) });
  return network(parts, (p, x: Tensor) => {
    if (x.rank !== 4 || x.shape[1] !== inputs)
      throw new ShapeError(`hourglass: x is ${shapeText(x.shape)}; expected [n, ${inputs}, y, x]`, { shape: x.shape });
    const run = (name: string, t: Tensor) => p[`${name}Norm`].forward(p[name].forward(t));
    const kept: Tensor[] = [];
    let y = padToMultiple(x, 2 ** last);
    for (let level = 0; level < last; level++) {
      kept.push(y);
      y = run(`down${level}`, y);
    }
    y = run("middle", y);
    for (let level = last - 1; level >= 0; level--) {
      const wide = upsample(y, 2, enlarge);
      y = run(`up${level}`, skip > 0 ? concat([wide, run(`across${level}`, kept[level])], 1) : wide);
    }
    return cutTo(p.head.forward(y), x.shape.slice(2));
  });
}
