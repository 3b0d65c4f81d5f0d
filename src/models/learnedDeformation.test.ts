import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { identityMap, image } from "../image/index.js";
import { register } from "../registration/index.js";
import { predicted } from "../registration/learned.js";
import { jacobianDeterminant, type Tensor } from "../tensor/index.js";
import { AffineTransform, VelocityTransform, warp } from "../transforms/index.js";
import { learnedDeformation } from "./index.js";
import { shapesPair } from "./registrationRecipe.js";

const n = 128;
const overlap = (a: Tensor, b: Tensor): number => {
  const [both, size] = [a.mul(b).sum([1, 2]).mul(2).data, a.square().add(b.square()).sum([1, 2]).data];
  const present = Array.from(size, (s, i) => [both[i], s]).filter(([, s]) => s > 1);
  return present.reduce((sum, [x, s]) => sum + x / s, 0) / present.length;
};

test("the network of the package brings most generated shapes together in any gray values, and does not fold them", async () => {
  const network = await learnedDeformation();
  const gains = [41, 42, 43, 44].map((seed) => {
    const pair = shapesPair(n, seeded(seed));
    const [fixed, moving] = [pair.fixed, pair.moving].map((values) => image(values, { size: [n, n] }));
    const { parameters, grid } = predicted({ fixed, moving, map: identityMap(2) }, network);
    const y = new VelocityTransform(parameters.velocity, grid);
    const carried = warp({ values: pair.labels.moving, grid: moving.grid }, y, fixed.grid, { border: "clamp" });
    expect(jacobianDeterminant(y.dense.displacement(grid).div(2)).min().item()).toBeGreaterThan(0); // mm on a grid of 2 mm
    return overlap(carried.values, pair.labels.fixed) - overlap(pair.labels.moving, pair.labels.fixed);
  });
  // Of 0.6 to 0.8 as they come. Gray values of two shapes may be alike in one view: such a pair can lose a little.
  expect(gains.filter((g) => g > 0).length).toBeGreaterThanOrEqual(3);
  expect(Math.min(...gains)).toBeGreaterThan(-0.03);
  expect(gains.reduce((a, b) => a + b, 0) / gains.length).toBeGreaterThan(0.03);
});

test("steps on the pair bring it nearer still", async () => {
  const network = await learnedDeformation();
  const pair = shapesPair(n, seeded(45));
  const [fixed, moving] = [pair.fixed, pair.moving].map((values) => image(values, { size: [n, n] }));
  const dice = async (instanceSteps: number) => {
    const { transform } = await register(fixed, moving, {
      preset: "learned",
      network,
      instanceSteps,
      init: new AffineTransform(identityMap(2)),
    });
    return overlap(
      warp({ values: pair.labels.moving, grid: moving.grid }, transform, fixed.grid, { border: "clamp" }).values,
      pair.labels.fixed,
    );
  };
  expect(await dice(10)).toBeGreaterThan(await dice(0));
}, 60_000);
