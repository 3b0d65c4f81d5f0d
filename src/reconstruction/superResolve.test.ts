import { describe, expect, test } from "vitest";
import type { Image, Transform } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { ellipses, grid, tensorShape } from "../image/index.js";
import { tikhonov } from "../priors/index.js";
import { gaussian, Tensor } from "../tensor/index.js";
import { dotOf, normOf } from "../tensor/variables.js";
import { AffineTransform, affineFromParameters, affineMotion, denseMotion, type MotionFamily } from "../transforms/index.js";
import { FrameOperator, frameOf, refinedGrid } from "./frameModel.js";
import { knownMotion } from "./frameMotion.js";
import { frameEquations, imageSystem, solveImage } from "./frameSystem.js";
import { alignFrames, superResolve } from "./superResolve.js";

const random = seeded(7);
const noise = (shape: readonly number[], sigma = 1) => {
  const out = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < out.length; i++) out[i] = sigma * random.normal();
  return Tensor.from(out, shape);
};
/** Frames of a fine picture: rigid motions (pixels of a frame, radians) about the centre, a Gaussian of 1.2 fine samples, the area of scale². */
function sequence(n: number, scale: number, count: number, sigma: number): { frames: Image[]; motion: Transform[]; truth: Tensor } {
  const low = grid({ size: [n / scale, n / scale] });
  const target = refinedGrid(low, scale);
  const truth = ellipses(n).reshape(1, n, n);
  const centre = [(n / scale - 1) / 2, (n / scale - 1) / 2];
  const motion = Array.from({ length: count }, (_, t) =>
    t === 0 ? [0, 0, 0] : [2 * random.uniform() - 1, 2 * random.uniform() - 1, 0.06 * random.uniform() - 0.03],
  ).map((p) => new AffineTransform(affineFromParameters("rigid", p, centre)));
  const blank = { values: Tensor.zeros([1, n / scale, n / scale]), grid: low };
  const frames = motion.map((y) => {
    const f = frameOf(blank, target, { psf: 1.2 });
    const clean = f.sensor.apply(knownMotion(y, f.fine, target).warp(truth));
    return { values: clean.add(noise(clean.shape, sigma)), grid: low };
  });
  return { frames, motion, truth };
}
const psnr = (x: Tensor, y: Tensor, crop: number) => {
  const n = x.shape[2];
  const cut = (t: Tensor) => t.slice([0, crop, crop], [1, n - crop, n - crop]);
  return -10 * Math.log10(cut(x).sub(cut(y)).square().mean().item());
};
/** Largest distance of the two maps over the corners of a frame, in its samples. */
const apart = (a: Transform, b: Transform, n: number) => {
  const p = Tensor.from(Float32Array.from([0, 0, n, 0, 0, n, n, n]), [4, 2]);
  return a.apply(p).sub(b.apply(p)).abs().max().item();
};

test("a refined grid puts scale samples around each coarse one, on the same extent", () => {
  const g = grid({ size: [4, 3], spacing: [2, 5], origin: [10, 20], direction: [0, -1, 1, 0] });
  const f = refinedGrid(g, [4, 2]);
  expect(f.size).toEqual([16, 6]);
  expect(f.spacing).toEqual([0.5, 2.5]);
  // −3/8 of 2 along the first axis, which points along y; −1/4 of 5 along the second, which points along −x.
  expect(f.origin[0]).toBeCloseTo(10 + 1.25);
  expect(f.origin[1]).toBeCloseTo(20 - 0.75);
});

