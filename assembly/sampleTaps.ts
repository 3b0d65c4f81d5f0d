import { loadX2, loadX3, loadY2, loadY3, loadZ3 } from "./lanes";
import { add, clamp, fma, hsum, ld, mul, splat, st, sub } from "./simd";

/**
 * Sampling with any weights, one position at a time: nearest (kind 0), linear (1) and cubic B-spline (2, from coefficients, mirrored at
 * the border), in 2-D (`dims` 2, D = 1) and 3-D, derivatives along up to three direction fields h₁, h₂, h₃ (m of them), and the adjoint.
 * Per position: weights of each axis and order of derivative, their products summed into a table of up to 4 × 4 × 4 numbers, and then
 * for each channel a product with the image (or an addition to it), four neighbours along x at once.
 * Positions, borders and layouts are those of sampleLinear.ts. Workspace (per thread): `tapsWorkspace` bytes.
 */
export const tapsWorkspace: i32 = 640;
// workspace: weights 3 axes × 5 orders × 16 B; offsets 3 axes × 16 B at 240; x interior flag at 288; z (y in 2-D) indices at 304; table at 320
const OFFSETS: usize = 240, INTERIOR: usize = 288, INDEX: usize = 304, TABLE: usize = 320;

// @ts-ignore: decorator
@inline function mirror(i: i32, n: i32): i32 {
  if (n == 1) return 0;
  const period = 2 * n - 2;
  const k = ((i % period) + period) % period;
  return k < n ? k : period - k;
}
// @ts-ignore: decorator
@inline function set4(p: usize, a: f32, b: f32, c: f32, d: f32): void { store<f32>(p, a); store<f32>(p, b, 4); store<f32>(p, c, 8); store<f32>(p, d, 12); }

