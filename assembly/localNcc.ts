import { windowSums } from "./lines";
import { add, fma, hsum, ld, mul, splat, st, sub } from "./simd";

/**
 * Local (windowed) normalised cross-correlation of two images I (fixed) and J (warped), both taken as (v − offset)·scale on the fly:
 *   cc = c² / (vI vJ + ε),   c = E[IJ] − E[I]E[J],  v = E[·²] − E[·]²,  E = mean over the window, inside the image, weighted by the mask.
 * Running sums along z and y, a few adds along x; offset keeps the sums small, so that they lose no digits.
 * The first pass returns Σ w cc and writes A = 2 c w / (n den), C = −2 cc vI w / (n den), M = A E[I] + C E[J]; the second makes
 *   ∂Σ/∂J = w·(I box(A) + J box(C) − box(M))·scale;  with `both`, C' and M' (I and J exchanged) give ∂/∂I.
 * I, J, mask (0: none) [V, D, H, W]; fields [V, 3 or 5, D, H, W4] with rows padded to W4 = ⌈W / 4⌉·4; stats [V, 4] = offset, scale of I, of J.
 * Slabs: blocks of `planes` × `rows`, i = (volume·⌈D / planes⌉ + block of z)·⌈H / rows⌉ + strip; a block pays for its rim once more.
 */
// @ts-ignore: decorator
@inline function wide(W: i32): usize { return <usize>((W + 3) & ~3) << 2; }
/** Padding of a row buffer on either side, in bytes. */
// @ts-ignore: decorator
@inline function rim(rx: i32): usize { return <usize>((rx + 7) & ~3) << 2; }
/** Lanes x of the last group that lie inside a row. */
// @ts-ignore: decorator
@inline function lanes(W: i32): v128 { return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(W - ((W - 1) & ~3))); }
/** What a thread needs, in bytes; q quantities are summed (5, 6 with a mask; 3 or 5 in the second pass). */
export function localNccWorkspace(q: i32, H: i32, W: i32, rows: i32, ry: i32, rx: i32): i32 {
  const wp = wide(W), row = wp + 2 * rim(rx);
  return <i32>(<usize>q * (<usize>min(H, rows + 2 * ry) * wp + row + wp) + 2 * row + 2 * wp + 256);
}
/** Voxels of a window of radius r about i that lie inside [0, n). */
// @ts-ignore: decorator
@inline function count(i: i32, r: i32, n: i32): i32 { return min(n - 1, i + r) - max(0, i - r) + 1; }

