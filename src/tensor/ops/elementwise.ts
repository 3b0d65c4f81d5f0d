import { ArgumentError } from "../../core/errors.js";
import { broadcastShapes, broadcastStrides, type Shape, sameShape } from "../../core/shape.js";
import { call, type Expression, elementwise, input } from "../../kernels/elementwise.js";
import { engine } from "../../kernels/engine.js";
import { binary as binaryFunctions, complexBinary, complexUnary, unary as unaryFunctions } from "../../kernels/reference/elementwise.js";
import { stridedCopy } from "../../kernels/reference/strided.js";
import type { ElementwiseFunction } from "../../kernels/vectorMath.js";
import { define } from "../primitive.js";
import { type DType, isComplex, realOf } from "../storage.js";
import { asTensor, type Operand, Tensor } from "../tensor.js";
import { complex, real } from "./complex.js";
import { sumTo } from "./reduce.js";

type UnaryName = keyof typeof unaryFunctions;
type BinaryName = keyof typeof binaryFunctions;

/** Formulas of one call each, made once: the engine keeps their code. */
const formulas = new Map<string, Expression>();
function formula(name: ElementwiseFunction, args: number): Expression {
  let found = formulas.get(name);
  if (!found) {
    found = call(name, ...[0, 1, 2].slice(0, args).map(input));
    formulas.set(name, found);
  }
  return found;
}
/** Real single precision runs emitted kernels (one pass, all threads); broadcasting happens on the way. */
function compute(name: UnaryName | BinaryName | "select", operands: readonly Tensor[], shape: Shape, out: Tensor): Tensor {
  elementwise(engine(), formula(name, operands.length), operands, shape, out.pointer);
  return out;
}
/** What a function of complex numbers is, acting on interleaved parts. */
const onParts: Partial<Record<UnaryName | BinaryName, ElementwiseFunction>> = {
  neg: "neg",
  add: "add",
  sub: "sub",
  mul: "complexMul",
  div: "complexDiv",
  square: "complexSquare",
  reciprocal: "complexReciprocal",
};
function computeParts(name: UnaryName | BinaryName, operands: readonly Tensor[], shape: Shape, out: Tensor): Tensor | undefined {
  const fn = onParts[name];
  if (!fn) return undefined;
  const parts = [2 * out.size];
  const full = operands.map((t) => ({ pointer: stretched(t, shape).pointer, shape: parts }));
  elementwise(engine(), formula(fn, operands.length), full, parts, out.pointer);
  return out;
}

function computeUnary(name: UnaryName, a: Tensor): Tensor {
  const out = Tensor.uninitialised(a.shape, a.dtype);
  if (a.dtype === "f32") return compute(name, [a], a.shape, out);
  if (a.dtype === "c64") {
    const fast = computeParts(name, [a], a.shape, out);
    if (fast) return fast;
  }
  const x = a.data;
  const y = out.data;
  if (isComplex(a.dtype)) {
    const f = complexUnary[name];
    if (!f)
      throw new ArgumentError(`${name} of complex numbers is not defined here; take real(), imag() or abs() first`, { dtype: a.dtype });
    for (let i = 0; i < x.length; i += 2) [y[i], y[i + 1]] = f(x[i], x[i + 1]);
  } else {
    const f = unaryFunctions[name];
    for (let i = 0; i < x.length; i++) y[i] = f(x[i]);
  }
  return out;
}

/**
 * A function of one variable: its name, and its derivative from x and y = f(x), written with operations so that it has one too.
 * `undefined`: the derivative is 0 almost everywhere.
 */
function unary(name: UnaryName, derivative: ((x: Tensor, y: Tensor) => Operand) | undefined): (x: Tensor) => Tensor {
  const applied = define<undefined>({
    name,
    forward: ([a]) => computeUnary(name, a),
    vjp: ({ inputs: [x], output }, g) => {
      if (!derivative) return [undefined];
      const d = derivative(x, output);
      return [g.mul(d instanceof Tensor ? d.conj() : d)];
    },
    jvp: ({ inputs: [x], output }, [t]) => (derivative && t ? t.mul(derivative(x, output)) : undefined),
  });
  return (x) => applied([x], undefined);
}

