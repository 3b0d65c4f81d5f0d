import { fma, ld, mul, splat, st, sub } from "./simd";

/**
 * Outer products of normalised gradients,  n = ∇I / √(|∇I|² + ε²): channels n_x², n_y², (n_z²,) √2 n_x n_y (, √2 n_x n_z, √2 n_y n_z) of volumes [V, D, H, W],
 * central differences, one-sided at the borders (see the twin). g = 0: out [V, K, D, H, W]. Else g is the cotangent of the channels, and out, d blocks
 * [V, D, H, W] one after another, takes that of ∂_x I, ∂_y I (, ∂_z I). Slabs: rows i = (v·D + z)·H + y; workspace: a row of differences along x.
 */
export function ngfWorkspace(W: i32): i32 { return 4 * W + 128; }
// @ts-ignore: decorator
@inline function put(p: usize, v: v128, count: i32): void {
  if (count >= 4) { st(p, v); return; }
  store<f32>(p, f32x4.extract_lane(v, 0));
  if (count > 1) store<f32>(p + 4, f32x4.extract_lane(v, 1));
  if (count > 2) store<f32>(p + 8, f32x4.extract_lane(v, 2));
}
export function ngfChannels(
  image: usize, g: usize, out: usize, planar: i32, V: i32, D: i32, H: i32, W: i32, sx: f32, sy: f32, sz: f32, edge: f32, ws: usize, i0: i32, i1: i32,
): void {
  const n4: usize = <usize>(D * H * W) << 2, K: usize = planar ? 3 : 6, root2 = splat(1.4142135), two = splat(2), eps = splat(edge * edge);
  for (let i = i0; i < i1; i++) {
    const v = i / (D * H), z = (i / H) % D, y = i % H, row = image + (<usize>(i * W) << 2);
    // Along x into the workspace.
    const half: f32 = 0.5 * sx;
    for (let x = 1; x < W - 1; x += 4) {
      const p = row + (<usize>x << 2);
      st(ws + (<usize>x << 2), mul(splat(half), sub(ld(p + 4), ld(p - 4))));
    }
    const last: usize = <usize>(W - 1) << 2;
    store<f32>(ws, W > 1 ? sx * (load<f32>(row + 4) - load<f32>(row)) : 0);
    store<f32>(ws + last, W > 1 ? sx * (load<f32>(row + last) - load<f32>(row + last - 4)) : 0);
    const up: usize = y > 0 ? <usize>W << 2 : 0, down: usize = y < H - 1 ? <usize>W << 2 : 0, sheet: usize = <usize>(H * W) << 2;
    const back: usize = z > 0 ? sheet : 0, ahead: usize = z < D - 1 ? sheet : 0;
    const fy = splat(up != 0 && down != 0 ? 0.5 * sy : sy), fz = splat(back != 0 && ahead != 0 ? 0.5 * sz : sz);
    const at = <usize>(v * <i32>K) * n4 + (<usize>((z * H + y) * W) << 2);
    for (let x = 0; x < W; x += 4) {
      const t: usize = <usize>x << 2, p = row + t, left = W - x;
      const gx = ld(ws + t), gy = mul(fy, sub(ld(p + down), ld(p - up))), gz = planar ? splat(0) : mul(fz, sub(ld(p + ahead), ld(p - back)));
      const inverse = f32x4.div(splat(1), f32x4.sqrt(fma(gx, gx, fma(gy, gy, fma(gz, gz, eps)))));
      const nx = mul(gx, inverse), ny = mul(gy, inverse), nz = mul(gz, inverse), q = (g != 0 ? g : out) + at + t;
      if (g == 0) {
        put(q, mul(nx, nx), left);
        put(q + n4, mul(ny, ny), left);
        if (planar) put(q + 2 * n4, mul(root2, mul(nx, ny)), left);
        else {
          put(q + 2 * n4, mul(nz, nz), left);
          put(q + 3 * n4, mul(root2, mul(nx, ny)), left);
          put(q + 4 * n4, mul(root2, mul(nx, nz)), left);
          put(q + 5 * n4, mul(root2, mul(ny, nz)), left);
        }
        continue;
      }
      // v = ∂/∂n, and of the gradient (v − n ⟨n, v⟩) / √(|∇I|² + ε²)
      const xy = mul(root2, ld(q + (planar ? 2 * n4 : 3 * n4)));
      let vx = fma(mul(two, ld(q)), nx, mul(xy, ny)), vy = fma(mul(two, ld(q + n4)), ny, mul(xy, nx)), vz = splat(0);
      if (!planar) {
        const xz = mul(root2, ld(q + 4 * n4)), yz = mul(root2, ld(q + 5 * n4));
        vx = fma(xz, nz, vx);
        vy = fma(yz, nz, vy);
        vz = fma(mul(two, ld(q + 2 * n4)), nz, fma(xz, nx, mul(yz, ny)));
      }
      const along = fma(nx, vx, fma(ny, vy, mul(nz, vz))), o = out + (<usize>(i * W) << 2) + t, apart = <usize>V * n4;
      put(o, mul(inverse, sub(vx, mul(nx, along))), left);
      put(o + apart, mul(inverse, sub(vy, mul(ny, along))), left);
      if (!planar) put(o + 2 * apart, mul(inverse, sub(vz, mul(nz, along))), left);
    }
  }
}
