import { FormatError } from "../core/errors.js";
import { isRasDisplacement } from "./nifti.js";
import { type RawImage, rawImage } from "./raw.js";

/** A sampled displacement field: T(p) = p + u(p) maps FIXED to MOVING points; vectors in LPS mm on the fixed grid, planar (all x, all y[, all z]). */
export interface DisplacementField {
  /** Samples along x, y (and z). */
  readonly size: readonly number[];
  /** Distance of samples along each axis, mm. */
  readonly spacing: readonly number[];
  /** The place of the first sample, mm. */
  readonly origin: readonly number[];
  /** Directions of the axes, row by row, an orthonormal matrix. */
  readonly direction: readonly number[];
  /** Millimetres (LPS), component by component for each sample. */
  readonly vectors: Float32Array | Float64Array;
}

/**
 * The displacement field a vector image holds (ITK's, ANTs' and elastix' convention: LPS mm). NIfTI files that declare RAS displacements (intent 1006) are turned.
 * @throws FormatError when the number of components is not the dimension
 */
export function displacementFieldFromRaw(image: RawImage): DisplacementField {
  const { size, spacing, origin, direction } = inPlane(image);
  const { channels } = image;
  if (channels !== size.length || image.channelKind === "time" || image.channelKind === "complex")
    throw new FormatError(
      `displacement field: an image of ${size.join("×")} with ${channels} channels (${image.channelKind}) is no field of ${size.length}-vectors in mm`,
      { size, channels },
    );
  const turn = isRasDisplacement(image);
  const vectors = image.data instanceof Float64Array ? new Float64Array(image.data) : Float32Array.from(image.data);
  const points = vectors.length / channels;
  for (let i = 0; i < vectors.length; i++) {
    if (!Number.isFinite(vectors[i]))
      throw new FormatError(`displacement field: the value at position ${i} is ${vectors[i]}`, { position: i });
    if (turn && i < 2 * points) vectors[i] = -vectors[i];
  }
  return { size, spacing, origin, direction, vectors };
}

/** Formats without 2-D vector images (NIfTI) store a plane of 2-vectors as one slice of a volume; the slice's own axis is dropped. */
function inPlane(image: RawImage): Pick<RawImage, "size" | "spacing" | "origin" | "direction"> {
  const { size, spacing, origin, direction: d, channels } = image;
  if (channels !== 2 || size.length !== 3 || size[2] !== 1) return image;
  return { size: size.slice(0, 2), spacing: spacing.slice(0, 2), origin: origin.slice(0, 2), direction: [d[0], d[1], d[3], d[4]] };
}

/** The vector image of a displacement field; written as .nii(.gz) it is 5-D with intent 1007, as ITK writes and reads it, as .mha or .nrrd a vector image. */
export function rawFromDisplacementField(field: DisplacementField): RawImage {
  const { vectors, ...grid } = field;
  return rawImage("displacement field", { data: vectors, channels: grid.size.length, channelKind: "vector", ...grid });
}
