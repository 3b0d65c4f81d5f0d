import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { blurOperator, gaussianKernel, identityOperator, maskOperator, resizeOperator } from "../operators/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { deepImagePrior, inpaintBiharmonic } from "./index.js";

const side = 16;
/** A bright disc on a slope, 0 to 1. */
const truth = Tensor.from(
  Float32Array.from({ length: side * side }, (_, k) => {
    const [x, y] = [k % side, Math.floor(k / side)];
    return Math.hypot(x - 7, y - 8) < 5 ? 0.9 : 0.2 + 0.02 * x;
  }),
  [side, side],
);
const random = seeded(3);
const mask = Tensor.from(
  Float32Array.from({ length: side * side }, () => Number(random.uniform() < 0.6)),
  [side, side],
);
const known = truth.mul(mask);
const small = { features: 8, inputs: 4, iterations: 60 };
const error = (x: Tensor) => x.sub(truth).square().mean().item();
const variance = truth.sub(truth.mean()).square().mean().item();

test("missing samples are filled in, and what stood there before changes no bit", async () => {
  const run = (data: Tensor) => deepImagePrior({ operator: maskOperator(mask), data, ...small });
  const [a, b] = [await run(known), await run(known.add(mask.equal(0).mul(1e6)))];
  expect(Array.from(a.image.data)).toEqual(Array.from(b.image.data));
  expect(error(a.image)).toBeLessThan(0.25 * variance);
  known.data.forEach((v, i) => {
    if (mask.data[i]) expect(Math.abs(a.image.data[i] - v)).toBeLessThan(1e-5); // the data have the last word
  });
  expect(a.history.held[a.history.held.length - 1]).toBeLessThan(a.history.held[0]);
});

test("single missing samples are learned from those that are known: nearer to the truth than the interpolation it starts from", async () => {
  const wavy = Tensor.from(
    Float32Array.from({ length: 32 * 32 }, (_, k) => 0.5 + 0.4 * Math.sin(0.9 * (k % 32) + 0.7 * Math.floor(k / 32))),
    [32, 32],
  );
  const chance = seeded(9);
  const some = Tensor.from(
    Float32Array.from({ length: 32 * 32 }, () => Number(chance.uniform() < 0.4)),
    [32, 32],
  );
  const away = (x: Tensor) => x.sub(wavy).square().mean().item();
  const r = await deepImagePrior({ operator: maskOperator(some), data: wavy.mul(some), features: 16, iterations: 80 });
  expect(away(r.image)).toBeLessThan(0.8 * away(inpaintBiharmonic(wavy.mul(some), some).image));
});

test("data as input are for missing samples, and are the choice where these lie one by one", async () => {
  const one = { features: 8, iterations: 1, held: 0 };
  const run = (m: Tensor, input?: "data" | "noise") => deepImagePrior({ operator: maskOperator(m), data: truth.mul(m), ...one, input });
  const same = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item() === 0;
  const hole = Tensor.from(
    Float32Array.from({ length: side * side }, (_, k) => Number(k % side > 10 || k < 4 * side)),
    [side, side],
  );
  expect(same((await run(mask)).image, (await run(mask, "data")).image)).toBe(true);
  expect(same((await run(hole)).image, (await run(hole, "noise")).image)).toBe(true);
  expect(same((await run(mask)).image, (await run(mask, "noise")).image)).toBe(false);
  await expect(deepImagePrior({ operator: identityOperator([side, side]), data: truth, ...one, input: "data" })).rejects.toThrow(/mask/);
});

test("the same seed makes the same picture, another seed another one; a power of two as gain passes through exactly", async () => {
  const run = (gain: number, seed: number) =>
    deepImagePrior({ operator: maskOperator(mask), data: known.mul(gain), ...small, iterations: 10, seed });
  const [a, b, c] = [await run(1, 1), await run(4, 1), await run(1, 2)];
  expect(Array.from(b.image.data, (v) => v / 4)).toEqual(Array.from(a.image.data));
  expect(Array.from(c.image.data)).not.toEqual(Array.from(a.image.data));
});

