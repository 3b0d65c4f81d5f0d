import { put } from "./lanes";
import { add, fma, ld, mul, splat, st, sub } from "./simd";

/**
 * Jacobian determinant of p + u(p):  det(I + ∂u/∂p), central differences inside, one-sided ones at the borders, 0 along an axis of one
 * voxel. u [dims, D, H, W] planes x, y(, z) in the units of the spacings (1 / ix …: differences are multiplied by ix, iy, iz).
 * In 2-D D = 1. Row by row: the nine rows of ∂u/∂p first, then the determinant (or the cofactors) four voxels at a time.
 */
// @ts-ignore: decorator
@inline function rowBytes(W: i32): usize { return <usize>((W + 7) & ~3) << 2; }
/** d = s (a − b) */
function difference(d: usize, a: usize, b: usize, s: f32, bytes: usize): void {
  const v = splat(s);
  for (let x: usize = 0; x < bytes; x += 16) st(d + x, mul(v, sub(ld(a + x), ld(b + x))));
}
function differenceX(d: usize, a: usize, s: f32, W: i32): void {
  if (W == 1) { store<f32>(d, 0); return; }
  const end = <usize>(W - 1) << 2, v = splat(0.5 * s);
  for (let x: usize = 4; x < end; x += 16) st(d + x, mul(v, sub(ld(a + x + 4), ld(a + x - 4))));
  store<f32>(d, s * (load<f32>(a, 4) - load<f32>(a)));
  store<f32>(d + end, s * (load<f32>(a + end) - load<f32>(a + end - 4)));
}
/** Rows J[a][b] = δ + ∂u_a/∂b at (y, z), written at J + (3a + b) · rb. */
function gradientRows(J: usize, rb: usize, u: usize, dims: i32, D: i32, H: i32, W: i32, y: i32, z: i32, ix: f32, iy: f32, iz: f32): void {
  const bytes: usize = <usize>W << 2, plane: usize = <usize>H * bytes, n4: usize = <usize>D * plane, one = splat(1);
  const yp = min(y + 1, H - 1), ym = max(y - 1, 0), zp = min(z + 1, D - 1), zm = max(z - 1, 0);
  for (let a = 0; a < 3; a++) {
    const d = J + <usize>(3 * a) * rb, base = u + <usize>a * n4;
    if (a >= dims) { memory.fill(d, 0, 3 * rb); }
    else {
      differenceX(d, base + <usize>z * plane + <usize>y * bytes, ix, W);
      if (H > 1) difference(d + rb, base + <usize>z * plane + <usize>yp * bytes, base + <usize>z * plane + <usize>ym * bytes, iy / <f32>(yp - ym), bytes);
      else memory.fill(d + rb, 0, rb);
      if (D > 1) difference(d + 2 * rb, base + <usize>zp * plane + <usize>y * bytes, base + <usize>zm * plane + <usize>y * bytes, iz / <f32>(zp - zm), bytes);
      else memory.fill(d + 2 * rb, 0, rb);
    }
    const diagonal = d + <usize>a * rb;
    for (let x: usize = 0; x < bytes; x += 16) st(diagonal + x, add(ld(diagonal + x), one));
  }
}
// @ts-ignore: decorator
@inline function minor(a: v128, b: v128, c: v128, d: v128): v128 { return sub(mul(a, d), mul(b, c)); }

/** Workspace: 9 rows of (W + 7) floats. Slabs: rows. */
export function jacobianDeterminant(u: usize, dims: i32, D: i32, H: i32, W: i32, ix: f32, iy: f32, iz: f32, out: usize, ws: usize, r0: i32, r1: i32): void {
  const rb = rowBytes(W), bytes: usize = <usize>W << 2;
  for (let r = r0; r < r1; r++) {
    gradientRows(ws, rb, u, dims, D, H, W, r % H, r / H, ix, iy, iz);
    const o = out + <usize>r * bytes;
    for (let x: usize = 0; x < bytes; x += 16) {
      const p = ws + x;
      const a = ld(p), b = ld(p + rb), c = ld(p + 2 * rb), d = ld(p + 3 * rb), e = ld(p + 4 * rb), f = ld(p + 5 * rb), g = ld(p + 6 * rb), h = ld(p + 7 * rb), i = ld(p + 8 * rb);
      const v = fma(a, minor(e, f, h, i), sub(mul(c, minor(d, e, g, h)), mul(b, minor(d, f, g, i))));
      put(o + x, v, <i32>((bytes - x) >> 2));
    }
  }
}

