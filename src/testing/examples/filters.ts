import type { Random } from "../../core/random.js";
import { boxSum, difference, gaussian, recursiveGaussian } from "../../tensor/ops/filters.js";
import { localNcc } from "../../tensor/ops/localNcc.js";
import { randomNormal, randomUniform } from "../../tensor/tensor.js";
import type { Example, Examples } from "../laws.js";

const normal =
  (...shapes: number[][]) =>
  (random: Random) =>
    shapes.map((s) => randomNormal(s, random, "f64"));
const one = (f: Example["f"], ...shape: number[]): Example => ({ f, inputs: normal(shape) });
const mask = randomUniform([3, 5, 6], 0.1, 1, undefined, "f64");

/** The laws of filters and of local correlation. */
export const filterExamples: Examples = {
  gaussian: [
    one((x) => gaussian(x, { sigma: 0.8 }), 2, 3, 5, 4),
    one((x) => gaussian(x, { sigma: [1, 0.6], border: "zero" }), 2, 7, 5),
    { f: (x) => gaussian(x, { sigma: 0.7 }), inputs: (random) => [randomNormal([1, 4, 5], random, "c128")] },
  ],
  recursiveGaussian: [
    one((x) => recursiveGaussian(x, { sigma: [1.5, 0, 2] }), 4, 3, 6),
    one((x) => recursiveGaussian(x, { sigma: 1.2, border: "zero" }), 1, 5, 7),
  ],
  boxSum: one((x) => boxSum(x, { radius: [1, 2] }), 2, 4, 7),
  difference: [
    one((x) => difference(x, 1), 2, 4, 3),
    one((x) => difference(x, -1, { kind: "backward", spacing: 0.5 }), 2, 4, 3),
    one((x) => difference(x, 0, { kind: "central", adjoint: true }), 5, 3),
  ],
  localNcc: [
    {
      f: (warped, fixed) => localNcc(warped, fixed, { radius: 1, epsilon: 0.1, offset: [0.1, 0], scale: [1, 0.9] }),
      inputs: normal([1, 3, 5, 6], [1, 3, 5, 6]),
    },
    {
      f: (warped, fixed) =>
        localNcc(warped, fixed, { radius: [1, 2], epsilon: 0.1, offset: [0, 0], scale: [1, 1], mask, least: 1, symmetric: true }),
      inputs: normal([3, 5, 6], [3, 5, 6]),
    },
  ],
};
