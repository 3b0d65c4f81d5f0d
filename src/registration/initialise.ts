import type { Image, Metric } from "../core/interfaces.js";
import { type AffineMap, applyAffine, centreOf, composeAffine, identityMap, indexToPhysical, voxelsOf } from "../image/grid.js";
import { rotation2, transform } from "../image/matrix.js";
import type { Tensor } from "../tensor/index.js";
import { type LinearLevel, valueUnder } from "./linear.js";
import { type Place, turnsWithin } from "./volumeStarts.js";

/** Where a registration begins: as the headers say, middles or masses on each other, by search, by descriptions, or the best of these. */
export const starts = ["auto", "identity", "moments", "center", "search", "mind"] as const;
/** A name in `starts`. */
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

/** Rotations to try: in the plane every 15°; in space those of `turnsWithin`. */
const rotations = (d: number): number[][] =>
  d === 2 ? Array.from({ length: 23 }, (_, k) => rotation2(((k + 1) * Math.PI) / 12)) : turnsWithin(65, 21.5).slice(1);

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

/** What may belong together, whatever the turn: middles and masses of two images. */
export function placesOf({ fixed, moving, fixedMask, movingMask }: LinearLevel): Place[] {
  return [
    { from: centreOf(fixed.grid), to: centreOf(moving.grid) },
    { from: massCentre(fixed, fixedMask), to: massCentre(moving, movingMask) },
  ];
}
