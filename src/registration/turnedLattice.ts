import { centreOf, type Grid } from "../image/grid.js";
import { multiply, rotation2 } from "../image/matrix.js";
import { dispose, keep, Tensor } from "../tensor/index.js";
import { identityTransform, warp } from "../transforms/index.js";
import type { LinearLevel } from "./linearFamily.js";

/** Its tangent is the inverse of the golden ratio, the number that fractions come least near to: rows of the lattice never fall in step with pixels. */
const turn = Math.atan((Math.sqrt(5) - 1) / 2);

/** A grid about the same middle, turned, that covers a plane one. */
function turnedGrid(g: Grid): Grid {
  const h = Math.min(...g.spacing);
  const direction = multiply(rotation2(turn), g.direction, 2);
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  const [a, b] = g.size.map((n, i) => n * g.spacing[i]);
  const size = [Math.ceil((a * c + b * s) / h), Math.ceil((a * s + b * c) / h)];
  const [u, v] = size.map((n) => ((n - 1) / 2) * h);
  const origin = centreOf(g).map((m, i) => m - direction[2 * i] * u - direction[2 * i + 1] * v);
  return { size, spacing: [h, h], origin, direction };
}

/**
 * A level whose fixed picture is sampled (cubic) on a turned lattice, with weights where that lies inside, or less than a pixel beyond. On its own lattice, at a shift by whole
 * pixels neither picture is interpolated, and everywhere else moving is: interpolation averages noise, so that the joint histogram is sharper there and
 * mutual information has a false maximum. On the turned lattice both pictures are interpolated, at all fractions of a pixel alike, under any map.
 * @see Pluim, Maintz & Viergever (2000), Interpolation artefacts in mutual information-based image registration, CVIU 77
 */
export function onTurnedLattice(level: LinearLevel): { readonly level: LinearLevel; free(): void } {
  const { fixed, fixedMask } = level;
  const grid = turnedGrid(fixed.grid);
  const here = identityTransform(2);
  const values = keep(warp(fixed, here, grid, { border: "clamp", interpolation: "cubic" }).values);
  const ones = fixedMask ?? Tensor.ones([1, ...fixed.values.shape.slice(1)]);
  const mask = keep(warp({ values: ones, grid: fixed.grid }, here, grid, { border: "constant" }).values);
  if (!fixedMask) dispose(ones);
  return { level: { ...level, fixed: { values, grid }, fixedMask: mask }, free: () => dispose(values, mask) };
}
