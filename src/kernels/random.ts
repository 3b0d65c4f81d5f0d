import { call, constant, type Expression, elementwise, input } from "./elementwise.js";
import type { Engine } from "./engine.js";

/** Two 32-bit halves of a stream's key. */
export type StreamKey = readonly [number, number];

/** n numbers, uniform on [low, high) with 24 bits; number i depends on the key and i only. */
export function fillUniform(e: Engine, dst: number, n: number, key: StreamKey, low = 0, high = 1): void {
  e.parallel("randomUniform", [dst, key[0], key[1], low, high], { extent: n, grain: 65536 });
}

const radius: Expression = call("sqrt", call("mul", constant(-2), call("log", input(0))));
const angle: Expression = call("mul", constant(2 * Math.PI), input(1));
const cosine = call("mul", radius, call("cos", angle));
const sine = call("mul", radius, call("sin", angle));

/** n standard normal numbers (Box–Muller); number i depends on the key, i and n only. Tails end at |z| = 5.8. */
export function fillNormal(e: Engine, dst: number, n: number, key: StreamKey): void {
  const m = Math.ceil(n / 2);
  const pairs = e.allocate(8 * m);
  e.parallel("randomPairs", [pairs, key[0], key[1], m], { extent: m, grain: 65536 });
  const operands = [
    { pointer: pairs, shape: [m] },
    { pointer: pairs + 4 * m, shape: [m] },
  ];
  elementwise(e, cosine, operands, [m], dst);
  const half = operands.map(({ pointer }) => ({ pointer, shape: [n - m] }));
  elementwise(e, sine, half, [n - m], dst + 4 * m);
  e.free(pairs);
}
