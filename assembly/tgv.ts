import { add, fma, fnma, ld, mul, splat, st, sub } from "./simd";

/**
 * Total generalised variation of a picture: one over-relaxed primal-dual step of  min over x, w  ½ Σ m (x − y)² + λ (Σ |∇x − w| + β Σ |E w|)  in two passes.
 * Planes: w, p along y then x; q yy, xy, yx, xx with the middle two alike. Differences that would leave the picture are 0. All in place. Slabs: rows.
 */

// @ts-ignore: decorator
@inline function put(p: usize, v: v128, n: i32): void {
  if (n >= 4) { st(p, v); return; }
  v128.store32_lane(p, v, 0);
  if (n > 1) v128.store32_lane(p, v, 1, 4);
  if (n > 2) v128.store32_lane(p, v, 2, 8);
}
/** What lies to the left, 0 before the first sample. */
// @ts-ignore: decorator
@inline function left(p: usize, k: i32): v128 { const v = ld(p - 4); return k == 0 ? f32x4.replace_lane(v, 0, 0) : v; }
// @ts-ignore: decorator
@inline function above(p: usize, row: usize, i: i32): v128 { return i > 0 ? ld(p - row) : splat(0); }

/** x₁, w₁ by the proximal maps of what x and w see; x and w go `rho` of the way there, xb and wb are 2x₁ − x and 2w₁ − w. m = 0: weights of 1. */
export function tgvPrimal(x: usize, w: usize, p: usize, q: usize, y: usize, m: usize, xb: usize, wb: usize, H: i32, W: i32, tau: f32, rho: f32,
  i0: i32, i1: i32): void {
  const row = <usize>W << 2, plane = <usize>H * row;
  const vt = splat(tau), vr = splat(rho), one = splat(1), two = splat(2);
  for (let i = i0; i < i1; i++)
    for (let k = 0; k < W; k += 4) {
      const at = <usize>i * row + (<usize>k << 2), n = W - k;
      const py = ld(p + at), px = ld(p + plane + at);
      const g = add(sub(above(p + at, row, i), py), sub(left(p + plane + at, k), px));
      const x0 = ld(x + at), v = fnma(vt, g, x0), d = m == 0 ? vt : mul(vt, ld(m + at));
      const x1 = f32x4.div(fma(d, ld(y + at), v), add(one, d));
      const qy = q + at, qm = qy + plane, qx = qm + 2 * plane, xy = ld(qm);
      const ey = add(sub(above(qy, row, i), ld(qy)), sub(left(qm, k), xy));
      const ex = add(sub(left(qx, k), ld(qx)), sub(above(qm, row, i), xy));
      const wy = ld(w + at), wx = ld(w + plane + at);
      const y1 = fnma(vt, sub(ey, py), wy), z1 = fnma(vt, sub(ex, px), wx);
      put(xb + at, sub(mul(two, x1), x0), n);
      put(wb + at, sub(mul(two, y1), wy), n);
      put(wb + plane + at, sub(mul(two, z1), wx), n);
      put(x + at, fma(vr, sub(x1, x0), x0), n);
      put(w + at, fma(vr, sub(y1, wy), wy), n);
      put(w + plane + at, fma(vr, sub(z1, wx), wx), n);
    }
}
/** p and q go `rho` of the way to what is within λ and μ = β λ of p + σ (∇xb − wb) and q + σ E wb. */
export function tgvDual(xb: usize, wb: usize, p: usize, q: usize, H: i32, W: i32, sigma: f32, lambda: f32, mu: f32, rho: f32, i0: i32, i1: i32): void {
  const row = <usize>W << 2, plane = <usize>H * row;
  const vs = splat(sigma), vl = splat(lambda), vm = splat(mu), vr = splat(rho), one = splat(1), two = splat(2), half = splat(0.5), zero = splat(0);
  const lanes = i32x4(0, 1, 2, 3), last = i32x4.splat(W - 1), before = i32x4.splat(W - 2);
  for (let i = i0; i < i1; i++)
    for (let k = 0; k < W; k += 4) {
      const at = <usize>i * row + (<usize>k << 2), n = W - k;
      const column = i32x4.add(lanes, i32x4.splat(k));
      const inner = i32x4.lt_s(column, last), inmost = i32x4.lt_s(column, before);
      const xc = ld(xb + at), wy = ld(wb + at), wx = ld(wb + plane + at);
      const gy = i + 1 < H ? sub(ld(xb + at + row), xc) : zero;
      const gx = v128.and(inner, sub(ld(xb + at + 4), xc));
      const py = ld(p + at), px = ld(p + plane + at);
      const a = fma(vs, sub(gy, wy), py), b = fma(vs, sub(gx, wx), px);
      const c = f32x4.pmin(one, f32x4.div(vl, f32x4.sqrt(fma(a, a, mul(b, b))))); // NaN of 0/0 loses: pmin keeps the first
      put(p + at, fma(vr, sub(mul(a, c), py), py), n);
      put(p + plane + at, fma(vr, sub(mul(b, c), px), px), n);
      const ey = i + 2 < H ? sub(ld(wb + at + row), wy) : zero;
      const ex = v128.and(inmost, sub(ld(wb + plane + at + 4), wx));
      const em = i + 1 < H ? v128.and(inner, mul(half, add(sub(ld(wb + at + 4), wy), sub(ld(wb + plane + at + row), wx)))) : zero;
      const o = q + at, q0 = ld(o), q1 = ld(o + plane), q3 = ld(o + 3 * plane);
      const s = fma(vs, ey, q0), t = fma(vs, em, q1), u = fma(vs, ex, q3);
      const e = f32x4.pmin(one, f32x4.div(vm, f32x4.sqrt(fma(s, s, fma(u, u, mul(two, mul(t, t)))))));
      const middle = fma(vr, sub(mul(t, e), q1), q1);
      put(o, fma(vr, sub(mul(s, e), q0), q0), n);
      put(o + plane, middle, n);
      put(o + 2 * plane, middle, n);
      put(o + 3 * plane, fma(vr, sub(mul(u, e), q3), q3), n);
    }
}
