import { type Random, seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import type { Layer } from "../nn/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { averagePool, localNcc, randomNormal, randomUniform, Tensor, warpAffine, warpField } from "../tensor/index.js";
import type { Recipe, TrainingPicture } from "./recipe.js";
import { type ImagePair, integrated, normalised, registrationNetwork } from "./registrationNetwork.js";

/** One pair to align, [1, y, x] each; with labels [l, y, x] where they are known. */
export interface TrainingPair {
  readonly fixed: Tensor;
  readonly moving: Tensor;
  readonly labels?: { readonly fixed: Tensor; readonly moving: Tensor };
}
interface Slice {
  readonly values: Tensor;
  /** Names that differ in their last number only belong to one series. */
  readonly series: string;
}
const sliceOf = ({ name, values, height, width }: TrainingPicture): Slice => ({
  values: Tensor.from(values, [1, height, width]),
  series: name.replace(/\d+(?=\D*$)/, ""),
});

/** λ of the mean squared slope of v, and half the window of the local correlation in samples. */
const smoothness = 0.5;
const radius = 3;
/** Pictures apart that may still be paired in a series, and the share of pairs that are of generated shapes. */
const reach = 4;
const shapesShare = 0.25;
const labelCount = 10;

/** Smooth planes [count, y, x] of about `amplitude`: noise `spacing` samples apart, and cubic splines between. */
function smooth(count: number, size: readonly [number, number], spacing: number, amplitude: number, random: Random): Tensor {
  const coarse = size.map((n) => Math.ceil(n / spacing) + 3);
  const shift = [random.uniform(), random.uniform()];
  const base = [1 / spacing, 0, shift[0], 0, 1 / spacing, shift[1]];
  return warpAffine(randomNormal([count, ...coarse], random).mul(amplitude), base, size, { interpolation: "bspline" });
}
/** Turned, scaled, moved and bent by chance, as much as two people or two phases of a heart may differ, about the middle. */
function place(size: readonly [number, number], of: readonly number[], random: Random): { readonly u: Tensor; readonly base: number[] } {
  const spread = () => 2 * random.uniform() - 1;
  const angle = 0.12 * spread();
  const [sx, sy] = [1 + 0.08 * spread(), 1 + 0.08 * spread()];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const matrix = [sx * cos, -sin, sin, sy * cos];
  const [cy, cx] = size.map((n) => (n - 1) / 2);
  const [oy, ox] = of.map((n) => (n - 1) / 2);
  const offset = [ox - matrix[0] * cx - matrix[1] * cy + 4 * spread(), oy - matrix[2] * cx - matrix[3] * cy + 4 * spread()];
  const u = smooth(2, size, 36, 6 * random.uniform(), random).add(smooth(2, size, 14, 2 * random.uniform(), random));
  return { u, base: [matrix[0], matrix[1], offset[0], matrix[2], matrix[3], offset[1]] };
}
const seen = (values: Tensor, { u, base }: { readonly u: Tensor; readonly base: number[] }): Tensor =>
  warpField(values, u, { base, border: "clamp" });

/** The contrast of another day: a gamma, slow shading, noise. */
function exposed(values: Tensor, random: Random): Tensor {
  const [, h, w] = values.shape;
  const gamma = Math.exp(0.25 * random.normal());
  const shading = smooth(1, [h, w], 80, 0.15 * random.uniform(), random).exp();
  const noisy = normalised(values)
    .maximum(1e-4)
    .pow(gamma)
    .mul(shading)
    .add(randomNormal(values.shape, random).mul(0.03 * random.uniform() ** 2));
  return normalised(noisy);
}

function picturePair(slices: readonly Slice[], patch: number, random: Random): TrainingPair {
  const i = random.integer(slices.length);
  const step = random.integer(2 * reach + 1) - reach;
  const other = slices[i + step];
  const partner = other?.series === slices[i].series && other.values.size === slices[i].values.size ? other : slices[i];
  const size = [patch, patch] as const;
  const [, h, w] = slices[i].values.shape;
  // One window for both, somewhere in a larger picture; in a smaller one its border goes on.
  const at = [h, w].map((n) => Math.round(Math.max(0, n - patch) * (random.uniform() - 0.5)));
  const mirrored = random.uniform() < 0.5;
  const view = (slice: Slice) => {
    const where = place(size, [h, w], random);
    where.base[2] += at[1];
    where.base[5] += at[0];
    const shown = exposed(seen(slice.values, where), random);
    return mirrored ? shown.flip(2) : shown;
  };
  return { fixed: view(slices[i]), moving: view(partner) };
}
/**
 * Two views of one map of random shapes, each with gray values of its own, or in half of the cases the same.
 * @see Hoffmann, Billot, Greve, Iglesias, Fischl & Dalca (2022), SynthMorph: learning contrast-invariant registration without acquired images, IEEE TMI 41
 */
export function shapesPair(patch: number, random: Random): Required<TrainingPair> {
  const size = [patch, patch] as const;
  const fields = smooth(labelCount, size, patch / (6 + 8 * random.uniform()), 1, random);
  const largest = fields.max([0], true);
  const labels = fields.greaterEqual(largest).cast("f32");
  const view = (gray: Tensor) => {
    const shown = seen(labels, place(size, size, random));
    return { labels: shown, picture: exposed(shown.mul(gray).sum([0], true), random) };
  };
  const grays = () => randomUniform([labelCount, 1, 1], 0, 1, random);
  const first = grays();
  const [a, b] = [view(first), view(random.uniform() < 0.5 ? first : grays())];
  return { fixed: a.picture, moving: b.picture, labels: { fixed: a.labels, moving: b.labels } };
}

/** One minus the mean local correlation, squared, on the whole grid and on half of it. */
function unlikeness(warped: Tensor, fixed: Tensor): Tensor {
  const half = (x: Tensor) => averagePool(x.reshape(1, ...x.shape), { kernel: 2 }).reshape(1, x.shape[1] >> 1, x.shape[2] >> 1);
  return localNcc(warped, fixed, { radius })
    .add(localNcc(half(warped), half(fixed), { radius }))
    .mul(-0.5)
    .add(1);
}
/** One minus the mean soft Dice overlap of label channels, of those that either has. */
function overlapLoss(a: Tensor, b: Tensor): Tensor {
  const both = a.mul(b).sum([1, 2]).mul(2);
  const size = a.square().add(b.square()).sum([1, 2]);
  const present = size.greater(1);
  return both.div(size.maximum(1)).mul(present).sum().div(present.sum().maximum(1)).mul(-1).add(1);
}
/** Mean over samples, planes and axes of the squared slope. */
function slope(v: Tensor): Tensor {
  const [d, h, w] = v.shape;
  const dy = v.slice([0, 1, 0], [d, h, w]).sub(v.slice([0, 0, 0], [d, h - 1, w]));
  const dx = v.slice([0, 0, 1], [d, h, w]).sub(v.slice([0, 0, 0], [d, h, w - 1]));
  return dy.square().mean().add(dx.square().mean()).mul(0.5);
}

/** What is minimised for one pair: unlikeness of both images warped onto the other, of the labels where there are some, and λ times the slope of v. */
export function pairLoss(v: Tensor, pair: TrainingPair): Tensor {
  const [, h, w] = pair.fixed.shape;
  const [there, back] = [integrated(v, [h, w]), integrated(v.mul(-1), [h, w])];
  const warped = (x: Tensor, u: Tensor) => warpField(x, u, { border: "clamp" });
  const { labels } = pair;
  const D = labels
    ? overlapLoss(warped(labels.moving, there), labels.fixed).add(overlapLoss(warped(labels.fixed, back), labels.moving))
    : unlikeness(warped(pair.moving, there), pair.fixed).add(unlikeness(warped(pair.fixed, back), pair.moving));
  return D.mul(0.5).add(slope(v).mul(smoothness));
}
const batched = (x: Tensor) => x.reshape(1, ...x.shape);
const velocityOf = (model: Layer<ImagePair, Tensor>, { fixed, moving }: TrainingPair): Tensor => {
  const v = model.forward({ fixed: batched(fixed), moving: batched(moving) });
  return v.reshape(...v.shape.slice(1));
};

/**
 * The registration network from slices without labels and from generated shapes: two neighbours of a series (names that differ in their last number),
 * each moved, bent and lit by chance; one pair in four is of random shapes, whose labels count instead of gray values.
 */
export const registrationRecipe: Recipe<Layer<ImagePair, Tensor>, readonly TrainingPair[]> = {
  name: "registration-2d",
  summary: "deformations between slices; learns from series of slices and from generated shapes",
  steps: 8000,
  least: ({ patch = 192 }) => [Math.min(64, patch), Math.min(64, patch)],
  plan(pictures, held, { batch = 1, patch = 192, features = 16, depth = 5, seed = 1 }) {
    const slices = pictures.map(sliceOf);
    const kept = held.map(sliceOf);
    const drawn = (random: Random): TrainingPair =>
      scope(() => (random.uniform() < shapesShare ? shapesPair(patch, random) : picturePair(slices, patch, random)));
    const count = 8;
    const judged = (model: Layer<ImagePair, Tensor>, pair: (k: number) => TrainingPair, good: (u: Tensor, p: TrainingPair) => number) =>
      Array.from({ length: count }, (_, k) =>
        scope(() => {
          const p = pair(k);
          return good(integrated(velocityOf(model, p), [patch, patch]), p);
        }),
      ).reduce((s, v) => s + v, 0) / count;
    const warped = (x: Tensor, u: Tensor) => warpField(x, u, { border: "clamp" });
    return {
      model: registrationNetwork({ random: seeded(seed), features, levels: depth }),
      data: (random) => Array.from({ length: batch }, () => drawn(random)),
      loss: (m, pairs) =>
        pairs
          .map((p) => pairLoss(velocityOf(m, p), p))
          .reduce((s, v) => s.add(v))
          .div(pairs.length),
      optimiser: adamW({ step: 1e-3, decay: 1e-4 }),
      schedule: (steps) => cosine({ steps, warmUp: Math.min(100, steps >> 1) }),
      clip: 1,
      average: 0.998,
      figures: (model) => ({
        slices: judged(
          model,
          (k) => picturePair(kept, patch, seeded(1000 + k)),
          (u, p) => 100 * localNcc(warped(p.moving, u), p.fixed, { radius }).item(),
        ),
        shapes: judged(
          model,
          (k) => shapesPair(patch, seeded(2000 + k)),
          (u, p) => 100 * (1 - overlapLoss(warped(p.labels?.moving as Tensor, u), p.labels?.fixed as Tensor).item()),
        ),
      }),
      figuresTitle: "percent: squared local correlation of pairs of held slices, and Dice of generated shapes",
      what: `registrationNetwork, ${depth} levels of ${features} and ${2 * features} channels; pairs of pictures, stationary velocity on half the resolution`,
      settings: { batch, patch, features, depth, seed },
    };
  },
};
