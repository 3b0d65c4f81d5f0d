import { expect, test } from "vitest";
import { seeded } from "../core/index.js";
import { applyAffine, centreOf, grid, image } from "../image/index.js";
import { multiply, rotationFromVector, transpose, vectorFromRotation } from "../image/matrix.js";
import { Tensor } from "../tensor/index.js";
import { type RegisterOptions, register } from "./register.js";
import { turnsWithin } from "./volumeStarts.js";

const degrees = (r: readonly number[]) => (Math.hypot(...vectorFromRotation(r)) * 180) / Math.PI;

test("no turn within 60° is further than 0.56 sides from one of the lattice, and the first of them is none", () => {
  const turns = turnsWithin(65, 21.5);
  expect(degrees(turns[0])).toBe(0);
  expect(turns.length).toBeLessThan(260);
  const random = seeded(3);
  for (let k = 0; k < 100; k++) {
    const axis = [0, 0, 0].map(() => 2 * random.uniform() - 1);
    const wanted = rotationFromVector(axis.map((v) => (v / Math.hypot(...axis)) * ((random.uniform() * 53 * Math.PI) / 180)));
    const nearest = Math.min(...turns.map((t) => degrees(multiply(transpose(t, 3), wanted, 3))));
    // Rotation vectors bring rotations nearer together than they are themselves, never further apart.
    expect(nearest).toBeLessThan(0.56 * 21.5);
  }
});

const spots = (() => {
  const random = seeded(11);
  return Array.from({ length: 30 }, () => ({
    at: [0, 0, 0].map(() => 14 + 36 * random.uniform()),
    width: 3 + 4 * random.uniform(),
    value: 20 + 80 * random.uniform(),
  }));
})();
const what = (p: readonly number[]) =>
  spots.reduce((s, { at, width, value }) => s + value * Math.exp(-at.reduce((q, v, a) => q + (p[a] - v) ** 2, 0) / (2 * width * width)), 0);
const g = grid({ size: [32, 32, 32], spacing: [2, 2, 2] });
const drawn = (f: (p: readonly number[]) => number) =>
  image(
    Float32Array.from({ length: 32 ** 3 }, (_, k) => f([2 * (k % 32), 2 * (Math.floor(k / 32) % 32), 2 * Math.floor(k / 1024)])),
    g,
  );
const corners = [
  [10, 10, 10],
  [50, 10, 50],
  [10, 50, 40],
];
/** The largest error over three corners after a turn about the middle and a shift, in another contrast. */
async function errorAfter(axis: readonly number[], angle: number, shift: readonly number[], options: RegisterOptions): Promise<number> {
  const matrix = rotationFromVector(axis.map((v) => (v * angle * Math.PI) / 180));
  const middle = centreOf(g);
  const turned = applyAffine({ matrix, offset: [0, 0, 0] }, middle);
  const truth = { matrix, offset: middle.map((v, i) => v - turned[i] + shift[i]) };
  // The same values, elsewhere in space: y maps fixed points there.
  const still = drawn((p) => Math.sqrt(what(p)) * 5 - 0.1 * what(p));
  const moving = {
    values: still.values,
    grid: grid({ ...g, origin: applyAffine(truth, g.origin), direction: multiply(matrix, g.direction, 3) }),
  };
  const { transform } = await register(drawn(what), moving, { preset: "rigid", ...options });
  const found = transform.apply(Tensor.from(Float64Array.from(corners.flat()), [3, 3])).data;
  return Math.max(...corners.map((p, i) => Math.hypot(...applyAffine(truth, p).map((v, a) => v - found[3 * i + a]))));
}

test("a volume turned by 44° about any axis and shifted by half its extent is brought home, in another contrast", async () => {
  // Half a voxel: where it starts is looked at here, not how finely a small picture ends.
  for (const axis of [
    [1, 0, 0],
    [0.6, -0.48, 0.64],
  ])
    expect(await errorAfter(axis, 44, [30, -20, 25], { metric: "mi" })).toBeLessThan(1);
});

test("a volume that is upside down is found when all turns are asked for, whatever the metric of the refinement", async () => {
  for (const metric of ["mi", "ngf"])
    expect(await errorAfter([0.6, -0.48, 0.64], 160, [5, 10, -8], { metric, init: "search" })).toBeLessThan(1);
});
