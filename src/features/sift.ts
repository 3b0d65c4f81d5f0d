import { ArgumentError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { type Engine, engine } from "../kernels/engine.js";
import { gaussian } from "../kernels/gaussian.js";
import { directionHistograms, gradientDescriptors, gradientMoments } from "../kernels/gradientPatch.js";
import { doubledPlane, extremaMask, halvedPlane, planeDifference } from "../kernels/keypoints.js";
import { temporary } from "../kernels/temporary.js";
import { type Gray, grayOf } from "./gray.js";
import { type Features, type Found, keypointsOf, selectKeypoints, spreadOut } from "./keypoints.js";

/** How many points SIFT keeps, over which octaves, and how faint or edge-like they may be. */
export interface SiftOptions {
  /** At most so many points, the strongest, spread over the picture. Default 8000. */
  readonly limit?: number;
  /** Least contrast of an extreme of the difference of Gaussians, in shares of the picture's range. Default 0.01. */
  readonly contrast?: number;
  /** Points on edges are left out whose principal curvatures have a larger ratio. Default 10. */
  readonly edge?: number;
  /** Begin on a grid twice as fine, which finds about four times as many points. Default: pictures of less than 800 000 pixels. */
  readonly doubled?: boolean;
  /** Square roots of shares (RootSIFT) rather than unit vectors. Default true. */
  readonly root?: boolean;
  /** Sizes of the descriptor's window, as factors, whose histograms are added (domain-size pooling); [1] for none. Default [0.8, 1, 1.25]. */
  readonly pooling?: readonly number[];
  /** Give every point the shape of its neighbourhood (an ellipse instead of a circle), for views at a slant. Default false. */
  readonly affine?: boolean;
  /** Directions by gradients; false: all points look up (fewer, surer matches of pictures that are not turned). Default true. */
  readonly oriented?: boolean;
}

/** Levels to an octave, and σ of its first one. */
const levels = 3;
const firstSigma = 1.6;
/** Samples of patches, and half the width of the descriptor's window (five cells of 3 σ) and of the direction's (4.5 σ), in σ of the point. */
const directionSamples = 16;
const descriptorSamples = 24;
const descriptorReach = 7.5;
const directionReach = 4.5;

interface Octave {
  readonly H: number;
  readonly W: number;
  /** Pixels of the picture a sample. */
  readonly step: number;
  /** Addresses of the Gaussian levels 0 … levels + 2. */
  readonly planes: readonly number[];
}
/** Everything a point needs for its description: which plane shows it at its size. */
export interface ScaleSpace {
  readonly engine: Engine;
  readonly octaves: readonly Octave[];
}

/** Gaussian octaves of a picture in the engine's memory, for as long as `work` runs. */
export function scaleSpace<T>(gray: Gray, doubled: boolean, work: (s: ScaleSpace) => T): T {
  const e = engine();
  return temporary(e, (reserve) => {
    let [H, W, step] = doubled ? [2 * gray.height, 2 * gray.width, 0.5] : [gray.height, gray.width, 1];
    const base = reserve(4 * H * W);
    if (doubled)
      temporary(e, (mine) => {
        const p = mine(4 * gray.values.length);
        e.f32(p, gray.values.length).set(gray.values);
        doubledPlane(e, p, base, gray.height, gray.width);
      });
    else e.f32(base, gray.values.length).set(gray.values);
    // A camera's picture is taken to carry a blur of half a pixel.
    const had = 0.5 / step;
    const blur = (from: number, to: number, sigma: number) =>
      gaussian(e, from, to, 1, [1, H, W], { sigma: [0, sigma, sigma], truncate: 3.5 });
    const octaves: Octave[] = [];
    for (let first = base; Math.min(H, W) >= 12; ) {
      const planes = [first];
      if (octaves.length === 0) blur(first, first, Math.sqrt(Math.max(0.01, firstSigma ** 2 - had ** 2)));
      for (let s = 1; s < levels + 3; s++) {
        const [before, now] = [s - 1, s].map((k) => firstSigma * 2 ** (k / levels));
        planes.push(reserve(4 * H * W));
        blur(planes[s - 1], planes[s], Math.sqrt(now ** 2 - before ** 2));
      }
      octaves.push({ H, W, step, planes });
      const [h, w] = [Math.ceil(H / 2), Math.ceil(W / 2)];
      first = reserve(4 * h * w);
      halvedPlane(e, planes[levels], first, H, W);
      [H, W, step] = [h, w, 2 * step];
    }
    return work({ engine: e, octaves });
  });
}

/** Extremes of the difference of Gaussians, refined by a quadratic in (x, y, s): Brown & Lowe's interpolation, contrast and edge tests. */
function extremes({ engine: e, octaves }: ScaleSpace, contrast: number, edge: number): Found[] {
  const found: Found[] = [];
  const threshold = contrast / levels;
  for (const [o, { H, W, step, planes }] of octaves.entries())
    temporary(e, (reserve) => {
      const n = H * W;
      const at = planes.slice(1).map((p, s) => {
        const d = reserve(4 * n);
        planeDifference(e, planes[s], p, d, n);
        return d;
      });
      const masks = Array.from({ length: levels }, (_, s) => {
        const m = reserve(n);
        extremaMask(e, [at[s], at[s + 1], at[s + 2]], m, H, W, { border: 4, threshold: 0.5 * threshold });
        return m;
      });
      const D = at.map((p) => e.f32(p, n));
      for (const [s, m] of masks.entries()) {
        const words = new Float64Array(e.memory.buffer, m, n >> 3); // eight bytes of 0 or 1 at a glance
        const bytes = new Uint8Array(e.memory.buffer, m, n);
        const visit = (k: number) => {
          const p = refined(D, H, W, s + 1, Math.floor(k / W), k % W, threshold, edge);
          if (p)
            found.push({
              octave: o,
              level: p.level,
              x: p.x * step,
              y: p.y * step,
              scale: firstSigma * 2 ** (p.s / levels) * step,
              response: p.response,
            });
        };
        for (let w = 0; w < words.length; w++) if (words[w] !== 0) for (let k = 8 * w; k < 8 * w + 8; k++) if (bytes[k] === 1) visit(k);
        for (let k = 8 * words.length; k < n; k++) if (bytes[k] === 1) visit(k);
      }
    });
  return found;
}
function refined(D: readonly Float32Array[], H: number, W: number, s: number, y: number, x: number, threshold: number, edge: number) {
  for (let turn = 0; turn < 5; turn++) {
    const k = y * W + x;
    const [a, b, c] = [D[s - 1], D[s], D[s + 1]];
    const v = b[k];
    const gx = 0.5 * (b[k + 1] - b[k - 1]);
    const gy = 0.5 * (b[k + W] - b[k - W]);
    const gs = 0.5 * (c[k] - a[k]);
    const xx = b[k + 1] + b[k - 1] - 2 * v;
    const yy = b[k + W] + b[k - W] - 2 * v;
    const ss = c[k] + a[k] - 2 * v;
    const xy = 0.25 * (b[k + W + 1] - b[k + W - 1] - b[k - W + 1] + b[k - W - 1]);
    const xs = 0.25 * (c[k + 1] - c[k - 1] - a[k + 1] + a[k - 1]);
    const ys = 0.25 * (c[k + W] - c[k - W] - a[k + W] + a[k - W]);
    // Cramer's rule on the 3 × 3 system H d = −g.
    const [m1, m2, m3] = [yy * ss - ys * ys, xy * ss - ys * xs, xy * ys - yy * xs];
    const det = xx * m1 - xy * m2 + xs * m3;
    if (!(Math.abs(det) > 1e-30)) return undefined;
    const dx = -(gx * m1 - gy * m2 + gs * m3) / det;
    const dy = -(-gx * m2 + gy * (xx * ss - xs * xs) - gs * (xx * ys - xs * xy)) / det;
    const ds = -(gx * m3 - gy * (xx * ys - xy * xs) + gs * (xx * yy - xy * xy)) / det;
    if (Math.abs(dx) < 0.6 && Math.abs(dy) < 0.6 && Math.abs(ds) < 0.6) {
      const response = Math.abs(v + 0.5 * (gx * dx + gy * dy + gs * ds));
      const [trace, product] = [xx + yy, xx * yy - xy * xy];
      if (response < threshold || !(product > 0) || trace * trace * edge >= (edge + 1) ** 2 * product) return undefined;
      return { x: x + dx, y: y + dy, s: s + ds, level: Math.min(levels, Math.max(1, Math.round(s + ds))), response };
    }
    if (!(Math.abs(dx) < 10 && Math.abs(dy) < 10 && Math.abs(ds) < 10)) return undefined;
    x += Math.round(dx);
    y += Math.round(dy);
    s += Math.round(ds);
    if (s < 1 || s > levels || x < 4 || y < 4 || x >= W - 4 || y >= H - 4) return undefined;
  }
  return undefined;
}

/** Groups of points by the plane that shows them: (octave, level). */
function byPlane<T extends { readonly octave: number; readonly level: number }>(list: readonly T[]): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const [i, { octave, level }] of list.entries()) {
    const key = 16 * octave + level;
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  }
  return groups;
}

