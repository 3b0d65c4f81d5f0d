import { afterAll, describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import {
  columnStride,
  projectiveSample,
  residualBytes,
  residualKinds,
  robustResidual,
  steepestRows,
  systemBytes,
  weightedSystem,
} from "./projective.js";
import * as twin from "./reference/projective.js";
import { temporary } from "./temporary.js";

const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
const all = [...engines, new Engine({ deterministic: true }), new Engine({ shared: false })];
afterAll(() => {
  for (const e of all) e.close();
});
const random = seeded(2);
const draw = (n: number) => Float32Array.from({ length: n }, () => random.normal());

describe("pictures through a homography", () => {
  test.each([
    [12, 17, 9, 14],
    [2, 2, 1, 1],
    [30, 40, 33, 7],
  ])("a %d × %d plane on a %d × %d lattice is the twin's", (H, W, h, w) => {
    // Smooth, so that a place rounded to f32 changes little.
    const plane = Float32Array.from({ length: H * W }, (_, k) => Math.sin((k % W) / 3) + Math.cos(Math.floor(k / W) / 4));
    const map = Float32Array.from([1.1, 0.2, -1.3, -0.1, 0.9, 0.8, 0.004, -0.002, 1]);
    const expected = twin.projectiveSample(plane, H, W, map, h, w);
    const found = all.map((e) =>
      temporary(e, (reserve) => {
        const [p, m, o, v] = [4 * H * W, 36, 4 * h * w, 4 * h * w].map(reserve);
        e.f32(p, H * W).set(plane);
        e.f32(m, 9).set(map);
        projectiveSample(e, p, [H, W], m, o, v, [h, w]);
        return { values: e.f32(o, h * w).slice(), valid: e.f32(v, h * w).slice() };
      }),
    );
    for (const { values, valid } of found) {
      expect(Array.from(valid)).toEqual(Array.from(expected.valid));
      values.forEach((x, k) => {
        expect(Math.abs(x - expected.values[k])).toBeLessThan(1e-5);
      });
    }
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
  });
  test.each([
    [1, 1],
    [7, 3],
    [2048, 8],
    [5003, 10],
  ])("sums over %d samples of %d columns are the twin's", (n, K) => {
    const [J, r, w] = [draw(n * K), draw(n), draw(n).map(Math.abs)];
    const expected = twin.weightedSystem(J, n, K, r, w);
    const s = columnStride(n);
    const found = all.map((e) =>
      temporary(e, (reserve) => {
        const [pj, pr, pw, ps] = [4 * s * K, 4 * s, 4 * s, systemBytes(e, n, K)].map(reserve);
        e.f32(pj, s * K).fill(0);
        for (let k = 0; k < K; k++) e.f32(pj + 4 * k * s, n).set(J.subarray(k * n, k * n + n));
        e.f32(pr, s).fill(0).set(r);
        e.f32(pw, s).fill(0).set(w);
        const whole = weightedSystem(e, pj, n, K, pr, pw, ps);
        const half = weightedSystem(e, pj, n, K, pr, pw, ps, false);
        expect(half.right).toEqual(whole.right);
        return { matrix: Array.from(whole.matrix), right: Array.from(whole.right) };
      }),
    );
    for (const { matrix, right } of found) {
      // f32 sums over 2048 samples of order one.
      for (const [k, v] of matrix.entries()) expect(Math.abs(v - expected.matrix[k])).toBeLessThan(1e-6 * n + 1e-5);
      for (const [k, v] of right.entries()) expect(Math.abs(v - expected.right[k])).toBeLessThan(1e-6 * n + 1e-5);
    }
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
  });
  test.each([
    [5, 7, 2],
    [1, 4, 3],
    [6, 1, 1],
  ])("steepest rows of a %d × %d plane, %d fields", (h, w, K) => {
    const [plane, fx, fy] = [draw(h * w), draw(h * w * K), draw(h * w * K)];
    const expected = twin.steepestRows(plane, h, w, fx, fy, K);
    const s = columnStride(h * w);
    for (const e of all)
      temporary(e, (reserve) => {
        const [p, px, py, pj] = [4 * h * w, 4 * s * K, 4 * s * K, 4 * s * K].map(reserve);
        e.f32(p, h * w).set(plane);
        for (let k = 0; k < K; k++) {
          e.f32(px + 4 * k * s, h * w).set(fx.subarray(k * h * w, (k + 1) * h * w));
          e.f32(py + 4 * k * s, h * w).set(fy.subarray(k * h * w, (k + 1) * h * w));
        }
        steepestRows(e, p, [h, w], px, py, K, pj);
        for (let k = 0; k < K; k++)
          e.f32(pj + 4 * k * s, h * w).forEach((v, i) => {
            expect(Math.abs(v - expected[k * h * w + i])).toBeLessThan(1e-5);
          });
      });
  });
  test.each(residualKinds.flatMap((kind) => [0, 1, 2, 2051, 40001].flatMap((n) => [false, true].map((masked) => ({ kind, n, masked })))))(
    "residuals, weights and sums over $n samples are the twin's: $kind, masked $masked",
    ({ kind, n, masked }) => {
      const [x, y] = [draw(n).map((v) => 0.5 + 0.2 * v), draw(n).map((v) => 0.5 + 0.2 * v)];
      const [v, m] = [draw(n).map((t) => (t > -1 ? 1 : 0)), draw(n).map((t) => (t > 0 ? 1 : 0))];
      const how = { gain: 1.3, bias: -0.2, k: 0.25, kind };
      const expected = twin.robustResidual({ x, y, v, ...(masked && { m }) }, how);
      const s = columnStride(n);
      const found = all.map((e) =>
        temporary(e, (reserve) => {
          const given = [x, y, v, m].map((values) => {
            const at = reserve(4 * s + 4);
            e.f32(at, s).fill(0);
            e.f32(at, n).set(values);
            return at;
          });
          const [r, w, sums] = [4 * s + 4, 4 * s + 4, residualBytes(e, n)].map(reserve);
          const total = robustResidual(e, { x: given[0], y: given[1], v: given[2], m: masked ? given[3] : 0, r, w }, n, how, sums);
          return { r: e.f32(r, n).slice(), w: e.f32(w, n).slice(), total: Array.from(total) };
        }),
      );
      for (const { r, w, total } of found) {
        // f32 arithmetic on values of order one.
        let [off, weighed] = [0, 0];
        for (let i = 0; i < n; i++) {
          off = Math.max(off, Math.abs(r[i] - expected.r[i]));
          weighed = Math.max(weighed, Math.abs(w[i] - expected.w[i]));
        }
        expect(off).toBeLessThan(1e-6);
        expect(weighed).toBeLessThan(1e-5);
        // Runs of 256 in f32, the rest in f64: the relative error does not grow with n.
        for (const [k, t] of total.entries()) expect(Math.abs(t - expected.sums[k])).toBeLessThan(1e-6 * n + 1e-6);
      }
      const bytes = ({ r, w, total }: (typeof found)[number]) =>
        [r, w, Float64Array.from(total)].map((t) => Buffer.from(t.buffer).toString("base64"));
      expect(bytes(found[1])).toEqual(bytes(found[0]));
      expect(bytes(found[2])).toEqual(bytes(found[0]));
    },
  );
});
