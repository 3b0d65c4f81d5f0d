import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { command } from "../src/cli/commands/superres.js";
import { Session } from "../src/cli/session.js";
import { PullbackError } from "../src/core/errors.js";
import { seeded } from "../src/core/random.js";
import { ellipses, grid } from "../src/image/index.js";
import { readNpy, readPng, writeNpy } from "../src/io/index.js";
import { frameOf, knownMotion, refinedGrid } from "../src/reconstruction/index.js";
import { Tensor } from "../src/tensor/index.js";
import { AffineTransform, DisplacementTransform } from "../src/transforms/index.js";

const place = mkdtempSync(join(tmpdir(), "pullback-superres-"));
const random = seeded(3);
const low = grid({ size: [20, 20] });
const target = refinedGrid(low, 2);
const truth = ellipses(40).reshape(1, 40, 40);
const angles = [0, 0.03, -0.02, 0.01, -0.03];
const shifts = [0, 0.5, -0.7, 0.3, 0.9];
const motion = angles.map((a, t) => {
  const [cos, sin] = [Math.cos(a), Math.sin(a)];
  const c = 9.5;
  return new AffineTransform({
    matrix: [cos, sin, -sin, cos],
    offset: [c - cos * c - sin * c + shifts[t], c + sin * c - cos * c - shifts[t]],
  });
});
const data = new Float32Array(5 * 400);
motion.forEach((y, t) => {
  const f = frameOf({ values: Tensor.zeros([1, 20, 20]), grid: low }, target, { psf: 0.7 });
  f.sensor.apply(knownMotion(y, f.fine, target).warp(truth)).data.forEach((v, i) => {
    data[t * 400 + i] = v + 0.005 * random.normal();
  });
});
const video = join(place, "video.npy");
writeFileSync(video, writeNpy({ shape: [5, 20, 20], data }));
const run = (name: string, options: Record<string, unknown>) => {
  const all = { frames: [video], scale: [2], output: join(place, name), quiet: true, force: true, ...options };
  return command.run(new Session("superres", all), [], all);
};
const error = (distance: (i: number) => number) => {
  let sum = 0;
  for (let y = 4; y < 36; y++) for (let x = 4; x < 36; x++) sum += distance(40 * y + x) ** 2;
  return Math.sqrt(sum / 32 ** 2);
};

