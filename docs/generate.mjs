// Pages that are made of the program itself: commands from their definitions, parts from the catalogue, benchmarks from committed results.
// After npm run build:  node docs/generate.mjs
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { methodPages } from "./methods.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "docs/reference");
mkdirSync(out, { recursive: true });

/** Text in a table, with what Markdown and Vue would take for markup made plain. */
const plain = (text) => String(text).replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("{{", "{&#123;").replace(/\s*\n\s*/g, " ");
const code = (text) => `<code v-pre>${String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("|", "&#124;")}</code>`;

const { commands } = await import("../dist/cli/program.js");
const { common } = await import("../dist/cli/options.js");
const rows = (options) => ["| option | what it does |", "|---|---|", ...options.map((d) => `| ${code(d.flags)} | ${plain(d.help)} |`)];
const sections = [];
for (const [name, { load }] of Object.entries(commands)) {
  const { command } = await load();
  sections.push(
    `## ${name}`,
    "",
    `${plain(command.summary[0].toUpperCase() + command.summary.slice(1))}.`,
    "",
    "```sh",
    ...command.examples,
    "```",
    "",
    ...(command.arguments.length > 0 ? ["| argument | |", "|---|---|", ...command.arguments.map((a) => `| ${code(a.name)} | ${plain(a.help)} |`), ""] : []),
    ...(command.options.length > 0 ? [...rows(command.options), ""] : []),
  );
}
writeFileSync(
  join(out, "commands.md"),
  ["# Commands", "", "Every command understands these, and `--config FILE` with the same names as keys:", "", ...rows(common), "", ...sections].join("\n"),
);

const catalogue = await import("../dist/catalogue.js");
const spaced = (name) => name.replace(/([A-Z])/g, (_, c) => ` ${c.toLowerCase()}`);
const summaryOf = (part) => (part && typeof part === "object" && typeof part.summary === "string" ? part.summary : "");
const parts = Object.entries(catalogue)
  .filter(([, v]) => v && typeof v === "object")
  .sort(([a], [b]) => a.localeCompare(b))
  .flatMap(([kind, of]) => {
    const names = Array.isArray(of) ? of.map((n) => [n, ""]) : Object.entries(of).map(([n, part]) => [n, summaryOf(part)]);
    const title = spaced(kind)[0].toUpperCase() + spaced(kind).slice(1);
    return [
      `## ${title}`,
      "",
      ...(names.some(([, s]) => s) ? ["| name | |", "|---|---|", ...names.map(([n, s]) => `| ${code(n)} | ${plain(s)} |`)] : [names.map(([n]) => code(n)).join(", ")]),
      "",
    ];
  });
writeFileSync(join(out, "parts.md"), ["# Parts", "", "Everything that has a name: on the command line, in `pullback/catalogue`, in the page's menus.", "", ...parts].join("\n"));

mkdirSync(join(out, "methods"), { recursive: true });
const methods = methodPages(root, catalogue, plain, code);
for (const [file, text] of methods) writeFileSync(join(out, file), text);

const results = join(root, "bench/results");
const benchmarks = readdirSync(results)
  .filter((f) => f.endsWith(".md") && f !== "README.md")
  .sort()
  .map((f) => readFileSync(join(results, f), "utf8").replace(/^(#+) /gm, "#$1 ").replaceAll("{{", "{&#123;").replace(/<(?=[\d.\s=])/g, "&lt;"));
writeFileSync(
  join(out, "benchmarks.md"),
  ["# Benchmarks", "", "What `npm run bench` measured, with machine, commit and command beside each; peers ran in turns with ours on the same machine.", "", ...benchmarks].join("\n"),
);
console.log(`${Object.keys(commands).length} commands, ${parts.filter((l) => l.startsWith("## ")).length} kinds of parts, ${methods.length - 1} methods, ${benchmarks.length} benches`);
