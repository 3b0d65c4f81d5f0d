import { localNcc } from "../tensor/index.js";
import type { ImageMetric } from "./imageMetric.js";
import { requireSameGrid, weightOf } from "./weights.js";

export interface LnccOptions {
  /** Half the window in voxels, along each axis (x, y, z order is irrelevant: one number). Default 2. */
  readonly radiusVoxels?: number;
}

/**
 * One minus the mean squared local correlation in windows of (2r + 1) voxels: blind to local brightness and contrast, also inverted. Channels are averaged.
 * @throws GridError when the two are not on one grid
 * @see Avants, Epstein, Grossman, Gee (2008), Symmetric diffeomorphic image registration with cross-correlation, Medical Image Analysis 12
 */
export const lncc = ({ radiusVoxels = 2 }: LnccOptions = {}): ImageMetric => {
  const make = (constants: { readonly offset?: readonly [number, number]; readonly scale?: readonly [number, number] }) => ({
    value(warped: Parameters<ImageMetric["value"]>[0], fixed: typeof warped, masks?: Parameters<ImageMetric["value"]>[2]) {
      requireSameGrid("lncc", warped, fixed);
      const size = fixed.values.shape.slice(1);
      const radius = size.map((n) => (n === 1 ? 0 : radiusVoxels));
      return localNcc(warped.values, fixed.values, { radius, mask: weightOf(masks), symmetric: true, ...constants })
        .neg()
        .add(1);
    },
  });
  return {
    name: "lncc",
    local: true,
    ...make({}),
    prepare(fixed, moving) {
      // The commonest value is the background, which windows may then skip; ε is relative to the contrast of the whole image.
      const [f, m] = [fixed, moving].map(({ values }) => {
        const data = values.data;
        let [sum, square, low] = [0, 0, Number.POSITIVE_INFINITY];
        for (const v of data) {
          sum += v;
          square += v * v;
          if (v < low) low = v;
        }
        const mean = sum / data.length;
        const deviation = Math.sqrt(Math.max(0, square / data.length - mean * mean));
        return { offset: mean - low < 8 * deviation ? low : mean, scale: deviation > 0 ? 1 / deviation : 1 };
      });
      return make({ offset: [m.offset, f.offset], scale: [m.scale, f.scale] });
    },
  };
};
