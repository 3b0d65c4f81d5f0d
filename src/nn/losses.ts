import { ShapeError } from "../core/errors.js";
import { sameShape, shapeText } from "../core/shape.js";
import { convolve } from "../tensor/ops/convolution.js";
import { Tensor } from "../tensor/tensor.js";
import { softplusOf } from "./activations.js";

/** How far a prediction is from its target, a scalar: a mean over all numbers, so that it does not depend on the size of a batch. */
export type Loss = (predicted: Tensor, target: Tensor) => Tensor;

const compared =
  (who: string, f: Loss): Loss =>
  (predicted, target) => {
    if (!sameShape(predicted.shape, target.shape))
      throw new ShapeError(`${who}: the prediction is ${shapeText(predicted.shape)} and the target ${shapeText(target.shape)}`, {
        predicted: predicted.shape,
        target: target.shape,
      });
    return f(predicted, target);
  };

/** mean |p − t|. */
export const absoluteLoss = (): Loss => compared("absoluteLoss", (p, t) => p.sub(t).abs().mean());
/** mean (p − t)². */
export const squaredLoss = (): Loss => compared("squaredLoss", (p, t) => p.sub(t).square().mean());
/** mean of ½ d² where |d| ≤ δ, else δ (|d| − ½ δ);  d = p − t. */
export const huberLoss = ({ delta = 1 }: { readonly delta?: number } = {}): Loss =>
  compared("huberLoss", (p, t) => {
    const size = p.sub(t).abs();
    const near = size.minimum(delta); // ½ near² + δ (size − near) is both branches
    return near.square().mul(0.5).add(size.sub(near).mul(delta)).mean();
  });
/**
 * mean √(d² + ε²): |d| with a smooth bottom.
 * @see Charbonnier, Blanc-Féraud, Aubert & Barlaud (1994), Two deterministic half-quadratic regularization algorithms, ICIP
 */
export const charbonnierLoss = ({ epsilon = 1e-3 }: { readonly epsilon?: number } = {}): Loss =>
  compared("charbonnierLoss", (p, t) =>
    p
      .sub(t)
      .square()
      .add(epsilon * epsilon)
      .sqrt()
      .mean(),
  );

/** Difference to the next sample along an axis; one sample shorter. */
const forwardDifference = (x: Tensor, axis: number): Tensor => {
  const begin = x.shape.map((_, i) => (i === axis ? 1 : 0));
  const end = x.shape.map((n, i) => (i === axis ? n - 1 : n));
  return x.slice(begin).sub(x.slice([], end));
};
/**
 * Roughness of the prediction, not compared with anything: Σ over axes of mean √((x_{i+1} − x_i)² + ε²), over the spatial axes of
 * [n, c, (z, y,) x]. To be added to another loss with a weight.
 */
export const totalVariationLoss =
  ({ epsilon = 1e-3 }: { readonly epsilon?: number } = {}): Loss =>
  (p) =>
    p.shape
      .slice(2)
      .map((_, i) =>
        forwardDifference(p, i + 2)
          .square()
          .add(epsilon * epsilon)
          .sqrt()
          .mean(),
      )
      .reduce((a, b) => a.add(b));

/** Means under a Gaussian window of 11 samples, σ = 1.5, where it fits. */
function windowed(x: Tensor): Tensor {
  const radius = 5;
  const raw = Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-((k - radius) ** 2) / (2 * 1.5 ** 2)));
  const total = raw.reduce((a, b) => a + b);
  const weights = Float64Array.from(raw, (w) => w / total);
  const [n, c, ...size] = x.shape;
  let y = x.reshape(n * c, 1, ...size);
  for (const axis of size.keys()) {
    const shape = [1, 1, ...size.map((_, i) => (i === axis ? weights.length : 1))];
    y = convolve(y, Tensor.from(weights, shape, x.dtype));
  }
  return y;
}
/**
 * 1 − SSIM, the mean over every image and channel of [n, c, (z,) y, x]; windows, constants and border as in `ssim` of pullback/evaluation.
 * @see Wang, Bovik, Sheikh & Simoncelli (2004), Image quality assessment, IEEE TIP 13; as a loss: Zhao, Gallo, Frosio & Kautz (2017), IEEE TCI 3
 */
