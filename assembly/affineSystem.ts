import { affineRow } from "./affineRow";
import { tapsWorkspace } from "./sampleTaps";
import { add, fma, ld, mul, splat, st, sub } from "./simd";

/**
 * Sums for Gauss–Newton on  r(p) = g M(A p + b) + o − F(p)  over a lattice of voxels p of F (every stepX-th, stepY-th, stepZ-th), with a
 * weight w(p) and only where A p + b is inside M. With P_ab = w ∂aM ∂bM and p counted from the centre (cx, cy, cz):
 *   [0, 60)   P_ab (xx, xy, xz, yy, yz, zz) times 1, x, y, z, xx, xy, xz, yy, yz, zz
 *   [60, 96)  w ∂aM times M, 1, r times 1, x, y, z
 *   [96, 106) w, wM, wM², wF, wF², wMF, count, wr², wr, wMr
 * The gradient products do not depend on y and z within a row, so a row needs the sums over x of 1, x, x² alone: 18 instead of 60.
 * f32 lanes within a row, f64 from there. Each slab adds into its own block of 112 numbers at out; the caller adds the blocks in order.
 * dims = 2: D = 1. kind 1: linear from the image; 2: cubic B-spline from coefficients. Workspace: 6 rows of (count + 8) floats and
 * `tapsWorkspace` bytes. Slabs: rows of the lattice.
 */
const BLOCK: usize = 112 * 8;

// @ts-ignore: decorator
@inline function lanes(v: v128): f64 {
  return (<f64>f32x4.extract_lane(v, 0) + <f64>f32x4.extract_lane(v, 1)) + (<f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3));
}
// @ts-ignore: decorator
@inline function bump(p: usize, v: f64): void { store<f64>(p, load<f64>(p) + v); }
/** Four values of a row, `step` apart, not past its end. */
// @ts-ignore: decorator
@inline export function strided(row: usize, x: i32, step: i32, last: i32): v128 {
  if (step == 1) return ld(row + (<usize>x << 2));
  const v = v128.load32_lane(row + (<usize>min(x + step, last) << 2), v128.load32_zero(row + (<usize>x << 2)), 1);
  return v128.load32_lane(row + (<usize>min(x + 3 * step, last) << 2), v128.load32_lane(row + (<usize>min(x + 2 * step, last) << 2), v, 2), 3);
}

/** Sums over x of w a b and w a c and w a d, times 1, x, x² → nine numbers at s. */
function products(w: usize, a: usize, b: usize, c: usize, d: usize, bytes: usize, x0: f32, step: f32, s: usize): void {
  let p0 = splat(0), p1 = p0, p2 = p0, q0 = p0, q1 = p0, q2 = p0, r0 = p0, r1 = p0, r2 = p0;
  let x = add(splat(x0), mul(splat(step), f32x4(0, 1, 2, 3)));
  const dx = splat(4 * step);
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = mul(ld(w + i), ld(a + i)), xx = mul(x, x);
    let t = mul(v, ld(b + i)); p0 = add(p0, t); p1 = fma(t, x, p1); p2 = fma(t, xx, p2);
    t = mul(v, ld(c + i)); q0 = add(q0, t); q1 = fma(t, x, q1); q2 = fma(t, xx, q2);
    t = mul(v, ld(d + i)); r0 = add(r0, t); r1 = fma(t, x, r1); r2 = fma(t, xx, r2);
    x = add(x, dx);
  }
  store<f64>(s, lanes(p0)); store<f64>(s, lanes(p1), 8); store<f64>(s, lanes(p2), 16);
  store<f64>(s, lanes(q0), 24); store<f64>(s, lanes(q1), 32); store<f64>(s, lanes(q2), 40);
  store<f64>(s, lanes(r0), 48); store<f64>(s, lanes(r1), 56); store<f64>(s, lanes(r2), 64);
}
function expandTen(o: usize, s: usize, y: f64, z: f64): void {
  const a = load<f64>(s), b = load<f64>(s, 8);
  bump(o, a); bump(o + 8, b); bump(o + 16, y * a); bump(o + 24, z * a); bump(o + 32, load<f64>(s, 16));
  bump(o + 40, y * b); bump(o + 48, z * b); bump(o + 56, y * y * a); bump(o + 64, y * z * a); bump(o + 72, z * z * a);
}
/** Sums of w a times M, 1, r times 1, x, expanded to 1, x, y, z at o. */
function firsts(w: usize, a: usize, M: usize, r: usize, bytes: usize, x0: f32, step: f32, o: usize, y: f64, z: f64): void {
  let p0 = splat(0), p1 = p0, q0 = p0, q1 = p0, r0 = p0, r1 = p0;
  let x = add(splat(x0), mul(splat(step), f32x4(0, 1, 2, 3)));
  const dx = splat(4 * step);
  for (let i: usize = 0; i < bytes; i += 16) {
    const v = mul(ld(w + i), ld(a + i));
    let t = mul(v, ld(M + i)); p0 = add(p0, t); p1 = fma(t, x, p1);
    q0 = add(q0, v); q1 = fma(v, x, q1);
    t = mul(v, ld(r + i)); r0 = add(r0, t); r1 = fma(t, x, r1);
    x = add(x, dx);
  }
  let s = lanes(p0); bump(o, s); bump(o + 8, lanes(p1)); bump(o + 16, y * s); bump(o + 24, z * s);
  s = lanes(q0); bump(o + 32, s); bump(o + 40, lanes(q1)); bump(o + 48, y * s); bump(o + 56, z * s);
  s = lanes(r0); bump(o + 64, s); bump(o + 72, lanes(r1)); bump(o + 80, y * s); bump(o + 88, z * s);
}

