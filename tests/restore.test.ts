import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { seeded } from "../src/core/random.js";
import { rawImage, readRaw, writeNpy } from "../src/io/index.js";
import { blurOperator, gaussianKernel } from "../src/operators/index.js";
import { randomNormal, Tensor } from "../src/tensor/index.js";
import { built } from "./built.js";
import { folder, leftovers, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

const [width, height] = [40, 33];
/** A disc and a bar in [0, 1]. */
const truth = Float32Array.from({ length: width * height }, (_, k) => {
  const [x, y] = [k % width, Math.floor(k / width)];
  return Math.hypot(x - 14, y - 16) < 8 ? 0.9 : x > 30 ? 0.1 : 0.4;
});
const noise = (seed: number, sigma: number) => randomNormal([height, width], seeded(seed)).mul(sigma).data as Float32Array;
const noisy = (sigma: number, of: ArrayLike<number> = truth) => Float32Array.from(noise(1, sigma), (e, i) => e + of[i]);
const npy = (data: Float32Array, shape: readonly number[] = [height, width]) => writeNpy({ shape, data });
const read = (path: string) => readRaw(readFileSync(path), path);
const error = (a: ArrayLike<number>, b: ArrayLike<number> = truth) => {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum / b.length;
};
/** ½‖Ax − y‖² + λ Σ|∇x|, written out once more in doubles. */
function objective(x: ArrayLike<number>, y: ArrayLike<number>, lambda: number): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) {
    const [c, r] = [i % width, Math.floor(i / width)];
    const dx = c + 1 < width ? x[i + 1] - x[i] : 0;
    const dy = r + 1 < height ? x[i + width] - x[i] : 0;
    sum += 0.5 * (x[i] - y[i]) ** 2 + lambda * Math.hypot(dx, dy);
  }
  return sum;
}
const kernel = gaussianKernel(7, 1.2);
const kernelFile = () => npy(Float32Array.from(kernel.data as ArrayLike<number>), [7, 7]);
const mask = Float32Array.from(noise(2, 1), (e) => Number(e > 0));

