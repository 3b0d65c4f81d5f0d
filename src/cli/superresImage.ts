import { basename } from "node:path";
import { ArgumentError } from "../core/errors.js";
import { type Grid, gridText } from "../image/index.js";
import { formatOfName, imageExtensions } from "../io/index.js";
import { readBytes } from "../io/node.js";
import { learnedEnlarger, learnedScales } from "../models/index.js";
import { resizeOperator } from "../operators/index.js";
import { PlugAndPlay } from "../priors/index.js";
import { type Enlarger, enlarge, restore } from "../reconstruction/index.js";
import { gallery, plain, robustWindow } from "../report/index.js";
import { requireMemory, type Tensor } from "../tensor/index.js";
import type { Options, Outcome } from "./command.js";
import { Exit } from "./exit.js";
import { imageExtension, putRun } from "./groupFiles.js";
import { loadImage } from "./inputs.js";
import { type NetworkPrior, networkPrior } from "./networkPriors.js";
import { isFolder } from "./output.js";
import { stopwatch } from "./registrationFiles.js";
import { look, type Measured, measured, sigmaOf, store } from "./restoration.js";
import { type PriorChoice, priorChoice, solverNamed } from "./restorationParts.js";
import type { Session } from "./session.js";

/** `scale` new samples for each old one along x and y: new sample i lies at (i + ½) / scale − ½ of the old ones. */
function finer(grid: Grid, scale: number): Grid {
  const d = grid.size.length;
  const shift = grid.spacing.map((s, a) => (a < 2 ? s * (0.5 / scale - 0.5) : 0));
  return {
    ...grid,
    size: grid.size.map((n, a) => (a < 2 ? n * scale : n)),
    spacing: grid.spacing.map((s, a) => (a < 2 ? s / scale : s)),
    origin: grid.origin.map((o, r) => o + shift.reduce((sum, s, c) => sum + grid.direction[r * d + c] * s, 0)),
  };
}

