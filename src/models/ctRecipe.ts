import { ArgumentError } from "../core/errors.js";
import { type Random, seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { batchOf, type Layer, type Sample } from "../nn/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { Tensor } from "../tensor/index.js";
import {
  axisOfHalves,
  ellipsePhantom,
  fineOperator,
  halved,
  isSlice,
  movedSlice,
  photographMap,
  photons,
  simulatedViews,
  water,
} from "./attenuationMaps.js";
import { ctPostFilter } from "./ctPostFilter.js";
import { ctPrimalDual } from "./ctPrimalDual.js";
import { ctScanner, type MeasuredViews } from "./ctScanner.js";
import type { Recipe, RecipeOptions, TrainingPicture } from "./recipe.js";

/** What the networks learn to undo, by turns: few views, fewer, and a part of the half turn. */
const views = {
  "60 views": Array.from({ length: 60 }, (_, k) => 3 * k),
  "30 views": Array.from({ length: 30 }, (_, k) => 6 * k),
  "120°": Array.from({ length: 120 }, (_, k) => k),
} as const;
const cases = Object.keys(views) as (keyof typeof views)[];

function ctRecipe(o: {
  readonly name: string;
  readonly summary: string;
  readonly steps: number;
  readonly step: number;
  readonly network: (o: RecipeOptions & { readonly random: Random }) => Layer<MeasuredViews, Tensor>;
  readonly what: (o: RecipeOptions) => string;
}): Recipe<Layer<MeasuredViews, Tensor>, { readonly scanner: number; readonly sample: Sample }> {
  return {
    name: o.name,
    summary: o.summary,
    steps: o.steps,
    least: () => [16, 16],
    plan(pictures, held, options) {
      const { batch = 1, patch: n = 256, seed = 1 } = options;
      if (!Number.isInteger(n / 2) || n < 16)
        throw new ArgumentError(`${o.name}: slices of ${n} samples a side; give an even number from 16 on (patch)`, { patch: n });
      const scanners = cases.map((name) => ({
        fine: fineOperator(n, views[name]),
        coarse: ctScanner({
          angles: views[name],
          detectors: n,
          centre: axisOfHalves(n),
          axis: [axisOfHalves(n), axisOfHalves(n)],
        }),
      }));
      const slices = pictures.filter(isSlice);
      const photographs = pictures.filter((p) => !isSlice(p));
      const measured = (fine: Float32Array, scanner: number, random: Random): Sample => {
        const operator = scanners[scanner].fine;
        const sinogram = simulatedViews(fine, operator, random);
        return {
          truth: Tensor.from(halved(fine, 2 * n), [1, n, n]),
          sinogram: Tensor.from(sinogram, [operator.range[0], n]),
        };
      };
      const fineOf = (p: TrainingPicture, random: Random) => (isSlice(p) ? movedSlice : photographMap)(p, 2 * n, random);
      // Two in three are slices where there are any; one in ten is made of ellipses.
      const any = (random: Random): Float32Array => {
        const u = random.uniform();
        if (u < 0.1) return ellipsePhantom(2 * n, random);
        const from = slices.length > 0 && (u < 0.75 || photographs.length === 0) ? slices : photographs;
        return fineOf(from[random.integer(from.length)], random);
      };
      const forward = (model: Layer<MeasuredViews, Tensor>, scanner: number, sinogram: Tensor) =>
        model.forward(scanners[scanner].coarse.measured(sinogram));
      const kept = held.map((p, i) => fineOf(p, seeded(2000 + i)));
      const psnr = (model: Layer<MeasuredViews, Tensor>, scanner: number): number =>
        kept
          .map((fine, i) =>
            scope(() => {
              const { truth, sinogram } = batchOf([measured(fine, scanner, seeded(1000 + i))]);
              const error = forward(model, scanner, sinogram).maximum(0).sub(truth).square().mean().item();
              return 10 * Math.log10(4 / Math.max(error, 1e-12));
            }),
          )
          .reduce((s, v) => s + v, 0) / kept.length;
      return {
        model: o.network({ ...options, random: seeded(seed) }),
        data: (random, k) => {
          const scanner = k % cases.length;
          return { scanner, sample: batchOf(Array.from({ length: batch }, () => measured(any(random), scanner, random))) };
        },
        // 10 log₁₀ of the mean squared error, the mean over a batch: what PSNR counts, each sample alike.
        loss: (m, { scanner, sample: { sinogram, truth } }) =>
          forward(m, scanner, sinogram)
            .sub(truth)
            .square()
            .mean([1, 2, 3])
            .add(1e-6)
            .log()
            .mean()
            .mul(10 / Math.LN10),
        optimiser: adamW({ step: o.step, decay: 1e-4 }),
        schedule: (steps) => cosine({ steps, warmUp: Math.min(30, steps >> 1) }),
        clip: 20,
        average: 0.99,
        figures: (model) => Object.fromEntries(cases.map((name, k) => [name, psnr(model, k)])),
        figuresTitle: "PSNR in dB (peak 2) of pictures held back",
        what: `${o.what(options)}; parallel rays, 30 or 60 views of a half turn or 120 views of 120°, ${photons} photons a ray, water ${water} a sample, slices of ${n} samples in units of water`,
        settings: { batch, patch: n, features: options.features ?? 0, depth: options.depth ?? 0, seed },
      };
    },
  };
}
/** The U-Net behind filtered back-projection, from slices and photographs: see `ctPrimalDualRecipe`. */
export const ctPostFilterRecipe = ctRecipe({
  name: "ct-post-filter",
  summary: "slices from few line integrals, after filtered back-projection; learns from slices, photographs and ellipses",
  steps: 2000,
  step: 2e-3,
  network: ({ random, features }) => ctPostFilter({ random, features }),
  what: ({ features = 16 }) => `ctPostFilter, ${features} channels on the finest of three levels`,
});
/**
 * The unrolled primal–dual network, end to end with the operator on the tape. Pictures that are empty outside their inscribed circle are slices (attenuation, water 1), moved
 * about; others are photographs, whose grays become attenuations inside an ellipse; some are made of ellipses alone. All are measured on a grid twice as fine.
 */
export const ctPrimalDualRecipe = ctRecipe({
  name: "ct-primal-dual",
  summary: "slices from few line integrals, networks and the data by turns; learns from slices, photographs and ellipses",
  steps: 2000,
  step: 2e-3,
  network: ({ random, features, depth }) => ctPrimalDual({ random, features, steps: depth }),
  what: ({ features = 32, depth = 5 }) => `ctPrimalDual, ${depth} steps, ${features} channels`,
});
