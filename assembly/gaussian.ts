import { add, fma, ld, mul, splat, st } from "./simd";

/**
 * Separable symmetric filter (Gaussian), one fused pass: y into a padded row, x into a ring of strips, z out of the ring.
 * in, out [C, D, H, W], out ≠ in. For each axis a table w of 2(R + 1) floats: weights w₀ … w_R, then tails Tᵢ = Σ_{k≥i} w_k; R = 0 skips the axis.
 * mode 0: border values repeat; 1: zeros outside; 2: the adjoint of mode 0 (zeros outside, and what leaves at an end is added to the end sample).
 * Slabs: strips of `rows` rows over all z, i = c·⌈H / rows⌉ + strip. Strips share no work, so cutting finely costs only input rows read twice.
 */
// ---- one output row from 2R + 1 rows behind pointers; R constant at compile time: pointers and weights stay in registers ----
// @ts-ignore: decorator
@inline function columns(R: i32, mid: usize, e: usize, out: usize, w: usize): void {
  const c = <usize>load<u32>(mid), w0 = v128.load32_splat(w), w1 = v128.load32_splat(w, 4);
  const a1 = <usize>load<u32>(mid - 4), b1 = <usize>load<u32>(mid, 4);
  let a2 = c, b2 = c, a3 = c, b3 = c, a4 = c, b4 = c, a5 = c, b5 = c, a6 = c, b6 = c, a7 = c, b7 = c, a8 = c, b8 = c;
  let w2 = w0, w3 = w0, w4 = w0, w5 = w0, w6 = w0, w7 = w0, w8 = w0;
  if (R >= 2) { a2 = <usize>load<u32>(mid - 8); b2 = <usize>load<u32>(mid, 8); w2 = v128.load32_splat(w, 8); }
  if (R >= 3) { a3 = <usize>load<u32>(mid - 12); b3 = <usize>load<u32>(mid, 12); w3 = v128.load32_splat(w, 12); }
  if (R >= 4) { a4 = <usize>load<u32>(mid - 16); b4 = <usize>load<u32>(mid, 16); w4 = v128.load32_splat(w, 16); }
  if (R >= 5) { a5 = <usize>load<u32>(mid - 20); b5 = <usize>load<u32>(mid, 20); w5 = v128.load32_splat(w, 20); }
  if (R >= 6) { a6 = <usize>load<u32>(mid - 24); b6 = <usize>load<u32>(mid, 24); w6 = v128.load32_splat(w, 24); }
  if (R >= 7) { a7 = <usize>load<u32>(mid - 28); b7 = <usize>load<u32>(mid, 28); w7 = v128.load32_splat(w, 28); }
  if (R >= 8) { a8 = <usize>load<u32>(mid - 32); b8 = <usize>load<u32>(mid, 32); w8 = v128.load32_splat(w, 32); }
  const last = e - 16;
  let x: usize = 0;
  do {
    let s = mul(w0, ld(c + x)), t = mul(w1, add(ld(a1 + x), ld(b1 + x)));
    if (R >= 2) s = fma(w2, add(ld(a2 + x), ld(b2 + x)), s);
    if (R >= 3) t = fma(w3, add(ld(a3 + x), ld(b3 + x)), t);
    if (R >= 4) s = fma(w4, add(ld(a4 + x), ld(b4 + x)), s);
    if (R >= 5) t = fma(w5, add(ld(a5 + x), ld(b5 + x)), t);
    if (R >= 6) s = fma(w6, add(ld(a6 + x), ld(b6 + x)), s);
    if (R >= 7) t = fma(w7, add(ld(a7 + x), ld(b7 + x)), t);
    if (R >= 8) s = fma(w8, add(ld(a8 + x), ld(b8 + x)), s);
    st(out + x, add(s, t));
    x += 16;
    if (x > last && x < e) x = last; // the last group overlaps its left neighbour
  } while (x < e);
}
/** Any radius: two groups at a time share a weight. */
function columnsAny(R: i32, mid: usize, e: usize, out: usize, w: usize): void {
  const c = <usize>load<u32>(mid), w0 = v128.load32_splat(w), last = e - 16;
  let x: usize = 0;
  for (; x + 32 <= e; x += 32) {
    let s = mul(w0, ld(c + x)), t = mul(w0, v128.load(c + x, 16));
    for (let k: usize = 4; k <= <usize>R << 2; k += 4) {
      const wk = v128.load32_splat(w + k), a = <usize>load<u32>(mid - k) + x, b = <usize>load<u32>(mid + k) + x;
      s = fma(wk, add(ld(a), ld(b)), s);
      t = fma(wk, add(v128.load(a, 16), v128.load(b, 16)), t);
    }
    st(out + x, s);
    v128.store(out + x, t, 16);
  }
  while (x < e) {
    if (x > last) x = last;
    let s = mul(w0, ld(c + x));
    for (let k: usize = 4; k <= <usize>R << 2; k += 4) s = fma(v128.load32_splat(w + k), add(ld(<usize>load<u32>(mid - k) + x), ld(<usize>load<u32>(mid + k) + x)), s);
    st(out + x, s);
    x += 16;
  }
}
function filterColumns(R: i32, mid: usize, e: usize, out: usize, w: usize): void {
  switch (R) {
    case 1: columns(1, mid, e, out, w); break;
    case 2: columns(2, mid, e, out, w); break;
    case 3: columns(3, mid, e, out, w); break;
    case 4: columns(4, mid, e, out, w); break;
    case 5: columns(5, mid, e, out, w); break;
    case 6: columns(6, mid, e, out, w); break;
    case 7: columns(7, mid, e, out, w); break;
    case 8: columns(8, mid, e, out, w); break;
    default: columnsAny(R, mid, e, out, w);
  }
}
/** out = Σᵢ tᵢ rowᵢ, i = 0 … n − 1: the end sample of the adjoint. step: distance of the rows, either sign. */
function tailColumns(row: usize, step: isize, n: i32, e: usize, out: usize, t: usize): void {
  const last = e - 16;
  for (let x: usize = 0; x < e; x += 16) {
    if (x > last) x = last;
    let s = splat(0), p = row + x;
    for (let i = 0; i < n; i++, p += step) s = fma(v128.load32_splat(t + (<usize>i << 2)), ld(p), s);
    st(out + x, s);
  }
}

