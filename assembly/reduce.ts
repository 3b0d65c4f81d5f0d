import { add, ld, splat, st } from "./simd";

/**
 * Reductions of [outer, n, inner] along the middle axis to [outer, inner]. Sums and products accumulate in f64.
 * Rows (inner = 1) run along the axis; otherwise columns run side by side, four at a time. kind: 0 sum, 1 product, 2 maximum,
 * 3 minimum; NaN wins over everything in all of them. n ≥ 1 for maximum and minimum.
 */
// @ts-ignore: decorator
@inline function low(v: v128): v128 { return f64x2.promote_low_f32x4(v); }
// @ts-ignore: decorator
@inline function high(v: v128): v128 { return f64x2.promote_low_f32x4(v128.shuffle<f64>(v, v, 1, 1)); }
// @ts-ignore: decorator
@inline function both(v: v128): f64 { return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1); }

/** Σ of n floats at p: runs of 64 vectors in f32, four of them side by side, then f64. */
function sumRow(p: usize, n: i32): f64 {
  let total = f64x2.splat(0), i: usize = p;
  const end = p + (<usize>(n & ~15) << 2);
  while (i < end) {
    const stop = min(i + 4096, end);
    let a = splat(0), b = splat(0), c = splat(0), d = splat(0);
    for (; i < stop; i += 64) { a = add(a, ld(i)); b = add(b, ld(i, 16)); c = add(c, ld(i, 32)); d = add(d, ld(i, 48)); }
    const s = f64x2.add(f64x2.add(low(a), high(a)), f64x2.add(low(b), high(b)));
    total = f64x2.add(total, f64x2.add(s, f64x2.add(f64x2.add(low(c), high(c)), f64x2.add(low(d), high(d)))));
  }
  let rest: f64 = 0;
  for (const last = p + (<usize>n << 2); i < last; i += 4) rest += <f64>load<f32>(i);
  return both(total) + rest;
}
function productRow(p: usize, n: i32): f64 {
  let a = f64x2.splat(1), b = a, i: usize = p;
  for (const end = p + (<usize>(n & ~3) << 2); i < end; i += 16) { const v = ld(i); a = f64x2.mul(a, low(v)); b = f64x2.mul(b, high(v)); }
  a = f64x2.mul(a, b);
  let t = f64x2.extract_lane(a, 0) * f64x2.extract_lane(a, 1);
  for (const last = p + (<usize>n << 2); i < last; i += 4) t *= <f64>load<f32>(i);
  return t;
}
// @ts-ignore: decorator
@inline function better(a: v128, b: v128, least: bool): v128 { return least ? f32x4.min(a, b) : f32x4.max(a, b); }
function extremeRow(p: usize, n: i32, least: bool): f32 {
  let i = p, best = load<f32>(p);
  if (n >= 8) {
    let a = ld(p), b = ld(p, 16);
    const end = p + (<usize>(n & ~7) << 2);
    for (i = p + 32; i < end; i += 32) { a = better(a, ld(i), least); b = better(b, ld(i, 16), least); }
    a = better(a, b, least);
    a = better(a, v128.shuffle<f32>(a, a, 2, 3, 2, 3), least);
    best = f32x4.extract_lane(better(a, v128.shuffle<f32>(a, a, 1, 1, 1, 1), least), 0);
  }
  for (const last = p + (<usize>n << 2); i < last; i += 4) { const v = load<f32>(i); best = least ? min(best, v) : max(best, v); }
  return best;
}

