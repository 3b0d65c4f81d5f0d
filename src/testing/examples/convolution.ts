import type { Random } from "../../core/random.js";
import { vjp } from "../../tensor/differentiate.js";
import { type ConvolutionOptions, convolve, convolveTransposed } from "../../tensor/ops/convolution.js";
import { averagePool, maxPool, type PoolOptions } from "../../tensor/ops/pooling.js";
import { randomNormal, Tensor } from "../../tensor/tensor.js";
import type { Example, Examples } from "../laws.js";

const normal =
  (...shapes: number[][]) =>
  (random: Random) =>
    shapes.map((s) => randomNormal(s, random, "f64"));
/** Distinct values a step of the tests does not reorder. */
const distinct =
  (shape: number[]) =>
  (random: Random): Tensor[] => {
    const noise = randomNormal(shape, random, "f64").data;
    const order = Array.from(noise, (_, i) => i).sort((a, b) => noise[a] - noise[b]);
    const values = new Float64Array(noise.length);
    order.forEach((at, rank) => {
      values[at] = rank / 5 - 2;
    });
    return [Tensor.from(values, shape)];
  };
const forward = (x: number[], w: number[], options?: ConvolutionOptions): Example => ({
  inputs: normal(x, w),
  f: (a, b) => convolve(a, b, options),
});
/** The adjoint rules as functions of their own: the pull-back of a product of two is linear in the cotangent and in the other factor. */
const weights = (x: number[], w: number[], y: number[], options?: ConvolutionOptions): Example => ({
  inputs: normal(x, y),
  f: (a, g) => vjp((v) => convolve(a, v, options), Tensor.zeros(w, a.dtype)).pull(g)[0],
});
const max = (x: number[], options: PoolOptions): Example => ({ inputs: distinct(x), f: (a) => maxPool(a, options), h0: 1e-3 });
const mean = (x: number[], options: PoolOptions): Example => ({ inputs: normal(x), f: (a) => averagePool(a, options) });
/** Pull-backs of a pooling at a fixed image: linear in the cotangent. */
const pulled = (pool: (x: Tensor) => Tensor, x: number[], y: number[]): Example => ({
  inputs: normal(y),
  f: (g) =>
    vjp(
      pool,
      Tensor.from(
        Float64Array.from({ length: x.reduce((n, v) => n * v, 1) }, (_, i) => Math.sin(7 * i)),
        x,
      ).cast(g.dtype),
    ).pull(g)[0],
});

/** The laws of convolutions and pooling. */
export const convolutionExamples: Examples = {
  convolve: [
    forward([2, 2, 5], [3, 2, 3]),
    forward([1, 2, 4, 5], [2, 2, 3, 3], { padding: "same" }),
    forward([1, 4, 5, 6], [2, 2, 3, 2], { groups: 2, stride: [2, 1], padding: [[1, 0], 1], dilation: [1, 2] }),
    forward([1, 2, 3, 4, 5], [2, 2, 2, 3, 3], { padding: 1, stride: 2 }),
    { inputs: normal([2, 2, 4], [3, 2, 2], [3]), f: (x, w, b) => convolve(x, w, { bias: b }) },
  ],
  convolveTransposed: [
    { inputs: normal([2, 3, 4], [3, 2, 3]), f: (x, w) => convolveTransposed(x, w, { stride: 2, padding: 1, outputPadding: 1 }) },
    { inputs: normal([1, 2, 3, 3], [2, 2, 2, 2]), f: (x, w) => convolveTransposed(x, w, { stride: 2, groups: 2 }) },
    { inputs: normal([1, 2, 2, 3, 3], [2, 2, 3, 3, 3]), f: (x, w) => convolveTransposed(x, w, { padding: 1, stride: [1, 2, 2] }) },
  ],
  convolveWeights: [
    weights([2, 2, 5], [3, 2, 3], [2, 3, 3]),
    weights([1, 4, 5, 6], [2, 2, 3, 2], [1, 2, 2, 6], { groups: 2, stride: [2, 1], padding: [[1, 0], 1], dilation: [1, 2] }),
  ],
  maxPool: [max([2, 2, 7], { kernel: 2 }), max([1, 2, 5, 6], { kernel: 3, stride: 2, padding: 1 }), max([1, 1, 4, 4, 4], { kernel: 2 })],
  poolScatter: pulled((x) => maxPool(x, { kernel: 3, stride: 2, padding: 1 }), [1, 2, 5, 6], [1, 2, 3, 3]),
  poolGather: {
    // The pull-back of a pull-back gathers.
    inputs: normal([1, 2, 4, 4]),
    f: (c) => {
      const x = Tensor.from(
        Float64Array.from({ length: 32 }, (_, i) => Math.sin(7 * i)),
        [1, 2, 4, 4],
      ).cast(c.dtype);
      return vjp((g) => vjp((v) => maxPool(v, { kernel: 2 }), x).pull(g)[0], Tensor.zeros([1, 2, 2, 2], c.dtype)).pull(c)[0];
    },
  },
  averagePool: [
    mean([2, 2, 7], { kernel: 2 }),
    mean([1, 2, 5, 6], { kernel: 3, stride: 2, padding: 1 }),
    mean([1, 1, 4, 4, 4], { kernel: [2, 2, 3] }),
  ],
  averagePoolAdjoint: pulled((x) => averagePool(x, { kernel: 3, stride: 2, padding: 1 }), [1, 2, 5, 6], [1, 2, 3, 3]),
};
