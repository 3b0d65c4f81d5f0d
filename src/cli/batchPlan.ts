import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, parse, resolve } from "node:path";
import { type Plan, type Task, taskId } from "../batch/index.js";
import { ArgumentError, FormatError } from "../core/errors.js";
import { readBytes } from "../io/node.js";
import type { OptionDefinition, Options } from "./command.js";
import { suggestion } from "./nearest.js";
import { keyOf, resolveOptions } from "./options.js";
import type { Session } from "./session.js";
import { version } from "./version.js";

/** Batches compute with the kernels that give the same bits on every processor. */
export const batchBuild = "simd";

/** Rows of comma-separated values; fields may be in double quotes, with "" for one of them. @throws FormatError for a quote that is not closed */
export function csvRows(text: string, path: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  const endRow = () => {
    row.push(field);
    if (row.length > 1 || row[0].trim() !== "") rows.push(row);
    row = [];
    field = "";
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') {
        field += '"';
        i++;
      } else quoted = false;
    } else if (c === '"' && field.trim() === "") {
      quoted = true;
      field = "";
    } else if (c === ",") {
      row.push(field);
      field = "";
    } else if (c === "\n") endRow();
    else if (c !== "\r") field += c;
  }
  if (quoted) throw new FormatError(`${path}: a double quote is not closed`, { path });
  endRow();
  return rows;
}

/** Options as flags; a list as one word. */
export function flagsOf(options: Options, definitions: readonly OptionDefinition[]): string[] {
  return definitions.flatMap((d) => {
    const value = options[keyOf(d)];
    if (value === undefined) return [];
    const flag = /--[a-z0-9-]+/.exec(d.flags)?.[0] as string;
    if (value === true) return [flag];
    return [flag, Array.isArray(value) ? value.join(",") : String(value)];
  });
}

/** Words of a command line that are files or folders which are there. */
const inputsOf = (argv: readonly string[], output: string | undefined): string[] =>
  argv.slice(1).filter((a) => a !== output && !a.startsWith("-") && existsSync(a));

/** One registration or other command as a task of a plan. */
export function task(session: Session, name: string, stage: number, argv: readonly string[], output: string): Task {
  const inputs = inputsOf(argv, output).map((path) => session.hash(path));
  return { id: taskId({ inputs, argv, version: version(), build: batchBuild }), stage, name, argv };
}

export interface PairsOptions {
  /** Where the results go: a folder for each pair. */
  readonly folder: string;
  /** Of `register`: those that every pair gets; a column of its name wins. */
  readonly options: Options;
  readonly definitions: readonly OptionDefinition[];
}

/**
 * A plan of registrations from a table with the columns fixed and moving, perhaps name, and options of `register` by their names. Paths are relative to
 * the table.
 * @throws FormatError for a table without these columns and for files that are not there, ArgumentError for unknown columns and wrong values
 */
