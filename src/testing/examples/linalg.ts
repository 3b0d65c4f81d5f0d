import { cholesky, eigh, inverse, logdet, qr, solve, svd } from "../../tensor/ops/linalg.js";
import { concat } from "../../tensor/ops/shaping.js";
import { eye, randomNormal, type Tensor } from "../../tensor/tensor.js";
import type { Example, Examples } from "../laws.js";

const normal =
  (...shapes: number[][]): Example["inputs"] =>
  (random) =>
    shapes.map((s) => randomNormal(s, random, "f64"));
/** Near the identity: far from singular. */
const regular =
  (...shapes: number[][]): Example["inputs"] =>
  (random) =>
    shapes.map((s, i) =>
      i === 0
        ? randomNormal(s, random, "f64")
            .mul(0.3)
            .add(eye(s[s.length - 1], "f64").mul(2))
        : randomNormal(s, random, "f64"),
    );
const flat = (...ts: Tensor[]) =>
  concat(
    ts.map((t) => t.reshape(t.size)),
    0,
  );
const h0 = 2e-3; // inverses and gaps between singular values make high derivatives large

export const linalgExamples: Examples = {
  cholesky: { f: (x) => cholesky(x.matmul(x.transpose()).add(eye(3, "f64").cast(x.dtype))), inputs: normal([2, 3, 3]), h0 },
  solve: [
    { f: (a, b) => solve(a, b), inputs: regular([3, 3], [2, 3, 2]), h0 },
    { f: (a, b) => solve(a, b), inputs: regular([3, 3], [3]), h0 },
  ],
  inverse: { f: (x) => inverse(x), inputs: regular([2, 3, 3]), h0 },
  logdet: { f: (x) => logdet(x), inputs: regular([2, 3, 3]), h0 },
  qr: { f: (x) => flat(...Object.values(qr(x))), inputs: normal([4, 3]), h0 },
  eigh: {
    f: (x) => flat(...Object.values(eigh(x.add(eye(3, "f64").cast(x.dtype).cumsum(0).cumsum(0).mul(3))))),
    inputs: normal([2, 3, 3]),
    h0,
  },
  svd: [
    { f: (x) => flat(...Object.values(svd(x))), inputs: normal([4, 3]), h0 },
    { f: (x) => flat(...Object.values(svd(x))), inputs: normal([2, 3]), h0 },
  ],
};
