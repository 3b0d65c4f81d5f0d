import type { Random } from "../core/random.js";
import { hvp, jvp, vjp } from "../tensor/differentiate.js";
import { randomNormal, Tensor } from "../tensor/tensor.js";

/** Observed order of decay of a remainder r(h): the median slope of log r against log h over the last five halvings. */
function observedOrder(remainders: readonly number[]): number {
  const orders = remainders
    .slice(1)
    .map((r, i) => Math.log2(remainders[i] / r))
    .slice(-5);
  return orders.length === 0 ? Number.POSITIVE_INFINITY : orders.sort((p, q) => p - q)[orders.length >> 1];
}

/** What a Taylor test saw. `order` is the observed order of decay; Infinity when the remainder is at rounding level throughout. */
export interface TaylorResult {
  /** Of the remainder: 2 for a right derivative. */
  readonly order: number;
  /** At h, h/2, h/4, … */
  readonly remainders: readonly number[];
}

const move = (xs: readonly Tensor[], ts: readonly Tensor[], h: number) => xs.map((x, i) => x.add(ts[i].mul(h)));
const dot = (xs: readonly Tensor[], ys: readonly Tensor[]) => xs.reduce((s, x, i) => s + x.innerProduct(ys[i]).item(), 0);

/**
 * First-order Taylor test of a scalar function: r(h) = |f(x + ht) − f(x) − h⟨∇f, t⟩| falls as h² exactly when ∇f is its gradient.
 * Inputs in f64.
 */
export function taylorFirst(f: (...xs: Tensor[]) => Tensor, xs: readonly Tensor[], random: Random, h0 = 1e-2): TaylorResult {
  const ts = xs.map((x) => randomNormal(x.shape, random, x.dtype));
  const { value, pull } = vjp(f, ...xs);
  const slope = dot(pull(Tensor.ones(value.shape, value.dtype)), ts);
  return decay(f, xs, ts, h0, (h) => value.item() + h * slope);
}

/** Second-order Taylor test: with the Hessian-vector product added the remainder falls as h³. One input. */
export function taylorSecond(f: (x: Tensor) => Tensor, x: Tensor, random: Random, h0 = 1e-2): TaylorResult {
  const t = randomNormal(x.shape, random, x.dtype);
  const { value, pull } = vjp(f, x);
  const slope = pull(Tensor.ones(value.shape, value.dtype))[0].innerProduct(t).item();
  const curvature = hvp(f, x, t).innerProduct(t).item();
  return decay(f, [x], [t], h0, (h) => value.item() + h * slope + 0.5 * h * h * curvature);
}

function decay(
  f: (...xs: Tensor[]) => Tensor,
  xs: readonly Tensor[],
  ts: readonly Tensor[],
  h0: number,
  model: (h: number) => number,
): TaylorResult {
  const remainders: number[] = [];
  let scale = 1e-300;
  for (let k = 0, h = h0; k < 10; k++, h /= 2) {
    const value = f(...move(xs, ts, h)).item();
    scale = Math.max(scale, Math.abs(value));
    remainders.push(Math.abs(value - model(h)));
  }
  const rounding = 2e-12 * scale; // f64, tens of operations: below this a remainder says nothing about its order
  return { order: observedOrder(remainders.filter((r) => r > rounding)), remainders };
}

/** ⟨J t, g⟩ − ⟨t, Jᵀ g⟩, relative: forward and reverse rules agree exactly when it is at rounding level. */
export function adjointMismatch(f: (...xs: Tensor[]) => Tensor, xs: readonly Tensor[], random: Random): number {
  const ts = xs.map((x) => randomNormal(x.shape, random, x.dtype));
  const { value, tangent } = jvp(f, xs, ts);
  const g = randomNormal(value.shape, random, value.dtype);
  const left = tangent.innerProduct(g).item();
  const right = dot(ts, vjp(f, ...xs).pull(g));
  const scale = Math.abs(left) + Math.abs(right) + tangent.norm().item() * g.norm().item();
  return scale === 0 ? 0 : Math.abs(left - right) / scale;
}

/** A scalar made of f: Re⟨w, f(x)⟩ + ½|f(x)|² with fixed random w, so that all outputs and all second derivatives count. */
export function scalarised(f: (...xs: Tensor[]) => Tensor, xs: readonly Tensor[], random: Random): (...xs: Tensor[]) => Tensor {
  const y = f(...xs);
  const w = randomNormal(y.shape, random, y.dtype);
  return (...v) => {
    const out = f(...v);
    return w.innerProduct(out).add(out.innerProduct(out).mul(0.5));
  };
}

/** One place where the laws of a primitive are checked. Inputs f64 or c128. */
export interface Example {
  /** Differentiable inputs; everything else is closed over by `f`. */
  readonly inputs: (random: Random) => Tensor[];
  /** The function. */
  readonly f: (...xs: Tensor[]) => Tensor;
  /**
   * smooth     first and second order tests (default)
   * first      first order only: second derivatives exist almost everywhere but jump
   * constant   no derivative (rounding, comparisons): only that it is treated as zero
   */
  readonly kind?: "smooth" | "first" | "constant";
  /** Largest step of the Taylor tests, smaller where the inputs must stay inside a domain. */
  readonly h0?: number;
}
/** Examples by primitive name. */
export type Examples = Readonly<Record<string, Example | readonly Example[]>>;
