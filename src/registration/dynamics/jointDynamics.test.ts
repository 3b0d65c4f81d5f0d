import { describe, expect, test } from "vitest";
import { iterate } from "../../core/iterate.js";
import { seeded } from "../../core/random.js";
import { type Image, image } from "../../image/index.js";
import { Tensor } from "../../tensor/index.js";
import { affineMotion, denseMotion } from "../../transforms/index.js";
import { correctDynamics } from "./correctDynamics.js";
import { exponential, gammaVariate, t1 } from "./curves.js";
import { type JointDynamics, jointDynamics, warpedFrames } from "./jointDynamics.js";
import { constant, free, lowRank } from "./projection.js";
import type { TimeCourse } from "./timeCourse.js";

const T = 8;
const times = Array.from({ length: T }, (_, t) => t + 1);
/** Curves of exponential uptake (of a first passage, where the model is that), noisy. */
function series(n: number, passage = false): Float32Array[] {
  const random = seeded(5);
  const amplitude = Float64Array.from({ length: n }, () => 1 + random.uniform());
  const shape = (a: number, t: number) => {
    const x = Math.max(0, t - 1.5) / (1.5 + 0.5 * a);
    return passage ? x * Math.exp(1 - x) : 1 - Math.exp(-t / (1.5 + a));
  };
  return times.map((t) => Float32Array.from(amplitude, (a) => 1 + a * shape(a, t) + 0.02 * random.normal()));
}
const dot = (a: readonly Float32Array[], b: readonly Float32Array[]) =>
  a.reduce((s, row, t) => row.reduce((r, v, i) => r + v * b[t][i], s), 0);
const noise = (n: number, seed: number) => {
  const random = seeded(seed);
  return times.map(() => Float32Array.from({ length: n }, () => random.normal()));
};
const models: [string, TimeCourse][] = [
  ["constant", constant()],
  ["lowRank", lowRank()],
  ["free", free()],
  ["exponential", exponential()],
  ["gammaVariate", gammaVariate()],
  ["t1", t1({ kind: "saturation" })],
];

describe("how a model follows its frames", () => {
  test.each(models)("%s: symmetric, no longer than what comes, and twice is once for all but the smooth curves", (name, model) => {
    const n = 6;
    const { follow } = (model.linearise as NonNullable<TimeCourse["linearise"]>)(series(n, name === "gammaVariate"), times);
    const [v, w] = [noise(n, 1), noise(n, 2)];
    const [pv, pw] = [v, w].map((rows) => {
      const out = rows.map((r) => r.slice());
      follow(out);
      return out;
    });
    expect(dot(v, pw)).toBeCloseTo(dot(pv, w), 4); // f32
    expect(dot(pv, pv)).toBeLessThanOrEqual(dot(v, v) * (1 + 1e-5));
    const twice = pv.map((r) => r.slice());
    follow(twice);
    if (name !== "free") expect(dot(twice, w)).toBeCloseTo(dot(pv, w), 3);
  });
  // A first passage has three parameters more, which the few steps of `linearise` find to a few digits only.
  test.each(models.filter(([name]) => name !== "gammaVariate"))(
    "%s: to first order the prediction moves by it where the frames move as the model can",
    (_, model) => {
      const n = 6;
      // On the model's own curves: elsewhere what is left out (Kaufman) is as large as the residual.
      const on = model.fit(series(n), times).predicted.map((r) => Float32Array.from(r));
      const linear = (model.settled?.(on, times) ?? model) as TimeCourse;
      const { predicted, follow } = (linear.linearise as NonNullable<TimeCourse["linearise"]>)(on, times);
      const v = noise(n, 3);
      follow(v); // a direction within the tangent space (for the smooth curves: within its range)
      const h = 1e-3;
      const moved = linear.fit(
        on.map((r, t) => r.map((x, i) => x + h * v[t][i])),
        times,
      ).predicted;
      const told = v.map((r) => r.slice());
      follow(told);
      const difference = moved.map((r, t) => r.map((x, i) => (x - predicted[t][i]) / h - told[t][i]));
      expect(Math.sqrt(dot(difference, difference))).toBeLessThan(0.05 * Math.sqrt(dot(told, told))); // f32 frames at h, and h itself
    },
  );
});

