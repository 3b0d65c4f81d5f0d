import { add, fma, ld, splat, st } from "./simd";

/**
 * Local correlations:  P[t, s] += Σ_c Σ_{p in tile t} a_c(p) b_c(p + s),  s = (z, y, x), |z| ≤ rz, |y|, |x| ≤ r.
 * a: [channels, D, H, W]; b: the same with a rim of rz planes and r rows and columns on every side; out: [tiles, (2rz + 1), (2r + 1), S],
 * S = 2r + 1 rounded up to a multiple of 4 (the lanes behind 2r hold nothing of use), zero before. Tiles are g samples along x and y and gz
 * along z, x fastest. Four shifts along x share a vector; a value of a is loaded once for sixteen of them. Slabs: rows of tiles.
 */
export function tileProducts(a: usize, b: usize, out: usize, channels: i32, D: i32, H: i32, W: i32, gz: i32, g: i32, rz: i32, r: i32, i0: i32, i1: i32): void {
  const columns = (W + g - 1) / g, rows = (H + g - 1) / g;
  const side = 2 * r + 1, S = (side + 3) & ~3, deep = 2 * rz + 1;
  const WB = W + 2 * r, HB = H + 2 * r, DB = D + 2 * rz;
  const block = <usize>(deep * side * S) << 2;
  for (let i = i0; i < i1; i++) {
    const tz = i / rows, ty = i % rows;
    const z1 = min(D, (tz + 1) * gz), y1 = min(H, (ty + 1) * g);
    for (let c = 0; c < channels; c++)
      for (let z = tz * gz; z < z1; z++)
        for (let y = ty * g; y < y1; y++) {
          const row = a + (<usize>((c * D + z) * H + y) * <usize>W << 2);
          for (let tx = 0; tx < columns; tx++) {
            const x0 = tx * g, n = min(W, x0 + g) - x0;
            const p = row + (<usize>x0 << 2);
            let any: f32 = 0;
            for (let x = 0; x < n; x++) any += abs(load<f32>(p + (<usize>x << 2)));
            if (any == 0) continue;
            let o = out + (<usize>i * <usize>columns + <usize>tx) * block;
            for (let sz = 0; sz < deep; sz++)
              for (let sy = 0; sy < side; sy++) {
                const q0 = b + (<usize>(((c * DB + z + sz) * HB + y + sy) * WB + x0) << 2);
                let s = 0;
                for (; s + 16 <= S; s += 16) {
                  let v0 = ld(o), v1 = ld(o + 16), v2 = ld(o + 32), v3 = ld(o + 48);
                  let q = q0 + (<usize>s << 2);
                  for (let x = 0; x < n; x++, q += 4) {
                    const w = splat(load<f32>(p + (<usize>x << 2)));
                    v0 = fma(w, ld(q), v0); v1 = fma(w, ld(q + 16), v1);
                    v2 = fma(w, ld(q + 32), v2); v3 = fma(w, ld(q + 48), v3);
                  }
                  st(o, v0); st(o + 16, v1); st(o + 32, v2); st(o + 48, v3);
                  o += 64;
                }
                for (; s < S; s += 4) {
                  let v = ld(o), u = splat(0);
                  let q = q0 + (<usize>s << 2);
                  let x = 0;
                  for (; x + 2 <= n; x += 2, q += 8) {
                    v = fma(splat(load<f32>(p + (<usize>x << 2))), ld(q), v);
                    u = fma(splat(load<f32>(p + (<usize>x << 2), 4)), ld(q + 4), u);
                  }
                  if (x < n) v = fma(splat(load<f32>(p + (<usize>x << 2))), ld(q), v);
                  st(o, add(u, v));
                  o += 16;
                }
              }
          }
        }
  }
}