export const neg = unary("neg", () => -1);
export const abs = unary("abs", (x) => sign(x)); // d|x| = sign x dx, 0 at 0
export const sign = unary("sign", undefined);
export const square = unary("square", (x) => x.mul(2)); // d(x²) = 2x dx
export const sqrt = unary("sqrt", (_, y) => y.reciprocal().mul(0.5)); // d√x = dx / 2√x
export const reciprocal = unary("reciprocal", (_, y) => y.square().neg()); // d(1/x) = −dx / x²
export const exp = unary("exp", (_, y) => y);
export const expm1 = unary("expm1", (_, y) => y.add(1));
export const log = unary("log", (x) => x.reciprocal());
export const log1p = unary("log1p", (x) => x.add(1).reciprocal());
export const sin = unary("sin", (x) => x.cos());
export const cos = unary("cos", (x) => x.sin().neg());
export const tan = unary("tan", (_, y) => y.square().add(1)); // 1 + tan²
/** arcsin x, in (−π/2, π/2); derivative 1/√(1 − x²). */
export const asin = unary("asin", (x) => x.square().neg().add(1).sqrt().reciprocal()); // 1/√(1 − x²)
/** arccos x, in (0, π); derivative −1/√(1 − x²). */
export const acos = unary("acos", (x) => x.square().neg().add(1).sqrt().reciprocal().neg());
/** arctan x, in (−π/2, π/2); derivative 1/(1 + x²). */
export const atan = unary("atan", (x) => x.square().add(1).reciprocal()); // 1/(1 + x²)
/** (eˣ − e⁻ˣ)/2; derivative cosh x. */
export const sinh = unary("sinh", (x) => cosh(x));
/** (eˣ + e⁻ˣ)/2; derivative sinh x. */
export const cosh = unary("cosh", (x) => sinh(x));
export const tanh = unary("tanh", (_, y) => y.square().neg().add(1)); // 1 − tanh²
export const sigmoid = unary("sigmoid", (_, y) => y.sub(y.square())); // s(1 − s)
export const relu = unary("relu", (x) => x.greater(0)); // step, 0 at 0
export const erf = unary("erf", (x) =>
  x
    .square()
    .neg()
    .exp()
    .mul(2 / Math.sqrt(Math.PI)),
); // 2/√π e^(−x²)
export const floor = unary("floor", undefined);
export const ceil = unary("ceil", undefined);
export const round = unary("round", undefined);

/** The type two operands meet in: complex wins over real, f64 over f32, floats over integers. */
export function commonType(a: DType, b: DType): DType {
  if (a === b) return a;
  const double = a === "f64" || b === "f64" || a === "c128" || b === "c128";
  return isComplex(a) || isComplex(b) ? (double ? "c128" : "c64") : double ? "f64" : "f32";
}

/** Read `t` stretched to `shape`; the tensor itself when nothing needs stretching. */
function stretched(t: Tensor, shape: Shape): Tensor {
  if (sameShape(t.shape, shape)) return t;
  const out = Tensor.uninitialised(shape, t.dtype);
  const strides = broadcastStrides(shape, shape);
  stridedCopy(t.data, 0, broadcastStrides(t.shape, shape), out.data, 0, strides, shape, isComplex(t.dtype) ? 2 : 1);
  return out;
}

