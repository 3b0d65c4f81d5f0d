import { add, fma, fnma, ld, mul, splat, st, sub } from "./simd";

/**
 * Complex Fourier transforms of any length along any axis: four lines at once, one in each SIMD lane.
 * A line lives in scratch as n elements of 32 bytes (four real parts, four imaginary parts); Stockham passes go from one scratch
 * buffer to the other and need no reordering. Contiguous columns are taken eight at a time, a whole cache line, and their
 * first and last passes read and write the data itself. Real and imaginary parts of the data are interleaved.
 *
 * The inverse uses the forward butterflies: output k of an inverse butterfly is output r − k of the forward one, so a plan for
 * the inverse holds conjugate twiddles in that order, and the passes write to mirrored places.
 *
 * Plan (u32 words, made by the host): 0 length n, 1 work length (n, or that of the convolution), 2 number of passes,
 * 3 inverse (0, 1), 4 sub-plan forward (0 when n is a product of small primes), 5 sub-plan inverse, 6 chirp, 7 spectrum of the
 * chirp, 8 + 3 i: radix, twiddles, roots of unity (odd radices above 5). Workspace: `fftWorkspace(work length)` bytes.
 */
// @ts-ignore: decorator
@inline function word(plan: usize, k: usize): usize { return <usize>load<u32>(plan + (k << 2)); }
// @ts-ignore: decorator
@inline function splatAt(p: usize, offset: usize = 0): v128 { return v128.load32_splat(p + offset); }
/** o ← (tr + i ti)(wr + i wi) */
// @ts-ignore: decorator
@inline function put(o: usize, tr: v128, ti: v128, wr: v128, wi: v128): void {
  st(o, fnma(ti, wi, mul(tr, wr)));
  st(o + 16, fma(tr, wi, mul(ti, wr)));
}
// @ts-ignore: decorator
@inline function put1(o: usize, tr: v128, ti: v128): void { st(o, tr); st(o + 16, ti); }
// @ts-ignore: decorator
@inline function realParts(u: v128, v: v128): v128 { return v128.shuffle<f32>(u, v, 0, 2, 4, 6); }
// @ts-ignore: decorator
@inline function imaginaryParts(u: v128, v: v128): v128 { return v128.shuffle<f32>(u, v, 1, 3, 5, 7); }
/** Four lanes (re, im) to four contiguous interleaved numbers. */
// @ts-ignore: decorator
@inline function putColumns(o: usize, re: v128, im: v128, scale: v128): void {
  re = mul(re, scale); im = mul(im, scale);
  st(o, v128.shuffle<f32>(re, im, 0, 4, 1, 5));
  st(o + 16, v128.shuffle<f32>(re, im, 2, 6, 3, 7));
}

export function fftWorkspace(length: i32): i32 { return (length << 7) + 4096; }

// Passes: x[j + m (p + q t)] → y[j + m (r p + k)], j < m, p < q, t and k < r. Twiddles: per p, w¹ … wʳ⁻¹.
function pass4(x: usize, y: usize, q: i32, m: i32, tw: usize, inverse: bool): void {
  const sq: usize = <usize>m * q << 5, row: usize = <usize>m << 5, s: usize = inverse ? 0 - row : row, first: usize = inverse ? row << 2 : 0;
  for (let p = 0; p < q; p++) {
    let i: usize = x + <usize>p * row, o: usize = y + (<usize>p * row << 2);
    const end = i + row;
    if (p == 0) {
      for (; i < end; i += 32, o += 32) {
        const ar = ld(i), ai = ld(i + 16), br = ld(i + sq), bi = ld(i + sq + 16), cr = ld(i + 2 * sq), ci = ld(i + 2 * sq + 16), dr = ld(i + 3 * sq), di = ld(i + 3 * sq + 16);
        const s0r = add(ar, cr), s0i = add(ai, ci), s1r = sub(ar, cr), s1i = sub(ai, ci), s2r = add(br, dr), s2i = add(bi, di), s3r = sub(br, dr), s3i = sub(bi, di);
        const f = o + first;
        put1(o, add(s0r, s2r), add(s0i, s2i));
        put1(f + s, add(s1r, s3i), sub(s1i, s3r));
        put1(f + 2 * s, sub(s0r, s2r), sub(s0i, s2i));
        put1(f + 3 * s, sub(s1r, s3i), add(s1i, s3r));
      }
    } else {
      const t = tw + <usize>p * 24;
      const w1r = splatAt(t), w1i = splatAt(t, 4), w2r = splatAt(t, 8), w2i = splatAt(t, 12), w3r = splatAt(t, 16), w3i = splatAt(t, 20);
      for (; i < end; i += 32, o += 32) {
        const ar = ld(i), ai = ld(i + 16), br = ld(i + sq), bi = ld(i + sq + 16), cr = ld(i + 2 * sq), ci = ld(i + 2 * sq + 16), dr = ld(i + 3 * sq), di = ld(i + 3 * sq + 16);
        const s0r = add(ar, cr), s0i = add(ai, ci), s1r = sub(ar, cr), s1i = sub(ai, ci), s2r = add(br, dr), s2i = add(bi, di), s3r = sub(br, dr), s3i = sub(bi, di);
        const f = o + first;
        put1(o, add(s0r, s2r), add(s0i, s2i));
        put(f + s, add(s1r, s3i), sub(s1i, s3r), w1r, w1i);
        put(f + 2 * s, sub(s0r, s2r), sub(s0i, s2i), w2r, w2i);
        put(f + 3 * s, sub(s1r, s3i), add(s1i, s3r), w3r, w3i);
      }
    }
  }
}

