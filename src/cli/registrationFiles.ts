import { basename, resolve } from "node:path";
import { inverseConsistency, type JacobianSummary, jacobianDeterminant, jacobianSummary } from "../evaluation/index.js";
import { physicalToIndex } from "../image/grid.js";
import { type AffineMap, betweenIndices, type Grid, gridText, type Image, identityMap, voxelsOf } from "../image/index.js";
import { determinant } from "../image/matrix.js";
import { asLinear, displacementBytes, isItkText, itkText, writeImage, writeTransform } from "../io/index.js";
import type { Uncertainty } from "../registration/index.js";
import { robustRange } from "../registration/levels.js";
import { type Figure, report } from "../report/index.js";
import { plain } from "../report/linePlot.js";
import { type Verdict, verdict } from "../report/verdict.js";
import { scope, Tensor } from "../tensor/index.js";
import { DisplacementTransform, identityTransform, type Transform, warp } from "../transforms/index.js";
import { extension, type Loaded } from "./inputs.js";
import type { Output } from "./output.js";
import type { Session } from "./session.js";
import { version } from "./version.js";

/** One registration, told in plain values: what its files and its report are made of. */
export interface Told {
  readonly fixed: Loaded;
  readonly moving: Loaded;
  /** As the metric saw them: one channel. */
  readonly fixedGray: Image;
  readonly movingGray: Image;
  readonly transform: Transform;
  /** How the run ended: "ok" or what went wrong. */
  readonly status: string;
  readonly reason: string;
  readonly metric: string;
  /** The metric before and after, smaller is more alike. */
  readonly before: number;
  readonly after: number;
  /** Values of the objective, level by level. */
  readonly trace: readonly { readonly level: string; readonly values: readonly number[] }[];
  /** Of parametric results. */
  readonly uncertainty?: Uncertainty;
  /** How far landmark pairs are apart, when some came. */
  readonly landmarks?: RegistrationFigures["landmarks"];
  /** Masks, points, a first transform. */
  readonly otherInputs: readonly string[];
  /** Every option as it was used. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Seconds by stage. */
  readonly timings: Record<string, number>;
  /** Images whose contrasts are unlike. */
  readonly unlikeContrasts: boolean;
  /** ssd: intensities mean the same. */
  readonly sameScale: boolean;
}

export interface RegistrationFigures {
  readonly before: number;
  readonly after: number;
  readonly overlap: number;
  readonly folded: number;
  readonly jacobian: { readonly min: number; readonly max: number; readonly sdLog: number };
  /** |y⁻¹(y(p)) − p|; the percentile and the share of points that miss by more than a voxel are taken where either image shows something. */
  readonly inverseConsistency: {
    readonly meanVoxels: number;
    readonly maxVoxels: number;
    readonly p99Voxels: number;
    readonly beyondOne: number;
  };
  /** Distances of landmark pairs under the identity and under the transform, mm. */
  readonly landmarks?: {
    readonly pairs: number;
    readonly before: { readonly mean: number; readonly max: number };
    readonly after: { readonly mean: number; readonly max: number };
  };
}

