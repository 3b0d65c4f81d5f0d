import { ArgumentError, FormatError, ShapeError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { densityCompensation, fourierOperator, nonCartesianOperator, nufftOperator, type Operator } from "../operators/index.js";
import { Tensor } from "../tensor/index.js";
import { type EspiritOptions, espirit } from "./espirit.js";

/** Samples of k-space along a trajectory, coil by coil. */
export interface TrajectoryData {
  /** Complex samples: [m] or [coils, m], with m laid out as the trajectory is. */
  readonly kspace: Tensor;
  /** (kx, ky) of each sample in cycles per field of view: [m, 2] or [shots, samples, 2]. */
  readonly trajectory: Tensor;
  /** [h, w]; default a square that the trajectory reaches the edges of. */
  readonly size?: readonly [number, number];
  /** Sensitivities of the coils, or "espirit": estimated from the data. */
  readonly maps?: Tensor | "espirit";
  /** How sensitivities are estimated from the data. */
  readonly espirit?: Omit<EspiritOptions, "mask">;
}
/** An image from samples off the grid: data, where they lie, sensitivities, weights. */
export interface TrajectoryProblem {
  /** Lengths of the axes, the slowest first. */
  readonly shape: readonly [number, number];
  /** x ↦ √w F(S_c x), w the share of k-space that each sample stands for: A*A is near the identity where k-space is covered. */
  readonly operator: Operator;
  /** √w y. */
  readonly data: Tensor;
  /** Sensitivities of the coils. */
  readonly maps?: Tensor;
  /** Σ w over the lattice points of k-space. */
  readonly sampled: number;
  /** What is worth knowing, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * k-space samples off the lattice as a weighted least-squares problem  ½ Σ_c ‖√w (F(S_c x) − y_c)‖²; without maps, coils are calibrated by ESPIRiT on
 * the lattice that the compensated adjoint gives.
 * @throws ShapeError, ArgumentError for arrays that do not belong together
 */
export function trajectoryProblem(o: TrajectoryData): TrajectoryProblem {
  const { kspace, trajectory } = o;
  if (trajectory.dtype === "c64" || trajectory.dtype === "c128")
    throw new ArgumentError("reconstructMr: the trajectory is complex; it must be real, (kx, ky) of each sample", {});
  if (trajectory.rank < 2 || trajectory.shape[trajectory.rank - 1] !== 2)
    throw new ShapeError(`reconstructMr: a trajectory of ${shapeText(trajectory.shape)}; expected [samples, 2] or [shots, samples, 2]`, {
      shape: trajectory.shape,
    });
  const m = trajectory.size / 2;
  const layout = trajectory.shape.slice(0, -1);
  const text = shapeText(kspace.shape);
  const single = text === shapeText([m]) || text === shapeText(layout);
  const coils = single ? 0 : kspace.shape[0];
  const rest = kspace.shape.slice(1);
  if (!single && shapeText(rest) !== shapeText([m]) && shapeText(rest) !== shapeText(layout))
    throw new ShapeError(
      `reconstructMr: k-space of ${text} for a trajectory of ${shapeText(trajectory.shape)}; expected ${shapeText(layout)}, with [coils] in front of several`,
      { kspace: kspace.shape, trajectory: trajectory.shape },
    );
  const largest = trajectory.abs().max().item();
  if (!Number.isFinite(largest)) throw new FormatError("reconstructMr: the trajectory has values that are not finite", {});
  const side = Math.max(2, 2 * Math.round(largest));
  // Sixteen times fewer samples than pixels is farther than any method goes.
  if (!o.size && side * side > 16 * Math.max(m, 4096))
    throw new ArgumentError(
      `reconstructMr: the trajectory reaches ±${largest.toPrecision(4)}, an image of ${side}×${side} that ${m} samples cannot fill; it must be in cycles per field of view, or give the image's size`,
      { largest, samples: m },
    );
  const shape = o.size ?? ([side, side] as const);
  if (shape.some((n) => !(Number.isInteger(n) && n >= 2)))
    throw new ArgumentError(`reconstructMr: an image of ${shapeText(shape)}; give whole numbers from 2 on`, { shape });
  if (shape[0] * shape[1] > 2 ** 26)
    throw new FormatError(
      `reconstructMr: the trajectory reaches ${largest.toPrecision(3)} cycles per field of view, an image of ${shapeText(shape)}; check its unit, or give the image's size`,
      { shape },
    );
  const warnings: string[] = [];
  if (largest <= 1 && !o.size)
    warnings.push(
      "the trajectory stays within ±1: it is in cycles per field of view; multiply one in cycles per pixel by the image's size",
    );
  const y = kspace.cast("c64").reshape(...(single ? [m] : [coils, m]));
  const weights = densityCompensation(shape, trajectory);
  const root = weights.sqrt();
  const sampled = Math.min(1, weights.sum().item() / (shape[0] * shape[1]));
  const data = y.mul(root);
  let maps: Tensor | undefined;
  if (o.maps instanceof Tensor) {
    maps = o.maps;
    if (single || shapeText(maps.shape) !== shapeText([coils, ...shape]))
      throw new ShapeError(
        `reconstructMr: maps of ${shapeText(maps.shape)} for ${single ? "one coil" : `${coils} coils`} and an image of ${shapeText(shape)}`,
        { maps: maps.shape },
      );
  } else if (coils > 1 || (coils === 1 && o.maps === "espirit")) {
    const images = nufftOperator(shape, trajectory, { images: coils, weights: root }).adjoint(data);
    const lattice = fourierOperator([coils, ...shape], { axes: [1, 2] }).apply(images);
    maps = espirit(lattice, o.espirit).maps;
  } else if (coils === 1) maps = Tensor.ones([1, ...shape], "c64");
  return { shape, operator: nonCartesianOperator(shape, trajectory, { maps, weights: root }), data, maps, sampled, warnings };
}
