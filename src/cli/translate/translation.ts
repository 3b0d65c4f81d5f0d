import { posix } from "node:path";

/** One command of this program that stands for (a part of) another program's. */
export interface TranslatedCommand {
  readonly name: "register" | "apply" | "transform" | "motion";
  readonly arguments: readonly string[];
  /** By their flags without the dashes; a list is joined by commas, true stands alone. Also the content of a --config file. */
  readonly options: Readonly<Record<string, string | number | boolean | readonly number[]>>;
  readonly output?: string;
}

/** What another program's settings are here. Nothing that came is left out: it is in a command, or named in one of the two lists. */
export interface Translation {
  readonly from: string;
  readonly commands: readonly TranslatedCommand[];
  /** What has no counterpart, a sentence each. */
  readonly missing: readonly string[];
  /** What need not be said here, because it is always so, a sentence each. */
  readonly unneeded: readonly string[];
}

/** Collects sentences; those of `unneeded` that give one reason become one sentence. */
export class Remarks {
  readonly missing: string[] = [];
  readonly #reasons = new Map<string, string[]>();
  miss(what: string, why: string): void {
    const sentence = `${what}: ${why}`;
    if (!this.missing.includes(sentence)) this.missing.push(sentence);
  }
  skip(what: string, why: string): void {
    const names = this.#reasons.get(why) ?? [];
    if (!names.includes(what)) names.push(what);
    this.#reasons.set(why, names);
  }
  get unneeded(): string[] {
    return [...this.#reasons].map(([why, names]) => `${names.join(", ")}: ${why}`);
  }
}

/** The words after the program's name. */
export function argvOf(c: TranslatedCommand): string[] {
  const flags = Object.entries(c.options).flatMap(([key, value]) =>
    value === true ? [`--${key}`] : value === false ? [] : [`--${key}`, Array.isArray(value) ? value.join(",") : String(value)],
  );
  return [c.name, ...c.arguments, ...flags, ...(c.output === undefined ? [] : ["-o", c.output])];
}

/** As a shell reads it; variables of the shell stay variables. */
export const lineOf = (c: TranslatedCommand): string => ["pullback", ...argvOf(c)].map(shellWord).join(" ");

function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (/\$(\w|\{\w)/.test(word)) return /^[\w@%+=:,./${}-]+$/.test(word) ? word : `"${word.replace(/["\\`]/g, "\\$&")}"`;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** "out/sub01_" ↦ "out/sub01/": another program's prefix as a folder. */
export function folderOfPrefix(prefix: string): string {
  const bare = prefix.replace(/[_.-]+$/, "");
  return bare === "" || /\/$/.test(bare) ? (bare === "" ? "out/" : bare) : `${posix.join(posix.dirname(bare), posix.basename(bare))}/`;
}

/** Shrink factors 2ⁿ⁻¹ … 2, 1. */
export const halvings = (levels: number): number[] => Array.from({ length: levels }, (_, k) => 2 ** (levels - 1 - k));
