import { add, clamp, fma, hsum, ld, mul, splat, st, sub } from "./simd";

/**
 * Linear work on the d = 2 or 3 planes of a vector field over a grid of rows (r = z·H + y), rows of width W, N = voxels per plane.
 *
 * affinePlanes: out_i(p) = Σ_j M_ij u_j(p) + Σ_j N_ij p_j + c_i, p = (x, y, z) the voxel. coefficients: f64 [M | N | c], d·(2d+1) numbers, row by row
 * (M_i0 … N_i0 … c_i). u may be 0 (no field). out may be u.
 */
export function affinePlanes(u: usize, out: usize, coefficients: usize, d: i32, H: i32, W: i32, N: i32, r0: i32, r1: i32): void {
  const plane: usize = <usize>N << 2;
  const width = 2 * d + 1;
  for (let r = r0; r < r1; r++) {
    const y = <f64>(d == 3 ? r % H : r), z = <f64>(d == 3 ? r / H : 0);
    const row: usize = (<usize>r * W) << 2;
    let x = 0;
    for (; x + 4 <= W; x += 4) {
      const at = row + (<usize>x << 2);
      let u0 = splat(0), u1 = splat(0), u2 = splat(0);
      if (u) {
        u0 = ld(u + at);
        u1 = ld(u + plane + at);
        if (d == 3) u2 = ld(u + 2 * plane + at);
      }
      const lanes = add(splat(<f32>x), f32x4(0, 1, 2, 3));
      for (let i = 0; i < d; i++) {
        const q = coefficients + (<usize>(i * width) << 3);
        let c = load<f64>(q + (<usize>(2 * d) << 3)) + load<f64>(q + (<usize>(d + 1) << 3)) * y;
        if (d == 3) c += load<f64>(q + (<usize>(d + 2) << 3)) * z;
        let v = fma(lanes, splat(<f32>load<f64>(q + (<usize>d << 3))), splat(<f32>c));
        if (u) {
          v = fma(u0, splat(<f32>load<f64>(q)), v);
          v = fma(u1, splat(<f32>load<f64>(q + 8)), v);
          if (d == 3) v = fma(u2, splat(<f32>load<f64>(q + 16)), v);
        }
        st(out + <usize>i * plane + at, v);
      }
    }
    for (; x < W; x++) {
      const at = row + (<usize>x << 2);
      let u0: f64 = 0, u1: f64 = 0, u2: f64 = 0;
      if (u) {
        u0 = load<f32>(u + at);
        u1 = load<f32>(u + plane + at);
        if (d == 3) u2 = load<f32>(u + 2 * plane + at);
      }
      for (let i = 0; i < d; i++) {
        const q = coefficients + (<usize>(i * width) << 3);
        let v = load<f64>(q + (<usize>(2 * d) << 3)) + load<f64>(q + (<usize>d << 3)) * <f64>x + load<f64>(q + (<usize>(d + 1) << 3)) * y;
        v += load<f64>(q) * u0 + load<f64>(q + 8) * u1;
        if (d == 3) v += load<f64>(q + (<usize>(d + 2) << 3)) * z + load<f64>(q + 16) * u2;
        store<f32>(out + <usize>i * plane + at, <f32>v);
      }
    }
  }
}

/**
 * Moments of a vector field over the lattice: adds to out (f64, d·(d+1) numbers per slab row, zeroed by the caller at out + r·d·(d+1)·8)
 * Σ_x f_i(p) · (x, y, z, 1) for every row r. The derivative of a functional with respect to an affine map, from its derivative with respect to positions.
 */
export function fieldMoments(f: usize, out: usize, d: i32, H: i32, W: i32, N: i32, r0: i32, r1: i32): void {
  const plane: usize = <usize>N << 2;
  for (let r = r0; r < r1; r++) {
    const y = <f64>(d == 3 ? r % H : r), z = <f64>(d == 3 ? r / H : 0);
    for (let i = 0; i < d; i++) {
      const row = f + <usize>i * plane + ((<usize>r * W) << 2);
      let s: f64 = 0, sx: f64 = 0, x = 0;
      for (; x + 4 <= W; x += 4) {
        const v = ld(row + (<usize>x << 2));
        const t = hsum(v);
        s += t;
        sx += <f64>hsum(mul(v, f32x4(0, 1, 2, 3))) + <f64>t * <f64>x;
      }
      for (; x < W; x++) {
        const v = <f64>load<f32>(row + (<usize>x << 2));
        s += v;
        sx += v * <f64>x;
      }
      const o = out + (<usize>((r * d + i) * (d + 1)) << 3);
      store<f64>(o, sx);
      store<f64>(o + 8, s * y);
      if (d == 3) store<f64>(o + 16, s * z);
      store<f64>(o + (<usize>d << 3), s);
    }
  }
}

/** Largest squared length of the vectors of a field, per call: returns nothing, writes one f32 per row at out + r·4. */
export function longestSquared(f: usize, out: usize, d: i32, W: i32, N: i32, r0: i32, r1: i32): void {
  const plane: usize = <usize>N << 2;
  for (let r = r0; r < r1; r++) {
    const row = f + ((<usize>r * W) << 2);
    let m = splat(0), x = 0;
    for (; x + 4 <= W; x += 4) {
      const a = ld(row + (<usize>x << 2)), b = ld(row + plane + (<usize>x << 2));
      let s = fma(a, a, mul(b, b));
      if (d == 3) { const c = ld(row + 2 * plane + (<usize>x << 2)); s = fma(c, c, s); }
      m = f32x4.max(m, s);
    }
    let best = max(max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)), max(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)));
    for (; x < W; x++) {
      let s: f32 = 0;
      for (let i = 0; i < d; i++) { const v = load<f32>(row + <usize>i * plane + (<usize>x << 2)); s += v * v; }
      best = max(best, s);
    }
    store<f32>(out + (<usize>r << 2), best);
  }
}

/** f_i(p) *= min(1, max(0, 2 w(p) − 1)) for every plane of a field, in place: what a soft weight leaves of it beyond its half. */
export function fadePlanes(f: usize, w: usize, d: i32, W: i32, N: i32, r0: i32, r1: i32): void {
  const plane: usize = <usize>N << 2, zero = splat(0), one = splat(1);
  let i = r0 * W;
  const end = r1 * W;
  for (; i + 4 <= end; i += 4) {
    const at = <usize>i << 2, v = ld(w + at), share = clamp(sub(add(v, v), one), zero, one);
    for (let c = 0; c < d; c++) {
      const p = f + <usize>c * plane + at;
      st(p, mul(ld(p), share));
    }
  }
  for (; i < end; i++) {
    const at = <usize>i << 2, v = load<f32>(w + at), share = min<f32>(1, max<f32>(0, v + v - 1));
    for (let c = 0; c < d; c++) {
      const p = f + <usize>c * plane + at;
      store<f32>(p, load<f32>(p) * share);
    }
  }
}
