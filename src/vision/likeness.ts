/** How alike two pictures are under a motion, block by block. */
export interface Likeness {
  /** Of the blocks with texture, the share whose correlation is above 0.8. */
  readonly share: number;
  /** Blocks with texture. */
  readonly blocks: number;
  /** 1 at the samples of the blocks that agree. */
  readonly where: Float32Array;
}

/**
 * How much of a picture another one explains, block by block: about a hundred blocks, each with a gain and bias of its own. A block speaks when its texture is
 * above a hundredth of the range 1 and above twice the noise, which is what the quietest quarter of the blocks leaves unexplained; it agrees when its correlation
 * is above 0.8. A wrong map explains a few blocks by chance, however well its weights make the rest look; a right one with a third covered explains two thirds.
 * @param asked  samples of the picture, row by row
 * @param seen   samples of the other one there; `valid` is not 0 where it has any
 * @param mask   where `asked` counts (not 0)
 */
export function likeness(
  asked: ArrayLike<number>,
  seen: ArrayLike<number>,
  valid: ArrayLike<number>,
  [W, H]: readonly [number, number],
  mask?: ArrayLike<number>,
): Likeness {
  const side = Math.max(6, Math.round(Math.sqrt(W * H) / 10));
  const blocks: { readonly texture: number; readonly correlation: number; readonly left: number; readonly box: readonly number[] }[] = [];
  const [columns, rows] = [W, H].map((n) => Math.max(1, Math.round(n / side)));
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const [x0, x1] = [c, c + 1].map((k) => Math.round((k * W) / columns));
      const [y0, y1] = [r, r + 1].map((k) => Math.round((k * H) / rows));
      let [n, sx, sy, sxx, sxy, syy] = [0, 0, 0, 0, 0, 0];
      for (let y = y0; y < y1; y++)
        for (let i = y * W + x0; i < y * W + x1; i++) {
          if (valid[i] === 0 || (mask && mask[i] === 0)) continue;
          const [a, b] = [seen[i], asked[i]];
          n++;
          sx += a;
          sy += b;
          sxx += a * a;
          sxy += a * b;
          syy += b * b;
        }
      if (n < 0.6 * (x1 - x0) * (y1 - y0)) continue;
      const [cxx, cxy, cyy] = [sxx / n - (sx / n) ** 2, sxy / n - (sx * sy) / n ** 2, Math.max(0, syy / n - (sy / n) ** 2)];
      const correlation = cxx > 1e-10 && cyy > 1e-10 ? cxy / Math.sqrt(cxx * cyy) : 0;
      blocks.push({
        texture: Math.sqrt(cyy),
        correlation,
        left: Math.sqrt(cyy * Math.max(0, 1 - correlation ** 2)),
        box: [x0, x1, y0, y1],
      });
    }
  const noise = blocks.map((b) => b.left).sort((a, b) => a - b)[blocks.length >> 2] ?? 0;
  const speak = blocks.filter((b) => b.texture > Math.max(0.01, 2 * noise));
  const agree = speak.filter((b) => b.correlation > 0.8);
  const where = new Float32Array(W * H);
  for (const {
    box: [x0, x1, y0, y1],
  } of agree)
    for (let y = y0; y < y1; y++) where.fill(1, y * W + x0, y * W + x1);
  return { share: speak.length > 0 ? agree.length / speak.length : 0, blocks: speak.length, where };
}
