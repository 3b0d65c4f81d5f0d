import { add, fma, hsum, ld, mul, splat, st, sub } from "./simd";

/**
 * Lucas–Kanade steps of windows about points, from the coarsest of a pyramid's levels to the finest (see the twin). `levels`: four i32 a level, the finest
 * first: addresses of its plane in both pictures, width, height. Points and guesses are f64 pairs (x, y); three f64 a point come out: x, y, and 1 where it was found.
 * Rows of a window are padded to whole vectors, the first picture's values and slopes there are 0, so products with them are.
 */
/** Floats from row to row of a window, and of the patch with a border that its slopes are taken from. */
// @ts-ignore: decorator
@inline function strideOf(radius: i32): i32 { return (2 * radius + 4) & ~3; }
export function trackWindowsWorkspace(radius: i32): i32 {
  const side = 2 * radius + 1, S = strideOf(radius);
  return (3 * side * S + S + (side + 2) * (S + 4) + 4) << 2;
}

/** Bilinear samples of whole rows: four at a time, what lies behind the row's end is read but means nothing. */
// @ts-ignore: decorator
@inline function bilinear(p: usize, row: usize, w00: v128, w01: v128, w10: v128, w11: v128): v128 {
  return fma(w11, ld(p + row, 4), fma(w10, ld(p + row), fma(w01, ld(p, 4), mul(w00, ld(p)))));
}

