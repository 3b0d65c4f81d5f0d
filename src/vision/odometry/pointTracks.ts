import type { Gray } from "../../features/index.js";

/** A picture at halving sizes, the finest first. */
export interface Level {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}
/** Levels of a picture, each the one before smoothed by [1 4 6 4 1]/16 and halved; samples keep their centres: pixel x lies at x / 2 of the next. */
export function pyramidOf({ values, width, height }: Gray, levels = 4): Level[] {
  const out: Level[] = [{ width, height, values }];
  for (let k = 1; k < levels; k++) {
    const { width: W, height: H, values: v } = out[k - 1];
    const [w, h] = [(W + 1) >> 1, (H + 1) >> 1];
    if (Math.min(w, h) < 24) break;
    const middle = new Float32Array(w * H);
    for (let y = 0; y < H; y++)
      for (let x = 0, row = y * W; x < w; x++) {
        const c = 2 * x;
        const l2 = c >= 2 ? c - 2 : 0;
        const l1 = c >= 1 ? c - 1 : 0;
        const r1 = c + 1 < W ? c + 1 : W - 1;
        const r2 = c + 2 < W ? c + 2 : W - 1;
        middle[y * w + x] = 0.0625 * (v[row + l2] + v[row + r2]) + 0.25 * (v[row + l1] + v[row + r1]) + 0.375 * v[row + c];
      }
    const next = new Float32Array(w * h);
    for (let y = 0; y < h; y++) {
      const c = 2 * y;
      const [a, b, d, e] = [Math.max(0, c - 2) * w, Math.max(0, c - 1) * w, Math.min(H - 1, c + 1) * w, Math.min(H - 1, c + 2) * w];
      for (let x = 0; x < w; x++)
        next[y * w + x] = 0.0625 * (middle[a + x] + middle[e + x]) + 0.25 * (middle[b + x] + middle[d + x]) + 0.375 * middle[c * w + x];
    }
    out.push({ width: w, height: h, values: next });
  }
  return out;
}

/**
 * Where to track: in every cell that holds no point yet, the place at which the smaller eigenvalue of the summed gradient products is largest (Shi & Tomasi 1994),
 * if it is a share of the best. Points lie at whole pixels.
 */
export function newPoints(
  { width, height, values: v }: Level,
  taken: readonly (readonly [number, number])[],
  cell: number,
  share = 0.003,
): [number, number][] {
  const r = 3;
  const border = 9;
  const n = width * height;
  const [xx, xy, yy] = [new Float32Array(n), new Float32Array(n), new Float32Array(n)];
  // Running sums along rows, then down columns.
  const [r0, r1, r2] = [new Float32Array(width), new Float32Array(width), new Float32Array(width)];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1, k = y * width + 1; x < width - 1; x++, k++) {
      const gx = 0.5 * (v[k + 1] - v[k - 1]);
      const gy = 0.5 * (v[k + width] - v[k - width]);
      r0[x] = gx * gx;
      r1[x] = gx * gy;
      r2[x] = gy * gy;
    }
    let a = 0;
    let b = 0;
    let c = 0;
    for (let x = 0; x < width; x++) {
      a += r0[x];
      b += r1[x];
      c += r2[x];
      if (x > 2 * r) {
        a -= r0[x - 2 * r - 1];
        b -= r1[x - 2 * r - 1];
        c -= r2[x - 2 * r - 1];
      }
      if (x >= 2 * r) {
        const k = y * width + x - r;
        xx[k] = a;
        xy[k] = b;
        yy[k] = c;
      }
    }
  }
  const [columns, rows] = [Math.ceil(width / cell), Math.ceil(height / cell)];
  const best = new Float32Array(columns * rows);
  const at = new Int32Array(columns * rows).fill(-1);
  const [s0, s1, s2] = [new Float64Array(width), new Float64Array(width), new Float64Array(width)];
  let top = 0;
  for (let y = 0; y < height; y++) {
    const [inRow, outRow] = [y * width, (y - 2 * r - 1) * width];
    for (let x = 0; x < width; x++) {
      s0[x] += xx[inRow + x] - (outRow >= 0 ? xx[outRow + x] : 0);
      s1[x] += xy[inRow + x] - (outRow >= 0 ? xy[outRow + x] : 0);
      s2[x] += yy[inRow + x] - (outRow >= 0 ? yy[outRow + x] : 0);
    }
    const Y = y - r;
    if (Y < border || Y >= height - border) continue;
    for (let x = border; x < width - border; x++) {
      const a = s0[x];
      const b = s1[x];
      const c = s2[x];
      const least = 0.5 * (a + c - Math.sqrt((a - c) * (a - c) + 4 * b * b));
      const k = Math.floor(Y / cell) * columns + Math.floor(x / cell);
      if (least > best[k]) {
        best[k] = least;
        at[k] = Y * width + x;
        if (least > top) top = least;
      }
    }
  }
  for (const [x, y] of taken) {
    const k = Math.floor(y / cell) * columns + Math.floor(x / cell);
    if (k >= 0 && k < at.length) at[k] = -1;
  }
  const out: [number, number][] = [];
  for (let k = 0; k < at.length; k++) if (at[k] >= 0 && best[k] > share * top) out.push([at[k] % width, Math.floor(at[k] / width)]);
  return out;
}