// ---- along a padded row; l = the first sample − 8 floats, so that every tap is a constant offset ----
// @ts-ignore: decorator
@inline function along(R: i32, row: usize, e: usize, out: usize, w: usize): void {
  const w0 = v128.load32_splat(w), w1 = v128.load32_splat(w, 4), l = row - 32, last = e - 16;
  let w2 = w0, w3 = w0, w4 = w0, w5 = w0, w6 = w0, w7 = w0, w8 = w0;
  if (R >= 2) w2 = v128.load32_splat(w, 8);
  if (R >= 3) w3 = v128.load32_splat(w, 12);
  if (R >= 4) w4 = v128.load32_splat(w, 16);
  if (R >= 5) w5 = v128.load32_splat(w, 20);
  if (R >= 6) w6 = v128.load32_splat(w, 24);
  if (R >= 7) w7 = v128.load32_splat(w, 28);
  if (R >= 8) w8 = v128.load32_splat(w, 32);
  let x: usize = 0;
  do {
    const q = l + x;
    let s = mul(w0, v128.load(q, 32)), t = mul(w1, add(v128.load(q, 28), v128.load(q, 36)));
    if (R >= 2) s = fma(w2, add(v128.load(q, 24), v128.load(q, 40)), s);
    if (R >= 3) t = fma(w3, add(v128.load(q, 20), v128.load(q, 44)), t);
    if (R >= 4) s = fma(w4, add(v128.load(q, 16), v128.load(q, 48)), s);
    if (R >= 5) t = fma(w5, add(v128.load(q, 12), v128.load(q, 52)), t);
    if (R >= 6) s = fma(w6, add(v128.load(q, 8), v128.load(q, 56)), s);
    if (R >= 7) t = fma(w7, add(v128.load(q, 4), v128.load(q, 60)), t);
    if (R >= 8) s = fma(w8, add(v128.load(q), v128.load(q, 64)), s);
    st(out + x, add(s, t));
    x += 16;
    if (x > last && x < e) x = last;
  } while (x < e);
}
function alongAny(R: i32, row: usize, e: usize, out: usize, w: usize): void {
  const w0 = v128.load32_splat(w), last = e - 16;
  let x: usize = 0;
  for (; x + 32 <= e; x += 32) {
    const q = row + x;
    let s = mul(w0, ld(q)), t = mul(w0, v128.load(q, 16));
    for (let k: usize = 4; k <= <usize>R << 2; k += 4) {
      const wk = v128.load32_splat(w + k);
      s = fma(wk, add(ld(q - k), ld(q + k)), s);
      t = fma(wk, add(v128.load(q - k, 16), v128.load(q + k, 16)), t);
    }
    st(out + x, s);
    v128.store(out + x, t, 16);
  }
  while (x < e) {
    if (x > last) x = last;
    const q = row + x;
    let s = mul(w0, ld(q));
    for (let k: usize = 4; k <= <usize>R << 2; k += 4) s = fma(v128.load32_splat(w + k), add(ld(q - k), ld(q + k)), s);
    st(out + x, s);
    x += 16;
  }
}
function filterAlong(R: i32, row: usize, e: usize, out: usize, w: usize): void {
  switch (R) {
    case 1: along(1, row, e, out, w); break;
    case 2: along(2, row, e, out, w); break;
    case 3: along(3, row, e, out, w); break;
    case 4: along(4, row, e, out, w); break;
    case 5: along(5, row, e, out, w); break;
    case 6: along(6, row, e, out, w); break;
    case 7: along(7, row, e, out, w); break;
    case 8: along(8, row, e, out, w); break;
    default: alongAny(R, row, e, out, w);
  }
}

