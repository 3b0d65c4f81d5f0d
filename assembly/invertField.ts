import { add, fma, ld, mul, splat, st, sub } from "./simd";

/**
 * Inverse of a displacement field: v with v(q) = −u(q + v(q)) for every voxel q; u [dims, D, H, W] planes x, y(, z) in voxels, linear
 * between the voxels, border values beyond them (so y(p) = p + u(p) reaches every q). In 2-D D = 1.
 * Newton's method per voxel on r(w) = w + u(q + w) with the derivative of the interpolant, steps halved until |r| falls.
 */

/** Voxels per axis, 16 bytes each: cell (i32), fraction (f32), 1 where u changes along the axis and 0 beyond the border (f32). */
// @ts-ignore: decorator
@inline function cell(at: usize, q: i32, w: f32, n: i32): void {
  const below = floor(w), last = n - 1 - q;
  if (!(below >= <f32>-q)) { store<i32>(at, 0); store<f32>(at, 0, 4); store<f32>(at, 0, 8); } // NaN comes here, too
  else if (below >= <f32>last) {
    store<i32>(at, max(n - 2, 0)); store<f32>(at, n > 1 ? 1 : 0, 4); store<f32>(at, n > 1 && w == <f32>last ? 1 : 0, 8);
  } else { store<i32>(at, q + <i32>below); store<f32>(at, w - below, 4); store<f32>(at, 1, 8); }
}
/** [u, ∂u/∂x, ∂u/∂y, ∂u/∂z] of one plane: a, b the corners of the cell below and above in z, [x0 y0, x1 y0, x0 y1, x1 y1]. */
// @ts-ignore: decorator
@inline function interpolate(p: usize, sy: usize, sz: usize, fz: v128, value: v128, dx: v128, dy: v128): v128 {
  const a = v128.load_lane<u64>(p + sy, v128.load64_zero(p), 1), b = v128.load_lane<u64>(p + sz + sy, v128.load64_zero(p + sz), 1);
  const rise = sub(b, a), m = fma(fz, rise, a);
  const r0 = mul(m, value), r1 = mul(m, dx), r2 = mul(m, dy), r3 = mul(rise, value);
  const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const t2 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5), t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  const left = add(t0, t1), right = add(t2, t3);
  return add(v128.shuffle<f32>(left, right, 0, 1, 4, 5), v128.shuffle<f32>(left, right, 2, 3, 6, 7));
}
/** |r|² at w; rows [r_a, ∂u_a/∂x, ∂u_a/∂y, ∂u_a/∂z] are left in ws (16 bytes a row). */
function residual(u: usize, dims: i32, D: i32, H: i32, W: i32, x: i32, y: i32, z: i32, wx: f32, wy: f32, wz: f32, ws: usize): f32 {
  const c = ws + 48;
  cell(c, x, wx, W); cell(c + 16, y, wy, H); cell(c + 32, z, wz, D);
  const fx = load<f32>(c, 4), fy = load<f32>(c, 20), gx: f32 = 1.0 - fx, gy: f32 = 1.0 - fy;
  const sy: usize = H > 1 ? <usize>W << 2 : 0, sz: usize = D > 1 ? (<usize>W * H) << 2 : 0, plane = (<usize>D * H * W) << 2;
  const p = u + (((<usize>load<i32>(c, 32) * H + load<i32>(c, 16)) * W + load<i32>(c)) << 2);
  const across = f32x4(gx, fx, gx, fx), along = f32x4(gy, gy, fy, fy), value = mul(across, along);
  const s = load<f32>(c, 8), dx = mul(f32x4(-s, s, -s, s), along);
  const t = load<f32>(c, 24), dy = mul(f32x4(-t, -t, t, t), across);
  const fz = splat(load<f32>(c, 36)), mask = f32x4(1, 1, 1, load<f32>(c, 40));
  const a = mul(mask, interpolate(p, sy, sz, fz, value, dx, dy)), b = mul(mask, interpolate(p + plane, sy, sz, fz, value, dx, dy));
  const rx = wx + f32x4.extract_lane(a, 0), ry = wy + f32x4.extract_lane(b, 0);
  st(ws, f32x4.replace_lane(a, 0, rx)); st(ws + 16, f32x4.replace_lane(b, 0, ry));
  if (dims < 3) { st(ws + 32, splat(0)); return rx * rx + ry * ry; }
  const e = mul(mask, interpolate(p + 2 * plane, sy, sz, fz, value, dx, dy)), rz = wz + f32x4.extract_lane(e, 0);
  st(ws + 32, f32x4.replace_lane(e, 0, rz));
  return rx * rx + ry * ry + rz * rz;
}