/** Weights and byte offsets of one axis at coordinate q; false outside [0, n − 1]. */
export function axis(ws: usize, a: i32, kind: i32, q: f64, n: i32, stride: i32): bool {
  const w = ws + <usize>a * 80, o = ws + OFFSETS + <usize>(a << 4), hi = <f64>(n - 1);
  const f = q > 0 ? (q < hi ? q : hi) : 0.0; // NaN becomes 0
  const inside = f == q;
  st(w + 16, splat(0)); st(w + 32, splat(0)); st(w + 48, splat(0)); st(w + 64, splat(0));
  if (kind == 0) {
    const i = min(<i32>(f + 0.5), n - 1);
    set4(w, 1, 0, 0, 0);
    store<i32>(o, i * stride);
    if (a == 0) store<i32>(ws + INTERIOR, 1);
    store<i32>(ws + INDEX, i);
    return inside;
  }
  const i = max(min(<i32>f, n - 2), 0), t = <f32>(f - <f64>i);
  if (kind == 1) {
    set4(w, 1 - t, t, 0, 0);
    if (inside && n > 1) set4(w + 16, -1, 1, 0, 0);
    const j = min(i + 1, n - 1);
    store<i32>(o, i * stride); store<i32>(o, j * stride, 4);
    if (a == 0) store<i32>(ws + INTERIOR, 1);
    store<i32>(ws + INDEX, i); store<i32>(ws + INDEX, j, 4);
    return inside;
  }
  const s: f32 = 1 - t, sixth: f32 = 1.0 / 6.0, twoThirds: f32 = 2.0 / 3.0;
  set4(w, s * s * s * sixth, twoThirds - t * t + 0.5 * t * t * t, twoThirds - s * s + 0.5 * s * s * s, t * t * t * sixth);
  if (inside) {
    set4(w + 16, -0.5 * s * s, t * (1.5 * t - 2), s * (2 - 1.5 * s), 0.5 * t * t);
    set4(w + 32, s, 3 * t - 2, 3 * s - 2, t);
    set4(w + 48, -1, 3, -3, 1);
  }
  const interior = i >= 1 && i + 2 < n;
  if (a == 0) store<i32>(ws + INTERIOR, interior);
  for (let k = 0; k < 4; k++) {
    const j = interior ? i - 1 + k : mirror(i - 1 + k, n);
    store<i32>(o + (k << 2), j * stride);
    store<i32>(ws + INDEX + (k << 2), j);
  }
  return inside;
}
/** table (+)= coefficient · wz ⊗ wy ⊗ wx, derivative orders ox, oy, oz. */
function addTable(ws: usize, nz: i32, ny: i32, ox: i32, oy: i32, oz: i32, coefficient: f32, first: bool): void {
  const wx = ld(ws + <usize>(ox << 4)), wy = ws + 80 + <usize>(oy << 4), wz = ws + 160 + <usize>(oz << 4);
  let p = ws + TABLE;
  for (let k = 0; k < nz; k++) {
    const wk = coefficient * load<f32>(wz + (k << 2));
    for (let j = 0; j < ny; j++, p += 16) {
      const w = splat(wk * load<f32>(wy + (j << 2)));
      st(p, first ? mul(w, wx) : fma(w, wx, ld(p)));
    }
  }
}
// @ts-ignore: decorator
@inline function component(h: usize, points: i32, dims: i32, n4: usize, i: usize, a: i32): f32 {
  return points ? load<f32>(h + i * dims + (<usize>a << 2)) : load<f32>(h + <usize>a * n4 + i);
}
/** The table of ∂h₁…∂h_m, once more along axis e (e < 0: not), at position i (bytes). */
export function table(ws: usize, nz: i32, ny: i32, dims: i32, m: i32, e: i32, f: i32, h1: usize, h2: usize, h3: usize, points: i32, n4: usize, i: usize): void {
  const ex = (e == 0 ? 1 : 0) + (f == 0 ? 1 : 0), ey = (e == 1 ? 1 : 0) + (f == 1 ? 1 : 0), ez = (e == 2 ? 1 : 0) + (f == 2 ? 1 : 0);
  if (m == 0) { addTable(ws, nz, ny, ex, ey, ez, 1, true); return; }
  let first = true;
  const na = dims, nb = m > 1 ? dims : 1, nc = m > 2 ? dims : 1;
  for (let a = 0; a < na; a++) for (let b = 0; b < nb; b++) for (let c = 0; c < nc; c++) {
    let w = component(h1, points, dims, n4, i, a);
    let ox = ex + (a == 0 ? 1 : 0), oy = ey + (a == 1 ? 1 : 0), oz = ez + (a == 2 ? 1 : 0);
    if (m > 1) { w *= component(h2, points, dims, n4, i, b); ox += b == 0 ? 1 : 0; oy += b == 1 ? 1 : 0; oz += b == 2 ? 1 : 0; }
    if (m > 2) { w *= component(h3, points, dims, n4, i, c); ox += c == 0 ? 1 : 0; oy += c == 1 ? 1 : 0; oz += c == 2 ? 1 : 0; }
    addTable(ws, nz, ny, ox, oy, oz, w, first);
    first = false;
  }
}
/** Σ table · image. */
export function dot(ws: usize, kind: i32, nz: i32, ny: i32, image: usize): f32 {
  let p = ws + TABLE, sum = splat(0);
  const oz = ws + OFFSETS + 32, oy = ws + OFFSETS + 16, ox = ws + OFFSETS, interior = load<i32>(ws + INTERIOR);
  const x0: usize = load<i32>(ox);
  for (let k = 0; k < nz; k++) {
    const plane = image + <usize>load<i32>(oz + (k << 2));
    for (let j = 0; j < ny; j++, p += 16) {
      const row = plane + <usize>load<i32>(oy + (j << 2));
      let v: v128;
      if (kind == 2) {
        if (interior) v = ld(row + x0);
        else v = v128.load32_lane(row + <usize>load<i32>(ox, 12), v128.load32_lane(row + <usize>load<i32>(ox, 8), v128.load32_lane(row + <usize>load<i32>(ox, 4), v128.load32_zero(row + x0), 1), 2), 3);
      } else if (kind == 1) v = v128.load32_lane(row + <usize>load<i32>(ox, 4), v128.load32_zero(row + x0), 1);
      else v = v128.load32_zero(row + x0);
      sum = fma(ld(p), v, sum);
    }
  }
  return hsum(sum);
}
// @ts-ignore: decorator
@inline function positionOf(a: f64, b: f64, c: f64, d: f64, x: f64, y: f64, z: f64): f64 { return a * x + b * y + c * z + d; }