function pass2(x: usize, y: usize, q: i32, m: i32, tw: usize): void {
  const sq: usize = <usize>m * q << 5, row: usize = <usize>m << 5;
  for (let p = 0; p < q; p++) {
    let i: usize = x + <usize>p * row, o: usize = y + (<usize>p * row << 1);
    const end = i + row, wr = splatAt(tw + (<usize>p << 3)), wi = splatAt(tw + (<usize>p << 3), 4);
    for (; i < end; i += 32, o += 32) {
      const ar = ld(i), ai = ld(i + 16), br = ld(i + sq), bi = ld(i + sq + 16);
      put1(o, add(ar, br), add(ai, bi));
      put(o + row, sub(ar, br), sub(ai, bi), wr, wi);
    }
  }
}

function pass3(x: usize, y: usize, q: i32, m: i32, tw: usize, inverse: bool): void {
  const sq: usize = <usize>m * q << 5, row: usize = <usize>m << 5, s: usize = inverse ? 0 - row : row, first: usize = inverse ? row * 3 : 0;
  const half = splat(-0.5), sine = splat(0.8660254037844386);
  for (let p = 0; p < q; p++) {
    let i: usize = x + <usize>p * row, o: usize = y + <usize>p * row * 3;
    const end = i + row, t = tw + (<usize>p << 4);
    const w1r = splatAt(t), w1i = splatAt(t, 4), w2r = splatAt(t, 8), w2i = splatAt(t, 12);
    for (; i < end; i += 32, o += 32) {
      const ar = ld(i), ai = ld(i + 16), br = ld(i + sq), bi = ld(i + sq + 16), cr = ld(i + 2 * sq), ci = ld(i + 2 * sq + 16);
      const sr = add(br, cr), si = add(bi, ci), dr = mul(sine, sub(br, cr)), di = mul(sine, sub(bi, ci));
      const er = fma(half, sr, ar), ei = fma(half, si, ai), f = o + first;
      put1(o, add(ar, sr), add(ai, si));
      put(f + s, add(er, di), sub(ei, dr), w1r, w1i);
      put(f + 2 * s, sub(er, di), add(ei, dr), w2r, w2i);
    }
  }
}

function pass5(x: usize, y: usize, q: i32, m: i32, tw: usize, inverse: bool): void {
  const sq: usize = <usize>m * q << 5, row: usize = <usize>m << 5, s: usize = inverse ? 0 - row : row, first: usize = inverse ? row * 5 : 0;
  const c1 = splat(0.30901699437494745), c2 = splat(-0.8090169943749475), z1 = splat(0.9510565162951535), z2 = splat(0.5877852522924731);
  for (let p = 0; p < q; p++) {
    let i: usize = x + <usize>p * row, o: usize = y + <usize>p * row * 5;
    const end = i + row, t = tw + (<usize>p << 5);
    for (; i < end; i += 32, o += 32) {
      const ar = ld(i), ai = ld(i + 16), br = ld(i + sq), bi = ld(i + sq + 16), cr = ld(i + 2 * sq), ci = ld(i + 2 * sq + 16);
      const dr = ld(i + 3 * sq), di = ld(i + 3 * sq + 16), er = ld(i + 4 * sq), ei = ld(i + 4 * sq + 16);
      const s1r = add(br, er), s1i = add(bi, ei), d1r = sub(br, er), d1i = sub(bi, ei), s2r = add(cr, dr), s2i = add(ci, di), d2r = sub(cr, dr), d2i = sub(ci, di);
      const f = o + first;
      put1(o, add(ar, add(s1r, s2r)), add(ai, add(s1i, s2i)));
      const ur = fma(c1, s1r, fma(c2, s2r, ar)), ui = fma(c1, s1i, fma(c2, s2i, ai)), vr = fma(z1, d1r, mul(z2, d2r)), vi = fma(z1, d1i, mul(z2, d2i));
      put(f + s, add(ur, vi), sub(ui, vr), splatAt(t), splatAt(t, 4));
      put(f + 4 * s, sub(ur, vi), add(ui, vr), splatAt(t, 24), splatAt(t, 28));
      const gr = fma(c2, s1r, fma(c1, s2r, ar)), gi = fma(c2, s1i, fma(c1, s2i, ai)), hr = fnma(z1, d2r, mul(z2, d1r)), hi = fnma(z1, d2i, mul(z2, d1i));
      put(f + 2 * s, add(gr, hi), sub(gi, hr), splatAt(t, 8), splatAt(t, 12));
      put(f + 3 * s, sub(gr, hi), add(gi, hr), splatAt(t, 16), splatAt(t, 20));
    }
  }
}

