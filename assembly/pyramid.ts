import { add, fma, ld, mul, splat, st } from "./simd";

/** Planes half and twice as large, [1 4 6 4 1]/16 along each axis, the border repeated (see the twins). The workspace is one row with room on both sides. */
export function pyramidWorkspace(W: i32): i32 { return (W + 24) << 2; }
// @ts-ignore: decorator
@inline function row(src: usize, y: i32, H: i32, W: i32): usize { return src + ((<usize>((y < 0 ? 0 : y >= H ? H - 1 : y) * W)) << 2); }
/** The first and the last sample of a row repeated beyond both its ends. */
// @ts-ignore: decorator
@inline function prolong(line: usize, W: i32, by: i32): void {
  const first = load<f32>(line), last = load<f32>(line + (<usize>(W - 1) << 2));
  for (let k = 1; k <= by; k++) store<f32>(line - (<usize>k << 2), first);
  for (let k = 0; k < by; k++) store<f32>(line + (<usize>(W + k) << 2), last);
}

/** dst [⌈H/2⌉, ⌈W/2⌉] from src [H, W]; rows y0 … y1 of dst. */
export function pyramidReduce(src: usize, dst: usize, H: i32, W: i32, ws: usize, y0: i32, y1: i32): void {
  const w = (W + 1) >> 1, line = ws + 16, a = splat(0.0625), b = splat(0.25), c = splat(0.375);
  for (let y = y0; y < y1; y++) {
    const p0 = row(src, 2 * y - 2, H, W), p1 = row(src, 2 * y - 1, H, W), p2 = row(src, 2 * y, H, W), p3 = row(src, 2 * y + 1, H, W), p4 = row(src, 2 * y + 2, H, W);
    for (let x: usize = 0; x < (<usize>W << 2); x += 16)
      st(line + x, fma(a, add(ld(p0 + x), ld(p4 + x)), fma(b, add(ld(p1 + x), ld(p3 + x)), mul(c, ld(p2 + x)))));
    prolong(line, W, 3);
    const to = dst + (<usize>(y * w) << 2);
    let x = 0;
    for (; x + 4 <= w; x += 4) {
      // l: samples 2x − 2 …; r: those four further; then the last two.
      const p = line + (<usize>(2 * x) << 2) - 8, l = ld(p), r = ld(p, 16), far = ld(p, 32);
      const e0 = v128.shuffle<f32>(l, r, 0, 2, 4, 6), o0 = v128.shuffle<f32>(l, r, 1, 3, 5, 7);
      const e1 = v128.shuffle<f32>(e0, far, 1, 2, 3, 4), o1 = v128.shuffle<f32>(o0, far, 1, 2, 3, 5), e2 = v128.shuffle<f32>(e1, far, 1, 2, 3, 6);
      st(to + (<usize>x << 2), fma(a, add(e0, e2), fma(b, add(o0, o1), mul(c, e1))));
    }
    for (; x < w; x++) {
      const p = line + (<usize>(2 * x) << 2);
      const ends = load<f32>(p - 8) + load<f32>(p, 8), near = load<f32>(p - 4) + load<f32>(p, 4);
      store<f32>(to + (<usize>x << 2), <f32>0.0625 * ends + <f32>0.25 * near + <f32>0.375 * load<f32>(p));
    }
  }
}

/** dst [2H, 2W] from src [H, W]; y0 … y1 are rows of src. */
export function pyramidExpand(src: usize, dst: usize, H: i32, W: i32, ws: usize, y0: i32, y1: i32): void {
  const line = ws + 16, eighth = splat(0.125), most = splat(0.75), half = splat(0.5);
  for (let y = y0; y < y1; y++) {
    const above = row(src, y - 1, H, W), own = row(src, y, H, W), below = row(src, y + 1, H, W);
    for (let odd = 0; odd < 2; odd++) {
      for (let x: usize = 0; x < (<usize>W << 2); x += 16)
        st(line + x, odd ? mul(half, add(ld(own + x), ld(below + x))) : fma(eighth, add(ld(above + x), ld(below + x)), mul(most, ld(own + x))));
      prolong(line, W, 1);
      const to = dst + (<usize>((2 * y + odd) * 2 * W) << 2);
      let x = 0;
      for (; x + 4 <= W; x += 4) {
        const p = line + (<usize>x << 2), m = ld(p), r = ld(p, 4);
        const even = fma(eighth, add(ld(p - 4), r), mul(most, m)), between = mul(half, add(m, r));
        st(to + (<usize>x << 3), v128.shuffle<f32>(even, between, 0, 4, 1, 5));
        st(to + (<usize>x << 3) + 16, v128.shuffle<f32>(even, between, 2, 6, 3, 7));
      }
      for (; x < W; x++) {
        const p = line + (<usize>x << 2), m = load<f32>(p), r = load<f32>(p, 4);
        store<f32>(to + (<usize>x << 3), <f32>0.125 * (load<f32>(p - 4) + r) + <f32>0.75 * m);
        store<f32>(to + (<usize>x << 3), <f32>0.5 * (m + r), 4);
      }
    }
  }
}