/** `superres IMAGE --scale N`. */
export async function superresImage(session: Session, path: string, options: Options): Promise<Outcome> {
  const target = options.output as string | undefined;
  if (!target) throw new ArgumentError("superres: where to? name a file or a folder after -o");
  const factors = options.scale as number[] | undefined;
  if (!factors) throw new ArgumentError("superres: how many times finer? name a whole number after --scale");
  const [scale] = factors;
  if (factors.slice(0, 2).some((s) => s !== scale) || factors.slice(2).some((s) => s !== 1) || scale < 2)
    throw new ArgumentError(`--scale: ${factors.join(",")} for one image; give one whole number from 2 on, for x and y`, { factors });
  const folder = isFolder(target);
  if (!folder && formatOfName(target) === undefined)
    throw new ArgumentError(
      `${target}: the extension names no format that can be written; choose one of ${imageExtensions.join(" ")}, or a folder`,
      { target },
    );
  const asked = (options.prior as string | undefined) ?? usual(options, scale);
  const network = await networkOf(asked, options, scale);
  const maker = network ? undefined : await networkPrior("superres", options);
  const prior = maker ?? (network ? undefined : await priorChoice(asked));
  const named = prior?.name ?? asked;
  const out = session.dryRun ? undefined : session.output(target, folder, { force: options.force === true });
  try {
    const timings: Record<string, number> = {};
    const clock = stopwatch(timings);
    const loaded = await loadImage(session, path);
    const m = measured(loaded, undefined, options.scaleData === "auto");
    const sigma = sigmaOf(options.sigma as number | undefined, m);
    const grid = finer(m.grid, scale);
    // Measured and fine image, and what is carried along; the methods ask for more.
    requireMemory(
      8 * m.loaded.image.values.size * scale * scale,
      `superres: an image of ${grid.size.join("×")}`,
      "choose a smaller --scale",
    );
    clock("read");
    const plan = { scale, prior: named, ...(sigma !== undefined && { sigma }), lambda: options.lambda ?? "auto" };
    if (!out)
      return {
        json: { dryRun: true, grid: gridText(grid), options: plan, outputs: [] },
        lines: [`would enlarge ${path} (${gridText(m.grid)}) to ${grid.size.join("×")}`],
      };
    const found = await session.stoppable((signal) => fine(session, m, scale, options, prior ?? (network as Enlarger), sigma, signal));
    clock("restore");
    // Alpha, and what else is carried along, by cubic interpolation.
    const all = loaded.image.values;
    const up = resizeOperator(all.shape, { size: [grid.size[1], grid.size[0]] });
    const carried: Measured = { ...m, grid, loaded: { ...loaded, image: { values: up.apply(all), grid } } };
    const name = folder ? `restored${imageExtension(path)}` : basename(target);
    for (const [file, bytes] of store(session, carried, found.image, name)) out.put(file, bytes);
    const { image: _, ...told } = found;
    const sentence = `${grid.size.join("×")} from ${m.grid.size.join("×")}, prior ${named}; the residual Dx − y is ${plain(found.residual)}: ${found.reason}`;
    clock("write");
    if (folder) {
      const [before, after] = [m.data, found.image].map((x) => Float32Array.from(x.data));
      const window = robustWindow(before);
      const interpolated = Float32Array.from(up.apply(all).data.subarray(0, after.length), (v) => v / m.scale);
      out.put(
        "report.html",
        gallery({
          title: "Super-resolution",
          subtitle: `${basename(path)}, ${gridText(m.grid)}; inner units ${m.units}`,
          verdict: { level: found.status === "ok" ? "good" : "check", sentence },
          figures: [{ label: "residual, rms", value: found.residual }],
          rows: [
            {
              title: "Images",
              large: true,
              note: "What is finer than the measured samples is what the prior finds likely.",
              pictures: [
                { picture: look(m, before, window), caption: "measured" },
                { picture: look(carried, interpolated, window), caption: "cubic interpolation" },
                { picture: look(carried, after, window), caption: "super-resolved" },
              ],
            },
          ],
          plots: [],
          summary: { image: path, ...plan },
          timings,
          warnings: session.warnings,
        }),
      );
      putRun(session, out, [path], { options: plan, ...told, figures: { residual: found.residual }, units: m.units, seconds: timings });
    }
    return {
      json: {
        ...told,
        prior: named,
        grid: gridText(grid),
        units: m.units,
        scale: m.scale,
        figures: { residual: found.residual },
        outputs: out.commit(),
      },
      lines: [sentence, target],
      exit: found.status === "ok" ? Exit.ok : Exit.quality,
    };
  } catch (error) {
    out?.discard();
    throw error;
  }
}

/** Words that a network has no use for: it knows no noise, no λ and no steps. */
const classical = ["lambda", "iterations", "tolerance", "solver", "sigma", "seed"] as const;
/** The prior when none is named: the network, where there are weights for that scale and nothing is said that it has no use for. */
function usual(options: Options, scale: number): string {
  const meant = options.weights !== undefined || options.views !== undefined;
  const fits = learnedScales.includes(scale) && classical.every((key) => options[key] === undefined);
  return meant || fits ? "model:super-resolution" : "bm3d";
}

/** `--prior model:super-resolution`: the network of that scale, with weights of the package or of `--weights`. */
async function networkOf(prior: string, options: Options, scale: number): Promise<Enlarger | undefined> {
  const weights = options.weights as string | undefined;
  if (!prior.startsWith("model:")) {
    for (const key of ["weights", "views"] as const)
      if (options[key] !== undefined && !(key === "weights" && prior.startsWith("gan:")))
        throw new ArgumentError(`--${key}: for the network of --prior model:super-resolution; leave it out`);
    return undefined;
  }
  const name = prior.slice(6).replace(/^super-resolution$/, `super-resolution-x${scale}`);
  if (!/^super-resolution-x[234]$/.test(name))
    throw new ArgumentError(`--prior: ${prior} does not enlarge ${scale} times; there is model:super-resolution, for 2, 3 and 4`, {
      prior,
    });
  if (name !== `super-resolution-x${scale}`)
    throw new ArgumentError(`--prior: ${prior} and --scale ${scale} do not agree`, { prior, scale });
  for (const key of ["lambda", "iterations", "tolerance", "solver", "seed"] as const)
    if (options[key] !== undefined) throw new ArgumentError(`--${key}: a network has none; leave it out`);
  return learnedEnlarger(scale, {
    weights: weights === undefined ? undefined : readBytes(weights),
    views: options.views as number | undefined,
  });
}

