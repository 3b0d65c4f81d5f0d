import { type Random, seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { type Layer, type Sample, shuffled } from "../nn/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { Tensor } from "../tensor/index.js";
import { type Plane, planesOf } from "./homographyRecipe.js";
import type { Recipe } from "./recipe.js";
import { type BoxMoves, type BoxPair, cornersAfter, deepLkTracking, regressionTracking, trackingSide } from "./trackingNetworks.js";

const least = 120;
const side = 3 * trackingSide;

/** A picture as a texture: mirrored beyond its border. */
function textureOf({ width, height, values }: Plane, x0: number, y0: number, scale: number, turn: number) {
  const [c, s] = [scale * Math.cos(turn), scale * Math.sin(turn)];
  const fold = (v: number, n: number) => {
    const period = 2 * (n - 1);
    const m = ((v % period) + period) % period;
    return m > n - 1 ? period - m : m;
  };
  return (u: number, v: number): number => {
    const x = fold(x0 + c * u - s * v, width);
    const y = fold(y0 + s * u + c * v, height);
    const [i, j] = [Math.min(width - 2, Math.floor(x)), Math.min(height - 2, Math.floor(y))];
    const [p, q, at] = [x - i, y - j, j * width + i];
    return (1 - q) * ((1 - p) * values[at] + p * values[at + 1]) + q * ((1 - p) * values[at + width] + p * values[at + width + 1]);
  };
}
const laplace = (scale: number, most: number, random: Random): number => {
  const u = random.uniform() - 0.5;
  return Math.max(-most, Math.min(most, -scale * Math.sign(u) * Math.log(1 - 2 * Math.abs(u) + 1e-12)));
};

/**
 * Two frames about one box: an object cut out of one picture before another one; from the first frame to the second it moves and grows, small moves more often than
 * large ones (Laplace), it turns a little, what is behind it moves on its own, and light and noise change.
 * @returns template and search [1, 96, 96]; move [4]: shift in half boxes, logarithm of the growth, twice
 * @see Held, Thrun & Savarese (2016) for the distribution of the moves
 */
export function movingObject(object: readonly Plane[], behind: readonly Plane[], random: Random): Sample {
  const between = (a: number, b: number) => a + (b - a) * random.uniform();
  const pick = (planes: readonly Plane[]) => planes[random.integer(planes.length)];
  const [front, back] = [pick(object), pick(behind)];
  // Samples of a picture for half a box.
  const texture = (plane: Plane) =>
    textureOf(plane, plane.width * random.uniform(), plane.height * random.uniform(), between(10, 26), between(0, 2 * Math.PI));
  const [own, ground] = [texture(front), texture(back)];
  const [tx, ty, grown] = [laplace(0.22, 1, random), laplace(0.22, 1, random), laplace(0.06, 0.3, random)];
  const [turn, shear] = [0.08 * random.normal(), 0.05 * random.normal()];
  const [gx, gy] = [laplace(0.15, 1, random), laplace(0.15, 1, random)];
  // A box is filled to its border by an ellipse, a rectangle, or what is between.
  const power = between(2, 8);
  const [fx, fy] = [between(0.75, 1), between(0.75, 1)];
  const inside = (u: number, v: number) => {
    const r = (Math.abs(u) / fx) ** power + (Math.abs(v) / fy) ** power;
    return 1 / (1 + Math.exp(12 * (r - 1)));
  };
  const [difference, offset] = [between(0.7, 1.3), between(-0.25, 0.25)];
  const frame = (second: boolean) => {
    const [gain, bias, noise] = [between(0.75, 1.25), between(-0.08, 0.08), 0.03 * random.uniform()];
    const [k, cos, sin] = [second ? Math.exp(-grown) : 1, second ? Math.cos(turn) : 1, second ? Math.sin(turn) : 0];
    const values = new Float32Array(side * side);
    for (let y = 0, i = 0; y < side; y++)
      for (let x = 0; x < side; x++, i++) {
        const [u, v] = [(6 * x + 3) / side - 3, (6 * y + 3) / side - 3];
        const [a, b] = second ? [k * (u - tx), k * (v - ty)] : [u, v];
        const [p, q] = [cos * a - sin * b + (second ? shear * b : 0), sin * a + cos * b];
        const m = Math.abs(p) > 1.6 || Math.abs(q) > 1.6 ? 0 : inside(p, q);
        const far = m > 0.999 ? 0 : second ? ground(u - gx, v - gy) : ground(u, v);
        const near = m < 0.001 ? 0 : difference * own(p, q) + offset;
        values[i] = gain * (m * near + (1 - m) * far) + bias + noise * random.normal();
      }
    return Tensor.from(values, [1, side, side]);
  };
  return { template: frame(false), search: frame(true), move: Tensor.from(Float32Array.of(tx, ty, grown, grown), [4]) };
}

/** How far the corners are from where they went, in half boxes: [n]. */
export const boxErrors = (moves: Tensor, truth: Tensor): Tensor =>
  cornersAfter(moves).sub(cornersAfter(truth)).square().sum(2).add(1e-5).sqrt().mean(1);
/** Intersection over union of two boxes of moves. */
export function overlapOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const axis = (k: number) => {
    const [p, q] = [a, b].map((m) => [m[k] - Math.exp(m[2 + k]), m[k] + Math.exp(m[2 + k])]);
    return Math.max(0, Math.min(p[1], q[1]) - Math.max(p[0], q[0]));
  };
  const area = (m: ArrayLike<number>) => 4 * Math.exp(m[2] + m[3]);
  const both = axis(0) * axis(1);
  return both / (area(a) + area(b) - both);
}

