import { ArgumentError, ShapeError, UseError } from "../core/errors.js";
import { type Random, seeded } from "../core/random.js";
import { type Shape, shapeText, sizeOf } from "../core/shape.js";
import * as complexOps from "./ops/complex.js";
import * as elementwise from "./ops/elementwise.js";
import * as indexing from "./ops/indexing.js";
import * as linear from "./ops/matmul.js";
import * as reduce from "./ops/reduce.js";
import * as shaping from "./ops/shaping.js";
import type { Node, Trace } from "./primitive.js";
import { componentsOf, type Data, type DType, isComplex, Storage } from "./storage.js";

/** Numbers in nested arrays, as in [[1, 2], [3, 4]]. */
export type Nested = number | readonly Nested[];
/** Whatever arithmetic accepts beside a tensor. */
export type Operand = Tensor | number;
/** One axis or several; −1 is the last. */
export type Axes = number | readonly number[];

/**
 * An n-dimensional array of numbers, row-major, never changed after it is made. Arithmetic broadcasts. Every operation is
 * differentiable (see grad, jvp); memory belongs to the surrounding scope.
 */
export class Tensor {
  constructor(
    readonly shape: Shape,
    readonly dtype: DType,
    /** The numbers' home; several tensors may share one (reshape). */
    readonly storage: Storage,
  ) {}

  /** A tensor from a flat array (copied). */
  static from(
    data: ArrayLike<number>,
    shape: Shape,
    dtype: DType = data instanceof Float64Array ? "f64" : data instanceof Int32Array ? "i32" : "f32",
  ): Tensor {
    const n = sizeOf(shape) * componentsOf(dtype);
    if (data.length !== n)
      throw new ShapeError(
        `tensor: ${data.length} numbers for the shape ${shapeText(shape)}${isComplex(dtype) ? " of complex pairs" : ""}, which holds ${n}`,
        { shape, dtype },
      );
    const storage = new Storage(dtype, sizeOf(shape), false);
    storage.data.set(data);
    return new Tensor(shape, dtype, storage);
  }
  static zeros(shape: Shape, dtype: DType = "f32"): Tensor {
    return new Tensor(shape, dtype, new Storage(dtype, sizeOf(shape)));
  }
  static ones(shape: Shape, dtype: DType = "f32"): Tensor {
    return Tensor.full(shape, 1, dtype);
  }
  static full(shape: Shape, value: number, dtype: DType = "f32"): Tensor {
    const t = Tensor.uninitialised(shape, dtype);
    const data = t.storage.data;
    if (isComplex(dtype)) for (let i = 0; i < data.length; i += 2) [data[i], data[i + 1]] = [value, 0];
    else data.fill(value);
    return t;
  }
  static scalar(value: number, dtype: DType = "f32"): Tensor {
    return Tensor.full([], value, dtype);
  }
  /** For writing a kernel's output into; the content is arbitrary until then. */
  static uninitialised(shape: Shape, dtype: DType = "f32"): Tensor {
    return new Tensor(shape, dtype, new Storage(dtype, sizeOf(shape), false));
  }

  get size(): number {
    return sizeOf(this.shape);
  }
  get rank(): number {
    return this.shape.length;
  }
  /** The numbers (complex: pairs), to be read only, as a view that is valid until the next tensor is made. */
  get data(): Data {
    const data = this.storage.data;
    const n = this.size * componentsOf(this.dtype);
    return data.length === n ? data : data.subarray(0, n);
  }
  /** Byte address in the engine's memory, for kernels. */
  get pointer(): number {
    return this.storage.pointer;
  }
  /** The only number in it. @throws ShapeError when there are several */
  item(): number {
    if (this.size !== 1 || isComplex(this.dtype))
      throw new ShapeError(`item: ${shapeText(this.shape)} ${this.dtype} is not one real number`, { shape: this.shape });
    return this.data[0];
  }
  /** Nested arrays; complex numbers as [re, im]. */
  toArray(): Nested {
    const data = this.data;
    const c = componentsOf(this.dtype);
    let at = 0;
    const build = (axis: number): Nested => {
      if (axis < this.rank) return Array.from({ length: this.shape[axis] }, () => build(axis + 1));
      at += c;
      return c === 2 ? [data[at - 2], data[at - 1]] : data[at - 1];
    };
    return build(0);
  }

