import { GridError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { jacobianDeterminant } from "../../evaluation/jacobian.js";
import { type AffineMap, composeAffine, type Grid, gridText, identityMap, invertAffine, tensorShape, voxelsOf } from "../../image/grid.js";
import { expm, logm, sqrtm } from "../../kernels/linalg.js";
import { type ImageMetric, lncc } from "../../metrics/index.js";
import { dispose, keep, scope, Tensor } from "../../tensor/index.js";
import {
  AffineTransform,
  CompositeTransform,
  DisplacementTransform,
  invertDisplacement,
  type Space,
  type Transform,
  warp,
} from "../../transforms/index.js";
import { alignDiffeo, type DiffeoOptions } from "../diffeo.js";
import { defaultShrinks, robustRange, scaledTo } from "../levels.js";
import { type RegisterOptions, register } from "../register.js";
import { contentOrder } from "./contentOrder.js";
import { fromHomogeneous, homogeneous, inMillimetres } from "./groupMean.js";

/** Levels and start of the alignment of two visits. */
export interface LongitudinalOptions {
  /** How a visit's place may differ from the other's: rigid (default), or affine for scanners whose scale drifts. */
  readonly model?: "rigid" | "affine";
  /** For the deformation. Default lncc. */
  readonly metric?: ImageMetric;
  /** Shrink factors, coarse to fine. */
  readonly levels?: readonly number[];
  /** Default: smooth (σ of updates 5, of the whole 0.5 level voxels), as one person's anatomy changes little. */
  readonly deformation?: Pick<DiffeoOptions, "updateVoxels" | "totalVoxels" | "stepVoxels">;
  /** Where the alignment begins. */
  readonly init?: RegisterOptions["init"];
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: RegisterOptions["onProgress"];
}
/** Both visits in their middle, with the change of volume between them. */
export interface LongitudinalResult {
  /** The grid in the middle between the two visits. */
  readonly grid: Grid;
  /** Middle points ↦ points of the visits. */
  readonly toFirst: Transform;
  /** From the middle to the second visit. */
  readonly toSecond: Transform;
  /** First visit ↦ second visit, through the middle. */
  readonly change: Transform;
  /** log of the change of volume from the first visit to the second, on the middle grid: 0.1 means 10 % growth, −0.1 as much loss. */
  readonly logVolumeChange: Image;
  /** Both visits in the middle, and their mean. */
  readonly first: Image;
  /** The second visit in the middle. */
  readonly second: Image;
  /** Of both visits in the middle. */
  readonly mean: Image;
}

/**
 * Two visits of one person without favouring either: the linear map T is estimated in both directions and averaged (T² ~ T₁₂ T₂₁⁻¹, by logarithms), both
 * visits are sampled once, half-way — along T^½ and T^−½ by the matrix square root —, and a symmetric deformation moves both to their middle. Swapping the
 * visits swaps the result and nothing else, to the bit.
 *
 *   log volume change = log det ∂y₂/∂p − log det ∂y₁/∂p,   y₁, y₂ from the middle to the visits (with affine maps, their scale included)
 *
 * @throws GridError when dimensions or channels differ
 * @see Reuter, Schmansky, Rosas, Fischl (2012), Within-subject template estimation for unbiased longitudinal image analysis, NeuroImage 61
 */
export async function longitudinal(first: Image, second: Image, options: LongitudinalOptions = {}): Promise<LongitudinalResult> {
  const { model = "rigid", metric = lncc(), signal, onProgress, init } = options;
  if (first.grid.size.length !== second.grid.size.length || first.values.shape[0] !== second.values.shape[0])
    throw new GridError(
      `longitudinal: the visits differ in kind (${gridText(first.grid)} and ${gridText(second.grid)}, ${first.values.shape[0]} and ${second.values.shape[0]} channels)`,
      {},
    );
  // Which visit is worked on first is decided by the images themselves, so that the order of the arguments leaves no trace.
  const swapped = contentOrder([first, second])[0] === 1;
  const [a, b] = swapped ? [second, first] : [first, second];
  const d = a.grid.size.length;
  const linear = async (fixed: Image, moving: Image): Promise<AffineMap> => {
    const r = await register(fixed, moving, { preset: model, init, signal, onProgress });
    return (r.transform as AffineTransform).map;
  };
  const forth = logm(homogeneous(await linear(a, b)), d + 1);
  const back = logm(homogeneous(await linear(b, a)), d + 1);
  const whole = expm(
    forth.map((v, i) => 0.5 * (v - back[i])),
    d + 1,
  );
  const half = fromHomogeneous(sqrtm(whole, d + 1), d); // a ↦ middle ↦ b in equal steps
  const toA = invertAffine(half);
  const toB = half;
  const grid = halfway(a.grid, half);
  const ranges = [robustRange(a), robustRange(b)] as const;
  const sampled = (im: Image, map: AffineMap) =>
    keep(scope(() => warp(im, new AffineTransform(map), grid, { border: "clamp", interpolation: "cubic" })));
  const [midA, midB] = [sampled(a, toA), sampled(b, toB)];
  const inside = (im: Image, map: AffineMap) =>
    keep(scope(() => warp({ values: Tensor.ones([1, ...tensorShape(im.grid)]), grid: im.grid }, new AffineTransform(map), grid).values));
  const [maskA, maskB] = [inside(a, toA), inside(b, toB)];
  const [scaledA, scaledB] = [keep(scaledTo(midA, ranges[0])), keep(scaledTo(midB, ranges[1]))];
  const shrinks = [...(options.levels ?? defaultShrinks(grid, d === 2 ? 32 : 20))].sort((x, y) => y - x);
  const result = await alignDiffeo(
    {
      fixed: scaledA,
      moving: scaledB,
      fixedMask: maskA,
      movingMask: maskB,
      map: identityMap(d),
    },
    metric,
    {
      updateVoxels: 5,
      totalVoxels: 0.5,
      ...options.deformation,
      shrinks,
      iterations: shrinks.map((s) => (voxelsOf(grid) / s ** d < 1e6 ? 80 : voxelsOf(grid) / s ** d < 3e6 ? 40 : 20)),
      keepMidway: true,
    },
    { iterations: 0, level: 0, levels: shrinks.length, signal, onProgress: onProgress && ((p) => onProgress(p)) },
  );
  dispose(scaledA.values, scaledB.values, maskA, maskB, result.forward, result.backward);
  const midway = result.midway as NonNullable<typeof result.midway>;
  const fieldOf = (u: Tensor): Tensor => {
    const coarse = new DisplacementTransform(inMillimetres(u, midway.grid), midway.grid);
    return keep(scope(() => coarse.displacement(grid)));
  };
  const [uA, uB] = [fieldOf(midway.toFixed), fieldOf(midway.toMoving)];
  dispose(midway.toFixed, midway.toMoving);
  const middle: Space = { name: "middle", grid };
  const from = (u: Tensor, map: AffineMap, to: Space): Transform => {
    const between: Space = { name: "half-way", grid };
    return new CompositeTransform([
      new DisplacementTransform(u, grid, middle, between, {
        field: keep(invertDisplacement(new DisplacementTransform(u, grid)).field),
        grid,
      }),
      new AffineTransform(map, between, to, model),
    ]);
  };
  const [yA, yB] = [from(uA, toA, { name: "visit", grid: a.grid }), from(uB, toB, { name: "visit", grid: b.grid })];
  const image = (im: Image, y: Transform) => keep(scope(() => warp(im, y, grid, { border: "clamp", interpolation: "cubic" })));
  const [endA, endB] = [image(a, yA), image(b, yB)];
  const [jA, jB] = [yA, yB].map((y) => scope(() => jacobianDeterminant(y.displacement(grid).data, grid)));
  const sign = swapped ? -1 : 1;
  const change = Float32Array.from(jA, (v, i) => sign * (Math.log(Math.max(jB[i], 1e-3)) - Math.log(Math.max(v, 1e-3))));
  const [toFirst, toSecond] = swapped ? [yB, yA] : [yA, yB];
  dispose(midA.values, midB.values);
  return {
    grid,
    toFirst,
    toSecond,
    change: new CompositeTransform([toFirst.inverse(), toSecond]),
    logVolumeChange: { values: Tensor.from(change, [1, ...tensorShape(grid)]), grid },
    first: swapped ? endB : endA,
    second: swapped ? endA : endB,
    mean: { values: keep(scope(() => endA.values.add(endB.values).mul(0.5))), grid },
  };
}

/** The grid of the first visit carried to the middle: its samples lie where their half-way images are, up to the scale and shear that an affine half adds. */
function halfway(grid: Grid, half: AffineMap): Grid {
  const d = grid.size.length;
  const moved = composeAffine(half, { matrix: grid.direction, offset: grid.origin });
  // Columns of unit length, made orthogonal one after the other: a grid's axes stay at right angles.
  const columns: number[][] = [];
  for (let j = 0; j < d; j++) {
    let c = Array.from({ length: d }, (_, i) => moved.matrix[i * d + j]);
    for (const q of columns) {
      const dot = c.reduce((s, v, i) => s + v * q[i], 0);
      c = c.map((v, i) => v - dot * q[i]);
    }
    const length = Math.hypot(...c);
    columns.push(c.map((v) => v / length));
  }
  return { ...grid, origin: moved.offset, direction: Array.from({ length: d * d }, (_, k) => columns[k % d][Math.floor(k / d)]) };
}
