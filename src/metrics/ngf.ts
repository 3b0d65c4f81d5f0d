import type { Image } from "../core/interfaces.js";
import { concat, ngf as products } from "../tensor/index.js";
import { byFeatures } from "./features.js";
import type { ImageMetric, ImageRole, MetricForms } from "./imageMetric.js";
import { gradientLevel, noiseLevel } from "./noise.js";
import { channelsOf } from "./weights.js";

/** What is taken for an edge, and for noise. */
export interface NgfOptions {
  /**
   * ε of the fixed and of the moving image, in their units per mm: gradients well below it count as none. Default: three times the gradient that the
   * image's noise has by itself, and at least a tenth of the root mean square of all gradients.
   */
  readonly edge?: readonly [fixed: number, moving: number];
}

/** Distances of samples along the values' last axes; where an axis is turned does not matter to a product of two gradients of one grid. */
const spacingOf = ({ grid }: Image) => [...grid.spacing].reverse();
/** By the noise: a central difference over 2h of noise σ has the standard deviation σ / (√2 h) along each axis. */
function edgesOf(image: Image): number[] {
  const spacing = spacingOf(image);
  return channelsOf(image.values).map(([x]) => {
    const noise = noiseLevel(x) * Math.sqrt(0.5 * spacing.reduce((s, h, a) => s + (x.shape[a + 1] > 1 ? h ** -2 : 0), 0));
    return Math.max(3 * noise, 0.1 * gradientLevel(x, spacing), 1e-12);
  });
}

/**
 * Normalised gradient fields: edges should lie on edges and run along them, whatever their height or sense.
 *   D = ½ Σ w ‖n_W n_Wᵀ − n_F n_Fᵀ‖² / Σ w,  n_I = ∇I / √(|∇I|² + ε_I²).
 * Where both gradients are strong this is 1 − ⟨n_W, n_F⟩², the distance of Haber and Modersitzki; an edge over a flat place costs ½, two flat
 * places nothing (there: 1 either way). It is a least-squares form, so Gauss–Newton applies. Gradients in mm. Channels are averaged.
 * @throws GridError when the two are not on one grid
 * @see Haber, Modersitzki (2006), Intensity gradient based registration and fusion of multi-modal images, MICCAI
 */
export const ngf = ({ edge }: NgfOptions = {}): ImageMetric & Required<Omit<MetricForms, "slopes">> => {
  const form = (known?: Readonly<Record<ImageRole, readonly number[]>>) =>
    byFeatures("ngf", {
      reach: 1,
      describe(image, role) {
        const edges = known?.[role] ?? edgesOf(image);
        const spacing = spacingOf(image);
        const parts = channelsOf(image.values).map(([x], c) => products(x, { edge: edges[c] ?? edges[0], spacing }));
        // Six (three) channels whose squares are to be added, where features are averaged.
        return (parts.length === 1 ? parts[0] : concat(parts)).mul(Math.sqrt(parts[0].shape[0]));
      },
    });
  const given = edge && { fixed: [edge[0]], moving: [edge[1]] };
  return {
    name: "ngf",
    local: true,
    unlikeContrasts: true,
    ...form(given),
    prepare: (fixed, moving) => form(given ?? { fixed: edgesOf(fixed), moving: edgesOf(moving) }),
  };
};
