import { sample, sampleGradient } from "../../dist/kernels/sampling.js";
import { place, probes, volume, volumes } from "./data.mjs";

const { D, H, W, N } = volume;
const shape = [D, H, W];
const size = `${W}×${H}×${D}`;

export const rows = [
  {
    name: "warp",
    about: "trilinear warp, value",
    size,
    goal: 1.1,
    speedUp: 1.85,
    native: ["warp"],
    kernels: ["sampleLinear3"],
    tolerance: 1e-4, // f32 coordinates up to 192 keep 2⁻¹⁷ of a voxel, times the largest slope
    prepare(engine) {
      const { I, U } = volumes();
      const { at, free } = place(engine, I, U, N);
      const [image, field, out] = at;
      return {
        run: () => sample(engine, "linear", { at: image, channels: 1, size: shape }, { field, size: shape }, [], out),
        check: () => probes(engine.f32(out, N)),
        free,
      };
    },
  },
  {
    name: "warpGradient",
    about: "trilinear warp, gradient with respect to the field",
    size,
    goal: 1.2,
    speedUp: 1.85,
    native: ["warpGradient"],
    kernels: ["sampleLinear3Gradient"],
    tolerance: 1e-3, // the slope jumps between cells, and rounding decides the cell of a few voxels
    prepare(engine) {
      const { I, J, U } = volumes();
      const { at, free } = place(engine, I, U, J, 3 * N);
      const [image, field, g, out] = at;
      return {
        run: () => sampleGradient(engine, "linear", { at: image, channels: 1, size: shape }, { field, size: shape }, g, [], out),
        check: () => probes(engine.f32(out, 3 * N)),
        free,
      };
    },
  },
];
