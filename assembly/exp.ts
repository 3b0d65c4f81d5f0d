import { add, fma, fnma, splat, sub } from "./simd";

/** eˣ for −87 ≤ x ≤ 0 (below: e⁻⁸⁷), right to two units in the last place: 2ⁿ·p(r), |r| ≤ ½ ln 2; the polynomial is our own least-maximum fit. */
// @ts-ignore: decorator
@inline export function expOfNegative(x: v128): v128 {
  const magic = splat(12582912), at = f32x4.pmax(splat(-87), x), shifted = fma(at, splat(1.44269504), magic), n = sub(shifted, magic);
  const r = fnma(n, splat(-2.1219444e-4), fnma(n, splat(0.693359375), at));
  let p = fma(splat(1.3814798971810054e-3), r, splat(8.368794291374486e-3));
  p = fma(p, r, splat(4.166839035526217e-2));
  p = fma(p, r, splat(0.16666519999527388));
  p = fma(p, r, splat(0.4999999342168294));
  p = fma(p, r, splat(1));
  p = fma(p, r, splat(1));
  return i32x4.add(p, i32x4.shl(shifted, 23)); // n more in the exponent; the shift drops all other bits
}
