import { expOfNegative } from "./exp";
import { add, clamp, fma, hsum, ld, mul, splat, st, sub } from "./simd";

/**
 * Oriented gradients of small patches of planes [H, W] (see the twin). A frame is six floats: a place (x, y) and a matrix (a b; c d), and takes
 * the patch's (u, v) ∈ [−1, 1]² to (x + a u + b v, y + c u + d v). A patch has P × P samples, P a multiple of 4; gradients are those of its inside.
 */
/** P × P samples of a frame, scaled by `factor` about its centre, bilinear, the border going on. Lanes are neighbours along u. */
// @ts-ignore: decorator
@inline function sampleFrame(plane: usize, H: i32, W: i32, frame: usize, factor: f32, P: i32, to: usize): void {
  const step: f32 = <f32>2 / <f32>P, x0 = load<f32>(frame), y0 = load<f32>(frame, 4);
  const a = load<f32>(frame, 8) * factor, b = load<f32>(frame, 12) * factor, c = load<f32>(frame, 16) * factor, d = load<f32>(frame, 20) * factor;
  const zero = splat(0), right = splat(<f32>(W - 1)), low = splat(<f32>(H - 1)), lane = f32x4(0, step, 2 * step, 3 * step);
  const lastX = i32x4.splat(W - 2), lastY = i32x4.splat(H - 2), width = i32x4.splat(W);
  const row: usize = <usize>W << 2;
  for (let j = 0; j < P; j++) {
    const v: f32 = (<f32>j + <f32>0.5) * step - <f32>1, bx = splat(x0 + b * v), by = splat(y0 + d * v);
    for (let i = 0; i < P; i += 4) {
      const u = add(splat((<f32>i + <f32>0.5) * step - <f32>1), lane);
      const px = clamp(fma(splat(a), u, bx), zero, right), py = clamp(fma(splat(c), u, by), zero, low);
      const ix = i32x4.min_s(i32x4.trunc_sat_f32x4_s(px), lastX), iy = i32x4.min_s(i32x4.trunc_sat_f32x4_s(py), lastY);
      const fx = sub(px, f32x4.convert_i32x4_s(ix)), fy = sub(py, f32x4.convert_i32x4_s(iy));
      const at = i32x4.shl(i32x4.add(i32x4.mul(iy, width), ix), 2);
      const p0 = plane + <usize>i32x4.extract_lane(at, 0), p1 = plane + <usize>i32x4.extract_lane(at, 1);
      const p2 = plane + <usize>i32x4.extract_lane(at, 2), p3 = plane + <usize>i32x4.extract_lane(at, 3);
      // (left, right) of two lanes, then of the other two; shuffled into all lefts and all rights.
      const t01 = v128.load64_lane(p1, v128.load64_zero(p0), 1), t23 = v128.load64_lane(p3, v128.load64_zero(p2), 1);
      const b01 = v128.load64_lane(p1 + row, v128.load64_zero(p0 + row), 1), b23 = v128.load64_lane(p3 + row, v128.load64_zero(p2 + row), 1);
      const tl = v128.shuffle<f32>(t01, t23, 0, 2, 4, 6), tr = v128.shuffle<f32>(t01, t23, 1, 3, 5, 7);
      const bl = v128.shuffle<f32>(b01, b23, 0, 2, 4, 6), br = v128.shuffle<f32>(b01, b23, 1, 3, 5, 7);
      const top = fma(fx, sub(tr, tl), tl), bottom = fma(fx, sub(br, bl), bl);
      st(to + (<usize>(j * P + i) << 2), fma(fy, sub(bottom, top), top));
    }
  }
}

/** The angle of (x, y) in turns, [0, 1): a polynomial within 2e-6 rad; 0 for (0, 0). */
// @ts-ignore: decorator
@inline function turns(x: v128, y: v128): v128 {
  const ax = f32x4.abs(x), ay = f32x4.abs(y), big = f32x4.max(ax, ay), small = f32x4.min(ax, ay);
  const t = f32x4.div(small, f32x4.max(big, splat(1e-30))), s = mul(t, t);
  let p = fma(splat(-0.01172120), s, splat(0.05265332));
  p = fma(p, s, splat(-0.11643287));
  p = fma(p, s, splat(0.19354346));
  p = fma(p, s, splat(-0.33262347));
  p = fma(p, s, splat(0.99997726));
  let angle = mul(mul(p, t), splat(0.15915494));
  angle = v128.bitselect(sub(splat(0.25), angle), angle, f32x4.gt(ay, ax));
  angle = v128.bitselect(sub(splat(0.5), angle), angle, f32x4.lt(x, splat(0)));
  angle = v128.bitselect(sub(splat(1), angle), angle, f32x4.lt(y, splat(0)));
  return v128.bitselect(splat(0), angle, f32x4.ge(angle, splat(1)));
}

