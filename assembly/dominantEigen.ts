import { fma, fnma, ld, mul, splat, st } from "./simd";

/**
 * For each of n pixels, the eigenvector of the largest eigenvalue of a Hermitian k×k matrix, by the power method from a fixed start.
 * matrix: planes of interleaved complex numbers [k(k+1)/2, n], the upper triangle row by row. vector: planes [k, n], of length 1;
 * value: [n]. Four pixels at once. Workspace: dominantEigenWorkspace(k). Slabs: pixels.
 */
export function dominantEigenWorkspace(k: i32): i32 { return (k * (k + 1) / 2 + 2 * k) << 5; }
// @ts-ignore: decorator
@inline function loadLane(p: usize, o: usize, lane: i32): void { store<f32>(o + (<usize>lane << 2), load<f32>(p)); store<f32>(o + 16 + (<usize>lane << 2), load<f32>(p + 4)); }

export function dominantEigen(matrix: usize, vector: usize, value: usize, start: usize, k: i32, n: i32, iterations: i32, ws: usize, i0: i32, i1: i32): void {
  const pairs = k * (k + 1) / 2, plane: usize = <usize>n << 3, a = ws, x = ws + (<usize>pairs << 5), y = x + (<usize>k << 5);
  for (let i = i0; i < i1; i += 4) {
    const count = min(4, i1 - i), at: usize = <usize>i << 3;
    for (let q = 0; q < pairs; q++) {
      const p = matrix + <usize>q * plane + at, o = a + (<usize>q << 5);
      if (count == 4) {
        const u = ld(p), v = ld(p, 16);
        st(o, v128.shuffle<f32>(u, v, 0, 2, 4, 6)); st(o + 16, v128.shuffle<f32>(u, v, 1, 3, 5, 7));
      } else {
        st(o, splat(0)); st(o + 16, splat(0));
        for (let l = 0; l < count; l++) loadLane(p + (<usize>l << 3), o, l);
      }
    }
    for (let c = 0; c < k; c++) { st(x + (<usize>c << 5), v128.load32_splat(start + (<usize>c << 3))); st(x + (<usize>c << 5) + 16, v128.load32_splat(start + (<usize>c << 3) + 4)); }
    let size = splat(0);
    for (let t = 0; t < iterations; t++) {
      for (let c = 0; c < k; c++) { st(y + (<usize>c << 5), splat(0)); st(y + (<usize>c << 5) + 16, splat(0)); }
      let q = a;
      for (let c = 0; c < k; c++) {
        const xc = x + (<usize>c << 5), yc = y + (<usize>c << 5), xr = ld(xc), xi = ld(xc, 16);
        const d0 = ld(q); // the diagonal is real
        let sr = fma(d0, xr, ld(yc)), si = fma(d0, xi, ld(yc, 16));
        q += 32;
        for (let d = c + 1; d < k; d++, q += 32) {
          const ar = ld(q), ai = ld(q, 16), xd = x + (<usize>d << 5), yd = y + (<usize>d << 5), ur = ld(xd), ui = ld(xd, 16);
          sr = fnma(ai, ui, fma(ar, ur, sr)); si = fma(ai, ur, fma(ar, ui, si));
          st(yd, fma(ai, xi, fma(ar, xr, ld(yd)))); st(yd + 16, fnma(ai, xr, fma(ar, xi, ld(yd, 16))));
        }
        st(yc, sr); st(yc + 16, si);
      }
      let norm = splat(0);
      for (let c = 0; c < k; c++) { const yr = ld(y + (<usize>c << 5)), yi = ld(y + (<usize>c << 5) + 16); norm = fma(yr, yr, fma(yi, yi, norm)); }
      size = f32x4.sqrt(norm);
      const by = f32x4.div(splat(1), f32x4.pmax(size, splat(1e-30)));
      for (let c = 0; c < k; c++) { const o = <usize>c << 5; st(x + o, mul(by, ld(y + o))); st(x + o + 16, mul(by, ld(y + o + 16))); }
    }
    for (let c = 0; c < k; c++) {
      const xr = ld(x + (<usize>c << 5)), xi = ld(x + (<usize>c << 5) + 16), o = vector + <usize>c * plane + at;
      const u = v128.shuffle<f32>(xr, xi, 0, 4, 1, 5), v = v128.shuffle<f32>(xr, xi, 2, 6, 3, 7);
      v128.store64_lane(o, u, 0);
      if (count > 1) v128.store64_lane(o + 8, u, 1);
      if (count > 2) v128.store64_lane(o + 16, v, 0);
      if (count > 3) v128.store64_lane(o + 24, v, 1);
    }
    const o = value + (<usize>i << 2);
    v128.store32_lane(o, size, 0);
    if (count > 1) v128.store32_lane(o + 4, size, 1);
    if (count > 2) v128.store32_lane(o + 8, size, 2);
    if (count > 3) v128.store32_lane(o + 12, size, 3);
  }
}
