import { ld, mul, splat, st, sub } from "./simd";

/**
 * out_i(p) = factor · g(p) · ∂_i image(p), central differences in voxels (0 across a border along its own axis: both neighbours are needed),
 * planes x, y(, z) of a grid [D, H, W]; D = 1 with d = 2 for pictures. Adds to out when `accumulate` is 1.
 */
export function gradientForce(image: usize, g: usize, out: usize, factor: f32, d: i32, D: i32, H: i32, W: i32, r0: i32, r1: i32): void {
  const plane: usize = (<usize>D * H * W) << 2;
  const line: usize = <usize>W << 2, sheet: usize = (<usize>H * W) << 2;
  const half = splat(<f32>0.5 * factor);
  for (let r = r0; r < r1; r++) {
    const y = r % H, z = r / H;
    const row: usize = (<usize>r * W) << 2;
    const ys: f32 = y > 0 && y < H - 1 ? 1 : 0, zs: f32 = z > 0 && z < D - 1 ? 1 : 0;
    const oy: usize = ys != 0 ? line : 0, oz: usize = zs != 0 ? sheet : 0;
    let x = 0;
    for (; x + 4 <= W; x += 4) {
      const p = image + row + (<usize>x << 2), o = out + row + (<usize>x << 2);
      const w = mul(ld(g + row + (<usize>x << 2)), half);
      // The row's ends read a neighbouring row's value here; the two voxels are set to 0 below.
      st(o, mul(w, sub(ld(p, 4), x > 0 || r > 0 ? ld(p - 4) : v128.shuffle<f32>(ld(p), ld(p), 0, 0, 1, 2))));
      st(o + plane, mul(w, sub(ld(p + oy), ld(p - oy))));
      if (d == 3) st(o + 2 * plane, mul(w, sub(ld(p + oz), ld(p - oz))));
    }
    for (; x < W; x++) {
      const p = image + row + (<usize>x << 2), o = out + row + (<usize>x << 2);
      const w = load<f32>(g + row + (<usize>x << 2)) * <f32>0.5 * factor;
      store<f32>(o, x > 0 && x < W - 1 ? w * (load<f32>(p + 4) - load<f32>(p - 4)) : 0);
      store<f32>(o + plane, w * (load<f32>(p + oy) - load<f32>(p - oy)));
      if (d == 3) store<f32>(o + 2 * plane, w * (load<f32>(p + oz) - load<f32>(p - oz)));
    }
    store<f32>(out + row, 0);
    store<f32>(out + row + line - 4, 0);
  }
}
