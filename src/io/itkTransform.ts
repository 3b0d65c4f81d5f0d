import { ArgumentError, FormatError } from "../core/errors.js";
import { identityMatrix, latin1 } from "./raw.js";

/**
 * A linear transform as ITK stores it; it maps FIXED points p to MOVING points, in LPS mm:
 *
 *     T(p) = matrix · (p − center) + center + translation = matrix · p + offset
 */
export interface ItkLinear {
  /** Which of the alternatives this is. */
  readonly kind: "linear";
  /** ITK's class, e.g. "AffineTransform", "Euler3DTransform" */
  readonly type: string;
  /** 2 or 3. */
  readonly dimension: 2 | 3;
  /** row-major */
  readonly matrix: readonly number[];
  /** What is added after the matrix. */
  readonly offset: readonly number[];
  /** The point that the matrix leaves in place. */
  readonly center: readonly number[];
  /** The shift. */
  readonly translation: readonly number[];
}

/**
 * A free-form deformation; it maps FIXED points to MOVING points, in LPS mm:
 *
 *     T(p) = p + Σₖ cₖ βᵒʳᵈᵉʳ(index(p) − k),   index(p) = (D · diag(spacing))⁻¹ (p − origin)
 *
 * over the control points k of the grid (size, spacing, origin, direction D).
 */
export interface ItkBSpline {
  /** Which of the alternatives this is. */
  readonly kind: "bspline";
  /** 2 or 3. */
  readonly dimension: 2 | 3;
  /** Of the spline; 3 is cubic. */
  readonly order: number;
  /** Samples along x, y (and z). */
  readonly size: readonly number[];
  /** The place of the first sample, mm. */
  readonly origin: readonly number[];
  /** Distance of samples along each axis, mm. */
  readonly spacing: readonly number[];
  /** Directions of the axes, row by row, an orthonormal matrix. */
  readonly direction: readonly number[];
  /** planar: all x components, then y[, z]; within a plane x fastest; mm */
  readonly coefficients: Float64Array;
}

/** A sampled displacement field; it maps FIXED points to MOVING points, T(p) = p + u(p), u interpolated linearly, LPS mm. */
export interface ItkDisplacementField {
  /** Which of the alternatives this is. */
  readonly kind: "displacement";
  /** 2 or 3. */
  readonly dimension: 2 | 3;
  /** Samples along x, y (and z). */
  readonly size: readonly number[];
  /** The place of the first sample, mm. */
  readonly origin: readonly number[];
  /** Distance of samples along each axis, mm. */
  readonly spacing: readonly number[];
  /** Directions of the axes, row by row, an orthonormal matrix. */
  readonly direction: readonly number[];
  /** planar: all x components, then y[, z] */
  readonly vectors: Float64Array;
}

/** Several transforms in ITK's order: the LAST of the list is applied first to a fixed point, T(p) = T₀(T₁(… Tₙ₋₁(p))). */
export interface ItkComposite {
  /** Which of the alternatives this is. */
  readonly kind: "composite";
  /** 2 or 3. */
  readonly dimension: 2 | 3;
  /** One for each. */
  readonly transforms: readonly ItkSimpleTransform[];
}

/** A transform of ITK's that is not made of others. */
export type ItkSimpleTransform = ItkLinear | ItkBSpline | ItkDisplacementField;
/** Whatever an ITK transform file holds. */
export type ItkTransform = ItkSimpleTransform | ItkComposite;

/** A linear transform from matrix and offset about a centre. */
export function itkLinear(o: {
  matrix: readonly number[];
  offset: readonly number[];
  center?: readonly number[];
  type?: string;
}): ItkLinear {
  const n = o.offset.length;
  if ((n !== 2 && n !== 3) || o.matrix.length !== n * n)
    throw new ArgumentError(`itk: a ${o.matrix.length}-element matrix with an offset of ${n} is no transform`, {});
  const center = o.center ?? o.offset.map(() => 0);
  return {
    kind: "linear",
    type: o.type ?? "AffineTransform",
    dimension: n,
    matrix: [...o.matrix],
    offset: [...o.offset],
    center: [...center],
    // offset = translation + center − matrix · center
    translation: o.offset.map((v, i) => v - center[i] + center.reduce((s, c, j) => s + o.matrix[i * n + j] * c, 0)),
  };
}

