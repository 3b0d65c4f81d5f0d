import { ld, mul, splat, st, sub } from "./simd";

/**
 * What two images pull at a field that warps both, symmetrically:  out_i(p) = factor · (g(p) ∂_i I(p) − h(p) ∂_i J(p)),  central differences in voxels,
 * 0 where one of the two neighbours is missing; planes x, y(, z) of a grid [D, H, W], D = 1 with d = 2 for pictures. J = 0: the first term alone.
 */
// @ts-ignore: decorator
@inline function slope(p: usize, back: usize, ahead: usize): v128 { return sub(ld(p + ahead), ld(p - back)); }

export function gradientForce(I: usize, g: usize, J: usize, h: usize, out: usize, factor: f32, d: i32, D: i32, H: i32, W: i32, r0: i32, r1: i32): void {
  const plane: usize = (<usize>D * H * W) << 2;
  const line: usize = <usize>W << 2, sheet: usize = (<usize>H * W) << 2;
  const half = splat(<f32>0.5 * factor);
  for (let r = r0; r < r1; r++) {
    const y = r % H, z = r / H;
    const row: usize = (<usize>r * W) << 2;
    const oy: usize = y > 0 && y < H - 1 ? line : 0, oz: usize = z > 0 && z < D - 1 ? sheet : 0;
    let x = 0;
    // The first voxel of a row is done below, with the tail: it has no left neighbour.
    for (x = 1; x + 4 <= W; x += 4) {
      const at = row + (<usize>x << 2);
      const p = I + at, o = out + at, w = mul(ld(g + at), half);
      let vx = mul(w, slope(p, 4, 4)), vy = mul(w, slope(p, oy, oy)), vz = splat(0);
      if (d == 3) vz = mul(w, slope(p, oz, oz));
      if (J) {
        const q = J + at, k = mul(ld(h + at), half);
        vx = sub(vx, mul(k, slope(q, 4, 4)));
        vy = sub(vy, mul(k, slope(q, oy, oy)));
        if (d == 3) vz = sub(vz, mul(k, slope(q, oz, oz)));
      }
      st(o, vx);
      st(o + plane, vy);
      if (d == 3) st(o + 2 * plane, vz);
    }
    one(I, g, J, h, out, factor, d, plane, oy, oz, row, 0, W);
    for (; x < W; x++) one(I, g, J, h, out, factor, d, plane, oy, oz, row, x, W);
    store<f32>(out + row + line - 4, 0);
  }
}
function one(I: usize, g: usize, J: usize, h: usize, out: usize, factor: f32, d: i32, plane: usize, oy: usize, oz: usize, row: usize, x: i32, W: i32): void {
  const at = row + (<usize>x << 2);
  const ox: usize = x > 0 && x < W - 1 ? 4 : 0;
  const w = load<f32>(g + at) * <f32>0.5 * factor, p = I + at;
  let vx = w * (load<f32>(p + ox) - load<f32>(p - ox)), vy = w * (load<f32>(p + oy) - load<f32>(p - oy)), vz = w * (load<f32>(p + oz) - load<f32>(p - oz));
  if (J) {
    const k = load<f32>(h + at) * <f32>0.5 * factor, q = J + at;
    vx -= k * (load<f32>(q + ox) - load<f32>(q - ox));
    vy -= k * (load<f32>(q + oy) - load<f32>(q - oy));
    vz -= k * (load<f32>(q + oz) - load<f32>(q - oz));
  }
  store<f32>(out + at, vx);
  store<f32>(out + plane + at, vy);
  if (d == 3) store<f32>(out + 2 * plane + at, vz);
}
