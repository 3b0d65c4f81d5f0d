import { even, odd, put } from "./lanes";
import { add, fma, hsum, ld, mul, splat, st, sub } from "./simd";

/**
 * Variational optical flow, step by step: warp, slopes, penalties, the linear system of one linearisation, its relaxation, median. Planes are
 * H × W, x fastest. The system and its unknowns lie as a chess board taken apart: the pixels with x + y even ("red") and odd ("black"), each row
 * packed to half its length, with a row of zeros above and below and four zero floats before each row; P floats from row to row.
 */

// @ts-ignore: decorator
@inline function clampIndex(i: i32, n: i32): i32 { return i < 0 ? 0 : i >= n ? n - 1 : i; }
/** Weights of the cubic convolution with slope −½ at the four samples around a place t past the second. */
// @ts-ignore: decorator
@inline function cubic(t: f32): v128 {
  const t2 = t * t, t3 = t2 * t;
  return f32x4(<f32>-0.5 * t3 + t2 - <f32>0.5 * t, <f32>1.5 * t3 - <f32>2.5 * t2 + 1, <f32>-1.5 * t3 + <f32>2 * t2 + <f32>0.5 * t, <f32>0.5 * (t3 - t2));
}

/**
 * Of `channels` planes: mean = ½ (first + w) and difference = w − first, w(x, y) = second(x + u, y + v) by cubic convolution, the border going on;
 * inside = 1 where the place lies in the picture, else 0. Slabs: rows.
 */
export function flowWarp(first: usize, second: usize, u: usize, v: usize, mean: usize, difference: usize, inside: usize,
  channels: i32, H: i32, W: i32, y0: i32, y1: i32): void {
  const n4 = <usize>(H * W) << 2, pitch = <usize>W << 2;
  for (let y = y0; y < y1; y++) for (let x = 0; x < W; x++) {
    const o = <usize>(y * W + x) << 2;
    let px: f32 = <f32>x + load<f32>(u + o), py: f32 = <f32>y + load<f32>(v + o);
    const ok = px >= 0 && py >= 0 && px <= <f32>(W - 1) && py <= <f32>(H - 1);
    store<f32>(inside + o, ok ? <f32>1 : <f32>0);
    px = px > 0 ? min<f32>(px, <f32>(W - 1)) : 0;
    py = py > 0 ? min<f32>(py, <f32>(H - 1)) : 0;
    const ix = <i32>px, iy = <i32>py;
    const wx = cubic(px - <f32>ix), wy = cubic(py - <f32>iy);
    const w0 = f32x4.splat(f32x4.extract_lane(wy, 0)), w1 = f32x4.splat(f32x4.extract_lane(wy, 1));
    const w2 = f32x4.splat(f32x4.extract_lane(wy, 2)), w3 = f32x4.splat(f32x4.extract_lane(wy, 3));
    const interior = ix >= 1 && ix + 3 <= W;
    const r0 = pitch * clampIndex(iy - 1, H), r1 = pitch * iy, r2 = pitch * clampIndex(iy + 1, H), r3 = pitch * clampIndex(iy + 2, H);
    const c0 = <usize>clampIndex(ix - 1, W) << 2, c1 = <usize>ix << 2, c2 = <usize>clampIndex(ix + 1, W) << 2, c3 = <usize>clampIndex(ix + 2, W) << 2;
    for (let c = 0; c < channels; c++) {
      const p = second + n4 * c;
      let s: v128;
      if (interior) s = fma(w3, ld(p + r3 + c0), fma(w2, ld(p + r2 + c0), fma(w1, ld(p + r1 + c0), mul(w0, ld(p + r0 + c0)))));
      else {
        s = mul(w0, f32x4(load<f32>(p + r0 + c0), load<f32>(p + r0 + c1), load<f32>(p + r0 + c2), load<f32>(p + r0 + c3)));
        s = fma(w1, f32x4(load<f32>(p + r1 + c0), load<f32>(p + r1 + c1), load<f32>(p + r1 + c2), load<f32>(p + r1 + c3)), s);
        s = fma(w2, f32x4(load<f32>(p + r2 + c0), load<f32>(p + r2 + c1), load<f32>(p + r2 + c2), load<f32>(p + r2 + c3)), s);
        s = fma(w3, f32x4(load<f32>(p + r3 + c0), load<f32>(p + r3 + c1), load<f32>(p + r3 + c2), load<f32>(p + r3 + c3)), s);
      }
      const w = hsum(mul(s, wx)), f = load<f32>(first + n4 * c + o);
      store<f32>(mean + n4 * c + o, <f32>0.5 * (f + w));
      store<f32>(difference + n4 * c + o, w - f);
    }
  }
}

