import { ArgumentError, GridError } from "../../core/errors.js";
import {
  correlation,
  dice,
  inverseConsistency,
  jacobianDeterminant,
  jacobianSummary,
  labelSurfaceDistance,
  mae,
  psnr,
  quantile,
  rmse,
  ssim,
  targetRegistrationError,
} from "../../evaluation/index.js";
import { type Grid, gridText, sameGrid, voxelsOf } from "../../image/index.js";
import { plain } from "../../report/linePlot.js";
import { Tensor } from "../../tensor/index.js";
import { identityTransform, type Transform, warp } from "../../transforms/index.js";
import type { CommandDefinition, Options } from "../command.js";
import { grayOf, loadImage, loadPoints, loadTransform } from "../inputs.js";
import { notNegative, numberList, option, positive, text } from "../options.js";
import type { Session } from "../session.js";

/** `pullback evaluate …`: every score of a registration that the given files allow. */
export const command: CommandDefinition = {
  name: "evaluate",
  summary: "score a result: points, labels, images, transforms",
  examples: [
    "pullback evaluate --transform out/transform.json --fixed-points f.csv --moving-points m.csv",
    "pullback evaluate --transform out/transform.json --fixed-labels f.nii.gz --moving-labels m.nii.gz",
    "pullback evaluate --fixed f.nii.gz --warped out/warped.nii.gz --peak 255",
    "pullback evaluate --transform out/transform.json --json",
  ],
  arguments: [],
  options: [
    option("--transform <file>", "the map from fixed to moving; without it the identity", text, "a file"),
    option("--fixed-points <csv>", "points in fixed; row i is the partner of row i of --moving-points", text, "a file"),
    option("--moving-points <csv>", "points in moving", text, "a file"),
    option("--fixed-labels <file>", "label map of fixed", text, "a file"),
    option("--moving-labels <file>", "label map of moving; carried onto fixed by nearest neighbour", text, "a file"),
    option(
      "--only <labels>",
      "labels that count (default: those present in fixed, 0 left out)",
      numberList(notNegative),
      "labels such as 2,3,4",
    ),
    option("--fixed <file>", "fixed image", text, "a file"),
    option("--warped <file>", "image to compare with it, on the same grid", text, "a file"),
    option("--moving <file>", "moving image; warped here along --transform", text, "a file"),
    option("--mask <file>", "compare images only where this is positive", text, "a file"),
    option("--peak <value>", "peak of PSNR and SSIM (default: the range of fixed)", positive, "a positive number"),
  ],
  async run(session, _, options) {
    const together = (a: string, b: string) => {
      if ((options[a] === undefined) !== (options[b] === undefined))
        throw new ArgumentError(`evaluate: --${dash(a)} and --${dash(b)} belong together; one is missing`, {});
    };
    together("fixedPoints", "movingPoints");
    together("fixedLabels", "movingLabels");
    const images = options.warped !== undefined || options.moving !== undefined;
    if (images && options.fixed === undefined) throw new ArgumentError("evaluate: images are compared with --fixed, which is missing", {});
    if (options.warped !== undefined && options.moving !== undefined)
      throw new ArgumentError("evaluate: give --warped, or --moving with --transform, not both", {});
    if (options.fixedPoints === undefined && options.fixedLabels === undefined && !images && options.transform === undefined)
      throw new ArgumentError("evaluate: nothing to score; give points, labels, images or a transform (see pullback evaluate --help)", {});
    const y = options.transform === undefined ? undefined : await loadTransform(session, options.transform as string);
    const json: Record<string, unknown> = {};
    const lines: string[] = [];
    if (options.fixedPoints !== undefined) points(session, options, y, json, lines);
    if (options.fixedLabels !== undefined) await labels(session, options, y, json, lines);
    if (images) await compareImages(session, options, y, json, lines);
    if (y) await transformFigures(session, options, y, json, lines);
    return { json: { ...json, outputs: [] }, lines };
  },
};

const dash = (key: string): string => key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

function points(session: Session, o: Options, y: Transform | undefined, json: Record<string, unknown>, lines: string[]): void {
  const fixed = loadPoints(session, o.fixedPoints as string, y?.dimension);
  const moving = loadPoints(session, o.movingPoints as string, fixed.dimension);
  const start = targetRegistrationError(fixed.points, moving.points, fixed.dimension);
  const mapped = y ? Float64Array.from(y.apply(Tensor.from(fixed.points, [fixed.count, fixed.dimension])).data) : fixed.points;
  const { count, mean, median, p95, max, rms } = targetRegistrationError(mapped, moving.points, fixed.dimension);
  json.tre = { count, mean, median, p95, max, rms, ...(y ? { meanBefore: start.mean } : {}) };
  lines.push(
    `TRE ${plain(mean)} mean, ${plain(median)} median, ${plain(p95)} 95th percentile, ${plain(max)} largest (${count} points${y ? `; ${plain(start.mean)} before` : ""})`,
  );
}

