import { ArgumentError, ShapeError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { engine } from "../kernels/engine.js";
import { type GridPointers, gridCrop, gridGather, gridPlace, gridSpread, gridTaps } from "../kernels/gridding.js";
import * as twin from "../kernels/reference/gridding.js";
import { type DType, fft, ifft, keep, scope, Tensor } from "../tensor/index.js";
import { coilOperator } from "./coils.js";
import { compose, Operator } from "./operator.js";
import { inEveryPrecision } from "./typed.js";

/** Oversampling and kernel width: how exact a non-uniform transform is. */
export interface NufftOptions {
  /** Images in front of the picture's axes: coils. Default none. */
  readonly images?: number;
  /** Real factors of the samples, [m]: w in w · F x. */
  readonly weights?: Tensor;
  /** Type of the numbers; default f32. */
  readonly type?: DType;
}

/** The least even n of at least `least` with no prime factor above 5. */
function smooth(least: number): number {
  for (let n = Math.max(8, 2 * Math.ceil(least / 2)); ; n += 2) {
    let r = n;
    for (const p of [2, 3, 5]) while (r % p === 0) r /= p;
    if (r === 1) return n;
  }
}
/** kx, ky of each sample. @throws ShapeError, ArgumentError */
function coordinatesOf(trajectory: Tensor): Float64Array {
  if (trajectory.rank < 2 || trajectory.shape[trajectory.rank - 1] !== 2)
    throw new ShapeError(
      `nufft: a trajectory of ${shapeText(trajectory.shape)}; expected [samples, 2] or [shots, samples, 2] with (kx, ky) of each`,
      { shape: trajectory.shape },
    );
  const k = Float64Array.from(trajectory.data);
  if (!k.every(Number.isFinite)) throw new ArgumentError("nufft: the trajectory has values that are not finite", {});
  return k;
}

/**
 * Samples of an image's Fourier transform off its lattice,
 *     y_k = w_k / √(hw)  Σ_j x_j e^{−2πi (k_x (j_x − ⌊w/2⌋)/w + k_y (j_y − ⌊h/2⌋)/h)},
 * with k in cycles per field of view: at whole numbers what `fourierOperator` gives. By a lattice twice as fine and 6 × 6 points of it for each sample, within
 * 2e-5 of the sum (random images); the adjoint is the exact transpose of what is computed. Real and complex in c64; c128 runs the twin.
 * @param shape       [h, w]
 * @param trajectory  (kx, ky) of each sample: [m, 2], or [shots, samples, 2]; what lies beyond ±n/2 is the same as what lies inside
 * @returns operator from [h, w] to [m]; with `images` from [images, h, w] to [images, m]
 * @throws ShapeError, ArgumentError for trajectories that are none
 * @see Beatty, Nishimura & Pauly (2005), Rapid gridding reconstruction with a minimal oversampling ratio, IEEE Trans. Med. Imaging 24
 */
export function nufftOperator(shape: readonly [number, number], trajectory: Tensor, o: NufftOptions = {}): Operator {
  const { type = "c64", images } = o;
  if (shape.length !== 2 || shape.some((n) => !(Number.isInteger(n) && n >= 1)))
    throw new ShapeError(`nufft: an image of ${shapeText(shape)}; expected [h, w]`, { shape });
  const coordinates = coordinatesOf(trajectory);
  const m = coordinates.length / 2;
  if (o.weights && (o.weights.rank !== 1 || o.weights.size !== m))
    throw new ShapeError(`nufft: weights of ${shapeText(o.weights.shape)} for ${m} samples`, { weights: o.weights.shape });
  const [h, w] = shape;
  const lattice = [smooth(2 * h), smooth(2 * w)] as const;
  const table = twin.gridTable(coordinates, shape, lattice);
  const scale = 1 / Math.sqrt(h * w);
  const ay = twin.gridCorrection(h, lattice[0] / h).map((v) => v * scale);
  const ax = twin.gridCorrection(w, lattice[1] / w);
  const weights = o.weights && keep(o.weights);
  const factors = weights && inEveryPrecision((precision) => weights.cast(precision));
  const held = upload(table);
  const [ty, tx] = [ay, ax].map((v) => keep(Tensor.from(Float32Array.from(v), [v.length])));
  const n = images ?? 1;
  const batch = images === undefined ? [] : [images];
  const along = { axes: [1, 2] };
  const points = 2 * lattice[0] * lattice[1];
  const each = (data: ArrayLike<number>, size: number, f: (part: Float64Array) => Float64Array): Float64Array => {
    const all = Float64Array.from(data);
    const parts = Array.from({ length: n }, (_, c) => f(all.subarray(c * size, (c + 1) * size)));
    const out = new Float64Array(parts.reduce((s, p) => s + p.length, 0));
    let at = 0;
    for (const p of parts) {
      out.set(p, at);
      at += p.length;
    }
    return out;
  };
  return new Operator({
    name: "nufft",
    domain: [...batch, h, w],
    range: [...batch, m],
    domainType: type,
    rangeType: type,
    apply(x) {
      let y: Tensor;
      if (x.dtype === "c64") {
        const padded = Tensor.uninitialised([n, ...lattice], "c64");
        gridPlace(engine(), x.pointer, ty.pointer, tx.pointer, padded.pointer, n, shape, lattice);
        const z = fft(padded, along);
        y = Tensor.uninitialised([...batch, m], "c64");
        for (let c = 0; c < n; c++) gridGather(engine(), z.pointer + 4 * points * c, held(), y.pointer + 8 * m * c);
      } else {
        const padded = each(x.data, 2 * h * w, (v) => twin.gridPlace(v, ay, ax, lattice));
        const z = fft(Tensor.from(padded, [n, ...lattice], "c128"), along);
        y = Tensor.from(
          each(z.data, points, (v) => twin.gridGather(v, table)),
          [...batch, m],
          "c128",
        );
      }
      return factors ? y.mul(factors(x.dtype)) : y;
    },
    adjoint(y) {
      const v = factors ? y.mul(factors(y.dtype)) : y;
      if (y.dtype === "c64") {
        const z = Tensor.uninitialised([n, ...lattice], "c64");
        for (let c = 0; c < n; c++) gridSpread(engine(), v.pointer + 8 * m * c, held(), z.pointer + 4 * points * c);
        const padded = ifft(z, { ...along, normalisation: "forward" });
        const x = Tensor.uninitialised([...batch, h, w], "c64");
        gridCrop(engine(), padded.pointer, ty.pointer, tx.pointer, x.pointer, n, shape, lattice);
        return x;
      }
      const z = Tensor.from(
        each(v.data, 2 * m, (part) => twin.gridSpread(part, table)),
        [n, ...lattice],
        "c128",
      );
      const padded = ifft(z, { ...along, normalisation: "forward" });
      return Tensor.from(
        each(padded.data, points, (part) => twin.gridCrop(part, ay, ax, lattice)),
        [...batch, h, w],
        "c128",
      );
    },
  });
}

function upload(t: twin.GridTable): () => GridPointers {
  const m = t.index.length;
  const taps = keep(Tensor.from(gridTaps(t), [18 * m]));
  const whole = (v: Int32Array) => keep(Tensor.from(v, [v.length], "i32"));
  const [places, index, first] = [whole(t.places), whole(t.index), whole(t.first)];
  return () => ({
    taps: taps.pointer,
    places: places.pointer,
    index: index.pointer,
    first: first.pointer,
    samples: m,
    lattice: t.lattice,
  });
}

/**
 * How much of k-space each sample stands for, in lattice points, so that A*(w y) is an image with the right values: the fixed point of w ← w / (P w), where P lays the
 * samples on a fine lattice and reads them again.
 * @returns [m], with the sum at most hw (what the samples cover)
 * @see Pipe & Menon (1999), Sampling density compensation in MRI, Magnetic Resonance in Medicine 41
 */
export function densityCompensation(shape: readonly [number, number], trajectory: Tensor, iterations = 20): Tensor {
  const coordinates = coordinatesOf(trajectory);
  const m = coordinates.length / 2;
  const lattice = [smooth(2 * shape[0]), smooth(2 * shape[1])] as const;
  const table = twin.gridTable(coordinates, shape, lattice);
  // A sample's own window spreads over itself: the weights' integral is one over the area of a lattice point.
  const finer = (lattice[0] / shape[0]) * (lattice[1] / shape[1]);
  return scope(() => {
    const held = upload(table)();
    const lay = Tensor.uninitialised(lattice, "c64");
    let w = Tensor.ones([m], "c64");
    for (let k = 0; k < iterations; k++) {
      const next = Tensor.uninitialised([m], "c64");
      gridSpread(engine(), w.pointer, held, lay.pointer);
      gridGather(engine(), lay.pointer, held, next.pointer);
      w = w.div(next.abs().maximum(1e-20));
    }
    // One sample for each lattice point of the image has the weight 1: P then sums the windows' squares over a lattice.
    const one = spreadOfLattice(shape, lattice);
    return w
      .abs()
      .mul(one)
      .minimum(finer * 4);
  });
}
/** P of weights 1 at every whole number, in the middle. */
function spreadOfLattice(shape: readonly [number, number], lattice: readonly [number, number]): number {
  const [h, w] = shape.map((n) => Math.min(n, 16));
  const k = new Float64Array(2 * h * w);
  for (let i = 0; i < h * w; i++) k.set([(i % w) - Math.floor(w / 2), Math.floor(i / w) - Math.floor(h / 2)], 2 * i);
  const t = twin.gridTable(k, shape, lattice);
  const ones = new Float64Array(2 * h * w);
  for (let i = 0; i < h * w; i++) ones[2 * i] = 1;
  const back = twin.gridGather(twin.gridSpread(ones, t), t);
  return back[2 * (Math.floor(h / 2) * w + Math.floor(w / 2))];
}

/**
 * Spokes through the centre of k-space, [spokes, samples, 2] in cycles per field of view, from −n/2 to n/2; evenly over half a turn, or by the golden angle
 * 111.246°, when any number of successive spokes is nearly even.
 * @see Winkelmann et al. (2007), IEEE Trans. Med. Imaging 26 (golden angle)
 */
export function radialTrajectory(n: number, spokes: number, o: { readonly samples?: number; readonly golden?: boolean } = {}): Tensor {
  const { samples = 2 * n, golden = false } = o;
  const out = new Float32Array(2 * spokes * samples);
  for (let s = 0; s < spokes; s++) {
    const angle = golden ? (s * Math.PI * 2) / (1 + Math.sqrt(5)) : (s * Math.PI) / spokes;
    for (let i = 0; i < samples; i++) {
      const r = (n * (i - Math.floor(samples / 2))) / samples;
      out.set([r * Math.cos(angle), r * Math.sin(angle)], 2 * (s * samples + i));
    }
  }
  return Tensor.from(out, [spokes, samples, 2]);
}
/** Archimedes' spirals, [shots, samples, 2] in cycles per field of view, out to n/2: successive turns of all shots together are one cycle apart. */
export function spiralTrajectory(n: number, shots: number, samples: number): Tensor {
  const out = new Float32Array(2 * shots * samples);
  const turns = n / 2 / shots;
  for (let s = 0; s < shots; s++)
    for (let i = 0; i < samples; i++) {
      const t = Math.sqrt(i / Math.max(1, samples - 1)); // even along the curve
      const angle = 2 * Math.PI * (turns * t + s / shots);
      out.set([(n / 2) * t * Math.cos(angle), (n / 2) * t * Math.sin(angle)], 2 * (s * samples + i));
    }
  return Tensor.from(out, [shots, samples, 2]);
}

/** x ↦ w · F(S_c x) on a trajectory: [c, m] (without maps [m]) of a complex image. The adjoint's normal operator is a plain pair of transforms. */
export function nonCartesianOperator(
  shape: readonly [number, number],
  trajectory: Tensor,
  o: { readonly maps?: Tensor; readonly weights?: Tensor; readonly type?: DType } = {},
): Operator {
  const { maps, ...rest } = o;
  if (!maps) return nufftOperator(shape, trajectory, rest);
  if (maps.rank !== 3 || maps.shape[1] !== shape[0] || maps.shape[2] !== shape[1])
    throw new ShapeError(`nufft: maps of ${shapeText(maps.shape)} for an image of ${shapeText(shape)}; expected [coils, h, w]`, {
      maps: maps.shape,
    });
  return compose(nufftOperator(shape, trajectory, { ...rest, images: maps.shape[0] }), coilOperator(maps, o.type));
}
