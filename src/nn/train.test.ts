import { describe, expect, test } from "vitest";
import { AbortedError, seeded } from "../core/index.js";
import { startEngine } from "../kernels/index.js";
import { adamW, cosine, sgd } from "../optimisers/index.js";
import "../tensor/index.js";
import { arange, randomNormal, Tensor, tensor } from "../tensor/tensor.js";
import {
  batchNormalisation,
  type Checkpoint,
  convolution,
  dense,
  dropout,
  flatten,
  inPrecision,
  type Layer,
  leakyRelu,
  pipeline,
  randomCrop,
  randomFlip,
  randomGain,
  randomNoise,
  randomQuarterTurn,
  randomRotation,
  relu,
  type Sample,
  sequential,
  shuffled,
  squaredLoss,
  supervised,
  type TrainOptions,
  tanh,
  train,
  weightsOf,
  withWeightsOf,
} from "./index.js";

/** A layer of the independent network: plain arrays, loops, and the chain rule by hand. */
interface PlainLayer {
  w: number[][];
  b: number[];
}
const numbersOf = (net: Layer, i: number): PlainLayer => ({
  w: (net.parameters[`${i}.weight`].toArray() as number[][]).map((row) => [...row]),
  b: [...(net.parameters[`${i}.bias`].toArray() as number[])],
});
/** Loss before every step of Adam, for tanh layers and a linear last one. */
function plainCurve(layers: PlainLayer[], x: number[][], y: number[][], steps: number, rate: number): number[] {
  const m = layers.map(({ w, b }) => ({ w: w.map((r) => r.map(() => [0, 0])), b: b.map(() => [0, 0]) }));
  const curve: number[] = [];
  for (let k = 1; k <= steps; k++) {
    const grads = layers.map(({ w, b }) => ({ w: w.map((r) => r.map(() => 0)), b: b.map(() => 0) }));
    let loss = 0;
    const count = y.length * y[0].length;
    x.forEach((input, n) => {
      const values = [input];
      layers.forEach(({ w, b }, l) => {
        const z = w.map((row, i) => row.reduce((s, v, j) => s + v * values[l][j], b[i]));
        values.push(l < layers.length - 1 ? z.map(Math.tanh) : z);
      });
      const out = values[layers.length];
      let back = out.map((v, i) => (2 * (v - y[n][i])) / count);
      out.forEach((v, i) => {
        loss += (v - y[n][i]) ** 2 / count;
      });
      for (let l = layers.length - 1; l >= 0; l--) {
        if (l < layers.length - 1) back = back.map((g, i) => g * (1 - values[l + 1][i] ** 2));
        for (const [i, g] of back.entries()) {
          grads[l].b[i] += g;
          for (const [j, v] of values[l].entries()) grads[l].w[i][j] += g * v;
        }
        back = values[l].map((_, j) => back.reduce((s, g, i) => s + g * layers[l].w[i][j], 0));
      }
    });
    curve.push(loss);
    const move = (value: number, g: number, memory: number[]) => {
      memory[0] = 0.9 * memory[0] + 0.1 * g;
      memory[1] = 0.999 * memory[1] + 0.001 * g * g;
      return value - (rate * (memory[0] / (1 - 0.9 ** k))) / (Math.sqrt(memory[1] / (1 - 0.999 ** k)) + 1e-8);
    };
    layers.forEach((layer, l) => {
      layer.b = layer.b.map((v, i) => move(v, grads[l].b[i], m[l].b[i]));
      layer.w = layer.w.map((row, i) => row.map((v, j) => move(v, grads[l].w[i][j], m[l].w[i][j])));
    });
  }
  return curve;
}

const loss = supervised(squaredLoss());

test.each([
  ["f64", 1e-9], // rounding of 120 steps
  ["f32", 2e-3], // rounding of 120 steps, where Adam divides by small roots
] as const)("a network of three layers has the loss curve of the same network in plain arrays (%s)", async (dtype, tolerance) => {
  const random = seeded(3);
  const net = inPrecision(
    sequential(
      dense({ inputs: 2, outputs: 8, random }),
      tanh(),
      dense({ inputs: 8, outputs: 8, random }),
      tanh(),
      dense({ inputs: 8, outputs: 1, random }),
    ),
    dtype,
  );
  const x = Array.from({ length: 24 }, () => [random.normal(), random.normal()]);
  const y = x.map(([a, b]) => [Math.sin(2 * a) * b]);
  const expected = plainCurve(
    [0, 2, 4].map((i) => numbersOf(net, i)),
    x,
    y,
    120,
    1e-2,
  );
  const batch = { input: tensor(x, [24, 2], dtype), target: tensor(y, [24, 1], dtype) };
  const { history } = await train({ model: net, data: () => batch, loss, optimiser: adamW({ step: 1e-2, decay: 0 }), steps: 120 });
  expect(history.loss.length).toBe(120);
  expect(expected[119]).toBeLessThan(0.5 * expected[0]); // it does learn
  history.loss.forEach((v, k) => expect(Math.abs(v - expected[k]) / expected[k]).toBeLessThan(tolerance));
});

