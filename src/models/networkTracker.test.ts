import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { image } from "../image/index.js";
import { parameterCount } from "../nn/index.js";
import { Tensor, valueAndGrad } from "../tensor/index.js";
import {
  boxErrors,
  deepLkTracking,
  movingObject,
  networkTracker,
  overlapOf,
  planesOf,
  recipes,
  regressionTracking,
  type TrainingPicture,
} from "./index.js";

const picture = (seed: number): TrainingPicture => {
  const random = seeded(seed);
  const waves = Array.from({ length: 12 }, () => [0.5 * random.normal(), 0.5 * random.normal(), 6 * random.uniform(), random.normal()]);
  const values = Float32Array.from({ length: 130 * 130 }, (_, i) =>
    Math.min(
      1,
      Math.max(0, 0.5 + 0.08 * waves.reduce((s, [a, b, c, d]) => s + d * Math.sin(a * (i % 130) + b * Math.floor(i / 130) + c), 0)),
    ),
  );
  return { name: `waves ${seed}`, width: 130, height: 130, values };
};
/** A textured disc at (x, y) before a still ground. */
function frame(x: number, y: number) {
  return image(
    Float32Array.from({ length: 160 * 120 }, (_, i) => {
      const [u, v] = [(i % 160) - x, Math.floor(i / 160) - y];
      const inside = 1 / (1 + Math.exp(Math.hypot(u, v) - 16));
      const object = 0.6 + 0.2 * Math.sin(u / 3) * Math.cos(v / 4) + 0.15 * Math.sin((u + 2 * v) / 5);
      const ground = 0.35 + 0.1 * Math.sin((i % 160) / 9) * Math.cos(Math.floor(i / 160) / 7);
      return 255 * (inside * object + (1 - inside) * ground);
    }),
    { size: [160, 120] },
  );
}

test("overlap is 1 for equal boxes, a third for boxes moved by half, 0 for boxes apart; the error is the corners' mean way", () => {
  expect(overlapOf([0, 0, 0, 0], [0, 0, 0, 0])).toBe(1);
  expect(overlapOf([0, 0, 0, 0], [1, 0, 0, 0])).toBeCloseTo(1 / 3, 12);
  expect(overlapOf([0, 0, 0, 0], [2.5, 0, 0, 0])).toBe(0);
  const at = (v: number[]) => Tensor.from(Float32Array.from(v), [1, 4]);
  expect(boxErrors(at([0.3, 0.4, 0, 0]), at([0, 0, 0, 0])).item()).toBeCloseTo(0.5, 3);
});

test("an object of a training pair is found again where it is said to have gone", () => {
  const planes = planesOf(picture(1), 80);
  const { template, search, move } = movingObject(planes, planesOf(picture(2), 80), seeded(6));
  const [tx, ty, g] = move.data;
  // Means of the middle of the object in both, up to gain and offset of the frames: correlation over places of it.
  const at = (t: Tensor, u: number, v: number) => {
    const [x, y] = [((u + 3) * 96) / 6 - 0.5, ((v + 3) * 96) / 6 - 0.5].map(Math.round);
    return t.data[y * 96 + x];
  };
  const list: [number, number][] = [];
  for (let v = -0.5; v <= 0.5; v += 0.05)
    for (let u = -0.5; u <= 0.5; u += 0.05) list.push([at(template, u, v), at(search, Math.exp(g) * u + tx, Math.exp(g) * v + ty)]);
  const mean = [0, 1].map((k) => list.reduce((s, p) => s + p[k], 0) / list.length);
  const sum = (f: (a: number, b: number) => number) => list.reduce((s, [a, b]) => s + f(a - mean[0], b - mean[1]), 0);
  expect(sum((a, b) => a * b) / Math.sqrt(sum((a) => a * a) * sum((_, b) => b * b))).toBeGreaterThan(0.6); // it turns and shears a little
});

test.each(["tracking-deep-lk", "tracking-regression"] as const)(
  "a step of training %s has a finite loss with derivatives",
  async (name) => {
    const plan = await recipes[name].plan([picture(1), picture(2)], [picture(3)], { batch: 2, features: 4 });
    const batch = plan.data(seeded(1), 0);
    const names = Object.keys(plan.model.parameters);
    const loss = (...weights: Tensor[]) =>
      plan.loss(plan.model.with(Object.fromEntries(names.map((n, i) => [n, weights[i]]))) as typeof plan.model, batch, undefined as never);
    const { value, gradients } = valueAndGrad(loss)(...Object.values(plan.model.parameters));
    expect(Number.isFinite(value.item())).toBe(true);
    for (const [i, n] of names.entries()) expect(gradients[i].data.every(Number.isFinite), n).toBe(true);
    expect(Math.max(...gradients.map((g) => g.norm().item()))).toBeGreaterThan(0);
  },
);

test("Deep-LK follows a disc that moves a little, even before its features are trained; its box stays on it", () => {
  const model = deepLkTracking({ random: seeded(1) });
  expect(parameterCount(model)).toBeLessThan(5000);
  const tracker = networkTracker(model, frame(60, 55), { x: 44, y: 39, width: 33, height: 33 });
  for (let k = 1; k <= 6; k++) {
    const b = tracker.next(frame(60 + 1.5 * k, 55 + k));
    expect(b.lost).toBe(false);
    expect(Math.hypot(b.x + b.width / 2 - 0.5 - (60 + 1.5 * k), b.y + b.height / 2 - 0.5 - (55 + k))).toBeLessThan(3);
  }
});

test("a regression that has learned nothing leaves the box where it was, and says that it has no likeness", () => {
  const model = regressionTracking({ random: seeded(1), features: 4 });
  const box = { x: 44, y: 39, width: 33, height: 33 };
  const found = networkTracker(model, frame(60, 55), box).next(frame(63, 57));
  expect(found).toMatchObject(box);
  expect(found.confidence).toBe(1);
});

test("boxes outside the frame and frames of other sizes are refused in words", () => {
  const model = regressionTracking({ random: seeded(1), features: 4 });
  expect(() => networkTracker(model, frame(60, 55), { x: 300, y: 0, width: 10, height: 10 })).toThrow(/outside the frame/);
  expect(() => networkTracker(model, frame(60, 55), { x: 3, y: 0, width: 2, height: 10 })).toThrow(/at least 4×4/);
  const small = image(new Float32Array(100), { size: [10, 10] });
  expect(() => networkTracker(model, frame(60, 55), { x: 44, y: 39, width: 33, height: 33 }).next(small)).toThrow(/one size/);
});
