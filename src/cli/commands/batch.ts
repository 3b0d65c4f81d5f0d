import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DirectoryQueue, slurmScript, type TaskRecord } from "../../batch/index.js";
import { ArgumentError, MissingPeerError } from "../../core/errors.js";
import { planOfCommands, planOfPairs } from "../batchPlan.js";
import { type Worked, type WorkOptions, work, workThroughRedis } from "../batchWork.js";
import type { CommandDefinition, Options, Outcome } from "../command.js";
import { Exit } from "../exit.js";
import { flag, keyOf, option, output, positive, text, wholeFromOne } from "../options.js";
import { color, type Session } from "../session.js";
import { command as register } from "./register.js";

/** Of `register`, but for where its result goes: that is the batch's. */
export const registerOptions = register.options.filter((d) => !["output", "force", "resume"].includes(keyOf(d)));

/** The address of a Redis or Valkey. */
export const isRedis = (word: string): boolean => /^rediss?:\/\//.test(word);

export const workersOption = option(
  "--workers <n>",
  "tasks at a time in this process (as many as cores)",
  wholeFromOne,
  "a whole number from 1 on",
);
export const silentOption = option(
  "--silent <seconds>",
  "give a worker up that has not been heard of for so long (60)",
  positive,
  "a positive number of seconds",
);

/** What only --on slurm takes. */
export const slurmOptions = [
  option("--pilots <n>", "slurm: how many jobs (4)", wholeFromOne, "a whole number from 1 on"),
  option("--time <limit>", "slurm: time limit of a job, HH:MM:SS", text, "HH:MM:SS"),
  option("--print-script", "slurm: write the queue, print the script, submit nothing", flag, "true or false"),
];

/** `pullback batch PAIRS.csv -o OUT/`: many registrations, done at least once each, on this machine and on any that joins. */
export const command: CommandDefinition = {
  name: "batch",
  summary: "register many pairs: resumable, on one machine or many",
  examples: [
    "pullback batch pairs.csv -o out/ --preset affine",
    "pullback batch pairs.csv -o out/          # again: goes on where it was, and tries failed pairs again",
    "pullback worker out/                      # on another machine that shares the disk: helps",
    "pullback status out/",
    "pullback batch pairs.csv -o /shared/out/ --on redis://queue.local    # and elsewhere: pullback worker redis://queue.local",
    "pullback batch pairs.csv -o /shared/out/ --on slurm:long --pilots 20",
    'pullback batch tasks.jsonl -o out/        # any commands: {"argv": ["denoise", "a.png", "-o", "b.png"]} a line',
  ],
  arguments: [
    { name: "<tasks>", help: "a table with the columns fixed,moving (name, and options of register), or JSON lines of commands" },
  ],
  options: [
    output("folder for the results, and for the queue"),
    option(
      "--on <where>",
      "local (default): this machine, and workers that join; slurm or slurm:PARTITION: pilot jobs",
      text,
      "local or slurm",
    ),
    workersOption,
    silentOption,
    ...slurmOptions,
    option("--resume", "go on with the batch that lies there (it does so anyway)", flag, "true or false"),
    ...registerOptions,
  ],
  async run(session, [path], options) {
    const target = options.output as string | undefined;
    if (!target) throw new ArgumentError("batch: where to? name a folder after -o");
    const on = whereOf((options.on as string | undefined) ?? "local", options);
    if (options.threads !== undefined)
      throw new ArgumentError("--threads: a task of a batch has one thread; say how many at a time with --workers");
    const folder = resolve(target);
    session.reading();
    const plan = await planFrom(session, path, folder, options);
    if (session.dryRun)
      return {
        json: { dryRun: true, tasks: plan.tasks.length, outputs: [] },
        lines: [`would do ${plan.tasks.length} tasks: ${plan.tasks[0].argv.join(" ")}${plan.tasks.length > 1 ? " …" : ""}`],
      };
    mkdirSync(folder, { recursive: true });
    const queue = DirectoryQueue.create(join(folder, "queue"), plan);
    if (on.kind === "slurm") return submitted(session, queue, on.partition, options);
    const how = workOptions(options);
    const done = on.kind === "redis" ? await workThroughRedis(session, queue, on.url, how) : await work(session, queue, how);
    return summary(queue, folder, done);
  },
};

async function planFrom(session: Session, path: string, folder: string, options: Options) {
  const given = Object.fromEntries(registerOptions.map(keyOf).flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])));
  if (extname(path) !== ".jsonl") return planOfPairs(session, path, { folder, options: given, definitions: registerOptions });
  const stray = Object.keys(given)[0];
  if (stray !== undefined)
    throw new ArgumentError(`--${stray}: tasks of a .jsonl file carry their own options; write it there`, { option: stray });
  const { commands } = await import("../program.js"); // which itself loads this one
  return planOfCommands(session, path, Object.keys(commands));
}
export const workOptions = (options: Options): WorkOptions => ({
  slots: options.workers as number | undefined,
  silentSeconds: options.silent as number | undefined,
  memoryBytes: options.memory === undefined ? undefined : (options.memory as number) * 2 ** 20,
});

