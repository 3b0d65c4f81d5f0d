import { type Random, seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { type Layer, type Sample, shuffled } from "../nn/index.js";
import { resizeOperator } from "../operators/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { gaussian, inverse, stopGradient, Tensor } from "../tensor/index.js";
import { applyHomography } from "../transforms/index.js";
import { throughFour } from "../vision/index.js";
import {
  cornersOfMaps,
  type HomographySteps,
  homographyNetwork,
  type MatchingGrid,
  mapsOfCorners,
  type PatchPairs,
  pixelsOf,
  warpPatches,
} from "./homographyNetwork.js";
import type { Recipe, TrainingPicture } from "./recipe.js";

/** Corners move as far as a quarter of the patch. */
const share = 0.25;

export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}
/** The picture, and it half and a third finer, antialiased, where it then still holds a patch and the moves of its corners. */
export function planesOf(p: TrainingPicture, patch: number): Plane[] {
  const least = Math.ceil(patch * (1 + 2 * share));
  const out: Plane[] = [];
  for (const by of [1, 1.5, 2, 3]) {
    const [h, w] = [Math.round(p.height / by), Math.round(p.width / by)];
    if (Math.min(h, w) < least) break;
    const values = scope(() =>
      by === 1
        ? p.values
        : Float32Array.from(
            resizeOperator([1, p.height, p.width], { size: [h, w] }).apply(Tensor.from(p.values, [1, p.height, p.width])).data,
          ),
    );
    out.push({ width: w, height: h, values });
  }
  return out;
}
/** One of the eight symmetries of the square; planes are small, so whole ones are turned. */
function seenAgain({ width, height, values }: Plane, symmetry: number): Plane {
  if (symmetry === 0) return { width, height, values };
  const [w, h] = symmetry & 4 ? [height, width] : [width, height];
  const out = new Float32Array(w * h);
  for (let y = 0, k = 0; y < h; y++)
    for (let x = 0; x < w; x++, k++) {
      const [a, b] = symmetry & 4 ? [y, x] : [x, y];
      out[k] = values[(symmetry & 2 ? height - 1 - b : b) * width + (symmetry & 1 ? width - 1 - a : a)];
    }
  return { width: w, height: h, values: out };
}
/** Gain, offset, a slope of light, gamma, noise: what two pictures of one scene may differ by. */
function disturbed(values: Float32Array, s: number, random: Random): Float32Array {
  const between = (a: number, b: number) => a + (b - a) * random.uniform();
  const [gain, bias, gamma] = [between(0.6, 1.4), between(-0.15, 0.15), Math.exp(between(-0.4, 0.4))];
  const [sx, sy] = [between(-0.3, 0.3), between(-0.3, 0.3)];
  const noise = 0.06 * random.uniform() ** 2;
  return values.map((v, i) => {
    const light = 1 + sx * ((i % s) / s - 0.5) + sy * (Math.floor(i / s) / s - 0.5);
    const w = gain * light * Math.max(0, v) ** gamma + bias + noise * random.normal();
    return Math.min(1, Math.max(0, w));
  });
}
/**
 * A pair of patches and how far the corners went, after DeTone et al. (2016): the moving patch is cut at a place of the picture, its corners move by as much as a
 * quarter of its side each way, and the fixed patch shows the picture at H p.
 */
