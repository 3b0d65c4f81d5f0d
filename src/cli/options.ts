import { readFileSync } from "node:fs";
import * as v from "valibot";
import { ArgumentError, FormatError } from "../core/errors.js";
import type { OptionDefinition, Options } from "./command.js";
import { nearest, suggestion } from "./nearest.js";

/** A number, or text that is one: flags come as text. */
const number = (fits: (x: number) => boolean) =>
  v.pipe(
    v.union([v.number(), v.string()]),
    v.transform((x) => (typeof x === "string" && x.trim() === "" ? Number.NaN : Number(x))),
    v.check((x) => Number.isFinite(x) && fits(x)),
  );
export const finite = number(() => true);
export const positive = number((x) => x > 0);
export const share = number((x) => x > 0 && x <= 1);
export const notNegative = number((x) => x >= 0);
export const wholeFromOne = number((x) => Number.isInteger(x) && x >= 1);
export const whole = number((x) => Number.isInteger(x) && x >= 0);
export const text = v.pipe(v.string(), v.nonEmpty());
export const flag = v.boolean();
export const oneOf = <const T extends readonly string[]>(values: T) => v.picklist(values);
/** "4,2,1" or [4, 2, 1]. */
export const numberList = (each: v.GenericSchema<string | number, number>) =>
  v.pipe(
    v.union([v.array(v.union([v.number(), v.string()])), v.string(), v.number()]),
    v.transform((x) =>
      Array.isArray(x)
        ? x
        : String(x)
            .split(",")
            .map((word) => word.trim()),
    ),
    v.array(each),
    v.nonEmpty(),
  );

export const option = (
  flags: string,
  help: string,
  schema: v.GenericSchema<unknown, unknown>,
  expected: string,
  more: Partial<Pick<OptionDefinition, "choices" | "repeat">> = {},
): OptionDefinition => ({ flags, help, schema, expected, ...more });
export const choice = (flags: string, help: string, choices: readonly string[]): OptionDefinition =>
  option(flags, `${help} (${choices.join(", ")})`, oneOf(choices), `one of ${choices.join(", ")}`, { choices });
export const output = (help: string): OptionDefinition => option("-o, --output <path>", help, text, "a path");
export const force: OptionDefinition = option("--force", "replace an output folder that exists", flag, "true or false");

/** What every command understands. */
export const common: readonly OptionDefinition[] = [
  option("--json", "print exactly one JSON object on stdout", flag, "true or false"),
  option("--progress <mode>", "progress on stderr: auto, json, none", oneOf(["auto", "json", "none"]), "one of auto, json, none", {
    choices: ["auto", "json", "none"],
  }),
  option("--quiet", "no notices, only errors", flag, "true or false"),
  option("--verbose", "say more on stderr", flag, "true or false"),
  option("--no-input", "never ask (nothing ever does)", flag, "true or false"),
  option("--dry-run", "check everything, say what would be done, write nothing", flag, "true or false"),
  option("--threads <n>", "threads to use; the result does not depend on it", wholeFromOne, "a whole number of at least 1"),
  option("--memory <mb>", "most memory the engine may hold, in MB", positive, "a positive number of megabytes"),
];

/** "--fixed-mask <file>" ↦ fixedMask; "--no-input" ↦ input. */
export function keyOf({ flags }: OptionDefinition): string {
  const long = /--(?:no-)?([a-z0-9-]+)/.exec(flags)?.[1] as string;
  return long.replace(/-([a-z0-9])/g, (_, c: string) => c.toUpperCase());
}
const longOf = ({ flags }: OptionDefinition): string => /--[a-z0-9-]+/.exec(flags)?.[0] as string;
const dashed = (key: string): string => key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/** One value checked by its option's schema. @throws ArgumentError saying what came, what was expected, and the nearest choice */
function checked(definition: OptionDefinition, value: unknown, where: string): unknown {
  const result = v.safeParse(definition.schema, value);
  if (result.success) return result.output;
  const near = definition.choices && typeof value === "string" ? suggestion(value, definition.choices) : "";
  const shown = typeof value === "string" ? `"${value}"` : JSON.stringify(value);
  throw new ArgumentError(`${where}: got ${shown}; expected ${definition.expected}${near}`, { value });
}

/**
 * Flags and the config file in one: a flag wins over the file. Keys of the file are the flags' names, camel-case or with dashes.
 * @throws ArgumentError for an unknown key (with the nearest name) or a wrong value, FormatError for a file that is no JSON object
 */
export function resolveOptions(
  definitions: readonly OptionDefinition[],
  flags: Readonly<Record<string, unknown>>,
  config?: string,
): Options {
  // A command's own options come first: its --input FILE is not the --no-input of every command.
  const byKey = new Map([...definitions].reverse().map((d) => [keyOf(d), d]));
  const out: Record<string, unknown> = {};
  if (config !== undefined)
    for (const [name, value] of Object.entries(readConfig(config))) {
      const key = name.replace(/-([a-z0-9])/g, (_, c: string) => c.toUpperCase());
      const definition = byKey.get(key);
      if (!definition) {
        const near = nearest(key, [...byKey.keys()]);
        throw new ArgumentError(`${config}: there is no option "${name}"${near ? `; did you mean "${dashed(near)}"?` : ""}`, { name });
      }
      out[key] = checked(definition, value, `${config}: ${name}`);
    }
  for (const [key, value] of Object.entries(flags)) {
    const definition = byKey.get(key);
    if (definition) out[key] = checked(definition, value, longOf(definition));
  }
  return out;
}

function readConfig(path: string): Record<string, unknown> {
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (cause) {
    throw new FormatError(`--config: ${path} cannot be read; name a JSON file with the flags' names as keys`, { path }, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (cause) {
    throw new FormatError(
      `--config: ${path} is not JSON (${(cause as Error).message}); expected an object like {"preset": "affine"}`,
      { path },
      { cause },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new FormatError(`--config: ${path} holds no JSON object; expected one like {"preset": "affine"}`, { path });
  return value as Record<string, unknown>;
}
