import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { hermitianEigen } from "./hermitian.js";

const random = seeded(3);
const uniform = () => random.uniform() - 0.5;
/** B B^H. */
function hermitian(n: number, rank: number): { re: Float64Array; im: Float64Array } {
  const br = Float64Array.from({ length: n * rank }, uniform);
  const bi = Float64Array.from({ length: n * rank }, uniform);
  const re = new Float64Array(n * n);
  const im = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      for (let k = 0; k < rank; k++) {
        re[i * n + j] += br[i * rank + k] * br[j * rank + k] + bi[i * rank + k] * bi[j * rank + k];
        im[i * n + j] += bi[i * rank + k] * br[j * rank + k] - br[i * rank + k] * bi[j * rank + k];
      }
  return { re, im };
}

test.each([
  [1, 1],
  [2, 2],
  [3, 1],
  [7, 7],
  [20, 6],
  [40, 40],
])("the eigenvectors of a Hermitian matrix of %i rows and rank %i are orthonormal and rebuild it", (n, rank) => {
  const { re, im } = hermitian(n, rank);
  const { values, re: vr, im: vi, count } = hermitianEigen(re, im, n);
  expect(count).toBe(n);
  const size = Math.hypot(...re, ...im);
  for (let i = 1; i < n; i++) expect(values[i]).toBeLessThanOrEqual(values[i - 1]);
  let off = 0;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let [ar, ai, gr, gi] = [-re[i * n + j], -im[i * n + j], i === j ? -1 : 0, 0];
      for (let q = 0; q < n; q++) {
        ar += values[q] * (vr[q * n + i] * vr[q * n + j] + vi[q * n + i] * vi[q * n + j]);
        ai += values[q] * (vi[q * n + i] * vr[q * n + j] - vr[q * n + i] * vi[q * n + j]);
        gr += vr[i * n + q] * vr[j * n + q] + vi[i * n + q] * vi[j * n + q];
        gi += vi[i * n + q] * vr[j * n + q] - vr[i * n + q] * vi[j * n + q];
      }
      off = Math.max(off, Math.hypot(ar, ai) / size, Math.hypot(gr, gi));
    }
  expect(off).toBeLessThan(1e-12); // f64, sums of at most 40 terms
});
test("only the eigenvectors asked for are made", () => {
  const { re, im } = hermitian(12, 4);
  const found = hermitianEigen(re, im, 12, (values) => values.filter((v) => v > 1e-10 * values[0]).length);
  expect(found.count).toBe(4);
  expect(found.re.length).toBe(48);
});
