import { add, fma, ld, mul, splat, st, sub } from "./simd";

/** Complex images, interleaved: what reconstruction does to every pixel between two transforms. */

// @ts-ignore: decorator
@inline function swap(v: v128): v128 { return v128.shuffle<f32>(v, v, 1, 0, 3, 2); }
/** a·b of two complex numbers each. */
// @ts-ignore: decorator
@inline function times(a: v128, b: v128): v128 {
  const re = v128.shuffle<f32>(a, a, 0, 0, 2, 2), im = mul(v128.shuffle<f32>(a, a, 1, 1, 3, 3), f32x4(-1, 1, -1, 1));
  return fma(im, swap(b), mul(re, b));
}
// @ts-ignore: decorator
@inline function conjugateTimes(a: v128, b: v128): v128 {
  const re = v128.shuffle<f32>(a, a, 0, 0, 2, 2), im = mul(v128.shuffle<f32>(a, a, 1, 1, 3, 3), f32x4(1, -1, 1, -1));
  return fma(im, swap(b), mul(re, b));
}
// @ts-ignore: decorator
@inline function put(o: usize, v: v128, count: i32): void { if (count > 1) st(o, v); else v128.store64_lane(o, v, 0); }

/** out[c, i] = maps[c, i] x[i]. Slabs: pixels. */
export function coilSpread(maps: usize, x: usize, out: usize, coils: i32, n: i32, i0: i32, i1: i32): void {
  for (let c = 0; c < coils; c++) {
    const plane: usize = (<usize>c * n) << 3;
    for (let i = i0; i < i1; i += 2) { const at: usize = <usize>i << 3; put(out + plane + at, times(ld(maps + plane + at), ld(x + at)), i1 - i); }
  }
}
/** out[i] = Σ_c conj(maps[c, i]) y[c, i]. Slabs: pixels. */
export function coilGather(maps: usize, y: usize, out: usize, coils: i32, n: i32, i0: i32, i1: i32): void {
  for (let i = i0; i < i1; i += 2) {
    const at: usize = <usize>i << 3;
    let s = splat(0);
    for (let c = 0; c < coils; c++) { const o: usize = ((<usize>c * n) << 3) + at; s = add(s, conjugateTimes(ld(maps + o), ld(y + o))); }
    put(out + at, s, i1 - i);
  }
}
/** out = z (1 − t/|z|)₊. Slabs: numbers. */
export function complexShrink(z: usize, out: usize, t: f32, i0: i32, i1: i32): void {
  const limit = splat(t), tiny = splat(1e-30), zero = splat(0);
  for (let i = i0; i < i1; i += 2) {
    const at: usize = <usize>i << 3, v = ld(z + at), q = mul(v, v), size = f32x4.sqrt(add(q, swap(q)));
    put(out + at, mul(v, f32x4.div(f32x4.pmax(zero, sub(size, limit)), f32x4.pmax(tiny, size))), i1 - i);
  }
}
/** out = b + a x + div p, p two planes (along y, along x) of forward differences that end in 0. Slabs: rows. */
export function tvPull(x: usize, p: usize, b: usize, out: usize, a: f32, h: i32, w: i32, y0: i32, y1: i32): void {
  const stride: usize = <usize>w << 3, plane: usize = <usize>h * stride, by = splat(a);
  for (let y = y0; y < y1; y++) {
    const row: usize = <usize>y * stride;
    for (let i = 0; i < w; i += 2) {
      const at: usize = row + (<usize>i << 3), q = p + plane + at;
      let s = fma(by, ld(x + at), ld(b + at));
      if (y + 1 < h) s = add(s, ld(p + at));
      if (y > 0) s = sub(s, ld(p + at - stride));
      // Along x: the last difference is 0, and so is what lies before the first.
      let right = ld(q);
      if (i + 2 >= w) right = i + 1 == w ? splat(0) : v128.shuffle<f32>(right, splat(0), 0, 1, 4, 5);
      const left = i > 0 ? ld(q - 8) : v128.shuffle<f32>(splat(0), right, 0, 1, 4, 5);
      put(out + at, add(s, sub(right, left)), w - i);
    }
  }
}
/** p ← (p + σ∇(2u − x)) brought back to |p| ≤ λ, the size over both planes and both parts; returns Σ|u − x|². Slabs: rows. */
export function tvPush(u: usize, x: usize, p: usize, out: usize, sigma: f32, lambda: f32, h: i32, w: i32, y0: i32, y1: i32): f64 {
  const stride: usize = <usize>w << 3, plane: usize = <usize>h * stride, by = splat(sigma), two = splat(2), limit = splat(lambda), one = splat(1), tiny = splat(1e-30);
  let total: f64 = 0;
  for (let y = y0; y < y1; y++) {
    const row: usize = <usize>y * stride;
    let moved = splat(0);
    for (let i = 0; i < w; i += 2) {
      const at: usize = row + (<usize>i << 3), here = ld(u + at), before = ld(x + at), z = sub(mul(two, here), before);
      let d = sub(here, before);
      if (i + 1 == w) d = v128.shuffle<f32>(d, splat(0), 0, 1, 4, 5);
      moved = fma(d, d, moved);
      let gy = splat(0);
      if (y + 1 < h) { const o = at + stride; gy = sub(sub(mul(two, ld(u + o)), ld(x + o)), z); }
      const o = at + 8;
      let gx = sub(sub(mul(two, ld(u + o)), ld(x + o)), z);
      if (i + 2 >= w) gx = i + 1 == w ? splat(0) : v128.shuffle<f32>(gx, splat(0), 0, 1, 4, 5);
      const py = fma(by, gy, ld(p + at)), px = fma(by, gx, ld(p + plane + at)), q = fma(py, py, mul(px, px));
      const size = f32x4.sqrt(add(q, swap(q))), scale = f32x4.pmin(one, f32x4.div(limit, f32x4.pmax(tiny, size)));
      put(out + at, mul(py, scale), w - i); put(out + plane + at, mul(px, scale), w - i);
    }
    total += (<f64>f32x4.extract_lane(moved, 0) + <f64>f32x4.extract_lane(moved, 1)) + (<f64>f32x4.extract_lane(moved, 2) + <f64>f32x4.extract_lane(moved, 3));
  }
  return total;
}
