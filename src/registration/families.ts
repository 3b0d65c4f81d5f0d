import { ArgumentError } from "../core/errors.js";
import type { Grid, Parameters, TransformFamily } from "../core/interfaces.js";
import { applyAffine, betweenIndices, identityMap, indexToPhysical, sameGrid, tensorShape, voxelsOf } from "../image/grid.js";
import { splineBending } from "../regularisers/index.js";
import { along, bytesOf, gaussian, scope, sparseRows, Tensor, warpAffine } from "../tensor/index.js";
import {
  BSplineTransform,
  controlGridOf,
  controlGridOver,
  DisplacementTransform,
  exponential,
  invertBSpline,
  invertDisplacement,
  refined,
  splineOn,
  VelocityTransform,
} from "../transforms/index.js";
import { baseOf } from "../transforms/warp.js";

/** How far apart control points are. */
export interface BSplineFamilyOptions {
  /** Distance of the control points in voxels of each level (of its finest axis), along every axis in mm alike. Default 5. */
  readonly spacingVoxels?: number;
}
/**
 * Free-form deformations. Control points are a number of voxels of the level apart, so that they multiply from level to level; the
 * earlier level's spline is carried over exactly (knot insertion).
 * @see Rueckert et al. (1999), Nonrigid registration using free-form deformations, IEEE TMI 18(8)
 */
export function bspline({ spacingVoxels = 5 }: BSplineFamilyOptions = {}): TransformFamily {
  if (!(spacingVoxels >= 1))
    throw new ArgumentError(`bspline: control points ${spacingVoxels} voxels apart; give at least 1`, { spacingVoxels });
  const controlOf = (p: Parameters, grid: Grid) => controlGridOf([...p.control.shape.slice(1)].reverse(), grid);
  return {
    name: "bspline",
    start(grid, earlier) {
      const mm = spacingVoxels * Math.min(...grid.spacing);
      const wanted = controlGridOver(
        grid,
        grid.spacing.map((s) => Math.max(mm, s)),
      ).size;
      if (!earlier) return { control: Tensor.zeros([grid.size.length, ...[...wanted].reverse()]) };
      const now = [...earlier.parameters.control.shape.slice(1)].reverse();
      const times = wanted.map((n, i) => Math.max(0, Math.round(Math.log2((n - 3) / (now[i] - 3)))));
      return { control: refined(earlier.parameters.control, times) };
    },
    displacement: (p, grid, at = grid) => splineOn(p.control, controlOf(p, grid), at),
    transform(p, grid, from, to) {
      const over = controlOf(p, grid);
      const { field, grid: on } = invertBSpline(new BSplineTransform(p.control, over, from, to), from.grid ?? grid);
      return new BSplineTransform(p.control, over, from, to, { field, grid: on });
    },
    regularisationGrid(grid) {
      // Two samples for each piece of the spline: its second derivatives are linear there.
      const size = controlOf({ control: this.start(grid).control }, grid).size.map((n) => 2 * (n - 3));
      return over(grid, size);
    },
    closedForm: (regulariser, p, grid) => (regulariser === "bendingEnergy" ? splineBending(p.control, controlOf(p, grid)) : undefined),
    folds: true,
    smoothed: (p, grid, weights, at) => ({ control: relaxed(p.control, onGrid(weights, at, controlOf(p, grid))) }),
    bendsOver: (grid) => spacingVoxels * Math.min(...grid.spacing),
    bytes: (grid) => bytesOf([voxelsOf(grid)]) * 3 * grid.size.length,
  };
}
/** A grid of this size over the same extent, half voxels at the ends included. */
function over(grid: Grid, size: readonly number[]): Grid {
  const spacing = grid.size.map((n, i) => (n * grid.spacing[i]) / size[i]);
  const first = spacing.map((s, i) => (s / grid.spacing[i] - 1) / 2);
  return { size, spacing, origin: applyAffine(indexToPhysical(grid), first), direction: grid.direction };
}

