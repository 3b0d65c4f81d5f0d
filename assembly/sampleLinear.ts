import { even, loadX2, loadX3, loadY2, loadY3, loadZ3, odd, pair, put, put2, put3 } from "./lanes";
import { add, clamp, fma, ld, mul, splat, sub } from "./simd";

/**
 * Linear sampling of an image [C, (D,) H, W] at the positions  q = A·(x, y, z) + b + u(x, y, z)  [voxels of the image].
 * The output has n positions in rows of OW (OH rows a plane); u holds planes x, y(, z) of n floats, or (`points`) interleaved
 * vectors, or is 0 for a pure affine map. Positions are clamped to [0, size − 1]; where that moves an axis, the derivative
 * along it is 0. `border` = 1: outside that box the value is `fill` and every derivative 0. `inside` (0 or a pointer): 1 in the box.
 *   …Value        out[c] = I_c(q)
 *   …Gradient     out = Σ_c g[c] ∇I_c(q), laid out like u
 *   …Directional  out[c] = h · ∇I_c(q), h laid out like u
 *   …Both         out[c] = I_c(q), gradient[c][axis] planes = ∇I_c(q)
 *   …Compose      out[c] = I_c(q) + s u[c], q with s u  (C = number of axes, planes; s comes as `fill`): composition of displacement fields
 * `tight` compiles usual cases apart: 1 has one channel and no loop over channels, 2 also A = 1 and border clamp. On 160×192×160 the
 * value takes 1.05, 1.14 and 1.22 times as long as the native loop of bench/native/warp.h with 2, 1 and 0.
 * A row's last group of fewer than four positions is computed again together with its left neighbours, so rows never touch;
 * hence out may not be u. Slabs: rows. The image is readable 8 bytes past its end.
 */
const VALUE = 0, GRADIENT = 1, DIRECTIONAL = 2, BOTH = 3, COMPOSE = 4;

