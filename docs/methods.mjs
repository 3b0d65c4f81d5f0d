// A page for every part of the catalogue: what its docstring says, its options, how it is asked for, where a guide uses it, and the measured rows that name it.
// Used by generate.mjs; sources are read as text, so that what is shown is what is written there.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import ts from "typescript";

/** How a part of a kind is asked for on the command line. */
const asked = {
  metrics: (n) => `pullback register FIXED MOVING -o OUT/ --metric ${n}`,
  families: (n) => `pullback register FIXED MOVING -o OUT/ --transform ${n}`,
  regularisers: (n) => `pullback register FIXED MOVING -o OUT/ --transform bspline --regulariser ${n}`,
  detectors: (n) => `pullback homography A B -o OUT/ --detector ${n}`,
  dynamics: (n) => `pullback motion SERIES -o OUT/ --dynamics ${n}`,
};

const files = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((f) => {
    const path = join(folder, f.name);
    return f.isDirectory() ? files(path) : /\.ts$/.test(f.name) && !/\.(test|d)\.ts$/.test(f.name) ? [path] : [];
  });

/** Exported declarations of the sources by their names. */
function declarations(src) {
  const out = new Map();
  for (const path of files(src)) {
    const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
    for (const node of source.statements) {
      if (!ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword)) continue;
      const named = ts.isVariableStatement(node) ? node.declarationList.declarations.map((d) => [d.name.getText(source), d.initializer]) : node.name ? [[node.name.getText(source), node]] : [];
      for (const [name, body] of named) out.set(name, [...(out.get(name) ?? []), { node, body, source, path }]);
    }
  }
  return out;
}
const textOf = (comment) => (typeof comment === "string" ? comment : ts.getTextOfJSDocComment(comment)) ?? "";
const docOf = (node) => node.jsDoc?.at(-1);

/** Members of an interface that are options, those it extends included. */
function optionsOf(name, all) {
  const found = all.get(name)?.find(({ node }) => ts.isInterfaceDeclaration(node));
  if (!found) return [];
  const { node, source } = found;
  const inherited = (node.heritageClauses ?? []).flatMap((h) => h.types.flatMap((t) => optionsOf(t.expression.getText(source), all)));
  let last = "";
  const own = node.members.filter(ts.isPropertySignature).map((m) => {
    last = docOf(m) ? textOf(docOf(m).comment) : last;
    return { name: m.name.getText(source), type: m.type?.getText(source).replace(/\s+/g, " ") ?? "", doc: last };
  });
  return [...own, ...inherited.filter((i) => !own.some((o) => o.name === i.name))];
}

/**
 * @param root       the repository
 * @param catalogue  the built module
 * @param plain      text in a table, with what Markdown would take for markup made plain
 * @param code       the same as code
 * @returns          [file name, text] of each page, the list of all first
 */
