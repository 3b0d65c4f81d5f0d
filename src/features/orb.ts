import { ArgumentError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { engine } from "../kernels/engine.js";
import { gaussian } from "../kernels/gaussian.js";
import { extremaMask, segmentScore } from "../kernels/keypoints.js";
import { temporary } from "../kernels/temporary.js";
import { grayOf } from "./gray.js";
import { type Features, spreadOut } from "./keypoints.js";

/** How many points ORB keeps, over how many scales. */
export interface OrbOptions {
  /** At most so many points. Default 2000. */
  readonly limit?: number;
  /** Least contrast of the segment test, in shares of the picture's range. Default 0.04. */
  readonly threshold?: number;
  /** From one size of the picture to the next. Default 1.2. */
  readonly factor?: number;
  /** Sizes. Default 8. */
  readonly sizes?: number;
}

/** Half the window of a descriptor, samples; of the centroid too. */
const reach = 15;
const testCount = 256;
/** Pairs of places about the centre, normal with σ of a fifth of the window, once and for all. */
const tests = (() => {
  const random = seeded(20110);
  const place = () => Math.max(-13, Math.min(13, (2 * reach + 1) * 0.2 * random.normal()));
  return Float64Array.from({ length: 4 * testCount }, place);
})();

/** Linear resampling of a plane to a size, blurred first by what the step asks for. */
function resized(values: Float32Array, W: number, H: number, w: number, h: number): Float32Array {
  const out = new Float32Array(w * h);
  const [sx, sy] = [W / w, H / h];
  for (let y = 0; y < h; y++) {
    const v = Math.min(H - 1, Math.max(0, (y + 0.5) * sy - 0.5));
    const y0 = Math.min(H - 2, Math.floor(v));
    const fy = v - y0;
    for (let x = 0; x < w; x++) {
      const u = Math.min(W - 1, Math.max(0, (x + 0.5) * sx - 0.5));
      const x0 = Math.min(W - 2, Math.floor(u));
      const fx = u - x0;
      const k = y0 * W + x0;
      const top = values[k] + fx * (values[k + 1] - values[k]);
      const bottom = values[k + W] + fx * (values[k + W + 1] - values[k + W]);
      out[y * w + x] = top + fy * (bottom - top);
    }
  }
  return out;
}

/**
 * Oriented features with binary descriptors: the segment test over sizes of the picture, direction from the centre to the centroid of brightness in a
 * disc of radius 15, and 256 comparisons of a smoothed picture at pairs of places turned with it. The pairs are drawn at random once (seeded), not learnt.
 * Fast to make and to compare; less sure than `sift`.
 * @throws ArgumentError for options out of their range; ShapeError for an image that is no picture
 * @see Rublee, Rabaud, Konolige, Bradski (2011), ORB, ICCV; Calonder et al. (2010), BRIEF, ECCV; Rosin (1999), Measuring corner properties, CVIU 73(2)
 */
export function orb(picture: Image, o: OrbOptions = {}): Features {
  const { limit = 2000, threshold = 0.04, factor = 1.2, sizes = 8 } = o;
  if (!(limit >= 1) || !(threshold >= 0) || !(factor > 1) || !(sizes >= 1))
    throw new ArgumentError(
      `orb: limit ${limit}, threshold ${threshold}, factor ${factor}, sizes ${sizes}; limit and sizes are 1 or more, the factor above 1, the threshold not negative`,
      { limit, threshold, factor, sizes },
    );
  const gray = grayOf(picture);
  const e = engine();
  const found: { x: number; y: number; scale: number; angle: number; response: number; row: Uint8Array }[] = [];
  // Sizes share the points by area.
  const shares = Array.from({ length: sizes }, (_, s) => factor ** (-2 * s));
  const all = shares.reduce((a, b) => a + b, 0);
  for (let s = 0; s < sizes; s++) {
    const step = factor ** s;
    const [w, h] = [Math.round(gray.width / step), Math.round(gray.height / step)];
    if (Math.min(w, h) < 2 * reach + 8) break;
    const [stepX, stepY] = [gray.width / w, gray.height / h];
    temporary(e, (reserve) => {
      const n = w * h;
      const whole = gray.width * gray.height;
      const plane = reserve(4 * Math.max(n, whole));
      if (s === 0) e.f32(plane, n).set(gray.values);
      else {
        e.f32(plane, whole).set(gray.values);
        const sigma = 0.5 * Math.sqrt(step * step - 1);
        gaussian(e, plane, plane, 1, [1, gray.height, gray.width], { sigma: [0, sigma, sigma], truncate: 3 });
        const small = resized(e.f32(plane, whole), gray.width, gray.height, w, h);
        e.f32(plane, n).set(small);
      }
      const score = reserve(4 * n);
      const mask = reserve(n);
      const smooth = reserve(4 * n);
      segmentScore(e, plane, score, h, w, threshold);
      extremaMask(e, [score, score, score], mask, h, w, { border: reach + 3, threshold });
      gaussian(e, plane, smooth, 1, [1, h, w], { sigma: [0, 2, 2], truncate: 3 });
      const [v, r, soft] = [e.f32(plane, n), e.f32(score, n), e.f32(smooth, n)];
      const at: number[] = [];
      const bytes = new Uint8Array(e.memory.buffer, mask, n);
      for (let k = 0; k < n; k++) if (bytes[k] === 1) at.push(k);
      const points = {
        count: at.length,
        x: Float64Array.from(at, (k) => k % w),
        y: Float64Array.from(at, (k) => Math.floor(k / w)),
        scale: new Float64Array(at.length),
        angle: new Float64Array(at.length),
        response: Float64Array.from(at, (k) => r[k]),
      };
      for (const i of spreadOut(points, w, h, Math.max(1, Math.round((limit * shares[s]) / all)))) {
        const k = at[i];
        let [mx, my] = [0, 0];
        for (let y = -reach; y <= reach; y++) {
          const half = Math.floor(Math.sqrt(reach * reach - y * y));
          for (let x = -half; x <= half; x++) {
            const value = v[k + y * w + x];
            mx += x * value;
            my += y * value;
          }
        }
        const angle = Math.atan2(my, mx);
        const [c, d] = [Math.cos(angle), Math.sin(angle)];
        const row = new Uint8Array(testCount / 8);
        for (let t = 0; t < testCount; t++) {
          const [x1, y1, x2, y2] = [tests[4 * t], tests[4 * t + 1], tests[4 * t + 2], tests[4 * t + 3]];
          const p = k + Math.round(d * x1 + c * y1) * w + Math.round(c * x1 - d * y1);
          const q = k + Math.round(d * x2 + c * y2) * w + Math.round(c * x2 - d * y2);
          if (soft[p] < soft[q]) row[t >> 3] |= 1 << (t & 7);
        }
        found.push({
          x: (points.x[i] + 0.5) * stepX - 0.5,
          y: (points.y[i] + 0.5) * stepY - 0.5,
          scale: 2 * step,
          angle,
          response: points.response[i],
          row,
        });
      }
    });
  }
  found.sort((a, b) => b.response - a.response);
  const kept = found.slice(0, limit);
  const descriptors = new Uint8Array(32 * kept.length);
  for (const [i, p] of kept.entries()) descriptors.set(p.row, 32 * i);
  return {
    count: kept.length,
    x: Float64Array.from(kept, (p) => p.x),
    y: Float64Array.from(kept, (p) => p.y),
    scale: Float64Array.from(kept, (p) => p.scale),
    angle: Float64Array.from(kept, (p) => p.angle),
    response: Float64Array.from(kept, (p) => p.response),
    descriptors,
    kind: "bits",
  };
}