export function planOfPairs(session: Session, path: string, o: PairsOptions): Plan {
  const rows = csvRows(new TextDecoder().decode(readBytes(path)).replace(/^\ufeff/, ""), path);
  const heading = (rows[0] ?? []).map((h) => h.trim());
  const column = (name: string) => heading.indexOf(name);
  for (const name of ["fixed", "moving"])
    if (column(name) < 0)
      throw new FormatError(`${path}: there is no column "${name}"; the first line should be a heading such as name,fixed,moving`, {
        path,
      });
  if (rows.length === 1) throw new FormatError(`${path}: a heading and no pairs came; give a line for each pair`, { path });
  const byKey = new Map(o.definitions.map((d) => [keyOf(d), d]));
  const keyed = heading.map((h) => h.replace(/^--/, "").replace(/-([a-z0-9])/g, (_, c: string) => c.toUpperCase()));
  keyed.forEach((key, i) => {
    if (!["fixed", "moving", "name"].includes(key) && !byKey.has(key))
      throw new ArgumentError(
        `${path}: there is no option "${heading[i]}" of register${suggestion(heading[i], ["fixed", "moving", "name", ...byKey.keys()])}`,
        { column: heading[i] },
      );
  });
  const at = (file: string) => (isAbsolute(file) ? file : resolve(dirname(path), file));
  const names = new Set<string>();
  const tasks = rows.slice(1).map((row, i) => {
    const line = `${path}: pair ${i + 1}`;
    if (row.length !== heading.length)
      throw new FormatError(`${line} has ${row.length} fields; the heading has ${heading.length}`, { path, line: i + 2 });
    const value = (key: string) => row[keyed.indexOf(key)]?.trim() || undefined;
    const [fixed, moving] = ["fixed", "moving"].map((key) => {
      const file = value(key);
      if (!file) throw new FormatError(`${line} has no ${key} image`, { path, line: i + 2 });
      return at(file);
    });
    const name = value("name") ?? `${stem(moving)}-to-${stem(fixed)}`;
    if (!/^[\w.+ -]+$/.test(name) || /^\./.test(name) || ["queue"].includes(name))
      throw new ArgumentError(`${line}: "${name}" is no name for a folder; use letters, digits, - and _`, { name });
    if (names.has(name)) throw new ArgumentError(`${line}: a second pair is called "${name}"; give each a name of its own`, { name });
    names.add(name);
    const own = Object.fromEntries(keyed.flatMap((key, k) => (byKey.has(key) && row[k].trim() !== "" ? [[key, row[k].trim()]] : [])));
    const flags: Record<string, unknown> = {};
    for (const [key, v] of Object.entries(own)) if (v !== "false") flags[key] = v === "true" ? true : v;
    const checked = { ...o.options, ...resolveOptions([...byKey.values()], flags) };
    const files = Object.fromEntries(
      Object.entries(checked).map(([k, v]) => [k, typeof v === "string" && k in own && existsSync(at(v)) ? at(v) : v]),
    );
    const output = `${join(o.folder, name)}/`;
    return task(session, name, 0, ["register", fixed, moving, "-o", output, ...flagsOf(files, [...byKey.values()]), "--resume"], output);
  });
  return { version: version(), build: batchBuild, tasks };
}

/**
 * A plan from JSON lines { "argv": [command, …], "name"?, "stage"? }: any commands, their stages one after the other.
 * @throws FormatError for lines that are none
 */
export function planOfCommands(session: Session, path: string, known: readonly string[]): Plan {
  const lines = new TextDecoder().decode(readBytes(path)).split("\n");
  const tasks = lines.flatMap((text, i) => {
    if (text.trim() === "") return [];
    const where = `${path}: line ${i + 1}`;
    let value: { argv?: unknown; name?: unknown; stage?: unknown };
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new FormatError(`${where} is no JSON`, { path, line: i + 1 }, { cause });
    }
    const { argv, name = `${i + 1}`, stage = 0 } = value ?? {};
    if (!Array.isArray(argv) || argv.length === 0 || argv.some((a) => typeof a !== "string"))
      throw new FormatError(`${where}: "argv" should be a list of words, a command and its arguments`, { path, line: i + 1 });
    const [command] = argv as string[];
    if (!known.includes(command) || ["batch", "worker", "status", "serve"].includes(command))
      throw new ArgumentError(`${where}: "${command}" cannot be done in a batch${suggestion(command, known)}`, { command });
    if (typeof name !== "string" || !Number.isInteger(stage) || (stage as number) < 0)
      throw new FormatError(`${where}: "name" is text and "stage" a whole number from 0 on`, { path, line: i + 1 });
    const flag = argv.findIndex((a) => a === "-o" || a === "--output");
    return [task(session, name, stage as number, argv as string[], flag < 0 ? "" : ((argv[flag + 1] as string | undefined) ?? ""))];
  });
  if (tasks.length === 0) throw new FormatError(`${path}: no tasks came; give a line of JSON for each`, { path });
  return { version: version(), build: batchBuild, tasks };
}

/** The name of a file without folders and endings; of two files of one name in other folders, the folder tells. */
function stem(path: string): string {
  const { name } = parse(path.replace(/\.gz$/i, ""));
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? parse(path).base : name;
}
