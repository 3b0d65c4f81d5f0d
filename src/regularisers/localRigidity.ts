import { ArgumentError } from "../core/errors.js";
import type { Grid, Image } from "../core/interfaces.js";
import { gridText, tensorShape } from "../image/grid.js";
import { difference, dispose, keep, type Tensor } from "../tensor/index.js";
import { identityTransform, warp } from "../transforms/index.js";
import { gradientMatrix } from "./elastic.js";
import { alongAxes, axesOf, checkField, type FieldRegulariser, slopes, total } from "./fieldRegulariser.js";
import { determinants } from "./volume.js";

/** Where the map should be rigid, and the weights of its being affine, orthonormal and proper. */
export interface LocalRigidityOptions {
  /** How rigid a place is, 0 … 1, on the fixed side (a segmented bone); sampled on each level's grid. Default: everywhere 1. */
  readonly mask?: Image;
  /** Weight of Σ |∂²u|², mm²: the map is affine there. Default 1. */
  readonly affinity?: number;
  /** Weight of |JᵀJ − I|²: lengths and angles stay. Default 1. */
  readonly orthonormality?: number;
  /** Weight of (det J − 1)²: no mirror, no growth. Default 1. */
  readonly properness?: number;
}

/**
 * Local rigidity,  S(u) = Σ c (a Σⱼₖ|∂²u/∂aⱼ∂aₖ|² + o Σ_{i≤j} (JᵀJ − I)ᵢⱼ² + p (det J − 1)²) / Σ c,  J = I + ∇u, c the mask: bones move
 * as rigid bodies while the rest deforms. Zero for rigid maps of any size.
 * @throws ArgumentError for negative weights; GridError when u does not lie on the grid
 * @see Staring, Klein, Pluim (2007), A rigidity penalty term for nonrigid registration, Medical Physics 34(11)
 */
export function localRigidity({ mask, affinity = 1, orthonormality = 1, properness = 1 }: LocalRigidityOptions = {}): FieldRegulariser {
  if (![affinity, orthonormality, properness].every((w) => w >= 0))
    throw new ArgumentError(`localRigidity: weights ${affinity}, ${orthonormality}, ${properness}; give none below 0`, {});
  let last: { readonly key: string; readonly weights: Tensor } | undefined;
  /** The mask on a grid, scaled to a mean of 1; the last one is kept, as a descent asks for it hundreds of times. */
  const weightsOn = (grid: Grid): Tensor | undefined => {
    if (!mask) return undefined;
    const key = `${gridText(grid)} ${grid.origin} ${grid.direction}`;
    if (last?.key !== key) {
      if (last) dispose(last.weights);
      const on = warp(mask, identityTransform(grid.size.length), grid).values;
      last = { key, weights: keep(on.mul(1 / Math.max(1e-9, on.mean().item())).reshape(...tensorShape(grid))) };
    }
    return last.weights;
  };
  return {
    name: "localRigidity",
    lengthPower: 0,
    quadratic: false,
    value(u, grid) {
      checkField("localRigidity", u, grid);
      const d = grid.size.length;
      const c = weightsOn(grid)?.cast(u.dtype);
      const mean = (x: Tensor) => (c ? x.mul(c) : x).mean();
      const w = alongAxes(u, grid);
      const terms: Tensor[] = [];
      if (affinity > 0)
        for (const { j, slope } of slopes(w, grid))
          for (const b of axesOf(grid))
            if (b.j >= j) {
              const second = difference(slope, b.axis, { kind: "central", spacing: b.spacing }).square().sum([0]);
              terms.push(mean(second).mul(b.j > j ? 2 * affinity : affinity));
            }
      if (orthonormality > 0) {
        const of = gradientMatrix(w, grid);
        const J = (i: number, j: number) => {
          const g = of(i, j);
          return i === j ? (g ?? w.slice([i], [i + 1]).mul(0)).add(1) : g;
        };
        for (let i = 0; i < d; i++)
          for (let j = i; j < d; j++) {
            let product: Tensor | undefined;
            for (let k = 0; k < d; k++) {
              const [a, b] = [J(k, i), J(k, j)];
              if (a && b) product = product ? product.add(a.mul(b)) : a.mul(b);
            }
            if (product) terms.push(mean((i === j ? product.sub(1) : product).square().reshape(...tensorShape(grid))).mul(orthonormality));
          }
      }
      if (properness > 0) terms.push(mean(determinants(u, grid).sub(1).square()).mul(properness));
      return total(terms, u);
    },
  };
}