/** zs ± products of one group of four. */
// @ts-ignore: decorator
@inline function gather(MASK: bool, IN: bool, OUT: bool, zs: usize, h: usize, a: v128, b: v128, w: v128, c: v128, d: v128, u: v128): void {
  const wa = MASK ? mul(w, a) : a, wb = MASK ? mul(w, b) : b, uc = MASK ? mul(u, c) : c, ud = MASK ? mul(u, d) : d;
  if (IN && OUT) {
    st(zs, add(ld(zs), sub(wa, uc)));
    st(zs + h, add(ld(zs + h), sub(wb, ud)));
    st(zs + 2 * h, add(ld(zs + 2 * h), sub(mul(wa, a), mul(uc, c))));
    st(zs + 3 * h, add(ld(zs + 3 * h), sub(mul(wb, b), mul(ud, d))));
    st(zs + 4 * h, add(ld(zs + 4 * h), sub(mul(wa, b), mul(uc, d))));
    if (MASK) st(zs + 5 * h, add(ld(zs + 5 * h), sub(w, u)));
  } else if (IN) {
    st(zs, add(ld(zs), wa));
    st(zs + h, add(ld(zs + h), wb));
    st(zs + 2 * h, fma(wa, a, ld(zs + 2 * h)));
    st(zs + 3 * h, fma(wb, b, ld(zs + 3 * h)));
    st(zs + 4 * h, fma(wa, b, ld(zs + 4 * h)));
    if (MASK) st(zs + 5 * h, add(ld(zs + 5 * h), w));
  } else {
    st(zs, sub(ld(zs), uc));
    st(zs + h, sub(ld(zs + h), ud));
    st(zs + 2 * h, sub(ld(zs + 2 * h), mul(uc, c)));
    st(zs + 3 * h, sub(ld(zs + 3 * h), mul(ud, d)));
    st(zs + 4 * h, sub(ld(zs + 4 * h), mul(uc, d)));
    if (MASK) st(zs + 5 * h, sub(ld(zs + 5 * h), u));
  }
}
/** Move the running sums of the rows one plane on: what is at `into` enters, what is at `from` (both byte offsets) leaves. */
// @ts-ignore: decorator
@inline function moveProducts(
  MASK: bool, IN: bool, OUT: bool, zs: usize, h: usize, I: usize, J: usize, m: usize, into: usize, from: usize,
  rows: i32, W: i32, oI: v128, sI: v128, oJ: v128, sJ: v128,
): void {
  const rb: usize = <usize>W << 2, wp = wide(W), inner: usize = <usize>((W - 1) & ~3) << 2, keep = lanes(W), zero = splat(0);
  for (let y = 0; y < rows; y++) {
    let x: usize = 0;
    for (; x < inner; x += 16) {
      const p = into + x, q = from + x;
      const a = IN ? mul(sub(ld(I + p), oI), sI) : zero, b = IN ? mul(sub(ld(J + p), oJ), sJ) : zero, w = MASK && IN ? ld(m + p) : zero;
      const c = OUT ? mul(sub(ld(I + q), oI), sI) : zero, d = OUT ? mul(sub(ld(J + q), oJ), sJ) : zero, u = MASK && OUT ? ld(m + q) : zero;
      gather(MASK, IN, OUT, zs + x, h, a, b, w, c, d, u);
    }
    const p = into + x, q = from + x;
    const a = IN ? v128.and(keep, mul(sub(ld(I + p), oI), sI)) : zero, b = IN ? v128.and(keep, mul(sub(ld(J + p), oJ), sJ)) : zero;
    const c = OUT ? v128.and(keep, mul(sub(ld(I + q), oI), sI)) : zero, d = OUT ? v128.and(keep, mul(sub(ld(J + q), oJ), sJ)) : zero;
    gather(MASK, IN, OUT, zs + x, h, a, b, MASK && IN ? v128.and(keep, ld(m + p)) : zero, c, d, MASK && OUT ? v128.and(keep, ld(m + q)) : zero);
    zs += wp;
    into += rb;
    from += rb;
  }
}
function moveAll(
  zs: usize, h: usize, I: usize, J: usize, m: usize, enters: bool, into: usize, leaves: bool, from: usize, rows: i32, W: i32, stats: usize,
): void {
  const oI = v128.load32_splat(stats), sI = v128.load32_splat(stats, 4), oJ = v128.load32_splat(stats, 8), sJ = v128.load32_splat(stats, 12);
  if (m != 0) {
    if (enters) {
      if (leaves) moveProducts(true, true, true, zs, h, I, J, m, into, from, rows, W, oI, sI, oJ, sJ);
      else moveProducts(true, true, false, zs, h, I, J, m, into, from, rows, W, oI, sI, oJ, sJ);
    } else if (leaves) moveProducts(true, false, true, zs, h, I, J, m, into, from, rows, W, oI, sI, oJ, sJ);
  } else if (enters) {
    if (leaves) moveProducts(false, true, true, zs, h, I, J, m, into, from, rows, W, oI, sI, oJ, sJ);
    else moveProducts(false, true, false, zs, h, I, J, m, into, from, rows, W, oI, sI, oJ, sJ);
  } else if (leaves) moveProducts(false, false, true, zs, h, I, J, m, into, from, rows, W, oI, sI, oJ, sJ);
}

