import { describe, expect, test } from "vitest";
import type { Parameters } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { grid } from "../image/index.js";
import { jacobianDeterminant, randomNormal, Tensor, turnPlanes } from "../tensor/index.js";
import { leavesOf, mapLeaves, withLeaves } from "../tensor/variables.js";
import { scalarised, taylorFirst } from "../testing/laws.js";
import { fixedSpace, movingSpace } from "../transforms/index.js";
import { neuralOde } from "./neuralOde.js";

const g = grid({ size: [40, 30], spacing: [1.5, 2], origin: [3, -4] });
const fine = grid({ size: [80, 60], spacing: [0.75, 1], origin: [3 - 0.375, -4.5] });
/** Weights that move points by some voxels. */
const shaken = (p: Parameters, size = 0.1, seed = 3): Parameters => {
  const random = seeded(seed);
  return mapLeaves((w) => w.add(randomNormal(w.shape, random).mul(size)), p);
};

describe("the family neuralOde", () => {
  const family = neuralOde({ width: 16 });
  const p = shaken(family.start(g));

  test("begins as the identity", () => expect(family.displacement(family.start(g), g).abs().max().item()).toBe(0));

  test("its displacement has the derivatives of differences in every weight, through all steps", () => {
    const small = neuralOde({ width: 4, steps: 2, nodes: 64 });
    const start = shaken(small.start(g));
    const wide = mapLeaves((w) => w.cast("f64"), start);
    const leaves = leavesOf(wide);
    const f = (...ws: Tensor[]) => small.displacement(withLeaves(wide, ws), g);
    const { order, remainders } = scope(() => taylorFirst(scalarised(f, leaves, seeded(4)), leaves, seeded(5), 1e-4));
    expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
  });

  test("the flow backwards in time is the inverse", () => {
    const y = family.transform(p, g, fixedSpace(g), movingSpace());
    const inner = Tensor.from(
      Float64Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 15 + ((7 * i) % 30) : 5 + ((11 * i) % 35))),
      [30, 2],
    );
    const moved = y.apply(inner);
    expect(moved.sub(inner).abs().max().item()).toBeGreaterThan(1);
    // Runge–Kutta of order four with eight steps, between kinks of a lattice of about a millimetre.
    expect(y.inverse().apply(moved).sub(inner).abs().max().item()).toBeLessThan(5e-3);
  });

  test("it does not fold, however far it moves: the Jacobian stays positive", () => {
    const long = neuralOde({ width: 16, steps: 12, bandwidth: 1 });
    const begin = long.start(g);
    const last = Object.keys(begin).findLast((name) => name.endsWith("weight")) as string;
    const strong = { ...begin, [last]: randomNormal(begin[last].shape, seeded(5)).mul(0.1) };
    const u = long.displacement(strong, g);
    const voxels = turnPlanes(u, [1 / 1.5, 0, 0, 1 / 2]);
    expect(u.abs().max().item()).toBeGreaterThan(6); // four voxels
    const determinants = jacobianDeterminant(voxels);
    expect(determinants.min().item()).toBeGreaterThan(0);
    expect(determinants.min().item()).toBeLessThan(0.7); // it is no shift
  });

  test("weights mean the same on every level: a coarse grid's begin the finer one's", () => {
    const later = family.start(fine, { parameters: p, grid: g });
    const [coarse, dense] = [family.displacement(p, g), family.displacement(later, fine, g)];
    expect(dense.sub(coarse).abs().max().item()).toBeLessThan(1e-3); // one lattice for both: f32 places
  });

  test("its roughness is that of its velocity, over all times: twice the velocity, four times as much", () => {
    const last = Object.keys(p)
      .filter((name) => /^body\.\d+\./.test(name))
      .slice(-2);
    const twice = Object.fromEntries(Object.entries(p).map(([name, w]) => [name, last.includes(name) ? w.mul(2) : w]));
    const [one, four] = [p, twice].map((w) => family.closedForm?.("diffusion", w, g)?.item() as number);
    expect(four / one).toBeCloseTo(4, 4);
    expect(family.closedForm?.("elastic", p, g)).toBeUndefined();
  });

  test("options that make no sense are refused", () => expect(() => neuralOde({ steps: 0 })).toThrow(/steps is 0/));
});

test("one axis of places goes from end to end", () => {
  // A velocity that is everywhere the same moves everything by itself.
  const family = neuralOde({ width: 4 });
  const start = family.start(g);
  const bias = Object.keys(start).findLast((name) => name.endsWith("bias")) as string;
  const moved = { ...start, [bias]: Tensor.from(Float32Array.from([0.1, -0.2]), [2]) };
  const u = family.displacement(moved, g);
  const half = 30; // of the longest side, 60 mm
  expect(
    u
      .at(0)
      .sub(0.1 * half)
      .abs()
      .max()
      .item(),
  ).toBeLessThan(1e-4);
  expect(
    u
      .at(1)
      .add(0.2 * half)
      .abs()
      .max()
      .item(),
  ).toBeLessThan(1e-4);
});