describe("denoise", () => {
  test("keeps floats in their own units, below 0 and above 1, and certifies the objective it prints", async () => {
    const at = folder();
    const y = noisy(0.1).map((v) => 3 * v - 1);
    put(at, { "y.npy": npy(y) });
    const { json, code } = await pullback(["denoise", "y.npy", "--prior", "tv", "--lambda", "0.3", "-o", "x.npy", "--json"], { cwd: at });
    expect([code, json.status, json.units, json.lambda]).toEqual([0, "ok", "as stored", 0.3]);
    const x = read(join(at, "x.npy")).data;
    expect(Math.abs(objective(x, y, 0.3) / Number(json.objective) - 1)).toBeLessThan(1e-5); // f32 images
    expect(json.gap).toBeLessThanOrEqual(1e-6 * Number(json.objective));
    expect(error(x.map((v) => (v + 1) / 3) as Float32Array)).toBeLessThan(0.3 * error(noisy(0.1)));
    expect(Math.min(...x)).toBeLessThan(0);
    expect(readdirSync(at).sort()).toEqual(["x.npy", "y.npy"]);
  });
  test("chooses λ by itself; a folder has image, run.json and report; gray levels are σ's units for pictures", async () => {
    const at = folder();
    const y = noisy(0.1).map((v) => Math.max(0, Math.min(255, Math.round(255 * v))));
    put(at, { "y.png": rawImage("test", { data: Uint8Array.from(y), channels: 1, channelKind: "scalar", size: [width, height] }) });
    const { json, code } = await pullback(["denoise", "y.png", "--sigma", "25.5", "-o", "out/", "--json"], { cwd: at });
    expect([code, json.status, json.lambdaRule, json.scale]).toEqual([0, "ok", "sure", 255]);
    expect(json.sigma).toBeCloseTo(0.1, 9);
    expect(json.residualOverSigma).toBeGreaterThan(0.7);
    expect(json.residualOverSigma).toBeLessThan(1.1);
    expect(readdirSync(join(at, "out")).sort()).toEqual(["report.html", "restored.png", "run.json"]);
    const raw = read(join(at, "out", "restored.png"));
    expect(raw.data).toBeInstanceOf(Uint8Array);
    expect(error(Float32Array.from(raw.data, (v) => v / 255))).toBeLessThan(0.3 * error(y.map((v) => v / 255)));
    const run = JSON.parse(readFileSync(join(at, "out", "run.json"), "utf8"));
    expect(run.lambdaCurve.length).toBeGreaterThan(2);
    expect(run.inputs[0].sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(join(at, "out", "report.html"), "utf8")).toMatch(/measured, y[\s\S]*restored, x[\s\S]*residual[\s\S]*Choice of λ/);
  });
  test("restores colours channel by channel with one λ and leaves alpha alone", async () => {
    const at = folder();
    const n = width * height;
    const data = new Uint8Array(4 * n);
    for (let c = 0; c < 3; c++)
      data.set(
        noisy(0.08).map((v, i) => Math.max(0, Math.min(255, 255 * (c === 1 ? v : 0.9 * truth[i] + 0.05)))),
        c * n,
      );
    for (let i = 0; i < n; i++) data[3 * n + i] = i % 256;
    put(at, { "y.png": rawImage("test", { data, channels: 4, channelKind: "rgba", size: [width, height] }) });
    const { json, code } = await pullback(["denoise", "y.png", "--lambda", "0.1", "-o", "x.png", "--json"], { cwd: at });
    expect([code, json.channels]).toEqual([0, 3]);
    const x = read(join(at, "x.png"));
    expect(x.channels).toBe(4);
    expect(x.data.slice(3 * n)).toEqual(data.slice(3 * n));
    const green = (d: ArrayLike<number>) => Float32Array.from({ length: n }, (_, i) => d[n + i] / 255);
    expect(error(green(x.data))).toBeLessThan(0.5 * error(green(data)));
  });
  test("--prior tgv, --lambda auto:lcurve and --fidelity are heard", async () => {
    const at = folder();
    put(at, { "y.npy": npy(noisy(0.1)), "counts.npy": npy(noisy(0.1).map((v) => Math.max(0, Math.round(40 * v)))) });
    const slopes = await pullback(
      ["denoise", "y.npy", "--prior", "tgv", "--lambda", "0.1", "--tolerance", "1e-3", "-o", "a.npy", "--json"],
      { cwd: at },
    );
    expect([slopes.code, slopes.json.prior]).toEqual([0, "tgv"]);
    expect(slopes.json.relativeGap).toBeLessThan(1.1e-3);
    const bend = await pullback(["denoise", "y.npy", "--lambda", "auto:lcurve", "-o", "b.npy", "--json"], { cwd: at });
    expect([bend.code, bend.json.lambdaRule]).toEqual([0, "lcurve"]);
    expect(error(read(join(at, "b.npy")).data)).toBeLessThan(0.5 * error(noisy(0.1)));
    const counts = await pullback(
      ["denoise", "counts.npy", "--fidelity", "poisson:0.1", "--lambda", "0.4", "--tolerance", "1e-4", "-o", "c.npy", "--json"],
      { cwd: at },
    );
    expect(counts.code).toBe(0);
    expect(String(counts.json.formula)).toMatch(/^KL/);
    expect(error(read(join(at, "c.npy")).data.map((v) => v / 40))).toBeLessThan(0.5 * error(noisy(0.1)));
  });
  test("--scale-data auto makes the answer follow the units of the data", async () => {
    const at = folder();
    const y = noisy(0.1);
    put(at, { "a.npy": npy(y), "b.npy": npy(y.map((v) => 1000 * v)) });
    const args = ["--lambda", "0.05", "--scale-data", "auto"];
    const a = await pullback(["denoise", "a.npy", ...args, "-o", "xa.npy", "--json"], { cwd: at });
    await pullback(["denoise", "b.npy", ...args, "-o", "xb.npy"], { cwd: at });
    expect(a.json.scale).toBeCloseTo(Math.max(...y.map(Math.abs)), 6);
    const [xa, xb] = [read(join(at, "xa.npy")).data, read(join(at, "xb.npy")).data];
    for (let i = 0; i < xa.length; i += 37) expect(xb[i] / 1000).toBeCloseTo(xa[i], 3);
  });
  test("--dry-run says what would be done and writes nothing; --config holds the same options", async () => {
    const at = folder();
    put(at, { "y.npy": npy(noisy(0.1)), "c.json": '{"prior": "l2", "lambda": 0.5}' });
    const { json, code } = await pullback(["denoise", "y.npy", "-o", "out/", "--config", "c.json", "--dry-run", "--json"], { cwd: at });
    expect([code, json.dryRun, json.formula]).toEqual([0, true, "½‖x − y‖² + λ ½‖x‖²"]);
    expect(existsSync(join(at, "out"))).toBe(false);
  });
});

