import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { checkAdjoint, checkLinear, checkNormal } from "../testing/operatorLaws.js";
import { coilOperator, compactMask, fourierOperator, magneticResonanceOperator } from "./index.js";

const maps = randomNormal([3, 6, 5], seeded(1), "c64");
const mask = randomUniform([6, 5], 0, 1, seeded(2)).greater(0.5);
const rows = randomUniform([6, 1], 0, 1, seeded(3)).greater(0.4);
const columns = randomUniform([5], 0, 1, seeded(4)).greater(0.4);

describe.each([
  ["coils", coilOperator(maps)],
  ["coils, a mask of points", magneticResonanceOperator({ mask, maps })],
  ["coils, whole rows", magneticResonanceOperator({ mask: rows, maps })],
  ["coils, whole columns", magneticResonanceOperator({ mask: columns, maps })],
  ["no maps", magneticResonanceOperator({ mask: rows, shape: [6, 5] })],
  ["f64", magneticResonanceOperator({ mask, maps, type: "c128" })],
] as const)("%s", (_, a) => {
  test("the adjoint and the normal operator belong to it", () => {
    const tolerance = a.domainType === "c128" ? 1e-14 : 2e-6; // f32 rounding of sums of some dozen terms
    expect(checkAdjoint(a)).toBeLessThan(tolerance);
    expect(checkLinear(a)).toBeLessThan(tolerance);
    expect(checkNormal(a)).toBeLessThan(tolerance);
  });
});
test("k-space of one coil that sees everything is the centred Fourier transform", () => {
  const x = randomNormal([6, 5], seeded(5), "c64");
  const y = magneticResonanceOperator({ mask: Tensor.ones([6, 5]), maps: Tensor.ones([1, 6, 5], "c64") }).apply(x);
  expect(
    y
      .at(0)
      .sub(fourierOperator([6, 5]).apply(x))
      .norm()
      .item(),
  ).toBeLessThan(1e-5);
});
test("a mask of lines is recognised in a full one", () => {
  expect(compactMask(rows.broadcastTo([6, 5])).shape).toEqual([6, 1]);
  expect(compactMask(columns.reshape(1, 5).broadcastTo([6, 5])).shape).toEqual([1, 5]);
  expect(compactMask(mask).shape).toEqual([6, 5]);
});
test("maps that do not fit the image are named", () => {
  expect(() => magneticResonanceOperator({ mask: Tensor.ones([4, 4]), maps, shape: [4, 4] })).toThrow(/maps of 3×6×5/);
});
