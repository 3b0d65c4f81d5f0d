import type { Image } from "../core/interfaces.js";
import { Tensor } from "../tensor/index.js";
import type { ImageMetric } from "./imageMetric.js";
import { requireSameGrid, weightOf } from "./weights.js";

/**
 * One minus the soft Dice overlap of label channels, their mean,  D(W, F) = 1 − mean_c 2 Σ w W_c F_c / Σ w (W_c² + F_c²).
 * Channels hold how much of a label is in each voxel, 0 … 1 (`labelChannels` makes them of a label map); a label that neither image has is left out.
 * For hard labels this is one minus Dice.
 * @throws GridError when the two are not on one grid
 * @see Dice (1945), Measures of the amount of ecologic association between species, Ecology 26
 * @see Milletari, Navab, Ahmadi (2016), V-Net: fully convolutional neural networks for volumetric medical image segmentation, 3DV (the squares)
 */
export const labelOverlap = (): ImageMetric => ({
  name: "labelOverlap",
  scaling: "none",
  value(warped, fixed, masks) {
    requireSameGrid("labelOverlap", warped, fixed);
    const mask = weightOf(masks);
    const axes = warped.values.shape.slice(1).map((_, a) => a + 1);
    const total = (x: Tensor) => (mask ? x.mul(mask) : x).sum(axes);
    const [w, f] = [warped.values, fixed.values];
    const size = total(w.square().add(f.square()));
    const present = size.greater(1e-6);
    const overlap = total(w.mul(f)).mul(2).div(size.maximum(1e-6)).mul(present);
    return overlap.sum().div(present.sum().maximum(1)).neg().add(1);
  },
});

/**
 * A label map as channels of 0 and 1, one for each label, [n, (z,) y, x].
 * @param labels default: all values that occur but 0, in rising order
 */
export function labelChannels(map: Image, labels?: readonly number[]): Image {
  const data = map.values.data;
  const list = labels ?? [...new Set(data)].filter((v) => v !== 0).sort((a, b) => a - b);
  const out = Tensor.zeros([list.length, ...map.values.shape.slice(1)]);
  const at = new Map(list.map((v, c) => [v, c]));
  for (let i = 0; i < data.length; i++) {
    const c = at.get(data[i]);
    if (c !== undefined) out.data[c * data.length + i] = 1;
  }
  return { values: out, grid: map.grid };
}
