import { basename } from "node:path";
import * as v from "valibot";
import { ArgumentError, FormatError, GridError, ShapeError } from "../core/errors.js";
import type { LinearOperator, Progress } from "../core/interfaces.js";
import { type Grid, gridText, type Image, image, sameGrid, tensorShape } from "../image/index.js";
import { formatOfName, imageExtensions, type StoreOptions, writeImage } from "../io/index.js";
import { type LambdaRule, type RestoreResult, restore } from "../reconstruction/index.js";
import {
  colourMap,
  colourPicture,
  type GalleryInput,
  gallery,
  grayPicture,
  type Picture,
  plain,
  robustWindow,
  type Window,
} from "../report/index.js";
import { Tensor } from "../tensor/index.js";
import type { OptionDefinition, Options, Outcome } from "./command.js";
import { Exit } from "./exit.js";
import { askedFidelity, fidelityOption } from "./fidelity.js";
import { imageExtension, middle, putRun } from "./groupFiles.js";
import { extension, type Loaded, loadImage } from "./inputs.js";
import { networkPrior, networkPriorHelp, networkPriorNames } from "./networkPriors.js";
import { choice, force, notNegative, option, output, positive, text, wholeFromOne } from "./options.js";
import { isFolder } from "./output.js";
import { stopwatch } from "./registrationFiles.js";
import { type PriorChoice, priorChoice, priorHelp, priorNames, solverNamed, solverNames } from "./restorationParts.js";
import type { Session } from "./session.js";

const rules = ["gcv", "sure", "discrepancy", "lcurve"] as const;
const automatic = ["auto", ...rules.map((r) => `auto:${r}` as const)] as const;

/** What denoise, deblur and inpaint have in common. */
export const restorationOptions: readonly OptionDefinition[] = [
  output("file for the restored image, or a folder for image, run.json and report.html"),
  force,
  option("--prior <name>", `R: what a likely image looks like (tv): ${priorHelp}; or ${networkPriorHelp}`, text, `one of ${priorHelp}`, {
    choices: [...priorNames, ...networkPriorNames],
  }),
  option("--weights <file>", "of --prior model:NAME or gan:NAME, from a training of your own", text, "a .safetensors file"),
  option("--seed <n>", "all chance of --prior dip and gan:NAME (1)", wholeFromOne, "a whole number of at least 1"),
  option(
    "--lambda <weight>",
    "λ, the weight of the prior in inner units; larger is smoother (auto: chosen by the data; auto:lcurve and the like name the rule)",
    v.union([v.picklist(automatic), notNegative]),
    'a number that is not negative, "auto" or auto:RULE',
  ),
  choice("--lambda-rule <name>", "how auto chooses λ (sure where --sigma is given, else gcv)", rules),
  fidelityOption,
  option(
    "--sigma <s>",
    "standard deviation of the noise in inner units; for 8- and 16-bit pictures 1 and more are gray levels",
    positive,
    "a positive number",
  ),
  choice("--solver <name>", "the method (the fastest that fits)", solverNames),
  option("--iterations <n>", "most iterations of the method", wholeFromOne, "a whole number of at least 1"),
  option(
    "--tolerance <t>",
    "relative duality gap, or the method's own measure, to stop at (1e-6 denoising, else 1e-5)",
    positive,
    "a positive number",
  ),
  choice("--scale-data <how>", "auto: inner units are such that the largest measured value is 1 (none)", ["none", "auto"]),
];

/** The image to be restored, in inner units. */
export interface Measured {
  readonly loaded: Loaded;
  readonly grid: Grid;
  /** Channels that are restored, and those carried along (alpha). */
  readonly channels: number;
  readonly alpha: number;
  /** [(z,) y, x] of one channel, [c, (z,) y, x] of several; NaN only where `known` is 0. */
  readonly data: Tensor;
  /** Stored value = inner value × scale. */
  readonly scale: number;
  readonly units: string;
}
/** A problem of one command: the operator on images of this shape. */
export interface Problem {
  /** The command's words for A in formula and report. */
  readonly title: string;
  readonly formula: string;
  readonly operator: (shape: readonly number[]) => LinearOperator;
  /** Axes that a prior differentiates along. */
  readonly dimensions: number;
  /** 1 where a sample is known, [(z,) y, x]. */
  readonly known?: Float32Array;
  readonly inputs: readonly string[];
  readonly options?: Readonly<Record<string, unknown>>;
  /** Written beside the result, where that is a folder. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** A blur of two axes, [y, x]: shown in the report. */
  readonly kernel?: Tensor;
}

