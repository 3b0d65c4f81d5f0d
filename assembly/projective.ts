import { add, fma, fnma, hsum, ld, mul, splat, st, sub } from "./simd";

/**
 * Rows i of out, valid [h, w]: the plane [H, W] at H p, p = (column, row), bilinear; 0 in both where H p lies outside. `map`: nine f32, row by row.
 * `w` may be any number; the last lanes of a row are stored one by one.
 */
export function projectiveSample(plane: usize, H: i32, W: i32, map: usize, out: usize, valid: usize, w: i32, i0: i32, i1: i32): void {
  const a = load<f32>(map), b = load<f32>(map, 4), c = load<f32>(map, 8), d = load<f32>(map, 12), e = load<f32>(map, 16), f = load<f32>(map, 20);
  const g = load<f32>(map, 24), h = load<f32>(map, 28), k = load<f32>(map, 32), lanes = f32x4(0, 1, 2, 3), zero = splat(0), one = splat(1);
  const right = splat(<f32>(W - 1)), low = splat(<f32>(H - 1)), lastX = i32x4.splat(W - 2), lastY = i32x4.splat(H - 2), width = i32x4.splat(W), row: usize = <usize>W << 2;
  for (let i = i0; i < i1; i++) {
    const y: f32 = <f32>i, bx = splat(b * y + c), by = splat(e * y + f), bz = splat(h * y + k), o = <usize>(i * w) << 2;
    for (let j = 0; j < w; j += 4) {
      const x = add(splat(<f32>j), lanes), z = fma(splat(g), x, bz), n = f32x4.div(one, z);
      const px = mul(fma(splat(a), x, bx), n), py = mul(fma(splat(d), x, by), n);
      const inside = v128.and(v128.and(f32x4.ge(px, zero), f32x4.le(px, right)), v128.and(v128.and(f32x4.ge(py, zero), f32x4.le(py, low)), f32x4.gt(z, zero)));
      let v = zero;
      if (v128.any_true(inside)) {
        const qx = v128.and(px, inside), qy = v128.and(py, inside);
        const ix = i32x4.min_s(i32x4.trunc_sat_f32x4_s(qx), lastX), iy = i32x4.min_s(i32x4.trunc_sat_f32x4_s(qy), lastY);
        const fx = sub(qx, f32x4.convert_i32x4_s(ix)), fy = sub(qy, f32x4.convert_i32x4_s(iy)), at = i32x4.shl(i32x4.add(i32x4.mul(iy, width), ix), 2);
        const p0 = plane + <usize>i32x4.extract_lane(at, 0), p1 = plane + <usize>i32x4.extract_lane(at, 1);
        const p2 = plane + <usize>i32x4.extract_lane(at, 2), p3 = plane + <usize>i32x4.extract_lane(at, 3);
        const t01 = v128.load64_lane(p1, v128.load64_zero(p0), 1), t23 = v128.load64_lane(p3, v128.load64_zero(p2), 1);
        const b01 = v128.load64_lane(p1 + row, v128.load64_zero(p0 + row), 1), b23 = v128.load64_lane(p3 + row, v128.load64_zero(p2 + row), 1);
        const tl = v128.shuffle<f32>(t01, t23, 0, 2, 4, 6), tr = v128.shuffle<f32>(t01, t23, 1, 3, 5, 7);
        const bl = v128.shuffle<f32>(b01, b23, 0, 2, 4, 6), br = v128.shuffle<f32>(b01, b23, 1, 3, 5, 7);
        const top = fma(fx, sub(tr, tl), tl), bottom = fma(fx, sub(br, bl), bl);
        v = v128.and(fma(fy, sub(bottom, top), top), inside);
      }
      const m = v128.and(one, inside), p = o + (<usize>j << 2);
      if (j + 4 <= w) {
        st(out + p, v);
        st(valid + p, m);
      } else
        for (let l = 0; l < w - j; l++) {
          store<f32>(out + p + (<usize>l << 2), lane(v, l));
          store<f32>(valid + p + (<usize>l << 2), lane(m, l));
        }
    }
  }
}
// @ts-ignore: decorator
@inline function lane(v: v128, k: i32): f32 {
  return k == 0 ? f32x4.extract_lane(v, 0) : k == 1 ? f32x4.extract_lane(v, 1) : f32x4.extract_lane(v, 2);
}

