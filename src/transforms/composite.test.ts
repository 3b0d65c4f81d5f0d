import { expect, test } from "vitest";
import type { Transform } from "../core/interfaces.js";
import { grid } from "../image/grid.js";
import { Tensor } from "../tensor/tensor.js";
import { AffineTransform } from "./affine.js";
import { appliedAt, CompositeTransform } from "./composite.js";
import { fixedSpace, movingSpace } from "./transform.js";

/** y = x + 0.01 x², entry by entry: a transform that knows nothing but how to move points. */
const bent: Transform = {
  kind: "thinPlateSpline",
  dimension: 2,
  from: fixedSpace(),
  to: movingSpace(),
  apply: (p) => p.add(p.square().mul(0.01)),
  inverse: () => bent,
  compose: (inner) => new CompositeTransform([inner, bent]),
  displacement: (g) => appliedAt(bent, g, undefined),
};

test("a composite has a dense form with any part that moves points", () => {
  const g = grid({ size: [3, 2], spacing: [2, 1], origin: [-1, 4], direction: [0, -1, 1, 0] });
  const turn = new AffineTransform({ matrix: [0, 1, -1, 0], offset: [1, 2] });
  for (const c of [new CompositeTransform([turn, bent]), new CompositeTransform([bent, turn]), new CompositeTransform([bent, bent])]) {
    const w = c.displacement(g);
    expect(w.shape).toEqual([2, 2, 3]);
    for (let y = 0; y < 2; y++)
      for (let x = 0; x < 3; x++) {
        const p = [-1 - y, 4 + 2 * x];
        const q = c.apply(Tensor.from(Float64Array.from(p), [1, 2])).data;
        for (const i of [0, 1]) expect(w.data[6 * i + 3 * y + x]).toBeCloseTo(q[i] - p[i], 5); // f32
      }
  }
});
