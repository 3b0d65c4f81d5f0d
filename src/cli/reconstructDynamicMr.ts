import { extname } from "node:path";
import { ArgumentError, FormatError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { image } from "../image/index.js";
import { isNpy, readNpy, writeNpy } from "../io/index.js";
import { readBytes } from "../io/node.js";
import { loadModel, networkSeries } from "../models/index.js";
import { type DynamicMethod, dynamicMethods, reconstructDynamicMr } from "../reconstruction/index.js";
import { register } from "../registration/index.js";
import { gallery, grayPicture, plain, robustWindow } from "../report/index.js";
import { scope, Tensor } from "../tensor/index.js";
import type { Options, Outcome } from "./command.js";
import { Exit } from "./exit.js";
import { gatedLines, gateFiles } from "./gatedLines.js";
import { folderOf, putRun } from "./groupFiles.js";
import { isFolder } from "./output.js";
import { stopwatch } from "./registrationFiles.js";
import type { Session } from "./session.js";

export const dynamicNames: readonly string[] = dynamicMethods;

/**
 * `pullback reconstruct mr SERIES.npy --dynamic METHOD -o OUT`: k-space [t, h, w] or [t, coils, h, w] to [t, h, w]. With `--gate PHASES` the input is lines in the
 * order of their measurement, which a navigator sorts into frames.
 */
export async function reconstructDynamicMrCommand(session: Session, path: string, options: Options): Promise<Outcome> {
  const target = folderOf("reconstruct", options);
  const folder = isFolder(target);
  if (!folder && extname(target) !== ".npy")
    throw new ArgumentError(`${target}: a series of complex frames is written as .npy; name such a file, or a folder`, { target });
  const learned = options.dynamic === "learned";
  if (options.weights !== undefined && !learned)
    throw new ArgumentError("--weights: for a series they are of the network of --dynamic learned; leave them out");
  if (learned)
    for (const flag of ["lambda", "iterations", "tolerance"] as const)
      if (options[flag] !== undefined) throw new ArgumentError(`--${flag}: a network has none to choose; leave it out`);
  for (const flag of ["prior", "trajectory", "size"] as const)
    if (options[flag] !== undefined)
      throw new ArgumentError(`--${flag}: not for series; --dynamic says how frames belong together`, { flag });
  if (options.scaleData === "none") throw new ArgumentError("--scale-data none: series are always divided by their size; leave it out");
  const method = (options.dynamic as DynamicMethod | undefined) ?? "temporalTv";
  const lambda = options.lambda as number | "auto" | undefined;
  const maskPath = options.mask as string | undefined;
  const mapsPath = options.maps as string | undefined;
  if (mapsPath === "espirit")
    throw new ArgumentError(
      "--maps espirit: for series give a file of maps; reconstruct the mean of the frames with --maps espirit -o folder/ to have it",
    );
  const weightsPath = options.weights as string | undefined;
  const inputs = [
    path,
    ...(weightsPath ? [weightsPath] : []),
    ...gateFiles(options),
    ...(maskPath ? [maskPath] : []),
    ...(mapsPath ? [mapsPath] : []),
  ];
  const out = session.dryRun ? undefined : session.output(target, folder, { force: options.force === true });
  try {
    const timings: Record<string, number> = {};
    const clock = stopwatch(timings);
    session.reading();
    const gated = options.gate === undefined ? undefined : gatedLines(path, options);
    const kspace = gated?.kspace ?? tensorOf(path, true);
    const mask = gated?.mask ?? (maskPath ? tensorOf(maskPath, false) : undefined);
    if (gated && gated.used < 0.5)
      session.warn(`only ${plain(Math.round(100 * gated.used))} % of the lines lie within whole cycles of the navigator; measure longer`);
    const maps = mapsPath ? tensorOf(mapsPath, true) : undefined;
    clock("read");
    if (!out)
      return {
        json: { dryRun: true, kspace: kspace.shape, method, outputs: [] },
        lines: [`would reconstruct a series of ${shapeText(kspace.shape)} by ${method}`],
      };
    const network = learned
      ? networkSeries(await loadModel("mr-series-cascade", { weights: weightsPath === undefined ? undefined : readBytes(weightsPath) }))
      : undefined;
    const r = await session.stoppable((signal) =>
      reconstructDynamicMr({
        network,
        kspace,
        mask,
        maps,
        method,
        lambda: lambda === "auto" ? undefined : lambda,
        iterations: options.iterations as number | undefined,
        tolerance: options.tolerance as number | undefined,
        register: method === "motion" ? motionBetween : undefined,
        signal,
        onProgress: ({ iteration, iterations }) =>
          session.progress.step({ level: 0, levels: 1, iteration, iterations, stage: "reconstruct" }),
      }),
    );
    clock("reconstruct");
    const [t, h, w] = r.frames.shape;
    const put = (name: string, x: Tensor, complex = true) =>
      out.put(name, writeNpy({ shape: [...x.shape], data: Float32Array.from(x.data), complex }));
    put(folder ? "frames.npy" : (target.split(/[/\\]/).pop() as string), r.frames);
    const figures = {
      ...(method !== "lowrank+sparse" && !learned && { lambda: r.lambda }),
      scale: r.scale,
      sampled: r.sampled,
      frames: t,
      iterations: r.iterations,
      ...(r.motion && { referenceFrame: r.motion.frame }),
      ...(gated && { period: gated.gating.period, cycles: gated.gating.peaks.length - 1, linesUsed: gated.used }),
    };
    const sentence = `${t} frames from ${plain(Math.round(1000 * r.sampled) / 10)} % of k-space by ${method}${learned ? "" : `; ${r.iterations} steps`}, ${r.reason}${gated ? `; gated: ${gated.gating.peaks.length - 1} cycles of ${plain(Math.round(10 * gated.gating.period) / 10)} lines` : ""}`;
    const finite = Number.isFinite(scope(() => r.frames.abs().sum().item()));
    const status = finite ? "ok" : "suspect";
    const plan = {
      kind: "mr",
      dynamic: method,
      maps: mapsPath ?? "none",
      ...(gated && { gate: options.gate, navigator: options.navigator }),
    };
    if (folder) {
      if (r.motion) {
        put("motion.npy", r.motion.fields, false);
        put("picture.npy", r.motion.picture);
      }
      if (gated) put("phases.npy", Tensor.from(Float32Array.from(gated.gating.phases), [gated.gating.phases.length]), false);
      const magnitudes = (x: Tensor) => scope(() => Float32Array.from(x.abs().data));
      const [found, filled] = [magnitudes(r.frames), magnitudes(r.zeroFilled)];
      const window = robustWindow(found);
      const shown = [...new Set([0, 1, 2, 3].map((k) => Math.floor((k * t) / 4)))];
      const picture = (values: Float32Array, k: number) =>
        grayPicture({ width: w, height: h, values: values.subarray(k * h * w, (k + 1) * h * w) }, window);
      // A line through the middle over time: motion is what bends in it.
      const time = (values: Float32Array) => {
        const column = new Float32Array(t * h);
        for (let k = 0; k < t; k++) for (let y = 0; y < h; y++) column[y * t + k] = values[(k * h + y) * w + (w >> 1)];
        return grayPicture({ width: t, height: h, values: column }, window);
      };
      out.put(
        "report.html",
        gallery({
          title: "Series from magnetic resonance",
          subtitle: `${t} frames, ${w} × ${h}`,
          verdict: { level: finite ? "good" : "check", sentence },
          figures: [
            { label: "sampled", value: Math.round(1000 * r.sampled) / 10, unit: "%" },
            { label: "steps", value: r.iterations },
          ],
          rows: [
            { title: "Frames", pictures: shown.map((k) => ({ picture: picture(found, k), caption: `frame ${k}` })) },
            { title: "Zero-filled", pictures: shown.map((k) => ({ picture: picture(filled, k), caption: `frame ${k}` })) },
            {
              title: "The middle column over time",
              pictures: [
                { picture: time(found), caption: "reconstructed" },
                { picture: time(filled), caption: "zero-filled" },
              ],
            },
          ],
          plots: [
            ...(gated
              ? [
                  {
                    title: "Navigator, the first cycles",
                    xLabel: "line",
                    curves: [{ name: "signal", values: [...gated.navigator.subarray(0, Math.ceil(6 * gated.gating.period))] }],
                  },
                ]
              : []),
            ...(r.history.length > 1
              ? [
                  {
                    title: "Change of the series, log₁₀",
                    xLabel: "step",
                    curves: [{ name: "change", values: r.history.map((v) => Math.log10(Math.max(v, 1e-12))) }],
                  },
                ]
              : []),
          ],
          summary: plan,
          timings,
          warnings: session.warnings,
        }),
      );
      clock("write");
      putRun(session, out, inputs, { options: plan, status, reason: sentence, figures, seconds: timings });
    }
    return {
      json: { status, reason: sentence, ...plan, figures, outputs: out.commit() },
      lines: [sentence, target],
      exit: finite ? Exit.ok : Exit.quality,
    };
  } catch (error) {
    out?.discard();
    throw error;
  }
}

/** u with moving(p + u(p)) ≈ fixed(p), in samples. */
async function motionBetween(fixed: Tensor, moving: Tensor): Promise<Tensor> {
  const [h, w] = fixed.shape;
  const grid = { size: [w, h], spacing: [1, 1], origin: [0, 0], direction: [1, 0, 0, 1] };
  const of = (x: Tensor) => image(Float32Array.from(x.data), grid);
  const f = of(fixed);
  const { transform } = await register(f, of(moving), { preset: "diffeo", metric: "ssd", init: "identity" });
  return scope(() => transform.displacement(f.grid).cast("f32"));
}

function tensorOf(path: string, complex: boolean): Tensor {
  const bytes = readBytes(path);
  if (!isNpy(bytes)) throw new FormatError(`${path}: this is no .npy file; write series, masks and maps with numpy.save`, { path });
  const a = readNpy(bytes);
  if (complex !== a.complex)
    throw new FormatError(
      `${path}: ${a.complex ? "complex" : "real"} numbers came (${a.dtype}); ${complex ? "complex" : "real"} ones were expected`,
      {
        path,
      },
    );
  return Tensor.from(Float32Array.from(a.data as ArrayLike<number>), a.shape, complex ? "c64" : "f32");
}