/** Any odd radix r, r² operations: for the primes 7 … 31. roots: cos, sin of 2π k / r. tmp: sums and differences, r − 1 elements. */
function passOdd(x: usize, y: usize, r: i32, q: i32, m: i32, tw: usize, roots: usize, inverse: bool, tmp: usize): void {
  const sq: usize = <usize>m * q << 5, row: usize = <usize>m << 5, h = (r - 1) >> 1;
  for (let p = 0; p < q; p++) {
    const t = tw + (<usize>p * (r - 1) << 3);
    for (let j = 0; j < m; j++) {
      const i: usize = x + <usize>p * row + (<usize>j << 5), o: usize = y + <usize>p * row * r + (<usize>j << 5);
      const ar = ld(i), ai = ld(i + 16);
      let sr = ar, si = ai;
      for (let k = 1; k <= h; k++) {
        const b = i + <usize>k * sq, c = i + <usize>(r - k) * sq, u = tmp + (<usize>(k - 1) << 6);
        const br = ld(b), bi = ld(b + 16), cr = ld(c), ci = ld(c + 16), er = add(br, cr), ei = add(bi, ci);
        st(u, er); st(u + 16, ei); st(u + 32, sub(br, cr)); st(u + 48, sub(bi, ci));
        sr = add(sr, er); si = add(si, ei);
      }
      put1(o, sr, si);
      for (let k = 1; k <= h; k++) {
        let ur = ar, ui = ai, vr = splat(0), vi = splat(0);
        for (let l = 1, e = k; l <= h; l++) {
          const u = tmp + (<usize>(l - 1) << 6), c = splatAt(roots + (<usize>e << 3)), z = splatAt(roots + (<usize>e << 3), 4);
          ur = fma(c, ld(u), ur); ui = fma(c, ld(u + 16), ui); vr = fma(z, ld(u + 32), vr); vi = fma(z, ld(u + 48), vi);
          e += k; if (e >= r) e -= r;
        }
        const lo = t + (<usize>(k - 1) << 3), hi = t + (<usize>(r - k - 1) << 3);
        const ok: usize = <usize>(inverse ? r - k : k) * row, om: usize = <usize>(inverse ? k : r - k) * row;
        put(o + ok, add(ur, vi), sub(ui, vr), splatAt(lo), splatAt(lo, 4));
        put(o + om, sub(ur, vi), add(ui, vr), splatAt(hi), splatAt(hi, 4));
      }
    }
  }
}

