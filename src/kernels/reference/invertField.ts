/**
 * Plain twin: v with v(q) = −u(q + v(q)) for every voxel q. u, v [d, …size], planes x, y(, z) in voxels, linear between the voxels, border
 * values beyond them. Per voxel Newton's method on r(w) = w + u(q + w), w ← w − t (I + ∇u)⁻¹ r with the derivative of the interpolant, t
 * halved (six times at most) until |r| falls; where det(I + ∇u) ≤ 0 the direction is −r / 2, and where no t helps the step is −r / 2
 * whatever it costs. Start: the left neighbour's v when it leaves less than 1/4, otherwise that or −u(q), whichever leaves less; a voxel that
 * keeps more than 0.1 starts again from −u(q), then from 0. The best w is kept.
 */
type Out = { [i: number]: number };

/** Values and derivatives [u_a, ∂u_a/∂x, …] of all planes at a position. */
function interpolate(u: ArrayLike<number>, size: readonly number[], at: readonly number[]): number[][] {
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  let stride = 1;
  const axes = at.map((p, a) => {
    const count = size[d - 1 - a];
    const q = Math.min(Math.max(p, 0), count - 1);
    const first = Math.max(Math.min(Math.floor(q), count - 2), 0);
    const axis = { first, stride, step: count > 1 ? stride : 0, f: q - first, slope: q === p && count > 1 ? 1 : 0 };
    stride *= count;
    return axis;
  });
  return axes.map((_, plane) => {
    const row = new Array<number>(d + 1).fill(0);
    for (let corner = 0; corner < 2 ** d; corner++) {
      let k = plane * n;
      for (const [a, axis] of axes.entries()) k += axis.first * axis.stride + ((corner >> a) & 1) * axis.step;
      for (let b = 0; b <= d; b++)
        row[b] += axes.reduce((w, { f, slope }, a) => {
          const upper = (corner >> a) & 1;
          return w * (a === b - 1 ? (upper ? slope : -slope) : upper ? f : 1 - f);
        }, u[k]);
    }
    return row;
  });
}
/** The solution of M p = −r by elimination and det M; M is used up. */
function step(M: number[][], r: readonly number[]): { p: number[]; det: number } {
  const d = r.length;
  const p = r.map((x) => -x);
  let det = 1;
  for (let i = 0; i < d; i++) {
    let best = i;
    for (let j = i + 1; j < d; j++) if (Math.abs(M[j][i]) > Math.abs(M[best][i])) best = j;
    if (best !== i) {
      [M[i], M[best]] = [M[best], M[i]];
      [p[i], p[best]] = [p[best], p[i]];
      det = -det;
    }
    det *= M[i][i];
    if (M[i][i] === 0) return { p, det: 0 };
    for (let j = 0; j < d; j++) {
      if (j === i) continue;
      const factor = M[j][i] / M[i][i];
      for (let k = i; k < d; k++) M[j][k] -= factor * M[i][k];
      p[j] -= factor * p[i];
    }
  }
  return { p: p.map((x, i) => x / M[i][i]), det };
}

/** Returns the largest |v + u(q + v)| and the share of voxels where it exceeds 0.1. */
export function invertField(
  u: ArrayLike<number>,
  size: readonly number[],
  v: Out,
  {
    iterations = 20,
    tolerance = 1e-3,
    residual,
  }: { readonly iterations?: number; readonly tolerance?: number; readonly residual?: Out } = {},
): { largest: number; share: number } {
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  const W = size[d - 1];
  let largest = 0;
  let far = 0;
  let left: number[] = [];
  for (let k = 0; k < n; k++) {
    let rest = k;
    const q = [...size].reverse().map((count) => {
      const i = rest % count;
      rest = Math.floor(rest / count);
      return i;
    });
    const state = (w: number[]) => {
      const rows = interpolate(
        u,
        size,
        q.map((x, a) => x + w[a]),
      );
      const r = rows.map((row, a) => w[a] + row[0]);
      return { w, r, rows, length: Math.hypot(...r) };
    };
    const plain = q.map((_, a) => -u[a * n + k]);
    let now = state(k % W > 0 ? left : plain);
    if (k % W > 0 && !(now.length < 0.25)) {
      const other = state(plain);
      if (!(now.length <= other.length)) now = other;
    }
    let best = now;
    for (const restart of [undefined, plain, q.map(() => 0)]) {
      if (restart && !(best.length > 0.1)) break;
      if (restart) now = state(restart);
      for (let i = 0; i < iterations && now.length > tolerance; i++) {
        const { p, det } = step(
          now.rows.map((row, a) => row.slice(1).map((x, b) => (a === b ? 1 : 0) + x)),
          now.r,
        );
        const damped = now.r.map((x) => -0.5 * x);
        const direction = det > 1e-6 ? p : damped;
        const from = now;
        const moved = (by: readonly number[], t: number) => state(from.w.map((x, a) => x + t * by[a]));
        let next = moved(direction, 1);
        for (let t = 0.5; t >= 1 / 64 && !(next.length < from.length); t /= 2) next = moved(direction, t);
        now = next.length < from.length ? next : moved(damped, 1);
        if (now.length < best.length) best = now;
      }
    }
    left = best.w;
    for (let a = 0; a < d; a++) v[a * n + k] = best.w[a];
    if (residual) residual[k] = best.length;
    largest = Math.max(largest, best.length);
    if (!(best.length <= 0.1)) far++;
  }
  return { largest, share: n > 0 ? far / n : 0 };
}