/** Slabs of rows (inner = 1): outer indices. Otherwise: groups of 64 columns, ⌈inner / 64⌉ for each outer index. Workspace: 512 bytes. */
export function reduceAxis(kind: i32, src: usize, dst: usize, n: i32, inner: i32, ws: usize, i0: i32, i1: i32): void {
  if (inner == 1) {
    for (let o = i0; o < i1; o++) {
      const p = src + (<usize>o * n << 2);
      let r: f32;
      if (kind == 0) r = <f32>sumRow(p, n);
      else if (kind == 1) r = <f32>productRow(p, n);
      else r = extremeRow(p, n, kind == 3);
      store<f32>(dst + (<usize>o << 2), r);
    }
    return;
  }
  const per = (inner + 63) >> 6, step: usize = <usize>inner << 2;
  for (let g = i0; g < i1; g++) {
    const o = g / per, c = (g - o * per) << 6, columns = min(64, inner - c);
    const from = src + (<usize>(o * n * inner + c) << 2), to = dst + (<usize>(o * inner + c) << 2);
    if (kind < 2) {
      const start = f64x2.splat(kind == 0 ? 0 : 1);
      for (let k: usize = 0; k < 512; k += 16) st(ws + k, start);
      for (let r = 0; r < n; r++) {
        const p = from + <usize>r * step;
        for (let k: usize = 0; k < <usize>columns << 2; k += 16) {
          const v = ld(p + k), w = ws + (k << 1);
          if (kind == 0) { st(w, f64x2.add(ld(w), low(v))); st(w + 16, f64x2.add(ld(w + 16), high(v))); }
          else { st(w, f64x2.mul(ld(w), low(v))); st(w + 16, f64x2.mul(ld(w + 16), high(v))); }
        }
      }
      for (let k = 0; k < columns; k++) store<f32>(to + (<usize>k << 2), <f32>load<f64>(ws + (<usize>k << 3)));
    } else {
      for (let k: usize = 0; k < <usize>columns << 2; k += 16) {
        let best = ld(from + k), p = from + k;
        for (let r = 1; r < n; r++) { p += step; best = better(best, ld(p), kind == 3); }
        st(ws + k, best);
      }
      memory.copy(to, ws, <usize>columns << 2);
    }
  }
}

/** Σ of the elements [i0, i1); the slabs' sums are added in slab order. */
export function sumAll(src: usize, i0: i32, i1: i32): f64 { return sumRow(src + (<usize>i0 << 2), i1 - i0); }

/** Σ a b over the elements [i0, i1), products and sums in f64. */
export function dotAll(a: usize, b: usize, i0: i32, i1: i32): f64 {
  let s = f64x2.splat(0), t = s, i: usize = <usize>i0 << 2;
  for (const end = i + (<usize>((i1 - i0) & ~3) << 2); i < end; i += 16) {
    const x = ld(a + i), y = ld(b + i);
    s = f64x2.add(s, f64x2.mul(low(x), low(y)));
    t = f64x2.add(t, f64x2.mul(high(x), high(y)));
  }
  let r = both(f64x2.add(s, t));
  for (const end: usize = <usize>i1 << 2; i < end; i += 4) r += <f64>load<f32>(a + i) * <f64>load<f32>(b + i);
  return r;
}

/**
 * Index of the first largest (least: smallest) element along the middle axis, [outer, n, inner] → [outer, inner] i32.
 * NaN is never chosen unless it comes first. Slabs: output elements.
 */
export function argExtreme(least: i32, src: usize, dst: usize, n: i32, inner: i32, i0: i32, i1: i32): void {
  for (let i = i0; i < i1; i++) {
    let p = src + (<usize>(i / inner * n * inner + i % inner) << 2), best = load<f32>(p), at = 0;
    for (let k = 1; k < n; k++) {
      p += <usize>inner << 2;
      const v = load<f32>(p);
      if (least != 0 ? v < best : v > best) { best = v; at = k; }
    }
    store<i32>(dst + (<usize>i << 2), at);
  }
}

/** Running sums in f64 along the middle axis, from the other end when reverse ≠ 0. Slabs: lines, outer · inner of them. */
export function cumulativeSum(src: usize, dst: usize, n: i32, inner: i32, reverse: i32, l0: i32, l1: i32): void {
  const step: usize = <usize>inner << 2;
  for (let l = l0; l < l1; l++) {
    let i: usize = <usize>(l / inner * n * inner + l % inner) << 2, s: f64 = 0;
    if (reverse != 0) i += step * <usize>(n - 1);
    for (let k = 0; k < n; k++) {
      s += <f64>load<f32>(src + i);
      store<f32>(dst + i, <f32>s);
      i = reverse != 0 ? i - step : i + step;
    }
  }
}
