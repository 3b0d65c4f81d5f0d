import type { Layer } from "../nn/index.js";
import { type Operator, type RadonGeometry, type RadonOptions, radonGeometry, radonOperator } from "../operators/index.js";
import { type CtNetwork, fbp, rampPreconditioner } from "../reconstruction/index.js";
import { scope } from "../tensor/index.js";
import { irfft, rfft } from "../tensor/ops/fft.js";
import { stack } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";

/** Sinograms as a network sees them: y of shape [n, 1, views, bins], A, a pseudo-inverse of it and a first reconstruction [n, 1, y, x]. */
export interface MeasuredViews {
  /** The measured data d. */
  readonly data: Tensor;
  /** The image to begin with. */
  readonly start: Tensor;
  /** Images [n, 1, y, x] ↦ [n, 1, views, bins]. */
  readonly apply: (x: Tensor) => Tensor;
  /** A*H, H the ramp where views overlap: A*HA is about the identity on what is seen. */
  readonly back: (y: Tensor) => Tensor;
}
/** The geometry that a network for tomography was made for, with its operator. */
export interface CtScanner {
  /** Angles, detector and image. */
  readonly geometry: RadonGeometry;
  /** A, from images to data. */
  readonly operator: Operator;
  /** Sinograms [n, views, bins], with filtered back-projections by Hann's window as the start. */
  measured(sinograms: Tensor): MeasuredViews;
}

/**
 * The maps between images and sinograms of one geometry, for batches and differentiable both ways.
 * @throws ArgumentError for lengths, counts and angles that describe no scanner
 */
export function ctScanner(o: RadonOptions): CtScanner {
  const geometry = radonGeometry(o);
  const operator = radonOperator(geometry);
  const ramp = rampPreconditioner(geometry);
  const axes = [3];
  // Image by image: the operator knows one at a time.
  const each = (x: Tensor, f: (one: Tensor) => Tensor) => {
    const [n, , h, w] = x.shape;
    const results = stack(Array.from({ length: n }, (_, k) => f(x.slice([k, 0, 0, 0], [k + 1, 1, h, w]).reshape(h, w))));
    return results.reshape(n, 1, ...results.shape.slice(1));
  };
  return {
    geometry,
    operator,
    measured(sinograms) {
      const [n, views, bins] = sinograms.shape;
      const start = scope(() =>
        stack(
          Array.from({ length: n }, (_, k) =>
            fbp(sinograms.slice([k, 0, 0], [k + 1, views, bins]).reshape(views, bins), { ...geometry, filter: "hann" }),
          ),
        ).reshape(n, 1, ...geometry.size),
      );
      const filter = Tensor.from(ramp, [1, 1, 1, ramp.length]);
      return {
        data: sinograms.reshape(n, 1, views, bins),
        start,
        apply: (x) => each(x, (one) => operator.apply(one)),
        back: (y) => each(irfft(rfft(y, { axes }).mul(filter), { axes, n: bins }), (one) => operator.adjoint(one)),
      };
    },
  };
}

/** A network as `network` of `reconstructCt`. */
export const networkSlice =
  (model: Layer<MeasuredViews, Tensor>): CtNetwork =>
  (sinogram, geometry) => {
    const { measured } = ctScanner(geometry);
    return model.forward(measured(sinogram.reshape(1, ...sinogram.shape))).reshape(...geometry.size);
  };