/** Gradient sizes and turns of row j of a patch, for columns 0 … P − 1 (the first and the last are not to be used). */
// @ts-ignore: decorator
@inline function gradientRow(patch: usize, P: i32, j: i32, sizes: usize, angles: usize, bins: f32): void {
  const p = patch + (<usize>(j * P) << 2), row: usize = <usize>P << 2;
  for (let i: usize = 0; i < row; i += 16) {
    const gx = sub(ld(p + i + 4), ld(p + i - 4)), gy = sub(ld(p + i + row), ld(p + i - row));
    st(sizes + i, f32x4.sqrt(fma(gx, gx, mul(gy, gy))));
    st(angles + i, mul(splat(bins), turns(gx, gy)));
  }
}

export function gradientPatchWorkspace(P: i32): i32 { return 4 * (P * P + 2 * P) + 1024; }

/** Histogram of `bins` directions of the gradients within the inscribed circle of each frame, weighed by exp(−r²/2s²), r ≤ 1: out [frames, bins]. */
export function directionHistograms(
  plane: usize, H: i32, W: i32, frames: usize, out: usize, P: i32, bins: i32, s: f32, ws: usize, i0: i32, i1: i32,
): void {
  const patch = ws + 64, sizes = patch + (<usize>(P * P) << 2) + 64, angles = sizes + (<usize>P << 2), step: f32 = <f32>2 / <f32>P;
  for (let k = i0; k < i1; k++) {
    const h = out + (<usize>(k * bins) << 2);
    memory.fill(h, 0, <usize>bins << 2);
    sampleFrame(plane, H, W, frames + <usize>(24 * k), 1, P, patch);
    for (let j = 1; j < P - 1; j++) {
      gradientRow(patch, P, j, sizes, angles, <f32>bins);
      const v: f32 = (<f32>j + <f32>0.5) * step - <f32>1;
      for (let i = 1; i < P - 1; i++) {
        const u: f32 = (<f32>i + <f32>0.5) * step - <f32>1, r2 = u * u + v * v;
        if (r2 > 1) continue;
        const e: f32 = f32x4.extract_lane(expOfNegative(splat(-r2 / (2 * s * s))), 0), at = load<f32>(angles + (<usize>i << 2)), m = load<f32>(sizes + (<usize>i << 2)) * e;
        const b = <i32>at, f = at - <f32>b, p = h + (<usize>b << 2), q = h + (<usize>(b + 1 == bins ? 0 : b + 1) << 2);
        store<f32>(p, load<f32>(p) + m * (1 - f));
        store<f32>(q, load<f32>(q) + m * f);
      }
    }
  }
}

/** Rows i of [n, bins], bins of 4 or more, smoothed in place around the circle by (1, 4, 6, 4, 1) / 16, `turns` times. Sums in f64, as its twin. */
export function smoothCircles(rows: usize, bins: i32, turns: i32, i0: i32, i1: i32): void {
  const end: usize = <usize>bins << 2;
  for (let i = i0; i < i1; i++) {
    const h = rows + <usize>i * end;
    for (let t = 0; t < turns; t++) {
      const first: f64 = load<f32>(h), second: f64 = load<f32>(h, 4);
      let before: f64 = load<f32>(h + end - 4), before2: f64 = load<f32>(h + end - 8);
      for (let b: usize = 0; b < end; b += 4) {
        const v: f64 = load<f32>(h + b);
        const next: f64 = b + 4 < end ? <f64>load<f32>(h + b, 4) : first, next2: f64 = b + 8 < end ? <f64>load<f32>(h + b, 8) : b + 8 == end ? first : second;
        store<f32>(h + b, <f32>((6 * v + 4 * (next + before) + next2 + before2) / 16));
        before2 = before;
        before = v;
      }
    }
  }
}

/** Second moments (xx, xy, yy) of the gradients within the inscribed circle of each frame, weighed by exp(−r²/2s²): out [frames, 3]. */
export function gradientMoments(plane: usize, H: i32, W: i32, frames: usize, out: usize, P: i32, s: f32, ws: usize, i0: i32, i1: i32): void {
  const patch = ws + 64, step: f32 = <f32>2 / <f32>P, by: f32 = -1 / (2 * s * s), lane = f32x4(0, step, 2 * step, 3 * step);
  for (let k = i0; k < i1; k++) {
    sampleFrame(plane, H, W, frames + <usize>(24 * k), 1, P, patch);
    let xx = splat(0), xy = splat(0), yy = splat(0);
    const row: usize = <usize>P << 2;
    for (let j = 1; j < P - 1; j++) {
      const v: f32 = (<f32>j + <f32>0.5) * step - <f32>1, v2 = splat(v * v), p = patch + <usize>j * row;
      for (let i = 0; i < P; i += 4) {
        const u = add(splat((<f32>i + <f32>0.5) * step - <f32>1), lane), r2 = fma(u, u, v2), o: usize = <usize>i << 2;
        // The outermost samples of a row lie outside the circle or have no neighbour.
        const w = v128.and(expOfNegative(mul(splat(by), r2)), v128.and(f32x4.le(r2, splat(1)), f32x4.lt(f32x4.abs(u), splat(1 - step))));
        const gx = sub(ld(p + o + 4), ld(p + o - 4)), gy = sub(ld(p + o + row), ld(p + o - row)), wx = mul(w, gx);
        xx = fma(wx, gx, xx);
        xy = fma(wx, gy, xy);
        yy = fma(mul(w, gy), gy, yy);
      }
    }
    const to = out + <usize>(12 * k);
    store<f32>(to, hsum(xx));
    store<f32>(to, hsum(xy), 4);
    store<f32>(to, hsum(yy), 8);
  }
}

