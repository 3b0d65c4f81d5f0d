/** One channel of a rectangle, row by row. */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** Every second sample of x convolved with [1 4 6 4 1]/16; the border repeats. Even sizes. */
export function reduce({ width, height, values }: Plane): Plane {
  const [w, h] = [width >> 1, height >> 1];
  const middle = new Float32Array(w * height);
  for (let y = 0; y < height; y++)
    for (let x = 0, row = y * width; x < w; x++) {
      const k = 2 * x;
      const [a, b, d, e] = [Math.max(0, k - 2), Math.max(0, k - 1), Math.min(width - 1, k + 1), Math.min(width - 1, k + 2)];
      middle[y * w + x] = (values[row + a] + values[row + e] + 4 * (values[row + b] + values[row + d]) + 6 * values[row + k]) / 16;
    }
  const out = new Float32Array(w * h);
  for (let y = 0; y < h; y++) {
    const k = 2 * y;
    const [a, b, d, e] = [Math.max(0, k - 2), Math.max(0, k - 1), Math.min(height - 1, k + 1), Math.min(height - 1, k + 2)];
    for (let x = 0; x < w; x++)
      out[y * w + x] = (middle[a * w + x] + middle[e * w + x] + 4 * (middle[b * w + x] + middle[d * w + x]) + 6 * middle[k * w + x]) / 16;
  }
  return { width: w, height: h, values: out };
}
/** The way back: a plane twice as large, each sample from its neighbours with the same weights. */
export function expand({ width: w, height: h, values }: Plane): Plane {
  const width = 2 * w;
  const middle = new Float32Array(width * h);
  for (let y = 0; y < h; y++)
    for (let x = 0, row = y * w; x < w; x++) {
      const [a, b, c] = [values[row + Math.max(0, x - 1)], values[row + x], values[row + Math.min(w - 1, x + 1)]];
      middle[y * width + 2 * x] = (a + 6 * b + c) / 8;
      middle[y * width + 2 * x + 1] = (b + c) / 2;
    }
  const out = new Float32Array(width * 2 * h);
  for (let y = 0; y < h; y++) {
    const [a, b, c] = [Math.max(0, y - 1) * width, y * width, Math.min(h - 1, y + 1) * width];
    for (let x = 0; x < width; x++) {
      out[2 * y * width + x] = (middle[a + x] + 6 * middle[b + x] + middle[c + x]) / 8;
      out[(2 * y + 1) * width + x] = (middle[b + x] + middle[c + x]) / 2;
    }
  }
  return { width, height: 2 * h, values: out };
}
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
  const weight = reduce({ width, height, values: valid });
  const weighted = reduce({ width, height, values: values.map((v, i) => v * valid[i]) });
  const coarse = fillIn(
    { ...weighted, values: weighted.values.map((v, i) => (weight.values[i] > 1e-3 ? v / weight.values[i] : 0)) },
    weight.values.map((v) => (v > 1e-3 ? 1 : 0)),
  );
  const up = expand(coarse).values;
  return { width, height, values: values.map((v, i) => (valid[i] > 0 ? v : up[i])) };
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
    const each = (k: number, work: (inside: number, outside: number) => void) => {
      const { width: w, height: h } = masks[k];
      for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) work(y * w + x, (y + (top >> k)) * this.#sizes[k].width + x + (left >> k));
    };
    for (let k = 0; k <= this.levels; k++)
      each(k, (i, o) => {
        this.#weights[k][o] += masks[k].values[i];
      });
    for (let c = 0; c < channels; c++) {
      let fine = fillIn({ width, height, values: layer.values.subarray(c * width * height, (c + 1) * width * height) }, layer.valid);
      for (let k = 0; k <= this.levels; k++) {
        const coarse = k < this.levels ? reduce(fine) : undefined;
        const up = coarse && expand(coarse).values;
        const [mask, values, sum] = [masks[k].values, fine.values, this.#sums[c][k]];
        each(k, (i, o) => {
          sum[o] += mask[i] * (up ? values[i] - up[i] : values[i]);
        });
        if (coarse) fine = coarse;
      }
    }
  }
  /** [c, y, x]; 0 where no layer shows. */
  result(): Float32Array {
    const out = new Float32Array(this.channels * this.width * this.height);
    for (const [c, sums] of this.#sums.entries()) {
      let plane: Plane | undefined;
      for (let k = this.levels; k >= 0; k--) {
        const up = plane && expand(plane).values;
        const weight = this.#weights[k];
        plane = {
          ...this.#sizes[k],
          values: sums[k].map((v, i) => (weight[i] > 1e-4 ? v / weight[i] : 0) + (up ? up[i] : 0)),
        };
      }
      out.set((plane as Plane).values, c * this.width * this.height);
    }
    return out;
  }
}