const [W, H] = [40, 36];
function breathing(): { frames: Image[]; shifts: number[] } {
  const shifts = times.map((_, t) => 1.4 * Math.sin(1.9 * t));
  const frames = times.map((_, t) =>
    image(
      Float32Array.from({ length: W * H }, (_, i) => {
        const [x, y] = [i % W, Math.floor(i / W) - shifts[t]];
        const organ = 1 / (1 + Math.exp(2 * (Math.hypot(x - 20, (y - 18) / 1.3) - 7)));
        return 0.3 + 0.05 * Math.sin(x / 2.3) * Math.cos(y / 2.9) + organ * (0.2 + 0.4 * (1 - Math.exp(-t / 3)));
      }),
      { size: [W, H] },
    ),
  );
  return { frames, shifts };
}

describe("jointDynamics", () => {
  test("each step lowers the objective, and of the motion only what the model can follow remains", async () => {
    const { frames, shifts } = breathing();
    const family = affineMotion("translation", frames[0].grid, { border: "clamp" });
    const problem: JointDynamics = { frames, times, reference: 0, dynamics: lowRank({ components: 1 }), family, mu: 0.05 };
    const r = await iterate(jointDynamics(), problem, Tensor.zeros([T - 1, 2]), { iterations: 15, keepBest: false });
    for (let k = 1; k < r.history.length; k++) expect(r.history[k]).toBeLessThanOrEqual(r.history[k - 1]);
    const errors = shifts.slice(1).map((s, k) => Math.hypot(r.x.data[2 * k], r.x.data[2 * k + 1] - (s - shifts[0])));
    expect(Math.max(...errors)).toBeLessThan(0.3); // of shifts by up to 2.8: time courses like that of uptake are not told from motion
  });
  test("dense motion: voxels without weight do not count, and the reference may be any frame", async () => {
    const { frames } = breathing();
    const family = denseMotion(frames[0].grid, { spacingVoxels: 10, border: "clamp" });
    const inside = Float32Array.from({ length: W * H }, (_, i) => (Math.floor(i / W) > 4 ? 1 : 0));
    const spoilt = frames.map((f, t) => {
      const values = Float32Array.from(f.values.data);
      if (t === 5) values.fill(3, 0, W);
      return image(values, f.grid);
    });
    const weights = Tensor.from(inside, [1, H, W]);
    const problem: JointDynamics = { frames, times, reference: 3, dynamics: free({ lambda: 1 }), family, weights, mu: 1e-3 };
    const still = Tensor.zeros([T - 1, ...family.shape]);
    const r = await iterate(jointDynamics(), { ...problem, frames: spoilt }, still, { iterations: 6, keepBest: false });
    expect(r.history[r.history.length - 1]).toBeLessThan(0.6 * r.history[0]);
    const objective = async (q: JointDynamics) => (await iterate(jointDynamics(), q, r.x, { iterations: 1, keepBest: false })).history[0];
    expect(await objective({ ...problem, frames: spoilt })).toBe(await objective(problem));
    expect(warpedFrames(problem, r.x)[3]).toEqual(frames[3].values.data);
  });
  test("correctDynamics by it: nearly the motion of the organ, transforms to start from, and sentences for what does not fit", async () => {
    const { frames, shifts } = breathing();
    const o = { dynamics: lowRank({ components: 1 }), model: "translation", method: "joint" } as const;
    const r = await correctDynamics(frames, o);
    const found = r.transforms.map((y) => y.apply(Tensor.from(Float64Array.of(20, 18), [1, 2])).data[1] - 18);
    for (const [t, s] of shifts.entries()) expect(Math.abs(found[t] - (s - shifts[0]))).toBeLessThan(0.1);
    expect(r.residual.after).toBeLessThan(0.3 * r.residual.before);
    const again = await correctDynamics(frames, { ...o, start: r.transforms, rounds: 1 });
    expect(again.status).toBe("ok");
    await expect(correctDynamics(frames, { ...o, start: r.transforms.slice(1) })).rejects.toThrow(
      /7 transforms to start from for 8 frames/,
    );
    await expect(correctDynamics(frames, { ...o, method: "alternate", start: r.transforms })).rejects.toThrow(/method "joint"/);
  });
});
