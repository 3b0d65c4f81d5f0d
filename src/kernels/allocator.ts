import { MemoryError } from "../core/errors.js";

const alignment = 64;
/** Zeroed bytes kept behind every block: kernels may load (never store) a vector past its end. */
export const padding = 64;

/**
 * First-fit allocator with coalescing over a growing region. Addresses are bytes; every block starts on a cache line.
 * Small blocks are recycled by size without searching.
 */
export class Allocator {
  #top: number;
  readonly #sizes = new Map<number, number>();
  readonly #small = new Map<number, number[]>();
  /** Free blocks by address, no two adjacent. */
  readonly #free: { at: number; bytes: number }[] = [];
  used = 0;
  peak = 0;
  constructor(
    start: number,
    readonly ensure: (top: number) => void,
  ) {
    this.#top = Math.ceil(start / alignment) * alignment;
  }

  allocate(bytes: number): number {
    if (!(bytes >= 0) || bytes > 2 ** 32) throw new MemoryError(`memory: ${bytes} bytes cannot be reserved at once`, { bytes });
    const size = Math.ceil((bytes + padding) / alignment) * alignment;
    const at = this.#take(size);
    this.#sizes.set(at, size);
    this.used += size;
    if (this.used > this.peak) this.peak = this.used;
    return at;
  }

  #take(size: number): number {
    const recycled = size <= 4096 ? this.#small.get(size)?.pop() : undefined;
    if (recycled !== undefined) return recycled;
    for (let i = 0; i < this.#free.length; i++) {
      const block = this.#free[i];
      if (block.bytes < size) continue;
      const at = block.at;
      if (block.bytes === size) this.#free.splice(i, 1);
      else {
        block.at += size;
        block.bytes -= size;
      }
      return at;
    }
    const at = this.#top;
    this.ensure(at + size);
    this.#top = at + size;
    return at;
  }

  free(at: number): void {
    const size = this.#sizes.get(at);
    if (size === undefined) throw new MemoryError(`memory: no block starts at ${at}`, { at });
    this.#sizes.delete(at);
    this.used -= size;
    if (size <= 4096) {
      const list = this.#small.get(size);
      if (list) list.push(at);
      else this.#small.set(size, [at]);
      return;
    }
    let low = 0;
    for (let high = this.#free.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#free[middle].at < at) low = middle + 1;
      else high = middle;
    }
    const before = this.#free[low - 1];
    const after = this.#free[low];
    const joinsBefore = before !== undefined && before.at + before.bytes === at;
    const joinsAfter = after !== undefined && at + size === after.at;
    if (joinsBefore && joinsAfter) {
      before.bytes += size + after.bytes;
      this.#free.splice(low, 1);
    } else if (joinsBefore) before.bytes += size;
    else if (joinsAfter) {
      after.at = at;
      after.bytes += size;
    } else this.#free.splice(low, 0, { at, bytes: size });
    const last = this.#free.at(-1);
    if (last && last.at + last.bytes === this.#top) {
      this.#top = last.at;
      this.#free.pop();
    }
  }
}
