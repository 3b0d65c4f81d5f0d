import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, statfsSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type DirectoryQueue, type Drained, drain, type Ran, type Runner, type TaskRecord } from "../batch/index.js";
import type { ThreadAnswer, ThreadData } from "./batchThread.js";
import { oneLine } from "./present.js";
import type { Session } from "./session.js";

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
        worker.postMessage(task.argv);
      }),
    async close() {
      await worker.terminate();
    },
  };
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
  readonly leave?: boolean;
}
/** Work on a queue with threads of this process until it ends. */
export function work(session: Session, queue: DirectoryQueue, o: WorkOptions): Promise<Drained & { readonly slots: number }> {
  const slots = o.slots ?? availableParallelism();
  const name = `${hostname()}-${process.pid}-${randomUUID().slice(0, 4)}`;
  mkdirSync(join(queue.folder, "log"), { recursive: true });
  const log = join(queue.folder, "log", `${name}.txt`);
  const total = queue.plan.tasks.length;
  const told = (r: TaskRecord) => {
    const { ok, suspect, failed } = queue.counts;
    session.progress.step({ iteration: ok + suspect + failed, iterations: total, level: 0, levels: 1, stage: "batch" });
    if (r.status === "failed") session.note(`${r.name}: ${r.reason}`);
    else session.detail(`${r.name}: ${r.status}, ${r.seconds.toFixed(1)} s`);
  };
  return session.stoppable(async (signal) => ({
    slots,
    ...(await drain(queue, {
      worker: name,
      slots,
      silentSeconds: o.silentSeconds,
      leave: o.leave,
      signal,
      runner: () => threadRunner(log, { memoryBytes: o.memoryBytes }),
      onRecord: told,
      full: () => {
        try {
          const { bavail, bsize } = statfsSync(queue.folder);
          return bavail * bsize < 2 ** 20;
        } catch {
          return false;
        }
      },
    })),
  }));
}
