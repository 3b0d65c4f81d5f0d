import { add, fma, fnma, hsum, ld, mul, splat, st, sub } from "./simd";

/**
 * out = m · ∇*∇x on a D × H × W grid (each sample minus each of its neighbours, those beyond the border left out), W fastest, d axes (a picture
 * is H = 1); m: 0 for ones. Returns Σ other · out (other: 0 for none), f32 within a row. Out of place. Slabs: planes.
 */
export function laplacian(x: usize, out: usize, m: usize, other: usize, D: i32, H: i32, W: i32, d: i32, z0: i32, z1: i32): f64 {
  const row: usize = <usize>W << 2, slice: usize = row * H, vectors = W & ~3;
  let sum: f64 = 0;
  for (let z = z0; z < z1; z++) for (let h = 0; h < H; h++) {
    const o: usize = (<usize>z * H + h) * row, r = x + o;
    const above = h > 0 ? r - row : r, below = h + 1 < H ? r + row : r;
    const before = z > 0 ? r - slice : r, behind = z + 1 < D ? r + slice : r;
    let s = splat(0);
    for (let k = 0; k < vectors; k += 4) {
      const at: usize = <usize>k << 2, v = ld(r + at);
      let left = ld(r + at - 4), right = ld(r + at + 4);
      if (k == 0) left = f32x4.replace_lane(left, 0, f32x4.extract_lane(v, 0));
      if (k + 4 == W) right = f32x4.replace_lane(right, 3, f32x4.extract_lane(v, 3));
      let t = sub(sub(add(v, v), left), right);
      if (d > 1) t = add(t, sub(sub(add(v, v), ld(before + at)), ld(behind + at)));
      if (d > 2) t = add(t, sub(sub(add(v, v), ld(above + at)), ld(below + at)));
      if (m) t = mul(t, ld(m + o + at));
      st(out + o + at, t);
      if (other) s = fma(t, ld(other + o + at), s);
    }
    let rest: f32 = hsum(s);
    for (let k = vectors; k < W; k++) {
      const at: usize = <usize>k << 2, v = load<f32>(r + at);
      let t: f32 = v + v - load<f32>(k > 0 ? r + at - 4 : r + at) - load<f32>(k + 1 < W ? r + at + 4 : r + at);
      if (d > 1) t += v + v - load<f32>(before + at) - load<f32>(behind + at);
      if (d > 2) t += v + v - load<f32>(above + at) - load<f32>(below + at);
      if (m) t *= load<f32>(m + o + at);
      store<f32>(out + o + at, t);
      if (other) rest += t * load<f32>(other + o + at);
    }
    sum += <f64>rest;
  }
  return sum;
}

/** x += α p, r −= α q in place; returns Σ r², in f64 from runs of 256. */
export function conjugateStep(x: usize, r: usize, p: usize, q: usize, alpha: f32, i0: i32, i1: i32): f64 {
  const a = splat(alpha);
  let sum: f64 = 0, k = i0;
  while (k + 4 <= i1) {
    const end = min(i1 - 3, k + 256);
    let s = splat(0);
    for (; k < end; k += 4) {
      const at: usize = <usize>k << 2;
      st(x + at, fma(a, ld(p + at), ld(x + at)));
      const t = fnma(a, ld(q + at), ld(r + at));
      st(r + at, t);
      s = fma(t, t, s);
    }
    sum += <f64>hsum(s);
  }
  for (; k < i1; k++) {
    const at: usize = <usize>k << 2;
    store<f32>(x + at, load<f32>(x + at) + alpha * load<f32>(p + at));
    const t = load<f32>(r + at) - alpha * load<f32>(q + at);
    store<f32>(r + at, t);
    sum += <f64>(t * t);
  }
  return sum;
}
/** p = r + β p in place. */
export function conjugateDirection(p: usize, r: usize, beta: f32, i0: i32, i1: i32): void {
  const b = splat(beta);
  let k = i0;
  for (; k + 4 <= i1; k += 4) { const at: usize = <usize>k << 2; st(p + at, fma(b, ld(p + at), ld(r + at))); }
  for (; k < i1; k++) { const at: usize = <usize>k << 2; store<f32>(p + at, load<f32>(r + at) + beta * load<f32>(p + at)); }
}
