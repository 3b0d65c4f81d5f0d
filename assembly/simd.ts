/** The few words that every kernel shares: four f32 lanes, byte pointers, fused multiply-add where the build has it. */
// @ts-ignore: decorator
@inline export function ld(p: usize, offset: usize = 0): v128 { return v128.load(p + offset); }
// @ts-ignore: decorator
@inline export function st(p: usize, v: v128): void { v128.store(p, v); }
// @ts-ignore: decorator
@inline export function add(a: v128, b: v128): v128 { return f32x4.add(a, b); }
// @ts-ignore: decorator
@inline export function sub(a: v128, b: v128): v128 { return f32x4.sub(a, b); }
// @ts-ignore: decorator
@inline export function mul(a: v128, b: v128): v128 { return f32x4.mul(a, b); }
/** a·b + c; one rounding in the relaxed build, two in the plain one. */
// @ts-ignore: decorator
@inline export function fma(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}
/** c − a·b; one rounding in the relaxed build, two in the plain one. */
// @ts-ignore: decorator
@inline export function fnma(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}
// @ts-ignore: decorator
@inline export function splat(x: f32): v128 { return f32x4.splat(x); }
/** Sum of the four lanes, in one fixed order. */
// @ts-ignore: decorator
@inline export function hsum(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1)) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}
/** Clamp to [lo, hi]; NaN becomes lo (pmax and pmin keep their first argument then). */
// @ts-ignore: decorator
@inline export function clamp(v: v128, lo: v128, hi: v128): v128 { return f32x4.pmin(hi, f32x4.pmax(lo, v)); }