// ---- y and x: r ← r + enter − leave, out = box along x of r (zero outside the row) ----
/** (a₃ b₀ b₁ b₂), (a₂ a₃ b₀ b₁) … are one instruction each. */
// @ts-ignore: decorator
@inline function from1(a: v128, b: v128): v128 { return v128.shuffle<f32>(a, b, 1, 2, 3, 4); }
// @ts-ignore: decorator
@inline function from2(a: v128, b: v128): v128 { return v128.shuffle<f32>(a, b, 2, 3, 4, 5); }
// @ts-ignore: decorator
@inline function from3(a: v128, b: v128): v128 { return v128.shuffle<f32>(a, b, 3, 4, 5, 6); }
// @ts-ignore: decorator
@inline function slide(r: usize, enter: usize, leave: usize): v128 {
  const u = add(ld(r), sub(ld(enter), ld(leave)));
  st(r, u);
  return u;
}
/** Radius 4 in registers: t = three neighbours, out = three t's three apart. */
function box9(r: usize, enter: usize, leave: usize, out: usize, e: usize): void {
  const zero = splat(0), two = slide(r, enter, leave);
  let u = e > 16 ? slide(r + 16, enter + 16, leave + 16) : zero;
  let t0 = add(from1(zero, two), from2(zero, two)), t1 = add(add(two, from1(two, u)), from2(two, u));
  let x: usize = 0;
  for (; x + 32 < e; x += 16) {
    const v = slide(r + x + 32, enter + x + 32, leave + x + 32), t2 = add(add(u, from1(u, v)), from2(u, v));
    st(out + x, add(add(t0, from3(t0, t1)), from2(t1, t2)));
    t0 = t1; t1 = t2; u = v;
  }
  for (; x < e; x += 16) {
    const t2 = add(add(u, from1(u, zero)), from2(u, zero));
    st(out + x, add(add(t0, from3(t0, t1)), from2(t1, t2)));
    t0 = t1; t1 = t2; u = zero;
  }
}
/** Radius 2 in registers: t = two neighbours, out = t + t two apart + one. */
function box5(r: usize, enter: usize, leave: usize, out: usize, e: usize): void {
  let last = splat(0), u = slide(r, enter, leave);
  for (let x: usize = 0; x < e; x += 16) {
    const v = x + 16 < e ? slide(r + x + 16, enter + x + 16, leave + x + 16) : splat(0);
    st(out + x, add(add(add(from2(last, u), from3(last, u)), u), add(from1(u, v), from2(u, v))));
    last = u; u = v;
  }
}
/** Any radius. s: room for a padded copy. */
function boxAny(r: usize, enter: usize, leave: usize, out: usize, e: usize, rx: i32, s: usize): void {
  const pad = rim(rx);
  memory.fill(s - pad, 0, pad);
  memory.fill(s + e, 0, pad);
  for (let x: usize = 0; x < e; x += 16) st(s + x, slide(r + x, enter + x, leave + x));
  windowSums(s, out, e, rx);
}
// @ts-ignore: decorator
@inline function boxRow(r: usize, enter: usize, leave: usize, out: usize, e: usize, rx: i32, s: usize): void {
  if (rx == 4) box9(r, enter, leave, out, e);
  else if (rx == 2) box5(r, enter, leave, out, e);
  else boxAny(r, enter, leave, out, e, rx, s);
}

/** Statistics of one group of four windows; writes the fields, returns w cc. */
// @ts-ignore: decorator
@inline function correlate(
  MASK: bool, b: usize, wp: usize, inverse: v128, weight: v128, epsilon: v128, least: v128, both: bool, field: usize, f4: usize,
): v128 {
  const zero = splat(0), n1 = MASK ? f32x4.div(splat(1), f32x4.pmax(splat(1e-6), ld(b + 5 * wp))) : inverse;
  const mI = mul(ld(b), n1), mJ = mul(ld(b + wp), n1);
  const c = sub(mul(ld(b + 4 * wp), n1), mul(mI, mJ));
  // Rounding may leave a variance just below 0, and ε must not be cancelled by it.
  const vI = f32x4.pmax(zero, sub(mul(ld(b + 2 * wp), n1), mul(mI, mI))), vJ = f32x4.pmax(zero, sub(mul(ld(b + 3 * wp), n1), mul(mJ, mJ)));
  const valid = MASK ? v128.and(weight, f32x4.ge(ld(b + 5 * wp), least)) : weight;
  const id = f32x4.div(splat(1), fma(vI, vJ, epsilon)), cc = MASK ? mul(valid, mul(mul(c, c), id)) : v128.and(valid, mul(mul(c, c), id));
  if (field != 0) {
    const k = mul(n1, add(id, id)), A = MASK ? mul(valid, mul(c, k)) : v128.and(valid, mul(c, k)), q = mul(cc, k), C = f32x4.neg(mul(q, vI));
    st(field, A);
    st(field + f4, C);
    st(field + 2 * f4, fma(A, mI, mul(C, mJ)));
    if (both) {
      const D = f32x4.neg(mul(q, vJ));
      st(field + 3 * f4, D);
      st(field + 4 * f4, fma(A, mJ, mul(D, mI)));
    }
  }
  return cc;
}

