import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { image } from "../image/image.js";
import { rotation2 } from "../image/matrix.js";
import { startEngine } from "../kernels/index.js";
import { Tensor } from "../tensor/index.js";
import { mindSearch } from "./mindSearch.js";
import { register } from "./register.js";

/** Blobs of many sizes all over the place, as a function of a point. */
function scene(d: number, n: number, seed: number) {
  const random = seeded(seed);
  const blobs = Array.from({ length: d === 2 ? 160 : 220 }, () => ({
    at: Array.from({ length: d }, () => n * (1.6 * random.uniform() - 0.3)),
    size: n * (0.015 + 0.04 * random.uniform()),
    height: 0.4 + random.uniform(),
  }));
  return (p: readonly number[]) =>
    blobs.reduce((s, { at, size, height }) => {
      const r2 = p.reduce((q, v, a) => q + (v - at[a]) ** 2, 0);
      return r2 < 16 * size * size ? s + height * Math.exp(-r2 / (2 * size * size)) : s;
    }, 0);
}
/** Another contrast: neither linear nor monotonic. */
const otherwise = (v: number) => Math.abs(v - 0.7) * 3 - v;
const sampled = (f: (p: readonly number[]) => number, n: number, d: number) =>
  image(
    Float32Array.from({ length: n ** d }, (_, k) => f(Array.from({ length: d }, (_, a) => Math.floor(k / n ** a) % n))),
    { size: new Array<number>(d).fill(n) },
  );
const inner = (n: number, d: number) => {
  const at = [0.25, 0.4, 0.5, 0.6, 0.75].map((v) => v * n);
  return d === 2 ? at.flatMap((x) => at.map((y) => [x, y])) : at.flatMap((x) => at.flatMap((y) => at.map((z) => [x, y, z])));
};
const meanError = (apply: (t: Tensor) => Tensor, points: readonly (readonly number[])[], truth: (p: readonly number[]) => number[]) => {
  const d = points[0].length;
  const q = apply(Tensor.from(points.flat(), [points.length, d], "f64")).data;
  return points.reduce((s, p, i) => s + Math.hypot(...truth(p).map((v, a) => v - q[i * d + a])), 0) / points.length;
};