const isPicture = (path: string): boolean => /^(png|jpeg|tiff)$/.test(formatOfName(path) ?? "");
const colours: Readonly<Record<string, readonly [number, number]>> = { rgb: [3, 0], rgba: [3, 1], graya: [1, 1] };

/**
 * An image in inner units: 8- and 16-bit pictures in [0, 1], all else as stored.
 * @throws FormatError for complex images, series and vectors, and for values that are not finite where they count
 */
export function measured({ path, raw, image: im }: Loaded, known: Float32Array | undefined, scaleData: boolean): Measured {
  const n = im.grid.size.reduce((a, b) => a * b, 1);
  if (n === 0) throw new FormatError(`${path}: the image is empty`, { path });
  if (raw.channelKind === "complex")
    throw new FormatError(`${path}: complex values came but real ones were expected; save the magnitude or the real part first`, { path });
  const parts = raw.channels === 1 ? [1, 0] : colours[raw.channelKind];
  if (!parts)
    throw new FormatError(
      `${path}: ${raw.channels} channels (${raw.channelKind === "time" ? "frames of a series" : raw.channelKind}) came; one gray or colour image was expected, so write the wanted channel to a file of its own first (pullback convert --channel)`,
      { path, channels: raw.channels },
    );
  const [channels, alpha] = parts;
  const stored = im.values.data;
  const data = Float32Array.from(stored.subarray(0, channels * n));
  let bad = 0;
  let largest = 0;
  for (let i = 0; i < data.length; i++) {
    if (known && known[i % n] === 0) data[i] = 0;
    else if (!Number.isFinite(data[i])) bad++;
    else largest = Math.max(largest, Math.abs(data[i]));
  }
  if (bad > 0)
    throw new FormatError(
      `${path}: ${bad} of ${data.length} values are NaN or infinite; ${known ? "mark them as unknown in the mask" : "fill them in with pullback inpaint and a mask"}, or replace them first: pullback convert ${basename(path)} --nan 0 -o clean${extension(path)}`,
      { path, bad },
    );
  const bits = isPicture(path) ? (raw.data instanceof Uint8Array ? 8 : raw.data instanceof Uint16Array ? 16 : 0) : 0;
  let [scale, units] = bits > 0 ? [2 ** bits - 1, `[0, 1]: gray level / ${2 ** bits - 1}`] : [1, "as stored"];
  if (scaleData && largest > 0) [scale, units] = [largest, `stored value / ${plain(largest)}, the largest size of a value`];
  for (let i = 0; i < data.length; i++) data[i] /= scale;
  const space = tensorShape(im.grid);
  const shape = channels === 1 ? space : [channels, ...space];
  return { loaded: { path, raw, image: im }, grid: im.grid, channels, alpha, data: Tensor.from(data, shape), scale, units };
}

/** Where a mask is not 0, as 0 and 1. @throws GridError, FormatError when it does not belong to the image or marks nothing */
export async function loadKnown(session: Session, path: string, of: Loaded): Promise<Float32Array> {
  const { raw, image: mask } = await loadImage(session, path);
  const { size } = of.image.grid;
  if (mask.grid.size.join() !== size.join())
    throw new GridError(
      `${path}: the mask is ${mask.grid.size.join("×")} but ${basename(of.path)} ${size.join("×")}; a mask has one value for each sample of the image`,
      { path },
    );
  // Pictures and arrays have no place in space of their own.
  if (!/^(npy|npz|png|jpeg)$/.test(formatOfName(path) ?? "") && !/^(npy|npz|png|jpeg)$/.test(formatOfName(of.path) ?? ""))
    if (!sameGrid(mask.grid, of.image.grid))
      throw new GridError(`${path}: the mask lies on ${gridText(mask.grid)} but ${basename(of.path)} on ${gridText(of.image.grid)}`, {
        path,
      });
  const n = size.reduce((a, b) => a * b, 1);
  const opaque = raw.channelKind === "rgba" ? 3 : raw.channelKind === "graya" ? 1 : raw.channels;
  const known = new Float32Array(n);
  const values = mask.values.data;
  let count = 0;
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < opaque; c++) {
      const m = values[c * n + i];
      if (!Number.isFinite(m))
        throw new FormatError(`${path}: the mask holds NaN or infinite values; expected 0 (unknown) and others (known)`, { path });
      if (m !== 0) known[i] = 1;
    }
    count += known[i];
  }
  if (count === 0)
    throw new FormatError(`${path}: the mask is 0 everywhere, so nothing is known; where it is not 0 the image counts`, { path });
  return known;
}

