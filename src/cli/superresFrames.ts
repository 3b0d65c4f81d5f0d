import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import { ArgumentError, FormatError } from "../core/errors.js";
import { type Image, image } from "../image/index.js";
import { formatOfName, imageExtensions, writeImage, writeTransform } from "../io/index.js";
import { tikhonov, totalVariation } from "../priors/index.js";
import { motionNames, type SuperResolveOptions, type SuperResolveResult, superResolve } from "../reconstruction/index.js";
import { neuralSequence } from "../registration/index.js";
import { gallery, plain, robustWindow } from "../report/index.js";
import { Tensor } from "../tensor/index.js";
import { AffineTransform, type Transform } from "../transforms/index.js";
import type { OptionDefinition, Options, Outcome } from "./command.js";
import { Exit } from "./exit.js";
import { grayOfMiddle, imageExtension, listOf, putRun } from "./groupFiles.js";
import { grayOf, type Loaded, loadImage, loadTransform } from "./inputs.js";
import { choice, numberList, option, text, wholeFromOne } from "./options.js";
import { isFolder } from "./output.js";
import { stopwatch } from "./registrationFiles.js";
import type { Session } from "./session.js";

const frameOptions: readonly OptionDefinition[] = [
  option(
    "--frames <files...>",
    "several coarse images of one scene: files, or one file with a time axis (a stack of pictures as .npy: frames first)",
    v.union([text, v.array(text)]),
    "files",
    { repeat: true },
  ),
  option(
    "--psf <kernel|sigma>",
    "the optics' blur before the detector's area: a .npy kernel on the fine grid, or the standard deviation of a Gaussian in fine samples (0.35 of a coarse sample)",
    text,
    "a file, a number, or one number for each axis",
  ),
  choice("--pixel <how>", "area: a detector element takes the mean over its area (default); point: the blur has it all", ["area", "point"]),
  option(
    "--motion <how>",
    `how the frames moved (rigid): ${motionNames.join(", ")}, neuralOde (one velocity through all frames, in their order), or known:FILE with a transform for each frame, its points to the first one's`,
    text,
    `${motionNames.join(", ")}, neuralOde or known:FILE`,
  ),
  choice("--brightness <name>", "affine: each frame has a gain and a bias, found with the image (default); equal: none has", [
    "affine",
    "equal",
  ]),
  choice("--jacobian <name>", "how the image follows a step of the motion: to first order, or not at all", ["kaufman", "fixed"]),
];
/** What --frames adds to the options of `superres`. */
export const superresFrameOptions = frameOptions;
/** "4", or one for each axis: "1,1,5". */
export const scaleOption: OptionDefinition = option(
  "--scale <n>",
  "fine samples for each coarse one, along all axes or x,y(,z)",
  numberList(wholeFromOne),
  "a whole number of at least 1, or one for each axis",
);

/** The motion that is found before the image, as the flow of one network. */
const neuralOde = "neuralOde";
/** Of each frame's points to the first one's: the flow backwards. What is judged doubtful is said. */
async function flowOf(session: Session, frames: readonly Image[]): Promise<Transform[]> {
  const gray = frames.map(({ values, grid }) => ({ values: values.mean([0], true), grid }));
  const r = await session.stoppable((signal) =>
    neuralSequence(gray, { signal, onProgress: (p) => session.progress.step({ ...p, iterations: 60, stage: "motion" }) }),
  );
  session.note(`motion: ${r.reason}`);
  if (r.status !== "ok") session.warn(`motion: ${r.reason}`);
  return r.transforms.map((y) => y.inverse());
}

interface Sequence {
  readonly frames: readonly Image[];
  /** Stored value = inner value × scale. */
  readonly scale: number;
  readonly colour: boolean;
  readonly bytes: boolean;
}

