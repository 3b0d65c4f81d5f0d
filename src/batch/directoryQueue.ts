import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ArgumentError, FormatError } from "../core/errors.js";
import { type Plan, parsePlan, planText, type Task } from "./plan.js";

/** How a task ended. */
export interface TaskRecord {
  /** The task's id. */
  readonly id: string;
  /** The task's name in the plan. */
  readonly name: string;
  /** ok and suspect have a result; failed has none. */
  readonly status: "ok" | "suspect" | "failed";
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** Exit code of the command; none when it ended without one. */
  readonly exit?: number;
  /** How long it took. */
  readonly seconds: number;
  /** Who did it. */
  readonly worker: string;
  /** How many began it, this one included. */
  readonly attempts: number;
  /** What the command said (--json). */
  readonly result?: Readonly<Record<string, unknown>>;
}
/** A task that is one worker's, until it is finished, given back, or the worker is not heard of any more. */
export interface Claim {
  /** The task. */
  readonly task: Task;
  /** How many began it before. */
  readonly attempt: number;
  /** The file in `running/` that is the claim. */
  readonly file: string;
}
/** How many tasks of a queue are in which state; together they are the plan's tasks. */
export interface QueueCounts {
  /** Not yet taken up. */
  readonly waiting: number;
  /** A worker's. */
  readonly running: number;
  /** Done, and well. */
  readonly ok: number;
  /** Done, with doubts. */
  readonly suspect: number;
  /** Set aside. */
  readonly failed: number;
  /** All together. */
  readonly tasks: number;
}

/** After so many workers that vanished in the midst of it, a task is set aside. */
export const mostAttempts = 3;

const folders = ["waiting", "running", "done", "failed"] as const;
const pad = (n: number, digits: number) => String(n).padStart(digits, "0");
const code = (error: unknown) => (error as NodeJS.ErrnoException).code;

/**
 * A queue that is a folder, for any number of processes and of machines that share the disk; it needs no server. A task is a small file: in `waiting/`,
 * in `running/` with its worker's name, in `done/` or in `failed/`. Claiming is renaming, which exactly one of several achieves; a worker's heartbeat is
 * the time of its file. A task is done at least once, and its record is kept once.
 *
 * Times are never compared between machines: who watches sees whether a heartbeat changes while its own clock goes on.
 */
export class DirectoryQueue {
  /** The folder. */
  readonly folder: string;
  /** What is to be done. */
  readonly plan: Plan;
  readonly #index: ReadonlyMap<string, number>;
  /** Heartbeats seen: the time of the file, and when it was first seen on our own clock. */
  readonly #seen = new Map<string, { readonly beat: number; readonly at: number }>();

  private constructor(folder: string, plan: Plan) {
    this.folder = folder;
    this.plan = plan;
    this.#index = new Map(plan.tasks.map((t, i) => [t.id, i]));
  }

