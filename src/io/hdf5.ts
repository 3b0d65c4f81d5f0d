import { ArgumentError, FormatError, PullbackError } from "../core/errors.js";
import type { ArrayFile } from "./npy.js";
import { peer } from "./peer.js";
import { decodeScalars, type TypedArray } from "./raw.js";

/** One array of an HDF5 file. */
export interface Hdf5Entry {
  /** path from the root, without a leading slash */
  readonly name: string;
  /** Lengths of its axes. */
  readonly shape: readonly number[];
}

/** An open HDF5 file. */
export interface Hdf5File {
  /** every array of numbers or text in it */
  readonly entries: readonly Hdf5Entry[];
  /**
   * Reads an array or a part of it: `ranges` gives [from, to) per axis, null for all. Pairs of floats named r and i (h5py's complex) become a complex array.
   * @throws FormatError no such array, no numbers, more than 2 GB at once
   */
  read(name: string, ranges?: ReadonlyArray<readonly [number, number] | null>): ArrayFile;
  /** The words of an array of strings. @throws FormatError no such array, or no strings */
  text(name: string): readonly string[];
  /** Let go of the file. */
  close(): void;
}

let opened = 0;

/**
 * Opens an HDF5 file through h5wasm: bytes anywhere, a path in Node (then only what is read is loaded).
 * @throws MissingPeerError without the package; FormatError when this is no HDF5 file
 */
