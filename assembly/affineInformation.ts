import { affineRow } from "./affineRow";
import { strided } from "./affineSystem";
import { cells, lane, most, part, rows, scatter, slope, spline, stride } from "./mutualInformation";
import { tapsWorkspace } from "./sampleTaps";
import { add, clamp, fma, ld, mul, splat, st, sub } from "./simd";

/**
 * The joint histogram of F and M(A p + b) over a lattice of voxels p of F, and its derivative by the entries of [A | b], in one pass:
 *   H[a, c] = Σ w β_a(F(p)) β_c(M(A p + b)),     D[a, c, e] = Σ w β_a(F) β′_c(M) ∂M/∂entry e,    ∂M/∂[A | b]_ij = ∂iM · (p, 1)_j
 * with p counted from (cx, cy, cz). Over one voxel beyond the border of M, w falls to 0 linearly along each axis, while M keeps its border's value: H is
 * continuous in [A | b], and D has the slopes of w too (β_a β_c ∂w). So no warped image and no forces are stored, and the gradient of any function
 * of H is a product of two small tables. Weights, order and range as in `jointHistogram`. Entries of 2-D: rows of x, y, 1, 0. Each slab has a block of
 * f64 at out: H [B, B], then (slopes ≠ 0) D [B, B, 12 or 8]. Slabs: rows of the lattice; f32 sums within one.
 */
export function affineInformationWorkspace(count: i32, B: i32, slopes: i32): i32 {
  return 9 * (((count + 7) & ~3) << 2) + tapsWorkspace + 4 * (B * stride(B) + 16) + (slopes ? B * B * 48 + 192 : 0);
}

