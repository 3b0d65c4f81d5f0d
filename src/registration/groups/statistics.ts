import { ArgumentError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { jacobianDeterminant } from "../../evaluation/jacobian.js";
import { betweenIndices, centreOf, coarsened, type Grid, identityMap, indexToPhysical, tensorShape, voxelsOf } from "../../image/grid.js";
import { determinant, eigh, multiply, svd, transpose } from "../../kernels/linalg.js";
import { scope, Tensor, warpAffine } from "../../tensor/index.js";
import { DisplacementTransform, logarithm, type Transform, VelocityTransform, warp } from "../../transforms/index.js";
import { baseOf } from "../../transforms/warp.js";
import type { Atlas } from "./atlas.js";

/**
 * Variance of appearance: at each point of the mean the standard deviation (n − 1) of the aligned, normalised images, in the unit of `atlas.mean`.
 * Where fewer than two images reach, 0.
 */
export function appearanceDeviation(images: readonly Image[], atlas: Pick<Atlas, "grid" | "transforms" | "ranges">): Image {
  const { grid, transforms, ranges } = atlas;
  const n = voxelsOf(grid);
  const channels = images[0].values.shape[0];
  const count = new Float64Array(n);
  const [sum, squares] = [new Float64Array(channels * n), new Float64Array(channels * n)];
  for (const [k, im] of images.entries())
    scope(() => {
      const inside = warp({ values: Tensor.ones([1, ...tensorShape(im.grid)]), grid: im.grid }, transforms[k], grid, {
        interpolation: "nearest",
      });
      const warped = warp(im, transforms[k], grid, { border: "clamp" });
      const [w, v] = [inside.values.data, warped.values.data];
      const [low, high] = ranges[k];
      for (let i = 0; i < n; i++) {
        if (!(w[i] > 0)) continue;
        count[i]++;
        for (let c = 0; c < channels; c++) {
          const x = (v[c * n + i] - low) / (high - low);
          sum[c * n + i] += x;
          squares[c * n + i] += x * x;
        }
      }
    });
  const unit = ranges.reduce((s, r) => s + r[1] - r[0], 0) / ranges.length;
  const out = Tensor.zeros([channels, ...tensorShape(grid)]);
  const y = out.data;
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < n; i++) {
      const m = count[i];
      if (m > 1) y[c * n + i] = unit * Math.sqrt(Math.max(0, squares[c * n + i] - sum[c * n + i] ** 2 / m) / (m - 1));
    }
  return { values: out, grid };
}

/**
 * Variance of volume: mean and standard deviation (n − 1) over the group of log det ∂y_i/∂p, at each point of the mean: log 2 where an image is twice as large there.
 * Folded points (det ≤ 0) count as the smallest positive determinant that is stored, e⁻⁷.
 */
export function jacobianStatistics(transforms: readonly Transform[], grid: Grid): { readonly mean: Image; readonly deviation: Image } {
  const n = voxelsOf(grid);
  const [sum, squares] = [new Float64Array(n), new Float64Array(n)];
  for (const y of transforms)
    scope(() => {
      const j = jacobianDeterminant(y.displacement(grid).data, grid);
      for (let i = 0; i < n; i++) {
        const l = Math.log(Math.max(j[i], 1e-3));
        sum[i] += l;
        squares[i] += l * l;
      }
    });
  const m = transforms.length;
  const shape = [1, ...tensorShape(grid)];
  const values = (f: (i: number) => number) =>
    Tensor.from(
      Float32Array.from({ length: n }, (_, i) => f(i)),
      shape,
    );
  return {
    mean: { values: values((i) => sum[i] / m), grid },
    deviation: { values: values((i) => Math.sqrt(Math.max(0, squares[i] - sum[i] ** 2 / m) / Math.max(1, m - 1))), grid },
  };
}

