/**
 * How well a window can be followed: the smaller eigenvalue of  Σ (gx² gx gy; gx gy gy²)  over (2r + 1)² samples of a plane [H, W], slopes by central
 * differences; 0 where the window or its slopes would leave the plane.
 * @see Shi & Tomasi (1994), Good features to track, CVPR
 */
export function cornerStrength(plane: ArrayLike<number>, H: number, W: number, r: number): Float64Array {
  const out = new Float64Array(H * W);
  for (let y = r + 1; y < H - r - 1; y++)
    for (let x = r + 1; x < W - r - 1; x++) {
      let [xx, xy, yy] = [0, 0, 0];
      for (let v = y - r; v <= y + r; v++)
        for (let u = x - r; u <= x + r; u++) {
          const k = v * W + u;
          const [gx, gy] = [0.5 * (plane[k + 1] - plane[k - 1]), 0.5 * (plane[k + W] - plane[k - W])];
          xx += gx * gx;
          xy += gx * gy;
          yy += gy * gy;
        }
      out[y * W + x] = 0.5 * (xx + yy - Math.sqrt((xx - yy) ** 2 + 4 * xy * xy));
    }
  return out;
}