/** The plane of a scale space whose blur is nearest to σ pixels (levels 1 … 3 where possible). */
export function planeFor({ octaves }: ScaleSpace, sigma: number): { readonly octave: number; readonly level: number } {
  const at = Math.log2(sigma / (firstSigma * octaves[0].step));
  const octave = Math.min(octaves.length - 1, Math.max(0, Math.floor(at - 0.5 / levels)));
  return { octave, level: Math.min(levels + 2, Math.max(0, Math.round((at - octave) * levels))) };
}

/** A 2 × 2 matrix of determinant 1: what makes a circle a point's neighbourhood. */
type Shape = readonly [number, number, number, number];
const round: Shape = [1, 0, 0, 1];
/** How slanted a neighbourhood may be: the ratio of its axes. */
const mostSlant = 5;

/** The plane on which a point of this shape is read: that of its narrow axis, so that nothing is blurred twice. */
const planeOf = (space: ScaleSpace, p: Found, shape: Shape) =>
  shape === round ? p : planeFor(space, p.scale * Math.sqrt(narrowing(shape)));
/** Narrow axis over the wide one. */
function narrowing([a, b, c, d]: Shape): number {
  const [s, t] = [Math.hypot(a + d, b - c), Math.hypot(a - d, b + c)]; // sum and difference of the singular values
  return (s - t) / (s + t);
}