export function patchPair(sizes: readonly Plane[], s: number, random: Random, { disturb = true, reach = share } = {}): Sample {
  const { width, height, values } = seenAgain(sizes[random.integer(sizes.length)], random.integer(8));
  const far = Math.round(share * s);
  const between = (low: number, high: number) => low + random.integer(Math.max(1, high - low + 1));
  const [x0, y0] = [between(far, width - s - far), between(far, height - s - far)].map((v) => Math.max(0, v));
  const moved = Float64Array.from({ length: 8 }, () => (2 * random.uniform() - 1) * reach * s);
  const from = Float64Array.of(0, 0, s - 1, 0, s - 1, s - 1, 0, s - 1);
  const h = throughFour({ a: from, b: from.map((v, i) => v + moved[i]) }) ?? Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  const a = new Float32Array(s * s);
  const b = new Float32Array(s * s);
  for (let y = 0, k = 0; y < s; y++)
    for (let x = 0; x < s; x++, k++) {
      a[k] = values[(y0 + y) * width + x0 + x];
      const z = h[6] * x + h[7] * y + h[8];
      const u = Math.min(width - 1.001, Math.max(0, x0 + (h[0] * x + h[1] * y + h[2]) / z));
      const v = Math.min(height - 1.001, Math.max(0, y0 + (h[3] * x + h[4] * y + h[5]) / z));
      const [i, j] = [Math.floor(u), Math.floor(v)];
      const [p, q, at] = [u - i, v - j, j * width + i];
      b[k] = (1 - q) * ((1 - p) * values[at] + p * values[at + 1]) + q * ((1 - p) * values[at + width] + p * values[at + width + 1]);
    }
  const shown = (v: Float32Array) => Tensor.from(disturb && random.uniform() < 0.7 ? disturbed(v, s, random) : v, [1, s, s]);
  return { moving: shown(a), fixed: shown(b), corners: Tensor.from(Float32Array.from(moved), [4, 2]) };
}

/** Pixels, mean over corners and batch. */
export function cornerErrors(maps: Tensor, corners: Tensor, s: number): Tensor {
  return cornersOfMaps(maps, s).sub(corners).square().sum(2).add(1e-4).sqrt().mean(1);
}
/**
 * How far the finds of step k are from where the places truly are, pixels, over the places that can be found: a signal for each place, where the corners
 * give eight numbers.
 */
function matchErrors({ maps, shifts }: HomographySteps, k: number, corners: Tensor, s: number): Tensor {
  const [n, , cells] = shifts[k].shape;
  const m = cells * cells;
  const truth = stopGradient(mapsOfCorners(corners, s));
  const before = k === 0 ? truth : inverse(stopGradient(maps.slice([0, k - 1], [n, k]).reshape(n, 3, 3))).matmul(truth);
  const own = pixelsOf(cells).reshape(1, m, 2).broadcastTo([n, m, 2]);
  const there = applyHomography(before, own);
  const shift = there.sub(own);
  const largest = (t: Tensor) => t.abs().max(2);
  // Within reach on both grids, and within the patch.
  const counts = largest(there)
    .less(1)
    .cast("f32")
    .mul(
      largest(shift)
        .less((cells === s / 8 ? 5 : 4) * (2 / cells))
        .cast("f32"),
    );
  const found = shifts[k].reshape(n, 2, m).permute(0, 2, 1);
  const error = found.sub(shift).square().sum(2).add(1e-5).sqrt();
  return error
    .mul(counts)
    .sum()
    .div(counts.sum().add(1))
    .mul(s / 2);
}
const training: readonly MatchingGrid[] = ["coarse", "fine", "fine"];
const decay = 0.8;

/** Brightness less its mean about each place, over its deviation there: what light does not change. */
function locally(x: Tensor): Tensor {
  const blur = (t: Tensor) => {
    const [n, c, s] = t.shape;
    return gaussian(t.reshape(n * c, s, s), { sigma: 6 }).reshape(n, c, s, s);
  };
  const moved = x.sub(blur(x));
  return moved.div(blur(moved.square()).add(4e-4).sqrt());
}
/**
 * Photometric loss without any truth: the mean of |F − M ∘ H|, smoothly, over what H shows of the moving patch; both brought to one local brightness, and
 * blurred less from step to step. Derivatives go through warp, homography and matching into the weights.
 */
function photometric(maps: Tensor, { fixed, moving }: Sample, k: number): Tensor {
  const [n, , s] = fixed.shape;
  const soft = (t: Tensor) => gaussian(locally(t).reshape(n, s, s), { sigma: 4 / 2 ** k }).reshape(n, 1, s, s);
  const [f, m] = [soft(fixed), soft(moving)];
  const warped = warpPatches(m, maps);
  const valid = stopGradient(warpPatches(Tensor.ones(m.shape), maps));
  const error = warped.sub(f).square().add(0.01).sqrt().mul(valid);
  return error
    .sum([1, 2, 3])
    .div(valid.sum([1, 2, 3]).add(s))
    .mean()
    .mul(10);
}

