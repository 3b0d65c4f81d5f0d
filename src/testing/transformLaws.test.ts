import { describe, expect, test } from "vitest";
import { transforms } from "../catalogue.js";
import { applyAffine, grid, indexToPhysical } from "../image/index.js";
import { readTransform, writeTransform } from "../io/index.js";
import { AffineTransform, logJacobianAt } from "../transforms/index.js";
import { exampleGrids, pointsInside, transformExamples } from "./examples/transforms.js";
import { checkComposition, checkField, checkInverse, checkJacobian, checkLogJacobian, checkParameters } from "./transformLaws.js";

test("every kind of transform in the catalogue has an example for its laws, and every example a kind", () => {
  expect(Object.keys(transformExamples).sort()).toEqual(Object.keys(transforms).sort());
});

for (const g of exampleGrids) {
  const d = g.size.length;
  const turn = new AffineTransform(
    d === 2 ? { matrix: [0.98, 0.1, -0.1, 1], offset: [0.5, -1] } : { matrix: [1, 0.1, 0, -0.1, 1, 0, 0, 0, 0.97], offset: [0.5, -1, 1] },
  );
  // Away from the border, where a position that rounds outwards meets the end of a field.
  const first = g.size.map((n) => 0.25 * n + 0.3);
  const middle = grid({
    ...g,
    size: g.size.map((n) => n >> 1),
    spacing: g.spacing.map((s) => 0.9 * s),
    origin: applyAffine(indexToPhysical(g), first),
  });
  for (const [name, make] of Object.entries(transformExamples)) {
    const example = make(g);
    if (!example) continue;
    const { transform: y, wide, inverse } = example;
    const p = pointsInside(g, 20);
    describe(`${name}, ${d}-D`, () => {
      test(`its inverse leads back: ${inverse.because}`, () => {
        expect(checkInverse(y, p)).toBeLessThan(inverse.tolerance);
        expect(checkInverse(y.inverse(), y.apply(p))).toBeLessThan(inverse.tolerance);
      });
      test("a field is the transform at the samples of a grid, and at places beside them", () => {
        expect(checkField(y, middle)).toBeLessThan(2e-4); // f32 positions of some tens of voxels, eight steps of a flow
      });
      test("composed is one after the other, and volumes multiply", () => {
        for (const [a, b] of [
          [turn, y],
          [y, turn],
          [y, y],
        ]) {
          expect(checkComposition(a, b, p)).toBeLessThan(1e-5); // f32 fields
          expect(checkLogJacobian(a, b, p)).toBeLessThan(1e-5);
        }
      });
      test("its Jacobian is what differences say", () => {
        // f32 fields have steps of 1e-6 mm, so differences are taken over hundredths; in double precision over less.
        expect(checkJacobian(wide ?? y, p, wide ? 1e-6 : 1e-2)).toBeLessThan(wide ? 1e-6 : 2e-3);
      });
      test("what the way there gains in volume the way back loses", () => {
        const there = logJacobianAt(y, p).data;
        const back = logJacobianAt(y.inverse(), y.apply(p)).data;
        // Slopes of linear pieces jump by some hundredths from voxel to voxel.
        there.forEach((v, k) => {
          expect(Math.abs(v + back[k])).toBeLessThan(inverse.tolerance > 1e-4 ? 0.1 : 1e-6);
        });
      });
      test("a file keeps it and its way back", () => {
        const files = writeTransform(y, "transform.json");
        const again = readTransform(files.get("transform.json") as Uint8Array, "transform.json", files);
        const off = (a: typeof y, b: typeof y) => Math.max(...Array.from(a.apply(p).sub(b.apply(p)).data, Math.abs));
        expect(again.kind).toBe(y.kind);
        expect(off(again, y)).toBeLessThan(1e-5); // the header of a field's file is f32
        expect(off(again.inverse(), y.inverse())).toBeLessThan(1e-5);
      });
      if (wide)
        test("points depend on its parameters as their derivatives say", () => {
          const { order, remainders } = checkParameters(wide, p, { h0: 1e-4 });
          expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
        });
    });
  }
}