/** Samples a block of the sums below. */
export function systemBlock(): i32 { return 2048; }
/**
 * Blocks i of `systemBlock` samples of columns J [K, n] (planes follow each other every `stride` floats): into out [blocks, K(K + 1)/2 + K] f64 the sums
 * Σ w Jp Jq (q ≤ p; left out when `matrix` is 0) and Σ w Jp r. The planes, w and r are 0 beyond n up to a multiple of 4.
 */
export function weightedSystem(J: usize, n: i32, stride: i32, K: i32, r: usize, w: usize, matrix: i32, out: usize, ws: usize, i0: i32, i1: i32): void {
  const each = (K * (K + 1)) / 2 + K;
  for (let i = i0; i < i1; i++) {
    const from: usize = <usize>(i * systemBlock()) << 2, count = min(systemBlock(), n - i * systemBlock()), end: usize = <usize>((count + 3) & ~3) << 2;
    const to = out + (<usize>(i * each) << 3), right = to + (<usize>((K * (K + 1)) / 2) << 3);
    let at = to;
    for (let p = 0; p < K; p++) {
      const P = J + (<usize>(p * stride) << 2) + from;
      let s = splat(0), s2 = splat(0);
      let k: usize = 0;
      for (; k + 32 <= end; k += 32) {
        const a = mul(ld(P + k), ld(w + from + k)), b = mul(ld(P + k + 16), ld(w + from + k + 16));
        st(ws + k, a);
        st(ws + k + 16, b);
        s = fma(a, ld(r + from + k), s);
        s2 = fma(b, ld(r + from + k + 16), s2);
      }
      for (; k < end; k += 16) {
        const a = mul(ld(P + k), ld(w + from + k));
        st(ws + k, a);
        s = fma(a, ld(r + from + k), s);
      }
      store<f64>(right + (<usize>p << 3), <f64>hsum(add(s, s2)));
      for (let q = 0; q <= p; q++) {
        if (matrix == 0) { at += 8; continue; }
        const Q = J + (<usize>(q * stride) << 2) + from;
        let t = splat(0), t2 = splat(0);
        k = 0;
        for (; k + 32 <= end; k += 32) {
          t = fma(ld(ws + k), ld(Q + k), t);
          t2 = fma(ld(ws + k + 16), ld(Q + k + 16), t2);
        }
        for (; k < end; k += 16) t = fma(ld(ws + k), ld(Q + k), t);
        store<f64>(at, <f64>hsum(add(t, t2)));
        at += 8;
      }
    }
  }
}
export function weightedSystemWorkspace(): i32 { return 4 * systemBlock() + 64; }

/**
 * Blocks i of `systemBlock` samples x (seen), y (asked for), v (0 where x is not known, else 1), m (1 where it counts; address 0: everywhere): r = gain x + bias − y
 * where v is not 0, w = v m times the robust weight of r (kind 0: one; 1: Huber's with the bend k; 2: Tukey's with the end k), and into out [blocks, 8] f64 the
 * sums of v m, of its loss (r²; its Huber form; k²/3 (1 − (1 − r²/k²)³)), and of w, w x, w y, w x², w x y, w y². Planes reach to a multiple of 4, v is 0 there.
 */
