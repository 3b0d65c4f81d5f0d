import { describe, expect, test } from "vitest";
import { type CostVolume, coupledConvex } from "./coupledConvex.js";

/** Costs |s − v_t|² / 10, at most 1, on a row of nodes; nodes without a v cost 1 whatever the shift. */
const row = (wanted: readonly (number | undefined)[], radius = 4): CostVolume => ({
  costs: Float32Array.from(
    wanted.flatMap((v) =>
      Array.from({ length: 2 * radius + 1 }, (_, k) => (v === undefined ? 1 : Math.min(1, (k - radius - v) ** 2 / 10))),
    ),
  ),
  nodes: [1, 1, wanted.length],
  radius: [0, 0, radius],
  step: [1, 1, 1],
});

describe("coupled convex search", () => {
  test("finds the shift of least cost, between the steps too", () => {
    const { shifts } = coupledConvex(row(new Array<number>(9).fill(2.3)));
    expect([...shifts[0], ...shifts[1]].every((v) => v === 0)).toBe(true);
    for (const v of shifts[2]) expect(v).toBeCloseTo(2.3, 1); // a parabola through three costs, one of which may be capped
  });
  test("takes the shift of a node that says nothing from its neighbours", () => {
    const { shifts, clear } = coupledConvex(row([3, 3, 3, undefined, undefined, undefined, 3, 3, 3]));
    expect(shifts[2][4]).toBeCloseTo(3, 1);
    expect(clear[4]).toBeLessThan(0.1 * clear[0]);
  });
  test("does not follow one node that disagrees with all others", () => {
    const wanted = new Array<number>(15).fill(-3);
    wanted[7] = 3;
    expect(coupledConvex(row(wanted)).shifts[2][7]).toBeLessThan(-1.5); // half way from 0 to the others
  });
  test("of costs that are all alike makes no shift", () => {
    const { shifts } = coupledConvex({ costs: new Float32Array(4 * 125), nodes: [1, 2, 2], radius: [2, 2, 2], step: [1, 1, 1] });
    for (const p of shifts) for (const v of p) expect(Math.abs(v)).toBeLessThan(1e-6);
  });
});
