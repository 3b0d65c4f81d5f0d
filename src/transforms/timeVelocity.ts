import { ArgumentError, GridError } from "../core/errors.js";
import { type Grid, gridText, identityMap, indexToPhysical, physicalToIndex, sameGrid, tensorShape } from "../image/grid.js";
import { checkpoint, concat, jacobianDeterminant, sample, scope, turnPlanes, warpField } from "../tensor/index.js";
import { Tensor } from "../tensor/tensor.js";
import { CompositeTransform } from "./composite.js";
import { DisplacementTransform } from "./displacement.js";
import { fixedSpace, movingSpace, type Space, type Transform } from "./transform.js";
import { baseBetween } from "./warp.js";

/**
 * y(x) = φ(1, x): where the flow of a velocity that changes with time,  ∂φ/∂t = v(t, φ), φ(0, x) = x,  has taken a point after unit time, by
 * classical Runge–Kutta steps along its path. v [m, d, (z,) y, x] in mm on a grid: m fields evenly spaced in time, linear in between; linear
 * between samples, border values continued. A diffeomorphism as far as the steps follow v; the inverse is the flow of −v(1 − t).
 * @see Beg, Miller, Trouvé, Younes (2005), Computing large deformation metric mappings via geodesic flows of diffeomorphisms, IJCV 61(2)
 */
export class TimeVelocityTransform implements Transform {
  /** Which of the alternatives this is. */
  readonly kind = "timeVelocity";
  /** 2 or 3. */
  readonly dimension: number;
  /** Of velocities in time on a grid. */
  constructor(
    /** Velocities in mm, planes. */
    readonly velocity: Tensor,
    /** Where the samples lie. */
    readonly grid: Grid,
    /** The space of the points it takes. */
    readonly from: Space = fixedSpace(grid),
    /** The space of the points it gives. */
    readonly to: Space = movingSpace(),
    /** Runge–Kutta steps. Default 8. */
    readonly steps = 8,
  ) {
    this.dimension = grid.size.length;
    const expected = [this.dimension, ...tensorShape(grid)];
    if (velocity.rank !== expected.length + 1 || velocity.shape[0] < 1 || expected.some((n, i) => n !== velocity.shape[i + 1]))
      throw new GridError(
        `timeVelocity: fields ${velocity.shape.join("×")} on the grid ${gridText(grid)}; expected m×${expected.join("×")}, m fields in time`,
        { velocity: velocity.shape, grid },
      );
    if (!Number.isInteger(steps) || steps < 1)
      throw new ArgumentError(`timeVelocity: ${steps} steps; give a whole number from 1`, { steps });
  }
  /** What optimisers move and files keep. */
  get parameters(): { readonly velocity: Tensor } {
    return { velocity: this.velocity };
  }
  /** The same with other parameters. */
  with({ velocity }: { readonly velocity: Tensor }): TimeVelocityTransform {
    return new TimeVelocityTransform(velocity, this.grid, this.from, this.to, this.steps);
  }
  /** Every point along its own path: nothing is interpolated but v. */
  apply(points: Tensor): Tensor {
    return scope(() => {
      const d = this.dimension;
      const { matrix, offset } = physicalToIndex(this.grid);
      const turn = Tensor.from(Float64Array.from(matrix), [d, d]).transpose();
      const shift = Tensor.from(Float64Array.from(offset), [d]);
      // Positions in double precision: f32 voxels of a large grid lose hundredths.
      const along = (v: Tensor, q: Tensor) =>
        sample(v, q.matmul(turn).add(shift).cast(v.dtype), { border: "clamp" }).transpose().cast("f64");
      return rungeKutta(fieldsIn(apart(this.velocity)), points.cast("f64"), this.steps, along).cast(points.dtype);
    });
  }
  /** The flow of −v(1 − t), in as many steps. */
  inverse(): TimeVelocityTransform {
    return scope(() => new TimeVelocityTransform(reversed(this.velocity), this.grid, this.to, this.from, this.steps));
  }
  compose(inner: Transform): Transform {
    return new CompositeTransform([inner, this]);
  }
  displacement(grid: Grid): Tensor {
    return flow(this.velocity, this.grid, this.steps, false, { grid });
  }
  displacementAt(grid: Grid, w: Tensor): Tensor {
    return flow(this.velocity, this.grid, this.steps, false, { grid, displacement: w });
  }
  /** As a displacement field with its inverse, on a grid: for programs that know no flows. */
  dense(grid: Grid = this.grid): DisplacementTransform {
    return new DisplacementTransform(this.displacement(grid), grid, this.from, this.to, { field: this.inverse().displacement(grid), grid });
  }
  /** log det of the Jacobian of y at the samples of its grid, [(z,) y, x]: 0 keeps volumes; differentiable. */
  logJacobian(): Tensor {
    return scope(() =>
      jacobianDeterminant(turnPlanes(this.displacement(this.grid), physicalToIndex(this.grid).matrix))
        .maximum(1e-9)
        .log(),
    );
  }
}