/** What is measured of every result, whatever made it. Of a linear map all is known without looking at its voxels. */
export function measure(t: Told): {
  readonly figures: RegistrationFigures;
  readonly displacement: Float32Array;
  /** det J on the fixed grid; undefined where it is the same everywhere. */
  readonly jacobian?: Float32Array;
  readonly jacobianSummary: JacobianSummary;
  /** Extremes of det J, where the partner lies inside moving: beyond it nothing guides a map. */
  readonly inside: { readonly smallest: number; readonly largest: number };
} {
  const grid = t.fixed.image.grid;
  const displacement = scope(() => new Float32Array(t.transform.displacement(grid).data));
  const linear = asLinear(t.transform);
  const jacobian = linear ? undefined : jacobianDeterminant(displacement, grid);
  const summary = jacobianSummary(jacobian ?? [determinant(linear?.map.matrix ?? [], grid.size.length)]);
  const { folded, min, max, sdLog } = summary;
  // About 20 000 points, of a linear map 200: an average over more would not differ in the digits shown.
  const stride = Math.max(1, Math.floor(voxelsOf(grid) / (linear ? 200 : 20_000)));
  // Of a deformation in f32, by the kernels: what it misses by is thousands of times what they round.
  const map = (y: Transform) => (p: Float64Array) =>
    scope(() => Float64Array.from(y.apply(Tensor.from(linear ? p : Float32Array.from(p), [p.length / y.dimension, y.dimension])).data));
  let [start, there, again]: Float64Array[] = [new Float64Array(), new Float64Array(), new Float64Array()];
  const forward = (p: Float64Array) => {
    start = p;
    there = map(t.transform)(p);
    return there;
  };
  const backward = (p: Float64Array) => {
    again = map(t.transform.inverse())(p);
    return again;
  };
  const back = inverseConsistency(forward, backward, grid, stride);
  const known = whereShown(t.fixedGray, t.movingGray, start, there, again);
  const inside = inverseConsistency(
    () => there,
    () => known,
    grid,
    stride,
  );
  let [smallest, largest] = [min, max];
  const covered = jacobian && coveredBy(t.movingGray.grid, displacement, grid);
  if (jacobian && covered) {
    [smallest, largest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let k = 0; k < jacobian.length; k++) {
      if (covered[k] === 0) continue;
      if (jacobian[k] < smallest) smallest = jacobian[k];
      if (jacobian[k] > largest) largest = jacobian[k];
    }
  }
  return {
    inside: { smallest, largest },
    figures: {
      before: t.before,
      after: t.after,
      overlap: covered ? shareOf(covered) : overlapOf(t.movingGray.grid, t.transform, grid),
      folded,
      jacobian: { min, max, sdLog },
      inverseConsistency: { meanVoxels: back.mean, maxVoxels: back.max, p99Voxels: inside.p99, beyondOne: inside.beyondOne },
      ...(t.landmarks && { landmarks: t.landmarks }),
    },
    displacement,
    jacobian,
    jacobianSummary: summary,
  };
}

/** Share of fixed's voxels whose partner lies inside moving. */
export function overlapOf(moving: Grid, y: Transform, fixed: Grid): number {
  const linear = asLinear(y);
  if (linear) return linearOverlap(betweenIndices(fixed, linear.map, moving), fixed.size, moving.size);
  return scope(() => shareOf(coveredBy(moving, y.displacement(fixed).data, fixed)));
}
function shareOf(covered: Uint8Array): number {
  let inside = 0;
  for (let i = 0; i < covered.length; i++) inside += covered[i];
  return inside / covered.length;
}

/** 1 at the voxels p of fixed whose partner p + u(p) lies inside moving, that is within half a voxel of its samples; u in mm, planes x, y(, z). */
function coveredBy(moving: Grid, u: ArrayLike<number>, fixed: Grid): Uint8Array {
  const d = fixed.size.length;
  const index = betweenIndices(fixed, identityMap(d), moving);
  const inverse = physicalToIndex(moving).matrix;
  const [W, H, D = 1] = fixed.size;
  const n = W * H * D;
  const out = new Uint8Array(n).fill(1);
  const third = d === 3 ? 2 * n : 0;
  for (let a = 0; a < d; a++) {
    const [mx, my, mz] = [index.matrix[a * d], index.matrix[a * d + 1], d === 3 ? index.matrix[a * d + 2] : 0];
    const [ux, uy, uz] = [inverse[a * d], inverse[a * d + 1], d === 3 ? inverse[a * d + 2] : 0];
    const most = moving.size[a] - 0.5;
    for (let z = 0, k = 0; z < D; z++)
      for (let y = 0; y < H; y++) {
        const start = index.offset[a] + my * y + mz * z;
        for (let x = 0; x < W; x++, k++) {
          const v = start + mx * x + ux * u[k] + uy * u[n + k] + uz * u[third + k];
          if (!(v >= -0.5 && v <= most)) out[k] = 0;
        }
      }
  }
  return out;
}
/** The value of an image nearest to the point at `at` of a list; NaN outside its voxels. */
function nearestOf({ values, grid }: Image): (points: Float64Array, at: number) => number {
  const d = grid.size.length;
  const { matrix, offset } = physicalToIndex(grid);
  const data = values.data;
  return (points, at) => {
    let [k, stride] = [0, 1];
    for (let a = 0; a < d; a++) {
      let v = offset[a];
      for (let c = 0; c < d; c++) v += matrix[a * d + c] * points[at + c];
      if (!(v >= -0.5 && v <= grid.size[a] - 0.5)) return Number.NaN;
      k += stride * Math.max(0, Math.min(grid.size[a] - 1, Math.round(v)));
      stride *= grid.size[a];
    }
    return data[k];
  };
}
/**
 * `found`, and NaN where it says nothing: where the partner lies outside moving, or neither image shows more than a twentieth of its range above
 * its darkest. An empty background guides no map.
 */
