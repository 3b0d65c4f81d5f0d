import { fma, ld, splat, st } from "./simd";

/**
 * The micro-kernel of matrix products and convolutions: acc[4][8] += Σₖ a[k][4] ⊗ b[k][8] for k < n, all packed and contiguous.
 * Eight accumulators, two loads and four splats for every eight products: larger tiles spill registers in V8.
 */
export function tile4x8(a: usize, b: usize, n: i32, acc: usize): void {
  let a0 = ld(acc), a1 = ld(acc, 16), b0 = ld(acc, 32), b1 = ld(acc, 48), c0 = ld(acc, 64), c1 = ld(acc, 80), d0 = ld(acc, 96), d1 = ld(acc, 112);
  for (const end = b + (<usize>n << 5); b < end; b += 32, a += 16) {
    const u = ld(b), v = ld(b, 16);
    let w = v128.load32_splat(a);
    a0 = fma(w, u, a0); a1 = fma(w, v, a1);
    w = v128.load32_splat(a, 4);
    b0 = fma(w, u, b0); b1 = fma(w, v, b1);
    w = v128.load32_splat(a, 8);
    c0 = fma(w, u, c0); c1 = fma(w, v, c1);
    w = v128.load32_splat(a, 12);
    d0 = fma(w, u, d0); d1 = fma(w, v, d1);
  }
  st(acc, a0); st(acc + 16, a1); st(acc + 32, b0); st(acc + 48, b1); st(acc + 64, c0); st(acc + 80, c1); st(acc + 96, d0); st(acc + 112, d1);
}

/**
 * The same for rows that serve three neighbouring taps: acc[4][8] += Σᵣ Σ_{t<3} a[r][t][4] ⊗ b[r][t … t + 7], rows of twelve floats.
 * A third of the panel, half of the packing.
 */
export function tile4x8by3(a: usize, b: usize, rows: i32, acc: usize): void {
  let a0 = ld(acc), a1 = ld(acc, 16), b0 = ld(acc, 32), b1 = ld(acc, 48), c0 = ld(acc, 64), c1 = ld(acc, 80), d0 = ld(acc, 96), d1 = ld(acc, 112);
  // Three times one body: unrolled it spills.
  for (const end = b + <usize>rows * 48; b < end; b += 36)
    for (const last = b + 12; b < last; b += 4, a += 16) {
      const u = ld(b), v = ld(b, 16);
      let w = v128.load32_splat(a);
      a0 = fma(w, u, a0); a1 = fma(w, v, a1);
      w = v128.load32_splat(a, 4);
      b0 = fma(w, u, b0); b1 = fma(w, v, b1);
      w = v128.load32_splat(a, 8);
      c0 = fma(w, u, c0); c1 = fma(w, v, c1);
      w = v128.load32_splat(a, 12);
      d0 = fma(w, u, d0); d1 = fma(w, v, d1);
    }
  st(acc, a0); st(acc + 16, a1); st(acc + 32, b0); st(acc + 48, b1); st(acc + 64, c0); st(acc + 80, c1); st(acc + 96, d0); st(acc + 112, d1);
}

/** Transposes the 4×4 block of vectors a, b, c, d into four stores `step` bytes apart. */
// @ts-ignore: decorator
@inline export function transposeStore(a: v128, b: v128, c: v128, d: v128, to: usize, step: usize): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cd2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  st(to, v128.shuffle<f64>(ab, cd, 0, 2)); st(to + step, v128.shuffle<f64>(ab, cd, 1, 3));
  st(to + 2 * step, v128.shuffle<f64>(ab2, cd2, 0, 2)); st(to + 3 * step, v128.shuffle<f64>(ab2, cd2, 1, 3));
}

/**
 * Packs four lanes of n elements: to[k·step + 4 l] = from[l·lane + k·next] (bytes), lanes from `lanes` on repeat the last one.
 * Unit steps along k or along the lanes run four at a time.
 */
export function pack4(from: usize, lane: usize, next: usize, lanes: i32, n: i32, to: usize, step: usize): void {
  const p0 = from, p1 = from + lane * <usize>min(1, lanes - 1), p2 = from + lane * <usize>min(2, lanes - 1), p3 = from + lane * <usize>min(3, lanes - 1);
  let k = 0;
  if (lane == 4) {
    for (; k < n; k++, from += next, to += step) st(to, ld(from));
    return;
  }
  let at: usize = 0;
  if (next == 4) {
    const four = step << 2;
    for (; k + 4 <= n; k += 4, at += 16, to += four) transposeStore(ld(p0 + at), ld(p1 + at), ld(p2 + at), ld(p3 + at), to, step);
  }
  for (; k < n; k++, at += next, to += step) {
    store<f32>(to, load<f32>(p0 + at)); store<f32>(to, load<f32>(p1 + at), 4);
    store<f32>(to, load<f32>(p2 + at), 8); store<f32>(to, load<f32>(p3 + at), 12);
  }
}

/** Zeroes `count` tiles of 4×8 floats. */
export function clearTiles(acc: usize, count: i32): void {
  const zero = splat(0);
  for (const end = acc + (<usize>count << 7); acc < end; acc += 16) st(acc, zero);
}
