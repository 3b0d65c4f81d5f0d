import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import {
  type DirectoryQueue,
  type Drained,
  type DrainOptions,
  dispatchOnRedis,
  drain,
  type Ran,
  type Runner,
  type TaskRecord,
  workOnRedis,
} from "../batch/index.js";
import { AbortedError } from "../core/errors.js";
import { batchBuild } from "./batchPlan.js";
import type { ThreadAnswer, ThreadData } from "./batchThread.js";
import { oneLine } from "./present.js";
import type { Session } from "./session.js";
import { version } from "./version.js";

/** A thread with an engine of its own that does command lines; what it says on its error output goes into a log. */
export function threadRunner(log: string, data: ThreadData): Runner {
  const worker = new Worker(new URL("./batchThread.js", import.meta.url), { workerData: data, stderr: true, stdout: true });
  worker.stderr.on("data", (chunk: Buffer) => {
    try {
      appendFileSync(log, chunk);
    } catch {
      // A log that cannot be written (a full disk) stops nothing.
    }
  });
  worker.stdout.resume();
  return {
    run: (task) =>
      new Promise<Ran>((done, fail) => {
        const off = () => {
          worker.off("message", answered);
          worker.off("error", failed);
          worker.off("exit", left);
        };
        const answered = ({ exit, result }: ThreadAnswer) => {
          off();
          done({ exit, reason: oneLine(String(result?.reason ?? "")), result: kept(result) });
        };
        const failed = (error: Error) => {
          off();
          fail(error);
        };
        const left = (code: number) => {
          off();
          fail(new Error(`its thread ended (${code})`));
        };
        worker.on("message", answered);
        worker.on("error", failed);
        worker.on("exit", left);
        clearLeftovers(task.argv);
        worker.postMessage(task.argv);
      }),
    async close() {
      await worker.terminate();
    },
  };
}

/** What a worker that was killed had begun to write for a task (see Output): the task is this one's now, and nobody will finish that. */
function clearLeftovers(argv: readonly string[]): void {
  const at = argv.findIndex((word) => word === "-o" || word === "--output");
  if (at < 0 || argv[at + 1] === undefined) return;
  const target = resolve(argv[at + 1]);
  const begun = (name: string) =>
    name.startsWith(`.${basename(target)}.`) && /^[0-9a-f]{8}\.part$/.test(name.slice(basename(target).length + 2));
  try {
    for (const name of readdirSync(dirname(target))) if (begun(name)) rmSync(join(dirname(target), name), { recursive: true, force: true });
  } catch {
    // A folder that is not there yet, or cannot be read: the command will say so.
  }
}
/** What a record keeps of what a command said. */
function kept(result: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!result) return undefined;
  const { status, reason, trust, sentence, metric, figures, outputs, warnings } = result;
  return Object.fromEntries(
    Object.entries({ status, reason, trust, sentence, metric, figures, outputs, warnings }).filter(([, v]) => v !== undefined),
  );
}

export interface WorkOptions {
  readonly slots?: number;
  readonly silentSeconds?: number;
  readonly memoryBytes?: number;
}
/** Work on a queue with threads of this process until it ends. */
export function work(session: Session, queue: DirectoryQueue, o: WorkOptions): Promise<Worked> {
  const total = queue.plan.tasks.length;
  const told = (r: TaskRecord) => {
    toldOf(session, r);
    session.progress.step({ iteration: queue.recorded.size, iterations: total, level: 0, levels: 1, stage: "batch" });
  };
  return session.stoppable(async (signal) => {
    const options = drainOptions(queue.folder, o, signal, told);
    return { slots: options.slots, ...(await drain(queue, options)) };
  });
}
export type Worked = Drained & { readonly slots: number };

/** Work for whatever batches hand out at a Redis, until told to stop; logs go to `folder`. */
export const workAtRedis = (session: Session, url: string, folder: string, o: WorkOptions): Promise<Worked> =>
  session.stoppable(async (signal) => {
    const options = drainOptions(folder, o, signal, (r) => toldOf(session, r));
    return { slots: options.slots, ...(await workOnRedis(url, options)) };
  });

/** Hand a batch out at a Redis, and work for it here as well, until every task has its record. */
export const workThroughRedis = (session: Session, queue: DirectoryQueue, url: string, o: WorkOptions): Promise<Worked> =>
  session.stoppable(async (signal) => {
    const enough = new AbortController();
    const both = AbortSignal.any([signal, enough.signal]);
    const options = drainOptions(queue.folder, o, both, (r) => toldOf(session, r));
    const here = workOnRedis(url, options);
    here.catch(() => enough.abort());
    const total = queue.plan.tasks.length;
    const all = dispatchOnRedis(queue, url, {
      signal: both,
      onProgress: (done) => session.progress.step({ iteration: done, iterations: total, level: 0, levels: 1, stage: "batch" }),
    });
    // The one ends the other: all records are there, or this disk is full.
    const [, worked] = await Promise.all([all.catch(ofAbort).finally(() => enough.abort()), here.finally(() => enough.abort())]);
    const ended = queue.recorded.size === total;
    return { slots: options.slots, ...worked, stopped: ended ? undefined : worked.stopped };
  });
const ofAbort = (error: unknown) => {
  if (!(error instanceof AbortedError)) throw error;
};

function toldOf(session: Session, r: TaskRecord): void {
  if (r.status === "failed") session.note(`${r.name}: ${r.reason}`);
  else session.detail(`${r.name}: ${r.status}, ${r.seconds.toFixed(1)} s`);
}

function drainOptions(folder: string, o: WorkOptions, signal: AbortSignal, onRecord: (r: TaskRecord) => void): DrainOptions {
  const worker = `${hostname()}-${process.pid}-${randomUUID().slice(0, 4)}`;
  mkdirSync(join(folder, "log"), { recursive: true });
  const log = join(folder, "log", `${worker}.txt`);
  return {
    worker,
    slots: o.slots ?? availableParallelism(),
    silentSeconds: o.silentSeconds,
    signal,
    onRecord,
    accepts: (plan) => plan.version === version() && plan.build === batchBuild,
    runner: () => threadRunner(log, { memoryBytes: o.memoryBytes }),
    full() {
      try {
        const { bavail, bsize } = statfsSync(folder);
        return bavail * bsize < 2 ** 20;
      } catch {
        return false;
      }
    },
  };
}
