import { add, fma, ld, mul, splat, st, sub } from "./simd";

/**
 * One step of the primal-dual method for  min over x  ½ Σ wₖ (xₖ − yₖ)² + λ Σₖ h(|(∇x)ₖ|), fused: with p the dual planes (one an axis),
 *   x⁺ = (x + τ (w y − ∇*p)) / (1 + τ w),   x̄ = x⁺ + θ (x⁺ − x),   p⁺ = P(c (p + σ ∇x̄)),
 * P the projection of each vector (isotropic) or each number (anisotropic) to size λ, c = 1/(1 + σ α/λ) for Huber's h with width α, else 1;
 * then both are relaxed, x ← x + ρ (x⁺ − x), p ← p + ρ (p⁺ − p). ∇: forward differences, 0 at the last sample (where p must be 0, and stays so)
 * or, periodic, wrapped.
 * Grid D × H × W, W fastest; a picture is H = 1 with two planes (x, then its rows). Out of place: a slab of planes reads its neighbours' old
 * numbers only. Workspace: two planes of x̄, H · (W + 8) floats each.
 */

// @ts-ignore: decorator
@inline function put(p: usize, v: v128, n: i32): void {
  if (n >= 4) { st(p, v); return; }
  v128.store32_lane(p, v, 0);
  if (n > 1) v128.store32_lane(p, v, 1, 4);
  if (n > 2) v128.store32_lane(p, v, 2, 8);
}

/** x⁺ of plane z, x̄ into the ring. */
// @ts-ignore: decorator
@inline function primal(x: usize, p: usize, y: usize, w: usize, xo: usize, ring: usize, z: i32, D: i32, H: i32, W: i32, d: i32, periodic: i32,
  tau: f32, theta: f32, rho: f32): void {
  const plane: usize = (<usize>D * H * W) << 2, row: usize = <usize>W << 2, slice: usize = row * H, pitch: usize = row + 32;
  const vt = splat(tau), vth = splat(1 + theta), vr = splat(rho), one = splat(1), inverse = splat(1 / (1 + tau));
  const last = max(0, W - 4);
  for (let h = 0; h < H; h++) {
    const o: usize = (<usize>z * H + h) * row;
    const px = p + o, py = p + plane + o, pz = p + <usize>(d - 1) * plane + o;
    // Rows "before": 0 marks that there is none.
    const pyBefore: usize = d < 3 ? 0 : h > 0 ? py - row : periodic ? py + slice - row : 0;
    const pzBefore: usize = d < 2 ? 0 : z > 0 ? pz - slice : periodic ? pz + plane - slice : 0;
    const left: f32 = periodic ? load<f32>(px + row - 4) : 0;
    const xb = ring + <usize>h * pitch;
    for (let k = 0; ; k += 4) {
      if (k > last) k = last;
      const at: usize = <usize>k << 2;
      let before = ld(px + at - 4);
      if (k == 0) before = f32x4.replace_lane(before, 0, left);
      let g = sub(before, ld(px + at)); // ∇*p
      if (d > 2) { g = sub(g, ld(py + at)); if (pyBefore) g = add(g, ld(pyBefore + at)); }
      if (d > 1) { g = sub(g, ld(pz + at)); if (pzBefore) g = add(g, ld(pzBefore + at)); }
      const old = ld(x + o + at);
      let step: v128; // x⁺ − x = τ (w (y − x) − ∇*p) / (1 + τ w): small numbers keep their digits
      if (w) {
        const weight = ld(w + o + at);
        step = f32x4.div(mul(vt, sub(mul(weight, sub(ld(y + o + at), old)), g)), fma(vt, weight, one));
      } else step = mul(mul(vt, inverse), sub(sub(ld(y + o + at), old), g));
      if (xo) put(xo + o + at, fma(vr, step, old), W - k);
      st(xb + at, fma(vth, step, old)); // padded rows
      if (k >= last) break;
    }
    // The sample behind the row: the first one again, or the last one twice, which makes its difference 0.
    store<f32>(xb + row, load<f32>(periodic ? xb : xb + row - 4));
  }
}