const recipeOf = (kind: "deep-lk" | "regression"): Recipe<Layer<BoxPair, BoxMoves>, Sample> => ({
  name: `tracking-${kind}`,
  summary:
    kind === "deep-lk"
      ? "boxes through frames by Lucas–Kanade on learned features; learns from objects moving before other pictures"
      : "boxes through frames by regression; learns from objects moving before other pictures",
  steps: 3000,
  least: () => [least, least],
  plan(pictures, held, { batch = kind === "deep-lk" ? 4 : 16, features = kind === "deep-lk" ? 12 : 16, seed = 1 }) {
    const planes = pictures.map((p) => planesOf(p, least / 1.5));
    const others = held.map((p) => planesOf(p, least / 1.5));
    /** Mean overlap on objects of some pictures before others. */
    const overlap = (model: Layer<BoxPair, BoxMoves>, from: readonly (readonly Plane[])[], first: number): number => {
      const count = 48;
      let sum = 0;
      for (let k = 0; k < count; k++)
        scope(() => {
          const random = seeded(first + k);
          const { template, search, move } = movingObject(from[k % from.length], from[(k + 1) % from.length], random);
          const one = (t: Tensor) => t.reshape(1, ...t.shape);
          const { moves } = model.forward({ template: one(template), search: one(search) });
          sum += overlapOf(moves[moves.length - 1].data, move.data) / count;
        });
      return sum;
    };
    return {
      model:
        kind === "deep-lk" ? deepLkTracking({ random: seeded(seed), features }) : regressionTracking({ random: seeded(seed), features }),
      data: shuffled({
        items: planes.flatMap((p) => Array.from({ length: 64 }, () => p)),
        batch,
        seed,
        sample: (object, random) => movingObject(object, planes[random.integer(planes.length)], random),
      }),
      loss: (m, batch) => {
        const { moves } = m.forward({ template: batch.template, search: batch.search });
        let sum: Tensor | undefined;
        for (const [k, move] of moves.entries()) {
          // Every step is to come nearer; the last one counts most.
          const loss = boxErrors(move, batch.move)
            .mean()
            .mul((k + 1) / moves.length);
          sum = sum ? sum.add(loss) : loss;
        }
        return sum as Tensor;
      },
      optimiser: adamW({ step: kind === "deep-lk" ? 2e-3 : 1e-3, decay: 1e-4 }),
      schedule: (steps) => cosine({ steps, warmUp: Math.min(100, steps >> 1) }),
      clip: 1,
      average: 0.995,
      figures: (model) => ({ "trained objects": overlap(model, planes, 2000), "unseen objects": overlap(model, others, 1000) }),
      figuresTitle: "mean overlap of the box found and the true one after one frame (0 to 1)",
      what: `${kind === "deep-lk" ? "deepLkTracking" : "regressionTracking"}, ${features} channels; a box in two frames, moves of some tenths of it`,
      settings: { batch, features, seed },
    };
  },
});
/** Deep-LK on objects that move before other pictures. */
export const deepLkRecipe = recipeOf("deep-lk");
/** Regression on the same. */
export const regressionRecipe = recipeOf("regression");
