import { add, clamp, fma, ld, mul, splat, st, sub } from "./simd";

/**
 * Joint Parzen histogram of two images and the gradient of any function of it. A value v of an image sits at s = clamp((v − low)·scale, 0, 1):
 * warped: cubic B-spline at 1 + s·(B − 3), four bins; fixed: order 0, bin ⌊s·B⌋; 1, linear at s·(B − 1); 3, cubic as warped.
 * A sample adds w·(row weights)·(four column weights). Neighbouring samples go to four copies, so that no addition waits for the one before.
 * Rows of B + 8 floats; range = [low, scale] of warped, of fixed. Slabs: samples; slab i0 / grain owns one f64 histogram [B, B].
 */
// @ts-ignore: decorator
@inline export function stride(B: i32): i32 { return ((B + 3) & ~3) + 8; }
export function jointHistogramWorkspace(B: i32): i32 { return 4 * 4 * (B * stride(B) + 16); }

// @ts-ignore: decorator
@inline export function lane(t: v128, k: u8): v128 {
  return k == 0 ? v128.shuffle<f32>(t, t, 0, 0, 0, 0) : k == 1 ? v128.shuffle<f32>(t, t, 1, 1, 1, 1) : k == 2 ? v128.shuffle<f32>(t, t, 2, 2, 2, 2) : v128.shuffle<f32>(t, t, 3, 3, 3, 3);
}
// @ts-ignore: decorator
@inline export function part(v: v128, k: u8): usize {
  return k == 0 ? <usize>i32x4.extract_lane(v, 0) : k == 1 ? <usize>i32x4.extract_lane(v, 1) : k == 2 ? <usize>i32x4.extract_lane(v, 2) : <usize>i32x4.extract_lane(v, 3);
}
/** The four cubic B-spline weights of a position t in its cell (t in all lanes), and their slopes. */
// @ts-ignore: decorator
@inline export function spline(t: v128): v128 {
  const c0 = f32x4(1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0, 0), c1 = f32x4(-0.5, 0, 0.5, 0), c2 = f32x4(0.5, -1, 0.5, 0), c3 = f32x4(-1.0 / 6.0, 0.5, -0.5, 1.0 / 6.0);
  return fma(t, fma(t, fma(t, c3, c2), c1), c0);
}
// @ts-ignore: decorator
@inline export function slope(t: v128): v128 {
  const c1 = f32x4(-0.5, 0, 0.5, 0), c2 = f32x4(1, -2, 1, 0), c3 = f32x4(-0.5, 1.5, -1.5, 0.5);
  return fma(t, fma(t, c3, c2), c1);
}
/** Weights of the rows: order 1 in lanes 0 and 1. */
// @ts-ignore: decorator
@inline export function rows(ORDER: i32, t: v128): v128 { return ORDER == 3 ? spline(t) : fma(t, f32x4(-1, 1, 0, 0), f32x4(1, 0, 0, 0)); }
// @ts-ignore: decorator
@inline function rowSlopes(ORDER: i32, t: v128): v128 { return ORDER == 3 ? slope(t) : f32x4(-1, 1, 0, 0); }

/** Sample k of a group of four adds itself. p: its first row and column. */
// @ts-ignore: decorator
@inline export function scatter(ORDER: i32, WEIGHTED: bool, k: u8, p: usize, rb: usize, tm: v128, tf: v128, w: v128): void {
  let v = spline(lane(tm, k));
  if (WEIGHTED) v = mul(v, lane(w, k));
  if (ORDER == 0) { st(p, add(ld(p), v)); return; }
  const r = rows(ORDER, lane(tf, k));
  st(p, fma(lane(r, 0), v, ld(p)));
  st(p + rb, fma(lane(r, 1), v, ld(p + rb)));
  if (ORDER == 3) {
    st(p + 2 * rb, fma(lane(r, 2), v, ld(p + 2 * rb)));
    st(p + 3 * rb, fma(lane(r, 3), v, ld(p + 3 * rb)));
  }
}
/** First cell of a value with s already clamped: a cell number in integers and the position in it. */
// @ts-ignore: decorator
@inline export function cells(ORDER: i32, s: v128, B: i32): v128 {
  return ORDER == 0 ? mul(s, splat(<f32>B)) : ORDER == 1 ? mul(s, splat(<f32>(B - 1))) : mul(s, splat(<f32>(B - 3)));
}
// @ts-ignore: decorator
@inline export function most(ORDER: i32, B: i32): i32 { return ORDER == 0 ? B - 1 : ORDER == 1 ? B - 2 : B - 4; }

