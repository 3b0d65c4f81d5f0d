import { add, fma, ld, mul, splat, st, sub } from "./simd";

/**
 * Filters along one axis of an array seen as [outer, n, inner], any radius. One kernel serves x (inner = 1), y and z.
 * Slabs: rows o for inner = 1, else blocks of 16 columns, i = o·⌈inner / 16⌉ + block.
 */
/** Store the first `bytes` of a group, 16 or fewer. */
// @ts-ignore: decorator
@inline function put(p: usize, v: v128, bytes: usize): void {
  if (bytes >= 16) { st(p, v); return; }
  store<f32>(p, f32x4.extract_lane(v, 0));
  if (bytes > 4) store<f32>(p + 4, f32x4.extract_lane(v, 1));
  if (bytes > 8) store<f32>(p + 8, f32x4.extract_lane(v, 2));
}

/**
 * Sums of 2r + 1 neighbours in windows of 1, 2, 4 … added where 2r + 1 has a bit: exact orders, no running sum, no drift.
 * s: a row of `e` bytes (a multiple of 16) with r + 4 zero floats on either side; it is changed. out: `e` bytes.
 */
// @ts-ignore: decorator
@inline export function windowSums(s: usize, out: usize, e: usize, r: i32): void {
  const K: usize = <usize>(2 * r + 1) << 2, left = s - (<usize>r << 2), end = e + (<usize>r << 3);
  for (let x: usize = 0; x < e; x += 16) st(out + x, ld(left + x));
  let done: usize = 4;
  for (let m: usize = 4; m + m <= K; m <<= 1) {
    for (let x: usize = 0; x + m < end; x += 16) st(left + x, add(ld(left + x), ld(left + x + m)));
    if ((K & (m + m)) != 0) {
      for (let x: usize = 0; x < e; x += 16) st(out + x, add(ld(out + x), ld(left + done + x)));
      done += m + m;
    }
  }
}

export function boxSumWorkspace(n: i32, inner: i32, r: i32): i32 {
  return inner == 1 ? 8 * (n + 8) + 8 * (r + 8) + 128 : 64 * (2 * r + 1) + 128;
}
/** out_i = Σ_{|k| ≤ r} x_{i+k}, zeros outside; out ≠ in. */
export function boxSum(inp: usize, out: usize, n: i32, inner: i32, r: i32, ws: usize, i0: i32, i1: i32): void {
  if (inner == 1) {
    const rb: usize = <usize>n << 2, e = (rb + 15) & ~15, pad: usize = <usize>((r + 7) & ~3) << 2, s = ws + pad, o = s + e + pad;
    for (let i = i0; i < i1; i++) {
      memory.fill(ws, 0, pad);
      memory.copy(s, inp + i * rb, rb);
      memory.fill(s + rb, 0, e - rb + pad);
      windowSums(s, o, e, r);
      memory.copy(out + i * rb, o, rb);
    }
    return;
  }
  // Blocks of K = 2r + 1 samples of the padded line: a window is the end of one block and the beginning of the next.
  const blocks = (inner + 15) >> 4, step: usize = <usize>inner << 2, K = 2 * r + 1, zero = splat(0);
  for (let i = i0; i < i1; i++) {
    const at = <usize>(i / blocks) * n * step + (<usize>(i % blocks) << 6), width: usize = <usize>min(16, inner - ((i % blocks) << 4)) << 2;
    for (let b = 0; b < n; b += K) {
      // Sums from each sample to the end of its block; sample u of the padded line is sample u − r of the image.
      for (let x: usize = 0; x < width; x += 16) {
        let sum = zero;
        for (let k = K - 1; k >= 0; k--) {
          const v = b + k - r;
          if (v >= 0 && v < n) sum = add(sum, ld(inp + at + <usize>v * step + x));
          st(ws + (<usize>k << 6) + x, sum);
        }
        let next = zero;
        for (let k = 0; k < K && b + k < n; k++) {
          put(out + at + <usize>(b + k) * step + x, add(ld(ws + (<usize>k << 6) + x), next), width - x);
          const v = b + k + K - r;
          if (v < n) next = add(next, ld(inp + at + <usize>v * step + x));
        }
      }
    }
  }
}

/**
 * Finite difference, out = (l, c, r) · (x_{i−1}, x_i, x_{i+1}) / spacing. kind 0: forward, 0 at the last sample; 1: backward, 0 at the first;
 * 2: central, one-sided at both ends. transposed ≠ 0: the adjoint. out ≠ in. Slabs: rows (o, i) for inner > 1, else rows o.
 */
// @ts-ignore: decorator
@inline function lower(kind: i32, i: i32, n: i32): f32 {
  if (i <= 0 || i >= n) return 0;
  return kind == 0 ? 0 : kind == 1 ? -1 : i == n - 1 ? -1 : -0.5;
}
// @ts-ignore: decorator
@inline function upper(kind: i32, i: i32, n: i32): f32 {
  if (i < 0 || i >= n - 1) return 0;
  return kind == 0 ? 1 : kind == 1 ? 0 : i == 0 ? 1 : 0.5;
}
// @ts-ignore: decorator
@inline function middle(kind: i32, i: i32, n: i32): f32 { return -(lower(kind, i, n) + upper(kind, i, n)); }

