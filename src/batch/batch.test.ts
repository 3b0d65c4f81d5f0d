import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DirectoryQueue,
  drain,
  mostAttempts,
  type Plan,
  parsePlan,
  planText,
  type Ran,
  type Runner,
  slurmScript,
  type Task,
  taskId,
} from "./index.js";

const folder = () => mkdtempSync(join(tmpdir(), "pullback-queue-"));
const task = (name: string, stage = 0): Task => ({
  id: taskId({ inputs: [], argv: [name], version: "1", build: "simd" }),
  stage,
  name,
  argv: [name],
});
const planOf = (tasks: readonly Task[]): Plan => ({ version: "1", build: "simd", tasks });
const several = (n: number, stage?: (i: number) => number) => planOf(Array.from({ length: n }, (_, i) => task(`t${i}`, stage?.(i))));
const record = (t: Task) => ({ id: t.id, name: t.name, status: "ok" as const, reason: "", seconds: 0, worker: "w", attempts: 1 });
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

describe("a plan", () => {
  test("is read back as it was written", () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.nat(5)), { maxLength: 8 }), (names) => {
        const plan = planOf(names.map(([name, stage], i) => task(`${name} ${i}`, stage)));
        expect(parsePlan(planText(plan))).toEqual(plan);
      }),
    ));
  test("says what is wrong with it, whatever is cut off or changed", () => {
    const text = planText(several(4));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: text.length - 1 }), fc.string({ maxLength: 3 }), (at, other) => {
        const damaged = text.slice(0, at) + other;
        try {
          expect(parsePlan(damaged).tasks.length).toBe(4);
        } catch (error) {
          expect((error as Error).message).toMatch(/damaged|no plan|cut off|no task/);
        }
      }),
    );
  });
  test("the same work has the same id; other contents, options, versions and builds have others", () => {
    const base = { inputs: ["a"], argv: ["register"], version: "1", build: "simd" };
    expect(taskId(base)).toBe(taskId({ ...base }));
    const others = [{ inputs: ["b"] }, { argv: ["register", "-o"] }, { version: "2" }, { build: "relaxed" }].map((c) =>
      taskId({ ...base, ...c }),
    );
    expect(new Set([taskId(base), ...others]).size).toBe(5);
  });
});