export async function openHdf5(source: Uint8Array | string): Promise<Hdf5File> {
  const h5 =
    typeof source === "string"
      ? await peer("h5wasm", "reading HDF5", () => import("h5wasm/node"))
      : await peer("h5wasm", "reading HDF5", () => import("h5wasm"));
  await h5.ready;
  h5.Module.activate_throwing_error_handler?.();
  const inMemory = typeof source !== "string";
  if (inMemory && !(source[0] === 0x89 && source[1] === 0x48)) throw new FormatError("hdf5: the bytes do not begin with the HDF5 mark", {});
  const path = inMemory ? `/file${opened++}.h5` : source;
  if (inMemory) h5.FS.writeFile(path, source);
  let file: InstanceType<typeof h5.File>;
  const entries: Hdf5Entry[] = [];
  try {
    file = new h5.File(path, "r");
    const walk = (group: { keys(): string[]; get(name: string): unknown }, prefix: string, depth: number) => {
      for (const key of group.keys()) {
        const item = group.get(key) as { type?: string; shape?: number[] | null; keys(): string[]; get(name: string): unknown } | null;
        if (item?.type === "Group" && depth < 32) walk(item, `${prefix}${key}/`, depth + 1);
        else if (item?.type === "Dataset") entries.push({ name: prefix + key, shape: item.shape ?? [] });
      }
    };
    walk(file, "", 0);
  } catch (cause) {
    if (inMemory) h5.FS.unlink(path);
    throw new FormatError(`hdf5: ${inMemory ? "the bytes" : path} cannot be opened; they are no HDF5 file or damaged`, {}, { cause });
  }
  return {
    entries,
    read(name, ranges) {
      const plain = name.replace(/^\/+/, "");
      const entry = entries.find((e) => e.name === plain);
      if (!entry)
        throw new FormatError(`hdf5: there is no array "${name}"; there are ${entries.map((e) => e.name).join(", ") || "none"}`, { name });
      const dataset = file.get(plain) as import("h5wasm").Dataset;
      const full = entry.shape;
      if (ranges && ranges.length !== full.length)
        throw new ArgumentError(`hdf5: ${ranges.length} ranges for ${full.length} axes`, { ranges });
      const limits = full.map((n, i): [number, number] => {
        const r = ranges?.[i];
        const [from, to] = r ?? [0, n];
        if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to <= n && from < to) && n > 0)
          throw new ArgumentError(`hdf5: the range [${from}, ${to}) does not lie in axis ${i} of length ${n}`, { from, to, n });
        return [from, to];
      });
      const shape = limits.map(([a, b]) => b - a);
      const count = shape.reduce((a, b) => a * b, 1);
      const bytes = count * dataset.metadata.size;
      if (bytes > 2 ** 31 - 65536)
        throw new FormatError(`hdf5: "${name}" holds ${bytes} bytes; read it in parts of less than 2 GB with ranges`, { bytes });
      const members = dataset.metadata.compound_type?.members;
      try {
        if (members) {
          const [re, im] = members;
          // 1 is HDF5's class of floating-point numbers
          if (
            members.length !== 2 ||
            re.type !== 1 ||
            im.type !== 1 ||
            re.size !== im.size ||
            (re.size !== 4 && re.size !== 8) ||
            re.offset !== 0 ||
            im.offset !== re.size
          )
            throw new FormatError(`hdf5: "${name}" holds records (${members.map((m) => m.name).join(", ")}), not numbers`, { name });
          const pointer = h5.Module._malloc(bytes);
          if (pointer === 0) throw new FormatError(`hdf5: no memory for ${bytes} bytes`, { bytes });
          try {
            const big = (v: number[]) => v.map(BigInt);
            h5.Module.get_dataset_data(
              dataset.file_id,
              dataset.path,
              big(shape),
              big(limits.map(([a]) => a)),
              big(shape.map(() => 1)),
              BigInt(pointer),
            );
            const data = decodeScalars(
              h5.Module.HEAPU8.subarray(pointer, pointer + bytes),
              0,
              2 * count,
              re.size === 4 ? "float32" : "float64",
              re.littleEndian,
            );
            return { shape, data, complex: true, dtype: re.size === 4 ? "<c8" : "<c16" };
          } finally {
            h5.Module._free(pointer);
          }
        }
        const value = ranges ? dataset.slice(limits) : dataset.value;
        const data = typeof value === "number" ? Float64Array.of(value) : typeof value === "bigint" ? BigInt64Array.of(value) : value;
        if (!ArrayBuffer.isView(data))
          throw new FormatError(
            `hdf5: "${name}" holds ${typeof dataset.dtype === "string" ? `type ${dataset.dtype}` : "a type"} that is no array of numbers`,
            { name },
          );
        return { shape, data: data as TypedArray, complex: false, dtype: String(dataset.dtype) };
      } catch (cause) {
        if (cause instanceof PullbackError) throw cause;
        throw new FormatError(
          `hdf5: "${name}" cannot be read; its data are damaged or compressed in a way this reader does not know`,
          { name },
          { cause },
        );
      }
    },
    text(name) {
      const plain = name.replace(/^\/+/, "");
      if (!entries.some((e) => e.name === plain)) throw new FormatError(`hdf5: there is no array "${name}"`, { name });
      let value: unknown;
      try {
        value = (file.get(plain) as import("h5wasm").Dataset).value;
      } catch (cause) {
        throw new FormatError(`hdf5: "${name}" cannot be read; its data are damaged`, { name }, { cause });
      }
      const words = typeof value === "string" ? [value] : value;
      if (!Array.isArray(words) || words.some((w) => typeof w !== "string"))
        throw new FormatError(`hdf5: "${name}" holds no text`, { name });
      return words as string[];
    },
    close() {
      file.close();
      if (inMemory) h5.FS.unlink(path);
    },
  };
}

/** Writes arrays of real numbers or of strings to an HDF5 file; slashes in the names make groups. */
export async function writeHdf5(
  arrays: ReadonlyMap<string, { shape: readonly number[]; data: TypedArray | readonly string[] }>,
): Promise<Uint8Array> {
  const h5 = await peer("h5wasm", "writing HDF5", () => import("h5wasm"));
  await h5.ready;
  h5.Module.activate_throwing_error_handler?.();
  const path = `/file${opened++}.h5`;
  const file = new h5.File(path, "w");
  try {
    const groups = new Set<string>();
    for (const [name, { shape, data }] of arrays) {
      const parts = name.split("/");
      for (let i = 1; i < parts.length; i++) {
        const group = parts.slice(0, i).join("/");
        if (!groups.has(group)) file.create_group(group);
        groups.add(group);
      }
      // ASCII text of variable length, which is what other readers (ITK) expect
      file.create_dataset({ name, data, shape: [...shape], ...(Array.isArray(data) ? { dtype: "A" } : {}) });
    }
  } finally {
    file.close();
  }
  const bytes = h5.FS.readFile(path);
  h5.FS.unlink(path);
  return bytes;
}