/** Last pass of radix 8: no twiddles. y and ys, the distance of two output elements, may be scratch or (columns) the data. */
// @ts-ignore: decorator
@inline function last8(x: usize, y: usize, m: i32, inverse: bool, ys: usize, columns: bool, scale: v128): void {
  const row: usize = <usize>m << 5, far: usize = <usize>m * ys, s: usize = inverse ? 0 - far : far, first: usize = inverse ? far << 3 : 0, root = splat(0.7071067811865476);
  let i = x, o = y;
  for (let j = 0; j < m; j++, i += 32, o += ys) {
    let ar = ld(i), ai = ld(i + 16), br = ld(i + 4 * row), bi = ld(i + 4 * row + 16);
    const a0r = add(ar, br), a0i = add(ai, bi), a1r = sub(ar, br), a1i = sub(ai, bi);
    ar = ld(i + 2 * row); ai = ld(i + 2 * row + 16); br = ld(i + 6 * row); bi = ld(i + 6 * row + 16);
    const a2r = add(ar, br), a2i = add(ai, bi), a3r = sub(ar, br), a3i = sub(ai, bi);
    // Even inputs: a four-point transform.
    const e0r = add(a0r, a2r), e0i = add(a0i, a2i), e2r = sub(a0r, a2r), e2i = sub(a0i, a2i), e1r = add(a1r, a3i), e1i = sub(a1i, a3r), e3r = sub(a1r, a3i), e3i = add(a1i, a3r);
    ar = ld(i + row); ai = ld(i + row + 16); br = ld(i + 5 * row); bi = ld(i + 5 * row + 16);
    const b0r = add(ar, br), b0i = add(ai, bi), b1r = sub(ar, br), b1i = sub(ai, bi);
    ar = ld(i + 3 * row); ai = ld(i + 3 * row + 16); br = ld(i + 7 * row); bi = ld(i + 7 * row + 16);
    const b2r = add(ar, br), b2i = add(ai, bi), b3r = sub(ar, br), b3i = sub(ai, bi);
    const f0r = add(b0r, b2r), f0i = add(b0i, b2i), f2r = sub(b0r, b2r), f2i = sub(b0i, b2i);
    const g1r = add(b1r, b3i), g1i = sub(b1i, b3r), g3r = sub(b1r, b3i), g3i = add(b1i, b3r);
    // Odd ones, times w = e^(−iπ/4) to the power k.
    const f1r = mul(root, add(g1r, g1i)), f1i = mul(root, sub(g1i, g1r)), f3r = mul(root, sub(g3i, g3r)), f3i = mul(root, add(g3r, g3i)); // the imaginary part of the fourth with its sign turned
    const f = o + first;
    if (columns) {
      putColumns(o, add(e0r, f0r), add(e0i, f0i), scale); putColumns(f + 4 * s, sub(e0r, f0r), sub(e0i, f0i), scale);
      putColumns(f + s, add(e1r, f1r), add(e1i, f1i), scale); putColumns(f + 5 * s, sub(e1r, f1r), sub(e1i, f1i), scale);
      putColumns(f + 2 * s, add(e2r, f2i), sub(e2i, f2r), scale); putColumns(f + 6 * s, sub(e2r, f2i), add(e2i, f2r), scale);
      putColumns(f + 3 * s, add(e3r, f3r), sub(e3i, f3i), scale); putColumns(f + 7 * s, sub(e3r, f3r), add(e3i, f3i), scale);
    } else {
      put1(o, add(e0r, f0r), add(e0i, f0i)); put1(f + 4 * s, sub(e0r, f0r), sub(e0i, f0i));
      put1(f + s, add(e1r, f1r), add(e1i, f1i)); put1(f + 5 * s, sub(e1r, f1r), sub(e1i, f1i));
      put1(f + 2 * s, add(e2r, f2i), sub(e2i, f2r)); put1(f + 6 * s, sub(e2r, f2i), add(e2i, f2r));
      put1(f + 3 * s, add(e3r, f3r), sub(e3i, f3i)); put1(f + 7 * s, sub(e3r, f3r), add(e3i, f3i));
    }
  }
}
function pass8(x: usize, y: usize, m: i32, inverse: bool): void { last8(x, y, m, inverse, 32, false, splat(1)); }
function pass8Columns(x: usize, y: usize, m: i32, inverse: bool, ys: usize, scale: v128): void { last8(x, y, m, inverse, ys, true, scale); }

/** Passes [from, to) of a plan, x → … ; returns where the result is: x or y. m: product of the radices before `from`. */
function passes(plan: usize, x: usize, y: usize, from: i32, to: i32, m: i32): usize {
  const inverse = word(plan, 3) != 0, tmp = max(x, y) + (word(plan, 1) << 5);
  let l = <i32>word(plan, 0) / m;
  for (let i = from; i < to; i++) {
    const r = <i32>word(plan, 8 + 3 * i), tw = word(plan, 9 + 3 * i), q = l / r;
    if (r == 4) pass4(x, y, q, m, tw, inverse);
    else if (r == 8) pass8(x, y, m, inverse);
    else if (r == 2) pass2(x, y, q, m, tw);
    else if (r == 3) pass3(x, y, q, m, tw, inverse);
    else if (r == 5) pass5(x, y, q, m, tw, inverse);
    else passOdd(x, y, r, q, m, tw, word(plan, 10 + 3 * i), inverse, tmp);
    l = q; m *= r;
    const t = x; x = y; y = t;
  }
  return x;
}

/** x[k] ← x[k] · w[k] for n elements; w interleaved complex numbers, the same for all lanes. */
function multiplyLanes(x: usize, w: usize, n: i32): void {
  for (let k = 0; k < n; k++, x += 32, w += 8) put(x, ld(x), ld(x + 16), splatAt(w), splatAt(w, 4));
}

