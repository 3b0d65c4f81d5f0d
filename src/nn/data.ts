import { ArgumentError } from "../core/errors.js";
import { type Random, seededAt } from "../core/random.js";
import { stack } from "../tensor/ops/shaping.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Loss } from "./losses.js";
import type { Layer, Training } from "./module.js";

/** Named tensors of one sample, or of several with the batch as first axis. */
export type Sample = Readonly<Record<string, Tensor>>;
/** The batch of step k: a function of k and of the chance of that step alone, so that a run can go on anywhere. */
export type Data<Batch = Sample> = (random: Random, k: number) => Batch;

/**
 * Batches of items without repetition: each pass over the items is a permutation of its own, drawn from the seed and the number of the pass;
 * a batch may hold the end of one pass and the beginning of the next.
 * `sample`: an item, and chance for its augmentation ↦ named tensors, of one shape for all items
 */
export function shuffled<Item>(o: {
  readonly items: readonly Item[];
  readonly batch: number;
  readonly sample: (item: Item, random: Random) => Sample;
  readonly seed?: number;
}): Data {
  const { items, batch, sample, seed = 42 } = o;
  const n = items.length;
  if (n < 1 || !Number.isInteger(batch) || batch < 1)
    throw new ArgumentError(`shuffled: batches of ${batch} from ${n} items; give at least one of each`, { n, batch });
  let known: { readonly pass: number; readonly order: Int32Array } | undefined;
  const orderOf = (pass: number) => {
    if (known?.pass === pass) return known.order;
    const random = seededAt(seed, pass);
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = random.integer(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    known = { pass, order };
    return order;
  };
  return (random, k) =>
    batchOf(
      Array.from({ length: batch }, (_, j) => {
        const at = k * batch + j;
        return sample(items[orderOf(Math.floor(at / n))[at % n]], random);
      }),
    );
}

/** Samples stacked along a new first axis. */
export function batchOf(samples: readonly Sample[]): Sample {
  return Object.fromEntries(Object.keys(samples[0]).map((name) => [name, stack(samples.map((s) => s[name]))]));
}

/** The loss of a network that is to map `input` to `target`. */
export const supervised =
  (loss: Loss) =>
  (model: Layer, { input, target }: Sample, training?: Training): Tensor =>
    loss(model.forward(input, training), target);
