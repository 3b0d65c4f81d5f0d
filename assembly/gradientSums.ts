import { add, fma, ld, mul, splat, sub } from "./simd";

/**
 * Sums over a grid of rows (r = z·H + y, width W) for least squares whose derivative images are known beforehand. With t = v − u, the
 * product w of the weight and `inside` (either may be 0: ones), g_a the planes of `gradient`, and p counted from the centre (cx, cy, cz):
 *   [12a, 12a + 12)  w g_a times t, u, 1 times 1, x, y, z   (a = 0, 1, 2; planes that do not exist stay 0)
 *   [36, 42)         w, wt, wt², wu, wu², wut
 * f32 lanes within a row, f64 from there. Each slab writes its own block of 42 numbers at out; the caller adds the blocks in order.
 * Slabs: rows. v differs little from u near an optimum, so that sums of t keep the digits that a difference of sums would lose.
 */
const NUMBERS: usize = 42;

// @ts-ignore: decorator
@inline function lanes(v: v128): f64 {
  return (<f64>f32x4.extract_lane(v, 0) + <f64>f32x4.extract_lane(v, 1)) + (<f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3));
}
// @ts-ignore: decorator
@inline function bump(p: usize, v: f64): void { store<f64>(p, load<f64>(p) + v); }
// @ts-ignore: decorator
@inline function spread(o: usize, s: v128, sx: v128, y: f64, z: f64): void {
  const a = lanes(s);
  bump(o, a); bump(o + 8, lanes(sx)); bump(o + 16, y * a); bump(o + 24, z * a);
}

export function gradientSums(v: usize, u: usize, weight: usize, inside: usize, gradient: usize, d: i32, H: i32, W: i32, N: i32,
  cx: f64, cy: f64, cz: f64, out: usize, grain: i32, r0: i32, r1: i32): void {
  const block = out + <usize>(r0 / grain) * NUMBERS * 8, plane: usize = <usize>N << 2;
  memory.fill(block, 0, NUMBERS * 8);
  const zero = splat(0), one = splat(1), last = i32x4.splat(W), four = splat(4);
  for (let r = r0; r < r1; r++) {
    const y = <f64>(r % H) - cy, z = <f64>(r / H) - cz, row: usize = (<usize>r * W) << 2;
    for (let a = 0; a < d; a++) {
      const g = gradient + <usize>a * plane + row;
      let t0 = zero, t1 = zero, u0 = zero, u1 = zero, w0 = zero, w1 = zero;
      let sw = zero, st = zero, stt = zero, su = zero, suu = zero, sut = zero;
      let x = add(splat(<f32>(-cx)), f32x4(0, 1, 2, 3)), lane = i32x4(0, 1, 2, 3);
      for (let k = 0; k < W; k += 4) {
        const at = <usize>k << 2;
        let w = one;
        if (weight) w = ld(weight + row + at);
        if (inside) w = mul(w, ld(inside + row + at));
        w = v128.and(w, i32x4.lt_s(lane, last)); // lanes behind the last voxel get the weight 0
        const uu = ld(u + row + at), t = sub(ld(v + row + at), uu), wg = mul(w, ld(g + at));
        let q = mul(wg, t);
        t0 = add(t0, q); t1 = fma(q, x, t1);
        q = mul(wg, uu);
        u0 = add(u0, q); u1 = fma(q, x, u1);
        w0 = add(w0, wg); w1 = fma(wg, x, w1);
        if (a == 0) {
          const wt = mul(w, t), wu = mul(w, uu);
          sw = add(sw, w); st = add(st, wt); stt = fma(wt, t, stt); su = add(su, wu); suu = fma(wu, uu, suu); sut = fma(wu, t, sut);
        }
        x = add(x, four);
        lane = i32x4.add(lane, i32x4.splat(4));
      }
      const o = block + <usize>(12 * a) * 8;
      spread(o, t0, t1, y, z);
      spread(o + 32, u0, u1, y, z);
      spread(o + 64, w0, w1, y, z);
      if (a == 0) {
        const s = block + 36 * 8;
        bump(s, lanes(sw)); bump(s + 8, lanes(st)); bump(s + 16, lanes(stt)); bump(s + 24, lanes(su)); bump(s + 32, lanes(suu)); bump(s + 40, lanes(sut));
      }
    }
  }
}
