import { fft } from "../../dist/kernels/fft.js";
import { probes, uniform } from "./data.mjs";

/** Complex transform of a shape in place, of the same pseudo-random numbers as on the native side. */
const row = (name, about, size, shape, axes, native, speedUp) => ({
  name,
  about,
  size,
  goal: 2.1,
  speedUp,
  native,
  kernels: ["fftLines"],
  tolerance: 1e-5, // f32, 17 to 21 additions deep
  prepare(engine) {
    const n = 2 * shape.reduce((p, v) => p * v, 1);
    const at = engine.allocate(4 * n);
    const before = () => {
      const random = uniform(7);
      const x = engine.f32(at, n);
      for (let i = 0; i < n; i++) x[i] = random() - 0.5;
    };
    return {
      before,
      run: () => fft(engine, at, at, shape, { axes }),
      check: () => probes(engine.f32(at, n)),
      free: () => engine.free(at),
    };
  },
});

export const rows = [
  row("fft2", "complex FFT, 2-D", "512²×8", [8, 512, 512], [1, 2], ["fft2", "fftw2"], 1.7),
  row("fft3", "complex FFT, 3-D", "128³", [128, 128, 128], [0, 1, 2], ["fft3", "fftw3"], 1.7),
];