export function trackWindows(
  levels: usize, count: i32, points: usize, guesses: usize, out: usize,
  radius: i32, iterations: i32, enough: f64, alike: f64, ws: usize, i0: i32, i1: i32,
): void {
  const side = 2 * radius + 1, S = strideOf(radius), P = S + 4, wide = side + 2;
  const row: usize = <usize>S << 2, patchRow: usize = <usize>P << 2;
  const own = ws, slopeX = own + <usize>side * row, slopeY = slopeX + <usize>side * row, mask = slopeY + <usize>side * row, patch = mask + row;
  for (let u = 0; u < S; u++) store<f32>(mask + (<usize>u << 2), u < side ? 1 : 0);
  const n: f64 = <f64>(side * side), half = splat(0.5);
  for (let i = i0; i < i1; i++) {
    const x = load<f64>(points + (<usize>i << 4)), y = load<f64>(points + (<usize>i << 4), 8);
    let dx = load<f64>(guesses + (<usize>i << 4)), dy = load<f64>(guesses + (<usize>i << 4), 8);
    let good = true;
    for (let l = count - 1; l >= 0 && good; l--) {
      const f: f64 = 1.0 / <f64>(1 << l), level = levels + (<usize>l << 4);
      const A = <usize>load<u32>(level), B = <usize>load<u32>(level, 4), W = load<i32>(level, 8), H = load<i32>(level, 12);
      const px = x * f, py = y * f;
      const left = px - <f64>(radius + 1), top = py - <f64>(radius + 1);
      // A coarse window that leaves the picture says nothing; the finer ones decide.
      good = l > 0;
      if (!(left >= 0 && top >= 0 && Math.floor(left) + <f64>wide < <f64>W && Math.floor(top) + <f64>wide < <f64>H)) continue;
      const line: usize = <usize>W << 2;
      {
        const x0 = Math.floor(left), y0 = Math.floor(top), fx = left - x0, fy = top - y0;
        const w00 = splat(<f32>((1 - fx) * (1 - fy))), w01 = splat(<f32>(fx * (1 - fy))), w10 = splat(<f32>((1 - fx) * fy)), w11 = splat(<f32>(fx * fy));
        let from = A + ((<usize>(<i32>y0 * W + <i32>x0)) << 2), to = patch;
        for (let v = 0; v < wide; v++, from += line, to += patchRow)
          for (let u: usize = 0; u < patchRow; u += 16) st(to + u, bilinear(from + u, line, w00, w01, w10, w11));
      }
      let sum = splat(0);
      for (let v = 0; v < side; v++) {
        const from = patch + <usize>(v + 1) * patchRow;
        for (let u: usize = 0; u < row; u += 16) sum = fma(ld(from + u, 4), ld(mask + u), sum);
      }
      const mean = splat(<f32>(<f64>hsum(sum) / n));
      let vx = splat(0), vy = splat(0), vxx = splat(0), vxy = splat(0), vyy = splat(0), vI = splat(0), vII = splat(0), vxI = splat(0), vyI = splat(0);
      for (let v = 0; v < side; v++) {
        const from = patch + <usize>(v + 1) * patchRow, at = <usize>v * row;
        for (let u: usize = 0; u < row; u += 16) {
          const p = from + u, m = ld(mask + u), hm = mul(half, m);
          const I = mul(sub(ld(p, 4), mean), m), gx = mul(sub(ld(p, 8), ld(p)), hm);
          const gy = mul(sub(ld(p + patchRow, 4), ld(p - patchRow, 4)), hm);
          st(own + at + u, I);
          st(slopeX + at + u, gx);
          st(slopeY + at + u, gy);
          vx = add(vx, gx);
          vy = add(vy, gy);
          vI = add(vI, I);
          vII = fma(I, I, vII);
          vxx = fma(gx, gx, vxx);
          vxy = fma(gx, gy, vxy);
          vyy = fma(gy, gy, vyy);
          vxI = fma(gx, I, vxI);
          vyI = fma(gy, I, vyI);
        }
      }
      const sx: f64 = <f64>hsum(vx), sy: f64 = <f64>hsum(vy), sI: f64 = <f64>hsum(vI);
      // Without the mean: the change of brightness is a third unknown, eliminated.
      const xx: f64 = <f64>hsum(vxx) - sx * sx / n, xy: f64 = <f64>hsum(vxy) - sx * sy / n, yy: f64 = <f64>hsum(vyy) - sy * sy / n;
      const det = xx * yy - xy * xy;
      if (!(det > 0.25e-4 * (xx + yy) * (xx + yy))) continue;
      const power: f64 = <f64>hsum(vII) - sI * sI / n;
      const bx0: f64 = <f64>hsum(vxI) - sx * sI / n, by0: f64 = <f64>hsum(vyI) - sy * sI / n;
      let qx = px + dx * f, qy = py + dy * f, last: f64 = Infinity, likeness: f64 = 0;
      let inside = true;
      for (let turn = 0; turn < iterations; turn++) {
        const l0 = qx - <f64>radius, t0 = qy - <f64>radius, x0 = Math.floor(l0), y0 = Math.floor(t0);
        if (!(x0 >= 0 && y0 >= 0 && x0 + <f64>side < <f64>W && y0 + <f64>side < <f64>H)) {
          inside = false;
          break;
        }
        const fx = l0 - x0, fy = t0 - y0;
        const w00 = splat(<f32>((1 - fx) * (1 - fy))), w01 = splat(<f32>(fx * (1 - fy))), w10 = splat(<f32>((1 - fx) * fy)), w11 = splat(<f32>(fx * fy));
        let vJ = splat(0), vJJ = splat(0), vIJ = splat(0), vbx = splat(0), vby = splat(0);
        let from = B + ((<usize>(<i32>y0 * W + <i32>x0)) << 2);
        for (let v = 0; v < side; v++, from += line) {
          const at = <usize>v * row;
          for (let u: usize = 0; u < row; u += 16) {
            const e = mul(sub(bilinear(from + u, line, w00, w01, w10, w11), mean), ld(mask + u));
            vJ = add(vJ, e);
            vJJ = fma(e, e, vJJ);
            vIJ = fma(e, ld(own + at + u), vIJ);
            vbx = fma(e, ld(slopeX + at + u), vbx);
            vby = fma(e, ld(slopeY + at + u), vby);
          }
        }
        const sJ: f64 = <f64>hsum(vJ), spread: f64 = <f64>hsum(vJJ) - sJ * sJ / n;
        likeness = (<f64>hsum(vIJ) - sI * sJ / n) / Math.sqrt(Math.max(1e-30, spread * power));
        const gain: f64 = spread > 0 ? Math.sqrt(Math.max(0, power) / spread) : 1;
        const bx = gain * (<f64>hsum(vbx) - sx * sJ / n) - bx0, by = gain * (<f64>hsum(vby) - sy * sJ / n) - by0;
        const mx = (yy * bx - xy * by) / det, my = (xx * by - xy * bx) / det;
        qx -= mx;
        qy -= my;
        last = mx * mx + my * my;
        if (last < enough) break;
      }
      if (!inside) continue;
      good = l > 0 || (last < 0.04 && likeness > alike);
      dx = (qx - px) / f;
      dy = (qy - py) / f;
    }
    const to = out + <usize>i * 24;
    store<f64>(to, x + dx);
    store<f64>(to, y + dy, 8);
    store<f64>(to, good && dx - dx == 0 && dy - dy == 0 ? 1 : 0, 16);
  }
}
