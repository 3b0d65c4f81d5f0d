import { ArgumentError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { type PerAxis, perAxis } from "../tensor/ops/convolution.js";
import { warpAffine } from "../tensor/ops/sampling.js";
import { randomNormal, type Tensor } from "../tensor/tensor.js";

/** Images [c, (z,) y, x] of one place (input, target, labels …) ↦ the same, changed by chance in one way for all of them. */
export type Augmentation = (images: readonly Tensor[], random: Random) => readonly Tensor[];

/** One after the other. */
export const pipeline =
  (...steps: readonly Augmentation[]): Augmentation =>
  (images, random) =>
    steps.reduce((now, step) => step(now, random), images);

const spatial = (x: Tensor) => x.shape.slice(1);

/** A window of `size` (one number, or (z, y,) x) at a place uniformly drawn. */
export const randomCrop =
  (size: PerAxis): Augmentation =>
  (images, random) => {
    const whole = spatial(images[0]);
    const window = perAxis(size, whole.length, 1, 1, "randomCrop", "size");
    if (window.some((w, i) => w > whole[i]))
      throw new ArgumentError(`randomCrop: a window of ${window.join("×")} does not fit into ${whole.join("×")}`, { size: window, whole });
    const from = whole.map((n, i) => random.integer(n - window[i] + 1));
    return images.map((x) => x.slice([0, ...from], [x.shape[0], ...from.map((f, i) => f + window[i])]));
  };

/** Each axis mirrored with probability ½; `axes` counts (z, y,) x from 0 (default: all). */
export const randomFlip =
  ({ axes }: { readonly axes?: readonly number[] } = {}): Augmentation =>
  (images, random) => {
    const chosen = (axes ?? spatial(images[0]).map((_, i) => i)).filter(() => random.uniform() < 0.5);
    return chosen.length === 0 ? images : images.map((x) => x.flip(chosen.map((a) => a + 1)));
  };

/** 0 to 3 quarter turns in the plane of the last two axes: exact. Images of equal height and width keep their shape. */
export const randomQuarterTurn = (): Augmentation => (images, random) => {
  const turns = random.integer(4);
  return images.map((image) => {
    let x = image;
    for (let t = 0; t < turns; t++) x = x.transpose().flip(x.rank - 1);
    return x;
  });
};

/** A turn by up to ± degrees about the middle of the plane of the last two axes; linear interpolation, the border goes on outside. */
export const randomRotation =
  ({
    degrees,
    nearest = [],
  }: {
    readonly degrees: number /** Places in the list of images that hold labels. */;
    readonly nearest?: readonly number[];
  }): Augmentation =>
  (images, random) => {
    const angle = (degrees * Math.PI * (2 * random.uniform() - 1)) / 180;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return images.map((x, i) => {
      const size = spatial(x);
      const d = size.length;
      const [cy, cx] = [(size[d - 2] - 1) / 2, (size[d - 1] - 1) / 2];
      const [bx, by] = [cx - cos * cx + sin * cy, cy - sin * cx - cos * cy];
      const base = d === 2 ? [cos, -sin, bx, sin, cos, by] : [cos, -sin, 0, bx, sin, cos, 0, by, 0, 0, 1, 0];
      return warpAffine(x, base, size, { interpolation: nearest.includes(i) ? "nearest" : "linear", border: "clamp" });
    });
  };

/** White noise on the first image only: what a network gets to see. The deviation is uniform between the two given, or one number. */
export const randomNoise =
  ({ deviation }: { readonly deviation: number | readonly [number, number] }): Augmentation =>
  ([first, ...rest], random) => {
    const [low, high] = typeof deviation === "number" ? [deviation, deviation] : deviation;
    const sigma = low + (high - low) * random.uniform();
    return [first.add(randomNormal(first.shape, random, first.dtype).mul(sigma)), ...rest];
  };

/** All images times a gain and plus an offset, uniform on their ranges: contrast and brightness that must not matter. */
export const randomGain =
  ({
    gain = [0.8, 1.2],
    offset = [0, 0],
  }: {
    readonly gain?: readonly [number, number];
    readonly offset?: readonly [number, number];
  } = {}): Augmentation =>
  (images, random) => {
    const a = gain[0] + (gain[1] - gain[0]) * random.uniform();
    const b = offset[0] + (offset[1] - offset[0]) * random.uniform();
    return images.map((x) => x.mul(a).add(b));
  };