export function affineSystem(kind: i32, dims: i32, fixed: usize, H: i32, W: i32, weight: usize, moving: usize, MD: i32, MH: i32, MW: i32,
  a00: f64, a01: f64, a02: f64, b0: f64, a10: f64, a11: f64, a12: f64, b1: f64, a20: f64, a21: f64, a22: f64, b2: f64,
  stepX: i32, stepY: i32, stepZ: i32, count: i32, rowsY: i32, gain: f64, offset: f64, cx: f64, cy: f64, cz: f64,
  out: usize, grain: i32, ws: usize, r0: i32, r1: i32): void {
  const rb = <usize>((count + 7) & ~3) << 2, bytes = <usize>((count + 3) & ~3) << 2;
  const vw = ws, vx = ws + rb, vy = ws + 2 * rb, vz = ws + 3 * rb, vM = ws + 4 * rb, vr = ws + 5 * rb, taps = ws + 6 * rb;
  const sums = taps + <usize>tapsWorkspace;
  const block = out + <usize>(r0 / grain) * BLOCK;
  memory.fill(block, 0, BLOCK);
  const zero = splat(0), vg = splat(<f32>gain), vo = splat(<f32>offset);
  for (let r = r0; r < r1; r++) {
    const y = (r % rowsY) * stepY, z = (r / rowsY) * stepZ, fy64 = <f64>y, fz64 = <f64>z;
    const from: usize = ((<usize>z * H + y) * <usize>W) << 2, row = fixed + from, weights = weight + from;
    affineRow(kind, dims, moving, MD, MH, MW, a00, a01, a02, b0, a10, a11, a12, b1, a20, a21, a22, b2, fy64, fz64, stepX, count, 0, vM, vx, rb, vw, taps);
    let sw = zero, sM = zero, sMM = zero, sF = zero, sFF = zero, sMF = zero, sn = zero, srr = zero, sr = zero, sMr = zero;
    for (let k = 0; k < count; k += 4) {
      const x = k * stepX, i = <usize>k << 2, inside = ld(vw + i);
      if (!v128.any_true(inside)) { st(vr + i, zero); continue; }
      let M = ld(vM + i);
      let w = v128.and(inside, weight ? strided(weights, x, stepX, W - 1) : splat(1));
      const used = f32x4.gt(w, zero);
      w = v128.and(used, w);
      // Where the weight is 0 the fixed image may hold anything, NaN included.
      const F = v128.and(used, strided(row, x, stepX, W - 1));
      M = v128.and(used, M);
      const rr = v128.and(used, sub(fma(vg, M, vo), F)), wM = mul(w, M), wF = mul(w, F), wr = mul(w, rr);
      st(vw + i, w); st(vM + i, M);
      // A slope that is not finite must not meet the weight 0.
      if (weight) { st(vx + i, v128.and(used, ld(vx + i))); st(vy + i, v128.and(used, ld(vy + i))); st(vz + i, v128.and(used, ld(vz + i))); }
      st(vr + i, rr);
      sw = add(sw, w); sM = add(sM, wM); sMM = fma(wM, M, sMM); sF = add(sF, wF); sFF = fma(wF, F, sFF); sMF = fma(wM, F, sMF);
      sn = add(sn, v128.and(used, splat(1))); srr = fma(wr, rr, srr); sr = add(sr, wr); sMr = fma(wM, rr, sMr);
    }
    const n = lanes(sn);
    if (n == 0) continue;
    const s = block + 96 * 8;
    bump(s, lanes(sw)); bump(s + 8, lanes(sM)); bump(s + 16, lanes(sMM)); bump(s + 24, lanes(sF)); bump(s + 32, lanes(sFF)); bump(s + 40, lanes(sMF));
    bump(s + 48, n); bump(s + 56, lanes(srr)); bump(s + 64, lanes(sr)); bump(s + 72, lanes(sMr));
    const x0 = <f32>(-cx), step = <f32>stepX, yc = fy64 - cy, zc = fz64 - cz;
    products(vw, vx, vx, vy, vz, bytes, x0, step, sums);
    expandTen(block, sums, yc, zc); expandTen(block + 80, sums + 24, yc, zc); expandTen(block + 160, sums + 48, yc, zc);
    products(vw, vy, vy, vz, vz, bytes, x0, step, sums);
    expandTen(block + 240, sums, yc, zc); expandTen(block + 320, sums + 24, yc, zc);
    if (dims == 3) { products(vw, vz, vz, vz, vz, bytes, x0, step, sums); expandTen(block + 400, sums, yc, zc); }
    firsts(vw, vx, vM, vr, bytes, x0, step, block + 480, yc, zc);
    firsts(vw, vy, vM, vr, bytes, x0, step, block + 576, yc, zc);
    if (dims == 3) firsts(vw, vz, vM, vr, bytes, x0, step, block + 672, yc, zc);
  }
}
