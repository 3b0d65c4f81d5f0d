import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const newest = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.endsWith(".test.ts"))
    .reduce((t, name) => Math.max(t, statSync(join(folder, name)).mtimeMs), 0);
/** Whether dist/ was made after the last change of a source. */
const current = (): boolean => {
  const made = statSync(join(root, "dist/cli/main.js"), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return made > Math.max(newest(join(root, "src")), newest(join(root, "assembly")));
};

/** dist/ as the sources are now. Test files run side by side, so one builds and the others wait for it. */
export async function built(): Promise<void> {
  mkdirSync(join(root, "dist"), { recursive: true });
  const lock = join(root, "dist", ".building");
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0);
      if (age > 300_000) rmdirSync(lock); // left by a run that was killed
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  try {
    if (!current()) execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  } finally {
    rmdirSync(lock);
  }
}
