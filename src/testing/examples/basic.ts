import type { Random } from "../../core/random.js";
import { stopGradient } from "../../tensor/differentiate.js";
import { complex } from "../../tensor/ops/complex.js";
import * as e from "../../tensor/ops/elementwise.js";
import { gather, scatterAdd } from "../../tensor/ops/indexing.js";
import { concat } from "../../tensor/ops/shaping.js";
import { randomNormal, Tensor, tensor } from "../../tensor/tensor.js";
import type { Example, Examples } from "../laws.js";

const normal =
  (...shapes: number[][]) =>
  (random: Random) =>
    shapes.map((s) => randomNormal(s, random, "f64"));
const complexNormal =
  (...shapes: number[][]) =>
  (random: Random) =>
    shapes.map((s) => randomNormal(s, random, "c128"));
/** Away from 0, where the function or its derivative has a pole or jumps. */
const away =
  (...shapes: number[][]) =>
  (random: Random) =>
    shapes.map((s) =>
      Tensor.from(
        randomNormal(s, random, "f64").data.map((v) => v + Math.sign(v) * 0.5),
        s,
        "f64",
      ),
    );
const positive =
  (...shapes: number[][]) =>
  (random: Random) =>
    away(...shapes)(random).map((t) => t.abs());
const inside =
  (...shapes: number[][]) =>
  (random: Random) =>
    normal(...shapes)(random).map((t) => t.tanh().mul(0.8));
const one = (f: (x: Tensor) => Tensor, inputs: Example["inputs"] = normal([2, 3]), kind?: Example["kind"]): Example => ({
  f,
  inputs,
  kind,
});
const both = (f: (x: Tensor) => Tensor, inputs?: Example["inputs"]): readonly Example[] => [one(f, inputs), one(f, complexNormal([2, 3]))];
const two = (f: (a: Tensor, b: Tensor) => Tensor, inputs: Example["inputs"] = normal([2, 3], [3]), kind?: Example["kind"]): Example => ({
  f: f as Example["f"],
  inputs,
  kind,
});
const places = tensor(Int32Array.from([2, 0, 2, 1]), [4]);

/** The laws of elementwise operations, reductions, shape operations, indexing, products and complex numbers. */
export const basicExamples: Examples = {
  neg: both(e.neg),
  abs: one(e.abs, away([2, 3])),
  sign: one(e.sign, away([2, 3]), "constant"),
  square: both(e.square),
  sqrt: both(e.sqrt, positive([2, 3])),
  reciprocal: both(e.reciprocal, away([2, 3])),
  exp: both(e.exp),
  expm1: one(e.expm1),
  log: both(e.log, positive([2, 3])),
  log1p: one(e.log1p, positive([2, 3])),
  sin: one(e.sin),
  cos: one(e.cos),
  tan: one(e.tan, inside([2, 3])),
  asin: one(e.asin, inside([2, 3])),
  acos: one(e.acos, inside([2, 3])),
  atan: one(e.atan),
  sinh: one(e.sinh),
  cosh: one(e.cosh),
  tanh: one(e.tanh),
  sigmoid: one(e.sigmoid),
  relu: one(e.relu, away([2, 3])),
  erf: one(e.erf),
  floor: one(e.floor, () => [tensor(Float64Array.of(0.3, 1.7, -2.4), [3])], "constant"),
  ceil: one(e.ceil, () => [tensor(Float64Array.of(0.3, 1.7, -2.4), [3])], "constant"),
  round: one(e.round, () => [tensor(Float64Array.of(0.3, 1.7, -2.4), [3])], "constant"),
  add: [two(e.add), two(e.add, complexNormal([2, 3], [2, 1]))],
  sub: [two(e.sub, normal([2, 1], [2, 3])), two(e.sub, complexNormal([2, 3], [3]))],
  mul: [two(e.mul), two(e.mul, normal([], [2, 2])), two(e.mul, complexNormal([2, 3], [3]))],
  div: [two(e.div, away([2, 3], [3])), two(e.div, complexNormal([2, 3], [2, 3]))],
  pow: two(e.pow, positive([2, 3], [3])),
  maximum: two(e.maximum, normal([2, 3], [2, 3])),
  minimum: two(e.minimum, normal([2, 3], [2, 3])),
  atan2: two(e.atan2, away([2, 3], [2, 3])),
  less: two(e.less, normal([2, 3], [2, 3]), "constant"),
  lessEqual: two(e.lessEqual, normal([2, 3], [2, 3]), "constant"),
  equal: two(e.equal, normal([2, 3], [2, 3]), "constant"),
  select: two((a, b) =>
    e.where(
      tensor([
        [1, 0, 1],
        [0, 1, 0],
      ]),
      a,
      b,
    ),
  ),
  convert: one((x) => x.cast("c128")),
  sum: [one((x) => x.sum(0)), one((x) => x.sum([0, 2]), normal([2, 3, 2])), one((x) => x.sum(1), complexNormal([2, 3]))],
  max: one((x) => x.max(1)),
  min: one((x) => x.min(0)),
  prod: [
    one((x) => x.prod(1)),
    one(
      (x) => x.prod(0),
      () => [tensor(Float64Array.of(2, 0, 3, 0, 0, 1), [3, 2])],
    ),
  ],
  argmax: one((x) => x.argmax(1).cast("f64"), normal([2, 3]), "constant"),
  argmin: one((x) => x.argmin(0).cast("f64"), normal([2, 3]), "constant"),
  cumsum: [one((x) => x.cumsum(0)), one((x) => x.cumsum(1), complexNormal([2, 3]))],
  reshape: one((x) => x.reshape(3, 2).square()),
  permute: [one((x) => x.permute(2, 0, 1), normal([2, 3, 4])), one((x) => x.transpose(), complexNormal([2, 3]))],
  broadcastTo: one((x) => x.broadcastTo([4, 2, 3]), normal([2, 1])),
  slice: [
    one((x) => x.slice([0, 1], [2, 3])),
    one((x) => x.slice([1, 2], [], [-1, -2])),
    one((x) => x.slice([1], [2]), complexNormal([2, 3])),
  ],
  embed: one((x) => x.pad([1, 0], [0, 2], 3)),
  concat: two((a, b) => concat([a, b], 1), normal([2, 3], [2, 1])),
  complex: two((a, b) => complex(a, b), normal([2, 3], [2, 3])),
  real: one((z) => z.real(), complexNormal([2, 3])),
  imag: one((z) => z.imag(), complexNormal([2, 3])),
  conj: one((z) => z.conj(), complexNormal([2, 3])),
  magnitude: one((z) => z.abs(), complexNormal([2, 3])),
  gather: [one((x) => gather(x, places), normal([3, 2])), one((x) => gather(x, places, 1), complexNormal([2, 3]))],
  scatterAdd: one((x) => scatterAdd(x, places, 5), normal([4, 2])),
  matmul: [
    two((a, b) => a.matmul(b), normal([2, 3], [3, 4])),
    two((a, b) => a.matmul(b), normal([3], [2, 3, 2])),
    two((a, b) => a.matmul(b), complexNormal([2, 2, 3], [3, 2])),
    two((a, b) => a.matmul(b), normal([2, 3], [4, 3, 2])),
    two((a, b) => a.matmul(b), normal([2, 1, 2, 3], [3, 3, 2])),
    two((a, b) => a.matmul(b), complexNormal([2, 3], [2, 3, 2])),
  ],
  stopGradient: one((x) => stopGradient(x), normal([2, 3]), "constant"),
};
