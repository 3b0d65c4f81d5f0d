import { ArgumentError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { engine } from "../../kernels/index.js";
import { flowMedian } from "../../kernels/opticalFlow.js";
import { census, censusCost, sgmSweeps, sgmWinner } from "../../kernels/stereo.js";
import { temporary } from "../../kernels/temporary.js";
import { brightness, checkPictures } from "../flow/opticalFlow.js";
import { fillHoles, Hole, removeSpeckles } from "./holes.js";

/** Range of disparities, costs, smoothness and checks. */
export interface StereoOptions {
  /** Disparities looked at: first … first + range − 1 pixels. Default a seventh of the width. */
  readonly range?: number;
  /** Least disparity; default 0. */
  readonly first?: number;
  /** Costs of a step by one disparity and of a longer one; census costs reach 62. Defaults 10 and 90. */
  readonly small?: number;
  /** A number of pixels from which on a picture counts as large. */
  readonly large?: number;
  /** By so much the latter falls over the whole range of brightness: depth steps lie where pictures have edges. Default 600. */
  readonly fall?: number;
  /** Smaller patches of one disparity are taken for wrong. Default 100 pixels. */
  readonly speckle?: number;
  /** Fill what is hidden or wrong. Default true; otherwise those pixels are NaN. */
  readonly fill?: boolean;
}
/** Disparities of the left picture, with where they hold. */
export interface StereoResult {
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
  /** Pixels: what is at (x, y) in the left picture is at (x − d, y) in the right. NaN: not known. */
  readonly disparity: Float32Array;
  /** 1 where both pictures agree, 0 where the disparity was filled in. */
  readonly agreed: Uint8Array;
  /** Shares of pixels that agree, are hidden in the right picture, or are wrong. */
  readonly shares: {
    /** Both ways agree. */
    readonly agreed: number;
    /** Seen by one camera alone. */
    readonly hidden: number;
    /** Both ways contradict each other. */
    readonly wrong: number;
  };
  /** The first disparity, and how many. */
  readonly range: readonly [first: number, count: number];
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "failed";
  /** Why it ended, in a sentence. */
  readonly reason: string;
}

/**
 * Disparities of a rectified pair by semi-global matching: costs are the differing bits of census transforms (9 × 7), summed along eight directions with a
 * small penalty for steps of one pixel and a larger one for jumps; the winner between samples by a parabola; left and right must agree; holes are filled
 * from the background where they are hidden, from their neighbours where they are wrong.
 * @throws ShapeError unless both are pictures of one size
 * @throws ArgumentError for a range that cannot be searched
 * @see Hirschmüller (2008), Stereo processing by semiglobal matching and mutual information, IEEE TPAMI
 * @see Zabih, Woodfill (1994), Non-parametric local transforms for computing visual correspondence, ECCV
 */
export function stereo(left: Image, right: Image, o: StereoOptions = {}): StereoResult {
  checkPictures("stereo", left, right);
  const [width, height] = left.grid.size;
  const { range = Math.max(16, Math.round(width / 7)), first = 0, small = 10, large = 90, fall = 600, speckle = 100, fill = true } = o;
  if (!Number.isInteger(range) || range < 1 || range > 1024)
    throw new ArgumentError(`stereo: a range of ${range} disparities; a whole number from 1 to 1024 was expected`, { range });
  if (!Number.isInteger(first) || Math.abs(first) >= width)
    throw new ArgumentError(`stereo: the least disparity is ${first}; a whole number smaller than the width ${width} was expected`, {
      first,
    });
  if (!(small >= 0 && large >= small && large <= 1000 && fall >= 0))
    throw new ArgumentError(
      `stereo: penalties ${small} and ${large}, fall ${fall}; 0 ≤ small ≤ large ≤ 1000 and fall from 0 were expected`,
      {},
    );
  const count = 16 * Math.ceil(range / 16);
  const size = { H: height, W: width };
  const n = width * height;
  const { planes } = brightness("stereo", left, right, true);
  const e = engine();
  const { winner, check } = temporary(e, (reserve) => {
    const [imageL, imageR] = planes.map((values) => {
      const at = reserve(4 * n);
      e.f32(at, n).set(values);
      return at;
    });
    const [bitsL, bitsR, cost, sums] = [reserve(8 * n), reserve(8 * n), reserve(n * count), reserve(4 * n * count)];
    const [out, against] = [reserve(4 * n), reserve(4 * n)];
    census(e, imageL, bitsL, size);
    census(e, imageR, bitsR, size);
    censusCost(e, bitsL, bitsR, cost, size, { count, first });
    sgmSweeps(e, cost, imageL, sums, size, count, { small, large, fall });
    sgmWinner(e, sums, out, against, size, { count, first });
    return { winner: Float32Array.from(e.f32(out, n)), check: Float32Array.from(e.f32(against, n)) };
  });
  const holes = new Uint8Array(n);
  // The right picture's surface at that place is nearer: it hides ours. Beyond the border it is not seen at all.
  for (let k = 0; k < n; k++) holes[k] = Math.abs(check[k]) <= 1 ? Hole.none : check[k] > 0 ? Hole.hidden : Hole.wrong;
  removeSpeckles(winner, holes, width, height, speckle);
  const counts = [0, 0, 0];
  for (let k = 0; k < n; k++) counts[holes[k]]++;
  const [agreed, hidden, wrong] = counts.map((c) => c / n);
  let disparity = fillHoles(winner, holes, width, height);
  disparity = temporary(e, (reserve) => {
    const [from, to] = [reserve(4 * n), reserve(4 * n)];
    e.f32(from, n).set(disparity);
    flowMedian(e, from, to, 1, size, 1);
    return Float32Array.from(e.f32(to, n));
  });
  if (!fill) for (let k = 0; k < n; k++) if (holes[k] !== Hole.none) disparity[k] = Number.NaN;
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  const flat = planes.some((p) => p.every((v) => v === p[0]));
  const ok = agreed >= 0.3 && !flat;
  return {
    ...{ width, height, disparity, agreed: holes.map((h) => Number(h === Hole.none)), shares: { agreed, hidden, wrong } },
    range: [first, count],
    status: ok ? "ok" : "failed",
    reason: ok
      ? `left and right agree on ${percent(agreed)} of the pixels; ${percent(hidden)} are hidden, ${percent(wrong)} unclear`
      : flat
        ? "one of the pictures is flat: nothing in it could be matched"
        : `left and right agree on no more than ${percent(agreed)} of the pixels; is the pair rectified, left before right, and the range of ${count} pixels wide enough?`,
  };
}
