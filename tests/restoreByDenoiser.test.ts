import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { seeded } from "../src/core/random.js";
import { rawImage, readRaw, writeNpy } from "../src/io/index.js";
import { randomNormal } from "../src/tensor/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

const [width, height] = [40, 33];
const truth = Float32Array.from({ length: width * height }, (_, k) => {
  const [x, y] = [k % width, Math.floor(k / width)];
  return Math.hypot(x - 14, y - 16) < 8 ? 0.9 : x > 30 ? 0.1 : 0.4;
});
const random = randomNormal([height, width], seeded(1)).data as Float32Array;
const noisy = Float32Array.from(truth, (v, i) => v + 0.1 * random[i]);
const npy = (data: Float32Array) => writeNpy({ shape: [height, width], data });
const read = (path: string) => readRaw(readFileSync(path), path).data;
const error = (a: ArrayLike<number>) => truth.reduce((s, v, i) => s + (a[i] - v) ** 2, 0) / truth.length;

test("denoise --prior bm3d takes the noise off; pnp:bm3d is the same", async () => {
  const at = folder();
  put(at, { "y.npy": npy(noisy) });
  const first = await pullback(["denoise", "y.npy", "--prior", "bm3d", "-o", "a.npy", "--json"], { cwd: at });
  await pullback(["denoise", "y.npy", "--prior", "pnp:bm3d", "-o", "b.npy", "--json"], { cwd: at });
  expect([first.code, first.json.status, first.json.prior]).toEqual([0, "ok", "bm3d"]);
  expect(Math.sqrt(Number(first.json.lambda))).toBeGreaterThan(0.07);
  expect(Math.sqrt(Number(first.json.lambda))).toBeLessThan(0.13);
  expect(error(read(join(at, "a.npy")))).toBeLessThan(0.2 * error(noisy));
  expect(read(join(at, "b.npy"))).toEqual(read(join(at, "a.npy")));
});

test("denoise --prior learned takes the noise off, its strength given or not", async () => {
  const at = folder();
  put(at, { "y.npy": npy(noisy) });
  const given = await pullback(["denoise", "y.npy", "--prior", "learned", "--sigma", "0.1", "-o", "a.npy", "--json"], { cwd: at });
  const found = await pullback(["denoise", "y.npy", "--prior", "pnp:learned", "-o", "b.npy", "--json"], { cwd: at });
  expect([given.code, given.json.status, given.json.prior, found.json.prior]).toEqual([0, "ok", "learned", "pnp:learned"]);
  for (const file of ["a.npy", "b.npy"]) expect(error(read(join(at, file)))).toBeLessThan(0.2 * error(noisy));
});

test("the learned denoiser is a prior for missing samples and for blur, plugged in and by its residual", async () => {
  const at = folder();
  const known = Float32Array.from(truth, (_, i) => ((i * 7919) % 11 < 5 ? 1 : 0));
  const kernel = writeNpy({ shape: [3, 3], data: new Float32Array(9).fill(1 / 9) });
  const wrap = (i: number, n: number) => (i + n) % n;
  const blurred = Float32Array.from(truth, (_, k) => {
    const [x, y] = [k % width, Math.floor(k / width)];
    let sum = 0.02 * 9 * random[k];
    for (let i = -1; i <= 1; i++) for (let j = -1; j <= 1; j++) sum += truth[wrap(y + i, height) * width + wrap(x + j, width)];
    return sum / 9;
  });
  put(at, { "m.npy": npy(known), "y.npy": npy(Float32Array.from(truth, (v, i) => v * known[i])), "k.npy": kernel, "n.npy": npy(blurred) });
  const whole = await pullback(["inpaint", "y.npy", "--mask", "m.npy", "--prior", "learned", "-o", "a.npy", "--json"], { cwd: at });
  expect([whole.code, whole.json.status]).toEqual([0, "ok"]);
  expect(error(read(join(at, "a.npy")))).toBeLessThan(0.005);
  for (const prior of ["pnp:learned", "red:learned"]) {
    const options = ["--kernel", "k.npy", "--prior", prior, "--sigma", "0.02", "-o", `${prior.slice(0, 3)}.npy`, "--json"];
    const r = await pullback(["deblur", "n.npy", ...options], { cwd: at });
    expect([r.code, r.json.status, r.json.prior]).toEqual([0, "ok", prior]);
    expect(error(read(join(at, `${prior.slice(0, 3)}.npy`)))).toBeLessThan(0.5 * error(blurred));
  }
});

