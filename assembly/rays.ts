import { add, clamp, fma, fnma, ld, mul, splat, st, sub } from "./simd";

/** 1.5 · 2²³: adding it rounds to whole numbers, which are then the low bits; the rest of the bits, moved up by two as offsets of floats are. */
const MAGIC: f32 = 12582912;
const MAGIC_OFFSET: usize = 0x2d000000;

/**
 * Line integrals along rays x = a + b·y that step from row to row (Joseph's method): out[index] = w Σ_y image(a + b y, y), linear between the two
 * neighbours in the row, 0 outside. image: rows of `stride` floats, two zeros before and after the n samples of each, the pointer at the first sample of
 * row 0. Four rays share a vector; rows where none of them meets the picture are left out. Slabs: groups of four rays.
 */
export function raysForward(image: usize, stride: i32, n: i32, rows: i32, a: usize, b: usize, w: usize, index: usize, count: i32, out: usize, i0: i32, i1: i32): void {
  const low = splat(-1.5), high = splat(<f32>n - 0.5);
  const step = <usize>stride << 2;
  for (let g = i0; g < i1; g++) {
    const k = g << 2, at = <usize>k << 2;
    let first: f32 = Infinity, last: f32 = -Infinity;
    for (let lane = 0; lane < 4; lane++) {
      const p = load<f32>(a + at + (<usize>lane << 2)), q = load<f32>(b + at + (<usize>lane << 2));
      if (k + lane >= count) continue;
      if (abs(q) < 1e-6) {
        if (p > -2 && p < <f32>n + 1) { first = 0; last = <f32>rows; }
      } else {
        const s: f32 = (<f32>-1 - p) / q, t: f32 = (<f32>n - p) / q;
        first = min<f32>(first, min<f32>(s, t));
        last = max<f32>(last, max<f32>(s, t));
      }
    }
    // One row more on each side: the bounds are rounded.
    const y0 = i32(max<f32>(0, min<f32>(<f32>rows, floor<f32>(first) - 1))), y1 = i32(min<f32>(<f32>rows, max<f32>(0, ceil<f32>(last) + 2)));
    const va = sub(ld(a + at), splat(0.5)), vb = ld(b + at);
    let sum = splat(0);
    let row = image + <usize>y0 * step;
    for (let y = y0; y < y1; y++, row += step) {
      const line = row - MAGIC_OFFSET;
      const x = clamp(fma(vb, splat(<f32>y), va), low, high);
      const fl = add(x, splat(MAGIC)); // halves go to even numbers: at whole places either neighbour will do
      const f = add(sub(x, sub(fl, splat(MAGIC))), splat(0.5));
      const i = i32x4.shl(fl, 2);
      const p = v128.load64_lane(line + <usize>i32x4.extract_lane(i, 1), v128.load64_zero(line + <usize>i32x4.extract_lane(i, 0)), 1);
      const q = v128.load64_lane(line + <usize>i32x4.extract_lane(i, 3), v128.load64_zero(line + <usize>i32x4.extract_lane(i, 2)), 1);
      const left = v128.shuffle<f32>(p, q, 0, 2, 4, 6), right = v128.shuffle<f32>(p, q, 1, 3, 5, 7);
      sum = add(sum, fma(f, sub(right, left), left));
    }
    sum = mul(sum, ld(w + at));
    store<f32>(out + (<usize>load<i32>(index + at) << 2), f32x4.extract_lane(sum, 0));
    if (k + 1 < count) store<f32>(out + (<usize>load<i32>(index + at, 4) << 2), f32x4.extract_lane(sum, 1));
    if (k + 2 < count) store<f32>(out + (<usize>load<i32>(index + at, 8) << 2), f32x4.extract_lane(sum, 2));
    if (k + 3 < count) store<f32>(out + (<usize>load<i32>(index + at, 12) << 2), f32x4.extract_lane(sum, 3));
  }
}

/** values[k] = w[k] · data[index[k]]. Slabs: k. */
export function raysGather(data: usize, w: usize, index: usize, values: usize, i0: i32, i1: i32): void {
  for (let k = i0; k < i1; k++) {
    const at = <usize>k << 2;
    store<f32>(values + at, load<f32>(w + at) * load<f32>(data + (<usize>load<i32>(index + at) << 2)));
  }
}

// @ts-ignore: decorator
@inline function drop(at: usize, left: f32, right: f32): void {
  store<f32>(at, load<f32>(at) + left);
  store<f32>(at, load<f32>(at, 4) + right, 4);
}
/**
 * The adjoint of raysForward for any rays: each value goes to the two samples it came from, row by row, so that rows can be shared out among threads.
 * values: w · data in the order of the rays. ws: a row with four samples more. Slabs: rows.
 */
