import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as catalogue from "../src/catalogue.js";
import { root } from "./built.js";

const guides = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((f) => f.endsWith(".md"))
    .map((f) => join("docs", f)),
]
  .map((f) => readFileSync(join(root, f), "utf8"))
  .join("\n");

test.each(Object.entries(catalogue) as [string, object][])("the guides name all %s", (_, parts) => {
  const of = parts as Record<string, unknown>;
  const names = Array.isArray(parts)
    ? (parts as string[]).map((n) => [n])
    : Object.keys(of).map((n) => [n, (of[n] as { name?: string }).name ?? n]);
  const missing = names.filter((either) => !either.some((n) => n && new RegExp(`\\b${n}\\b`).test(guides)));
  expect(missing).toEqual([]);
});
