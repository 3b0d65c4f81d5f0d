import { gaussian } from "../../dist/kernels/gaussian.js";
import { place, probes, volume, volumes } from "./data.mjs";

const { D, H, W, N } = volume;

export const rows = [
  {
    name: "gaussian",
    about: "Gaussian σ 2 (radius 6), 3 channels",
    size: `${W}×${H}×${D}`,
    goal: 2.2,
    speedUp: 1.85,
    native: ["gaussian"],
    kernels: [],
    tolerance: 1e-5, // f32, sums of 13 positive weights, three times
    prepare(engine) {
      const { U } = volumes();
      const { at, free } = place(engine, U, 3 * N);
      return {
        run: () => gaussian(engine, at[0], at[1], 3, [D, H, W], { sigma: [2, 2, 2], truncate: 3 }),
        check: () => probes(engine.f32(at[1], 3 * N)),
        free,
      };
    },
  },
];