  // Elementwise
  add(b: Operand): Tensor {
    return elementwise.add(this, b);
  }
  sub(b: Operand): Tensor {
    return elementwise.sub(this, b);
  }
  mul(b: Operand): Tensor {
    return elementwise.mul(this, b);
  }
  div(b: Operand): Tensor {
    return elementwise.div(this, b);
  }
  pow(b: Operand): Tensor {
    return elementwise.pow(this, b);
  }
  maximum(b: Operand): Tensor {
    return elementwise.maximum(this, b);
  }
  minimum(b: Operand): Tensor {
    return elementwise.minimum(this, b);
  }
  less(b: Operand): Tensor {
    return elementwise.less(this, b);
  }
  lessEqual(b: Operand): Tensor {
    return elementwise.lessEqual(this, b);
  }
  greater(b: Operand): Tensor {
    return elementwise.greater(this, b);
  }
  greaterEqual(b: Operand): Tensor {
    return elementwise.greaterEqual(this, b);
  }
  equal(b: Operand): Tensor {
    return elementwise.equal(this, b);
  }
  neg(): Tensor {
    return elementwise.neg(this);
  }
  abs(): Tensor {
    return isComplex(this.dtype) ? complexOps.magnitude(this) : elementwise.abs(this);
  }
  sign(): Tensor {
    return elementwise.sign(this);
  }
  square(): Tensor {
    return elementwise.square(this);
  }
  sqrt(): Tensor {
    return elementwise.sqrt(this);
  }
  reciprocal(): Tensor {
    return elementwise.reciprocal(this);
  }
  exp(): Tensor {
    return elementwise.exp(this);
  }
  expm1(): Tensor {
    return elementwise.expm1(this);
  }
  log(): Tensor {
    return elementwise.log(this);
  }
  log1p(): Tensor {
    return elementwise.log1p(this);
  }
  sin(): Tensor {
    return elementwise.sin(this);
  }
  cos(): Tensor {
    return elementwise.cos(this);
  }
  tan(): Tensor {
    return elementwise.tan(this);
  }
  tanh(): Tensor {
    return elementwise.tanh(this);
  }
  sigmoid(): Tensor {
    return elementwise.sigmoid(this);
  }
  relu(): Tensor {
    return elementwise.relu(this);
  }
  erf(): Tensor {
    return elementwise.erf(this);
  }
  floor(): Tensor {
    return elementwise.floor(this);
  }
  ceil(): Tensor {
    return elementwise.ceil(this);
  }
  round(): Tensor {
    return elementwise.round(this);
  }
  clamp(low: number, high: number): Tensor {
    return this.maximum(low).minimum(high);
  }

  // Reductions
  sum(axes?: Axes, keepAxes = false): Tensor {
    return reduce.sum(this, axes, keepAxes);
  }
  mean(axes?: Axes, keepAxes = false): Tensor {
    return reduce.mean(this, axes, keepAxes);
  }
  max(axes?: Axes, keepAxes = false): Tensor {
    return reduce.max(this, axes, keepAxes);
  }
  min(axes?: Axes, keepAxes = false): Tensor {
    return reduce.min(this, axes, keepAxes);
  }
  prod(axes?: Axes, keepAxes = false): Tensor {
    return reduce.prod(this, axes, keepAxes);
  }
  variance(axes?: Axes, keepAxes = false): Tensor {
    return reduce.variance(this, axes, keepAxes);
  }
  /** √Σ|x|². */
  norm(): Tensor {
    return this.innerProduct(this).sqrt();
  }
  argmax(axis = -1): Tensor {
    return reduce.argmax(this, axis);
  }
  argmin(axis = -1): Tensor {
    return reduce.argmin(this, axis);
  }
  cumsum(axis = -1): Tensor {
    return reduce.cumsum(this, axis);
  }
  /** Re Σ x̄ y: the inner product of real vector spaces that all derivative rules use. */
  innerProduct(b: Tensor): Tensor {
    return isComplex(this.dtype) || isComplex(b.dtype) ? complexOps.real(this.conj().mul(b)).sum() : this.mul(b).sum();
  }

  // Shape
  reshape(...shape: number[]): Tensor {
    return shaping.reshape(this, shape);
  }
  permute(...axes: number[]): Tensor {
    return shaping.permute(this, axes);
  }
  /** Swap the last two axes. */
  transpose(): Tensor {
    if (this.rank < 2) throw new ShapeError(`transpose: ${shapeText(this.shape)} has no two axes`, { shape: this.shape });
    const axes = this.shape.map((_, i) => i);
    return this.permute(...axes.slice(0, -2), this.rank - 1, this.rank - 2);
  }
  broadcastTo(shape: Shape): Tensor {
    return shaping.broadcastTo(this, shape);
  }
  slice(begin: readonly number[], end?: readonly number[], step?: readonly number[]): Tensor {
    return shaping.slice(this, begin, end, step);
  }
  /** The i-th element along the first axis. */
  at(index: number): Tensor {
    return shaping.at(this, index);
  }
  pad(before: readonly number[], after: readonly number[], value = 0): Tensor {
    return shaping.pad(this, before, after, value);
  }
  flip(axes?: Axes): Tensor {
    return shaping.flip(this, axes);
  }
  gather(indices: Tensor, axis = 0): Tensor {
    return indexing.gather(this, indices, axis);
  }
  matmul(b: Tensor): Tensor {
    return linear.matmul(this, b);
  }
  /** Another number type; the derivative is the cast back. */
  cast(dtype: DType): Tensor {
    return elementwise.cast(this, dtype);
  }