// @ts-ignore: decorator
@inline function linear3(mode: i32, tight: i32, image: usize, C: i32, D: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, a02: f64, b0: f64, a10: f64, a11: f64, a12: f64, b1: f64, a20: f64, a21: f64, a22: f64, b2: f64,
  OH: i32, OW: i32, n: i32, g: usize, out: usize, grad: usize, inside: usize, border: i32, fill: f32, r0: i32, r1: i32): void {
  const n4: usize = <usize>n << 2, zero = splat(0), ramp = f32x4(0, 1, 2, 3), vfill = splat(fill);
  const mx = splat(<f32>(W - 1)), my = splat(<f32>(H - 1)), mz = splat(<f32>(D - 1));
  const wx = i32x4.splat(max(W - 2, 0)), wy = i32x4.splat(max(H - 2, 0)), wz = i32x4.splat(max(D - 2, 0));
  const vW = i32x4.splat(W), vHW = i32x4.splat(H * W);
  const oW: usize = H > 1 ? W << 2 : 0, oHW: usize = D > 1 ? (H * W) << 2 : 0, oD = oHW + oW;
  const plane: usize = (<usize>D * H * W) << 2;
  const sx = splat(<f32>a00), sy = splat(<f32>a10), sz = splat(<f32>a20);
  for (let r = r0; r < r1; r++) {
    const first = r * OW, m = min(OW, n - first), y = <f64>(r % OH), z = <f64>(r / OH);
    const xs = splat(<f32>(a01 * y + a02 * z + b0)), ys = splat(<f32>(a11 * y + a12 * z + b1)), zs = splat(<f32>(a21 * y + a22 * z + b2));
    for (let x4 = 0; x4 < m; x4 += 4) {
      const x = m >= 4 && x4 + 4 > m ? m - 4 : x4;
      const i = <usize>(first + x) << 2, xv = add(splat(<f32>x), ramp);
      let px = zero, py = zero, pz = zero;
      if (tight && points) { px = loadX3(u, i, n4, 1); py = loadY3(u, i, n4, 1); pz = loadZ3(u, i, n4, 1); }
      else if (tight == 2) { px = add(xv, xs); py = ys; pz = zs; px = add(px, ld(u + i)); py = add(py, ld(u + n4 + i)); pz = add(pz, ld(u + 2 * n4 + i)); }
      else {
        px = fma(sx, xv, xs); py = fma(sy, xv, ys); pz = fma(sz, xv, zs);
        if (mode == COMPOSE) { px = fma(vfill, ld(u + i), px); py = fma(vfill, ld(u + n4 + i), py); pz = fma(vfill, ld(u + 2 * n4 + i), pz); }
        else if (u) { px = add(px, loadX3(u, i, n4, points)); py = add(py, loadY3(u, i, n4, points)); pz = add(pz, loadZ3(u, i, n4, points)); }
      }
      const fx = clamp(px, zero, mx), fy = clamp(py, zero, my), fz = clamp(pz, zero, mz);
      const ix = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fx), wx), iy = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fy), wy), iz = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fz), wz);
      const tx = sub(fx, f32x4.convert_i32x4_s(ix)), ty = sub(fy, f32x4.convert_i32x4_s(iy)), tz = sub(fz, f32x4.convert_i32x4_s(iz));
      const b = i32x4.shl(i32x4.add(ix, i32x4.add(i32x4.mul(iy, vW), i32x4.mul(iz, vHW))), 2);
      let p0 = image + <usize>i32x4.extract_lane(b, 0), p1 = image + <usize>i32x4.extract_lane(b, 1);
      let p2 = image + <usize>i32x4.extract_lane(b, 2), p3 = image + <usize>i32x4.extract_lane(b, 3);
      let gx = zero, gy = zero, gz = zero, hx = zero, hy = zero, hz = zero, o = i, all = zero;
      if (tight != 2 && (border || inside)) {
        all = v128.and(f32x4.eq(fx, px), v128.and(f32x4.eq(fy, py), f32x4.eq(fz, pz)));
        if (inside) put(inside + i, v128.and(all, splat(1)), m);
      }
      if (mode == DIRECTIONAL) { hx = loadX3(g, i, n4, points); hy = loadY3(g, i, n4, points); hz = loadZ3(g, i, n4, points); }
      let c = 0;
      do {
        // An 8-byte load brings the pair (x, x + 1); four of them and two shuffles give both corners of four voxels.
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
        if (mode == VALUE || mode == BOTH || mode == COMPOSE) {
          let w = fma(tz, sub(hi, lo), lo);
          if (tight != 2 && border) w = v128.bitselect(w, vfill, all);
          if (mode == COMPOSE) w = fma(vfill, ld(u + o), w);
          put(out + o, w, m);
        }
        if (mode != VALUE && mode != COMPOSE) {
          da = fma(ty, sub(db, da), da); dc = fma(ty, sub(dd, dc), dc);
          let dx = fma(tz, sub(dc, da), da), dy = fma(tz, sub(f, e), e), dz = sub(hi, lo);
          if (mode == GRADIENT) {
            const go = ld(g + o);
            if (tight) { gx = mul(go, dx); gy = mul(go, dy); gz = mul(go, dz); }
            else { gx = fma(go, dx, gx); gy = fma(go, dy, gy); gz = fma(go, dz, gz); }
          } else {
            dx = v128.and(tight != 2 && border ? all : f32x4.eq(fx, px), dx); dy = v128.and(tight != 2 && border ? all : f32x4.eq(fy, py), dy); dz = v128.and(tight != 2 && border ? all : f32x4.eq(fz, pz), dz);
            if (mode == BOTH) put3(grad + (<usize>c * 3 * n4), i, n4, 0, dx, dy, dz, m);
            else put(out + o, fma(hz, dz, fma(hy, dy, mul(hx, dx))), m);
          }
        }
        o += n4; p0 += plane; p1 += plane; p2 += plane; p3 += plane; c++;
      } while (tight == 0 && c < C);
      if (mode == GRADIENT) put3(out, i, n4, points,
        v128.and(tight != 2 && border ? all : f32x4.eq(fx, px), gx), v128.and(tight != 2 && border ? all : f32x4.eq(fy, py), gy), v128.and(tight != 2 && border ? all : f32x4.eq(fz, pz), gz), m);
    }
  }
}

