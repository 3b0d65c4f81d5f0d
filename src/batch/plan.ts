import { createHash } from "node:crypto";
import { FormatError } from "../core/errors.js";

/** One command line of a plan. */
export interface Task {
  /** 16 hexadecimal digits of the hash of inputs, options, version and build: the same work has the same id. */
  readonly id: string;
  /** A stage begins when the one before has ended. */
  readonly stage: number;
  /** What people call it; unique in a plan. */
  readonly name: string;
  /** The command and its arguments, without the program's name. */
  readonly argv: readonly string[];
}
/** What is to be done, once and for all: it never changes after it has been written. */
export interface Plan {
  /** Of the program that made the plan: results of others may differ. */
  readonly version: string;
  /** Which kernels compute: plain SIMD is the same everywhere. */
  readonly build: string;
  /** In the order of their stages. */
  readonly tasks: readonly Task[];
}

const format = 1;

/** The id of a task from its content: contents of the inputs by their hashes, everything else by its text. */
export const taskId = (parts: {
  readonly inputs: readonly string[];
  readonly argv: readonly string[];
  version: string;
  build: string;
}): string =>
  createHash("sha256")
    .update(JSON.stringify([parts.inputs, parts.argv, parts.version, parts.build]))
    .digest("hex")
    .slice(0, 16);

/** JSON lines: a heading, then one task a line. */
export const planText = (plan: Plan): string =>
  [{ plan: format, version: plan.version, build: plan.build, tasks: plan.tasks.length }, ...plan.tasks]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");

/** @throws FormatError when the text is no plan, or a part of one */
export function parsePlan(text: string, path = "plan"): Plan {
  const lines = text.split("\n").filter((line) => line !== "");
  const values = lines.map((line, i) => {
    try {
      return JSON.parse(line) as unknown;
    } catch (cause) {
      throw new FormatError(`${path}: line ${i + 1} is no JSON; the plan is damaged`, { path, line: i + 1 }, { cause });
    }
  });
  const [heading, ...tasks] = values as [Record<string, unknown> | undefined, ...unknown[]];
  if (heading?.plan !== format || typeof heading.version !== "string" || typeof heading.build !== "string")
    throw new FormatError(`${path}: this is no plan of this program (its first line should say "plan": ${format})`, { path });
  if (heading.tasks !== tasks.length)
    throw new FormatError(`${path}: ${tasks.length} tasks of ${String(heading.tasks)}; the plan was cut off`, { path });
  tasks.forEach((t, i) => {
    const { id, stage, name, argv } = (t ?? {}) as Partial<Task>;
    const sound =
      typeof id === "string" &&
      /^[0-9a-f]{16}$/.test(id) &&
      Number.isInteger(stage) &&
      typeof name === "string" &&
      Array.isArray(argv) &&
      argv.every((a) => typeof a === "string");
    if (!sound) throw new FormatError(`${path}: line ${i + 2} is no task (id, stage, name, argv)`, { path, line: i + 2 });
  });
  return { version: heading.version, build: heading.build, tasks: tasks as Task[] };
}
