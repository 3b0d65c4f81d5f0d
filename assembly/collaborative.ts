import { add, fma, hsum, ld, mul, splat, st, sub } from "./simd";

/**
 * One step of collaborative filtering of 8 × 8 patches; the twin says what it computes. image, guide: planes H × W; guide is what patches are matched
 * in and, with `wiener`, the estimate whose spectrum shrinks the image's. tables: A, Aᵀ, A⁻¹, A⁻ᵀ of the 2-D transform, then the window, 64 floats
 * each. `level`: σ² with `wiener`, else the threshold. Slab k (rows of reference patches, `grain` at a time) adds what it finds to its own band
 * of `high` rows, sums then weights, at bands + k · 2 high W; collaborativeGather joins them. Workspace: collaborativeWorkspace(most).
 */
export function collaborativeWorkspace(most: i32): i32 { return 520 * most + 320; }

/** out = A · X · B for 8 × 8 row-major matrices; `half` is room for one. out may be X. */
function sandwich(a: usize, x: usize, pitch: usize, b: usize, half: usize, out: usize): void {
  for (let i: usize = 0; i < 256; i += 32) {
    let s = splat(0), t = splat(0);
    for (let k: usize = 0; k < 8; k++) {
      const w = v128.load32_splat(a + i + (k << 2)), r = x + k * pitch;
      s = fma(w, ld(r), s); t = fma(w, ld(r, 16), t);
    }
    st(half + i, s); st(half + i + 16, t);
  }
  for (let i: usize = 0; i < 256; i += 32) {
    let s = splat(0), t = splat(0);
    for (let k: usize = 0; k < 8; k++) {
      const w = v128.load32_splat(half + i + (k << 2)), r = b + (k << 5);
      s = fma(w, ld(r), s); t = fma(w, ld(r, 16), t);
    }
    st(out + i, s); st(out + i + 16, t);
  }
}
// @ts-ignore: decorator
@inline function haarPair(p: usize, q: usize): void {
  const h = splat(0.70710678);
  for (let c: usize = 0; c < 256; c += 16) {
    const u = ld(p + c), v = ld(q + c);
    st(p + c, mul(h, add(u, v))); st(q + c, mul(h, sub(u, v)));
  }
}
/** Sums of neighbours, then of their sums; in place. */
function haar(g: usize, n: i32): void {
  for (let s = 1; s < n; s <<= 1) for (let i = 0; i < n; i += 2 * s) haarPair(g + (<usize>i << 8), g + (<usize>(i + s) << 8));
}
function haarBack(g: usize, n: i32): void {
  for (let s = n >> 1; s > 0; s >>= 1) for (let i = 0; i < n; i += 2 * s) haarPair(g + (<usize>i << 8), g + (<usize>(i + s) << 8));
}
// @ts-ignore: decorator
@inline function rowDistance(p: usize, q: usize, s: v128): v128 {
  const u = sub(ld(p), ld(q)), v = sub(ld(p, 16), ld(q, 16));
  return fma(v, v, fma(u, u, s));
}

/** The patches of the guide nearest to the one at (y, x), itself first; their places and distances lie in order. Returns how many. */
function match(guide: usize, H: i32, W: i32, y: i32, x: i32, radius: i32, most: i32, far: f32, places: usize, sizes: usize): i32 {
  const row: usize = <usize>W << 2, here = guide + <usize>y * row + (<usize>x << 2);
  const top = max(0, y - radius), bottom = min(H - 8, y + radius), left = max(0, x - radius), right = min(W - 8, x + radius);
  store<i32>(places, y * W + x); store<f32>(sizes, -1);
  let count = 1, limit: f32 = most > 1 ? far : -1;
  for (let v = top; v <= bottom; v++) for (let u = left; u <= right; u++) {
    const there = guide + <usize>v * row + (<usize>u << 2);
    if (there == here) continue;
    let s = splat(0);
    for (let k: usize = 0; k < 4; k++) s = rowDistance(here + k * row, there + k * row, s);
    if (hsum(s) >= limit) continue;
    for (let k: usize = 4; k < 8; k++) s = rowDistance(here + k * row, there + k * row, s);
    const d = hsum(s);
    if (d >= limit) continue;
    let k = count < most ? count++ : most - 1;
    for (; k > 1 && load<f32>(sizes + (<usize>(k - 1) << 2)) > d; k--) {
      const at: usize = <usize>k << 2;
      store<f32>(sizes + at, load<f32>(sizes + at - 4)); store<i32>(places + at, load<i32>(places + at - 4));
    }
    store<f32>(sizes + (<usize>k << 2), d); store<i32>(places + (<usize>k << 2), v * W + u);
    if (count == most) limit = load<f32>(sizes + (<usize>(most - 1) << 2));
  }
  return count;
}

