import type { Job, Queue, Worker } from "bullmq";
import { AbortedError, MissingPeerError, PullbackError } from "../core/errors.js";
import { DirectoryQueue, mostAttempts, type TaskRecord } from "./directoryQueue.js";
import { type Drained, type DrainOptions, exits, pause, type Runner } from "./drain.js";

/** Everybody's tasks go through one queue: a job names the folder of its batch and the task. */
const name = "pullback";
interface Order {
  readonly folder: string;
  readonly id: string;
}
const jobId = (id: string) => `t${id}`; // a number alone would be BullMQ's own

async function peers() {
  try {
    const [bullmq, { default: ioredis }] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { bullmq, Redis: ioredis as unknown as typeof import("ioredis").Redis };
  } catch (cause) {
    throw new MissingPeerError("redis: batches on Redis need two packages; npm i bullmq ioredis", { peer: "bullmq" }, { cause });
  }
}
/** A connection that comes back by itself; the first one must succeed. */
async function connected(url: string) {
  const { bullmq, Redis } = await peers();
  const first = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 });
  first.on("error", () => {});
  try {
    await first.connect();
  } catch (cause) {
    throw new PullbackError(`${url}: no Redis answers there; is it running?`, { url }, { cause });
  } finally {
    first.disconnect();
  }
  const make = () => {
    const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: (times) => Math.min(100 * times, 2000) });
    client.on("error", () => {}); // it tries again
    return client;
  };
  return { bullmq, make };
}
/**
 * Hand the tasks of a batch to the workers at a Redis, stage by stage, and wait until each has its record. What Redis forgets (a restart without a disk) is
 * handed out again.
 * @param url  redis://[user:password@]host[:port][/database]
 * @throws MissingPeerError without bullmq and ioredis, PullbackError when nobody answers, AbortedError
 */
export async function dispatchOnRedis(
  queue: DirectoryQueue,
  url: string,
  o: { readonly signal?: AbortSignal; readonly onProgress?: (done: number, tasks: number) => void } = {},
): Promise<void> {
  const { bullmq, make } = await connected(url);
  const client = make();
  const jobs: Queue<Order> = new bullmq.Queue<Order>(name, { connection: client as never });
  jobs.on("error", () => {});
  try {
    const { tasks } = queue.plan;
    for (const stage of [...new Set(tasks.map((t) => t.stage))].sort((a, b) => a - b)) {
      const mine = tasks.filter((t) => t.stage === stage);
      for (let k = 0; ; k++) {
        const known = queue.recorded;
        o.onProgress?.(known.size, tasks.length);
        const missing = mine.filter((t) => !known.has(t.id));
        if (missing.length === 0) break;
        // The same id is not taken twice while it is known there.
        if (k % 10 === 0)
          await Promise.race([
            jobs.addBulk(
              missing.map(({ id }) => ({
                name: "task",
                data: { folder: queue.folder, id },
                opts: {
                  jobId: jobId(id),
                  attempts: mostAttempts,
                  backoff: { type: "fixed", delay: 500 },
                  removeOnComplete: true,
                  removeOnFail: true,
                },
              })),
            ),
            pause(10_000, o.signal), // it may be away; later again
          ]);
        await pause(300, o.signal);
        if (o.signal?.aborted) throw new AbortedError("the batch was interrupted");
      }
    }
  } finally {
    await Promise.race([jobs.close(), pause(2000)]);
    client.disconnect();
  }
}

/** Do tasks of any batch that arrive at a Redis, until told to stop (or until the disk is full). Locks are renewed while threads compute. */
export async function workOnRedis(url: string, o: DrainOptions): Promise<Drained> {
  const { slots, silentSeconds = 60, signal } = o;
  const { bullmq, make } = await connected(url);
  const began = performance.now();
  const folders = new Map<string, DirectoryQueue>();
  const idle: Runner[] = [];
  const busyRunners = new Set<Runner>();
  let [records, busy] = [0, 0];
  let stopped: Drained["stopped"];
  let stop = () => {};
  const end = new Promise<void>((done) => {
    stop = done;
  });
  const keep = (queue: DirectoryQueue, record: TaskRecord) => {
    queue.keep(record);
    records++;
    o.onRecord?.(record);
  };
  const processed = async (job: Job<Order>) => {
    const { folder, id } = job.data;
    const queue = folders.get(folder) ?? DirectoryQueue.open(folder);
    folders.set(folder, queue);
    if (o.accepts?.(queue.plan) === false) throw new Error("another version planned it"); // back, for another worker
    const task = queue.plan.tasks.find((t) => t.id === id);
    if (!task || queue.has(id)) return; // of an older plan; or done, and only the word of it was lost
    const runner = idle.pop() ?? o.runner();
    busyRunners.add(runner);
    const from = performance.now();
    const attempts = job.attemptsMade + 1;
    const told = (r: Pick<TaskRecord, "status" | "reason"> & Partial<TaskRecord>) =>
      keep(queue, { id, name: task.name, worker: o.worker, attempts, seconds: (performance.now() - from) / 1000, ...r });
    try {
      const { exit, reason, result } = await runner.run(task);
      busy += (performance.now() - from) / 1000;
      idle.push(runner);
      if (exit === exits.resources && o.full?.()) {
        stopped = "full";
        stop();
        throw new Error("the disk is full");
      }
      if (exit === exits.tryAgain && attempts < mostAttempts) throw new Error(reason);
      told({ status: exit === 0 ? "ok" : exit === exits.suspect ? "suspect" : "failed", reason, exit, result });
    } catch (error) {
      if (!idle.includes(runner)) {
        await runner.close();
        if (!signal?.aborted && attempts >= mostAttempts)
          return told({ status: "failed", reason: `the worker broke down: ${(error as Error).message.replace(/\s*\n\s*/g, " ")}` });
      }
      throw error; // to be tried again
    } finally {
      busyRunners.delete(runner);
    }
  };
  const client = make();
  const worker: Worker<Order> = new bullmq.Worker<Order>(name, processed, {
    connection: client as never,
    concurrency: slots,
    lockDuration: 1000 * silentSeconds,
    stalledInterval: 500 * silentSeconds,
    maxStalledCount: mostAttempts - 1,
  });
  worker.on("error", () => {}); // away for a while: it comes back
  worker.on("failed", (job, error) => {
    if (!job || !/stalled/.test(error.message)) return;
    const queue = folders.get(job.data.folder) ?? DirectoryQueue.open(job.data.folder);
    const task = queue.plan.tasks.find((t) => t.id === job.data.id);
    if (task && !queue.has(task.id))
      keep(queue, {
        id: task.id,
        name: task.name,
        status: "failed",
        reason: `${mostAttempts} workers ended in the midst of it without a word`,
        seconds: 0,
        worker: o.worker,
        attempts: mostAttempts,
      });
  });
  const aborted = () => {
    stopped ??= "aborted";
    stop();
  };
  if (signal?.aborted) aborted();
  signal?.addEventListener("abort", aborted);
  await end;
  signal?.removeEventListener("abort", aborted);
  // What is under way breaks off, and goes back.
  await Promise.all([...busyRunners].map((r) => r.close()));
  await Promise.race([worker.close(), pause(3000)]);
  await Promise.all(idle.map((r) => r.close()));
  client.disconnect();
  return { records, busy, seconds: (performance.now() - began) / 1000, stopped };
}
