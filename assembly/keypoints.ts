import { ld, splat, st, sub } from "./simd";

/** Rows i of out [2H, 2W]: an even sample is one of the plane [H, W], an odd one the mean of its neighbours (the last goes on). */
export function doubledPlane(plane: usize, out: usize, H: i32, W: i32, i0: i32, i1: i32): void {
  for (let i = i0; i < i1; i++) {
    const y = i >> 1, p = plane + (<usize>(y * W) << 2), q = plane + (<usize>(min(H - 1, y + (i & 1)) * W) << 2), to = out + (<usize>(i * 2 * W) << 2);
    let here: f32 = 0.5 * (load<f32>(p) + load<f32>(q));
    for (let x = 0; x < W; x++) {
      const n: usize = <usize>min(W - 1, x + 1) << 2, next: f32 = 0.5 * (load<f32>(p + n) + load<f32>(q + n));
      store<f32>(to + (<usize>x << 3), here);
      store<f32>(to + (<usize>x << 3) + 4, 0.5 * (here + next));
      here = next;
    }
  }
}
/** Rows i of out [⌈H/2⌉, ⌈W/2⌉]: every second sample. */
export function halvedPlane(plane: usize, out: usize, W: i32, i0: i32, i1: i32): void {
  const w = (W + 1) >> 1;
  for (let i = i0; i < i1; i++) {
    const p = plane + (<usize>(2 * i * W) << 2), to = out + (<usize>(i * w) << 2);
    for (let x = 0; x < w; x++) store<f32>(to + (<usize>x << 2), load<f32>(p + (<usize>x << 3)));
  }
}
/** Samples i of out: b − a. */
export function planeDifference(a: usize, b: usize, out: usize, i0: i32, i1: i32): void {
  let i: usize = <usize>i0 << 2;
  const end: usize = <usize>i1 << 2;
  for (; i + 16 <= end; i += 16) st(out + i, sub(ld(b + i), ld(a + i)));
  for (; i < end; i += 4) store<f32>(out + i, load<f32>(b + i) - load<f32>(a + i));
}

// @ts-ignore: decorator
@inline function most(a: v128, b: v128): v128 { return f32x4.max(a, b); }
// @ts-ignore: decorator
@inline function least(a: v128, b: v128): v128 { return f32x4.min(a, b); }
/** Where v is above (below) three neighbours on a row. */
// @ts-ignore: decorator
@inline function above3(v: v128, p: usize): v128 { return v128.and(f32x4.gt(v, ld(p - 4)), v128.and(f32x4.gt(v, ld(p)), f32x4.gt(v, ld(p + 4)))); }
// @ts-ignore: decorator
@inline function below3(v: v128, p: usize): v128 { return v128.and(f32x4.lt(v, ld(p - 4)), v128.and(f32x4.lt(v, ld(p)), f32x4.lt(v, ld(p + 4)))); }
/**
 * Rows i of mask [H, W], u8: 1 where the middle one of three planes [H, W] is beyond ± threshold and above (below) all of its 26 neighbours,
 * `border` or more samples inside; else 0. With planes alike (`low` = `middle` = `high`) its 8 neighbours count.
 */
export function extremaMask(low: usize, middle: usize, high: usize, mask: usize, H: i32, W: i32, border: i32, threshold: f32, i0: i32, i1: i32): void {
  const row: usize = <usize>W << 2, t = splat(threshold), under = f32x4.neg(t);
  const edge = max(1, border);
  for (let i = i0; i < i1; i++) {
    const to = mask + <usize>(i * W);
    memory.fill(to, 0, <usize>W);
    if (i < edge || i >= H - edge) continue;
    for (let x = edge; x < W - edge; x += 4) {
      const o: usize = <usize>i * row + (<usize>x << 2), c = middle + o, v = ld(c);
      // Few samples are above (below) their neighbours on the row, fewer those about them: the others are not looked at.
      const l = ld(c - 4), r = ld(c + 4);
      let up = v128.and(f32x4.gt(v, t), v128.and(f32x4.gt(v, l), f32x4.gt(v, r)));
      let down = v128.and(f32x4.lt(v, under), v128.and(f32x4.lt(v, l), f32x4.lt(v, r)));
      if (!v128.any_true(v128.or(up, down))) continue;
      up = v128.and(up, v128.and(above3(v, c - row), above3(v, c + row)));
      down = v128.and(down, v128.and(below3(v, c - row), below3(v, c + row)));
      if (!v128.any_true(v128.or(up, down))) continue;
      if (low != middle) {
        const a = low + o, b = high + o;
        up = v128.and(up, v128.and(above3(v, a - row), v128.and(above3(v, a), above3(v, a + row))));
        up = v128.and(up, v128.and(above3(v, b - row), v128.and(above3(v, b), above3(v, b + row))));
        down = v128.and(down, v128.and(below3(v, a - row), v128.and(below3(v, a), below3(v, a + row))));
        down = v128.and(down, v128.and(below3(v, b - row), v128.and(below3(v, b), below3(v, b + row))));
      }
      const found = v128.or(up, down);
      const bits = i32x4.bitmask(found), n = min(4, W - edge - x);
      for (let k = 0; k < n; k++) if ((bits >> k) & 1) store<u8>(to + <usize>(x + k), 1);
    }
  }
}

