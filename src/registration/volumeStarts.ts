import type { Progress } from "../core/interfaces.js";
import type { AffineMap } from "../image/grid.js";
import { multiply, rotationFromVector, transform, transpose } from "../image/matrix.js";
import type { InformationMetric } from "../metrics/mutualInformation.js";
import type { AffineModel } from "../transforms/affine.js";
import { byInformation, LinearInformation } from "./informationLinear.js";
import { LinearFamily, type LinearLevel } from "./linearFamily.js";

/** Voxels that judge a start: their count decides the cost of hundreds of them, and shapes as large as heads need few. */
const samplesAtMost = 2048;
/**
 * Turns up to `degrees` are tried: beyond 65° a person would lie on a side, so that the rest is looked through only when asked for. `side` is that of
 * the lattice's cube: no turn is further than 0.56 sides from one of them, about 12° or 15°, within reach of refinement; `refined` are refined.
 */
const upToLying = { degrees: 65, side: 21.5, refined: 6 };
const everyTurn = { degrees: 180, side: 26, refined: 12 };
/** Only the best within this many degrees is refined. */
const apartDegrees = 25;

/** Rotations of a body-centred cubic lattice of rotation vectors in a ball: the thinnest even cover of space by a lattice, and so, away from half turns, of rotations. */
export function turnsWithin(degrees: number, side: number): number[][] {
  const reach = Math.ceil(degrees / side);
  const range = Array.from({ length: 2 * reach + 1 }, (_, k) => k - reach);
  return [0, 0.5]
    .flatMap((h) => range.flatMap((x) => range.flatMap((y) => range.map((z) => [x + h, y + h, z + h].map((v) => v * side)))))
    .filter((v) => Math.hypot(...v) <= degrees)
    .sort((a, b) => Math.hypot(...a) - Math.hypot(...b))
    .map((v) => rotationFromVector(v.map((degree) => (degree * Math.PI) / 180)));
}

/** The angle between two rotations, degrees. */
const angleBetween = (a: readonly number[], b: readonly number[]): number => {
  const r = multiply(transpose(a, 3), b, 3);
  return (Math.acos(Math.min(1, Math.max(-1, (r[0] + r[4] + r[8] - 1) / 2))) * 180) / Math.PI;
};

/** A point of fixed and one of moving that may belong together. */
export interface Place {
  readonly from: readonly number[];
  readonly to: readonly number[];
}
export interface VolumeStart {
  readonly map: AffineMap;
  readonly value: number;
  readonly turned: boolean;
}

/**
 * Starts of a volume by mutual information on few voxels of a coarse level, refined there and best first: every `upright` one, and of all turns of a
 * lattice about every place (`every`: of all turns there are, else up to 65°) the best ones that are 25° apart.
 */
export async function volumeStarts(
  level: LinearLevel,
  model: AffineModel,
  metric: InformationMetric,
  upright: readonly AffineMap[],
  places: readonly Place[],
  run: {
    readonly signal?: AbortSignal;
    readonly onProgress?: (p: Progress<unknown>) => void;
    readonly levels: number;
    readonly every?: boolean;
  },
): Promise<VolumeStart[]> {
  const info = new LinearInformation(level, metric, samplesAtMost);
  const { every = false, ...levelRun } = run;
  const { degrees, side, refined } = every ? everyTurn : upToLying;
  const turns = turnsWithin(degrees, side);
  const tried = places
    .flatMap(({ from, to }) =>
      turns.map((rotation) => {
        const turned = transform(rotation, from);
        const map = { matrix: rotation, offset: to.map((v, i) => v - turned[i]) };
        return { map, ...info.under(map) };
      }),
    )
    .filter((c) => c.overlap > 0.1 && Number.isFinite(c.value))
    .sort((a, b) => a.value - b.value);
  const chosen: typeof tried = [];
  for (const c of tried) {
    if (chosen.length === refined) break;
    if (chosen.every((o) => angleBetween(o.map.matrix, c.map.matrix) > apartDegrees)) chosen.push(c);
  }
  const found: VolumeStart[] = [];
  for (const [k, start] of [...upright, ...chosen.map((c) => c.map)].entries()) {
    const family = new LinearFamily(level, model, start);
    const { map } = await byInformation(level, family, metric, undefined, { iterations: 12, level: 0, ...levelRun }, samplesAtMost);
    const { value, overlap } = info.under(map);
    if (overlap > 0.1) found.push({ map, value, turned: k >= upright.length });
  }
  return found.sort((a, b) => a.value - b.value);
}
