import { jacobianDeterminant, type Tensor } from "../tensor/index.js";
import { alongAxes, checkField, type FieldRegulariser } from "./fieldRegulariser.js";

/** Determinants below this are continued: see `barrier`. */
const least = 0.05;
/**
 * ψ(v) of determinants v, given [ψ′, ψ″] at 0.05; below 0.05 its parabola there goes on. So it stays finite and steep where ψ has a pole or no meaning: a fold
 * costs hundreds of times what any good map does, and a descent that starts at one still finds the way out.
 */
export function barrier(v: Tensor, psi: (v: Tensor) => Tensor, [slope, bend]: readonly [number, number]): Tensor {
  const below = v.sub(least).minimum(0);
  return psi(v.maximum(least))
    .add(below.mul(slope))
    .add(below.square().mul(0.5 * bend));
}
/** det(I + ∂u/∂p) on the grid, [(z,) y, x]; axes of one sample do not count. */
export function determinants(u: Tensor, grid: Parameters<FieldRegulariser["value"]>[1]): Tensor {
  return jacobianDeterminant(alongAxes(u, grid), { spacing: grid.spacing });
}

/**
 * Volume,  S(u) = mean (J − 1)²/J,  J = det(I + ∇u).  Zero where volumes stay, the same for growth and shrinkage by one factor; infinite
 * at a fold, as far as differences show it (a steep parabola from J = 0.05 down). A plain number.
 * @throws GridError when u does not lie on the grid
 * @see Haber & Modersitzki (2007), Image registration with guaranteed displacement regularity, IJCV 71
 */
export const volume = (): FieldRegulariser => ({
  name: "volume",
  lengthPower: 0,
  quadratic: false,
  value(u, grid) {
    checkField("volume", u, grid);
    // ψ = v − 2 + 1/v,  ψ′ = 1 − 1/v²,  ψ″ = 2/v³
    const at = [1 - 1 / least ** 2, 2 / least ** 3] as const;
    return barrier(determinants(u, grid), (v) => v.sub(1).square().div(v), at).mean();
  },
});