describe("deblur", () => {
  const blurred = (border: "periodic" | "reflect") => {
    const a = blurOperator([height, width], kernel, { border });
    return noisy(0.01, a.apply(Tensor.from(truth, [height, width])).data as Float32Array);
  };
  test.each([
    ["tv", "periodic"],
    ["tikhonov", "reflect"],
  ] as const)("sharpens with the prior %s and a %s border", async (prior, boundary) => {
    const at = folder();
    const y = blurred(boundary);
    put(at, { "y.npy": npy(y), "k.npy": kernelFile() });
    const args = ["deblur", "y.npy", "--kernel", "k.npy", "--prior", prior, "--boundary", boundary, "-o", "x.npy", "--json"];
    const { json, code } = await pullback(args, { cwd: at });
    expect([code, json.status, json.prior]).toEqual([0, "ok", prior]);
    expect(error(read(join(at, "x.npy")).data)).toBeLessThan(0.85 * error(y));
  });
});

describe("inpaint", () => {
  test.each(["tv", "biharmonic"])("fills in by %s and never looks at what the mask hides, NaN included", async (prior) => {
    const at = folder();
    const y = truth.map((v, i) => (mask[i] ? v : 7));
    put(at, { "y.npy": npy(y), "z.npy": npy(truth.map((v, i) => (mask[i] ? v : Number.NaN))), "m.npy": npy(mask) });
    const args = ["--mask", "m.npy", "--prior", prior, ...(prior === "tv" ? ["--lambda", "0.005"] : [])];
    const { code, json } = await pullback(["inpaint", "y.npy", ...args, "-o", "x.npy", "--json"], { cwd: at });
    expect([code, json.status]).toEqual([0, "ok"]);
    const x = read(join(at, "x.npy")).data;
    expect(error(x)).toBeLessThan(0.02 * error(y.map((v, i) => v * mask[i])));
    await pullback(["inpaint", "z.npy", ...args, "-o", "w.npy"], { cwd: at });
    expect(read(join(at, "w.npy")).data).toEqual(x);
  });
});

