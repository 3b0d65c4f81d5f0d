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
  /** For those who make storage; use `from`, `zeros`, `ones`, `full` or `scalar`. */
  constructor(
    /** Lengths of the axes, the slowest first. */
    readonly shape: Shape,
    /** Type of the numbers. */
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
  /** All 0. */
  static zeros(shape: Shape, dtype: DType = "f32"): Tensor {
    return new Tensor(shape, dtype, new Storage(dtype, sizeOf(shape)));
  }
  /** All 1. */
  static ones(shape: Shape, dtype: DType = "f32"): Tensor {
    return Tensor.full(shape, 1, dtype);
  }
  /** All the same value. */
  static full(shape: Shape, value: number, dtype: DType = "f32"): Tensor {
    const t = Tensor.uninitialised(shape, dtype);
    const data = t.storage.data;
    if (isComplex(dtype)) for (let i = 0; i < data.length; i += 2) [data[i], data[i + 1]] = [value, 0];
    else data.fill(value);
    return t;
  }
  /** One number, without axes. */
  static scalar(value: number, dtype: DType = "f32"): Tensor {
    return Tensor.full([], value, dtype);
  }
  /** For writing a kernel's output into; the content is arbitrary until then. */
  static uninitialised(shape: Shape, dtype: DType = "f32"): Tensor {
    return new Tensor(shape, dtype, new Storage(dtype, sizeOf(shape), false));
  }

  /** How many numbers it holds. */
  get size(): number {
    return sizeOf(this.shape);
  }
  /** How many axes it has. */
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
  /** a + b. */
  add(b: Operand): Tensor {
    return elementwise.add(this, b);
  }
  /** a − b. */
  sub(b: Operand): Tensor {
    return elementwise.sub(this, b);
  }
  /** a b, element by element. */
  mul(b: Operand): Tensor {
    return elementwise.mul(this, b);
  }
  /** a / b, element by element. */
  div(b: Operand): Tensor {
    return elementwise.div(this, b);
  }
  /** aᵇ, element by element. */
  pow(b: Operand): Tensor {
    return elementwise.pow(this, b);
  }
  /** The larger of two, element by element. */
  maximum(b: Operand): Tensor {
    return elementwise.maximum(this, b);
  }
  /** The smaller of two, element by element. */
  minimum(b: Operand): Tensor {
    return elementwise.minimum(this, b);
  }
  /** 1 where a < b, else 0. */
  less(b: Operand): Tensor {
    return elementwise.less(this, b);
  }
  /** 1 where a ≤ b, else 0. */
  lessEqual(b: Operand): Tensor {
    return elementwise.lessEqual(this, b);
  }
  /** 1 where a > b, else 0. */
  greater(b: Operand): Tensor {
    return elementwise.greater(this, b);
  }
  /** 1 where a ≥ b, else 0. */
  greaterEqual(b: Operand): Tensor {
    return elementwise.greaterEqual(this, b);
  }
  /** 1 where a = b, else 0. */
  equal(b: Operand): Tensor {
    return elementwise.equal(this, b);
  }
  /** −a. */
  neg(): Tensor {
    return elementwise.neg(this);
  }
  /** Its absolute value; of complex numbers their magnitude. */
  abs(): Tensor {
    return isComplex(this.dtype) ? complexOps.magnitude(this) : elementwise.abs(this);
  }
  /** −1, 0 or 1. */
  sign(): Tensor {
    return elementwise.sign(this);
  }
  /** a². */
  square(): Tensor {
    return elementwise.square(this);
  }
  /** √a. */
  sqrt(): Tensor {
    return elementwise.sqrt(this);
  }
  /** 1 / a. */
  reciprocal(): Tensor {
    return elementwise.reciprocal(this);
  }
  /** eᵃ. */
  exp(): Tensor {
    return elementwise.exp(this);
  }
  /** eᵃ − 1, exact for small a. */
  expm1(): Tensor {
    return elementwise.expm1(this);
  }
  /** The natural logarithm. */
  log(): Tensor {
    return elementwise.log(this);
  }
  /** log(1 + a), exact for small a. */
  log1p(): Tensor {
    return elementwise.log1p(this);
  }
  /** sin a. */
  sin(): Tensor {
    return elementwise.sin(this);
  }
  /** cos a. */
  cos(): Tensor {
    return elementwise.cos(this);
  }
  /** tan a. */
  tan(): Tensor {
    return elementwise.tan(this);
  }
  /** tanh a. */
  tanh(): Tensor {
    return elementwise.tanh(this);
  }
  /** 1 / (1 + e⁻ᵃ). */
  sigmoid(): Tensor {
    return elementwise.sigmoid(this);
  }
  /** max(a, 0). */
  relu(): Tensor {
    return elementwise.relu(this);
  }
  /** 2/√π ∫₀ᵃ exp(−t²) dt. */
  erf(): Tensor {
    return elementwise.erf(this);
  }
  /** The largest whole number that is not larger. */
  floor(): Tensor {
    return elementwise.floor(this);
  }
  /** The smallest whole number that is not smaller. */
  ceil(): Tensor {
    return elementwise.ceil(this);
  }
  /** The nearest whole number. */
  round(): Tensor {
    return elementwise.round(this);
  }
  /** Not below `low`, not above `high`. */
  clamp(low: number, high: number): Tensor {
    return this.maximum(low).minimum(high);
  }

  // Reductions
  /** The sum over some axes, or over all. */
  sum(axes?: Axes, keepAxes = false): Tensor {
    return reduce.sum(this, axes, keepAxes);
  }
  /** The mean over some axes, or over all. */
  mean(axes?: Axes, keepAxes = false): Tensor {
    return reduce.mean(this, axes, keepAxes);
  }
  /** The largest over some axes, or of all. */
  max(axes?: Axes, keepAxes = false): Tensor {
    return reduce.max(this, axes, keepAxes);
  }
  /** The smallest over some axes, or of all. */
  min(axes?: Axes, keepAxes = false): Tensor {
    return reduce.min(this, axes, keepAxes);
  }
  /** The product over some axes, or of all. */
  prod(axes?: Axes, keepAxes = false): Tensor {
    return reduce.prod(this, axes, keepAxes);
  }
  /** The mean squared distance from the mean, over some axes or all. */
  variance(axes?: Axes, keepAxes = false): Tensor {
    return reduce.variance(this, axes, keepAxes);
  }
  /** √Σ|x|². */
  norm(): Tensor {
    return this.innerProduct(this).sqrt();
  }
  /** Where along an axis the largest is. */
  argmax(axis = -1): Tensor {
    return reduce.argmax(this, axis);
  }
  /** Where along an axis the smallest is. */
  argmin(axis = -1): Tensor {
    return reduce.argmin(this, axis);
  }
  /** Sums along an axis up to each element. */
  cumsum(axis = -1): Tensor {
    return reduce.cumsum(this, axis);
  }
  /** Re Σ x̄ y: the inner product of real vector spaces that all derivative rules use. */
  innerProduct(b: Tensor): Tensor {
    return isComplex(this.dtype) || isComplex(b.dtype) ? complexOps.real(this.conj().mul(b)).sum() : this.mul(b).sum();
  }

  // Shape
  /** The same numbers in another shape; one length may be −1. */
  reshape(...shape: number[]): Tensor {
    return shaping.reshape(this, shape);
  }
  /** The axes in another order. */
  permute(...axes: number[]): Tensor {
    return shaping.permute(this, axes);
  }
  /** Swap the last two axes. */
  transpose(): Tensor {
    if (this.rank < 2) throw new ShapeError(`transpose: ${shapeText(this.shape)} has no two axes`, { shape: this.shape });
    const axes = this.shape.map((_, i) => i);
    return this.permute(...axes.slice(0, -2), this.rank - 1, this.rank - 2);
  }
  /** Repeated along axes of length 1 until it has the shape. */
  broadcastTo(shape: Shape): Tensor {
    return shaping.broadcastTo(this, shape);
  }
  /** From `begin` up to `end` (not with it) along each axis. */
  slice(begin: readonly number[], end?: readonly number[], step?: readonly number[]): Tensor {
    return shaping.slice(this, begin, end, step);
  }
  /** The i-th element along the first axis. */
  at(index: number): Tensor {
    return shaping.at(this, index);
  }
  /** So many more samples before and after along each axis, of one value. */
  pad(before: readonly number[], after: readonly number[], value = 0): Tensor {
    return shaping.pad(this, before, after, value);
  }
  /** Backwards along some axes. */
  flip(axes?: Axes): Tensor {
    return shaping.flip(this, axes);
  }
  /** The elements at `indices` along an axis. */
  gather(indices: Tensor, axis = 0): Tensor {
    return indexing.gather(this, indices, axis);
  }
  /** The matrix product, of stacks of matrices too. */
  matmul(b: Tensor): Tensor {
    return linear.matmul(this, b);
  }
  /** Another number type; the derivative is the cast back. */
  cast(dtype: DType): Tensor {
    return elementwise.cast(this, dtype);
  }

  // Complex
  /** The complex conjugate. */
  conj(): Tensor {
    return isComplex(this.dtype) ? complexOps.conj(this) : this;
  }
  /** The real part. */
  real(): Tensor {
    return complexOps.real(this);
  }
  /** The imaginary part. */
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
