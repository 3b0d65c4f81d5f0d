import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./built.js";

/** What `npm run check` says, as tests: vitest itself looks at neither types nor style. */
const run = (file: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "node_modules", file), ...args], {
    cwd: root,
    encoding: "utf8",
  });
  return status === 0 ? "" : stdout + stderr;
};

test("sources and tests are right by their types", () => expect(run("typescript/bin/tsc", "--noEmit")).toBe(""));
test("formatting and lint find nothing", () => expect(run("@biomejs/biome/bin/biome", "check", ".")).toBe(""));
