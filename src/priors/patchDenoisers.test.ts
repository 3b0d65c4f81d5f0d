import { expect, test } from "vitest";
import { denoisers } from "../catalogue.js";
import { seeded } from "../core/random.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { dictionary, learnDictionary } from "./dictionary.js";
import { nonLocalMeans } from "./nonLocalMeans.js";
import { inOpponentColours } from "./opponentColours.js";
import { matchingPursuit } from "./sparseCoding.js";

const [H, W] = [40, 37];
const clean = Tensor.from(
  Float32Array.from({ length: H * W }, (_, k) => {
    const [y, x] = [Math.floor(k / W), k % W];
    return Number((x - 20) ** 2 + (y - 18) ** 2 < 150) + 0.3 * Math.sin(x / 2);
  }),
  [H, W],
);
const noisy = clean.add(randomNormal([H, W], seeded(5)).mul(0.15));
const error = (a: Tensor, b: Tensor) => a.sub(b).norm().item() / Math.sqrt(a.size);

for (const [name, make] of Object.entries(denoisers)) {
  const f = make();
  test(`${name}: noise on edges and waves falls to about half, or less`, () => {
    expect(error(f.denoise(noisy, 0.15), clean)).toBeLessThan(0.55 * error(noisy, clean));
  });
  test(`${name}: constants stay as they are, of any size, and so does what has no noise`, () => {
    for (const shape of [
      [12, 9],
      [1, 1],
      [3, 20],
      [2, 11, 9],
      [0, 5],
    ]) {
      const y = Tensor.full(shape, 3.25);
      const found = f.denoise(y, 0.4);
      expect(found.shape).toEqual(shape);
      if (y.size > 0) expect(found.sub(y).abs().max().item()).toBeLessThan(1e-5);
    }
    expect(error(f.denoise(noisy, 0), noisy)).toBe(0);
  });
  test(`${name}: gain and offset pass through: f(a y + b, a σ) = a f(y, σ) + b`, () => {
    const plain = f.denoise(noisy, 0.15);
    const other = f.denoise(noisy.mul(40).add(7), 6);
    expect(error(other.sub(7).div(40), plain)).toBeLessThan(1e-3); // rounding may tip a coefficient over its threshold here and there
  });
  test(`${name}: what cannot be is said`, () => {
    expect(() => f.denoise(noisy, -1)).toThrow(/sigma -1/);
    expect(() => f.denoise(Tensor.full([9], 1), 1)).toThrow(/two axes/);
  });
}

test("non-local means is the mean of a periodic picture's like patches: noise falls with their number", () => {
  const stripes = Tensor.from(
    Float32Array.from({ length: 48 * 48 }, (_, k) => ((k % 48) % 8 < 4 ? 1 : 0)),
    [48, 48],
  );
  const y = stripes.add(randomNormal([48, 48], seeded(2)).mul(0.1));
  // About 21 · 21 / 8 patches are alike: the noise would fall by √55 = 7.4, less what differences of weights cost.
  expect(error(nonLocalMeans().denoise(y, 0.1), stripes)).toBeLessThan(0.1 / 4);
});

test("matching pursuit finds the atoms and coefficients of sparse signals, exactly where the dictionary is orthonormal", () => {
  const n = 6;
  const eye = Float64Array.from({ length: n * n }, (_, k) => Number(Math.floor(k / n) === k % n));
  const signals = Float32Array.from([0, 3, 0, 0, -2, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0.1, 0.1, 0.1]);
  const { first, atoms, values } = matchingPursuit(eye, signals, n, { error: 0.05 });
  expect([...first]).toEqual([0, 2, 2, 5]);
  expect([...atoms.slice(0, 2)]).toEqual([1, 4]);
  expect([...values.slice(0, 2)]).toEqual([3, -2]);
});

test("matching pursuit keeps what is left below its bound and at right angles to the atoms it picked", () => {
  const [K, n, S] = [30, 12, 20];
  const random = seeded(4);
  const d = Float64Array.from({ length: K * n }, () => random.normal());
  for (let a = 0; a < K; a++) {
    const size = Math.hypot(...d.subarray(a * n, (a + 1) * n));
    for (let i = 0; i < n; i++) d[a * n + i] /= size;
  }
  const x = Float32Array.from({ length: S * n }, () => random.normal());
  const { first, atoms, values } = matchingPursuit(d, x, n, { error: 0.5, most: n });
  for (let s = 0; s < S; s++) {
    const left = Float64Array.from(x.subarray(s * n, (s + 1) * n));
    for (let k = first[s]; k < first[s + 1]; k++) for (let i = 0; i < n; i++) left[i] -= values[k] * d[atoms[k] * n + i];
    expect(left.reduce((e, v) => e + v * v, 0)).toBeLessThanOrEqual(0.5 + 1e-6);
    for (let k = first[s]; k < first[s + 1]; k++) {
      const c = left.reduce((e, v, i) => e + v * d[atoms[k] * n + i], 0);
      expect(Math.abs(c)).toBeLessThan(1e-6); // f32 signals
    }
  }
});

test("a learned dictionary has atoms of length 1, is the same for the same seed, serves another picture, and beats its cosines", () => {
  const texture = Tensor.from(
    Float32Array.from({ length: 64 * 64 }, (_, k) => {
      const [y, x] = [Math.floor(k / 64), k % 64];
      return Number((x * 3 + y * 2) % 11 < 4) + 0.5 * Number((x - 2 * y + 128) % 13 < 5);
    }),
    [64, 64],
  );
  const y = texture.add(randomNormal([64, 64], seeded(9)).mul(0.2));
  const d = learnDictionary(y, 0.2, { atoms: 64, rounds: 6 });
  expect(d.shape.slice(1)).toEqual([8, 8]);
  for (let a = 0; a < d.shape[0]; a++) expect(Math.hypot(...d.data.subarray(64 * a, 64 * a + 64))).toBeCloseTo(1, 5);
  expect(error(learnDictionary(y, 0.2, { atoms: 64, rounds: 6 }), d)).toBe(0);
  const learned = dictionary({ dictionary: d }).denoise(y, 0.2);
  const cosines = dictionary({ atoms: 64, rounds: 0 }).denoise(y, 0.2);
  expect(error(learned, texture)).toBeLessThan(0.9 * error(cosines, texture));
});

test("in opponent colours gray stays gray, and colours are denoised", () => {
  const f = inOpponentColours(nonLocalMeans());
  const gray = f.denoise(Tensor.full([3, 10, 12], 0.4), 0.1);
  expect(gray.sub(0.4).abs().max().item()).toBeLessThan(1e-5);
  const colour = clean.mul(Tensor.from([1, 0.5, -0.3], [3, 1, 1]));
  const y = colour.add(randomNormal([3, H, W], seeded(7)).mul(0.15));
  expect(error(f.denoise(y, 0.15), colour)).toBeLessThan(0.45 * error(y, colour));
  expect(() => f.denoise(clean, 0.1)).toThrow(/\[3, y, x\]/);
});

test("options out of range are named", () => {
  expect(() => nonLocalMeans({ strength: 0 })).toThrow(/strength 0/);
  expect(() => dictionary({ patch: 1 })).toThrow(/patches of 1/);
  expect(() => learnDictionary(clean, 0)).toThrow(/σ above 0/);
  expect(() => matchingPursuit(new Float64Array(7), new Float32Array(6), 3, { error: 1 })).toThrow(/7 and 6/);
});
