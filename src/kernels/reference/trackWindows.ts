/** One level of a pyramid: a plane [height, width]. */
export interface WindowLevel {
  readonly width: number;
  readonly height: number;
  readonly values: ArrayLike<number>;
}
export interface TrackWindowsOptions {
  /** Half the window, pixels of each level. Default 7. */
  readonly radius?: number;
  /** Steps in a level at most, and the squared length of one after which no more are made, pixels². Defaults 12 and 1e-4. */
  readonly iterations?: number;
  readonly enough?: number;
  /** Correlation of the two windows below which they do not show the same. Default 0.7. */
  readonly alike?: number;
}
export interface TrackedWindows {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** 1 where the window was found. */
  readonly ok: Uint8Array;
}

/**
 * Where windows about points of one picture lie in the next: per level, from coarse to fine, Gauss–Newton steps on  Σ (J(p + d) − I(p))²  with the
 * first picture's gradients (they stay, so one 2 × 2 matrix a level serves all steps), both windows brought to one mean and spread: light may change.
 * Levels halve, the finest first; a sample x lies at x / 2 of the next. Not found: a window that leaves the finest level, has no texture in two
 * directions, takes a last step of more than 0.2 pixels, or does not look alike where it ends.
 * @param guess  displacements to begin with, (x, y) after (x, y)
 * @see Lucas & Kanade (1981), An iterative image registration technique, IJCAI; Bouguet (2000), Pyramidal implementation of the Lucas Kanade feature tracker
 */
export function trackWindows(
  from: readonly WindowLevel[],
  to: readonly WindowLevel[],
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  guess?: ArrayLike<number>,
  { radius = 7, iterations = 12, enough = 1e-4, alike = 0.7 }: TrackWindowsOptions = {},
): TrackedWindows {
  const n = x.length;
  const out = { x: new Float64Array(n), y: new Float64Array(n), ok: new Uint8Array(n) };
  const side = 2 * radius + 1;
  const wide = side + 2;
  const patch = new Float64Array(wide * wide);
  const [gx, gy, I] = [new Float64Array(side * side), new Float64Array(side * side), new Float64Array(side * side)];
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
        if (last < enough) break;
      }
      if (!good) {
        good = l > 0;
        continue;
      }
      if (l === 0 && !(last < 0.04 && likeness > alike)) good = false;
      [dx, dy] = [(qx - px) / f, (qy - py) / f];
    }
    out.x[i] = x[i] + dx;
    out.y[i] = y[i] + dy;
    out.ok[i] = good && Number.isFinite(dx + dy) ? 1 : 0;
  }
  return out;
}
/** A square of samples from (left, top), bilinear; false when it leaves the picture. */
function sample({ width, height, values }: WindowLevel, left: number, top: number, side: number, out: Float64Array): boolean {
  const [x0, y0] = [Math.floor(left), Math.floor(top)];
  if (!(x0 >= 0 && y0 >= 0 && x0 + side < width && y0 + side < height)) return false;
  const [fx, fy] = [left - x0, top - y0];
  const [w00, w01, w10, w11] = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy];
  for (let v = 0, k = 0; v < side; v++)
    for (let u = 0, at = (y0 + v) * width + x0; u < side; u++, k++, at++)
      out[k] = w00 * values[at] + w01 * values[at + 1] + w10 * values[at + width] + w11 * values[at + width + 1];
  return true;
}
