import type { LinearOperator } from "../core/interfaces.js";
import type { Layer } from "../nn/index.js";
import { inpaintBiharmonic, noiseLevel } from "../reconstruction/index.js";
import { scope, Tensor } from "../tensor/index.js";
import type { MeasuredPictures } from "./unrolledRestoration.js";

/** The operator, the data and the noise that a restoring network is told of. */
export interface NetworkRestorationOptions {
  /** A on pictures of a shape, here [n, 1, y, x]: the same for each. */
  readonly operator: (shape: readonly number[]) => LinearOperator;
  /** y of pictures [(…,) y, x], as large as they. */
  readonly data: Tensor;
  /** σ of the noise (default: as the data show it; of missing samples none). */
  readonly noise?: number;
}

/**
 * What a network for pictures of values 0 to 1 makes of measured ones of any values: black and white are the extremes of the data but for half of one per cent at either
 * end, x = black + (white − black) f((y − A black) / (white − black)). Missing samples (A a mask) begin with their biharmonic interpolation. Every picture by itself.
 */
export function networkRestoration(model: Layer<MeasuredPictures, Tensor>, o: NetworkRestorationOptions): Tensor {
  const { data } = o;
  const [h, w] = data.shape.slice(-2);
  const n = data.size / (h * w);
  return scope(() => {
    const operator = o.operator([n, 1, h, w]);
    const mask = operator.diagonal instanceof Tensor ? operator.diagonal.broadcastTo([n, 1, h, w]) : undefined;
    const y = data.reshape(n, 1, h, w);
    const seen = mask?.data;
    const all = Float32Array.from(y.data as ArrayLike<number>)
      .filter((_, i) => !seen || seen[i] !== 0)
      .sort();
    const last = all.length - 1;
    const [black, white] = last < 0 ? [0, 1] : [all[Math.ceil(0.005 * last)], all[Math.floor(0.995 * last)]];
    const range = white > black ? white - black : 1;
    const clean = mask ? y.mul(mask.equal(0).mul(-1).add(1)) : y;
    const inner = clean.sub(operator.apply(Tensor.full([n, 1, h, w], black))).div(range);
    const sigma = Array.from({ length: n }, (_, k) => Math.max(1e-3, (o.noise ?? (mask ? 0 : noiseLevel(y.at(k).reshape(h, w)))) / range));
    const start = mask && inpaintBiharmonic(inner.div(mask.add(mask.equal(0))), mask, { dimensions: 2 }).image;
    const x = model.forward({ operator, data: inner, sigma: Tensor.from(sigma, [n]), start });
    return x
      .mul(range)
      .add(black)
      .reshape(...data.shape);
  });
}