/** The frames in inner units: 8- and 16-bit pictures in [0, 1], all else as stored. */
async function loadSequence(session: Session, paths: readonly string[], axes: number): Promise<Sequence> {
  const loaded: Loaded[] = [];
  for (const path of paths) loaded.push(await loadImage(session, path));
  const [first] = loaded;
  const colour = loaded.every((l) => l.raw.channelKind === "rgb" || l.raw.channelKind === "rgba");
  let frames: Image[];
  const only = loaded.length === 1;
  if (only && first.raw.channelKind === "time") {
    const n = first.image.grid.size.reduce((a, b) => a * b, 1);
    const data = first.image.values.data;
    frames = Array.from({ length: first.raw.channels }, (_, t) =>
      image(Float32Array.from(data.subarray(t * n, (t + 1) * n)), first.image.grid),
    );
  } else if (only && first.image.grid.size.length === 3 && axes < 3 && /^np[yz]$/.test(formatOfName(first.path) ?? "")) {
    // Arrays have no time axis of their own: with a scale for the plane the first axis counts the frames.
    const [w, h, count] = first.image.grid.size;
    const data = first.image.values.data;
    frames = Array.from({ length: count }, (_, t) => picture(Float32Array.from(data.subarray(t * w * h, (t + 1) * w * h)), w, h));
  } else frames = loaded.map((l) => (colour ? colours(l) : grayOf(l)));
  for (const [t, f] of frames.entries()) {
    let sum = 0;
    for (const x of f.values.data) sum += x;
    if (!Number.isFinite(sum))
      throw new FormatError(`${paths[only ? 0 : t]}: frame ${t} holds NaN or infinite values; fill them in first (pullback inpaint)`, {});
    if (f.grid.size.length !== frames[0].grid.size.length)
      throw new FormatError(`${paths[t]}: a ${f.grid.size.length}-D frame beside ${frames[0].grid.size.length}-D ones`, {});
  }
  const isPicture = /^(png|jpeg|tiff)$/.test(formatOfName(first.path) ?? "");
  const bits = isPicture ? (first.raw.data instanceof Uint8Array ? 8 : first.raw.data instanceof Uint16Array ? 16 : 0) : 0;
  const scale = bits > 0 ? 2 ** bits - 1 : 1;
  if (scale !== 1) frames = frames.map((f) => ({ values: f.values.div(scale), grid: f.grid }));
  return { frames, scale, colour, bytes: bits === 8 };
}
const picture = (data: Float32Array, w: number, h: number): Image =>
  image(data, { size: [w, h], spacing: [1, 1], origin: [0, 0], direction: [1, 0, 0, 1] });
const colours = ({ image: im }: Loaded): Image => ({
  values: im.values.slice(
    im.values.shape.map(() => 0),
    [3, ...im.values.shape.slice(1)],
  ),
  grid: im.grid,
});