export function raysAdjoint(values: usize, a: usize, b: usize, count: i32, out: usize, n: i32, ws: usize, i0: i32, i1: i32): void {
  const low = splat(-1), high = splat(<f32>n);
  const row = ws + 8;
  for (let y = i0; y < i1; y++) {
    memory.fill(ws, 0, <usize>(n + 4) << 2);
    const vy = splat(<f32>y);
    for (let k = 0; k < count; k += 4) {
      const at = <usize>k << 2;
      const x = clamp(fma(ld(b + at), vy, ld(a + at)), low, high);
      const fl = f32x4.floor(x);
      const v = ld(values + at); // zeros behind the last one
      const right = mul(v, sub(x, fl)), left = sub(v, right);
      const i = i32x4.shl(i32x4.trunc_sat_f32x4_s(fl), 2);
      drop(row + <usize>i32x4.extract_lane(i, 0), f32x4.extract_lane(left, 0), f32x4.extract_lane(right, 0));
      drop(row + <usize>i32x4.extract_lane(i, 1), f32x4.extract_lane(left, 1), f32x4.extract_lane(right, 1));
      drop(row + <usize>i32x4.extract_lane(i, 2), f32x4.extract_lane(left, 2), f32x4.extract_lane(right, 2));
      drop(row + <usize>i32x4.extract_lane(i, 3), f32x4.extract_lane(left, 3), f32x4.extract_lane(right, 3));
    }
    memory.copy(out + (<usize>(y * n) << 2), row, <usize>n << 2);
  }
}

/**
 * What a view lays on four samples at the places u = `h` + ½ of its detector, max(0, w − w r |u − j|) of the bins j at both sides of each; with the
 * distance d from the middle between them that is max(0, c ∓ b d), b = w r, c = w − b/2. `line`: the first bin less MAGIC_OFFSET.
 */
// @ts-ignore: decorator
@inline function seen(sum: v128, h: v128, line: usize, c: v128, b: v128): v128 {
  const v = add(h, splat(MAGIC)); // halves go to even numbers: at whole u either neighbour will do
  const g = mul(b, sub(h, sub(v, splat(MAGIC))));
  const i = i32x4.shl(v, 2);
  const p = v128.load64_lane(line + <usize>i32x4.extract_lane(i, 1), v128.load64_zero(line + <usize>i32x4.extract_lane(i, 0)), 1);
  const q = v128.load64_lane(line + <usize>i32x4.extract_lane(i, 3), v128.load64_zero(line + <usize>i32x4.extract_lane(i, 2)), 1);
  const zero = splat(0);
  const left = f32x4.pmax(zero, sub(c, g)), right = f32x4.pmax(zero, add(c, g));
  return fma(right, v128.shuffle<f32>(p, q, 1, 3, 5, 7), fma(left, v128.shuffle<f32>(p, q, 0, 2, 4, 6), sum));
}
/**
 * The adjoint for parallel rays, from the picture's side: with u = u₀ + x·du + y·dv the place of a sample on the detector in bins,
 * out(x, y) = Σ_views w Σ_j max(0, 1 − r |u − j|) data[view, j], which is Joseph's weight seen from there. data: rows of `pitch` floats with 2·pairs zeros
 * before and 2·pairs + 1 behind the bins, the pointer at the first bin. table: u₀, du, dv, r, w of each view. `pairs` ≥ 1/r. Slabs: rows of the picture.
 */