function linear(type: string, matrix: number[], translation: number[], center: number[]): ItkLinear {
  const n = translation.length as 2 | 3;
  const offset = translation.map((t, i) => t + center[i] - center.reduce((s, c, j) => s + matrix[i * n + j] * c, 0));
  return { kind: "linear", type, dimension: n, matrix, offset, center, translation };
}

const product = (a: number[], b: number[], n: number) =>
  Array.from({ length: n * n }, (_, k) =>
    Array.from({ length: n }, (_v, m) => a[Math.floor(k / n) * n + m] * b[m * n + (k % n)]).reduce((p, q) => p + q, 0),
  );

function versorMatrix(x: number, y: number, z: number, w: number): number[] {
  return [
    1 - 2 * (y * y + z * z),
    2 * (x * y - z * w),
    2 * (x * z + y * w),
    2 * (x * y + z * w),
    1 - 2 * (x * x + z * z),
    2 * (y * z - x * w),
    2 * (x * z - y * w),
    2 * (y * z + x * w),
    1 - 2 * (x * x + y * y),
  ];
}
/** Versors store only their vector part; the scalar part is √(1 − |v|²). */
const versor = ([x, y, z]: readonly number[]) => {
  const norm = x * x + y * y + z * z;
  // ITK normalises vectors that rounding has made too long.
  const scale = norm > 1 ? 1 / Math.sqrt(norm) : 1;
  return versorMatrix(x * scale, y * scale, z * scale, Math.sqrt(Math.max(0, 1 - norm)));
};
function eulerMatrix([ax, ay, az]: readonly number[], zyx: boolean): number[] {
  const [cx, sx, cy, sy, cz, sz] = [Math.cos(ax), Math.sin(ax), Math.cos(ay), Math.sin(ay), Math.cos(az), Math.sin(az)];
  const rx = [1, 0, 0, 0, cx, -sx, 0, sx, cx];
  const ry = [cy, 0, sy, 0, 1, 0, -sy, 0, cy];
  const rz = [cz, -sz, 0, sz, cz, 0, 0, 0, 1];
  return zyx ? product(product(rz, ry, 3), rx, 3) : product(product(rz, rx, 3), ry, 3);
}
const rotation2 = (angle: number, scale = 1) => [
  scale * Math.cos(angle),
  -scale * Math.sin(angle),
  scale * Math.sin(angle),
  scale * Math.cos(angle),
];