/** M[a][b] rows of one plane = g · cofactor(a, b); planes at M + (3a + b) · H · rb. */
function cofactorPlane(M: usize, J: usize, rb: usize, u: usize, g: usize, dims: i32, D: i32, H: i32, W: i32, z: i32, ix: f32, iy: f32, iz: f32): void {
  const bytes: usize = <usize>W << 2, P: usize = <usize>H * rb;
  for (let y = 0; y < H; y++) {
    gradientRows(J, rb, u, dims, D, H, W, y, z, ix, iy, iz);
    const from = g + (<usize>z * H + y) * bytes;
    for (let x: usize = 0; x < bytes; x += 16) {
      const p = J + x, q = M + <usize>y * rb + x, s = ld(from + x);
      const a = ld(p), b = ld(p + rb), c = ld(p + 2 * rb), d = ld(p + 3 * rb), e = ld(p + 4 * rb), f = ld(p + 5 * rb), k = ld(p + 6 * rb), h = ld(p + 7 * rb), i = ld(p + 8 * rb);
      st(q, mul(s, minor(e, f, h, i))); st(q + P, mul(s, minor(f, d, i, k))); st(q + 2 * P, mul(s, minor(d, e, k, h)));
      st(q + 3 * P, mul(s, minor(c, b, i, h))); st(q + 4 * P, mul(s, minor(a, c, k, i))); st(q + 5 * P, mul(s, minor(b, a, h, k)));
      st(q + 6 * P, mul(s, minor(b, c, e, f))); st(q + 7 * P, mul(s, minor(c, a, f, d))); st(q + 8 * P, mul(s, minor(a, b, d, e)));
    }
  }
}
/** d += s · a over W floats, exactly. */
function addRow(d: usize, a: usize, s: f32, bytes: usize): void {
  const v = splat(s);
  let x: usize = 0;
  for (; x + 16 <= bytes; x += 16) st(d + x, fma(v, ld(a + x), ld(d + x)));
  for (; x < bytes; x += 4) store<f32>(d + x, load<f32>(d + x) + s * load<f32>(a + x));
}
// @ts-ignore: decorator
@inline function weight(q: i32, n: i32): f32 { return q == 0 || q == n - 1 ? 1 : 0.5; }

/**
 * gu_a = Σ_b D_bᵀ (g · cofactor(a, b)): the derivative of Σ g · det in u.
 * Workspace: three planes of nine (H rows of (W + 7) floats) and nine rows. Slabs: planes z.
 */
export function jacobianDeterminantGradient(u: usize, g: usize, dims: i32, D: i32, H: i32, W: i32, ix: f32, iy: f32, iz: f32, gu: usize, ws: usize, z0: i32, z1: i32): void {
  const rb = rowBytes(W), P: usize = <usize>H * rb, ring = 9 * P, J = ws + 3 * ring, bytes: usize = <usize>W << 2, n4: usize = <usize>D * H * bytes;
  for (let z = max(z0 - 1, 0); z < min(z0 + 1, D); z++) cofactorPlane(ws + <usize>(z % 3) * ring, J, rb, u, g, dims, D, H, W, z, ix, iy, iz);
  for (let z = z0; z < z1; z++) {
    if (z + 1 < D) cofactorPlane(ws + <usize>((z + 1) % 3) * ring, J, rb, u, g, dims, D, H, W, z + 1, ix, iy, iz);
    const here = ws + <usize>(z % 3) * ring, below = ws + <usize>((z + 2) % 3) * ring, above = ws + <usize>((z + 1) % 3) * ring;
    for (let a = 0; a < dims; a++) for (let y = 0; y < H; y++) {
      const o = gu + <usize>a * n4 + (<usize>z * H + y) * bytes, m = <usize>(3 * a) * P + <usize>y * rb;
      memory.fill(o, 0, bytes);
      const mx = here + m;
      for (let x = 0; x < W && W > 1; x++) {
        let s: f32 = 0;
        const p = mx + (<usize>x << 2);
        if (x > 0) s += weight(x - 1, W) * load<f32>(p - 4);
        if (x < W - 1) s -= weight(x + 1, W) * load<f32>(p, 4);
        if (x == 0) s -= load<f32>(p);
        if (x == W - 1) s += load<f32>(p);
        store<f32>(o + (<usize>x << 2), ix * s);
      }
      if (H > 1) {
        const my = mx + P;
        if (y > 0) addRow(o, my - rb, iy * weight(y - 1, H), bytes);
        if (y < H - 1) addRow(o, my + rb, -iy * weight(y + 1, H), bytes);
        if (y == 0) addRow(o, my, -iy, bytes);
        if (y == H - 1) addRow(o, my, iy, bytes);
      }
      if (D > 1) {
        const mz = m + 2 * P;
        if (z > 0) addRow(o, below + mz, iz * weight(z - 1, D), bytes);
        if (z < D - 1) addRow(o, above + mz, -iz * weight(z + 1, D), bytes);
        if (z == 0) addRow(o, here + mz, -iz, bytes);
        if (z == D - 1) addRow(o, here + mz, iz, bytes);
      }
    }
  }
}
