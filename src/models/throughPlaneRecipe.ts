import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { type Sample, shuffled, squaredLoss } from "../nn/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { Tensor } from "../tensor/index.js";
import { loadModel } from "./models.js";
import type { Recipe, TrainingPicture } from "./recipe.js";
import { thickSlices } from "./stackAgreement.js";
import { stackAxes, type ThickStacks, type ThroughPlaneNetwork, throughPlaneNetwork, throughPlaneStacks } from "./throughPlaneNetwork.js";

const scale = 5;
/** A volume [z, y, x], its values up to 1. */
function tensorOf({ values, depth = 1, height, width }: TrainingPicture): Tensor {
  const sorted = Float32Array.from(values).sort();
  const white = sorted[Math.floor(0.999 * (sorted.length - 1))];
  return Tensor.from(white > 0 ? values.map((v) => v / white) : values, [depth, height, width]);
}
/**
 * Thin slices from thick ones, from volumes with thin ones: boxes of `patch` samples (a multiple of 5) in any of the 48 positions of a cube.
 * `stacks`: 2 or 3 across as many axes; with the usual `features` and `depth` it begins as the mean of what the package's network of one stack makes of each.
 */
export const throughPlaneRecipe: Recipe<ThroughPlaneNetwork, Sample> = {
  name: "through-plane",
  summary: "volumes with slices five times thinner; learns from volumes with thin ones (.nii, .npy)",
  steps: 4000,
  axes: 3,
  takes: ["stacks"],
  least: ({ patch = 40 }) => [patch, patch],
  async plan(volumes, held, { batch = 1, patch = 40, features, depth, seed = 1, stacks = 1 }) {
    const random = seeded(seed);
    const begun = stacks > 1 && features === undefined && depth === undefined;
    const model = begun
      ? throughPlaneStacks(await loadModel("through-plane"), { stacks, random })
      : throughPlaneNetwork({ random, scale, stacks, features, depth });
    const axes = stackAxes.slice(0, stacks);
    const measured = (fine: Tensor) => Object.fromEntries(axes.map((axis) => [axis, thickSlices(fine, axis)]));
    const side = patch - (patch % scale);
    const one = (t: Tensor) => t.reshape(1, ...t.shape);
    /** The middle, at most 60 samples wide. */
    const kept = held.map((v) =>
      scope(() => {
        const t = tensorOf(v);
        const wide = t.shape.map((s) => Math.min(60, s - (s % scale)));
        const from = t.shape.map((s, a) => (s - wide[a]) >> 1);
        return one(
          t.slice(
            from,
            from.map((f, a) => f + wide[a]),
          ),
        );
      }),
    );
    const psnr = (model: ThroughPlaneNetwork) =>
      kept
        .map((fine) =>
          scope(() => {
            const error = model
              .forward(Object.fromEntries(Object.entries(measured(fine)).map(([axis, t]) => [axis, one(t)])) as unknown as ThickStacks)
              .sub(one(fine))
              .square()
              .mean();
            return -10 * Math.log10(Math.max(error.item(), 1e-12));
          }),
        )
        .reduce((s, v) => s + v, 0) / kept.length;
    return {
      model,
      data: shuffled({
        items: volumes.flatMap((v) => {
          const t = tensorOf(v);
          return Array.from({ length: 64 }, () => t); // a pass is 64 boxes of each
        }),
        batch,
        seed,
        sample(volume, random) {
          let box = volume;
          // Air teaches nothing.
          for (let i = 0; i < 8; i++) {
            const from = volume.shape.map((s) => random.integer(s - side + 1));
            box = volume.slice(
              from,
              from.map((f) => f + side),
            );
            if (box.mean().item() > 0.1) break;
          }
          const axes = [0, 1, 2];
          for (let i = 2; i > 0; i--) {
            const j = random.integer(i + 1);
            [axes[i], axes[j]] = [axes[j], axes[i]];
          }
          let turned = box.permute(...axes);
          for (let a = 0; a < 3; a++) if (random.uniform() < 0.5) turned = turned.flip(a);
          const fine = one(turned);
          return { fine, ...measured(fine) };
        },
      }),
      loss: (m, { fine, z, y, x }) => squaredLoss()(m.forward({ z, y, x }), fine),
      optimiser: adamW({ step: begun ? 5e-4 : 1e-3, decay: 1e-4 }),
      schedule: (steps) => cosine({ steps, warmUp: Math.min(200, steps >> 1) }),
      clip: 0.1,
      average: 0.999,
      figures: (model) => ({ [`×${scale}`]: psnr(model) }),
      figuresTitle: "PSNR in dB of the middles of volumes held back, slices five times thicker than apart within",
      what: `throughPlaneNetwork ×${scale}, ${["one stack", "two stacks across z and y", "three stacks across z, y and x"][stacks - 1]}, ${depth ?? 6} convolutions of ${features ?? 24} channels; Gaussian profile, values 0 to 1`,
      settings: {
        batch,
        patch: side,
        features: features ?? 24,
        depth: depth ?? 6,
        seed,
        ...(stacks > 1 && { stacks, begun: String(begun) }),
      },
    };
  },
};
