import { AbortedError } from "../core/errors.js";
import { type Claim, type DirectoryQueue, mostAttempts, type TaskRecord } from "./directoryQueue.js";
import type { Plan, Task } from "./plan.js";

/** How a command ended. */
export interface Ran {
  /** The command's exit code. */
  readonly exit: number;
  /** One sentence when it did not go well. */
  readonly reason: string;
  /** What it said (--json). */
  readonly result?: Readonly<Record<string, unknown>>;
}
/** Does one task after the other, apart from this thread, so that heartbeats go on meanwhile. */
export interface Runner {
  /** Rejects when the runner itself broke down (a crash, no memory); it is then of no use any more. */
  run(task: Task): Promise<Ran>;
  /** Let go of it; it runs no more. */
  close(): Promise<void>;
}
/** Who works on a queue, with how many at a time, and when others are given up. */
export interface DrainOptions {
  /** A name that no other worker has. */
  readonly worker: string;
  /** Tasks at a time. */
  readonly slots: number;
  /** Makes a runner for each slot. */
  readonly runner: () => Runner;
  /** A worker not heard of for so long is given up (default 60). */
  readonly silentSeconds?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told of every task that has ended. */
  readonly onRecord?: (record: TaskRecord) => void;
  /** On Redis, where tasks of any batch arrive: whether this worker may do those of that plan (default: yes). */
  readonly accepts?: (plan: Plan) => boolean;
  /** True when there is no room left to write results. */
  readonly full?: () => boolean;
}
/** What one worker did with a queue, and how busy it was. */
export interface Drained {
  /** Tasks that this worker ended. */
  readonly records: number;
  /** Seconds in tasks, of all slots together, and seconds in all. */
  readonly busy: number;
  /** From the first claim to the end. */
  readonly seconds: number;
  /** Why it went before the end. */
  readonly stopped?: "full" | "aborted";
}

/** Exit codes of the command line that a batch minds. */
export const exits = { suspect: 4, resources: 5, tryAgain: 75 } as const;
/** So long, or until told to stop. */
export const pause = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((done) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });

/**
 * Work on a queue until it is empty: claim, run, record. Tasks that fail are set aside with their sentence and the rest goes on; those that ask to be tried
 * again, and those whose runner broke down, wait again up to `mostAttempts` times. On an abort and on a full disk, what is not finished goes back.
 */
export async function drain(queue: DirectoryQueue, o: DrainOptions): Promise<Drained> {
  const { worker, slots, silentSeconds = 60, signal } = o;
  const began = performance.now();
  const claims = new Set<Claim>();
  let records = 0;
  let busy = 0;
  let stopped: Drained["stopped"];
  const interruption = aborted(signal);
  interruption.catch(() => {}); // it is heard where a task is waited for
  // A few beats may be late before anyone gives this worker up.
  const beats = setInterval(() => {
    for (const claim of claims) queue.heartbeat(claim);
  }, 200 * silentSeconds);
  const ended = (claim: Claim, record: Omit<TaskRecord, "id" | "name" | "worker" | "attempts">) => {
    const whole = { id: claim.task.id, name: claim.task.name, worker, attempts: claim.attempt + 1, ...record };
    queue.finish(claim, whole);
    records++;
    o.onRecord?.(whole);
  };
  const again = (claim: Claim, reason: string, seconds: number, exit?: number) => {
    if (claim.attempt + 1 < mostAttempts) queue.giveBack(claim, { counted: true });
    else ended(claim, { status: "failed", reason, seconds, exit });
  };
  const slot = async () => {
    let runner: Runner | undefined;
    try {
      let rest = 20;
      while (!stopped) {
        if (signal?.aborted) {
          stopped = "aborted";
          break;
        }
        const claim = queue.claim(worker);
        if (!claim) {
          if (queue.ended) break;
          queue.recover(silentSeconds);
          await pause(rest, signal);
          rest = Math.min(2 * rest, 1000);
          continue;
        }
        rest = 20;
        claims.add(claim);
        const from = performance.now();
        const taken = () => (performance.now() - from) / 1000;
        runner ??= o.runner();
        try {
          const ran = await Promise.race([runner.run(claim.task), interruption]);
          const seconds = taken();
          busy += seconds;
          const { exit, reason, result } = ran;
          if (exit === 0 || exit === exits.suspect) ended(claim, { status: exit === 0 ? "ok" : "suspect", reason, exit, seconds, result });
          else if (exit === exits.resources && o.full?.()) {
            stopped = "full";
            queue.giveBack(claim);
          } else if (exit === exits.tryAgain) again(claim, reason, seconds, exit);
          else ended(claim, { status: "failed", reason, exit, seconds });
        } catch (error) {
          if (error instanceof AbortedError) {
            stopped = "aborted";
            queue.giveBack(claim);
          } else if (noRoom(error)) {
            stopped = "full"; // the record itself did not fit
            queue.giveBack(claim);
          } else {
            again(claim, `the worker broke down: ${(error as Error).message.replace(/\s*\n\s*/g, " ")}`, taken());
            const broken = runner;
            runner = undefined;
            await broken.close();
          }
        } finally {
          claims.delete(claim);
        }
      }
    } finally {
      await runner?.close();
    }
  };
  try {
    await Promise.all(Array.from({ length: slots }, slot));
  } finally {
    clearInterval(beats);
  }
  return { records, busy, seconds: (performance.now() - began) / 1000, stopped };
}

const noRoom = (error: unknown): boolean => ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
const aborted = (signal?: AbortSignal) =>
  new Promise<never>((_, fail) => {
    const stop = () => fail(new AbortedError("the batch was interrupted"));
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
