import { ArgumentError, GridError } from "../core/errors.js";
import { type Grid, gridText, indexToPhysical, physicalToIndex, sameGrid, tensorShape } from "../image/grid.js";
import { composeFields, jacobianDeterminant, keep, scope, turnPlanes } from "../tensor/index.js";
import type { Tensor } from "../tensor/tensor.js";
import { CompositeTransform } from "./composite.js";
import { DisplacementTransform } from "./displacement.js";
import { fixedSpace, movingSpace, type Space, type Transform } from "./transform.js";

/**
 * y = exp(v): where the flow of a stationary velocity field v has taken a point after unit time,  ∂φ/∂t = v(φ),  by scaling and squaring:
 * u ← v/2ᴷ, then K times u ← u ∘ (id + u) + u. A diffeomorphism as far as the grid resolves v; its inverse is exp(−v), in the same steps.
 * v in mm, planes [d, (z,) y, x] on a grid; linear between samples; the displacement is 0 outside the grid's samples.
 * @see Arsigny, Commowick, Pennec, Ayache (2006), A log-Euclidean framework for statistics on diffeomorphisms, MICCAI
 */
export class VelocityTransform implements Transform {
  /** Which of the alternatives this is. */
  readonly kind = "velocity";
  /** 2 or 3. */
  readonly dimension: number;
  #dense: DisplacementTransform | undefined;
  /** Of a velocity field on a grid. */
  constructor(
    /** Velocities in mm, planes. */
    readonly velocity: Tensor,
    /** Where the samples lie. */
    readonly grid: Grid,
    /** The space of the points it takes. */
    readonly from: Space = fixedSpace(grid),
    /** The space of the points it gives. */
    readonly to: Space = movingSpace(),
    /** K, the number of squarings: v/2ᴷ should be well below a voxel. Default 7. */
    readonly squarings = 7,
  ) {
    this.dimension = grid.size.length;
    const expected = [this.dimension, ...tensorShape(grid)];
    if (velocity.rank !== expected.length || expected.some((n, i) => n !== velocity.shape[i]))
      throw new GridError(`velocity: planes ${velocity.shape.join("×")} on the grid ${gridText(grid)}; expected ${expected.join("×")}`, {
        velocity: velocity.shape,
        grid,
      });
    if (!Number.isInteger(squarings) || squarings < 0 || squarings > 20)
      throw new ArgumentError(`velocity: ${squarings} squarings; give a whole number from 0 to 20`, { squarings });
  }
  /** What optimisers move and files keep. */
  get parameters(): { readonly velocity: Tensor } {
    return { velocity: this.velocity };
  }
  /** The same with other parameters. */
  with({ velocity }: { readonly velocity: Tensor }): VelocityTransform {
    return new VelocityTransform(velocity, this.grid, this.from, this.to, this.squarings);
  }
  /** The displacement of exp(v), computed once. */
  get dense(): DisplacementTransform {
    this.#dense ??= new DisplacementTransform(keep(exponential(this.velocity, this.grid, this.squarings)), this.grid, this.from, this.to);
    return this.#dense;
  }
  apply(points: Tensor): Tensor {
    return this.dense.apply(points);
  }
  inverse(): VelocityTransform {
    return new VelocityTransform(this.velocity.neg(), this.grid, this.to, this.from, this.squarings);
  }
  compose(inner: Transform): Transform {
    return new CompositeTransform([inner, this]);
  }
  displacement(grid: Grid): Tensor {
    return sameGrid(grid, this.grid) ? exponential(this.velocity, this.grid, this.squarings) : this.dense.displacement(grid);
  }
  displacementAt(grid: Grid, w: Tensor): Tensor {
    return this.dense.displacementAt(grid, w);
  }
  /** log det of the Jacobian of y at the samples of its grid, [(z,) y, x]: 0 keeps volumes; differentiable. */
  logJacobian(): Tensor {
    return scope(() => {
      const { grid } = this;
      const u = turnPlanes(this.displacement(grid), physicalToIndex(grid).matrix);
      return jacobianDeterminant(u).maximum(1e-9).log();
    });
  }
}

/** exp(v) − id by scaling and squaring: v and the result in mm, planes on the grid; differentiable in v. */
export function exponential(velocity: Tensor, grid: Grid, squarings = 7): Tensor {
  return scope(() =>
    turnPlanes(exponentialVoxels(turnPlanes(velocity, physicalToIndex(grid).matrix), squarings), indexToPhysical(grid).matrix),
  );
}
/** The same with v and the result in voxels of the grid. */
export function exponentialVoxels(velocity: Tensor, squarings = 7): Tensor {
  let u = velocity.mul(2 ** -squarings);
  for (let k = 0; k < squarings; k++) u = composeFields(u, u);
  return u;
}
/** K such that the longest vector of v (in voxels) over 2ᴷ is at most `longest`: then a step of the flow is nearly a straight line. */
export const squaringsFor = (largestVoxels: number, longest = 0.25): number =>
  Math.min(12, Math.max(0, Math.ceil(Math.log2(Math.max(largestVoxels, 1e-9) / longest))));