/** Slopes along x (axis 0) or y (axis 1): (s₋₂ − 8 s₋₁ + 8 s₁ − s₂) / 12, the border going on. Slabs: rows of all planes. */
export function flowSlope(src: usize, dst: usize, H: i32, W: i32, axis: i32, i0: i32, i1: i32): void {
  const pitch = <usize>W << 2, eight = splat(8), twelfth = splat(<f32>(1.0 / 12.0));
  for (let i = i0; i < i1; i++) {
    const y = i % H, r = src + pitch * i, to = dst + pitch * i;
    if (axis == 1) {
      const p = r - pitch * y;
      const a = p + pitch * clampIndex(y - 2, H), b = p + pitch * clampIndex(y - 1, H), c = p + pitch * clampIndex(y + 1, H), d = p + pitch * clampIndex(y + 2, H);
      for (let x = 0; x < W; x += 4) {
        const at = <usize>x << 2;
        put(to + at, mul(twelfth, add(sub(ld(a + at), ld(d + at)), mul(eight, sub(ld(c + at), ld(b + at))))), W - x);
      }
      continue;
    }
    let x = 0;
    for (; x < W; x++) {
      if (x >= 2) while (x + 6 <= W) {
        const at = r + (<usize>x << 2);
        st(to + (<usize>x << 2), mul(twelfth, add(sub(ld(at - 8), ld(at + 8)), mul(eight, sub(ld(at + 4), ld(at - 4))))));
        x += 4;
      }
      if (x >= W) break;
      const a = load<f32>(r + (<usize>clampIndex(x - 2, W) << 2)), b = load<f32>(r + (<usize>clampIndex(x - 1, W) << 2));
      const c = load<f32>(r + (<usize>clampIndex(x + 1, W) << 2)), d = load<f32>(r + (<usize>clampIndex(x + 2, W) << 2));
      store<f32>(to + (<usize>x << 2), <f32>(1.0 / 12.0) * ((a - d) + <f32>8 * (c - b)));
    }
  }
}

/**
 * The weight of smoothness at each pixel: out = strength · edges · (s² + ε²)^(−½), s² = ½ Σ over the four neighbours of |flow − its flow|²; with
 * `robust` 0 out = strength · edges. `edges` 0: ones. Slabs: rows.
 */
export function flowPenalty(u: usize, v: usize, edges: usize, out: usize, H: i32, W: i32, strength: f32, epsilon2: f32, robust: i32, y0: i32, y1: i32): void {
  const pitch = <usize>W << 2, vs = splat(strength), ve = splat(epsilon2), half = splat(0.5);
  for (let y = y0; y < y1; y++) {
    const o = pitch * y, up = y > 0 ? pitch : 0, down = y + 1 < H ? pitch : 0;
    for (let x = 0; x < W; x += 4) {
      const at = o + (<usize>x << 2);
      let w = vs;
      if (edges) w = mul(w, ld(edges + at));
      if (robust) {
        let s = splat(0);
        for (let k = 0; k < 2; k++) {
          const p = (k ? v : u) + at, c = ld(p);
          let left = ld(p - 4), right = ld(p + 4);
          if (x == 0) left = f32x4.replace_lane(left, 0, f32x4.extract_lane(c, 0));
          if (x + 4 >= W) {
            if (x + 4 == W) right = f32x4.replace_lane(right, 3, f32x4.extract_lane(c, 3));
            else if (x + 3 == W) right = f32x4.replace_lane(right, 2, f32x4.extract_lane(c, 2));
            else if (x + 2 == W) right = f32x4.replace_lane(right, 1, f32x4.extract_lane(c, 1));
            else right = f32x4.replace_lane(right, 0, f32x4.extract_lane(c, 0));
          }
          const dl = sub(c, left), dr = sub(right, c), du = sub(c, ld(p - up)), dd = sub(ld(p + down), c);
          s = fma(dl, dl, fma(dr, dr, fma(du, du, fma(dd, dd, s))));
        }
        w = f32x4.div(w, f32x4.sqrt(fma(half, s, ve)));
      }
      put(out + at, w, W - x);
    }
  }
}

