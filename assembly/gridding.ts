import { fma, ld, mul, splat, st } from "./simd";

/**
 * Samples of a Fourier transform off its lattice, by a finer lattice: what lies between the transform of a zero-padded image and its samples, and back.
 * Complex numbers are interleaved. Position 0 of the image is its middle, of the padded one its first number, so that frequencies need no phases.
 * A sample sees 6 × 6 points of the lattice with the weights wy ⊗ wx; `taps` has wx twice each (as complex numbers are multiplied) and then wy.
 */
const WIDTH: i32 = 6;
const TAPS: usize = 72; // bytes of 12 + 6 floats

// @ts-ignore: decorator
@inline function source(r: i32, n: i32, grid: i32, centre: i32): i32 {
  return r < n - centre ? r + centre : r >= grid - centre ? r - grid + centre : -1;
}
// @ts-ignore: decorator
@inline function scaled(from: usize, to: usize, weights: usize, count: i32, by: f32): void {
  for (let i = 0; i < count; i++) {
    const a = load<f32>(weights + (<usize>i << 2)) * by, at = <usize>i << 3;
    store<f32>(to + at, load<f32>(from + at) * a);
    store<f32>(to + at, load<f32>(from + at, 4) * a, 4);
  }
}
/** The image [c, h, w] times ay ⊗ ax, laid around the first number of a lattice [c, H, W] of zeros. Slabs: rows of all lattices. */
export function gridPlace(x: usize, ay: usize, ax: usize, to: usize, h: i32, w: i32, H: i32, W: i32, i0: i32, i1: i32): void {
  const cy = h >> 1, cx = w >> 1;
  for (let i = i0; i < i1; i++) {
    const c = i / H, j = source(i - c * H, h, H, cy);
    const row = to + <usize>i * (<usize>W << 3);
    memory.fill(row, 0, <usize>W << 3);
    if (j < 0) continue;
    const from = x + ((<usize>(c * h + j) * <usize>w) << 3), by = load<f32>(ay + (<usize>j << 2));
    scaled(from + (<usize>cx << 3), row, ax + (<usize>cx << 2), w - cx, by);
    scaled(from, row + (<usize>(W - cx) << 3), ax, cx, by);
  }
}
/** The transpose of gridPlace. Slabs: rows of all images. */
export function gridCrop(from: usize, ay: usize, ax: usize, x: usize, h: i32, w: i32, H: i32, W: i32, i0: i32, i1: i32): void {
  const cy = h >> 1, cx = w >> 1;
  for (let i = i0; i < i1; i++) {
    const c = i / h, j = i - c * h;
    const r = j >= cy ? j - cy : H - cy + j;
    const row = from + ((<usize>(c * H + r) * <usize>W) << 3);
    const to = x + ((<usize>i * <usize>w) << 3), by = load<f32>(ay + (<usize>j << 2));
    scaled(row, to + (<usize>cx << 3), ax + (<usize>cx << 2), w - cx, by);
    scaled(row + (<usize>(W - cx) << 3), to, ax, cx, by);
  }
}
/**
 * out[index[k]] = Σ over the 6 × 6 points of sample k. places: x₀, y₀ of each, inside the lattice; points beyond its end are those at its beginning.
 * Slabs: samples.
 */
export function gridGather(lattice: usize, H: i32, W: i32, taps: usize, places: usize, index: usize, out: usize, i0: i32, i1: i32): void {
  for (let k = i0; k < i1; k++) {
    const t = taps + <usize>k * TAPS;
    const x0 = load<i32>(places + (<usize>k << 3)), y0 = load<i32>(places + (<usize>k << 3), 4);
    const inside = x0 + WIDTH <= W;
    let s = splat(0);
    for (let a = 0; a < WIDTH; a++) {
      const y = y0 + a < H ? y0 + a : y0 + a - H;
      const row = lattice + ((<usize>y * <usize>W) << 3), wy = splat(load<f32>(t + (<usize>a << 2), 48));
      let r: v128;
      if (inside) {
        const p = row + (<usize>x0 << 3);
        r = fma(ld(t + 32), ld(p + 32), fma(ld(t + 16), ld(p + 16), mul(ld(t), ld(p))));
      } else {
        r = splat(0);
        for (let b = 0; b < WIDTH; b++) {
          const x = x0 + b < W ? x0 + b : x0 + b - W;
          r = fma(v128.load64_zero(t + (<usize>b << 3)), v128.load64_zero(row + (<usize>x << 3)), r);
        }
      }
      s = fma(wy, r, s);
    }
    const at = out + (<usize>load<i32>(index + (<usize>k << 2)) << 3);
    store<f32>(at, f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 2));
    store<f32>(at, f32x4.extract_lane(s, 1) + f32x4.extract_lane(s, 3), 4);
  }
}
/** The transpose: samples, in the order of y₀ with `first[y₀]` the first of each row, are laid on the lattice row by row. Slabs: rows of the lattice. */
export function gridSpread(data: usize, H: i32, W: i32, taps: usize, places: usize, index: usize, first: usize, lattice: usize, i0: i32, i1: i32): void {
  for (let y = i0; y < i1; y++) {
    const row = lattice + ((<usize>y * <usize>W) << 3);
    memory.fill(row, 0, <usize>W << 3);
    for (let a = 0; a < WIDTH; a++) {
      const y0 = y >= a ? y - a : y - a + H;
      const end = load<i32>(first + (<usize>y0 << 2), 4);
      for (let k = load<i32>(first + (<usize>y0 << 2)); k < end; k++) {
        const t = taps + <usize>k * TAPS;
        const x0 = load<i32>(places + (<usize>k << 3));
        const v = mul(splat(load<f32>(t + (<usize>a << 2), 48)), v128.load64_splat(data + (<usize>load<i32>(index + (<usize>k << 2)) << 3)));
        if (x0 + WIDTH <= W) {
          const p = row + (<usize>x0 << 3);
          st(p, fma(ld(t), v, ld(p)));
          st(p + 16, fma(ld(t + 16), v, ld(p + 16)));
          st(p + 32, fma(ld(t + 32), v, ld(p + 32)));
        } else
          for (let b = 0; b < WIDTH; b++) {
            const p = row + (<usize>(x0 + b < W ? x0 + b : x0 + b - W) << 3);
            v128.store64_lane(p, fma(v128.load64_zero(t + (<usize>b << 3)), v, v128.load64_zero(p)), 0);
          }
      }
    }
  }
}
