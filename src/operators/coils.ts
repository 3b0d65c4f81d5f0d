import { ShapeError } from "../core/errors.js";
import { type Shape, shapeText, sizeOf } from "../core/shape.js";
import { coilGather, coilSpread } from "../kernels/complexImage.js";
import { engine } from "../kernels/engine.js";
import { type DType, fft, ifft, ifftShift, keep, Tensor } from "../tensor/index.js";
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
  const [coils, ...shape] = maps.shape;
  const n = sizeOf(shape);
  return new Operator({
    name: "coils",
    domain: shape,
    range: maps.shape,
    domainType: type,
    rangeType: type,
    apply(x) {
      if (x.dtype !== "c64") return s.mul(x);
      const out = Tensor.uninitialised(maps.shape, "c64");
      coilSpread(engine(), s.pointer, x.pointer, out.pointer, coils, n);
      return out;
    },
    adjoint(y) {
      if (y.dtype !== "c64") return conjugate.mul(y).sum(0);
      const out = Tensor.uninitialised(shape, "c64");
      coilGather(engine(), s.pointer, y.pointer, out.pointer, coils, n);
      return out;
    },
    normal: (x) => x.mul(power),
    norm: power.size > 0 ? Math.sqrt(power.max().item()) : 0,
    normalInverse: (b, rho) => b.div(power.add(rho)),
  });
}

/** Which samples of k-space are measured, and by which coils. */
export interface MagneticResonanceOptions {
  /** Real weights, stretched to the image's shape: 1 where k-space was measured. A mask of whole lines, [h, 1] or [w], saves a transform along them. */
  readonly mask: Tensor;
  /** Coil sensitivities [c, …shape]; without them the image itself is measured. */
  readonly maps?: Tensor;
  /** The image's; default that of the maps or of the mask. */
  readonly shape?: readonly number[];
  /** Type of the numbers; default f32. */
  readonly type?: DType;
}

/**
 * x ↦ m · F(S_c x): k-space [c, …shape] (without maps: […shape]) of a complex image as a scanner samples it on its lattice, by the centred
 * unitary transform. The normal operator Σ S̄_c F* m² F S_c leaves out every axis along which the mask is constant, and the rolls.
 */
export function magneticResonanceOperator(o: MagneticResonanceOptions): Operator {
  const { maps, type = "c64" } = o;
  const shape = o.shape ?? maps?.shape.slice(1) ?? o.mask.shape;
  if (maps && (maps.rank !== shape.length + 1 || shape.some((n, i) => n !== maps.shape[i + 1])))
    throw new ShapeError(
      `magneticResonance: maps of ${shapeText(maps.shape)} for an image of ${shapeText(shape)}; expected [coils, …image]`,
      { maps: maps.shape, shape },
    );
  const range = maps?.shape ?? shape;
  const axes = shape.map((_, i) => i + range.length - shape.length);
  const sampled = sampledFourierOperator(o.mask, { shape: range, axes, type });
  const filter = ringFilter(o.mask, range, axes);
  if (!maps)
    return new Operator({
      ...sampled.definition,
      diagonalisation: undefined,
      name: "magneticResonance",
      normal: (x) => filter(x, (m) => m.square()),
      normalInverse: (b, rho) => filter(b, (m) => m.square().add(rho).reciprocal(), rho),
    });
  const coils = coilOperator(maps, type);
  return new Operator({
    ...compose(sampled, coils).definition,
    diagonalisation: undefined,
    name: "magneticResonance",
    normal: (x) => coils.adjoint(filter(coils.apply(x), (m) => m.square())),
    normalInverse: undefined,
    norm: undefined,
  });
}

/**
 * x ↦ F* f(m) F x along those axes only that the mask varies along: along the others the transform cancels. Rolls fall away as well: the mask is
 * rolled once. The weights are made for whole arrays, so that each product is one pass.
 * @param rho  tells one f from another
 */
function ringFilter(mask: Tensor, shape: Shape, axes: readonly number[]): (x: Tensor, f: (m: Tensor) => Tensor, rho?: number) => Tensor {
  const full = keep(mask.reshape(...shape.map((_, i) => mask.shape[i - shape.length + mask.rank] ?? 1)));
  const varying = axes.filter((a) => full.shape[a] > 1);
  const rolled = keep(ifftShift(full, varying));
  let made: { key: string; weights: Tensor } | undefined;
  const options = { axes: varying, normalisation: "ortho" } as const;
  return (x, f, rho) => {
    const key = `${x.dtype} ${rho}`;
    if (made?.key !== key) {
      const real = x.dtype === "c128" ? "f64" : "f32";
      made = {
        key,
        weights: keep(
          f(rolled.cast(real))
            .broadcastTo([...shape])
            .cast(x.dtype),
        ),
      };
    }
    return varying.length === 0 ? x.mul(made.weights) : ifft(fft(x, options).mul(made.weights), options);
  };
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
