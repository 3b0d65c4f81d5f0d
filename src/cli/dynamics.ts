import { readFileSync } from "node:fs";
import { dynamics as dynamicsModels } from "../catalogue.js";
import { ArgumentError, FormatError } from "../core/errors.js";
import { type Image, sameGrid } from "../image/index.js";
import { writeTransform } from "../io/index.js";
import { correctDynamics, type MotionModel, type RegionState, regionCurves, type TimeCourse } from "../registration/index.js";
import { colourMap, colourPicture, gallery, grayPicture, plain, robustWindow, slice, views } from "../report/index.js";
import type { Tensor } from "../tensor/index.js";
import type { Transform } from "../transforms/index.js";
import type { OptionDefinition, Options } from "./command.js";
import { Exit } from "./exit.js";
import { type Frames, seriesFiles, seriesName, single, writable } from "./frames.js";
import { extension, loadImage } from "./inputs.js";
import { choice, option, text, wholeFromOne } from "./options.js";
import type { Output } from "./output.js";
import { runText } from "./registrationFiles.js";
import type { Session } from "./session.js";
import { version } from "./version.js";

/** Flags of `pullback motion` for series whose brightness changes. */
export const dynamicsOptions: readonly OptionDefinition[] = [
  choice("--dynamics <name>", "how brightness changes over time at one place", ["none", ...Object.keys(dynamicsModels)]),
  option("--times <file>", "times of the frames: CSV, one a row (a column time, or the only one)", text, "a file"),
  option("--labels <file>", "regions on the reference frame: their curves and motion go into curves.csv", text, "a file"),
  option("--components <n>", "time courses of lowrank beside the mean (2)", wholeFromOne, "a whole number of at least 1"),
  option("--input <file>", "arterial input of tofts: CSV, one value a row (a column input, or the only one)", text, "a file"),
  choice(
    "--estimate <how>",
    "of --dynamics: model and motion by turns (alternate, default), or together (joint): Gauss–Newton on what the model leaves",
    ["alternate", "joint"],
  ),
  choice("--preparation <name>", "what t1 recovers from", ["inversion", "saturation"]),
];

/** One column of a CSV file. @throws FormatError when it is not there or holds anything but numbers */
export function readColumn(path: string, names: readonly string[]): number[] {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (cause) {
    throw new FormatError(`${path}: this file cannot be read; a CSV file with one number a row was expected`, { path }, { cause });
  }
  const rows = content
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\n|\r/)
    .filter((line) => line.trim() !== "")
    .map((line) => line.split(/[,;\t]/).map((cell) => cell.trim()));
  const number = (cell: string | undefined) => (cell === undefined || cell === "" ? Number.NaN : Number(cell));
  const header = rows.length > 0 && rows[0].every((cell) => Number.isNaN(number(cell))) ? rows.shift() : undefined;
  const width = Math.max(0, ...rows.map((r) => r.length));
  const named = header?.findIndex((cell) => names.includes(cell.toLowerCase())) ?? -1;
  if (named < 0 && width > 1)
    throw new FormatError(`${path}: ${width} columns and none is named ${names.join(" or ")}; name one in the first line`, { path });
  const values = rows.map((r) => number(r[Math.max(0, named)]));
  const odd = values.findIndex((v) => !Number.isFinite(v));
  if (values.length === 0 || odd >= 0)
    throw new FormatError(`${path}: ${odd >= 0 ? `row ${odd + 1} holds no finite number` : "the file holds no numbers"}`, { path });
  return values;
}

/** The times that were named, or that the file's time axis has. */
export function timesOf(frames: Frames, options: Options): number[] | undefined {
  const count = frames.images.length;
  if (options.times !== undefined) {
    const times = readColumn(options.times as string, ["time", "times", "t"]);
    if (times.length !== count)
      throw new FormatError(`${String(options.times)}: ${times.length} times came for ${count} frames; one for each was expected`, {});
    return times;
  }
  // Recovery is counted from its pulse, and pulses are not evenly far: a time axis does not tell.
  if (options.dynamics === "t1") return undefined;
  const step = frames.oneFile ? frames.first.frameSpacing : undefined;
  return step !== undefined && step > 0 ? Array.from({ length: count }, (_, t) => t * step) : undefined;
}
export function courseOf(name: string, options: Options): TimeCourse {
  if (name !== "lowrank" && options.components !== undefined)
    throw new ArgumentError(`--components goes with --dynamics lowrank, not with ${name}`, {});
  if (name !== "tofts" && options.input !== undefined) throw new ArgumentError(`--input goes with --dynamics tofts, not with ${name}`, {});
  if (name !== "t1" && options.preparation !== undefined)
    throw new ArgumentError(`--preparation goes with --dynamics t1, not with ${name}`, {});
  if (name === "tofts" && options.input === undefined)
    throw new ArgumentError(
      "--dynamics tofts: the arterial input is missing; name a CSV file with one value for each frame after --input",
      {},
    );
  return dynamicsModels[name as keyof typeof dynamicsModels]({
    components: options.components as number | undefined,
    kind: options.preparation as "inversion" | "saturation" | undefined,
    input: options.input === undefined ? undefined : readColumn(options.input as string, ["input", "aif"]),
  });
}
export async function loadRegions(session: Session, path: string, grid: Image["grid"]): Promise<Image> {
  const { image } = await loadImage(session, path);
  if (image.values.shape[0] !== 1 || !sameGrid(image.grid, grid))
    throw new FormatError(
      `${path}: the label map does not lie on the frames' grid with one channel; resample it first (pullback apply … --interp label)`,
      {
        path,
      },
    );
  const data = image.values.data;
  let marked = false;
  for (let i = 0; i < data.length; i++) {
    if (!(data[i] >= 0) || data[i] !== Math.round(data[i]))
      throw new FormatError(`${path}: labels are whole numbers of at least 0; other values came`, { path });
    if (data[i] > 0) marked = true;
  }
  if (!marked) throw new FormatError(`${path}: the label map marks nothing; labels are numbers above 0`, { path });
  return image;
}