/** One transform of a file from its class name, parameters and fixed parameters. */
function fromParameters(name: string, p: ArrayLike<number>, fixed: readonly number[]): ItkTransform {
  const match = /^(\w+?)_(?:double|float)_(\d)_(\d)(?:_(\d))?$/.exec(name);
  if (!match || match[2] !== match[3] || (match[2] !== "2" && match[2] !== "3"))
    throw new FormatError(`itk transform: "${name.slice(0, 60)}" is no transform between spaces of 2 or 3 dimensions`, { name });
  const type = match[1];
  const n = Number(match[2]) as 2 | 3;
  const need = (parameters: number, fixedParameters: number) => {
    if (p.length < parameters || fixed.length < fixedParameters)
      throw new FormatError(
        `itk transform: ${name} needs ${parameters} parameters and ${fixedParameters} fixed ones; ${p.length} and ${fixed.length} came`,
        { name, parameters: p.length, fixed: fixed.length },
      );
  };
  const take = (from: number, count: number) => Array.from({ length: count }, (_, i) => p[from + i]);
  const center = () => (fixed.length >= n ? fixed.slice(0, n) : Array<number>(n).fill(0));
  const identity = identityMatrix(n);
  switch (type) {
    case "AffineTransform":
    case "MatrixOffsetTransformBase":
    case "CenteredAffineTransform":
    case "FixedCenterOfRotationAffineTransform":
      if (type === "CenteredAffineTransform") {
        need(n * n + 2 * n, 0);
        return linear(type, take(0, n * n), take(n * n + n, n), take(n * n, n));
      }
      need(n * n + n, 0);
      return linear(type, take(0, n * n), take(n * n, n), center());
    case "IdentityTransform":
      return linear(type, identity, Array<number>(n).fill(0), Array<number>(n).fill(0));
    case "TranslationTransform":
      need(n, 0);
      return linear(type, identity, take(0, n), Array<number>(n).fill(0));
    case "ScaleTransform":
      need(n, 0);
      return linear(
        type,
        identity.map((v, i) => v * p[i % n]),
        Array<number>(n).fill(0),
        center(),
      );
    case "ScaleLogarithmicTransform":
      need(n, 0);
      return linear(
        type,
        identity.map((v, i) => v * Math.exp(p[i % n])),
        Array<number>(n).fill(0),
        center(),
      );
    case "Euler2DTransform":
    case "Rigid2DTransform":
      need(3, 0);
      return linear(type, rotation2(p[0]), take(1, 2), center());
    case "CenteredRigid2DTransform":
    case "CenteredEuler2DTransform":
      need(5, 0);
      return linear(type, rotation2(p[0]), take(3, 2), take(1, 2));
    case "Similarity2DTransform":
      need(4, 0);
      return linear(type, rotation2(p[1], p[0]), take(2, 2), center());
    case "CenteredSimilarity2DTransform":
      need(6, 0);
      return linear(type, rotation2(p[1], p[0]), take(4, 2), take(2, 2));
    case "Euler3DTransform":
      need(6, 0);
      // a fourth fixed parameter says whether the angles turn in the order z, y, x
      return linear(type, eulerMatrix(take(0, 3), fixed.length > 3 && fixed[3] !== 0), take(3, 3), center());
    case "CenteredEuler3DTransform":
      need(9, 0);
      return linear(type, eulerMatrix(take(0, 3), fixed.length > 0 && fixed[0] !== 0), take(6, 3), take(3, 3));
    case "VersorTransform":
      need(3, 0);
      return linear(type, versor(take(0, 3)), [0, 0, 0], center());
    case "VersorRigid3DTransform":
      need(6, 0);
      return linear(type, versor(take(0, 3)), take(3, 3), center());
    case "Similarity3DTransform": {
      need(7, 0);
      return linear(
        type,
        versor(take(0, 3)).map((v) => v * p[6]),
        take(3, 3),
        center(),
      );
    }
    case "QuaternionRigidTransform": {
      need(7, 0);
      const [x, y, z, w] = take(0, 4);
      const norm = Math.hypot(x, y, z, w);
      if (!(norm > 1e-12)) throw new FormatError(`itk transform: ${name} has a zero quaternion`, { name });
      return linear(type, versorMatrix(x / norm, y / norm, z / norm, w / norm), take(4, 3), center());
    }
    case "BSplineTransform":
    case "BSplineDeformableTransform": {
      const order = Number(match[4] ?? 3);
      need(0, 3 * n + n * n);
      const size = fixed.slice(0, n);
      const count = size.reduce((a, b) => a * b, n);
      if (!size.every((s) => Number.isInteger(s) && s > 0) || p.length !== count)
        throw new FormatError(
          `itk transform: a B-spline grid of ${size.join("×")} control points needs ${count} coefficients; ${p.length} came`,
          { size, came: p.length },
        );
      return {
        kind: "bspline",
        dimension: n,
        order,
        size,
        origin: fixed.slice(n, 2 * n),
        spacing: fixed.slice(2 * n, 3 * n),
        direction: fixed.slice(3 * n, 3 * n + n * n),
        coefficients: Float64Array.from(p),
      };
    }
    case "DisplacementFieldTransform": {
      need(0, 3 * n + n * n);
      const size = fixed.slice(0, n);
      const points = size.reduce((a, b) => a * b, 1);
      if (!size.every((s) => Number.isInteger(s) && s > 0) || p.length !== points * n)
        throw new FormatError(
          `itk transform: a displacement field of ${size.join("×")} points needs ${points * n} values; ${p.length} came`,
          { size, came: p.length },
        );
      const vectors = new Float64Array(points * n);
      for (let c = 0; c < n; c++) for (let i = 0; i < points; i++) vectors[c * points + i] = p[i * n + c];
      return {
        kind: "displacement",
        dimension: n,
        size,
        origin: fixed.slice(n, 2 * n),
        spacing: fixed.slice(2 * n, 3 * n),
        direction: fixed.slice(3 * n, 3 * n + n * n),
        vectors,
      };
    }
    default:
      throw new FormatError(
        `itk transform: ${type} cannot be read; translation, rigid, similarity, affine, B-spline, displacement field and composites of them can`,
        { type },
      );
  }
}

