/**
 * The two nearest of n rows b for each of m rows a (see the twin), exact. Rows of 128 bytes 0 … 127 by inner products, rows of 32 bytes by differing
 * bits. out: 4 i32 a row: index and squared distance (number of bits) of the nearest, then of the second; −1 where there is none. Ties: lower index.
 */
// @ts-ignore: decorator
@inline function dot16(a: v128, b: v128, s: v128): v128 {
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(a), i16x8.extend_low_i8x16_s(b));
  return i32x4.add(s, i32x4.add(low, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(a), i16x8.extend_high_i8x16_s(b))));
}
/** The same sums otherwise spread over the lanes. Pairs of products up to 127² fit an i16; the form that adds at once gives wrong sums in some releases of V8. */
// @ts-ignore: decorator
@inline function relaxedDot16(a: v128, b: v128, s: v128): v128 {
  return i32x4.add(s, i32x4.extadd_pairwise_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(a, b)));
}
// @ts-ignore: decorator
@inline function norm(p: usize): i32 {
  let s = i32x4.splat(0);
  for (let k: usize = 0; k < 128; k += 16) s = dot16(v128.load(p + k), v128.load(p + k), s);
  return i32x4.extract_lane(s, 0) + i32x4.extract_lane(s, 1) + i32x4.extract_lane(s, 2) + i32x4.extract_lane(s, 3);
}
/** |b|² of rows i. */
export function rowNorms(b: usize, out: usize, i0: i32, i1: i32): void {
  for (let i = i0; i < i1; i++) store<i32>(out + (<usize>i << 2), norm(b + (<usize>i << 7)));
}
/**
 * Groups i of four rows a, m rows in all; `norms` are those of b. Both have a multiple of four rows of memory. Relaxed or not, the result is the same; what a
 * relaxed dot becomes where there is none takes twice as long as products without it.
 */
export function twoNearest(a: usize, b: usize, norms: usize, out: usize, m: i32, n: i32, relaxed: i32, i0: i32, i1: i32): void {
  if (relaxed) groups(a, b, norms, out, m, n, true, i0, i1);
  else groups(a, b, norms, out, m, n, false, i0, i1);
}
// @ts-ignore: decorator
@inline function dots16(relaxed: bool, a: v128, b: v128, s: v128): v128 {
  return relaxed ? relaxedDot16(a, b, s) : dot16(a, b, s);
}
// @ts-ignore: decorator
@inline function groups(a: usize, b: usize, norms: usize, out: usize, m: i32, n: i32, relaxed: bool, i0: i32, i1: i32): void {
  const none = i32x4.splat(0x7fffffff);
  for (let i = i0; i < i1; i++) {
    const p = a + (<usize>i << 9);
    let first = none, second = none, at = i32x4.splat(-1), at2 = i32x4.splat(-1);
    for (let j = 0; j < n; j++) {
      const q = b + (<usize>j << 7);
      let s0 = i32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
      for (let k: usize = 0; k < 128; k += 16) {
        const v = v128.load(q + k);
        s0 = dots16(relaxed, v128.load(p + k), v, s0);
        s1 = dots16(relaxed, v128.load(p + k, 128), v, s1);
        s2 = dots16(relaxed, v128.load(p + k, 256), v, s2);
        s3 = dots16(relaxed, v128.load(p + k, 384), v, s3);
      }
      const t0 = i32x4.add(v128.shuffle<i32>(s0, s1, 0, 4, 1, 5), v128.shuffle<i32>(s0, s1, 2, 6, 3, 7));
      const t1 = i32x4.add(v128.shuffle<i32>(s2, s3, 0, 4, 1, 5), v128.shuffle<i32>(s2, s3, 2, 6, 3, 7));
      const dots = i32x4.add(v128.shuffle<i64>(t0, t1, 0, 2), v128.shuffle<i64>(t0, t1, 1, 3));
      const d = i32x4.sub(v128.load32_splat(norms + (<usize>j << 2)), i32x4.shl(dots, 1));
      const closer = i32x4.lt_s(d, second);
      if (!v128.any_true(closer)) continue;
      const best = i32x4.lt_s(d, first), index = i32x4.splat(j);
      second = v128.bitselect(first, v128.bitselect(d, second, closer), best);
      at2 = v128.bitselect(at, v128.bitselect(index, at2, closer), best);
      first = v128.bitselect(d, first, best);
      at = v128.bitselect(index, at, best);
    }
    for (let k = 0; k < min(4, m - 4 * i); k++) {
      const o = out + (<usize>(4 * i + k) << 4), own = norm(p + (<usize>k << 7));
      const j1 = lane(at, k), j2 = lane(at2, k);
      store<i32>(o, j1);
      store<i32>(o, j1 < 0 ? -1 : lane(first, k) + own, 4);
      store<i32>(o, j2, 8);
      store<i32>(o, j2 < 0 ? -1 : lane(second, k) + own, 12);
    }
  }
}
// @ts-ignore: decorator
@inline function lane(v: v128, k: i32): i32 {
  return k == 0 ? i32x4.extract_lane(v, 0) : k == 1 ? i32x4.extract_lane(v, 1) : k == 2 ? i32x4.extract_lane(v, 2) : i32x4.extract_lane(v, 3);
}
/** Rows i of a. */
export function twoNearestBits(a: usize, b: usize, out: usize, n: i32, i0: i32, i1: i32): void {
  for (let i = i0; i < i1; i++) {
    const p = a + (<usize>i << 5), a0 = load<u64>(p), a1 = load<u64>(p, 8), a2 = load<u64>(p, 16), a3 = load<u64>(p, 24), o = out + (<usize>i << 4);
    let first = 0x7fffffff, second = 0x7fffffff, at = -1, at2 = -1;
    for (let j = 0; j < n; j++) {
      const q = b + (<usize>j << 5);
      const d = <i32>(popcnt(a0 ^ load<u64>(q)) + popcnt(a1 ^ load<u64>(q, 8)) + popcnt(a2 ^ load<u64>(q, 16)) + popcnt(a3 ^ load<u64>(q, 24)));
      if (d >= second) continue;
      if (d < first) {
        second = first;
        at2 = at;
        first = d;
        at = j;
      } else {
        second = d;
        at2 = j;
      }
    }
    store<i32>(o, at);
    store<i32>(o, at < 0 ? -1 : first, 4);
    store<i32>(o, at2, 8);
    store<i32>(o, at2 < 0 ? -1 : second, 12);
  }
}
