import { add, fma, hsum, ld, mul, splat, st } from "./simd";
import { clearTiles, pack4, tile4x8 } from "./tile";

/** Depth of one block: a panel of B (8 KB) and a strip of A (4 KB) stay in the first-level cache. */
const depth: i32 = 256;
/** Rows and columns of one unit of work. */
const unitRows: i32 = 64;
const unitColumns: i32 = 512;

/**
 * Packs B [batch][K, N] (element (k, j) of item b at B + 4 (b·bs + k·br + j·bc)) into panels of eight columns, P [batch][⌈N/8⌉][K][8].
 * Columns past N hold copies or neighbours; nobody reads their products. Slabs: panels, b·⌈N/8⌉ + panel.
 */
export function gemmPack(B: usize, P: usize, K: i32, N: i32, bs: i32, br: i32, bc: i32, i0: i32, i1: i32): void {
  const panels = (N + 7) >> 3, bytes: usize = <usize>K << 5;
  for (let i = i0; i < i1; i++) {
    const j = (i % panels) << 3, from = B + (<usize>(i / panels) * bs << 2), to = P + <usize>i * bytes, last = min(j + 4, N - 1);
    pack4(from + (<usize>j * bc << 2), <usize>bc << 2, <usize>br << 2, min(N - j, 4), K, to, 32);
    pack4(from + (<usize>last * bc << 2), <usize>bc << 2, <usize>br << 2, max(1, min(N - last, 4)), K, to + 16, 32);
  }
}

/**
 * C = α A B + β C over a batch, B packed by `gemmPack` (an item of P is `ps` bytes, 0 repeats one), C rows contiguous.
 * Element (i, k) of item b of A at A + 4 (b·as + i·ar + k·ac). β = 0 does not read C.
 * Workspace: 64·256·4 + 128 bytes. Slabs: (b·⌈M/64⌉ + rows)·⌈N/512⌉ + columns.
 */
export function gemm(
  A: usize, P: usize, C: usize, M: i32, N: i32, K: i32, as_: i32, ar: i32, ac: i32, ps: usize, alpha: f32, beta: f32, ws: usize, i0: i32, i1: i32,
): void {
  const rows = (M + unitRows - 1) / unitRows, columns = (N + unitColumns - 1) / unitColumns;
  const tile = ws, strips = ws + 128, al = splat(alpha), be = splat(beta), row: usize = <usize>N << 2;
  for (let i = i0; i < i1; i++) {
    const b = i / (rows * columns), r0 = (i / columns) % rows * unitRows, j0 = i % columns * unitColumns;
    const r1 = min(r0 + unitRows, M), j1 = min(j0 + unitColumns, N);
    const from = A + (<usize>b * as_ << 2), panels = P + <usize>b * ps, out = C + <usize>b * M * row;
    for (let k0 = 0; k0 < K || k0 == 0; k0 += depth) {
      const n = min(depth, K - k0);
      for (let r = r0, q = strips; r < r1; r += 4, q += <usize>n << 4)
        pack4(from + ((<usize>r * ar + <usize>k0 * ac) << 2), <usize>ar << 2, <usize>ac << 2, min(4, M - r), n, q, 16);
      for (let j = j0; j < j1; j += 8) {
        const panel = panels + ((<usize>(j >> 3) * K + k0) << 5), width = min(8, j1 - j);
        for (let r = r0, q = strips; r < r1; r += 4, q += <usize>n << 4) {
          clearTiles(tile, 1);
          tile4x8(q, panel, n, tile);
          let c = out + <usize>r * row + (<usize>j << 2), t = tile;
          for (let l = min(4, r1 - r); l > 0; l--, c += row, t += 32) {
            if (width == 8) {
              let u = mul(al, ld(t)), v = mul(al, ld(t, 16));
              if (k0 > 0) { u = add(ld(c), u); v = add(ld(c, 16), v); }
              else if (beta != 0) { u = fma(be, ld(c), u); v = fma(be, ld(c, 16), v); }
              st(c, u); st(c + 16, v);
            } else
              for (let x: usize = 0; x < <usize>width << 2; x += 4) {
                let u = alpha * load<f32>(t + x);
                if (k0 > 0) u += load<f32>(c + x);
                else if (beta != 0) u += beta * load<f32>(c + x);
                store<f32>(c + x, u);
              }
          }
        }
      }
    }
  }
}

/**
 * y = α A x + β y over a batch: one column. Element (i, k) of A at A + 4 (b·as + i·ar + k·ac), x contiguous, an item every xs elements.
 * Runs of 1024 products in f32 lanes, their sums in f64. Slabs: groups of sixteen rows, b·⌈M/16⌉ + group. Workspace: 128 bytes.
 */
export function gemv(A: usize, x: usize, y: usize, M: i32, K: i32, as_: i32, ar: i32, ac: i32, xs: i32, alpha: f32, beta: f32, ws: usize, i0: i32, i1: i32): void {
  const groups = (M + 15) >> 4, next: usize = <usize>ac << 2;
  for (let i = i0; i < i1; i++) {
    const b = i / groups, r0 = (i % groups) << 4, rows = min(16, M - r0), v = x + (<usize>b * xs << 2);
    const from = A + ((<usize>b * as_ + <usize>r0 * ar) << 2), out = y + ((<usize>b * M + r0) << 2);
    if (ar == 1 && rows == 16) { // sixteen rows in the lanes, a cache line at a time
      memory.fill(ws, 0, 128);
      let p = from;
      for (let k0 = 0; k0 < K; k0 += 1024) {
        let s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0);
        for (let k = k0, k1 = min(K, k0 + 1024); k < k1; k++, p += next) {
          const w = v128.load32_splat(v + (<usize>k << 2));
          s0 = fma(w, ld(p), s0); s1 = fma(w, ld(p, 16), s1); s2 = fma(w, ld(p, 32), s2); s3 = fma(w, ld(p, 48), s3);
        }
        addTo(ws, s0); addTo(ws + 32, s1); addTo(ws + 64, s2); addTo(ws + 96, s3);
      }
      for (let r: usize = 0; r < 16; r++) finish(out + (r << 2), load<f64>(ws + (r << 3)), alpha, beta);
    } else
      for (let r = 0; r < rows; r++) {
        const p = from + (<usize>r * ar << 2);
        let s: f64 = 0, k = 0;
        if (ac == 1)
          for (; k + 8 <= K; ) {
            let u = splat(0), w = splat(0);
            for (const stop = min(K - 7, k + 1024); k < stop; k += 8) {
              const at: usize = <usize>k << 2;
              u = fma(ld(p + at), ld(v + at), u); w = fma(ld(p + at, 16), ld(v + at, 16), w);
            }
            s += <f64>hsum(add(u, w));
          }
        for (; k < K; k++) s += <f64>load<f32>(p + (<usize>k * ac << 2)) * <f64>load<f32>(v + (<usize>k << 2));
        finish(out + (<usize>r << 2), s, alpha, beta);
      }
  }
}
/** Adds four lanes to four f64. */
// @ts-ignore: decorator
@inline function addTo(at: usize, v: v128): void {
  v128.store(at, f64x2.add(v128.load(at), f64x2.promote_low_f32x4(v)));
  v128.store(at + 16, f64x2.add(v128.load(at, 16), f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3))));
}
// @ts-ignore: decorator
@inline function finish(at: usize, sum: f64, alpha: f32, beta: f32): void {
  store<f32>(at, beta != 0 ? <f32>(<f64>alpha * sum + <f64>beta * <f64>load<f32>(at)) : <f32>(<f64>alpha * sum));
}
