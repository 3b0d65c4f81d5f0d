import { ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { type Initialiser, kaiming } from "./initialise.js";
import { type Layer, layer } from "./module.js";

/**
 * y = x Wᵀ + b along the last axis.  x [n, …, inputs], W [outputs, inputs], y [n, …, outputs].
 * @throws ShapeError when the last axis is of another length
 */
export function dense(o: {
  readonly inputs: number;
  readonly outputs: number;
  readonly random: Random;
  readonly bias?: boolean;
  readonly initialise?: Initialiser;
}): Layer {
  const { inputs, outputs, random, bias = true, initialise = kaiming() } = o;
  const parameters: Record<string, Tensor> = { weight: initialise([outputs, inputs], random) };
  if (bias) parameters.bias = Tensor.zeros([outputs]);
  return layer(parameters, (p, x: Tensor) => {
    if (x.rank < 1 || x.shape[x.rank - 1] !== inputs)
      throw new ShapeError(`dense: x is ${shapeText(x.shape)}; expected [n, …, ${inputs}]`, { shape: x.shape });
    const rows = x.reshape(x.size / inputs, inputs);
    const y = rows.matmul(p.weight.transpose());
    return (p.bias ? y.add(p.bias) : y).reshape(...x.shape.slice(0, -1), outputs);
  });
}