describe("superres --frames", () => {
  test("writes the fine image, and a folder has the transforms, a run and a report", async () => {
    const { json, exit } = await run("out/", { psf: "0.7" });
    expect([json.status, exit]).toEqual(["ok", 0]);
    const a = readNpy(readFileSync(join(place, "out/restored.npy")));
    expect(a.shape).toEqual([40, 40]);
    const nearest = error((i) => data[20 * Math.floor(i / 80) + Math.floor((i % 40) / 2)] - truth.data[i]);
    expect(error((i) => Number(a.data[i]) - truth.data[i])).toBeLessThan(0.7 * nearest);
    const stored = JSON.parse(readFileSync(join(place, "out/transforms.json"), "utf8"));
    expect(stored.transforms).toHaveLength(5);
    expect(stored.transforms[0]).toEqual({ matrix: [1, 0, 0, 1], offset: [0, 0] });
    expect(JSON.parse(readFileSync(join(place, "out/run.json"), "utf8")).figures.frames).toBe(5);
    expect(readFileSync(join(place, "out/report.html"), "utf8")).toMatch(/Super-resolution from motion/);
    const png = await run("fine.png", { psf: "0.7" });
    expect(readPng(readFileSync(join(place, "fine.png"))).data).toBeInstanceOf(Uint8Array);
    expect(png.json.status).toBe("ok");
    // Its own transforms are motion that is known.
    const again = await run("again.npy", { psf: "0.7", motion: `known:${join(place, "out/transforms.json")}`, lambda: json.lambda });
    expect(Number(again.json.objective)).toBeCloseTo(Number(json.objective), 2);
  });
  test("one velocity through all frames is the motion where the scene bends: nearer to the truth than rigid motion", async () => {
    // Rows slide against each other, more from frame to frame: up to 1.5 coarse pixels to either side.
    const slide = (t: number) =>
      Tensor.from(
        Float32Array.from({ length: 2 * 1600 }, (_, i) => (i < 1600 ? 0.5 * t * Math.sin((2 * Math.PI * Math.floor(i / 40)) / 40) : 0)),
        [2, 40, 40],
      );
    const bent = new Float32Array(4 * 400);
    for (let t = 0; t < 4; t++) {
      const f = frameOf({ values: Tensor.zeros([1, 20, 20]), grid: low }, target, { psf: 0.7 });
      const y = new DisplacementTransform(slide(t), target);
      f.sensor.apply(knownMotion(y, f.fine, target).warp(truth)).data.forEach((v, i) => {
        bent[t * 400 + i] = v + 0.005 * random.normal();
      });
    }
    const frames = [join(place, "bent.npy")];
    writeFileSync(frames[0], writeNpy({ shape: [4, 20, 20], data: bent }));
    const errors: number[] = [];
    for (const how of ["rigid", "neuralOde"]) {
      const { json } = await run(`${how}.npy`, { frames, psf: "0.7", motion: how });
      expect(json.status).toBe("ok");
      const a = readNpy(readFileSync(join(place, `${how}.npy`)));
      errors.push(error((i) => Number(a.data[i]) - truth.data[i]));
    }
    expect(errors[1]).toBeLessThan(0.8 * errors[0]);
  }, 120_000);
  test("known motion may be turns about the middle and shifts in fine samples", async () => {
    const file = join(place, "truth.json");
    const frames = angles.map((theta_rad, t) => ({ theta_rad, dx: 2 * shifts[t], dy: -2 * shifts[t] }));
    writeFileSync(file, JSON.stringify({ factor: 2, frames }));
    const { json } = await run("known.npy", { psf: "0.7", motion: `known:${file}` });
    (json.transforms as { matrix: number[]; offset: number[] }[]).forEach((y, t) => {
      y.matrix.forEach((v, i) => {
        expect(v).toBeCloseTo(motion[t].map.matrix[i], 9);
      });
      y.offset.forEach((v, i) => {
        expect(v).toBeCloseTo(motion[t].map.offset[i], 9);
      });
    });
  });
  test("a scale for each axis takes volumes: thick slices become thin ones", async () => {
    const volume = join(place, "thick.npy");
    // Slices along the last axis of the array, x.
    writeFileSync(volume, writeNpy({ shape: [6, 7, 4], data: Float32Array.from({ length: 168 }, (_, i) => i % 4) }));
    await run("thin.npy", { frames: [volume], scale: [3, 1, 1], psf: "1,0,0", pixel: "point", prior: "tikhonov", lambda: 1e-3 });
    const a = readNpy(readFileSync(join(place, "thin.npy")));
    expect(a.shape).toEqual([6, 7, 12]);
    // A ramp stays a ramp: sample i lies at (i − 1)/3; the ends flatten.
    for (let i = 4; i < 8; i++) expect(Number(a.data[12 * 20 + i])).toBeCloseTo((i - 1) / 3, 1);
  });
  test.each([
    ["no frames", { frames: undefined }, /which image/],
    ["no scale", { scale: undefined }, /after --scale/],
    ["two factors for volumes", { frames: [video], scale: [2, 2, 2, 2] }, /4 factors/],
    ["a motion that does not exist", { motion: "wild" }, /got "wild"; expected translation/],
    ["known motion of another number", { motion: `known:${join(place, "few.json")}` }, /1 transforms for 5 frames/],
    ["a psf that is no file", { psf: "nothing.npy" }, /nothing.npy/],
    ["another prior", { prior: "biharmonic" }, /choose tv or tikhonov/],
  ])("%s gets one sentence", async (_, options, sentence) => {
    writeFileSync(join(place, "few.json"), JSON.stringify([{ matrix: [1, 0, 0, 1], offset: [0, 0] }]));
    const error = await run("bad.npy", options).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(PullbackError);
    expect((error as Error).message).toMatch(sentence);
  });
});
