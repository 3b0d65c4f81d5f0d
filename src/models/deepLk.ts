import { ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import { convolution, type Layer, network, orthogonal, relu, sequential } from "../nn/index.js";
import { jvp } from "../tensor/differentiate.js";
import { solve } from "../tensor/ops/linalg.js";
import { averagePool } from "../tensor/ops/pooling.js";
import { sample } from "../tensor/ops/sampling.js";
import { concat, stack } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";

/**
 * What moves: places u of a box, in units of half its sides about its middle, go to  W(u; p) = e^{p₃} u + (p₁, p₂).
 * Patches show three times the box: [n, 1, 3 s, 3 s] for a template of s × s samples.
 */
export const lkParameters = 3;

/** φ and how many samples it takes off each side of what it sees (its convolutions are not padded). */
export interface LkFeatures {
  /** The features of pictures. */
  readonly of: (x: Tensor) => Tensor;
  /** Pixels at the border whose features see beyond it. */
  readonly margin: number;
}
/** Brightness itself: Lucas–Kanade as it is. */
export const identityFeatures: LkFeatures = { of: (x) => x, margin: 0 };

/** Middles of the template's samples and of `margin` more on each side, in units of half the box: [(s + 2 margin)², 2]. */
const known = new Map<string, Float64Array>();
function places(s: number, margin: number, dtype: "f32" | "f64"): Tensor {
  const side = s + 2 * margin;
  const key = `${s} ${margin}`;
  let values = known.get(key);
  if (!values) {
    values = new Float64Array(2 * side * side);
    for (let y = 0, k = 0; y < side; y++)
      for (let x = 0; x < side; x++) for (const v of [x, y]) values[k++] = (2 * (v - margin) + 1) / s - 1;
    known.set(key, values);
  }
  return Tensor.from(values, [side * side, 2], dtype);
}
/** φ of the patches seen through W(·; p): [n, c · s²]. */
export function seenThrough(features: LkFeatures, patches: Tensor, p: Tensor): Tensor {
  const [n, , whole] = patches.shape;
  const s = whole / 3;
  if (!Number.isInteger(s))
    throw new ShapeError(`deepLk: patches ${shapeText(patches.shape)}; expected [n, 1, 3 s, 3 s]`, { shape: patches.shape });
  const dtype = patches.dtype === "f64" ? "f64" : "f32";
  const side = s + 2 * features.margin;
  const u = places(s, features.margin, dtype).reshape(1, side * side, 2);
  const size = p.slice([0, 2], [n, 3]).exp().reshape(n, 1, 1);
  const shift = p.slice([0, 0], [n, 2]).reshape(n, 1, 2);
  const at = u
    .mul(size)
    .add(shift)
    .mul(s / 2)
    .add((whole - 1) / 2);
  const each = Array.from({ length: n }, (_, i) =>
    sample(patches.slice([i], [i + 1]).reshape(1, whole, whole), at.slice([i], [i + 1]).reshape(side * side, 2)),
  );
  const f = features.of(stack(each).reshape(n, 1, side, side));
  return f.reshape(n, f.size / n);
}

/** Δp = R φ(I(W)) + b. */
export interface LkRegressor {
  /** [n, 3, m] */
  readonly r: Tensor;
  /** [n, 3, 1] */
  readonly b: Tensor;
  /** φ of the template, [n, m]. */
  readonly template: Tensor;
}
/**
 * The regressor of a template: with S_φ = ∂φ(T(W(x; p)))/∂p at the identity, by forward mode through warp and features,
 * R = M† = (S_φᵀ S_φ)⁻¹ S_φᵀ and b = −M† φ(T). With φ the identity Δp is the step of inverse-compositional Lucas–Kanade.
 * Differentiable in the features' weights, so that φ can be trained through the steps.
 * @param damping  of the diagonal, as a share of its mean
 * @see Wang, Galoogahi, Lin & Lucey (2018), Deep-LK for efficient adaptive object tracking, ICRA; Baker & Matthews (2004), Lucas–Kanade 20 years on, IJCV 56
 */
export function lkRegressor(features: LkFeatures, template: Tensor, damping = 0): LkRegressor {
  const n = template.shape[0];
  const dtype = template.dtype === "f64" ? "f64" : "f32";
  // The three directions at once, as one batch: along each the same template.
  const still = Tensor.zeros([lkParameters * n, lkParameters], dtype);
  const ways = Float32Array.from({ length: still.size }, (_, i) => (i % lkParameters === Math.floor(i / (lkParameters * n)) ? 1 : 0));
  const thrice = concat([template, template, template], 0);
  const { value, tangent } = jvp((p) => seenThrough(features, thrice, p), [still], [Tensor.from(ways, still.shape, dtype)]);
  const m = value.size / (lkParameters * n);
  const t = value.slice([0, 0], [n, m]);
  const st = tangent.reshape(lkParameters, n, m).permute(1, 0, 2); // Sᵀ [n, 3, m]
  const normal = st.matmul(st.transpose());
  const unit = Tensor.from(Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), [1, 3, 3], dtype);
  const mean = normal
    .mul(unit)
    .sum([1, 2], true)
    .mul(1 / 3);
  const r = solve(normal.add(unit.mul(mean.mul(damping).add(damping > 0 ? 1e-6 : 0))), st);
  return { r, b: r.matmul(t.reshape(n, t.size / n, 1)).neg(), template: t };
}
/** R φ + b: [n, 3]. */
export const lkStep = ({ r, b }: LkRegressor, phi: Tensor): Tensor => {
  const n = phi.shape[0];
  return r
    .matmul(phi.reshape(n, phi.size / n, 1))
    .add(b)
    .reshape(n, lkParameters);
};
/** W(·; p) ∘ W(·; Δ)⁻¹. */
export function composedInverse(p: Tensor, delta: Tensor): Tensor {
  const n = p.shape[0];
  const size = p.slice([0, 2], [n, 3]).sub(delta.slice([0, 2], [n, 3]));
  const shift = p.slice([0, 0], [n, 2]).sub(delta.slice([0, 0], [n, 2]).mul(size.exp()));
  return concat([shift, size], 1);
}

