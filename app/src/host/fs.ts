/**
 * `node:fs` in memory: what a command reads was put here by the page, what it writes is handed back to the page. Nothing leaves the tab.
 * Only what the commands call is here, with Node's error codes, so that their sentences about missing files stay true.
 */

import { dirname, resolve } from "./path.js";

type Bytes = Uint8Array<ArrayBuffer>;
const files = new Map<string, Bytes>();
const folders = new Set<string>(["/"]);
const open = new Map<number, { path: string; chunks: Bytes[]; at: number }>();
let next = 3;

function failure(code: string, what: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${what}, '${path}'`), { code });
}
const missing = (path: string) => failure("ENOENT", "no such file or folder", path);
const nameOf = (path: string | URL): string => (path instanceof URL ? path.pathname : resolve(path));

function makeFolders(path: string): void {
  for (let p = path; !folders.has(p); p = dirname(p)) folders.add(p);
}
/** A file of the page's, with the folders it lies in. */
export function putFile(path: string, bytes: Bytes): void {
  const name = resolve(path);
  makeFolders(dirname(name));
  files.set(name, bytes);
}
/** Every file in a folder, by its name in it. */
export function filesIn(folder: string): [name: string, bytes: Bytes][] {
  const start = `${resolve(folder)}/`;
  return [...files].filter(([name]) => name.startsWith(start)).map(([name, bytes]) => [name.slice(start.length), bytes]);
}

export function readFileSync(path: string | URL, encoding?: string): Bytes | string {
  const name = nameOf(path);
  if (folders.has(name)) throw failure("EISDIR", "this is a folder", name);
  const bytes = files.get(name);
  if (!bytes) throw missing(name);
  return encoding ? new TextDecoder().decode(bytes) : bytes;
}
const stats = (folder: boolean, size: number) => ({ isDirectory: () => folder, isFile: () => !folder, size });
export function statSync(path: string, o: { throwIfNoEntry?: boolean } = {}) {
  const name = nameOf(path);
  if (folders.has(name)) return stats(true, 0);
  const bytes = files.get(name);
  if (bytes) return stats(false, bytes.length);
  if (o.throwIfNoEntry === false) return undefined;
  throw missing(name);
}
export const existsSync = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
export function readdirSync(path: string, o: { withFileTypes?: boolean } = {}) {
  const name = nameOf(path);
  if (!folders.has(name)) throw missing(name);
  const start = name === "/" ? "/" : `${name}/`;
  const inside = (all: Iterable<string>) =>
    [...all].filter((p) => p !== "/" && p.startsWith(start) && !p.slice(start.length).includes("/")).map((p) => p.slice(start.length));
  const found = [
    ...inside(files.keys()).map((n) => ({ name: n, ...stats(false, 0) })),
    ...inside(folders).map((n) => ({ name: n, ...stats(true, 0) })),
  ];
  return o.withFileTypes ? found : found.map((f) => f.name);
}
export function mkdirSync(path: string, o: { recursive?: boolean } = {}): void {
  const name = nameOf(path);
  if (!o.recursive && !folders.has(dirname(name))) throw missing(name);
  makeFolders(name);
}
export function rmSync(path: string, o: { recursive?: boolean; force?: boolean } = {}): void {
  const name = nameOf(path);
  const inside = (p: string) => p === name || (o.recursive === true && p.startsWith(`${name}/`));
  const gone = [...files.keys()].filter(inside);
  const emptied = [...folders].filter((p) => p !== "/" && inside(p));
  if (gone.length + emptied.length === 0 && !o.force) throw missing(name);
  for (const p of gone) files.delete(p);
  for (const p of emptied) folders.delete(p);
}
export function renameSync(from: string, to: string): void {
  const [a, b] = [nameOf(from), nameOf(to)];
  if (!files.has(a) && !folders.has(a)) throw missing(a);
  const moved = (p: string) => b + p.slice(a.length);
  for (const [p, bytes] of [...files])
    if (p === a || p.startsWith(`${a}/`)) {
      files.delete(p);
      files.set(moved(p), bytes);
    }
  for (const p of [...folders])
    if (p === a || p.startsWith(`${a}/`)) {
      folders.delete(p);
      folders.add(moved(p));
    }
}
export function openSync(path: string, flags = "r"): number {
  const name = nameOf(path);
  if (folders.has(name)) throw failure("EISDIR", "this is a folder", name);
  if (flags === "r" && !files.has(name)) throw missing(name);
  if (flags !== "r" && !folders.has(dirname(name))) throw missing(name);
  open.set(next, { path: name, chunks: [], at: 0 });
  if (flags !== "r") files.set(name, new Uint8Array());
  return next++;
}
export function writeSync(file: number, data: Uint8Array, at = 0, length = data.length - at): number {
  open.get(file)?.chunks.push(data.slice(at, at + length) as Bytes);
  return length;
}
export function readSync(file: number, into: Uint8Array, offset: number, length: number, position: number | null): number {
  const state = open.get(file);
  const bytes = files.get(state?.path ?? "") ?? new Uint8Array();
  const from = position ?? state?.at ?? 0;
  const part = bytes.subarray(from, from + length);
  into.set(part, offset);
  if (state) state.at = from + part.length;
  return part.length;
}
export function closeSync(file: number): void {
  const state = open.get(file);
  open.delete(file);
  if (!state || state.chunks.length === 0) return;
  if (state.chunks.length === 1) {
    files.set(state.path, state.chunks[0]);
    return;
  }
  const all = new Uint8Array(state.chunks.reduce((n, c) => n + c.length, 0));
  let at = 0;
  for (const c of state.chunks) {
    all.set(c, at);
    at += c.length;
  }
  files.set(state.path, all);
}
export const fsyncSync = (): void => {};
