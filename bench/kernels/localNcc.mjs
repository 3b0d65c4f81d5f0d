import { localNccBackward, localNccFieldBytes, localNccForward } from "../../dist/kernels/localNcc.js";
import { place, probes, volume, volumes } from "./data.mjs";

const { D, H, W, N } = volume;
const samples = 9 ** 3;

/** Ours counts the voxels of a window at the border, native pretends that zeros lie outside: compare where both see full windows. */
const inside = (i) =>
  [
    [i % W, W],
    [Math.floor(i / W) % H, H],
    [Math.floor(i / (W * H)), D],
  ].every(([v, n]) => v >= 8 && v < n - 8);

export const rows = [
  {
    name: "localNcc",
    about: "local NCC 9³, value and gradient image",
    size: `${W}×${H}×${D}`,
    goal: 1.7,
    speedUp: 1.85,
    native: ["localNcc"],
    kernels: ["localNccForward", "localNccBackward"],
    tolerance: 2e-2, // native subtracts running f32 sums of uncentred squares, which keeps about three digits here
    where: inside,
    prepare(engine) {
      const { I, J } = volumes();
      const { at, free } = place(engine, I, J, N);
      const [fixed, warped, gradient] = at;
      const images = { warped, fixed, volumes: 1, size: [D, H, W] };
      // Native adds 1e-5 to products of sums over the window, ours to products of means.
      const options = { radius: [4, 4, 4], offset: [0.5, 0.5], epsilon: 1e-5 / samples ** 2 };
      return {
        run: () => {
          const fields = { at: engine.allocate(localNccFieldBytes(images, false)), both: false };
          localNccForward(engine, images, options, fields);
          localNccBackward(engine, images, options, fields, 1, { warped: gradient });
          engine.free(fields.at);
        },
        check: () => probes(engine.f32(gradient, N)),
        free,
      };
    },
  },
];
