import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const main = join(root, "dist/cli/main.js");

/** Build dist/ when a source is newer; two test files that ask at once wait for one build. */
export async function build(): Promise<void> {
  const lock = join(root, "dist.lock");
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      if (Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > 120_000)
        rmSync(lock, { recursive: true, force: true });
      await new Promise((done) => setTimeout(done, 200));
    }
  }
  try {
    if (!existsSync(main) || newest(join(root, "src")) > statSync(main).mtimeMs) {
      execFileSync(process.execPath, [join(root, "scripts/build-kernels.mjs")], { cwd: root, stdio: "ignore" });
      rmSync(join(root, "dist/.tsbuildinfo"), { force: true });
      execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
        cwd: root,
        stdio: "inherit",
      });
    }
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function newest(folder: string): number {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
      latest = Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  return latest;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The one JSON object of --json. */
  readonly json: Record<string, unknown> & { outputs: string[]; status: string; reason: string };
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of node itself. */
  readonly node?: readonly string[];
  /** Called with the running child, to interrupt it. */
  readonly during?: (child: ReturnType<typeof spawn>) => void;
}

/** Run `pullback ARGS` as a person would, in a process of its own. */
export function pullback(args: readonly string[], { cwd, env, node = [], during }: RunOptions = {}): Promise<Ran> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [...node, main, ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: "1", PULLBACK_DEBUG: "", ...env },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (d) => (stdout += d));
    child.stderr.on("data", (d) => (stderr += d));
    child.on("error", fail);
    child.on("close", (code) => {
      done({
        code,
        stdout,
        stderr,
        get json() {
          return JSON.parse(stdout);
        },
      });
    });
    during?.(child);
  });
}

/** A folder of its own for a test. */
export const folder = (): string => mkdtempSync(join(tmpdir(), "pullback-test-"));

/** Everything in a folder, hidden files too, that a run must not leave behind. */
export const leftovers = (path: string): string[] => readdirSync(path).filter((n) => n.startsWith("."));
