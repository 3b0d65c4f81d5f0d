import { pyramidExpand, pyramidReduce } from "../../kernels/pyramid.js";

/** One channel of a rectangle, row by row. */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** Half as large; even sizes. */
export const reduce = ({ width, height, values }: Plane): Plane => ({
  width: width >> 1,
  height: height >> 1,
  values: pyramidReduce(values, height, width),
});
/** Twice as large. */
export const expand = ({ width, height, values }: Plane): Plane => ({
  width: 2 * width,
  height: 2 * height,
  values: pyramidExpand(values, height, width),
});
/** Values carried on to where there are none, from coarser and coarser means (pull and push). */
export function fillIn({ width, height, values }: Plane, valid: Float32Array): Plane {
  if (width < 2 || height < 2 || width % 2 || height % 2) {
    let [sum, count] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      sum += valid[i] * values[i];
      count += valid[i];
    }
    const mean = count > 0 ? sum / count : 0;
    return { width, height, values: values.map((v, i) => (valid[i] > 0 ? v : mean)) };
  }
  const masked = new Float32Array(values.length);
  for (let i = 0; i < masked.length; i++) masked[i] = valid[i] * values[i];
  const { values: weight } = reduce({ width, height, values: valid });
  const means = reduce({ width, height, values: masked });
  const known = new Float32Array(weight.length);
  for (let i = 0; i < weight.length; i++) {
    known[i] = weight[i] > 1e-3 ? 1 : 0;
    means.values[i] = weight[i] > 1e-3 ? means.values[i] / weight[i] : 0;
  }
  const { values: out } = expand(fillIn(means, known));
  for (let i = 0; i < out.length; i++) if (valid[i] > 0) out[i] = values[i];
  return { width, height, values: out };
}

/** A part of the canvas to be blended: values [c, y, x] of a rectangle whose corner and size are multiples of 2^levels, and who shows what of it. */
export interface Layer {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly values: Float32Array;
  readonly valid: Float32Array;
  /** 1 where this layer is the one shown. */
  readonly shown: Float32Array;
}

/**
 * Layers joined so that every detail changes hands over its own width: the Laplacian pyramids of the layers are added with the Gaussian pyramids of who
 * shows what, level by level, and the sum is put together again.
 * @see Burt & Adelson (1983), A multiresolution spline with application to image mosaics, ACM Transactions on Graphics 2(4)
 */
export class Multiband {
  readonly #sums: Float32Array[][];
  readonly #weights: Float32Array[];
  readonly #sizes: { readonly width: number; readonly height: number }[];
  constructor(
    readonly width: number,
    readonly height: number,
    readonly channels: number,
    readonly levels: number,
  ) {
    this.#sizes = Array.from({ length: levels + 1 }, (_, k) => ({ width: width >> k, height: height >> k }));
    this.#weights = this.#sizes.map((s) => new Float32Array(s.width * s.height));
    this.#sums = Array.from({ length: channels }, () => this.#sizes.map((s) => new Float32Array(s.width * s.height)));
  }
  add(layer: Layer): void {
    const { left, top, width, height, channels } = layer;
    const masks: Plane[] = [{ width, height, values: layer.shown }];
    for (let k = 0; k < this.levels; k++) masks.push(reduce(masks[k]));
    /** sum += mask · (a − b) over the layer's part of level k; without b, or without both, what is left of it. */
    const add = (k: number, sum: Float32Array, a?: Float32Array, b?: Float32Array) => {
      const { width: w, height: h, values: mask } = masks[k];
      for (let y = 0; y < h; y++) {
        const to = (y + (top >> k)) * this.#sizes[k].width + (left >> k);
        const from = y * w;
        if (a && b) for (let x = 0; x < w; x++) sum[to + x] += mask[from + x] * (a[from + x] - b[from + x]);
        else if (a) for (let x = 0; x < w; x++) sum[to + x] += mask[from + x] * a[from + x];
        else for (let x = 0; x < w; x++) sum[to + x] += mask[from + x];
      }
    };
    for (let k = 0; k <= this.levels; k++) add(k, this.#weights[k]);
    for (let c = 0; c < channels; c++) {
      let fine = fillIn({ width, height, values: layer.values.subarray(c * width * height, (c + 1) * width * height) }, layer.valid);
      for (let k = 0; k < this.levels; k++) {
        const coarse = reduce(fine);
        add(k, this.#sums[c][k], fine.values, expand(coarse).values);
        fine = coarse;
      }
      add(this.levels, this.#sums[c][this.levels], fine.values);
    }
  }
  /** [c, y, x]; 0 where no layer shows. */
  result(): Float32Array {
    const out = new Float32Array(this.channels * this.width * this.height);
    for (const [c, sums] of this.#sums.entries()) {
      let plane: Plane | undefined;
      for (let k = this.levels; k >= 0; k--) {
        const up = plane && expand(plane).values;
        const [weight, sum] = [this.#weights[k], sums[k]];
        const values = new Float32Array(sum.length);
        for (let i = 0; i < values.length; i++) values[i] = (weight[i] > 1e-4 ? sum[i] / weight[i] : 0) + (up ? up[i] : 0);
        plane = { ...this.#sizes[k], values };
      }
      out.set((plane as Plane).values, c * this.width * this.height);
    }
    return out;
  }
}