/** Planes in mm from one grid to another, border values continued. */
function onGrid(u: Tensor, from: Grid, to: Grid): Tensor {
  if (sameGrid(from, to)) return u;
  return warpAffine(u, baseOf(betweenIndices(to, identityMap(from.size.length), from)), tensorShape(to));
}
/** Planes drawn towards the binomial mean of their neighbours, by weights of 0 to 1: linear fields stay as they are, but at the ends. */
function relaxed(planes: Tensor, weights: Tensor): Tensor {
  const around = planes.shape.slice(1).reduce((x, n, a) => {
    const mirrored = (i: number) => (i < 0 ? 0 : i >= n ? n - 1 : i);
    const rows = Array.from({ length: n }, (_, i): [number, number][] => [
      [mirrored(i - 1), 0.25],
      [i, 0.5],
      [mirrored(i + 1), 0.25],
    ]);
    return along(x, a + 1, sparseRows(n, rows));
  }, planes);
  return planes.add(around.sub(planes).mul(weights));
}
const zeros = (grid: Grid) => Tensor.zeros([grid.size.length, ...tensorShape(grid)]);
/** σ voxels of the finest axis, in mm alike along all: [z, y, x]. */
const sigmas = (grid: Grid, voxels: number) =>
  [...grid.spacing].reverse().map((s, k) => (grid.size[grid.size.length - 1 - k] > 1 ? (voxels * Math.min(...grid.spacing)) / s : 0));

/** How far a step spreads over neighbours. */
export interface DenseFamilyOptions {
  /** σ in voxels of the Gaussian that descents see gradients through, so that neighbours move together. Default 4. */
  readonly smoothVoxels?: number;
}
/**
 * A displacement at every voxel of the level. Smooth because the regulariser asks for it, and sooner because descents follow the gradient
 * in the inner product of a Gaussian.
 */
export function displacement({ smoothVoxels = 4 }: DenseFamilyOptions = {}): TransformFamily {
  return {
    name: "displacement",
    start: (grid, earlier) => ({ field: earlier ? onGrid(earlier.parameters.field, earlier.grid, grid) : zeros(grid) }),
    displacement: (p, grid, at = grid) => onGrid(p.field, grid, at),
    transform(p, grid, from, to) {
      return scope(() => {
        // On the fixed grid the field covers every sample; a coarser grid ends half a voxel further in, and outside a field is 0.
        const on = from.grid ?? grid;
        const field = onGrid(p.field, grid, on);
        const { field: backward } = invertDisplacement(new DisplacementTransform(field, on));
        return new DisplacementTransform(field, on, from, to, { field: backward, grid: on });
      });
    },
    precondition: (g, grid) => ({ field: gaussian(g.field, { sigma: sigmas(grid, smoothVoxels) }) }),
    folds: true,
    smoothed: (p, grid, weights, at) => ({ field: relaxed(p.field, onGrid(weights, at, grid)) }),
    bytes: (grid) => bytesOf([voxelsOf(grid)]) * 20 * grid.size.length,
  };
}

/** How far a step spreads over neighbours, and how finely the flow is integrated. */
export interface VelocityFamilyOptions extends DenseFamilyOptions {
  /** K: v/2ᴷ is composed with itself K times. Default 6. */
  readonly squarings?: number;
}
/**
 * Stationary velocity fields, y = exp(v): diffeomorphisms with an inverse at hand, exp(−v). The velocity is what is regularised.
 * @see Arsigny, Commowick, Pennec, Ayache (2006), MICCAI; Vercauteren, Pennec, Perchant, Ayache (2008), Symmetric log-domain diffeomorphic registration, MICCAI
 */
export function velocity({ smoothVoxels = 4, squarings = 6 }: VelocityFamilyOptions = {}): TransformFamily {
  return {
    name: "velocity",
    start: (grid, earlier) => ({ velocity: earlier ? onGrid(earlier.parameters.velocity, earlier.grid, grid) : zeros(grid) }),
    displacement: (p, grid, at = grid) => onGrid(exponential(p.velocity, grid, squarings), grid, at),
    regularised: (p, grid, at) => onGrid(p.velocity, grid, at),
    transform(p, grid, from, to) {
      const on = from.grid ?? grid;
      return new VelocityTransform(onGrid(p.velocity, grid, on), on, from, to, squarings);
    },
    precondition: (g, grid) => ({ velocity: gaussian(g.velocity, { sigma: sigmas(grid, smoothVoxels) }) }),
    bytes: (grid) => bytesOf([voxelsOf(grid)]) * (14 + 2 * squarings) * grid.size.length,
  };
}