/** A whole transform of the four lines in a (scratch b): returns a or b. */
function lanes(plan: usize, a: usize, b: usize): usize {
  const n = <i32>word(plan, 0), forward = word(plan, 4);
  if (forward == 0) return passes(plan, a, b, 0, <i32>word(plan, 2), 1);
  // Bluestein (1970): k t = (k² + t² − (k − t)²) / 2 turns the transform into a convolution with a chirp.
  const length = <i32>word(plan, 1), chirp = word(plan, 6);
  multiplyLanes(a, chirp, n);
  memory.fill(a + (<usize>n << 5), 0, <usize>(length - n) << 5);
  let x = passes(forward, a, b, 0, <i32>word(forward, 2), 1);
  multiplyLanes(x, word(plan, 7), length);
  const inverse = word(plan, 5);
  x = passes(inverse, x, x == a ? b : a, 0, <i32>word(inverse, 2), 1);
  multiplyLanes(x, chirp, n);
  return x;
}

// Rows: four lines with contiguous elements, `s` bytes apart. Columns: four adjacent lines, elements `s` bytes apart.
function loadRows(d: usize, s: usize, n: i32, a: usize): void {
  let k = 0;
  for (; k + 2 <= n; k += 2, d += 16, a += 64) {
    const r0 = ld(d), r1 = ld(d + s), r2 = ld(d + 2 * s), r3 = ld(d + 3 * s);
    const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5), t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7), t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    st(a, v128.shuffle<f64>(t0, t1, 0, 2)); st(a + 16, v128.shuffle<f64>(t0, t1, 1, 3));
    st(a + 32, v128.shuffle<f64>(t2, t3, 0, 2)); st(a + 48, v128.shuffle<f64>(t2, t3, 1, 3));
  }
  if (k < n) gather(d, d + s, d + 2 * s, d + 3 * s, 0, 1, a);
}
function storeRows(a: usize, d: usize, s: usize, n: i32, scale: v128): void {
  let k = 0;
  for (; k + 2 <= n; k += 2, d += 16, a += 64) {
    const r0 = mul(scale, ld(a)), r1 = mul(scale, ld(a + 16)), r2 = mul(scale, ld(a + 32)), r3 = mul(scale, ld(a + 48));
    const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7), t2 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5), t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    st(d, v128.shuffle<f64>(t0, t2, 0, 2)); st(d + s, v128.shuffle<f64>(t0, t2, 1, 3));
    st(d + 2 * s, v128.shuffle<f64>(t1, t3, 0, 2)); st(d + 3 * s, v128.shuffle<f64>(t1, t3, 1, 3));
  }
  if (k < n) scatter(a, d, d + s, d + 2 * s, d + 3 * s, 0, 1, scale, 4);
}
function loadColumns(d: usize, s: usize, n: i32, a: usize): void {
  for (let k = 0; k < n; k++, d += s, a += 32) { const u = ld(d), v = ld(d + 16); st(a, realParts(u, v)); st(a + 16, imaginaryParts(u, v)); }
}
function storeColumns(a: usize, d: usize, s: usize, n: i32, scale: v128): void {
  for (let k = 0; k < n; k++, d += s, a += 32) putColumns(d, ld(a), ld(a + 16), scale);
}
function gather(p0: usize, p1: usize, p2: usize, p3: usize, s: usize, n: i32, a: usize): void {
  for (let k = 0; k < n; k++, a += 32) {
    const u = v128.load64_lane(p1, v128.load64_zero(p0), 1), v = v128.load64_lane(p3, v128.load64_zero(p2), 1);
    st(a, realParts(u, v)); st(a + 16, imaginaryParts(u, v));
    p0 += s; p1 += s; p2 += s; p3 += s;
  }
}
function scatter(a: usize, p0: usize, p1: usize, p2: usize, p3: usize, s: usize, n: i32, scale: v128, count: i32): void {
  for (let k = 0; k < n; k++, a += 32) {
    const re = mul(scale, ld(a)), im = mul(scale, ld(a + 16)), u = v128.shuffle<f32>(re, im, 0, 4, 1, 5), v = v128.shuffle<f32>(re, im, 2, 6, 3, 7);
    v128.store64_lane(p0, u, 0);
    if (count > 1) v128.store64_lane(p1, u, 1);
    if (count > 2) v128.store64_lane(p2, v, 0);
    if (count > 3) v128.store64_lane(p3, v, 1);
    p0 += s; p1 += s; p2 += s; p3 += s;
  }
}