function whereShown(fixed: Image, moving: Image, start: Float64Array, partners: Float64Array, found: Float64Array): Float64Array {
  const least = [fixed, moving].map((im) => {
    const [low, high] = robustRange(im);
    return low + 0.05 * (high - low);
  });
  const [inFixed, inMoving] = [nearestOf(fixed), nearestOf(moving)];
  const d = fixed.grid.size.length;
  const out = Float64Array.from(found);
  for (let i = 0; i < out.length; i += d) {
    const there = inMoving(partners, i);
    if (!(there > least[1] || (there <= least[1] && inFixed(start, i) > least[0]))) out.fill(Number.NaN, i, i + d);
  }
  return out;
}

/** The same for A p + b between voxels: along a row of fixed, what lies within half a voxel of moving's is an interval. */
function linearOverlap({ matrix, offset }: AffineMap, size: readonly number[], movingSize: readonly number[]): number {
  const d = size.length;
  const [W, H, D = 1] = size;
  let inside = 0;
  for (let z = 0; z < D; z++)
    for (let y = 0; y < H; y++) {
      let [from, to] = [0, W - 1];
      for (let i = 0; i < d; i++) {
        const slope = matrix[i * d];
        const start = offset[i] + matrix[i * d + 1] * y + (d === 3 ? matrix[i * d + 2] * z : 0);
        const [low, high] = [-0.5 - start, movingSize[i] - 0.5 - start];
        if (slope === 0) {
          if (low > 0 || high < 0) to = -1;
        } else {
          from = Math.max(from, (slope > 0 ? low : high) / slope);
          to = Math.min(to, (slope > 0 ? high : low) / slope);
        }
      }
      inside += Math.max(0, Math.floor(to) - Math.ceil(from) + 1);
    }
  return inside / (W * H * D);
}

export type Measured = ReturnType<typeof measure>;

/** Whether to trust it, from what was measured. */
export const judge = (t: Told, { figures, inside }: Measured): Verdict =>
  verdict({
    status: t.status,
    reason: t.reason,
    metric: t.metric,
    before: t.before,
    after: t.after,
    overlap: figures.overlap,
    folded: figures.folded,
    volume: { min: inside.smallest, max: inside.largest },
    inverseConsistency: figures.inverseConsistency.meanVoxels,
    lostBack: figures.inverseConsistency.beyondOne,
  });