  // Complex
  conj(): Tensor {
    return isComplex(this.dtype) ? complexOps.conj(this) : this;
  }
  real(): Tensor {
    return complexOps.real(this);
  }
  imag(): Tensor {
    return complexOps.imag(this);
  }
}

/** A tensor under differentiation: `primal` is its value one level further out. Reading its data gives that value, a constant. */
export class Traced extends Tensor {
  constructor(
    readonly trace: Trace,
    readonly primal: Tensor,
    /** Reverse mode: the node that made it. */
    readonly node: Node | undefined,
    /** Which output of the node it is. */
    readonly index: number,
    /** Forward mode: its tangent. */
    readonly tangent?: Tensor,
  ) {
    super(primal.shape, primal.dtype, primal.storage);
  }
}

/** A tensor from nested arrays, a flat typed array with a shape, or one number. f32 unless told otherwise. */
export function tensor(values: Nested | ArrayLike<number>, shape?: Shape, dtype?: DType): Tensor {
  if (typeof values === "number") return Tensor.full(shape ?? [], values, dtype);
  if (ArrayBuffer.isView(values)) return Tensor.from(values as ArrayLike<number>, shape ?? [values.length], dtype);
  const found: number[] = [];
  const flat: number[] = [];
  const walk = (v: Nested, depth: number) => {
    if (typeof v === "number") {
      if (depth !== found.length) throw new ShapeError("tensor: the nested arrays have different depths", {});
      flat.push(v);
      return;
    }
    if (found.length === depth) {
      if (flat.length > 0) throw new ShapeError("tensor: the nested arrays have different depths", {});
      found.push(v.length);
    } else if (found[depth] !== v.length) throw new ShapeError(`tensor: rows of ${found[depth]} and of ${v.length} elements`, {});
    for (const w of v) walk(w, depth + 1);
  };
  walk(values as Nested, 0);
  const complex = dtype !== undefined && isComplex(dtype);
  return Tensor.from(flat, shape ?? (complex ? found.slice(0, -1) : found), dtype);
}

/** start, start + step, … below end. */
export function arange(start: number, end: number, step = 1, dtype: DType = "f32"): Tensor {
  if (step === 0) throw new ArgumentError("arange: a step of 0 never arrives", { start, end });
  return Tensor.from(
    Array.from({ length: Math.max(0, Math.ceil((end - start) / step)) }, (_, i) => start + i * step),
    [Math.max(0, Math.ceil((end - start) / step))],
    dtype,
  );
}
/** `count` values from `start` to `end`, both included. */
export function linspace(start: number, end: number, count: number, dtype: DType = "f32"): Tensor {
  return Tensor.from(
    Array.from({ length: count }, (_, i) => (count === 1 ? start : start + ((end - start) * i) / (count - 1))),
    [count],
    dtype,
  );
}
/** The n×n identity. */
export function eye(n: number, dtype: DType = "f32"): Tensor {
  const values = new Float64Array(n * n);
  for (let i = 0; i < n; i++) values[i * n + i] = 1;
  return Tensor.from(values, [n, n], dtype);
}
/** Independent standard normal numbers. */
export function randomNormal(shape: Shape, random: Random = seeded(42), dtype: DType = "f32"): Tensor {
  return Tensor.from(Float64Array.from({ length: sizeOf(shape) * componentsOf(dtype) }, random.normal), shape, dtype);
}
/** Independent numbers, uniform on [low, high). */
export function randomUniform(shape: Shape, low = 0, high = 1, random: Random = seeded(42), dtype: DType = "f32"): Tensor {
  return Tensor.from(
    Float64Array.from({ length: sizeOf(shape) * componentsOf(dtype) }, () => low + (high - low) * random.uniform()),
    shape,
    dtype,
  );
}
/** Same shape and type, all zero. */
export const zerosLike = (t: Tensor): Tensor => Tensor.zeros(t.shape, t.dtype);
/** Make an operand a tensor of the given type. */
export function asTensor(value: Operand, dtype: DType): Tensor {
  if (value instanceof Tensor) return value;
  if (typeof value !== "number") throw new UseError(`expected a tensor or a number, got ${typeof value}`, { value });
  return Tensor.full([], value, dtype);
}
