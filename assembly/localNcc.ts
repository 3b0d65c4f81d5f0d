import { windowSums } from "./lines";
import { add, fma, hsum, ld, mul, splat, st, sub } from "./simd";

/**
 * Local (windowed) normalised cross-correlation of two images I (fixed) and J (warped), both taken as (v − offset)·scale on the fly:
 *   cc = c² / (vI vJ + ε),   c = E[IJ] − E[I]E[J],  v = E[·²] − E[·]²,  E = mean over the window, inside the image, weighted by the mask.
 * or with `signed` cc = c / √(vI vJ + ε). Running sums along z and y, a few adds along x; offset keeps the sums small, so that they lose no digits.
 * The first pass returns Σ w cc and writes A = 2 c w / (n den), C = −2 cc vI w / (n den) (signed: w / (n √den), −cc vI w / (n den)), M = A E[I] + C E[J]; the second makes
 *   ∂Σ/∂J = w·(I box(A) + J box(C) − box(M))·scale;  with `both`, C' and M' (I and J exchanged) give ∂/∂I.
 * I, J, mask (0: none) [V, D, H, W]; fields [V, 3 or 5, D, H, W4] with rows padded to W4 = ⌈W / 4⌉·4 and `apart` bytes behind each; stats [V, 4] = offset, scale of I, of J.
 * Where nothing but the offset itself (the background, if the caller chose it so) or mask 0 can be seen, nothing is computed: rows carry the
 * interval [lo, hi) in bytes of what differs, `extents` [V, D, H]; behind the fields lie the intervals where these are not zero.
 * Slabs: blocks of `planes` × `rows`, i = (volume·⌈D / planes⌉ + block of z)·⌈H / rows⌉ + strip; a block pays for its rim once more.
 */
// @ts-ignore: decorator
@inline function wide(W: i32): usize { return <usize>((W + 3) & ~3) << 2; }
/** Bytes between running sums and between fields: planes are often a multiple of a page, and sums in step would fall into the same cache lines. */
const apart: usize = 320;
/** Padding of a row buffer on either side, in bytes. */
// @ts-ignore: decorator
@inline function rim(rx: i32): usize { return <usize>((rx + 7) & ~3) << 2; }
/** Lanes x of the last group that lie inside a row. */
// @ts-ignore: decorator
@inline function lanes(W: i32): v128 { return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(W - ((W - 1) & ~3))); }
/** What a thread needs, in bytes; q quantities are summed (5, 6 with a mask; 3 or 5 in the second pass). */
export function localNccWorkspace(q: i32, H: i32, W: i32, rows: i32, ry: i32, rx: i32): i32 {
  const wp = wide(W), row = wp + 2 * rim(rx);
  return <i32>(<usize>q * (<usize>min(H, rows + 2 * ry) * wp + apart + row + wp) + 2 * row + 2 * wp + <usize>min(H, rows + 2 * ry) * 8 + 256);
}
/** Voxels of a window of radius r about i that lie inside [0, n). */
// @ts-ignore: decorator
@inline function count(i: i32, r: i32, n: i32): i32 { return min(n - 1, i + r) - max(0, i - r) + 1; }