// @ts-ignore: decorator
@inline function histogram(ORDER: i32, WEIGHTED: bool, f: usize, m: usize, w: usize, range: usize, h: usize, B: i32, i0: i32, i1: i32): void {
  const S = stride(B), rb: usize = <usize>S << 2, copy: usize = (<usize>B * S + 16) << 2, zero = splat(0), one = splat(1);
  const lm = v128.load32_splat(range), sm = v128.load32_splat(range, 4), lf = v128.load32_splat(range, 8), sf = v128.load32_splat(range, 12);
  const vS = i32x4.splat(S), mm = i32x4.splat(most(3, B)), mf = i32x4.splat(most(ORDER, B)), e: usize = <usize>i1 << 2;
  for (let i: usize = <usize>i0 << 2; i < e; i += 16) {
    const um = cells(3, clamp(mul(sub(ld(m + i), lm), sm), zero, one), B), uf = cells(ORDER, clamp(mul(sub(ld(f + i), lf), sf), zero, one), B);
    const im = i32x4.min_s(i32x4.trunc_sat_f32x4_s(um), mm), jf = i32x4.min_s(i32x4.trunc_sat_f32x4_s(uf), mf);
    const tm = sub(um, f32x4.convert_i32x4_s(im)), tf = sub(uf, f32x4.convert_i32x4_s(jf));
    const at = i32x4.shl(i32x4.add(i32x4.mul(jf, vS), im), 2);
    let v = WEIGHTED ? (w != 0 ? ld(w + i) : one) : one;
    if (WEIGHTED && i + 16 > e) v = v128.and(v, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(<i32>((e - i) >> 2))));
    scatter(ORDER, WEIGHTED, 0, h + part(at, 0), rb, tm, tf, v);
    scatter(ORDER, WEIGHTED, 1, h + copy + part(at, 1), rb, tm, tf, v);
    scatter(ORDER, WEIGHTED, 2, h + 2 * copy + part(at, 2), rb, tm, tf, v);
    scatter(ORDER, WEIGHTED, 3, h + 3 * copy + part(at, 3), rb, tm, tf, v);
  }
}
function anyHistogram(order: i32, f: usize, m: usize, w: usize, range: usize, h: usize, B: i32, i0: i32, i1: i32): void {
  const whole = w != 0 ? i0 : i0 + ((i1 - i0) & ~3); // without weights only the last, incomplete group needs some
  if (order == 0) {
    histogram(0, false, f, m, w, range, h, B, i0, whole);
    histogram(0, true, f, m, w, range, h, B, whole, i1);
  } else if (order == 1) histogram(1, true, f, m, w, range, h, B, i0, i1);
  else histogram(3, true, f, m, w, range, h, B, i0, i1);
}
/** out: one f64 [B, B] per slab (fixed bins are rows). Every 2¹⁶ samples or more the f32 copies are added to it. */
export function jointHistogram(
  f: usize, m: usize, w: usize, range: usize, B: i32, order: i32, out: usize, grain: i32, ws: usize, i0: i32, i1: i32,
): void {
  const S = stride(B), copy: usize = (<usize>B * S + 16) << 2, chunk = max(65536, 4 * B * B), o = out + (<usize>(i0 / grain) * B * B << 3);
  memory.fill(o, 0, <usize>B * B << 3);
  for (let i = i0; i < i1; i += chunk) {
    memory.fill(ws, 0, 4 * copy);
    anyHistogram(order, f, m, w, range, ws, B, i, min(i1, i + chunk));
    for (let a = 0; a < B; a++)
      for (let b = 0; b < B; b++) {
        const p = ws + (<usize>(a * S + b) << 2), q = o + (<usize>(a * B + b) << 3);
        store<f64>(q, load<f64>(q) + ((<f64>load<f32>(p) + <f64>load<f32>(p + copy)) + (<f64>load<f32>(p + 2 * copy) + <f64>load<f32>(p + 3 * copy))));
      }
  }
}