/** A blur kernel with as many axes as its file. @throws FormatError, ShapeError when it cannot blur this image */
export async function loadKernel(session: Session, path: string, of: Loaded): Promise<Tensor> {
  const { raw, image: kernel } = await loadImage(session, path);
  if (raw.channels !== 1)
    throw new FormatError(
      `${path}: ${raw.channelKind === "complex" ? "a complex kernel" : `a kernel of ${raw.channels} channels`} came; expected real weights, one channel`,
      { path },
    );
  const shape = tensorShape(kernel.grid);
  const space = tensorShape(of.image.grid);
  if (shape.length > space.length)
    throw new ShapeError(
      `${path}: the kernel is ${shape.length}-D but ${basename(of.path)} is ${space.length}-D; give a kernel of its dimension`,
      {
        path,
      },
    );
  const last = space.slice(space.length - shape.length);
  if (shape.some((k, i) => k > last[i]))
    throw new ShapeError(
      `${path}: the kernel is ${[...shape].reverse().join("×")}, larger than ${basename(of.path)} (${of.image.grid.size.join("×")}); crop the kernel to where it is not 0`,
      { path },
    );
  let sum = 0;
  for (const w of kernel.values.data) sum += w;
  if (!Number.isFinite(sum)) throw new FormatError(`${path}: the kernel holds NaN or infinite values; expected finite weights`, { path });
  if (kernel.values.data.every((w) => w === 0))
    throw new FormatError(`${path}: every weight of the kernel is 0; expected weights with the sum 1`, { path });
  if (Math.abs(sum - 1) > 0.01)
    session.warn(
      `${basename(path)}: the kernel's weights have the sum ${plain(sum)}, so brightness changes; divide them by it if that is not meant`,
    );
  return kernel.values.reshape(...shape);
}

