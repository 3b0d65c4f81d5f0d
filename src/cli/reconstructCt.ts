import { basename } from "node:path";
import { ArgumentError, FormatError } from "../core/errors.js";
import { image } from "../image/index.js";
import { readNpy, writeImage, writeNpy } from "../io/index.js";
import { readBytes } from "../io/node.js";
import { loadModel, networkSlice } from "../models/index.js";
import type { Fan } from "../operators/index.js";
import { noPrior, ridge, tikhonov, totalGeneralizedVariation, totalVariation } from "../priors/index.js";
import { type CtResult, type CtSolver, type FbpFilter, photonWeights, reconstructCt } from "../reconstruction/index.js";
import { colourMap, colourPicture, gallery, grayPicture, plain, robustWindow } from "../report/index.js";
import { Tensor } from "../tensor/index.js";
import type { Options } from "./command.js";
import type { Reconstruct } from "./commands/reconstruct.js";
import { Exit } from "./exit.js";
import { suggestion } from "./nearest.js";
import { isFolder } from "./output.js";
import { stopwatch } from "./registrationFiles.js";
import { isDenoiserPrior, priorChoice } from "./restorationParts.js";
import type { Session } from "./session.js";
import { version } from "./version.js";

const priors = { none: noPrior, l2: ridge, tikhonov, tv: totalVariation, tgv: totalGeneralizedVariation } as const;

/** Networks of the package that make a slice of a sinogram, as priors of the command. */
const learned = { "model:ct-post-filter": "ct-post-filter", "model:ct-primal-dual": "ct-primal-dual" } as const;

/** A real array of the wanted rank from a .npy file. */
function numbers(session: Session, path: string, rank: number, what: string): { shape: readonly number[]; data: Float32Array } {
  session.reading();
  const { shape, data, complex } = readNpy(readBytes(path));
  if (complex) throw new FormatError(`${path}: complex numbers came; ${what} are real`, { path });
  if (shape.length !== rank)
    throw new FormatError(`${path}: an array of shape (${shape.join(", ")}) came; ${what} need ${rank} ${rank === 1 ? "axis" : "axes"}`, {
      path,
      shape,
    });
  return { shape, data: Float32Array.from(data as ArrayLike<number>, Number) };
}

/** "0:180" for n views, or a file of them. */
function anglesFrom(session: Session, source: string, views: number): ArrayLike<number> {
  const range = /^([-+\d.eE]+):([-+\d.eE]+)$/.exec(source);
  if (!range) return numbers(session, source, 1, "angles").data;
  const [from, to] = [Number(range[1]), Number(range[2])];
  if (!Number.isFinite(from) || !Number.isFinite(to) || from === to)
    throw new ArgumentError(`--angles: got "${source}"; expected START:STOP in degrees, as 0:180, or a .npy file`, { source });
  return Float64Array.from({ length: views }, (_, k) => from + ((to - from) * k) / views);
}
function fanFrom(source: string): { fan?: Fan; binWidth?: number } {
  if (source === "parallel") return {};
  const fail = () =>
    new ArgumentError(`--geometry: got "${source}"; expected parallel or fan:SOURCE,DETECTOR[,flat|arc][,BINWIDTH], as fan:500,300,arc`, {
      source,
    });
  if (!source.startsWith("fan:")) throw fail();
  const words = source.slice(4).split(",");
  const shape = words.find((w) => w === "flat" || w === "arc") as "flat" | "arc" | undefined;
  const lengths = words.filter((w) => w !== shape).map(Number);
  if (lengths.length < 2 || lengths.length > 3 || !lengths.every(Number.isFinite)) throw fail();
  return { fan: { source: lengths[0], detector: lengths[1], shape }, binWidth: lengths[2] };
}
/** "127.75" or "127.75,128.5": row and column. */
function axisFrom(source: string | undefined): readonly [number, number] | undefined {
  if (source === undefined) return undefined;
  const numbers = source.split(",").map((w) => (w.trim() === "" ? Number.NaN : Number(w)));
  if (numbers.length > 2 || !numbers.every(Number.isFinite))
    throw new ArgumentError(`--axis: got "${source}"; expected ROW,COLUMN in samples of the picture, or one number for both`, { source });
  return [numbers[0], numbers[numbers.length - 1]];
}
function numberOr<T extends string>(flag: string, value: unknown, words: readonly T[]): number | T | undefined {
  if (value === undefined || words.includes(value as T)) return value as T | undefined;
  const n = Number(value);
  if (String(value).trim() === "" || !Number.isFinite(n))
    throw new ArgumentError(`${flag}: got "${value}"; expected a number or ${words.join(" or ")}`, { value });
  return n;
}

