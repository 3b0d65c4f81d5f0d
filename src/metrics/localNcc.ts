import type { Image, Masks } from "../core/interfaces.js";
import { boxSum, localNcc, localNccWithGradients, scope, type Tensor } from "../tensor/index.js";
import type { ImageMetric } from "./imageMetric.js";
import { evenly, requireSameGrid, weightOf } from "./weights.js";

/** The window of local correlation, and whether its sign counts. */
export interface LnccOptions {
  /** Half the window in voxels, along each axis (x, y, z order is irrelevant: one number). Default 2. */
  readonly radiusVoxels?: number;
  /** Contrasts agree in sense, too: the mean correlation itself, so that opposite contrast is unlike. Default false: its square. */
  readonly signed?: boolean;
}

/**
 * One minus the mean squared (or `signed`: the mean) local correlation in windows of (2r + 1) voxels: blind to local brightness and contrast,
 * squared also to its sense. Channels are averaged.
 * @throws GridError when the two are not on one grid
 * @see Avants, Epstein, Grossman, Gee (2008), Symmetric diffeomorphic image registration with cross-correlation, Medical Image Analysis 12
 */
export const lncc = ({ radiusVoxels = 2, signed = false }: LnccOptions = {}): ImageMetric => {
  const make = (
    constants: { readonly offset?: readonly [number, number]; readonly scale?: readonly [number, number] },
    symmetric = true,
  ) => {
    const options = (warped: Image, fixed: Image, masks: Masks | undefined) => {
      requireSameGrid("lncc", warped, fixed);
      const radius = fixed.values.shape.slice(1).map((n) => (n === 1 ? 0 : radiusVoxels));
      return { radius, mask: weightOf(masks), symmetric, signed, ...constants };
    };
    return {
      value: (warped: Image, fixed: Image, masks?: Masks) =>
        localNcc(warped.values, fixed.values, options(warped, fixed, masks))
          .neg()
          .add(1),
      slopes: (warped: Image, fixed: Image, masks?: Masks) =>
        scope(() => {
          const { value, gradients } = localNccWithGradients(warped.values, fixed.values, options(warped, fixed, masks), -1);
          return { value: 1 + value, warped: gradients[0], fixed: gradients[1] };
        }),
    };
  };
  return {
    name: "lncc",
    local: true,
    ...make({}),
    // A change δ orthogonal to both images in a window of n voxels lowers cc to cc (1 − |δ|²/(n v_W)): h = 2 E[cc / v_W], E over the windows around a
    // voxel; its root by half as much, and where that is negative nothing is lost.
    curvature(warped, fixed, masks) {
      const w = weightOf(masks);
      const [W, F] = [warped.values, fixed.values];
      const radius = F.shape.slice(1).map((n) => (n === 1 ? 0 : radiusVoxels));
      const box = (x: Tensor) => boxSum(x, { radius });
      const n = box(w ? w.broadcastTo(F.shape) : F.mul(0).add(1)).maximum(1e-3);
      const mean = (x: Tensor) => box(w ? x.mul(w) : x).div(n);
      const [mW, mF] = [mean(W), mean(F)];
      const vW = mean(W.square()).sub(mW.square()).maximum(0);
      const vF = mean(F.square()).sub(mF.square()).maximum(0);
      const c = mean(W.mul(F)).sub(mW.mul(mF));
      // In windows without contrast cc says nothing: the same floor as in the metric, relative to the whole image.
      const floor = (v: Tensor) => v.mean().mul(1e-3).add(1e-12);
      const den = vW.mul(vF).add(floor(vW).mul(floor(vF)));
      const cc = signed ? c.maximum(0).div(den.sqrt()) : c.square().div(den);
      const h = box(cc.div(vW.add(floor(vW))).div(n)).mul(signed ? 1 : 2);
      const weight = w ? evenly(F, w) : undefined;
      return weight ? h.mul(weight) : h.div(F.size);
    },
    prepare(fixed, moving, symmetric = false) {
      // The commonest value is the background, which windows may then skip; ε is relative to the contrast of the whole image.
      const [f, m] = [fixed, moving].map(({ values }) => {
        const data = values.data;
        let [sum, square, low] = [0, 0, Number.POSITIVE_INFINITY];
        for (let i = 0; i < data.length; i++) {
          const v = data[i];
          sum += v;
          square += v * v;
          if (v < low) low = v;
        }
        const mean = sum / data.length;
        const deviation = Math.sqrt(Math.max(0, square / data.length - mean * mean));
        return { offset: mean - low < 8 * deviation ? low : mean, scale: deviation > 0 ? 1 / deviation : 1 };
      });
      return make({ offset: [m.offset, f.offset], scale: [m.scale, f.scale] }, symmetric);
    },
  };
};