/** The transform of a file from the records in it, in file order; a leading composite has none of its own. */
export function gatherTransforms(items: Array<{ name: string; parameters: ArrayLike<number>; fixed: readonly number[] }>): ItkTransform {
  if (items.length === 0) throw new FormatError("itk transform: the file holds no transform", {});
  const composite = /^CompositeTransform_(?:double|float)_(\d)_\d$/.exec(items[0].name);
  const rest = composite ? items.slice(1) : items;
  const transforms = rest.map((i) => fromParameters(i.name, i.parameters, i.fixed)) as ItkSimpleTransform[];
  for (const [i, t] of transforms.entries())
    if (t.kind !== "linear" && (![...t.origin, ...t.spacing, ...t.direction].every(Number.isFinite) || !t.spacing.every((s) => s > 0)))
      throw new FormatError(`itk transform: transform ${i} lies on a grid with spacing ${t.spacing.join(", ")}, which is not usable`, {});
    else if (t.kind === "linear" && ![...t.matrix, ...t.offset].every(Number.isFinite))
      throw new FormatError(`itk transform: transform ${i} holds NaN or infinite numbers`, {});
  if (composite && transforms.length === 0) throw new FormatError("itk transform: a composite of nothing", {});
  if (transforms.some((t) => t.dimension !== transforms[0].dimension))
    throw new FormatError("itk transform: transforms of 2 and of 3 dimensions in one file", {});
  if (!composite && transforms.length === 1) return transforms[0];
  return { kind: "composite", dimension: transforms[0].dimension, transforms };
}

const words = (text: string): Float64Array => {
  const parts = text.trim() === "" ? [] : text.trim().split(/\s+/);
  const out = new Float64Array(parts.length);
  for (let i = 0; i < parts.length; i++) {
    out[i] = Number(parts[i]);
    if (Number.isNaN(out[i]) && !/^[-+]?nan$/i.test(parts[i]))
      throw new FormatError(`itk transform: "${parts[i].slice(0, 20)}" is not a number`, {});
  }
  return out;
};

/** Whether bytes begin like an ITK transform text file. */
export function isItkTransformText(bytes: Uint8Array): boolean {
  return latin1(bytes, 0, 32).startsWith("#Insight Transform File");
}

/**
 * Reads an ITK transform text file (.tfm, .txt; "#Insight Transform File V1.0"): translation, scale, rigid (Euler, versor, quaternion), similarity and affine transforms,
 * B-splines, displacement fields, and composites. Several transforms without a composite are taken as one, in the same order (last applied first).
 * @throws FormatError unknown transform, wrong number of parameters, non-finite numbers
 */
export function readItkTransform(source: Uint8Array | string): ItkTransform {
  const text = typeof source === "string" ? source : latin1(source);
  if (!text.startsWith("#Insight Transform File"))
    throw new FormatError('itk transform: the file does not begin with "#Insight Transform File"; this is no ITK text transform', {});
  const items: Array<{ name: string; parameters: Float64Array; fixed: number[] }> = [];
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (line.startsWith("#") || colon < 0) continue;
    const key = line.slice(0, colon).trim();
    const value = line.slice(colon + 1);
    if (key === "Transform") items.push({ name: value.trim(), parameters: new Float64Array(0), fixed: [] });
    else if (items.length === 0) throw new FormatError(`itk transform: "${key.slice(0, 30)}" comes before any transform`, {});
    else if (key === "Parameters") items[items.length - 1].parameters = words(value);
    else if (key === "FixedParameters") items[items.length - 1].fixed = Array.from(words(value));
  }
  return gatherTransforms(items);
}

/** Name, parameters and fixed parameters in ITK's order. Linear transforms are written as AffineTransform, which holds them all. */
export function toParameters(t: ItkSimpleTransform): { name: string; parameters: ArrayLike<number>; fixed: readonly number[] } {
  const n = t.dimension;
  if (t.kind === "linear") {
    const translationOnly = t.type === "TranslationTransform" && t.matrix.every((v, i) => v === (i % (n + 1) === 0 ? 1 : 0));
    if (translationOnly) return { name: `TranslationTransform_double_${n}_${n}`, parameters: t.translation, fixed: [] };
    const name = t.type === "MatrixOffsetTransformBase" ? t.type : "AffineTransform";
    return { name: `${name}_double_${n}_${n}`, parameters: [...t.matrix, ...t.translation], fixed: t.center };
  }
  const fixed = [...t.size, ...t.origin, ...t.spacing, ...t.direction];
  if (t.kind === "bspline")
    return { name: `BSplineTransform_double_${n}_${n}${t.order === 3 ? "" : `_${t.order}`}`, parameters: t.coefficients, fixed };
  const points = t.size.reduce((a, b) => a * b, 1);
  const parameters = new Float64Array(points * n);
  for (let c = 0; c < n; c++) for (let i = 0; i < points; i++) parameters[i * n + c] = t.vectors[c * points + i];
  return { name: `DisplacementFieldTransform_double_${n}_${n}`, parameters, fixed };
}