/** Planes of the system, each for red and black: the inverse of the 2 × 2 matrix of a pixel, its right side, weights to the right and below. */
// @ts-ignore: decorator
@inline const planes = 7;

/**
 * The linear system of one linearisation. `terms` holds eight blocks of `channels` planes: A_x, A_y, D, A_xx, A_xy, A_yy, D_x, D_y of mean A and
 * difference D. Each equation  A_x du + A_y dv + D = 0  counts with 1 / (A_x² + A_y² + ζ²), so that its residual is a distance in pixels (ζ² < 0: with 1);
 * those of brightness share one weight δ (e² + ε²)^(−½), those of its gradient another with γ; without `robust` δ and γ themselves. The weight between
 * neighbours is the mean of their `penalty`. u0, v0: the flow of the warp; u, v: the flow now. Workspace: 7 × 8 floats. Slabs: rows.
 */
export function flowSystem(terms: usize, inside: usize, u0: usize, v0: usize, u: usize, v: usize, penalty: usize, out: usize,
  channels: i32, H: i32, W: i32, P: i32, delta: f32, gamma: f32, zeta2: f32, epsilon2: f32, robust: i32, ws: usize, y0: i32, y1: i32): void {
  const n4 = <usize>(H * W) << 2, block = n4 * channels, pitch = <usize>W << 2;
  const plane = <usize>(P * (H + 2)) << 2;
  const one = splat(1), half = splat(0.5), ve = splat(epsilon2), vz = splat(zeta2), tiny = splat(1e-20);
  const vd = splat(delta), vg = splat(gamma), lanes = i32x4(0, 1, 2, 3), none = i32x4.splat(0);
  for (let y = y0; y < y1; y++) for (let x = 0; x < W; x += 8) {
    for (let part = 0; part < 8; part += 4) {
      const at = pitch * y + (<usize>(x + part) << 2);
      const index = i32x4.add(i32x4.splat(x + part), lanes);
      const valid = i32x4.lt_s(index, i32x4.splat(W));
      const base0 = ld(u0 + at), base1 = ld(v0 + at);
      const du = sub(ld(u + at), base0), dv = sub(ld(v + at), base1);
      let a11 = splat(0), a12 = a11, a22 = a11, b1 = a11, b2 = a11;
      const look = ld(inside + at);
      for (let kind = 0; kind < 2; kind++) {
        if ((kind ? gamma : delta) == 0) continue;
        let e = splat(0), s11 = e, s12 = e, s22 = e, t1 = e, t2 = e;
        for (let c = 0; c < channels; c++) {
          const p = terms + n4 * c + at;
          for (let q = 0; q <= kind; q++) {
            const gx = ld(kind ? p + block * (q ? 4 : 3) : p), gy = ld(kind ? p + block * (q ? 5 : 4) : p + block);
            const d = ld(p + block * (kind ? (q ? 7 : 6) : 2));
            const w = zeta2 < 0 ? one : f32x4.div(one, fma(gx, gx, fma(gy, gy, vz)));
            const r = fma(gx, du, fma(gy, dv, d)), wx = mul(w, gx), wy = mul(w, gy);
            e = fma(mul(w, r), r, e);
            s11 = fma(wx, gx, s11); s12 = fma(wx, gy, s12); s22 = fma(wy, gy, s22);
            t1 = fma(wx, d, t1); t2 = fma(wy, d, t2);
          }
        }
        let k = mul(kind ? vg : vd, look);
        if (robust) k = f32x4.div(k, f32x4.sqrt(add(e, ve)));
        a11 = fma(k, s11, a11); a12 = fma(k, s12, a12); a22 = fma(k, s22, a22);
        b1 = fma(k, t1, b1); b2 = fma(k, t2, b2);
      }
      const r1 = sub(fma(a11, base0, mul(a12, base1)), b1), r2 = sub(fma(a12, base0, mul(a22, base1)), b2);
      const here = ld(penalty + at);
      const wr = v128.and(mul(half, add(here, ld(penalty + at + 4))), i32x4.lt_s(index, i32x4.splat(W - 1)));
      const wl = v128.and(mul(half, add(here, ld(penalty + at - 4))), v128.and(valid, i32x4.gt_s(index, none)));
      const wd = y + 1 < H ? v128.and(mul(half, add(here, ld(penalty + at + pitch))), valid) : splat(0);
      const wu = y > 0 ? mul(half, add(here, ld(penalty + at - pitch))) : splat(0);
      const sum = add(add(wl, wr), add(wu, wd));
      a11 = add(a11, sum); a22 = add(a22, sum);
      const det = f32x4.max(sub(mul(a11, a22), mul(a12, a12)), tiny), inv = f32x4.div(one, det);
      const to = ws + (<usize>part << 2);
      st(to, v128.and(mul(a22, inv), valid));
      st(to + 32, v128.and(f32x4.neg(mul(a12, inv)), valid));
      st(to + 64, v128.and(mul(a11, inv), valid));
      st(to + 96, v128.and(r1, valid));
      st(to + 128, v128.and(r2, valid));
      st(to + 160, wr);
      st(to + 192, wd);
    }
    const to = out + (<usize>((y + 1) * P + 4 + (x >> 1)) << 2), swap = y & 1;
    for (let k = 0; k < planes; k++) {
      const a = ld(ws + 32 * k), b = ld(ws + 32 * k + 16);
      st(to + plane * (2 * k + swap), even(a, b));
      st(to + plane * (2 * k + 1 - swap), odd(a, b));
    }
  }
}

