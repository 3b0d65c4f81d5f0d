export interface TileProducts {
  /** Samples of a tile along [z, y, x]; y and x alike. In the plane [1, g, g]. */
  readonly tile: readonly [number, number, number];
  /** Largest shift along [z, y, x]; y and x alike. In the plane [0, r, r]. */
  readonly radius: readonly [number, number, number];
}
/** Tiles along [z, y, x]; the last ones may be smaller. */
export const tilesOf = (size: readonly number[], { tile }: TileProducts): number[] => size.map((n, a) => Math.ceil(n / tile[a]));

/**
 * Local correlations:  P[t, s] = Σ_c Σ_{p in tile t} a_c(p) b_c(p + s)  for all shifts |s| ≤ radius along each axis; b is 0 outside.
 * Squared differences follow from it, Σ (a − b)² = Σ a² + Σ b² − 2 Σ a b, the middle one with a = 1.
 * @param a, b  [channels, D, H, W]
 * @returns     [tiles, shifts], both x fastest; shifts from −radius up
 */
export function tileProducts(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  channels: number,
  size: readonly [number, number, number],
  options: TileProducts,
): Float64Array {
  const [D, H, W] = size;
  const [gz, gy, gx] = options.tile;
  const [rz, ry, rx] = options.radius;
  const [, rows, columns] = tilesOf(size, options);
  const [nz, ny, nx] = [2 * rz + 1, 2 * ry + 1, 2 * rx + 1];
  const out = new Float64Array(tilesOf(size, options).reduce((s, n) => s * n, 1) * nz * ny * nx);
  for (let c = 0; c < channels; c++)
    for (let z = 0; z < D; z++)
      for (let y = 0; y < H; y++)
        for (let x = 0; x < W; x++) {
          const v = a[((c * D + z) * H + y) * W + x];
          if (v === 0) continue;
          const base = ((Math.floor(z / gz) * rows + Math.floor(y / gy)) * columns + Math.floor(x / gx)) * nz * ny * nx;
          for (let k = 0; k < nz * ny * nx; k++) {
            const [i, j, l] = [x + (k % nx) - rx, y + (Math.floor(k / nx) % ny) - ry, z + Math.floor(k / (nx * ny)) - rz];
            if (i >= 0 && j >= 0 && l >= 0 && i < W && j < H && l < D) out[base + k] += v * b[((c * D + l) * H + j) * W + i];
          }
        }
  return out;
}
