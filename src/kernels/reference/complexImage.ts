// Complex images, interleaved pairs; n pixels or h rows of w.
type Numbers = { [i: number]: number };

/** out[c, i] = maps[c, i] x[i] */
export function coilSpread(maps: ArrayLike<number>, x: ArrayLike<number>, out: Numbers, coils: number, n: number): void {
  for (let c = 0; c < coils; c++)
    for (let i = 0; i < n; i++) {
      const at = 2 * (c * n + i);
      out[at] = maps[at] * x[2 * i] - maps[at + 1] * x[2 * i + 1];
      out[at + 1] = maps[at] * x[2 * i + 1] + maps[at + 1] * x[2 * i];
    }
}
/** out[i] = Σ_c conj(maps[c, i]) y[c, i] */
export function coilGather(maps: ArrayLike<number>, y: ArrayLike<number>, out: Numbers, coils: number, n: number): void {
  for (let i = 0; i < n; i++) {
    out[2 * i] = 0;
    out[2 * i + 1] = 0;
    for (let c = 0; c < coils; c++) {
      const at = 2 * (c * n + i);
      out[2 * i] += maps[at] * y[at] + maps[at + 1] * y[at + 1];
      out[2 * i + 1] += maps[at] * y[at + 1] - maps[at + 1] * y[at];
    }
  }
}
/** out = z (1 − t/|z|)₊ */
export function complexShrink(z: ArrayLike<number>, out: Numbers, t: number, n: number): void {
  for (let i = 0; i < 2 * n; i += 2) {
    const size = Math.hypot(z[i], z[i + 1]);
    const scale = Math.max(0, size - t) / Math.max(1e-30, size);
    out[i] = z[i] * scale;
    out[i + 1] = z[i + 1] * scale;
  }
}
/** out = b + a x + div p, p the planes along y and along x; differences end in 0. */
export function tvPull(
  x: ArrayLike<number>,
  p: ArrayLike<number>,
  b: ArrayLike<number>,
  out: Numbers,
  a: number,
  h: number,
  w: number,
): void {
  for (let y = 0; y < h; y++)
    for (let i = 0; i < w; i++)
      for (let part = 0; part < 2; part++) {
        const at = 2 * (y * w + i) + part;
        const q = at + 2 * h * w;
        let s = b[at] + a * x[at];
        if (y + 1 < h) s += p[at];
        if (y > 0) s -= p[at - 2 * w];
        if (i + 1 < w) s += p[q];
        if (i > 0) s -= p[q - 2];
        out[at] = s;
      }
}
/** out = projection of p + σ∇(2u − x) onto |p| ≤ λ; returns Σ|u − x|². */
export function tvPush(
  u: ArrayLike<number>,
  x: ArrayLike<number>,
  p: ArrayLike<number>,
  out: Numbers,
  sigma: number,
  lambda: number,
  h: number,
  w: number,
): number {
  let total = 0;
  const ahead = (i: number) => 2 * u[i] - x[i];
  for (let y = 0; y < h; y++)
    for (let i = 0; i < w; i++) {
      const at = 2 * (y * w + i);
      const plane = 2 * h * w;
      const v = [0, 1].flatMap((part) => [
        p[at + part] + (y + 1 < h ? sigma * (ahead(at + part + 2 * w) - ahead(at + part)) : 0),
        p[plane + at + part] + (i + 1 < w ? sigma * (ahead(at + part + 2) - ahead(at + part)) : 0),
      ]);
      const scale = Math.min(1, lambda / Math.max(1e-30, Math.hypot(...v)));
      for (let part = 0; part < 2; part++) {
        total += (u[at + part] - x[at + part]) ** 2;
        out[at + part] = scale * v[2 * part];
        out[plane + at + part] = scale * v[2 * part + 1];
      }
    }
  return total;
}
