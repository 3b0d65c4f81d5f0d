import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { ArgumentError, FormatError } from "../../core/errors.js";
import { formatOfName } from "../../io/index.js";
import { antsPrograms, translateAnts } from "./ants.js";
import { looksLikeElastix, readElastixParameters, translateElastix, translateElastixCommand, translateTransformix } from "./elastix.js";
import { shellCommands } from "./shellWords.js";
import type { Translation } from "./translation.js";

const programs: Readonly<Record<string, (words: readonly string[]) => Translation>> = {
  elastix: (words) => translateElastixCommand(words, textOf),
  transformix: translateTransformix,
  ...Object.fromEntries(antsPrograms.map((p) => [p, translateAnts])),
};
const programOf = (word: string): ((words: readonly string[]) => Translation) | undefined => {
  const name = basename(word.replace(/^\$\{?\w+\}?[/]?/, ""));
  return Object.hasOwn(programs, name) ? programs[name] : undefined;
};

const mostBytes = 1 << 20;
function textOf(path: string): string {
  try {
    if (statSync(path).size > mostBytes) throw new FormatError(`${path}: this is too large to be settings or a script`, { path });
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(`${path}: this file cannot be read`, { path }, { cause });
  }
}
/** The text of a file that is neither an image nor anything binary. */
function settingsOf(path: string): string | undefined {
  const about = statSync(path, { throwIfNoEntry: false });
  if (!about?.isFile() || about.size > mostBytes || formatOfName(path) !== undefined) return undefined;
  const text = textOf(path);
  return text.includes("\0") ? undefined : text;
}

/**
 * What elastix or ANTs were told, told to this program: the words of one of their command lines, parameter files of elastix (a stage each), or scripts that call them.
 * @returns  nothing when the words are none of these
 */
export function translated(words: readonly string[]): Translation[] | undefined {
  const program = programOf(words[0]);
  if (program) return [program(words)];
  const texts = words.map(settingsOf);
  if (texts.some((t) => t === undefined)) return undefined;
  const files = words.map((path, k) => ({ path, text: texts[k] as string }));
  if (files.every(({ text }) => looksLikeElastix(text)))
    return [translateElastix(files.map(({ path, text }) => ({ path, parameters: readElastixParameters(text, path) })))];
  const scripts = files.map(({ path, text }) => scriptOf(text, path));
  return scripts.some((s) => s === undefined) ? undefined : scripts.flatMap((s) => s as Translation[]);
}

/** Every call of a known program in a script; other commands are named. */
export function scriptOf(text: string, path: string): Translation[] | undefined {
  if (![...Object.keys(programs)].some((p) => text.includes(p))) return undefined;
  const out: Translation[] = [];
  const others: string[] = [];
  for (const { words, line } of shellCommands(text, path)) {
    const start = words.findIndex((w) => !/^[A-Za-z_]\w*=/.test(w) && !["time", "do", "then", "nice", "exec"].includes(w));
    const program = start < 0 ? undefined : programOf(words[start]);
    if (program)
      try {
        out.push(program(words.slice(start)));
      } catch (cause) {
        if (!(cause instanceof ArgumentError || cause instanceof FormatError)) throw cause;
        const Kind = cause instanceof ArgumentError ? ArgumentError : FormatError;
        throw new Kind(`${path}: line ${line}: ${cause.message}`, { path, line }, { cause });
      }
    else others.push(`line ${line}, ${words.join(" ").slice(0, 60)}`);
  }
  if (out.length === 0) return undefined;
  return others.length === 0
    ? out
    : [...out, { from: basename(path), commands: [], missing: others.map((o) => `${o}: this is left as it is`), unneeded: [] }];
}
