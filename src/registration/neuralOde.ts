import { ArgumentError } from "../core/errors.js";
import type { Grid, Parameters, TransformFamily } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { applyAffine, indexToPhysical, sameGrid, tensorShape, voxelsOf } from "../image/grid.js";
import { coordinateNetwork, type Layer } from "../nn/index.js";
import { bytesOf, scope } from "../tensor/index.js";
import { Tensor, Traced } from "../tensor/tensor.js";
import { mapLeaves } from "../tensor/variables.js";
import { flow, TimeVelocityTransform } from "../transforms/index.js";

/** Size of the network that is the velocity, and how finely it is integrated. */
export interface NeuralOdeOptions {
  /** Numbers inside each layer of the network, and its layers after the waves (default 48 and 2). */
  readonly width?: number;
  /** Layers of the network. */
  readonly depth?: number;
  /** Waves in half the image's longest side that it begins with, about (default 1.5): what it finds easily. */
  readonly bandwidth?: number;
  /** Runge–Kutta steps from time 0 to 1 (default 4). */
  readonly steps?: number;
  /** Places at which v is asked for, at each of steps + 1 times; linear in between (default 2048, of volumes 4096). */
  readonly nodes?: number;
  /** Of the random numbers: the same seed, the same result. */
  readonly seed?: number;
}

/** Places in space and time on a lattice over the extent of a grid, and what units the network has. */
export class Lattice {
  readonly grid: Grid;
  /** [times · nodes, d + 1], from −1 to 1. */
  readonly places: Tensor;
  /** Half the longest side, mm. */
  readonly half: number;
  constructor(
    over: Grid,
    readonly times: number,
    nodes: number,
  ) {
    const extent = over.size.map((n, i) => n * over.spacing[i]);
    const d = extent.length;
    const thick = extent.filter((_, i) => over.size[i] > 1);
    const spacing = (thick.reduce((a, b) => a * b, 1) / nodes) ** (1 / Math.max(1, thick.length));
    // The same for every level: extents are, sizes are not.
    const size = extent.map((e, i) => (over.size[i] > 1 ? Math.max(2, Math.round(e / spacing)) : 1));
    const steps = extent.map((e, i) => e / size[i]);
    const first = steps.map((s, i) => (s / over.spacing[i] - 1) / 2);
    this.grid = { size, spacing: steps, origin: applyAffine(indexToPhysical(over), first), direction: over.direction };
    this.half = Math.max(...extent) / 2;
    const n = voxelsOf(this.grid);
    const values = new Float32Array(times * n * (d + 1));
    for (let t = 0, at = 0; t < times; t++)
      for (let k = 0; k < n; k++) {
        let rest = k;
        for (let i = 0; i < d; i++) {
          const index = rest % size[i];
          rest = Math.floor(rest / size[i]);
          values[at++] = ((index + 0.5) * steps[i] - extent[i] / 2) / this.half;
        }
        values[at++] = times === 1 ? 0 : (2 * t) / (times - 1) - 1;
      }
    this.places = Tensor.from(values, [times * n, d + 1]);
  }
  /** v at every node and time, mm, [times, d, (z,) y, x]. */
  velocity(model: Layer): Tensor {
    const d = this.grid.size.length;
    const n = voxelsOf(this.grid);
    return model
      .forward(this.places)
      .mul(this.half)
      .reshape(this.times, n, d)
      .permute(0, 2, 1)
      .reshape(this.times, d, ...tensorShape(this.grid));
  }
}

/** ½ ∫ mean |∇v|², over samples and times (trapezoidal). */
export function roughness(v: Tensor, grid: Grid): Tensor {
  const [times, d] = v.shape;
  const weights = Tensor.from(
    Float32Array.from({ length: times }, (_, i) => (times === 1 ? 1 : (i === 0 || i === times - 1 ? 0.5 : 1) / (times - 1))),
    [times, ...new Array<number>(v.rank - 1).fill(1)],
  );
  const terms: Tensor[] = [];
  for (let a = 0; a < d; a++) {
    const axis = v.rank - 1 - a;
    const n = v.shape[axis];
    if (n < 2) continue;
    const before = v.slice(
      [],
      v.shape.map((m, i) => (i === axis ? n - 1 : m)),
    );
    const after = v.slice(v.shape.map((_, i) => (i === axis ? 1 : 0)));
    const slope = after.sub(before).div(grid.spacing[a]);
    terms.push(
      slope
        .square()
        .mul(weights)
        .sum()
        .mul((0.5 * times * d) / slope.size),
    );
  }
  return terms.reduce((s, t) => s.add(t));
}

