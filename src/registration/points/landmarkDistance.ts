import { type AffineMap, applyAffine, type Grid, physicalToIndex } from "../../image/grid.js";
import { sample, scope, Tensor, valueAndGrad } from "../../tensor/index.js";
import type { LandmarkPairs } from "./landmarkTerm.js";

/**
 * L(u) = ½ c mean |A(fᵢ + u(fᵢ)) − mᵢ|² for a displacement field u on a grid, mm, linear between samples: landmark pairs as a term of an objective.
 * A is the linear map that follows. Differentiable in u.
 */
export class LandmarkDistance {
  /** Where the fixed landmarks lie among the samples, [n, d]. */
  readonly #index: Tensor;
  /** A fᵢ + b − mᵢ, [d, n]. */
  readonly #apart: Tensor;
  readonly #matrix: Tensor;
  readonly #factor: number;
  constructor(pairs: LandmarkPairs, map: AffineMap, grid: Grid) {
    const { count: n, dimension: d } = pairs.fixed;
    const toIndex = physicalToIndex(grid);
    const [index, apart] = [new Float64Array(n * d), new Float64Array(n * d)];
    for (let k = 0; k < n; k++) {
      const f = Array.from(pairs.fixed.points.subarray(k * d, k * d + d));
      index.set(applyAffine(toIndex, f), k * d);
      applyAffine(map, f).forEach((v, i) => {
        apart[i * n + k] = v - pairs.moving.points[k * d + i];
      });
    }
    this.#index = Tensor.from(index, [n, d], "f32");
    this.#apart = Tensor.from(apart, [d, n], "f32");
    this.#matrix = Tensor.from(Float64Array.from(map.matrix), [d, d], "f32");
    this.#factor = pairs.factor / n;
  }
  #moved = (u: Tensor): Tensor => this.#matrix.matmul(sample(u, this.#index, { border: "clamp" }));
  value(u: Tensor): Tensor {
    return this.residual(u).square().sum().mul(0.5);
  }
  /** L = ½‖r‖²: √(c/n) (A(fᵢ + u(fᵢ)) − mᵢ), [d, n]. */
  residual(u: Tensor): Tensor {
    return this.#moved(u).add(this.#apart).mul(Math.sqrt(this.#factor));
  }
  /** ∇²L w, planes as w: L is quadratic in u. */
  curvatureTimes(w: Tensor): Tensor {
    return scope(
      () =>
        valueAndGrad((x) =>
          this.#moved(x)
            .square()
            .sum()
            .mul(0.5 * this.#factor),
        )(w).gradients[0],
    );
  }
}
