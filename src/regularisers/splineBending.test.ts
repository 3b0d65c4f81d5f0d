import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { applyAffine, type Grid, grid, indexToPhysical } from "../image/index.js";
import { randomNormal, Tensor, valueAndGrad } from "../tensor/index.js";
import { taylorFirst } from "../testing/laws.js";
import { controlGridOver, splineOn } from "../transforms/index.js";
import { bendingEnergy, splineBending } from "./index.js";

const grids = [
  grid({ size: [20, 17], spacing: [1, 1.5], direction: [0.8, -0.6, 0.6, 0.8] }),
  grid({ size: [12, 11, 9], spacing: [1.5, 1, 2], origin: [3, 1, 2] }),
];
/** A grid over the same extent with `times` samples for each. */
const finer = (g: Grid, times: number): Grid =>
  grid({
    ...g,
    size: g.size.map((n) => n * times),
    spacing: g.spacing.map((s) => s / times),
    origin: applyAffine(
      indexToPhysical(g),
      g.size.map(() => (1 / times - 1) / 2),
    ),
  });

describe.each(grids.map((g) => [g.size.length, g] as const))("the bending energy of a spline in closed form, %i-D", (d, g) => {
  const over = controlGridOver(g, 5);
  const control = randomNormal([d, ...[...over.size].reverse()], seeded(4), "f64");
  test("is what sums of second differences tend to", () => {
    const exact = splineBending(control, over).item();
    const off = [2, 4].map((times) => {
      const on = finer(g, times);
      return Math.abs(
        bendingEnergy()
          .value(splineOn(control, over, on), on)
          .item() /
          exact -
          1,
      );
    });
    expect(off[1]).toBeLessThan(0.05); // means leave the outermost samples out, and differences average over h
    expect(off[1]).toBeLessThan(0.7 * off[0]);
  });
  test("is zero exactly for affine maps", () => {
    const n = over.size.reduce((a, b) => a * b, 1);
    const affine = Tensor.from(
      Float64Array.from({ length: d * n }, (_, k) => {
        let rest = k % n;
        return over.size.reduce((s, m, j) => {
          const i = rest % m;
          rest = (rest - i) / m;
          return s + (0.3 * j + 0.1 * Math.floor(k / n) - 0.2) * i;
        }, 1);
      }),
      control.shape,
    );
    expect(splineBending(affine, over).item()).toBeLessThan(1e-12);
  });
  test("has its derivative in the control points", () => {
    const { order, remainders } = taylorFirst((c) => splineBending(c, over), [control], seeded(6));
    expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
    // quadratic: ⟨∇S, c⟩ = 2 S
    const { value, gradients } = valueAndGrad((c) => splineBending(c, over))(control);
    expect(gradients[0].innerProduct(control).item()).toBeCloseTo(2 * value.item(), 8);
  });
});
