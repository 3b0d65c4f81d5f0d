import { add, fma, ld, mul, splat, st, sub } from "./simd";

/**
 * The smaller eigenvalue of the gradient products summed over (2r + 1)² samples (see the twin), rows y0 … y1 of a plane [H, W]. 0 where the window or
 * its slopes would leave the plane. The workspace holds, for one row, its products summed down the window: three rows of W, and room behind them.
 */
export function cornerStrengthWorkspace(W: i32): i32 { return 12 * (W + 8); }
export function cornerStrength(src: usize, dst: usize, H: i32, W: i32, r: i32, ws: usize, y0: i32, y1: i32): void {
  const line: usize = <usize>W << 2, pitch: usize = (<usize>W + 8) << 2, half = splat(0.5);
  for (let y = y0; y < y1; y++) {
    const to = dst + <usize>y * line;
    memory.fill(to, 0, line);
    if (y < r + 1 || y >= H - r - 1 || W < 2 * r + 3) continue;
    for (let x = 0; x < W; x += 4) {
      let xx = splat(0), xy = splat(0), yy = splat(0);
      for (let v = y - r; v <= y + r; v++) {
        const p = src + <usize>v * line + (<usize>x << 2);
        const gx = mul(half, sub(ld(p, 4), ld(p - 4))), gy = mul(half, sub(ld(p + line), ld(p - line)));
        xx = fma(gx, gx, xx);
        xy = fma(gx, gy, xy);
        yy = fma(gy, gy, yy);
      }
      const at = ws + (<usize>x << 2);
      st(at, xx);
      st(at + pitch, xy);
      st(at + 2 * pitch, yy);
    }
    const last = W - r - 1;
    for (let x = r + 1; x < last; x += 4) {
      let xx = splat(0), xy = splat(0), yy = splat(0);
      for (let u = x - r; u <= x + r; u++) {
        const p = ws + (<usize>u << 2);
        xx = add(xx, ld(p));
        xy = add(xy, ld(p + pitch));
        yy = add(yy, ld(p + 2 * pitch));
      }
      const d = sub(xx, yy), root = f32x4.sqrt(fma(d, d, mul(splat(4), mul(xy, xy))));
      const least = mul(half, sub(add(xx, yy), root));
      const left = last - x;
      if (left >= 4) st(to + (<usize>x << 2), least);
      else {
        store<f32>(to + (<usize>x << 2), f32x4.extract_lane(least, 0));
        if (left > 1) store<f32>(to + (<usize>x << 2), f32x4.extract_lane(least, 1), 4);
        if (left > 2) store<f32>(to + (<usize>x << 2), f32x4.extract_lane(least, 2), 8);
      }
    }
  }
}
