import * as d from "../../tensor/ops/deformation.js";
import { randomNormal } from "../../tensor/tensor.js";
import type { Example, Examples } from "../laws.js";

const plane = { size: [4, 5], spacing: [2.5, 1.7] };
const volume = { size: [3, 4, 5], spacing: [2, 1.5, 2.5], origin: [-1, -2, -3] };
const normal =
  (...shapes: number[][]): Example["inputs"] =>
  (random) =>
    shapes.map((s) => randomNormal(s, random, "f64"));

export const deformationExamples: Examples = {
  ffd: [
    { f: (c) => d.ffd(c, plane), inputs: normal([2, 6, 5]) },
    { f: (c) => d.ffd(c, { ...volume, orders: [1, 0, 2] }), inputs: normal([1, 4, 5, 6]) },
    { f: (c) => d.ffdJacobian(c, plane), inputs: normal([2, 6, 5]) },
    { f: (c, p) => d.ffdAt(c, p, { spacing: [2, 3] }), inputs: normal([2, 6, 5], [3, 2]), h0: 1e-3 },
  ],
  ffdAdjoint: [
    { f: (u) => d.ffdAdjoint(u, [6, 5], plane), inputs: normal([2, 4, 5]) },
    { f: (u) => d.ffdAdjoint(u, [4, 5, 6], { ...volume, orders: [0, 1, 0] }), inputs: normal([1, 3, 4, 5]) },
  ],
  jacobianDeterminant: [
    { f: (u) => d.jacobianDeterminant(u), inputs: normal([2, 3, 4]) },
    { f: (u) => d.jacobianDeterminant(u, { spacing: [1, 2, 3] }), inputs: normal([3, 3, 2, 4]) },
  ],
  jacobianDeterminantGradient: [
    { f: (u, g) => d.jacobianDeterminantGradient(u, g, [1, 1]), inputs: normal([2, 3, 4], [3, 4]) },
    { f: (u, g) => d.jacobianDeterminantGradient(u, g, [1, 2, 3]), inputs: normal([3, 3, 2, 4], [3, 2, 4]) },
  ],
};