/** Runs a restoration from files to files. */
export async function runRestoration(
  session: Session,
  command: string,
  path: string,
  options: Options,
  pose: (loaded: Loaded) => Promise<Problem>,
): Promise<Outcome> {
  const target = options.output as string | undefined;
  if (!target) throw new ArgumentError(`${command}: where to? name a file or a folder after -o`);
  const folder = isFolder(target);
  if (!folder && formatOfName(target) === undefined)
    throw new ArgumentError(
      `${target}: the extension names no format that can be written; choose one of ${imageExtensions.join(" ")}, or a folder`,
      {
        target,
      },
    );
  const network = await networkPrior(command, options);
  const prior = network ? undefined : await priorChoice((options.prior as string | undefined) ?? "tv");
  const priorName = (network ?? (prior as PriorChoice)).name;
  const weightless = network !== undefined || priorName === "none"; // no λ
  const asked = (options.lambda as number | (typeof automatic)[number] | undefined) ?? "auto";
  const lambda = typeof asked === "number" ? asked : "auto";
  const named = typeof asked === "string" && asked !== "auto" ? (asked.slice(5) as LambdaRule) : undefined;
  const rule = named ?? (options.lambdaRule as LambdaRule | undefined);
  if (named !== undefined && options.lambdaRule !== undefined && options.lambdaRule !== named)
    throw new ArgumentError(`--lambda auto:${named} and --lambda-rule ${options.lambdaRule} differ; leave one of them out`);
  const words = options.fidelity as string | undefined;
  if (askedFidelity(words, 1) && lambda === "auto" && priorName !== "none")
    throw new ArgumentError(`--fidelity ${words}: λ is chosen by the data for least squares only; give a number after --lambda`, { words });
  if (rule !== undefined && lambda !== "auto")
    throw new ArgumentError("--lambda-rule: it says how --lambda auto chooses, but a number is given; leave one of the two out");
  if (priorName === "none" && (lambda !== "auto" || rule !== undefined))
    throw new ArgumentError("--prior none: there is no λ without a prior; leave --lambda and --lambda-rule out, or choose a prior");
  if (prior?.denoises && rule !== undefined)
    throw new ArgumentError(`--lambda-rule: with --prior ${priorName}, λ is the noise's variance; give --sigma or --lambda instead`);
  const solver = solverNamed(options.solver as string | undefined, options.tolerance as number | undefined);
  const out = session.dryRun ? undefined : session.output(target, folder, { force: options.force === true });
  try {
    const timings: Record<string, number> = {};
    const clock = stopwatch(timings);
    const loaded = await loadImage(session, path);
    const problem = await pose(loaded);
    const m = measured(loaded, problem.known, options.scaleData === "auto");
    const sigma = sigmaOf(options.sigma as number | undefined, m);
    clock("read");
    const fidelity = askedFidelity(words, m.scale);
    const formula = `${fidelity ? fidelity.formula(problem.formula) : `½‖${problem.formula}‖²`}${network ? ` ${network.formula}` : weightless ? "" : ` + λ ${prior?.formula}`}`;
    const plan = {
      ...problem.options,
      prior: priorName,
      lambda,
      ...(fidelity && { fidelity: words }),
      ...(rule && { lambdaRule: rule }),
      ...(sigma !== undefined && { sigma }),
      ...(solver && { solver: solver.name }),
      ...(options.iterations !== undefined && { iterations: options.iterations }),
      ...(options.tolerance !== undefined && { tolerance: options.tolerance }),
      scaleData: options.scaleData ?? "none",
    };
    if (!out)
      return {
        json: { dryRun: true, grid: gridText(m.grid), formula, units: m.units, options: plan, outputs: [] },
        lines: [`would ${command} ${path} (${gridText(m.grid)}): ${formula}, inner units ${m.units}`],
      };
    const operator = problem.operator(m.data.shape);
    const most = (options.iterations as number | undefined) ?? 0;
    const onProgress = ({ level, levels, iteration, iterations, value }: Progress<Tensor>) =>
      session.progress.step({ level, levels, iteration, iterations, value, stage: command });
    const colour = m.channels === 3;
    const r = await session.stoppable((signal) => {
      if (network) return network.run({ operator: problem.operator, shape: m.data.shape, data: m.data, colour, sigma, signal, onProgress });
      return restore({
        operator,
        data: m.data,
        prior: prior?.make({ dimensions: problem.dimensions, data: m.data, sigma, colour }),
        solver,
        lambda,
        lambdaRule: rule,
        fidelity: fidelity?.make(m.data),
        noise: sigma,
        iterations: most > 0 ? most : undefined,
        tolerance: options.tolerance as number | undefined,
        signal,
        onProgress,
      });
    });
    for (const w of r.warnings) session.warn(w);
    clock("restore");
    const residual = operator.apply(r.image).sub(m.data);
    const counted = problem.known ? m.channels * problem.known.reduce((a, b) => a + b, 0) : m.data.size;
    const rms = Math.sqrt(residual.innerProduct(residual).item() / counted);
    const figures = {
      objective: r.objective,
      ...(r.gap !== undefined && { gap: r.gap, relativeGap: r.objective > 0 ? r.gap / r.objective : 0 }),
      ...(!weightless && { lambda: r.lambda }),
      ...(r.choice && { lambdaRule: r.choice.rule, noise: r.choice.noise }),
      residual: rms,
      ...(sigma !== undefined && { sigma, residualOverSigma: rms / sigma }),
      iterations: r.iterations,
      solver: r.solver,
    };
    const sentence = `${formula} = ${plain(r.objective)}${weightless ? "" : ` with λ = ${plain(r.lambda)}`}${r.gap === undefined ? "" : `, at most ${r.gap.toExponential(1)} above the minimum`}; ${r.solver}, ${r.iterations} iterations: ${r.reason}`;
    const name = folder ? `restored${imageExtension(path)}` : basename(target);
    for (const [file, bytes] of store(session, m, r.image, name)) out.put(file, bytes);
    clock("write");
    const inputs = [path, ...problem.inputs, ...(fidelity?.inputs ?? [])];
    if (folder) {
      for (const [file, bytes] of Object.entries(problem.files ?? {})) out.put(file, bytes);
      out.put(
        "report.html",
        reportOf(session, problem, m, r, residual, { formula, sentence, figures, plan, inputs, timings, prior: priorName }),
      );
      putRun(session, out, inputs, {
        options: plan,
        status: r.status,
        reason: r.reason,
        formula,
        units: m.units,
        figures,
        ...(r.choice && { lambdaCurve: r.choice.curve }),
        history: r.history,
        seconds: timings,
      });
    }
    return {
      json: {
        status: r.status,
        reason: r.reason,
        ...figures,
        formula,
        prior: priorName,
        units: m.units,
        scale: m.scale,
        channels: m.channels,
        figures,
        ...(r.choice && { lambdaCurve: r.choice.curve }),
        outputs: out.commit(),
      },
      lines: [sentence, target],
      exit: r.status === "ok" ? Exit.ok : Exit.quality,
    };
  } catch (error) {
    out?.discard();
    throw error;
  }
}