  /**
   * A queue with this plan: a new one, or the one that lies there with the same plan, whose failed tasks get another try.
   * @throws ArgumentError when another plan lies there, or two tasks are the same
   */
  static create(folder: string, plan: Plan): DirectoryQueue {
    const ids = new Set<string>();
    for (const t of plan.tasks) {
      if (ids.has(t.id)) throw new ArgumentError(`${t.name}: this task is in the plan twice; leave one of them out`, { name: t.name });
      ids.add(t.id);
    }
    const path = join(folder, "plan.jsonl");
    if (existsSync(path)) {
      if (readFileSync(path, "utf8") !== planText(plan))
        throw new ArgumentError(
          `${folder}: it holds another plan (other inputs, options or version); choose another folder, or remove this one`,
          { folder },
        );
    }
    const queue = new DirectoryQueue(folder, plan);
    for (const name of folders) mkdirSync(join(folder, name), { recursive: true });
    if (!existsSync(path)) {
      // Nobody works before the plan is there, and it comes last.
      for (const t of plan.tasks) writeFileSync(join(folder, "waiting", queue.#nameOf(t, 0)), "");
      queue.#put("plan.jsonl", planText(plan));
    } else
      for (const r of queue.records("failed")) {
        const task = queue.#taskOf(r.id);
        if (!task) continue;
        writeFileSync(join(folder, "waiting", queue.#nameOf(task, 0)), "");
        rmSync(join(folder, "failed", `${r.id}.json`), { force: true });
      }
    return queue;
  }

  /** The queue in a folder. @throws FormatError when there is none, or a damaged one */
  static open(folder: string): DirectoryQueue {
    const path = join(folder, "plan.jsonl");
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (cause) {
      throw new FormatError(`${folder}: there is no plan.jsonl in it; name the folder of a batch`, { folder }, { cause });
    }
    return new DirectoryQueue(folder, parsePlan(text, path));
  }

  /** The next task of the earliest stage that has not ended; none when there is none to be had now. */
  claim(worker: string): Claim | undefined {
    for (;;) {
      const waiting = this.#list("waiting");
      if (waiting.length === 0) return undefined;
      const stage = Math.min(...[waiting, this.#list("running")].flat().map(stageOf));
      const open = waiting.filter((name) => stageOf(name) === stage);
      if (open.length === 0) return undefined; // an earlier stage is still running
      // Not all at the first one: who comes second looks at the next.
      let taken: Claim | undefined;
      for (const name of open) {
        taken = this.#take(name, worker);
        if (taken) break;
      }
      if (!taken) continue; // all of them were taken by others
      if (!existsSync(join(this.folder, "done", `${taken.task.id}.json`))) return taken;
      rmSync(taken.file, { force: true }); // its worker had been given up, and finished all the same
    }
  }

  #take(name: string, worker: string): Claim | undefined {
    const parsed = parse(name);
    const task = parsed && this.#taskOf(parsed.id);
    if (!parsed || !task) return undefined;
    const file = join(this.folder, "running", `${name}@${worker.replace(/[^\w.-]/g, "_")}`);
    try {
      renameSync(join(this.folder, "waiting", name), file);
    } catch (error) {
      if (code(error) === "ENOENT") return undefined;
      throw error;
    }
    const claim = { task, attempt: parsed.attempt, file };
    this.heartbeat(claim);
    return claim;
  }

  /** Say that the worker lives. False when the task has been given to another. */
  heartbeat({ file }: Claim): boolean {
    const now = new Date();
    try {
      utimesSync(file, now, now);
      return true;
    } catch (error) {
      if (code(error) === "ENOENT") return false;
      throw error;
    }
  }

  /** The task has ended: its record is kept, and it is nobody's any more. */
  finish(claim: Claim, record: TaskRecord): void {
    this.#put(join(record.status === "failed" ? "failed" : "done", `${claim.task.id}.json`), `${JSON.stringify(record)}\n`);
    rmSync(claim.file, { force: true });
  }

  /** A record without a claim: of a task that was handed out by other means than this folder. */
  keep(record: TaskRecord): void {
    this.#put(join(record.status === "failed" ? "failed" : "done", `${record.id}.json`), `${JSON.stringify(record)}\n`);
    const task = this.#taskOf(record.id);
    if (task) for (let k = 0; k < mostAttempts; k++) rmSync(join(this.folder, "waiting", this.#nameOf(task, k)), { force: true });
  }
  /** Ids of the tasks that have their records. */
  get recorded(): ReadonlySet<string> {
    return new Set((["done", "failed"] as const).flatMap((kind) => this.#list(kind).map((file) => file.slice(0, 16))));
  }
  /** Whether a task has its record. */
  has(id: string): boolean {
    return (["done", "failed"] as const).some((kind) => existsSync(join(this.folder, kind, `${id}.json`)));
  }

  /** The task waits again; `counted` when something went wrong with it. */
  giveBack(claim: Claim, { counted = false }: { readonly counted?: boolean } = {}): void {
    this.#move(claim.file, join(this.folder, "waiting", this.#nameOf(claim.task, claim.attempt + (counted ? 1 : 0))));
  }

  /**
   * Tasks whose workers have not been heard of for so long, on this process's clock, wait again; those that have lost too many workers are set aside.
   * @returns  how many were found
   */
  recover(silentSeconds: number): number {
    let found = 0;
    const names = new Set(this.#list("running"));
    for (const name of [...this.#seen.keys()]) if (!names.has(name)) this.#seen.delete(name);
    for (const name of names) {
      const file = join(this.folder, "running", name);
      const beat = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
      if (beat === undefined) continue;
      const before = this.#seen.get(name);
      const now = performance.now();
      if (before?.beat !== beat) this.#seen.set(name, { beat, at: now });
      else if (now - before.at > 1000 * silentSeconds && this.#revive(name, file)) found++;
    }
    return found;
  }

  #revive(name: string, file: string): boolean {
    const parsed = parse(name);
    const task = parsed && this.#taskOf(parsed.id);
    if (!parsed || !task) return false;
    const attempts = parsed.attempt + 1;
    if (existsSync(join(this.folder, "done", `${task.id}.json`))) {
      rmSync(file, { force: true });
      return true;
    }
    if (attempts < mostAttempts) return this.#move(file, join(this.folder, "waiting", this.#nameOf(task, attempts)));
    const aside = `${file}.aside`; // of several who watch, one sets it aside
    if (!this.#move(file, aside)) return false;
    this.finish(
      { task, attempt: parsed.attempt, file: aside },
      {
        id: task.id,
        name: task.name,
        status: "failed",
        reason: `${attempts} workers ended in the midst of it without a word`,
        seconds: 0,
        worker: parsed.worker ?? "",
        attempts,
      },
    );
    return true;
  }

  /** How many tasks are in which state. */
  get counts(): QueueCounts {
    const done = this.records("done");
    const suspect = done.filter((r) => r.status === "suspect").length;
    return {
      waiting: this.#list("waiting").length,
      running: this.#list("running").length,
      ok: done.length - suspect,
      suspect,
      failed: this.#list("failed").length,
      tasks: this.plan.tasks.length,
    };
  }
  /** Nothing waits and nothing runs. */
  get ended(): boolean {
    return this.#list("waiting").length === 0 && this.#list("running").length === 0;
  }
  /** Who works, and at what. */
  get running(): readonly { readonly name: string; readonly worker: string; readonly attempt: number }[] {
    return this.#list("running").flatMap((file) => {
      const p = parse(file);
      const task = p && this.#taskOf(p.id);
      return p && task ? [{ name: task.name, worker: p.worker ?? "", attempt: p.attempt }] : [];
    });
  }
  /** Records in the order of the plan. */
  records(of: "done" | "failed" | "all" = "all"): readonly TaskRecord[] {
    const kinds = of === "all" ? (["done", "failed"] as const) : ([of] as const);
    return kinds
      .flatMap((kind) =>
        this.#list(kind).flatMap((name) => {
          try {
            return [JSON.parse(readFileSync(join(this.folder, kind, name), "utf8")) as TaskRecord];
          } catch (error) {
            if (code(error) === "ENOENT") return []; // another has just taken it up again
            throw new FormatError(`${join(this.folder, kind, name)}: the record is damaged; remove it and run the batch again`, {});
          }
        }),
      )
      .sort((a, b) => (this.#index.get(a.id) ?? 0) - (this.#index.get(b.id) ?? 0));
  }

  #taskOf(id: string): Task | undefined {
    const i = this.#index.get(id);
    return i === undefined ? undefined : this.plan.tasks[i];
  }
  /** In order of stages, and in a stage in the order of the plan. */
  #nameOf(t: Task, attempt: number): string {
    return `${pad(t.stage, 4)}-${pad(this.#index.get(t.id) as number, 8)}-${t.id}~${attempt}`;
  }
  #list(folder: (typeof folders)[number]): string[] {
    return readdirSync(join(this.folder, folder))
      .filter((name) => !name.startsWith("."))
      .sort();
  }
  #move(from: string, to: string): boolean {
    try {
      renameSync(from, to);
      return true;
    } catch (error) {
      if (code(error) === "ENOENT") return false;
      throw error;
    }
  }
  /** Whole or not at all. */
  #put(name: string, text: string): void {
    const path = join(this.folder, name);
    const temporary = join(this.folder, `.${randomUUID().slice(0, 8)}.part`);
    try {
      writeFileSync(temporary, text);
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }
}

const stageOf = (name: string): number => Number(name.slice(0, 4));
function parse(name: string): { readonly id: string; readonly attempt: number; readonly worker: string | undefined } | undefined {
  const m = /^\d{4,}-\d{8,}-([0-9a-f]{16})~(\d+)(?:@([\w.-]+))?$/.exec(name);
  return m ? { id: m[1], attempt: Number(m[2]), worker: m[3] } : undefined;
}