export function robustResidual(
  x: usize, y: usize, v: usize, m: usize, n: i32, gain: f32, bias: f32, k: f32, kind: i32, r: usize, w: usize, out: usize, i0: i32, i1: i32,
): void {
  const zero = splat(0), one = splat(1), g = splat(gain), b = splat(bias), cut = splat(k), part = splat(1 / k), third = splat((k * k) / 3);
  for (let i = i0; i < i1; i++) {
    const from: usize = <usize>(i * systemBlock()) << 2, end: usize = from + (<usize>((min(systemBlock(), n - i * systemBlock()) + 3) & ~3) << 2);
    let all: f64 = 0, loss: f64 = 0, s: f64 = 0, sx: f64 = 0, sy: f64 = 0, sxx: f64 = 0, sxy: f64 = 0, syy: f64 = 0;
    // Runs of 256 samples in f32, and these in f64: variances come from differences of such sums.
    for (let at = from; at < end; at += 1024) {
      const stop = min(end, at + 1024);
      let a8 = zero, al = zero, a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero;
      for (let p = at; p < stop; p += 16) {
        const seen = f32x4.ne(ld(v + p), zero), X = v128.and(ld(x + p), seen), Y = v128.and(ld(y + p), seen);
        const counts = v128.and(m == 0 ? one : ld(m + p), seen), R = v128.and(sub(fma(g, X, b), Y), seen), d = f32x4.abs(R);
        let weight = one, l: v128;
        if (kind == 0) l = mul(R, R);
        else if (kind == 1) {
          const far = f32x4.gt(d, cut);
          weight = v128.bitselect(f32x4.div(cut, d), one, far);
          l = v128.bitselect(mul(cut, sub(add(d, d), cut)), mul(d, d), far);
        } else {
          const q = mul(d, part), t = f32x4.pmax(zero, fnma(q, q, one)), t2 = mul(t, t);
          weight = t2;
          l = mul(third, fnma(t2, t, one));
        }
        const W = mul(counts, weight), wx = mul(W, X), wy = mul(W, Y);
        st(r + p, R);
        st(w + p, W);
        a8 = add(a8, counts);
        al = fma(counts, l, al);
        a0 = add(a0, W);
        a1 = add(a1, wx);
        a2 = add(a2, wy);
        a3 = fma(wx, X, a3);
        a4 = fma(wx, Y, a4);
        a5 = fma(wy, Y, a5);
      }
      all += <f64>hsum(a8);
      loss += <f64>hsum(al);
      s += <f64>hsum(a0);
      sx += <f64>hsum(a1);
      sy += <f64>hsum(a2);
      sxx += <f64>hsum(a3);
      sxy += <f64>hsum(a4);
      syy += <f64>hsum(a5);
    }
    const to = out + (<usize>i << 6);
    store<f64>(to, all);
    store<f64>(to, loss, 8);
    store<f64>(to, s, 16);
    store<f64>(to, sx, 24);
    store<f64>(to, sy, 32);
    store<f64>(to, sxx, 40);
    store<f64>(to, sxy, 48);
    store<f64>(to, syy, 56);
  }
}

/** Samples i of J [K, n]: gx·Fx_k + gy·Fy_k, fields [K, n] of x and of y; gradients are central differences of the plane [h, w], one-sided at its border. */
export function steepestRows(plane: usize, h: i32, w: i32, fx: usize, fy: usize, K: i32, stride: i32, J: usize, i0: i32, i1: i32): void {
  for (let i = i0; i < i1; i++) {
    const up = plane + (<usize>(max(0, i - 1) * w) << 2), down = plane + (<usize>(min(h - 1, i + 1) * w) << 2), here = plane + (<usize>(i * w) << 2);
    const sy: f32 = i == 0 || i == h - 1 ? 1 : 0.5;
    for (let j = 0; j < w; j++) {
      const o: usize = <usize>j << 2, l: usize = <usize>max(0, j - 1) << 2, r: usize = <usize>min(w - 1, j + 1) << 2;
      const gx: f32 = (load<f32>(here + r) - load<f32>(here + l)) * (j == 0 || j == w - 1 ? <f32>1 : <f32>0.5);
      const gy: f32 = (load<f32>(down + o) - load<f32>(up + o)) * sy;
      let at: usize = <usize>(i * w + j) << 2;
      for (let k = 0; k < K; k++) {
        store<f32>(J + at, gx * load<f32>(fx + at) + gy * load<f32>(fy + at));
        at += <usize>stride << 2;
      }
    }
  }
}
