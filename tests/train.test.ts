import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { seeded } from "../src/core/random.js";
import { exportOnnx, rawImage, readRaw, writeRawFiles } from "../src/io/index.js";
import { averagePooling, convolution } from "../src/nn/index.js";
import { Tensor } from "../src/tensor/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";

beforeAll(built);

const side = 24;
function pictures(at: string, count = 4): void {
  mkdirSync(join(at, "data"));
  for (let k = 0; k < count; k++) {
    const data = Uint8Array.from(
      { length: side * side },
      (_, i) => 128 + 100 * Math.sin(0.5 * ((i % side) * Math.cos(k) + Math.floor(i / side) * Math.sin(k))),
    );
    for (const [name, bytes] of writeRawFiles(
      rawImage("test", { data, size: [side, side], channels: 1, channelKind: "scalar" }),
      `p${k}.png`,
    ))
      writeFileSync(join(at, "data", name), bytes);
  }
}
const tiny = ["--data", "data", "--steps", "8", "--every", "4", "--batch", "2", "--patch", "16", "--features", "4", "--depth", "3"];

describe("train and infer", () => {
  test("train stops after --seconds, goes on by the same line, and leaves weights, card, log and curve; infer uses them", async () => {
    const at = folder();
    pictures(at);
    const first = await pullback(["train", "denoiser", ...tiny, "--seconds", "0.000001", "-o", "out", "--json"], { cwd: at });
    expect([first.code, first.json.status, first.json.stepsDone]).toEqual([0, "unfinished", 4]);
    const second = await pullback(["train", "denoiser", ...tiny, "-o", "out", "--json"], { cwd: at });
    expect([second.code, second.json.status, second.json.stepsDone, second.json.resumed]).toEqual([0, "ok", 8, 4]);
    await pullback(["train", "denoiser", ...tiny, "-o", "once", "--json"], { cwd: at });
    const file = (name: string) => readFileSync(join(at, name));
    expect(file("out/weights.safetensors")).toEqual(file("once/weights.safetensors"));
    const card = JSON.parse(String(file("out/card.json")));
    expect([card.name, card.steps, card.trainedOn, card.validatedOn]).toEqual(["denoiser", 8, ["p0.png", "p1.png", "p2.png"], ["p3.png"]]);
    expect(String(file("out/loss.svg"))).toMatch(/^<svg xmlns/);
    expect(String(file("out/log.csv")).split("\n").length).toBe(8 + 2);

    const r = await pullback(
      ["infer", "denoiser", "data/p0.png", "--sigma", "10", "--weights", "out/weights.safetensors", "-o", "clean.png", "--json"],
      { cwd: at },
    );
    expect([r.code, r.json.status, r.json.size]).toEqual([0, "ok", [side, side]]);
    expect(readRaw(file("clean.png"), "clean.png").size).toEqual([side, side]);
  });

  test("train --from begins with the weights of an earlier training, and refuses those of another network", async () => {
    const at = folder();
    pictures(at);
    await pullback(["train", "denoiser", ...tiny, "-o", "out"], { cwd: at });
    const tuned = await pullback(
      ["train", "denoiser", ...tiny, "--steps", "4", "--from", "out/weights.safetensors", "-o", "tuned", "--json"],
      {
        cwd: at,
      },
    );
    await pullback(["train", "denoiser", ...tiny, "--steps", "4", "-o", "fresh", "--json"], { cwd: at });
    expect([tuned.code, tuned.json.status, tuned.json.resumed]).toEqual([0, "ok", 0]);
    const first = (name: string) =>
      Number(
        readFileSync(join(at, name, "log.csv"), "utf8")
          .split("\n")[1]
          .split(",")[1],
      );
    expect(first("tuned")).not.toBe(first("fresh"));
    expect(JSON.parse(readFileSync(join(at, "tuned/card.json"), "utf8")).command).toContain("--from weights.safetensors");
    const other = await pullback(["train", "denoiser", ...tiny, "--features", "5", "--from", "out/weights.safetensors", "-o", "x"], {
      cwd: at,
    });
    expect([other.code, other.stderr]).toEqual([3, expect.stringMatching(/the weights to begin with cannot be taken/)]);
    const domain = await pullback(["train", "denoiser", ...tiny, "--domain", "frequency", "-o", "x"], { cwd: at });
    expect(domain.stderr).toMatch(/there is no domain to choose; of mr-cascade there is/);
  });

  test("super-resolution: a trained network enlarges, and what it makes agrees with every sample", async () => {
    const at = folder();
    pictures(at);
    const few = ["--data", "data", "--steps", "8", "--every", "4", "--batch", "2", "--patch", "8"];
    const trained = await pullback(["train", "super-resolution-x2", ...few, "-o", "out", "--json"], { cwd: at });
    expect([trained.code, trained.json.status]).toEqual([0, "ok"]);
    const enlarge = ["superres", "data/p0.png", "--scale", "2", "--prior", "model:super-resolution"];
    const r = await pullback([...enlarge, "--weights", "out/weights.safetensors", "-o", "fine.png", "--json"], { cwd: at });
    expect([r.code, r.json.status]).toEqual([0, "ok"]);
    expect(r.json.grid).toContain(`${2 * side}×${2 * side}`);
    expect((r.json.figures as { residual: number }).residual).toBeLessThan(2e-3);
    const say = async (...more: string[]) => (await pullback([...more, "-o", "x.png"], { cwd: at })).stderr;
    expect(await say("superres", "data/p0.png", "--scale", "5", "--prior", "model:super-resolution")).toMatch(/for 2, 3 and 4/);
    expect(await say("superres", "data/p0.png", "--scale", "2", "--prior", "tv", "--weights", "out/weights.safetensors")).toMatch(
      /leave it out/,
    );
    expect(await say(...enlarge, "--views", "9")).toMatch(/9 views; give 1 to 8/);
    expect(await say(...enlarge, "--lambda", "1")).toMatch(/a network has none/);
    expect(await say("infer", "super-resolution-x2", "data/p0.png")).toMatch(/use pullback superres/);
  });

  test("the package's own denoiser takes noise off", async () => {
    const at = folder();
    const [w, h] = [48, 40];
    const truth = Float32Array.from({ length: w * h }, (_, k) => (Math.hypot((k % w) - 20, Math.floor(k / w) - 18) < 10 ? 0.8 : 0.3));
    const random = seeded(1);
    const data = truth.map((v) => v + 0.1 * random.normal());
    for (const [name, bytes] of writeRawFiles(rawImage("test", { data, size: [w, h], channels: 1, channelKind: "scalar" }), "y.npy"))
      writeFileSync(join(at, name), bytes);
    const r = await pullback(["infer", "denoiser", "y.npy", "--sigma", "0.1", "-o", "x/", "--json"], { cwd: at });
    expect(r.code).toBe(0);
    const error = (a: ArrayLike<number>) => truth.reduce((s, v, i) => s + (a[i] - v) ** 2, 0);
    expect(error(readRaw(readFileSync(join(at, "x/result.npy")), "result.npy").data)).toBeLessThan(0.25 * error(data));
    expect(existsSync(join(at, "x/run.json"))).toBe(true);
  });

  test("an ONNX file is a network like any other, each colour by itself where it takes one; sizes that differ are said", async () => {
    const at = folder();
    pictures(at, 1);
    const half = averagePooling({ kernel: 2 });
    writeFileSync(join(at, "half.onnx"), exportOnnx(half, Tensor.zeros([1, 1, side, side])));
    const blur = convolution({ inputs: 1, outputs: 1, random: seeded(1), initialise: (shape) => Tensor.full(shape, 1 / 9), bias: false });
    writeFileSync(join(at, "blur.onnx"), exportOnnx(blur, Tensor.zeros([1, 1, 10, 10])));
    const r = await pullback(["infer", "half.onnx", "data/p0.png", "-o", "half.png", "--json"], { cwd: at });
    expect([r.code, r.json.size]).toEqual([0, [side / 2, side / 2]]);
    const [small, large] = ["half.png", "data/p0.png"].map((p) => readRaw(readFileSync(join(at, p)), p).data);
    expect(Math.abs(small[0] - (large[0] + large[1] + large[side] + large[side + 1]) / 4)).toBeLessThanOrEqual(0.5);
    const other = await pullback(["infer", "blur.onnx", "data/p0.png", "-o", "b.png", "--json"], { cwd: at });
    expect([other.code, String(other.json.reason)]).toEqual([3, expect.stringMatching(/takes 1×1×10×10, and the picture is 1×1×24×24/)]);
  });

  test("what cannot be is said in one sentence", async () => {
    const at = folder();
    pictures(at, 2);
    mkdirSync(join(at, "empty"));
    writeFileSync(join(at, "bad.onnx"), "no network");
    const lines: readonly (readonly [string[], number, RegExp])[] = [
      [["train", "denoisr", ...tiny, "-o", "o"], 2, /no recipe for "denoisr"; did you mean denoiser/],
      [["train", "denoiser", "-o", "o"], 2, /--data is missing/],
      [["train", "denoiser", "--data", "nowhere", "-o", "o"], 3, /nowhere: there is no such folder/],
      [["train", "denoiser", "--data", "empty", "-o", "o"], 3, /empty: there are no pictures in it/],
      [["train", "denoiser", "--data", "data", "-o", "o"], 2, /p0.png: 24×24 pixels are fewer than the patches of 48×48/],
      [["train", "denoiser", ...tiny, "-o", "data"], 2, /data: the folder holds other files and no training/],
      [["infer", "denoiser", "data/p0.png", "-o", "x.png"], 2, /--sigma is missing/],
      [["infer", "denoiser", "data/p0.png", "--sigma", "5", "--weights", "data/p0.png", "-o", "x.png"], 3, /data\/p0.png: safetensors/],
      [["infer", "bad.onnx", "data/p0.png", "-o", "x.png"], 3, /bad.onnx: onnx: /],
      [["infer", "mr-cascade", "data/p0.png", "-o", "x.png"], 2, /pullback reconstruct mr/],
    ];
    for (const [args, code, sentence] of lines) {
      const r = await pullback([...args, "--json"], { cwd: at });
      expect([args[0], r.code, String(r.json.reason)]).toEqual([args[0], code, expect.stringMatching(sentence)]);
    }
    expect(existsSync(join(at, "o"))).toBe(false);
    expect(existsSync(join(at, "x.png"))).toBe(false);
  });
});