/** One transform for each frame. */
async function knownTransforms(session: Session, path: string, frames: readonly Image[]): Promise<Transform[]> {
  let stored: unknown;
  try {
    stored = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new FormatError(
      `${path}: ${existsSync(path) ? "this is no JSON" : "there is no such file"}; expected {"transforms": [{"matrix": …, "offset": …}, …]}`,
      { path },
      { cause },
    );
  }
  const object = stored as { transforms?: unknown; frames?: unknown; factor?: unknown };
  const list = Array.isArray(stored) ? stored : Array.isArray(object.transforms) ? object.transforms : object.frames;
  if (!Array.isArray(list) || list.length !== frames.length)
    throw new FormatError(
      `${path}: ${Array.isArray(list) ? `${list.length} transforms` : "no list of transforms"} for ${frames.length} frames; expected one for each, the first the identity`,
      { path },
    );
  const factor = Number(object.factor ?? 1);
  const out: Transform[] = [];
  for (const [t, entry] of list.entries())
    out.push(await knownTransform(session, path, entry as Record<string, unknown>, frames[t], factor, t));
  return out;
}
/** {matrix, offset}; {file}; or a rotation about the picture's middle and a shift in fine samples, {theta_rad, dx, dy} with the factor beside the list. */
async function knownTransform(session: Session, path: string, entry: Record<string, unknown>, frame: Image, factor: number, t: number) {
  const d = frame.grid.size.length;
  const numbers = (x: unknown, n: number): x is number[] =>
    Array.isArray(x) && x.length === n && x.every((y) => typeof y === "number" && Number.isFinite(y));
  if (typeof entry?.file === "string") return loadTransform(session, join(dirname(path), basename(entry.file)));
  const matrix = Array.isArray(entry?.matrix) ? (entry.matrix as unknown[]).flat() : undefined;
  if (numbers(matrix, d * d) && numbers(entry.offset, d)) return new AffineTransform({ matrix, offset: entry.offset });
  const { theta_rad: angle, dx, dy } = entry ?? {};
  if (d === 2 && [angle, dx, dy].every((x) => typeof x === "number")) {
    const [cos, sin] = [Math.cos(angle as number), Math.sin(angle as number)];
    const [cx, cy] = frame.grid.size.map((n) => (n - 1) / 2);
    // (row, col) turned by θ: x' = cos x + sin y, y' = cos y − sin x.
    return new AffineTransform({
      matrix: [cos, sin, -sin, cos],
      offset: [cx - cos * cx - sin * cy + (dx as number) / factor, cy + sin * cx - cos * cy + (dy as number) / factor],
    });
  }
  throw new FormatError(`${path}: entry ${t} is no transform; expected "matrix" of ${d * d} and "offset" of ${d} numbers, or "file"`, {
    path,
  });
}

async function sensorOf(session: Session, psf: string | undefined, d: number): Promise<SuperResolveOptions["psf"]> {
  if (psf === undefined) return undefined;
  const numbers = psf.split(",").map(Number);
  if (numbers.every((x) => !Number.isNaN(x)) && numbers.some((x) => !(x >= 0 && Number.isFinite(x))))
    throw new ArgumentError(`--psf: got "${psf}"; a standard deviation is a number that is not negative`, { psf });
  if (numbers.every((x) => Number.isFinite(x) && x >= 0)) {
    if (numbers.length !== 1 && numbers.length !== d)
      throw new ArgumentError(`--psf: ${numbers.length} numbers came; give one, or ${d}`, { psf });
    return numbers.length === 1 ? numbers[0] : numbers;
  }
  const { raw, image: kernel } = await loadImage(session, psf);
  if (raw.channels !== 1)
    throw new FormatError(`${psf}: a kernel of ${raw.channels} channels came; expected real weights, one channel`, {});
  let sum = 0;
  for (const x of kernel.values.data) sum += x;
  if (!(Math.abs(sum) > 0 && Number.isFinite(sum)))
    throw new FormatError(`${psf}: the kernel's weights have the sum ${sum}; expected finite weights with the sum 1`, { psf });
  if (Math.abs(sum - 1) > 0.01) session.warn(`${basename(psf)}: the kernel's weights have the sum ${plain(sum)} and were divided by it`);
  return kernel.values.div(sum).reshape(...kernel.values.shape.slice(1));
}