// @ts-ignore: decorator
@inline function addTo(p: usize, v: v128): void { st(p, add(ld(p), v)); }
/** One sample's share of the slopes: G the products ∂iM · (p, 1), s the slopes of its four bins. */
// @ts-ignore: decorator
@inline function scatterSlopes(ORDER: i32, dims: i32, k: u8, d: usize, cell: usize, line: usize, s: v128, tf: v128, x: v128, y: v128, z: v128): void {
  const r = rows(ORDER, lane(tf, k)), n = ORDER == 0 ? 1 : ORDER + 1;
  for (let a = 0; a < n; a++, d += line) {
    const sa = ORDER == 0 ? s : mul(s, a == 0 ? lane(r, 0) : a == 1 ? lane(r, 1) : a == 2 ? lane(r, 2) : lane(r, 3));
    for (let b = 0, q = d; b < 4; b++, q += cell) {
      const c = b == 0 ? lane(sa, 0) : b == 1 ? lane(sa, 1) : b == 2 ? lane(sa, 2) : lane(sa, 3);
      st(q, fma(c, x, ld(q))); st(q + 16, fma(c, y, ld(q + 16)));
      if (dims == 3) st(q + 32, fma(c, z, ld(q + 32)));
    }
  }
}
/** Weights of the moving image's extent → vw (0 where vi is 0), and their slopes along its axes behind, rb bytes apart. */
function taper(dims: i32, MD: i32, MH: i32, MW: i32, ax: f64, ay: f64, az: f64, bx: f64, by: f64, bz: f64, stepX: i32, count: i32, vi: usize, vw: usize, rb: usize): void {
  const zero = splat(0), one = splat(1), mx = splat(<f32>(MW - 1)), my = splat(<f32>(MH - 1)), mz = splat(<f32>(MD - 1));
  const sx = splat(<f32>ax), sy = splat(<f32>ay), sz = splat(<f32>az), xs = splat(<f32>bx), ys = splat(<f32>by), zs = splat(<f32>bz);
  for (let k = 0; k < count; k += 4) {
    const i = <usize>k << 2, inside = ld(vi + i), xv = add(splat(<f32>(k * stepX)), mul(splat(<f32>stepX), f32x4(0, 1, 2, 3)));
    const px = fma(sx, xv, xs), py = fma(sy, xv, ys), pz = dims == 3 ? fma(sz, xv, zs) : zero;
    const ex = sub(clamp(px, zero, mx), px), ey = sub(clamp(py, zero, my), py), ez = sub(clamp(pz, zero, mz), pz); // > 0 below, < 0 beyond
    const wx = clamp(sub(one, f32x4.abs(ex)), zero, one), wy = clamp(sub(one, f32x4.abs(ey)), zero, one), wz = clamp(sub(one, f32x4.abs(ez)), zero, one);
    st(vw + i, v128.and(inside, mul(wx, mul(wy, wz))));
    st(vw + rb + i, v128.and(inside, mul(sign(ex, wx), mul(wy, wz))));
    st(vw + 2 * rb + i, v128.and(inside, mul(sign(ey, wy), mul(wx, wz))));
    st(vw + 3 * rb + i, v128.and(inside, mul(sign(ez, wz), mul(wx, wy))));
  }
}
/** The slope of 1 − |e| where it is positive: e falls as the position grows. */
// @ts-ignore: decorator
@inline function sign(e: v128, w: v128): v128 {
  const positive = f32x4.gt(w, splat(0));
  return v128.and(positive, sub(v128.and(f32x4.gt(e, splat(0)), splat(1)), v128.and(f32x4.lt(e, splat(0)), splat(1))));
}
// @ts-ignore: decorator
@inline function row(ORDER: i32, dims: i32, slopes: i32, f: usize, w: usize, stepX: i32, W: i32, count: i32, range: usize, B: i32,
  vi: usize, vM: usize, vx: usize, vw: usize, rb: usize, h: usize, d: usize, cx: f32, y: f32, z: f32): void {
  const S = stride(B), hb: usize = <usize>S << 2, cell: usize = dims == 3 ? 48 : 32, line = <usize>B * cell, zero = splat(0), one = splat(1);
  const lm = v128.load32_splat(range), sm = v128.load32_splat(range, 4), lf = v128.load32_splat(range, 8), sf = v128.load32_splat(range, 12);
  const mm = i32x4.splat(most(3, B)), mf = i32x4.splat(most(ORDER, B)), vS = i32x4.splat(S), vB = i32x4.splat(B), du = cells(3, sm, B);
  const vy = vx + rb, vz = vy + rb;
  for (let k = 0; k < count; k += 4) {
    const i = <usize>k << 2, x = k * stepX, inside = ld(vi + i);
    if (!v128.any_true(inside)) continue;
    const given = w ? strided(w, x, stepX, W - 1) : one, used = v128.and(inside, f32x4.gt(given, zero)), v = mul(v128.and(used, given), ld(vw + i));
    const s = mul(sub(ld(vM + i), lm), sm), sc = clamp(s, zero, one);
    const um = cells(3, sc, B), uf = cells(ORDER, clamp(mul(sub(strided(f, x, stepX, W - 1), lf), sf), zero, one), B);
    const im = i32x4.min_s(i32x4.trunc_sat_f32x4_s(um), mm), jf = i32x4.min_s(i32x4.trunc_sat_f32x4_s(uf), mf);
    const tm = sub(um, f32x4.convert_i32x4_s(im)), tf = sub(uf, f32x4.convert_i32x4_s(jf));
    const at = i32x4.shl(i32x4.add(i32x4.mul(jf, vS), im), 2), bins = i32x4.add(i32x4.mul(jf, vB), im);
    const bits = i32x4.bitmask(used), weights = v;
    // Where the moving image is flat or beyond its range nothing changes.
    const moved = slopes ? i32x4.bitmask(v128.and(v128.and(used, f32x4.eq(s, sc)),
      v128.or(v128.or(f32x4.ne(ld(vx + i), zero), f32x4.ne(ld(vy + i), zero)), f32x4.ne(ld(vz + i), zero)))) : 0;
    if (bits & 1) scatter(ORDER, true, 0, h + part(at, 0), hb, tm, tf, weights);
    if (bits & 2) scatter(ORDER, true, 1, h + part(at, 1), hb, tm, tf, weights);
    if (bits & 4) scatter(ORDER, true, 2, h + part(at, 2), hb, tm, tf, weights);
    if (bits & 8) scatter(ORDER, true, 3, h + part(at, 3), hb, tm, tf, weights);
    const tapered = slopes ? i32x4.bitmask(v128.and(used, f32x4.lt(ld(vw + i), one))) : 0;
    if (tapered) {
      const g = v128.and(used, given);
      if (tapered & 1) leaving(ORDER, dims, 0, d + part(bins, 0) * cell, cell, line, tm, tf, g, vw + rb + i, rb, <f32>x - cx, y, z);
      if (tapered & 2) leaving(ORDER, dims, 1, d + part(bins, 1) * cell, cell, line, tm, tf, g, vw + rb + i + 4, rb, <f32>(x + stepX) - cx, y, z);
      if (tapered & 4) leaving(ORDER, dims, 2, d + part(bins, 2) * cell, cell, line, tm, tf, g, vw + rb + i + 8, rb, <f32>(x + 2 * stepX) - cx, y, z);
      if (tapered & 8) leaving(ORDER, dims, 3, d + part(bins, 3) * cell, cell, line, tm, tf, g, vw + rb + i + 12, rb, <f32>(x + 3 * stepX) - cx, y, z);
    }
    if (!moved) continue;
    const wd = mul(weights, du), fx = <f32>x - cx, step = <f32>stepX;
    if (moved & 1) one4(ORDER, dims, 0, d + part(bins, 0) * cell, cell, line, tm, tf, wd, vx + i, vy + i, vz + i, fx, y, z);
    if (moved & 2) one4(ORDER, dims, 1, d + part(bins, 1) * cell, cell, line, tm, tf, wd, vx + i + 4, vy + i + 4, vz + i + 4, fx + step, y, z);
    if (moved & 4) one4(ORDER, dims, 2, d + part(bins, 2) * cell, cell, line, tm, tf, wd, vx + i + 8, vy + i + 8, vz + i + 8, fx + 2 * step, y, z);
    if (moved & 8) one4(ORDER, dims, 3, d + part(bins, 3) * cell, cell, line, tm, tf, wd, vx + i + 12, vy + i + 12, vz + i + 12, fx + 3 * step, y, z);
  }
}
/** (p, 1), counted from the centre. */
// @ts-ignore: decorator
@inline function place(dims: i32, x: f32, y: f32, z: f32): v128 {
  return dims == 3 ? f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(splat(1), 0, x), 1, y), 2, z)
    : f32x4.replace_lane(f32x4.replace_lane(f32x4(0, 0, 1, 0), 0, x), 1, y);
}
// @ts-ignore: decorator
@inline function one4(ORDER: i32, dims: i32, k: u8, d: usize, cell: usize, line: usize, tm: v128, tf: v128, wd: v128, gx: usize, gy: usize, gz: usize,
  x: f32, y: f32, z: f32): void {
  const p = place(dims, x, y, z);
  scatterSlopes(ORDER, dims, k, d, cell, line, mul(slope(lane(tm, k)), lane(wd, k)), tf,
    mul(v128.load32_splat(gx), p), mul(v128.load32_splat(gy), p), mul(v128.load32_splat(gz), p));
}
/** A sample on its way out: the slopes of its weight, at g, rb bytes apart. Rare, so not inlined. */
function leaving(ORDER: i32, dims: i32, k: i32, d: usize, cell: usize, line: usize, tm: v128, tf: v128, w: v128, g: usize, rb: usize, x: f32, y: f32, z: f32): void {
  const p = place(dims, x, y, z), index = i32x4.mul(i32x4.splat(k), i32x4.splat(0x04040404)), at = i8x16.add(index, i8x16(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3));
  const m = i8x16.swizzle(tm, at), f = i8x16.swizzle(tf, at), v = mul(spline(m), i8x16.swizzle(w, at));
  const x4 = mul(v128.load32_splat(g), p), y4 = mul(v128.load32_splat(g + rb), p), z4 = mul(v128.load32_splat(g + 2 * rb), p);
  if (ORDER == 0) scatterSlopes(0, dims, 0, d, cell, line, v, f, x4, y4, z4);
  else if (ORDER == 1) scatterSlopes(1, dims, 0, d, cell, line, v, f, x4, y4, z4);
  else scatterSlopes(3, dims, 0, d, cell, line, v, f, x4, y4, z4);
}

