import { randomUUID } from "node:crypto";
import * as nodeFs from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { ArgumentError, OutputError } from "../core/errors.js";

/** What the output discipline needs of a file system; tests hand in one that fails. */
export type FileSystem = Pick<
  typeof nodeFs,
  "openSync" | "writeSync" | "closeSync" | "renameSync" | "rmSync" | "mkdirSync" | "statSync" | "readdirSync" | "readFileSync"
>;

const unfinished = new Map<string, FileSystem>();

/** Remove whatever is half written; called when a signal ends the process. */
export function discardUnfinished(): void {
  for (const [path, fs] of unfinished) fs.rmSync(path, { recursive: true, force: true });
  unfinished.clear();
}

/** An output path that ends in a slash or has no extension is a folder. */
export const isFolder = (path: string): boolean => /[/\\]$/.test(path) || extname(path) === "";

export interface OutputOptions {
  /** Replace what is there. */
  readonly force?: boolean;
  readonly fs?: FileSystem;
}

/**
 * Files that appear together or not at all. `put` writes into a hidden sibling; `commit` renames it into place.
 * A folder that exists already needs `force`; a single file is replaced, as every tool does.
 */
export class Output {
  readonly target: string;
  readonly folder: boolean;
  /** Names put so far, in order. */
  readonly names: string[] = [];
  readonly #fs: FileSystem;
  readonly #temporary: string;
  #done = false;

  /**
   * @param path    what the user named
   * @param folder  a folder with several files, or one file (with its siblings)
   * @throws OutputError when the folder exists and `force` is not given, or when its parent cannot be written
   */
  constructor(path: string, folder: boolean, { force = false, fs = nodeFs }: OutputOptions = {}) {
    if (path === "") throw new ArgumentError("output: the path is empty; name a file or a folder after -o");
    this.target = resolve(path);
    this.folder = folder;
    this.#fs = fs;
    const there = fs.statSync(this.target, { throwIfNoEntry: false });
    if (folder && there && !there.isDirectory())
      throw new OutputError(`${path}: a file of that name exists; choose another folder`, { path });
    if (!folder && there?.isDirectory()) throw new OutputError(`${path}: this is a folder; name a file in it`, { path });
    if (folder && there && !force && fs.readdirSync(this.target).length > 0)
      throw new ArgumentError(`${path}: the folder exists and is not empty; --force replaces it, or choose another`, { path });
    const parent = dirname(this.target);
    this.#temporary = join(parent, `.${basename(this.target)}.${randomUUID().slice(0, 8)}.part`);
    this.#guard(path, () => {
      this.#makeFolders(parent);
      unfinished.set(this.#temporary, fs);
      fs.mkdirSync(this.#temporary);
    });
  }

  /** Write one file under its final name (relative to the target folder, or beside the target file). */
  put(name: string, bytes: Uint8Array | string): void {
    const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    this.#guard(join(this.folder ? this.target : dirname(this.target), name), () => {
      const file = this.#fs.openSync(join(this.#temporary, name), "w");
      try {
        // One write call takes at most 2 GB.
        for (let at = 0; at < data.length; ) at += this.#fs.writeSync(file, data, at, Math.min(data.length - at, 2 ** 30));
      } finally {
        this.#fs.closeSync(file);
      }
    });
    if (!this.names.includes(name)) this.names.push(name);
  }

  /** Where a file put under this name will be. */
  pathOf(name: string): string {
    return this.folder ? join(this.target, name) : join(dirname(this.target), name);
  }

  /** Put everything in place. */
  commit(): string[] {
    const fs = this.#fs;
    this.#guard(this.target, () => {
      if (this.folder && !fs.statSync(this.target, { throwIfNoEntry: false })) fs.renameSync(this.#temporary, this.target);
      else if (this.folder) {
        // Into a folder that is there already, file by file: what else lies in it stays, but not what an earlier run left.
        for (const name of this.#earlier()) if (!this.names.includes(name)) fs.rmSync(join(this.target, name), { force: true });
        for (const name of this.names) fs.renameSync(join(this.#temporary, name), this.pathOf(name));
        fs.rmSync(this.#temporary, { recursive: true, force: true });
      } else {
        // Headers come last: the file the user named appears when its data is there.
        const named = basename(this.target);
        for (const name of [...this.names].sort((a, b) => Number(a === named) - Number(b === named)))
          fs.renameSync(join(this.#temporary, name), this.pathOf(name));
        fs.rmSync(this.#temporary, { recursive: true, force: true });
      }
    });
    this.#done = true;
    unfinished.delete(this.#temporary);
    return this.names.map((name) => this.pathOf(name));
  }

  /** Names that the run.json of an earlier run lists as its own. */
  #earlier(): string[] {
    try {
      const { outputs } = JSON.parse(String(this.#fs.readFileSync(join(this.target, "run.json")))) as { outputs?: unknown };
      return Array.isArray(outputs) ? outputs.filter((o) => typeof o === "string" && o === basename(o)) : [];
    } catch {
      return []; // no run.json, or not ours: nothing is known to be stale
    }
  }

  /** Leave no trace. */
  discard(): void {
    if (this.#done) return;
    this.#fs.rmSync(this.#temporary, { recursive: true, force: true });
    unfinished.delete(this.#temporary);
  }

  // Step by step: Node's recursive mkdir never returns where the system answers ENOENT to a folder whose parent is there (as /proc does).
  #makeFolders(path: string): void {
    if (this.#fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const parent = dirname(path);
    if (parent !== path) this.#makeFolders(parent);
    this.#fs.mkdirSync(path);
  }

  #guard(path: string, work: () => void): void {
    try {
      work();
    } catch (cause) {
      this.discard();
      const code = (cause as NodeJS.ErrnoException).code;
      const why =
        code === "ENOSPC" || code === "EDQUOT"
          ? "the disk is full; nothing was kept, free some space or choose another folder"
          : code === "EACCES" || code === "EPERM" || code === "EROFS"
            ? "it may not be written here; choose another folder"
            : code === "ENOENT"
              ? "the folder cannot be made here; choose another"
              : code === "ENOTDIR" || code === "EEXIST"
                ? "part of the path is a file, not a folder; choose another"
                : code === "ENAMETOOLONG"
                  ? "the name is too long; choose a shorter one"
                  : (cause as Error).message;
      throw new OutputError(`${path}: ${why}`, { path, code }, { cause });
    }
  }
}
