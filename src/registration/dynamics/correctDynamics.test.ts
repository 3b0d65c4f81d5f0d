import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { type Image, image } from "../../image/index.js";
import { correctDynamics } from "./correctDynamics.js";
import { exponential } from "./curves.js";
import { constant, lowRank } from "./projection.js";
import { regionCurves } from "./regionCurves.js";

const [W, H] = [72, 64];
/** A body that stays, and in it an organ that breathes and takes up contrast from frame 3 on: frame(p) = scene_t(p − shift_t) near the organ. */
function perfusion(count: number, still = false) {
  const random = seeded(17);
  const shifts = Array.from({ length: count }, (_, t) => (still ? [0, 0] : [0.8 * Math.sin(1.7 * t), 3 * Math.sin(1.1 * t + 0.4)]));
  const uptake = Array.from({ length: count }, (_, t) => (t < 3 ? 0 : 60 * (1 - Math.exp(-(t - 2) / 3))));
  const frames: Image[] = [];
  for (let t = 0; t < count; t++) {
    const values = new Float32Array(W * H);
    for (let y = 0; y < H; y++)
      for (let x = 0; x < W; x++) {
        // Motion fades away from the organ.
        const far = Math.hypot((x - 36) / 26, (y - 32) / 26);
        const share = 1 / (1 + Math.exp((far - 0.85) / 0.08));
        const [u, v] = [x - share * shifts[t][0], y - share * shifts[t][1]];
        const r = Math.hypot((u - 36) / 11, (v - 32) / 14);
        const organ = 1 / (1 + Math.exp((r - 1) / 0.06));
        const rim = organ * (1 / (1 + Math.exp((0.55 - r) / 0.06)));
        const texture = 8 * Math.sin(u / 2.3) * Math.cos(v / 2.9);
        values[y * W + x] = 60 + texture + 20 * organ + uptake[t] * rim + 2 * random.normal();
      }
    frames.push(image(values, { size: [W, H] }));
  }
  return { frames, shifts, uptake };
}
/** How far the organ's mean displacement is from the truth, frame by frame. */
function motionErrors(r: Awaited<ReturnType<typeof correctDynamics>>, shifts: readonly (readonly number[])[]) {
  const organ = image(
    Float32Array.from({ length: W * H }, (_, i) => {
      const [x, y] = [(i % W) - 36 - shifts[0][0], Math.floor(i / W) - 32 - shifts[0][1]];
      return Math.hypot(x / 11, y / 14) < 0.8 ? 1 : 0;
    }),
    { size: [W, H] },
  );
  return regionCurves(r, organ).map(({ frame, shift }) => Math.hypot(...shift.map((v, k) => v - shifts[frame][k] + shifts[0][k])));
}
const mean = (v: readonly number[]) => v.reduce((a, b) => a + b, 0) / v.length;

describe("correctDynamics", () => {
  test("an organ that breathes while it takes up contrast: motion to a third of a pixel, half of what registration without dynamics leaves", async () => {
    const { frames, shifts, uptake } = perfusion(9);
    const with2 = await correctDynamics(frames, { dynamics: lowRank() });
    const without = await correctDynamics(frames, { dynamics: constant(), start: "still" });
    const [ours, theirs] = [mean(motionErrors(with2, shifts)), mean(motionErrors(without, shifts))];
    expect(ours).toBeLessThan(0.33);
    expect(theirs).toBeGreaterThan(2 * ours);
    expect(with2.status).toBe("ok");
    expect(with2.residual.after).toBeLessThan(0.7 * with2.residual.before);
    // The rim's curve, through its soft borders.
    const radius = (i: number) => Math.hypot(((i % W) - 36 - shifts[0][0]) / 11, (Math.floor(i / W) - 32 - shifts[0][1]) / 14);
    const within = (i: number) => radius(i) > 0.55 && radius(i) < 1;
    const labels = image(
      Float32Array.from({ length: W * H }, (_, i) => (within(i) ? 3 : 0)),
      { size: [W, H] },
    );
    const error = (r: typeof with2) => {
      const curve = regionCurves(r, labels);
      return Math.sqrt(mean(curve.map((c, t) => (c.value - curve[0].value - uptake[t]) ** 2))) / Math.max(...uptake);
    };
    const curve = regionCurves(with2, labels);
    expect(curve.every((c) => c.label === 3 && c.voxels === labels.values.sum().item() / 3)).toBe(true);
    expect(error(with2)).toBeLessThan(0.05); // of which motion by a third of a pixel takes about a third
    expect(error(without)).toBeGreaterThan(4 * error(with2));
    expect(Math.hypot(...curve[0].shift)).toBe(0); // the reference stays
  });
  test("which frame comes first does not matter, but for the reference", async () => {
    const { frames } = perfusion(6);
    const order = [0, 4, 2, 5, 1, 3];
    const a = await correctDynamics(frames, { dynamics: lowRank(), rounds: 1 });
    const b = await correctDynamics(
      order.map((k) => frames[k]),
      { dynamics: lowRank(), times: order, rounds: 1 },
    );
    for (const [k, o] of order.entries()) {
      const [u, v] = [a.transforms[o], b.transforms[k]].map((y) => y.displacement(frames[0].grid).data);
      expect(Math.max(...Array.from(u, (x, i) => Math.abs(x - v[i])))).toBeLessThan(0.02); // the same sums in another order, f32
    }
  });
  test("frames that do not move stay where they are", async () => {
    const { frames } = perfusion(6, true);
    const r = await correctDynamics(frames, { dynamics: lowRank(), model: "translation" });
    for (const y of r.transforms) for (const u of y.displacement(frames[0].grid).data) expect(Math.abs(u)).toBeLessThan(0.2); // noise of 2 on texture of 8, and an uptake of 40
    expect(Object.keys(r.maps)).toEqual(["mean", "component1", "component2"]);
  });
  test("too few frames, missing times, another grid, an unknown motion: one sentence each", async () => {
    const { frames } = perfusion(6, true);
    await expect(correctDynamics(frames.slice(0, 4), { dynamics: lowRank() })).rejects.toThrow(/4 frames came; at least 5/);
    await expect(correctDynamics(frames, { dynamics: exponential() })).rejects.toThrow(/times are missing/);
    await expect(correctDynamics([...frames, image(new Float32Array(16), { size: [4, 4] })], { dynamics: lowRank() })).rejects.toThrow(
      /resample/,
    );
    await expect(correctDynamics(frames, { dynamics: lowRank(), model: "spin" as never })).rejects.toThrow(/no motion spin/);
    await expect(correctDynamics(frames, { dynamics: lowRank(), reference: 6 })).rejects.toThrow(/0 to 5/);
  });
  test("regions: a label map that marks nothing or lies elsewhere", async () => {
    const { frames } = perfusion(5, true);
    const r = { corrected: frames, transforms: [] };
    expect(() => regionCurves(r, image(new Float32Array(W * H), { size: [W, H] }))).toThrow(/marks nothing/);
    expect(() => regionCurves(r, image(new Float32Array(4), { size: [2, 2] }))).toThrow(/label map/);
  });
});