/** Offsets of the circle of 16 samples about a sample, at (dy, dx) clockwise from the top. */
// @ts-ignore: decorator
@inline function circle(W: i32, k: i32): i32 {
  const dy = k == 0 || k == 1 || k == 15 ? -3 : k == 2 || k == 14 ? -2 : k == 3 || k == 13 ? -1 : k == 4 || k == 12 ? 0 : k == 5 || k == 11 ? 1 : k == 6 || k == 10 ? 2 : 3;
  const j = (k + 12) & 15; // the column of k is the row of the sample a quarter behind it
  const dx = j == 0 || j == 1 || j == 15 ? -3 : j == 2 || j == 14 ? -2 : j == 3 || j == 13 ? -1 : j == 4 || j == 12 ? 0 : j == 5 || j == 11 ? 1 : j == 6 || j == 10 ? 2 : 3;
  return dy * W + dx;
}
/**
 * Rows i of score [H, W]: of nine samples in a row on the circle of radius 3 that are all brighter (all darker) than the centre by more than
 * `threshold`, the largest such threshold, over all such runs; 0 where there is none, and within three samples of the border.
 */
export function segmentScore(plane: usize, score: usize, H: i32, W: i32, threshold: f32, ws: usize, i0: i32, i1: i32): void {
  const row: usize = <usize>W << 2, t = splat(threshold), zero = splat(0);
  for (let k = 0; k < 16; k++) store<i32>(ws + (<usize>k << 2), circle(W, k) << 2);
  const d = ws + 64;
  for (let i = i0; i < i1; i++) {
    const to = score + <usize>i * row;
    memory.fill(to, 0, row);
    if (i < 3 || i >= H - 3) continue;
    for (let x = 3; x < W - 3; x += 4) {
      const p = plane + <usize>i * row + (<usize>x << 2), v = ld(p);
      // Nine in a row hold two opposite or neighbouring quarters: quick refusal.
      const q0 = sub(ld(p + load<i32>(ws)), v), q4 = sub(ld(p + load<i32>(ws + 16)), v), q8 = sub(ld(p + load<i32>(ws + 32)), v), q12 = sub(ld(p + load<i32>(ws + 48)), v);
      const bright = v128.and(v128.or(f32x4.gt(q0, t), f32x4.gt(q8, t)), v128.or(f32x4.gt(q4, t), f32x4.gt(q12, t)));
      const n = splat(-threshold), dark = v128.and(v128.or(f32x4.lt(q0, n), f32x4.lt(q8, n)), v128.or(f32x4.lt(q4, n), f32x4.lt(q12, n)));
      if (!v128.any_true(v128.or(bright, dark))) continue;
      for (let k: usize = 0; k < 16; k++) {
        const w = sub(ld(p + load<i32>(ws + (k << 2))), v);
        st(d + (k << 4), w);
        if (k < 8) st(d + ((k + 16) << 4), w);
      }
      // Least of nine in a row through windows of 2, 4, 8, and one more.
      let best = zero;
      for (let k: usize = 0; k < 16; k++) {
        let a = ld(d + (k << 4)), b = a;
        for (let m: usize = 1; m < 9; m++) {
          const w = ld(d + ((k + m) << 4));
          a = least(a, w);
          b = most(b, w);
        }
        best = most(best, most(a, f32x4.neg(b)));
      }
      const s = v128.and(best, f32x4.gt(best, t)), n4 = min(4, W - 3 - x);
      if (n4 == 4) st(to + (<usize>x << 2), s);
      else {
        store<f32>(to + (<usize>x << 2), f32x4.extract_lane(s, 0));
        if (n4 > 1) store<f32>(to + (<usize>x << 2) + 4, f32x4.extract_lane(s, 1));
        if (n4 > 2) store<f32>(to + (<usize>x << 2) + 8, f32x4.extract_lane(s, 2));
      }
    }
  }
}
export function segmentScoreWorkspace(): i32 { return 64 + 24 * 16 + 64; }
