import { averagePool, maxPool, type PoolOptions } from "../tensor/ops/pooling.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Layer, stateless } from "./module.js";

/** The largest value of every window: see `maxPool`. */
export const maxPooling = (o: PoolOptions): Layer => stateless((x: Tensor) => maxPool(x, o));
/** The mean of every window: see `averagePool`. */
export const averagePooling = (o: PoolOptions): Layer => stateless((x: Tensor) => averagePool(x, o));
/** The mean over all places: [n, c, (z, y,) x] → [n, c]. */
export const globalAveragePooling = (): Layer => stateless((x: Tensor) => x.mean(x.shape.slice(2).map((_, i) => i + 2)));
/** [n, …] → [n, everything else]. */
export const flatten = (): Layer => stateless((x: Tensor) => x.reshape(x.shape[0], x.size / x.shape[0]));