/** `pullback reconstruct ct SINO.npy -o OUT`. */
export const reconstructCtCommand: Reconstruct = async (session, path, options) => {
  const target = options.output as string | undefined;
  if (!target) throw new ArgumentError("reconstruct ct: where to? name a file or a folder after -o");
  const timings: Record<string, number> = {};
  const clock = stopwatch(timings);
  const sino = numbers(session, path, 2, "sinograms");
  const [views, detectors] = sino.shape;
  const name = (options.prior as string | undefined) ?? (options.solver && options.solver !== "pdhg" ? "none" : "tv");
  const model = Object.hasOwn(learned, name) ? learned[name as keyof typeof learned] : undefined;
  const weights = options.weights as string | undefined;
  if (weights !== undefined && !model)
    throw new ArgumentError(`--weights: they are of the network of --prior ${Object.keys(learned).join(" or ")}; leave them out`);
  if (model)
    for (const option of ["lambda", "iterations", "tolerance", "solver"] as const)
      if (options[option] !== undefined) throw new ArgumentError(`--${option}: a network has none to choose; leave it out`);
  const denoiser = model || Object.hasOwn(priors, name) || !isDenoiserPrior(name) ? undefined : await priorChoice(name);
  if (!model && !Object.hasOwn(priors, name) && !denoiser)
    throw new ArgumentError(
      `--prior: there is no "${name}"${suggestion(name, Object.keys(priors)) || `; choose one of ${[...Object.keys(priors), ...Object.keys(learned)].join(", ")}, learned, or pnp:NAME with a denoiser`}`,
      { name },
    );
  if (options.scaleData === "auto")
    throw new ArgumentError("--scale-data auto: a sinogram's line integrals have units of their own, and λ is theirs; leave it out");
  if (name === "none" && options.lambda !== undefined)
    throw new ArgumentError("--lambda: without a prior there is nothing to weigh; choose a --prior, or leave λ out");
  const solver = (options.solver as CtSolver | undefined) ?? (name === "none" ? "fbp" : undefined);
  if (solver === "fbp")
    for (const [flag, value] of [
      ["--iterations", options.iterations],
      ["--tolerance", options.tolerance],
      ["--low", options.low],
    ])
      if (value !== undefined)
        throw new ArgumentError(`${flag}: filtered back-projection is a closed form; leave it out, or choose another --solver`);
  const fan = fanFrom((options.geometry as string | undefined) ?? "parallel");
  const angles = anglesFrom(session, (options.angles as string | undefined) ?? (fan.fan ? "0:360" : "0:180"), views);
  const centre = numberOr("--centre", options.centre, ["auto"] as const);
  const attenuation = options.photonWeights as number | undefined;
  if (attenuation !== undefined && name !== "tv")
    throw new ArgumentError(`--photon-weights: they go with --prior tv, not with ${name}; leave them out`);
  const axis = axisFrom(options.axis as string | undefined);
  const lambda = numberOr("--lambda", options.lambda, ["auto"] as const);
  const n = (options.size as number | undefined) ?? detectors;
  const binWidth = (options.binWidth as number | undefined) ?? fan.binWidth;
  clock("read");
  const settings = { prior: name, angles: `${angles.length}`, geometry: options.geometry ?? "parallel", size: n };
  if (session.dryRun)
    return {
      json: { dryRun: true, views, detectors, ...settings, outputs: [] },
      lines: [`would reconstruct ${n} × ${n} from ${views} views`],
    };
  const folder = isFolder(target);
  const network = model && networkSlice(await loadModel(model, { weights: weights === undefined ? undefined : readBytes(weights) }));
  const out = session.output(target, folder, { force: options.force === true });
  try {
    const sinogram = Tensor.from(sino.data, [views, detectors]);
    const result = await session.stoppable((signal) =>
      reconstructCt({
        sinogram,
        angles,
        size: [n, n],
        centre,
        axis,
        binWidth,
        fan: fan.fan,
        network,
        weights: attenuation === undefined ? undefined : photonWeights(sinogram, attenuation),
        prior: model
          ? undefined
          : denoiser
            ? denoiser.make({ dimensions: 2, data: sinogram, colour: false })
            : priors[name as keyof typeof priors](),
        lambda,
        solver: options.solver as CtSolver | undefined,
        filter: options.filter as FbpFilter | undefined,
        iterations: options.iterations as number | undefined,
        tolerance: options.tolerance as number | undefined,
        nonNegative: options.low !== "none",
        signal,
        onProgress: ({ iteration, iterations, value }) =>
          session.progress.step({ level: 0, levels: 1, iteration, iterations, value, stage: "reconstruct" }),
      }),
    );
    clock("reconstruct");
    const values = Float32Array.from(result.image.data);
    for (const [file, bytes] of pictureFiles(values, n, folder ? "image.npy" : basename(target))) out.put(file, bytes);
    const figures = {
      objective: result.objective,
      gap: result.gap,
      relativeGap: result.gap === undefined ? undefined : result.gap / Math.abs(result.objective),
      lambda: model ? undefined : result.lambda,
      iterations: result.iterations,
      solver: result.solver,
      prior: name,
      centre: result.centre,
      noise: result.noise,
      residual: result.residual.norm().item() / Math.sqrt(views * detectors),
      problem: model ? "½‖Ax − y‖², of a learned reconstruction" : "½‖Ax − y‖² + λ R(x)",
    };
    if (result.status !== "ok") session.warn(result.reason);
    const sentence = `${result.status === "ok" ? "Reconstructed" : "Look before use"}: ${result.reason}.`;
    if (folder) {
      for (const [file, bytes] of pictureFiles(values, n, "image.png")) out.put(file, bytes);
      out.put("residual.npy", writeNpy({ shape: [views, detectors], data: Float32Array.from(result.residual.data) }));
      out.put(
        "report.html",
        page(basename(path), sino.data, views, detectors, values, n, result, figures, sentence, { session, timings, options }),
      );
      out.put(
        "run.json",
        `${JSON.stringify({ command: "reconstruct ct", status: result.status, reason: result.reason, figures, inputs: [{ path, sha256: session.hash(path) }], options: settings, versions: { pullback: version(), node: process.versions.node }, seconds: timings, warnings: session.warnings, outputs: out.names }, null, 2)}\n`,
      );
    }
    clock("write");
    session.progress.clear();
    const outputs = out.commit();
    return {
      json: { status: result.status, reason: result.reason, ...figures, outputs, seconds: { stages: timings } },
      lines: [
        sentence,
        model
          ? `½‖Ax − y‖² is ${plain(result.objective)} (${model})`
          : `objective ${plain(result.objective)}, λ ${plain(result.lambda)}, ${result.iterations} iterations (${result.solver})`,
        ...outputs,
      ],
      exit: result.status === "ok" ? Exit.ok : Exit.quality,
    };
  } catch (error) {
    out.discard();
    throw error;
  }
};