describe("a queue in a folder", () => {
  test("each task is claimed by one of many", () => {
    const at = folder();
    DirectoryQueue.create(at, several(20));
    const workers = [1, 2, 3].map(() => DirectoryQueue.open(at));
    const claimed: string[] = [];
    for (let i = 0; i < 30; i++) {
      const claim = workers[i % 3].claim(`w${i % 3}`);
      if (claim) claimed.push(claim.task.name);
    }
    expect(claimed).toEqual(Array.from({ length: 20 }, (_, i) => `t${i}`));
    expect(workers[0].counts).toMatchObject({ waiting: 0, running: 20 });
  });
  test("a stage begins when the one before has ended", () => {
    const queue = DirectoryQueue.create(
      folder(),
      several(4, (i) => (i < 2 ? 0 : 7)),
    );
    const [a, b] = [queue.claim("w"), queue.claim("w")];
    expect(queue.claim("w")).toBeUndefined();
    if (!a || !b) throw new Error("nothing was claimed");
    queue.finish(a, record(a.task));
    expect(queue.claim("w")).toBeUndefined();
    queue.finish(b, { ...record(b.task), status: "failed" });
    expect(queue.claim("w")?.task.name).toBe("t2");
  });
  test("who is not heard of loses its task to others, who beats in time does not, and after so many it is set aside", async () => {
    const at = folder();
    const queue = DirectoryQueue.create(at, several(1));
    const watcher = DirectoryQueue.open(at);
    for (let k = 0; k < mostAttempts; k++) {
      const claim = queue.claim("w");
      if (!claim) throw new Error("nothing was claimed");
      expect(claim.attempt).toBe(k);
      watcher.recover(0.05); // begins to watch
      await pause(80);
      queue.heartbeat(claim);
      expect(watcher.recover(0.05)).toBe(0); // it has beaten since
      await pause(80);
      expect(watcher.recover(0.05)).toBe(1);
      expect(queue.heartbeat(claim)).toBe(false);
    }
    expect(queue.claim("w")).toBeUndefined();
    expect(queue.records("failed")).toMatchObject([{ name: "t0", status: "failed", attempts: mostAttempts }]);
    expect(queue.ended).toBe(true);
  });
  test("who had been given up and finishes all the same leaves one record, and the task is not begun again", () => {
    const at = folder();
    const queue = DirectoryQueue.create(at, several(1));
    const slow = queue.claim("slow");
    if (!slow) throw new Error("nothing was claimed");
    queue.giveBack(slow, { counted: true }); // as recovering does
    queue.finish(slow, record(slow.task));
    expect(queue.claim("other")).toBeUndefined();
    expect(queue.records()).toHaveLength(1);
    expect(queue.ended).toBe(true);
  });
  test("a batch that is begun again has what is done, and tries again what had failed; another plan is refused", () => {
    const at = folder();
    const plan = several(3);
    const first = DirectoryQueue.create(at, plan);
    for (const status of ["ok", "failed"] as const) {
      const claim = first.claim("w");
      if (claim) first.finish(claim, { ...record(claim.task), status });
    }
    expect(first.counts).toMatchObject({ ok: 1, failed: 1, waiting: 1 });
    expect(DirectoryQueue.create(at, plan).counts).toMatchObject({ ok: 1, failed: 0, waiting: 2 });
    expect(() => DirectoryQueue.create(at, several(4))).toThrow(/another plan/);
    expect(() => DirectoryQueue.create(folder(), planOf([task("a"), task("a")]))).toThrow(/in the plan twice/);
    expect(() => DirectoryQueue.open(folder())).toThrow(/no plan.jsonl/);
  });
  test("a queue whose making was cut short is made again, and nobody works before", () => {
    const at = folder();
    const plan = several(3);
    DirectoryQueue.create(at, plan);
    rmSync(join(at, "plan.jsonl"));
    rmSync(join(at, "waiting", readdirSync(join(at, "waiting"))[1]));
    expect(() => DirectoryQueue.open(at)).toThrow(/no plan.jsonl/);
    expect(DirectoryQueue.create(at, plan).counts).toMatchObject({ waiting: 3 });
  });
});

/** A runner by what becomes of a task; counts how often each was begun. */
function acting(act: (name: string, times: number) => Ran | Error | Promise<Ran>) {
  const begun = new Map<string, number>();
  const made: Runner[] = [];
  const runner = (): Runner => {
    const r: Runner = {
      async run({ name }) {
        const times = (begun.get(name) ?? 0) + 1;
        begun.set(name, times);
        await pause(1);
        const what = await act(name, times);
        if (what instanceof Error) throw what;
        return what;
      },
      close: async () => {},
    };
    made.push(r);
    return r;
  };
  return { begun, made, runner };
}
const fine: Ran = { exit: 0, reason: "" };

