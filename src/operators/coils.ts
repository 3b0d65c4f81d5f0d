import { ShapeError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { type DType, keep, type Tensor } from "../tensor/index.js";
import { sampledFourierOperator } from "./fourier.js";
import { compose, Operator } from "./operator.js";

/**
 * x ↦ (S₁x, …, S_c x): what each receiver coil sees of an image, S complex sensitivity maps [c, …shape]. Its adjoint is the matched
 * combination Σ S̄_c y_c; its normal operator multiplies by Σ|S_c|², which is 1 where maps have unit length (ESPIRiT's, inside the body).
 * @see Pruessmann et al. (1999), SENSE, Magnetic Resonance in Medicine 42
 */
export function coilOperator(maps: Tensor, type: DType = "c64"): Operator {
  if (maps.rank < 2) throw new ShapeError(`coils: maps of ${shapeText(maps.shape)}; expected [coils, …image]`, { shape: maps.shape });
  const s = keep(maps.cast(type));
  const conjugate = keep(s.conj());
  const power = keep(s.abs().square().sum(0));
  const shape = maps.shape.slice(1);
  return new Operator({
    name: "coils",
    domain: shape,
    range: maps.shape,
    domainType: type,
    rangeType: type,
    apply: (x) => s.mul(x),
    adjoint: (y) => conjugate.mul(y).sum(0),
    normal: (x) => x.mul(power),
    norm: power.size > 0 ? Math.sqrt(power.max().item()) : 0,
    normalInverse: (b, rho) => b.div(power.add(rho)),
  });
}

export interface MagneticResonanceOptions {
  /** Real weights, stretched to the image's shape: 1 where k-space was measured. A mask of whole lines, [h, 1] or [w], saves a transform along them. */
  readonly mask: Tensor;
  /** Coil sensitivities [c, …shape]; without them the image itself is measured. */
  readonly maps?: Tensor;
  /** The image's; default that of the maps or of the mask. */
  readonly shape?: readonly number[];
  readonly type?: DType;
}

/**
 * x ↦ m · F(S_c x): k-space [c, …shape] (without maps: […shape]) of a complex image as a scanner samples it on its lattice, by the centred
 * unitary transform. The normal operator Σ S̄_c F* m² F S_c leaves out every axis along which the mask is constant, and the rolls.
 */
export function magneticResonanceOperator(o: MagneticResonanceOptions): Operator {
  const { maps, type = "c64" } = o;
  const shape = o.shape ?? maps?.shape.slice(1) ?? o.mask.shape;
  if (!maps) return sampledFourierOperator(o.mask, { shape, type });
  if (maps.rank !== shape.length + 1 || shape.some((n, i) => n !== maps.shape[i + 1]))
    throw new ShapeError(
      `magneticResonance: maps of ${shapeText(maps.shape)} for an image of ${shapeText(shape)}; expected [coils, …image]`,
      {
        maps: maps.shape,
        shape,
      },
    );
  const coils = coilOperator(maps, type);
  const axes = shape.map((_, i) => i + 1);
  const sampled = sampledFourierOperator(o.mask, { shape: maps.shape, axes, type });
  // Transforms along lines that are measured whole cancel in A*A.
  const mask = o.mask.reshape(...Array(shape.length - o.mask.rank).fill(1), ...o.mask.shape);
  const varying = axes.filter((a) => mask.shape[a - 1] > 1);
  const reduced = varying.length < axes.length ? sampledFourierOperator(o.mask, { shape: maps.shape, axes: varying, type }) : sampled;
  const whole = compose(sampled, coils);
  return new Operator({
    ...whole.definition,
    name: "magneticResonance",
    normal: (x) => coils.adjoint((reduced.normal as (y: Tensor) => Tensor)(coils.apply(x))),
    norm: undefined,
  });
}

/**
 * The mask of lines behind a full one: an axis along which nothing changes gets the extent 1, which tells operators that its transform cancels.
 */
export function compactMask(mask: Tensor): Tensor {
  let out = mask;
  mask.shape.forEach((n, axis) => {
    if (n < 2) return;
    const first = out.slice(
      out.shape.map(() => 0),
      out.shape.map((m, a) => (a === axis ? 1 : m)),
    );
    if (out.sub(first).abs().max().item() === 0) out = first;
  });
  return out;
}
