import type { Image } from "../core/interfaces.js";
import { scope } from "../core/scope.js";
import { brightnessOf } from "../features/gray.js";
import type { Layer } from "../nn/index.js";
import { resizeOperator } from "../operators/index.js";
import { Tensor } from "../tensor/index.js";
import type { HomographyTransform } from "../transforms/index.js";
import { type AlignResult, align } from "../vision/index.js";
import { multiply3, physical, project, scaled } from "../vision/planar.js";
import { farthest, type HomographySteps, type MatchingGrid, matchingSteps, type PatchPairs, pixelHomography } from "./homographyNetwork.js";

/** The grids of the network's steps, the polish after it, and the size it sees. */
export interface NetworkHomographyOptions {
  /** Grids of the network's steps. Default: coarse, coarse, fine, fine, fine. */
  readonly steps?: readonly MatchingGrid[];
  /** Polish by brightness after the network: Lucas–Kanade (default), by correlation, or not. */
  readonly refine?: "none" | "lk" | "ecc";
  /** Samples along a side of what the network sees, a multiple of 64 (default 128: what it was trained for). */
  readonly side?: number;
}
/** A homography by a network, with how well the pictures agree under it. */
export interface NetworkHomographyResult {
  /** ok: the pictures are alike under H; failed: they are not, and H is the network's word alone. */
  readonly status: "ok" | "failed";
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** 3 × 3, row by row, pixel centres of a to those of b, h₃₃ = 1. */
  readonly h: Float64Array;
  /** The same in the pictures' physical space. */
  readonly transform: HomographyTransform;
  /** The network's map after each of its steps, in the same pixels. */
  readonly steps: readonly Float64Array[];
  /** Whether Lucas–Kanade made the pictures more alike, so that its map was taken. */
  readonly polished: boolean;
  /** How alike the pictures are under H: see `AlignResult`. */
  readonly explained: number;
  /** Share of the first picture that falls inside the second. */
  readonly overlap: number;
}

/** A picture of s × s samples, antialiased; and the map of its pixels from those of the picture. */
function seen(picture: Image, s: number): { readonly patch: Tensor; readonly into: readonly number[]; readonly back: readonly number[] } {
  const { values, width, height } = brightnessOf(picture);
  const [x, y] = [width / s, height / s];
  const whole = Tensor.from(values, [1, height, width]);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  const small = width === s && height === s ? whole : resizeOperator(whole.shape, { size: [s, s] }).apply(whole);
  return {
    patch: small
      .sub(low)
      .mul(high > low ? 1 / (high - low) : 1)
      .reshape(1, 1, s, s),
    into: [1 / x, 0, 0.5 / x - 0.5, 0, 1 / y, 0.5 / y - 0.5, 0, 0, 1],
    back: [x, 0, 0.5 * x - 0.5, 0, y, 0.5 * y - 0.5, 0, 0, 1],
  };
}

/** How far the corner of an s × s patch that goes furthest goes along an axis, pixels. */
function cornerMove(h: Float64Array, s: number): number {
  const far = s - 1;
  const moves = [0, far, 0, far].map((x, k) => {
    const y = k < 2 ? 0 : far;
    const [u, v] = project(h, x, y);
    return Math.max(Math.abs(u - x), Math.abs(v - y));
  });
  return Math.max(...moves);
}
/**
 * The homography that takes pixel centres of picture a to those of b, by a network that sees both at 128 × 128 samples (`homographyNetwork`), polished by direct
 * alignment of the pictures themselves. For views whose corners differ by up to a quarter of a side; `homography` finds wider ones by features.
 * @throws ShapeError for images that are no pictures
 */
export function homographyByNetwork(
  model: Layer<PatchPairs, HomographySteps>,
  a: Image,
  b: Image,
  { steps = matchingSteps, refine = "lk", side = 128 }: NetworkHomographyOptions = {},
): NetworkHomographyResult {
  const found = scope(() => {
    const [fixed, moving] = [seen(a, side), seen(b, side)];
    const { maps } = model.forward({ fixed: fixed.patch, moving: moving.patch, steps });
    return steps.map((_, k) => {
      const own = pixelHomography(maps.data.subarray(9 * k, 9 * k + 9), side);
      const h = scaled(multiply3(moving.back, multiply3(own, fixed.into)));
      return { h, near: cornerMove(own, side) < farthest * side };
    });
  });
  // A step that sends corners further than the network was made for has gone astray.
  const usable = found.filter(({ near }) => near);
  const maps = (usable.length > 0 ? usable : found).map(({ h }) => h);
  const last = maps[maps.length - 1];
  // Along slopes of the second picture: those of the first, which inverse composition takes, have its noise, which is in the differences too.
  const options = { search: false, gradual: false, method: refine === "ecc" ? ("ecc" as const) : ("fc" as const) };
  const asItIs = (h: Float64Array) => align(a, b, { ...options, levels: 0, start: h, iterations: 0 });
  // Where they cover each other: the share that is covered changes with H, and says nothing of how well it fits.
  const alike = (r: AlignResult) => (r.overlap > 0 ? r.agreement / r.overlap : 0);
  // In noise a block or two may cross the line of what counts as explained.
  const better = (p: AlignResult, q: AlignResult) =>
    p.explained > q.explained + 0.05 || (p.explained > q.explained - 0.05 && alike(p) >= alike(q));
  // A later step may have gone astray: Lucas–Kanade begins where the pictures are most alike.
  let [start, before] = [last, asItIs(last)];
  if (refine !== "none")
    for (const h of maps.slice(0, -1).reverse()) {
      const r = asItIs(h);
      if (r.overlap > 0.3 && better(r, before) && !better(before, r)) [start, before] = [h, r];
    }
  // As coarse as the network's pictures, and once more for what it errs.
  const levels = Math.min(4, 1 + Math.max(0, Math.round(Math.log2(Math.min(...a.grid.size, ...b.grid.size) / side))));
  const after = refine === "none" ? before : align(a, b, { ...options, levels, start });
  // Where there is too little texture to tell, the network's word stands.
  const polished = refine !== "none" && after.status === "ok" && after.overlap > 0.7 * before.overlap && better(after, before);
  const chosen = polished ? after : before;
  const h = polished ? after.h : start;
  return {
    status: chosen.status,
    reason: `${found.length} steps of the network${refine === "none" ? "" : polished ? ", polished by brightness" : "; brightness did not improve on it"}; ${chosen.reason}`,
    h,
    transform: physical(h, a.grid, b.grid),
    steps: found.map(({ h }) => h),
    polished,
    explained: chosen.explained,
    overlap: chosen.overlap,
  };
}
