import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/**
 * The layers: an import points to an earlier row or stays in its folder. Parts of one row meet through the interfaces of core.
 * Two exceptions, both on purpose: core's interfaces name the types Tensor and DType, and Newton steps solve with conjugate gradients.
 */
const rows: readonly (readonly string[])[] = [
  ["core"],
  ["kernels"],
  ["tensor"],
  ["solvers", "optimisers", "nn", "image"],
  ["operators", "transforms", "metrics", "fidelities"],
  ["priors", "regularisers", "features", "io", "evaluation"],
  ["registration", "reconstruction", "vision", "report"],
  ["models"],
  ["catalogue", "testing", "batch"],
  ["cli", "index"],
];
const rowOf = (folder: string) => rows.findIndex((row) => row.includes(folder));
const allowed = (file: string, target: string, typeOnly: boolean) =>
  (file === "core/interfaces.ts" && /^tensor\/(tensor|storage)\.ts$/.test(target) && typeOnly) ||
  (/^optimisers\//.test(file) && target === "solvers/cg.ts");

const src = join(dirname(fileURLToPath(import.meta.url)), "../src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .map((f) => f.split(sep).join("/"))
  .filter((f) => f.endsWith(".ts") && !f.endsWith(".test.ts"))
  .sort();
const folderOf = (file: string) => file.split("/")[0].replace(/\.ts$/, "");

/** Imports and re-exports of a source text, static and dynamic. */
function importsOf(text: string): { from: string; typeOnly: boolean }[] {
  const found: { from: string; typeOnly: boolean }[] = [];
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  for (const m of code.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[\w*{][^;"']*?\sfrom\s+)?"([^"]+)"/gm))
    found.push({ from: m[2], typeOnly: m[1] !== undefined });
  for (const m of code.matchAll(/(?<!typeof )\bimport\(\s*"([^"]+)"/g)) found.push({ from: m[1], typeOnly: false });
  return found;
}

describe("the layers", () => {
  test("every folder of src has its row", () => {
    expect([...new Set(files.map(folderOf))].filter((folder) => rowOf(folder) < 0)).toEqual([]);
  });

  test("imports point to an earlier row, or stay in their folder", () => {
    const wrong: string[] = [];
    let seen = 0;
    for (const file of files)
      for (const { from, typeOnly } of importsOf(readFileSync(join(src, file), "utf8"))) {
        if (!from.startsWith(".")) continue;
        seen++;
        const target = relative(src, resolve(src, dirname(file), from))
          .split(sep)
          .join("/")
          .replace(/\.js$/, ".ts");
        const [here, there] = [folderOf(file), folderOf(target)];
        if (here !== there && rowOf(there) >= rowOf(here) && !allowed(file, target, typeOnly)) wrong.push(`${file} imports ${target}`);
      }
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(100); // the reader of imports did read
  });

  test("what runs in a page imports nothing of Node", () => {
    const wrong = files.flatMap((file) =>
      importsOf(readFileSync(join(src, file), "utf8"))
        .filter(({ from, typeOnly }) => from.startsWith("node:") && !typeOnly)
        .map(({ from }) => `${file} imports ${from}`),
    );
    expect(wrong.filter((line) => !/^(io\/node|cli\/|batch\/|testing\/node)/.test(line))).toEqual([]);
  });

  test("the reader of imports sees the forms that imports take", () => {
    expect(
      importsOf(
        'import { a } from "./a.js";\nimport type { B } from "./b.js";\nexport * from "./c.js";\nimport "./d.js";\nconst e = await import("./e.js");\n// import "./f.js"',
      ),
    ).toEqual([
      { from: "./a.js", typeOnly: false },
      { from: "./b.js", typeOnly: true },
      { from: "./c.js", typeOnly: false },
      { from: "./d.js", typeOnly: false },
      { from: "./e.js", typeOnly: false },
    ]);
  });
});