/** The four cubic B-spline weights at t, and their first derivatives, as polynomials in the four lanes. */
// @ts-ignore: decorator
@inline function cubic(t: f32): v128 {
  const v = splat(t);
  const c0 = f32x4(1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0, 0), c1 = f32x4(-0.5, 0, 0.5, 0), c2 = f32x4(0.5, -1, 0.5, 0), c3 = f32x4(-1.0 / 6.0, 0.5, -0.5, 1.0 / 6.0);
  return fma(fma(fma(c3, v, c2), v, c1), v, c0);
}
// @ts-ignore: decorator
@inline function cubicSlope(t: f32): v128 {
  const v = splat(t);
  return fma(fma(f32x4(-0.5, 1.5, -1.5, 0.5), v, f32x4(1, -2, 1, 0)), v, f32x4(-0.5, 0, 0.5, 0));
}
// @ts-ignore: decorator
@inline function lane0(v: v128): v128 { return v128.shuffle<f32>(v, v, 0, 0, 0, 0); }
// @ts-ignore: decorator
@inline function lane1(v: v128): v128 { return v128.shuffle<f32>(v, v, 1, 1, 1, 1); }
// @ts-ignore: decorator
@inline function lane2(v: v128): v128 { return v128.shuffle<f32>(v, v, 2, 2, 2, 2); }
// @ts-ignore: decorator
@inline function lane3(v: v128): v128 { return v128.shuffle<f32>(v, v, 3, 3, 3, 3); }
/** Is the whole 4-neighbourhood of q among 0 … n − 1? */
// @ts-ignore: decorator
@inline export function deep(q: f64, n: i32): bool { return q >= 1 && q < <f64>(n - 2); }

/**
 * Value and gradient of the cubic spline away from the borders, where nearly all positions are: `p0` is the first of the 4 × 4 × 4
 * coefficients, t (16 bytes apart) the fractions along x, y, z. Rows along x are contracted along y (with weights and slopes) and z, and
 * meet the x weights last: 16 loads, 20 (value) or 44 products of four lanes. Five to ten times as fast as the general table below.
 */
// @ts-ignore: decorator
@inline export function cubicDeep(dims: i32, p0: usize, C: i32, row: usize, plane: usize, t: usize, points: i32, n4: usize, i: usize, channel: usize, mode: i32,
  g: usize, out: usize, aux: usize, ws: usize): void {
  const nz = dims == 3 ? 4 : 1;
  const wx = cubic(load<f32>(t)), wy = cubic(load<f32>(t, 16));
  if (dims == 3) { st(ws, cubic(load<f32>(t, 32))); st(ws + 16, cubicSlope(load<f32>(t, 32))); }
  else { store<f32>(ws, 1); store<f32>(ws + 16, 0); }
  const y0 = lane0(wy), y1 = lane1(wy), y2 = lane2(wy), y3 = lane3(wy);
  if (mode == VALUE) {
    for (let c = 0; c < C; c++, p0 += channel) {
      let sum = splat(0), p = p0;
      for (let k = 0; k < nz; k++, p += plane) {
        const q = p + row, r = q + row;
        sum = fma(v128.load32_splat(ws + (<usize>k << 2)), add(fma(y1, ld(q), mul(y0, ld(p))), fma(y3, ld(r + row), mul(y2, ld(r)))), sum);
      }
      store<f32>(out + <usize>c * n4 + i, hsum(mul(sum, wx)));
    }
    return;
  }
  const sx = cubicSlope(load<f32>(t)), sy = cubicSlope(load<f32>(t, 16));
  const d0 = lane0(sy), d1 = lane1(sy), d2 = lane2(sy), d3 = lane3(sy);
  let gx = splat(0), gy = gx, gz = gx;
  for (let c = 0; c < C; c++, p0 += channel) {
    let a = splat(0), b = a, d = a, p = p0;
    for (let k = 0; k < nz; k++, p += plane) {
      const q = p + row, r = q + row, v0 = ld(p), v1 = ld(q), v2 = ld(r), v3 = ld(r + row), wz = v128.load32_splat(ws + (<usize>k << 2));
      const value = add(fma(y1, v1, mul(y0, v0)), fma(y3, v3, mul(y2, v2))), slope = add(fma(d1, v1, mul(d0, v0)), fma(d3, v3, mul(d2, v2)));
      a = fma(wz, value, a);
      b = fma(wz, slope, b);
      d = fma(v128.load32_splat(ws + (<usize>k << 2), 16), value, d);
    }
    if (mode == BOTH) {
      const o = aux + <usize>(c * dims) * n4 + i;
      store<f32>(out + <usize>c * n4 + i, hsum(mul(a, wx)));
      store<f32>(o, hsum(mul(a, sx))); store<f32>(o + n4, hsum(mul(b, wx)));
      if (dims == 3) store<f32>(o + 2 * n4, hsum(mul(d, wx)));
    } else {
      const go = v128.load32_splat(g + <usize>c * n4 + i);
      gx = fma(go, a, gx); gy = fma(go, b, gy); gz = fma(go, d, gz);
    }
  }
  if (mode == GRADIENT) {
    const o = points ? out + i * dims : out + i, s: usize = points ? 4 : n4;
    store<f32>(o, hsum(mul(gx, sx))); store<f32>(o + s, hsum(mul(gy, wx)));
    if (dims == 3) store<f32>(o + 2 * s, hsum(mul(gz, wx)));
  }
}

