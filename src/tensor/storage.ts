import { MemoryError, UseError } from "../core/errors.js";
import { adopt, Resource } from "../core/scope.js";
import { type Shape, sizeOf } from "../core/shape.js";
import { type Engine, engine } from "../kernels/engine.js";

export { detached, dispose, keep, recording, scope } from "../core/scope.js";

/** f32, i32 and c64 (pairs of f32) live in the engine's memory; f64 and c128 are plain arrays and run the reference kernels. */
export type DType = "f32" | "f64" | "i32" | "c64" | "c128";
export type Data = Float32Array | Float64Array | Int32Array;

export const isComplex = (dtype: DType): boolean => dtype === "c64" || dtype === "c128";
/** Numbers per element: 2 for complex. */
export const componentsOf = (dtype: DType): number => (isComplex(dtype) ? 2 : 1);
/** The real type of the same precision. */
export const realOf = (dtype: DType): DType => (dtype === "c64" ? "f32" : dtype === "c128" ? "f64" : dtype);
export const complexOf = (dtype: DType): DType => (dtype === "f64" || dtype === "c128" ? "c128" : "c64");
const onHeap = (dtype: DType) => dtype === "f32" || dtype === "i32" || dtype === "c64";

const orphans = new FinalizationRegistry<{ engine: Engine; at: number }>(({ engine, at }) => engine.free(at));

/** A block of numbers, owned by the scope it was made in; without a scope, by the garbage collector. */
export class Storage extends Resource {
  /** How many numbers. */
  readonly length: number;
  readonly #engine: Engine | undefined;
  readonly #plain: Float64Array | undefined;
  #at = 0;
  #state: "scoped" | "collected" | "freed" = "scoped";

  constructor(
    /** Type of the numbers. */
    readonly dtype: DType,
    elements: number,
    zeroed = true,
  ) {
    super();
    this.length = elements * componentsOf(dtype);
    if (onHeap(dtype)) {
      this.#engine = engine();
      this.#at = this.#engine.allocate(this.length * 4);
      if (zeroed) this.#engine.f32(this.#at, this.length).fill(0);
      adopt(this);
    } else this.#plain = new Float64Array(this.length);
  }

  /** Byte address in the engine's memory, for kernels. */
  get pointer(): number {
    if (!this.#engine) throw new UseError(`storage: ${this.dtype} tensors are not in the engine's memory`, { dtype: this.dtype });
    this.#check();
    return this.#at;
  }
  /** The numbers, as a view that is valid until the next allocation. */
  get data(): Data {
    if (this.#plain) return this.#plain;
    this.#check();
    const e = this.#engine as Engine;
    return this.dtype === "i32" ? e.i32(this.#at, this.length) : e.f32(this.#at, this.length);
  }
  #check(): void {
    if (this.#state === "freed")
      throw new UseError("tensor: its scope has ended and freed it; return it from the scope, or keep(tensor) it", { length: this.length });
  }
  /** Hand over to the garbage collector. */
  override release(): void {
    if (this.#engine && this.#state === "scoped") {
      this.#state = "collected";
      orphans.register(this, { engine: this.#engine, at: this.#at }, this);
    }
  }
  override free(): void {
    if (!this.#engine || this.#state === "freed") return;
    if (this.#state === "collected") orphans.unregister(this);
    this.#state = "freed";
    this.#engine.free(this.#at);
  }
}

/** Bytes an f32 tensor of this shape needs; used to predict peaks. */
export const bytesOf = (shape: Shape, dtype: DType = "f32"): number => sizeOf(shape) * componentsOf(dtype) * (onHeap(dtype) ? 4 : 8);

/** Refuse work that cannot fit before it starts. @throws MemoryError saying how much is needed and what to try */
export function requireMemory(bytes: number, what: string, remedy: string): void {
  const { used, limit } = engine().memoryUse;
  if (used + bytes > limit) {
    const mb = (b: number) => Math.round(b / 2 ** 20);
    throw new MemoryError(`${what} needs about ${mb(bytes)} MB and ${mb(limit - used)} MB are left of ${mb(limit)} MB; ${remedy}`, {
      needed: bytes,
      used,
      limit,
    });
  }
}
