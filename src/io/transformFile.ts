import { ArgumentError, FormatError } from "../core/errors.js";
import { type Grid, grid } from "../image/index.js";
import { concat } from "../tensor/index.js";
import { Tensor } from "../tensor/tensor.js";
import {
  type AffineModel,
  AffineTransform,
  BSplineTransform,
  CompositeTransform,
  DisplacementTransform,
  HomographyTransform,
  InverseThinPlateSpline,
  type Space,
  ThinPlateSplineTransform,
  TimeVelocityTransform,
  type Transform,
  VelocityTransform,
} from "../transforms/index.js";
import { type DisplacementField, displacementFieldFromRaw, rawFromDisplacementField } from "./displacementField.js";
import { formatOfName, readRaw, writeRaw } from "./format.js";
import {
  type ItkSimpleTransform,
  type ItkTransform,
  isItkTransformText,
  itkLinear,
  readItkMat,
  readItkTransform,
  writeItkTransform,
} from "./itkTransform.js";
import type { Siblings } from "./raw.js";

/** A stored part: a linear map in place, a displacement field in a file beside the JSON. */
type StoredPart =
  | { kind: "affine"; model: AffineModel; matrix: number[][]; offset: number[] }
  | { kind: "displacement"; file: string; inverseFile?: string }
  | { kind: "homography"; matrix: number[][] }
  | { kind: "thinPlateSpline"; fixed: number[][]; moving: number[][]; lambda: number; inverted?: true }
  /** Control points, mm, on the grid stated here. */
  | { kind: "bspline"; file: string; grid: Grid; inverseFile?: string }
  /** A stationary velocity field, mm; `sign` −1: its negative, the way back. */
  | { kind: "velocity"; file: string; squarings: number; sign: 1 | -1 }
  /** Velocity fields, mm, evenly spaced in time; `sign` −1: their negatives in the opposite order, the way back. */
  | { kind: "timeVelocity"; files: string[]; steps: number; sign: 1 | -1 };

interface Stored {
  format: "pullback transform";
  version: 1;
  dimension: number;
  convention: string;
  from: { name: string; grid?: Grid };
  to: { name: string; grid?: Grid };
  /** from → to, the first part is applied first. */
  forward: StoredPart[];
  /** to → from. */
  inverse: StoredPart[];
}

const convention = "points in LPS mm (pixels for pictures); y = matrix · x + offset, or y = x + u(x); the first part is applied first";

/**
 * The files that store a transform, first the JSON: both directions, the names and grids of the two spaces, displacement fields beside it.
 * A field whose inverse is known is stored with it; otherwise readers invert it.
 * @param name  of the JSON file; fields are named after it, or after `fieldStem`
 */
export function writeTransform(
  transform: Transform,
  name = "transform.json",
  { fieldStem }: { fieldStem?: string } = {},
): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const plain = name.replace(/^.*[/\\]/, "");
  const stem = fieldStem ?? `${plain.replace(/\.json$/i, "")}.field`;
  const parts = transform instanceof CompositeTransform ? transform.parts : [transform];
  let fields = 0;
  const forward = parts.map((part): StoredPart => {
    const small = storedInPlace(part);
    if (small) return small;
    const next = (what: string) => `${stem}${fields > 1 ? fields : ""}${what}.nii.gz`;
    const put = (field: Tensor, g: Grid, file: string) => {
      files.set(file, fieldBytes(field, g, file));
      return file;
    };
    const backward = (b: { readonly field: Tensor; readonly grid: Grid } | undefined) =>
      b && { inverseFile: put(b.field, b.grid, next(".inverse")) };
    fields++;
    if (part instanceof DisplacementTransform)
      return { kind: "displacement", file: put(part.field, part.grid, next("")), ...backward(part.backward) };
    if (part instanceof BSplineTransform)
      return {
        kind: "bspline",
        file: put(part.control, part.controlGrid, next(".control")),
        grid: part.controlGrid,
        ...backward(part.backward),
      };
    if (part instanceof VelocityTransform)
      return { kind: "velocity", file: put(part.velocity, part.grid, next(".velocity")), squarings: part.squarings, sign: 1 };
    if (part instanceof TimeVelocityTransform) {
      const moments = Array.from({ length: part.velocity.shape[0] }, (_, i) => i);
      const stored = moments.map((i) => put(part.velocity.at(i), part.grid, next(`.velocity${i}`)));
      return { kind: "timeVelocity", files: stored, steps: part.steps, sign: 1 };
    }
    throw new ArgumentError(`transform: a ${part.kind} transform cannot be stored`, { kind: part.kind });
  });
  const turned = forward.map((p, k): StoredPart | undefined => {
    if (p.kind === "velocity" || p.kind === "timeVelocity") return { ...p, sign: p.sign === 1 ? -1 : 1 };
    // The way back from a spline is a displacement field, and the way back from that is the spline.
    if (p.kind !== "displacement" && p.kind !== "bspline") return storedInPlace(parts[k].inverse());
    return p.inverseFile === undefined
      ? undefined
      : { kind: "displacement", file: p.inverseFile, ...(p.kind === "displacement" && { inverseFile: p.file }) };
  });
  const inverse = turned.every((p) => p !== undefined) ? turned.reverse() : [];
  const stored: Stored = {
    format: "pullback transform",
    version: 1,
    dimension: transform.dimension,
    convention,
    from: storedSpace(transform.from),
    to: storedSpace(transform.to),
    forward,
    inverse,
  };
  return new Map([[plain, new TextEncoder().encode(`${JSON.stringify(stored, null, 1)}\n`)], ...files]);
}