type Where =
  | { readonly kind: "local" }
  | { readonly kind: "redis"; readonly url: string }
  | { readonly kind: "slurm"; readonly partition?: string };
/** Where a batch is done. @throws ArgumentError for a word that is no place, and for options of Slurm elsewhere */
export function whereOf(on: string, options: Options): Where {
  const where = placeOf(on);
  if (where.kind !== "slurm")
    for (const key of ["pilots", "time", "printScript"] as const)
      if (options[key] !== undefined)
        throw new ArgumentError(`--${key === "printScript" ? "print-script" : key}: this belongs to --on slurm; leave it out`);
  return where;
}
function placeOf(on: string): Where {
  if (on === "local") return { kind: "local" };
  if (isRedis(on)) return { kind: "redis", url: on };
  const m = /^slurm(?::(.+))?$/.exec(on);
  if (m) return { kind: "slurm", partition: m[1] };
  throw new ArgumentError(`--on: got "${on}"; expected local, redis://HOST[:PORT], slurm or slurm:PARTITION`, { on });
}

/** Hand a queue to pilots of Slurm. */
export function submitted(session: Session, queue: DirectoryQueue, partition: string | undefined, options: Options): Outcome {
  const script = slurmScript({
    folder: queue.folder,
    partition,
    pilots: (options.pilots as number | undefined) ?? 4,
    slots: (options.workers as number | undefined) ?? 1,
    silentSeconds: options.silent as number | undefined,
    time: options.time as string | undefined,
    memory: options.memory as number | undefined,
    command: [process.execPath, fileURLToPath(new URL("../main.js", import.meta.url)), "worker"],
  });
  const file = join(queue.folder, "slurm.sh");
  mkdirSync(join(queue.folder, "log"), { recursive: true });
  writeFileSync(file, script);
  if (options.printScript === true)
    return {
      json: { status: "ok", reason: "the queue is ready; the script was not submitted", script, outputs: [file] },
      lines: [script.trimEnd()],
    };
  const ran = spawnSync("sbatch", ["--parsable", file], { encoding: "utf8" });
  if (ran.error)
    throw new MissingPeerError(`slurm: sbatch was not found here; run this on a node that submits jobs, or submit ${file} there`, { file });
  if (ran.status !== 0)
    throw new ArgumentError(`slurm: sbatch refused: ${(ran.stderr || ran.stdout).trim().replace(/\s*\n\s*/g, " ")}`, { file });
  const job = ran.stdout.trim().split(";")[0];
  session.detail(`sbatch said ${job}`);
  const reason = `${queue.plan.tasks.length} tasks wait for the pilots of job ${job}; pullback status ${queue.folder} tells how far they are`;
  return { json: { status: "ok", reason, job, tasks: queue.plan.tasks.length, outputs: [file] }, lines: [reason] };
}

const field = (value: unknown): string => {
  const s = value === undefined || value === null ? "" : String(value);
  return /[",\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s;
};
/** A line for each task, in the order of the plan. */
export const recordsTable = (records: readonly TaskRecord[]): string =>
  [
    "name,status,reason,seconds,attempts,worker",
    ...records.map((r) => [r.name, r.status, r.reason, r.seconds.toFixed(3), r.attempts, r.worker].map(field).join(",")),
  ]
    .map((line) => `${line}\n`)
    .join("");

function summary(queue: DirectoryQueue, folder: string, done: Worked): Outcome {
  const { ok, suspect, failed, waiting, running, tasks } = queue.counts;
  const table = join(folder, "results.csv");
  if (done.stopped === "full")
    return {
      json: {
        status: "error",
        reason: `${folder}: the disk is full; ${ok + suspect} of ${tasks} tasks are done, the rest waits: make room and run the batch again`,
        outputs: [],
      },
      lines: [`${color("31", "the disk is full")}: ${ok + suspect} of ${tasks} tasks are done; make room and run the batch again`],
      exit: Exit.resources,
    };
  if (done.stopped === "aborted")
    return {
      json: { status: "interrupted", reason: `${ok + suspect} of ${tasks} tasks are done; run the batch again to go on`, outputs: [] },
      lines: [`interrupted: ${ok + suspect} of ${tasks} tasks are done; run the batch again to go on`],
      exit: Exit.interrupted,
    };
  writeFileSync(table, recordsTable(queue.records()));
  const aside = queue.records("failed");
  const share = done.seconds > 0 ? done.busy / (done.slots * done.seconds) : 0;
  const reason = [
    `${ok} of ${tasks} ok`,
    ...(suspect > 0 ? [`${suspect} suspect`] : []),
    ...(failed > 0 ? [`${failed} failed and set aside`] : []),
    ...(waiting + running > 0 ? [`${waiting + running} with other workers`] : []),
  ].join(", ");
  return {
    json: {
      status: failed > 0 || suspect > 0 ? "suspect" : "ok",
      reason,
      figures: { tasks, ok, suspect, failed, busy: share },
      failed: aside.map(({ name, reason: why }) => ({ name, reason: why })),
      outputs: [table],
    },
    lines: [reason, ...aside.map((r) => `  ${r.name}: ${r.reason}`), table],
    exit: failed > 0 || suspect > 0 ? Exit.quality : Exit.ok,
  };
}