describe("D B W(p) of a frame", () => {
  const low = grid({ size: [9, 7] });
  const target = refinedGrid(low, 3);
  const shape = [2, ...tensorShape(target)];
  const frame = frameOf({ values: noise([2, 7, 9]), grid: low }, target, {});
  const models: [string, MotionFamily][] = [
    ["rigid", affineMotion("rigid", target)],
    ["affine", affineMotion("affine", target)],
    ["dense", denseMotion(target, { spacingVoxels: 6 })],
  ];
  test.each(models)("%s: its adjoint is its transpose", (_, model) => {
    const a = new FrameOperator(frame, target, model.at(noise(model.shape, 0.7), frame.fine));
    const [x, y] = [noise(shape), noise(a.range)];
    const [l, r] = [dotOf(a.apply(x), y), dotOf(x, a.adjoint(y))];
    expect(Math.abs(l - r)).toBeLessThan(1e-5 * normOf(a.apply(x)) * normOf(y)); // f32, sums of 10³ terms
  });
  test.each(models)("%s: its derivative in the motion is that of finite differences, and pull is the transpose of push", (_, model) => {
    // Smooth and 0 at the border: bilinear cells and the edge have kinks of their own.
    const x = Tensor.from(
      Float32Array.from({ length: 2 * 21 * 27 }, (_, i) => {
        const [c, v, u] = [Math.floor(i / (21 * 27)), Math.floor(i / 27) % 21, i % 27];
        return Math.exp(-((u - 12 - c) ** 2 + (v - 9) ** 2) / 18);
      }),
      shape,
    );
    const p = noise(model.shape, 0.3);
    const dp = noise(model.shape, 1);
    const l = model.at(p, frame.fine).linearise(x);
    const h = 4e-3;
    const at = (s: number) => model.at(p.add(dp.mul(s)), frame.fine).warp(x);
    const difference = at(h)
      .sub(at(-h))
      .div(2 * h);
    expect(normOf(l.push(dp).sub(difference))).toBeLessThan(0.2 * normOf(difference)); // bilinear cells have kinks, which some samples cross
    const v = noise([2, 21, 27]);
    expect(dotOf(l.pull(v), dp)).toBeCloseTo(dotOf(l.push(dp), v), 2);
  });
  test("a constant stays constant, and samples that look outside count nothing", () => {
    const y = new AffineTransform({ matrix: [1, 0, 0, 1], offset: [2, 0] });
    const a = new FrameOperator(frame, target, knownMotion(y, frame.fine, target));
    const seen = a.apply(Tensor.ones(shape));
    const row = Array.from(seen.data.slice(0, 9));
    row.slice(0, 6).forEach((v) => expect(v).toBeCloseTo(1, 3)); // the Gaussian's tail reaches outside
    expect(row.slice(7)).toEqual([0, 0]);
  });
  test("the preconditioner solves the equations of many shifted frames nearly at once", () => {
    const { frames, motion } = sequence(48, 3, 9, 0);
    const t = refinedGrid(frames[0].grid, 3);
    const operators = frames.map((f, k) => {
      const one = frameOf(f, t, { psf: 1.2 });
      return new FrameOperator(one, t, knownMotion(motion[k], one.fine, t));
    });
    const e = frameEquations(operators);
    const start = Tensor.zeros([1, 48, 48]);
    const system = imageSystem(e, 0.01, e.rhs);
    const with10 = solveImage(e, 0.01, start, { iterations: 10, relativeResidual: 0 });
    const exact = solveImage(e, 0.01, start, { iterations: 150, relativeResidual: 1e-6 });
    expect(with10.value - exact.value).toBeLessThan(1e-3 * exact.value);
    expect(system.preconditioner).toBeDefined();
  });
});

describe("superResolve", () => {
  const { frames, motion, truth } = sequence(96, 3, 8, 0.01);
  test("a pair alone is registered to less than half a pixel, even in the corners", () => {
    const start = alignFrames(frames, "rigid");
    start.forEach((y, t) => expect(apart(y, motion[t], 32)).toBeLessThan(0.4)); // noise, aliases, and corners without anything to see
  });
  test("with unknown motion is as good as with known motion, and better than one frame", async () => {
    const o = { frames, scale: 3, psf: 1.2 };
    const known = await superResolve({ ...o, motion });
    const unknown = await superResolve(o);
    const one = await superResolve({ ...o, frames: frames.slice(0, 1) });
    expect(unknown.status).toBe("ok");
    expect(psnr(unknown.image.values, truth, 9)).toBeGreaterThan(psnr(known.image.values, truth, 9) - 0.15);
    expect(psnr(unknown.image.values, truth, 9)).toBeGreaterThan(psnr(one.image.values, truth, 9) + 2);
    expect(unknown.noise).toBeGreaterThan(0.005);
    expect(unknown.noise).toBeLessThan(0.02);
    const off = (all: readonly Transform[]) => all.reduce((sum, y, t) => sum + apart(y, motion[t], 32), 0) / all.length;
    expect(off(unknown.transforms)).toBeLessThan(0.6 * off(alignFrames(frames, "rigid")));
    unknown.history.slice(1).forEach((v, k) => expect(v).toBeLessThanOrEqual(unknown.history[k]));
  });
  test("frames in changing light: gains and biases are found with image and motion, and cost nothing where there are none", async () => {
    const lights = frames.map((_, t) => ({ gain: Math.exp(0.15 * Math.sin(2 * t)), bias: 0.08 * Math.cos(3 * t) }));
    const lit = frames.map((f, t) => ({ ...f, values: f.values.mul(lights[t].gain).add(lights[t].bias) }));
    const o = { scale: 3, psf: 1.2 };
    const [plain, changed, ignored, without] = [
      await superResolve({ ...o, frames }),
      await superResolve({ ...o, frames: lit }),
      await superResolve({ ...o, frames: lit, brightness: "equal" }),
      await superResolve({ ...o, frames, brightness: "equal" }),
    ];
    const quality = (r: typeof plain, gain = 1, bias = 0) => psnr(r.image.values.sub(bias).div(gain), truth, 9);
    // The image is as bright as frames of mean gain and bias.
    const gain = Math.exp(lights.reduce((s, l) => s + Math.log(l.gain), 0) / lights.length);
    const bias = lights.reduce((s, l) => s + l.bias, 0) / lights.length;
    changed.lights.forEach((l, t) => expect(Math.abs(l.gain - lights[t].gain / gain)).toBeLessThan(0.01));
    expect(quality(changed, gain, bias)).toBeGreaterThan(quality(plain) - 0.2);
    expect(quality(ignored, gain, bias)).toBeLessThan(quality(plain) - 2);
    expect(quality(plain)).toBeGreaterThan(quality(without) - 0.05);
  });
  test("a frame that the others contradict is named and counts less; the image is sound", async () => {
    const one = frames[5];
    const odd = frames.map((f, t) => (t === 5 ? { ...one, values: gaussian(one.values, { sigma: 2.5 }) } : f));
    const r = await superResolve({ frames: odd, scale: 3, psf: 1.2, motion });
    expect(r.weights.map((w) => w < 1)).toEqual(frames.map((_, t) => t === 5));
    expect(r.warnings[0]).toMatch(/frame 5 does not agree/);
    expect(r.status).toBe("ok");
  });
  test("a blur taken much too wide makes an image darker than light can be: the result says so", async () => {
    const wide = await superResolve({ frames, scale: 3, psf: 3.5, motion });
    expect(wide.warnings.join()).toMatch(/blur taken too wide/);
    const right = await superResolve({ frames, scale: 3, psf: 1.2, motion });
    expect(right.warnings.join()).not.toMatch(/too wide/);
  });
  test("takes any prior", async () => {
    const r = await superResolve({ frames, scale: 3, psf: 1.2, motion, prior: tikhonov({ dimensions: 2 }), lambda: 0.003 });
    expect(psnr(r.image.values, truth, 9)).toBeGreaterThan(20);
  });
  test("says what is wrong with what came", async () => {
    await expect(superResolve({ frames: [], scale: 2 })).rejects.toThrow(/no frames/);
    await expect(superResolve({ frames })).rejects.toThrow(/scale or the grid/);
    await expect(superResolve({ frames, scale: 1.5 })).rejects.toThrow(/whole number/);
    await expect(superResolve({ frames, scale: 2, motion: motion.slice(1) })).rejects.toThrow(/7 transforms as motion for 8 frames/);
    await expect(superResolve({ frames, scale: 100000 })).rejects.toThrow(/needs about .* MB/);
    await expect(superResolve({ frames, scale: 2, psf: 1e6 })).rejects.toThrow(/smaller than the image/);
  });
});