const rounded = (v: number): string => (Number.isFinite(v) ? String(+v.toPrecision(9)) : "");
export function curvesText(curves: readonly RegionState[], times: readonly number[]): string {
  const axes = ["x", "y", "z"].slice(0, curves[0].shift.length);
  return [
    ["frame", "time", "label", "voxels", "value", "mean", "core", "model", ...axes].join(","),
    ...curves.map((c) => [c.frame, times[c.frame], c.label, c.voxels, c.value, c.mean, c.core, c.model, ...c.shift].map(rounded).join(",")),
    "",
  ].join("\n");
}
export const curvePlots = (curves: readonly RegionState[], times: readonly number[]) => {
  const labels = [...new Set(curves.map((c) => c.label))];
  const of = (label: number, value: (c: RegionState) => number) => curves.filter((c) => c.label === label).map(value);
  return [
    {
      title: "Brightness of the regions",
      xLabel: "time",
      x: times,
      curves: labels.flatMap((l) => [
        { name: `label ${l}`, values: of(l, (c) => c.value) },
        ...(Number.isFinite(curves[0].model) ? [{ name: `label ${l}, model`, values: of(l, (c) => c.model) }] : []),
      ]),
    },
    {
      title: "Motion of the regions",
      xLabel: "time",
      yLabel: "mm",
      x: times,
      curves: labels.map((l) => ({ name: `label ${l}`, values: of(l, (c) => Math.hypot(...c.shift)) })),
    },
  ];
};
/** Mean length of a displacement and of its change since the frame before, over every seventh voxel or so. */
function lengths(transforms: readonly Transform[], grid: Image["grid"]) {
  const d = grid.size.length;
  let before: Float32Array | undefined;
  return transforms.map((y) => {
    const u = new Float32Array(y.displacement(grid).data);
    const n = u.length / d;
    const mean = (of: (k: number, i: number) => number) => {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        let square = 0;
        for (let k = 0; k < d; k++) square += of(k, i) ** 2;
        sum += Math.sqrt(square);
      }
      return sum / n;
    };
    const last = before;
    before = u;
    return { displacement: mean((k, i) => u[k * n + i]), step: last ? mean((k, i) => u[k * n + i] - last[k * n + i]) : 0 };
  });
}