function computeBinary(name: BinaryName, a: Tensor, b: Tensor): Tensor {
  const shape = broadcastShapes(a.shape, b.shape, name);
  const out = Tensor.uninitialised(shape, a.dtype);
  if (a.dtype === "f32") return compute(name, [a, b], shape, out);
  if (a.dtype === "c64") {
    const fast = computeParts(name, [a, b], shape, out);
    if (fast) return fast;
  }
  if (isComplex(a.dtype)) {
    const f = complexBinary[name];
    if (!f) throw new ArgumentError(`${name} of complex numbers is not defined here`, { dtype: a.dtype });
    const [p, q] = [stretched(a, shape), stretched(b, shape)];
    const [x, w, y] = [p.data, q.data, out.data];
    for (let i = 0; i < y.length; i += 2) [y[i], y[i + 1]] = f(x[i], x[i + 1], w[i], w[i + 1]);
    return out;
  }
  const f = binaryFunctions[name];
  if (b.size === 1 && sameShape(a.shape, shape)) {
    const [x, y] = [a.data, out.data];
    const c = b.data[0];
    for (let i = 0; i < y.length; i++) y[i] = f(x[i], c);
  } else if (a.size === 1 && sameShape(b.shape, shape)) {
    const [w, y] = [b.data, out.data];
    const c = a.data[0];
    for (let i = 0; i < y.length; i++) y[i] = f(c, w[i]);
  } else {
    const [p, q] = [stretched(a, shape), stretched(b, shape)];
    const [x, w, y] = [p.data, q.data, out.data];
    for (let i = 0; i < y.length; i++) y[i] = f(x[i], w[i]);
  }
  return out;
}

type Partial2 = (a: Tensor, b: Tensor, y: Tensor) => Operand | undefined;
const times = (g: Tensor, d: Operand | undefined, adjoint: boolean) =>
  d === undefined ? undefined : d === 1 ? g : g.mul(adjoint && d instanceof Tensor ? d.conj() : d);

/** A function of two variables that broadcasts: its name and its two partial derivatives. */
function binary(name: BinaryName, da: Partial2, db: Partial2): (a: Operand, b: Operand) => Tensor {
  const applied = define<undefined>({
    name,
    forward: ([a, b]) => computeBinary(name, a, b),
    vjp: ({ inputs: [a, b], output, needs }, g) => {
      const ga = needs[0] ? times(g, da(a, b, output), true) : undefined;
      const gb = needs[1] ? times(g, db(a, b, output), true) : undefined;
      return [ga && sumTo(ga, a.shape), gb && sumTo(gb, b.shape)];
    },
    jvp: ({ inputs: [a, b], output }, [ta, tb]) => {
      const p = ta && times(ta, da(a, b, output), false);
      const q = tb && times(tb, db(a, b, output), false);
      const sum = p && q ? p.add(q) : (p ?? q);
      return sum && (sameShape(sum.shape, output.shape) ? sum : sum.broadcastTo(output.shape));
    },
  });
  return (a, b) => {
    if (!(a instanceof Tensor)) a = asTensor(a, b instanceof Tensor ? floatOf(b.dtype) : "f32");
    if (!(b instanceof Tensor)) b = asTensor(b, a.dtype === "i32" && Number.isInteger(b) ? "i32" : floatOf(a.dtype));
    const type = commonType(a.dtype, b.dtype);
    return applied([cast(a, type), cast(b, type)], undefined);
  };
}
const floatOf = (dtype: DType): DType => (dtype === "i32" ? "f32" : dtype);

export const add = binary(
  "add",
  () => 1,
  () => 1,
); // d(a+b) = da + db
export const sub = binary(
  "sub",
  () => 1,
  () => -1,
); // d(a−b) = da − db
export const mul = binary(
  "mul",
  (_, b) => b,
  (a) => a,
); // d(ab) = b da + a db
export const div = binary(
  "div",
  (_, b) => b.reciprocal(),
  (_, b, y) => y.div(b).neg(),
); // d(a/b) = da/b − (a/b) db/b
export const pow = binary(
  "pow",
  (a, b) => powFactor(a, b),
  (a, _, y) => y.mul(safeLog(a)),
); // d(aᵇ) = b aᵇ⁻¹ da + aᵇ ln a db
/** The larger of two, element by element; where they are equal each gets half of the gradient. */
export const maximum = binary(
  "maximum",
  (a, b) => share(a, b),
  (a, b) => share(b, a),
); // ties are shared
/** The smaller of two, element by element; where they are equal each gets half of the gradient. */
export const minimum = binary(
  "minimum",
  (a, b) => share(b, a),
  (a, b) => share(a, b),
);
/** The angle of the point (x, y), in (−π, π], element by element. */
export const atan2 = binary(
  "atan2",
  (y, x) => x.div(radius2(x, y)),
  (y, x) => y.div(radius2(x, y)).neg(),
);
export const less = binary(
  "less",
  () => undefined,
  () => undefined,
);
export const lessEqual = binary(
  "lessEqual",
  () => undefined,
  () => undefined,
);
export const equal = binary(
  "equal",
  () => undefined,
  () => undefined,
);
export const greater = (a: Operand, b: Operand): Tensor => less(b, a);
export const greaterEqual = (a: Operand, b: Operand): Tensor => lessEqual(b, a);