describe("volumes", () => {
  // Blobs in 24³; stacks of slices three samples thick, across z and across x; the second one lies a little elsewhere.
  const n = 24;
  const fine = grid({ size: [n, n, n] });
  const blobs = Array.from({ length: 14 }, () => Array.from({ length: 3 }, () => 4 + 15 * random.uniform()));
  const truth = Tensor.from(
    Float32Array.from({ length: n ** 3 }, (_, i) =>
      blobs.reduce(
        (s, [a, b, c]) => s + Math.exp(-(((i % n) - a) ** 2 + ((Math.floor(i / n) % n) - b) ** 2 + (Math.floor(i / n ** 2) - c) ** 2) / 4),
        0,
      ),
    ),
    [1, n, n, n],
  );
  const across = [
    grid({ size: [n, n, 8], spacing: [1, 1, 3], origin: [0, 0, 1] }),
    grid({ size: [8, n, n], spacing: [3, 1, 1], origin: [1, 0, 0] }),
  ];
  const moved = new AffineTransform(affineFromParameters("rigid", [0.6, -0.4, 0.5, 0.02, -0.03, 0.02], [11.5, 11.5, 11.5]));
  const still = new AffineTransform(affineFromParameters("rigid", [0, 0, 0, 0, 0, 0], [11.5, 11.5, 11.5]));
  const stacks = across.map((g, t) => {
    const f = frameOf({ values: Tensor.zeros([1, ...tensorShape(g)]), grid: g }, fine, {});
    const clean = f.sensor.apply(knownMotion(t === 0 ? still : moved, f.fine, fine).warp(truth));
    return { values: clean.add(noise(clean.shape, 0.005)), grid: g };
  });
  const error = (x: Tensor) => normOf(x.sub(truth)) / normOf(truth);
  test("stacks cut along different axes are joined with the motion between them", async () => {
    const one = await superResolve({ frames: stacks.slice(0, 1), grid: fine });
    const unmoved = await superResolve({ frames: stacks, grid: fine, motion: [still, still] });
    const both = await superResolve({ frames: stacks, grid: fine, motion: "rigid" });
    expect(both.status).toBe("ok");
    expect(error(both.image.values)).toBeLessThan(0.8 * error(one.image.values));
    expect(error(both.image.values)).toBeLessThan(0.8 * error(unmoved.image.values));
    const middle = Tensor.from(Float32Array.of(11.5, 11.5, 11.5), [1, 3]);
    expect(both.transforms[1].apply(middle).sub(moved.apply(middle)).abs().max().item()).toBeLessThan(0.15);
  });
});