/** A small problem with everything in it that could forget something. */
function problem(): TrainOptions<Layer> {
  const random = seeded(5);
  const model = sequential(
    convolution({ inputs: 1, outputs: 8, random }),
    batchNormalisation({ channels: 8 }),
    relu(),
    dropout({ rate: 0.1 }),
    convolution({ inputs: 8, outputs: 1, random }),
  );
  const items = Array.from({ length: 7 }, () => randomNormal([1, 12, 12], random));
  const augment = pipeline(randomCrop(8), randomFlip(), randomQuarterTurn());
  const sample = (item: Tensor, r: typeof random): Sample => {
    const [clean] = augment([item], r);
    const [input, target] = randomNoise({ deviation: [0.1, 0.5] })([clean, clean], r);
    return { input, target };
  };
  const held = randomNormal([2, 1, 8, 8], seeded(6));
  return {
    model,
    data: shuffled({ items, batch: 3, sample }),
    loss,
    optimiser: adamW({ step: 5e-3 }),
    schedule: cosine({ steps: 24, warmUp: 4 }),
    steps: 24,
    clip: 1,
    average: 0.9,
    validation: { value: (m) => squaredLoss()(m.forward(held.mul(0.9)), held), every: 5 },
  };
}
const allOf = ({ tensors }: Checkpoint) =>
  Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, Array.from<number | bigint>(t.data)]));

test("a run that goes on from a checkpoint is the run that was not interrupted, bit for bit", async () => {
  const saved: Checkpoint[] = [];
  const whole = await train({ ...problem(), checkpoint: { every: 7, save: (c) => saved.push(structuredClone(c)) } });
  expect(saved.map((c) => c.metadata.step)).toEqual(["7", "14", "21", "24"]);
  for (const from of [saved[0], saved[2]]) {
    const rest = await train({ ...problem(), resume: from });
    expect(allOf(rest.checkpoint)).toEqual(allOf(whole.checkpoint));
    expect(rest.checkpoint.metadata).toEqual(whole.checkpoint.metadata);
    expect(rest.history).toEqual(whole.history);
    expect(rest.best).toEqual(whole.best);
    expect(Object.values(rest.model.parameters).map((p) => [...p.data])).toEqual(
      Object.values(whole.model.parameters).map((p) => [...p.data]),
    );
  }
  const short = await train({ ...problem(), steps: 9 }); // the end of a shorter run is a checkpoint too
  const longer = await train({ ...problem(), resume: short.checkpoint });
  expect(allOf(longer.checkpoint)).toEqual(allOf(whole.checkpoint));
});

test("the same bits for 1, 2 and 3 threads", async () => {
  const runs: ReturnType<typeof allOf>[] = [];
  for (const threads of [1, 2, 3]) {
    startEngine({ threads });
    runs.push(allOf((await train({ ...problem(), steps: 6 })).checkpoint));
  }
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).toEqual(runs[0]);
});

