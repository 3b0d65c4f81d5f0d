import { AbortedError, ArgumentError, MemoryError } from "../core/errors.js";
import { Allocator, padding } from "./allocator.js";
import { type Build, hasRelaxedSimd, moduleBytes } from "./load.js";
import { Control, controlBytes, maximumSlabs, workerSource } from "./worker.js";

/** Threads, memory and which kernels: what `startEngine` decides once for a process. */
export interface EngineOptions {
  /** Threads that share the work, the calling one included. Results do not depend on it. Default: cores, at most 16. */
  readonly threads?: number;
  /** Pin plain SIMD: the same bits on every processor. */
  readonly deterministic?: boolean;
  /** Force unshared memory (one thread). */
  readonly shared?: boolean;
  /** Most bytes the engine may hold. Default: 4 GiB, or what the platform grants. */
  readonly memoryBytes?: number;
}

/** How a kernel is cut: [0, extent) into slabs of `grain`, the same slabs for any number of threads. */
export interface Slabs {
  /** How many rows there are in all. */
  readonly extent: number;
  /** Rows of a slab: what one thread takes at a time. */
  readonly grain: number;
  /** Bytes of scratch memory for each thread, passed to the kernel before the slab range. */
  readonly workspace?: number;
}

type Kernel = (...args: number[]) => number | undefined;
interface PoolWorker {
  unref?(): void;
  terminate(): unknown;
}

const page = 65536;
const nodeProcess = (globalThis as { process?: NodeJS.Process }).process;
const nodeThreads = () => nodeProcess?.getBuiltinModule?.("node:worker_threads");
/** A thread that may block: Node's main thread, any worker; not a page's main thread. */
const mayBlock =
  nodeProcess?.versions?.node !== undefined || typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope !== "undefined";

/** Cores this process may use. */
export function cores(): number {
  const os = nodeProcess?.getBuiltinModule?.("node:os");
  return os ? os.availableParallelism() : (globalThis.navigator?.hardwareConcurrency ?? 1);
}

/**
 * One linear memory, the kernels compiled against it, and the threads that run them.
 * `parallel` cuts a kernel into slabs that depend only on the problem, so any number of threads gives the same bits.
 */
export class Engine {
  /** Which kernels compute. */
  readonly build: Build;
  /** Whether threads share the memory. */
  readonly shared: boolean;
  /** The kernels' memory. */
  readonly memory: WebAssembly.Memory;
  /** The kernels by name, to be called on this thread alone. */
  readonly exports: Readonly<Record<string, Kernel>>;
  readonly #module: WebAssembly.Module;
  readonly #allocator: Allocator;
  readonly #control: SharedArrayBuffer | ArrayBuffer;
  readonly #i: Int32Array;
  readonly #d: Float64Array;
  readonly #index = new Map<string, number>();
  readonly #workers: PoolWorker[] = [];
  readonly #limit: number;
  #threads: number;
  #workspace = { at: 0, bytes: 0 };
  #extra: { run: Kernel; at: number; bytes: number }[] = [];
  #codeBytes = 0;
  #float = new Float32Array(0);