async function labels(
  session: Session,
  o: Options,
  y: Transform | undefined,
  json: Record<string, unknown>,
  lines: string[],
): Promise<void> {
  const fixed = (await loadImage(session, o.fixedLabels as string)).image;
  const moving = (await loadImage(session, o.movingLabels as string)).image;
  requireOneChannel(o.fixedLabels as string, fixed.values.shape[0]);
  requireOneChannel(o.movingLabels as string, moving.values.shape[0]);
  sameDimension(fixed.grid, moving.grid, "label maps");
  const f = new Float32Array(fixed.values.data);
  const w = Float32Array.from(
    warp(moving, y ?? identityTransform(fixed.grid.size.length), fixed.grid, { interpolation: "nearest" }).values.data,
  );
  const result = dice(f, w, { labels: o.only as number[] | undefined });
  const distances = result.labels.map(({ label }) => labelSurfaceDistance(f, w, label, fixed.grid).hd95);
  const finite = distances.filter(Number.isFinite);
  const meanDistance = finite.reduce((s, v) => s + v, 0) / finite.length;
  json.dice = { mean: result.mean, labels: result.labels.map((r, k) => ({ label: r.label, dice: r.dice, hd95: distances[k] })) };
  json.hd95 = { mean: meanDistance, missing: distances.length - finite.length };
  lines.push(`Dice ${plain(result.mean)} mean of ${result.labels.length} labels; HD95 ${plain(meanDistance)} mean`);
  if (session.verbose)
    for (const [k, r] of result.labels.entries()) lines.push(`  label ${r.label}: Dice ${plain(r.dice)}, HD95 ${plain(distances[k])}`);
}

async function compareImages(
  session: Session,
  o: Options,
  y: Transform | undefined,
  json: Record<string, unknown>,
  lines: string[],
): Promise<void> {
  const fixed = grayOf(await loadImage(session, o.fixed as string));
  const other = grayOf(await loadImage(session, (o.warped ?? o.moving) as string));
  sameDimension(fixed.grid, other.grid, "images");
  if (o.warped !== undefined && !sameGrid(fixed.grid, other.grid))
    throw new GridError(
      `evaluate: --warped lies on ${gridText(other.grid)} but --fixed on ${gridText(fixed.grid)}; give the unwarped image as --moving with its --transform`,
      {},
    );
  const f = Float64Array.from(fixed.values.data);
  const w = Float64Array.from(
    o.warped !== undefined ? other.values.data : warp(other, y ?? identityTransform(fixed.grid.size.length), fixed.grid).values.data,
  );
  let mask: ArrayLike<number> | undefined;
  if (o.mask !== undefined) {
    const m = (await loadImage(session, o.mask as string)).image;
    if (!sameGrid(m.grid, fixed.grid)) throw new GridError("evaluate: the mask does not lie on the grid of --fixed; resample it first", {});
    mask = Float32Array.from(m.values.data, (v) => (v > 0 ? 1 : 0));
  }
  const peak = (o.peak as number | undefined) ?? quantile(f, 1) - quantile(f, 0);
  const wide = fixed.grid.size.every((s) => s >= 11);
  const figures = {
    psnr: psnr(f, w, { peak, mask }),
    ssim: wide && mask === undefined ? ssim(f, w, fixed.grid, { peak }) : null,
    ncc: correlation(f, w, mask),
    rmse: rmse(f, w, mask),
    mae: mae(f, w, mask),
    peak,
  };
  json.image = figures;
  lines.push(
    `PSNR ${plain(figures.psnr)} dB, ${figures.ssim === null ? "" : `SSIM ${plain(figures.ssim)}, `}NCC ${plain(figures.ncc)}, RMSE ${plain(figures.rmse)}, MAE ${plain(figures.mae)} (peak ${plain(peak)})`,
  );
}

async function transformFigures(session: Session, o: Options, y: Transform, json: Record<string, unknown>, lines: string[]): Promise<void> {
  const path = (o.fixed ?? o.fixedLabels) as string | undefined;
  const grid = path !== undefined ? (await loadImage(session, path)).image.grid : y.from.grid;
  if (!grid) {
    session.warn("the transform does not name fixed's grid, so its Jacobian is not measured; --fixed gives one");
    return;
  }
  sameDimensionNumber(grid.size.length, y.dimension);
  const { folded, foldedCount, min, max, mean, sdLog } = jacobianSummary(jacobianDeterminant(y.displacement(grid).data, grid));
  // At most about 200 000 points: the mean does not need more.
  const stride = Math.max(1, Math.floor(voxelsOf(grid) / 200_000));
  const map = (t: Transform) => (p: Float64Array) => Float64Array.from(t.apply(Tensor.from(p, [p.length / y.dimension, y.dimension])).data);
  const back = inverseConsistency(map(y), map(y.inverse()), grid, stride);
  json.transform = {
    folded,
    foldedCount,
    jacobian: { min, max, mean, sdLog },
    inverseConsistency: { meanVoxels: back.mean, maxVoxels: back.max, points: back.count },
  };
  lines.push(
    `Folded ${plain(100 * folded)} % (det J from ${plain(min)} to ${plain(max)}, sd of log ${plain(sdLog)}); inverse misses by ${plain(back.mean)} voxels`,
  );
}

function requireOneChannel(path: string, channels: number): void {
  if (channels !== 1)
    throw new GridError(`${path}: ${channels} channels; a label map has one (pullback convert --channel writes one)`, { path, channels });
}
function sameDimension(a: Grid, b: Grid, what: string): void {
  if (a.size.length !== b.size.length)
    throw new GridError(
      `evaluate: the ${what} are ${a.size.length}-D (${a.size.join("×")}) and ${b.size.length}-D (${b.size.join("×")}); both must have the same dimension`,
      {},
    );
}
function sameDimensionNumber(grid: number, transform: number): void {
  if (grid !== transform) throw new GridError(`evaluate: the transform is ${transform}-D but fixed is ${grid}-D`, {});
}