const VALUE = 0, GRADIENT = 1, HESSIAN = 3;
export const BOTH = 2;
/**
 * mode 0: out[c] = ∂h₁…∂h_m I_c; 1: out = Σ_c g[c] ∇∂h₁…∂h_m I_c laid out like the positions; 2: out[c] = I_c, aux[c][axis] = ∇I_c;
 * 3: out[c][xx, xy, (xz,) yy, (yz, zz)]. Slabs: rows of OW positions.
 */
export function sampleTaps(kind: i32, dims: i32, image: usize, C: i32, D: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, a02: f64, b0: f64, a10: f64, a11: f64, a12: f64, b1: f64, a20: f64, a21: f64, a22: f64, b2: f64,
  OH: i32, OW: i32, n: i32, border: i32, fill: f32, mode: i32, m: i32, h1: usize, h2: usize, h3: usize,
  g: usize, out: usize, aux: usize, inside: usize, ws: usize, r0: i32, r1: i32): void {
  const n4: usize = <usize>n << 2, channel: usize = (<usize>D * H * W) << 2;
  const es: usize = points ? dims << 2 : 4, cs: usize = points ? 4 : n4;
  const taps = kind == 2 ? 4 : kind + 1, nz = dims == 3 ? taps : 1;
  // Four positions at once where all of them are away from the borders (cubic) or in the box (nearest).
  const fast = m == 0 && ((kind == 2 && mode != HESSIAN) || (kind == 0 && mode == VALUE));
  const sx = splat(<f32>a00), sy = splat(<f32>a10), sz = splat(<f32>a20), zero = splat(0), half = splat(0.5), one = splat(1), ramp = f32x4(0, 1, 2, 3);
  const margin: f32 = kind == 2 ? 1 : 0, low = splat(margin), row: usize = <usize>W << 2, plane: usize = <usize>H * row;
  // cubic: 1 ≤ q < n − 2; nearest: 0 ≤ q ≤ n − 1, of which q = n − 1 is left to the general path
  const ux = splat(<f32>(W - 1) - margin), uy = splat(<f32>(H - 1) - margin), uz = splat(<f32>(D - 1) - margin);
  const vW = i32x4.splat(W), vHW = i32x4.splat(H * W), corner = i32x4.splat(kind == 2 ? (dims == 3 ? H * W : 0) + W + 1 : 0);
  const fractions = ws + TABLE, scratch = ws + TABLE + 64;
  axis(ws, 2, 0, 0, 1, 0);
  for (let r = r0; r < r1; r++) {
    const start = r * OW, count = min(OW, n - start), yr = <f64>(r % OH), zr = <f64>(r / OH);
    const rowX = a01 * yr + a02 * zr + b0, rowY = a11 * yr + a12 * zr + b1, rowZ = a21 * yr + a22 * zr + b2;
    const xs = splat(<f32>rowX), ys = splat(<f32>rowY), zs = splat(<f32>rowZ);
    for (let x = 0; x < count; x++) {
      const i = <usize>(start + x) << 2;
      if (fast && x + 4 <= count) {
        const xv = add(splat(<f32>x), ramp);
        let px = fma(sx, xv, xs), py = fma(sy, xv, ys), pz = fma(sz, xv, zs);
        if (u) {
          if (dims == 3) { px = add(px, loadX3(u, i, n4, points)); py = add(py, loadY3(u, i, n4, points)); pz = add(pz, loadZ3(u, i, n4, points)); }
          else { px = add(px, loadX2(u, i, n4, points)); py = add(py, loadY2(u, i, n4, points)); }
        }
        let all = v128.and(v128.and(f32x4.ge(px, low), f32x4.lt(px, ux)), v128.and(f32x4.ge(py, low), f32x4.lt(py, uy)));
        if (dims == 3) all = v128.and(all, v128.and(f32x4.ge(pz, low), f32x4.lt(pz, uz)));
        else pz = zero;
        if (i32x4.all_true(all)) {
          if (kind == 0) { px = add(px, half); py = add(py, half); pz = add(pz, half); }
          const ix = i32x4.trunc_sat_f32x4_s(px), iy = i32x4.trunc_sat_f32x4_s(py), iz = i32x4.trunc_sat_f32x4_s(pz);
          const b = i32x4.shl(i32x4.sub(i32x4.add(ix, i32x4.add(i32x4.mul(iy, vW), i32x4.mul(iz, vHW))), corner), 2);
          const p0 = image + <usize>i32x4.extract_lane(b, 0), p1 = image + <usize>i32x4.extract_lane(b, 1);
          const p2 = image + <usize>i32x4.extract_lane(b, 2), p3 = image + <usize>i32x4.extract_lane(b, 3);
          if (kind == 0) {
            for (let c: usize = 0, o = out + i, k: usize = 0; c < <usize>C; c++, o += n4, k += channel)
              st(o, v128.load32_lane(p3 + k, v128.load32_lane(p2 + k, v128.load32_lane(p1 + k, v128.load32_zero(p0 + k), 1), 2), 3));
          } else {
            st(fractions, sub(px, f32x4.convert_i32x4_s(ix))); st(fractions + 16, sub(py, f32x4.convert_i32x4_s(iy))); st(fractions + 32, sub(pz, f32x4.convert_i32x4_s(iz)));
            for (let l = 0; l < 4; l++) {
              const p = l < 2 ? (l == 0 ? p0 : p1) : (l == 2 ? p2 : p3);
              cubicDeep(dims, p, C, row, plane, fractions + (<usize>l << 2), points, n4, i + (<usize>l << 2), channel, mode, g, out, aux, scratch);
            }
          }
          if (inside) st(inside + i, one);
          x += 3;
          continue;
        }
      }
      const xr = <f64>x, pu = u + <usize>(start + x) * es;
      let qx = a00 * xr + rowX, qy = a10 * xr + rowY, qz = a20 * xr + rowZ;
      if (u) {
        qx += <f64>load<f32>(pu); qy += <f64>load<f32>(pu + cs);
        if (dims == 3) qz += <f64>load<f32>(pu + 2 * cs);
      }
      let hit = axis(ws, 0, kind, qx, W, 4);
      if (!axis(ws, 1, kind, qy, H, W << 2)) hit = false;
      if (dims == 3 && !axis(ws, 2, kind, qz, D, (H * W) << 2)) hit = false;
      if (inside) store<f32>(inside + i, hit ? 1 : 0);
      const skip = border && !hit;
      if (mode == VALUE || mode == BOTH) {
        if (!skip) table(ws, nz, taps, dims, m, -1, -1, h1, h2, h3, points, n4, i);
        for (let c = 0; c < C; c++) store<f32>(out + <usize>c * n4 + i, skip ? (m ? 0 : fill) : dot(ws, kind, nz, taps, image + <usize>c * channel));
      }
      if (mode == GRADIENT) for (let e = 0; e < dims; e++) {
        let sum: f32 = 0;
        if (!skip) {
          table(ws, nz, taps, dims, m, e, -1, h1, h2, h3, points, n4, i);
          for (let c = 0; c < C; c++) sum += load<f32>(g + <usize>c * n4 + i) * dot(ws, kind, nz, taps, image + <usize>c * channel);
        }
        store<f32>(points ? out + i * dims + (<usize>e << 2) : out + <usize>e * n4 + i, sum);
      }
      if (mode == BOTH) for (let e = 0; e < dims; e++) {
        if (!skip) table(ws, nz, taps, dims, 0, e, -1, 0, 0, 0, points, n4, i);
        for (let c = 0; c < C; c++) store<f32>(aux + <usize>(c * dims + e) * n4 + i, skip ? 0 : dot(ws, kind, nz, taps, image + <usize>c * channel));
      }
      if (mode == HESSIAN) {
        const pairs = dims == 3 ? 6 : 3;
        for (let e = 0, k = 0; e < dims; e++) for (let f = e; f < dims; f++, k++) {
          if (!skip) table(ws, nz, taps, dims, 0, e, f, 0, 0, 0, points, n4, i);
          for (let c = 0; c < C; c++) store<f32>(out + <usize>(c * pairs + k) * n4 + i, skip ? 0 : dot(ws, kind, nz, taps, image + <usize>c * channel));
        }
      }
    }
  }
}

