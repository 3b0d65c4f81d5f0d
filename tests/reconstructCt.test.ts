import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { seeded } from "../src/core/random.js";
import { ellipses } from "../src/image/index.js";
import { readNpy, writeNpy, writeSafetensors } from "../src/io/index.js";
import { readBytes } from "../src/io/node.js";
import { models } from "../src/models/index.js";
import { weightsOf } from "../src/nn/index.js";
import { radonOperator } from "../src/operators/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

const n = 48;
const phantom = ellipses(n);
const angles = Float32Array.from({ length: 30 }, (_, k) => 6 * k);
const sinogram = radonOperator({ angles, detectors: n }).apply(phantom);
const npy = (data: ArrayLike<number>, shape: readonly number[]) => writeNpy({ shape: [...shape], data: Float32Array.from(data) });
const files = () => {
  const at = folder();
  put(at, {
    "s.npy": npy(sinogram.data, sinogram.shape),
    "a.npy": npy(angles, [30]),
    "few.npy": npy(angles.slice(0, 7), [7]),
    "nan.npy": npy(Float32Array.from(sinogram.data).fill(Number.NaN, 3, 5), sinogram.shape),
    "flat.npy": npy([1, 2, 3], [3]),
  });
  return at;
};
const truth = Float32Array.from(phantom.data);
const error = (path: string) => {
  const x = readNpy(readBytes(path)).data as Float32Array;
  return Math.sqrt(truth.reduce((s, v, i) => s + (v - x[i]) ** 2, 0) / truth.reduce((s, v) => s + v * v, 0));
};

describe("pullback reconstruct ct", () => {
  test("a sinogram and its angles give a picture, a certified gap, a record and a report", async () => {
    const at = files();
    const ran = await pullback(
      ["reconstruct", "ct", "s.npy", "--angles", "a.npy", "--lambda", "0.05", "--tolerance", "1e-3", "-o", "out", "--json"],
      {
        cwd: at,
      },
    );
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.json.relativeGap).toBeLessThan(1.1e-3);
    for (const name of ["image.npy", "image.png", "residual.npy", "run.json", "report.html"])
      expect(existsSync(join(at, "out", name))).toBe(true);
    expect(error(join(at, "out", "image.npy"))).toBeLessThan(0.15);
    const run = JSON.parse(readFileSync(join(at, "out", "run.json"), "utf8"));
    expect(run.figures.lambda).toBe(0.05);
  });
  test("START:STOP angles, filtered back-projection and total generalised variation", async () => {
    const at = files();
    const fbp = await pullback(["reconstruct", "ct", "s.npy", "--angles", "0:180", "--prior", "none", "-o", "f.npy", "--json"], {
      cwd: at,
    });
    expect([fbp.code, fbp.json.solver]).toEqual([0, "fbp"]);
    const tgv = await pullback(
      [
        "reconstruct",
        "ct",
        "s.npy",
        "--angles",
        "0:180",
        "--prior",
        "tgv",
        "--lambda",
        "0.1",
        "--iterations",
        "300",
        "--tolerance",
        "1e-3",
        "-o",
        "g.npy",
        "--json",
      ],
      { cwd: at },
    );
    expect([0, 4]).toContain(tgv.code); // 4: it says that more steps are wanted
    expect(error(join(at, "g.npy"))).toBeLessThan(error(join(at, "f.npy")));
  });
  test("a denoiser as prior comes nearer than filtered back-projection", async () => {
    const at = files();
    for (const [prior, file] of [
      ["none", "f.npy"],
      ["pnp:bm3d", "p.npy"],
    ]) {
      const ran = await pullback(["reconstruct", "ct", "s.npy", "--angles", "0:180", "--prior", prior, "-o", file, "--json"], { cwd: at });
      expect([ran.code, ran.json.prior]).toEqual([0, prior]);
    }
    expect(error(join(at, "p.npy"))).toBeLessThan(error(join(at, "f.npy")));
  });
  test("a network of one's own weights, and an axis between the samples", async () => {
    const at = files();
    const weights = writeSafetensors(weightsOf(models["ct-post-filter"].build(seeded(1))).tensors); // untrained: filtered back-projection
    put(at, { "w.safetensors": weights });
    const ran = await pullback(
      [
        "reconstruct",
        "ct",
        "s.npy",
        "--angles",
        "0:180",
        "--prior",
        "model:ct-post-filter",
        "--weights",
        "w.safetensors",
        "-o",
        "n.npy",
        "--json",
      ],
      { cwd: at },
    );
    expect([ran.code, ran.json.solver, ran.json.lambda], ran.stderr).toEqual([0, "learned", undefined]);
    const at2 = { cwd: at };
    for (const [axis, file] of [
      ["24", "same.npy"],
      ["21.5,26.5", "moved.npy"],
    ])
      await pullback(["reconstruct", "ct", "s.npy", "--prior", "none", "--axis", axis, "-o", file], at2);
    expect(error(join(at, "same.npy"))).toBeCloseTo(error(join(at, "n.npy")), 2); // values below 0 apart
    expect(error(join(at, "moved.npy"))).toBeGreaterThan(1.5 * error(join(at, "same.npy")));
  });
  test.each([
    ["an axis that is no place", ["s.npy", "--axis", "3,x"], 2, /--axis/],
    ["λ for a network", ["s.npy", "--prior", "model:ct-post-filter", "--lambda", "1"], 2, /--lambda: a network has none/],
    ["weights of no network", ["s.npy", "--weights", "w.safetensors"], 2, /--weights/],
    ["too few angles", ["s.npy", "--angles", "few.npy"], 3, /7 angles|angles/],
    ["values that are not finite", ["nan.npy"], 3, /NaN or infinite/],
    ["no picture of views", ["flat.npy"], 3, /sinogram/],
    ["a prior that is none", ["s.npy", "--prior", "bm4d"], 2, /--prior/],
    ["a geometry that is none", ["s.npy", "--geometry", "cone:3"], 2, /geometry/],
  ] as const)("%s: one sentence, no output", async (_, args, code, says) => {
    const at = files();
    const ran = await pullback(["reconstruct", "ct", ...args, "-o", "x.npy"], { cwd: at });
    expect(ran.stderr).toMatch(says);
    expect(ran.stderr).not.toMatch(/\n\s+at /);
    expect(ran.code).toBe(code);
    expect(existsSync(join(at, "x.npy"))).toBe(false);
  });
});