/** .npy as it is; pictures of 8 bits through a robust window; other formats as floats. */
function pictureFiles(values: Float32Array, n: number, name: string): ReadonlyMap<string, Uint8Array> {
  if (/\.npy$/i.test(name)) return new Map([[name, writeNpy({ shape: [n, n], data: values })]]);
  const geometry = { size: [n, n], spacing: [1, 1], origin: [0, 0], direction: [1, 0, 0, 1] };
  if (!/\.(png|jpe?g)$/i.test(name)) return writeImage(image(values, geometry), name);
  const { data } = grayPicture({ width: n, height: n, values }, robustWindow(values));
  return writeImage(image(Float32Array.from(data), geometry), name);
}

function page(
  name: string,
  sinogram: Float32Array,
  views: number,
  detectors: number,
  values: Float32Array,
  n: number,
  result: CtResult,
  figures: Readonly<Record<string, unknown>>,
  sentence: string,
  { session, timings, options }: { session: Session; timings: Readonly<Record<string, number>>; options: Options },
): string {
  const residual = Float32Array.from(result.residual.data);
  const r = robustWindow(residual);
  const most = Math.max(Math.abs(r.low), Math.abs(r.high));
  return gallery({
    title: `Reconstruction of ${name}`,
    verdict: { level: result.status === "ok" ? "good" : "check", sentence },
    figures: [
      { label: "objective", value: result.objective },
      ...(result.gap === undefined
        ? []
        : [{ label: "gap to the minimum, at most", value: (100 * result.gap) / Math.abs(result.objective), unit: "%" }]),
      ...(result.solver === "learned" ? [] : [{ label: "λ", value: result.lambda }]),
      { label: "residual, root mean square", value: figures.residual as number },
      { label: "noise of the data, estimated", value: result.noise },
    ],
    rows: [
      {
        title: "Picture",
        large: true,
        pictures: [
          { picture: grayPicture({ width: n, height: n, values }, robustWindow(values)), caption: `${n} × ${n}, ${result.solver}` },
        ],
      },
      {
        title: "Data and what is left of them",
        large: true,
        pictures: [
          {
            picture: grayPicture({ width: detectors, height: views, values: sinogram }, robustWindow(sinogram)),
            caption: "sinogram, a row a view",
          },
          {
            picture: colourPicture(
              { width: detectors, height: views, values: residual },
              { low: -most, high: most },
              colourMap("diverging"),
            ),
            caption: `Ax − y, ±${plain(most)}`,
          },
        ],
        note: "Structure in the residual says that the geometry is not that of the scanner (the centre above all), or that λ is too large.",
      },
    ],
    plots: [
      ...(result.history.length > 2
        ? [
            {
              title: "Objective above its last value, log₁₀",
              xLabel: "iteration",
              yLabel: "relative",
              curves: [{ name: "objective", values: excess(result.history.slice(1)) }],
            },
          ]
        : []),
      ...(result.gaps.length > 2
        ? [
            {
              title: "Relative gap, log₁₀",
              xLabel: "iteration",
              curves: [{ name: "gap", values: result.gaps.map((g) => Math.log10(Math.max(1e-9, g))) }],
            },
          ]
        : []),
    ],
    summary: { sinogram: name, views, detectors, geometry: options.geometry ?? "parallel", ...figures, pullback: version() },
    timings,
    warnings: session.warnings,
  });
}
/** log₁₀ of (φ_k − φ_end) / |φ_end|, without the end: how the objective falls, where its own scale would show a step and a line. */
function excess(history: readonly number[]): number[] {
  const end = history[history.length - 1];
  return history.slice(0, -1).map((v) => Math.log10(Math.max(1e-9, Math.abs(v - end) / Math.max(1e-30, Math.abs(end)))));
}
