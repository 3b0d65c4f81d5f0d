import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { seeded } from "../src/core/random.js";
import { readNpy, writeNpy, writeSafetensors } from "../src/io/index.js";
import { readBytes } from "../src/io/node.js";
import { models } from "../src/models/index.js";
import { weightsOf } from "../src/nn/index.js";
import { nufftOperator, radialTrajectory } from "../src/operators/index.js";
import { coilPhantom, reconstructMr } from "../src/reconstruction/index.js";
import { stack, Tensor } from "../src/tensor/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

const { image, kspace } = coilPhantom([48, 40], 4);
const rows = Tensor.from(
  Float32Array.from({ length: 48 }, (_, k) => (Math.abs(k - 24) < 8 || k % 3 === 1 ? 1 : 0)),
  [48, 1],
);
const complex = (t: Tensor) => writeNpy({ shape: [...t.shape], data: Float32Array.from(t.data), complex: true });
const real = (t: Tensor, shape = t.shape) => writeNpy({ shape: [...shape], data: Float32Array.from(t.data) });
const files = () => {
  const at = folder();
  put(at, {
    "k.npy": complex(kspace.mul(rows)),
    "m.npy": real(rows, [48]),
    "real.npy": real(kspace.abs()),
    "short.npy": real(rows, [6, 8]),
  });
  return at;
};

