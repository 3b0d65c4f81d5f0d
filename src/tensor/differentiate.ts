import { ShapeError, UseError } from "../core/errors.js";
import { detached, scope } from "../core/scope.js";
import { shapeText } from "../core/shape.js";
import { stack } from "./ops/shaping.js";
import { apply, defineMany, type Primitive, pullback, pushforward } from "./primitive.js";
import { isComplex } from "./storage.js";
import { Tensor } from "./tensor.js";

type Fn = (...xs: Tensor[]) => Tensor;

function scalarOf(value: Tensor, who: string): Tensor {
  if (value.size !== 1 || isComplex(value.dtype))
    throw new ShapeError(`${who}: the function must return one real number, and returned ${shapeText(value.shape)} ${value.dtype}`, {
      shape: value.shape,
    });
  return value;
}

/** f(x) and its gradient with respect to every argument, by reverse mode. For complex z = x + iy the gradient is ∂f/∂x + i ∂f/∂y. */
export function valueAndGrad(f: Fn): (...xs: Tensor[]) => { value: Tensor; gradients: Tensor[] } {
  return (...xs) =>
    scope(() => {
      const { values, pull } = pullback((...v) => [f(...v)], xs);
      const value = scalarOf(values[0], "grad");
      return { value, gradients: pull([Tensor.ones(value.shape, value.dtype)]) };
    });
}
/** The gradient of a scalar function with respect to its first argument. */
export function grad(f: Fn): Fn {
  return (...xs) => scope(() => valueAndGrad((x) => f(x, ...xs.slice(1)))(xs[0]).gradients[0]);
}
/** f(x) and the pull-back ḡ ↦ Jᵀ ḡ, one cotangent per argument. */
export function vjp(f: Fn, ...xs: Tensor[]): { value: Tensor; pull: (cotangent: Tensor) => Tensor[] } {
  const { values, pull } = pullback((...v) => [f(...v)], xs);
  return { value: values[0], pull: (g) => pull([g]) };
}
/** f(x) and the directional derivative J t, by forward mode. */
export function jvp(f: Fn, xs: readonly Tensor[], tangents: readonly Tensor[]): { value: Tensor; tangent: Tensor } {
  return scope(() => {
    const { values, tangents: out } = pushforward((...v) => [f(...v)], xs, tangents);
    return { value: values[0], tangent: out[0] };
  });
}
/** The Hessian of a scalar function times a direction, forward over reverse: the price of a few gradients, no matrix. */
export function hvp(f: (x: Tensor) => Tensor, x: Tensor, direction: Tensor): Tensor {
  return scope(() => pushforward((v) => [grad(f)(v)], [x], [direction]).tangents[0]);
}
/** The matrix ∂fᵢ/∂xⱼ, of shape [...f, ...x]; by forward mode when x is the smaller side. Real functions. */
export function jacobian(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (x) =>
    scope(() => {
      const unit = (n: number, i: number, like: Tensor) => {
        const e = new Float64Array(n);
        e[i] = 1;
        return Tensor.from(e, like.shape, like.dtype);
      };
      const { values, pull } = pullback((v) => [f(v)], [x]);
      const y = values[0];
      if (isComplex(x.dtype) || isComplex(y.dtype))
        throw new UseError("jacobian: of real functions; take the real and imaginary parts as separate outputs", {});
      if (y.size <= x.size) {
        const rows = Array.from({ length: y.size }, (_, i) => pull([unit(y.size, i, y)])[0].reshape(x.size));
        return rows.length === 0 ? Tensor.zeros([...y.shape, ...x.shape], y.dtype) : stack(rows).reshape(...y.shape, ...x.shape);
      }
      const columns = Array.from({ length: x.size }, (_, j) =>
        pushforward((v) => [f(v)], [x], [unit(x.size, j, x)]).tangents[0].reshape(y.size),
      );
      return columns.length === 0 ? Tensor.zeros([...y.shape, ...x.shape], y.dtype) : stack(columns, 1).reshape(...y.shape, ...x.shape);
    });
}
/** The matrix of second derivatives of a scalar function, of shape [...x, ...x]. */
export function hessian(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return jacobian((x) => grad(f)(x));
}

/**
 * f with its intermediate values recomputed in the backward pass instead of stored: memory of the inputs and outputs only, for one
 * more evaluation of f.
 * @see Griewank & Walther (2000), Revolve, ACM TOMS 26(1): the single-segment case
 */
export function checkpoint(f: Fn): Fn {
  const rule: Primitive<undefined> = {
    name: "checkpoint",
    forward: (inputs) => [detached(() => f(...inputs))],
    vjp: ({ inputs }, [g]) => (g ? pullback((...v) => [f(...v)], inputs).pull([g]) : inputs.map(() => undefined)),
    jvp: ({ inputs }, ts) =>
      pushforward(
        (...v) => [f(...v)],
        inputs,
        ts.map((t, i) => t ?? Tensor.zeros(inputs[i].shape, inputs[i].dtype)),
      ).tangents,
  };
  return (...xs) => applyRule(rule, xs);
}
const applyRule = (rule: Primitive<undefined>, xs: readonly Tensor[]) => apply(rule, xs, undefined)[0];

/**
 * A function with a derivative rule of your own.
 *  value   plain computation
 *  vjp     (ḡ, output, inputs) ↦ cotangents of the inputs, written with tensor operations (then second derivatives exist too)
 */
export function custom(o: {
  readonly value: Fn;
  readonly vjp: (cotangent: Tensor, output: Tensor, inputs: readonly Tensor[]) => readonly (Tensor | undefined)[];
  readonly jvp?: (tangents: readonly (Tensor | undefined)[], output: Tensor, inputs: readonly Tensor[]) => Tensor | undefined;
}): Fn {
  const { jvp: forwardRule } = o;
  const rule: Primitive<undefined> = {
    name: "custom",
    forward: (inputs) => [detached(() => o.value(...inputs))],
    vjp: ({ inputs, outputs }, [g]) => (g ? o.vjp(g, outputs[0], inputs) : inputs.map(() => undefined)),
    jvp: forwardRule ? ({ inputs, outputs }, ts) => [forwardRule(ts, outputs[0], inputs)] : undefined,
  };
  return (...xs) => applyRule(rule, xs);
}

/** x as a constant: its derivative is zero. */
export function stopGradient(x: Tensor): Tensor {
  return constant([x], undefined)[0];
}
const constant = defineMany<undefined>({ name: "stopGradient", forward: ([x]) => [x], vjp: () => [undefined], jvp: () => [undefined] });
