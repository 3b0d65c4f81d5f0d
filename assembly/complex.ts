import { ld, st } from "./simd";

// Complex numbers are interleaved pairs. Slabs: numbers.
/** dst[i] = re[i] + i·im[i] */
export function complexJoin(re: usize, im: usize, dst: usize, i0: i32, i1: i32): void {
  let i: usize = <usize>i0 << 2;
  const end = i + (<usize>((i1 - i0) & ~3) << 2), last: usize = <usize>i1 << 2;
  for (; i < end; i += 16) {
    const x = ld(re + i), y = ld(im + i), o = dst + (i << 1);
    st(o, v128.shuffle<f32>(x, y, 0, 4, 1, 5)); st(o + 16, v128.shuffle<f32>(x, y, 2, 6, 3, 7));
  }
  for (; i < last; i += 4) { store<f32>(dst + (i << 1), load<f32>(re + i)); store<f32>(dst + (i << 1), load<f32>(im + i), 4); }
}
/** dst[i] = real (part 0) or imaginary (part 1) part of z[i] */
export function complexPart(part: i32, z: usize, dst: usize, i0: i32, i1: i32): void {
  let i: usize = <usize>i0 << 2;
  const end = i + (<usize>((i1 - i0) & ~3) << 2), last: usize = <usize>i1 << 2;
  for (; i < end; i += 16) {
    const u = ld(z + (i << 1)), v = ld(z + (i << 1), 16);
    st(dst + i, part == 0 ? v128.shuffle<f32>(u, v, 0, 2, 4, 6) : v128.shuffle<f32>(u, v, 1, 3, 5, 7));
  }
  for (; i < last; i += 4) store<f32>(dst + i, load<f32>(z + (i << 1) + (<usize>part << 2)));
}
/** dst[i] = |z[i]|, the squares in f64: neither overflow nor underflow. */
export function complexMagnitude(z: usize, dst: usize, i0: i32, i1: i32): void {
  for (let i = <usize>i0 << 2, last: usize = <usize>i1 << 2; i < last; i += 4) {
    const v = f64x2.promote_low_f32x4(v128.load64_zero(z + (i << 1))), q = f64x2.mul(v, v);
    store<f32>(dst + i, <f32>sqrt(f64x2.extract_lane(q, 0) + f64x2.extract_lane(q, 1)));
  }
}