export function tvStep(x: usize, p: usize, y: usize, w: usize, xo: usize, po: usize, D: i32, H: i32, W: i32, d: i32, periodic: i32, isotropic: i32,
  tau: f32, sigma: f32, theta: f32, lambda: f32, shrink: f32, rho: f32, ws: usize, z0: i32, z1: i32): void {
  const plane: usize = (<usize>D * H * W) << 2, row: usize = <usize>W << 2, slice: usize = row * H, pitch: usize = row + 32;
  const size: usize = pitch * H, last = max(0, W - 4);
  const vs = splat(sigma), vl = splat(lambda), low = splat(-lambda), one = splat(1), vc = splat(shrink), vr = splat(rho);
  primal(x, p, y, w, xo, ws, z0, D, H, W, d, periodic, tau, theta, rho);
  for (let z = z0; z < z1; z++) {
    const here: usize = ws + <usize>((z - z0) & 1) * size;
    let next: usize = ws + <usize>((z - z0 + 1) & 1) * size;
    if (z + 1 < D) primal(x, p, y, w, z + 1 < z1 ? xo : 0, next, z + 1, D, H, W, d, periodic, tau, theta, rho);
    else if (periodic && D > 1) primal(x, p, y, w, 0, next, 0, D, H, W, d, periodic, tau, theta, rho);
    else next = here;
    for (let h = 0; h < H; h++) {
      const o: usize = (<usize>z * H + h) * row, r = here + <usize>h * pitch;
      const below = here + <usize>(h + 1 < H ? h + 1 : periodic ? 0 : h) * pitch, behind = next + <usize>h * pitch;
      for (let k = 0; ; k += 4) {
        if (k > last) k = last;
        const at: usize = <usize>k << 2, v = ld(r + at);
        const ox = ld(p + o + at);
        let a = mul(vc, fma(vs, sub(ld(r + at + 4), v), ox));
        let b = splat(0), c = splat(0), ob = splat(0), oc = splat(0);
        if (d > 1) { oc = ld(p + <usize>(d - 1) * plane + o + at); c = mul(vc, fma(vs, sub(ld(behind + at), v), oc)); }
        if (d > 2) { ob = ld(p + plane + o + at); b = mul(vc, fma(vs, sub(ld(below + at), v), ob)); }
        if (isotropic) {
          const s = f32x4.pmin(one, f32x4.div(vl, f32x4.sqrt(fma(a, a, fma(b, b, mul(c, c)))))); // NaN of 0/0 loses: pmin keeps the first
          a = mul(a, s); b = mul(b, s); c = mul(c, s);
        } else {
          a = f32x4.pmin(vl, f32x4.pmax(low, a)); b = f32x4.pmin(vl, f32x4.pmax(low, b)); c = f32x4.pmin(vl, f32x4.pmax(low, c));
        }
        put(po + o + at, fma(vr, sub(a, ox), ox), W - k);
        if (d > 1) put(po + <usize>(d - 1) * plane + o + at, fma(vr, sub(c, oc), oc), W - k);
        if (d > 2) put(po + plane + o + at, fma(vr, sub(b, ob), ob), W - k);
        if (k >= last) break;
      }
    }
  }
}

/** |n| behind the width α, n²/2α before it. */
// @ts-ignore: decorator
@inline function huber(n: f64, alpha: f64): f64 { return n >= alpha ? n - 0.5 * alpha : 0.5 * n * n / alpha; }

/**
 * What objective and duality gap of the same problem need, in f64 from f32 numbers, six sums a slab at out + 48 · (z0 / grain):
 *   ½ Σ w (x − y)²,  Σ h(|∇x|),  Σ t y over w > 0,  ½ Σ t²/w over w > 0,  Σ |t| over w = 0,  Σ |p|²,   t = ∇*p
 * (without weights w = 1). p = 0 leaves the dual sums 0. Slabs: planes.
 */