/**
 * Descriptors of 4 × 4 cells by 8 directions, u8 [frames, 128]: histograms over the frame, each gradient shared by the two nearest cells along each
 * axis and the two nearest directions, weighed by tables: of each patch column (and row) its left cell + 1, and its two weights. The histograms of
 * `scales` factors (a table) are added; then normalised, cut at 0.2, and with `root` made the square root of shares.
 */
export function gradientDescriptors(
  plane: usize, H: i32, W: i32, frames: usize, out: usize, P: i32, cells: usize, weights: usize, factors: usize, scales: i32, root: i32, unit: f32,
  ws: usize, i0: i32, i1: i32,
): void {
  // rows: 6 columns of cells × 8 directions; all: 6 × 6 × 8, the outer ring is dropped.
  const patch = ws + 64, sizes = patch + (<usize>(P * P) << 2) + 64, angles = sizes + (<usize>P << 2), line = angles + (<usize>P << 2) + 64, all = line + 256;
  for (let k = i0; k < i1; k++) {
    memory.fill(all, 0, 6 * 6 * 8 * 4);
    for (let t = 0; t < scales; t++) {
      sampleFrame(plane, H, W, frames + <usize>(24 * k), load<f32>(factors + (<usize>t << 2)), P, patch);
      for (let j = 1; j < P - 1; j++) {
        gradientRow(patch, P, j, sizes, angles, 8);
        memory.fill(line, 0, 6 * 8 * 4);
        for (let i = 1; i < P - 1; i++) {
          const m = load<f32>(sizes + (<usize>i << 2)), at = load<f32>(angles + (<usize>i << 2)), b = <i32>at, f = at - <f32>b;
          const left = m * load<f32>(weights + (<usize>i << 3)), right = m * load<f32>(weights + (<usize>i << 3) + 4);
          const c = line + (<usize>load<i32>(cells + (<usize>i << 2)) << 5), p: usize = <usize>b << 2, q: usize = <usize>((b + 1) & 7) << 2;
          store<f32>(c + p, load<f32>(c + p) + left * (1 - f));
          store<f32>(c + q, load<f32>(c + q) + left * f);
          store<f32>(c + 32 + p, load<f32>(c + 32 + p) + right * (1 - f));
          store<f32>(c + 32 + q, load<f32>(c + 32 + q) + right * f);
        }
        const r = all + <usize>load<i32>(cells + (<usize>j << 2)) * 192;
        const upper = splat(load<f32>(weights + (<usize>j << 3))), lower = splat(load<f32>(weights + (<usize>j << 3) + 4));
        for (let i: usize = 0; i < 192; i += 16) {
          st(r + i, fma(upper, ld(line + i), ld(r + i)));
          st(r + 192 + i, fma(lower, ld(line + i), ld(r + 192 + i)));
        }
      }
    }
    let squares = splat(0);
    for (let cy: usize = 1; cy < 5; cy++) for (let x: usize = 32; x < 160; x += 16) {
      const v = ld(all + cy * 192 + x);
      squares = fma(v, v, squares);
    }
    const cut = splat(<f32>0.2 * sqrt(hsum(squares)));
    let total = splat(0);
    squares = splat(0);
    for (let cy: usize = 1; cy < 5; cy++) for (let x: usize = 32; x < 160; x += 16) {
      const v = f32x4.min(ld(all + cy * 192 + x), cut);
      st(all + cy * 192 + x, v);
      total = add(total, v);
      squares = fma(v, v, squares);
    }
    const n = root ? hsum(total) : sqrt(hsum(squares)), by = splat(n > 0 ? (root ? unit * unit / n : unit / n) : 0), to = out + (<usize>k << 7);
    let o: usize = 0;
    for (let cy: usize = 1; cy < 5; cy++) for (let x: usize = 32; x < 160; x += 16) {
      let v = mul(ld(all + cy * 192 + x), by);
      if (root) v = f32x4.sqrt(v);
      const q = i32x4.min_s(i32x4.trunc_sat_f32x4_s(add(v, splat(0.5))), i32x4.splat(127));
      store<u8>(to + o, <u8>i32x4.extract_lane(q, 0));
      store<u8>(to + o + 1, <u8>i32x4.extract_lane(q, 1));
      store<u8>(to + o + 2, <u8>i32x4.extract_lane(q, 2));
      store<u8>(to + o + 3, <u8>i32x4.extract_lane(q, 3));
      o += 4;
    }
  }
}