export function methodPages(root, catalogue, plain, code) {
  const all = declarations(join(root, "src"));
  const guides = readdirSync(join(root, "docs")).filter((f) => f.endsWith(".md") && f !== "index.md").map((f) => [f, readFileSync(join(root, "docs", f), "utf8")]);
  const benches = readdirSync(join(root, "bench/results")).filter((f) => f.endsWith(".md")).map((f) => [f, readFileSync(join(root, "bench/results", f), "utf8")]);
  const pages = [];
  const index = [];
  for (const [kind, of] of Object.entries(catalogue).sort(([a], [b]) => a.localeCompare(b))) {
    if (!of || typeof of !== "object" || Array.isArray(of)) continue;
    const rows = [];
    for (const [name, part] of Object.entries(of)) {
      const declared = [...(all.get(part?.name) ?? []), ...(all.get(name) ?? [])].find(({ node }) => docOf(node));
      if (!declared) continue;
      const { node, body, source, path } = declared;
      const doc = docOf(node);
      const said = textOf(doc.comment).trim();
      const tags = (doc.tags ?? []).map((t) => [t.tagName.text, t.name?.getText?.(source) ?? "", textOf(t.comment).replace(/^[-\s]+/, "")]);
      const parameters = body?.parameters ?? (ts.isClassDeclaration(node) ? node.members.find(ts.isConstructorDeclaration)?.parameters : node.parameters) ?? [];
      const types = [...parameters].flatMap((p) => p.type?.getText(source).match(/\b[A-Z]\w*(Options|Problem)\b/g) ?? []);
      const options = [...new Set(types)].flatMap((t) => optionsOf(t, all));
      const command = asked[kind]?.(name);
      const word = new RegExp(`(?<![\\w.])${part?.name && /^\w+$/.test(part.name) ? part.name : name}\\(`);
      const snippet = guides.flatMap(([f, text]) => [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].filter((m) => word.test(m[1])).map((m) => [f, m[1]]))[0];
      const cell = new RegExp(`\\|\\s*[\`*]*${name}[\`*]*\\s*\\|`);
      const measured = benches.flatMap(([f, text]) => {
        const lines = text.split("\n");
        return lines.flatMap((line, i) => {
          if (!cell.test(line)) return [];
          let top = i;
          while (top > 0 && lines[top - 1].startsWith("|")) top--;
          return top === i || !/^\|[\s:|-]+$/.test(lines[top + 1] ?? "") ? [] : [[f, lines[top], lines[top + 1], line]];
        });
      });
      const file = `${kind}-${name}`;
      const first = said.split(/\n\s*\n|(?<=[.:]) (?=[A-Z])/)[0].replace(/\s+/g, " ");
      rows.push(`| [${name}](methods/${file}) | ${plain(first)} |`);
      const shown = plainText(said);
      pages.push([
        `methods/${file}.md`,
        [
          `# ${name}`,
          "",
          `*${kind}*, from ${code(relative(root, path))}.`,
          "",
          shown,
          "",
          ...tags.filter(([t]) => t === "throws").map(([, , text]) => `- Throws ${plain(text)}`),
          ...tags.filter(([t]) => t === "param").map(([, n, text]) => `- ${code(n)}: ${plain(text)}`),
          ...tags.filter(([t]) => t === "see").map(([, n, text]) => `- Source: ${plain(`${n}${text}`)}`),
          "",
          ...(options.length > 0 ? ["## Options", "", "| option | type | |", "|---|---|---|", ...options.map((o) => `| ${code(o.name)} | ${code(o.type)} | ${plain(o.doc)} |`), ""] : []),
          ...(command ? ["## On the command line", "", "```sh", command, "```", ""] : []),
          ...(snippet ? [`## In use`, "", `From [${basename(snippet[0], ".md")}](../../${basename(snippet[0], ".md")}):`, "", "```ts", snippet[1].trimEnd(), "```", ""] : []),
          ...(measured.length > 0
            ? ["## Measured", "", "Rows of the [benchmarks](../benchmarks) that name it.", "", ...measured.slice(0, 6).flatMap(([f, head, rule, line]) => [`${basename(f, ".md")}:`, "", head, rule, line, ""])]
            : []),
        ]
          .join("\n")
          .replaceAll("{{", "{&#123;"),
      ]);
    }
    if (rows.length > 0) index.push(`## ${kind}`, "", "| name | |", "|---|---|", ...rows, "");
  }
  return [["methods.md", ["# Methods", "", "A page for every part that has a name and a docstring: formula, options, how it is asked for, what was measured.", "", ...index].join("\n")], ...pages];
}
/** A docstring as Markdown: formulas indented by two or more stand by themselves, and nothing is taken for markup. */
function plainText(said) {
  return said
    .split(/\n\s*\n/)
    .map((p) => {
      const safe = p.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("*", "\\*").replaceAll("_", "\\_").replaceAll("[", "\\[");
      return /^ {2,}\S/.test(p) ? `<pre v-pre>${p.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</pre>` : safe.replace(/\\([*_[])(?=[^`]*`(?:[^`]*`[^`]*`)*[^`]*$)/g, "$1");
    })
    .map((p) => p.replace(/\n(?= )/g, "<br>\n"))
    .join("\n\n");
}