const storedSpace = ({ name, grid }: Space) => ({ name, ...(grid ? { grid } : {}) });
/** A part of few numbers, written in the JSON itself. */
function storedInPlace(part: Transform): StoredPart | undefined {
  if (part instanceof AffineTransform) return storedAffine(part);
  if (part instanceof HomographyTransform) return { kind: "homography", matrix: rowsOf(part.matrix, 3) };
  const spline = part instanceof InverseThinPlateSpline ? part.of : part;
  if (!(spline instanceof ThinPlateSplineTransform)) return undefined;
  const { fixed, moving, lambda, dimension: d } = spline;
  const inverted = part !== spline ? { inverted: true as const } : {};
  return { kind: "thinPlateSpline", fixed: rowsOf(fixed.data, d), moving: rowsOf(moving.data, d), lambda, ...inverted };
}
const rowsOf = (values: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, i) => Array.from({ length: width }, (_, j) => values[i * width + j]));
const storedAffine = ({ model, map, dimension: d }: AffineTransform): StoredPart => ({
  kind: "affine",
  model,
  matrix: Array.from({ length: d }, (_, i) => map.matrix.slice(i * d, i * d + d)),
  offset: [...map.offset],
});

/** Smooth displacements in f32 deflate by a tenth, and slowly (57 MB: 1.8 s at level 1): they are stored inside the gzip. */
const fieldBytes = (field: Tensor, g: Grid, name: string): Uint8Array =>
  writeRaw(rawFromDisplacementField({ ...g, vectors: new Float32Array(field.data) }), name, { level: 0 });

/**
 * The transform in a file: this package's JSON, ITK text (.tfm, .txt) or binary (.mat), or a displacement field as an image.
 * @param siblings  files beside the JSON
 * @throws FormatError unknown, damaged or incomplete
 */
export function readTransform(bytes: Uint8Array, name: string, siblings?: Siblings): Transform {
  if (/\.json$/i.test(name)) return fromStored(bytes, name, siblings);
  if (isItkTransformText(bytes)) return transformFromItk(readItkTransform(bytes));
  if (/\.mat$/i.test(name)) return transformFromItk(readItkMat(bytes));
  const format = formatOfName(name);
  if (format === "nifti" || format === "metaimage" || format === "nrrd") return fieldTransform(bytes, name);
  throw new FormatError(
    `${name}: this is no transform; readable are transform.json, ITK .tfm .txt .mat, and displacement fields (.nii.gz .mha .nrrd)`,
    { name },
  );
}

function fieldTransform(
  bytes: Uint8Array,
  name: string,
  from?: Space,
  to?: Space,
  backward?: { field: Tensor; grid: Grid },
): DisplacementTransform {
  const { vectors, ...geometry } = fieldOf(bytes, name);
  const g = grid(geometry);
  return new DisplacementTransform(Tensor.from(vectors, [g.size.length, ...[...g.size].reverse()], "f32"), g, from, to, backward);
}

function fieldOf(bytes: Uint8Array, name: string): DisplacementField {
  try {
    return displacementFieldFromRaw(readRaw(bytes, name));
  } catch (error) {
    if (!(error instanceof FormatError) || error.message.includes(name)) throw error;
    throw new FormatError(`${name}: ${error.message}`, error.details, { cause: error });
  }
}

