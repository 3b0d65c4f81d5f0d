/**
 * What the tests of the built package run in Node and in a page: kernels with threads, their results' bits, and stopping long work.
 * Inputs are made of exact arithmetic only, so that equal bits in mean that equal bits must come out.
 */
import { iterate, seeded } from "pullback/core";
import { engine, startEngine } from "pullback/kernels";
import { dispose, gaussian, grad, randomUniform, warpField } from "pullback/tensor";

/** FNV-1a over the bits of a tensor. */
function bits(tensor) {
  const { data } = tensor;
  const words = new Uint32Array(data.slice().buffer);
  let h = 0x811c9dc5;
  for (const w of words) h = Math.imul(h ^ w, 0x01000193);
  return (h >>> 0).toString(16);
}

/** The bits of a Gaussian, a warp and a warp's gradient. */
export async function kernels(options) {
  const e = startEngine(options);
  for (let k = 0; k < 500 && e.workersReady < e.threads - 1; k++) await new Promise((resolve) => setTimeout(resolve, 10));
  const random = seeded(7);
  const image = randomUniform([1, 45, 50, 61], 0, 1, random);
  const field = randomUniform([3, 45, 50, 61], -3, 3, random);
  return {
    build: e.build,
    shared: e.shared,
    threads: e.threads,
    workers: e.workersReady,
    gaussian: bits(gaussian(image, { sigma: 2 })),
    warp: bits(warpField(image, field)),
    gradient: bits(grad((u) => warpField(image, u).square().sum())(field)),
  };
}

const forever = { init: (_, x) => ({ x }), step: (_, { x }) => ({ x: gaussian(x, { sigma: 1 }) }) };

/** Name of the error and memory left behind when a signal fires after 50 ms. */
export async function abortBySignal() {
  const x = randomUniform([1, 20, 20, 20]);
  const before = engine().memoryUse.used;
  try {
    await iterate(forever, undefined, x, { iterations: 1e9, signal: AbortSignal.timeout(50) });
    return { error: "none" };
  } catch (error) {
    return { error: error.name, left: Math.max(0, engine().memoryUse.used - before) };
  }
}

/** The same when another thread sets the engine's abort flag while this one is busy inside one step. */
export async function abortByFlag(startThread) {
  const busy = {
    init: (_, x) => ({ x }),
    step: (_, { x }) => {
      for (const end = performance.now() + 20_000; performance.now() < end; ) dispose(gaussian(x, { sigma: 3 }));
      return { x };
    },
  };
  await startThread(engine().abortFlag); // which sets it a little later, when it is up
  try {
    await iterate(busy, undefined, randomUniform([1, 64, 64, 64]), { iterations: 1 });
    return { error: "none" };
  } catch (error) {
    return { error: error.name };
  }
}
