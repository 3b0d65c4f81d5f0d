import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { coilOperator, fourierOperator } from "../operators/index.js";
import { randomNormal, stack, Tensor } from "../tensor/index.js";
import { coilPhantom, gate, gatedSeries, navigatorSignal, reconstructDynamicMr } from "./index.js";

const [t, h, w] = [16, 40, 32];
const beat = (k: number, cycle = t) => 0.2 * Math.sin((2 * Math.PI * k) / cycle);
const truth = stack(Array.from({ length: t }, (_, k) => coilPhantom([h, w], 1, beat(k)).image));
const kspace = fourierOperator([t, h, w], { axes: [1, 2] }).apply(truth);
const random = seeded(5);
const mask = Tensor.from(
  Float32Array.from({ length: t * h }, (_, i) => (Math.abs((i % h) - h / 2) < 3.5 || random.uniform() < 0.2 ? 1 : 0)),
  [t, h, 1],
);
const error = (x: Tensor) => x.sub(truth).norm().item() / truth.norm().item();

describe("dynamic reconstruction of a beating phantom", () => {
  test.each(["temporalTv", "temporalWavelet", "lowrank+sparse"] as const)(
    "%s is much nearer than the zero-filled frames",
    async (method) => {
      const r = await reconstructDynamicMr({ kspace: kspace.mul(mask), mask, method });
      expect(r.frames.shape).toEqual([t, h, w]);
      expect(error(r.frames)).toBeLessThan(0.5 * error(r.zeroFilled));
      expect(r.sampled).toBeCloseTo(mask.mean().item());
    },
  );
  test("motion: with the true fields one picture carried along is nearer than without", async () => {
    // The phantom's inner ellipses grow about their own middles: a field cannot be written down at once; a shift can.
    const moved = (k: number) => Math.round(3 * Math.sin((2 * Math.PI * k) / t));
    const shifted = stack(Array.from({ length: t }, (_, k) => roll(coilPhantom([h, w], 1).image, moved(k))));
    const y = fourierOperator([t, h, w], { axes: [1, 2] })
      .apply(shifted)
      .mul(mask);
    const off = (x: Tensor) => x.sub(shifted).norm().item() / shifted.norm().item();
    const plain = await reconstructDynamicMr({ kspace: y, mask });
    const order: number[] = [];
    const r = await reconstructDynamicMr({
      kspace: y,
      mask,
      method: "motion",
      register: async (fixed, moving) => {
        // The best of the whole shifts along x.
        const scores = Array.from({ length: 13 }, (_, i) =>
          roll(moving, i - 6)
            .sub(fixed)
            .norm()
            .item(),
        );
        const shift = scores.indexOf(Math.min(...scores)) - 6;
        order.push(shift);
        return stack([Tensor.full([h, w], -shift), Tensor.zeros([h, w])]);
      },
    });
    expect(order).toHaveLength(t - 1);
    expect(off(r.frames)).toBeLessThan(off(plain.frames));
    expect(r.motion?.fields.shape).toEqual([t, 2, h, w]);
  });
  test("several coils with their maps", async () => {
    const { maps } = coilPhantom([h, w], 3);
    const coils = stack(Array.from({ length: t }, (_, k) => coilOperator(maps).apply(truth.at(k))));
    const y = fourierOperator([t, 3, h, w], { axes: [2, 3] })
      .apply(coils)
      .mul(mask.reshape(t, 1, h, 1));
    const r = await reconstructDynamicMr({ kspace: y, mask, maps });
    expect(error(r.frames)).toBeLessThan(0.4 * error(r.zeroFilled));
  });
  test("measured whole and without a weight it is the inverse transform", async () => {
    const r = await reconstructDynamicMr({ kspace, mask: Tensor.ones([t, h]), lambda: 0 });
    expect(error(r.frames)).toBeLessThan(1e-3);
  });
  test("what does not belong together is named", async () => {
    await expect(reconstructDynamicMr({ kspace, mask: Tensor.ones([3, h, w]) })).rejects.toThrow(/a mask of 3×40×32/);
    await expect(reconstructDynamicMr({ kspace: kspace.abs() })).rejects.toThrow(/complex/);
    await expect(reconstructDynamicMr({ kspace: kspace.at(0) })).rejects.toThrow(/\[t, h, w\]/);
    await expect(reconstructDynamicMr({ kspace, method: "motion" })).rejects.toThrow(/register/);
    await expect(reconstructDynamicMr({ kspace: kspace.mul(0) })).rejects.toThrow(/k-space is 0/);
  });
});
/** Moved by whole samples along x, the last axis. */
function roll(x: Tensor, by: number): Tensor {
  const z = x.data;
  const c = x.dtype === "c64" ? 2 : 1;
  const out = new Float32Array(z.length);
  for (let j = 0; j < h; j++)
    for (let i = 0; i < w; i++) for (let k = 0; k < c; k++) out[c * (j * w + ((i + by + w) % w)) + k] = z[c * (j * w + i) + k];
  return Tensor.from(out, [h, w], x.dtype);
}

