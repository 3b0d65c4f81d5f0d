import type { Random } from "../core/random.js";
import { convolution, dense, flatten, type Layer, network, orthogonal, relu, sequential, zeros } from "../nn/index.js";
import { concat } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";
import { deepLkNetwork, type LkPair, type LkRegressor, type LkSteps } from "./deepLk.js";

/** Samples of a template along each side; patches show three times the box. */
export const trackingSide = 32;

/** Where a box went, [n, 4]: shift x, y in units of half its sides, logarithms of the growth of width and height. */
export interface BoxMoves {
  /** After every step (one, for a network that answers at once). */
  readonly moves: readonly Tensor[];
  /** [n, 1], up to 1; undefined where the network does not say. */
  readonly likeness?: Tensor;
  /** Of the template, to look for it again with fewer sums; undefined where the network makes none. */
  readonly regressors?: readonly LkRegressor[];
}
/** Two patches about one box, [n, 1, 96, 96], of the frame before and of the frame in which it is looked for. */
export type BoxPair = Pick<LkPair, "template" | "search" | "start" | "plan" | "regressors">;

/** `deepLkNetwork` for boxes: one growth for both sides. */
export function deepLkTracking({
  random,
  features = 12,
}: {
  readonly random: Random;
  readonly features?: number;
}): Layer<BoxPair, BoxMoves> {
  const lk: Layer<LkPair, LkSteps> = deepLkNetwork({ random, features });
  return network({ lk }, (p, pair: BoxPair) => {
    const { steps, likeness, regressors } = p.lk.forward(pair);
    const n = pair.template.shape[0];
    return { moves: steps.map((s) => concat([s, s.slice([0, 2], [n, 3])], 1)), likeness, regressors };
  });
}

/**
 * A regression tracker: twice the box of both frames through one tower of convolutions, both results through two dense layers to the new box. It answers
 * at once, and knows nothing of geometry but what it has seen. About 290 thousand weights.
 * @see Held, Thrun & Savarese (2016), Learning to track at 100 FPS with deep regression networks, ECCV
 */
export function regressionTracking({
  random,
  features = 16,
}: {
  readonly random: Random;
  readonly features?: number;
}): Layer<BoxPair, BoxMoves> {
  const conv = (inputs: number, outputs: number, stride: number) =>
    convolution({ inputs, outputs, random, stride, initialise: orthogonal({ gain: Math.SQRT2 }) });
  const parts = {
    tower: sequential(
      conv(1, features, 2),
      relu(),
      conv(features, features, 2),
      relu(),
      conv(features, 2 * features, 2),
      relu(),
      conv(2 * features, 2 * features, 1),
      relu(),
      flatten(),
    ),
    head: sequential(
      dense({ inputs: 2 * 64 * 2 * features, outputs: 64, random }),
      relu(),
      dense({ inputs: 64, outputs: 4, random, initialise: zeros }),
    ),
  };
  return network(parts, (p, { template, search }: BoxPair) => {
    const n = template.shape[0];
    const whole = template.shape[2];
    const inner = (x: Tensor) => {
      const cut = x.slice([0, 0, whole / 6, whole / 6], [n, 1, (5 * whole) / 6, (5 * whole) / 6]);
      const moved = cut.sub(cut.mean([2, 3], true));
      return moved.div(moved.square().mean([2, 3], true).add(1e-4).sqrt());
    };
    return { moves: [p.head.forward(concat([p.tower.forward(inner(template)), p.tower.forward(inner(search))], 1))] };
  });
}

/** Corners of the box after its move, [n, 4, 2] in units of half its first sides; the first box has corners (±1, ±1). */
export function cornersAfter(moves: Tensor): Tensor {
  const n = moves.shape[0];
  const unit = Tensor.from(Float32Array.of(-1, -1, 1, -1, 1, 1, -1, 1), [1, 4, 2]).cast(moves.dtype);
  const size = moves.slice([0, 2], [n, 4]).clamp(-1.5, 1.5).exp().reshape(n, 1, 2);
  return unit.mul(size).add(moves.slice([0, 0], [n, 2]).reshape(n, 1, 2));
}
