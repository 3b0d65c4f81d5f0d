import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built, root } from "./built.js";

/** Examples in the guides are code: every ```ts block is compiled against the built package and run. A `// 0.5` after console.log is what it prints. */
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((f) => join("docs", f)),
]
  .filter((f) => f.endsWith(".md") && !/node_modules|\.vitepress|docs[\\/]reference/.test(f) && existsSync(join(root, f)))
  .sort();
const blocks = pages.flatMap((page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((m, i) => ({
    name: `${page} ${i + 1}`,
    code: m[1],
  })),
);

// Inside the repository, so that "pullback" is this package.
const folder = join(root, "dist", ".docs");
const fileOf = (name: string) => name.replace(/\W+/g, "-");

beforeAll(async () => {
  await built();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { name, code } of blocks) writeFileSync(join(folder, `${fileOf(name)}.mts`), `${code}\nexport {};\n`);
  const compilerOptions = {
    noEmit: false,
    noUnusedLocals: false,
    declaration: false,
    rootDir: ".",
    outDir: "out",
    tsBuildInfoFile: "out/.tsbuildinfo",
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include: ["*.mts"] }),
  );
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the examples", () => {
  test("compile", () => {
    const tsc = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], { encoding: "utf8" });
    expect(tsc.stdout).toBe("");
  });

  test.each(blocks)("run and print what they say: $name", ({ name, code }) => {
    const printed = execFileSync(process.execPath, [join(folder, "out", `${fileOf(name)}.mjs`)], { encoding: "utf8", cwd: folder });
    const promised = [...code.matchAll(/console\.log\(.*\); \/\/ ([^:\n]*)/g)].map((m) => m[1].trim());
    const lines = printed.trimEnd().split("\n");
    promised.forEach((line, i) => {
      expect(lines[i]).toBe(line);
    });
  });
});

describe("the guides", () => {
  test("link to files that exist", () => {
    const broken = pages.flatMap((page) =>
      [...readFileSync(join(root, page), "utf8").matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
        .map((m) => resolve(root, dirname(page), m[1]))
        .filter((file) => !existsSync(file))
        .map((file) => `${page}: ${relative(root, file)}`),
    );
    expect(broken).toEqual([]);
  });

  test("list every decision by its number and title", () => {
    const folder = join(root, "docs/decisions");
    const list = readFileSync(join(folder, "README.md"), "utf8");
    const files = readdirSync(folder).filter((f) => f !== "README.md");
    const missing = files.filter((f) => {
      const title = /^# (.*)$/m.exec(readFileSync(join(folder, f), "utf8"))?.[1];
      return !/^\d{4}-/.test(f) || !list.includes(`- [${title}](${f})`);
    });
    expect(missing).toEqual([]);
    expect(new Set(files.map((f) => f.slice(0, 4))).size).toBe(files.length);
  });

  test("name npm scripts that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const unknown = pages.flatMap((page) =>
      [...readFileSync(join(root, page), "utf8").matchAll(/npm run ([\w:]+)/g)]
        .filter((m) => !(m[1] in scripts))
        .map((m) => `${page}: ${m[0]}`),
    );
    expect(unknown).toEqual([]);
  });
});