describe("gating", () => {
  test("finds the period and the phases of a noisy, drifting navigator", () => {
    const r = seeded(9);
    const n = 230;
    const signal = Float64Array.from({ length: n }, (_, i) => 5 + 0.01 * i + Math.cos((2 * Math.PI * i) / 23) + 0.1 * r.normal());
    const g = gate(signal, { phases: 8 });
    expect(g.period).toBeCloseTo(23, 0);
    let wrong = 0;
    g.phases.forEach((p, i) => {
      if (p < 0) return;
      const should = ((i % 23) / 23) * 8;
      const off = Math.abs(p + 0.5 - should);
      if (Math.min(off, 8 - off) > 1.5) wrong++;
    });
    expect(wrong).toBeLessThan(0.05 * n);
  });
  test("lines of k-space of a beating phantom are sorted into frames by their own navigator", async () => {
    // Row after row in a shuffled order, beating all the time; the centre row is measured with each.
    const cycle = 20;
    const r = seeded(11);
    const n = 40 * cycle;
    const frames = Array.from({ length: cycle }, (_, k) => fourierOperator([h, w]).apply(coilPhantom([h, w], 1, beat(k, cycle)).image));
    const rows = Int32Array.from({ length: n }, () => Math.floor(r.uniform() * h));
    const lines = stack(Array.from(rows, (row, k) => frames[k % cycle].at(row)));
    const centre = stack(Array.from(rows, (_, k) => frames[k % cycle].at(h / 2).slice([w / 2 - 1], [w / 2 + 2])));
    const g = gate(navigatorSignal(centre), { phases: t });
    expect(g.period).toBeCloseTo(cycle, 0);
    const sorted = gatedSeries(lines, rows, g.phases, { height: h, phases: t });
    expect(sorted.mask.mean().item()).toBeGreaterThan(0.6);
    const { frames: found } = await reconstructDynamicMr({ ...sorted, method: "temporalTv" });
    // Cycles begin where the navigator is largest: some phase of the beat; frames p ↦ beat at (peak + (p + ½) cycle / t).
    const at = (p: number) => coilPhantom([h, w], 1, beat(g.peaks[0] + ((p + 0.5) * cycle) / t - 0.5, cycle)).image;
    const off = (p: number, q: number) => found.at(p).sub(at(q)).norm().item();
    for (const p of [1, 4, 6]) expect(off(p, p)).toBeLessThan(off(p, (p + t / 2) % t));
  });
  test("lines of several coils are sorted as those of each coil", () => {
    const lines = randomNormal([12, 2, 5], seeded(3)).cast("c64");
    const rows = [0, 1, 2, 3, 0, 1, 2, 3, 0, 0, 1, 2];
    const phases = [0, 0, 0, 1, 1, 1, -1, 0, 0, 1, 1, 0];
    const both = gatedSeries(lines, rows, phases, { height: 4, phases: 2 });
    expect(both.kspace.shape).toEqual([2, 2, 4, 5]);
    for (const c of [0, 1]) {
      const one = gatedSeries(lines.slice([0, c, 0], [12, c + 1, 5]).reshape(12, 5), rows, phases, { height: 4, phases: 2 });
      expect(Array.from(both.kspace.slice([0, c, 0, 0], [2, c + 1, 4, 5]).data)).toEqual(Array.from(one.kspace.data));
      expect(Array.from(both.mask.data)).toEqual(Array.from(one.mask.data));
    }
  });
  test("what cannot be gated is said", () => {
    expect(() => gate(new Float64Array(100).fill(3), { phases: 4 })).toThrow(/constant/);
    expect(() => gate([1, 2], { phases: 4 })).toThrow(/too few/);
    expect(() => navigatorSignal(randomNormal([4], seeded(1)))).toThrow(/complex/);
  });
});
