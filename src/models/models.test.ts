import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { readSafetensors, writeSafetensors } from "../io/index.js";
import { parameterCount, weightsOf } from "../nn/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { type Card, loadModel, type Model, type ModelName, models, weightsFile } from "./index.js";

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
  await expect(loadModel("denoser" as ModelName)).rejects.toThrow(/no model "denoser"; there are denoiser/);
  await expect(loadModel("denoiser", { weights: file.slice(0, 100) })).rejects.toThrow(/safetensors/);
});
