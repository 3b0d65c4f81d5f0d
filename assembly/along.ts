import { add, fma, ld, splat, st } from "./simd";
import { put } from "./lanes";

/**
 * A sparse matrix along one axis of a strided block, out_k = [out_k +] Σ_t w_t in_{index t} for the taps t of row k, for every line: any filter,
 * wavelet, resampling or border rule is such a matrix, and so is its adjoint. The work is done on 16 lines at a time, copied aside first, so
 * that it may go on in place and strided lines are read by whole cache lines.
 * g: n, m, inner, middle, strides in floats of input (outer, middle, axis) and output (outer, middle, axis), accumulate, lines; all i32.
 * rows: m + 1 beginnings into `index` and `weights`. Lines are numbered (o·middle + q)·inner + j.
 * Slabs: 16 lines; for inner ≥ 16 blocks of 16 neighbours j (⌈inner / 16⌉ of them for each o, q).
 */
export function alongWorkspace(n: i32, m: i32): i32 { return 64 * (((n + 3) & ~3) + ((m + 3) & ~3)) + 256; }

// @ts-ignore: decorator
@inline function field(g: usize, i: i32): i32 { return load<i32>(g + (<usize>i << 2)); }

/** Row k of the matrix times 16 lines at s, one vector of four at `x`. */
// @ts-ignore: decorator
@inline function taps(s: usize, index: usize, weights: usize, t0: i32, t1: i32, x: usize): v128 {
  let sum = splat(0);
  for (let t = t0; t < t1; t++) sum = fma(v128.load32_splat(weights + (<usize>t << 2)), ld(s + (<usize>load<i32>(index + (<usize>t << 2)) << 6) + x), sum);
  return sum;
}
/** Four rows of four become four columns. */
// @ts-ignore: decorator
@inline function turn(a: v128, b: v128, c: v128, d: v128, to: usize, step: usize): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5), AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7), CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  st(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  st(to + step, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
  st(to + 2 * step, v128.shuffle<f32>(AB, CD, 0, 1, 4, 5));
  st(to + 3 * step, v128.shuffle<f32>(AB, CD, 2, 3, 6, 7));
}

export function along(inp: usize, out: usize, g: usize, rows: usize, index: usize, weights: usize, ws: usize, i0: i32, i1: i32): void {
  const n = field(g, 0), m = field(g, 1), inner = field(g, 2), middle = field(g, 3), inOuter = field(g, 4), inMiddle = field(g, 5), inAxis = field(g, 6);
  const outOuter = field(g, 7), outMiddle = field(g, 8), outAxis = field(g, 9), accumulate = field(g, 10), lines = field(g, 11);
  const inStep: usize = <usize>inAxis << 2, outStep: usize = <usize>outAxis << 2;
  if (inner >= 16) {
    const blocks = (inner + 15) >> 4;
    for (let i = i0; i < i1; i++) {
      const oq = i / blocks, j = (i % blocks) << 4, o = oq / middle, q = oq % middle, width = min(16, inner - j);
      const from = inp + (<usize>(o * inOuter + q * inMiddle + j) << 2), to = out + (<usize>(o * outOuter + q * outMiddle + j) << 2);
      for (let k = 0; k < n; k++) {
        const p = from + <usize>k * inStep, s = ws + (<usize>k << 6);
        st(s, ld(p)); st(s + 16, ld(p, 16)); st(s + 32, ld(p, 32)); st(s + 48, ld(p, 48));
      }
      for (let k = 0; k < m; k++) {
        const t0 = load<i32>(rows + (<usize>k << 2)), t1 = load<i32>(rows + (<usize>k << 2), 4), p = to + <usize>k * outStep;
        let a = splat(0), b = splat(0), c = splat(0), d = splat(0);
        for (let t = t0; t < t1; t++) {
          const w = v128.load32_splat(weights + (<usize>t << 2)), s = ws + (<usize>load<i32>(index + (<usize>t << 2)) << 6);
          a = fma(w, ld(s), a); b = fma(w, ld(s, 16), b); c = fma(w, ld(s, 32), c); d = fma(w, ld(s, 48), d);
        }
        if (accumulate) { a = add(a, ld(p)); b = add(b, ld(p, 16)); c = add(c, ld(p, 32)); d = add(d, ld(p, 48)); }
        if (width == 16) { st(p, a); st(p + 16, b); st(p + 32, c); st(p + 48, d); }
        else {
          put(p, a, width);
          if (width > 4) put(p + 16, b, width - 4);
          if (width > 8) put(p + 32, c, width - 8);
          if (width > 12) put(p + 48, d, width - 12);
        }
      }
    }
    return;
  }
  // Few neighbours: the lines' beginnings in tables, their samples gathered into lanes. Missing lines repeat the last one.
  const fromAt = ws, toAt = ws + 64, s = ws + 128, r = s + (<usize>((n + 3) & ~3) << 6);
  const vectorIn = inner == 1 && inAxis == 1, vectorOut = inner == 1 && outAxis == 1 && !accumulate;
  for (let i = i0; i < i1; i++) {
    const count = min(16, lines - 16 * i);
    for (let l = 0; l < 16; l++) {
      const c = 16 * i + min(l, count - 1), j = c % inner, oq = c / inner, o = oq / middle, q = oq % middle;
      store<u32>(fromAt + (<usize>l << 2), <u32>(inp + (<usize>(o * inOuter + q * inMiddle + j) << 2)));
      store<u32>(toAt + (<usize>l << 2), <u32>(out + (<usize>(o * outOuter + q * outMiddle + j) << 2)));
    }
    for (let l: usize = 0; l < 64; l += 16) {
      const a = <usize>load<u32>(fromAt + l), b = <usize>load<u32>(fromAt + l, 4), c = <usize>load<u32>(fromAt + l, 8), d = <usize>load<u32>(fromAt + l, 12);
      if (vectorIn) for (let k = 0; k < n; k += 4) {
        const x: usize = <usize>k << 2;
        turn(ld(a + x), ld(b + x), ld(c + x), ld(d + x), s + (<usize>k << 6) + l, 64);
      } else for (let k = 0; k < n; k++) {
        const x = <usize>k * inStep, p = s + (<usize>k << 6) + l;
        store<f32>(p, load<f32>(a + x)); store<f32>(p + 4, load<f32>(b + x)); store<f32>(p + 8, load<f32>(c + x)); store<f32>(p + 12, load<f32>(d + x));
      }
    }
    for (let k = 0; k < m; k++) {
      const t0 = load<i32>(rows + (<usize>k << 2)), t1 = load<i32>(rows + (<usize>k << 2), 4), p = r + (<usize>k << 6);
      for (let x: usize = 0; x < 64; x += 16) st(p + x, taps(s, index, weights, t0, t1, x));
    }
    for (let l = 0; l < count; l++) {
      const to = <usize>load<u32>(toAt + (<usize>l << 2)), p = r + (<usize>l << 2);
      if (vectorOut) {
        if ((l & 3) == 0 && l + 4 <= count) { // four lines at once
          const to1 = <usize>load<u32>(toAt + (<usize>l << 2), 4), to2 = <usize>load<u32>(toAt + (<usize>l << 2), 8), to3 = <usize>load<u32>(toAt + (<usize>l << 2), 12);
          let k = 0;
          for (; k + 4 <= m; k += 4) {
            const q = p + (<usize>k << 6), x: usize = <usize>k << 2, a = ld(q), b = ld(q, 64), c = ld(q, 128), d = ld(q, 192);
            const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5), AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7), CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
            st(to + x, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5)); st(to1 + x, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
            st(to2 + x, v128.shuffle<f32>(AB, CD, 0, 1, 4, 5)); st(to3 + x, v128.shuffle<f32>(AB, CD, 2, 3, 6, 7));
          }
          for (; k < m; k++) {
            const q = p + (<usize>k << 6), x: usize = <usize>k << 2;
            store<f32>(to + x, load<f32>(q)); store<f32>(to1 + x, load<f32>(q, 4)); store<f32>(to2 + x, load<f32>(q, 8)); store<f32>(to3 + x, load<f32>(q, 12));
          }
          l += 3;
          continue;
        }
      }
      if (accumulate) for (let k = 0; k < m; k++) { const x = to + <usize>k * outStep; store<f32>(x, load<f32>(x) + load<f32>(p + (<usize>k << 6))); }
      else for (let k = 0; k < m; k++) store<f32>(to + <usize>k * outStep, load<f32>(p + (<usize>k << 6)));
    }
  }
}

