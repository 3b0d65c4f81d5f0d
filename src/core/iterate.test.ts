import { expect, test } from "vitest";
import { engine } from "../kernels/engine.js";
import { grad, keep, Tensor, tensor } from "../tensor/index.js";
import { taylorFirst } from "../testing/laws.js";
import { AbortedError, iterate, iterateSync, seeded, unroll } from "./index.js";
import type { Iteration, Progress, State } from "./interfaces.js";

/** x ← x − s x, with values as told: the loop is under test, not the method. */
const shrink = (values?: readonly number[]): Iteration<number, Tensor, State<Tensor> & { k: number }> => ({
  init: (_, x) => ({ x, k: 0, value: values ? values[0] : x.norm().item() }),
  step(s, { x, k }) {
    const waste = x.mul(3); // a temporary that the step's scope must free
    const next = x.sub(waste.mul(s / 3));
    return { x: next, k: k + 1, value: values ? values[k + 1] : next.norm().item() };
  },
});
const used = () => engine().memoryUse.used;
const big = () => Tensor.ones([1 << 16]);

test("iterate returns the last point, how it ended, and the value at the start and after every step", async () => {
  const r = await iterate(shrink(), 0.5, tensor([8]), { iterations: 3 });
  expect(r).toMatchObject({ value: 1, stop: "iterations", iterations: 3, history: [8, 4, 2, 1] });
  expect(r.x.toArray()).toEqual([1]);
  expect(r.reason).toMatch(/iterations/);
});

test("no iterations give the start back", async () => {
  const x = tensor([8]);
  expect((await iterate(shrink(), 0.5, x, { iterations: 0 })).x).toBe(x);
  await expect(iterate(shrink(), 0.5, x, { iterations: Number.NaN })).rejects.toThrow(/iterations/);
});

test("the best point is kept when the value rises again, unless the last is asked for", async () => {
  const values = [5, 3, 4, 6];
  const best = await iterate(shrink(values), 0.5, tensor([8]), { iterations: 3 });
  expect(best.x.toArray()).toEqual([4]);
  expect(best.value).toBe(3);
  const last = await iterate(shrink(values), 0.5, tensor([8]), { iterations: 3, keepBest: false });
  expect(last.x.toArray()).toEqual([1]);
  expect(last.value).toBe(6);
});

test("a value that is not finite ends the run as diverged, with the best point so far", async () => {
  const r = await iterate(shrink([5, 3, Number.NaN, 1]), 0.5, tensor([8]), { iterations: 3 });
  expect(r).toMatchObject({ stop: "diverged", value: 3, iterations: 2 });
  expect(r.x.toArray()).toEqual([4]);
});

test("the method's own criterion ends the run, in its own words", async () => {
  const method = {
    ...shrink(),
    done: (s: State<Tensor>) => (s.value! < 3 ? { stop: "converged" as const, reason: "below three" } : undefined),
  };
  expect(await iterate(method, 0.5, tensor([8]), { iterations: 99 })).toMatchObject({ stop: "converged", reason: "below three", value: 2 });
});

test("progress tells level, step and value, and shows the point", async () => {
  const seen: Progress<Tensor>[] = [];
  await iterate(shrink(), 0.5, tensor([8]), { iterations: 2, level: 1, levels: 3, onProgress: (p) => seen.push({ ...p, x: keep(p.x) }) });
  expect(seen.map(({ iteration, value }) => [iteration, value])).toEqual([
    [0, 8],
    [1, 4],
    [2, 2],
  ]);
  expect(seen[1]).toMatchObject({ level: 1, levels: 3, iterations: 2 });
  expect(seen.map((p) => p.x.item())).toEqual([8, 4, 2]); // kept beyond the run
});

test("of all steps only the result stays in memory", async () => {
  const x = big();
  const before = used();
  let most = 0;
  const r = await iterate(shrink(), 0.5, x, { iterations: 50, onProgress: () => (most = Math.max(most, used() - before)) });
  expect(used() - before).toBeLessThan(1.1 * 4 * x.size); // one tensor of x's size
  expect(most).toBeLessThan(2.2 * 4 * x.size); // two at a time: the last point and the best one
  expect(r.x.size).toBe(x.size);
});

test("an abort rejects within one step and leaves the memory as it was", async () => {
  const x = big();
  const before = used();
  const stop = new AbortController();
  let steps = 0;
  const run = iterate(shrink(), 0.5, x, {
    iterations: 1e9,
    signal: stop.signal,
    onProgress: ({ iteration }) => {
      steps = iteration;
      if (iteration === 5) stop.abort(new Error("enough"));
    },
  });
  await expect(run).rejects.toThrow(AbortedError);
  expect(steps).toBe(5);
  expect(used()).toBeLessThanOrEqual(before); // less when the garbage collector has been by
  expect(x.at(0).item()).toBe(1); // the start is the caller's and stays
});

test("a signal that fires from the event loop is heard between steps", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 20);
  await expect(iterate(shrink(), 0, big(), { iterations: 1e9, signal: stop.signal })).rejects.toThrow(AbortedError);
});

test("the engine's abort flag stops a step between slabs, frees everything, and is answered once", async () => {
  const x = big();
  const before = used();
  const e = engine();
  const flagged: Iteration<number, Tensor> = {
    ...shrink(),
    step(_, { x }) {
      Atomics.store(e.abortFlag, 0, 1); // as another thread would
      const at = x.mul(2);
      e.parallel("sampleLinear3", [], { extent: 1, grain: 1 }); // any kernel: it must not get to run
      return { x: at };
    },
  };
  await expect(iterate(flagged, 0.5, x, { iterations: 3 })).rejects.toThrow(AbortedError);
  expect(used()).toBeLessThanOrEqual(before); // less when the garbage collector has been by
  expect(Atomics.load(e.abortFlag, 0)).toBe(0);
});

test("an error in a step is passed on and frees everything", async () => {
  const x = big();
  const before = used();
  const broken: Iteration<number, Tensor> = {
    ...shrink(),
    step(_, { x }) {
      x.mul(2);
      throw new Error("broken");
    },
  };
  await expect(iterate(broken, 0.5, x, { iterations: 3 })).rejects.toThrow("broken");
  expect(used()).toBeLessThanOrEqual(before); // less when the garbage collector has been by
});

test("iterateSync gives what iterate gives", async () => {
  const o = { iterations: 4 };
  expect(iterateSync(shrink(), 0.3, tensor([8]), o).history).toEqual((await iterate(shrink(), 0.3, tensor([8]), o)).history);
});

test("the event loop turns during a long run of short steps", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const until = performance.now() + 100;
  await iterate({ ...shrink(), done: () => (performance.now() > until ? { stop: "converged", reason: "" } : undefined) }, 0, tensor([1]), {
    iterations: 1e9,
  });
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
});

test("unroll is the same steps as one expression, differentiable in the method's own numbers", () => {
  const x0 = Tensor.from(Float64Array.of(1, -2, 3), [3]);
  const method: Iteration<Tensor, Tensor> = { init: (_, x) => ({ x }), step: (s, { x }) => ({ x: x.sub(x.mul(s).sin()) }) };
  const f = (s: Tensor) => unroll(method, s, x0, 3).square().sum();
  const s = Tensor.scalar(0.3, "f64");
  expect(taylorFirst(f, [s], seeded(1)).order).toBeGreaterThan(1.9); // r(h) ~ h²
  expect(Math.abs(grad(f)(s).item())).toBeGreaterThan(0.1); // it does depend on s
});
