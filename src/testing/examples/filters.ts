import type { Random } from "../../core/random.js";
import { along, sparseRows } from "../../tensor/ops/along.js";
import { correlationRatio } from "../../tensor/ops/correlationRatio.js";
import { boxSum, difference, gaussian, recursiveGaussian } from "../../tensor/ops/filters.js";
import { localNcc } from "../../tensor/ops/localNcc.js";
import { mindSsc } from "../../tensor/ops/mindSsc.js";
import { mutualInformation } from "../../tensor/ops/mutualInformation.js";
import { ngf } from "../../tensor/ops/ngf.js";
import { randomNormal, randomUniform } from "../../tensor/tensor.js";
import type { Example, Examples } from "../laws.js";

const normal =
  (...shapes: number[][]) =>
  (random: Random) =>
    shapes.map((s) => randomNormal(s, random, "f64"));
const one = (f: Example["f"], ...shape: number[]): Example => ({ f, inputs: normal(shape) });
/** A matrix of 3 rows and 4 columns with an empty row. */
const rows = sparseRows(4, [
  [
    [0, 0.5],
    [3, -1.5],
  ],
  [],
  [
    [1, 2],
    [2, 0.25],
    [3, 1],
  ],
]);
const mask = randomUniform([3, 5, 6], 0.1, 1, undefined, "f64");

/** Two related images with values well inside the range below. */
const related = (random: Random) => {
  const a = randomNormal([1, 6, 7], random, "f64").tanh();
  return [a.add(randomNormal([1, 6, 7], random, "f64").tanh().mul(0.3)), a];
};
const range = [
  [-2, 2],
  [-2, 2],
] as const;
const fixedImage = randomUniform([1, 6, 7], -1, 1, undefined, "f64");

/** The laws of filters, of local correlation and of mutual information. */
export const filterExamples: Examples = {
  along: [
    one((x) => along(x, 1, rows), 2, 4, 3),
    one((x) => along(x, -1, rows), 5, 4),
    { f: (x) => along(x, 0, rows), inputs: (random) => [randomNormal([4, 3], random, "c128")] },
  ],
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
        localNcc(warped, fixed, {
          radius: [1, 2],
          epsilon: 0.1,
          offset: [0, 0],
          scale: [1, 1],
          mask,
          least: 1,
          symmetric: true,
          signed: true,
        }),
      inputs: normal([3, 5, 6], [3, 5, 6]),
    },
  ],
  correlationRatio: [
    { f: (warped, fixed) => correlationRatio(warped, fixed, { bins: 8, range }), inputs: related, h0: 1e-3 },
    {
      f: (warped, fixed) => correlationRatio(warped, fixed, { bins: 6, range, mask: randomUniform([6, 7], 0.2, 1, undefined, "f64") }),
      inputs: related,
      h0: 1e-3,
    },
  ],
  mindSsc: [
    // Steps so small that the least distance of a voxel stays the least.
    { f: (x) => mindSsc(x, { radius: 1, dilation: 1, floor: 0.2 }), inputs: normal([2, 3, 4, 5]), h0: 1e-4 },
    { f: (x) => mindSsc(x, { radius: [1, 0], dilation: [2, 1], floor: 0.2 }), inputs: normal([1, 6, 5]), h0: 1e-4 },
  ],
  ngf: [one((x) => ngf(x, { edge: 0.7, spacing: [2, 1, 1] }), 2, 3, 4, 5), one((x) => ngf(x, { edge: 0.7 }), 1, 5, 6)],
  mutualInformation: [
    { f: (warped, fixed) => mutualInformation(warped, fixed, { bins: 8, order: 3, range }), inputs: related, h0: 1e-3 },
    {
      f: (warped) => mutualInformation(warped, fixedImage, { bins: 6, range, kind: "nmi" }),
      inputs: (random) => related(random).slice(0, 1),
      h0: 1e-3,
    },
    {
      f: (warped, fixed) =>
        mutualInformation(warped, fixed, { bins: 7, order: 1, range, kind: "nmi", mask: randomUniform([6, 7], 0.2, 1, undefined, "f64") }),
      inputs: related,
      kind: "first",
      h0: 1e-4,
    },
  ],
};
