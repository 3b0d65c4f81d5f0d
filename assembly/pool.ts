import { add, ld, mul, splat, st } from "./simd";

/**
 * Pooling over windows of the last three axes, p·stride − padding … + kernel − 1, cut at the border; every window touches the input.
 * The geometry is a block of 32-bit integers: D H W · OD OH OW · KD KH KW · SZ SY SX · PZ PY PX.
 */
// @ts-ignore: decorator
@inline function at(G: usize, i: i32): i32 { return load<i32>(G + (<usize>i << 2)); }
const D = 0, H = 1, W = 2, OD = 3, OH = 4, OW = 5, KD = 6, KH = 7, KW = 8, SZ = 9, SY = 10, SX = 11, PZ = 12, PY = 13, PX = 14;

/** Largest value and its place in the plane; the first among equals, NaN wins. Slabs: output rows, (plane·OD + z)·OH + y. */
export function maxPool(x: usize, out: usize, indices: usize, G: usize, r0: i32, r1: i32): void {
  const h = at(G, H), w = at(G, W), d = at(G, D), od = at(G, OD), oh = at(G, OH), ow = at(G, OW), kw = at(G, KW), sx = at(G, SX), px = at(G, PX);
  const plain = sx <= 2 && kw <= 16;
  for (let r = r0; r < r1; r++) {
    const first = r / oh % od * at(G, SZ) - at(G, PZ), z0 = max(0, first), z1 = min(d, first + at(G, KD));
    const top = r % oh * at(G, SY) - at(G, PY), y0 = max(0, top), y1 = min(h, top + at(G, KH));
    const plane = x + (<usize>(r / oh / od) * (d * h * w) << 2);
    const o = out + (<usize>r * ow << 2), k = indices + (<usize>r * ow << 2);
    let c = 0;
    for (; c < ow; c++) {
      const left = c * sx - px;
      if (plain && left >= 0 && c + 4 <= ow && left + 3 * sx + kw <= w) { // four windows at once, all inside the row
        let best = splat(-Infinity), where = i32x4.splat(-1);
        for (let z = z0; z < z1; z++)
          for (let y = y0; y < y1; y++) {
            const i = (z * h + y) * w + left;
            let p = plane + (<usize>i << 2), place = i32x4.add(i32x4.splat(i), i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(sx)));
            for (let t = 0; t < kw; t++, p += 4, place = i32x4.add(place, i32x4.splat(1))) {
              const v = sx == 1 ? ld(p) : v128.shuffle<f32>(ld(p), ld(p, 16), 0, 2, 4, 6);
              // Not (v ≤ best), unless best is NaN already: larger or NaN. Nothing is chosen yet where `where` is −1.
              const better = v128.or(v128.andnot(f32x4.eq(best, best), f32x4.le(v, best)), i32x4.lt_s(where, i32x4.splat(0)));
              best = v128.bitselect(v, best, better);
              where = v128.bitselect(place, where, better);
            }
          }
        st(o + (<usize>c << 2), best);
        st(k + (<usize>c << 2), where);
        c += 3;
        continue;
      }
      const x0 = max(0, left), x1 = min(w, left + kw);
      let best: f32 = -Infinity, where = -1;
      for (let z = z0; z < z1; z++)
        for (let y = y0; y < y1; y++)
          for (let i = (z * h + y) * w + x0, end = i + x1 - x0; i < end; i++) {
            const v = load<f32>(plane + (<usize>i << 2));
            if (where < 0 || v > best || (v != v && best == best)) { best = v; where = i; }
          }
      store<f32>(o + (<usize>c << 2), best);
      store<i32>(k + (<usize>c << 2), where);
    }
  }
}

/** out[o] = x[indices[o]] within the plane of o: n inputs, m outputs a plane. Slabs: outputs of all planes. */
export function poolGather(x: usize, indices: usize, out: usize, n: i32, m: i32, i0: i32, i1: i32): void {
  for (let i = i0; i < i1; ) {
    const plane = i / m, from = x + (<usize>plane * n << 2), end = min(i1, (plane + 1) * m);
    for (; i < end; i++) {
      const j: usize = <usize>i << 2;
      store<f32>(out + j, load<f32>(from + (<usize>load<i32>(indices + j) << 2)));
    }
  }
}

/**
 * Its adjoint: gx[i] = Σ g[o] over the windows of i's plane with index i. Each input row collects, in order, from the output rows
 * whose windows reach it. Slabs: input rows, (plane·D + z)·H + y.
 */
export function poolScatter(g: usize, indices: usize, gx: usize, G: usize, r0: i32, r1: i32): void {
  const h = at(G, H), w = at(G, W), d = at(G, D), od = at(G, OD), oh = at(G, OH), ow = at(G, OW), sz = at(G, SZ), sy = at(G, SY);
  for (let r = r0; r < r1; r++) {
    const y = r % h, z = r / h % d, plane = r / h / d, base = (z * h + y) * w;
    const row = gx + (<usize>r * w << 2);
    memory.fill(row, 0, <usize>w << 2);
    const z0 = firstWindow(z, at(G, KD), sz, at(G, PZ)), z1 = min(od, (z + at(G, PZ)) / sz + 1);
    const y0 = firstWindow(y, at(G, KH), sy, at(G, PY)), y1 = min(oh, (y + at(G, PY)) / sy + 1);
    for (let oz = z0; oz < z1; oz++)
      for (let oy = y0; oy < y1; oy++)
        for (let i: usize = (<usize>((plane * od + oz) * oh + oy) * ow) << 2, end = i + (<usize>ow << 2); i < end; i += 4) {
          const k = load<i32>(indices + i) - base;
          if (<u32>k < <u32>w) {
            const q = row + (<usize>k << 2);
            store<f32>(q, load<f32>(q) + load<f32>(g + i));
          }
        }
  }
}
/** First output whose window reaches input i: p·s − padding + kernel − 1 ≥ i. */
// @ts-ignore: decorator
@inline function firstWindow(i: i32, kernel: i32, s: i32, padding: i32): i32 { return max(0, (i + padding - kernel + s) / s); }
/** Inputs of window p inside an axis of n. */
// @ts-ignore: decorator
@inline function covered(p: i32, n: i32, kernel: i32, s: i32, padding: i32): i32 { return min(n, p * s - padding + kernel) - max(0, p * s - padding); }