const recipeOf = (supervised: boolean): Recipe<Layer<PatchPairs, HomographySteps>, Sample> => ({
  name: supervised ? "homography" : "homography-unsupervised",
  summary: supervised
    ? "homographies between patches; learns from pictures, whose patches are moved by known ones"
    : "homographies between patches; learns from pairs without truth, by brightness alone",
  steps: 3000,
  least: ({ patch = 128 }) => [Math.ceil(patch * (1 + 2 * share)), Math.ceil(patch * (1 + 2 * share))],
  plan(pictures, held, { batch = 8, patch = 128, features = 32, seed = 1 }) {
    const kept = held.flatMap((p, i) => {
      const sizes = planesOf(p, patch);
      return Array.from({ length: Math.max(2, Math.ceil(24 / held.length)) }, (_, k) =>
        patchPair(sizes, patch, seeded(1000 + 100 * i + k)),
      );
    });
    const errors = (model: Layer<PatchPairs, HomographySteps>): number[] => {
      const steps: readonly MatchingGrid[] = ["coarse", "coarse", "fine", "fine", "fine"];
      const sums = new Array<number>(steps.length).fill(0);
      for (const pair of kept)
        scope(() => {
          const one = (t: Tensor) => t.reshape(1, ...t.shape);
          const { maps } = model.forward({ fixed: one(pair.fixed), moving: one(pair.moving), steps });
          for (const k of steps.keys())
            sums[k] += cornerErrors(maps.slice([0, k], [1, k + 1]).reshape(1, 3, 3), one(pair.corners), patch).item() / kept.length;
        });
      return sums;
    };
    return {
      model: homographyNetwork({ random: seeded(seed), features }),
      data: shuffled({
        items: pictures.flatMap((p) => {
          const sizes = planesOf(p, patch);
          return Array.from({ length: 64 }, () => sizes);
        }),
        batch,
        seed,
        // Brightness alone sees no further than what is blurred: pairs that are near teach those that are far.
        sample: (sizes, random) => patchPair(sizes, patch, random, supervised ? {} : { reach: share * (0.1 + 0.9 * random.uniform()) }),
      }),
      loss: (m, batch) => {
        const made = m.forward({ fixed: batch.fixed, moving: batch.moving, steps: training });
        const n = batch.fixed.shape[0];
        let sum: Tensor | undefined;
        for (const k of training.keys()) {
          const h = made.maps.slice([0, k], [n, k + 1]).reshape(n, 3, 3);
          const loss = supervised
            ? cornerErrors(h, batch.corners, patch)
                .mean()
                .add(matchErrors(made, k, batch.corners, patch))
            : photometric(h, batch, k);
          const weighted = loss.mul(decay ** (training.length - 1 - k));
          sum = sum ? sum.add(weighted) : weighted;
        }
        return sum as Tensor;
      },
      optimiser: adamW({ step: 1e-3, decay: 1e-4 }),
      schedule: (steps) => cosine({ steps, warmUp: Math.min(100, steps >> 1) }),
      clip: supervised ? 20 : 5,
      average: 0.995,
      figures: (model) => {
        const e = errors(model);
        return { "first step": -e[0], "last step": -e[e.length - 1] };
      },
      figuresTitle: "minus the mean corner error of pairs held back, pixels",
      what: `homographyNetwork, ${features} channels, patches of ${patch}, corners moved by up to ${share * patch} pixels each way; ${
        supervised ? "known moves" : "brightness alone, without known moves"
      }; light, gamma and noise differ`,
      settings: { batch, patch, features, seed },
    };
  },
});
/** The homography network with known moves of the corners. */
export const homographyRecipe = recipeOf(true);
/** The homography network from pairs alone. */
export const unsupervisedHomographyRecipe = recipeOf(false);