/**
 * Shapes by which the second moments of the gradients become round: A ← A M^(−1/2), a few times over; a point whose shape does not settle within the
 * slant allowed stays round.
 * @see Lindeberg & Gårding (1997), Shape-adapted smoothing, Image and Vision Computing 15(6); Baumberg (2000), Reliable feature matching, CVPR
 */
function shapes(space: ScaleSpace, found: readonly Found[]): Shape[] {
  const shape: Shape[] = found.map(() => round);
  let open = found.map((_, i) => i);
  for (let turn = 0; turn < 8 && open.length > 0; turn++) {
    const next: number[] = [];
    const places = open.map((i) => planeOf(space, found[i], shape[i]));
    for (const [key, group] of byPlane(places)) {
      const { H, W, step, planes } = space.octaves[key >> 4];
      const frames = new Float32Array(6 * group.length);
      for (const [k, g] of group.entries()) {
        const p = found[open[g]];
        const reach = (directionReach * p.scale) / step;
        frames.set([p.x / step, p.y / step, ...shape[open[g]].map((v) => v * reach)], 6 * k);
      }
      const m = gradientMoments(space.engine, planes[key & 15], H, W, frames, { samples: directionSamples, sigma: 0.45 });
      for (const [k, g] of group.entries()) {
        const i = open[g];
        const [xx, xy, yy] = m.subarray(3 * k, 3 * k + 3);
        const det = xx * yy - xy * xy;
        if (!(det > 1e-6 * (xx + yy) ** 2)) {
          shape[i] = round;
          continue;
        }
        // M^(1/2) = (M + √det) / √(trace + 2 √det); its inverse, of determinant 1.
        const s = Math.sqrt(det);
        const by = 1 / Math.sqrt(s * (xx + yy + 2 * s));
        const [p, q, r] = [(yy + s) * by, -xy * by, (xx + s) * by];
        const [a, b, c, d] = shape[i];
        const moved: Shape = [a * p + b * q, a * q + b * r, c * p + d * q, c * q + d * r];
        if (!(narrowing(moved) > 1 / mostSlant)) {
          shape[i] = round;
          continue;
        }
        shape[i] = moved;
        if (s / (0.5 * (xx + yy)) < 0.99) next.push(i);
      }
    }
    open = next;
  }
  return shape;
}

/** Directions of points: the peaks above 0.8 of the highest of a smoothed histogram of 36; a point with two is two points. */
function directed(space: ScaleSpace, found: readonly Found[], shape: readonly Shape[]): { readonly of: number; readonly angle: number }[] {
  const bins = 36;
  const out: { of: number; angle: number }[] = [];
  for (const [key, group] of byPlane(found.map((p, i) => planeOf(space, p, shape[i])))) {
    const { H, W, step, planes } = space.octaves[key >> 4];
    const frames = new Float32Array(6 * group.length);
    for (const [k, i] of group.entries()) {
      const reach = (directionReach * found[i].scale) / step;
      frames.set([found[i].x / step, found[i].y / step, ...shape[i].map((v) => v * reach)], 6 * k);
    }
    const h = directionHistograms(space.engine, planes[key & 15], H, W, frames, {
      samples: directionSamples,
      bins,
      sigma: 1 / 3, // 1.5 σ
      smoothings: 2,
    });
    for (const [k, i] of group.entries()) {
      const line = h.subarray(bins * k, bins * (k + 1));
      let top = 0;
      for (let b = 0; b < bins; b++) if (line[b] > top) top = line[b];
      if (!(top > 0)) continue;
      const peaks: { angle: number; height: number }[] = [];
      for (let b = 0; b < bins; b++) {
        const v = line[b];
        if (v < 0.8 * top) continue;
        const [l, r] = [line[(b + bins - 1) % bins], line[(b + 1) % bins]];
        if (v <= l || v < r) continue;
        peaks.push({ angle: (2 * Math.PI * (b + (0.5 * (l - r)) / (l - 2 * v + r))) / bins, height: v });
      }
      peaks.sort((p, q) => q.height - p.height);
      for (const { angle } of peaks.slice(0, 3)) out.push({ of: i, angle });
    }
  }
  return out.sort((a, b) => a.of - b.of);
}

