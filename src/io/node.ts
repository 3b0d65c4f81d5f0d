import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { FormatError, PullbackError } from "../core/errors.js";
import { type ReadOptions, readRaw, type WriteOptions, writeRawFiles } from "./format.js";
import type { RawImage } from "./raw.js";

/** A file's bytes; what the system says becomes one sentence. @throws FormatError no such file, no permission, a folder */
export function readBytes(path: string): Uint8Array {
  try {
    const buffer = readFileSync(path);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EISDIR"
          ? "this is a folder"
          : code === "EACCES" || code === "EPERM"
            ? "it may not be read"
            : code === "ERR_FS_FILE_TOO_LARGE"
              ? "it is larger than 2 GB"
              : (cause as Error).message;
    throw new FormatError(`${path}: ${why}`, { path, code }, { cause });
  }
}

/**
 * Reads an image file of any format `readRaw` knows, with the files beside it that its header names.
 * @throws FormatError unreadable, damaged or unknown files, with the path
 */
export function readImageFile(path: string, o: ReadOptions = {}): RawImage {
  const folder = resolve(dirname(path));
  const siblings = (name: string) => {
    const other = resolve(folder, name);
    if (!other.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return undefined;
    try {
      return readBytes(other);
    } catch {
      return undefined;
    }
  };
  const bytes = readBytes(path);
  try {
    return readRaw(bytes, basename(path), siblings, o);
  } catch (error) {
    if (!(error instanceof PullbackError)) throw error;
    const Same = error.constructor as new (
      message: string,
      details: Readonly<Record<string, unknown>>,
      options: ErrorOptions,
    ) => PullbackError;
    throw new Same(
      error.message.startsWith(basename(path)) ? `${dirname(path)}${sep}${error.message}` : `${path}: ${error.message}`,
      { ...error.details, path },
      { cause: error },
    );
  }
}

/** Writes bytes whole or not at all: to a temporary name in the same folder, then renamed over the old file. */
export function writeBytes(path: string, bytes: Uint8Array | string): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  let file: number | undefined;
  try {
    file = openSync(temporary, "wx");
    // One write call takes at most 2 GB.
    for (let at = 0; at < data.length; ) at += writeSync(file, data, at, Math.min(data.length - at, 1 << 30));
    fsyncSync(file);
    closeSync(file);
    file = undefined;
    renameSync(temporary, path);
  } catch (cause) {
    if (file !== undefined) closeSync(file);
    rmSync(temporary, { force: true });
    const code = (cause as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT"
        ? `the folder ${dirname(path)} does not exist`
        : code === "EACCES" || code === "EPERM"
          ? "it may not be written"
          : code === "ENOSPC"
            ? "the disk is full"
            : code === "EISDIR"
              ? "this is a folder"
              : (cause as Error).message;
    throw new FormatError(`${path}: could not be written: ${why}`, { path, code }, { cause });
  }
}

/**
 * Writes an image in the format its name asks for, whole or not at all; of header and data pairs the header comes last.
 * @throws ArgumentError when the format cannot hold the image, FormatError when the disk refuses
 */
export function writeImageFile(image: RawImage, path: string, o: WriteOptions = {}): void {
  for (const [name, bytes] of [...writeRawFiles(image, basename(path), o)].reverse()) writeBytes(join(dirname(path), name), bytes);
}

/**
 * Fills a folder and puts it in place whole: `fill` works in a temporary folder beside it, which is renamed when it has succeeded and removed when it has not.
 * @param o.replace  an existing folder of that name is replaced; otherwise it is an error
 */
export async function writeFolder<T>(path: string, fill: (temporary: string) => T | Promise<T>, o: { replace?: boolean } = {}): Promise<T> {
  const target = resolve(path);
  const exists = statSync(target, { throwIfNoEntry: false }) !== undefined;
  if (exists && !o.replace) throw new FormatError(`${path}: it already exists; choose another name or ask for it to be replaced`, { path });
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  mkdirSync(temporary, { recursive: true });
  try {
    const result = await fill(temporary);
    if (exists) {
      const old = `${temporary}.old`;
      renameSync(target, old);
      renameSync(temporary, target);
      rmSync(old, { recursive: true, force: true });
    } else renameSync(temporary, target);
    return result;
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}
