import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { AbortedError } from "../core/errors.js";
import type { Options } from "./command.js";
import { Output, type OutputOptions } from "./output.js";
import { Progress } from "./progress.js";

/** What one call of the command line knows: how to speak, when it began, what it has read. */
export class Session {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly dryRun: boolean;
  readonly progress: Progress;
  readonly warnings: string[] = [];
  readonly command: string;
  readonly #inputs = new Map<string, string>();
  #stop: AbortController | undefined;
  #firstRead: number | undefined;

  constructor(command: string, options: Options) {
    this.command = command;
    this.json = options.json === true;
    this.quiet = options.quiet === true;
    this.verbose = options.verbose === true;
    this.dryRun = options.dryRun === true;
    const mode = options.progress ?? "auto";
    const bar = process.stderr.isTTY === true && !this.quiet && process.env.TERM !== "dumb";
    this.progress = new Progress(mode === "json" ? "json" : mode === "auto" && bar ? "bar" : "none", {
      write: (t) => process.stderr.write(t),
      columns: process.stderr.columns ?? 80,
    });
  }

  /** A line for the user, on stderr; not with --quiet. */
  note(text: string): void {
    if (this.quiet) return;
    this.progress.clear();
    process.stderr.write(`${text}\n`);
  }
  /** Only with --verbose. */
  detail(text: string): void {
    if (this.verbose) this.note(text);
  }
  /** Said now and kept for run.json, the report and the JSON object. */
  warn(text: string): void {
    if (this.warnings.includes(text)) return;
    this.warnings.push(text);
    this.note(`${color("33", "warning:")} ${text}`);
  }

  /** Long work that listens to a signal; `stop` gives it. */
  async stoppable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#stop = new AbortController();
    try {
      return await work(this.#stop.signal);
    } finally {
      this.#stop = undefined;
    }
  }
  /** Ask the work under way to end; false when none listens, or when it has been asked already. */
  stop(why: string): boolean {
    if (!this.#stop || this.#stop.signal.aborted) return false;
    this.#stop.abort(new AbortedError(why));
    return true;
  }

  /** Call before the first byte of input is read. */
  reading(): void {
    this.#firstRead ??= performance.now();
  }
  /** Seconds: process start → first file read, first file read → now. */
  get seconds(): { start: number; total: number } {
    const first = this.#firstRead ?? performance.now();
    return { start: round(first / 1000), total: round((performance.now() - first) / 1000) };
  }

  /** SHA-256 of an input file (of a folder: of its files in order of name); remembered, so that each is hashed once. */
  hash(path: string): string {
    let h = this.#inputs.get(path);
    if (h === undefined) {
      const sum = createHash("sha256");
      const add = (p: string): void => {
        if (statSync(p).isDirectory()) for (const name of readdirSync(p).sort()) add(join(p, name));
        else sum.update(readFileSync(p));
      };
      add(path);
      h = sum.digest("hex");
      this.#inputs.set(path, h);
    }
    return h;
  }

  output(path: string, folder: boolean, options: OutputOptions = {}): Output {
    return new Output(path, folder, options);
  }
}

const round = (seconds: number): number => Math.round(seconds * 1e4) / 1e4;

/** Text in a colour on a terminal; NO_COLOR switches it off. */
export function color(code: string, words: string): string {
  return process.stderr.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb" ? `\u001b[${code}m${words}\u001b[0m` : words;
}
