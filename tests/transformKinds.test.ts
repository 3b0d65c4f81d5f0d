import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type RawImage, rawImage, readPoints, readRaw } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

const size = [96, 80];
/** Something to see everywhere: soft blobs of many sizes. */
const scene = (x: number, y: number): number => {
  let v = 60 + 15 * Math.sin(x / 7) * Math.cos(y / 9) + 12 * Math.sin((x + 2 * y) / 11);
  for (let k = 0; k < 14; k++) {
    const [cx, cy, r] = [(37 * k + 11) % 96, (53 * k + 7) % 80, 4 + (k % 5) * 2];
    v += (k % 2 ? 55 : -40) * Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / r ** 2);
  }
  return v;
};
/** fixed(p) = scene(y(p)), moving = scene. */
const drawn = (y: (x: number, z: number) => readonly [number, number] = (x, z) => [x, z]): RawImage =>
  rawImage("test", {
    data: Float32Array.from({ length: size[0] * size[1] }, (_, k) => scene(...y(k % size[0], Math.floor(k / size[0])))),
    channels: 1,
    channelKind: "scalar",
    size,
  });

test("a homography is found, kept in transform.json, and brings points to within a tenth of a pixel", async () => {
  const at = folder();
  const tilt = (x: number, y: number): [number, number] => {
    const w = 1 + 6e-4 * x - 4e-4 * y;
    return [(1.02 * x + 0.03 * y - 2) / w, (-0.02 * x + 0.99 * y + 2.5) / w];
  };
  put(at, { "f.nii.gz": drawn(tilt), "m.nii.gz": drawn() });
  const out = join(at, "out");
  const images = [join(at, "f.nii.gz"), join(at, "m.nii.gz")];
  const { json, code, stderr } = await pullback(["register", ...images, "-o", out, "--transform", "homography", "--json"]);
  expect(code, stderr).toBe(0);
  expect(json).toMatchObject({ status: "ok", trust: "good" });
  const stored = JSON.parse(readFileSync(join(out, "transform.json"), "utf8"));
  expect([stored.forward[0].kind, stored.inverse[0].kind]).toEqual(["homography", "homography"]);
  const places = [
    [20, 20],
    [70, 15],
    [48, 40],
    [25, 60],
    [75, 65],
  ];
  const points = put(at, { "p.csv": `x,y\n${places.map((p) => p.join(",")).join("\n")}\n` })["p.csv"];
  await pullback(["apply", points, "--transform", join(out, "transform.json"), "--to", "moving", "-o", join(at, "q.csv")]);
  const q = readPoints(readFileSync(join(at, "q.csv"))).points;
  places.forEach(([x, y], k) => {
    const [u, v] = tilt(x, y);
    expect(Math.hypot(q[2 * k] - u, q[2 * k + 1] - v)).toBeLessThan(0.1);
  });
  // and back again, by the stored way back
  await pullback(["apply", join(at, "q.csv"), "--transform", join(out, "transform.json"), "--to", "fixed", "-o", join(at, "r.csv")]);
  const r = readPoints(readFileSync(join(at, "r.csv"))).points;
  places.flat().forEach((v, k) => {
    expect(r[k]).toBeCloseTo(v, 6);
  });
});