export const ssimLoss = ({ peak = 1 }: { readonly peak?: number } = {}): Loss =>
  compared("ssimLoss", (p, t) => {
    if (p.rank < 3 || p.shape.slice(2).some((n) => n < 11))
      throw new ShapeError(`ssimLoss: ${shapeText(p.shape)}; expected [n, c, (z,) y, x] with at least 11 samples along every axis`, {
        shape: p.shape,
      });
    const [c1, c2] = [(0.01 * peak) ** 2, (0.03 * peak) ** 2];
    const [mp, mt] = [windowed(p), windowed(t)];
    const [pp, tt, pt] = [mp.square(), mt.square(), mp.mul(mt)];
    const variances = windowed(p.square()).sub(pp).add(windowed(t.square()).sub(tt)).add(c2);
    const covariance = windowed(p.mul(t)).sub(pt);
    const top = pt.mul(2).add(c1).mul(covariance.mul(2).add(c2));
    return top.div(pp.add(tt).add(c1).mul(variances)).mean().neg().add(1);
  });

/**
 * Mean of −log of the probability of the right class; logits [n, classes, …], targets probabilities of the same shape (one 1, else 0).
 */
export const crossEntropyLoss = (): Loss =>
  compared("crossEntropyLoss", (logits, target) => {
    const shifted = logits.sub(logits.max(1, true)); // e^x of the largest is 1: nothing overflows
    const logTotal = shifted.exp().sum(1, true).log();
    return target.mul(logTotal.sub(shifted)).sum(1).mean();
  });

/** A weighted sum of losses. */
export const sumOfLosses =
  (...terms: readonly (readonly [weight: number, loss: Loss])[]): Loss =>
  (p, t) =>
    terms.map(([w, f]) => f(p, t).mul(w)).reduce((a, b) => a.add(b));

/**
 * Distance of features: Σₗ wₗ · mean (φₗ(p) − φₗ(t))², with any network's layers as φ. The target's features are constants.
 * `features`: image ↦ tensors, of a network that is not trained here
 * @see Johnson, Alahi & Fei-Fei (2016), Perceptual losses for real-time style transfer and super-resolution, ECCV, eq. (2)
 */
export const perceptualLoss =
  (o: { readonly features: (image: Tensor) => readonly Tensor[]; readonly weights?: readonly number[]; readonly distance?: Loss }): Loss =>
  (p, t) => {
    const { features, weights, distance = squaredLoss() } = o;
    const theirs = features(t);
    return features(p)
      .map((f, i) => distance(f, theirs[i]).mul(weights?.[i] ?? 1))
      .reduce((a, b) => a.add(b));
  };

/**
 * The two sides of a game over logits D: what the discriminator and what the generator minimises. With s(x) = log(1 + eˣ):
 * discriminator  E s(−D(real)) + E s(D(fake)), for both;
 * generator      minimax −E s(D(fake)), that is E log(1 − σ(D));  non-saturating E s(−D(fake)), that is −E log σ(D).
 * @see Goodfellow et al. (2014), Generative adversarial nets, NeurIPS, eq. (1) and section 3
 */
export interface AdversarialLoss {
  /** What the judge minimises: real and made examples, as it sees them. */
  discriminator(real: Tensor, fake: Tensor): Tensor;
  /** What the maker minimises: made examples, as the judge sees them. */
  generator(fake: Tensor): Tensor;
}
const discriminator = (real: Tensor, fake: Tensor) => softplusOf(real.neg()).mean().add(softplusOf(fake).mean());
/** log(1 − D(fake)) for the generator: weak slopes while it loses. */
export const minimax = (): AdversarialLoss => ({ discriminator, generator: (fake) => softplusOf(fake).mean().neg() });
/** −log D(fake) for the generator: the same fixed point with strong slopes while it loses. */
export const nonSaturating = (): AdversarialLoss => ({ discriminator, generator: (fake) => softplusOf(fake.neg()).mean() });
/**
 * ½ E (D(real) − 1)² + ½ E D(fake)² against ½ E (D(fake) − 1)².
 * @see Mao et al. (2017), Least squares generative adversarial networks, ICCV, eq. (9)
 */
export const leastSquaresGame = (): AdversarialLoss => ({
  discriminator: (real, fake) => real.sub(1).square().mean().add(fake.square().mean()).mul(0.5),
  generator: (fake) => fake.sub(1).square().mean().mul(0.5),
});
