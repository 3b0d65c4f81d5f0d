import { stopGradient } from "../tensor/differentiate.js";
import type { Tensor } from "../tensor/tensor.js";
import { mapLeaves } from "../tensor/variables.js";
import type { AdversarialLoss, Loss } from "./losses.js";
import { type Layer, network, type Training } from "./module.js";

/** Two networks that are trained against each other, as one: its `forward` is the generator's. */
export interface Duel<In = Tensor> extends Layer<In, Tensor> {
  /** What makes pictures of codes. */
  readonly generator: Layer<In, Tensor>;
  /** What tells real pictures from made ones. */
  readonly discriminator: Layer<Tensor, Tensor>;
}
/** A game of two networks: one makes examples, the other tells them from real ones. Both are parameters of one module. */
export function duel<In = Tensor>(parts: {
  /** What makes pictures of codes. */
  readonly generator: Layer<In, Tensor>;
  /** What tells real pictures from made ones. */
  readonly discriminator: Layer<Tensor, Tensor>;
}): Duel<In> {
  const { generator, discriminator } = parts;
  const whole = network(parts as never, (_: unknown, input: In, training) => generator.forward(input, training)) as Layer<In, Tensor>;
  return {
    ...whole,
    generator,
    discriminator,
    with(given) {
      const { parameters } = whole.with(given); // names and shapes are right
      const of = (part: string) =>
        Object.fromEntries(
          Object.entries(parameters)
            .filter(([name]) => name.startsWith(`${part}.`))
            .map(([name, p]) => [name.slice(part.length + 1), p]),
        );
      return duel({ generator: generator.with(of("generator")), discriminator: discriminator.with(of("discriminator")) });
    },
  };
}

/** The same function, with weights that are constants to whoever differentiates it. */
export const frozen = <In, Out>(model: Layer<In, Out>): Layer<In, Out> => model.with(mapLeaves((p) => stopGradient(p), model.parameters));

/**
 * One loss for both players: its gradient with respect to the discriminator's weights is that of the discriminator's loss, and with respect
 * to the generator's that of the generator's, so that one step of `train` moves both at once. Batches hold `real` samples and `input` of the generator.
 * With `content`, real samples are what the generator should have made of its input: its loss is content(G(input), real) + weight · the game's (default 1).
 */
export const adversarial =
  (game: AdversarialLoss, { content, weight = 1 }: { readonly content?: Loss; readonly weight?: number } = {}) =>
  (model: Duel, { real, input }: Readonly<Record<string, Tensor>>, training?: Training): Tensor => {
    const fake = model.generator.forward(input, training);
    const { discriminator } = model;
    const judged = game.discriminator(discriminator.forward(real, training), discriminator.forward(stopGradient(fake), training));
    const forged = game.generator(frozen(discriminator).forward(fake, training)).mul(weight);
    return judged.add(content ? forged.add(content(fake, real)) : forged);
  };
