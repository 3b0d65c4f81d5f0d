import { solve } from "../../kernels/linalg.js";
import { multiply3 } from "../planar.js";
import { marginalGain } from "../robust.js";
import { rotationOf, transpose3 } from "../rotation.js";
import type { CameraPose, PinholeCamera, Track } from "./odometer.js";

export interface WindowOptions {
  readonly frames: number;
  /** Largest noise of a place thought of, pixels. */
  readonly sigma: number;
  readonly steps?: number;
}

/**
 * The last frames and the points they share, refined together: least weighted squared distances in pixels between where points are seen and where they
 * should be, over poses (six numbers each; the window's first two stay, which holds place and scale) and points (three each, eliminated one by one:
 * Schur's complement). Weights of the marginalised noise, renewed with each accepted step. Tracks keep their refined points.
 * @returns the refined poses by number of their frame
 * @see Triggs, McLauchlan, Hartley, Fitzgibbon (2000), Bundle adjustment — a modern synthesis
 */
export function refineWindow(
  poses: readonly CameraPose[],
  tracks: readonly Track[],
  camera: PinholeCamera,
  o: WindowOptions,
): Map<number, CameraPose> {
  const { frames, sigma, steps = 4 } = o;
  const last = poses.length - 1;
  const first = Math.max(0, last - frames + 1);
  const fixed = 2;
  const count = last - first + 1;
  const out = new Map<number, CameraPose>();
  if (count <= fixed) return out;
  const used = tracks.filter((t) => t.point && last - Math.max(first, t.first) >= 2);
  if (used.length < 12) return out;
  const free = count - fixed;
  const size = 6 * free;
  // World to camera.
  let cameras = poses.slice(first).map(({ rotation, position }) => {
    const R = transpose3(rotation);
    return { R, c: position as readonly number[] };
  });
  let points = used.map((t) => t.point as readonly number[]);
  const seenFrom = used.map((t) => Math.max(first, t.first));
  const place = (t: Track, frame: number) => [t.places[2 * (frame - t.first)], t.places[2 * (frame - t.first) + 1]];
  const total = seenFrom.reduce((s, f) => s + last - f + 1, 0);
  const errors = new Float64Array(total);
  const weights = new Float64Array(total);
  const residual = new Float64Array(2);
  const [du, dv] = [new Float64Array(3), new Float64Array(3)];
  const [p, row] = [new Float64Array(3), new Float64Array(6)];
  /** Residual and its derivative by the point in camera coordinates; false behind the camera. */
  const look = (frame: number, p: readonly number[], at: readonly number[], q: Float64Array): boolean => {
    const { R, c } = cameras[frame - first];
    const [x, y, z] = [p[0] - c[0], p[1] - c[1], p[2] - c[2]];
    q[0] = R[0] * x + R[1] * y + R[2] * z;
    q[1] = R[3] * x + R[4] * y + R[5] * z;
    q[2] = R[6] * x + R[7] * y + R[8] * z;
    if (!(q[2] > 1e-6)) return false;
    residual[0] = (camera.fx * q[0]) / q[2] + camera.cx - at[0];
    residual[1] = (camera.fy * q[1]) / q[2] + camera.cy - at[1];
    return true;
  };
  const q = new Float64Array(3);
  const judge = (): void => {
    let k = 0;
    for (const [i, t] of used.entries())
      for (let f = seenFrom[i]; f <= last; f++, k++)
        errors[k] = look(f, points[i], place(t, f), q) ? residual[0] ** 2 + residual[1] ** 2 : Number.POSITIVE_INFINITY;
  };
  const cost = (): number => {
    judge();
    let sum = 0;
    for (let k = 0; k < total; k++) sum += weights[k] > 0 ? weights[k] * Math.min(errors[k], 1e6) : 0;
    return sum;
  };
  judge();
  marginalGain(errors, 2 * sigma, weights);
  let value = cost();
  let mu = 1e-4;
  for (let step = 0; step < steps; ) {
    const S = new Float64Array(size * size);
    const g = new Float64Array(size);
    const blocks: { C: Float64Array; b: Float64Array; W: Float64Array; from: number }[] = [];
    let k = 0;
    for (const [i, t] of used.entries()) {
      const from = seenFrom[i];
      const C = new Float64Array(9);
      const b = new Float64Array(3);
      const n = last - from + 1;
      // ∂²/∂pose∂point of each free frame that sees it: 6 × 3.
      const W = new Float64Array(18 * n);
      for (let f = from; f <= last; f++, k++) {
        if (!(weights[k] > 0) || !look(f, points[i], place(t, f), q)) continue;
        const w = weights[k];
        const { R } = cameras[f - first];
        du[0] = camera.fx / q[2];
        du[2] = (-camera.fx * q[0]) / (q[2] * q[2]);
        dv[1] = camera.fy / q[2];
        dv[2] = (-camera.fy * q[1]) / (q[2] * q[2]);
        const own = 6 * (f - first - fixed);
        for (let axis = 0; axis < 2; axis++) {
          const d = axis === 0 ? du : dv;
          const r = residual[axis];
          // By the point: d R. By the pose: R ← exp[ω] R gives d (ω × q), C ← C + δ gives −d R δ.
          for (let c = 0; c < 3; c++) {
            p[c] = d[0] * R[c] + d[1] * R[3 + c] + d[2] * R[6 + c];
            row[3 + c] = -p[c];
          }
          row[0] = q[1] * d[2] - q[2] * d[1];
          row[1] = q[2] * d[0] - q[0] * d[2];
          row[2] = q[0] * d[1] - q[1] * d[0];
          for (let c = 0; c < 3; c++) {
            b[c] += w * p[c] * r;
            for (let e = 0; e < 3; e++) C[3 * c + e] += w * p[c] * p[e];
          }
          if (own < 0) continue;
          for (let c = 0; c < 6; c++) {
            g[own + c] += w * row[c] * r;
            for (let e = 0; e < 6; e++) S[(own + c) * size + own + e] += w * row[c] * row[e];
            for (let e = 0; e < 3; e++) W[18 * (f - from) + 3 * c + e] += w * row[c] * p[e];
          }
        }
      }
      blocks.push({ C, b, W, from });
    }
    for (let c = 0; c < size; c++) S[c * size + c] *= 1 + mu;
    const inverses: (Float64Array | undefined)[] = [];
    const Y = new Float64Array(18);
    for (const { C, b, W, from } of blocks) {
      const [c0, c1, c2, c4, c5, c8] = [C[0] * (1 + mu), C[1], C[2], C[4] * (1 + mu), C[5], C[8] * (1 + mu)];
      const [A, B, D] = [c4 * c8 - c5 * c5, c2 * c5 - c1 * c8, c1 * c5 - c2 * c4];
      const det = c0 * A + c1 * B + c2 * D;
      if (!(det > 1e-12 * (c0 + c4 + c8) ** 3)) {
        inverses.push(undefined);
        continue;
      }
      const inv = Float64Array.from(
        [A, B, D, B, c0 * c8 - c2 * c2, c1 * c2 - c0 * c5, D, c1 * c2 - c0 * c5, c0 * c4 - c1 * c1],
        (v) => v / det,
      );
      inverses.push(inv);
      for (let f = Math.max(from, first + fixed); f <= last; f++) {
        const own = 6 * (f - first - fixed);
        const at = 18 * (f - from);
        for (let c = 0; c < 6; c++)
          for (let e = 0; e < 3; e++)
            Y[3 * c + e] = W[at + 3 * c] * inv[e] + W[at + 3 * c + 1] * inv[3 + e] + W[at + 3 * c + 2] * inv[6 + e];
        for (let c = 0; c < 6; c++) {
          g[own + c] -= Y[3 * c] * b[0] + Y[3 * c + 1] * b[1] + Y[3 * c + 2] * b[2];
          for (let h = Math.max(from, first + fixed); h <= last; h++) {
            const other = 6 * (h - first - fixed);
            const to = 18 * (h - from);
            for (let e = 0; e < 6; e++)
              S[(own + c) * size + other + e] -=
                Y[3 * c] * W[to + 3 * e] + Y[3 * c + 1] * W[to + 3 * e + 1] + Y[3 * c + 2] * W[to + 3 * e + 2];
          }
        }
      }
    }
    let move: Float64Array;
    try {
      move = solve(S, size, g).map((v) => -v);
    } catch {
      break;
    }
    const [cameras0, points0] = [cameras, points];
    cameras = cameras.map((camera0, j) => {
      const own = 6 * (j - fixed);
      if (own < 0) return camera0;
      return {
        R: multiply3(rotationOf(move[own], move[own + 1], move[own + 2]), camera0.R),
        c: camera0.c.map((v, c) => v + move[own + 3 + c]),
      };
    });
    points = points.map((p, i) => {
      const inv = inverses[i];
      if (!inv) return p;
      const { b, W, from } = blocks[i];
      const right = [b[0], b[1], b[2]];
      for (let f = Math.max(from, first + fixed); f <= last; f++) {
        const own = 6 * (f - first - fixed);
        for (let c = 0; c < 6; c++) for (let e = 0; e < 3; e++) right[e] += W[18 * (f - from) + 3 * c + e] * move[own + c];
      }
      return p.map((v, c) => v - (inv[3 * c] * right[0] + inv[3 * c + 1] * right[1] + inv[3 * c + 2] * right[2]));
    });
    const then = cost();
    if (then < value) {
      step++;
      const small = value - then < 1e-4 * value;
      mu = Math.max(1e-9, mu / 10);
      marginalGain(errors, Math.max(sigma, 2 * sigma * 0.5 ** step), weights);
      value = cost();
      if (small) break;
    } else {
      [cameras, points] = [cameras0, points0];
      mu *= 10;
      if (mu > 1e3) break;
    }
  }
  for (const [i, t] of used.entries()) t.point = [points[i][0], points[i][1], points[i][2]];
  for (let f = first + fixed; f <= last; f++) {
    const { R, c } = cameras[f - first];
    out.set(f, { rotation: transpose3(R), position: [c[0], c[1], c[2]] });
  }
  return out;
}
