import { afterAll, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { collaborative } from "./collaborative.js";
import { Engine } from "./engine.js";
import { type Collaborative, collaborative as twin } from "./reference/collaborative.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 2 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true }),
  new Engine({ shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});

const cosine = Float64Array.from({ length: 64 }, (_, k) => {
  const [i, j] = [Math.floor(k / 8), k % 8];
  return Math.sqrt((i === 0 ? 1 : 2) / 8) * Math.cos((Math.PI * i * (2 * j + 1)) / 16);
});
const options: Collaborative = {
  shrink: "threshold",
  level: 0.4,
  far: 30,
  most: 8,
  radius: 5,
  step: 3,
  analysis: cosine,
  synthesis: cosine.map((_, k) => cosine[8 * (k % 8) + Math.floor(k / 8)]),
  window: Float64Array.from({ length: 64 }, (_, k) => 1 + (k % 8) / 8),
};

function run(e: Engine, size: readonly [number, number], o: Collaborative, seed: number) {
  const random = seeded(seed);
  const n = size[0] * size[1];
  const picture = (noise: number) =>
    Float32Array.from({ length: n }, (_, k) => Math.sin((k % size[1]) / 3) + Number(k > n / 2) + noise * random.normal());
  const guide = picture(0.2);
  const image = picture(0.3);
  const [a, b, out] = [e.allocate(4 * n), e.allocate(4 * n), e.allocate(4 * n)];
  e.f32(a, n).set(image);
  e.f32(b, n).set(guide);
  collaborative(e, a, b, out, size, o);
  const found = Float32Array.from(e.f32(out, n));
  for (const p of [a, b, out]) e.free(p);
  return { found, image, guide };
}

test.each([
  [8, 8, options],
  [9, 27, { ...options, most: 1 }],
  [31, 22, { ...options, step: 2 }],
  [23, 19, { ...options, shrink: "wiener", level: 0.09 }],
  [26, 41, { ...options, shrink: "wiener", level: 0.09, far: 12, most: 32 }],
  [20, 17, { ...options, radius: 0 }],
] as [number, number, Collaborative][])("%i × %i: collaborative filtering agrees with its twin in every build", (H, W, o) => {
  let expected: Float64Array | undefined;
  for (const e of engines) {
    const { found, image, guide } = run(e, [H, W], o, H + W);
    expected ??= twin(image, guide, [H, W], o);
    expect(found.length).toBe(expected.length);
    expect(found.reduce((w, v, k) => Math.max(w, Math.abs(v - (expected as Float64Array)[k])), 0)).toBeLessThan(2e-5); // f32, numbers up to 3
  }
});
test("one, two and three threads give the same bits", () => {
  for (const o of [options, { ...options, shrink: "wiener", level: 0.09, most: 32 } as Collaborative]) {
    const found = engines.slice(0, 3).map((e) => run(e, [70, 45], o, 3).found);
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
  }
});