/**
 * Forward difference along an axis of [outer, n, inner], out_k = [out_k +] s (x_{k+1} − x_k), or its adjoint s (x_{k−1} − x_k).
 * border 0: the last difference is 0; 1: the line is a ring; 2: zeros follow the last sample. out ≠ in.
 * Slabs: pieces of 4096 floats of a line of n·inner floats, ⌈n·inner / 4096⌉ for each o.
 */
export function forwardDifference(
  inp: usize, out: usize, n: i32, inner: i32, border: i32, adjoint: i32, accumulate: i32, scale: f32, i0: i32, i1: i32,
): void {
  const L = n * inner, pieces = (L + 4095) >> 12, last = L - inner;
  for (let i = i0; i < i1; i++) {
    const p = inp + (<usize>(i / pieces) * L << 2), q = out + (<usize>(i / pieces) * L << 2), a = (i % pieces) << 12, b = min(L, a + 4096);
    if (!adjoint) {
      part(p, q, a, min(b, last), inner, 1, -1, scale, accumulate);
      if (b > last) part(p, q, max(a, last), b, inner - L, border == 1 ? 1 : 0, border == 0 ? 0 : -1, scale, accumulate);
    } else {
      // At the first sample there is none before it; at the last its own difference counts unless it is none.
      if (a < inner) part(p, q, a, min(b, inner), last, border == 1 ? 1 : 0, n == 1 && border == 0 ? 0 : -1, scale, accumulate);
      part(p, q, max(a, inner), min(b, last), -inner, 1, -1, scale, accumulate);
      if (b > last && n > 1) part(p, q, max(a, last), b, -inner, 1, border == 0 ? 0 : -1, scale, accumulate);
    }
  }
}
/** out = [out +] s (u x[· + shift] + v x) over [a, b); u, v ∈ {0, ±1}. */
function part(p: usize, q: usize, a: i32, b: i32, shift: i32, u: f32, v: f32, s: f32, accumulate: i32): void {
  const d: isize = <isize>(u == 0 ? 0 : shift) << 2;
  const su = splat(s * u), sv = splat(s * v);
  let x = a;
  for (; x + 4 <= b; x += 4) {
    const at = p + (<usize>x << 2), to = q + (<usize>x << 2);
    // Both products are rounded alike, so that equal neighbours give exactly 0.
    let r = add(f32x4.mul(su, ld(<usize>(<isize>at + d))), f32x4.mul(sv, ld(at)));
    if (accumulate) r = add(r, ld(to));
    st(to, r);
  }
  for (; x < b; x++) {
    const at = p + (<usize>x << 2), to = q + (<usize>x << 2);
    let r = s * u * load<f32>(<usize>(<isize>at + d)) + s * v * load<f32>(at);
    if (accumulate) r += load<f32>(to);
    store<f32>(to, r);
  }
}
