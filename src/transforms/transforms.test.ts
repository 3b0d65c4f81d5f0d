import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { type Grid, grid, indexToPhysical, tensorShape } from "../image/grid.js";
import { jacobian, Tensor } from "../tensor/index.js";
import {
  AffineTransform,
  BSplineTransform,
  CompositeTransform,
  controlGridOver,
  DisplacementTransform,
  exponential,
  invertBSpline,
  refined,
  type Transform,
  VelocityTransform,
} from "./index.js";

const rotated = [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1];
const flat = grid({ size: [30, 26], spacing: [1, 1.5], origin: [4, -3], direction: [0.8, -0.6, 0.6, 0.8] });
const solid = grid({ size: [14, 16, 12], spacing: [1.5, 1, 2], origin: [-5, 3, 8], direction: rotated });
const random = seeded(5);
/** Smooth planes: a few slow waves along the axes. */
function waves(g: Grid, amplitude: number): Tensor {
  const d = g.size.length;
  const n = g.size.reduce((a, b) => a * b, 1);
  const out = new Float32Array(d * n);
  const phase = Array.from({ length: d * d }, () => 6 * random.uniform());
  for (let k = 0; k < n; k++) {
    let rest = k;
    const t = g.size.map((s) => {
      const i = rest % s;
      rest = (rest - i) / s;
      return i / s;
    });
    for (let c = 0; c < d; c++) out[c * n + k] = amplitude * t.reduce((s, v, j) => s + Math.sin(5 * v + phase[c * d + j]), 0);
  }
  return Tensor.from(out, [d, ...tensorShape(g)]);
}
const spline = (g: Grid, amplitude = 0.6, mm = 5) => {
  const over = controlGridOver(g, mm);
  return new BSplineTransform(waves(over, amplitude), over, { name: "fixed", grid: g });
};
const turn = (d: number) =>
  new AffineTransform(
    d === 2 ? { matrix: [0.9, 0.2, -0.2, 1], offset: [1, 2] } : { matrix: [0.9, 0.2, 0, -0.2, 1, 0, 0, 0.1, 1.1], offset: [1, 2, -3] },
  );
/** Points in the middle part of a grid. */
function inside(g: Grid, n: number): Tensor {
  const d = g.size.length;
  const { matrix, offset } = indexToPhysical(g);
  const r = seeded(9);
  return Tensor.from(
    Float64Array.from(
      Array.from({ length: n }, () => {
        const i = g.size.map((s) => (0.3 + 0.4 * r.uniform()) * s);
        return offset.map((o, a) => o + i.reduce((s, v, j) => s + matrix[a * d + j] * v, 0));
      }).flat(),
    ),
    [n, d],
  );
}
const largest = (a: Tensor, b: Tensor) => Math.max(...Array.from(a.sub(b).data, Math.abs));

