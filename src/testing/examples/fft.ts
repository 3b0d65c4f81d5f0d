import { fft, ifft, irfft, rfft } from "../../tensor/ops/fft.js";
import { randomNormal, type Tensor } from "../../tensor/tensor.js";
import type { Example, Examples } from "../laws.js";

const inputs =
  (shape: number[], dtype: "f64" | "c128"): Example["inputs"] =>
  (random) => [randomNormal(shape, random, dtype)];
const of = (f: (x: Tensor) => Tensor, shape: number[], dtype: "f64" | "c128" = "c128"): Example => ({ f, inputs: inputs(shape, dtype) });

export const fourierExamples: Examples = {
  fft: [
    of((x) => fft(x), [3, 4]),
    of((x) => ifft(x, { axes: [0] }), [5, 2]),
    of((x) => fft(x, { axes: [-1], normalisation: "ortho" }), [2, 67]),
    of((x) => fft(x, { normalisation: "forward" }), [6], "f64"),
  ],
  rfft: [
    of((x) => rfft(x), [3, 4], "f64"),
    of((x) => rfft(x, { normalisation: "ortho" }), [2, 5], "f64"),
    of((x) => rfft(x, { axes: [-1] }), [2, 1], "f64"),
  ],
  irfft: [
    of((x) => irfft(x), [3, 3]),
    of((x) => irfft(x, { n: 5, normalisation: "forward" }), [4, 3]),
    of((x) => irfft(x, { axes: [-1] }), [2, 2]),
  ],
};