/** One group of 4 or 8 adjacent columns whose plan starts with radix 4 and ends with 4 or 8: first and last pass on the data itself. */
function columnsFused(src: usize, dst: usize, s: usize, plan: usize, halves: i32, scale: v128, ws: usize): void {
  const n = <i32>word(plan, 0), q = n >> 2, sq: usize = <usize>q * s, inverse = word(plan, 3) != 0, count = <i32>word(plan, 2), size: usize = <usize>n << 5;
  const b0 = ws, apart: usize = 2 * size + 1024, b1 = ws + apart, o1: usize = inverse ? 96 : 32, o3: usize = inverse ? 32 : 96;
  let t = word(plan, 9), o = b0;
  for (let p = 0; p < q; p++, t += 24, o += 128) {
    const w1r = splatAt(t), w1i = splatAt(t, 4), w2r = splatAt(t, 8), w2i = splatAt(t, 12), w3r = splatAt(t, 16), w3i = splatAt(t, 20);
    let i = src + <usize>p * s, oh = o;
    for (let h = 0; h < halves; h++, i += 32, oh += apart) {
      let u = ld(i), v = ld(i + 16);
      const ar = realParts(u, v), ai = imaginaryParts(u, v); u = ld(i + sq); v = ld(i + sq + 16);
      const br = realParts(u, v), bi = imaginaryParts(u, v); u = ld(i + 2 * sq); v = ld(i + 2 * sq + 16);
      const cr = realParts(u, v), ci = imaginaryParts(u, v); u = ld(i + 3 * sq); v = ld(i + 3 * sq + 16);
      const dr = realParts(u, v), di = imaginaryParts(u, v);
      const s0r = add(ar, cr), s0i = add(ai, ci), s1r = sub(ar, cr), s1i = sub(ai, ci), s2r = add(br, dr), s2i = add(bi, di), s3r = sub(br, dr), s3i = sub(bi, di);
      put1(oh, add(s0r, s2r), add(s0i, s2i));
      put(oh + o1, add(s1r, s3i), sub(s1i, s3r), w1r, w1i);
      put(oh + 64, sub(s0r, s2r), sub(s0i, s2i), w2r, w2i);
      put(oh + o3, sub(s1r, s3i), add(s1i, s3r), w3r, w3i);
    }
  }
  for (let h = 0; h < halves; h++) {
    const b = h == 0 ? b0 : b1, x = passes(plan, b, b + size, 1, count - 1, 4);
    if (h == 0) o = x; else t = x;
  }
  if (<i32>word(plan, 8 + 3 * (count - 1)) == 8) {
    for (let h = 0; h < halves; h++) pass8Columns(h == 0 ? o : t, dst + (<usize>h << 5), n >> 3, inverse, s, scale);
    return;
  }
  const m: usize = n >> 2, row: usize = m << 5, far: usize = m * s, f1: usize = inverse ? 3 * far : far, f3: usize = inverse ? far : 3 * far;
  let y = dst;
  for (let j: usize = 0; j < m; j++, y += s) {
    for (let h = 0; h < halves; h++) {
      const i = (h == 0 ? o : t) + (j << 5), z = y + (<usize>h << 5);
      const ar = ld(i), ai = ld(i + 16), br = ld(i + row), bi = ld(i + row + 16), cr = ld(i + 2 * row), ci = ld(i + 2 * row + 16), dr = ld(i + 3 * row), di = ld(i + 3 * row + 16);
      const s0r = add(ar, cr), s0i = add(ai, ci), s1r = sub(ar, cr), s1i = sub(ai, ci), s2r = add(br, dr), s2i = add(bi, di), s3r = sub(br, dr), s3i = sub(bi, di);
      putColumns(z, add(s0r, s2r), add(s0i, s2i), scale);
      putColumns(z + f1, add(s1r, s3i), sub(s1i, s3r), scale);
      putColumns(z + 2 * far, sub(s0r, s2r), sub(s0i, s2i), scale);
      putColumns(z + f3, sub(s1r, s3i), add(s1i, s3r), scale);
    }
  }
}

/** Four lines that start at line l of [outer, n, inner] (fewer: the last one repeated), wherever they are. */
function fourLines(src: usize, dst: usize, n: i32, inner: i32, lines: i32, l: i32, plan: usize, scale: v128, ws: usize): void {
  const count = min(lines - l, 4), s: usize = <usize>inner << 3;
  const o0 = lineAt(l, n, inner), o1 = lineAt(min(l + 1, lines - 1), n, inner), o2 = lineAt(min(l + 2, lines - 1), n, inner), o3 = lineAt(min(l + 3, lines - 1), n, inner);
  gather(src + o0, src + o1, src + o2, src + o3, s, n, ws);
  scatter(lanes(plan, ws, ws + (word(plan, 1) << 5)), dst + o0, dst + o1, dst + o2, dst + o3, s, n, scale, count);
}
// @ts-ignore: decorator
@inline function lineAt(l: i32, n: i32, inner: i32): usize { return <usize>(l / inner * n * inner + l % inner) << 3; }