for (const g of [flat, solid]) {
  const d = g.size.length;
  const all: Record<string, Transform> = {
    affine: turn(d),
    displacement: new DisplacementTransform(waves(g, 0.6), g),
    bspline: spline(g),
    velocity: new VelocityTransform(waves(g, 0.6), g),
    composite: new CompositeTransform([spline(g), turn(d)]),
  };
  describe.each(Object.entries(all))(`a %s transform in ${d} dimensions`, (kind, y) => {
    test("brings points back by its inverse", () => {
      const p = inside(g, 20);
      // A field's inverse is exact at the samples; between them, and for exp(−v) after exp(v), linear interpolation leaves some hundredths of a voxel.
      expect(largest(y.inverse().apply(y.apply(p)), p)).toBeLessThan(kind === "affine" ? 1e-9 : 0.03);
    });
    test("moves the samples of a grid as it moves points", () => {
      const u = y.displacement(g).data;
      const { matrix, offset } = indexToPhysical(g);
      const [i, j, k] = [9, 7, 5];
      const p = offset.map((o, a) => o + [i, j, k].slice(0, d).reduce((s, v, c) => s + matrix[a * d + c] * v, 0));
      const q = y.apply(Tensor.from(Float64Array.from(p), [1, d])).data;
      const at = i + g.size[0] * (j + (d === 3 ? g.size[1] * k : 0));
      const n = u.length / d;
      for (let a = 0; a < d; a++) expect(u[a * n + at]).toBeCloseTo(q[a] - p[a], 4); // f32
    });
    test("composed densely is composed point by point", () => {
      const both = turn(d).compose(y).compose(turn(d).inverse());
      const p = inside(g, 7);
      const byHand = turn(d).apply(y.apply(turn(d).inverse().apply(p)));
      expect(largest(both.apply(p), byHand)).toBeLessThan(1e-4);
    });
  });

  test(`the derivative of a spline's apply is the Jacobian of its dense form, ${d}-D`, () => {
    const y = spline(g);
    const wide = new BSplineTransform(y.control.cast("f64"), y.controlGrid);
    const p = inside(g, 1);
    const J = jacobian((q) => wide.apply(q.reshape(1, d)).reshape(d))(p.reshape(d)).data;
    const h = 1e-3;
    for (let b = 0; b < d; b++) {
      const step = (s: number) =>
        wide.apply(
          p.add(
            Tensor.from(
              Float64Array.from({ length: d }, (_, i) => (i === b ? s : 0)),
              [1, d],
            ),
          ),
        );
      const slope = step(h)
        .sub(step(-h))
        .mul(1 / (2 * h)).data;
      for (let a = 0; a < d; a++) expect(J[a * d + b]).toBeCloseTo(slope[a], 5); // h² of a smooth map
    }
  });

  test(`twice the control points make the same spline, ${d}-D`, () => {
    const y = spline(g);
    const finer = controlGridOver(
      g,
      y.controlGrid.spacing.map((s) => s / 2),
    );
    const same = new BSplineTransform(
      refined(
        y.control,
        g.size.map(() => 1),
      ),
      finer,
    );
    expect(largest(same.displacement(g), y.displacement(g))).toBeLessThan(1e-5); // f32
  });

  test(`a constant velocity is a translation, and the log Jacobian of a uniform stretch is its rate, ${d}-D`, () => {
    const shape = tensorShape(g);
    const still = new VelocityTransform(Tensor.ones([d, ...shape]).mul(0.7), g);
    for (const v of still.displacement(g).data) expect(v).toBeCloseTo(0.7, 5);
    const { matrix, offset } = indexToPhysical(g);
    const rate = 0.1;
    const n = shape.reduce((a, b) => a * b, 1);
    const v = new Float32Array(d * n);
    for (let k = 0; k < n; k++) {
      let rest = k;
      const i = g.size.map((s) => {
        const x = rest % s;
        rest = (rest - x) / s;
        return x - s / 2;
      });
      for (let a = 0; a < d; a++) v[a * n + k] = rate * i.reduce((s, x, c) => s + matrix[a * d + c] * x, 0);
    }
    expect(offset.length).toBe(d);
    const log = new VelocityTransform(Tensor.from(v, [d, ...shape]), g, undefined, undefined, 10).logJacobian();
    const middle = shape.reduce((at, s) => at * s + (s >> 1), 0);
    expect(log.data[middle]).toBeCloseTo(d * rate, 3); // a step of 2⁻¹⁰
  });
}

test("the inverse of a spline states its error, and few iterations would show", () => {
  const y = spline(flat, 1.2, 8);
  const { error, field, grid: at } = invertBSpline(y);
  expect(at).toEqual(flat);
  expect(error).toBeLessThan(0.02); // mm: four steps of a contraction, from linear samples
  expect(invertBSpline(y, flat, { iterations: 0 }).error).toBeGreaterThan(0.1);
  expect(field.shape).toEqual([2, 26, 30]);
});

test("exp is differentiable: the slope of a small change agrees with a difference", () => {
  const g = grid({ size: [7, 6], spacing: [1, 2] });
  const v = waves(g, 0.5).cast("f64");
  const dv = waves(g, 0.3).cast("f64");
  const f = (t: number) =>
    exponential(v.add(dv.mul(t)), g, 4)
      .square()
      .sum()
      .item();
  const slope = jacobian((t) =>
    exponential(v.add(dv.mul(t)), g, 4)
      .square()
      .sum()
      .reshape(1),
  )(Tensor.from(Float64Array.of(0), [1])).item();
  expect(slope).toBeCloseTo((f(1e-5) - f(-1e-5)) / 2e-5, 4);
});
