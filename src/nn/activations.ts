import { ArgumentError } from "../core/errors.js";
import { Tensor } from "../tensor/tensor.js";
import { type Layer, stateless } from "./module.js";

/** x for x > 0, else 0. */
export const relu = (): Layer => stateless((x: Tensor) => x.relu());
/** x for x > 0, else slope · x. */
export const leakyRelu = ({ slope = 0.01 }: { readonly slope?: number } = {}): Layer =>
  stateless((x: Tensor) => x.mul(slope).add(x.relu().mul(1 - slope)));
/**
 * x Φ(x), Φ the distribution function of the standard normal.
 * @see Hendrycks & Gimpel (2016), Gaussian error linear units
 */
export const gelu = (): Layer => stateless((x: Tensor) => x.mul(x.mul(Math.SQRT1_2).erf().add(1)).mul(0.5));
/** x / (1 + e⁻ˣ). */
export const silu = (): Layer => stateless((x: Tensor) => x.mul(x.sigmoid()));
/** (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ), as a layer. */
export const tanh = (): Layer => stateless((x: Tensor) => x.tanh());
/** 1 / (1 + e⁻ˣ), as a layer. */
export const sigmoid = (): Layer => stateless((x: Tensor) => x.sigmoid());
/** log(1 + eˣ) = max(x, 0) + log(1 + e^{−|x|}), without overflow. */
export const softplusOf = (x: Tensor): Tensor => x.relu().add(x.relu().mul(2).sub(x).neg().exp().log1p()); // |x| = 2 max(x, 0) − x
/** log(1 + eˣ), as a layer. */
export const softplus = (): Layer => stateless(softplusOf);

/**
 * In training each number is 0 with the given probability and grows by 1 / (1 − rate) otherwise; else x.
 * @see Srivastava et al. (2014), Dropout, JMLR 15
 */
export function dropout({ rate = 0.5 }: { readonly rate?: number } = {}): Layer {
  if (!(rate >= 0 && rate < 1)) throw new ArgumentError(`dropout: rate ${rate}; give a number from 0 to below 1`, { rate });
  return stateless((x: Tensor, training) => {
    if (!training || rate === 0) return x;
    const { random } = training;
    return x.mul(
      Tensor.from(
        Float32Array.from({ length: x.size }, () => (random.uniform() < rate ? 0 : 1 / (1 - rate))),
        x.shape,
        x.dtype,
      ),
    );
  });
}
