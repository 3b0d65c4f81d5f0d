/** How differences are taken and vectors measured. Size [(D, (H,)) W], x fastest. */
export interface TvGeometry {
  readonly size: readonly number[];
  /** Wrap around (true), or differences that are 0 at the last sample. */
  readonly periodic: boolean;
  /** √(Σ g_a²) at each sample, or Σ |g_a|. */
  readonly isotropic: boolean;
}
/** The numbers of one primal-dual step. */
export interface TvNumbers {
  readonly tau: number;
  readonly sigma: number;
  readonly theta: number;
  readonly lambda: number;
  /** 1 / (1 + σ α/λ) for Huber's function with width α; 1 without. */
  readonly shrink: number;
  /** Over-relaxation; 1 without. */
  readonly rho: number;
}
export interface TvSums {
  /** ½ Σ w (x − y)². */
  readonly fit: number;
  /** Σ h(|∇x|). */
  readonly tv: number;
  /** With t = ∇*p: Σ t y and ½ Σ t²/w over w > 0, Σ |t| over w = 0, Σ |p|². */
  readonly ty: number;
  readonly tt: number;
  readonly off: number;
  readonly pp: number;
}
type Numbers = ArrayLike<number>;

/** Forward differences, planes in the order x, y(, z). */
export function tvGradient(x: Numbers, { size, periodic }: Pick<TvGeometry, "size" | "periodic">): Float64Array {
  const d = size.length;
  const n = x.length;
  const out = new Float64Array(d * n);
  for (let a = 0, stride = 1; a < d; stride *= size[d - 1 - a], a++) {
    const length = size[d - 1 - a];
    for (let k = 0; k < n; k++) {
      const at = Math.floor(k / stride) % length;
      const next = at + 1 < length ? k + stride : periodic ? k - at * stride : k;
      out[a * n + k] = x[next] - x[k];
    }
  }
  return out;
}
/** Its adjoint, ∇*p. */
export function tvGradientAdjoint(p: Numbers, { size, periodic }: Pick<TvGeometry, "size" | "periodic">): Float64Array {
  const d = size.length;
  const n = p.length / d;
  const out = new Float64Array(n);
  for (let a = 0, stride = 1; a < d; stride *= size[d - 1 - a], a++) {
    const length = size[d - 1 - a];
    for (let k = 0; k < n; k++) {
      const at = Math.floor(k / stride) % length;
      const next = at + 1 < length ? k + stride : periodic ? k - at * stride : k;
      out[k] -= p[a * n + k];
      out[next] += p[a * n + k];
    }
  }
  return out;
}

/** Plain twin of `tvStep`: what follows x and p. */
export function tvStep(
  x: Numbers,
  p: Numbers,
  y: Numbers,
  w: Numbers | undefined,
  geometry: TvGeometry,
  { tau, sigma, theta, lambda, shrink, rho }: TvNumbers,
): { x: Float64Array; p: Float64Array } {
  const n = x.length;
  const d = geometry.size.length;
  const t = tvGradientAdjoint(p, geometry);
  const ahead = Float64Array.from({ length: n }, (_, k) => {
    const weight = w ? w[k] : 1;
    return (x[k] + tau * (weight * y[k] - t[k])) / (1 + tau * weight);
  });
  const g = tvGradient(
    ahead.map((v, k) => v + theta * (v - x[k])),
    geometry,
  );
  const next = Float64Array.from(p);
  for (let k = 0; k < n; k++) {
    const v = Array.from({ length: d }, (_, a) => shrink * (p[a * n + k] + sigma * g[a * n + k]));
    const size = Math.hypot(...v);
    for (const [a, c] of v.entries()) {
      const inside = geometry.isotropic ? c * (size > lambda ? lambda / size : 1) : Math.max(-lambda, Math.min(lambda, c));
      next[a * n + k] += rho * (inside - p[a * n + k]);
    }
  }
  return { x: ahead.map((v, k) => x[k] + rho * (v - x[k])), p: next };
}

/** Plain twin of `tvSums`. */
export function tvSums(x: Numbers, p: Numbers | undefined, y: Numbers, w: Numbers | undefined, geometry: TvGeometry, alpha = 0): TvSums {
  const n = x.length;
  const d = geometry.size.length;
  const h = (v: number) => (v >= alpha ? v - alpha / 2 : (v * v) / (2 * alpha));
  const g = tvGradient(x, geometry);
  const t = p && tvGradientAdjoint(p, geometry);
  const s = { fit: 0, tv: 0, ty: 0, tt: 0, off: 0, pp: 0 };
  for (let k = 0; k < n; k++) {
    const weight = w ? w[k] : 1;
    s.fit += 0.5 * weight * (x[k] - y[k]) ** 2;
    const v = Array.from({ length: d }, (_, a) => g[a * n + k]);
    s.tv += geometry.isotropic ? h(Math.hypot(...v)) : v.reduce((sum, c) => sum + h(Math.abs(c)), 0);
    if (!p || !t) continue;
    if (weight > 0) {
      s.ty += t[k] * y[k];
      s.tt += (0.5 * t[k] * t[k]) / weight;
    } else s.off += Math.abs(t[k]);
    for (let a = 0; a < d; a++) s.pp += p[a * n + k] ** 2;
  }
  return s;
}

/** Plain twin of `tvSplit`: what follows u and v, and b = ∇*v⁺. */
export function tvSplit(
  x: Numbers,
  u: Numbers,
  v: Numbers,
  geometry: TvGeometry,
  omega: number,
  radius: number,
): { u: Float64Array; v: Float64Array; b: Float64Array } {
  const n = x.length;
  const d = geometry.size.length;
  const a = tvGradient(x, geometry).map((g, k) => omega * g + (1 - omega) * (v[k] + u[k]) + u[k]);
  const next = Float64Array.from(a);
  for (let k = 0; k < n; k++) {
    const at = Array.from({ length: d }, (_, i) => i * n + k);
    const size = Math.hypot(...at.map((i) => a[i]));
    for (const i of at)
      next[i] = geometry.isotropic ? a[i] * (size > radius ? radius / size : 1) : Math.max(-radius, Math.min(radius, a[i]));
  }
  const after = a.map((c, k) => c - 2 * next[k]);
  return { u: next, v: after, b: tvGradientAdjoint(after, geometry) };
}