/** Smallest and largest position along the slowest axis in each row, clamped to the image: range [2 · rows]. Slabs: rows. */
export function splatRange(dims: i32, D: i32, H: i32, u: usize, points: i32,
  a0: f64, a1: f64, a2: f64, b: f64, OH: i32, OW: i32, n: i32, range: usize, r0: i32, r1: i32): void {
  const n4: usize = <usize>n << 2, hi = <f64>((dims == 3 ? D : H) - 1);
  for (let r = r0; r < r1; r++) {
    const start = r * OW, count = min(OW, n - start), yr = <f64>(r % OH), zr = <f64>(r / OH);
    let low = hi, high: f64 = 0;
    for (let x = 0; x < count; x++) {
      let q = positionOf(a0, a1, a2, b, <f64>x, yr, zr);
      if (u) q += <f64>component(u, points, dims, n4, <usize>(start + x) << 2, dims - 1);
      q = q > 0 ? (q < hi ? q : hi) : 0.0;
      if (q < low) low = q;
      if (q > high) high = q;
    }
    store<f32>(range + (<usize>r << 3), <f32>low); store<f32>(range + (<usize>r << 3), <f32>high, 4);
  }
}

/** The adjoint of `cubicDeep` in the image, in the planes (rows in 2-D) s0 ≤ … < s1. */
function splatDeep(dims: i32, image: usize, C: i32, H: i32, W: i32, qx: f64, qy: f64, qz: f64, n4: usize, i: usize, channel: usize, g: usize,
  s0: i32, s1: i32, ws: usize): void {
  const ix = <i32>qx, iy = <i32>qy, iz = dims == 3 ? <i32>qz : 1;
  const wx = cubic(<f32>(qx - <f64>ix));
  const row: usize = <usize>W << 2, plane: usize = <usize>H * row;
  st(ws, cubic(<f32>(qy - <f64>iy)));
  if (dims == 3) st(ws + 16, cubic(<f32>(qz - <f64>iz)));
  else store<f32>(ws + 16, 1);
  const k0 = dims == 3 ? max(0, s0 - iz + 1) : 0, k1 = dims == 3 ? min(4, s1 - iz + 1) : 1;
  const j0 = dims == 3 ? 0 : max(0, s0 - iy + 1), j1 = dims == 3 ? 4 : min(4, s1 - iy + 1);
  let to = image + <usize>(iz - 1) * plane + <usize>(iy - 1) * row + (<usize>(ix - 1) << 2);
  for (let c = 0; c < C; c++, to += channel) {
    const gx = mul(v128.load32_splat(g + <usize>c * n4 + i), wx);
    for (let k = k0; k < k1; k++) {
      const gz = mul(v128.load32_splat(ws + (<usize>k << 2), 16), gx);
      let p = to + <usize>k * plane + <usize>j0 * row;
      for (let j = j0; j < j1; j++, p += row) st(p, fma(v128.load32_splat(ws + (<usize>j << 2)), gz, ld(p)));
    }
  }
}
/** p[0], p[1] += a, b */
// @ts-ignore: decorator
@inline function addPair(p: usize, w: f32, a: f32, b: f32): void {
  store<f32>(p, load<f32>(p) + w * a);
  store<f32>(p, load<f32>(p, 4) + w * b, 4);
}
/** The adjoint of linear sampling at one position: p its first voxel, t (16 bytes apart) the fractions, `slow` its plane (row in 2-D). */
// @ts-ignore: decorator
@inline function splatPairs(dims: i32, p0: usize, C: i32, row: usize, plane: usize, t: usize, slow: i32, n4: usize, i: usize, channel: usize, g: usize,
  s0: i32, s1: i32): void {
  const tx = load<f32>(t), ty = load<f32>(t, 16), near = slow >= s0 && slow < s1, far = slow + 1 >= s0 && slow + 1 < s1;
  let p = p0;
  for (let c = 0; c < C; c++, p += channel) {
    const go = load<f32>(g + <usize>c * n4 + i), b = go * tx, a = go - b;
    if (dims == 3) {
      const tz = load<f32>(t, 32);
      if (near) { addPair(p, (1 - tz) * (1 - ty), a, b); addPair(p + row, (1 - tz) * ty, a, b); }
      if (far) { addPair(p + plane, tz * (1 - ty), a, b); addPair(p + plane + row, tz * ty, a, b); }
    } else {
      if (near) addPair(p, 1 - ty, a, b);
      if (far) addPair(p + row, ty, a, b);
    }
  }
}