test("noise has nothing to find in it: the run ends by itself", async () => {
  const noise = randomNormal([side, side], seeded(5));
  const r = await deepImagePrior({ operator: identityOperator([side, side]), data: noise, ...small, iterations: 5000, held: 0.1 });
  expect(r.stop).toBe("converged");
  expect(r.iterations).toBeLessThan(1000);
  expect(r.best).toBeLessThan(r.iterations);
  const mean = r.history.held[Math.floor(r.best / 5) - 1];
  expect(Math.min(...r.history.held)).toBe(mean); // the picture is that of the least error
});

test("with noise of known strength the picture lies between the data and what the network made", async () => {
  const y = truth.add(randomNormal([side, side], seeded(6)).mul(0.1));
  const o = { operator: identityOperator([side, side]), data: y, ...small };
  const [alone, weighed] = [await deepImagePrior(o), await deepImagePrior({ ...o, noise: 0.1 })];
  weighed.image.data.forEach((v, i) => {
    const [a, b] = [alone.image.data[i], y.data[i]].sort((p, q) => p - q);
    expect(v).toBeGreaterThanOrEqual(a - 1e-5);
    expect(v).toBeLessThanOrEqual(b + 1e-5);
  });
});

describe("any linear operator will do", () => {
  const kernel = gaussianKernel(5, 1);
  const three = Tensor.from(
    Float32Array.from({ length: 3 * side * side }, (_, i) => truth.data[i % (side * side)] * (1 + Math.floor(i / (side * side)))),
    [3, side, side],
  );
  test.each([
    ["a blur", blurOperator([side, side], kernel), truth],
    ["a reduction", resizeOperator([side, side], { size: [side / 2, side / 2] }), truth],
    ["colours together", identityOperator([3, side, side]), three],
  ])("%s", async (_, operator, x) => {
    const data = operator.apply(x);
    const r = await deepImagePrior({ operator, data, ...small, iterations: 40, skip: 2 });
    expect(r.image.shape).toEqual(x.shape);
    const rest = operator.apply(r.image).sub(data).square().mean().item();
    expect(rest).toBeLessThan(0.3 * data.sub(data.mean()).square().mean().item());
  });
  test("coordinates as input, no samples kept back: all steps are done", async () => {
    const r = await deepImagePrior({
      operator: maskOperator(mask),
      data: known,
      features: 8,
      input: "mesh",
      inputs: 4,
      skip: 0,
      held: 0,
      iterations: 12,
    });
    expect([r.stop, r.iterations, r.best, r.history.held.length]).toEqual(["iterations", 12, 12, 0]);
  });
});

test("a signal ends the run, and what does not fit is refused", async () => {
  const stop = new AbortController();
  const o = { operator: maskOperator(mask), data: known, ...small };
  await expect(deepImagePrior({ ...o, signal: stop.signal, onProgress: (p) => p.iteration >= 5 && stop.abort() })).rejects.toThrow(
    /stopped/,
  );
  await expect(deepImagePrior({ ...o, held: 0.9 })).rejects.toThrow(/share of 0.9/);
  await expect(deepImagePrior({ ...o, iterations: 0 })).rejects.toThrow(/0 steps/);
  await expect(deepImagePrior({ ...o, data: Tensor.zeros([3]) })).rejects.toThrow(/data are 3/);
  await expect(deepImagePrior({ ...o, operator: identityOperator([2, 2, 2, 2]), data: Tensor.zeros([2, 2, 2, 2]) })).rejects.toThrow(
    /expected \[y, x\]/,
  );
  await expect(deepImagePrior({ ...o, operator: maskOperator(Tensor.zeros([4, 4])), data: Tensor.zeros([4, 4]) })).rejects.toThrow(
    /nothing to learn from/,
  );
});
