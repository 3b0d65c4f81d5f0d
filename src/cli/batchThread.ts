import { parentPort, workerData } from "node:worker_threads";
import { startEngine } from "../kernels/index.js";
import type { Exit } from "./exit.js";
import { run } from "./program.js";

/** A thread that does one command line after the other: the engine and its compiled kernels stay. */
export interface ThreadData {
  readonly memoryBytes?: number;
}
export interface ThreadAnswer {
  readonly exit: Exit;
  readonly result: Readonly<Record<string, unknown>> | undefined;
}
if (!parentPort) throw new Error("batchThread runs in a worker thread");
const port = parentPort;
const { memoryBytes } = workerData as ThreadData;
startEngine({ threads: 1, deterministic: true, memoryBytes });
port.on("message", async (argv: readonly string[]) => {
  let result: Readonly<Record<string, unknown>> | undefined;
  const exit = await run([...argv, "--json", "--quiet", "--progress", "none"], (value) => {
    result = value as Readonly<Record<string, unknown>>;
  });
  // As it would be printed: plain numbers, no views of the engine's memory.
  port.postMessage({ exit, result: JSON.parse(JSON.stringify(result ?? null)) ?? undefined } as ThreadAnswer);
});
