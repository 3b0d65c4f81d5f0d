import { execFileSync } from "node:child_process";
import { mkdirSync, rmdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

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
    execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  } finally {
    rmdirSync(lock);
  }
}
