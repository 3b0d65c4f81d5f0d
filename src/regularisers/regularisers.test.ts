import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { type Grid, grid, indexToPhysical, tensorShape } from "../image/grid.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { taylorFirst } from "../testing/laws.js";
import {
  bendingEnergy,
  curvature,
  diffusion,
  elastic,
  type FieldRegulariser,
  hyperelastic,
  localRigidity,
  logJacobian,
  totalVariation,
  volume,
} from "./index.js";

const all: Record<string, () => FieldRegulariser> = {
  bendingEnergy,
  curvature,
  diffusion,
  elastic: () => elastic({ lambda: 0.7, mu: 1.3 }),
  hyperelastic,
  localRigidity,
  logJacobian,
  totalVariation,
  volume,
};
const turned3 = [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1];
const grids: Record<string, Grid> = {
  "2-D": grid({ size: [9, 7], spacing: [0.5, 2], origin: [3, 4], direction: [0.6, -0.8, 0.8, 0.6] }),
  "3-D": grid({ size: [6, 5, 7], spacing: [1.5, 1, 0.8], origin: [-4, 0, 9], direction: turned3 }),
};
/** u(p) = f(p) at the samples, f64. */
function field(g: Grid, f: (p: readonly number[]) => readonly number[]): Tensor {
  const d = g.size.length;
  const n = g.size.reduce((a, b) => a * b, 1);
  const { matrix, offset } = indexToPhysical(g);
  const out = new Float64Array(d * n);
  for (let k = 0; k < n; k++) {
    let rest = k;
    const i = g.size.map((s) => {
      const x = rest % s;
      rest = (rest - x) / s;
      return x;
    });
    f(offset.map((o, a) => o + i.reduce((s, x, j) => s + matrix[a * d + j] * x, 0))).forEach((v, c) => {
      out[c * n + k] = v;
    });
  }
  return Tensor.from(out, [d, ...tensorShape(g)]);
}
const linear = (m: readonly (readonly number[])[], b: readonly number[]) => (p: readonly number[]) =>
  m.map((row, i) => row.reduce((s, v, j) => s + v * p[j], b[i]));
const rotation = (d: number, a: number) => {
  const [c, s] = [Math.cos(a) - 1, Math.sin(a)];
  return d === 2
    ? [
        [c, -s],
        [s, c],
      ]
    : [
        [c, -s, 0],
        [s, c, 0],
        [0, 0, 0],
      ]; // R − I
};
const spin = (d: number) =>
  d === 2
    ? [
        [0, -0.2],
        [0.2, 0],
      ]
    : [
        [0, -0.2, 0.1],
        [0.2, 0, -0.3],
        [-0.1, 0.3, 0],
      ];
const bent = (d: number) => Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => 0.1 * Math.sin(3 * i + j + 1)));
const isZero = 1e-20; // squares of f64 rounding

