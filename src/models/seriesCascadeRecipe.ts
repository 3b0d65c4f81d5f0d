import { type Random, seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { type Layer, pipeline, randomCrop, randomFlip, randomQuarterTurn, type Sample, shuffled } from "../nn/index.js";
import { warpFieldOperator } from "../operators/index.js";
import { complex, fft, ifft, randomNormal, stack, Tensor } from "../tensor/index.js";
import { decibels, lines, magnitudePsnr, optimisation, phase, randomAcceleration, rowsOf, tensorOf } from "./mrTraining.js";
import type { Recipe } from "./recipe.js";
import { toChannels } from "./reconstructionCascade.js";
import { type MeasuredSeries, seriesCascade } from "./seriesCascade.js";

const frames = 8;
const accelerations = [4, 8];

/**
 * A picture [y, x] in motion, [t, y, x]: something near its middle contracts once in the series or a little more often, everything drifts, and a smooth
 * deformation of three waves comes and goes; what contracts becomes brighter or darker as well.
 */
function moving(picture: Tensor, random: Random): Tensor {
  const [h, w] = picture.shape;
  const between = (a: number, b: number) => a + (b - a) * random.uniform();
  const [cy, cx] = [h * between(0.35, 0.65), w * between(0.35, 0.65)];
  const radius = h * between(0.05, 0.14);
  const [strength, glow] = [between(0, 0.4), between(-0.15, 0.15)];
  const [rate, start] = [(2 * Math.PI * between(0.7, 1.5)) / frames, 2 * Math.PI * random.uniform()];
  const drift = {
    rate: (2 * Math.PI * between(0.1, 0.5)) / frames,
    y: between(-2, 2),
    x: between(-1, 1),
    start: 2 * Math.PI * random.uniform(),
  };
  const waves = Array.from({ length: 3 }, () => ({
    ky: (2 * Math.PI * between(-2, 2)) / h,
    kx: (2 * Math.PI * between(-2, 2)) / w,
    phase: 2 * Math.PI * random.uniform(),
    y: between(-1.5, 1.5),
    x: between(-1.5, 1.5),
    start: 2 * Math.PI * random.uniform(),
  }));
  return stack(
    Array.from({ length: frames }, (_, t) => {
      const squeeze = 0.5 - 0.5 * Math.cos(rate * t + start);
      const away = Math.sin(drift.rate * t + drift.start);
      const u = new Float32Array(2 * h * w); // planes x, y
      const gain = new Float32Array(h * w);
      for (let y = 0; y < h; y++)
        for (let x = 0; x < w; x++) {
          const [dy, dx] = [y - cy, x - cx];
          const bell = Math.exp(-(dy * dy + dx * dx) / (2 * radius * radius));
          let [uy, ux] = [away * drift.y + strength * squeeze * bell * dy, away * drift.x + strength * squeeze * bell * dx];
          for (const v of waves) {
            const s = Math.sin(v.ky * y + v.kx * x + v.phase) * Math.sin(rate * t + v.start);
            uy += v.y * s;
            ux += v.x * s;
          }
          const i = y * w + x;
          u[i] = ux;
          u[h * w + i] = uy;
          gain[i] = 1 + glow * squeeze * bell;
        }
      return scope(() =>
        warpFieldOperator([h, w], Tensor.from(u, [2, h, w]), { border: "clamp", interpolation: "cubic" })
          .apply(picture.reshape(1, h, w))
          .reshape(h, w)
          .mul(Tensor.from(gain, [h, w])),
      );
    }),
  );
}

/** Frames [t, y, x] ↦ the complex truth and A*y in two channels [2, t, y, x], and the mask [1, t, y, 1]. The largest magnitude of A*y is 1. */
function measured(series: Tensor, acceleration: number, noise: number, random: Random): Sample {
  const [t, h, w] = series.shape;
  const image = complex(series).mul(phase(h, w, random));
  const mask = stack(Array.from({ length: t }, () => Tensor.from(lines(h, acceleration, random), [h, 1])));
  const grain = () => randomNormal([t, h, w], random).mul(noise);
  const unitary = { axes: [1, 2], normalisation: "ortho" } as const;
  const folded = ifft(fft(image, unitary).add(complex(grain(), grain())).mul(mask), unitary);
  const scale = Math.max(folded.abs().max().item(), 1e-3);
  const channels = (z: Tensor) => toChannels(z.div(scale).reshape(1, 1, t, h, w)).reshape(2, t, h, w);
  return { truth: channels(image), zeroFilled: channels(folded), mask: mask.reshape(1, t, h, 1), scale: Tensor.full([], scale) };
}

/**
 * The cascade for series from magnitude pictures: they are set in motion, become complex by a smooth phase, each of eight frames is sampled by whole
 * lines of its own 3.5 to 12 times less than whole, and noise is added. Lines are rows; a strip of `patch` columns shows the folding as a whole slice does.
 */
export const seriesCascadeRecipe: Recipe<Layer<MeasuredSeries, Tensor>, Sample> = {
  name: "mr-series-cascade",
  summary: "series from few lines of k-space in each frame, one coil; learns from magnitude pictures of one size, which it sets in motion",
  steps: 4000,
  least: ({ patch = 24 }) => [patch, patch],
  plan(pictures, held, { batch = 1, patch = 24, features = 24, depth = 4, seed = 1 }) {
    const rows = rowsOf("mr-series-cascade", [...pictures, ...held]);
    const view = pipeline(randomFlip(), randomQuarterTurn());
    const strip = randomCrop([rows, patch]);
    const middle = (x: Tensor) => {
      const wide = Math.min(x.shape[2], Math.max(patch, 64));
      const from = (x.shape[2] - wide) >> 1;
      return x.slice([0, 0, from], [x.shape[0], x.shape[1], from + wide]);
    };
    const kept = held.map((p, i) => scope(() => middle(moving(tensorOf(p).reshape(rows, rows), seeded(2000 + i)))));
    const one = (t: Tensor) => t.reshape(1, ...t.shape);
    const psnr = (model: Layer<MeasuredSeries, Tensor>, acceleration: number): number =>
      kept
        .map((series, i) =>
          scope(() => {
            const { truth, zeroFilled, mask, scale } = measured(series, acceleration, 0.005, seeded(1000 + i));
            const x = model.forward({ zeroFilled: one(zeroFilled), mask: one(mask) });
            return magnitudePsnr(x, one(truth), scale);
          }),
        )
        .reduce((s, v) => s + v, 0) / kept.length;
    return {
      model: seriesCascade({ random: seeded(seed), depth, features }),
      data: shuffled({
        items: pictures.map(tensorOf),
        batch,
        seed,
        sample(slice, random) {
          const [whole] = view([slice], random);
          const series = moving(whole.reshape(rows, rows), random);
          // Columns with next to nothing in them teach nothing.
          let part = series;
          for (let i = 0; i < 4; i++) {
            [part] = strip([series], random);
            if (part.mean().item() > 0.5 * series.mean().item()) break;
          }
          return measured(part, randomAcceleration(random), 0.008 * random.uniform(), random);
        },
      }),
      loss: (m, { zeroFilled, mask, truth }) => decibels(m.forward({ zeroFilled, mask }), truth),
      ...optimisation,
      figures: (model) => Object.fromEntries(accelerations.map((a) => [`${a}×`, psnr(model, a)])),
      figuresTitle: "PSNR in dB of magnitudes of pictures held back and set in motion, by acceleration",
      what: `seriesCascade, ${depth} convolutions over time and both axes of ${features} channels in each of four, two windows of shared data; one coil, whole lines, 3.5 to 12 times fewer`,
      settings: { batch, patch, features, depth, seed },
    };
  },
};
