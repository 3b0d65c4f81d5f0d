import type { Random } from "../core/random.js";
import { Tensor } from "../tensor/tensor.js";
import { tanh } from "./activations.js";
import { sequential } from "./combine.js";
import { dense } from "./dense.js";
import { type Initialiser, zeros } from "./initialise.js";
import { type Layer, network, stateless } from "./module.js";

/**
 * A function of a place (and a time), f(q) = W tanh(… sin(B q + b)): waves of directions and lengths that are learned, then dense layers. It begins as 0.
 * q [n, inputs], from −1 to 1; f [n, outputs].
 * `bandwidth`: how many waves fit into half the range at first, about (standard deviation)
 * @see Tancik et al. (2020), Fourier features let networks learn high frequency functions in low dimensional domains, NeurIPS; Sitzmann et al. (2020),
 *      Implicit neural representations with periodic activation functions, NeurIPS
 */
export function coordinateNetwork(o: {
  readonly inputs: number;
  readonly outputs: number;
  readonly random: Random;
  readonly width?: number;
  /** Layers after the waves (default 2). */
  readonly depth?: number;
  readonly bandwidth?: number;
  /** Of the last layer (default zeros). */
  readonly initialise?: Initialiser;
}): Layer {
  const { inputs, outputs, random, width = 48, depth = 2, bandwidth = 1, initialise = zeros } = o;
  const directions = dense({
    inputs,
    outputs: width,
    random,
    initialise: (shape, chance) =>
      Tensor.from(
        Float32Array.from({ length: shape[0] * shape[1] }, () => Math.PI * bandwidth * chance.normal()),
        shape,
      ),
  });
  const phases = Tensor.from(
    Float32Array.from({ length: width }, () => Math.PI * (2 * random.uniform() - 1)),
    [width],
  );
  const inner = Array.from({ length: depth - 1 }, () => [dense({ inputs: width, outputs: width, random }), tanh()]).flat();
  return network(
    {
      waves: directions.with({ ...directions.parameters, bias: phases }),
      body: sequential(
        stateless((x: Tensor) => x.sin()),
        ...inner,
        dense({ inputs: width, outputs, random, initialise }),
      ),
    },
    (p, q: Tensor) => p.body.forward(p.waves.forward(q)),
  );
}