/** Correlation of the two windows below which they do not show the same. */
const leastLikeness = 0.7;
export interface TrackPointsOptions {
  /** Half the window, pixels of each level. Default 7. */
  readonly radius?: number;
  readonly iterations?: number;
}
export interface TrackedPoints {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** 1 where the window was found. */
  readonly ok: Uint8Array;
}

/**
 * Where windows about points of one picture lie in the next: per level, from coarse to fine, Gauss–Newton steps on  Σ (J(p + d) − I(p))²  with the
 * first picture's gradients (they stay, so one 2 × 2 matrix a level serves all steps), both windows brought to one mean and spread: light may change.
 * @param guess  displacements to begin with, (x, y) after (x, y)
 * @see Lucas & Kanade (1981), An iterative image registration technique, IJCAI; Bouguet (2000), Pyramidal implementation of the Lucas Kanade feature tracker
 */
export function trackPoints(
  from: readonly Level[],
  to: readonly Level[],
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  guess?: ArrayLike<number>,
  { radius = 7, iterations = 12 }: TrackPointsOptions = {},
): TrackedPoints {
  const n = x.length;
  const out = { x: new Float64Array(n), y: new Float64Array(n), ok: new Uint8Array(n) };
  const side = 2 * radius + 1;
  const wide = side + 2;
  const patch = new Float32Array(wide * wide);
  const [gx, gy, I] = [new Float32Array(side * side), new Float32Array(side * side), new Float32Array(side * side)];
  const count = side * side;
  for (let i = 0; i < n; i++) {
    let [dx, dy] = guess ? [guess[2 * i], guess[2 * i + 1]] : [0, 0];
    let good = true;
    for (let l = from.length - 1; l >= 0 && good; l--) {
      const f = 1 / 2 ** l;
      const [A, B] = [from[l], to[l]];
      const [px, py] = [x[i] * f, y[i] * f];
      if (!sample(A, px - radius - 1, py - radius - 1, wide, patch)) {
        // A coarse window that leaves the picture says nothing; the finer ones decide.
        good = l > 0;
        continue;
      }
      let [xx, xy, yy, sx, sy, sI, sII, xI, yI] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
      for (let v = 0, k = 0; v < side; v++)
        for (let u = 0; u < side; u++, k++) {
          const c = (v + 1) * wide + u + 1;
          const value = patch[c];
          I[k] = value;
          sI += value;
          sII += value * value;
          const a = 0.5 * (patch[c + 1] - patch[c - 1]);
          const b = 0.5 * (patch[c + wide] - patch[c - wide]);
          gx[k] = a;
          gy[k] = b;
          sx += a;
          sy += b;
          xx += a * a;
          xy += a * b;
          yy += b * b;
          xI += a * value;
          yI += b * value;
        }
      // Without the mean: the change of brightness is a third unknown, eliminated.
      xx -= (sx * sx) / count;
      xy -= (sx * sy) / count;
      yy -= (sy * sy) / count;
      const det = xx * yy - xy * xy;
      if (!(det > 1e-4 * (xx + yy) ** 2 * 0.25)) {
        good = l > 0;
        continue;
      }
      let [qx, qy] = [px + dx * f, py + dy * f];
      let last = Number.POSITIVE_INFINITY;
      let likeness = 0;
      for (let turn = 0; turn < iterations; turn++) {
        const left = qx - radius;
        const top = qy - radius;
        const [x0, y0] = [Math.floor(left), Math.floor(top)];
        if (!(x0 >= 0 && y0 >= 0 && x0 + side < B.width && y0 + side < B.height)) {
          good = false;
          break;
        }
        const [fx, fy] = [left - x0, top - y0];
        const [w00, w01, w10, w11] = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy];
        const J = B.values;
        let bx = 0;
        let by = 0;
        let sJ = 0;
        let sJJ = 0;
        let sIJ = 0;
        for (let v = 0, k = 0; v < side; v++) {
          let at = (y0 + v) * B.width + x0;
          for (let u = 0; u < side; u++, k++, at++) {
            const e = w00 * J[at] + w01 * J[at + 1] + w10 * J[at + B.width] + w11 * J[at + B.width + 1];
            sJ += e;
            sJJ += e * e;
            sIJ += e * I[k];
            bx += gx[k] * e;
            by += gy[k] * e;
          }
        }
        // Both windows brought to one mean and one spread.
        const spread = sJJ - (sJ * sJ) / count;
        const own = sII - (sI * sI) / count;
        likeness = (sIJ - (sI * sJ) / count) / Math.sqrt(Math.max(1e-30, spread * own));
        const gain = spread > 0 ? Math.sqrt(Math.max(0, own) / spread) : 1;
        bx = gain * (bx - (sx * sJ) / count) - (xI - (sx * sI) / count);
        by = gain * (by - (sy * sJ) / count) - (yI - (sy * sI) / count);
        const mx = (yy * bx - xy * by) / det;
        const my = (xx * by - xy * bx) / det;
        qx -= mx;
        qy -= my;
        last = mx * mx + my * my;
        if (last < 1e-4) break;
      }
      if (!good) {
        good = l > 0;
        continue;
      }
      if (l === 0 && !(last < 0.04 && likeness > leastLikeness)) good = false;
      [dx, dy] = [(qx - px) / f, (qy - py) / f];
    }
    out.x[i] = x[i] + dx;
    out.y[i] = y[i] + dy;
    out.ok[i] = good && Number.isFinite(dx + dy) ? 1 : 0;
  }
  return out;
}
/** A square of samples from (left, top), bilinear; false when it leaves the picture. */
function sample({ width, height, values }: Level, left: number, top: number, side: number, out: Float32Array): boolean {
  const [x0, y0] = [Math.floor(left), Math.floor(top)];
  if (!(x0 >= 0 && y0 >= 0 && x0 + side < width && y0 + side < height)) return false;
  const [fx, fy] = [left - x0, top - y0];
  const [w00, w01, w10, w11] = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy];
  for (let v = 0, k = 0; v < side; v++)
    for (let u = 0, at = (y0 + v) * width + x0; u < side; u++, k++, at++)
      out[k] = w00 * values[at] + w01 * values[at + 1] + w10 * values[at + width] + w11 * values[at + width + 1];
  return true;
}

/** Forward, and back from where it came out: points that do not return within `away` pixels are not believed. */
export function trackThereAndBack(
  from: readonly Level[],
  to: readonly Level[],
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  guess: Float64Array,
  away = 0.5,
  o: TrackPointsOptions = {},
): TrackedPoints & { readonly miss: Float64Array } {
  const there = trackPoints(from, to, x, y, guess, o);
  const list: number[] = [];
  for (let i = 0; i < x.length; i++) if (there.ok[i]) list.push(i);
  const back = trackPoints(
    to,
    from,
    list.map((i) => there.x[i]),
    list.map((i) => there.y[i]),
    Float64Array.from(list.flatMap((i) => [-guess[2 * i], -guess[2 * i + 1]])),
    o,
  );
  const ok = new Uint8Array(x.length);
  const miss = new Float64Array(x.length).fill(Number.POSITIVE_INFINITY);
  for (const [k, i] of list.entries()) {
    miss[i] = Math.hypot(back.x[k] - x[i], back.y[k] - y[i]);
    ok[i] = back.ok[k] && miss[i] < away ? 1 : 0;
  }
  return { x: there.x, y: there.y, ok, miss };
}