/** u and v to red and black: planes u red, u black, v red, v black. Slabs: rows. */
export function flowSplit(u: usize, v: usize, out: usize, H: i32, W: i32, P: i32, y0: i32, y1: i32): void {
  const pitch = <usize>W << 2, plane = <usize>(P * (H + 2)) << 2, zero = splat(0);
  for (let y = y0; y < y1; y++) for (let x = 0; x < W; x += 8) {
    const at = pitch * y + (<usize>x << 2), to = out + (<usize>((y + 1) * P + 4 + (x >> 1)) << 2), swap = y & 1;
    const second = x + 4 < W;
    for (let k = 0; k < 2; k++) {
      const p = (k ? v : u) + at, a = ld(p), b = second ? ld(p + 16) : zero;
      st(to + plane * (2 * k + swap), even(a, b));
      st(to + plane * (2 * k + 1 - swap), odd(a, b));
    }
  }
}
/** The way back. Slabs: rows. */
export function flowJoin(from: usize, u: usize, v: usize, H: i32, W: i32, P: i32, y0: i32, y1: i32): void {
  const pitch = <usize>W << 2, plane = <usize>(P * (H + 2)) << 2;
  for (let y = y0; y < y1; y++) for (let x = 0; x < W; x += 8) {
    const at = pitch * y + (<usize>x << 2), p = from + (<usize>((y + 1) * P + 4 + (x >> 1)) << 2), swap = y & 1;
    for (let k = 0; k < 2; k++) {
      const a = ld(p + plane * (2 * k + swap)), b = ld(p + plane * (2 * k + 1 - swap)), to = (k ? v : u) + at;
      put(to, v128.shuffle<f32>(a, b, 0, 4, 1, 5), W - x);
      if (x + 4 < W) put(to + 16, v128.shuffle<f32>(a, b, 2, 6, 3, 7), W - x - 4);
    }
  }
}

/**
 * Half a step of successive over-relaxation: each pixel of one colour (0 red, 1 black) moves by ω towards the solution of its 2 × 2 system, its neighbours
 * being of the other colour. Slabs: rows.
 */
export function flowRelax(unknowns: usize, system: usize, H: i32, P: i32, colour: i32, omega: f32, y0: i32, y1: i32): void {
  const plane = <usize>(P * (H + 2)) << 2, row = <usize>P << 2, w = splat(omega);
  const own = plane * colour, other = plane * (1 - colour), two = plane << 1;
  for (let y = y0; y < y1; y++) {
    const o = row * (y + 1) + 16, s: usize = <usize>((y + colour) & 1) << 2;
    for (let k: usize = 0; k < row - 16; k += 16) {
      const at = o + k, m = system + own + at;
      const wr = ld(m + 5 * two), wl = ld(system + other + 5 * two + at + s - 4), wd = ld(m + 6 * two), wu = ld(system + other + 6 * two + at - row);
      const pu = unknowns + other + at, pv = pu + two;
      const p = fma(wr, ld(pu + s), fma(wl, ld(pu + s - 4), fma(wd, ld(pu + row), fma(wu, ld(pu - row), ld(m + 3 * two)))));
      const q = fma(wr, ld(pv + s), fma(wl, ld(pv + s - 4), fma(wd, ld(pv + row), fma(wu, ld(pv - row), ld(m + 4 * two)))));
      const m12 = ld(m + two), tu = unknowns + own + at, tv = tu + two, cu = ld(tu), cv = ld(tv);
      st(tu, fma(w, sub(fma(ld(m), p, mul(m12, q)), cu), cu));
      st(tv, fma(w, sub(fma(m12, p, mul(ld(m + 2 * two), q)), cv), cv));
    }
  }
}

