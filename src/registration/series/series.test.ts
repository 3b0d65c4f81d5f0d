import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { image } from "../../image/index.js";
import { Tensor } from "../../tensor/index.js";
import { correctMotion } from "./correctMotion.js";
import { trackLabels } from "./trackLabels.js";

/** A textured body that breathes, and in it a bright ball that drifts and grows; noise. */
function lesion(count: number) {
  const size = [72, 64];
  const random = seeded(11);
  const frames = [];
  const truth = [];
  const labels = [];
  for (let t = 0; t < count; t++) {
    const shift = [2 * Math.sin((2 * Math.PI * t) / count), Math.sin((2 * Math.PI * t) / count)];
    const centre = [30 + shift[0] + 0.8 * t, 34 + shift[1] - 0.5 * t];
    const radius = 7 * (1 + 0.04 * t);
    const values = new Float32Array(72 * 64);
    const label = new Float32Array(72 * 64);
    for (let y = 0; y < 64; y++)
      for (let x = 0; x < 72; x++) {
        const body = 80 + 3 * Math.sin((x - shift[0]) / 4) * Math.cos((y - shift[1]) / 5);
        const r = Math.hypot(x - centre[0], y - centre[1]);
        const inside = 1 / (1 + Math.exp((r - radius) / 0.7));
        values[y * 72 + x] = body * (1 - inside) + 160 * inside + 3 * random.normal();
        label[y * 72 + x] = r < radius ? 1 : 0;
      }
    frames.push(image(values, { size }));
    labels.push(image(label, { size }));
    truth.push({ centre, area: label.reduce((a, b) => a + b, 0) });
  }
  return { frames, labels, truth };
}

describe("trackLabels", () => {
  test("a lesion that moves and grows: centres to half a pixel, areas to a quarter of a pixel at the rim, from the first frame and from a middle one", async () => {
    const { frames, labels, truth } = lesion(6);
    for (const start of [0, 3]) {
      const r = await trackLabels(frames, labels[start], { start });
      expect(r.status).toBe("ok");
      for (const c of r.curves) {
        expect(Math.hypot(...c.centre.map((v, k) => v - truth[c.frame].centre[k]))).toBeLessThan(0.5);
        expect(Math.abs(c.volume / truth[c.frame].area - 1)).toBeLessThan(0.07); // a quarter of a pixel of a radius of 7
      }
      expect(r.labels[start].values.data).toEqual(labels[start].values.data);
      // Points of the structure go where it goes.
      const p = Tensor.from(Float64Array.from(truth[start].centre), [1, 2]);
      const q = r.transforms[5].apply(p).data;
      expect(Math.hypot(q[0] - truth[5].centre[0], q[1] - truth[5].centre[1])).toBeLessThan(1);
    }
  });
  test("two structures keep their names", async () => {
    const { frames, labels } = lesion(3);
    const two = Float32Array.from(labels[0].values.data, (v, i) =>
      v > 0 ? 5 : i % 72 > 50 && i % 72 < 60 && i / 72 > 20 && i / 72 < 30 ? 9 : 0,
    );
    const r = await trackLabels(frames, image(two, { size: [72, 64] }));
    for (const im of r.labels) expect([...new Set(im.values.data)].sort()).toEqual([0, 5, 9]);
  });
  test("no labels, one frame, another grid, a frame that is not there: one sentence each", async () => {
    const { frames, labels } = lesion(2);
    const empty = image(new Float32Array(72 * 64), { size: [72, 64] });
    await expect(trackLabels(frames, empty)).rejects.toThrow(/marks nothing/);
    await expect(trackLabels(frames.slice(1), labels[0])).rejects.toThrow(/at least two/);
    await expect(trackLabels([frames[0], image(new Float32Array(16), { size: [4, 4] })], labels[0])).rejects.toThrow(/resample/);
    await expect(trackLabels(frames, labels[0], { start: 2 })).rejects.toThrow(/0 to 1/);
  });
});