test("a flow in time is found, stored with its velocities, measured, converted and applied", async () => {
  const at = folder();
  const wave = (x: number, y: number): [number, number] => [
    x + 2.5 * Math.sin(x / 15) * Math.sin(y / 13),
    y + 2.5 * Math.cos(x / 14) * Math.sin(y / 16),
  ];
  put(at, { "f.nii.gz": drawn(wave), "m.nii.gz": drawn() });
  const out = join(at, "out");
  const { json, code, stderr } = await pullback([
    ...["register", join(at, "f.nii.gz"), join(at, "m.nii.gz"), "-o", out, "--transform", "timeVelocity", "--init", "identity", "--json"],
  ]);
  expect(code, stderr).toBe(0);
  expect(json).toMatchObject({ status: "ok", trust: "good" });
  const file = join(out, "transform.json");
  const stored = JSON.parse(readFileSync(file, "utf8"));
  expect(stored.forward[0]).toMatchObject({ kind: "timeVelocity", sign: 1 });
  expect(stored.forward[0].files).toHaveLength(3);
  expect(stored.inverse[1]).toMatchObject({ kind: "timeVelocity", sign: -1 });
  const scored = await pullback(["evaluate", "--transform", file, "--json"]);
  expect(scored.json.transform).toMatchObject({ folded: 0 });
  expect((scored.json.transform as { inverseConsistency: { meanVoxels: number } }).inverseConsistency.meanVoxels).toBeLessThan(0.01);
  // As a field for other programs, and as an .h5 file of ITK: the same picture comes out of all.
  await pullback(["transform", "field", file, "-o", join(at, "u.nii.gz")]);
  await pullback(["transform", "convert", file, "-o", join(at, "y.h5")]);
  for (const [k, y] of [file, join(at, "u.nii.gz"), join(at, "y.h5")].entries())
    await pullback(["apply", join(at, "m.nii.gz"), "--transform", y, "--to", "fixed", "-o", join(at, `w${k}.nii.gz`)]);
  const [a, b, c] = [0, 1, 2].map((k) => readRaw(readFileSync(join(at, `w${k}.nii.gz`)), "w.nii.gz").data);
  const apart = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x, (v, i) => Math.abs(v - y[i])).reduce((s, v) => s + v, 0) / x.length;
  expect(apart(a, b)).toBeLessThan(0.01); // gray levels of 200: f32 fields
  expect(apart(a, c)).toBeLessThan(0.1); // one interpolation more, through the linear map
  const info = await pullback(["transform", "info", file, "--json"]);
  expect(JSON.stringify(info.json)).toContain('"velocities":3');
  // Backwards: the way back as a transform of its own.
  await pullback(["transform", "invert", file, "-o", join(at, "back.json")]);
  const points = put(at, { "p.csv": "x,y\n30,30\n60,45\n50,20\n" })["p.csv"];
  await pullback(["apply", points, "--transform", file, "--to", "moving", "-o", join(at, "q.csv")]);
  await pullback(["apply", join(at, "q.csv"), "--transform", join(at, "back.json"), "--to", "moving", "-o", join(at, "r.csv")]);
  const r = readPoints(readFileSync(join(at, "r.csv"))).points;
  for (const [k, v] of [30, 30, 60, 45, 50, 20].entries()) expect(Math.abs(r[k] - v)).toBeLessThan(0.01);
  const q = readPoints(readFileSync(join(at, "q.csv"))).points;
  for (const [k, [x, y]] of [
    [30, 30],
    [60, 45],
    [50, 20],
  ].entries())
    expect(Math.hypot(q[2 * k] - wave(x, y)[0], q[2 * k + 1] - wave(x, y)[1])).toBeLessThan(0.5); // of 2.5 pixels
});

test("landmarks pull a deformation where the picture says nothing, in pairs or as clouds, and the report says how far", async () => {
  const at = folder();
  const flat = rawImage("test", {
    data: Float32Array.from({ length: size[0] * size[1] }, (_, k) => {
      const r = Math.hypot((k % size[0]) - 47.5, Math.floor(k / size[0]) - 39.5);
      return 100 / (1 + Math.exp(2 * (r - 36)));
    }),
    channels: 1,
    channelKind: "scalar",
    size,
  });
  const places = Array.from({ length: 24 }, (_, k) => [30 + 7 * (k % 6), 26 + 8 * Math.floor(k / 6)]);
  const there = places.map(([x, y]) => [47.5 + 1.1 * (x - 47.5), 39.5 + 1.1 * (y - 39.5)]);
  const csv = (rows: number[][]) => `x,y\n${rows.map((p) => p.join(",")).join("\n")}\n`;
  put(at, {
    "f.nii.gz": flat,
    "m.nii.gz": flat,
    "p.csv": csv(places),
    "q.csv": csv(there),
    "turned.csv": csv([...there].reverse().slice(2)),
  });
  const go = (out: string, ...more: string[]) =>
    pullback([
      ...["register", join(at, "f.nii.gz"), join(at, "m.nii.gz"), "-o", join(at, out), "--preset", "bspline", "--metric", "ssd"],
      ...["--init", "identity", "--fixed-points", join(at, "p.csv"), "--points-weight", "50", "--json", ...more],
    ]);
  const paired = await go("paired", "--moving-points", join(at, "q.csv"));
  expect([0, 4], paired.stderr).toContain(paired.code); // the picture may object: that is for the verdict to say
  const run = JSON.parse(readFileSync(join(at, "paired", "run.json"), "utf8"));
  const { before, after } = run.figures.landmarks;
  expect(after.mean).toBeLessThan(0.4 * before.mean);
  const clouds = await go("clouds", "--moving-points", join(at, "turned.csv"), "--unpaired");
  expect([0, 4], clouds.stderr).toContain(clouds.code);
  await pullback([
    "apply",
    join(at, "p.csv"),
    "--transform",
    join(at, "clouds", "transform.json"),
    "--to",
    "moving",
    "-o",
    join(at, "r.csv"),
  ]);
  const r = readPoints(readFileSync(join(at, "r.csv"))).points;
  const off = there.map(([x, y], k) => Math.hypot(r[2 * k] - x, r[2 * k + 1] - y)).reduce((a, b) => a + b, 0) / there.length;
  expect(off).toBeLessThan(0.6 * before.mean);
  // Counts that differ are refused where rows belong together.
  const refused = await go("refused", "--moving-points", join(at, "turned.csv"));
  expect(refused.code).not.toBe(0);
  expect(refused.stderr + refused.stdout).toMatch(/--unpaired/);
});
