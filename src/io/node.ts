import { randomUUID } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { FormatError, OutputError, PullbackError } from "../core/errors.js";
import { type DicomOptions, isDicom, readDicomFiles } from "./dicom.js";
import { formatOfBytes, formatOfName, type ReadOptions, readRaw, type WriteOptions, writeRawFiles } from "./format.js";
import { readWithItk } from "./itkImage.js";
import type { RawImage } from "./raw.js";
import { readZarr, type ZarrOptions, type ZarrStore } from "./zarr.js";

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
    throw new OutputError(`${path}: could not be written: ${why}`, { path, code }, { cause });
  }
}

/**
 * Writes an image in the format its name asks for, whole or not at all; of header and data pairs the header comes last.
 * @throws ArgumentError when the format cannot hold the image, OutputError when the disk refuses
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
  if (exists && !o.replace) throw new OutputError(`${path}: it already exists; choose another name or ask for it to be replaced`, { path });
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

/** Files of a folder and of the folders in it, at most `depth` deep. */
function filesOf(folder: string, depth = 3): string[] {
  const out: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (depth > 0) out.push(...filesOf(path, depth - 1));
    } else if (entry.isFile()) out.push(path);
  }
  return out;
}

/** The first bytes of a file, enough for a DICOM header up to the slice's place. */
function headOf(path: string, length = 65536): Uint8Array {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
  } finally {
    closeSync(file);
  }
}

/**
 * Reads one DICOM series of a folder (and its folders) as a volume; other files are ignored.
 * @throws MissingPeerError without `@itk-wasm/dicom`; FormatError no series, or several and none chosen
 */
export async function readDicomFolder(folder: string, o: DicomOptions = {}): Promise<RawImage> {
  let paths: string[];
  try {
    paths = filesOf(resolve(folder));
  } catch (cause) {
    throw new FormatError(`${folder}: the folder cannot be read: ${(cause as Error).message}`, { folder }, { cause });
  }
  const files = paths.flatMap((path) => {
    const bytes = headOf(path);
    return isDicom(bytes) ? [{ path, bytes }] : [];
  });
  if (files.length === 0) throw new FormatError(`${folder}: there is no DICOM file in this folder`, { folder });
  return readDicomFiles(files, o);
}

/** A folder as a Zarr store. */
export function zarrFolder(folder: string): ZarrStore {
  const root = resolve(folder);
  const locate = (key: string) => {
    const path = resolve(root, `.${key.startsWith("/") ? key : `/${key}`}`);
    if (path !== root && !path.startsWith(root + sep)) throw new FormatError(`zarr: the key "${key}" leads outside its folder`, { key });
    return path;
  };
  return {
    get: async (key) => {
      try {
        const buffer = readFileSync(locate(key));
        return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
      } catch (error) {
        if (["ENOENT", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
        throw error;
      }
    },
    set: async (key, value) => {
      const path = locate(key);
      mkdirSync(dirname(path), { recursive: true });
      writeBytes(path, value);
    },
  };
}

/**
 * Opens whatever image a path names: a file of our own formats, a folder of DICOM slices or an OME-Zarr, else anything `@itk-wasm/image-io` reads (.mgz, .vtk, .gipl, one DICOM file …).
 * @throws FormatError, MissingPeerError
 */
export async function openImage(path: string, o: ReadOptions & DicomOptions & ZarrOptions = {}): Promise<RawImage> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new FormatError(`${path}: there is no such file`, { path });
  if (found.isDirectory()) {
    const zarr = ["zarr.json", ".zgroup", ".zattrs"].some((name) => statSync(join(path, name), { throwIfNoEntry: false }));
    return zarr ? readZarr(zarrFolder(path), o) : readDicomFolder(path, o);
  }
  if (formatOfName(path) !== undefined || formatOfBytes(headOf(path)) !== undefined) return readImageFile(path, o);
  if (isDicom(headOf(path, 256))) return readDicomFiles([{ path: resolve(path), bytes: headOf(path) }], o);
  return readWithItk({ path: resolve(path) }, o);
}