export function tvSums(x: usize, p: usize, y: usize, w: usize, D: i32, H: i32, W: i32, d: i32, periodic: i32, isotropic: i32, alpha: f64,
  out: usize, grain: i32, z0: i32, z1: i32): void {
  const plane: usize = (<usize>D * H * W) << 2, row: usize = <usize>W << 2, slice: usize = row * H;
  let fit: f64 = 0, tv: f64 = 0, ty: f64 = 0, tt: f64 = 0, off: f64 = 0, pp: f64 = 0;
  for (let z = z0; z < z1; z++) for (let h = 0; h < H; h++) {
    const o: usize = (<usize>z * H + h) * row, r = x + o;
    const below: usize = h + 1 < H ? r + row : periodic ? r + row - slice : r;
    const behind: usize = z + 1 < D ? r + slice : periodic ? x + <usize>h * row : r;
    for (let k = 0; k < W; k++) {
      const at: usize = <usize>k << 2, v = <f64>load<f32>(r + at);
      const right: usize = k + 1 < W ? r + at + 4 : periodic ? r : r + at;
      const a = <f64>load<f32>(right) - v;
      const b: f64 = d > 2 ? <f64>load<f32>(below + at) - v : 0;
      const c: f64 = d > 1 ? <f64>load<f32>(behind + at) - v : 0;
      if (isotropic) {
        const n = sqrt(a * a + b * b + c * c);
        tv += huber(n, alpha);
      } else {
        const A = abs(a), B = abs(b), C = abs(c);
        tv += huber(A, alpha) + huber(B, alpha) + huber(C, alpha);
      }
      const data = <f64>load<f32>(y + o + at), e = v - data, weight: f64 = w ? <f64>load<f32>(w + o + at) : 1;
      fit += 0.5 * weight * e * e;
      if (p) {
        const q = p + o + at;
        const p0 = <f64>load<f32>(q);
        let t = -p0;
        pp += p0 * p0;
        if (k > 0) t += <f64>load<f32>(q - 4);
        else if (periodic) t += <f64>load<f32>(q + row - 4);
        if (d > 1) {
          const u = q + <usize>(d - 1) * plane;
          const p2 = <f64>load<f32>(u);
          t -= p2; pp += p2 * p2;
          if (z > 0) t += <f64>load<f32>(u - slice);
          else if (periodic) t += <f64>load<f32>(u + plane - slice);
        }
        if (d > 2) {
          const u = q + plane;
          const p1 = <f64>load<f32>(u);
          t -= p1; pp += p1 * p1;
          if (h > 0) t += <f64>load<f32>(u - row);
          else if (periodic) t += <f64>load<f32>(u + slice - row);
        }
        if (weight > 0) { ty += t * data; tt += 0.5 * t * t / weight; }
        else off += abs(t);
      }
    }
  }
  const s = out + <usize>(z0 / grain) * 48;
  store<f64>(s, fit); store<f64>(s + 8, tv); store<f64>(s + 16, ty); store<f64>(s + 24, tt); store<f64>(s + 32, off); store<f64>(s + 40, pp);
}

