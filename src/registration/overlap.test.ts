import { expect, test } from "vitest";
import { jacobianDeterminant } from "../evaluation/index.js";
import { grid, type Image, image } from "../image/index.js";
import { Tensor } from "../tensor/index.js";
import { warp } from "../transforms/index.js";
import { register } from "./register.js";

const n = 96;
const g = grid({ size: [n, n] });
const scene = (x: number, y: number): number => {
  let v = 20 * Math.sin(x / 6) * Math.cos(y / 7) + 15 * Math.sin((x - 2 * y) / 9);
  for (let k = 0; k < 16; k++)
    v += (k % 2 ? 40 : -35) * Math.exp(-(((x - ((37 * k) % n)) ** 2 + (y - ((59 * k) % n)) ** 2) / (3 + (k % 4)) ** 2));
  return v;
};
const bent = (x: number, y: number): [number, number] => [
  x + 3 * Math.sin(x / 13) * Math.sin(y / 11),
  y + 3 * Math.cos(x / 12) * Math.sin(y / 15),
];
const draw = (f: (x: number, y: number) => number, on = g): Image =>
  image(
    Float32Array.from({ length: on.size[0] * on.size[1] }, (_, k) =>
      f(on.origin[0] + (k % on.size[0]), on.origin[1] + Math.floor(k / on.size[0])),
    ),
    on,
  );
/** The right half of the scene, and nothing of the left. */
const half = grid({ size: [n / 2 + 8, n], origin: [n / 2 - 8, 0] });

test.each(["diffeo", "bspline", "svf"] as const)(
  "%s: beyond the end of moving, volumes change less than a little, and within it the deformation is found",
  async (preset) => {
    const fixed = draw((x, y) => scene(...bent(x, y)));
    const { transform } = await register(fixed, draw(scene, half), { preset, init: "identity", metric: "lncc" });
    const u = transform.displacement(g).data;
    const J = jacobianDeterminant(u, g);
    const inside = warp({ values: Tensor.ones([1, n, half.size[0]]), grid: half }, transform, g).values.data;
    let [error, count] = [0, 0];
    for (let k = 0; k < n * n; k++) {
      const [x, y] = [k % n, Math.floor(k / n)];
      if (x < n / 2 - 20) expect(Math.abs(Math.log(J[k]))).toBeLessThan(Math.log(1.6)); // well outside
      expect(J[k]).toBeGreaterThan(0.1);
      if (!(inside[k] > 0.99) || x > n - 8 || y < 8 || y > n - 8 || x < n / 2) continue;
      const [p, q] = bent(x, y);
      error += Math.hypot(x + u[k] - p, y + u[n * n + k] - q);
      count++;
    }
    expect(error / count).toBeLessThan(0.5); // of up to 3 pixels
  },
);