/** σ in inner units. */
export function sigmaOf(sigma: number | undefined, m: Measured): number | undefined {
  if (sigma === undefined) return undefined;
  return m.units.startsWith("[0, 1]") && sigma >= 1 ? sigma / m.scale : sigma;
}

/** The image in stored units with its alpha, as the file's format wants it. */
export function store(session: Session, m: Measured, restored: Tensor, name: string): Map<string, Uint8Array> {
  const { raw, image: im } = m.loaded;
  const n = im.values.size / raw.channels;
  const values = new Float32Array((m.channels + m.alpha) * n);
  restored.data.forEach((x, i) => {
    values[i] = x * m.scale;
  });
  values.set(im.values.data.subarray(m.channels * n), m.channels * n);
  const format = formatOfName(name);
  const kind = raw.channels > 1 ? { channelKind: raw.channelKind } : {};
  const put = (o: StoreOptions, factor = 1) =>
    writeImage(image(factor === 1 ? values : values.map((x) => x * factor), m.grid), name, { level: 1, clamp: true, ...kind, ...o });
  const type =
    isPicture(m.loaded.path) && raw.data instanceof Uint8Array
      ? "uint8"
      : isPicture(m.loaded.path) && raw.data instanceof Uint16Array
        ? "uint16"
        : undefined;
  if (format === "jpeg" && type === "uint16") return put({ dtype: "uint8" }, 255 / 65535);
  if (type && isPicture(name)) return put({ dtype: type });
  if (format === "png" || format === "jpeg") {
    // Numbers in [0, 1], with some noise, would all be black as gray levels.
    let [low, high] = [0, 0];
    for (const x of im.values.data) if (Number.isFinite(x)) [low, high] = [Math.min(low, x), Math.max(high, x)];
    if (high <= 2 && low >= -1 && !(raw.data instanceof Uint8Array)) {
      session.warn(`${name}: values around [0, 1] became the gray levels 0 … 255; write .npy or .nii.gz to keep them as they are`);
      return put({ dtype: "uint8" }, 255);
    }
    return put({});
  }
  return put({});
}

/** One channel as gray, three as colour. */
export function look(m: Measured, values: Float32Array, { low, high }: Window): Picture {
  const n = values.length / m.channels;
  const planes = Array.from({ length: m.channels }, (_, c) =>
    grayPicture(middle(image(values.subarray(c * n, (c + 1) * n), m.grid)), { low, high }),
  );
  const [{ width, height, data }] = planes;
  if (planes.length === 1) return planes[0];
  const mixed = new Uint8Array(3 * data.length);
  planes.forEach((p, c) => {
    p.data.forEach((b, i) => {
      mixed[3 * i + c] = b;
    });
  });
  return { width, height, channels: 3, data: mixed };
}