for (const [name, g] of Object.entries(grids)) {
  const d = g.size.length;
  const shift = [0.7, -0.4, 1.1].slice(0, d);
  const zero = shift.map(() => 0);
  describe.each(Object.entries(all))(`%s in ${name}`, (kind, make) => {
    const s = make();
    test("is named after itself, and sees a random field", () => {
      expect(s.name).toBe(kind);
      expect(s.value(randomNormal([d, ...tensorShape(g)], seeded(1), "f64").mul(0.1), g).item()).toBeGreaterThan(1e-4);
    });
    test("its first Taylor remainder falls as h²", () => {
      const u = randomNormal([d, ...tensorShape(g)], seeded(2), "f64").mul(0.05);
      // Steps well inside the region where determinants are above the barrier and square roots are smooth.
      const { order, remainders } = taylorFirst((x) => s.value(x, g), [u], seeded(3), 1e-3);
      expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
    });
    test("translations are free", () => {
      expect(
        s
          .value(
            field(g, () => shift),
            g,
          )
          .item(),
      ).toBeLessThan(isZero);
    });
    test("turning image and field together changes nothing", () => {
      const straight = { ...g, direction: d === 2 ? [1, 0, 0, 1] : [1, 0, 0, 0, 1, 0, 0, 0, 1], origin: zero };
      const u = randomNormal([d, ...tensorShape(g)], seeded(4), "f64").mul(0.1);
      const rows = Array.from({ length: d }, (_, i) => g.direction.slice(i * d, i * d + d));
      const turned = Tensor.from(Float64Array.from(rows.flat()), [d, d])
        .matmul(u.reshape(d, -1))
        .reshape(...u.shape);
      expect(s.value(turned, g).item()).toBeCloseTo(s.value(u, straight).item(), 10);
    });
    test("f32 agrees with f64", () => {
      const u = randomNormal([d, ...tensorShape(g)], seeded(5), "f64").mul(0.05);
      const a = s.value(u, g).item();
      expect(Math.abs(s.value(u.cast("f32"), g).item() / a - 1)).toBeLessThan(1e-4);
    });
    test("a field of another size is refused", () => {
      expect(() => s.value(Tensor.zeros([d, ...tensorShape(g).map((n) => n + 1)]), g)).toThrow(new RegExp(s.name));
    });
  });

  test.each([curvature, bendingEnergy])(`affine maps are free of bending, ${name} (%#)`, (make) => {
    expect(
      make()
        .value(field(g, linear(bent(d), shift)), g)
        .item(),
    ).toBeLessThan(isZero);
    expect(
      make()
        .value(
          field(g, (p) => p.map((v, i) => (i === 0 ? 0.1 * v * v : 0))),
          g,
        )
        .item(),
    ).toBeGreaterThan(1e-3);
  });
  test(`infinitesimal rotations are free of elastic energy, stretches are not, ${name}`, () => {
    const s = elastic({ lambda: 2, mu: 1 });
    expect(s.value(field(g, linear(spin(d), shift)), g).item()).toBeLessThan(isZero);
    // u = a p: ε = a I, so μ d a² + ½ λ (d a)²
    const a = 0.1;
    const stretch = Array.from({ length: d }, (_, i) => zero.map((_v, j) => (i === j ? a : 0)));
    expect(s.value(field(g, linear(stretch, zero)), g).item()).toBeCloseTo(d * a * a + (d * a) ** 2, 10);
  });
  test(`rotations of any size are free of local rigidity, ${name}`, () => {
    expect(
      localRigidity()
        .value(field(g, linear(rotation(d, 1.2), shift)), g)
        .item(),
    ).toBeLessThan(1e-15); // a cancellation of ones
    const shear = rotation(d, 0).map((row, i) => row.map((v, j) => (i === 0 && j === 1 ? 0.3 : v)));
    expect(
      localRigidity()
        .value(field(g, linear(shear, zero)), g)
        .item(),
    ).toBeGreaterThan(0.05);
  });
  test(`rotations and shears keep volumes: volume and logJacobian are 0; a stretch by s costs (J − 1)²/J and ½ log² J, ${name}`, () => {
    const shear = rotation(d, 0).map((row, i) => row.map((v, j) => (i === 0 && j === 1 ? 0.3 : v)));
    for (const m of [rotation(d, 0.8), shear])
      for (const s of [volume(), logJacobian()]) expect(s.value(field(g, linear(m, shift)), g).item()).toBeLessThan(isZero);
    const J = 1.1 ** d;
    const u = field(g, (p) => p.map((v) => 0.1 * v));
    expect(volume().value(u, g).item()).toBeCloseTo((J - 1) ** 2 / J, 10);
    expect(logJacobian().value(u, g).item()).toBeCloseTo(0.5 * Math.log(J) ** 2, 10);
    expect(hyperelastic({ length: 0 }).value(u, g).item()).toBeCloseTo(((J - 1) ** 2 / J) ** 2, 10);
  });
  test(`a fold costs a lot, and its slope leads out of it, ${name}`, () => {
    const mirrored = (t: number) => field(g, (p) => p.map((v, i) => (i === 0 ? -t * v : 0))); // J = 1 − t
    for (const s of [volume(), hyperelastic(), logJacobian()]) {
      const [a, b, c] = [0.9, 1.2, 1.5].map((t) => s.value(mirrored(t), g).item());
      expect(b).toBeGreaterThan(2 * a);
      expect(c).toBeGreaterThan(b);
    }
  });
  test(`refining the grid keeps the scale, ${name}`, () => {
    const fine = { ...g, size: g.size.map((n) => 2 * n - 1), spacing: g.spacing.map((s) => s / 2) };
    const f = (p: readonly number[]) => p.map((_, i) => 0.3 * Math.sin(0.2 * p[(i + 1) % d] + 0.3 * p[i]));
    for (const make of Object.values(all)) {
      const s = make();
      const [a, b] = [s.value(field(g, f), g).item(), s.value(field(fine, f), fine).item()];
      if (a > 1e-8) expect(Math.abs(b / a - 1), s.name).toBeLessThan(0.4); // borders weigh half as much on the finer one
    }
  });
}

test("diffusion of a uniform slope is half its square, but for the last sample that has no right neighbour", () => {
  const g = grid({ size: [5, 1], spacing: [2, 1] });
  expect(
    diffusion()
      .value(Tensor.from(Float64Array.of(0, 2, 4, 6, 8, 0, 0, 0, 0, 0), [2, 1, 5]), g)
      .item(),
  ).toBeCloseTo(0.5 * (4 / 5), 12);
});
test("a jump costs total variation its height, and diffusion its square", () => {
  const g = grid({ size: [8, 1] });
  const jump = (h: number) =>
    Tensor.from(
      Float64Array.from({ length: 16 }, (_, i) => (i > 3 && i < 8 ? h : 0)),
      [2, 1, 8],
    );
  const ratio = (s: FieldRegulariser) => s.value(jump(2), g).item() / s.value(jump(1), g).item();
  expect(ratio(totalVariation({ epsilon: 1e-6 }))).toBeCloseTo(2, 4);
  expect(ratio(diffusion())).toBeCloseTo(4, 10);
});
test("local rigidity looks where its mask is, whatever that mask's grid", () => {
  const g = grid({ size: [16, 16] });
  const half = grid({ size: [8, 8], spacing: [2, 2], origin: [0.5, 0.5] });
  const left = {
    values: Tensor.from(
      Float32Array.from({ length: 64 }, (_, k) => (k % 8 < 4 ? 1 : 0)),
      [1, 8, 8],
    ),
    grid: half,
  };
  const s = localRigidity({ mask: left });
  const bump = (x0: number) =>
    s
      .value(
        field(g, ([x, y]) => [0.5 * Math.exp(-((x - x0) ** 2 + (y - 8) ** 2) / 4), 0]),
        g,
      )
      .item();
  expect(bump(4)).toBeGreaterThan(20 * bump(13));
});
test("parameters without a meaning are refused", () => {
  expect(() => elastic({ mu: 0 })).toThrow(/μ > 0/);
  expect(() => totalVariation({ epsilon: 0 })).toThrow(/above 0/);
  expect(() => hyperelastic({ volume: -1 })).toThrow(/below 0/);
  expect(() => localRigidity({ affinity: -1 })).toThrow(/below 0/);
});