/** First pass. fields = 0: the value alone. `least`: fewest (weighted) voxels in a window that counts, with a mask. */
export function localNccForward(
  I: usize, J: usize, mask: usize, stats: usize, fields: usize, both: i32, D: i32, H: i32, W: i32, rz: i32, ry: i32, rx: i32, planes: i32, rows: i32,
  epsilon: f32, least: f32, ws: usize, i0: i32, i1: i32,
): f64 {
  const rb: usize = <usize>W << 2, wp = wide(W), h4: usize = rb * H, f4 = wp * H * D, pad = rim(rx), row = wp + 2 * pad;
  const strips = (H + rows - 1) / rows, blocks = (D + planes - 1) / planes, Q: usize = mask != 0 ? 6 : 5, F: usize = both ? 5 : 3;
  const most: usize = <usize>min(H, rows + 2 * ry) * wp;
  const zs = ws, rs = zs + Q * most, bx = rs + Q * row, s = bx + Q * wp + pad, none = s + wp + pad + 64, nx = none + row, eps = splat(epsilon), few = splat(least);
  memory.fill(none, 0, wp);
  for (let x = 0; x < <i32>(wp >> 2); x++) store<f32>(nx + (<usize>x << 2), x < W ? 1 / <f32>count(x, rx, W) : 0);
  const inner: usize = <usize>((W - 1) & ~3) << 2, keep = lanes(W), all = i32x4.splat(-1);
  let total: f64 = 0;
  for (let i = i0; i < i1; i++) {
    const y0 = (i % strips) * rows, y1 = min(H, y0 + rows), z0 = ((i / strips) % blocks) * planes, z1 = min(D, z0 + planes), v: usize = i / (strips * blocks);
    const ya = max(0, y0 - ry), yb = min(H, y1 + ry), start = v * D * h4 + <usize>ya * rb, stat = stats + v * 16;
    const zsum = zs - <usize>ya * wp; // row y of a running sum
    memory.fill(zs, 0, Q * most);
    for (let z = max(0, z0 - rz); z < min(D, z0 + rz); z++) moveAll(zs, most, I, J, mask, true, start + <usize>z * h4, false, 0, yb - ya, W, stat);
    for (let z = z0; z < z1; z++) {
      const zi = z + rz, zo = z - rz - 1;
      moveAll(zs, most, I, J, mask, zi < D, start + <usize>zi * h4, zo >= 0 && z > z0, start + <usize>zo * h4, yb - ya, W, stat);
      memory.fill(rs, 0, Q * row);
      for (let k: usize = 0; k < Q; k++)
        for (let y = ya; y < min(H, y0 + ry); y++)
          for (let x: usize = 0; x < wp; x += 16) st(rs + k * row + x, add(ld(rs + k * row + x), ld(zsum + k * most + <usize>y * wp + x)));
      const nz = count(z, rz, D);
      for (let y = y0; y < y1; y++) {
        for (let k: usize = 0; k < Q; k++) {
          const p = zsum + k * most;
          boxRow(rs + k * row, y + ry < H ? p + <usize>(y + ry) * wp : none, y > y0 && y - ry - 1 >= 0 ? p + <usize>(y - ry - 1) * wp : none, bx + k * wp, wp, rx, s);
        }
        const inverse = splat(1 / <f32>(nz * count(y, ry, H)));
        let field = fields != 0 ? fields + v * F * f4 + <usize>(z * H + y) * wp : 0, x: usize = 0, acc = splat(0);
        const at = mask + v * D * h4 + <usize>(z * H + y) * rb;
        if (mask != 0) {
          for (; x < inner; x += 16) {
            acc = add(acc, correlate(true, bx + x, wp, eps, ld(at + x), eps, few, both != 0, field, f4));
            if (field != 0) field += 16;
          }
          acc = add(acc, correlate(true, bx + x, wp, eps, v128.and(keep, ld(at + x)), eps, few, both != 0, field, f4));
        } else {
          for (; x < inner; x += 16) {
            acc = add(acc, correlate(false, bx + x, wp, mul(inverse, ld(nx + x)), all, eps, few, both != 0, field, f4));
            if (field != 0) field += 16;
          }
          acc = add(acc, correlate(false, bx + x, wp, mul(inverse, ld(nx + x)), keep, eps, few, both != 0, field, f4));
        }
        total += <f64>hsum(acc);
      }
    }
  }
  return total;
}