describe("correctMotion", () => {
  const moved = (shifts: readonly (readonly number[])[], angles: readonly number[]) =>
    shifts.map(([dx, dy], t) => {
      const random = seeded(t + 1);
      const [c, s] = [Math.cos(angles[t]), Math.sin(angles[t])];
      const values = new Float32Array(64 * 56);
      for (let y = 0; y < 56; y++)
        for (let x = 0; x < 64; x++) {
          // frame(p) = scene(R⁻¹ (p − middle − shift) + middle): what was at q is now at R(q − middle) + middle + shift
          const [u, v] = [x - 31.5 - dx, y - 27.5 - dy];
          const [a, b] = [c * u + s * v + 31.5, -s * u + c * v + 27.5];
          values[y * 64 + x] =
            100 * Math.exp(-((a - 25) ** 2) / 90 - (b - 30) ** 2 / 40) +
            60 * Math.exp(-((a - 42) ** 2) / 30 - (b - 22) ** 2 / 60) +
            random.normal();
        }
      return image(values, { size: [64, 56], spacing: [1.5, 1.5] });
    });
  const shifts = [
    [0, 0],
    [1.5, -1],
    [3, 0.5],
    [4, 2],
  ];
  const angles = [0, 0.03, 0.06, 0.1];

  test("shifts and rotations against a reference frame come back, in millimetres and degrees", async () => {
    const r = await correctMotion(moved(shifts, angles), { reference: 0 });
    expect(r.status).toBe("ok");
    for (const f of r.frames) {
      expect(f.rotation[0]).toBeCloseTo((angles[f.frame] * 180) / Math.PI, 0);
      for (const k of [0, 1]) expect(Math.abs(f.shift[k] - 1.5 * shifts[f.frame][k])).toBeLessThan(0.15);
    }
    expect(r.deviation.after).toBeLessThan(0.75 * r.deviation.before); // the noise stays
  });
  test("onto the mean every frame agrees with every other", async () => {
    const r = await correctMotion(moved(shifts, angles));
    expect(r.deviation.after).toBeLessThan(0.75 * r.deviation.before); // the noise stays
    // Differences of motions are known, whatever the mean is.
    expect(Math.abs(r.frames[3].shift[0] - r.frames[0].shift[0] - 6)).toBeLessThan(0.3);
  });
  test("a deformation is followed where a rigid map is not enough", async () => {
    const frames = [0, 1, 2].map((t) => {
      const values = new Float32Array(64 * 64);
      for (let i = 0; i < values.length; i++) {
        const [x, y] = [i % 64, Math.floor(i / 64)];
        const squeeze = 1 + 0.08 * t * Math.sin(x / 10);
        const r = Math.hypot(x - 32, (y - 32) * squeeze);
        values[i] = 100 / (1 + Math.exp((r - 18) / 1.5)) + 40 / (1 + Math.exp((Math.hypot(x - 26, (y - 30) * squeeze) - 6) / 1.2));
      }
      return image(values, { size: [64, 64] });
    });
    const rigid = await correctMotion(frames, { model: "rigid", reference: 0 });
    const dense = await correctMotion(frames, { model: "diffeo", reference: 0 });
    expect(dense.deviation.after).toBeLessThan(0.6 * rigid.deviation.after);
    // Onto a mean, which is made by a coarser round.
    const onMean = await correctMotion(frames, { model: "diffeo" });
    expect(onMean.status).toBe("ok");
    expect(onMean.deviation.after).toBeLessThan(0.6 * rigid.deviation.after);
  });
  test("one frame, an unknown model, another grid: one sentence each", async () => {
    const frames = moved(shifts, angles);
    await expect(correctMotion(frames.slice(0, 1))).rejects.toThrow(/at least two/);
    await expect(correctMotion(frames, { model: "wobbly" as never })).rejects.toThrow(/expected one of/);
    await expect(correctMotion([frames[0], image(new Float32Array(64), { size: [8, 8] })])).rejects.toThrow(/resample/);
  });
});