/** The report of a registration as one HTML file. */
export function reportPage(session: Session, t: Told, measured: Measured, judged: Verdict): string {
  const grid = t.fixed.image.grid;
  const gray = (make: () => Image) => scope(() => new Float32Array(make().values.data));
  return report({
    title: `${basename(t.fixed.path)} ← ${basename(t.moving.path)}`,
    subtitle: subtitle(t, grid),
    verdict: judged,
    grid,
    fixed: { values: gray(() => t.fixedGray) },
    moving: { values: gray(() => warp(t.movingGray, identityTransform(grid.size.length), grid)) },
    warped: { values: gray(() => warp(t.movingGray, t.transform, grid)) },
    sameScale: t.sameScale,
    unlikeContrasts: t.unlikeContrasts,
    displacement: measured.displacement,
    jacobian: measured.jacobian,
    jacobianSummary: measured.jacobianSummary,
    straight: asLinear(t.transform) !== undefined,
    trace: t.trace,
    traceLabel: `Objective (${t.metric}${t.options.alpha === undefined ? "" : " and smoothness"})`,
    figures: tiles(t, measured.figures),
    summary: summary(session, t),
    timings: { ...t.timings },
    warnings: session.warnings,
    footer: `pullback ${version()} · run.json beside this file holds every option and value`,
  });
}

/** Write everything a registration leaves in its folder; run.json comes last, so that its presence means that the rest is there. */
export function putRegistration(session: Session, out: Output, t: Told): { figures: RegistrationFigures; verdict: Verdict } {
  const clock = stopwatch(t.timings);
  const grid = t.fixed.image.grid;
  const measured = measure(t);
  const judged = judge(t, measured);
  clock("measure");
  const name = `warped${warpedExtension(t.moving.path)}`;
  const how = { channelKind: t.moving.raw.channelKind, level: 1 };
  for (const [n, bytes] of scope(() => writeImage(warp(t.moving.image, t.transform, grid), name, how))) out.put(n, bytes);
  const linear = asLinear(t.transform);
  const whole = t.transform instanceof DisplacementTransform;
  for (const [name, bytes] of writeTransform(t.transform, "transform.json", whole ? { fieldStem: "displacement" } : {}))
    out.put(name, bytes);
  if (isItkText(t.transform)) out.put("transform.tfm", itkText(t.transform));
  if (!linear && !whole) out.put("displacement.nii.gz", displacementBytes(t.transform, grid, "displacement.nii.gz"));
  if (t.uncertainty?.map) for (const [n, bytes] of writeImage(t.uncertainty.map, "uncertainty.nii.gz")) out.put(n, bytes);
  clock("write");
  out.put("report.html", reportPage(session, t, measured, judged));
  clock("report");
  const run: RunFile = {
    program: "pullback",
    version: version(),
    node: process.version,
    command: "register",
    inputs: {
      fixed: { path: resolve(t.fixed.path), sha256: session.hash(t.fixed.path) },
      moving: { path: resolve(t.moving.path), sha256: session.hash(t.moving.path) },
      others: t.otherInputs.map((path) => ({ path: resolve(path), sha256: session.hash(path) })),
    },
    options: t.options,
    status: t.status,
    reason: t.reason,
    verdict: judged,
    metric: t.metric,
    unlikeContrasts: t.unlikeContrasts,
    sameScale: t.sameScale,
    figures: measured.figures,
    uncertainty: inWords(t.uncertainty),
    trace: t.trace,
    seconds: { ...t.timings },
    warnings: session.warnings,
    outputs: [...out.names, "run.json"],
  };
  out.put("run.json", `${JSON.stringify(run, (_, v) => (typeof v === "number" && !Number.isFinite(v) ? null : v), 1)}\n`);
  return { figures: measured.figures, verdict: judged };
}

/** Without its map, which is a file of its own. */
export const inWords = (u: Uncertainty | undefined): Omit<Uncertainty, "map"> | undefined => {
  if (!u) return undefined;
  const { map, ...words } = u;
  return words;
};

