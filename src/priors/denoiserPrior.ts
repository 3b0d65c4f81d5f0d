import { ArgumentError } from "../core/errors.js";
import type { Functional, Prior, PriorTerm, Proximable } from "../core/interfaces.js";
import type { Shape } from "../core/shape.js";
import { Tensor } from "../tensor/index.js";
import type { Denoiser } from "./denoiser.js";

/** A denoiser, or a function (image, σ) ↦ image that is one. */
export type AnyDenoiser = Denoiser | ((image: Tensor, sigma: number) => Tensor);
/** @throws ArgumentError for what cannot denoise */
export function denoiserFrom(given: AnyDenoiser, name = "own"): Denoiser {
  if (typeof given === "function")
    return { name: given.name && !["default", "denoise", "denoiser"].includes(given.name) ? given.name : name, denoise: given };
  if (typeof given?.denoise !== "function")
    throw new ArgumentError(
      "denoiser: an object without denoise(image, sigma) came; give a function of image and σ, or an object that has it",
    );
  return given;
}

/**
 * Plug-and-play: the prior whose proximal map is a denoiser, prox_{tR}(v) = f(v, √t). A least-squares fidelity with noise of variance σ² has λ = σ²
 * (½‖Ax − y‖²/σ² is minus the logarithm of its likelihood); splitting methods with coupling ρ then denoise with σ_k = σ / √ρ.
 * R itself is not known in general: its value counts as 0, and no objective is certified.
 * @see Venkatakrishnan, Bouman & Wohlberg (2013), Plug-and-play priors for model based reconstruction, GlobalSIP
 */
export class PlugAndPlay implements Prior, Functional, Proximable {
  /** What it is called. */
  readonly name: string;
  /** What makes the step. */
  readonly denoiser: Denoiser;
  /** Of a denoiser. */
  constructor(denoiser: AnyDenoiser) {
    this.denoiser = denoiserFrom(denoiser);
    this.name = `pnp:${this.denoiser.name}`;
  }
  value(x: Tensor): Tensor {
    return Tensor.scalar(0, x.dtype === "f64" || x.dtype === "c128" ? "f64" : "f32");
  }
  /** argmin over x of ½‖x − v‖² + t R(x). */
  prox(v: Tensor, t: number | Tensor): Tensor {
    return this.denoiser.denoise(v, Math.sqrt(t instanceof Tensor ? t.item() : t));
  }
  terms(_shape: Shape, lambda: number): readonly PriorTerm[] {
    return [{ weight: lambda, functional: this }];
  }
}
/** The prior whose proximal step is a denoiser: prox_{tR}(v) = denoise(v, σ = √t). */
export const plugAndPlay = (denoiser: AnyDenoiser): PlugAndPlay => new PlugAndPlay(denoiser);

/** At which noise level the denoiser of RED works. */
export interface RedOptions {
  /** The denoiser's σ, in the image's units: how much it takes off at every step. */
  readonly sigma: number;
}
/**
 * Regularisation by denoising, R(x) = ½⟨x, x − f(x, σ)⟩. Where f is locally homogeneous and its Jacobian symmetric, ∇R(x) = x − f(x); for other denoisers this is
 * taken for the gradient all the same, and where it vanishes together with the data's is the answer.
 * @throws ArgumentError unless σ > 0
 * @see Romano, Elad & Milanfar (2017), The little engine that could: regularization by denoising (RED), SIAM J. Imaging Sci. 10(4)
 */
export class Red implements Prior, Functional {
  /** What it is called. */
  readonly name: string;
  /** What makes the slope. */
  readonly denoiser: Denoiser;
  /** Standard deviation of the noise, or of a Gaussian; of primal-dual methods the dual step. */
  readonly sigma: number;
  /** Of x − f(x), for denoisers that do not stretch distances. */
  readonly lipschitz = 2;
  /** Of a denoiser and its σ. */
  constructor(denoiser: AnyDenoiser, { sigma }: RedOptions) {
    if (!(sigma > 0 && Number.isFinite(sigma)))
      throw new ArgumentError(`red: sigma ${sigma}; give the denoiser's σ, a positive number`, { sigma });
    this.denoiser = denoiserFrom(denoiser);
    this.name = `red:${this.denoiser.name}`;
    this.sigma = sigma;
  }
  value(x: Tensor): Tensor {
    return x.innerProduct(this.gradient(x)).mul(0.5);
  }
  /** x − denoise(x). */
  gradient(x: Tensor): Tensor {
    return x.sub(this.denoiser.denoise(x, this.sigma));
  }
  terms(_shape: Shape, lambda: number): readonly PriorTerm[] {
    return [{ weight: lambda, functional: this }];
  }
}
/** Regularisation by denoising, R(x) = ½ ⟨x, x − denoise(x)⟩, with the slope x − denoise(x). */
export const red = (denoiser: AnyDenoiser, options: RedOptions): Red => new Red(denoiser, options);
