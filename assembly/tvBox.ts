import { add, clamp, fma, fnma, ld, mul, splat, st, sub } from "./simd";

/**
 * Total variation between bounds, by its dual:  min over x in [low, high]  ½‖x − v‖² + τ λ TV(x)  has x(r) = clamp(v − τ ∇*r), and a step of
 * accelerated projected gradients is  p⁺ = P(r + s ∇x(r)),  r⁺ = p⁺ + β (p⁺ − p),  P the projection of each vector to size λ.
 * Planes: along the rows' axis, then along x; differences at the last sample are 0, where p and r must be 0 too, and stay so.
 */

// @ts-ignore: decorator
@inline function put(p: usize, v: v128, n: i32): void {
  if (n >= 4) { st(p, v); return; }
  v128.store32_lane(p, v, 0);
  if (n > 1) v128.store32_lane(p, v, 1, 4);
  if (n > 2) v128.store32_lane(p, v, 2, 8);
}
/** clamp(v − τ ∇*r) of row i. */
// @ts-ignore: decorator
@inline function primal(v: usize, r: usize, to: usize, i: i32, H: i32, W: i32, tau: f32, low: f32, high: f32): void {
  const o = <usize>(i * W) << 2, row = <usize>W << 2;
  const a = r + o, b = r + (<usize>(H * W) << 2) + o;
  const vt = splat(tau), vl = splat(low), vh = splat(high);
  for (let k = 0; k < W; k += 4) {
    const at = <usize>k << 2;
    let before = ld(b + at - 4);
    if (k == 0) before = f32x4.replace_lane(before, 0, 0);
    let g = sub(before, add(ld(b + at), ld(a + at)));
    if (i > 0) g = add(g, ld(a + at - row));
    put(to + at, clamp(fnma(vt, g, ld(v + o + at)), vl, vh), W - k);
  }
}
/** x(r). Slabs: rows. */
export function tvBoxPrimal(v: usize, r: usize, x: usize, H: i32, W: i32, tau: f32, low: f32, high: f32, i0: i32, i1: i32): void {
  for (let i = i0; i < i1; i++) primal(v, r, x + (<usize>(i * W) << 2), i, H, W, tau, low, high);
}
/** One step: r to ro, p in place. Workspace: two rows of W + 8 floats. Slabs: rows. */
export function tvBoxStep(v: usize, r: usize, p: usize, ro: usize, H: i32, W: i32, tau: f32, low: f32, high: f32, s: f32, lambda: f32, beta: f32,
  ws: usize, i0: i32, i1: i32): void {
  const row = <usize>W << 2, plane = <usize>(H * W) << 2, pitch = row + 32;
  const vs = splat(s), vl = splat(lambda), vb = splat(beta), one = splat(1);
  primal(v, r, ws + (<usize>(i0 & 1)) * pitch, i0, H, W, tau, low, high);
  for (let i = i0; i < i1; i++) {
    const here = ws + (<usize>(i & 1)) * pitch;
    let next = ws + (<usize>((i + 1) & 1)) * pitch;
    if (i + 1 < H) primal(v, r, next, i + 1, H, W, tau, low, high);
    else next = here;
    store<f32>(here + row, load<f32>(here + row - 4));
    const o = <usize>i * row;
    for (let k = 0; k < W; k += 4) {
      const at = <usize>k << 2, n = W - k;
      const x = ld(here + at);
      let a = fma(vs, sub(ld(next + at), x), ld(r + o + at));
      let b = fma(vs, sub(ld(here + at + 4), x), ld(r + plane + o + at));
      const c = f32x4.pmin(one, f32x4.div(vl, f32x4.sqrt(fma(a, a, mul(b, b))))); // NaN of 0/0 loses: pmin keeps the first
      a = mul(a, c); b = mul(b, c);
      const p0 = ld(p + o + at), p1 = ld(p + plane + o + at);
      put(ro + o + at, fma(vb, sub(a, p0), a), n);
      put(ro + plane + o + at, fma(vb, sub(b, p1), b), n);
      put(p + o + at, a, n);
      put(p + plane + o + at, b, n);
    }
  }
}