/** Is A the identity? */
// @ts-ignore: decorator
@inline function unit(a00: f64, a01: f64, a02: f64, a10: f64, a11: f64, a12: f64, a20: f64, a21: f64, a22: f64): bool {
  return a00 == 1 && a01 == 0 && a02 == 0 && a10 == 0 && a11 == 1 && a12 == 0 && a20 == 0 && a21 == 0 && a22 == 1;
}
export function sampleLinear3(image: usize, C: i32, D: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, a02: f64, b0: f64, a10: f64, a11: f64, a12: f64, b1: f64, a20: f64, a21: f64, a22: f64, b2: f64,
  OH: i32, OW: i32, n: i32, border: i32, fill: f32, out: usize, inside: usize, r0: i32, r1: i32): void {
  if (C == 1 && u && points) linear3(VALUE, 1, image, 1, D, H, W, u, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, OH, OW, n, 0, out, 0, inside, border, fill, r0, r1);
  else if (C == 1 && u && !border && !inside && unit(a00, a01, a02, a10, a11, a12, a20, a21, a22))
    linear3(VALUE, 2, image, 1, D, H, W, u, 0, 1, 0, 0, b0, 0, 1, 0, b1, 0, 0, 1, b2, OH, OW, n, 0, out, 0, 0, 0, 0, r0, r1);
  else if (C == 1) linear3(VALUE, 1, image, 1, D, H, W, u, 0, a00, a01, a02, b0, a10, a11, a12, b1, a20, a21, a22, b2, OH, OW, n, 0, out, 0, inside, border, fill, r0, r1);
  else linear3(VALUE, 0, image, C, D, H, W, u, points, a00, a01, a02, b0, a10, a11, a12, b1, a20, a21, a22, b2, OH, OW, n, 0, out, 0, inside, border, fill, r0, r1);
}
export function sampleLinear3Gradient(image: usize, C: i32, D: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, a02: f64, b0: f64, a10: f64, a11: f64, a12: f64, b1: f64, a20: f64, a21: f64, a22: f64, b2: f64,
  OH: i32, OW: i32, n: i32, border: i32, g: usize, out: usize, r0: i32, r1: i32): void {
  if (C == 1 && u && points) linear3(GRADIENT, 1, image, 1, D, H, W, u, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, OH, OW, n, g, out, 0, 0, border, 0, r0, r1);
  else if (C == 1 && u && !border && unit(a00, a01, a02, a10, a11, a12, a20, a21, a22))
    linear3(GRADIENT, 2, image, 1, D, H, W, u, 0, 1, 0, 0, b0, 0, 1, 0, b1, 0, 0, 1, b2, OH, OW, n, g, out, 0, 0, 0, 0, r0, r1);
  else if (C == 1) linear3(GRADIENT, 1, image, 1, D, H, W, u, 0, a00, a01, a02, b0, a10, a11, a12, b1, a20, a21, a22, b2, OH, OW, n, g, out, 0, 0, border, 0, r0, r1);
  else linear3(GRADIENT, 0, image, C, D, H, W, u, points, a00, a01, a02, b0, a10, a11, a12, b1, a20, a21, a22, b2, OH, OW, n, g, out, 0, 0, border, 0, r0, r1);
}
export function sampleLinear3Directional(image: usize, C: i32, D: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, a02: f64, b0: f64, a10: f64, a11: f64, a12: f64, b1: f64, a20: f64, a21: f64, a22: f64, b2: f64,
  OH: i32, OW: i32, n: i32, border: i32, h: usize, out: usize, r0: i32, r1: i32): void {
  linear3(DIRECTIONAL, 0, image, C, D, H, W, u, points, a00, a01, a02, b0, a10, a11, a12, b1, a20, a21, a22, b2, OH, OW, n, h, out, 0, 0, border, 0, r0, r1);
}
export function sampleLinear3Both(image: usize, C: i32, D: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, a02: f64, b0: f64, a10: f64, a11: f64, a12: f64, b1: f64, a20: f64, a21: f64, a22: f64, b2: f64,
  OH: i32, OW: i32, n: i32, border: i32, fill: f32, out: usize, gradient: usize, inside: usize, r0: i32, r1: i32): void {
  linear3(BOTH, 0, image, C, D, H, W, u, points, a00, a01, a02, b0, a10, a11, a12, b1, a20, a21, a22, b2, OH, OW, n, 0, out, gradient, inside, border, fill, r0, r1);
}
/** (u ∘ (id + s v))(p) + s v(p); u [3, D, H, W] and v, out [3, OD, OH, OW] in voxels of one lattice. */
export function composeFields3(u: usize, D: i32, H: i32, W: i32, v: usize, s: f32, OH: i32, OW: i32, n: i32, out: usize, r0: i32, r1: i32): void {
  linear3(COMPOSE, 0, u, 3, D, H, W, v, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, OH, OW, n, 0, out, 0, 0, 0, s, r0, r1);
}

