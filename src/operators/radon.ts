import { ArgumentError } from "../core/errors.js";
import { engine } from "../kernels/index.js";
import { type ParallelPointers, parallelAdjoint, type RayPointers, raysAdjoint, raysForward } from "../kernels/rays.js";
import * as twin from "../kernels/reference/rays.js";
import { keep, Tensor } from "../tensor/index.js";
import { Operator } from "./operator.js";

/** Rays from a point: lengths in samples of the picture. */
export interface Fan {
  /** From the source to the axis of rotation. */
  readonly source: number;
  /** From the axis of rotation to the middle of the detector. */
  readonly detector: number;
  /** A straight detector (default) or one on a circle about the source. */
  readonly shape?: "flat" | "arc";
}
/** The geometry of projections: angles, detector, distances. */
export interface RadonOptions {
  /** The picture: [rows, columns]. Default: a square of `detectors`. */
  readonly size?: readonly [number, number];
  /** Of the views, in degrees. */
  readonly angles: ArrayLike<number>;
  /** Bins of the detector. */
  readonly detectors: number;
  /** The bin, with its fraction, in which the ray through the axis of rotation ends. Default ⌊detectors / 2⌋. */
  readonly centre?: number;
  /** The axis of rotation in the picture, [row, column] with their fractions. Default: sample (⌊rows/2⌋, ⌊columns/2⌋). */
  readonly axis?: readonly [number, number];
  /** Width of a bin in samples of the picture (default 1); on an arc the length along it. */
  readonly binWidth?: number;
  /** Default: parallel rays. */
  readonly fan?: Fan;
}
/** The options with everything filled in. */
export interface RadonGeometry {
  /** Of the image, samples. */
  readonly size: readonly [number, number];
  /** View by view, in radians. */
  readonly angles: Float64Array;
  /** How many bins the detector has. */
  readonly detectors: number;
  /** Where the axis of rotation falls on the detector, bins. */
  readonly centre: number;
  /** The axis of rotation in the picture, [row, column] with their fractions. */
  readonly axis: readonly [number, number];
  /** In samples of the image. */
  readonly binWidth: number;
  /** Distances of a fan beam; none for parallel rays. */
  readonly fan?: Required<Fan>;
}

/** @throws ArgumentError for lengths, counts and angles that describe no scanner */
export function radonGeometry(o: RadonOptions): RadonGeometry {
  const fail = (what: string): never => {
    throw new ArgumentError(`radon: ${what}`, { options: o });
  };
  const { detectors, size = [detectors, detectors], centre = Math.floor(detectors / 2), binWidth = 1 } = o;
  const angles = Float64Array.from(o.angles);
  if (!Number.isInteger(detectors) || detectors < 1) fail(`${detectors} detector bins came; at least 1 was expected`);
  if (size.length !== 2 || size.some((n) => !Number.isInteger(n) || n < 1)) fail(`the picture's size [${size}] must be [rows, columns]`);
  const { axis = [Math.floor(size[0] / 2), Math.floor(size[1] / 2)] } = o;
  if (axis.length !== 2 || !axis.every(Number.isFinite)) fail(`the axis [${axis}] is no place in the picture; it is [row, column]`);
  if (angles.length === 0) fail("no angles came; give one for each view, in degrees");
  if (!angles.every(Number.isFinite)) fail("an angle is NaN or infinite; angles are degrees");
  if (!Number.isFinite(centre)) fail(`the centre ${centre} is no place on the detector; it is a bin, by default ⌊detectors / 2⌋`);
  if (!(binWidth > 0 && Number.isFinite(binWidth))) fail(`a bin of width ${binWidth}; it must be positive, in samples of the picture`);
  if (!o.fan) return { size, angles, detectors, centre, axis, binWidth };
  const { source, detector, shape = "flat" } = o.fan;
  const reach = Math.hypot(...size) / 2;
  if (!(source > reach && Number.isFinite(source)))
    fail(`the source is ${source} samples from the axis; it must lie outside the picture, more than ${Math.ceil(reach)} away`);
  if (!(detector >= 0 && Number.isFinite(detector))) fail(`the detector is ${detector} samples from the axis; give a length of at least 0`);
  if (shape === "arc" && ((detectors + Math.abs(centre)) * binWidth) / (source + detector) > Math.PI)
    fail("the arc of the detector goes around the source; check the width of a bin");
  return { size, angles, detectors, centre, axis, binWidth, fan: { source, detector, shape } };
}

