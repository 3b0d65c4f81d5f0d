import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { inPrecision } from "../nn/index.js";
import { resizeOperator } from "../operators/index.js";
import { randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { scalarised, taylorFirst } from "../testing/laws.js";
import {
  agreeingWithStacks,
  type ThickStacks,
  type ThroughPlaneOptions,
  thickSlices,
  thinner,
  throughPlaneNetwork,
  throughPlaneStacks,
  trainModel,
} from "./index.js";

const small = (o: Partial<ThroughPlaneOptions> = {}) => throughPlaneNetwork({ random: seeded(1), features: 3, depth: 2, scale: 2, ...o });
const most = (x: Tensor) => x.abs().max().item();
const disturbed = (model: ReturnType<typeof small>) =>
  model.with(
    withLeaves(
      model.parameters,
      leavesOf(model.parameters).map((p, i) => p.add(randomNormal(p.shape, seeded(7 + i)).mul(0.1))),
    ),
  );
/** The same field [6, 8, 4] with slices twice as thick across each axis. */
const stacks = (): Required<ThickStacks> => ({
  z: randomNormal([1, 1, 3, 8, 4], seeded(2)),
  y: randomNormal([1, 1, 6, 4, 4], seeded(3)),
  x: randomNormal([1, 1, 6, 8, 2], seeded(4)),
});

test("it begins as cubic interpolation across the slices, or the mean of what all stacks make by it", () => {
  const all = stacks();
  const up = (t: Tensor, axis: number) => resizeOperator(t.shape, { axes: [axis], size: [t.shape[axis] * 2] }).apply(t);
  expect(most(small().forward(all).sub(up(all.z, 2)))).toBeLessThan(1e-6);
  const mean = up(all.z, 2).add(up(all.y, 3)).add(up(all.x, 4)).div(3);
  expect(most(small({ stacks: 3 }).forward(all).sub(mean))).toBeLessThan(1e-6);
});

test.each(["z", "y", "x"] as const)(
  "a slice across %s that moves by one moves the result by as many samples as it is thick, the same way",
  (axis) => {
    const model = disturbed(small({ stacks: 3 }));
    const a = 2 + ["z", "y", "x"].indexOf(axis);
    const shapeOf = (name: string) => [1, 1, ...["z", "y", "x"].map((s) => (s === name ? 9 : 18))];
    const empty = Object.fromEntries(["z", "y", "x"].map((name) => [name, Tensor.zeros(shapeOf(name))]));
    const base = model.forward(empty as unknown as ThickStacks);
    const made = (k: number) => {
      const shape = shapeOf(axis);
      const lit = Tensor.zeros([1, 1, 1, 1, 1]).add(1);
      const before = [0, 0, 8, 8, 8].with(a, k);
      const one = lit.pad(
        before,
        shape.map((n, i) => n - 1 - before[i]),
      );
      return model.forward({ ...empty, [axis]: one } as unknown as ThickStacks).sub(base);
    };
    const [here, there] = [made(3), made(4)];
    const cut = (t: Tensor, from: number) => t.slice([0, 0, 0, 0, 0].with(a, from), t.shape.with(a, from + 7));
    expect(most(here)).toBeGreaterThan(0.05);
    expect(most(cut(here, 4).sub(cut(there, 6)))).toBeLessThan(1e-6);
  },
);

test("slabs of rows change nothing, however thin", () => {
  const model = disturbed(small({ depth: 3 }));
  const thick = randomNormal([3, 17, 5], seeded(5));
  const [whole, parts] = [1e6, 1].map((voxels) => thinner(model, { reach: 3, voxels })(thick));
  expect(parts.shape).toEqual([6, 17, 5]);
  expect(most(whole.sub(parts))).toBeLessThan(1e-5);
  expect(most(whole.sub(thinner(model, { reach: 1, voxels: 1 })(thick)))).toBeGreaterThan(1e-4); // a margin too narrow shows
});

test("slabs change nothing for several stacks either, and without slabs it is the network by itself", () => {
  const model = disturbed(small({ depth: 3, stacks: 3 }));
  const field = { z: [4, 12, 10], y: [8, 6, 10], x: [8, 12, 5] };
  const given = Object.fromEntries(
    Object.entries(field).map(([axis, shape], i) => [axis, randomNormal(shape, seeded(30 + i))]),
  ) as unknown as Required<ThickStacks>;
  const [whole, parts] = [1e6, 1].map((voxels) => thinner(model, { reach: 3, voxels, agree: false })(given));
  const lifted = Object.fromEntries(Object.entries(given).map(([axis, t]) => [axis, t.reshape(1, 1, ...t.shape)]));
  const direct = model.forward(lifted as unknown as ThickStacks);
  expect(whole.shape).toEqual([8, 12, 10]);
  expect(most(whole.sub(direct.reshape(...whole.shape)))).toBeLessThan(1e-6);
  expect(most(whole.sub(parts))).toBeLessThan(1e-5);
  expect(() => thinner(model)(given.z)).toThrow(/nothing for the stack across y; the network takes 3 stacks/);
  expect(() => thinner(model)({ ...given, x: given.y })).toThrow(/the stack across x makes 8×6×20, that across z 8×12×10/);
});

test("what agrees with stacks makes those stacks, and is no further from their truth than what it was made of", () => {
  const truth = randomUniform([10, 15, 20], 0, 1, seeded(40));
  const made = (axis: "z" | "y" | "x") => {
    const t = thickSlices(truth.reshape(1, ...truth.shape), axis);
    return t.reshape(...t.shape.slice(1));
  };
  const given = { z: made("z"), y: made("y"), x: made("x") };
  const guess = truth.add(randomNormal(truth.shape, seeded(41)).mul(0.3));
  const near = agreeingWithStacks(guess, given, { ridge: 0 });
  for (const [axis, stack] of Object.entries(given)) {
    const again = thickSlices(near.reshape(1, ...truth.shape), axis as "z");
    expect(most(again.reshape(...stack.shape).sub(stack))).toBeLessThan(1e-5);
  }
  const off = (x: Tensor) => x.sub(truth).norm().item();
  expect(off(near)).toBeLessThan(0.9 * off(guess));
  expect(off(agreeingWithStacks(guess, given))).toBeLessThan(off(guess));
  expect(most(agreeingWithStacks(truth, given).sub(truth))).toBeLessThan(1e-5);
  // Every slice is a mean.
  const one = thickSlices(
    truth
      .sub(truth)
      .reshape(1, ...truth.shape)
      .add(1),
    "y",
  );
  expect(most(one.sub(1))).toBeLessThan(1e-6);
  expect(() => agreeingWithStacks(truth, { z: given.y })).toThrow(/the stack across z is 10×3×20; of 10×15×20 it is 2×15×20/);
  expect(() => thickSlices(truth.reshape(1, ...truth.shape), "x", 3)).toThrow(/a multiple of 3 samples along x/);
});

test("of a network of one stack one of several is made that begins as the mean of what it makes of each", () => {
  const one = disturbed(small({ depth: 3 }));
  const all = stacks();
  // Turned so that the axis of its slices is z, and back.
  const turned = (t: Tensor, axis: number) => {
    const order = [0, 1, 2, 3, 4].with(2, axis).with(axis, 2);
    return one.forward({ z: t.permute(...order) }).permute(...order);
  };
  for (const n of [2, 3]) {
    const several = throughPlaneStacks(one, { stacks: n, random: seeded(5) });
    const each = [all.z, all.y, all.x].slice(0, n).map((t, i) => turned(t, 2 + i));
    const mean = each.reduce((a, b) => a.add(b)).div(n);
    expect(most(several.forward(all).sub(mean))).toBeLessThan(1e-5);
  }
  expect(() => throughPlaneStacks(small({ stacks: 2 }), { stacks: 3, random: seeded(5) })).toThrow(/a network of 2 stacks came/);
});

test("its gradients are those of differences, for stacks and weights", () => {
  const model = inPrecision(small({ stacks: 2 }), "f64");
  const { z, y } = stacks();
  const weights = leavesOf(model.parameters).map((p, i) => p.add(randomUniform(p.shape, 0.05, 0.2, seeded(20 + i), "f64")));
  const f = (a: Tensor, b: Tensor, ...ws: Tensor[]) => model.with(withLeaves(model.parameters, ws)).forward({ z: a, y: b });
  const all = [z.cast("f64"), y.cast("f64"), ...weights];
  const { order, remainders } = scope(() => taylorFirst(scalarised(f, all, seeded(4)), all, seeded(5), 1e-4));
  expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
});

test("stacks that are missing or show another field are refused, and so are sizes of nothing", () => {
  const { z, x } = stacks();
  expect(() => small({ stacks: 2 }).forward({ z })).toThrow(/nothing for the stack across y/);
  expect(() => small({ stacks: 2 }).forward({ z, y: x })).toThrow(/must show the same field/);
  expect(() => small({ scale: 1 })).toThrow(/a whole scale from 2/);
});

test("a training on volumes brings it closer to thin slices than cubic interpolation; pictures are refused by name", async () => {
  const n = 20;
  /** Sheets across all directions, thinner than the slices. */
  const volume = (name: string, seed: number) => {
    const random = seeded(seed);
    const waves = Array.from({ length: 4 }, () => [random.normal(), random.normal(), random.normal(), 6 * random.uniform()]);
    const values = Float32Array.from({ length: n ** 3 }, (_, i) => {
      const [x, y, z] = [i % n, Math.floor(i / n) % n, Math.floor(i / n / n)];
      return 0.5 + 0.1 * waves.reduce((s, [a, b, c, d]) => s + Math.sin(0.5 * (a * x + b * y + c * z) + d), 0);
    });
    return { name, depth: n, height: n, width: n, values };
  };
  const pictures = [volume("a", 1), volume("b", 2), volume("c", 3)];
  const o = { pictures, held: 1, features: 4, depth: 3, patch: 10, every: 30 };
  const before = (await trainModel("through-plane", { ...o, steps: 1 })).figures["×5"];
  const r = await trainModel("through-plane", { ...o, steps: 60 });
  expect(r.figures["×5"]).toBeGreaterThan(before + 0.1);
  const thin = thinner(r.model as ReturnType<typeof throughPlaneNetwork>)(Tensor.zeros([2, 4, 3]));
  expect(thin.shape).toEqual([10, 4, 3]);
  const { depth: _, ...flat } = pictures[0];
  await expect(trainModel("through-plane", { ...o, pictures: [flat, flat] })).rejects.toThrow(
    /a picture came; through-plane learns from volumes/,
  );
  const two = await trainModel("through-plane", { ...o, steps: 2, stacks: 2 });
  expect(two.card.what).toMatch(/two stacks across z and y/);
  await expect(trainModel("through-plane", { ...o, steps: 2, resume: two.checkpoint })).rejects.toThrow(/stacks 2 there/);
  await expect(trainModel("denoiser", { pictures: [flat, flat], patch: 16, stacks: 2 })).rejects.toThrow(
    /denoiser: there is no stacks to choose; of through-plane there is/,
  );
});
