import type { Parametric, Transform } from "../../core/interfaces.js";
import { seeded } from "../../core/random.js";
import { type Grid, grid, indexToPhysical, tensorShape } from "../../image/grid.js";
import { Tensor } from "../../tensor/index.js";
import {
  AffineTransform,
  BSplineTransform,
  CompositeTransform,
  controlGridOver,
  DisplacementTransform,
  HomographyTransform,
  ThinPlateSplineTransform,
  TimeVelocityTransform,
  VelocityTransform,
} from "../../transforms/index.js";

/** One transform of a kind, and how exact its laws are. */
export interface TransformExample {
  readonly transform: Transform;
  /** Where there are parameters to differentiate in, the same in f64. */
  readonly wide?: Transform & Parametric<Transform>;
  /** mm: how far y⁻¹ ∘ y may be from the identity, and the reason. */
  readonly inverse: { readonly tolerance: number; readonly because: string };
}

/** Smooth planes [d, (z,) y, x] in mm on a grid: a slow wave along each axis. */
export function slowWaves(on: Grid, amplitude: number, seed = 5, dtype: "f32" | "f64" = "f32"): Tensor {
  const random = seeded(seed);
  const d = on.size.length;
  const n = on.size.reduce((a, b) => a * b, 1);
  const out = new Float64Array(d * n);
  const phase = Array.from({ length: d * d }, () => 6 * random.uniform());
  for (let k = 0; k < n; k++) {
    let rest = k;
    const t = on.size.map((s) => {
      const i = rest % s;
      rest = (rest - i) / s;
      return i / s;
    });
    for (let c = 0; c < d; c++) out[c * n + k] = amplitude * t.reduce((s, v, j) => s + Math.sin(5 * v + phase[c * d + j]), 0);
  }
  return Tensor.from(out, [d, ...tensorShape(on)], dtype);
}

/** Turned and stretched grids in the plane and in space, so that nothing holds by accident of the axes. */
export const exampleGrids: readonly Grid[] = [
  grid({ size: [30, 26], spacing: [1, 1.5], origin: [4, -3], direction: [0.8, -0.6, 0.6, 0.8] }),
  grid({ size: [14, 16, 12], spacing: [1.5, 1, 2], origin: [-5, 3, 8], direction: [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1] }),
];

/** Random points in the middle of a grid, [n, d] in mm. */
export function pointsInside(on: Grid, n: number, seed = 9): Tensor {
  const d = on.size.length;
  const { matrix, offset } = indexToPhysical(on);
  const r = seeded(seed);
  const points = Array.from({ length: n }, () => {
    const i = on.size.map((s) => (0.3 + 0.4 * r.uniform()) * s);
    return offset.map((o, a) => o + i.reduce((s, v, j) => s + matrix[a * d + j] * v, 0));
  });
  return Tensor.from(Float64Array.from(points.flat()), [n, d]);
}

const exact = { tolerance: 1e-9, because: "it is inverted exactly, in double precision" };
const stored = {
  tolerance: 0.05,
  because: "a stored field is exact at its samples; linear interpolation between them loses hundredths of a voxel",
};

const affine = (d: number) =>
  new AffineTransform(
    d === 2 ? { matrix: [0.9, 0.2, -0.2, 1], offset: [1, 2] } : { matrix: [0.9, 0.2, 0, -0.2, 1, 0, 0, 0.1, 1.1], offset: [1, 2, -3] },
  );

/** By the catalogue's names; undefined where a kind does not exist in that dimension. */
export const transformExamples: Readonly<Record<string, (on: Grid) => TransformExample | undefined>> = {
  affine: (on) => ({ transform: affine(on.size.length), wide: affine(on.size.length), inverse: exact }),
  homography(on) {
    if (on.size.length !== 2) return undefined;
    const y = new HomographyTransform([1.1, 0.1, 2, -0.1, 0.95, 1, 0.002, -0.001, 1]);
    return { transform: y, wide: y, inverse: exact };
  },
  thinPlateSpline(on) {
    const fixed = pointsInside(on, 9, 3);
    const moving = fixed.add(
      Tensor.from(
        Float64Array.from({ length: fixed.size }, (_, k) => 0.4 * Math.sin(3 * k)),
        fixed.shape,
      ),
    );
    const y = new ThinPlateSplineTransform({ fixed, moving, lambda: 0.05 });
    return { transform: y, wide: y, inverse: { tolerance: 1e-8, because: "Newton's method ends at 1e-9 mm" } };
  },
  bspline(on) {
    const over = controlGridOver(on, 5);
    const y = (dtype: "f32" | "f64") => new BSplineTransform(slowWaves(over, 0.6, 5, dtype), over, { name: "fixed", grid: on });
    return { transform: y("f32"), wide: y("f64"), inverse: stored };
  },
  displacement(on) {
    const y = (dtype: "f32" | "f64") => new DisplacementTransform(slowWaves(on, 0.6, 5, dtype), on);
    return { transform: y("f32"), wide: y("f64"), inverse: stored };
  },
  velocity(on) {
    const y = (dtype: "f32" | "f64") => new VelocityTransform(slowWaves(on, 0.6, 5, dtype), on);
    return { transform: y("f32"), wide: y("f64"), inverse: { ...stored, because: "both ways are sampled, and linear in between" } };
  },
  timeVelocity(on) {
    const v = (dtype: "f32" | "f64") => {
      const [a, b, c] = [5, 6, 7].map((seed) => Array.from(slowWaves(on, 0.5, seed, dtype).data));
      return Tensor.from(Float64Array.from([...a, ...b, ...c]), [3, on.size.length, ...tensorShape(on)], dtype);
    };
    const y = (dtype: "f32" | "f64") => new TimeVelocityTransform(v(dtype), on);
    return {
      transform: y("f32"),
      wide: y("f64"),
      inverse: { tolerance: 2e-3, because: "Runge–Kutta steps meet kinks where v is linear between samples" },
    };
  },
  composite(on) {
    const d = on.size.length;
    const over = controlGridOver(on, 5);
    const y = new CompositeTransform([new BSplineTransform(slowWaves(over, 0.6), over, { name: "fixed", grid: on }), affine(d)]);
    return { transform: y, inverse: stored };
  },
};
