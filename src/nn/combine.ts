import type { Tensor } from "../tensor/tensor.js";
import { type Layer, network } from "./module.js";

/** f_k ∘ … ∘ f_1; parameters are named "0.weight", "2.bias", … by the place of their layer. */
export const sequential = (...layers: readonly Layer[]): Layer =>
  network(Object.fromEntries(layers.map((l, i) => [String(i), l])), (parts, x: Tensor, training) => {
    let y = x;
    for (const i of layers.keys()) y = parts[i].forward(y, training); // by place: an object lists such names in this order too
    return y;
  });

/** x + scale · f(x), or with a way around of its own shortcut(x) + scale · f(x). */
export function residual(f: Layer, { scale = 1, shortcut }: { readonly scale?: number; readonly shortcut?: Layer } = {}): Layer {
  const parts: Record<string, Layer> = shortcut ? { body: f, shortcut } : { body: f };
  return network(parts, (p, x: Tensor, training) => {
    const y = p.body.forward(x, training);
    return (p.shortcut ? p.shortcut.forward(x, training) : x).add(scale === 1 ? y : y.mul(scale));
  });
}