/** sums ± planes of the fields, one contiguous run for each of q. */
// @ts-ignore: decorator
@inline function moveFields(zs: usize, h: usize, q: usize, f4: usize, enters: bool, into: usize, leaves: bool, from: usize, n: usize): void {
  for (let k: usize = 0; k < q; k++, zs += h, into += f4, from += f4) {
    if (enters && leaves) for (let x: usize = 0; x < n; x += 16) st(zs + x, add(ld(zs + x), sub(ld(into + x), ld(from + x))));
    else if (enters) for (let x: usize = 0; x < n; x += 16) st(zs + x, add(ld(zs + x), ld(into + x)));
    else if (leaves) for (let x: usize = 0; x < n; x += 16) st(zs + x, sub(ld(zs + x), ld(from + x)));
  }
}
/** g = w·k·(P box(A) + R box(C) − box(M)) for a row of W; a, c, m: the boxes. */
// @ts-ignore: decorator
@inline function gradientRow(P: usize, oP: v128, sP: v128, R: usize, oR: v128, sR: v128, mask: usize, k: v128, a: usize, c: usize, m: usize, g: usize, rb: usize): void {
  const inner = rb & ~15;
  for (let x: usize = 0; x < rb; x += 16) {
    const p = mul(sub(ld(P + x), oP), sP), r = mul(sub(ld(R + x), oR), sR);
    let v = mul(k, sub(fma(p, ld(a + x), mul(r, ld(c + x))), ld(m + x)));
    if (mask != 0) v = mul(v, ld(mask + x));
    if (x < inner) st(g + x, v);
    else {
      store<f32>(g + x, f32x4.extract_lane(v, 0));
      if (x + 4 < rb) store<f32>(g + x + 4, f32x4.extract_lane(v, 1));
      if (x + 8 < rb) store<f32>(g + x + 8, f32x4.extract_lane(v, 2));
    }
  }
}
/** Second pass: gI, gJ (either may be 0; gI needs the five fields) receive factor · ∂Σ/∂I, factor · ∂Σ/∂J. */
export function localNccBackward(
  I: usize, J: usize, mask: usize, stats: usize, fields: usize, both: i32, gI: usize, gJ: usize, factor: f32, D: i32, H: i32, W: i32,
  rz: i32, ry: i32, rx: i32, planes: i32, rows: i32, ws: usize, i0: i32, i1: i32,
): void {
  const rb: usize = <usize>W << 2, wp = wide(W), h4: usize = rb * H, hp = wp * H, f4 = hp * D, pad = rim(rx), row = wp + 2 * pad;
  const strips = (H + rows - 1) / rows, blocks = (D + planes - 1) / planes, F: usize = both ? 5 : 3, Q: usize = both && gI != 0 ? 5 : 3;
  const most: usize = <usize>min(H, rows + 2 * ry) * wp;
  const zs = ws, rs = zs + Q * most, bx = rs + Q * row, s = bx + Q * wp + pad, none = s + wp + pad + 64;
  memory.fill(none, 0, wp);
  for (let i = i0; i < i1; i++) {
    const y0 = (i % strips) * rows, y1 = min(H, y0 + rows), z0 = ((i / strips) % blocks) * planes, z1 = min(D, z0 + planes), v: usize = i / (strips * blocks);
    const ya = max(0, y0 - ry), yb = min(H, y1 + ry), n = <usize>(yb - ya) * wp, start = fields + v * F * f4 + <usize>ya * wp, stat = stats + v * 16;
    const oI = v128.load32_splat(stat), sI = v128.load32_splat(stat, 4), oJ = v128.load32_splat(stat, 8), sJ = v128.load32_splat(stat, 12);
    const zsum = zs - <usize>ya * wp;
    memory.fill(zs, 0, Q * most);
    for (let z = max(0, z0 - rz); z < min(D, z0 + rz); z++) moveFields(zs, most, Q, f4, true, start + <usize>z * hp, false, 0, n);
    for (let z = z0; z < z1; z++) {
      const zi = z + rz, zo = z - rz - 1;
      moveFields(zs, most, Q, f4, zi < D, start + <usize>zi * hp, zo >= 0 && z > z0, start + <usize>zo * hp, n);
      memory.fill(rs, 0, Q * row);
      for (let k: usize = 0; k < Q; k++)
        for (let y = ya; y < min(H, y0 + ry); y++)
          for (let x: usize = 0; x < wp; x += 16) st(rs + k * row + x, add(ld(rs + k * row + x), ld(zsum + k * most + <usize>y * wp + x)));
      for (let y = y0; y < y1; y++) {
        for (let k: usize = 0; k < Q; k++) {
          const p = zsum + k * most;
          boxRow(rs + k * row, y + ry < H ? p + <usize>(y + ry) * wp : none, y > y0 && y - ry - 1 >= 0 ? p + <usize>(y - ry - 1) * wp : none, bx + k * wp, wp, rx, s);
        }
        const o = v * D * h4 + <usize>(z * H + y) * rb, m = mask != 0 ? mask + o : 0;
        if (gJ != 0) gradientRow(I + o, oI, sI, J + o, oJ, sJ, m, mul(splat(factor), sJ), bx, bx + wp, bx + 2 * wp, gJ + o, rb);
        if (Q == 5) gradientRow(J + o, oJ, sJ, I + o, oI, sI, m, mul(splat(factor), sI), bx, bx + 3 * wp, bx + 4 * wp, gI + o, rb);
      }
    }
  }
}
