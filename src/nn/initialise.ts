import { ArgumentError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { type Shape, shapeText, sizeOf } from "../core/shape.js";
import { Tensor } from "../tensor/tensor.js";

/** Weights of a shape [outputs, inputs, (z, y,) x] to begin with. */
export type Initialiser = (shape: Shape, random: Random) => Tensor;

/** Numbers that reach one output, and that one input reaches. */
function fans(shape: Shape): { readonly into: number; readonly outOf: number } {
  if (shape.length < 2)
    throw new ArgumentError(`initialiser: weights of ${shapeText(shape)} have no inputs and outputs; give at least two axes`, { shape });
  const taps = sizeOf(shape.slice(2));
  return { into: shape[1] * taps, outOf: shape[0] * taps };
}
const drawn = (shape: Shape, draw: () => number) => Tensor.from(Float32Array.from({ length: sizeOf(shape) }, draw), shape);

/** All weights 0. */
export const zeros: Initialiser = (shape) => Tensor.zeros(shape);
/** All weights 1. */
export const ones: Initialiser = (shape) => Tensor.ones(shape);
/** Normal numbers of a given standard deviation. */
export const normal =
  (deviation = 0.02): Initialiser =>
  (shape, random) =>
    drawn(shape, () => deviation * random.normal());

/**
 * Normal of variance 2 / ((1 + a²) n), n inputs of an output: keeps the scale of values through layers of ReLU with slope a below 0.
 * `fan: "out"` keeps that of gradients instead.
 * @see He, Zhang, Ren & Sun (2015), Delving deep into rectifiers, ICCV, eqs. (10, 14)
 */
export const kaiming =
  ({ slope = 0, fan = "in" }: { readonly slope?: number; readonly fan?: "in" | "out" } = {}): Initialiser =>
  (shape, random) => {
    const { into, outOf } = fans(shape);
    const deviation = Math.sqrt(2 / ((1 + slope * slope) * (fan === "in" ? into : outOf)));
    return drawn(shape, () => deviation * random.normal());
  };

/**
 * Uniform of variance 2 gain² / (inputs + outputs): for layers without rectifiers.
 * @see Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural networks, AISTATS, eq. (16)
 */
export const xavier =
  ({ gain = 1 }: { readonly gain?: number } = {}): Initialiser =>
  (shape, random) => {
    const { into, outOf } = fans(shape);
    const bound = gain * Math.sqrt(6 / (into + outOf));
    return drawn(shape, () => bound * (2 * random.uniform() - 1));
  };

/**
 * gain · Q with orthonormal rows (columns where there are more rows than columns), rows the outputs: uniformly distributed, from normal
 * numbers by Gram–Schmidt, twice for orthogonality at rounding level.
 * @see Saxe, McClelland & Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, ICLR
 */
export const orthogonal =
  ({ gain = 1 }: { readonly gain?: number } = {}): Initialiser =>
  (shape, random) => {
    fans(shape);
    const [rows, columns] = [shape[0], sizeOf(shape.slice(1))];
    const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
    const basis: Float64Array[] = [];
    for (let i = 0; i < count; i++) {
      const v = Float64Array.from({ length }, () => random.normal());
      for (let pass = 0; pass < 2; pass++)
        for (const b of basis) {
          const along = v.reduce((s, value, k) => s + value * b[k], 0);
          for (let k = 0; k < length; k++) v[k] -= along * b[k];
        }
      const norm = Math.sqrt(v.reduce((s, value) => s + value * value, 0));
      basis.push(v.map((value) => value / norm));
    }
    const at = rows <= columns ? (r: number, c: number) => basis[r][c] : (r: number, c: number) => basis[c][r];
    return Tensor.from(
      Float32Array.from({ length: rows * columns }, (_, i) => gain * at(Math.floor(i / columns), i % columns)),
      shape,
    );
  };