/**
 * Writes an ITK transform text file (.tfm, .txt). Linear transforms become AffineTransform about their centre, so every reader takes them.
 */
export function writeItkTransform(transform: ItkTransform): string {
  const lines = ["#Insight Transform File V1.0"];
  let index = 0;
  const n = transform.dimension;
  if (transform.kind === "composite") lines.push(`#Transform ${index++}`, `Transform: CompositeTransform_double_${n}_${n}`);
  for (const t of transform.kind === "composite" ? transform.transforms : [transform]) {
    const { name, parameters, fixed } = toParameters(t);
    lines.push(
      `#Transform ${index++}`,
      `Transform: ${name}`,
      `Parameters: ${Array.from(parameters).join(" ")}`,
      `FixedParameters: ${fixed.join(" ")}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

/**
 * Reads ITK's binary .mat transforms (Matlab level 4 matrices: the parameters under the transform's name, then "fixed"), as ANTs writes them.
 * @throws FormatError no Matlab 4 file, truncated, unknown transform
 */
export function readItkMat(bytes: Uint8Array): ItkTransform {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: Array<{ name: string; parameters: Float64Array; fixed: number[] }> = [];
  let at = 0;
  while (at + 20 <= bytes.length) {
    let e = true;
    let type = view.getInt32(at, true);
    if (type < 0 || type > 9999) {
      e = false;
      type = view.getInt32(at, false);
    }
    const precision = Math.floor(type / 10) % 10;
    const rows = view.getInt32(at + 4, e);
    const columns = view.getInt32(at + 8, e);
    const nameLength = view.getInt32(at + 16, e);
    const width = precision === 0 ? 8 : 4;
    if (type < 0 || type > 1999 || precision > 1 || rows < 0 || columns < 0 || nameLength < 1 || nameLength > 256)
      throw new FormatError(
        "itk mat: this is no Matlab 4 file of floating-point matrices, as ITK and ANTs write their .mat transforms (FSL's .mat is text: use readFslMatrix)",
        {},
      );
    const count = rows * columns;
    const from = at + 20 + nameLength;
    if (!(from + count * width <= bytes.length))
      throw new FormatError(
        `itk mat: a matrix of ${rows}×${columns} values is promised, ${Math.max(0, bytes.length - from)} bytes came; the file is truncated`,
        { rows, columns },
      );
    const name = latin1(bytes, at + 20, from).replace(/\0[\s\S]*$/, "");
    const values = Float64Array.from({ length: count }, (_, i) =>
      width === 8 ? view.getFloat64(from + 8 * i, e) : view.getFloat32(from + 4 * i, e),
    );
    if (name === "fixed") {
      if (items.length > 0) items[items.length - 1].fixed = Array.from(values);
    } else items.push({ name, parameters: values, fixed: [] });
    at = from + count * width;
  }
  return gatherTransforms(items);
}

/** Writes ITK's binary .mat (Matlab level 4, little-endian), readable by ANTs and ITK. @throws ArgumentError for composites */
export function writeItkMat(transform: ItkTransform): Uint8Array {
  if (transform.kind === "composite")
    throw new ArgumentError("itk mat: a composite cannot be written to .mat; choose .tfm, or write its parts", {});
  const { name, parameters, fixed } = toParameters(transform);
  const block = (label: string, values: ArrayLike<number>) => {
    const out = new Uint8Array(20 + label.length + 1 + 8 * values.length);
    const view = new DataView(out.buffer);
    [0, values.length, 1, 0, label.length + 1].forEach((v, i) => {
      view.setInt32(4 * i, v, true);
    });
    for (let i = 0; i < label.length; i++) out[20 + i] = label.charCodeAt(i);
    for (let i = 0; i < values.length; i++) view.setFloat64(21 + label.length + 8 * i, values[i], true);
    return out;
  };
  const a = block(name, parameters);
  const b = block("fixed", fixed);
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