/** What run.json holds. */
export interface RunFile {
  readonly program: "pullback";
  readonly version: string;
  readonly node: string;
  readonly command: "register";
  readonly inputs: { readonly fixed: Hashed; readonly moving: Hashed; readonly others: readonly Hashed[] };
  readonly options: Readonly<Record<string, unknown>>;
  readonly status: string;
  readonly reason: string;
  readonly verdict: Verdict;
  readonly metric: string;
  readonly unlikeContrasts: boolean;
  readonly sameScale: boolean;
  readonly figures: RegistrationFigures;
  readonly uncertainty?: Omit<Uncertainty, "map">;
  readonly trace: readonly { readonly level: string; readonly values: readonly number[] }[];
  readonly seconds: Record<string, number>;
  readonly warnings: readonly string[];
  readonly outputs: readonly string[];
}
interface Hashed {
  readonly path: string;
  readonly sha256: string;
}

/** Pictures stay pictures (JPEG would lose), everything else keeps its place in space. */
const warpedExtension = (path: string): string => {
  const e = extension(path).toLowerCase();
  return /^\.(png|jpe?g|tiff?)$/.test(e) ? ".png" : /^\.(npy|mha|nrrd|nii)$/.test(e) ? e : ".nii.gz";
};

const subtitle = (t: Told, grid: Grid): string =>
  `${t.options.preset ?? t.options.transform ?? "registration"}, ${t.metric}; fixed grid ${gridText(grid)}`;

function tiles(t: Told, f: RegistrationFigures): Figure[] {
  const nonlinear = asLinear(t.transform) === undefined;
  return [
    { label: `${t.metric} before`, value: f.before },
    { label: `${t.metric} after`, value: f.after },
    ...(f.landmarks
      ? [
          { label: "landmarks before", value: f.landmarks.before.mean, unit: "mm" },
          { label: "landmarks after", value: f.landmarks.after.mean, unit: "mm" },
        ]
      : []),
    { label: "overlap", value: Math.round(1000 * f.overlap) / 10, unit: "%" },
    ...(nonlinear
      ? [
          { label: "folded (det J ≤ 0)", value: Math.round(1e5 * f.folded) / 1e3, unit: "%" },
          { label: "sd of log det J", value: f.jacobian.sdLog },
          { label: "way back misses by", value: f.inverseConsistency.meanVoxels, unit: "voxels" },
          { label: "by more than a voxel at", value: Math.round(1e4 * f.inverseConsistency.beyondOne) / 1e2, unit: "% of points" },
        ]
      : [{ label: "det J", value: f.jacobian.min }]),
  ];
}

function summary(session: Session, t: Told): Record<string, unknown> {
  return {
    fixed: t.fixed.path,
    moving: t.moving.path,
    ...Object.fromEntries(Object.entries(t.options).filter(([, v]) => v !== undefined)),
    "ended because": t.reason,
    ...(t.uncertainty?.quantiles
      ? {
          [`spread over ${t.uncertainty.starts} starts`]: `median ${plain(t.uncertainty.quantiles.medianMm)} mm, 95 % below ${plain(t.uncertainty.quantiles.p95Mm)} mm (uncertainty.nii.gz)`,
        }
      : {}),
    ...(t.uncertainty && !t.uncertainty.quantiles
      ? { "standard error at the corners": `up to ${plain(t.uncertainty.standardErrorMm)} mm (${t.uncertainty.method})` }
      : {}),
    "SHA-256 of fixed": session.hash(t.fixed.path),
    "SHA-256 of moving": session.hash(t.moving.path),
  };
}

/** Puts the seconds since the last call under a name. */
export function stopwatch(into: Record<string, number>): (name: string) => void {
  let last = performance.now();
  return (name) => {
    const now = performance.now();
    into[name] = Math.round(now - last) / 1000;
    last = now;
  };
}

/** run.json of a command: what it says of itself, its inputs with their hashes, versions, seconds by stage, warnings. */
export const runText = (
  session: Session,
  told: Readonly<Record<string, unknown>>,
  inputs: readonly string[],
  timings: Readonly<Record<string, number>>,
): string =>
  `${JSON.stringify(
    {
      ...told,
      inputs: inputs.map((path) => ({ path, sha256: session.hash(path) })),
      versions: { pullback: version(), node: process.versions.node },
      seconds: timings,
      warnings: session.warnings,
    },
    null,
    2,
  )}\n`;