/** −v(1 − t) for fields in time. */
function reversed(v: Tensor): Tensor {
  const back = apart(v)
    .reverse()
    .map((field) => field.reshape(1, ...field.shape));
  return concat(back, 0).neg();
}
/** v at the time s of [0, 1]: linear between m fields. */
const fieldsIn =
  (nodes: readonly Tensor[]) =>
  (s: number): Tensor => {
    const m = nodes.length;
    const t = s * (m - 1);
    const i = Math.min(Math.max(0, m - 2), Math.floor(t + 1e-9));
    const a = t - i;
    return m === 1 || a < 1e-9 ? nodes[i] : a > 1 - 1e-9 ? nodes[i + 1] : nodes[i].mul(1 - a).add(nodes[i + 1].mul(a));
  };
const apart = (v: Tensor): Tensor[] => Array.from({ length: v.shape[0] }, (_, i) => v.at(i));
/** x(1) of  ẋ = v(t, x): classical Runge–Kutta steps, each checkpointed, so that memory for derivatives does not grow with their samples. */
function rungeKutta(at: (s: number) => Tensor, start: Tensor, steps: number, along: (v: Tensor, x: Tensor) => Tensor): Tensor {
  const h = 1 / steps;
  const step = checkpoint((x, first, middle, last) => {
    const k1 = along(first, x);
    const k2 = along(middle, x.add(k1.mul(h / 2)));
    const k3 = along(middle, x.add(k2.mul(h / 2)));
    const k4 = along(last, x.add(k3.mul(h)));
    return x.add(
      k1
        .add(k2.mul(2))
        .add(k3.mul(2))
        .add(k4)
        .mul(h / 6),
    );
  });
  let x = start;
  for (let k = 0; k < steps; k++) x = step(x, at(k * h), at((k + 0.5) * h), at((k + 1) * h));
  return x;
}

/**
 * φ(1, q) − q of the flow  ∂φ/∂t = v(t, φ), φ(0, q) = q,  mm, planes [d, (z,) y, x]; v [m, d, (z,) y, x] in mm on `grid` as in
 * `TimeVelocityTransform`. `backwards`: from time 1 to 0, which is the inverse map. Differentiable in v.
 * @param from  where paths begin: the samples p of its grid (default: of v's), or p + displacement(p)
 */
export function flow(
  v: Tensor,
  grid: Grid,
  steps = 4,
  backwards = false,
  from: { readonly grid?: Grid; readonly displacement?: Tensor } = {},
): Tensor {
  const into = physicalToIndex(grid).matrix;
  const on = from.grid ?? grid;
  const fields = apart(v).map((field) => turnPlanes(field, into).mul(backwards ? -1 : 1));
  const inTime = fieldsIn(backwards ? fields.reverse() : fields);
  const base = sameGrid(on, grid) ? undefined : baseBetween(on, identityMap(grid.size.length), grid);
  const start = from.displacement ? turnPlanes(from.displacement, into) : Tensor.zeros([grid.size.length, ...tensorShape(on)], v.dtype);
  const end = rungeKutta(inTime, start, steps, (field, u) => warpField(field, u, { base, border: "clamp" }));
  return turnPlanes(from.displacement ? end.sub(start) : end, indexToPhysical(grid).matrix);
}