/** Σ over the rows of row weight × table row, still four columns wide. */
// @ts-ignore: decorator
@inline function lookUp(ORDER: i32, k: u8, p: usize, rb: usize, r: v128): v128 {
  if (ORDER == 0) return ld(p);
  let v = fma(lane(r, 1), ld(p + rb), mul(lane(r, 0), ld(p)));
  if (ORDER == 3) v = fma(lane(r, 3), ld(p + 3 * rb), fma(lane(r, 2), ld(p + 2 * rb), v));
  return v;
}
// @ts-ignore: decorator
@inline function pull(ORDER: i32, OF_FIXED: bool, k: u8, p: usize, rb: usize, tm: v128, tf: v128): v128 {
  const t = lane(tf, k), r = OF_FIXED ? rowSlopes(ORDER, t) : rows(ORDER, t), u = lane(tm, k);
  return mul(lookUp(ORDER, k, p, rb, r), OF_FIXED ? spline(u) : slope(u));
}
// @ts-ignore: decorator
@inline function gradient(ORDER: i32, OF_FIXED: bool, f: usize, m: usize, w: usize, range: usize, T: usize, g: usize, factor: f32, B: i32, i0: i32, i1: i32): void {
  const S = stride(B), rb: usize = <usize>S << 2, zero = splat(0), one = splat(1);
  const lm = v128.load32_splat(range), sm = v128.load32_splat(range, 4), lf = v128.load32_splat(range, 8), sf = v128.load32_splat(range, 12);
  const vS = i32x4.splat(S), mm = i32x4.splat(most(3, B)), mf = i32x4.splat(most(ORDER, B)), e: usize = <usize>i1 << 2;
  const du = mul(splat(factor), OF_FIXED ? cells(ORDER, sf, B) : cells(3, sm, B));
  for (let i: usize = <usize>i0 << 2; i < e; i += 16) {
    const s = mul(sub(ld(m + i), lm), sm), q = mul(sub(ld(f + i), lf), sf), sc = clamp(s, zero, one), qc = clamp(q, zero, one);
    const um = cells(3, sc, B), uf = cells(ORDER, qc, B);
    const im = i32x4.min_s(i32x4.trunc_sat_f32x4_s(um), mm), jf = i32x4.min_s(i32x4.trunc_sat_f32x4_s(uf), mf);
    const tm = sub(um, f32x4.convert_i32x4_s(im)), tf = sub(uf, f32x4.convert_i32x4_s(jf));
    const at = i32x4.shl(i32x4.add(i32x4.mul(jf, vS), im), 2);
    const a = pull(ORDER, OF_FIXED, 0, T + part(at, 0), rb, tm, tf), b = pull(ORDER, OF_FIXED, 1, T + part(at, 1), rb, tm, tf);
    const c = pull(ORDER, OF_FIXED, 2, T + part(at, 2), rb, tm, tf), d = pull(ORDER, OF_FIXED, 3, T + part(at, 3), rb, tm, tf);
    // transpose and add: lane k of the sum is the sum of sample k
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5), CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    const x = add(ab, AB), y = add(cd, CD);
    let v = mul(du, add(v128.shuffle<f32>(x, y, 0, 1, 4, 5), v128.shuffle<f32>(x, y, 2, 3, 6, 7)));
    v = v128.and(v, OF_FIXED ? f32x4.eq(q, qc) : f32x4.eq(s, sc)); // beyond the range nothing changes
    if (w != 0) v = mul(v, ld(w + i));
    if (i + 16 <= e) st(g + i, v);
    else {
      store<f32>(g + i, f32x4.extract_lane(v, 0));
      if (i + 4 < e) store<f32>(g + i + 4, f32x4.extract_lane(v, 1));
      if (i + 8 < e) store<f32>(g + i + 8, f32x4.extract_lane(v, 2));
    }
  }
}
/** g = factor · ∂/∂warped (ofFixed: ∂/∂fixed, order 1 or 3) Σ T·histogram; T: f32 [B, stride] of rows of B + 8. */
export function jointGradient(
  f: usize, m: usize, w: usize, range: usize, T: usize, g: usize, factor: f32, B: i32, order: i32, ofFixed: i32, i0: i32, i1: i32,
): void {
  if (order == 0) gradient(0, false, f, m, w, range, T, g, factor, B, i0, i1);
  else if (order == 1) {
    if (ofFixed) gradient(1, true, f, m, w, range, T, g, factor, B, i0, i1);
    else gradient(1, false, f, m, w, range, T, g, factor, B, i0, i1);
  } else if (ofFixed) gradient(3, true, f, m, w, range, T, g, factor, B, i0, i1);
  else gradient(3, false, f, m, w, range, T, g, factor, B, i0, i1);
}
/** Smallest and largest value of each slab, NaN left out: out[2·slab], out[2·slab + 1]. */
export function valueRange(p: usize, out: usize, grain: i32, i0: i32, i1: i32): void {
  let low = splat(f32.MAX_VALUE), high = splat(-f32.MAX_VALUE), i = i0;
  for (; i + 4 <= i1; i += 4) {
    const v = ld(p + (<usize>i << 2));
    low = f32x4.pmin(low, v);
    high = f32x4.pmax(high, v);
  }
  let a = Mathf.min(Mathf.min(f32x4.extract_lane(low, 0), f32x4.extract_lane(low, 1)), Mathf.min(f32x4.extract_lane(low, 2), f32x4.extract_lane(low, 3)));
  let b = Mathf.max(Mathf.max(f32x4.extract_lane(high, 0), f32x4.extract_lane(high, 1)), Mathf.max(f32x4.extract_lane(high, 2), f32x4.extract_lane(high, 3)));
  for (; i < i1; i++) {
    const v = load<f32>(p + (<usize>i << 2));
    if (v < a) a = v;
    if (v > b) b = v;
  }
  const o = out + (<usize>(i0 / grain) << 3);
  store<f32>(o, a);
  store<f32>(o, b, 4);
}
