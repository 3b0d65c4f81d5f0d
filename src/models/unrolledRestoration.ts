import { ArgumentError, ShapeError } from "../core/errors.js";
import type { LinearOperator } from "../core/interfaces.js";
import type { Random } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import { type Layer, layer, network } from "../nn/index.js";
import { Tensor } from "../tensor/index.js";
import { denoisingNetwork, type NoisyImages } from "./denoisingNetwork.js";

/** y = Ax + noise of standard deviation σ, one number for each image, [n]; A maps images [n, 1, y, x] of values about 0 to 1. */
export interface MeasuredPictures {
  /** A, from images to data. */
  readonly operator: LinearOperator;
  /** The measured data d. */
  readonly data: Tensor;
  /** Standard deviation of the noise of each. */
  readonly sigma: Tensor;
  /** x₀ (default A*y / ‖A‖²): of missing samples an interpolation, say. */
  readonly start?: Tensor;
}
/** How many steps of a solver are unrolled, and what of them is learned. */
export interface UnrolledOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** Default 8. */
  readonly steps?: number;
  /** Where the denoiser of the steps begins (default: an untrained `denoisingNetwork`). */
  readonly denoiser?: Layer<NoisyImages, Tensor>;
  /** Each step has a denoiser of its own (default: one for all steps). */
  readonly own?: boolean;
  /** Towards the data by the exact minimiser where A*A is diagonal in a known basis (default), or always by a step along the gradient. */
  readonly data?: "exact" | "gradient";
}

const column = (x: Tensor) => x.reshape(x.size, 1, 1, 1);

/**
 * Plug-and-play with a number of steps, as a network to be trained end to end. From x₀ = A*y / ‖A‖², for k = 1 … K
 *     z = f(x, s_k),   x = argmin ½‖Ax − y‖² + ½ ρ_k ‖x − z‖²,   ρ_k = e^{b_k} σ²/s_k²,   s_k = e^{a_k} s₀^{1 − k/K} (1.5 σ)^{k/K}
 * with a denoiser f, s₀ = 0.27 and learned a_k and b_k that begin at 0. Where A*A is diagonal in no known basis (or so asked), a step along the gradient stands for the
 * minimiser: x = z − e^{b_k} A*(A z − y) / ‖A‖². A can be another one in training and in use, for nothing of it is learned.
 * @see Adler & Öktem (2017), Solving ill-posed inverse problems using iterative deep neural networks, Inverse Problems 33
 * @throws ArgumentError when there are no steps; ShapeError for images that are not [n, 1, y, x]
 */
export function unrolledRestoration(o: UnrolledOptions): Layer<MeasuredPictures, Tensor> {
  const { random, steps = 8, own = false, data: kind = "exact" } = o;
  if (!(Number.isInteger(steps) && steps >= 1)) throw new ArgumentError(`unrolledRestoration: ${steps} steps; give 1 or more`, { steps });
  const first = o.denoiser ?? denoisingNetwork({ random });
  // Copies share the numbers at first; every training gives each its own.
  const nets = Object.fromEntries(Array.from({ length: own ? steps : 1 }, (_, k) => [`net${k}`, first]));
  type Scalars = { readonly level: Tensor; readonly coupling: Tensor };
  const scalars: Layer<undefined, Scalars> = layer({ level: Tensor.zeros([steps]), coupling: Tensor.zeros([steps]) }, (p) => p);
  const parts: Readonly<Record<string, Layer<never, unknown>>> = { ...nets, schedule: scalars };
  return network(parts, (p, { operator, data, sigma, start }: MeasuredPictures) => {
    const shape = operator.domain;
    if (shape.length !== 4 || shape[1] !== 1 || sigma.size !== shape[0])
      throw new ShapeError(
        `unrolledRestoration: an operator on images ${shapeText(shape)} and noise ${shapeText(sigma.shape)}; expected [n, 1, y, x] and [n]`,
        { shape, sigma: sigma.shape },
      );
    const basis = kind === "exact" ? operator.diagonalisation : undefined;
    const square = basis ? 1 : (operator.norm?.() ?? 1) ** 2;
    const values = basis?.values(data.dtype === "f64" || data.dtype === "c128" ? "f64" : "f32");
    const back = operator.adjoint(data);
    const seen = basis?.analyse(back);
    // Learned numbers have a precision of their own; noise far below what can be seen counts as just that.
    const least = sigma.maximum(1e-3);
    const { level, coupling } = (p.schedule as typeof scalars).forward(undefined);
    let x = start ?? back.div(square);
    for (let k = 0; k < steps; k++) {
      const share = (k + 1) / steps;
      const logarithm = least
        .mul(1.5)
        .log()
        .mul(share)
        .add((1 - share) * Math.log(0.27));
      const s = logarithm.add(level.at(k)).exp();
      const z = (p[own ? `net${k}` : "net0"] as Layer<NoisyImages, Tensor>).forward({ image: x, sigma: s });
      const weight = coupling.at(k).exp();
      if (basis && values && seen) {
        const rho = column(least.div(s).square().mul(weight));
        x = basis.synthesise(seen.add(basis.analyse(z).mul(rho)).div(values.add(rho)));
      } else {
        const residual = operator.normal ? operator.normal(z).sub(back) : operator.adjoint(operator.apply(z).sub(data));
        x = z.sub(residual.mul(weight).div(square));
      }
    }
    return x;
  });
}