export function difference(inp: usize, out: usize, n: i32, inner: i32, kind: i32, transposed: i32, scale: f32, i0: i32, i1: i32): void {
  const rb: usize = <usize>inner << 2;
  for (let i = i0; i < i1; i++) {
    if (inner > 1) {
      const k = i % n, p = inp + i * rb, q = out + i * rb;
      const a = scale * (transposed ? upper(kind, k - 1, n) : lower(kind, k, n)), b = scale * middle(kind, k, n), c = scale * (transposed ? lower(kind, k + 1, n) : upper(kind, k, n));
      const before = k > 0 ? p - rb : p, after = k < n - 1 ? p + rb : p, va = splat(a), vb = splat(b), vc = splat(c);
      for (let x: usize = 0; x < rb; x += 16) put(q + x, fma(vb, ld(p + x), fma(va, ld(before + x), mul(vc, ld(after + x)))), rb - x);
    } else {
      const p = inp + (<usize>i * n << 2), q = out + (<usize>i * n << 2);
      let x = 0;
      while (x < n) {
        if (x >= 2 && x + 6 <= n) {
          const at: usize = <usize>x << 2;
          const a = splat(scale * (transposed ? upper(kind, x - 1, n) : lower(kind, x, n))), b = splat(scale * middle(kind, x, n)), c = splat(scale * (transposed ? lower(kind, x + 1, n) : upper(kind, x, n)));
          st(q + at, fma(b, ld(p + at), fma(a, ld(p + at - 4), mul(c, ld(p + at + 4)))));
          x += 4;
          continue;
        }
        const at: usize = <usize>x << 2;
        let v = scale * middle(kind, x, n) * load<f32>(p + at);
        if (x > 0) v += scale * (transposed ? upper(kind, x - 1, n) : lower(kind, x, n)) * load<f32>(p + at - 4);
        if (x < n - 1) v += scale * (transposed ? lower(kind, x + 1, n) : upper(kind, x, n)) * load<f32>(p + at + 4);
        store<f32>(q + at, v);
        x++;
      }
    }
  }
}

/**
 * Recursive Gaussian: h_k = Re(α₀ p₀^|k| + α₁ p₁^|k|) as causal and anticausal first-order complex recursions. Unlike one recursion of
 * fourth order, whose coefficients cancel to (1/σ)⁴, they keep their digits in f32 for any σ. May work in place.
 * c: αr, αi, pr, pi of both poles, then Re and Im of 1/(1 − p) of both (12 floats); tails: for mode 2, tᵢ = Σ_{k>i} h_k, i < tailCount.
 * mode as in gaussian3: 0 border values repeat, 1 zeros outside, 2 the adjoint of 0.
 */
