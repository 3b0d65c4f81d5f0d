import { engine } from "../kernels/index.js";
import type { Data } from "./data.js";
import { unpacked } from "./packed.js";

/** What both threads make batches with, and how many are under way. */
export interface AheadOptions {
  /**
   * Address of a module that exports `data(argument)`, a function from the argument to the batches of a training: what both threads make batches with.
   * Batches are lists and objects of tensors.
   */
  readonly module: string | URL;
  /** Whatever may be sent to a worker: pictures as plain arrays, settings. */
  readonly argument?: unknown;
  /** The batches as this thread has them already; the module is then imported by the worker only. */
  readonly here?: Data<unknown>;
  /** All chance of the run, as `train` is given it (default 42). */
  readonly seed?: number;
  /** Batches under way (default 3). */
  readonly depth?: number;
}
/** Batches that a worker makes while this thread learns. */
export interface Ahead<Batch> {
  /** For `train`. */
  readonly data: Data<Batch>;
  /** How many batches came from the worker, and how many were made here, because it had not got that far. */
  readonly counts: {
    /** From the worker. */
    readonly ahead: number;
    /** Made on this thread. */
    readonly here: number;
  };
  /** Why nothing comes from the worker, where that is so; the training goes on without. */
  readonly problem: string | undefined;
  /** End the worker. */
  close(): void;
}
/** What the thread is told, asked, and answers. */
export interface AheadTask {
  readonly module: string;
  readonly argument: unknown;
  readonly seed: number;
  readonly deterministic: boolean;
}
export interface AheadQuestion {
  readonly step: number;
}
export type AheadAnswer = { readonly step: number; readonly batch: unknown } | { readonly problem: string };

interface Thread {
  postMessage(message: AheadTask | AheadQuestion): void;
  terminate(): unknown;
}
const nodeThreads = () => (globalThis as { process?: NodeJS.Process }).process?.getBuiltinModule?.("node:worker_threads");
function threadOf(hear: (answer: AheadAnswer) => void, fail: (error: Error) => void): Thread {
  const url = new URL("./aheadThread.js", import.meta.url);
  const threads = nodeThreads();
  if (threads) {
    const thread = new threads.Worker(url);
    thread.on("message", hear);
    thread.on("error", fail);
    thread.unref();
    return thread;
  }
  const thread = new Worker(url, { type: "module" });
  thread.onmessage = ({ data }) => hear(data as AheadAnswer);
  thread.onerror = (event) => fail(new Error(event.message));
  return thread;
}

/**
 * Batches made ahead on a worker thread while this one learns: the batch of step k is a function of the seed and of k alone, so that whoever makes it,
 * the bits are the same. One that is not there in time is made here.
 */
export async function ahead<Batch>({ module, argument, here, seed = 42, depth = 3 }: AheadOptions): Promise<Ahead<Batch>> {
  const address = String(module);
  type Module = { data(argument: unknown): Data<Batch> | Promise<Data<Batch>> };
  const own = (here as Data<Batch> | undefined) ?? (await ((await import(/* @vite-ignore */ address)) as Module).data(argument));
  const ready = new Map<number, unknown>();
  const counts = { ahead: 0, here: 0 };
  let problem: string | undefined;
  let [asked, latest] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  /** Questions without an answer; and how far ahead a batch is asked for at least, more when answers come too late. */
  let [open, lead] = [0, 1];
  const ask = () => {
    while (problem === undefined && open < depth) {
      const step = Math.max(asked + 1, latest + lead);
      if (step > latest + lead + depth) return;
      thread.postMessage({ step });
      asked = step;
      open++;
    }
  };
  const thread = threadOf(
    (answer) => {
      open--;
      if ("problem" in answer) problem = answer.problem;
      else if (answer.step > latest) ready.set(answer.step, answer.batch);
      else lead = Math.min(lead + 1, 4 * depth);
      ask();
    },
    (error) => {
      problem = error.message;
    },
  );
  thread.postMessage({ module: address, argument, seed, deterministic: engine().build === "simd" });
  return {
    data(random, k) {
      latest = k;
      ask();
      const there = ready.get(k);
      for (const step of ready.keys()) if (step <= k) ready.delete(step);
      if (there !== undefined) {
        counts.ahead++;
        return unpacked(there) as Batch;
      }
      counts.here++;
      return own(random, k);
    },
    counts,
    get problem() {
      return problem;
    },
    close: () => void thread.terminate(),
  };
}
