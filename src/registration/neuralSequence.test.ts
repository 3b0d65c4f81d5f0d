import { expect, test } from "vitest";
import { grid, image } from "../image/index.js";
import { Tensor } from "../tensor/index.js";
import { neuralSequence } from "./index.js";

const g = grid({ size: [44, 40] });
/** Where a point of the first frame is at time t: a turn that grows, and breathing. */
const angle = (t: number) => 0.25 * t;
const size = (t: number) => 1 + 0.15 * Math.sin(Math.PI * t);
const moved = ([x, y]: readonly number[], t: number) => {
  const [c, s, r] = [Math.cos(angle(t)), Math.sin(angle(t)), size(t)];
  const [a, b] = [x - 22, y - 20];
  return [22 + r * (c * a - s * b), 20 + r * (s * a + c * b)];
};
const back = ([x, y]: readonly number[], t: number) => {
  const [c, s, r] = [Math.cos(angle(t)), Math.sin(angle(t)), size(t)];
  const [a, b] = [(x - 22) / r, (y - 20) / r];
  return [22 + c * a + s * b, 20 - s * a + c * b];
};
const scene = ([x, y]: readonly number[]) => {
  const r = Math.hypot((x - 22) / 14, (y - 20) / 11);
  return 1 / (1 + Math.exp(8 * (r - 1))) + 0.5 * Math.sin(0.6 * x) * Math.cos(0.5 * y) * (r < 1.2 ? 1 : 0.2);
};
const frame = (t: number) =>
  image(
    Float32Array.from({ length: 44 * 40 }, (_, k) => scene(back([k % 44, Math.floor(k / 44)], t))),
    g,
  );
const times = [0, 1 / 3, 2 / 3, 1];
const places = [
  [14, 14],
  [28, 15],
  [22, 26],
  [30, 24],
  [12, 22],
];
const errorOf = (apply: (p: Tensor) => Tensor, t: number) => {
  const q = apply(Tensor.from(Float64Array.from(places.flat()), [5, 2])).data;
  return places.reduce((s, p, i) => s + Math.hypot(q[2 * i] - moved(p, t)[0], q[2 * i + 1] - moved(p, t)[1]) / 5, 0);
};

test("one velocity follows points through all frames, forth and back, and says how each level went", async () => {
  const r = await neuralSequence(times.map(frame), { shrinks: [2, 1] });
  expect(r.status, r.reason).toBe("ok");
  expect(r.transforms.length).toBe(4);
  for (const k of [1, 2, 3]) {
    const y = r.transforms[k];
    const before = errorOf((p) => p, times[k]);
    expect(before).toBeGreaterThan(1);
    expect(errorOf((p) => y.apply(p), times[k])).toBeLessThan(0.35 * before);
    const p = Tensor.from(Float64Array.from(places.flat()), [5, 2]);
    expect(y.inverse().apply(y.apply(p)).sub(p).abs().max().item()).toBeLessThan(0.01);
    expect(r.frames[k - 1].leastJacobian).toBeGreaterThan(0.3);
  }
  expect(r.trace.map((t) => [t.shrink, t.lowered])).toEqual([
    [2, true],
    [1, true],
  ]);
}, 240_000);

test("the homotopy goes in steps of √2 and ends at the images themselves", async () => {
  const { trace } = await neuralSequence([frame(0), frame(1)], { homotopy: true, width: 4, nodes: 30, iterations: 1 });
  const shrinks = trace.map((t) => t.shrink);
  expect(shrinks.at(-1)).toBe(1);
  for (const [i, s] of shrinks.slice(1).entries()) expect(shrinks[i] / s).toBeCloseTo(Math.SQRT2, 6);
}, 60_000);

test("a sequence without motion stays where it is; frames that do not belong together are refused", async () => {
  await expect(neuralSequence([frame(0)])).rejects.toThrow(/1 frames came; give at least two/);
  const small = image(new Float32Array(16), { size: [4, 4] });
  await expect(neuralSequence([frame(0), small])).rejects.toThrow(/frame 1 has 1 channels on/);
  const still = await neuralSequence([frame(0), frame(0)], { width: 4, nodes: 30, iterations: 2, shrinks: [2] });
  expect(still.status).toBe("ok");
  expect(errorOf((p) => still.transforms[1].apply(p), 0)).toBeLessThan(0.02);
}, 60_000);
