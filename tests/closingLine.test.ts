import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Runs a test file of its own with the project's reporters. */
function run(text: string) {
  const folder = mkdtempSync(join(tmpdir(), "closing-"));
  try {
    writeFileSync(
      join(folder, "one.test.mjs"),
      `import { expect, test } from ${JSON.stringify(join(root, "node_modules/vitest/dist/index.js"))};\n${text}`,
    );
    const config = { test: { reporters: ["default", join(root, "scripts/closingLine.mjs")], include: ["*.test.mjs"] } };
    writeFileSync(join(folder, "vitest.config.mjs"), `export default ${JSON.stringify(config)};`);
    const r = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "--root", folder], { encoding: "utf8" });
    return { status: r.status, last: r.stdout.trimEnd().split("\n").pop() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("a run of the tests ends with one plain line that counts them, and status 0", () => {
  expect(run(`test("a", () => expect(1).toBe(1)); test.skip("b", () => {});`)).toEqual({
    status: 0,
    last: "1 passed, 0 failed, 1 skipped",
  });
});
test("a test that fails is counted and makes the status other than 0", () => {
  const r = run(`test("a", () => expect(1).toBe(1)); test("b", () => expect(1).toBe(2));`);
  expect(r.last).toBe("1 passed, 1 failed, 0 skipped");
  expect(r.status).not.toBe(0);
});
test("a file that does not even load counts as a failure", () => {
  const r = run("this is not JavaScript");
  expect(r.last).toBe("0 passed, 1 failed, 0 skipped");
  expect(r.status).not.toBe(0);
});