interface Fine {
  readonly image: Tensor;
  readonly status: "ok" | "suspect";
  readonly reason: string;
  readonly residual: number;
  readonly solver: string;
  readonly iterations: number;
  readonly lambda?: number;
}
async function fine(
  session: Session,
  m: Measured,
  scale: number,
  options: Options,
  prior: PriorChoice | NetworkPrior | Enlarger,
  sigma: number | undefined,
  signal: AbortSignal,
): Promise<Fine> {
  if (typeof prior === "function") {
    const r = await enlarge(m.data, { scale, network: prior, noise: sigma, colour: m.channels === 3, signal });
    const reason = sigma ? "a network made it" : "a network made it, and back-projection made it agree with every sample";
    return { image: r.image, status: "ok", reason, residual: r.residual, solver: "network", iterations: 0 };
  }
  const shape = m.data.shape.map((n, a) => (a < m.data.rank - 2 ? n : n * scale));
  const small = m.data.shape.slice(-2);
  if ("run" in prior) {
    const r = await prior.run({
      operator: (fine) => resizeOperator(fine, { size: small }),
      shape,
      data: m.data,
      colour: m.channels === 3,
      sigma,
      exact: true, // as in back-projection
      signal,
      onProgress: (p) => session.progress.step({ ...p, stage: "superres" }),
    });
    const residual = Math.sqrt((2 * r.objective) / m.data.size);
    return { image: r.image, status: r.status, reason: r.reason, residual, solver: r.solver, iterations: r.iterations };
  }
  const part = prior.make({ dimensions: 2, data: m.data, sigma, colour: false });
  const steps = options.iterations as number | undefined;
  const onProgress = (p: Parameters<Session["progress"]["step"]>[0]) => session.progress.step({ ...p, stage: "superres" });
  const free = prior.name === "none" && options.lambda === undefined;
  if ((free || part instanceof PlugAndPlay) && options.lambda === undefined && options.solver === undefined) {
    const r = await enlarge(m.data, {
      scale,
      denoiser: part instanceof PlugAndPlay ? part.denoiser : "none",
      steps,
      noise: sigma,
      colour: m.channels === 3,
      signal,
      onProgress,
    });
    const reason =
      r.steps > 0 ? `${r.steps} denoisings with back-projection between them` : "back-projection of what cubic interpolation lacks";
    return { image: r.image, status: "ok", reason, residual: r.residual, solver: "back-projection", iterations: r.steps };
  }
  const operator = resizeOperator(shape, { size: small });
  const r = await restore({
    operator,
    data: m.data,
    prior: part,
    lambda: typeof options.lambda === "number" ? options.lambda : "auto",
    noise: sigma,
    iterations: steps,
    tolerance: options.tolerance as number | undefined,
    solver: solverNamed(options.solver as string | undefined, options.tolerance as number | undefined),
    start: resizeOperator(m.data.shape, { size: shape.slice(-2) }).apply(m.data),
    signal,
    onProgress,
  });
  for (const w of r.warnings) session.warn(w);
  const residual = operator.apply(r.image).sub(m.data).norm().item() / Math.sqrt(m.data.size);
  return { image: r.image, status: r.status, reason: r.reason, residual, solver: r.solver, iterations: r.iterations, lambda: r.lambda };
}