/** Principal modes of a group's shapes, with how far and how often each goes. */
export interface ShapeModes {
  /** velocity: modes are stationary velocities, and a shape is the exponential of their sum; displacement: they are displacements. */
  readonly of: "velocity" | "displacement";
  /** The mean shape velocity (or displacement), mm: nearly 0 for an unbiased atlas. */
  readonly mean: Tensor;
  /** Fields in mm, one standard deviation each, largest first; orthogonal to each other. */
  readonly modes: readonly Tensor[];
  /** Root mean square length of one standard deviation, mm. */
  readonly deviations: readonly number[];
  /** Share of the group's whole variance that each mode explains. */
  readonly explained: readonly number[];
  /** scores[i][k]: how many standard deviations of mode k image i has. */
  readonly scores: readonly (readonly number[])[];
  /** For velocities: what exp(−v_i) leaves of each shape, root mean square in voxels of the grid it was taken on (`logarithm`). */
  readonly left?: readonly number[];
  /** Where the samples lie. */
  readonly grid: Grid;
}

/**
 * Variance of geometry: principal components of the stationary velocities v_i = log(id + s_i) of the shape displacements s_i(p) = R_i⁻¹(y_i(p)) − p, R_i the
 * rigid motion nearest to y_i in the least-squares sense, so that pose is no shape. Velocities add as they should: any sum of modes is the logarithm of a
 * diffeomorphism (as far as the grid resolves it), and ±σ are each other's inverses; with `of: "displacement"` the components are those of s_i themselves. By the eigenvectors of the n × n Gram matrix ⟨s_i − s̄, s_j − s̄⟩, as there are far fewer images than voxels.
 * `options.weights`: [1, (z,) y, x]: where displacements count (default: everywhere alike)
 * @see Rueckert, Frangi, Schnabel (2003), Automatic construction of 3-D statistical deformation models, IEEE TMI 22
 */
export function shapeModes(
  transforms: readonly Transform[],
  grid: Grid,
  {
    count = transforms.length - 1,
    weights,
    of = "velocity",
  }: { readonly count?: number; readonly weights?: Tensor; readonly of?: ShapeModes["of"] } = {},
): ShapeModes {
  const m = transforms.length;
  if (m < 2) throw new ArgumentError("shapeModes: one shape has no modes; give two or more", { count: m });
  const d = grid.size.length;
  const n = voxelsOf(grid);
  const w = weights?.data;
  const left: number[] = [];
  const shapes = transforms.map((y) => {
    const shape = withoutPose(y, grid, weights);
    if (of === "displacement") return shape;
    return scope(() => {
      // Shapes are smooth: of large volumes the logarithm is taken on half the samples along each axis, an eighth of the work.
      const on = n > 1e6 ? coarsened(grid, 2 * Math.min(...grid.spacing)) : grid;
      const between = (a: Grid, b: Grid) => baseOf(betweenIndices(a, identityMap(d), b));
      const field = Tensor.from(shape, [d, ...tensorShape(grid)]);
      const { velocity, left: rest } = logarithm(on === grid ? field : warpAffine(field, between(on, grid), tensorShape(on)), on);
      left.push(rest.rms);
      return Float32Array.from((on === grid ? velocity : warpAffine(velocity, between(grid, on), tensorShape(grid))).data);
    });
  });
  const mean = new Float32Array(d * n);
  for (let i = 0; i < d * n; i++) {
    let s = 0;
    for (const x of shapes) s += x[i];
    mean[i] = s / m;
    for (const x of shapes) x[i] -= mean[i];
  }
  let total = 0;
  for (let i = 0; i < n; i++) total += w ? w[i] : 1;
  const gram = new Float64Array(m * m);
  for (let a = 0; a < m; a++)
    for (let b = 0; b <= a; b++) {
      let s = 0;
      const [x, y] = [shapes[a], shapes[b]];
      for (let c = 0; c < d; c++) {
        let part = 0;
        const at = c * n;
        if (w) for (let i = 0; i < n; i++) part += w[i] * x[at + i] * y[at + i];
        else for (let i = 0; i < n; i++) part += x[at + i] * y[at + i];
        s += part;
      }
      gram[a * m + b] = gram[b * m + a] = s / total;
    }
  const { values, vectors } = eigh(gram, m);
  const all = values.reduce((s, v) => s + Math.max(0, v), 0);
  const chosen = Array.from({ length: Math.min(count, m - 1) }, (_, k) => m - 1 - k).filter((k) => values[k] > 1e-12 * all);
  const modes = chosen.map((k) => {
    const out = new Float32Array(d * n);
    for (let a = 0; a < m; a++) {
      const v = vectors[a * m + k] / Math.sqrt(m - 1);
      const x = shapes[a];
      for (let i = 0; i < d * n; i++) out[i] += v * x[i];
    }
    return Tensor.from(out, [d, ...tensorShape(grid)]);
  });
  return {
    of,
    ...(of === "velocity" && { left }),
    mean: Tensor.from(mean, [d, ...tensorShape(grid)]),
    modes,
    deviations: chosen.map((k) => Math.sqrt(values[k] / (m - 1))),
    explained: chosen.map((k) => values[k] / all),
    // s_a − s̄ = Σ_k v_ak √λ_k e_k, and a standard deviation of mode k is √(λ_k / (m − 1)) e_k.
    scores: transforms.map((_, a) => chosen.map((k) => vectors[a * m + k] * Math.sqrt(m - 1))),
    grid,
  };
}