describe("working on a queue", () => {
  test("a poisoned task is set aside with its sentence, and the rest goes on", async () => {
    const queue = DirectoryQueue.create(folder(), several(6));
    const { runner, begun } = acting((name) =>
      name === "t2" ? { exit: 3, reason: "t2: no image" } : name === "t3" ? { exit: 4, reason: "hm" } : fine,
    );
    const done = await drain(queue, { worker: "w", slots: 2, runner });
    expect(done.records).toBe(6);
    expect(queue.counts).toMatchObject({ ok: 4, suspect: 1, failed: 1, waiting: 0, running: 0 });
    expect(queue.records("failed")[0]).toMatchObject({ name: "t2", reason: "t2: no image", exit: 3, attempts: 1 });
    expect([...begun.values()]).toEqual([1, 1, 1, 1, 1, 1]);
  });
  test("a runner that breaks down is replaced and its task tried again, so often and no more", async () => {
    const queue = DirectoryQueue.create(folder(), several(3));
    const { runner, begun, made } = acting((name, times) => (name === "t0" || (name === "t1" && times === 1) ? new Error("killed") : fine));
    await drain(queue, { worker: "w", slots: 1, runner });
    expect(begun.get("t0")).toBe(mostAttempts);
    expect(begun.get("t1")).toBe(2);
    expect(made.length).toBe(mostAttempts + 2);
    expect(queue.records("failed")).toMatchObject([{ name: "t0", reason: "the worker broke down: killed", attempts: mostAttempts }]);
    expect(queue.records("done").map((r) => [r.name, r.attempts])).toEqual([
      ["t1", 2],
      ["t2", 1],
    ]);
  });
  test("on a full disk it stops, and nothing is lost", async () => {
    const at = folder();
    const queue = DirectoryQueue.create(at, several(4));
    const { runner } = acting((name) => (name === "t1" ? { exit: 5, reason: "the disk is full" } : fine));
    const done = await drain(queue, { worker: "w", slots: 1, runner, full: () => true });
    expect(done.stopped).toBe("full");
    expect(queue.counts).toMatchObject({ ok: 1, failed: 0, running: 0, waiting: 3 });
    const after = await drain(DirectoryQueue.open(at), { worker: "w", slots: 1, runner: acting(() => fine).runner });
    expect(after.records).toBe(3);
  });
  test("on an interruption what was begun goes back at once, and does not count as an attempt", async () => {
    const queue = DirectoryQueue.create(folder(), several(3));
    const stop = new AbortController();
    const { runner } = acting((name) => (name === "t1" ? new Promise<Ran>(() => setTimeout(() => stop.abort(), 5)) : fine));
    const done = await drain(queue, { worker: "w", slots: 1, runner, signal: stop.signal });
    expect(done.stopped).toBe("aborted");
    expect(queue.counts).toMatchObject({ ok: 1, running: 0, waiting: 2 });
    expect(queue.claim("w")).toMatchObject({ attempt: 0 });
  });
  test("workers side by side do each task once, and the records come in the order of the plan", async () => {
    const at = folder();
    DirectoryQueue.create(
      at,
      several(40, (i) => i % 3),
    );
    const act = acting(() => fine);
    const workers = ["a", "b", "c"].map((worker) => drain(DirectoryQueue.open(at), { worker, slots: 2, runner: act.runner }));
    const done = await Promise.all(workers);
    expect(done.reduce((n, d) => n + d.records, 0)).toBe(40);
    expect([...act.begun.values()].every((n) => n === 1)).toBe(true);
    expect(
      DirectoryQueue.open(at)
        .records()
        .map((r) => r.name),
    ).toEqual(Array.from({ length: 40 }, (_, i) => `t${i}`));
  });
  test("files that are not tasks are left alone, and a damaged record is named", async () => {
    const at = folder();
    const queue = DirectoryQueue.create(at, several(1));
    writeFileSync(join(at, "waiting", ".nfs0001"), "");
    await drain(queue, { worker: "w", slots: 1, runner: acting(() => fine).runner });
    expect(existsSync(join(at, "waiting", ".nfs0001"))).toBe(true);
    const [name] = readdirSync(join(at, "done"));
    writeFileSync(join(at, "done", name), readFileSync(join(at, "done", name), "utf8").slice(0, 20));
    expect(() => queue.records()).toThrow(new RegExp(`${name}.*damaged`));
  });
});

test("the script for Slurm quotes what the shell would misread, and refuses what Slurm would", () => {
  const o = { folder: "/data/it's here", pilots: 3, slots: 2, command: ["/usr/bin/node", "/opt/my app/main.js", "worker"] };
  const script = slurmScript({ ...o, partition: "long", time: "1-00:00:00", memory: 4000 });
  expect(script).toContain("#SBATCH --array=1-3\n");
  expect(script).toContain("#SBATCH --partition=long\n");
  expect(script).toContain("#SBATCH --time=1-00:00:00\n");
  expect(script).toContain("#SBATCH --mem=4000M\n");
  expect(script).toContain(`/usr/bin/node '/opt/my app/main.js' worker '/data/it'\\''s here' --workers 2 &`);
  expect(slurmScript({ ...o, silentSeconds: 90 })).toContain("--workers 2 --silent 90 &");
  expect(() => slurmScript({ ...o, partition: "a; rm -rf ~" })).toThrow(/no name of a partition/);
  expect(() => slurmScript({ ...o, time: "an hour" })).toThrow(/HH:MM:SS/);
});