describe("train", () => {
  const line = (): TrainOptions<Layer> => ({
    model: dense({ inputs: 1, outputs: 1, random: seeded(1) }),
    data: (random) => {
      const input = randomNormal([16, 1], random);
      return { input, target: input.mul(3).add(1) };
    },
    loss,
    optimiser: sgd({ step: 0.05, momentum: 0.5 }),
    steps: 120,
  });
  test("finds a line", async () => {
    const { model, stop, steps } = await train(line());
    expect(model.parameters.weight.item()).toBeCloseTo(3, 3);
    expect(model.parameters.bias.item()).toBeCloseTo(1, 3);
    expect({ stop, steps }).toEqual({ stop: "iterations", steps: 120 });
  });
  test("does not change the model it is given", async () => {
    const o = line();
    const before = [...o.model.parameters.weight.data];
    await train(o);
    expect([...o.model.parameters.weight.data]).toEqual(before);
  });
  test("keeps the weights of the best look and ends when nothing better is found", async () => {
    let looks = 0;
    const r = await train({ ...line(), validation: { every: 2, patience: 3, value: () => [5, 4, 6, 7, 8, 1][looks++] } });
    expect(r.stop).toBe("converged");
    expect(r.steps).toBe(10);
    expect(r.best).toEqual({ step: 4, value: 4 });
    expect(r.reason).toMatch(/3 looks .* after 4 steps/);
    const four = await train({ ...line(), steps: 4 });
    expect([...r.model.parameters.weight.data]).toEqual([...four.model.parameters.weight.data]);
  });
  test("looks once more at the end, when that falls between two looks", async () => {
    const r = await train({ ...line(), steps: 5, validation: { every: 2, value: (m) => m.parameters.bias.item() ** 2 } });
    expect(r.history.validation.map((v) => v.step)).toEqual([2, 4, 5]);
  });
  test("reports every step", async () => {
    const seen: number[] = [];
    await train({ ...line(), steps: 4, onProgress: ({ step, steps, loss: l }) => seen.push(step, steps, Number(l > 0)) });
    expect(seen).toEqual([1, 4, 1, 2, 4, 1, 3, 4, 1, 4, 4, 1]);
  });
  test("a loss that is not finite ends the run and says so", async () => {
    const r = await train({ ...line(), optimiser: sgd({ step: 1e6 }) });
    expect(r.stop).toBe("diverged");
    expect(r.steps).toBeLessThan(120);
  });
  test("a signal ends it", async () => {
    const stop = new AbortController();
    const run = train({ ...line(), steps: 1e6, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(run).rejects.toBeInstanceOf(AbortedError);
  });
  test("a schedule of zeros and a clip of zero move nothing", async () => {
    const o = line();
    for (const extra of [{ schedule: () => 0 }, { clip: 0 }]) {
      const { model } = await train({ ...o, ...extra, steps: 3 });
      expect([...model.parameters.weight.data]).toEqual([...o.model.parameters.weight.data]);
    }
  });
  test("weights go out and come back by name, and another network's are refused", () => {
    const [a, b] = [1, 2].map((s) => dense({ inputs: 2, outputs: 3, random: seeded(s) }));
    expect([...withWeightsOf(b, weightsOf(a)).parameters.weight.data]).toEqual([...a.parameters.weight.data]);
    expect(() => withWeightsOf(sequential(a), weightsOf(b))).toThrow(/no parameter "weight"/);
  });
  test("weights alone are no checkpoint", async () => {
    const o = line();
    await expect(train({ ...o, resume: weightsOf(o.model) })).rejects.toThrow(/no checkpoint/);
  });
  test("a classifier separates two rings", async () => {
    const random = seeded(1);
    const model = sequential(dense({ inputs: 2, outputs: 16, random }), leakyRelu(), dense({ inputs: 16, outputs: 1, random }), flatten());
    const data = (r: typeof random) => {
      const rows = Array.from({ length: 32 }, (_, i) => {
        const [radius, angle] = [i % 2 === 0 ? 0.5 : 1.5, 2 * Math.PI * r.uniform()];
        return [radius * Math.cos(angle), radius * Math.sin(angle)];
      });
      return {
        input: tensor(rows),
        target: Tensor.from(
          Float32Array.from(rows, (_, i) => (i % 2 === 0 ? -1 : 1)),
          [32, 1],
        ),
      };
    };
    const { model: learned } = await train({ model, data, loss, optimiser: adamW({ step: 2e-2 }), steps: 150 });
    const { input, target } = data(seeded(99));
    expect(learned.forward(input).sign().mul(target).mean().item()).toBe(1);
  });
});

describe("data", () => {
  test("each pass over the items takes every item once, in an order of its own", () => {
    const data = shuffled({ items: [0, 1, 2, 3, 4], batch: 2, sample: (i) => ({ i: tensor([i]) }) });
    const drawn = Array.from({ length: 10 }, (_, k) => [...data(seeded(k), k).i.data]).flat();
    const passes = [0, 5, 10, 15].map((at) => drawn.slice(at, at + 5));
    for (const pass of passes) expect([...pass].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(passes.map(String)).size).toBeGreaterThan(1);
    expect([...data(seeded(0), 3).i.data]).toEqual(drawn.slice(6, 8)); // any step, in any order
  });
  const image = arange(0, 24).reshape(1, 4, 6);
  test("input and target are cropped, flipped and turned together", () => {
    for (let s = 0; s < 20; s++) {
      const [a, b] = pipeline(randomCrop([3, 3]), randomFlip(), randomQuarterTurn(), randomGain())([image, image], seeded(s));
      expect(a.shape).toEqual([1, 3, 3]);
      expect([...a.data]).toEqual([...b.data]);
    }
  });
  test("flips and turns keep all numbers", () => {
    for (let s = 0; s < 8; s++) {
      const [a] = pipeline(randomFlip(), randomQuarterTurn())([image], seeded(s));
      expect([...a.data].sort((p, q) => p - q)).toEqual([...image.data]);
    }
  });
  test("a rotation keeps the middle, and labels stay labels", () => {
    const disc = Tensor.from(
      Float32Array.from({ length: 81 }, (_, i) => Number(Math.hypot((i % 9) - 4, Math.floor(i / 9) - 4) < 2.5)),
      [1, 9, 9],
    );
    const [a, b] = randomRotation({ degrees: 90, nearest: [1] })([disc, disc], seeded(2));
    expect(a.data[40]).toBeCloseTo(1, 5);
    expect([...new Set(b.data)].sort()).toEqual([0, 1]);
    expect(a.sum().item()).toBeCloseTo(disc.sum().item(), 0); // a disc turns into itself but for its rim
    expect(randomRotation({ degrees: 10 })([randomNormal([2, 3, 4, 5])], seeded(1))[0].shape).toEqual([2, 3, 4, 5]);
  });
  test("noise is for the first image only and of the deviation asked for", () => {
    const x = Tensor.zeros([1, 64, 64]);
    const [noisy, clean] = randomNoise({ deviation: 0.2 })([x, x], seeded(1));
    expect(Math.sqrt(noisy.square().mean().item())).toBeCloseTo(0.2, 2);
    expect(clean).toBe(x);
  });
});