/**
 * The adjoint of `sampleTaps` (mode 0) in the image: image_c += Σ_k g[c, k] · table_k. Slabs: planes of the image (rows in 2-D), so
 * that every voxel adds its terms in the order of the positions, whatever the slabs. Rows whose `range` misses the slab are skipped.
 */
export function splatTaps(kind: i32, dims: i32, image: usize, C: i32, D: i32, H: i32, W: i32, u: usize, points: i32,
  a00: f64, a01: f64, a02: f64, b0: f64, a10: f64, a11: f64, a12: f64, b1: f64, a20: f64, a21: f64, a22: f64, b2: f64,
  OH: i32, OW: i32, n: i32, border: i32, m: i32, h1: usize, h2: usize, h3: usize,
  g: usize, range: usize, ws: usize, s0: i32, s1: i32): void {
  const n4: usize = <usize>n << 2, channel: usize = (<usize>D * H * W) << 2, rows = (n + OW - 1) / OW;
  const es: usize = points ? dims << 2 : 4, cs: usize = points ? 4 : n4;
  const taps = kind == 2 ? 4 : kind + 1, nz = dims == 3 ? taps : 1, small = (dims == 3 ? D : H) <= 4;
  const lowest = <f32>(s0 - 3), highest = <f32>(s1 + 2);
  const oz = ws + OFFSETS + 32, oy = ws + OFFSETS + 16, ox = ws + OFFSETS;
  // Linear weights: four positions at once, where an axis has two voxels and (border constant) all four are inside.
  const pairs = m == 0 && kind == 1 && W > 1 && H > 1 && (dims == 2 || D > 1);
  const sx = splat(<f32>a00), sy = splat(<f32>a10), sz = splat(<f32>a20), zero = splat(0), ramp = f32x4(0, 1, 2, 3);
  const mx = splat(<f32>(W - 1)), my = splat(<f32>(H - 1)), mz = splat(<f32>(D - 1));
  const wx = i32x4.splat(W - 2), wy = i32x4.splat(H - 2), wz = i32x4.splat(max(D - 2, 0)), vW = i32x4.splat(W), vHW = i32x4.splat(H * W);
  const line: usize = <usize>W << 2, plane: usize = <usize>H * line, fractions = ws + TABLE;
  axis(ws, 2, 0, 0, 1, 0);
  for (let r = 0; r < rows; r++) {
    if (!small && (load<f32>(range + (<usize>r << 3)) > highest || load<f32>(range + (<usize>r << 3), 4) < lowest)) continue;
    const start = r * OW, count = min(OW, n - start), yr = <f64>(r % OH), zr = <f64>(r / OH);
    const rowX = a01 * yr + a02 * zr + b0, rowY = a11 * yr + a12 * zr + b1, rowZ = a21 * yr + a22 * zr + b2;
    const xs = splat(<f32>rowX), ys = splat(<f32>rowY), zs = splat(<f32>rowZ);
    for (let x = 0; x < count; x++) {
      const i = <usize>(start + x) << 2;
      if (pairs && x + 4 <= count) {
        const xv = add(splat(<f32>x), ramp);
        let px = fma(sx, xv, xs), py = fma(sy, xv, ys), pz = fma(sz, xv, zs);
        if (u) {
          if (dims == 3) { px = add(px, loadX3(u, i, n4, points)); py = add(py, loadY3(u, i, n4, points)); pz = add(pz, loadZ3(u, i, n4, points)); }
          else { px = add(px, loadX2(u, i, n4, points)); py = add(py, loadY2(u, i, n4, points)); }
        }
        if (dims == 2) pz = zero;
        const fx = clamp(px, zero, mx), fy = clamp(py, zero, my), fz = clamp(pz, zero, mz), slow = dims == 3 ? fz : fy;
        if (!v128.any_true(v128.and(f32x4.ge(slow, splat(lowest)), f32x4.le(slow, splat(highest))))) { x += 3; continue; }
        if (!border || i32x4.all_true(v128.and(f32x4.eq(fx, px), v128.and(f32x4.eq(fy, py), f32x4.eq(fz, pz))))) {
          const ix = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fx), wx), iy = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fy), wy), iz = i32x4.min_s(i32x4.trunc_sat_f32x4_s(fz), wz);
          st(fractions, sub(fx, f32x4.convert_i32x4_s(ix))); st(fractions + 16, sub(fy, f32x4.convert_i32x4_s(iy))); st(fractions + 32, sub(fz, f32x4.convert_i32x4_s(iz)));
          st(fractions + 48, i32x4.shl(i32x4.add(ix, i32x4.add(i32x4.mul(iy, vW), i32x4.mul(iz, vHW))), 2)); st(fractions + 64, dims == 3 ? iz : iy);
          for (let l: usize = 0; l < 16; l += 4)
            splatPairs(dims, image + <usize>load<i32>(fractions + l, 48), C, line, plane, fractions + l, load<i32>(fractions + l, 64), n4, i + l, channel, g, s0, s1);
          x += 3;
          continue;
        }
      }
      const xr = <f64>x, pu = u + <usize>(start + x) * es;
      let qx = a00 * xr + rowX, qy = a10 * xr + rowY, qz = a20 * xr + rowZ;
      if (u) {
        qx += <f64>load<f32>(pu); qy += <f64>load<f32>(pu + cs);
        if (dims == 3) qz += <f64>load<f32>(pu + 2 * cs);
      }
      // The slowest axis last: its indices stay at INDEX.
      const slow = dims == 3 ? qz : qy, end = dims == 3 ? D : H;
      if (!small) {
        const q = slow > 0 ? (slow < <f64>(end - 1) ? slow : <f64>(end - 1)) : 0.0;
        if (q > <f64>highest || q < <f64>lowest) continue;
      }
      if (m == 0 && kind == 2 && deep(qx, W) && deep(qy, H) && (dims == 2 || deep(qz, D))) {
        splatDeep(dims, image, C, H, W, qx, qy, qz, n4, i, channel, g, s0, s1, ws + TABLE);
        continue;
      }
      let hit = axis(ws, 0, kind, qx, W, 4);
      if (!axis(ws, 1, kind, qy, H, W << 2)) hit = false;
      if (dims == 3 && !axis(ws, 2, kind, qz, D, (H * W) << 2)) hit = false;
      if (border && !hit) continue;
      table(ws, nz, taps, dims, m, -1, -1, h1, h2, h3, points, n4, i);
      const interior = load<i32>(ws + INTERIOR), x0: usize = load<i32>(ox);
      for (let c = 0; c < C; c++) {
        const go = load<f32>(g + <usize>c * n4 + i), to = image + <usize>c * channel;
        let p = ws + TABLE;
        for (let k = 0; k < nz; k++) for (let j = 0; j < taps; j++, p += 16) {
          const at = load<i32>(ws + INDEX + (<usize>(dims == 3 ? k : j) << 2));
          if (at < s0 || at >= s1) continue;
          const row = to + <usize>load<i32>(oz + (k << 2)) + <usize>load<i32>(oy + (j << 2));
          if (kind == 2 && interior) st(row + x0, fma(splat(go), ld(p), ld(row + x0)));
          else for (let l = 0; l < taps; l++) {
            const q = row + <usize>load<i32>(ox + (l << 2));
            store<f32>(q, load<f32>(q) + go * load<f32>(p + (<usize>l << 2)));
          }
        }
      }
    }
  }
}
