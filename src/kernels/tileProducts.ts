import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import { type TileProducts, tilesOf } from "./reference/tileProducts.js";
import { temporary } from "./temporary.js";

export { type TileProducts, tilesOf } from "./reference/tileProducts.js";

/**
 * Local correlations of two stacks of planes (see the twin); numbers in, numbers out: [tiles, shifts].
 * @throws ArgumentError unless tile and radius are alike along y and x
 */
export function tileProducts(
  e: Engine,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  channels: number,
  size: readonly [number, number, number],
  options: TileProducts,
): Float32Array {
  const { tile, radius } = options;
  if (tile[1] !== tile[2] || radius[1] !== radius[2] || tile.some((g) => !(g >= 1)))
    throw new ArgumentError(`tileProducts: tile ${tile} and radius ${radius}; along y and x both must be alike`, { tile, radius });
  const [D, H, W] = size;
  const [rz, r] = [radius[0], radius[2]];
  const tiles = tilesOf(size, options);
  const [side, deep] = [2 * r + 1, 2 * rz + 1];
  const S = (side + 3) & ~3;
  const count = tiles.reduce((s, n) => s * n, 1);
  const out = new Float32Array(count * deep * side * side);
  if (count * channels === 0) return out;
  return temporary(e, (reserve) => {
    const [WB, HB, DB] = [W + 2 * r, H + 2 * r, D + 2 * rz];
    const pa = reserve(4 * channels * D * H * W);
    const pb = reserve(4 * channels * DB * HB * WB);
    const po = reserve(4 * count * deep * side * S);
    e.f32(pa, channels * D * H * W).set(a);
    const wide = e.f32(pb, channels * DB * HB * WB).fill(0);
    for (let c = 0; c < channels; c++)
      for (let z = 0; z < D; z++)
        for (let y = 0; y < H; y++) {
          const from = ((c * D + z) * H + y) * W;
          const to = ((c * DB + z + rz) * HB + y + r) * WB + r;
          for (let x = 0; x < W; x++) wide[to + x] = b[from + x];
        }
    const result = e.f32(po, count * deep * side * S).fill(0);
    e.parallel("tileProducts", [pa, pb, po, channels, D, H, W, tile[0], tile[2], rz, r], { extent: tiles[0] * tiles[1], grain: 1 });
    for (let k = 0; k < count * deep * side; k++) for (let x = 0; x < side; x++) out[k * side + x] = result[k * S + x];
    return out;
  });
}
