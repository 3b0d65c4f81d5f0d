import { seededAt } from "../core/random.js";
import { scope } from "../core/scope.js";
import { startEngine } from "../kernels/index.js";
import type { AheadAnswer, AheadQuestion, AheadTask } from "./ahead.js";
import type { Data } from "./data.js";
import { packed } from "./packed.js";

/** The thread of `ahead`: makes the batches that it is asked for, one after the other. */
const node = (globalThis as { process?: NodeJS.Process }).process?.getBuiltinModule?.("node:worker_threads");
const page = globalThis as unknown as {
  postMessage(message: unknown, buffers: ArrayBuffer[]): void;
  onmessage: (event: { readonly data: AheadTask | AheadQuestion }) => void;
};
const say = (answer: AheadAnswer, buffers: ArrayBuffer[] = []) =>
  node?.parentPort ? node.parentPort.postMessage(answer, buffers) : page.postMessage(answer, buffers);

let made: Promise<{ readonly data: Data<unknown>; readonly seed: number }> | undefined;
async function hear(message: AheadTask | AheadQuestion): Promise<void> {
  try {
    if ("module" in message) {
      made = (async () => {
        await startEngine({ threads: 1, ...(message.deterministic && { deterministic: true }) });
        const { data } = (await import(/* @vite-ignore */ message.module)) as { data(argument: unknown): Data<unknown> };
        return { data: await data(message.argument), seed: message.seed };
      })();
      await made;
      return;
    }
    if (!made) return;
    const { data, seed } = await made;
    const buffers: ArrayBuffer[] = [];
    const batch = scope(() => packed(data(seededAt(seed, message.step).split(), message.step), buffers));
    say({ step: message.step, batch }, buffers);
  } catch (error) {
    say({ problem: error instanceof Error ? error.message : String(error) });
  }
}
if (node?.parentPort) node.parentPort.on("message", hear);
else page.onmessage = ({ data }) => void hear(data);
