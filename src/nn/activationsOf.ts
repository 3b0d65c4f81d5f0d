import { ArgumentError } from "../core/errors.js";
import { record } from "../tensor/graph.js";
import { type Tensor, Traced } from "../tensor/tensor.js";

/**
 * What a network computes on the way: its values after every operation of a kind, as a function of its input; differentiable in the input. Features
 * for `perceptualLoss`, of any network whose weights are not being trained.
 * @param after  names of operations, "relu" (default), "convolve" …
 * `which`: places in their order, from 0; negative ones count from the end. Default: all
 * @throws ArgumentError when there are none, or not so many
 */
export const activationsOf =
  (f: (x: Tensor) => Tensor, { after = "relu", which }: { readonly after?: string; readonly which?: readonly number[] } = {}) =>
  (x: Tensor): Tensor[] => {
    const found = record((t) => [f(t)], [x])
      .operations.filter((o) => o.primitive === after)
      .map(({ outputs: [y] }) => (y instanceof Traced ? y.primal : y));
    const places = which?.map((i) => (i < 0 ? i + found.length : i));
    const missing = places?.find((i) => !(i >= 0 && i < found.length));
    if (found.length === 0 || missing !== undefined)
      throw new ArgumentError(
        `activationsOf: the network does ${found.length} operations "${after}"; ${which ? `places ${which} were asked for` : "name another"}`,
        {
          after,
          which,
        },
      );
    return places ? places.map((i) => found[i]) : found;
  };
