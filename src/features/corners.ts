import { ArgumentError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { gaussian } from "../kernels/gaussian.js";
import { extremaMask, segmentScore } from "../kernels/keypoints.js";
import { temporary } from "../kernels/temporary.js";
import { grayOf } from "./gray.js";
import { type Features, type Found, type Keypoints, keypointsOf, selectKeypoints, spreadOut } from "./keypoints.js";
import { describeFrames, directionsOf, type ScaleSpace, type SiftOptions, scaleSpace } from "./sift.js";

/** What measures a corner: Harris's determinant and trace, the smaller eigenvalue (Shi and Tomasi), or a ring of sixteen pixels (FAST). */
export type CornerKind = "harris" | "shiTomasi" | "fast";
/** How many corners are kept, how strong and how far apart they must be. */
export interface CornerOptions {
  /** At most so many points, the strongest, spread over the picture. Default 2000. */
  readonly limit?: number;
  /** Weakest response kept: of Harris and Shi–Tomasi as a share of the strongest (default 0.001 and 0.01), of the segment test in shares of the picture's range (default 0.05). */
  readonly threshold?: number;
  /** Octaves of scale that are looked at; 1 for the picture's own. Default 4. */
  readonly octaves?: number;
  /** Least distance of two points, pixels of their octave. Default 0: neighbours of a local largest only are left out. */
  readonly distance?: number;
}

/** σ of the window over which gradient products are added, in samples. */
const windowSigma = 1.5;
/** Harris's k. */
const balance = 0.05;

/** Response of every sample of a plane into `out`. */
function respond({ engine: e }: ScaleSpace, plane: number, H: number, W: number, kind: CornerKind, threshold: number, out: number): void {
  if (kind === "fast") {
    segmentScore(e, plane, out, H, W, threshold);
    return;
  }
  temporary(e, (reserve) => {
    const n = H * W;
    const products = reserve(12 * n);
    const p = e.f32(plane, n);
    const [xx, xy, yy] = [0, 1, 2].map((k) => e.f32(products + 4 * k * n, n).fill(0));
    for (let y = 1; y < H - 1; y++)
      for (let x = 1, k = y * W + 1; x < W - 1; x++, k++) {
        const gx = 0.5 * (p[k + 1] - p[k - 1]);
        const gy = 0.5 * (p[k + W] - p[k - W]);
        xx[k] = gx * gx;
        xy[k] = gx * gy;
        yy[k] = gy * gy;
      }
    gaussian(e, products, products, 3, [1, H, W], { sigma: [0, windowSigma, windowSigma], truncate: 3 });
    const all = e.f32(products, 3 * n);
    const r = e.f32(out, n);
    for (let k = 0; k < n; k++) {
      const [a, b, c] = [all[k], all[n + k], all[2 * n + k]];
      r[k] = kind === "harris" ? a * c - b * b - balance * (a + c) ** 2 : 0.5 * (a + c - Math.sqrt((a - c) ** 2 + 4 * b * b));
    }
  });
}

function cornersIn(space: ScaleSpace, kind: CornerKind, o: CornerOptions): Found[] {
  const { octaves = 4, distance = 0, threshold = kind === "fast" ? 0.05 : kind === "harris" ? 1e-3 : 1e-2 } = o;
  const { engine: e } = space;
  const found: Found[] = [];
  for (const [octave, { H, W, step, planes }] of space.octaves.slice(0, octaves).entries())
    temporary(e, (reserve) => {
      const n = H * W;
      const score = reserve(4 * n);
      const mask = reserve(n);
      respond(space, planes[0], H, W, kind, threshold, score);
      const r = e.f32(score, n);
      let top = 0;
      for (let k = 0; k < n; k++) if (r[k] > top) top = r[k];
      const least = kind === "fast" ? threshold : threshold * top;
      if (!(top > 0)) return;
      extremaMask(e, [score, score, score], mask, H, W, { border: 4, threshold: least });
      const bytes = new Uint8Array(e.memory.buffer, mask, n);
      const here: Found[] = [];
      for (let k = 0; k < n; k++) {
        if (bytes[k] === 0 || !(r[k] > least)) continue;
        // The top of a parabola along each axis; scores of the segment test are too rough for it.
        const shift = (s: number) => {
          const bend = r[k - s] - 2 * r[k] + r[k + s];
          return kind !== "fast" && bend < 0 ? Math.max(-0.5, Math.min(0.5, (0.5 * (r[k - s] - r[k + s])) / bend)) : 0;
        };
        const x = (k % W) + shift(1);
        const y = Math.floor(k / W) + shift(W);
        here.push({ octave, level: 0, x: x * step, y: y * step, scale: 1.6 * step, response: r[k] });
      }
      here.sort((a, b) => b.response - a.response);
      found.push(...apart(here, distance * step));
    });
  return found;
}
/** The strongest first, none nearer than a distance to one already there. */
function apart(list: readonly Found[], distance: number): readonly Found[] {
  if (!(distance > 0)) return list;
  const cells = new Map<string, Found[]>();
  const at = (v: number) => Math.floor(v / distance);
  return list.filter((p) => {
    for (let dy = -1; dy <= 1; dy++)
      for (let dx = -1; dx <= 1; dx++)
        for (const q of cells.get(`${at(p.x) + dx},${at(p.y) + dy}`) ?? []) if (Math.hypot(p.x - q.x, p.y - q.y) < distance) return false;
    const key = `${at(p.x)},${at(p.y)}`;
    cells.set(key, [...(cells.get(key) ?? []), p]);
    return true;
  });
}
function check(o: CornerOptions): void {
  const { limit = 2000, threshold = 0, octaves = 4, distance = 0 } = o;
  if (!(limit >= 1) || !(threshold >= 0) || !(octaves >= 1) || !(distance >= 0))
    throw new ArgumentError(
      `corners: limit ${limit}, threshold ${threshold}, octaves ${octaves}, distance ${distance}; limit and octaves are 1 or more, the others not negative`,
      { limit, threshold, octaves, distance },
    );
}
/** Local largest of the response within the picture's octaves, selected. */
function selected(picture: Image, kind: CornerKind, o: CornerOptions, space: ScaleSpace): Found[] {
  const [width, height] = picture.grid.size;
  const all = cornersIn(space, kind, o);
  return spreadOut(keypointsOf(all), width, height, o.limit ?? 2000).map((i) => all[i]);
}

/**
 * Corners: local largest of a response, at sub-pixel places for the first two.
 *   harris     det M − 0.05 (tr M)²,  M the Gaussian-weighted sum of gradient products
 *   shiTomasi  the smaller eigenvalue of M: what the error of tracking a window depends on
 *   fast       the largest threshold at which nine in a row of sixteen samples on a circle of radius 3 are all brighter or all darker
 * The picture is smoothed to σ 1.6 first, its brightness brought to [0, 1]. `angle` is 0.
 * @throws ArgumentError for options out of their range; ShapeError for an image that is no picture
 * @see Harris & Stephens (1988), A combined corner and edge detector; Shi & Tomasi (1994), Good features to track, CVPR; Rosten & Drummond (2006), Machine
 * learning for high-speed corner detection, ECCV
 */
export function corners(picture: Image, kind: CornerKind = "shiTomasi", o: CornerOptions = {}): Keypoints {
  check(o);
  return scaleSpace(grayOf(picture), false, (space) => keypointsOf(selected(picture, kind, o, space)));
}

/** Corners over scale with a direction and a gradient descriptor each, to be matched like those of `sift`. */
export function cornerFeatures(picture: Image, kind: CornerKind, o: CornerOptions & Pick<SiftOptions, "root" | "pooling"> = {}): Features {
  check(o);
  return scaleSpace(grayOf(picture), false, (space) => {
    const list = selected(picture, kind, o, space);
    const directions = directionsOf(space, list);
    const points = selectKeypoints(
      keypointsOf(list),
      directions.map((d) => d.of),
    );
    for (const [i, { angle }] of directions.entries()) points.angle[i] = angle;
    const descriptors = describeFrames(
      space,
      directions.map(({ of, angle }) => {
        const { x, y, scale, octave, level } = list[of];
        const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)];
        return { frame: [x, y, c, -s, s, c], octave, level };
      }),
      o,
    );
    return { ...points, descriptors, kind: "bytes" };
  });
}