/**
 * A neural ordinary differential equation: y(x) = φ(1, x),  ∂φ/∂t = v(φ, t), φ(0, x) = x,  v a small network of place and time (`coordinateNetwork`),
 * whose weights are found for the pair of images, by back-propagation through Runge–Kutta steps. The weights of a coarse level begin the finer one, for a
 * network belongs to no grid. v is asked for on a lattice, and is linear between its nodes and times: what flows is a `TimeVelocityTransform`, a
 * diffeomorphism as far as the steps follow v, with the flow backwards as inverse. "diffusion" regularises v in space, over all times.
 * @see Chen, Rubanova, Bettencourt & Duvenaud (2018), Neural ordinary differential equations, NeurIPS
 */
export function neuralOde(o: NeuralOdeOptions = {}): TransformFamily {
  const { width = 48, depth = 2, bandwidth = 1.5, steps = 4, nodes, seed = 1 } = o;
  for (const [name, value] of Object.entries({ width, depth, steps, nodes: nodes ?? 1 }))
    if (!Number.isInteger(value) || value < 1)
      throw new ArgumentError(`neuralOde: ${name} is ${value}; give a whole number of at least 1`, { [name]: value });
  const networkOf = (d: number): Layer => coordinateNetwork({ inputs: d + 1, outputs: d, width, depth, bandwidth, random: seeded(seed) });
  const count = (d: number) => nodes ?? (d === 2 ? 2048 : 4096);
  /** Of the evaluation under way: the displacement and the roughness ask for the same velocities. */
  const made = new WeakMap<Tensor, { readonly grid: Grid; readonly on: Lattice; readonly v: Tensor }>();
  const velocityOn = (p: Parameters, grid: Grid) => {
    const [leaf] = Object.values(p);
    const known = made.get(leaf);
    if (known && sameGrid(known.grid, grid)) return known;
    const on = new Lattice(grid, steps + 1, count(grid.size.length));
    const v = on.velocity(networkOf(grid.size.length).with(p));
    // Leaves under differentiation are of one evaluation, whose values live as long; plain ones may outlive theirs.
    if (leaf instanceof Traced) made.set(leaf, { grid, on, v });
    return { on, v };
  };
  return {
    name: "neuralOde",
    start: (grid, earlier) =>
      earlier ? mapLeaves((w) => w.add(0), earlier.parameters) : mapLeaves((w) => w.add(0), networkOf(grid.size.length).parameters),
    displacement(p, grid, at = grid) {
      const { on, v } = velocityOn(p, grid);
      return flow(v, on.grid, steps, false, { grid: at });
    },
    transform: (p, grid, from, to) =>
      scope(() => {
        const { on, v } = velocityOn(p, grid);
        // Twice the steps of the search: the way back is then followed to a thousandth of a voxel or so.
        return new TimeVelocityTransform(v, on.grid, from, to, 2 * steps);
      }),
    closedForm(regulariser, p, grid) {
      if (regulariser !== "diffusion") return undefined;
      const { on, v } = velocityOn(p, grid);
      return roughness(v, on.grid);
    },
    // The gradient as it is: weights differ in scale, and a step that brings little is no reason to end yet.
    precondition: (gradient) => gradient,
    bendsOver: (grid) => 2 * Math.min(...grid.spacing),
    bytes: (grid) =>
      bytesOf([voxelsOf(grid)]) * 6 * steps * grid.size.length + bytesOf([count(grid.size.length)]) * (steps + 1) * width * (4 + 3 * depth),
  };
}
