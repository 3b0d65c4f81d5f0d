type Numbers = ArrayLike<number>;
/** Height and width of a plane, x fastest. */
export interface PlaneSize {
  readonly H: number;
  readonly W: number;
}
const clampIndex = (i: number, n: number) => Math.min(n - 1, Math.max(0, i));
const cubic = (t: number) => [
  -0.5 * t ** 3 + t ** 2 - 0.5 * t,
  1.5 * t ** 3 - 2.5 * t ** 2 + 1,
  -1.5 * t ** 3 + 2 * t ** 2 + 0.5 * t,
  0.5 * (t ** 3 - t ** 2),
];

/** Plain twin of `flowWarp`: mean ½ (first + w), difference w − first, w = second at x + (u, v) by cubic convolution, inside 1 or 0. */
export function flowWarp(first: Numbers, second: Numbers, u: Numbers, v: Numbers, channels: number, { H, W }: PlaneSize) {
  const n = H * W;
  const mean = new Float64Array(n * channels);
  const difference = new Float64Array(n * channels);
  const inside = new Float64Array(n);
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      const k = y * W + x;
      const [px, py] = [x + u[k], y + v[k]];
      inside[k] = Number(px >= 0 && py >= 0 && px <= W - 1 && py <= H - 1);
      const [qx, qy] = [Math.min(W - 1, Math.max(0, px)), Math.min(H - 1, Math.max(0, py))];
      const [ix, iy] = [Math.floor(qx), Math.floor(qy)];
      const [wx, wy] = [cubic(qx - ix), cubic(qy - iy)];
      for (let c = 0; c < channels; c++) {
        let w = 0;
        for (let j = 0; j < 4; j++)
          for (let i = 0; i < 4; i++) w += wy[j] * wx[i] * second[c * n + clampIndex(iy + j - 1, H) * W + clampIndex(ix + i - 1, W)];
        mean[c * n + k] = 0.5 * (first[c * n + k] + w);
        difference[c * n + k] = w - first[c * n + k];
      }
    }
  return { mean, difference, inside };
}

