import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { grid, type Image, identityMap, image, indexToPhysical } from "../image/index.js";
import { gaussian, keep, randomNormal, Tensor } from "../tensor/index.js";
import { VelocityTransform } from "../transforms/index.js";
import { type DeformationNetwork, type RegisterOptions, register } from "./index.js";
import { halved, predicted } from "./learned.js";

/** A ring with spokes: `bend` moves its outline. */
const drawn = (bend: number, size: readonly [number, number] = [64, 56]): Image =>
  image(
    Float32Array.from({ length: size[0] * size[1] }, (_, k) => {
      const [x, y] = [(k % size[0]) - size[0] / 2, Math.floor(k / size[0]) - size[1] / 2];
      const [r, a] = [Math.hypot(x, y), Math.atan2(y, x)];
      return (1 + 0.3 * Math.cos(5 * a)) / (1 + Math.exp((r - 18 - bend * Math.cos(3 * a)) / 1.2));
    }),
    { size: [...size] },
  );
const nothing: DeformationNetwork = (f) => Tensor.zeros([2, Math.ceil(f.shape[0] / 2), Math.ceil(f.shape[1] / 2)]);
/** A proposal that has nothing to do with the images. */
const wild: DeformationNetwork = (f) =>
  gaussian(randomNormal([2, Math.ceil(f.shape[0] / 2), Math.ceil(f.shape[1] / 2)], seeded(5)).mul(8), { sigma: 3 });

test("a proposal is counted in voxels of half the resolution, on a grid that covers the same extent, whatever the header", () => {
  const g = grid({ size: [31, 20], spacing: [0.5, 2], origin: [7, -3], direction: [0, -1, 1, 0] });
  const flat = image(new Float32Array(31 * 20), g);
  // Two voxels of half the resolution along x are four of the picture: 2 mm along the first axis' direction, (0, 1).
  const constant: DeformationNetwork = (f) => {
    expect(f.shape).toEqual([20, 31]);
    const v = Tensor.zeros([2, 10, 16]);
    v.data.fill(2, 0, 160);
    return v;
  };
  const pair = { fixed: flat, moving: flat, map: identityMap(2) };
  const { parameters, grid: half } = predicted(pair, constant, 1);
  expect(half.size).toEqual([16, 10]);
  const [vx, vy] = [parameters.velocity.data[37], parameters.velocity.data[160 + 37]];
  expect(vx).toBeCloseTo(0, 6);
  expect(vy).toBeCloseTo(2, 6);
  // The middle between the first two samples of both axes: (0.5, 0.5) of the picture.
  const { matrix, offset } = indexToPhysical(g);
  expect(halved(g).origin[0]).toBeCloseTo(offset[0] + 0.5 * (matrix[0] + matrix[1]), 9);
  const y = new VelocityTransform(parameters.velocity, half);
  const at = y.apply(Tensor.from(Float64Array.from(halved(g).origin), [1, 2])).data;
  expect(at[1] - halved(g).origin[1]).toBeCloseTo(2, 4);
  // A second look at what is left adds its own.
  expect(predicted(pair, constant).parameters.velocity.data[160 + 37]).toBeCloseTo(4, 5);
});

test("a second look is shown moving as the first proposal leaves it", () => {
  const [fixed, moving] = [drawn(0), drawn(0)];
  const shown: Tensor[] = [];
  predicted({ fixed, moving, map: identityMap(2) }, (f, m) => {
    shown.push(keep(m));
    const v = nothing(f, m);
    if (shown.length === 1) v.data.fill(1, 0, v.size / 2); // two samples along x
    return v;
  });
  const [first, second] = shown;
  const [h, w] = first.shape;
  expect(shown.length).toBe(2);
  expect(
    second
      .slice([0, 2], [h, w - 4])
      .sub(first.slice([0, 4], [h, w - 2]))
      .abs()
      .max()
      .item(),
  ).toBeLessThan(1e-3);
});