/** R⁻¹(y(p)) − p, with the rigid R nearest to y. */
function withoutPose(y: Transform, grid: Grid, weights: Tensor | undefined): Float32Array {
  const d = grid.size.length;
  const n = voxelsOf(grid);
  const u = scope(() => Float32Array.from(y.displacement(grid).data));
  const w = weights?.data;
  const toPoint = indexToPhysical(grid);
  const middle = centreOf(grid);
  const index = new Array<number>(d).fill(0);
  // One array for all points: millions of small ones would cost more than the sums.
  const p = new Float64Array(d);
  const eachPoint = (f: (i: number) => void) => {
    index.fill(0);
    for (let i = 0; i < n; i++) {
      for (let a = 0; a < d; a++) {
        let v = toPoint.offset[a];
        for (let b = 0; b < d; b++) v += toPoint.matrix[a * d + b] * index[b];
        p[a] = v;
      }
      f(i);
      for (let j = 0; j < d && ++index[j] === grid.size[j]; j++) index[j] = 0;
    }
  };
  // Means of p and of y, and Σ (y − ȳ)(p − p̄)ᵀ, about the grid's middle.
  const sp = new Float64Array(d);
  const sy = new Float64Array(d);
  const cross = new Float64Array(d * d);
  let total = 0;
  eachPoint((i) => {
    const weight = w ? w[i] : 1;
    total += weight;
    for (let a = 0; a < d; a++) {
      const q = p[a] - middle[a];
      sp[a] += weight * q;
      sy[a] += weight * (q + u[a * n + i]);
      for (let b = 0; b < d; b++) cross[a * d + b] += weight * (q + u[a * n + i]) * (p[b] - middle[b]);
    }
  });
  for (let a = 0; a < d; a++) for (let b = 0; b < d; b++) cross[a * d + b] -= (sy[a] * sp[b]) / total;
  const { u: left, v: right } = svd(cross, d, d);
  const turn = multiply(left, transpose(right, d, d), d, d, d);
  if (determinant(turn, d) < 0) {
    for (let a = 0; a < d; a++) left[a * d + d - 1] *= -1;
    turn.set(multiply(left, transpose(right, d, d), d, d, d));
  }
  const out = new Float32Array(d * n);
  eachPoint((i) => {
    for (let a = 0; a < d; a++) {
      let v = sp[a] / total + middle[a] - p[a];
      for (let b = 0; b < d; b++) v += turn[b * d + a] * (p[b] - middle[b] + u[b * n + i] - sy[b] / total);
      out[a * n + i] = v;
    }
  });
  return out;
}

/**
 * What the mean looks like `amount` standard deviations along a mode: mean ∘ exp(−(v̄ + amount · φ_k)); of displacements, mean ∘ (id + s̄ + amount · φ_k)⁻¹.
 * @throws ArgumentError when there is no such mode
 */
export function alongMode(mean: Image, { modes, mean: middle, grid, of }: ShapeModes, k: number, amount: number): Image {
  if (!modes[k]) throw new ArgumentError(`alongMode: mode ${k + 1} of ${modes.length}`, { k });
  return scope(() => {
    const field = Tensor.uninitialised(middle.shape);
    const [y, s, f] = [field.data, middle.data, modes[k].data];
    for (let i = 0; i < y.length; i++) y[i] = s[i] + amount * f[i];
    const shape = of === "velocity" ? new VelocityTransform(field, grid) : new DisplacementTransform(field, grid);
    return warp(mean, shape.inverse(), mean.grid, { border: "clamp" });
  });
}