export function collaborative(image: usize, guide: usize, H: i32, W: i32, bands: usize, high: i32, tables: usize, level: f32, far: f32, wiener: i32,
  most: i32, radius: i32, step: i32, grain: i32, ws: usize, r0: i32, r1: i32): void {
  const row: usize = <usize>W << 2, plane: usize = row * high, band = bands + <usize>(r0 / grain) * 2 * plane;
  const first = max(0, min(r0 * step, H - 8) - radius), across = (W - 8 + step - 1) / step + 1;
  const a = tables, at = tables + 256, b = tables + 512, bt = tables + 768, window = tables + 1024;
  const group = ws, other = ws + (<usize>most << 8), half = other + (<usize>most << 8), places = half + 256, sizes = places + (<usize>most << 2);
  memory.fill(band, 0, 2 * plane);
  for (let r = r0; r < r1; r++) for (let c = 0; c < across; c++) {
    const found = match(guide, H, W, min(r * step, H - 8), min(c * step, W - 8), radius, most, far, places, sizes);
    let n = 1;
    while (2 * n <= found) n <<= 1;
    const end: usize = <usize>n << 8;
    for (let i = 0; i < n; i++) {
      const p: usize = <usize>load<i32>(places + (<usize>i << 2)) << 2, o: usize = <usize>i << 8;
      sandwich(a, image + p, row, at, half, group + o);
      if (wiener) sandwich(a, guide + p, row, at, half, other + o);
    }
    haar(group, n);
    const mean = load<f32>(group); // the mean of the group stays
    let weight: f32;
    if (wiener) {
      haar(other, n);
      const noise = splat(level), tiny = splat(1e-30);
      let sum = splat(0);
      for (let i: usize = 0; i < end; i += 16) {
        const e = ld(other + i), q = mul(e, e);
        let w = f32x4.div(q, f32x4.pmax(add(q, noise), tiny));
        if (i == 0) w = f32x4.replace_lane(w, 0, 1);
        st(group + i, mul(w, ld(group + i)));
        sum = fma(w, w, sum);
      }
      weight = 1 / hsum(sum);
    } else {
      const limit = splat(level);
      let sum = i32x4.splat(0);
      for (let i: usize = 0; i < end; i += 16) {
        const v = ld(group + i), keep = f32x4.gt(f32x4.abs(v), limit);
        st(group + i, v128.and(v, keep));
        sum = i32x4.sub(sum, keep);
      }
      store<f32>(group, mean);
      const kept = i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
      weight = 1 / <f32>(kept + (Mathf.abs(mean) > level ? 0 : 1));
    }
    haarBack(group, n);
    const scale = splat(weight);
    for (let i = 0; i < n; i++) {
      const g = group + (<usize>i << 8), o = band + (<usize>(load<i32>(places + (<usize>i << 2)) - first * W) << 2);
      sandwich(b, g, 32, bt, half, g);
      for (let k: usize = 0; k < 8; k++) {
        const p = o + k * row, f = k << 5, u = mul(scale, ld(window + f)), v = mul(scale, ld(window + f, 16));
        st(p, fma(u, ld(g + f), ld(p))); st(p + 16, fma(v, ld(g + f, 16), ld(p, 16)));
        st(p + plane, add(u, ld(p + plane))); st(p + plane + 16, add(v, ld(p + plane, 16)));
      }
    }
  }
}

/** out = sum of the bands' sums / sum of their weights, bands in order. Slabs: rows of the image. */
export function collaborativeGather(bands: usize, out: usize, H: i32, W: i32, high: i32, radius: i32, step: i32, grain: i32, slabs: i32,
  y0: i32, y1: i32): void {
  const row: usize = <usize>W << 2, plane: usize = row * high;
  for (let y = y0; y < y1; y++) {
    for (let x = 0; x < W; x++) {
      const at: usize = <usize>x << 2;
      let sum: f32 = 0, weight: f32 = 0;
      for (let k = 0; k < slabs; k++) {
        const first = max(0, min(k * grain * step, H - 8) - radius);
        if (first > y || y >= first + high) continue;
        const p = bands + <usize>k * 2 * plane + <usize>(y - first) * row + at;
        sum += load<f32>(p); weight += load<f32>(p + plane);
      }
      store<f32>(out + <usize>y * row + at, sum / weight);
    }
  }
}
