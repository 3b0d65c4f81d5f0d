import { expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../io/index.js";
import { parameterCount } from "../nn/index.js";
import { recipes, type TrainingPicture, trainedDenoiser, trainModel } from "./index.js";

/** Waves of several directions, 0 to 1. */
const waves = (side: number): readonly TrainingPicture[] =>
  Array.from({ length: 5 }, (_, k) => ({
    name: `wave${k}.png`,
    height: side,
    width: side,
    values: Float32Array.from(
      { length: side * side },
      (_, i) => 0.5 + 0.4 * Math.sin(0.4 * ((i % side) * Math.cos(k) + Math.floor(i / side) * Math.sin(k))),
    ),
  }));
const pictures = waves(24);
/** The same waves, standing. */
const volumes = pictures.map((p) => ({ ...p, depth: 24, values: Float32Array.from({ length: 24 ** 3 }, (_, i) => p.values[i % 24 ** 2]) }));
const tiny = { pictures, steps: 8, every: 4, batch: 2, patch: 16, features: 4, depth: 3 };

test.each(Object.keys(recipes) as (keyof typeof recipes)[])(
  "%s is trained by its recipe, and its card says on what and how well",
  async (name) => {
    const seen: number[] = [];
    const patch = name.startsWith("super") ? 6 : 16; // of coarse samples
    // Pairs of moved patches need room about them.
    const room = /^(homography|tracking)/.test(name) ? { pictures: waves(130), patch: 64, steps: 8 } : { patch };
    const solid = recipes[name].axes === 3 && { pictures: volumes };
    const r = await trainModel(name, {
      ...tiny,
      ...room,
      ...solid,
      licence: "CC0",
      source: "waves",
      onProgress: ({ step }) => seen.push(step),
    });
    expect([r.finished, r.steps, seen.length]).toEqual([true, 8, 8]);
    expect(r.card.trainedOn).toEqual(["wave0.png", "wave1.png", "wave2.png", "wave3.png"]);
    expect(r.card.validatedOn).toEqual(["wave4.png"]);
    expect([r.card.licence, r.card.steps, r.card.weights, r.card.bytes]).toEqual(["CC0", 8, parameterCount(r.model), r.weights.length]);
    expect(r.card.tables[0].rows[0]).toEqual(Object.values(r.figures));
    expect(Object.values(r.figures).every(Number.isFinite)).toBe(true);
    if (!("pictures" in room)) expect(Object.values(r.figures).every((v) => v > 5 && v < 60)).toBe(true); // decibels
    expect(r.history.loss.length).toBe(8);
  },
);

test("a run in two sittings is the run in one, to the last bit", async () => {
  const whole = await trainModel("denoiser", tiny);
  let file: Uint8Array | undefined;
  const first = await trainModel("denoiser", { ...tiny, seconds: 1e-9, save: (c) => (file = writeSafetensors(c.tensors, c.metadata)) });
  expect([first.finished, first.steps]).toEqual([false, 4]);
  expect(first.reason).toMatch(/^4 of 8 steps are done/);
  expect(first.card.steps).toBe(4);
  const rest = await trainModel("denoiser", { ...tiny, resume: readSafetensors(file as Uint8Array) });
  expect(rest.finished).toBe(true);
  expect(rest.weights).toEqual(whole.weights);
  expect(rest.history.loss).toEqual(whole.history.loss);
});

test("a checkpoint of another run is refused, and the sentence says what differs", async () => {
  const { checkpoint } = await trainModel("denoiser", tiny);
  await expect(trainModel("denoiser", { ...tiny, batch: 3, resume: checkpoint })).rejects.toThrow(
    /other settings \(batch 2 there, 3 here\)/,
  );
  await expect(trainModel("denoiser", { ...tiny, pictures: pictures.slice(1), resume: checkpoint })).rejects.toThrow(/other pictures/);
});

test("pictures that are too few or too small are refused by name", async () => {
  await expect(trainModel("denoiser", { ...tiny, pictures: pictures.slice(0, 1) })).rejects.toThrow(
    /1 picture came and 1 is held back; give at least 2/,
  );
  await expect(trainModel("denoiser", { ...tiny, patch: 32 })).rejects.toThrow(
    /wave0.png: 24×24 pixels are fewer than the patches of 32×32/,
  );
  const wide = { ...pictures[0], name: "wide.png", width: 36, height: 16 };
  await expect(trainModel("mr-cascade", { ...tiny, pictures: [...pictures, wide] })).rejects.toThrow(/wide.png: 36×16 pixels/);
});

test("a network of any size is made of its weights", async () => {
  const { weights, model } = await trainModel("denoiser", tiny);
  expect(parameterCount(trainedDenoiser(weights))).toBe(parameterCount(model));
  const other = writeSafetensors({ a: { shape: [1], data: Float32Array.of(1) } }, {});
  expect(() => trainedDenoiser(other)).toThrow(/weights of another network/);
});
