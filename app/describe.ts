import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { denoisers, priors } from "../src/catalogue.js";
import type { OptionDefinition } from "../src/cli/command.js";
import { keyOf } from "../src/cli/options.js";
import { commands } from "./src/commands.js";
import type { Described, DescribedOption, Description } from "./src/described.js";

/**
 * Every command of the page with its options, and a line about every part that can be chosen, as plain data: the page draws its forms from
 * it before anything of the engine is loaded. Run when the page is built.
 */
async function describe(root: string): Promise<Description> {
  const described: Record<string, Described> = {};
  for (const [name, load] of Object.entries(commands)) {
    const { command } = await load();
    described[name] = {
      summary: command.summary,
      arguments: command.arguments.map((a) => ({ ...a })),
      options: command.options.filter((o) => !["output", "force", "resume"].includes(keyOf(o))).map(plain),
    };
  }
  return { commands: described, parts: partsOf(root) };
}

const plain = (o: OptionDefinition): DescribedOption => ({
  key: keyOf(o),
  flag: /--[a-z0-9-]+/.exec(o.flags)?.[0] as string,
  takes: /<([^>]*)>/.exec(o.flags)?.[1],
  help: o.choices ? withoutNames(o.help, o.choices) : o.help,
  expected: o.expected,
  choices: o.choices ? [...o.choices] : undefined,
  repeat: o.repeat,
});

/** The choices stand in the menu; naming them again in its help would be noise. */
function withoutNames(help: string, names: readonly string[]): string {
  const at = help.search(new RegExp(`(?:: |\\()${names[0].replace(/[^\w]/g, "\\$&")}, `));
  return at > 0 && names.every((n) => help.includes(n, at)) ? help.slice(0, at).trim() : help;
}

/** The rows of a guide's table whose first cell names parts: name ↦ its other cells. */
function rows(root: string, guide: string, cells: (cells: string[]) => string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const line of readFileSync(join(root, "docs", guide), "utf8").split("\n")) {
    if (!/^\| *`/.test(line)) continue;
    const [first, ...rest] = line
      .replace(/\\\|/g, "¦")
      .split("|")
      .slice(1, -1)
      .map((c) =>
        c
          .trim()
          .replace(/¦/g, "|")
          .replace(/`|\[([^\]]*)\]\([^)]*\)/g, "$1"),
      );
    const text = cells(rest);
    for (const [, name] of line.split("|")[1].matchAll(/`([A-Za-z0-9:+]+)/g)) if (text && !(name in out)) out[name] = text;
    void first;
  }
  return out;
}
const joined = (cells: string[]): string => cells.filter((c) => c !== "" && c !== "–").join("; ");
function partsOf(root: string): Description["parts"] {
  const preset = rows(root, "registration.md", joined);
  const metric = rows(root, "metrics.md", (c) => joined(c.slice(0, 2)));
  const regulariser = rows(root, "regularisers.md", (c) => joined([c[0], c[2]]));
  const byFunction = rows(root, "restoration.md", (c) => c[0] ?? "");
  const named = { ...priors, ...denoisers } as Readonly<Record<string, { name?: string }>>;
  const prior = Object.fromEntries(
    Object.entries(named).flatMap(([name, part]) => {
      const text = byFunction[part.name ?? ""] ?? byFunction[name];
      return text ? [[name, text] as const] : [];
    }),
  );
  return { preset, metric, regulariser, prior };
}

export const description = await describe(join(dirname(fileURLToPath(import.meta.url)), ".."));
