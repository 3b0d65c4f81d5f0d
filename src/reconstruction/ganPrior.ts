import { ArgumentError, ShapeError } from "../core/errors.js";
import type { LinearOperator, Progress, Stop } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { seeded } from "../core/random.js";
import { shapeText, sizeOf } from "../core/shape.js";
import { leastSquares } from "../fidelities/index.js";
import { frozen, type Layer, softplusOf } from "../nn/index.js";
import { adam } from "../optimisers/index.js";
import { solveSquares } from "../solvers/index.js";
import { randomNormal, scope, Tensor } from "../tensor/index.js";

/** What `ganPrior` needs of a generative model: G from z [n, latent] to pictures of a number of samples, and, for −log D, the discriminator of pictures [n, 1, y, x]. */
export interface Generative {
  /** The code z that a generator makes a picture of. */
  readonly latent: number;
  /** What makes pictures of codes. */
  readonly generator: Layer;
  /** What tells real pictures from made ones. */
  readonly discriminator?: Layer;
}
/** Steps, starts and weights of the search in a generator's range. */
export interface GanPriorOptions {
  /** A, on pictures [y, x] of the generator's size. */
  readonly operator: LinearOperator;
  /** The measured data d. */
  readonly data: Tensor;
  /** What may be estimated, or the network. */
  readonly model: Generative;
  /** σ of the noise of the data (default 0.01). */
  readonly noise?: number;
  /** τ: how far, in standard deviations of a sample, pictures lie from what the generator can make (default 0.1). */
  readonly misfit?: number;
  /** Starts of z, drawn from the normal distribution (default 8); the half of them goes on after a quarter of the steps. */
  readonly restarts?: number;
  /** Codes to begin with, [n, latent], in place of random ones: those that an encoder finds, say. */
  readonly start?: Tensor;
  /** Steps of Adam (default 200). */
  readonly iterations?: number;
  /** Its step size (default 0.1). */
  readonly step?: number;
  /** "range": x = G(z), nothing else. "near" (default): x may leave the generator's range, as far as τ says. */
  readonly where?: "range" | "near";
  /** μ, weight of −log D(x) beside the range, in "near" (default 0: none). */
  readonly discriminator?: number;
  /** Of the random numbers: the same seed, the same result. */
  readonly seed?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: Progress<Tensor>) => void;
}
/** The image in a generator's range that explains the data best, with its code. */
export interface GanPriorResult {
  /** The image. */
  readonly image: Tensor;
  /** G(z), and z. */
  readonly generated: Tensor;
  /** The code z that a generator makes a picture of. */
  readonly latent: Tensor;
  /** ½‖A G(z) − y‖² / (σ² + τ²) + ½‖z‖² of the best start. */
  readonly objective: number;
  /** −log D(x), where the model has a discriminator: near 0 is a picture that it takes for real. */
  readonly doubt?: number;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** How many steps were made. */
  readonly iterations: number;
}

/** −log D(x) = log(1 + e^{−d(x)}) of pictures [n, 1, y, x] with the logits d of a discriminator, a sum over n. */
export const doubtOf = (discriminator: Layer, x: Tensor): Tensor => softplusOf(discriminator.forward(x).neg()).sum();

/**
 * The generator of a GAN as prior:
 *     z = argmin ½‖A G(z) − y‖² / (σ² + τ²) + ½‖z‖²        the most likely z, from several starts at once
 *     x = G(z),  or near it
 *     x = argmin ½‖Ax − y‖² + ½ (σ/τ)² ‖x − G(z)‖² [ − μ σ² log D(x) ]
 * G is not trained here, so A can be any; D is not needed, but its opinion of x can be one term more.
 * @throws ShapeError when the generator's pictures are not of A's domain; ArgumentError for −log D without a discriminator; AbortedError when the signal fires
 * @see Bora, Jalal, Price & Dimakis (2017), Compressed sensing using generative models, ICML; Creswell & Bharath (2016), Inverting the generator of a generative adversarial network
 */