describe("mindSearch", () => {
  test("finds a shift by a sixth of the picture in another contrast", () => {
    const n = 128;
    const f = scene(2, n, 1);
    const { transform, before, after } = mindSearch(
      sampled(f, n, 2),
      sampled((p) => otherwise(f([p[0] - 21, p[1] + 13])), n, 2),
    );
    expect(
      meanError(
        (t) => transform.apply(t),
        inner(n, 2),
        (p) => [p[0] + 21, p[1] - 13],
      ),
    ).toBeLessThan(1); // one sample; nodes are four apart
    expect(after).toBeLessThan(0.6 * before);
  });
  test("finds a smooth field of ten pixels in another contrast, within a step between nodes", () => {
    const n = 128;
    const f = scene(2, n, 2);
    const u = (p: readonly number[]) => [p[0] + 10 * Math.sin((2 * Math.PI * p[1]) / n), p[1] + 8 * Math.cos((2 * Math.PI * p[0]) / n)];
    // fixed = scene ∘ u, moving = scene: y = u.
    const { transform } = mindSearch(
      sampled((p) => f(u(p)), n, 2),
      sampled((p) => otherwise(f(p)), n, 2),
    );
    expect(meanError((t) => transform.apply(t), inner(n, 2), u)).toBeLessThan(2); // half a step; the field itself is up to 12
  });
  test("finds a shift of a volume, and both directions agree", () => {
    const n = 40;
    const f = scene(3, n, 3);
    const [a, b] = [sampled(f, n, 3), sampled((p) => otherwise(f([p[0] - 5, p[1] + 4, p[2] - 3])), n, 3)];
    const there = mindSearch(a, b).transform;
    expect(
      meanError(
        (t) => there.apply(t),
        inner(n, 3),
        (p) => [p[0] + 5, p[1] - 4, p[2] + 3],
      ),
    ).toBeLessThan(1);
    const back = mindSearch(b, a).transform;
    expect(
      meanError(
        (t) => back.apply(there.apply(t)),
        inner(n, 3),
        (p) => [...p],
      ),
    ).toBeLessThan(0.5);
  });
  test("gives the rigid map that the field follows, and one of a family alone", () => {
    const n = 128;
    const f = scene(2, n, 4);
    const R = rotation2((12 * Math.PI) / 180);
    const y = ([x, v]: readonly number[]) => [64 + 7 + R[0] * (x - 64) + R[1] * (v - 64), 64 - 5 + R[2] * (x - 64) + R[3] * (v - 64)];
    const [fixed, moving] = [sampled((p) => f(y(p)), n, 2), sampled((p) => otherwise(f(p)), n, 2)];
    const { matrix, offset } = mindSearch(fixed, moving).linear("rigid");
    const points = inner(n, 2);
    const by = (p: readonly number[]) => [0, 1].map((i) => matrix[2 * i] * p[0] + matrix[2 * i + 1] * p[1] + offset[i]);
    expect(points.reduce((s, p) => s + Math.hypot(...by(p).map((v, a) => v - y(p)[a])), 0) / points.length).toBeLessThan(1);
    const alone = mindSearch(fixed, moving, { model: "rigid" }).transform;
    expect(meanError((t) => alone.apply(t), points, y)).toBeLessThan(1);
  });
  test("looks only where masks let it", () => {
    const n = 128;
    const [f, g] = [scene(2, n, 5), scene(2, n, 6)];
    // The left half moves by 12, the right half shows something else.
    const left = Tensor.from(
      Float32Array.from({ length: n * n }, (_, k) => (k % n < n / 2 ? 1 : 0)),
      [1, n, n],
    );
    const { linear } = mindSearch(
      sampled(f, n, 2),
      sampled((p) => (p[0] < n / 2 + 12 ? f([p[0] - 12, p[1]]) : g(p)), n, 2),
      { fixedMask: left },
    );
    const { offset } = linear("translation");
    expect(Math.hypot(offset[0] - 12, offset[1])).toBeLessThan(1);
  });
  test("has the same bits for any number of threads", () => {
    const n = 96;
    const f = scene(2, n, 7);
    const [a, b] = [sampled(f, n, 2), sampled((p) => otherwise(f([p[0] - 8, p[1] - 3])), n, 2)];
    const values: number[][] = [];
    for (const threads of [1, 2, 3]) {
      startEngine({ threads });
      const again = (i: typeof a) => image(Float32Array.from(i.values.data), { size: [n, n] });
      values.push([...mindSearch(again(a), again(b)).transform.apply(Tensor.from(inner(n, 2).flat(), [25, 2], "f64")).data]);
    }
    expect(values[1]).toEqual(values[0]);
    expect(values[2]).toEqual(values[0]);
  });
  test("refuses what it cannot search", () => {
    const [plane, volume] = [sampled(() => 0, 16, 2), sampled(() => 0, 16, 3)];
    expect(() => mindSearch(plane, volume)).toThrow(/mindSearch: fixed is 16×16/);
    expect(() => mindSearch(plane, plane, { reach: [0] })).toThrow(/reach 0/);
  });
});

test("register begins where self-similarities agree when asked to", async () => {
  const n = 128;
  const f = scene(2, n, 8);
  const y = (p: readonly number[]) => [0.95 * p[0] + 0.06 * p[1] + 14, 1.04 * p[1] - 0.04 * p[0] - 12];
  const { transform, plan } = await register(
    sampled((p) => f(y(p)), n, 2),
    sampled((p) => otherwise(f(p)), n, 2),
    { preset: "affine", init: "mind" },
  );
  expect(plan).toContain("self-similarity");
  expect(meanError((t) => transform.apply(t), inner(n, 2), y)).toBeLessThan(0.3); // mutual information on the pixels themselves
});