export function recursiveGaussianWorkspace(n: i32, inner: i32): i32 { return 2 * 64 * n + 256; }
/** Both recursions over a line of n groups, 16·stride bytes apart, from s to o. */
function recursion(s: usize, o: usize, n: i32, c: usize, tails: usize, tailCount: i32, mode: i32): void {
  const a0r = v128.load32_splat(c), a0i = v128.load32_splat(c, 4), p0r = v128.load32_splat(c, 8), p0i = v128.load32_splat(c, 12);
  const a1r = v128.load32_splat(c, 16), a1i = v128.load32_splat(c, 20), p1r = v128.load32_splat(c, 24), p1i = v128.load32_splat(c, 28);
  const last: usize = <usize>(n - 1) << 4;
  let r0 = splat(0), j0 = r0, r1 = r0, j1 = r0;
  if (mode == 0) { // the state after infinitely many border values
    const x = ld(s);
    r0 = mul(x, v128.load32_splat(c, 32)); j0 = mul(x, v128.load32_splat(c, 36)); r1 = mul(x, v128.load32_splat(c, 40)); j1 = mul(x, v128.load32_splat(c, 44));
  }
  for (let i: usize = 0; i <= last; i += 16) {
    const x = ld(s + i), t0 = fma(p0r, r0, x), t1 = fma(p1r, r1, x);
    const u0 = mul(p0i, j0), u1 = mul(p1i, j1);
    j0 = fma(p0i, r0, mul(p0r, j0)); j1 = fma(p1i, r1, mul(p1r, j1));
    r0 = sub(t0, u0); r1 = sub(t1, u1);
    st(o + i, add(sub(mul(a0r, r0), mul(a0i, j0)), sub(mul(a1r, r1), mul(a1i, j1))));
  }
  r0 = splat(0); j0 = r0; r1 = r0; j1 = r0;
  if (mode == 0) {
    const x = ld(s + last);
    r0 = mul(x, v128.load32_splat(c, 32)); j0 = mul(x, v128.load32_splat(c, 36)); r1 = mul(x, v128.load32_splat(c, 40)); j1 = mul(x, v128.load32_splat(c, 44));
  }
  for (let i = <isize>last; i >= 0; i -= 16) { // the sample itself is in the causal half: here the state lags by one
    const t0 = sub(mul(p0r, r0), mul(p0i, j0)), t1 = sub(mul(p1r, r1), mul(p1i, j1));
    j0 = fma(p0i, r0, mul(p0r, j0)); j1 = fma(p1i, r1, mul(p1r, j1));
    const y = add(sub(mul(a0r, t0), mul(a0i, j0)), sub(mul(a1r, t1), mul(a1i, j1))), x = ld(s + i);
    st(o + i, add(ld(o + i), y));
    r0 = add(t0, x); r1 = add(t1, x);
  }
  if (mode == 2) {
    let a = splat(0), b = splat(0);
    const m = min(n, tailCount);
    for (let i = 0; i < m; i++) {
      const t = v128.load32_splat(tails + (<usize>i << 2));
      a = fma(t, ld(s + (<usize>i << 4)), a);
      b = fma(t, ld(s + last - (<usize>i << 4)), b);
    }
    st(o, add(ld(o), a));
    st(o + last, add(ld(o + last), b));
  }
}
export function recursiveGaussian(
  inp: usize, out: usize, outer: i32, n: i32, inner: i32, c: usize, tails: usize, tailCount: i32, mode: i32, ws: usize, i0: i32, i1: i32,
): void {
  if (inner == 1) { // four rows at once, element by element into the lanes; slabs: groups of four rows
    const rb: usize = <usize>n << 2, o = ws + (<usize>n << 4) + 64;
    for (let i = i0; i < i1; i++) {
      const m = min(4, outer - 4 * i), p = inp + <usize>i * 4 * rb, q = out + <usize>i * 4 * rb;
      const s1 = m > 1 ? rb : 0, s2 = m > 2 ? 2 * rb : 0, s3 = m > 3 ? 3 * rb : 0;
      let x: usize = 0;
      for (; x < rb; x += 16) { // the last group reads on into its neighbour and its surplus is ignored
        const a = ld(p + x), b = ld(p + s1 + x), d = ld(p + s2 + x), e = ld(p + s3 + x), t = ws + (x << 2);
        const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), de = v128.shuffle<f32>(d, e, 0, 4, 1, 5), AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7), DE = v128.shuffle<f32>(d, e, 2, 6, 3, 7);
        st(t, v128.shuffle<f32>(ab, de, 0, 1, 4, 5));
        if (x + 4 < rb) st(t + 16, v128.shuffle<f32>(ab, de, 2, 3, 6, 7));
        if (x + 8 < rb) st(t + 32, v128.shuffle<f32>(AB, DE, 0, 1, 4, 5));
        if (x + 12 < rb) st(t + 48, v128.shuffle<f32>(AB, DE, 2, 3, 6, 7));
      }
      recursion(ws, o, n, c, tails, tailCount, mode);
      for (x = 0; x < rb; x += 16) {
        const t = o + (x << 2), a = ld(t), b = v128.load(t, 16), d = v128.load(t, 32), e = v128.load(t, 48), w = rb - x;
        const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), de = v128.shuffle<f32>(d, e, 0, 4, 1, 5), AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7), DE = v128.shuffle<f32>(d, e, 2, 6, 3, 7);
        put(q + x, v128.shuffle<f32>(ab, de, 0, 1, 4, 5), w);
        if (m > 1) put(q + rb + x, v128.shuffle<f32>(ab, de, 2, 3, 6, 7), w);
        if (m > 2) put(q + 2 * rb + x, v128.shuffle<f32>(AB, DE, 0, 1, 4, 5), w);
        if (m > 3) put(q + 3 * rb + x, v128.shuffle<f32>(AB, DE, 2, 3, 6, 7), w);
      }
    }
    return;
  }
  const blocks = (inner + 15) >> 4, step: usize = <usize>inner << 2, line: usize = <usize>n << 4;
  const o = ws + 4 * line + 64;
  for (let i = i0; i < i1; i++) {
    const at = <usize>(i / blocks) * n * step + (<usize>(i % blocks) << 6), width: usize = <usize>min(16, inner - ((i % blocks) << 4)) << 2;
    // Copy the block first: whole cache lines of the strided array are read and written once.
    for (let k = 0; k < n; k++) for (let x: usize = 0; x < width; x += 16) st(ws + (x >> 4) * line + (<usize>k << 4), ld(inp + at + <usize>k * step + x));
    for (let x: usize = 0; x < width; x += 16) recursion(ws + (x >> 4) * line, o + (x >> 4) * line, n, c, tails, tailCount, mode);
    for (let k = 0; k < n; k++) for (let x: usize = 0; x < width; x += 16) put(out + at + <usize>k * step + x, ld(o + (x >> 4) * line + (<usize>k << 4)), width - x);
  }
}