// @ts-ignore: decorator
@inline function linear2(mode: i32, image: usize, C: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, b0: f64, a10: f64, a11: f64, b1: f64,
  OW: i32, n: i32, g: usize, out: usize, grad: usize, inside: usize, border: i32, fill: f32, r0: i32, r1: i32): void {
  const n4: usize = <usize>n << 2, zero = splat(0), ramp = f32x4(0, 1, 2, 3), vfill = splat(fill);
  const mx = splat(<f32>(W - 1)), my = splat(<f32>(H - 1));
  const wx = i32x4.splat(max(W - 2, 0)), wy = i32x4.splat(max(H - 2, 0)), vW = i32x4.splat(W);
  const oW: usize = H > 1 ? W << 2 : 0, plane: usize = (<usize>H * W) << 2;
  const sx = splat(<f32>a00), sy = splat(<f32>a10);
  for (let r = r0; r < r1; r++) {
    const first = r * OW, m = min(OW, n - first);
    const xs = splat(<f32>(a01 * <f64>r + b0)), ys = splat(<f32>(a11 * <f64>r + b1));
    for (let x4 = 0; x4 < m; x4 += 4) {
      const x = m >= 4 && x4 + 4 > m ? m - 4 : x4;
      const i = <usize>(first + x) << 2, xv = add(splat(<f32>x), ramp);
      let px = fma(sx, xv, xs), py = fma(sy, xv, ys);
      if (mode == COMPOSE) { px = fma(vfill, ld(u + i), px); py = fma(vfill, ld(u + n4 + i), py); }
      else if (u) { px = add(px, loadX2(u, i, n4, points)); py = add(py, loadY2(u, i, n4, points)); }
      const fx = clamp(px, zero, mx), fy = clamp(py, zero, my);
      const ix = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fx), wx), iy = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fy), wy);
      const tx = sub(fx, f32x4.convert_i32x4_s(ix)), ty = sub(fy, f32x4.convert_i32x4_s(iy));
      const b = i32x4.shl(i32x4.add(ix, i32x4.mul(iy, vW)), 2);
      let p0 = image + <usize>i32x4.extract_lane(b, 0), p1 = image + <usize>i32x4.extract_lane(b, 1);
      let p2 = image + <usize>i32x4.extract_lane(b, 2), p3 = image + <usize>i32x4.extract_lane(b, 3);
      let gx = zero, gy = zero, hx = zero, hy = zero, o = i, all = zero;
      if (border || inside) {
        all = v128.and(f32x4.eq(fx, px), f32x4.eq(fy, py));
        if (inside) put(inside + i, v128.and(all, splat(1)), m);
      }
      if (mode == DIRECTIONAL) { hx = loadX2(g, i, n4, points); hy = loadY2(g, i, n4, points); }
      for (let c = 0; c < C; c++) {
        let q0 = pair(p0, p1), q1 = pair(p2, p3), v = even(q0, q1);
        const da = sub(odd(q0, q1), v), a = fma(tx, da, v);
        q0 = pair(p0 + oW, p1 + oW); q1 = pair(p2 + oW, p3 + oW); v = even(q0, q1);
        const db = sub(odd(q0, q1), v), e = sub(fma(tx, db, v), a);
        if (mode == VALUE || mode == BOTH || mode == COMPOSE) {
          let w = fma(ty, e, a);
          if (border) w = v128.bitselect(w, vfill, all);
          if (mode == COMPOSE) w = fma(vfill, ld(u + o), w);
          put(out + o, w, m);
        }
        if (mode != VALUE && mode != COMPOSE) {
          let dx = fma(ty, sub(db, da), da), dy = e;
          if (mode == GRADIENT) {
            const go = ld(g + o);
            gx = fma(go, dx, gx); gy = fma(go, dy, gy);
          } else {
            dx = v128.and(border ? all : f32x4.eq(fx, px), dx); dy = v128.and(border ? all : f32x4.eq(fy, py), dy);
            if (mode == BOTH) put2(grad + (<usize>c * 2 * n4), i, n4, 0, dx, dy, m);
            else put(out + o, fma(hy, dy, mul(hx, dx)), m);
          }
        }
        o += n4; p0 += plane; p1 += plane; p2 += plane; p3 += plane;
      }
      if (mode == GRADIENT) put2(out, i, n4, points, v128.and(border ? all : f32x4.eq(fx, px), gx), v128.and(border ? all : f32x4.eq(fy, py), gy), m);
    }
  }
}
export function sampleLinear2(image: usize, C: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, b0: f64, a10: f64, a11: f64, b1: f64, OW: i32, n: i32, border: i32, fill: f32, out: usize, inside: usize, r0: i32, r1: i32): void {
  linear2(VALUE, image, C, H, W, u, points, a00, a01, b0, a10, a11, b1, OW, n, 0, out, 0, inside, border, fill, r0, r1);
}
export function sampleLinear2Gradient(image: usize, C: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, b0: f64, a10: f64, a11: f64, b1: f64, OW: i32, n: i32, border: i32, g: usize, out: usize, r0: i32, r1: i32): void {
  linear2(GRADIENT, image, C, H, W, u, points, a00, a01, b0, a10, a11, b1, OW, n, g, out, 0, 0, border, 0, r0, r1);
}
export function sampleLinear2Directional(image: usize, C: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, b0: f64, a10: f64, a11: f64, b1: f64, OW: i32, n: i32, border: i32, h: usize, out: usize, r0: i32, r1: i32): void {
  linear2(DIRECTIONAL, image, C, H, W, u, points, a00, a01, b0, a10, a11, b1, OW, n, h, out, 0, 0, border, 0, r0, r1);
}
export function sampleLinear2Both(image: usize, C: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, b0: f64, a10: f64, a11: f64, b1: f64, OW: i32, n: i32, border: i32, fill: f32, out: usize, gradient: usize, inside: usize, r0: i32, r1: i32): void {
  linear2(BOTH, image, C, H, W, u, points, a00, a01, b0, a10, a11, b1, OW, n, 0, out, gradient, inside, border, fill, r0, r1);
}
/** (u ∘ (id + s v))(p) + s v(p); u [2, H, W] and v, out [2, OH, OW] in pixels of one lattice. */
export function composeFields2(u: usize, H: i32, W: i32, v: usize, s: f32, OW: i32, n: i32, out: usize, r0: i32, r1: i32): void {
  linear2(COMPOSE, u, 2, H, W, v, 0, 1, 0, 0, 0, 1, 0, OW, n, 0, out, 0, 0, 0, s, r0, r1);
}