describe("pullback reconstruct mr", () => {
  test("k-space and a list of lines give an image with its maps, a record and a report", async () => {
    const at = files();
    const ran = await pullback(["reconstruct", "mr", "k.npy", "--mask", "m.npy", "-o", "out", "--json"], { cwd: at });
    expect(ran.code).toBe(0);
    const said = ran.json as unknown as { status: string; figures: { coils: number; scale: number } };
    expect(said.status).toBe("ok");
    expect(said.figures.coils).toBe(4);
    expect(said.figures.scale).toBeGreaterThan(0);
    for (const name of ["image.npy", "maps.npy", "run.json", "report.html"]) expect(existsSync(join(at, "out", name))).toBe(true);
    const found = readNpy(readBytes(join(at, "out", "image.npy")));
    expect(found.complex).toBe(true);
    const x = Tensor.from(Float32Array.from(found.data as Float32Array), [48, 40], "c64");
    expect(x.abs().sub(image.abs()).norm().item() / image.norm().item()).toBeLessThan(0.15);
  });
  test("a denoiser is plugged in by its name, and a name that is none is said", async () => {
    const at = files();
    put(at, { "one.npy": complex(kspace.at(0).mul(rows)) });
    const mr = ["reconstruct", "mr", "one.npy", "--prior"];
    const ran = await pullback([...mr, "pnp:nlm", "--iterations", "3", "-o", "x.npy", "--json"], { cwd: at });
    expect([ran.code, ran.json.prior]).toEqual([0, "pnp:nlm"]);
    const wrong = await pullback([...mr, "pnp:bm4d", "-o", "y.npy"], { cwd: at });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/no denoiser "bm4d"/)]);
  });
  test("a cascade with weights of one's own is what it was trained to be: untrained, the zero-filled image", async () => {
    const at = files();
    const untrained = weightsOf(models["mr-cascade"].build(seeded(1)));
    const one = kspace.at(0).mul(rows);
    put(at, { "one.npy": complex(one), "w.safetensors": writeSafetensors(untrained.tensors) });
    const learned = ["reconstruct", "mr", "one.npy", "--prior", "model:mr-cascade", "--weights", "w.safetensors"];
    const ran = await pullback([...learned, "-o", "out", "--json"], { cwd: at });
    expect(ran.code).toBe(0);
    expect((ran.json as unknown as { reason: string }).reason).toContain("learned cascade");
    const { zeroFilled } = await reconstructMr({ kspace: one, prior: "none" });
    const found = readNpy(readBytes(join(at, "out", "image.npy")));
    const x = Tensor.from(Float32Array.from(found.data as Float32Array), [48, 40], "c64");
    expect(x.sub(zeroFilled).abs().max().item()).toBeLessThan(1e-4 * zeroFilled.abs().max().item());
    for (const [extra, sentence] of [
      [["--lambda", "0.1"], /--lambda: a network has none/],
      [["--scale-data", "none"], /--scale-data: a network has none/],
    ] as const) {
      const refused = await pullback([...learned, ...extra, "-o", "x.npy"], { cwd: at });
      expect(refused.code).toBe(2);
      expect(refused.stderr).toMatch(sentence);
    }
    const alone = await pullback(["reconstruct", "mr", "k.npy", "--weights", "w.safetensors", "-o", "x.npy"], { cwd: at });
    expect(alone.stderr).toMatch(/--weights: they are of the network of --prior model:mr-cascade/);
  });
  test("a series by a cascade with weights of one's own is what it was trained to be: untrained, the zero-filled frames", async () => {
    const at = files();
    const untrained = weightsOf(models["mr-series-cascade"].build(seeded(1)));
    const series = stack([kspace.at(0).mul(rows), kspace.at(0).mul(rows)]);
    put(at, { "s.npy": complex(series), "w.safetensors": writeSafetensors(untrained.tensors) });
    const learned = ["reconstruct", "mr", "s.npy", "--dynamic", "learned", "--weights", "w.safetensors"];
    const ran = await pullback([...learned, "-o", "out", "--json"], { cwd: at });
    expect(ran.code).toBe(0);
    expect((ran.json as unknown as { reason: string }).reason).toContain("the network has run once");
    const { zeroFilled } = await reconstructMr({ kspace: kspace.at(0).mul(rows), prior: "none" });
    const found = readNpy(readBytes(join(at, "out", "frames.npy")));
    const x = Tensor.from(Float32Array.from(found.data as Float32Array), [2, 48, 40], "c64");
    expect(x.at(1).sub(zeroFilled).abs().max().item()).toBeLessThan(1e-4 * zeroFilled.abs().max().item());
    const refused = await pullback([...learned, "--lambda", "0.1", "-o", "x.npy"], { cwd: at });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/--lambda: a network has none/)]);
  });
  test("samples on a trajectory give an image of the size it reaches", async () => {
    const at = folder();
    const spokes = radialTrajectory(40, 40);
    const { image: truth } = coilPhantom([40, 40], 1);
    put(at, { "k.npy": complex(nufftOperator([40, 40], spokes).apply(truth)), "t.npy": real(spokes) });
    const ran = await pullback(["reconstruct", "mr", "k.npy", "--trajectory", "t.npy", "-o", "out", "--json"], { cwd: at });
    expect(ran.code).toBe(0);
    const found = readNpy(readBytes(join(at, "out", "image.npy")));
    const x = Tensor.from(Float32Array.from(found.data as Float32Array), [40, 40], "c64");
    expect(x.abs().sub(truth.abs()).norm().item() / truth.norm().item()).toBeLessThan(0.1);
    const wrong = await pullback(["reconstruct", "mr", "k.npy", "--size", "40", "-o", "x.npy"], { cwd: at });
    expect(wrong.code).toBe(2);
  });
  test("--dynamic: frames of a beating phantom, by differences in time and by motion", async () => {
    const at = folder();
    const t = 12;
    const random = seeded(3);
    const frames = Array.from({ length: t }, (_, k) => coilPhantom([48, 40], 1, 0.1 * Math.sin((2 * Math.PI * k) / t)));
    const lines = Tensor.from(
      Float32Array.from({ length: t * 48 }, (_, i) => (Math.abs((i % 48) - 24) < 4 || random.uniform() < 0.3 ? 1 : 0)),
      [t, 48, 1],
    );
    const truth = stack(frames.map((f) => f.image));
    put(at, { "k.npy": complex(stack(frames.map((f) => f.kspace.at(0))).mul(lines)), "m.npy": real(lines, [t, 48]) });
    for (const method of ["temporalTv", "motion"]) {
      const args = ["reconstruct", "mr", "k.npy", "--mask", "m.npy", "--dynamic", method, "-o", method, "--json"];
      const ran = await pullback(args, { cwd: at });
      expect(ran.code, ran.stderr).toBe(0);
      const found = readNpy(readBytes(join(at, method, "frames.npy")));
      expect(found.shape).toEqual([t, 48, 40]);
      const x = Tensor.from(Float32Array.from(found.data as Float32Array), [t, 48, 40], "c64");
      expect(x.abs().sub(truth.abs()).norm().item() / truth.norm().item()).toBeLessThan(0.1);
      expect(existsSync(join(at, method, "report.html"))).toBe(true);
    }
    const wrong = await pullback(["reconstruct", "mr", "k.npy", "--dynamic", "temporalTv", "--prior", "tv", "-o", "x.npy"], { cwd: at });
    expect(wrong.code).toBe(2);
  });
  test.each([
    ["real k-space", ["real.npy"], 3, /complex/],
    ["a mask of another shape", ["k.npy", "--mask", "short.npy"], 3, /a mask of 6×8/],
    ["a prior that is not for it", ["k.npy", "--prior", "tgv"], 2, /mr has no "tgv"/],
    ["a file that is not there", ["none.npy"], 3, /none\.npy/],
  ] as const)("%s: one sentence, no output", async (_, args, code, says) => {
    const at = files();
    const ran = await pullback(["reconstruct", "mr", ...args, "-o", "x.npy"], { cwd: at });
    expect(ran.stderr).toMatch(says);
    expect(ran.stderr).not.toMatch(/\n\s+at /);
    expect(ran.code).toBe(code);
    expect(existsSync(join(at, "x.npy"))).toBe(false);
  });
});