test("a module's function is the denoiser; its operator is checked before use", async () => {
  const at = folder();
  put(at, {
    "y.npy": npy(noisy),
    "half.mjs": "export function denoise(values, sigma, shape) { return values.map((v) => v / 2 + 0 * shape[1]); }",
    "twice.mjs": "export const apply = (x) => x.map((v) => 2 * v); export const adjoint = apply;",
    "wrong.mjs": "export const apply = (x) => x.map((v) => 2 * v); export const adjoint = (x) => x.map((v) => 3 * v);",
    "short.mjs": "export default () => [1, 2];",
  });
  const own = await pullback(["denoise", "y.npy", "--prior", "./half.mjs", "-o", "a.npy", "--json"], { cwd: at });
  expect([own.code, own.json.prior]).toEqual([0, "half"]);
  expect(read(join(at, "a.npy"))[5]).toBeCloseTo(noisy[5] / 2, 6);
  const half = await pullback(["deblur", "y.npy", "--operator", "./twice.mjs", "--prior", "none", "-o", "b.npy", "--json"], { cwd: at });
  expect(half.code).toBe(0);
  expect(read(join(at, "b.npy"))[5]).toBeCloseTo(noisy[5] / 2, 4);
  const wrong = await pullback(["deblur", "y.npy", "--operator", "./wrong.mjs", "-o", "c.npy", "--json"], { cwd: at });
  expect([wrong.code, String(wrong.json.reason)]).toEqual([2, expect.stringMatching(/adjoint is not that of apply/)]);
  const short = await pullback(["denoise", "y.npy", "--prior", "./short.mjs", "-o", "d.npy", "--json"], { cwd: at });
  expect([short.code, String(short.json.reason)]).toEqual([2, expect.stringMatching(/2 numbers; expected 1320/)]);
});

test("a prior that there is not is named, with the nearest", async () => {
  const at = folder();
  put(at, { "y.npy": npy(noisy) });
  const r = await pullback(["denoise", "y.npy", "--prior", "bm4d", "-o", "a.npy", "--json"], { cwd: at });
  expect([r.code, String(r.json.reason)]).toEqual([2, expect.stringMatching(/bm4d.*bm3d/s)]);
  const rule = await pullback(["denoise", "y.npy", "--prior", "bm3d", "--lambda-rule", "sure", "-o", "a.npy", "--json"], { cwd: at });
  expect([rule.code, String(rule.json.reason)]).toEqual([2, expect.stringMatching(/noise's variance/)]);
});

test("superres enlarges one image: gray arrays agree with what was measured, colours keep their alpha", async () => {
  const at = folder();
  put(at, { "y.npy": npy(truth) });
  const r = await pullback(["superres", "y.npy", "--scale", "2", "-o", "x.npy", "--json"], { cwd: at });
  expect([r.code, r.json.status, r.json.prior]).toEqual([0, "ok", "model:super-resolution"]);
  const x = readRaw(readFileSync(join(at, "x.npy")), "x.npy");
  expect(x.size).toEqual([2 * width, 2 * height]);
  expect(Number(r.json.residual)).toBeLessThan(0.01);
  const n = width * height;
  const rgba = new Uint8Array(4 * n).map((_, k) => (k < 3 * n ? 255 * truth[k % n] : 200));
  put(at, { "c.png": rawImage("test", { data: rgba, channels: 4, channelKind: "rgba", size: [width, height] }) });
  const colour = await pullback(["superres", "c.png", "--scale", "3", "--prior", "none", "-o", "out/", "--json"], { cwd: at });
  expect(colour.code).toBe(0);
  const png = readRaw(readFileSync(join(at, "out", "restored.png")), "restored.png");
  expect([png.channels, ...png.size]).toEqual([4, 3 * width, 3 * height]);
  expect(png.data[3 * 9 * n + 50]).toBe(200);
  const noisy = await pullback(["superres", "y.npy", "--scale", "2", "--sigma", "0.01", "--iterations", "1", "-o", "n.npy", "--json"], {
    cwd: at,
  });
  expect(noisy.json.prior).toBe("bm3d"); // the network knows no noise
  const tv = await pullback(
    ["superres", "y.npy", "--scale", "2", "--prior", "tv", "--lambda", "1e-3", "--iterations", "50", "-o", "t.npy", "--json"],
    { cwd: at },
  );
  expect(tv.json.solver).toBe("primal-dual");
  const none = await pullback(["superres", "y.npy", "-o", "z.npy", "--json"], { cwd: at });
  expect([none.code, String(none.json.reason)]).toEqual([2, expect.stringMatching(/how many times finer/)]);
});

test("deblur --kernel blind finds the kernel, writes it beside the image, and takes no volume", async () => {
  const at = folder();
  put(at, { "y.npy": npy(truth), "v.npy": writeNpy({ shape: [2, height, width / 2], data: truth.subarray(0, 2 * height * (width / 2)) }) });
  const r = await pullback(["deblur", "y.npy", "--kernel", "blind:5", "--lambda", "1e-3", "-o", "out/", "--json"], { cwd: at });
  expect(r.code).toBe(0);
  const kernel = readRaw(readFileSync(join(at, "out", "kernel.npy")), "kernel.npy");
  expect(kernel.size).toEqual([5, 5]);
  expect(Array.from(kernel.data as Float32Array).reduce((s, v) => s + v, 0)).toBeCloseTo(1, 5);
  const volume = await pullback(["deblur", "v.npy", "--kernel", "blind", "-o", "w.npy", "--json"], { cwd: at });
  expect([volume.code, String(volume.json.reason)]).toEqual([2, expect.stringMatching(/volume/)]);
});