// ---- intervals: lo and hi of a row in bytes, multiples of 16; lo ≥ hi means nothing ----
/** Rows [i0, i1) of [V·D·H]: where I or J differs from its offset, or with a mask where it is not 0. Scanned from both ends only. */
export function localNccExtents(I: usize, J: usize, mask: usize, stats: usize, extents: usize, perVolume: i32, W: i32, i0: i32, i1: i32): void {
  const rb: usize = <usize>W << 2, last: usize = <usize>((W - 1) & ~3) << 2, keep = lanes(W);
  for (let i = i0; i < i1; i++) {
    const stat = stats + (<usize>(i / perVolume) << 4), oI = v128.load32_splat(stat), oJ = v128.load32_splat(stat, 8), at = <usize>i * rb;
    let lo: usize = 0, hi = last + 16;
    for (; lo < hi; lo += 16) if (differs(I + at + lo, J + at + lo, mask != 0 ? mask + at + lo : 0, oI, oJ, lo == last, keep)) break;
    for (; hi > lo; hi -= 16) if (differs(I + at + hi - 16, J + at + hi - 16, mask != 0 ? mask + at + hi - 16 : 0, oI, oJ, hi - 16 == last, keep)) break;
    store<u32>(extents + (<usize>i << 3), <u32>lo);
    store<u32>(extents + (<usize>i << 3), <u32>hi, 4);
  }
}
// @ts-ignore: decorator
@inline function differs(I: usize, J: usize, m: usize, oI: v128, oJ: v128, tail: bool, keep: v128): bool {
  let d = m != 0 ? f32x4.ne(ld(m), splat(0)) : v128.or(f32x4.ne(ld(I), oI), f32x4.ne(ld(J), oJ));
  if (tail) d = v128.and(d, keep);
  return v128.any_true(d);
}
/** hull[y] for n rows from `row` on: everything the planes z − r … z + r of `table` (one row of it: 8·H bytes) have. */
function hullsOfPlanes(table: usize, z: i32, r: i32, D: i32, H: i32, n: i32, whole: u32, hull: usize): void {
  const from = max(0, z - r), to = min(D - 1, z + r);
  for (let y: usize = 0; y < <usize>n << 3; y += 8) {
    let lo = u32.MAX_VALUE, hi: u32 = 0;
    for (let p = table + (<usize>(from * H) << 3) + y, e = table + (<usize>(to * H) << 3) + y; p <= e; p += <usize>H << 3) {
      const a = load<u32>(p), b = load<u32>(p, 4);
      if (a < b) { lo = min(lo, a); hi = max(hi, b); }
      if (lo == 0 && hi >= whole) break;
    }
    store<u32>(hull + y, lo);
    store<u32>(hull + y, hi, 4);
  }
}

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
/** Move the running sums of the rows one plane on: what is at `into` enters, what is at `from` (both byte offsets) leaves; their intervals: tin, tout. */
// @ts-ignore: decorator
@inline function moveProducts(
  MASK: bool, IN: bool, OUT: bool, zs: usize, h: usize, I: usize, J: usize, m: usize, into: usize, from: usize,
  tin: usize, tout: usize, rows: i32, W: i32, oI: v128, sI: v128, oJ: v128, sJ: v128,
): void {
  const rb: usize = <usize>W << 2, wp = wide(W), inner: usize = <usize>((W - 1) & ~3) << 2, keep = lanes(W), zero = splat(0);
  for (let y = 0; y < rows; y++, zs += wp, into += rb, from += rb, tin += 8, tout += 8) {
    let lo = u32.MAX_VALUE, hi: u32 = 0;
    if (IN) { lo = load<u32>(tin); hi = load<u32>(tin, 4); }
    if (OUT) {
      const a = load<u32>(tout), b = load<u32>(tout, 4);
      if (IN) {
        if (lo >= hi) { lo = a; hi = b; } else if (a < b) { lo = min(lo, a); hi = max(hi, b); }
      } else { lo = a; hi = b; }
    }
    if (lo >= hi) continue;
    let x: usize = lo;
    const e = min(<usize>hi, inner);
    for (; x < e; x += 16) {
      const p = into + x, q = from + x;
      const a = IN ? mul(sub(ld(I + p), oI), sI) : zero, b = IN ? mul(sub(ld(J + p), oJ), sJ) : zero, w = MASK && IN ? ld(m + p) : zero;
      const c = OUT ? mul(sub(ld(I + q), oI), sI) : zero, d = OUT ? mul(sub(ld(J + q), oJ), sJ) : zero, u = MASK && OUT ? ld(m + q) : zero;
      gather(MASK, IN, OUT, zs + x, h, a, b, w, c, d, u);
    }
    if (<usize>hi <= inner) continue;
    const p = into + x, q = from + x;
    const a = IN ? v128.and(keep, mul(sub(ld(I + p), oI), sI)) : zero, b = IN ? v128.and(keep, mul(sub(ld(J + p), oJ), sJ)) : zero;
    const c = OUT ? v128.and(keep, mul(sub(ld(I + q), oI), sI)) : zero, d = OUT ? v128.and(keep, mul(sub(ld(J + q), oJ), sJ)) : zero;
    gather(MASK, IN, OUT, zs + x, h, a, b, MASK && IN ? v128.and(keep, ld(m + p)) : zero, c, d, MASK && OUT ? v128.and(keep, ld(m + q)) : zero);
  }
}
function moveAll(
  zs: usize, h: usize, I: usize, J: usize, m: usize, enters: bool, into: usize, tin: usize, leaves: bool, from: usize, tout: usize,
  rows: i32, W: i32, stats: usize,
): void {
  const oI = v128.load32_splat(stats), sI = v128.load32_splat(stats, 4), oJ = v128.load32_splat(stats, 8), sJ = v128.load32_splat(stats, 12);
  if (m != 0) {
    if (enters) {
      if (leaves) moveProducts(true, true, true, zs, h, I, J, m, into, from, tin, tout, rows, W, oI, sI, oJ, sJ);
      else moveProducts(true, true, false, zs, h, I, J, m, into, from, tin, tout, rows, W, oI, sI, oJ, sJ);
    } else if (leaves) moveProducts(true, false, true, zs, h, I, J, m, into, from, tin, tout, rows, W, oI, sI, oJ, sJ);
  } else if (enters) {
    if (leaves) moveProducts(false, true, true, zs, h, I, J, m, into, from, tin, tout, rows, W, oI, sI, oJ, sJ);
    else moveProducts(false, true, false, zs, h, I, J, m, into, from, tin, tout, rows, W, oI, sI, oJ, sJ);
  } else if (leaves) moveProducts(false, false, true, zs, h, I, J, m, into, from, tin, tout, rows, W, oI, sI, oJ, sJ);
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

/** The sums of rows before the first: r = Σ of the rows ya … yb − 1 of each of Q running sums, over their hulls. */
// @ts-ignore: decorator
@inline function startRows(rs: usize, row: usize, Q: usize, zs: usize, most: usize, wp: usize, hull: usize, n: i32): void {
  memory.fill(rs, 0, Q * row);
  for (let y = 0; y < n; y++, zs += wp, hull += 8) {
    const lo: usize = load<u32>(hull), hi: usize = load<u32>(hull, 4);
    if (lo >= hi) continue;
    for (let k: usize = 0; k < Q; k++) for (let x = lo; x < hi; x += 16) st(rs + k * row + x, add(ld(rs + k * row + x), ld(zs + k * most + x)));
  }
}

/** Statistics of one group of four windows; writes the fields, returns w cc. */
// @ts-ignore: decorator
@inline function correlate(
  MASK: bool, b: usize, wp: usize, inverse: v128, weight: v128, epsilon: v128, least: v128, signed: bool, both: bool, field: usize, f4: usize,
): v128 {
  const zero = splat(0), one = splat(1), n1 = MASK ? f32x4.div(one, f32x4.pmax(splat(1e-6), ld(b + 5 * wp))) : inverse;
  const mI = mul(ld(b), n1), mJ = mul(ld(b + wp), n1);
  const c = sub(mul(ld(b + 4 * wp), n1), mul(mI, mJ));
  // Rounding may leave a variance just below 0, and ε must not be cancelled by it.
  const vI = f32x4.pmax(zero, sub(mul(ld(b + 2 * wp), n1), mul(mI, mI))), vJ = f32x4.pmax(zero, sub(mul(ld(b + 3 * wp), n1), mul(mJ, mJ)));
  const valid = MASK ? v128.and(weight, f32x4.ge(ld(b + 5 * wp), least)) : weight;
  // cc, a = ∂cc/∂c / n and k = −∂cc/∂v · 2 / (n·cc·other v)
  let id = f32x4.div(one, fma(vI, vJ, epsilon)), cc: v128, a: v128, k: v128;
  if (signed) {
    k = mul(n1, id);
    id = f32x4.sqrt(id);
    cc = mul(c, id);
    a = mul(n1, id);
  } else {
    cc = mul(mul(c, c), id);
    k = mul(n1, add(id, id));
    a = mul(c, k);
  }
  cc = MASK ? mul(valid, cc) : v128.and(valid, cc);
  if (field != 0) {
    const A = MASK ? mul(valid, a) : v128.and(valid, a), q = mul(cc, k), C = f32x4.neg(mul(q, vI));
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
  I: usize, J: usize, mask: usize, stats: usize, extents: usize, fields: usize, active: usize, both: i32, D: i32, H: i32, W: i32,
  rz: i32, ry: i32, rx: i32, planes: i32, rows: i32, epsilon: f32, least: f32, signed: i32, ws: usize, i0: i32, i1: i32,
): f64 {
  const rb: usize = <usize>W << 2, wp = wide(W), h4: usize = rb * H, f4 = wp * H * D + apart, pad = rim(rx), row = wp + 2 * pad;
  const strips = (H + rows - 1) / rows, blocks = (D + planes - 1) / planes, Q: usize = mask != 0 ? 6 : 5, F: usize = both ? 5 : 3;
  const most: usize = <usize>min(H, rows + 2 * ry) * wp + apart, grow: usize = <usize>((rx + 3) & ~3) << 2;
  const zs = ws, rs = zs + Q * most, bx = rs + Q * row, s = bx + Q * wp + pad, none = s + wp + pad + 64, nx = none + row, hull = nx + wp;
  const eps = splat(epsilon), few = splat(least), inner: usize = <usize>((W - 1) & ~3) << 2, keep = lanes(W), all = i32x4.splat(-1);
  memory.fill(none, 0, wp);
  for (let x = 0; x < <i32>(wp >> 2); x++) store<f32>(nx + (<usize>x << 2), x < W ? 1 / <f32>count(x, rx, W) : 0);
  let total: f64 = 0;
  for (let i = i0; i < i1; i++) {
    const y0 = (i % strips) * rows, y1 = min(H, y0 + rows), z0 = ((i / strips) % blocks) * planes, z1 = min(D, z0 + planes), v: usize = i / (strips * blocks);
    const ya = max(0, y0 - ry), yb = min(H, y1 + ry), start = v * D * h4 + <usize>ya * rb, stat = stats + v * 16;
    const zsum = zs - <usize>ya * wp; // row y of a running sum
    const extent = extents + ((v * D * H + ya) << 3), plane: usize = <usize>H << 3;
    memory.fill(zs, 0, Q * most);
    for (let z = max(0, z0 - rz); z < min(D, z0 + rz); z++) moveAll(zs, most, I, J, mask, true, start + <usize>z * h4, extent + <usize>z * plane, false, 0, 0, yb - ya, W, stat);
    for (let z = z0; z < z1; z++) {
      const zi = z + rz, zo = z - rz - 1;
      moveAll(zs, most, I, J, mask, zi < D, start + <usize>zi * h4, extent + <usize>zi * plane, zo >= 0 && z > z0, start + <usize>zo * h4, extent + <usize>zo * plane, yb - ya, W, stat);
      hullsOfPlanes(extent, z, rz, D, H, yb - ya, <u32>wp, hull);
      startRows(rs, row, Q, zs, most, wp, hull, min(H, y0 + ry) - ya);
      const nz = count(z, rz, D);
      for (let y = y0; y < y1; y++) {
        let lo: usize = wp, hi: usize = 0; // what the row sees, the leaving row included
        for (let k = max(ya, y - ry - 1); k < min(yb, y + ry + 1); k++) {
          const a: usize = load<u32>(hull + (<usize>(k - ya) << 3)), b: usize = load<u32>(hull + (<usize>(k - ya) << 3), 4);
          if (a < b) { lo = min(lo, a); hi = max(hi, b); }
          if (lo == 0 && hi >= wp) break;
        }
        let field = fields != 0 ? fields + v * F * f4 + <usize>(z * H + y) * wp : 0;
        if (lo < hi) {
          lo = lo > grow ? lo - grow : 0;
          hi = min(hi + grow, wp);
        } else { lo = 0; hi = 0; }
        if (field != 0) {
          const t = active + ((v * D * H + <usize>(z * H + y)) << 3);
          store<u32>(t, <u32>lo);
          store<u32>(t, <u32>hi, 4);
          for (let k: usize = 0; k < F; k++) {
            if (lo > 0) memory.fill(field + k * f4, 0, lo);
            if (hi < wp) memory.fill(field + k * f4 + hi, 0, wp - hi);
          }
          field += lo;
        }
        if (lo >= hi) continue;
        for (let k: usize = 0; k < Q; k++) {
          const p = zsum + k * most;
          boxRow(
            rs + k * row + lo, (y + ry < H ? p + <usize>(y + ry) * wp : none) + lo, (y > y0 && y - ry - 1 >= 0 ? p + <usize>(y - ry - 1) * wp : none) + lo,
            bx + k * wp + lo, hi - lo, rx, s,
          );
        }
        const inverse = splat(1 / <f32>(nz * count(y, ry, H)));
        let x = lo, acc = splat(0);
        const at = mask + v * D * h4 + <usize>(z * H + y) * rb, e = min(hi, inner);
        if (mask != 0) {
          for (; x < e; x += 16) {
            acc = add(acc, correlate(true, bx + x, wp, eps, ld(at + x), eps, few, signed != 0, both != 0, field, f4));
            if (field != 0) field += 16;
          }
          if (hi > inner) acc = add(acc, correlate(true, bx + x, wp, eps, v128.and(keep, ld(at + x)), eps, few, signed != 0, both != 0, field, f4));
        } else {
          for (; x < e; x += 16) {
            acc = add(acc, correlate(false, bx + x, wp, mul(inverse, ld(nx + x)), all, eps, few, signed != 0, both != 0, field, f4));
            if (field != 0) field += 16;
          }
          if (hi > inner) acc = add(acc, correlate(false, bx + x, wp, mul(inverse, ld(nx + x)), keep, eps, few, signed != 0, both != 0, field, f4));
        }
        total += <f64>hsum(acc);
      }
    }
  }
  return total;
}

/** sums ± planes of the fields over the rows' intervals. */
// @ts-ignore: decorator
@inline function moveFields(
  zs: usize, h: usize, q: usize, f4: usize, enters: bool, into: usize, tin: usize, leaves: bool, from: usize, tout: usize, rows: i32, wp: usize,
): void {
  for (let y = 0; y < rows; y++, zs += wp, into += wp, from += wp, tin += 8, tout += 8) {
    let lo: usize = wp, hi: usize = 0;
    if (enters) { lo = load<u32>(tin); hi = load<u32>(tin, 4); }
    if (leaves) {
      const a: usize = load<u32>(tout), b: usize = load<u32>(tout, 4);
      if (lo >= hi) { lo = a; hi = b; } else if (a < b) { lo = min(lo, a); hi = max(hi, b); }
    }
    if (lo >= hi) continue;
    let s = zs, a = into, b = from;
    for (let k: usize = 0; k < q; k++, s += h, a += f4, b += f4) {
      if (enters && leaves) for (let x = lo; x < hi; x += 16) st(s + x, add(ld(s + x), sub(ld(a + x), ld(b + x))));
      else if (enters) for (let x = lo; x < hi; x += 16) st(s + x, add(ld(s + x), ld(a + x)));
      else for (let x = lo; x < hi; x += 16) st(s + x, sub(ld(s + x), ld(b + x)));
    }
  }
}
/** g = w·k·(P box(A) + R box(C) − box(M)) for a row of W, boxes a, c, m over [lo, hi), zero elsewhere. */
// @ts-ignore: decorator
@inline function gradientRow(
  P: usize, oP: v128, sP: v128, R: usize, oR: v128, sR: v128, mask: usize, k: v128, a: usize, c: usize, m: usize, g: usize, rb: usize, lo: usize, hi: usize,
): void {
  if (lo > 0) memory.fill(g, 0, lo);
  if (hi < rb) memory.fill(g + hi, 0, rb - hi);
  const e = min(hi, rb), inner = rb & ~15;
  for (let x = lo; x < e; x += 16) {
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
  I: usize, J: usize, mask: usize, stats: usize, fields: usize, active: usize, both: i32, gI: usize, gJ: usize, factor: f32, D: i32, H: i32, W: i32,
  rz: i32, ry: i32, rx: i32, planes: i32, rows: i32, ws: usize, i0: i32, i1: i32,
): void {
  const rb: usize = <usize>W << 2, wp = wide(W), h4: usize = rb * H, hp = wp * H, f4 = hp * D + apart, pad = rim(rx), row = wp + 2 * pad;
  const strips = (H + rows - 1) / rows, blocks = (D + planes - 1) / planes, F: usize = both ? 5 : 3, Q: usize = both && gI != 0 ? 5 : 3;
  const most: usize = <usize>min(H, rows + 2 * ry) * wp + apart, grow: usize = <usize>((rx + 3) & ~3) << 2;
  const zs = ws, rs = zs + Q * most, bx = rs + Q * row, s = bx + Q * wp + pad, none = s + wp + pad + 64, hull = none + row;
  memory.fill(none, 0, wp);
  for (let i = i0; i < i1; i++) {
    const y0 = (i % strips) * rows, y1 = min(H, y0 + rows), z0 = ((i / strips) % blocks) * planes, z1 = min(D, z0 + planes), v: usize = i / (strips * blocks);
    const ya = max(0, y0 - ry), yb = min(H, y1 + ry), n = yb - ya, start = fields + v * F * f4 + <usize>ya * wp, stat = stats + v * 16;
    const oI = v128.load32_splat(stat), sI = v128.load32_splat(stat, 4), oJ = v128.load32_splat(stat, 8), sJ = v128.load32_splat(stat, 12);
    const zsum = zs - <usize>ya * wp, table = active + ((v * D * H + ya) << 3), plane: usize = <usize>H << 3;
    memory.fill(zs, 0, Q * most);
    for (let z = max(0, z0 - rz); z < min(D, z0 + rz); z++) moveFields(zs, most, Q, f4, true, start + <usize>z * hp, table + <usize>z * plane, false, 0, 0, n, wp);
    for (let z = z0; z < z1; z++) {
      const zi = z + rz, zo = z - rz - 1;
      if (zi < D) {
        if (zo >= 0 && z > z0) moveFields(zs, most, Q, f4, true, start + <usize>zi * hp, table + <usize>zi * plane, true, start + <usize>zo * hp, table + <usize>zo * plane, n, wp);
        else moveFields(zs, most, Q, f4, true, start + <usize>zi * hp, table + <usize>zi * plane, false, 0, 0, n, wp);
      } else if (zo >= 0 && z > z0) moveFields(zs, most, Q, f4, false, 0, 0, true, start + <usize>zo * hp, table + <usize>zo * plane, n, wp);
      hullsOfPlanes(table, z, rz, D, H, n, <u32>wp, hull);
      startRows(rs, row, Q, zs, most, wp, hull, min(H, y0 + ry) - ya);
      for (let y = y0; y < y1; y++) {
        let lo: usize = wp, hi: usize = 0;
        for (let k = max(ya, y - ry - 1); k < min(yb, y + ry + 1); k++) {
          const a: usize = load<u32>(hull + (<usize>(k - ya) << 3)), b: usize = load<u32>(hull + (<usize>(k - ya) << 3), 4);
          if (a < b) { lo = min(lo, a); hi = max(hi, b); }
          if (lo == 0 && hi >= wp) break;
        }
        if (lo < hi) {
          lo = lo > grow ? lo - grow : 0;
          hi = min(hi + grow, wp);
          for (let k: usize = 0; k < Q; k++) {
            const p = zsum + k * most;
            boxRow(
              rs + k * row + lo, (y + ry < H ? p + <usize>(y + ry) * wp : none) + lo, (y > y0 && y - ry - 1 >= 0 ? p + <usize>(y - ry - 1) * wp : none) + lo,
              bx + k * wp + lo, hi - lo, rx, s,
            );
          }
        } else { lo = 0; hi = 0; }
        const o = v * D * h4 + <usize>(z * H + y) * rb, m = mask != 0 ? mask + o : 0;
        if (gJ != 0) gradientRow(I + o, oI, sI, J + o, oJ, sJ, m, mul(splat(factor), sJ), bx, bx + wp, bx + 2 * wp, gJ + o, rb, lo, hi);
        if (Q == 5) gradientRow(J + o, oJ, sJ, I + o, oI, sI, m, mul(splat(factor), sI), bx, bx + 3 * wp, bx + 4 * wp, gI + o, rb, lo, hi);
      }
    }
  }
}
