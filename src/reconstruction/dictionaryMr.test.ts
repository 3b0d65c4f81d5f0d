import { describe, expect, test } from "vitest";
import { iterateSync } from "../core/iterate.js";
import { seeded } from "../core/random.js";
import { magneticResonanceOperator } from "../operators/index.js";
import { dictionaryStart, kSvd, matchingPursuit } from "../priors/index.js";
import { scope, Tensor } from "../tensor/index.js";
import { coilPhantom } from "./coilPhantom.js";
import { dictionaryMr } from "./dictionaryMr.js";
import { reconstructMr } from "./reconstructMr.js";

const [h, w] = [96, 64];
const { image, kspace } = coilPhantom([h, w], 1);
const random = seeded(4);
const mask = Tensor.from(
  Float32Array.from({ length: h }, (_, k) => (Math.abs(k - h / 2) < 6 || random.uniform() < 0.3 ? 1 : 0)),
  [h, 1],
);
const y = kspace.at(0).mul(mask);
const far = (x: Tensor) => x.sub(image).norm().item() / image.norm().item();
const quick = { stride: 3, examples: 600, atoms: 36 };

describe("reconstruction with a learned dictionary", () => {
  test("is much nearer than the zero-filled image", async () => {
    const r = await reconstructMr({ kspace: y, mask, prior: "dictionary", iterations: 30, dictionary: quick });
    expect(far(r.image)).toBeLessThan(0.5 * far(r.zeroFilled));
    expect(r.iterations).toBe(30);
    expect(r.history).toHaveLength(30);
  });
  test("is the same for the same seed", async () => {
    const run = async (seed: number) =>
      Array.from((await reconstructMr({ kspace: y, mask, prior: "dictionary", iterations: 3, dictionary: { ...quick, seed } })).image.data);
    expect(await run(1)).toEqual(await run(1));
    expect(await run(2)).not.toEqual(await run(1));
  });
  test("several coils go through conjugate gradients", async () => {
    const coils = coilPhantom([h, w], 3);
    const r = await reconstructMr({
      kspace: coils.kspace.mul(mask),
      mask,
      maps: coils.maps,
      prior: "dictionary",
      iterations: 3,
      dictionary: { ...quick, error: [0.02, 0.01] },
    });
    expect(r.image.sub(coils.image).norm().item()).toBeLessThan(0.7 * r.zeroFilled.sub(coils.image).norm().item());
  });
  test("eight times the signal gives eight times the image", async () => {
    const run = (k: Tensor) => reconstructMr({ kspace: k, mask, prior: "dictionary", iterations: 3, dictionary: quick });
    const [a, b] = [await run(y), await run(y.mul(8))]; // a power of two: no rounding, no other ties
    expect(b.image.sub(a.image.mul(8)).norm().item()).toBeLessThan(1e-6 * b.image.norm().item());
  });
  test("a step minimises over x: (A*A + λ) x = A*y + λ z, with z the picture of the patches", () => {
    const operator = magneticResonanceOperator({ mask, shape: [h, w] });
    const rhs = operator.adjoint(y);
    const problem = { normal: (x: Tensor) => operator.adjoint(operator.apply(x)), rhs, size: rhs.norm().item(), lipschitz: 1 };
    for (const normalInverse of [undefined, operator.normalInverse]) {
      const r = iterateSync(dictionaryMr(0.3, 2, quick), { ...problem, normalInverse }, rhs, {
        iterations: 2,
        keepState: true,
        keepBest: false,
      });
      const z = r.state?.patches as Tensor;
      const left = scope(() => problem.normal(r.x).add(r.x.mul(0.3)).sub(rhs).sub(z.mul(0.3)).norm().item());
      expect(left).toBeLessThan(2e-4 * rhs.norm().item()); // conjugate gradients stop at 1e-4
    }
  });
  test("what cannot be done is said", async () => {
    const run = (o: object) => reconstructMr({ kspace: y, mask, prior: "dictionary", ...o });
    await expect(run({ lambda: 0 })).rejects.toThrow(/count for nothing/);
    await expect(run({ dictionary: { patch: 100 } })).rejects.toThrow(/holds no patch/);
    await expect(run({ dictionary: { stride: 9 } })).rejects.toThrow(/no gaps/);
    await expect(run({ dictionary: { error: [0.01, 0.1] } })).rejects.toThrow(/larger/);
  });
});

describe("K-SVD", () => {
  test("lowers the error of coding with a fixed number of atoms, and keeps atoms of length 1", () => {
    const r = seeded(8);
    const hidden = dictionaryStart(4, 9).map((v, k) => v + 0.4 * Math.sin(7 * k));
    const K = hidden.length / 16;
    const signals = new Float32Array(400 * 16);
    for (let s = 0; s < 400; s++)
      for (let use = 0; use < 2; use++) {
        const [a, g] = [r.integer(K), r.normal()];
        for (let i = 0; i < 16; i++) signals[16 * s + i] += g * hidden[16 * a + i];
      }
    const left = (d: Float64Array) => {
      const codes = matchingPursuit(d, signals, 16, { error: 0, most: 2 });
      let sum = 0;
      for (let s = 0; s < 400; s++) {
        const e = Float64Array.from(signals.subarray(16 * s, 16 * s + 16));
        for (let k = codes.first[s]; k < codes.first[s + 1]; k++)
          for (let i = 0; i < 16; i++) e[i] -= codes.values[k] * d[16 * codes.atoms[k] + i];
        sum += e.reduce((t, v) => t + v * v, 0);
      }
      return sum;
    };
    const d = dictionaryStart(4, K);
    const before = left(d);
    kSvd(d, signals, 16, { error: 0, most: 2, rounds: 15, random: seeded(1) });
    expect(left(d)).toBeLessThan(0.3 * before);
    for (let a = 0; a < d.length; a += 16) expect(Math.hypot(...d.subarray(a, a + 16))).toBeCloseTo(1, 6);
  });
});
