import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import type { CommandDefinition } from "../command.js";
import { common, keyOf } from "../options.js";

const names = readdirSync(import.meta.dirname).filter((f) => f.endsWith(".ts") && !f.endsWith(".test.ts"));

test.each(names)("%s names each of its options once, and none that all commands have", async (file) => {
  const { command } = (await import(`./${file}`)) as { command?: CommandDefinition };
  const keys = [...common, ...(command?.options ?? [])].map(keyOf);
  expect(keys.filter((key, i) => keys.indexOf(key) < i)).toEqual([]);
});