/** Row h of plane z of the splitting step: u⁺ and v⁺ at uo and vo, whose planes are `stride` apart. */
function split(x: usize, u: usize, v: usize, uo: usize, vo: usize, stride: usize, line: usize, z: i32, h: i32, D: i32, H: i32, W: i32, d: i32,
  periodic: i32, isotropic: i32, omega: f32, radius: f32): void {
  const plane: usize = (<usize>D * H * W) << 2, row: usize = <usize>W << 2, slice: usize = row * H, last = max(0, W - 4);
  const o: usize = (<usize>z * H + h) * row, r = x + o, back: usize = <usize>(d - 1);
  const below: usize = h + 1 < H ? r + row : periodic ? r + row - slice : r;
  const behind: usize = z + 1 < D ? r + slice : periodic ? x + <usize>h * row : r;
  memory.copy(line, r, row);
  store<f32>(line + row, load<f32>(periodic ? r : r + row - 4));
  const vo1 = splat(omega), vo2 = splat(1 - omega), vl = splat(radius), low = splat(-radius), one = splat(1), two = splat(2);
  for (let k = 0; ; k += 4) {
    if (k > last) k = last;
    const at: usize = <usize>k << 2, here = ld(r + at);
    let b = splat(0), c = splat(0);
    // ω ∇x + (1 − ω) z + u with z = v + u
    let q = ld(u + o + at);
    let a = fma(vo1, sub(ld(line + at + 4), here), fma(vo2, add(ld(v + o + at), q), q));
    if (d > 1) { q = ld(u + back * plane + o + at); c = fma(vo1, sub(ld(behind + at), here), fma(vo2, add(ld(v + back * plane + o + at), q), q)); }
    if (d > 2) { q = ld(u + plane + o + at); b = fma(vo1, sub(ld(below + at), here), fma(vo2, add(ld(v + plane + o + at), q), q)); }
    let ua: v128, ub: v128, uc: v128;
    if (isotropic) {
      const s = f32x4.pmin(one, f32x4.div(vl, f32x4.sqrt(fma(a, a, fma(b, b, mul(c, c))))));
      ua = mul(a, s); ub = mul(b, s); uc = mul(c, s);
    } else {
      ua = f32x4.pmin(vl, f32x4.pmax(low, a)); ub = f32x4.pmin(vl, f32x4.pmax(low, b)); uc = f32x4.pmin(vl, f32x4.pmax(low, c));
    }
    put(uo + at, ua, W - k); put(vo + at, sub(a, mul(two, ua)), W - k);
    if (d > 1) { put(uo + back * stride + at, uc, W - k); put(vo + back * stride + at, sub(c, mul(two, uc)), W - k); }
    if (d > 2) { put(uo + stride + at, ub, W - k); put(vo + stride + at, sub(b, mul(two, ub)), W - k); }
    if (k >= last) break;
  }
}

/**
 * The splitting step for λ TV(x) in the method of multipliers with penalty ρ, fused: with a = ω ∇x + (1 − ω) (v + u) + u,
 *   u⁺ = P(a) to size λ/ρ,   v⁺ = a − 2 u⁺ (the new z − u),   b = ∇*v⁺.
 * ω: over-relaxation. Geometry as in `tvStep`; out of place. Workspace: (2 d H + 1) (W + 8) floats. Slabs: planes.
 */
export function tvSplit(x: usize, u: usize, v: usize, uo: usize, vo: usize, b: usize, D: i32, H: i32, W: i32, d: i32, periodic: i32, isotropic: i32,
  omega: f32, radius: f32, ws: usize, z0: i32, z1: i32): void {
  const plane: usize = (<usize>D * H * W) << 2, row: usize = <usize>W << 2, slice: usize = row * H, back: usize = <usize>(d - 1);
  const line = ws, hu = ws + row + 32, hv = hu + <usize>d * slice;
  const before: i32 = z0 > 0 ? z0 - 1 : periodic ? D - 1 : -1;
  if (d > 1 && before >= 0)
    for (let h = 0; h < H; h++) {
      const o: usize = <usize>h * row;
      split(x, u, v, hu + o, hv + o, slice, line, before, h, D, H, W, d, periodic, isotropic, omega, radius);
    }
  for (let z = z0; z < z1; z++) {
    for (let h = 0; h < H; h++) {
      const o: usize = (<usize>z * H + h) * row;
      split(x, u, v, uo + o, vo + o, plane, line, z, h, D, H, W, d, periodic, isotropic, omega, radius);
    }
    const zBefore: usize = d < 2 ? 0 : z > z0 ? vo + back * plane + (<usize>(z - 1)) * slice : before >= 0 ? hv + back * slice : 0;
    for (let h = 0; h < H; h++) {
      const o: usize = (<usize>z * H + h) * row, q = vo + o, hBefore: usize = h > 0 ? q + plane - row : q + plane + slice - row;
      for (let k = 0; k < W; k++) {
        const at: usize = <usize>k << 2;
        let t = k > 0 ? load<f32>(q + at - 4) : periodic ? load<f32>(q + row - 4) : 0;
        t -= load<f32>(q + at);
        if (d > 1) { t -= load<f32>(q + back * plane + at); if (zBefore) t += load<f32>(zBefore + <usize>h * row + at); }
        if (d > 2) { t -= load<f32>(q + plane + at); if (h > 0 || periodic) t += load<f32>(hBefore + at); }
        store<f32>(b + o + at, t);
      }
    }
  }
}