/**
 * v, |r| per voxel (`rest`, or 0) and the largest |r| of each row (`largest`, D·H floats). Returns how many voxels keep |r| > 0.1.
 * Start: −u(q) or the left neighbour's v, whichever leaves less; a neighbour's that is within a quarter of a voxel is taken at once.
 * A voxel that keeps more than 0.1 (a fold: the neighbour's sheet has ended) starts again from −u(q), then from 0; the best v is kept.
 * Workspace: 96 bytes. Slabs: rows.
 */
export function invertField(
  u: usize, dims: i32, D: i32, H: i32, W: i32, v: usize, rest: usize, largest: usize, iterations: i32, tolerance: f32, ws: usize, r0: i32, r1: i32,
): f64 {
  const plane: usize = (<usize>D * H * W) << 2, enough = tolerance * tolerance;
  let far = 0;
  for (let r = r0; r < r1; r++) {
    const y = r % H, z = r / H;
    let wx: f32 = 0, wy: f32 = 0, wz: f32 = 0, most: f32 = 0;
    for (let x = 0; x < W; x++) {
      const at: usize = (<usize>r * W + x) << 2;
      let s: f32 = f32.NaN;
      if (x > 0) s = residual(u, dims, D, H, W, x, y, z, wx, wy, wz, ws);
      if (!(s < 0.0625)) {
        const ax = -load<f32>(u + at), ay = -load<f32>(u + plane + at), az: f32 = dims > 2 ? -load<f32>(u + 2 * plane + at) : 0;
        const other = residual(u, dims, D, H, W, x, y, z, ax, ay, az, ws);
        if (!(s <= other)) { s = other; wx = ax; wy = ay; wz = az; }
        else residual(u, dims, D, H, W, x, y, z, wx, wy, wz, ws);
      }
      let best = s, bx = wx, by = wy, bz = wz;
      for (let start = 0; start < 3; start++) {
        if (start > 0) {
          if (!(best > 0.01)) break;
          if (start == 1) { wx = -load<f32>(u + at); wy = -load<f32>(u + plane + at); wz = dims > 2 ? -load<f32>(u + 2 * plane + at) : 0; }
          else { wx = 0; wy = 0; wz = 0; }
          s = residual(u, dims, D, H, W, x, y, z, wx, wy, wz, ws);
        }
        for (let k = 0; k < iterations && s > enough; k++) {
          const rx = load<f32>(ws), ry = load<f32>(ws, 16), rz = load<f32>(ws, 32);
          const a = <f32>1 + load<f32>(ws, 4), b = load<f32>(ws, 8), c = load<f32>(ws, 12);
          const d = load<f32>(ws, 20), e = <f32>1 + load<f32>(ws, 24), f = load<f32>(ws, 28);
          const g = load<f32>(ws, 36), h = load<f32>(ws, 40), i = <f32>1 + load<f32>(ws, 44);
          const A = e * i - f * h, B = f * g - d * i, C = d * h - e * g, det = a * A + b * B + c * C;
          let px: f32 = -0.5 * rx, py: f32 = -0.5 * ry, pz: f32 = -0.5 * rz;
          if (det > 1e-6) {
            const m = <f32>-1 / det;
            px = m * (A * rx + (c * h - b * i) * ry + (b * f - c * e) * rz);
            py = m * (B * rx + (a * i - c * g) * ry + (c * d - a * f) * rz);
            pz = m * (C * rx + (b * g - a * h) * ry + (a * e - b * d) * rz);
          }
          let t: f32 = 1, next = s, tries = 0;
          for (; tries < 7; tries++, t *= 0.5) {
            next = residual(u, dims, D, H, W, x, y, z, wx + t * px, wy + t * py, wz + t * pz, ws);
            if (next < s) break;
          }
          if (tries < 7) { wx += t * px; wy += t * py; wz += t * pz; s = next; }
          else { // a kink between two cells: leave it by a damped fixed-point step, whatever it costs
            wx -= 0.5 * rx; wy -= 0.5 * ry; wz -= 0.5 * rz;
            s = residual(u, dims, D, H, W, x, y, z, wx, wy, wz, ws);
          }
          if (s < best) { best = s; bx = wx; by = wy; bz = wz; }
        }
      }
      wx = bx; wy = by; wz = bz;
      store<f32>(v + at, wx); store<f32>(v + plane + at, wy);
      if (dims > 2) store<f32>(v + 2 * plane + at, wz);
      const length = sqrt(best);
      if (rest) store<f32>(rest + at, length);
      most = max(most, length);
      if (!(length <= 0.1)) far++;
    }
    store<f32>(largest + (<usize>r << 2), most);
  }
  return <f64>far;
}