describe("wrong input", () => {
  const y = () => npy(noisy(0.1));
  const withNaN = () => {
    const v = noisy(0.1);
    v[5] = Number.NaN;
    return npy(v);
  };
  const big = () => npy(new Float32Array(51 * 51).fill(1 / 51 ** 2), [51, 51]);
  test.each<[string, Record<string, Uint8Array>, string[], number, RegExp]>([
    [
      "a mask of another shape",
      { "m.npy": npy(new Float32Array(20 * 20).fill(1), [20, 20]) },
      ["inpaint", "y.npy", "--mask", "m.npy"],
      3,
      /mask is 20×20 but y\.npy 40×33/,
    ],
    [
      "a mask that is 0 everywhere",
      { "m.npy": npy(new Float32Array(width * height)) },
      ["inpaint", "y.npy", "--mask", "m.npy"],
      3,
      /nothing is known/,
    ],
    ["no mask", {}, ["inpaint", "y.npy"], 2, /--mask/],
    ["NaN", { "bad.npy": withNaN() }, ["denoise", "bad.npy"], 3, /1 of 1320 values are NaN/],
    [
      "NaN where the mask says known",
      { "bad.npy": withNaN(), "m.npy": npy(new Float32Array(width * height).fill(1)) },
      ["inpaint", "bad.npy", "--mask", "m.npy"],
      3,
      /mark them as unknown/,
    ],
    ["a fidelity that is none", {}, ["denoise", "y.npy", "--fidelity", "poison", "--lambda", "1"], 2, /did you mean poisson/],
    ["a Huber without its δ", {}, ["denoise", "y.npy", "--fidelity", "huber", "--lambda", "1"], 2, /huber:NUMBER/],
    ["λ by the data for another fidelity", {}, ["denoise", "y.npy", "--fidelity", "l1"], 2, /least squares only/],
    ["a negative λ", {}, ["denoise", "y.npy", "--lambda", "-1"], 2, /--lambda: got "-1".*not negative/],
    ["a λ that is no number", {}, ["denoise", "y.npy", "--lambda", "lots"], 2, /--lambda: got "lots".*auto/],
    ["a σ of 0", {}, ["denoise", "y.npy", "--sigma", "0"], 2, /--sigma/],
    [
      "complex values",
      { "z.npy": writeNpy({ shape: [8, 8], data: new Float32Array(128), complex: true }) },
      ["denoise", "z.npy"],
      3,
      /complex values/,
    ],
    ["a kernel larger than the image", { "k.npy": big() }, ["deblur", "y.npy", "--kernel", "k.npy"], 3, /kernel is 51×51, larger than/],
    ["a kernel of zeros", { "k.npy": npy(new Float32Array(9), [3, 3]) }, ["deblur", "y.npy", "--kernel", "k.npy"], 3, /every weight/],
    [
      "a kernel of more dimensions",
      { "k.npy": npy(new Float32Array(27).fill(1 / 27), [3, 3, 3]) },
      ["deblur", "y.npy", "--kernel", "k.npy"],
      3,
      /3-D but y\.npy is 2-D/,
    ],
    ["no kernel", {}, ["deblur", "y.npy"], 2, /--kernel/],
    [
      "a border that total variation cannot have",
      { "k.npy": kernelFile() },
      ["deblur", "y.npy", "--kernel", "k.npy", "--boundary", "zero"],
      2,
      /tikhonov/,
    ],
    ["an unknown prior", {}, ["denoise", "y.npy", "--prior", "tikonov"], 2, /did you mean tikhonov/],
    ["a λ without a prior", {}, ["denoise", "y.npy", "--prior", "none", "--lambda", "0.1"], 2, /no λ without a prior/],
    ["a rule for a λ that is given", {}, ["denoise", "y.npy", "--lambda", "0.1", "--lambda-rule", "gcv"], 2, /leave one/],
    ["an output that no format writes", {}, ["denoise", "y.npy", "-o", "x.docx"], 2, /x\.docx/],
    ["an option of another command", {}, ["denoise", "y.npy", "--mask", "m.npy"], 2, /unknown option/],
  ])("%s: one sentence, the exit code, nothing written", async (_, files, args, exit, says) => {
    const at = folder();
    put(at, { "y.npy": y(), ...files });
    const before = readdirSync(at).sort();
    const ran = await pullback([...args, ...(args.includes("-o") ? [] : ["-o", "out/"]), "--json"], { cwd: at });
    const said = ran.stderr.split("\n").filter((l) => l.startsWith("pullback:"));
    expect(said, ran.stderr).toHaveLength(1);
    expect(said[0]).toMatch(says);
    expect(ran.code).toBe(exit);
    expect(ran.json).toMatchObject({ status: "error", exit, outputs: [] });
    expect(readdirSync(at).sort()).toEqual(before);
    expect(leftovers(at)).toEqual([]);
  });
});
