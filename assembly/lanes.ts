import { ld, st } from "./simd";

/** Words shared by the kernels that sample images: four voxels at a time, pairs of neighbours, planes or interleaved points. */

/** Two pairs (x, x + 1), one 8-byte load each. */
// @ts-ignore: decorator
@inline export function pair(p0: usize, p1: usize): v128 { return v128.load64_lane(p1, v128.load64_zero(p0), 1); }
// @ts-ignore: decorator
@inline export function even(a: v128, b: v128): v128 { return v128.shuffle<f32>(a, b, 0, 2, 4, 6); }
// @ts-ignore: decorator
@inline export function odd(a: v128, b: v128): v128 { return v128.shuffle<f32>(a, b, 1, 3, 5, 7); }

/** Store the first m lanes (all four when m ≥ 4). */
// @ts-ignore: decorator
@inline export function put(p: usize, v: v128, m: i32): void {
  if (m >= 4) st(p, v);
  else {
    store<f32>(p, f32x4.extract_lane(v, 0));
    if (m > 1) store<f32>(p + 4, f32x4.extract_lane(v, 1));
    if (m > 2) store<f32>(p + 8, f32x4.extract_lane(v, 2));
  }
}

/** Components of four vectors: planes x, y, z at u, u + n4, u + 2 n4 (byte i inside a plane), or interleaved points x y z x y z … */
// @ts-ignore: decorator
@inline export function loadX3(u: usize, i: usize, n4: usize, points: i32): v128 {
  if (!points) return ld(u + i);
  const q = u + 3 * i;
  return v128.shuffle<f32>(v128.shuffle<f32>(ld(q), ld(q, 16), 0, 3, 6, 0), ld(q, 32), 0, 1, 2, 5);
}
// @ts-ignore: decorator
@inline export function loadY3(u: usize, i: usize, n4: usize, points: i32): v128 {
  if (!points) return ld(u + n4 + i);
  const q = u + 3 * i;
  return v128.shuffle<f32>(v128.shuffle<f32>(ld(q), ld(q, 16), 1, 4, 7, 0), ld(q, 32), 0, 1, 2, 6);
}
// @ts-ignore: decorator
@inline export function loadZ3(u: usize, i: usize, n4: usize, points: i32): v128 {
  if (!points) return ld(u + 2 * n4 + i);
  const q = u + 3 * i;
  return v128.shuffle<f32>(v128.shuffle<f32>(ld(q), ld(q, 16), 2, 5, 0, 0), ld(q, 32), 0, 1, 4, 7);
}
// @ts-ignore: decorator
@inline export function loadX2(u: usize, i: usize, n4: usize, points: i32): v128 {
  return points ? even(ld(u + 2 * i), ld(u + 2 * i, 16)) : ld(u + i);
}
// @ts-ignore: decorator
@inline export function loadY2(u: usize, i: usize, n4: usize, points: i32): v128 {
  return points ? odd(ld(u + 2 * i), ld(u + 2 * i, 16)) : ld(u + n4 + i);
}
/** The inverse of the loads above, for the first m lanes. */
// @ts-ignore: decorator
@inline export function put3(u: usize, i: usize, n4: usize, points: i32, x: v128, y: v128, z: v128, m: i32): void {
  if (!points) {
    put(u + i, x, m); put(u + n4 + i, y, m); put(u + 2 * n4 + i, z, m);
  } else {
    const q = u + 3 * i;
    const v0 = v128.shuffle<f32>(v128.shuffle<f32>(x, y, 0, 4, 1, 5), z, 0, 1, 4, 2); // x0 y0 z0 x1
    const v1 = v128.shuffle<f32>(v128.shuffle<f32>(y, z, 1, 5, 2, 6), x, 0, 1, 6, 2); // y1 z1 x2 y2
    if (m >= 4) {
      st(q, v0); st(q + 16, v1); st(q + 32, v128.shuffle<f32>(z, v128.shuffle<f32>(x, y, 3, 7, 0, 0), 2, 4, 5, 3)); // z2 x3 y3 z3
    } else {
      put(q, v0, 3);
      if (m > 1) { store<f32>(q + 12, f32x4.extract_lane(v0, 3)); put(q + 16, v1, 2); }
      if (m > 2) { store<f32>(q + 24, f32x4.extract_lane(v1, 2)); store<f32>(q + 28, f32x4.extract_lane(v1, 3)); store<f32>(q + 32, f32x4.extract_lane(z, 2)); }
    }
  }
}
// @ts-ignore: decorator
@inline export function put2(u: usize, i: usize, n4: usize, points: i32, x: v128, y: v128, m: i32): void {
  if (!points) {
    put(u + i, x, m); put(u + n4 + i, y, m);
  } else {
    const q = u + 2 * i, v0 = v128.shuffle<f32>(x, y, 0, 4, 1, 5);
    if (m > 1) st(q, v0);
    else put(q, v0, 2);
    if (m >= 4) st(q + 16, v128.shuffle<f32>(x, y, 2, 6, 3, 7));
    else if (m > 2) put(q + 16, v128.shuffle<f32>(x, y, 2, 6, 3, 7), 2);
  }
}