export function parallelAdjoint(data: usize, pitch: i32, bins: i32, table: usize, views: i32, pairs: i32, out: usize, n: i32, i0: i32, i1: i32): void {
  if (pairs == 1) narrow(data, pitch, bins, table, views, out, n, i0, i1);
  else wide(data, pitch, bins, table, views, pairs, out, n, i0, i1);
}
/** Bins at least as wide as a sample's shadow is long on one side: two of them see it. Two views at a time. */
function narrow(data: usize, pitch: i32, bins: i32, table: usize, views: i32, out: usize, n: i32, i0: i32, i1: i32): void {
  const low = splat(-1.5), high = splat(<f32>bins - 0.5), lanes = f32x4(0, 1, 2, 3);
  const whole = n & ~3;
  for (let y = i0; y < i1; y++) {
    const row = out + (<usize>(y * n) << 2);
    memory.fill(row, 0, <usize>n << 2);
    for (let view = 0; view < views; view += 2) {
      const s = table + <usize>(view * 20), odd = view + 1 == views;
      const t = odd ? s : s + 20;
      const ds = load<f32>(s, 4), dt = load<f32>(t, 4);
      const us = fma(lanes, splat(ds), splat(load<f32>(s) + load<f32>(s, 8) * <f32>y - 0.5));
      const ut = fma(lanes, splat(dt), splat(load<f32>(t) + load<f32>(t, 8) * <f32>y - 0.5));
      const wt: f32 = odd ? 0 : load<f32>(t, 16);
      const bs = splat(load<f32>(s, 16) * load<f32>(s, 12)), bt = splat(wt * load<f32>(t, 12));
      const cs = fnma(splat(0.5), bs, splat(load<f32>(s, 16))), ct = fnma(splat(0.5), bt, splat(wt));
      const ls = data + (<usize>(view * pitch) << 2) - MAGIC_OFFSET;
      const lt = odd ? ls : ls + (<usize>pitch << 2);
      for (let x = 0; x < n; x += 4) {
        const here = row + (<usize>x << 2);
        let sum = seen(ld(here), clamp(add(us, splat(ds * <f32>x)), low, high), ls, cs, bs);
        sum = seen(sum, clamp(add(ut, splat(dt * <f32>x)), low, high), lt, ct, bt);
        if (x < whole) st(here, sum);
        else {
          store<f32>(here, f32x4.extract_lane(sum, 0));
          if (x + 1 < n) store<f32>(here, f32x4.extract_lane(sum, 1), 4);
          if (x + 2 < n) store<f32>(here, f32x4.extract_lane(sum, 2), 8);
        }
      }
    }
  }
}
function wide(data: usize, pitch: i32, bins: i32, table: usize, views: i32, pairs: i32, out: usize, n: i32, i0: i32, i1: i32): void {
  const low = splat(<f32>-pairs), high = splat(<f32>(bins - 1 + pairs));
  const one = splat(1), zero = splat(0), lanes = f32x4(0, 1, 2, 3);
  const whole = n & ~3;
  for (let y = i0; y < i1; y++) {
    const row = out + (<usize>(y * n) << 2);
    memory.fill(row, 0, <usize>n << 2);
    for (let view = 0; view < views; view++) {
      const t = table + <usize>(view * 20);
      const line = data + (<usize>(view * pitch - (pairs - 1)) << 2);
      const du = load<f32>(t, 4), r = splat(load<f32>(t, 12)), w = splat(load<f32>(t, 16));
      const u0 = load<f32>(t) + load<f32>(t, 8) * <f32>y;
      const start = fma(lanes, splat(du), splat(u0));
      for (let x = 0; x < n; x += 4) {
        const u = clamp(add(start, splat(du * <f32>x)), low, high);
        const fl = f32x4.floor(u);
        const i = i32x4.shl(i32x4.trunc_sat_f32x4_s(fl), 2);
        let l0 = line + <usize>i32x4.extract_lane(i, 0), l1 = line + <usize>i32x4.extract_lane(i, 1);
        let l2 = line + <usize>i32x4.extract_lane(i, 2), l3 = line + <usize>i32x4.extract_lane(i, 3);
        let distance = add(sub(u, fl), splat(<f32>(pairs - 1))); // u − j of the first bin
        let sum = zero;
        for (let k = 0; k < pairs; k++) {
          const p = v128.load64_lane(l1, v128.load64_zero(l0), 1), q = v128.load64_lane(l3, v128.load64_zero(l2), 1);
          const left = v128.shuffle<f32>(p, q, 0, 2, 4, 6), right = v128.shuffle<f32>(p, q, 1, 3, 5, 7);
          sum = fma(f32x4.max(zero, fnma(r, f32x4.abs(distance), one)), left, sum);
          distance = sub(distance, one);
          sum = fma(f32x4.max(zero, fnma(r, f32x4.abs(distance), one)), right, sum);
          distance = sub(distance, one);
          l0 += 8; l1 += 8; l2 += 8; l3 += 8;
        }
        const at = row + (<usize>x << 2);
        if (x < whole) st(at, fma(w, sum, ld(at)));
        else {
          sum = mul(w, sum);
          store<f32>(at, load<f32>(at) + f32x4.extract_lane(sum, 0));
          if (x + 1 < n) store<f32>(at, load<f32>(at, 4) + f32x4.extract_lane(sum, 1), 4);
          if (x + 2 < n) store<f32>(at, load<f32>(at, 8) + f32x4.extract_lane(sum, 2), 8);
        }
      }
    }
  }
}

/** Rows [rows, n] into rows of `stride` with `before` zeros in front and zeros behind. Slabs: rows. */
export function padRows(from: usize, to: usize, n: i32, stride: i32, before: i32, i0: i32, i1: i32): void {
  for (let y = i0; y < i1; y++) {
    const row = to + (<usize>(y * stride) << 2);
    memory.fill(row, 0, <usize>stride << 2);
    memory.copy(row + (<usize>before << 2), from + (<usize>(y * n) << 2), <usize>n << 2);
  }
}
/** The same of the transpose: row x of the result is column x of [rows, n]. Slabs: columns of the source. */
export function padColumns(from: usize, to: usize, rows: i32, n: i32, stride: i32, before: i32, i0: i32, i1: i32): void {
  for (let x = i0; x < i1; x++) {
    const line = to + (<usize>(x * stride) << 2);
    memory.fill(line, 0, <usize>stride << 2);
    let at = line + (<usize>before << 2), p = from + (<usize>x << 2);
    for (let y = 0; y < rows; y++, at += 4, p += <usize>n << 2) store<f32>(at, load<f32>(p));
  }
}
/** to[y, x] += from[x, y]; to: [rows, n]. Slabs: rows of the result. */
export function addTransposed(from: usize, to: usize, rows: i32, n: i32, i0: i32, i1: i32): void {
  for (let y = i0; y < i1; y++)
    for (let x = 0; x < n; x++) {
      const at = to + (<usize>(y * n + x) << 2);
      store<f32>(at, load<f32>(at) + load<f32>(from + (<usize>(x * rows + y) << 2)));
    }
}
