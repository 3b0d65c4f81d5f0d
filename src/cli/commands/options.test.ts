import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import type { CommandDefinition } from "../command.js";
import { common } from "../options.js";

const names = readdirSync(import.meta.dirname).filter((f) => f.endsWith(".ts") && !f.endsWith(".test.ts"));

test.each(names)("%s names each of its options once, and none that all commands have", async (file) => {
  const { command } = (await import(`./${file}`)) as { command?: CommandDefinition };
  const words = [...common, ...(command?.options ?? [])].flatMap(({ flags }) => flags.match(/(?<![\w-])--?[a-z][\w-]*/g) ?? []);
  expect(words.length).toBeGreaterThanOrEqual(common.length);
  expect(words.filter((word, i) => words.indexOf(word) < i)).toEqual([]);
});