/** Patches of two frames about one box, [n, 1, 3 s, 3 s]: what is to be found, and where to look. */
export interface LkPair {
  /** What is looked for. */
  readonly template: Tensor;
  /** Where it is looked for. */
  readonly search: Tensor;
  /** Where to begin, [n, 3]. Default: where the box was. */
  readonly start?: Tensor;
  /** Shrinkings of the patches and steps at each. */
  readonly plan?: readonly (readonly [by: number, steps: number])[];
  /** Of the template, one for each shrinking of the plan, where they are known from an earlier answer. */
  readonly regressors?: readonly LkRegressor[];
}
export const lkPlan: readonly (readonly [by: number, steps: number])[] = [
  [4, 3],
  [2, 3],
  [1, 3],
];
/** Less their mean, over their deviation, in the template's own box. */
function evened(x: Tensor): Tensor {
  const [n, , w] = x.shape;
  const inner = x.slice([0, 0, w / 3, w / 3], [n, 1, (2 * w) / 3, (2 * w) / 3]);
  const mean = inner.mean([2, 3], true);
  return x.sub(mean).div(inner.sub(mean).square().mean([2, 3], true).add(1e-4).sqrt());
}

/** p after every step, and how alike the two are at the end. */
export interface LkSteps {
  /** Steps so far. */
  readonly steps: readonly Tensor[];
  /** Correlation of the features, [n, 1]. */
  readonly likeness: Tensor;
  /** Of the template, one for each shrinking of the plan. */
  readonly regressors: readonly LkRegressor[];
}
const correlation = (a: Tensor, b: Tensor): Tensor => {
  const [x, y] = [a, b].map((t) => t.sub(t.mean(1, true)));
  return x
    .mul(y)
    .sum(1, true)
    .div(x.square().sum(1, true).mul(y.square().sum(1, true)).add(1e-12).sqrt());
};

/**
 * Deep-LK: inverse-compositional Lucas–Kanade on learned features φ (three convolutions), the regressor anew from every template, from coarse patches to fine
 * ones with the same φ. Trained by unrolling its steps. A step moves by at most half the box.
 */
export function deepLkNetwork({ random, features = 12 }: { readonly random: Random; readonly features?: number }): Layer<LkPair, LkSteps> {
  const conv = (inputs: number, outputs: number, dilation = 1) =>
    convolution({ inputs, outputs, random, dilation, padding: 0, initialise: orthogonal({ gain: Math.SQRT2 }) });
  const parts = {
    phi: sequential(conv(1, features), relu(), conv(features, features, 2), relu(), conv(features, 8)),
  };
  return network(parts, ({ phi }, { template, search, start, plan = lkPlan, regressors }: LkPair) => {
    const n = template.shape[0];
    const by: LkFeatures = { of: (x) => phi.forward(x), margin: 4 };
    let p = start ?? Tensor.zeros([n, lkParameters], template.dtype);
    const steps: Tensor[] = [];
    const made: LkRegressor[] = [];
    const [t, i] = [evened(template), evened(search)];
    let [seen, known]: (Tensor | undefined)[] = [];
    for (const [level, [shrink, count]] of plan.entries()) {
      const small = (x: Tensor) => (shrink === 1 ? x : averagePool(x, { kernel: shrink }));
      const I = small(i);
      const regressor = regressors?.[level] ?? lkRegressor(by, small(t), 0.01);
      made.push(regressor);
      known = regressor.template;
      for (let k = 0; k < count; k++) {
        seen = seenThrough(by, I, p);
        const delta = lkStep(regressor, seen).mul(2).tanh().mul(0.5);
        p = composedInverse(p, delta);
        steps.push(p);
      }
    }
    const likeness = seen && known ? correlation(seen, known) : Tensor.ones([n, 1], template.dtype);
    return { steps, likeness, regressors: made };
  });
}
