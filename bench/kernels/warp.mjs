import { place, probes, volume, volumes } from "./data.mjs";

const { D, H, W, N } = volume;
const size = `${W}×${H}×${D}`;

export const rows = [
  {
    name: "warp",
    about: "trilinear warp, value",
    size,
    goal: 1.1,
    speedUp: 1.85,
    native: ["warp"],
    kernels: ["warpLinear3"],
    tolerance: 1e-4, // f32 coordinates up to 192 keep 2⁻¹⁷ of a voxel, times the largest slope
    prepare(engine) {
      const { I, U } = volumes();
      const { at, free } = place(engine, I, U, N);
      return {
        run: () => engine.parallel("warpLinear3", [...at, D, H, W, D, H, W], { extent: D * H, grain: 4 * H }),
        check: () => probes(engine.f32(at[2], N)),
        free,
      };
    },
  },
];
