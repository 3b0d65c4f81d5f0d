import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { type Image, image } from "../image/index.js";
import { type AlignMethod, align, alignMethods, type Motion } from "./align.js";
import { invertHomography, project } from "./planar.js";

/** A smooth texture without repetition, drawn in closed form under any map. */
const waves = Array.from({ length: 24 }, (_, k) => {
  const random = seeded(100 + k);
  const [t, f] = [2 * Math.PI * random.uniform(), 0.04 + 0.35 * random.uniform()];
  return { a: f * Math.cos(t), b: f * Math.sin(t), p: 2 * Math.PI * random.uniform(), h: 0.02 / f };
});
const texture = (x: number, y: number) => waves.reduce((s, w) => s + w.h * Math.sin(w.a * x + w.b * y + w.p), 0);
const draw = (width: number, height: number, f: (x: number, y: number) => number): Image =>
  image(
    Float32Array.from({ length: width * height }, (_, k) => f(k % width, Math.floor(k / width))),
    { size: [width, height] },
  );
const [w, h] = [64, 56];
/** a shows the texture; b shows it so that a(p) = b(H p). */
function pair(H: ArrayLike<number>, change: (v: number, x: number, y: number) => number = (v) => v): [Image, Image] {
  const back = invertHomography(H) as Float64Array;
  return [
    draw(w, h, texture),
    draw(100, 90, (x, y) => {
      const [u, v] = project(back, x, y);
      return change(texture(u, v), x, y);
    }),
  ];
}
const cornerError = (found: ArrayLike<number>, truth: ArrayLike<number>) =>
  [
    [0, 0],
    [w - 1, 0],
    [0, h - 1],
    [w - 1, h - 1],
  ].reduce((s, [x, y]) => {
    const [p, q] = project(found, x, y);
    const [u, v] = project(truth, x, y);
    return s + Math.hypot(p - u, q - v) / 4;
  }, 0);
const truths: Record<Motion, number[]> = {
  translation: [1, 0, 18.4, 0, 1, 15.7, 0, 0, 1],
  rigid: [Math.cos(0.08), -Math.sin(0.08), 19, Math.sin(0.08), Math.cos(0.08), 14, 0, 0, 1],
  similarity: [1.05 * Math.cos(0.06), -1.05 * Math.sin(0.06), 17, 1.05 * Math.sin(0.06), 1.05 * Math.cos(0.06), 13, 0, 0, 1],
  affine: [1.05, 0.06, 16, -0.04, 0.97, 18, 0, 0, 1],
  homography: [1.04, 0.05, 16, -0.03, 0.98, 17, 3e-4, -2e-4, 1],
};
const start = [1, 0, 16, 0, 1, 17, 0, 0, 1];