/** `superres --frames …`. */
export async function superresFrames(session: Session, options: Options): Promise<Outcome> {
  const paths = listOf(options.frames);
  const target = options.output as string | undefined;
  if (!target) throw new ArgumentError("superres: where to? name a file or a folder after -o");
  const factors = options.scale as number[] | undefined;
  if (!factors) throw new ArgumentError("superres: how many times finer? name a whole number after --scale");
  const folder = isFolder(target);
  if (!folder && formatOfName(target) === undefined)
    throw new ArgumentError(
      `${target}: the extension names no format that can be written; choose one of ${imageExtensions.join(" ")}, or a folder`,
      {
        target,
      },
    );
  const how = (options.motion as string | undefined) ?? "rigid";
  const file = /^known:(.+)$/.exec(how)?.[1];
  if (!file && how !== neuralOde && !(motionNames as readonly string[]).includes(how))
    throw new ArgumentError(`--motion: got "${how}"; expected ${motionNames.join(", ")}, ${neuralOde} or known:FILE`, { motion: how });
  const prior = (options.prior as string | undefined) ?? "tv";
  if (prior !== "tv" && prior !== "tikhonov")
    throw new ArgumentError(`--prior: "${prior}" with --frames; choose tv or tikhonov`, { prior });
  const out = session.dryRun ? undefined : session.output(target, folder, { force: options.force === true });
  try {
    const timings: Record<string, number> = {};
    const clock = stopwatch(timings);
    const sequence = await loadSequence(session, paths, factors.length);
    const { frames } = sequence;
    const d = frames[0].grid.size.length;
    if (factors.length !== 1 && factors.length !== d)
      throw new ArgumentError(`--scale: ${factors.length} factors for ${d}-D frames; give one, or one for each axis`, { factors });
    const known = file ? await knownTransforms(session, file, frames) : undefined;
    const psf = await sensorOf(session, options.psf as string | undefined, d);
    const pixel = (options.pixel as "area" | "point" | undefined) ?? "area";
    const [lambda, sigma] = [options.lambda as number | "auto" | undefined, options.sigma as number | undefined];
    clock("read");
    const plan = {
      frames: frames.length,
      scale: factors,
      motion: how,
      psf: options.psf ?? "default",
      pixel,
      brightness: options.brightness ?? "affine",
      prior,
      lambda: lambda ?? "auto",
    };
    if (!out)
      return {
        json: { dryRun: true, options: plan, outputs: [] },
        lines: [`would join ${frames.length} frames of ${frames[0].grid.size.join("×")}`],
      };
    const flow = how === neuralOde ? await flowOf(session, frames) : undefined;
    if (flow) clock("motion");
    const r = await session.stoppable((signal) =>
      superResolve({
        frames,
        scale: factors.length === 1 ? factors[0] : factors,
        psf,
        pixel,
        motion: known ?? flow ?? (how as (typeof motionNames)[number]),
        jacobian: options.jacobian as SuperResolveOptions["jacobian"],
        brightness: options.brightness as SuperResolveOptions["brightness"],
        prior: prior === "tv" ? totalVariation({ dimensions: d }) : tikhonov({ dimensions: d }),
        ...(typeof lambda === "number" && { lambda }),
        ...(sigma !== undefined && { noise: sequence.scale > 1 && sigma >= 1 ? sigma / sequence.scale : sigma }),
        iterations: options.iterations as number | undefined,
        tolerance: options.tolerance as number | undefined,
        signal,
        onProgress: (p) => session.progress.step(p),
      }),
    );
    clock("restore");
    for (const w of r.warnings) session.warn(w);
    const figures = {
      frames: frames.length,
      objective: r.objective,
      lambda: r.lambda,
      noise: r.noise,
      motionSteps: r.motionSteps,
      iterations: r.iterations,
      largestResidual: Math.max(...r.residuals),
    };
    const name = folder ? `restored${imageExtension(paths[0])}` : basename(target);
    for (const [f, bytes] of store(session, sequence, r.image, name)) out.put(f, bytes);
    const sentence = `½ Σ‖D B W x − d‖² + λ ${prior === "tv" ? "Σ|∇x|" : "½‖∇x‖²"} = ${plain(r.objective)} with λ = ${plain(r.lambda)}; ${frames.length} frames, ${known ? "known motion" : flow ? "one velocity through all of them" : `${how} motion in ${r.motionSteps} steps`}: ${r.reason}`;
    const transforms = r.transforms.map((y, t) =>
      y instanceof AffineTransform
        ? { matrix: y.map.matrix, offset: y.map.offset }
        : { file: `transform-${String(t).padStart(3, "0")}.json` },
    );
    if (folder) {
      out.put("transforms.json", `${JSON.stringify({ convention: "points of a frame ↦ points of the first", transforms }, null, 1)}\n`);
      for (const [t, y] of r.transforms.entries())
        if (!(y instanceof AffineTransform))
          for (const [f, bytes] of writeTransform(y, `transform-${String(t).padStart(3, "0")}.json`)) out.put(f, bytes);
      out.put("report.html", reportOf(session, sequence, r, sentence, plan, timings));
      putRun(session, out, [...paths, ...(file ? [file] : [])], {
        options: plan,
        status: r.status,
        reason: r.reason,
        figures,
        residuals: r.residuals,
        lights: r.lights,
        weights: r.weights,
        history: r.history,
        seconds: timings,
      });
    }
    clock("write");
    return {
      json: {
        status: r.status,
        reason: r.reason,
        ...figures,
        residuals: r.residuals,
        lights: r.lights,
        weights: r.weights,
        transforms,
        scale: sequence.scale,
        figures,
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

function store(session: Session, s: Sequence, fine: Image, name: string): Map<string, Uint8Array> {
  const kind = s.colour ? ({ channelKind: "rgb" } as const) : {};
  const grays = /\.(png|jpe?g)$/i.test(name);
  let factor = s.scale;
  let high = 0;
  for (const f of s.frames) for (const x of f.values.data) if (x > high) high = x;
  if (grays && s.scale === 1 && high <= 2) {
    factor = 255;
    session.warn(`${name}: values around [0, 1] became the gray levels 0 … 255; write .npy or .nii.gz to keep them as they are`);
  }
  // The type that holds the frames' gray levels: what overshoots them is cut, not a reason for another type.
  const dtype = high * factor <= 255 ? ("uint8" as const) : ("uint16" as const);
  const values = Float32Array.from(fine.values.data, (x) => x * factor);
  const stored = { values: Tensor.from(values, fine.values.shape), grid: fine.grid };
  return writeImage(stored, name, { level: 1, clamp: true, ...kind, ...(grays && { dtype }) });
}

function reportOf(
  session: Session,
  s: Sequence,
  r: SuperResolveResult,
  sentence: string,
  plan: Readonly<Record<string, unknown>>,
  timings: Record<string, number>,
): string {
  const first = s.frames[0];
  const one = (im: Image): Image => ({
    values: im.values.slice(
      im.values.shape.map(() => 0),
      [1, ...im.values.shape.slice(1)],
    ),
    grid: im.grid,
  });
  const window = robustWindow(one(first).values.data);
  return gallery({
    title: "Super-resolution from motion",
    verdict: {
      level: r.status === "ok" ? "good" : "check",
      sentence: r.status === "ok" ? `The frames agree: ${sentence}.` : `Look before use: ${r.reason}.`,
    },
    figures: [
      { label: "frames", value: s.frames.length },
      { label: "noise σ", value: r.noise },
      { label: "λ", value: r.lambda },
      { label: "objective", value: r.objective },
    ],
    rows: [
      {
        title: "Before and after",
        large: true,
        pictures: [
          { picture: grayOfMiddle(one(first), window), caption: `first frame, ${first.grid.size.join("×")}` },
          { picture: grayOfMiddle(one(r.image), window), caption: `all frames together, ${r.image.grid.size.join("×")}` },
        ],
      },
    ],
    plots: [
      {
        title: "How far each frame is from what the image predicts",
        xLabel: "frame",
        yLabel: "root mean square",
        curves: [{ name: "residual", values: [...r.residuals] }],
      },
      ...(r.history.length > 1
        ? [
            {
              title: "Objective of the motion",
              xLabel: "step",
              yLabel: "φ",
              curves: [{ name: "φ(p) = min over x", values: [...r.history] }],
            },
          ]
        : []),
    ],
    summary: { ...(plan as Record<string, string | number>), scale: String(plan.scale) },
    timings,
    warnings: session.warnings,
  });
}