/**
 * Transform of [outer, n, inner] along its middle axis, times `scale`; src and dst may be the same.
 * Slabs: groups of lines. inner ≥ 4: ⌈inner / 8⌉ groups of adjacent columns for each outer index; otherwise ⌈outer · inner / 4⌉ groups.
 */
export function fftLines(src: usize, dst: usize, outer: i32, n: i32, inner: i32, plan: usize, scale: f32, ws: usize, g0: i32, g1: i32): void {
  const by = splat(scale), b: usize = ws + (word(plan, 1) << 5);
  if (inner < 4) {
    const s: usize = <usize>n << 3, lines = outer * inner;
    for (let g = g0; g < g1; g++) {
      const l = g << 2;
      if (inner > 1 || l + 4 > lines) fourLines(src, dst, n, inner, lines, l, plan, by, ws);
      else {
        loadRows(src + <usize>l * s, s, n, ws);
        storeRows(lanes(plan, ws, b), dst + <usize>l * s, s, n, by);
      }
    }
    return;
  }
  const s: usize = <usize>inner << 3, per = (inner + 7) >> 3, passCount = <i32>word(plan, 2), last = word(plan, 8 + 3 * (passCount - 1));
  const fused = word(plan, 4) == 0 && passCount > 1 && word(plan, 8) == 4 && (last == 4 || last == 8);
  for (let g = g0; g < g1; g++) {
    const o = g / per, c = (g - o * per) << 3, columns = min(8, inner - c), at: usize = <usize>(o * n * inner + c) << 3;
    const halves = columns >> 2;
    if (fused && halves > 0) columnsFused(src + at, dst + at, s, plan, halves, by, ws);
    else for (let h = 0; h < halves; h++) {
      loadColumns(src + at + (<usize>h << 5), s, n, ws);
      storeColumns(lanes(plan, ws, b), dst + at + (<usize>h << 5), s, n, by);
    }
    if ((columns & 3) != 0) fourLines(src, dst, n, inner, o * inner + c + columns, o * inner + c + (halves << 2), plan, by, ws);
  }
}

/** Transforms along both axes of planes [height, width] while a plane is in the cache: rows, then columns. Slabs: planes. */
export function fftPlanes(src: usize, dst: usize, height: i32, width: i32, planX: usize, planY: usize, scale: f32, ws: usize, p0: i32, p1: i32): void {
  const size: usize = <usize>height * width << 3;
  for (let p = p0; p < p1; p++) {
    fftLines(src + <usize>p * size, dst + <usize>p * size, height, width, 1, planX, 1, ws, 0, (height + 3) >> 2);
    fftLines(dst + <usize>p * size, dst + <usize>p * size, 1, height, width, planY, scale, ws, 0, width < 4 ? (width + 3) >> 2 : (width + 7) >> 3);
  }
}

/**
 * Real rows to half spectra: src [rows, n] → dst [rows, ⌊n/2⌋ + 1]. Even n: one transform of n/2 (plan) and a butterfly with the
 * roots e^(−2πi k/n), k ≤ n/2; odd n: a transform of n (plan). Slabs: groups of four rows.
 */
export function fftReal(src: usize, dst: usize, rows: i32, n: i32, plan: usize, roots: usize, scale: f32, ws: usize, g0: i32, g1: i32): void {
  const by = splat(scale), h = n >> 1, s: usize = <usize>n << 2, t: usize = <usize>(h + 1) << 3, b: usize = ws + (word(plan, 1) << 5), half = splat(0.5);
  for (let g = g0; g < g1; g++) {
    const l = g << 2, count = min(rows - l, 4);
    const l1 = min(l + 1, rows - 1), l2 = min(l + 2, rows - 1), l3 = min(l + 3, rows - 1);
    const p0 = src + <usize>l * s, p1 = src + <usize>l1 * s, p2 = src + <usize>l2 * s, p3 = src + <usize>l3 * s;
    const d0 = dst + <usize>l * t, d1 = dst + <usize>l1 * t, d2 = dst + <usize>l2 * t, d3 = dst + <usize>l3 * t;
    if ((n & 1) != 0) {
      for (let k: usize = 0, a = ws; k < <usize>n; k++, a += 32) put1(a, f32x4(load<f32>(p0 + (k << 2)), load<f32>(p1 + (k << 2)), load<f32>(p2 + (k << 2)), load<f32>(p3 + (k << 2))), splat(0));
      scatter(lanes(plan, ws, b), d0, d1, d2, d3, 8, h + 1, by, count);
      continue;
    }
    if (count == 4) loadRows(p0, s, h, ws); else gather(p0, p1, p2, p3, 8, h, ws);
    const x = lanes(plan, ws, b), y = x == ws ? b : ws;
    // y may reach one element over its buffer's end: into x[0], which is read first, or into the spare room behind both.
    // Z = E + i O, E and O the spectra of even and odd samples: X[k] = E[k] + wᵏ O[k]; k and h − k at once.
    const zr = ld(x), zi = ld(x + 16);
    put1(y, add(zr, zi), splat(0)); put1(y + (<usize>h << 5), sub(zr, zi), splat(0));
    for (let k = 1; k <= h - k; k++) {
      const i = x + (<usize>k << 5), j = x + (<usize>(h - k) << 5);
      const ar = ld(i), ai = ld(i + 16), cr = ld(j), ci = ld(j + 16);
      const er = mul(half, add(ar, cr)), ei = mul(half, sub(ai, ci)), or = mul(half, add(ai, ci)), oi = mul(half, sub(cr, ar));
      const wr = splatAt(roots + (<usize>k << 3)), wi = splatAt(roots + (<usize>k << 3), 4);
      const tr = fnma(oi, wi, mul(or, wr)), ti = fma(or, wi, mul(oi, wr));
      put1(y + (<usize>k << 5), add(er, tr), add(ei, ti));
      put1(y + (<usize>(h - k) << 5), sub(er, tr), sub(ti, ei));
    }
    if (count == 4) storeRows(y, d0, t, h + 1, by); else scatter(y, d0, d1, d2, d3, 8, h + 1, by, count);
  }
}