/** Mean over each window: four small windows at a time in f32, the others in f64. Slabs: output rows. */
export function averagePool(x: usize, out: usize, G: usize, r0: i32, r1: i32): void {
  const h = at(G, H), w = at(G, W), d = at(G, D), od = at(G, OD), oh = at(G, OH), ow = at(G, OW), kw = at(G, KW), sx = at(G, SX), px = at(G, PX);
  const plain = sx <= 2;
  for (let r = r0; r < r1; r++) {
    const first = r / oh % od * at(G, SZ) - at(G, PZ), z0 = max(0, first), z1 = min(d, first + at(G, KD));
    const top = r % oh * at(G, SY) - at(G, PY), y0 = max(0, top), y1 = min(h, top + at(G, KH));
    const plane = x + (<usize>(r / oh / od) * (d * h * w) << 2), o = out + (<usize>r * ow << 2), rows = (z1 - z0) * (y1 - y0);
    let c = 0;
    for (; c < ow; c++) {
      const left = c * sx - px;
      if (plain && left >= 0 && c + 4 <= ow && left + 3 * sx + kw <= w && kw * rows <= 512) {
        let sum = splat(0);
        for (let z = z0; z < z1; z++)
          for (let y = y0; y < y1; y++) {
            let p = plane + (<usize>((z * h + y) * w + left) << 2);
            for (let t = 0; t < kw; t++, p += 4) sum = add(sum, sx == 1 ? ld(p) : v128.shuffle<f32>(ld(p), ld(p, 16), 0, 2, 4, 6));
          }
        st(o + (<usize>c << 2), mul(sum, splat(<f32>(1 / <f64>(kw * rows)))));
        c += 3;
        continue;
      }
      const x0 = max(0, left), x1 = min(w, left + kw);
      let sum: f64 = 0;
      for (let z = z0; z < z1; z++)
        for (let y = y0; y < y1; y++)
          for (let p = plane + (<usize>((z * h + y) * w + x0) << 2), end = p + (<usize>(x1 - x0) << 2); p < end; p += 4) sum += <f64>load<f32>(p);
      store<f32>(o + (<usize>c << 2), <f32>(sum / <f64>(rows * (x1 - x0))));
    }
  }
}

/** Its adjoint: every input collects g / count from the windows it is in. Slabs: input rows. */
export function averagePoolAdjoint(g: usize, gx: usize, G: usize, r0: i32, r1: i32): void {
  const h = at(G, H), w = at(G, W), d = at(G, D), od = at(G, OD), oh = at(G, OH), ow = at(G, OW), kd = at(G, KD), kh = at(G, KH), kw = at(G, KW);
  const sz = at(G, SZ), sy = at(G, SY), sx = at(G, SX), pz = at(G, PZ), py = at(G, PY), px = at(G, PX);
  for (let r = r0; r < r1; r++) {
    const y = r % h, z = r / h % d, plane = r / h / d, row = gx + (<usize>r * w << 2);
    memory.fill(row, 0, <usize>w << 2);
    const z0 = firstWindow(z, kd, sz, pz), z1 = min(od, (z + pz) / sz + 1), y0 = firstWindow(y, kh, sy, py), y1 = min(oh, (y + py) / sy + 1);
    for (let oz = z0; oz < z1; oz++)
      for (let oy = y0; oy < y1; oy++) {
        const from = g + (<usize>((plane * od + oz) * oh + oy) * ow << 2), rows = covered(oz, d, kd, sz, pz) * covered(oy, h, kh, sy, py);
        let ox = 0;
        if (kw == 2 && sx == 2 && px == 0) // pairs: four windows at a time
          for (const part = splat(<f32>(0.5 / <f64>rows)); ox + 4 <= ow; ox += 4) {
            const v = mul(part, ld(from + (<usize>ox << 2))), q = row + (<usize>ox << 3);
            st(q, add(ld(q), v128.shuffle<f32>(v, v, 0, 0, 1, 1))); st(q + 16, add(ld(q, 16), v128.shuffle<f32>(v, v, 2, 2, 3, 3)));
          }
        for (; ox < ow; ox++) {
          const left = ox * sx - px, x0 = max(0, left), x1 = min(w, left + kw);
          const share = load<f32>(from + (<usize>ox << 2)) / <f32>(rows * (x1 - x0));
          for (let q = row + (<usize>x0 << 2), end = row + (<usize>x1 << 2); q < end; q += 4) store<f32>(q, load<f32>(q) + share);
        }
      }
  }
}
