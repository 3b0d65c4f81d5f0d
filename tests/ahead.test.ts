import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { built, root } from "./built.js";

/** The worker runs the built package: so do these tests. */
const dist = (path: string) => pathToFileURL(join(root, "dist", path)).href;
let nn: typeof import("../src/nn/index.js");
let core: typeof import("../src/core/index.js");
let optimisers: typeof import("../src/optimisers/index.js");
let module: string;

beforeAll(async () => {
  await built();
  nn = await import(dist("nn/index.js"));
  core = await import(dist("core/index.js"));
  optimisers = await import(dist("optimisers/index.js"));
  const folder = mkdtempSync(join(tmpdir(), "pullback-ahead-"));
  module = pathToFileURL(join(folder, "data.mjs")).href;
  writeFileSync(
    new URL(module),
    `import { batchOf } from ${JSON.stringify(dist("nn/index.js"))};
import { randomNormal } from ${JSON.stringify(dist("tensor/index.js"))};
export const data = ({ batch, fail }) => (random, k) => {
  if (k === fail) throw new Error("no batch " + k);
  return batchOf(Array.from({ length: batch }, () => {
    const input = randomNormal([4], random);
    return { input, target: input.sum().mul(k % 2 === 0 ? 1 : 2).reshape(1) };
  }));
};\n`,
  );
}, 600_000);

const trained = async (data: import("../src/nn/index.js").Data, pause = 0) =>
  nn.train({
    model: nn.dense({ inputs: 4, outputs: 1, random: core.seeded(1) }),
    data: (random, k) => {
      const end = performance.now() + pause; // a step that costs something, so that the event loop turns
      while (performance.now() < end);
      return data(random, k);
    },
    loss: nn.supervised(nn.squaredLoss()),
    optimiser: optimisers.adamW({ step: 1e-2 }),
    steps: 30,
    seed: 7,
  });

describe("batches made ahead on a worker", () => {
  test("give the weights that batches made here give, to the last bit, wherever each was made", async () => {
    const made = await nn.ahead<import("../src/nn/index.js").Sample>({ module, argument: { batch: 3 }, seed: 7 });
    const { data } = await import(module);
    const here = await trained(data({ batch: 3 }));
    const there = await trained(made.data, 20);
    made.close();
    expect(made.problem).toBeUndefined();
    expect(made.counts.ahead + made.counts.here).toBe(30);
    expect(made.counts.ahead).toBeGreaterThan(0);
    expect(there.history.loss).toEqual(here.history.loss);
    for (const [name, p] of Object.entries(here.model.parameters)) expect(there.model.parameters[name].data).toEqual(p.data);
  }, 120_000);

  test("a recipe's batches too: pairs of pictures, some with labels", async () => {
    const models: typeof import("../src/models/index.js") = await import(dist("models/index.js"));
    const pictures = Array.from({ length: 3 }, (_, i) => ({
      name: `slice-${i}.png`,
      height: 24,
      width: 20,
      values: Float32Array.from({ length: 480 }, (_, k) => 0.5 + 0.4 * Math.sin(0.3 * (k % 20) + i) * Math.cos(k / 60)),
    }));
    const o = { pictures, steps: 8, every: 8, patch: 16, features: 4, depth: 2, held: 1 };
    const here = await models.trainModel("registration-2d", o);
    const there = await models.trainModel("registration-2d", { ...o, ahead: true });
    expect(there.history.loss).toEqual(here.history.loss);
    expect(there.weights).toEqual(here.weights);
  }, 120_000);

  test("a worker that fails is left alone, and says why: batches are made here", async () => {
    const made = await nn.ahead<import("../src/nn/index.js").Sample>({ module, argument: { batch: 2, fail: 1000 }, seed: 7, depth: 1 });
    made.data(core.seeded(1), 999); // asks for 1000
    for (let i = 0; i < 200 && made.problem === undefined; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(made.problem).toBe("no batch 1000");
    expect(made.data(core.seeded(1), 1001).input.shape).toEqual([2, 4]);
    expect(made.counts).toEqual({ ahead: 0, here: 2 });
    made.close();
  }, 60_000);
});