export interface DynamicsRequest {
  readonly dynamics: string;
  readonly frames: Frames;
  readonly paths: readonly string[];
  readonly options: Options;
  readonly mask: Tensor | undefined;
  readonly out: Output | undefined;
  readonly timings: Record<string, number>;
  readonly clock: (stage: string) => void;
}
/** `pullback motion … --dynamics NAME`: corrected series, parameter maps, curves of regions, report. */
export async function runDynamics(session: Session, r: DynamicsRequest) {
  const { frames, options, mask, out, clock, timings } = r;
  const count = frames.images.length;
  const { grid } = frames.images[0];
  const model = (options.model as MotionModel | undefined) ?? "diffeo";
  const reference = (options.reference as number | undefined) ?? 0;
  const dynamics = courseOf(r.dynamics, options);
  const method = (options.estimate as "alternate" | "joint" | undefined) ?? "alternate";
  const given = timesOf(frames, options);
  if (dynamics.needsTimes && !given)
    throw new ArgumentError(
      `--dynamics ${r.dynamics}: the frames' times are missing; name a CSV file with one for each of the ${count} frames after --times`,
      {},
    );
  const labels = options.labels === undefined ? undefined : await loadRegions(session, options.labels as string, grid);
  if (!out)
    return {
      json: { dryRun: true, frames: count, model, reference, dynamics: r.dynamics, outputs: [] },
      lines: [`would correct ${count} frames (${model}, ${r.dynamics})`],
    };
  const result = await session.stoppable((signal) =>
    correctDynamics(frames.images, {
      dynamics,
      times: given,
      model,
      reference,
      method,
      mask,
      signal,
      onProgress: (done, of) => session.progress.step({ level: 0, levels: 1, iteration: done, iterations: of }),
    }),
  );
  clock("motion");
  const told = lengths(result.transforms, grid);
  out.put(
    "motion.csv",
    ["frame,time,displacement,step", ...told.map((m, t) => [t, result.times[t], m.displacement, m.step].map(rounded).join(",")), ""].join(
      "\n",
    ),
  );
  for (const [name, bytes] of seriesFiles(frames, result.corrected, "corrected")) out.put(name, bytes);
  // Parameters are no picture's bytes.
  const ending = writable(extension(r.paths[0]));
  const floats = /\.(png|tiff?)$/i.test(ending) ? ".nii.gz" : ending;
  for (const [name, im] of Object.entries(result.maps))
    for (const [file, bytes] of single(im, `map-${name}${floats}`)) out.put(file, bytes);
  if (options.transforms === true)
    for (const [t, y] of result.transforms.entries())
      for (const [name, bytes] of writeTransform(y, `transform-${String(t).padStart(3, "0")}.json`)) out.put(name, bytes);
  const curves = labels && regionCurves(result, labels);
  if (curves) out.put("curves.csv", curvesText(curves, result.times));
  const figures = {
    frames: count,
    model,
    reference,
    dynamics: r.dynamics,
    largestDisplacement: Math.max(...told.map((m) => m.displacement)),
    residual: result.residual,
  };
  const verdict = {
    level: result.status === "ok" ? ("good" as const) : ("check" as const),
    sentence: `${result.status === "ok" ? "Frames agree with the model" : "Look before use"}: ${result.reason}; the residual went from ${plain(result.residual.before)} to ${plain(result.residual.after)}.`,
  };
  const [view] = views(grid, 1);
  const at = view.through < 0 ? 0 : Math.floor(grid.size[view.through] / 2);
  const show = Array.from(new Set([0, 0.25, 0.5, 0.75, 1].map((f) => Math.round(f * (count - 1)))));
  const window = robustWindow(Float32Array.from(show.flatMap((t) => Array.from(frames.images[t].values.data as Float32Array))));
  const gray = (im: Image) => grayPicture(slice(im.values.data as Float32Array, grid, view, at), window);
  const heat = colourMap("heat");
  const row = (title: string, series: readonly Image[]) => ({
    title,
    pictures: show.map((t) => ({ picture: gray(series[t]), caption: `frame ${t}` })),
  });
  out.put(
    "report.html",
    gallery({
      title: `Motion and ${r.dynamics} dynamics of ${seriesName(frames)}`,
      verdict,
      figures: [
        { label: "frames", value: count },
        { label: "largest mean displacement", value: figures.largestDisplacement, unit: "mm" },
        { label: "residual of the model before", value: result.residual.before },
        { label: "and after", value: result.residual.after },
      ],
      rows: [
        row("Frames as they came", frames.images),
        row("Frames without motion", result.corrected),
        row("What the model says", result.predicted),
        {
          title: "Parameters",
          pictures: Object.entries(result.maps).map(([name, im]) => {
            const values = im.values.data as Float32Array;
            const range = robustWindow(values);
            return {
              picture: colourPicture(slice(values, grid, view, at), range, heat),
              caption: `${name} (${plain(range.low)} to ${plain(range.high)})`,
            };
          }),
        },
      ],
      plots: [
        ...(curves ? curvePlots(curves, result.times) : []),
        {
          title: "Mean displacement",
          yLabel: "mm",
          xLabel: "time",
          x: result.times,
          curves: [{ name: "from the reference", values: told.map((m) => m.displacement) }],
        },
        {
          title: method === "joint" ? "Residual of the model, before and after each level" : "Residual of the model, round by round",
          xLabel: method === "joint" ? "" : "round",
          curves: result.trace.map((l) => ({ name: `1/${l.shrink}`, values: l.values })),
        },
      ],
      summary: { series: seriesName(frames), dynamics: r.dynamics, estimate: method, model, reference, pullback: version() },
      timings,
      warnings: session.warnings,
    }),
  );
  clock("report");
  const inputs = [...r.paths, ...[options.mask, options.labels, options.times, options.input].filter((p): p is string => p !== undefined)];
  const described = { command: "motion", status: result.status, reason: result.reason, verdict, figures };
  out.put(
    "run.json",
    runText(
      session,
      { ...described, options: { model, reference, dynamics: r.dynamics, estimate: method, mask: options.mask ?? null } },
      inputs,
      timings,
    ),
  );
  session.progress.clear();
  const outputs = out.commit();
  return {
    json: {
      status: result.status,
      reason: result.reason,
      figures,
      motion: told.map((m, frame) => ({ frame, ...m })),
      ...(curves && { curves }),
      outputs,
      seconds: { stages: timings },
    },
    lines: [verdict.sentence, ...outputs],
    exit: verdict.level === "good" ? Exit.ok : Exit.quality,
  };
}
