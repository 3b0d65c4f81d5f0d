import { jointGradient, jointHistogram } from "../../dist/kernels/mutualInformation.js";
import { place, probes, uniform } from "./data.mjs";

const n = 2 ** 20;
const bins = 32;
// Native puts a value m at 27 m + 2 of its padded bins: the same cells as ours when the range ends at 29/27, two bins on.
const options = {
  bins,
  order: 0,
  range: [
    [0, 29 / 27],
    [0, 1],
  ],
};

export const rows = [
  {
    name: "mutualInformation",
    about: "mutual information, 32 bins, histogram and gradient",
    size: "1 M samples",
    goal: 1.6,
    speedUp: 1.85,
    native: ["mutualInformation"],
    kernels: ["jointHistogram", "jointGradient"],
    tolerance: 1e-4, // f32 weights; positions in bins keep 2⁻¹⁹
    prepare(engine) {
      const random = uniform(5);
      const F = new Float32Array(n);
      const M = new Float32Array(n);
      for (let i = 0; i < n; i++) {
        const r = random();
        F[i] = Math.fround(0.99) * r;
        M[i] = Math.fround(0.99) * (0.6 * r + 0.4 * random());
      }
      // Both sides weigh the same table in place of the logarithms of the histogram.
      const table = Float64Array.from({ length: bins * bins }, (_, i) => Math.sin((Math.floor(i / bins) * 40 + (i % bins) + 2) * 0.1));
      const { at, free } = place(engine, F, M, n);
      const [fixed, warped, gradient] = at;
      const pairs = { warped, fixed, count: n };
      let histogram;
      return {
        run: () => {
          histogram = jointHistogram(engine, pairs, options);
          jointGradient(engine, pairs, table, gradient, 1, "warped", options);
        },
        check: () => {
          const g = engine.f32(gradient, n);
          return probes(Float64Array.from({ length: 2048 }, (_, i) => (i < 1024 ? histogram[i] / 100 : g[(i - 1024) * 1024])));
        },
        free,
      };
    },
  },
];