export async function ganPrior(o: GanPriorOptions): Promise<GanPriorResult> {
  const { operator, data, noise = 0.01, misfit = 0.1, iterations = 200, step = 0.1, where = "near", seed = 1 } = o;
  const restarts = o.start?.shape[0] ?? o.restarts ?? 8;
  const { latent, discriminator } = o.model;
  const generator = frozen(o.model.generator);
  const weight = o.discriminator ?? 0;
  if (weight > 0 && !discriminator)
    throw new ArgumentError("ganPrior: the model has no discriminator; leave its weight out", { discriminator: weight });
  if (!(restarts >= 1 && iterations >= 1 && noise >= 0 && misfit > 0))
    throw new ArgumentError(`ganPrior: ${restarts} starts, ${iterations} steps, σ ${noise}, τ ${misfit}; give positive numbers`, {
      restarts,
      iterations,
    });
  const shape = operator.domain;
  const probe = scope(() => generator.forward(Tensor.zeros([1, latent])).shape);
  if (sizeOf(probe) !== sizeOf(shape))
    throw new ShapeError(`ganPrior: the generator makes pictures ${shapeText(probe)}, but A takes ${shapeText(shape)}`, { probe, shape });
  if (o.start && (o.start.rank !== 2 || o.start.shape[1] !== latent))
    throw new ShapeError(`ganPrior: codes to begin with are ${shapeText(o.start.shape)}; expected [n, ${latent}]`, {
      start: o.start.shape,
    });
  const variance = noise * noise + misfit * misfit;
  const each = (made: Tensor) =>
    Array.from({ length: made.shape[0] }, (_, k) =>
      operator
        .apply(made.at(k).reshape(...shape))
        .reshape(...data.shape)
        .sub(data),
    );
  /** One number for each row of z. */
  const costs = (z: Tensor): readonly Tensor[] => {
    const rest = each(generator.forward(z));
    return rest.map((r, k) => r.innerProduct(r).div(variance).add(z.at(k).square().sum()).mul(0.5));
  };
  const descend = (z: Tensor, from: number, count: number) =>
    iterate(
      adam<Tensor>({ step: (k) => step * 0.5 * (1 + Math.cos((Math.PI * (from + k)) / iterations)) + 0.02 * step, gradientNorm: 0 }),
      { value: (x: Tensor) => costs(x).reduce((a, b) => a.add(b)) },
      z,
      {
        iterations: count,
        signal: o.signal,
        onProgress: (p) => o.onProgress?.({ ...p, iteration: from + p.iteration, iterations }),
      },
    );
  const rows = (z: Tensor, keep: number): Tensor =>
    scope(() => {
      const values = costs(z).map((c) => c.item());
      const order = values.map((v, k) => [v, k] as const).sort((a, b) => a[0] - b[0]);
      const places = order.slice(0, keep).map(([, k]) => k);
      return z.gather(Tensor.from(Int32Array.from(places), [places.length]), 0);
    });
  // Starts near the middle: there all pictures are likely.
  const starts = o.start ?? scope(() => randomNormal([restarts, latent], seeded(seed)).mul(0.5));
  const quarter = Math.max(1, iterations >> 2);
  const first = await descend(starts, 0, quarter);
  const second = await descend(rows(first.x, Math.max(1, Math.ceil(restarts / 2))), quarter, Math.max(0, iterations - quarter));
  const z = rows(second.x, 1);
  const { generated, objective } = scope(() => ({
    generated: generator.forward(z).reshape(...shape),
    objective: costs(z)[0].item(),
  }));
  let image = generated;
  // Data without noise are kept to a thousandth.
  const rho = Math.max(1e-6, (noise / misfit) ** 2);
  if (where === "near") {
    const functional = leastSquares(generated);
    image = scope(() =>
      solveSquares({ operator, fidelity: leastSquares(data), terms: [{ weight: rho, functional }] }, { start: generated }),
    );
    if (weight > 0 && discriminator) {
      const judge = frozen(discriminator);
      const mu = weight * Math.max(noise * noise, 1e-6);
      const value = (x: Tensor) => {
        const rest = operator.apply(x).sub(data);
        return rest
          .innerProduct(rest)
          .add(x.sub(generated).square().sum().mul(rho))
          .mul(0.5)
          .add(doubtOf(judge, x.reshape(...probe)).mul(mu))
          .div(variance);
      };
      const run = await iterate(adam<Tensor>({ step: 0.01, gradientNorm: 0 }), { value }, image, {
        iterations: Math.max(10, iterations >> 1),
        signal: o.signal,
      });
      image = run.x;
    }
  }
  const judged = image;
  return {
    image,
    generated,
    latent: z.reshape(latent),
    objective,
    ...(discriminator && { doubt: scope(() => doubtOf(discriminator, judged.reshape(...probe)).item()) }),
    stop: second.stop === "iterations" ? "converged" : second.stop,
    reason: `the best of ${restarts} starts of ${latent} numbers`,
    iterations,
  };
}