/** Plain twin of `flowSlope`: (s₋₂ − 8 s₋₁ + 8 s₁ − s₂) / 12 along x (0) or y (1), the border going on. */
export function flowSlope(src: Numbers, planes: number, { H, W }: PlaneSize, axis: 0 | 1): Float64Array {
  return Float64Array.from({ length: planes * H * W }, (_, k) => {
    const [x, y, first] = [k % W, Math.floor(k / W) % H, k - (k % (H * W))];
    const at = (d: number) => src[first + (axis === 1 ? clampIndex(y + d, H) * W + x : y * W + clampIndex(x + d, W))];
    return (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / 12;
  });
}

/** Plain twin of `flowPenalty`: strength · edges · (½ Σ over four neighbours |difference|² + ε²)^(−½), or strength · edges. */
export function flowPenalty(
  u: Numbers,
  v: Numbers,
  edges: Numbers | undefined,
  { H, W }: PlaneSize,
  o: { strength: number; epsilon: number; robust: boolean },
): Float64Array {
  return Float64Array.from({ length: H * W }, (_, k) => {
    const [x, y] = [k % W, Math.floor(k / W)];
    const w = o.strength * (edges ? edges[k] : 1);
    if (!o.robust) return w;
    let s = 0;
    for (const [dx, dy] of [
      [-1, 0],
      [1, 0],
      [0, -1],
      [0, 1],
    ]) {
      const m = clampIndex(y + dy, H) * W + clampIndex(x + dx, W);
      s += (u[m] - u[k]) ** 2 + (v[m] - v[k]) ** 2;
    }
    return w / Math.sqrt(0.5 * s + o.epsilon ** 2);
  });
}

/** The linear system of one linearisation, pixel by pixel: inverse matrix [m11, m12; m12, m22], right side, weights to the right and below. */
export interface FlowSystem {
  readonly m11: Float64Array;
  readonly m12: Float64Array;
  readonly m22: Float64Array;
  readonly r1: Float64Array;
  readonly r2: Float64Array;
  readonly right: Float64Array;
  readonly below: Float64Array;
}
/** Plain twin of `flowSystem`. Terms: eight blocks of `channels` planes, A_x, A_y, D, A_xx, A_xy, A_yy, D_x, D_y. */
export function flowSystem(
  p: { terms: Numbers; inside: Numbers; u0: Numbers; v0: Numbers; u: Numbers; v: Numbers; penalty: Numbers },
  channels: number,
  { H, W }: PlaneSize,
  o: { brightness: number; gradient: number; zeta?: number; epsilon: number; robust: boolean },
): FlowSystem {
  const n = H * W;
  const plane = () => new Float64Array(n);
  const out = { m11: plane(), m12: plane(), m22: plane(), r1: plane(), r2: plane(), right: plane(), below: plane() };
  for (let k = 0; k < n; k++) {
    const [x, y] = [k % W, Math.floor(k / W)];
    let [a11, a12, a22, b1, b2] = [0, 0, 0, 0, 0];
    const families = [
      [o.brightness, [[0, 1, 2]]],
      [
        o.gradient,
        [
          [3, 4, 6],
          [4, 5, 7],
        ],
      ],
    ] as const;
    for (const [weight, equations] of families) {
      if (weight === 0) continue;
      let [e, s11, s12, s22, t1, t2] = [0, 0, 0, 0, 0, 0];
      for (let c = 0; c < channels; c++)
        for (const blocks of equations) {
          const [gx, gy, d] = blocks.map((b) => p.terms[(b * channels + c) * n + k]);
          const w = o.zeta === undefined ? 1 : 1 / (gx * gx + gy * gy + o.zeta ** 2);
          e += w * (d + gx * (p.u[k] - p.u0[k]) + gy * (p.v[k] - p.v0[k])) ** 2;
          s11 += w * gx * gx;
          s12 += w * gx * gy;
          s22 += w * gy * gy;
          t1 += w * gx * d;
          t2 += w * gy * d;
        }
      const f = (weight * p.inside[k]) / (o.robust ? Math.sqrt(e + o.epsilon ** 2) : 1);
      a11 += f * s11;
      a12 += f * s12;
      a22 += f * s22;
      b1 += f * t1;
      b2 += f * t2;
    }
    out.r1[k] = a11 * p.u0[k] + a12 * p.v0[k] - b1;
    out.r2[k] = a12 * p.u0[k] + a22 * p.v0[k] - b2;
    const to = (m: number) => 0.5 * (p.penalty[k] + p.penalty[m]);
    out.right[k] = x + 1 < W ? to(k + 1) : 0;
    out.below[k] = y + 1 < H ? to(k + W) : 0;
    const sum = out.right[k] + out.below[k] + (x > 0 ? to(k - 1) : 0) + (y > 0 ? to(k - W) : 0);
    const det = Math.max(1e-20, (a11 + sum) * (a22 + sum) - a12 * a12);
    out.m11[k] = (a22 + sum) / det;
    out.m12[k] = -a12 / det;
    out.m22[k] = (a11 + sum) / det;
  }
  return out;
}

/** Plain twin of `flowRelax`: `count` steps of red–black successive over-relaxation of (u, v), in place. */
export function flowRelax(
  u: number[] | Float64Array,
  v: number[] | Float64Array,
  s: FlowSystem,
  { H, W }: PlaneSize,
  omega: number,
  count: number,
): void {
  for (let step = 0; step < 2 * count; step++)
    for (let y = 0; y < H; y++)
      for (let x = (y + step) % 2; x < W; x += 2) {
        const k = y * W + x;
        let [p, q] = [s.r1[k], s.r2[k]];
        const pull = (m: number, w: number) => {
          p += w * u[m];
          q += w * v[m];
        };
        if (x + 1 < W) pull(k + 1, s.right[k]);
        if (x > 0) pull(k - 1, s.right[k - 1]);
        if (y + 1 < H) pull(k + W, s.below[k]);
        if (y > 0) pull(k - W, s.below[k - W]);
        u[k] += omega * (s.m11[k] * p + s.m12[k] * q - u[k]);
        v[k] += omega * (s.m12[k] * p + s.m22[k] * q - v[k]);
      }
}

/** Plain twin of `flowMedian`: of the (2r + 1)² pixels around each, the border going on. */
export function flowMedian(src: Numbers, planes: number, { H, W }: PlaneSize, r: number): Float64Array {
  return Float64Array.from({ length: planes * H * W }, (_, k) => {
    const [x, y, first] = [k % W, Math.floor(k / W) % H, k - (k % (H * W))];
    const near: number[] = [];
    for (let j = -r; j <= r; j++) for (let i = -r; i <= r; i++) near.push(src[first + clampIndex(y + j, H) * W + clampIndex(x + i, W)]);
    return near.sort((a, b) => a - b)[(near.length - 1) / 2];
  });
}

/** Plain twin of `flowResize`: bilinear at ((x + ½) W / w − ½, …), the border going on, times `scale`. */
export function flowResize(src: Numbers, planes: number, { H, W }: PlaneSize, to: PlaneSize, scale = 1): Float64Array {
  return Float64Array.from({ length: planes * to.H * to.W }, (_, k) => {
    const [x, y, plane] = [k % to.W, Math.floor(k / to.W) % to.H, Math.floor(k / (to.H * to.W))];
    const px = Math.max(0, Math.min(W - 1, ((x + 0.5) * W) / to.W - 0.5));
    const py = Math.max(0, Math.min(H - 1, ((y + 0.5) * H) / to.H - 0.5));
    const [ix, iy] = [Math.floor(px), Math.floor(py)];
    const at = (j: number, i: number) => src[plane * H * W + clampIndex(j, H) * W + clampIndex(i, W)];
    const row = (j: number) => at(j, ix) + (px - ix) * (at(j, ix + 1) - at(j, ix));
    return scale * (row(iy) + (py - iy) * (row(iy + 1) - row(iy)));
  });
}