function reportOf(
  session: Session,
  problem: Problem,
  m: Measured,
  r: RestoreResult,
  residual: Tensor,
  t: {
    readonly formula: string;
    readonly sentence: string;
    readonly figures: Readonly<Record<string, number | string>>;
    readonly plan: Readonly<Record<string, unknown>>;
    readonly inputs: readonly string[];
    readonly timings: Record<string, number>;
    readonly prior: string;
  },
): string {
  const [before, after, left] = [m.data, r.image, residual].map((x) => Float32Array.from(x.data));
  const n = before.length / m.channels;
  const window = robustWindow(problem.known ? before.filter((_, i) => problem.known?.[i % n] === 1) : before);
  const half = Math.max(1e-12, robustWindow(left.map(Math.abs)).high);
  const mean: Float32Array = new Float32Array(n);
  for (let i = 0; i < left.length; i++) mean[i % n] -= left[i] / m.channels;
  const difference: Image = image(mean, m.grid);
  const plots: NonNullable<GalleryInput["plots"]>[number][] = [];
  if (r.history.length > 1)
    plots.push({
      title: t.prior === "dip" ? "Error of the samples kept back" : "Objective",
      xLabel: "look",
      yLabel: t.prior === "dip" ? "mean square" : "objective",
      curves: [{ name: t.formula, values: [...r.history] }],
    });
  if (r.choice)
    plots.push({
      title: "Choice of λ",
      note: `The least score is best; rule ${r.choice.rule}, noise ${plain(r.choice.noise)}.`,
      xLabel: "log10 λ",
      yLabel: "score",
      x: r.choice.curve.map((p) => Math.log10(p.lambda)),
      curves: [{ name: r.choice.rule, values: r.choice.curve.map((p) => p.score) }],
    });
  const list: { label: string; value: number | string }[] = [{ label: "objective", value: r.objective }];
  if (r.gap !== undefined) list.push({ label: "gap, at most", value: r.gap.toExponential(1) });
  if (t.figures.lambda !== undefined) list.push({ label: "λ", value: r.lambda });
  list.push({ label: "residual, rms", value: t.figures.residual }, { label: "iterations", value: r.iterations });
  return gallery({
    title: problem.title,
    subtitle: `${basename(t.inputs[0])}, ${gridText(m.grid)}; ${t.formula}; inner units ${m.units}`,
    verdict: { level: r.status === "ok" ? "good" : "check", sentence: t.sentence },
    figures: list,
    rows: [
      {
        title: "Images",
        large: true,
        note: `${m.channels > 1 ? "Channels are restored one by one with one λ; the residual is their mean. " : ""}The residual should look like noise: edges in it were smoothed away.`,
        pictures: [
          { picture: look(m, before, window), caption: "measured, y" },
          { picture: look(m, after, window), caption: "restored, x" },
          {
            picture: colourPicture(middle(difference), { low: -half, high: half }, colourMap("diverging")),
            caption: `residual y − Ax, ±${plain(half)}`,
          },
        ],
      },
      ...(problem.kernel?.rank === 2 ? [{ title: "Blur", pictures: [kernelPicture(problem.kernel)] }] : []),
    ],
    plots,
    summary: { image: t.inputs[0], ...t.plan, solver: r.solver },
    timings: t.timings,
    warnings: session.warnings,
  });
}
/** Weights from 0 (or the least, where some are negative) to the largest. */
function kernelPicture(kernel: Tensor): { picture: Picture; caption: string } {
  const [height, width] = kernel.shape;
  const values = Float32Array.from(kernel.data);
  // Samples of a kernel are to be seen as such: a picture of some hundred pixels, whatever its size.
  const times = Math.max(1, Math.round(150 / Math.max(width, height)));
  const wide = width * times;
  const large = Float32Array.from(
    { length: wide * height * times },
    (_, i) => values[Math.floor(i / wide / times) * width + Math.floor((i % wide) / times)],
  );
  const window = { low: Math.min(0, ...values), high: Math.max(1e-30, ...values) };
  return { picture: grayPicture({ width: wide, height: height * times, values: large }, window), caption: `k, ${width}×${height} samples` };
}