function fromStored(bytes: Uint8Array, name: string, siblings: Siblings | undefined): Transform {
  let stored: Stored;
  try {
    stored = JSON.parse(new TextDecoder().decode(bytes)) as Stored;
  } catch (cause) {
    throw new FormatError(`${name}: not JSON (${(cause as Error).message}); expected a transform.json`, { name }, { cause });
  }
  if (stored === null || typeof stored !== "object" || stored.format !== "pullback transform" || !Array.isArray(stored.forward))
    throw new FormatError(`${name}: this JSON holds no transform; expected "format": "pullback transform" and a list "forward"`, { name });
  const d = stored.dimension;
  const space = (s: Stored["from"] | undefined, fallback: string): Space => ({
    name: typeof s?.name === "string" ? s.name : fallback,
    ...(s?.grid ? { grid: grid(s.grid) } : {}),
  });
  const from = space(stored.from, "fixed");
  const to = space(stored.to, "moving");
  const file = (key: string): Uint8Array => {
    const found =
      typeof key === "string" && !/[/\\]/.test(key) ? (typeof siblings === "function" ? siblings(key) : siblings?.get(key)) : undefined;
    if (!found)
      throw new FormatError(`${name}: its displacement field ${key} is not beside it; keep the files of a transform together`, {
        name,
        file: key,
      });
    return found;
  };
  const parts = stored.forward.map((part, k): Transform => {
    const a = k === 0 ? from : { name: `step ${k}` };
    const b = k === stored.forward.length - 1 ? to : { name: `step ${k + 1}` };
    if (part.kind === "affine") {
      const numbers = [...(part.matrix ?? []).flat(), ...(part.offset ?? [])];
      if (numbers.length !== d * d + d || !numbers.every(Number.isFinite))
        throw new FormatError(`${name}: the linear part ${k} does not hold ${d}×${d} + ${d} finite numbers`, { name, part: k });
      return new AffineTransform({ matrix: numbers.slice(0, d * d), offset: numbers.slice(d * d) }, a, b, part.model ?? "affine");
    }
    if (part.kind === "homography") {
      const numbers = (part.matrix ?? []).flat();
      if (d !== 2 || numbers.length !== 9 || !numbers.every(Number.isFinite))
        throw new FormatError(`${name}: the homography ${k} does not hold 3×3 finite numbers in the plane`, { name, part: k });
      return new HomographyTransform(numbers, a, b);
    }
    if (part.kind === "thinPlateSpline") {
      const landmarks = (rows: unknown) => {
        const numbers = (Array.isArray(rows) ? rows : []).flat() as number[];
        if (numbers.length === 0 || numbers.length % d !== 0 || !numbers.every(Number.isFinite))
          throw new FormatError(`${name}: the landmarks of part ${k} are not rows of ${d} finite numbers`, { name, part: k });
        return Tensor.from(Float64Array.from(numbers), [numbers.length / d, d]);
      };
      const o = { fixed: landmarks(part.fixed), moving: landmarks(part.moving), lambda: part.lambda ?? 0 };
      return part.inverted === true
        ? new InverseThinPlateSpline(new ThinPlateSplineTransform(o, b, a))
        : new ThinPlateSplineTransform(o, a, b);
    }
    if (part.kind === "displacement") {
      const inverse = part.inverseFile === undefined ? undefined : fieldTransform(file(part.inverseFile), part.inverseFile);
      return fieldTransform(file(part.file), part.file, a, b, inverse && { field: inverse.field, grid: inverse.grid });
    }
    if (part.kind === "bspline") {
      const at = grid(part.grid);
      const control = fieldTransform(file(part.file), part.file);
      if (control.grid.size.join() !== at.size.join())
        throw new FormatError(
          `${name}: ${part.file} holds ${control.grid.size.join("×")} control points; ${at.size.join("×")} are stated`,
          {
            name,
            part: k,
          },
        );
      const inverse = part.inverseFile === undefined ? undefined : fieldTransform(file(part.inverseFile), part.inverseFile);
      return new BSplineTransform(control.field, at, a, b, inverse && { field: inverse.field, grid: inverse.grid });
    }
    if (part.kind === "velocity") {
      const v = fieldTransform(file(part.file), part.file);
      const forward = new VelocityTransform(v.field, v.grid, a, b, part.squarings);
      return part.sign === -1 ? forward.with({ velocity: v.field.neg() }) : forward;
    }
    if (part.kind === "timeVelocity") {
      const fields = (Array.isArray(part.files) ? part.files : []).map((f) => fieldTransform(file(f), f));
      if (fields.length === 0 || fields.some((f) => f.field.shape.join() !== fields[0].field.shape.join()))
        throw new FormatError(`${name}: the velocities of part ${k} are not fields of one size; name at least one`, { name, part: k });
      const v = concat(
        fields.map((f) => f.field.reshape(1, ...f.field.shape)),
        0,
      );
      const at = (from: Space, to: Space) => new TimeVelocityTransform(v, fields[0].grid, from, to, part.steps);
      return part.sign === -1 ? at(b, a).inverse() : at(a, b);
    }
    throw new FormatError(
      `${name}: the part ${k} is of an unknown kind "${(part as { kind: unknown }).kind}"; known are affine, homography, thinPlateSpline, displacement, bspline, velocity and timeVelocity`,
      { name },
    );
  });
  if (parts.length === 0 || parts.some((p) => p.dimension !== d))
    throw new FormatError(`${name}: the parts are not all ${d}-D`, { name, dimension: d });
  return parts.length === 1 ? parts[0] : new CompositeTransform(parts);
}