// @ts-ignore: decorator
@inline function exchange(ws: usize, i: i32, j: i32): void {
  const a = ws + (<usize>i << 4), b = ws + (<usize>j << 4), x = ld(a), y = ld(b);
  st(a, f32x4.pmin(x, y));
  st(b, f32x4.pmax(x, y));
}
/** Median of the (2r + 1)² pixels around each, r 1 or 2, the border going on. Workspace: 25 vectors. Slabs: rows of all planes. */
export function flowMedian(src: usize, dst: usize, H: i32, W: i32, r: i32, ws: usize, i0: i32, i1: i32): void {
  const pitch = <usize>W << 2, side = 2 * r + 1, n = side * side, kept = (n + 1) / 2 + 1;
  for (let i = i0; i < i1; i++) {
    const y = i % H, p = src + pitch * (i - y);
    for (let x = 0; x < W; x += 4) {
      let count = 0;
      for (let dy = -r; dy <= r; dy++) {
        const line = p + pitch * clampIndex(y + dy, H);
        for (let dx = -r; dx <= r; dx++) {
          let value: v128;
          if (x + dx >= 0 && x + dx + 4 <= W) value = ld(line + (<usize>(x + dx) << 2));
          else value = f32x4(load<f32>(line + (<usize>clampIndex(x + dx, W) << 2)), load<f32>(line + (<usize>clampIndex(x + dx + 1, W) << 2)),
            load<f32>(line + (<usize>clampIndex(x + dx + 2, W) << 2)), load<f32>(line + (<usize>clampIndex(x + dx + 3, W) << 2)));
          st(ws + (<usize>count << 4), value);
          count++;
        }
      }
      // Of any (n + 3) / 2 values neither the least nor the greatest is the median: drop them, take one more, again.
      let held = kept, next = kept;
      for (;;) {
        // Pairs first: the least is among the first halves, the greatest among the second.
        const half = held >> 1;
        for (let k = 0; k < half; k++) exchange(ws, k, held - 1 - k);
        for (let k = 1; k < half + (held & 1); k++) exchange(ws, 0, k);
        for (let k = half; k < held - 1; k++) exchange(ws, k, held - 1);
        if (held == 3) break;
        st(ws, ld(ws + (<usize>next << 4)));
        next++;
        held--;
      }
      put(dst + pitch * i + (<usize>x << 2), ld(ws + 16), W - x);
    }
  }
}

/** h × w planes from H × W, bilinear at ((x + ½) W / w − ½, …), the border going on, values times `scale`. Slabs: rows of all planes of dst. */
export function flowResize(src: usize, dst: usize, H: i32, W: i32, h: i32, w: i32, scale: f32, i0: i32, i1: i32): void {
  const fx = <f64>W / <f64>w, fy = <f64>H / <f64>h;
  for (let i = i0; i < i1; i++) {
    const y = i % h, plane = src + (<usize>((i / h) * H * W) << 2);
    const py = max<f64>(0, min<f64>((<f64>y + 0.5) * fy - 0.5, <f64>(H - 1))), iy = <i32>py, ty = <f32>(py - <f64>iy);
    const a = plane + (<usize>(iy * W) << 2), b = plane + (<usize>(clampIndex(iy + 1, H) * W) << 2), to = dst + (<usize>(i * w) << 2);
    for (let x = 0; x < w; x++) {
      const px = max<f64>(0, min<f64>((<f64>x + 0.5) * fx - 0.5, <f64>(W - 1))), ix = <i32>px, tx = <f32>(px - <f64>ix);
      const k = <usize>ix << 2, l = <usize>clampIndex(ix + 1, W) << 2;
      const top = load<f32>(a + k) + tx * (load<f32>(a + l) - load<f32>(a + k)), low = load<f32>(b + k) + tx * (load<f32>(b + l) - load<f32>(b + k));
      store<f32>(to + (<usize>x << 2), scale * (top + ty * (low - top)));
    }
  }
}
