import { Tensor } from "../tensor/index.js";

/** A tensor as another thread may have it. */
interface Plain {
  readonly tensor: {
    readonly shape: readonly number[];
    readonly dtype: Tensor["dtype"];
    readonly data: ArrayLike<number> & { readonly buffer: ArrayBuffer };
  };
}
const isPlain = (x: unknown): x is Plain => typeof x === "object" && x !== null && "tensor" in x;

/** Lists and objects of tensors with plain arrays in their place; the arrays' memory, to be handed over, is added to `buffers`. */
export function packed(x: unknown, buffers: ArrayBuffer[]): unknown {
  if (x instanceof Tensor) {
    const data = x.data.slice() as Plain["tensor"]["data"];
    buffers.push(data.buffer);
    return { tensor: { shape: x.shape, dtype: x.dtype, data } } satisfies Plain;
  }
  if (Array.isArray(x)) return x.map((y) => packed(y, buffers));
  if (typeof x === "object" && x !== null) return Object.fromEntries(Object.entries(x).map(([k, y]) => [k, packed(y, buffers)]));
  return x;
}
/** The same with tensors of this thread. */
export function unpacked(x: unknown): unknown {
  if (isPlain(x)) return Tensor.from(x.tensor.data as Float32Array, x.tensor.shape, x.tensor.dtype);
  if (Array.isArray(x)) return x.map(unpacked);
  if (typeof x === "object" && x !== null) return Object.fromEntries(Object.entries(x).map(([k, y]) => [k, unpacked(y)]));
  return x;
}
