import { even, odd, pair } from "./lanes";
import { axis, BOTH, cubicDeep, deep, dot, table } from "./sampleTaps";
import { add, clamp, fma, mul, splat, st, sub } from "./simd";

// @ts-ignore: decorator
@inline function near(q: f64, n: i32, margin: f64): bool { return q >= -margin && q <= <f64>(n - 1) + margin; }

/**
 * One row of the fixed lattice under an affine map of voxels: for k < count, at p = (k·stepX, y, z), the moving image's value at A p + b → vM, its
 * slopes along the moving axes → vx, vy, vz, and whether A p + b is inside it, all ones or zeros → vi. Where it is outside all are 0. Writes whole
 * vectors: each row has room for (count + 3) & ~3 floats; vx, vy, vz are rb bytes apart.
 * `margin`: how far beyond its outermost voxels, in voxels, the moving image still counts; there it goes on with the border's value.
 * kind 1: linear from the image; 2: cubic B-spline from coefficients. dims = 2: D = 1. taps: `tapsWorkspace` bytes.
 */
export function affineRow(kind: i32, dims: i32, moving: usize, MD: i32, MH: i32, MW: i32,
  a00: f64, a01: f64, a02: f64, b0: f64, a10: f64, a11: f64, a12: f64, b1: f64, a20: f64, a21: f64, a22: f64, b2: f64,
  fy64: f64, fz64: f64, stepX: i32, count: i32, margin: f32, vM: usize, vx: usize, rb: usize, vi: usize, taps: usize): void {
  const vy = vx + rb, vz = vy + rb;
  const zero = splat(0), mx = splat(<f32>(MW - 1)), my = splat(<f32>(MH - 1)), mz = splat(<f32>(MD - 1));
  const wx = i32x4.splat(max(MW - 2, 0)), wy = i32x4.splat(max(MH - 2, 0)), wz = i32x4.splat(max(MD - 2, 0));
  const vW = i32x4.splat(MW), vHW = i32x4.splat(MH * MW);
  const oW: usize = MH > 1 ? MW << 2 : 0, oHW: usize = MD > 1 ? (MH * MW) << 2 : 0, oD = oHW + oW;
  const sx = splat(<f32>a00), sy = splat(<f32>a10), sz = splat(<f32>a20);
  const vm = splat(margin), m = <f64>margin;
  const nz = dims == 3 ? 4 : 1, fractions = taps + 320, line: usize = <usize>MW << 2, plane: usize = <usize>MH * line;
  if (kind == 2) axis(taps, 2, 0, 0, 1, 0);
  const xs = splat(<f32>(a01 * fy64 + a02 * fz64 + b0)), ys = splat(<f32>(a11 * fy64 + a12 * fz64 + b1)), zs = splat(<f32>(a21 * fy64 + a22 * fz64 + b2));
  for (let k = 0; k < count; k += 4) {
    const x = k * stepX, i = <usize>k << 2;
    // Lanes behind the last voxel get the weight 0.
    let inside = i32x4.lt_s(i32x4.add(i32x4.splat(k), i32x4(0, 1, 2, 3)), i32x4.splat(count));
    let M = zero, dx = zero, dy = zero, dz = zero;
    if (kind == 1) {
      const xv = add(splat(<f32>x), mul(splat(<f32>stepX), f32x4(0, 1, 2, 3)));
      const px = fma(sx, xv, xs), py = fma(sy, xv, ys), pz = fma(sz, xv, zs);
      const fx = clamp(px, zero, mx), fy = clamp(py, zero, my), fz = clamp(pz, zero, mz);
      inside = v128.and(v128.and(inside, f32x4.le(f32x4.abs(sub(fx, px)), vm)), v128.and(f32x4.le(f32x4.abs(sub(fy, py)), vm), f32x4.le(f32x4.abs(sub(fz, pz)), vm)));
      if (!v128.any_true(inside)) { st(vi + i, zero); st(vM + i, zero); st(vx + i, zero); st(vy + i, zero); st(vz + i, zero); continue; }
      const ix = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fx), wx), iy = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fy), wy), iz = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fz), wz);
      const tx = sub(fx, f32x4.convert_i32x4_s(ix)), ty = sub(fy, f32x4.convert_i32x4_s(iy)), tz = sub(fz, f32x4.convert_i32x4_s(iz));
      const b = i32x4.shl(i32x4.add(ix, i32x4.add(i32x4.mul(iy, vW), i32x4.mul(iz, vHW))), 2);
      const p0 = moving + <usize>i32x4.extract_lane(b, 0), p1 = moving + <usize>i32x4.extract_lane(b, 1);
      const p2 = moving + <usize>i32x4.extract_lane(b, 2), p3 = moving + <usize>i32x4.extract_lane(b, 3);
      let q0 = pair(p0, p1), q1 = pair(p2, p3), v = even(q0, q1), da = sub(odd(q0, q1), v);
      const a = fma(tx, da, v);
      q0 = pair(p0 + oW, p1 + oW); q1 = pair(p2 + oW, p3 + oW); v = even(q0, q1);
      const db = sub(odd(q0, q1), v), bb = fma(tx, db, v);
      q0 = pair(p0 + oHW, p1 + oHW); q1 = pair(p2 + oHW, p3 + oHW); v = even(q0, q1);
      let dc = sub(odd(q0, q1), v);
      const cc = fma(tx, dc, v);
      q0 = pair(p0 + oD, p1 + oD); q1 = pair(p2 + oD, p3 + oD); v = even(q0, q1);
      const dd = sub(odd(q0, q1), v), d = fma(tx, dd, v);
      const e = sub(bb, a), f = sub(d, cc), lo = fma(ty, e, a), hi = fma(ty, f, cc);
      M = fma(tz, sub(hi, lo), lo);
      da = fma(ty, sub(db, da), da); dc = fma(ty, sub(dd, dc), dc);
      dx = fma(tz, sub(dc, da), da); dy = fma(tz, sub(f, e), e); dz = sub(hi, lo);
      // An axis of one voxel has no slope (its pair reads the next row's voxel).
      if (MW == 1) dx = zero;
      dx = v128.and(dx, f32x4.eq(fx, px)); dy = v128.and(dy, f32x4.eq(fy, py)); dz = v128.and(dz, f32x4.eq(fz, pz));
      st(vM + i, v128.and(inside, M)); st(vx + i, v128.and(inside, dx)); st(vy + i, v128.and(inside, dy)); st(vz + i, v128.and(inside, dz));
    } else {
      let hits = 0;
      for (let l = 0; l < 4; l++) {
        const at = i + (<usize>l << 2);
        let hit = false;
        if (k + l < count) {
          const xl = <f64>(x + l * stepX);
          const qx = a00 * xl + a01 * fy64 + a02 * fz64 + b0, qy = a10 * xl + a11 * fy64 + a12 * fz64 + b1, qz = a20 * xl + a21 * fy64 + a22 * fz64 + b2;
          if (deep(qx, MW) && deep(qy, MH) && (dims == 2 || deep(qz, MD))) {
            const ix = <i32>qx, iy = <i32>qy, iz = dims == 3 ? <i32>qz : 1;
            store<f32>(fractions, <f32>(qx - <f64>ix)); store<f32>(fractions, <f32>(qy - <f64>iy), 16); store<f32>(fractions, <f32>(qz - <f64>iz), 32);
            // Value at vM, gradient at vx, vy, vz, which are rb apart.
            cubicDeep(dims, moving + <usize>(iz - 1) * plane + <usize>(iy - 1) * line + (<usize>(ix - 1) << 2), 1, line, plane, fractions, 0, rb, at, 0, BOTH, 0, vM, vx, fractions + 64);
            if (dims == 2) store<f32>(vz + at, 0);
            hits |= 1 << l;
            continue;
          }
          hit = near(qx, MW, m) && near(qy, MH, m) && (dims == 2 || near(qz, MD, m));
          axis(taps, 0, 2, qx, MW, 4); axis(taps, 1, 2, qy, MH, MW << 2);
          if (dims == 3) axis(taps, 2, 2, qz, MD, (MH * MW) << 2);
        }
        if (hit) {
          hits |= 1 << l;
          table(taps, nz, 4, dims, 0, -1, -1, 0, 0, 0, 0, 0, 0); store<f32>(vM + at, dot(taps, 2, nz, 4, moving));
          table(taps, nz, 4, dims, 0, 0, -1, 0, 0, 0, 0, 0, 0); store<f32>(vx + at, dot(taps, 2, nz, 4, moving));
          table(taps, nz, 4, dims, 0, 1, -1, 0, 0, 0, 0, 0, 0); store<f32>(vy + at, dot(taps, 2, nz, 4, moving));
          if (dims == 3) { table(taps, nz, 4, dims, 0, 2, -1, 0, 0, 0, 0, 0, 0); store<f32>(vz + at, dot(taps, 2, nz, 4, moving)); }
          else store<f32>(vz + at, 0);
        } else { store<f32>(vM + at, 0); store<f32>(vx + at, 0); store<f32>(vy + at, 0); store<f32>(vz + at, 0); }
      }
      inside = i32x4.ne(v128.and(i32x4.splat(hits), i32x4(1, 2, 4, 8)), i32x4.splat(0));
    }
    st(vi + i, inside);
  }
}
