import type { Image, Metric } from "../core/interfaces.js";
import { type AffineMap, applyAffine, centreOf, composeAffine, identityMap, indexToPhysical, voxelsOf } from "../image/grid.js";
import { rotation2, rotationFromVector, transform } from "../image/matrix.js";
import type { Tensor } from "../tensor/index.js";
import { type LinearLevel, valueUnder } from "./linear.js";

export const starts = ["auto", "identity", "moments", "center", "search"] as const;
export type Start = (typeof starts)[number];

/** Centre of mass, in millimetres, of the values above the image's lowest (times a mask). */
export function massCentre(image: Image, mask?: Tensor): number[] {
  const data = image.values.data;
  const weights = mask?.data;
  let low = Number.POSITIVE_INFINITY;
  for (const v of data) if (v < low) low = v;
  const size = image.grid.size;
  const sums = new Array<number>(size.length).fill(0);
  let total = 0;
  for (let k = 0, n = voxelsOf(image.grid); k < n; k++) {
    const w = (data[k] - low) * (weights ? weights[k] : 1);
    total += w;
    for (let a = 0, rest = k; a < size.length; a++) {
      sums[a] += w * (rest % size[a]);
      rest = Math.floor(rest / size[a]);
    }
  }
  return total > 0
    ? applyAffine(
        indexToPhysical(image.grid),
        sums.map((s) => s / total),
      )
    : centreOf(image.grid);
}

const shift = (from: readonly number[], to: readonly number[]): AffineMap => ({
  ...identityMap(from.length),
  offset: to.map((v, i) => v - from[i]),
});
/** Turn about a point of the fixed space, then go on. */
function turned(map: AffineMap, rotation: readonly number[], centre: readonly number[]): AffineMap {
  const moved = transform(rotation, centre);
  return composeAffine(map, { matrix: rotation, offset: centre.map((c, i) => c - moved[i]) });
}

/** Rotations to try: in the plane every 15°; in space turns by 15°, 30°, 45°, 60° about 13 axes and their opposites. */
function rotations(d: number): number[][] {
  if (d === 2) return Array.from({ length: 23 }, (_, k) => rotation2(((k + 1) * Math.PI) / 12));
  const axes: number[][] = [];
  for (let x = -1; x <= 1; x++)
    for (let y = -1; y <= 1; y++) for (let z = -1; z <= 1; z++) if (x || y || z) axes.push([x, y, z].map((v) => v / Math.hypot(x, y, z)));
  return [15, 30, 45, 60].flatMap((degrees) => axes.map((a) => rotationFromVector(a.map((v) => (v * degrees * Math.PI) / 180))));
}

export interface Candidate {
  readonly map: AffineMap;
  readonly value: number;
  readonly overlap: number;
  readonly turned: boolean;
  readonly from: string;
}

/**
 * Where to begin, from best to worst by the metric on a coarse level: the headers' geometry, middles on middles, masses on masses, and turns of these.
 * Only starts with some overlap are returned.
 */
export function candidates(level: LinearLevel, start: Start, metric: Metric, turns: boolean): Candidate[] {
  const d = level.fixed.grid.size.length;
  const middle = centreOf(level.fixed.grid);
  const list: { map: AffineMap; from: string }[] = [];
  if (start === "auto" || start === "identity") list.push({ map: identityMap(d), from: "the headers" });
  if (start === "auto" || start === "center")
    list.push({ map: shift(middle, centreOf(level.moving.grid)), from: "the middles of the images" });
  const mass = massCentre(level.fixed, level.fixedMask);
  if (start === "auto" || start === "moments")
    list.push({ map: shift(mass, massCentre(level.moving, level.movingMask)), from: "the centres of mass" });
  const judge = (map: AffineMap, from: string, isTurned: boolean): Candidate => ({
    map,
    from,
    turned: isTurned,
    ...valueUnder(level, map, metric),
  });
  const upright = list.map(({ map, from }) => judge(map, from, false));
  const all = turns
    ? [
        ...upright,
        ...upright
          .filter((c) => c.overlap > 0.05)
          .flatMap((c) => rotations(d).map((r) => judge(turned(c.map, r, c.from === "the centres of mass" ? mass : middle), c.from, true))),
      ]
    : upright;
  return all
    .filter((c) => c.overlap > 0.02 && Number.isFinite(c.value))
    .sort((a, b) => a.value - b.value || Number(a.turned) - Number(b.turned));
}
