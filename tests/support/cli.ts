import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../built.js";

const main = join(root, "dist/cli/main.js");

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
