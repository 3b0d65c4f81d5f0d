import { expect, test } from "vitest";
import { grid, indexToPhysical } from "../image/grid.js";
import { Tensor } from "../tensor/tensor.js";
import { DisplacementTransform, invertDisplacement } from "./displacement.js";

/** An oblique anisotropic grid, and the displacement that stretches the third index axis four times about its middle. */
function stretched(): DisplacementTransform {
  const size = [9, 8, 33];
  const n = 9 * 8 * 33;
  const g = grid({ size, spacing: [0.5, 1, 3], origin: [10, -20, 30], direction: [0.6, 0, 0.8, 0, 1, 0, -0.8, 0, 0.6] });
  const { matrix } = indexToPhysical(g);
  const u = new Float32Array(3 * n);
  for (let k = 0; k < n; k++) {
    const z = Math.floor(k / 72) - 16.3;
    const along = Math.abs(z) <= 2 ? 3 * z : Math.sign(z) * (6 - 0.6 * (Math.abs(z) - 2));
    for (let a = 0; a < 3; a++) u[a * n + k] = matrix[3 * a + 2] * along;
  }
  return new DisplacementTransform(Tensor.from(u, [3, 33, 8, 9]), g);
}

test("the inverse of a strong displacement on an oblique grid brings points back, and says in millimetres how far it is off", () => {
  const t = stretched();
  const { error } = invertDisplacement(t);
  expect(error).toBeLessThan(3.2e-3); // the tolerance, 1e-3 voxels, times the largest spacing
  const { matrix, offset } = indexToPhysical(t.grid);
  const voxels = [
    [4, 4, 12],
    [2, 5, 16],
    [7, 1, 21],
  ];
  const q = voxels.flatMap((p) => offset.map((o, i) => p.reduce((s, x, j) => s + matrix[3 * i + j] * x, o)));
  const back = t.apply(t.inverse().apply(Tensor.from(Float64Array.from(q), [3, 3]))).data;
  for (let i = 0; i < 9; i++) expect(Math.abs(Number(back[i]) - q[i])).toBeLessThan(4e-3); // the error above and f32 sampling
});

test("with no iterations allowed the error is that of the start", () => {
  expect(invertDisplacement(stretched(), 0).error).toBeGreaterThan(1);
});
