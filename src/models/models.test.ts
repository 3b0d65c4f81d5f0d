import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { readSafetensors, writeSafetensors } from "../io/index.js";
import { parameterCount, weightsOf } from "../nn/index.js";
import { coilPhantom, reconstructMr } from "../reconstruction/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import {
  type Card,
  learnedDenoiser,
  loadModel,
  type Model,
  type ModelName,
  models,
  networkDenoiser,
  networkReconstruction,
  weightsFile,
} from "./index.js";

const names = Object.keys(models) as ModelName[];

test.each(names)("%s is known by its own name, and its card tells size, data, licence and seed of its weights", async (name) => {
  const model: Model<never, unknown> = models[name];
  expect(model.name).toBe(name);
  if (!model.weights) return;
  const card = model.card as Card;
  expect(card.name).toBe(name);
  expect(card.weights).toBe(parameterCount(model.build(seeded(1))));
  const bytes = weightsFile(await model.weights());
  expect(card.bytes).toBe(bytes.length);
  expect(bytes.length).toBeLessThan(2 * card.weights + 8192); // half floats and their names
  expect(card.licence).not.toBe("");
  expect(card.data).not.toBe("");
  expect(card.trainedOn.length).toBeGreaterThan(0);
  expect(card.trainedOn.filter((one) => card.validatedOn.includes(one))).toEqual([]);
});

test("loadModel gives a network the weights that come with the package, in Node and without a network connection", async () => {
  const { tensors } = readSafetensors(weightsFile(await models.denoiser.weights()));
  const network = await loadModel("denoiser");
  for (const [name, p] of Object.entries(network.parameters))
    expect(p.data).toEqual(Float32Array.from(tensors[name].data as ArrayLike<number>));
});

test("it takes most of the noise off a smooth picture, at any strength it was trained for", async () => {
  const network = await loadModel("denoiser");
  const clean = Tensor.from(
    Float32Array.from({ length: 64 * 64 }, (_, i) => 0.5 + 0.3 * Math.sin((i % 64) / 9) * Math.cos(i / 640)),
    [1, 1, 64, 64],
  );
  for (const level of [15, 25, 50]) {
    const sigma = level / 255;
    const image = clean.add(randomNormal(clean.shape, seeded(3)).mul(sigma));
    const error = network
      .forward({ image, sigma: Tensor.full([1], sigma) })
      .sub(clean)
      .square()
      .mean()
      .sqrt()
      .item();
    expect(error).toBeLessThan(0.4 * sigma); // the identity has σ
  }
});

test("loadModel takes weights of one's own, and refuses names and files that do not fit", async () => {
  const own = models.denoiser.build(seeded(7));
  const file = writeSafetensors(weightsOf(own).tensors);
  const loaded = await loadModel("denoiser", { weights: file });
  expect(loaded.parameters["body.2.weight"].data).toEqual(own.parameters["body.2.weight"].data);
  await expect(loadModel("denoser" as ModelName)).rejects.toThrow(/no model "denoser"; there are .*denoiser/);
  await expect(loadModel("denoiser", { weights: file.slice(0, 100) })).rejects.toThrow(/safetensors/);
});

const scene = (h: number, w: number) =>
  Tensor.from(
    Float32Array.from({ length: h * w }, (_, i) =>
      Math.hypot((i % w) - w / 2, i / w - h / 3) < h / 4 ? 0.8 : 0.3 + 0.2 * Math.sin(i / w / 5),
    ),
    [h, w],
  );
const largest = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item();

test("the learned denoiser lets gain and offset pass through, and takes pictures one by one", async () => {
  const f = await learnedDenoiser();
  const y = scene(40, 50).add(randomNormal([40, 50], seeded(1)).mul(0.1));
  const clean = f.denoise(y, 0.1);
  expect(largest(f.denoise(y.mul(300).sub(1000), 30).add(1000).div(300), clean)).toBeLessThan(1e-4); // f32 at values of 10³
  const stack = Tensor.from([...y.data, ...y.mul(2).data], [2, 40, 50]);
  const both = f.denoise(stack, 0.1);
  expect(largest(both.slice([0, 0, 0], [1, 40, 50]).reshape(40, 50), clean)).toBeLessThan(1e-6);
});

test("noise stronger than any it was trained for is still taken off", async () => {
  const f = await learnedDenoiser();
  const clean = scene(96, 96);
  for (const sigma of [0.1, 0.3, 0.8]) {
    const left = f
      .denoise(clean.add(randomNormal([96, 96], seeded(1)).mul(sigma)), sigma)
      .sub(clean)
      .square()
      .mean()
      .sqrt()
      .item();
    expect(left, `σ ${sigma}`).toBeLessThan(0.35 * sigma);
  }
});

test("tiles change nothing, whatever the size of the picture and the views", async () => {
  const network = await loadModel("denoiser");
  const y = scene(101, 130).add(randomNormal([101, 130], seeded(1)).mul(0.1));
  for (const views of [1, 4]) {
    const [whole, parts] = [512, 40].map((tile) => networkDenoiser(network, { tile, views }).denoise(y, 0.1));
    expect(largest(whole, parts)).toBeLessThan(1e-5);
  }
});

test("eight views are better than one, and a numbered denoising takes one of them", async () => {
  const network = await loadModel("denoiser");
  const clean = scene(64, 64);
  const y = clean.add(randomNormal([64, 64], seeded(4)).mul(0.1));
  const error = (x: Tensor) => x.sub(clean).square().mean().item();
  const eight = networkDenoiser(network, { views: 8 });
  const each = [0, 1, 2, 3, 4, 5, 6, 7].map((step) => eight.denoise(y, 0.1, step));
  expect(largest(each.reduce((a, b) => a.add(b)).div(8), eight.denoise(y, 0.1))).toBeLessThan(1e-6);
  expect(largest(eight.denoise(y, 0.1, 8), networkDenoiser(network).denoise(y, 0.1))).toBe(0);
  expect(largest(each[0], each[5])).toBeGreaterThan(1e-4); // they are not the same
  expect(error(eight.denoise(y, 0.1))).toBeLessThan(0.99 * (each.reduce((sum, one) => sum + error(one), 0) / 8));
  expect(() => networkDenoiser(network, { views: 9 })).toThrow(/give 1 to 8/);
});

test("the package's cascade takes most of the folding off a phantom, though it has only seen hearts", async () => {
  const { image, kspace } = coilPhantom([64, 64], 1);
  const mask = Tensor.from(
    Float32Array.from({ length: 64 }, (_, k) => (Math.abs(k - 32) < 8 || k % 3 === 0 ? 1 : 0)),
    [64, 1],
  );
  const network = networkReconstruction(await loadModel("mr-cascade"));
  const r = await reconstructMr({ kspace: kspace.at(0).mul(mask), mask, network });
  const error = (x: Tensor) => x.abs().sub(image.abs()).norm().item();
  expect(error(r.image)).toBeLessThan(0.6 * error(r.zeroFilled));
});
