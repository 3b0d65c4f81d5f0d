import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { scope } from "../core/scope.js";
import { shapeText } from "../core/shape.js";
import { convolution, cutTo, type Layer, network, padToMultiple, pixelUnshuffle, relu, unet, upsample, zeros } from "../nn/index.js";
import type { DeformationNetwork } from "../registration/index.js";
import { composeFields } from "../tensor/ops/sampling.js";
import { concat } from "../tensor/ops/shaping.js";
import type { Tensor } from "../tensor/tensor.js";

/** Two pictures on one grid, [n, 1, y, x], black near 0 and white near 1. */
export interface ImagePair {
  /** Pictures that stay, [n, 1, …]. */
  readonly fixed: Tensor;
  /** Pictures that are brought onto them. */
  readonly moving: Tensor;
}
/** How large the network is that sees two images and tells the map between them. */
export interface RegistrationNetworkOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** Channels on the grid of half the resolution (default 16); coarser levels have twice as many. */
  readonly features?: number;
  /** Levels of the U-Net (default 5): the coarsest sees 2^levels samples as one. */
  readonly levels?: number;
}

/**
 * From a pair of pictures to the stationary velocity v of a deformation with moving ∘ exp(v) ≈ fixed: a U-Net on blocks of 2 × 2 samples. It begins as v = 0.
 * Any size will do.
 * @returns v in voxels of a grid of half the resolution, planes x, y: [n, 2, ⌈y/2⌉, ⌈x/2⌉]
 * @see Balakrishnan, Zhao, Sabuncu, Guttag & Dalca (2019), VoxelMorph: a learning framework for deformable medical image registration, IEEE TMI 38
 * @see Dalca, Balakrishnan, Guttag & Sabuncu (2019), Unsupervised learning of probabilistic diffeomorphic registration for images and surfaces,
 *      Medical Image Analysis 57 (velocities on half the resolution, scaling and squaring)
 */
export function registrationNetwork(o: RegistrationNetworkOptions): Layer<ImagePair, Tensor> {
  const { random, features = 16, levels = 5 } = o;
  if (!(features >= 1 && levels >= 1))
    throw new ArgumentError(`registrationNetwork: ${features} features on ${levels} levels; give at least one of each`, {});
  const channels = Array.from({ length: levels }, (_, k) => (k === 0 ? features : 2 * features));
  const parts = {
    body: unet({ inputs: 8, outputs: features, random, features: channels }),
    bend: relu(),
    head: convolution({ inputs: features, outputs: 2, random, initialise: zeros }),
  };
  return network(parts, (p, { fixed, moving }: ImagePair, training) => {
    if (fixed.rank !== 4 || fixed.shape[1] !== 1 || fixed.shape.some((s, i) => s !== moving.shape[i]))
      throw new ShapeError(
        `registrationNetwork: fixed is ${shapeText(fixed.shape)} and moving ${shapeText(moving.shape)}; expected two of [n, 1, y, x]`,
        { fixed: fixed.shape, moving: moving.shape },
      );
    const [, , h, w] = fixed.shape;
    const x = pixelUnshuffle(padToMultiple(concat([fixed, moving], 1), 2 ** levels), 2);
    const v = p.head.forward(p.bend.forward(p.body.forward(x, training), training), training);
    return cutTo(v, [Math.ceil(h / 2), Math.ceil(w / 2)]);
  });
}

/** Squarings of the network's velocities: 2⁻⁵ of the longest that are trained for, some 8 voxels of half the resolution, is a quarter of a voxel. */
export const networkSquarings = 5;

/** u of exp(v) = id + u on the whole grid, in its voxels, planes x, y [2, y, x], from v on half the resolution [2, ⌈y/2⌉, ⌈x/2⌉]; differentiable. */
export function integrated(v: Tensor, [h, w]: readonly [number, number], squarings = networkSquarings): Tensor {
  let u = v.mul(2 ** -squarings);
  for (let k = 0; k < squarings; k++) u = composeFields(u, u);
  return enlarged(u, [h, w]);
}
/** Planes in voxels of half the resolution, in voxels of the whole. */
export const enlarged = (v: Tensor, [h, w]: readonly [number, number]): Tensor =>
  upsample(v.reshape(1, ...v.shape), 2)
    .slice([0, 0, 0, 0], [1, 2, h, w])
    .reshape(2, h, w)
    .mul(2);

/**
 * Values as the network takes them: the first percentile becomes 0 and the 99th 1, and what is beyond ends there, or half as far again above.
 * A gain and an offset of the picture change nothing.
 */
export function normalised(values: Tensor): Tensor {
  const { data } = values;
  // Percentiles of some thousand samples are near enough, and the same for the same picture.
  const step = Math.max(1, Math.floor(data.length / 16384));
  const some = Float32Array.from({ length: Math.floor(data.length / step) }, (_, i) => data[i * step]).sort();
  const at = (q: number) => some[Math.min(some.length - 1, Math.round(q * (some.length - 1)))] ?? 0;
  const [low, high] = [at(0.01), at(0.99)];
  const range = high - low > 1e-12 ? high - low : 1;
  return values.sub(low).div(range).clamp(0, 1.5);
}

/** The network as what the preset `learned` of `register` asks for: normalises both pictures, and hands out v. */
export const networkDeformation =
  (model: Layer<ImagePair, Tensor>): DeformationNetwork =>
  (fixed, moving) =>
    scope(() => {
      const [h, w] = fixed.shape.slice(-2);
      const ready = (x: Tensor) => normalised(x).reshape(1, 1, h, w);
      const v = model.forward({ fixed: ready(fixed), moving: ready(moving) });
      return v.reshape(...v.shape.slice(1));
    });