/** The same for round points of a caller's own. */
export const directionsOf = (space: ScaleSpace, found: readonly Found[]): { readonly of: number; readonly angle: number }[] =>
  directed(
    space,
    found,
    found.map(() => round),
  );

/** A frame of a point: its place and the matrix that takes the unit square's half to the picture. */
export type Frame = readonly [x: number, y: number, a: number, b: number, c: number, d: number];

/** Descriptors of frames whose matrices are in units of one σ of the point, each read from the plane named with it. */
export function describeFrames(
  space: ScaleSpace,
  frames: readonly { readonly frame: Frame; readonly octave: number; readonly level: number }[],
  { root = true, pooling = [0.8, 1, 1.25] }: Pick<SiftOptions, "root" | "pooling">,
): Uint8Array {
  const out = new Uint8Array(128 * frames.length);
  for (const [key, group] of byPlane(frames)) {
    const { H, W, step, planes } = space.octaves[key >> 4];
    const scaled = new Float32Array(6 * group.length);
    for (const [k, i] of group.entries()) {
      const [x, y, ...m] = frames[i].frame;
      scaled.set([x / step, y / step, ...m.map((v) => (v * descriptorReach) / step)], 6 * k);
    }
    const rows = gradientDescriptors(space.engine, planes[key & 15], H, W, scaled, {
      samples: descriptorSamples,
      factors: pooling,
      root,
      unit: root ? 254 : 320,
    });
    for (const [k, i] of group.entries()) out.set(rows.subarray(128 * k, 128 * k + 128), 128 * i);
  }
  return out;
}

/**
 * Scale-invariant features: extremes of the difference of Gaussians over place and scale, refined by a quadratic; a direction each; and histograms of
 * gradient directions in 4 × 4 cells about it, read from a patch resampled to 24 × 24 in the point's own frame. Brightness is brought to [0, 1] first.
 * @throws ArgumentError for limits and thresholds out of their range; ShapeError for an image that is no picture
 * @see Lowe (2004), Distinctive image features from scale-invariant keypoints, IJCV 60(2); Arandjelović & Zisserman (2012), Three things everyone should
 * know to improve object retrieval, CVPR (square roots); Dong & Soatto (2015), Domain-size pooling in local descriptors, CVPR
 */
export function sift(picture: Image, o: SiftOptions = {}): Features {
  const { limit = 8000, contrast = 0.01, edge = 10, oriented = true, pooling = [0.8, 1, 1.25] } = o;
  if (!(limit >= 1) || !(contrast >= 0) || !(edge >= 1) || pooling.length === 0 || pooling.some((f) => !(f > 0 && f < 10)))
    throw new ArgumentError(
      `sift: limit ${limit}, contrast ${contrast}, edge ${edge}, pooling [${pooling}]; the limit and edge are 1 or more, the contrast not negative, factors positive`,
      { limit, contrast, edge, pooling },
    );
  const gray = grayOf(picture);
  const { doubled = gray.width * gray.height < 800_000 } = o;
  return scaleSpace(gray, doubled, (space) => {
    const all = extremes(space, contrast, edge);
    const kept = spreadOut(keypointsOf(all), gray.width, gray.height, limit).map((i) => all[i]);
    const shape = o.affine ? shapes(space, kept) : kept.map(() => round);
    const directions = oriented ? directed(space, kept, shape) : kept.map((_, of) => ({ of, angle: 0 }));
    const points = selectKeypoints(
      keypointsOf(kept),
      directions.map((d) => d.of),
    );
    // What stands for the direction in the picture: where the frame's first axis points.
    for (const [i, { of, angle }] of directions.entries()) {
      const [a, b, c, d] = shape[of];
      points.angle[i] = Math.atan2(c * Math.cos(angle) + d * Math.sin(angle), a * Math.cos(angle) + b * Math.sin(angle));
    }
    const descriptors = describeFrames(
      space,
      directions.map(({ of, angle }) => {
        const { x, y, scale } = kept[of];
        const { octave, level } = planeOf(space, kept[of], shape[of]);
        const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)];
        const [p, q, r, t] = shape[of];
        return { frame: [x, y, p * c + q * s, q * c - p * s, r * c + t * s, t * c - r * s], octave, level };
      }),
      { ...o, pooling },
    );
    return { ...points, descriptors, kind: "bytes" };
  });
}
