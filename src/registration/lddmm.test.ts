import { describe, expect, test } from "vitest";
import { seeded } from "../core/index.js";
import { grid, type Image, identityMap, image } from "../image/index.js";
import { composeFields, jacobianDeterminant, jvp, randomNormal, Tensor, vjp, warpField } from "../tensor/index.js";
import { alignLddmm, flow, register } from "./index.js";

const n = 48;
const g = grid({ size: [n, n] });
const c = (n - 1) / 2;
const soft = (v: number) => 0.5 - 0.5 * Math.tanh(v / 1.2);
const drawn = (f: (x: number, y: number) => number): Image =>
  image(
    Float32Array.from({ length: n * n }, (_, k) => f((k % n) - c, Math.floor(k / n) - c)),
    g,
  );
const disc = drawn((x, y) => soft(Math.hypot(x, y) - 14));
/** A ring of width 8 with a mouth to the right: what is left of the disc when a wedge and the core are eaten. */
const letter = drawn((x, y) => {
  const r = Math.hypot(x, y);
  const ring = soft(r - 14) * (1 - soft(r - 6));
  return ring * (1 - soft(Math.abs(y) - 3.5) * soft(-x + 1));
});
const run = { level: 0, levels: 1, iterations: 0 };
const spaces = { from: { name: "fixed", grid: g }, to: { name: "moving", grid: g } };
const input = (fixed: Image, moving: Image) => ({ fixed, moving, map: identityMap(2) });
const ssdOf = (a: Tensor, b: Tensor) => a.sub(b).square().sum().item();
const smooth = (m: number, size: number) => {
  const wave = Float32Array.from({ length: m * 2 * n * n }, (_, k) => {
    const [x, y, a] = [k % n, Math.floor(k / n) % n, Math.floor(k / (n * n))];
    const edge = Math.sin((Math.PI * (x + 0.5)) / n) * Math.sin((Math.PI * (y + 0.5)) / n);
    return size * edge * Math.sin(x / 9 + a) * Math.cos(y / 8 - 2 * a);
  });
  return Tensor.from(wave, [m, 2, n, n]);
};

describe("the flow of velocities", () => {
  test("of a constant one is the shift by it, in mm on any grid", () => {
    const oblique = grid({ size: [6, 5], spacing: [2, 3], direction: [0.6, -0.8, 0.8, 0.6] });
    const v = Tensor.from(
      Float32Array.from({ length: 120 }, (_, k) => (Math.floor(k / 30) % 2 ? -1.5 : 0.7)),
      [2, 2, 5, 6],
    );
    const u = flow(v, oblique).data;
    for (let k = 0; k < 30; k++) {
      expect(u[k]).toBeCloseTo(0.7, 5);
      expect(u[30 + k]).toBeCloseTo(-1.5, 5);
    }
  });
  test.each([1, 3])("and the flow backwards are inverse to each other, %i fields", (m) => {
    const v = smooth(m, 5);
    const [there, back] = [flow(v, g, 8), flow(v, g, 8, true)];
    const left = composeFields(back, there); // spacing 1: mm are voxels
    expect(left.abs().max().item()).toBeLessThan(0.05); // linear samples of waves 50 voxels long
    expect(there.abs().max().item()).toBeGreaterThan(2);
    expect(jacobianDeterminant(there).min().item()).toBeGreaterThan(0.2);
  });
  test("converges with the number of steps, four being enough for a hundredth of a voxel or so", () => {
    const v = smooth(3, 5);
    const exact = flow(v, g, 64);
    const off = (steps: number) => flow(v, g, steps).sub(exact).abs().max().item();
    expect(off(2) / off(4)).toBeGreaterThan(3);
    expect(off(4)).toBeLessThan(2e-2);
  });
  test("has derivatives in both modes that agree, through its checkpoints", () => {
    const v = smooth(2, 3);
    const random = seeded(3);
    const [t, w] = [smooth(2, 1), randomNormal([2, n, n], random)];
    const forward = jvp((x) => flow(x, g), [v], [t])
      .tangent.innerProduct(w)
      .item();
    const reverse = vjp((x) => flow(x, g), v)
      .pull(w)[0]
      .innerProduct(t)
      .item();
    expect(Math.abs(forward - reverse)).toBeLessThan(1e-3 * Math.abs(forward) + 1e-3); // f32 sums of 4608 terms
  });
});

describe.each([
  ["stationary", 1, 1],
  ["time-dependent", 3, 1],
  ["time-dependent, second order", 3, 2],
] as const)("a C becomes a disc by a %s flow", (_, velocities, order) => {
  test("nearly whole, without folds, and back again", async () => {
    const options = { velocities, order, shrinks: [2, 1] };
    const result = await alignLddmm(input(disc, letter), "ssd", options, run, spaces);
    const u = result.transform.displacement(g);
    const warped = warpField(letter.values, u);
    expect(ssdOf(warped, disc.values)).toBeLessThan(0.15 * ssdOf(letter.values, disc.values));
    expect(jacobianDeterminant(u).min().item()).toBeGreaterThan(0);
    expect(result.inversion.share).toBeLessThan(0.02);
    for (const { values } of result.trace) for (let k = 1; k < values.length; k++) expect(values[k]).toBeLessThanOrEqual(values[k - 1]);
  });
});

test("the mass-preserving model keeps the total mass and fits where intensities alone cannot", async () => {
  // The same mass, spread over a larger disc: intensities 1 and 0.36.
  const small = drawn((x, y) => soft(Math.hypot(x, y) - 9));
  const large = drawn((x, y) => 0.36 * soft(Math.hypot(x, y) - 15));
  const mass = (t: Tensor) => t.sum().item();
  const options = { massPreserving: true, shrinks: [2, 1], alpha: 1e-5 };
  const result = await alignLddmm(input(large, small), "ssd", options, run, spaces);
  const u = result.transform.displacement(g);
  const det = jacobianDeterminant(u);
  const carried = warpField(small.values, u).mul(det.reshape(1, n, n));
  expect(mass(carried) / mass(small.values)).toBeCloseTo(1, 1); // ∫ (M ∘ y) det ∇y = ∫ M
  expect(ssdOf(carried, large.values)).toBeLessThan(0.2 * ssdOf(small.values, large.values));
  expect(det.min().item()).toBeGreaterThan(0);
});

test("any flow keeps mass: ∫ (M ∘ y) det ∇y = ∫ M to a hundredth", () => {
  const u = flow(smooth(3, 4), g, 8);
  const carried = warpField(letter.values, u).mul(jacobianDeterminant(u).reshape(1, n, n));
  expect(carried.sum().item() / letter.values.sum().item()).toBeCloseTo(1, 2);
});

test("register takes it by name, says α, and keeps its inverse", async () => {
  const result = await register(disc, letter, { preset: "lddmm", metric: "ncc", init: "identity" });
  expect(result.plan).toMatch(/lddmm/);
  expect(result.after).toBeLessThan(0.1 * result.before); // whether a C and a disc show the same thing is another question
  expect(result.inversion?.share).toBeLessThan(0.02);
  const named = await register(disc, letter, { transform: "lddmm", metric: "ssd", init: "identity", lddmm: { velocities: 1 } });
  expect(named.plan).toMatch(/lddmm/);
  await expect(register(disc, letter, { preset: "lddmm", metric: "mi" })).rejects.toThrow(/ssd or ncc/);
});