export function affineInformation(kind: i32, dims: i32, fixed: usize, H: i32, W: i32, weight: usize, moving: usize, MD: i32, MH: i32, MW: i32,
  a00: f64, a01: f64, a02: f64, b0: f64, a10: f64, a11: f64, a12: f64, b1: f64, a20: f64, a21: f64, a22: f64, b2: f64,
  stepX: i32, stepY: i32, stepZ: i32, count: i32, rowsY: i32, cx: f64, cy: f64, cz: f64, range: usize, B: i32, order: i32, slopes: i32,
  out: usize, grain: i32, ws: usize, r0: i32, r1: i32): void {
  const rb = <usize>((count + 7) & ~3) << 2, S = stride(B), cell = dims == 3 ? 12 : 8;
  const vi = ws, vM = ws + rb, vx = ws + 2 * rb, vw = ws + 5 * rb, taps = ws + 9 * rb, h = taps + <usize>tapsWorkspace, d = h + (<usize>(B * S + 16) << 2);
  const block = out + <usize>(r0 / grain) * (<usize>(B * B * (1 + (slopes ? cell : 0))) << 3);
  memory.fill(h, 0, <usize>(B * S + 16) << 2);
  if (slopes) memory.fill(d, 0, <usize>(B * B * cell) << 2);
  for (let r = r0; r < r1; r++) {
    const y = (r % rowsY) * stepY, z = (r / rowsY) * stepZ, fy64 = <f64>y, fz64 = <f64>z;
    const from: usize = ((<usize>z * H + y) * <usize>W) << 2, f = fixed + from, w = weight ? weight + from : 0;
    affineRow(kind, dims, moving, MD, MH, MW, a00, a01, a02, b0, a10, a11, a12, b1, a20, a21, a22, b2, fy64, fz64, stepX, count, 1, vM, vx, rb, vi, taps);
    taper(dims, MD, MH, MW, a00, a10, a20, a01 * fy64 + a02 * fz64 + b0, a11 * fy64 + a12 * fz64 + b1, a21 * fy64 + a22 * fz64 + b2, stepX, count, vi, vw, rb);
    const yc = <f32>(fy64 - cy), zc = <f32>(fz64 - cz);
    if (order == 0) row(0, dims, slopes, f, w, stepX, W, count, range, B, vi, vM, vx, vw, rb, h, d, <f32>cx, yc, zc);
    else if (order == 1) row(1, dims, slopes, f, w, stepX, W, count, range, B, vi, vM, vx, vw, rb, h, d, <f32>cx, yc, zc);
    else row(3, dims, slopes, f, w, stepX, W, count, range, B, vi, vM, vx, vw, rb, h, d, <f32>cx, yc, zc);
  }
  for (let a = 0; a < B; a++) for (let b = 0; b < B; b++) store<f64>(block + (<usize>(a * B + b) << 3), <f64>load<f32>(h + (<usize>(a * S + b) << 2)));
  if (slopes) for (let i: usize = 0, n = <usize>(B * B * cell), o = block + (<usize>(B * B) << 3); i < n; i++) store<f64>(o + (i << 3), <f64>load<f32>(d + (i << 2)));
}