const powFactor = (a: Tensor, b: Tensor) => b.mul(a.pow(b.sub(1)));
/** ln a where a > 0, and 0 elsewhere: the limit of aᵇ ln a for b > 0. */
const safeLog = (a: Tensor) => where(a.greater(0), a, 1).log();
/** 1 where a > b, ½ on ties. */
const share = (a: Tensor, b: Tensor) => a.greater(b).add(a.equal(b).mul(0.5));
const radius2 = (x: Tensor, y: Tensor) => x.square().add(y.square());

/** condition ? a : b, elementwise; the condition is true where it is not 0. Broadcasts. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const type = commonType(a instanceof Tensor ? a.dtype : "i32", b instanceof Tensor ? b.dtype : "i32");
  const float = type === "i32" ? (condition.dtype === "i32" ? "f32" : condition.dtype) : type;
  const p = cast(asTensor(a, float), float);
  const q = cast(asTensor(b, float), float);
  const shape = broadcastShapes(broadcastShapes(p.shape, q.shape, "where"), condition.shape, "where");
  return select([condition, p.broadcastTo(shape), q.broadcastTo(shape)], undefined);
}
const select = define<undefined>({
  name: "select",
  forward: ([c, a, b]) => {
    const out = Tensor.uninitialised(a.shape, a.dtype);
    if (a.dtype === "f32" && c.dtype === "f32") return compute("select", [c, a, b], a.shape, out);
    const n = isComplex(a.dtype) ? 2 : 1;
    const stretchedCondition = stretched(c, a.shape);
    const [k, x, w, y] = [stretchedCondition.data, a.data, b.data, out.data];
    for (let i = 0; i < y.length; i++) y[i] = k[n === 1 ? i : i >> 1] !== 0 ? x[i] : w[i];
    return out;
  },
  vjp: ({ inputs: [c] }, g) => [undefined, where(c, g, 0), where(c, 0, g)],
  jvp: ({ inputs: [c, a] }, [, ta, tb]) =>
    ta || tb ? where(c, ta ?? Tensor.zeros(a.shape, a.dtype), tb ?? Tensor.zeros(a.shape, a.dtype)) : undefined,
});

/** Another number type. Complex to real is refused: say real(), imag() or abs(). */
export function cast(a: Tensor, dtype: DType): Tensor {
  if (a.dtype === dtype) return a;
  if (isComplex(a.dtype) && !isComplex(dtype))
    throw new ArgumentError(`cast: ${a.dtype} to ${dtype} would drop the imaginary part; take real(), imag() or abs()`, {});
  if (isComplex(dtype) && !isComplex(a.dtype)) return complex(cast(a, realOf(dtype)));
  return convert([a], { dtype });
}
const convert = define<{ dtype: DType }>({
  name: "convert",
  forward: ([a], { dtype }) => {
    const out = Tensor.uninitialised(a.shape, dtype);
    out.storage.data.set(a.data);
    return out;
  },
  vjp: ({ inputs: [a] }, g) => [
    a.dtype === "i32" ? undefined : isComplex(g.dtype) === isComplex(a.dtype) ? cast(g, a.dtype) : cast(real(g), a.dtype),
  ],
  jvp: ({ params: { dtype } }, [t]) => t && cast(t, dtype),
});