/** All rays of a geometry, in f64: bin j of view v has the index v · detectors + j. */
export function raysOf({ axis: [cy, cx], angles, detectors, centre, binWidth, fan }: RadonGeometry): twin.Rays {
  const fresh = () => ({ a: [] as number[], b: [] as number[], w: [] as number[], index: [] as number[] });
  const [alongY, alongX] = [fresh(), fresh()];
  angles.forEach((degrees, view) => {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    for (let j = 0; j < detectors; j++) {
      // A point of the ray and its direction: the rays of a view run along (s, c), the detector along (c, −s); x right, y down.
      const t = (j - centre) * binWidth;
      let [px, py, dx, dy] = [t * c, -t * s, s, c];
      if (fan) {
        [px, py] = [-fan.source * s, -fan.source * c];
        const length = fan.source + fan.detector;
        const [along, across] = fan.shape === "arc" ? [Math.cos(t / length), Math.sin(t / length)] : [length, t];
        [dx, dy] = [along * s + across * c, along * c - across * s];
      }
      const y = Math.abs(dy) >= Math.abs(dx);
      const list = y ? alongY : alongX;
      const slope = y ? dx / dy : dy / dx;
      list.a.push(y ? px - slope * (py + cy) + cx : py - slope * (px + cx) + cy);
      list.b.push(slope);
      list.w.push(Math.hypot(1, slope));
      list.index.push(view * detectors + j);
    }
  });
  return { alongY, alongX, count: angles.length * detectors };
}

/**
 * Line integrals through a picture by Joseph's method, in samples of the picture: A: [rows, columns] → [views, detectors]. The axis of rotation is sample
 * (⌊columns/2⌋, ⌊rows/2⌋) where nothing else is said; a view at angle θ looks along (sin θ, cos θ) (x right, y down) and its detector runs along (cos θ, −sin θ), which is what
 * scikit-image's radon does. The adjoint is the exact transpose. Weights are made on the fly.
 * @throws ArgumentError for lengths, counts and angles that describe no scanner
 * @see Joseph (1982), IEEE Trans. Med. Imaging 1; for views from the picture's side, parallelAdjoint
 */
export function radonOperator(options: RadonOptions): Operator {
  const g = radonGeometry(options);
  const { size, detectors } = g;
  const views = g.angles.length;
  const range = [views, detectors];
  const rays = raysOf(g);
  const upload = ({ a, b, w, index }: twin.RayList) => {
    const floats = (x: ArrayLike<number>) => keep(Tensor.from(Float32Array.from(x), [x.length]));
    const tensors = { a: floats(a), b: floats(b), w: floats(w), index: keep(Tensor.from(Int32Array.from(index), [index.length], "i32")) };
    return (): RayPointers => ({
      a: tensors.a.pointer,
      b: tensors.b.pointer,
      w: tensors.w.pointer,
      index: tensors.index.pointer,
      count: a.length,
    });
  };
  const [alongY, alongX] = [upload(rays.alongY), upload(rays.alongX)];
  const parallel = g.fan ? undefined : parallelTable(g);
  return new Operator({
    name: "radon",
    domain: size,
    range,
    apply(x) {
      if (x.dtype !== "f32") return Tensor.from(twin.raysForward(x.data, size, rays), range, x.dtype);
      const out = Tensor.uninitialised(range);
      raysForward(engine(), x.pointer, size, { alongY: alongY(), alongX: alongX() }, out.pointer);
      return out;
    },
    adjoint(y) {
      if (y.dtype !== "f32") return Tensor.from(twin.raysAdjoint(y.data, size, rays), size, y.dtype);
      const out = Tensor.uninitialised(size);
      if (parallel) parallelAdjoint(engine(), y.pointer, size, parallel(), out.pointer);
      else raysAdjoint(engine(), y.pointer, size, { alongY: alongY(), alongX: alongX() }, out.pointer);
      return out;
    },
  });
}

/** What the fast adjoint needs of each view: the place on the detector of sample (0, 0), its slopes, and the shape of Joseph's weight there. */
function parallelTable({ axis: [cy, cx], angles, detectors, centre, binWidth }: RadonGeometry): () => ParallelPointers {
  const table = new Float32Array(5 * angles.length);
  let pairs = 1;
  angles.forEach((degrees, v) => {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    const m = Math.max(Math.abs(c), Math.abs(s));
    table.set([centre + (cy * s - cx * c) / binWidth, c / binWidth, -s / binWidth, binWidth / m, 1 / m], 5 * v);
    pairs = Math.max(pairs, Math.ceil(m / binWidth - 1e-9));
  });
  const tensor = keep(Tensor.from(table, [table.length]));
  return () => ({ table: tensor.pointer, views: angles.length, bins: detectors, pairs });
}
