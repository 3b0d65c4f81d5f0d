import { expect, test } from "vitest";
import { grid } from "../image/index.js";
import { Tensor } from "../tensor/index.js";
import { slowWaves } from "../testing/examples/transforms.js";
import { exponential, logarithm } from "./index.js";

const grids = [
  grid({ size: [40, 36], spacing: [1, 1.5], direction: [0.8, -0.6, 0.6, 0.8] }),
  grid({ size: [24, 22, 20], spacing: [1.5, 1, 2] }),
];
/** A velocity that fades at the border, so that no path leaves the grid. */
const calm = (g: (typeof grids)[number], amplitude: number): Tensor => {
  const v = slowWaves(g, amplitude);
  const n = g.size.reduce((a, b) => a * b, 1);
  for (let k = 0; k < v.size; k++) {
    let rest = k % n;
    for (const s of g.size) {
      v.data[k] *= Math.sin((Math.PI * ((rest % s) + 0.5)) / s);
      rest = Math.floor(rest / s);
    }
  }
  return v;
};

test.each(grids.map((g) => [g.size.length, g] as const))("the logarithm of an exponential is its velocity, %i-D", (_, g) => {
  const v = calm(g, 2);
  const { velocity, left } = logarithm(exponential(v, g), g);
  expect(left.rms).toBeLessThan(0.01);
  const off = velocity.sub(v).abs();
  expect(off.mean().item()).toBeLessThan(0.01); // of millimetres: linear samples of waves
  expect(v.abs().max().item()).toBeGreaterThan(2);
});
test("the way back has the opposite logarithm", () => {
  const [g] = grids;
  const v = calm(g, 2);
  const back = logarithm(exponential(v.neg(), g), g).velocity;
  expect(
    back
      .add(logarithm(exponential(v, g), g).velocity)
      .abs()
      .mean()
      .item(),
  ).toBeLessThan(0.02);
});
test("nothing moved is no velocity", () => {
  const { velocity, left } = logarithm(Tensor.zeros([2, 36, 40]), grids[0]);
  expect([velocity.abs().max().item(), left.largest]).toEqual([0, 0]);
});