test("only the box in which something is seen is looked at", () => {
  const shape = (image: Image) => {
    let seen: readonly number[] = [];
    predicted({ fixed: image, moving: image, map: identityMap(2) }, (f) => {
      seen = f.shape;
      return nothing(f, f);
    });
    return seen;
  };
  const small = drawn(0, [64, 56]);
  const framed = Tensor.zeros([1, 200, 220]);
  for (let y = 0; y < 56; y++) framed.data.set(small.values.data.subarray(64 * y, 64 * y + 64), (y + 90) * 220 + 30);
  expect(shape(image(framed, { size: [220, 200] })).every((n) => n < 90)).toBe(true);
});

test("large pictures are shown reduced, as shapes are known by their size in samples", () => {
  const big = image(
    Float32Array.from({ length: 800 * 500 }, (_, k) => Math.sin(k / 37)),
    { size: [800, 500] },
  );
  let shape: readonly number[] = [];
  const { grid: half } = predicted({ fixed: big, moving: big, map: identityMap(2) }, (f) => {
    shape = f.shape;
    return nothing(f, f);
  });
  expect(shape).toEqual([125, 200]);
  expect(half.spacing[0] * half.size[0]).toBeCloseTo(800, 0);
});

test.each(["nothing", "wild"])("steps from a proposal are never worse than it by the objective: %s", async (what) => {
  const [fixed, moving] = [drawn(0), drawn(3)];
  const options: RegisterOptions = { preset: "learned", network: what === "nothing" ? nothing : wild, levels: [2, 1], init: "identity" };
  const objective = async (instanceSteps: number) => {
    const r = await register(fixed, moving, { ...options, instanceSteps });
    return (r.trace.at(-1)?.values ?? []) as readonly number[];
  };
  const [proposal, few] = [await objective(0), await objective(4)];
  expect(few[0]).toBeCloseTo(proposal[0], 6); // all begin at the proposal
  expect(Math.min(...few)).toBeLessThan(proposal[0]);
  expect(few.length).toBeGreaterThan(2);
});

test("no steps leave the proposal: one of nothing gives the linear map, and the way back leads back", async () => {
  const [fixed, moving] = [drawn(0), drawn(3)];
  const still = await register(fixed, moving, { preset: "learned", network: nothing, instanceSteps: 0, levels: [2, 1], init: "identity" });
  const affine = await register(fixed, moving, { preset: "affine", levels: [2], init: "identity" });
  const p = Tensor.from(Float64Array.from([20, 30, 40, 25]), [2, 2]);
  const [a, b] = [still.transform.apply(p).data, affine.transform.apply(p).data];
  for (let i = 0; i < 4; i++) expect(Math.abs(a[i] - b[i])).toBeLessThan(0.1); // the deformation's linear part stops at half the resolution
  const bent = await register(fixed, moving, { preset: "learned", network: wild, instanceSteps: 0, levels: [2, 1], init: "identity" });
  expect(bent.inversion?.largest).toBeLessThan(0.5); // exp(v) then exp(−v), linear between samples
  expect(bent.plan).toMatch(/network's proposal, then 0 steps/);
});

test("refusals: no network, a network for another preset, volumes, answers of another shape", async () => {
  const [fixed, moving] = [drawn(0), drawn(3)];
  await expect(register(fixed, moving, { preset: "learned" })).rejects.toThrow(/learnedDeformation/);
  await expect(register(fixed, moving, { preset: "diffeo", network: nothing })).rejects.toThrow(/network belongs to the preset learned/);
  await expect(register(fixed, moving, { preset: "learned", network: (f) => f, init: "identity" })).rejects.toThrow(/56×64.*2×28×32/);
  await expect(register(fixed, moving, { preset: "learned", network: nothing, instanceSteps: 0.5 })).rejects.toThrow(/whole number/);
  const volume = image(new Float32Array(4096).fill(1), { size: [16, 16, 16] });
  await expect(register(volume, volume, { preset: "learned", network: nothing })).rejects.toThrow(/3-D/);
});