  /** An engine of its own; `startEngine` makes the one that everybody uses. */
  constructor(options: EngineOptions = {}) {
    this.build = !options.deterministic && hasRelaxedSimd() ? "relaxed" : "simd";
    const shareable =
      typeof SharedArrayBuffer !== "undefined" && (nodeProcess?.versions?.node !== undefined || globalThis.crossOriginIsolated === true);
    this.shared = options.shared ?? shareable;
    this.#module = new WebAssembly.Module(moduleBytes(this.build, this.shared));
    this.memory = reserve(this.shared);
    this.exports = this.#instantiate(this.#module) as Record<string, Kernel>;
    for (const [k, e] of WebAssembly.Module.exports(this.#module).entries()) this.#index.set(e.name, k);
    this.#control = this.shared ? new SharedArrayBuffer(controlBytes) : new ArrayBuffer(controlBytes);
    this.#i = new Int32Array(this.#control);
    this.#d = new Float64Array(this.#control);
    this.#i[Control.sequence] = 1;
    this.#limit = Math.min(options.memoryBytes ?? 65536 * page, 65536 * page);
    // The first page holds the constants of the compiled modules.
    this.#allocator = new Allocator(page, (top) => this.#grow(top));
    this.#threads = 1;
    this.threads = options.threads ?? Math.min(cores(), 16);
  }

  #instantiate(module: WebAssembly.Module): WebAssembly.Exports {
    const abort = () => {
      throw new Error("kernel assertion");
    };
    return new WebAssembly.Instance(module, { env: { memory: this.memory, abort } }).exports;
  }

  #grow(top: number): void {
    if (top > this.#limit) throw this.#outOfMemory(top);
    const missing = Math.ceil((top - this.memory.buffer.byteLength) / page);
    if (missing <= 0) return;
    const spare = Math.min(1024, Math.floor((this.#limit - top) / page)); // grow in steps of up to 64 MB: each step renews all views
    try {
      this.memory.grow(missing + Math.max(0, spare));
    } catch {
      try {
        this.memory.grow(missing);
      } catch {
        throw this.#outOfMemory(top);
      }
    }
  }

  #outOfMemory(top: number): MemoryError {
    const mb = (bytes: number) => Math.round(bytes / 2 ** 20);
    return new MemoryError(
      `memory: ${mb(top)} MB are needed and at most ${mb(this.#limit)} MB may be used; downsample the images, crop them to the region of interest, or raise the limit`,
      { needed: top, used: this.#allocator.used, limit: this.#limit },
    );
  }

  /** Bytes held now, the most held so far, and the limit; the code of compiled modules is the engine's own and not counted. */
  get memoryUse(): { readonly used: number; readonly peak: number; readonly limit: number } {
    return { used: this.#allocator.used - this.#codeBytes, peak: this.#allocator.peak - this.#codeBytes, limit: this.#limit };
  }
  /** Start measuring the peak anew. */
  resetPeak(): void {
    this.#allocator.peak = this.#allocator.used;
  }

  /** Reserve bytes (start on a cache line, 64 zero bytes behind). The content is whatever was there. */
  allocate(bytes: number): number {
    const at = this.#allocator.allocate(bytes);
    new Uint8Array(this.memory.buffer, at + bytes, padding).fill(0);
    return at;
  }
  /** Give a block back. */
  free(at: number): void {
    this.#allocator.free(at);
  }

  /** The memory as floats at byte address `at`. Make it anew after any allocation: growing renews the buffer. */
  f32(at: number, length: number): Float32Array {
    if (this.#float.buffer !== this.memory.buffer) this.#float = new Float32Array(this.memory.buffer);
    return this.#float.subarray(at >>> 2, (at >>> 2) + length);
  }
  /** A view of 64-bit floats; it holds until the next allocation. */
  f64(at: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, at, length);
  }
  /** A view of 32-bit integers; it holds until the next allocation. */
  i32(at: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, at, length);
  }

  /** How many threads compute. */
  get threads(): number {
    return this.#threads;
  }
  /** Change the number of threads; workers start now and join when they are up. */
  set threads(count: number) {
    if (!Number.isInteger(count) || count < 1)
      throw new ArgumentError(`threads: ${count} is not a number of threads; give an integer of 1 or more`, { count });
    this.#threads = this.shared ? count : 1;
    while (this.#workers.length < this.#threads - 1) {
      const worker = startWorker({ module: this.#module, memory: this.memory, control: this.#control, id: this.#workers.length + 1 });
      if (!worker) {
        this.#threads = this.#workers.length + 1;
        break;
      }
      this.#workers.push(worker);
    }
  }
  /** Workers that are up and waiting; at most `threads` − 1. In a page they need the event loop to turn before they are. */
  get workersReady(): number {
    return Atomics.load(this.#i, Control.ready);
  }

  /** Set to 1 from any thread: kernels stop between slabs, `parallel` throws one AbortedError, and the flag is 0 again. */
  get abortFlag(): Int32Array {
    return this.#i.subarray(Control.abort, Control.abort + 1);
  }

  /** Run a kernel on this thread alone. */
  call(name: string, ...args: number[]): number {
    const kernel = this.exports[name];
    if (!kernel) throw new ArgumentError(`kernel ${name} does not exist`, { name });
    return kernel(...args) ?? 0;
  }

  /**
   * Run `kernel(...args, [workspace], i0, i1)` over all slabs and return the sum of what the slabs return, added in slab order.
   * @throws AbortedError when the abort flag is set
   */
  parallel(name: string, args: readonly number[], slabs: Slabs): number {
    const index = this.#index.get(name);
    if (index === undefined) throw new ArgumentError(`kernel ${name} does not exist`, { name });
    return this.#run(index, this.exports[name], args, slabs);
  }

  /** Compile a module made at run time (it imports env.memory and exports `run`); the result is for `parallelCompiled`. */
  compile(bytes: Uint8Array<ArrayBuffer>): number {
    const run = this.#instantiate(new WebAssembly.Module(bytes)).run as Kernel;
    const before = this.#allocator.used;
    const at = this.allocate(bytes.length);
    this.#codeBytes += this.#allocator.used - before;
    new Uint8Array(this.memory.buffer, at, bytes.length).set(bytes);
    this.#extra.push({ run, at, bytes: bytes.length });
    return this.#extra.length - 1;
  }
  /** `parallel` for a kernel that was compiled at run time, by its number. */
  parallelCompiled(code: number, args: readonly number[], slabs: Slabs): number {
    const extra = this.#extra[code];
    this.#i[Control.codeAt] = extra.at;
    this.#i[Control.codeBytes] = extra.bytes;
    return this.#run(-1 - code, extra.run, args, slabs);
  }

  #run(index: number, kernel: Kernel, args: readonly number[], { extent, grain, workspace = 0 }: Slabs): number {
    if (extent <= 0) return 0;
    grain = Math.max(1, Math.floor(grain), Math.ceil(extent / maximumSlabs));
    const total = Math.ceil(extent / grain);
    const i = this.#i;
    const d = this.#d;
    const each = Math.ceil(workspace / 64) * 64 + (workspace > 0 ? 64 : 0);
    if (workspace > 0) this.#reserveWorkspace(each * this.#threads);
    const ws = workspace > 0 ? [this.#workspace.at] : [];
    if (Atomics.load(i, Control.abort)) throw this.#aborted();
    if (this.#threads === 1 || total === 1 || this.#workers.length === 0) {
      let sum = 0;
      for (let k = 0; k < total; k++) {
        if (Atomics.load(i, Control.abort)) throw this.#aborted();
        sum += kernel(...args, ...ws, k * grain, Math.min(extent, (k + 1) * grain)) ?? 0;
      }
      return sum;
    }
    // The job is closed here (sequence odd, nobody active): write it, then open it.
    i[Control.next] = 0;
    i[Control.total] = total;
    i[Control.kernel] = index;
    i[Control.argumentCount] = args.length;
    i[Control.grain] = grain;
    i[Control.extent] = extent;
    i[Control.threads] = this.#threads;
    d[Control.workspaceBytes] = each;
    d[Control.workspaceAt] = this.#workspace.at;
    d.set(args, Control.arguments);
    Atomics.add(i, Control.sequence, 1);
    Atomics.notify(i, Control.sequence);
    let failure: unknown;
    try {
      for (;;) {
        const k = Atomics.add(i, Control.next, 1);
        if (k >= total || Atomics.load(i, Control.abort)) break;
        d[Control.results + k] = kernel(...args, ...ws, k * grain, Math.min(extent, (k + 1) * grain)) ?? 0;
      }
    } catch (error) {
      failure = error;
      Atomics.store(i, Control.next, total);
    }
    Atomics.add(i, Control.sequence, 1);
    for (let spin = 0; Atomics.load(i, Control.active) > 0; spin++) {
      if (spin > 20000 && mayBlock) {
        const active = Atomics.load(i, Control.active);
        if (active > 0) Atomics.wait(i, Control.active, active, 1);
      }
    }
    if (failure) throw failure;
    if (Atomics.load(i, Control.abort)) throw this.#aborted();
    let sum = 0;
    for (let k = 0; k < total; k++) sum += d[Control.results + k];
    return sum;
  }

  /** The flag is a request, and this answers it: the next call runs again. */
  #aborted(): AbortedError {
    Atomics.store(this.#i, Control.abort, 0);
    return new AbortedError("stopped: the abort flag was set");
  }

  #reserveWorkspace(bytes: number): void {
    if (this.#workspace.bytes >= bytes) return;
    if (this.#workspace.bytes > 0) this.#allocator.free(this.#workspace.at);
    this.#workspace = { at: 0, bytes: 0 };
    this.#workspace = { at: this.allocate(bytes), bytes };
  }

  /** Stop the workers. The engine goes on with one thread. */
  close(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#workers.length = 0;
    this.#threads = 1;
  }
}

function reserve(shared: boolean): WebAssembly.Memory {
  for (let maximum = 65536; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 64, maximum, shared });
    } catch (cause) {
      if (maximum <= 4096) throw new MemoryError("memory: the platform grants not even 256 MB of WebAssembly memory", {}, { cause });
    }
  }
}

function startWorker(data: unknown): PoolWorker | undefined {
  try {
    const threads = nodeThreads();
    if (threads) {
      const worker = new threads.Worker(workerSource, { eval: true, workerData: data });
      worker.unref();
      return worker;
    }
    const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    const worker = new Worker(url);
    worker.postMessage(data);
    return worker;
  } catch {
    return undefined; // no workers here (a strict content policy): one thread
  }
}

let current: Engine | undefined;
/** The engine of this process, made on first use. */
export function engine(): Engine {
  current ??= new Engine();
  return current;
}
/** Make the process's engine with options. Call it before the first tensor. @throws ArgumentError when it exists already and cannot be changed so */
export function startEngine(options: EngineOptions): Engine {
  if (!current) current = new Engine(options);
  else {
    if (options.deterministic && current.build !== "simd")
      throw new ArgumentError("startEngine: the engine runs already with relaxed SIMD; call startEngine first", {});
    if (options.threads !== undefined) current.threads = options.threads;
  }
  return current;
}
