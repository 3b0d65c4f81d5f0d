import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Module, Parameters } from "../core/interfaces.js";
import type { Random } from "../core/random.js";
import { sameShape, shapeText } from "../core/shape.js";
import type { DType } from "../tensor/storage.js";
import type { Tensor } from "../tensor/tensor.js";
import { mapLeaves } from "../tensor/variables.js";

/** Handed to `forward` while a network is trained; without it a network is a plain function. */
export interface Training {
  /** The chance of this step (dropout). */
  readonly random: Random;
  /** What a buffer is to be after this step (running means). The buffer is named by the tensor that the layer holds. */
  update(buffer: Tensor, value: Tensor): void;
}

/** A differentiable function with parameters; `buffers` names those that follow the data rather than the gradient. */
export interface Layer<In = Tensor, Out = Tensor> extends Module<In, Out, Layer<In, Out>> {
  /** Parameters that are not trained, such as running means. */
  readonly buffers: readonly string[];
  /** Its output. */
  forward(input: In, training?: Training): Out;
}

function checked(known: Parameters, given: Parameters): Parameters {
  for (const name of Object.keys(given))
    if (!(name in known))
      throw new ArgumentError(`network: there is no parameter "${name}"; there are ${Object.keys(known).join(", ") || "none"}`, { name });
  return Object.fromEntries(
    Object.entries(known).map(([name, old]) => {
      const value = given[name];
      if (!value) throw new ArgumentError(`network: the parameter "${name}" is missing; it is ${shapeText(old.shape)}`, { name });
      if (!sameShape(value.shape, old.shape))
        throw new ShapeError(`network: the parameter "${name}" is ${shapeText(value.shape)}; expected ${shapeText(old.shape)}`, { name });
      return [name, value];
    }),
  );
}

/** A layer from its parameters and its formula y = f(parameters, x). */
export function layer<In = Tensor, Out = Tensor, P extends Parameters = Parameters>(
  parameters: P,
  forward: (parameters: P, input: In, training?: Training) => Out,
  buffers: readonly string[] = [],
): Layer<In, Out> {
  const made = (p: P): Layer<In, Out> => ({
    parameters: p,
    buffers,
    with: (other) => made(checked(parameters, other) as P),
    forward: (input, training) => forward(p, input, training),
  });
  return made(parameters);
}

/**
 * A network from named parts and how they are joined. Its parameters are those of the parts under "part.name", so that a file of weights
 * reads like the program. A part may be used several times: its weights are shared.
 */
export function network<Parts extends Readonly<Record<string, Layer<never, unknown>>>, In = Tensor, Out = Tensor>(
  parts: Parts,
  forward: (parts: Parts, input: In, training?: Training) => Out,
): Layer<In, Out> {
  const entries = Object.entries(parts);
  const parameters: Record<string, Tensor> = {};
  const buffers: string[] = [];
  for (const [part, { parameters: own, buffers: inner }] of entries) {
    for (const [name, value] of Object.entries(own)) parameters[`${part}.${name}`] = value;
    for (const name of inner) buffers.push(`${part}.${name}`);
  }
  return {
    parameters,
    buffers,
    forward: (input, training) => forward(parts, input, training),
    with(given) {
      const all = checked(parameters, given);
      const others = entries.map(([part, inner]) => [
        part,
        inner.with(Object.fromEntries(Object.keys(inner.parameters).map((name) => [name, all[`${part}.${name}`]]))),
      ]);
      return network(Object.fromEntries(others) as Parts, forward);
    },
  };
}

/** y = f(x) without parameters. */
export const stateless = <In = Tensor, Out = Tensor>(f: (input: In, training?: Training) => Out): Layer<In, Out> =>
  layer({}, (_, input: In, training) => f(input, training));

/** The same network computing in another precision. */
export const inPrecision = <In, Out>(model: Layer<In, Out>, dtype: DType): Layer<In, Out> =>
  model.with(mapLeaves((p) => p.cast(dtype), model.parameters));

/** How many numbers a network learns. */
export const parameterCount = (model: Layer<never, unknown>): number =>
  Object.entries(model.parameters).reduce((n, [name, p]) => n + (model.buffers.includes(name) ? 0 : p.size), 0);
