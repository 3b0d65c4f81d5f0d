import { add, clamp, fma, ld, mul, splat, st, sub } from "./simd";

/**
 * Trilinear warp along a displacement field, out(p) = image(p + u(p)), clamped at the border.
 * image [D, H, W]; u [3, OD, OH, OW] planes x, y, z in voxels of the image; out [OD, OH, OW]: the two grids may differ in size.
 * A last group of fewer than four voxels in a row is computed again together with its left neighbours, so rows never touch.
 * D, H, W ≥ 1; image readable 8 bytes past its end. Slabs: rows of the output, r = z·OH + y.
 */
// @ts-ignore: decorator
@inline function pair(p0: usize, p1: usize): v128 { return v128.load64_lane(p1, v128.load64_zero(p0), 1); }
// @ts-ignore: decorator
@inline function even(a: v128, b: v128): v128 { return v128.shuffle<f32>(a, b, 0, 2, 4, 6); }
// @ts-ignore: decorator
@inline function odd(a: v128, b: v128): v128 { return v128.shuffle<f32>(a, b, 1, 3, 5, 7); }

export function warpLinear3(image: usize, u: usize, out: usize, D: i32, H: i32, W: i32, OD: i32, OH: i32, OW: i32, r0: i32, r1: i32): void {
  const n4: usize = (<usize>OD * OH * OW) << 2;
  const uy = u + n4, uz = u + 2 * n4, zero = splat(0);
  const mx = splat(<f32>(W - 1)), my = splat(<f32>(H - 1)), mz = splat(<f32>(D - 1));
  const wx = i32x4.splat(max(W - 2, 0)), wy = i32x4.splat(max(H - 2, 0)), wz = i32x4.splat(max(D - 2, 0));
  const vW = i32x4.splat(W), vHW = i32x4.splat(H * W);
  const oW: usize = H > 1 ? W << 2 : 0, oHW: usize = D > 1 ? (H * W) << 2 : 0, oD = oHW + oW;
  for (let r = r0; r < r1; r++) {
    const row: usize = (<usize>r * OW) << 2;
    const ys = splat(<f32>(r % OH)), zs = splat(<f32>(r / OH));
    for (let x4 = 0; x4 < OW; x4 += 4) {
      const x = OW >= 4 && x4 + 4 > OW ? OW - 4 : x4;
      const i = row + (<usize>x << 2), xf = <f32>x;
      const xs = add(splat(xf), f32x4(0, 1, 2, 3));
      const fx = clamp(add(xs, ld(u + i)), zero, mx), fy = clamp(add(ys, ld(uy + i)), zero, my), fz = clamp(add(zs, ld(uz + i)), zero, mz);
      const ix = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fx), wx), iy = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fy), wy), iz = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fz), wz);
      const tx = sub(fx, f32x4.convert_i32x4_s(ix)), ty = sub(fy, f32x4.convert_i32x4_s(iy)), tz = sub(fz, f32x4.convert_i32x4_s(iz));
      const b = i32x4.shl(i32x4.add(ix, i32x4.add(i32x4.mul(iy, vW), i32x4.mul(iz, vHW))), 2);
      const p0 = image + <usize>i32x4.extract_lane(b, 0), p1 = image + <usize>i32x4.extract_lane(b, 1);
      const p2 = image + <usize>i32x4.extract_lane(b, 2), p3 = image + <usize>i32x4.extract_lane(b, 3);
      // An 8-byte load brings the pair (x, x + 1); four of them and two shuffles give both corners of four voxels.
      let q0 = pair(p0, p1), q1 = pair(p2, p3), v = even(q0, q1);
      const a = fma(tx, sub(odd(q0, q1), v), v);
      q0 = pair(p0 + oW, p1 + oW); q1 = pair(p2 + oW, p3 + oW); v = even(q0, q1);
      const bb = fma(tx, sub(odd(q0, q1), v), v);
      q0 = pair(p0 + oHW, p1 + oHW); q1 = pair(p2 + oHW, p3 + oHW); v = even(q0, q1);
      const c = fma(tx, sub(odd(q0, q1), v), v);
      q0 = pair(p0 + oD, p1 + oD); q1 = pair(p2 + oD, p3 + oD); v = even(q0, q1);
      const d = fma(tx, sub(odd(q0, q1), v), v);
      const e = fma(ty, sub(bb, a), a), f = fma(ty, sub(d, c), c);
      const w = fma(tz, sub(f, e), e);
      if (OW >= 4) st(out + i, w);
      else {
        store<f32>(out + i, f32x4.extract_lane(w, 0));
        if (OW > 1) store<f32>(out + i + 4, f32x4.extract_lane(w, 1));
        if (OW > 2) store<f32>(out + i + 8, f32x4.extract_lane(w, 2));
      }
    }
  }
}