/** Half spectra to real rows: src [rows, ⌊n/2⌋ + 1] → dst [rows, n], unscaled inverse times `scale`. The imaginary parts of bins that are real by symmetry are not read. */
export function fftToReal(src: usize, dst: usize, rows: i32, n: i32, plan: usize, roots: usize, scale: f32, ws: usize, g0: i32, g1: i32): void {
  const by = splat(scale), h = n >> 1, s: usize = <usize>n << 2, t: usize = <usize>(h + 1) << 3, b: usize = ws + (max(word(plan, 1), <usize>h + 1) << 5);
  for (let g = g0; g < g1; g++) {
    const l = g << 2, count = min(rows - l, 4);
    const l1 = min(l + 1, rows - 1), l2 = min(l + 2, rows - 1), l3 = min(l + 3, rows - 1);
    const p0 = src + <usize>l * t, p1 = src + <usize>l1 * t, p2 = src + <usize>l2 * t, p3 = src + <usize>l3 * t;
    const d0 = dst + <usize>l * s, d1 = dst + <usize>l1 * s, d2 = dst + <usize>l2 * s, d3 = dst + <usize>l3 * s;
    if ((n & 1) != 0) {
      gather(p0, p1, p2, p3, 8, h + 1, ws);
      st(ws + 16, splat(0));
      for (let k = 1; k <= h; k++) { const i = ws + (<usize>k << 5), j = ws + (<usize>(n - k) << 5); put1(j, ld(i), f32x4.neg(ld(i + 16))); }
      let x = lanes(plan, ws, b);
      for (let k: usize = 0; k < <usize>n; k++, x += 32) {
        const v = mul(by, ld(x)), o = k << 2;
        v128.store32_lane(d0 + o, v, 0);
        if (count > 1) v128.store32_lane(d1 + o, v, 1);
        if (count > 2) v128.store32_lane(d2 + o, v, 2);
        if (count > 3) v128.store32_lane(d3 + o, v, 3);
      }
      continue;
    }
    if (count == 4) loadRows(p0, t, h + 1, b); else gather(p0, p1, p2, p3, 8, h + 1, b);
    // Z[k] = (X[k] + X*[h − k]) + i w⁻ᵏ (X[k] − X*[h − k]); w⁻ᵏ is the conjugate of the root.
    const xr = ld(b), yr = ld(b + (<usize>h << 5));
    put1(ws, add(xr, yr), sub(xr, yr));
    for (let k = 1; k <= h - k; k++) {
      const i = b + (<usize>k << 5), j = b + (<usize>(h - k) << 5);
      const ar = ld(i), ai = ld(i + 16), cr = ld(j), ci = ld(j + 16);
      const er = add(ar, cr), ei = sub(ai, ci), dr = sub(ar, cr), di = add(ai, ci);
      const wr = splatAt(roots + (<usize>k << 3)), wi = splatAt(roots + (<usize>k << 3), 4);
      const or = fma(di, wi, mul(dr, wr)), oi = fnma(dr, wi, mul(di, wr));
      put1(ws + (<usize>k << 5), sub(er, oi), add(ei, or));
      put1(ws + (<usize>(h - k) << 5), add(er, oi), sub(or, ei));
    }
    const x = lanes(plan, ws, b);
    if (count == 4) storeRows(x, d0, s, h, by); else scatter(x, d0, d1, d2, d3, 8, h, by, count);
  }
}