describe("direct alignment", () => {
  test.each(Object.keys(truths) as Motion[])("finds a %s", (motion) => {
    const [a, b] = pair(truths[motion]);
    const r = align(a, b, { motion, start });
    expect(r.status).toBe("ok");
    // Linear interpolation of a texture with wavelengths down to sixteen pixels.
    expect(cornerError(r.h, truths[motion])).toBeLessThan(0.1);
  });
  test("every method comes to the same optimum, robust or not", () => {
    const [a, b] = pair(truths.homography);
    const found = alignMethods.map(
      (method: AlignMethod) => align(a, b, { method, start, robust: "none", tolerance: 1e-5, iterations: 200 }).h,
    );
    for (const f of found) expect(cornerError(f, found[0])).toBeLessThan(0.05);
    // Forward-additive and inverse-compositional minimise the same sum of squares but weigh interpolation differently.
    const additive = found[alignMethods.indexOf("fa")];
    expect(cornerError(additive, found[alignMethods.indexOf("fc")])).toBeLessThan(2e-3);
  });
  test.each(alignMethods)("%s does not mind gain and bias", (method) => {
    const [a, b] = pair(truths.affine, (v) => 1.6 * v + 0.4);
    const r = align(a, b, { motion: "affine", method, start });
    expect(cornerError(r.h, truths.affine)).toBeLessThan(0.1);
    if (method !== "ecc") expect(r.gain * 1.6).toBeCloseTo(1, 1);
  });
  test("looks past what is in the way", () => {
    const [a, b] = pair(truths.affine, (v, x, y) => (x > 40 && x < 66 && y > 30 && y < 56 ? Math.sin(0.8 * x) + 0.7 : v));
    expect(cornerError(align(a, b, { motion: "affine", start }).h, truths.affine)).toBeLessThan(0.1);
    expect(cornerError(align(a, b, { motion: "affine", start, robust: "none", search: false }).h, truths.affine)).toBeGreaterThan(0.2);
  });
  test("a third that is covered by something else of another brightness does not lead it astray, and is told", () => {
    const [a, b] = pair(truths.homography, (v) => 1.6 * v - 0.3);
    const covered = draw(w, h, (x, y) =>
      x > 10 && x < 46 && y > 12 && y < 47 ? 0.8 + 0.5 * Math.sin(0.7 * x) * Math.cos(0.9 * y) : texture(x, y),
    );
    const r = align(covered, b, { start });
    expect(cornerError(r.h, truths.homography)).toBeLessThan(0.1);
    expect(r.status).toBe("ok");
    expect(r.gain * 1.6).toBeCloseTo(1, 1);
    expect(r.explained).toBeGreaterThan(0.5);
    expect(r.explained).toBeLessThan(0.8);
    expect(align(a, b, { start }).explained).toBe(1);
  });
  test("a place that is wrong is not called right, though some of it fits", () => {
    const [a, b] = pair(truths.translation);
    for (const [dx, dy] of [
      [9, 0],
      [0, -9],
      [14, 12],
    ]) {
      const wrong = [1, 0, truths.translation[2] + dx, 0, 1, truths.translation[5] + dy, 0, 0, 1];
      expect(align(a, b, { start: wrong, iterations: 0, search: false }).status).toBe("failed");
    }
    expect(align(a, b, { start: truths.translation, iterations: 0, search: false }).status).toBe("ok");
  });
  test("too little texture is no agreement", () => {
    const spot = (x: number, y: number) => Math.exp(-((x - 20) ** 2 + (y - 20) ** 2) / 4);
    const r = align(draw(64, 64, spot), draw(64, 64, spot));
    expect(r.status).toBe("failed");
    expect(r.reason).toMatch(/too little texture/);
  });
  test("a mask says where the first picture counts", () => {
    const [a, b] = pair(truths.translation);
    const spoiled = image(
      a.values.data.map((v, k) => (k % w > 40 ? 3 : v)),
      a.grid,
    );
    const mask = draw(w, h, (x) => (x > 40 ? 0 : 1));
    const r = align(spoiled, b, { motion: "translation", start, mask, robust: "none", levels: 0 });
    expect(cornerError(r.h, truths.translation)).toBeLessThan(0.1);
  });
  test("begins again from many starts when the first was too far", () => {
    const [a, b] = pair(truths.affine);
    const far = [1, 0, 28, 0, 1, 3, 0, 0, 1];
    expect(cornerError(align(a, b, { motion: "affine", start: far }).h, truths.affine)).toBeLessThan(0.1);
  });
  test("says that it failed when the pictures have nothing in common, and never throws for it", () => {
    const random = seeded(8);
    const noise = draw(100, 90, () => random.normal());
    const r = align(draw(w, h, texture), noise, { start });
    expect(r.status).toBe("failed");
    expect(r.reason).toMatch(/unlike|hardly/);
  });
  test("the standard error of corners is what noise does to them", () => {
    const truth = truths.affine;
    const errors: number[] = [];
    let told = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const random = seeded(seed);
      const [a, b] = pair(truth);
      const noisy = image(
        a.values.data.map((v) => v + 0.05 * random.normal()),
        a.grid,
      );
      const r = align(noisy, b, { motion: "affine", start: truth, robust: "none", levels: 0, tolerance: 1e-6 });
      const exact = align(a, b, { motion: "affine", start: truth, robust: "none", levels: 0, tolerance: 1e-6 });
      errors.push(cornerError(r.h, exact.h) ** 2);
      told += r.cornerError / 30;
    }
    const scatter = Math.sqrt(errors.reduce((s, e) => s + e, 0) / errors.length);
    // The largest of four corners' errors against the mean over them.
    expect(told / scatter).toBeGreaterThan(0.6);
    expect(told / scatter).toBeLessThan(2.5);
  });
  test("asks for pictures that have pixels, a start that has an inverse, known names", () => {
    const [a, b] = pair(truths.affine);
    expect(() => align(draw(2, 2, texture), b)).toThrow(/at least 4/);
    expect(() => align(a, b, { start: [0, 0, 0, 0, 0, 0, 0, 0, 1] })).toThrow(/no homography/);
    expect(() => align(a, b, { motion: "shear" as never })).toThrow(/choose among/);
    expect(() => align(a, b, { mask: b })).toThrow(/mask/);
  });
});