/** Bytes of workspace for one thread. */
export function gaussian3Workspace(D: i32, H: i32, W: i32, rows: i32, Rz: i32, Ry: i32, Rx: i32): i32 {
  const strip = ((min(rows, H) * W * 4 + 63) & ~63) + 64, R = max(Rz, Ry);
  return ((8 * R + 4 + 63) & ~63) + (((W + 2 * max(Rx, 8)) * 4 + 63) & ~63) + 192 + strip * (1 + min(2 * Rz + 1, D));
}

export function gaussian3(
  inp: usize, out: usize, D: i32, H: i32, W: i32, rows: i32, wz: usize, Rz: i32, wy: usize, Ry: i32, wx: usize, Rx: i32, mode: i32,
  ws: usize, i0: i32, i1: i32,
): void {
  const rb: usize = <usize>W << 2, h: usize = rb * H, wide = (rb + 15) & ~15;
  const strips = (H + rows - 1) / rows, K = min(2 * Rz + 1, D);
  const strip: usize = ((<usize>min(rows, H) * rb + 63) & ~63) + 64, R = max(Rz, Ry), pad = max(Rx, 8);
  const table = ws, small = table + ((8 * R + 4 + 63) & ~63), row = small + 64 + (<usize>pad << 2);
  const zeros = small + 128 + ((rb + (<usize>pad << 3) + 63) & ~63), ring = zeros + strip;
  if (mode != 0) memory.fill(zeros, 0, strip);
  for (let i = i0; i < i1; i++) {
    const y0 = (i % strips) * rows, y1 = min(H, y0 + rows), e: usize = <usize>(y1 - y0) * rb;
    const image = inp + <usize>(i / strips) * D * h, result = out + <usize>(i / strips) * D * h + <usize>y0 * rb;
    let next = 0; // first plane not yet in the ring
    for (let z = 0; z < D; z++) {
      for (; next < D && next <= z + Rz; next++) {
        const plane = image + <usize>next * h;
        let o = Rz > 0 ? ring + <usize>(next % K) * strip : result + <usize>next * h;
        for (let y = y0; y < y1; y++, o += rb) {
          // y, into the padded row
          const mid = table + (<usize>Ry << 2);
          if (Ry == 0) memory.copy(row, plane + <usize>y * rb, rb);
          else if (mode == 2 && (y == 0 || y == H - 1)) {
            tailColumns(plane + <usize>y * rb, y == 0 ? <isize>rb : -<isize>rb, min(Ry + 1, H), wide, row, wy + (<usize>(Ry + 1) << 2));
          } else {
            for (let k = -Ry; k <= Ry; k++) {
              const v = y + k, inside = v >= 0 && v < H;
              store<u32>(mid + (<usize>k << 2), <u32>(mode != 0 && !inside ? zeros : plane + <usize>(inside ? v : v < 0 ? 0 : H - 1) * rb));
            }
            filterColumns(Ry, mid, wide, row, wy);
          }
          // x, into the ring or out
          if (Rx == 0) { memory.copy(o, row, rb); continue; }
          const left: f32 = mode == 0 ? load<f32>(row) : 0, right: f32 = mode == 0 ? load<f32>(row + rb - 4) : 0;
          for (let k: usize = 4; k <= <usize>Rx << 2; k += 4) {
            store<f32>(row - k, left);
            store<f32>(row + rb - 4 + k, right);
          }
          if (Rz > 0) filterAlong(Rx, row, wide, o, wx); // what is written past the row is overwritten by the next one
          else if (rb >= 16) filterAlong(Rx, row, rb, o, wx);
          else {
            filterAlong(Rx, row, 16, small, wx);
            memory.copy(o, small, rb);
          }
          if (mode == 2) {
            const t = wx + (<usize>(Rx + 1) << 2), n = min(Rx + 1, W);
            let a: f32 = 0, b: f32 = 0;
            for (let k = 0; k < n; k++) {
              const v = load<f32>(t + (<usize>k << 2));
              a += v * load<f32>(row + (<usize>k << 2));
              b += v * load<f32>(row + rb - 4 - (<usize>k << 2));
            }
            store<f32>(o, a);
            store<f32>(o + rb - 4, b);
          }
        }
      }
      if (Rz == 0) continue;
      // z, out of the ring
      const to = result + <usize>z * h, o = e >= 16 ? to : small, n: usize = e >= 16 ? e : 16, mid = table + (<usize>Rz << 2);
      if (mode == 2 && (z == 0 || z == D - 1)) {
        // The ring goes round, so the planes come one at a time.
        const t = wz + (<usize>(Rz + 1) << 2), m = min(Rz + 1, D);
        for (let x: usize = 0; x < n; x += 16) {
          if (x > n - 16) x = n - 16;
          let s = splat(0);
          for (let k = 0; k < m; k++) s = fma(v128.load32_splat(t + (<usize>k << 2)), ld(ring + <usize>((z == 0 ? k : z - k) % K) * strip + x), s);
          st(o + x, s);
        }
      } else {
        for (let k = -Rz; k <= Rz; k++) {
          const v = z + k, inside = v >= 0 && v < D;
          store<u32>(mid + (<usize>k << 2), <u32>(mode != 0 && !inside ? zeros : ring + <usize>((inside ? v : v < 0 ? 0 : D - 1) % K) * strip));
        }
        filterColumns(Rz, mid, n, o, wz);
      }
      if (e < 16) memory.copy(to, small, e);
    }
  }
}
