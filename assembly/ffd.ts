import { add, fma, ld, mul, splat, st } from "./simd";

/**
 * Free-form deformation on a dense lattice: a cubic B-spline with control points [C, GD, GH, GW] evaluated at D × H × W voxels, one axis
 * after the other. For voxel i of an axis a table holds the first control index and four weights (`start`, `weights`; weights of slots
 * beyond the control grid are 0), so any spacing, origin and order of derivative is one kernel. taps: 4, or 1 where an axis is absent.
 * z and y are contracted once per plane and once per row; along x four voxels take four weighted loads and one 4 × 4 transpose.
 * Workspace: (GH·GW + GW + 16) floats. Slabs: the C·D planes of the output.
 */
// @ts-ignore: decorator
@inline function axpy(dst: usize, src: usize, w: f32, bytes: usize, first: bool): void {
  const v = splat(w);
  for (let x: usize = 0; x < bytes; x += 16) st(dst + x, first ? mul(v, ld(src + x)) : fma(v, ld(src + x), ld(dst + x)));
}
/** dst = Σ_k w[k] · src[start + k], skipping weights of 0 (slots beyond the control grid). dst may be written up to 12 bytes too far. */
function contract(dst: usize, src: usize, start: i32, w: usize, taps: i32, bytes: usize): void {
  let first = true;
  for (let k = 0; k < taps; k++) {
    const s = load<f32>(w + (<usize>k << 2));
    if (s == 0) continue;
    axpy(dst, src + <usize>(start + k) * bytes, s, bytes, first);
    first = false;
  }
  if (first) memory.fill(dst, 0, bytes);
}
// @ts-ignore: decorator
@inline function pad(floats: i32): usize { return <usize>((floats + 7) & ~3) << 2; }

export function ffd(control: usize, GD: i32, GH: i32, GW: i32, D: i32, H: i32, W: i32,
  zs: usize, zw: usize, zt: i32, ys: usize, yw: usize, xs: usize, xw: usize, out: usize, ws: usize, i0: i32, i1: i32): void {
  const plane: usize = (<usize>GH * GW) << 2, row: usize = <usize>GW << 2;
  const P = ws, R = ws + pad(GH * GW);
  memory.fill(P + plane, 0, R - P - plane);
  memory.fill(R, 0, pad(GW));
  for (let i = i0; i < i1; i++) {
    const z = i % D;
    contract(P, control + <usize>(i / D) * <usize>GD * plane, load<i32>(zs + (<usize>z << 2)), zw + (<usize>z << 4), zt, plane);
    memory.fill(P + plane, 0, R - P - plane);
    for (let y = 0; y < H; y++) {
      contract(R, P, load<i32>(ys + (<usize>y << 2)), yw + (<usize>y << 4), 4, row);
      const o = out + ((<usize>i * H + y) * <usize>W << 2);
      let x = 0;
      for (; x + 4 <= W; x += 4) {
        const s = xs + (<usize>x << 2), w = xw + (<usize>x << 4);
        const a = mul(ld(w), ld(R + (<usize>load<i32>(s) << 2))), b = mul(ld(w, 16), ld(R + (<usize>load<i32>(s, 4) << 2)));
        const c = mul(ld(w, 32), ld(R + (<usize>load<i32>(s, 8) << 2))), d = mul(ld(w, 48), ld(R + (<usize>load<i32>(s, 12) << 2)));
        const ab = add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7)); // a0+a2 b0+b2 a1+a3 b1+b3
        const cd = add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
        st(o + (<usize>x << 2), add(v128.shuffle<f64>(ab, cd, 0, 2), v128.shuffle<f64>(ab, cd, 1, 3)));
      }
      for (; x < W; x++) {
        const w = xw + (<usize>x << 4), p = R + (<usize>load<i32>(xs + (<usize>x << 2)) << 2);
        store<f32>(o + (<usize>x << 2), (load<f32>(w) * load<f32>(p) + load<f32>(w, 8) * load<f32>(p, 8)) + (load<f32>(w, 4) * load<f32>(p, 4) + load<f32>(w, 12) * load<f32>(p, 12)));
      }
    }
  }
}

/**
 * First half of the transpose: each dense plane of g contracted along x and y, planes [C·D, GH, GW].
 * Workspace: (GH · (GW rounded up + 4) + GW + 16) floats. Slabs: the C·D planes.
 */
export function ffdAdjointPlanes(g: usize, GH: i32, GW: i32, H: i32, W: i32,
  ys: usize, yw: usize, xs: usize, xw: usize, planes: usize, ws: usize, i0: i32, i1: i32): void {
  const pitch = pad(GW), P = ws, R = ws + <usize>GH * pitch, row: usize = <usize>GW << 2;
  for (let i = i0; i < i1; i++) {
    memory.fill(P, 0, R - P);
    for (let y = 0; y < H; y++) {
      memory.fill(R, 0, pitch);
      const from = g + ((<usize>i * H + y) * <usize>W << 2);
      // Neighbouring voxels mostly share their four control points: one addition to memory for each such run.
      for (let x = 0; x < W; ) {
        const s = load<i32>(xs + (<usize>x << 2)), p = R + (<usize>s << 2);
        let a = splat(0), b = a;
        for (; x + 1 < W && load<i32>(xs + (<usize>x << 2), 4) == s; x += 2) {
          a = fma(v128.load32_splat(from + (<usize>x << 2)), ld(xw + (<usize>x << 4)), a);
          b = fma(v128.load32_splat(from + (<usize>x << 2), 4), ld(xw + (<usize>x << 4), 16), b);
        }
        if (x < W && load<i32>(xs + (<usize>x << 2)) == s) { a = fma(v128.load32_splat(from + (<usize>x << 2)), ld(xw + (<usize>x << 4)), a); x++; }
        st(p, add(ld(p), add(a, b)));
      }
      const start = load<i32>(ys + (<usize>y << 2));
      for (let k = 0; k < 4; k++) {
        const w = load<f32>(yw + (<usize>y << 4) + (<usize>k << 2));
        if (w != 0) axpy(P + <usize>(start + k) * pitch, R, w, row, false);
      }
    }
    for (let y = 0; y < GH; y++) memory.copy(planes + (<usize>i * GH + y) * row, P + <usize>y * pitch, row);
  }
}

/** Second half: control[c, k] = Σ_z w_z[k] · planes[c, z], in the order of z. `count` = GH·GW. Slabs: the C·GD control planes. */
export function ffdAdjointSum(planes: usize, D: i32, GD: i32, count: i32, zs: usize, zw: usize, zt: i32, control: usize, i0: i32, i1: i32): void {
  const bytes: usize = <usize>count << 2;
  for (let i = i0; i < i1; i++) {
    const k = i % GD, to = control + <usize>i * bytes, from = planes + <usize>(i / GD) * <usize>D * bytes;
    memory.fill(to, 0, bytes);
    for (let z = 0; z < D; z++) {
      const t = k - load<i32>(zs + (<usize>z << 2));
      if (t < 0 || t >= zt) continue;
      const w = load<f32>(zw + (<usize>z << 4) + (<usize>t << 2)), p = from + <usize>z * bytes, v = splat(w);
      let x: usize = 0;
      for (; x + 16 <= bytes; x += 16) st(to + x, fma(v, ld(p + x), ld(to + x)));
      for (; x < bytes; x += 4) store<f32>(to + x, load<f32>(to + x) + w * load<f32>(p + x));
    }
  }
}