/** An ITK transform as a transform of this package. @throws FormatError for a B-spline that is not cubic */
export function transformFromItk(t: ItkTransform): Transform {
  const one = (s: ItkSimpleTransform): Transform => {
    if (s.kind === "linear") return new AffineTransform({ matrix: s.matrix, offset: s.offset });
    if (s.kind === "displacement") {
      const g = grid(s);
      return new DisplacementTransform(Tensor.from(Float32Array.from(s.vectors), [s.dimension, ...[...g.size].reverse()], "f32"), g);
    }
    if (s.order !== 3)
      throw new FormatError(
        `itk transform: a B-spline of order ${s.order}; cubic ones can be read, others as a displacement field (TransformToDisplacementField in ITK)`,
        { order: s.order },
      );
    const g = grid(s);
    return new BSplineTransform(Tensor.from(Float32Array.from(s.coefficients), [s.dimension, ...[...g.size].reverse()], "f32"), g);
  };
  if (t.kind !== "composite") return one(t);
  // ITK applies the last of the list first.
  return new CompositeTransform([...t.transforms].reverse().map(one));
}

/**
 * A transform as ITK has it: linear maps (several as one), B-splines, and composites of these; velocity and displacement fields as
 * displacement fields. ITK's splines end with their control points; ours go on with their border values: they agree where the control points reach.
 */
export function itkFromTransform(transform: Transform): ItkTransform {
  const linear = asLinear(transform);
  if (linear) return itkLinear({ matrix: linear.map.matrix, offset: linear.map.offset });
  const one = (t: Transform): ItkSimpleTransform => {
    const dimension = t.dimension as 2 | 3;
    if (t instanceof AffineTransform) return itkLinear({ matrix: t.map.matrix, offset: t.map.offset });
    if (t instanceof BSplineTransform)
      return { kind: "bspline", dimension, order: 3, ...t.controlGrid, coefficients: Float64Array.from(t.control.data) };
    const dense = t instanceof VelocityTransform ? t.dense : t instanceof TimeVelocityTransform ? t.dense() : t;
    if (dense instanceof DisplacementTransform)
      return { kind: "displacement", dimension, ...dense.grid, vectors: Float64Array.from(dense.field.data) };
    throw new ArgumentError(`itk transform: ITK's files have no ${t.kind}; write a displacement field (.nii.gz) instead`, { kind: t.kind });
  };
  if (!(transform instanceof CompositeTransform)) return one(transform);
  // ITK applies the last of the list first.
  return { kind: "composite", dimension: transform.dimension as 2 | 3, transforms: [...transform.parts].reverse().map(one) };
}

/**
 * The ITK text of a transform whose parameters are few: linear maps, B-splines, composites of these.
 * @throws ArgumentError for a displacement or velocity field
 */
export function itkText(transform: Transform): string {
  if (!isItkText(transform))
    throw new ArgumentError("itk transform: linear and B-spline transforms become .tfm; write a displacement field (.nii.gz) instead", {});
  return writeItkTransform(itkFromTransform(transform));
}
/** Whether `itkText` takes it. */
export const isItkText = (transform: Transform): boolean =>
  (transform instanceof CompositeTransform ? transform.parts : [transform]).every(
    (t) => t instanceof AffineTransform || t instanceof BSplineTransform,
  );

/** The transform as one linear map, if it is one. */
export function asLinear(transform: Transform): AffineTransform | undefined {
  if (transform instanceof AffineTransform) return transform;
  if (!(transform instanceof CompositeTransform)) return undefined;
  let all: Transform | undefined;
  for (const part of transform.parts) {
    if (!(part instanceof AffineTransform)) return undefined;
    all = all ? part.compose(all) : part;
  }
  return all as AffineTransform;
}

/** The displacement of a transform on a grid, as the bytes of a vector image in ITK's convention. */
export const displacementBytes = (transform: Transform, g: Grid, name: string): Uint8Array =>
  fieldBytes(transform.displacement(g), g, name);
