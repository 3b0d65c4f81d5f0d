import { ArgumentError } from "../../core/errors.js";
import { writeTransform } from "../../io/index.js";
import { correctMotion, type MotionModel, motionModels, regionCurves } from "../../registration/index.js";
import { colourMap, colourPicture, gallery, grayPicture, plain, robustWindow, slice, views } from "../../report/index.js";
import type { CommandDefinition } from "../command.js";
import { curvePlots, curvesText, dynamicsOptions, loadRegions, runDynamics, timesOf } from "../dynamics.js";
import { Exit } from "../exit.js";
import { frameNumber, loadFrames, seriesFiles, seriesName, single, writable } from "../frames.js";
import { extension, loadMask } from "../inputs.js";
import { choice, flag, force, option, output, text, whole } from "../options.js";
import { runText, stopwatch } from "../registrationFiles.js";
import { version } from "../version.js";

/** `pullback motion SERIES… -o OUT/`: the frames of a series brought onto each other. */
export const command: CommandDefinition = {
  name: "motion",
  summary: "correct motion in a series",
  examples: [
    "pullback motion bold.nii.gz -o out/",
    "pullback motion frame-*.png -o out/ --model affine",
    "pullback motion cine.nii.gz -o out/ --model diffeo --reference 0",
    "pullback motion perfusion.nii.gz -o out/ --dynamics lowrank --labels kidneys.nii.gz",
    "pullback motion molli-*.png -o out/ --dynamics t1 --times inversion-times.csv",
  ],
  arguments: [{ name: "<series...>", help: "one file with a time axis, or the frames in order" }],
  options: [
    choice("--model <name>", "how a frame may move: rigid, or diffeo where brightness changes over time", motionModels),
    ...dynamicsOptions,
    option(
      "--reference <n>",
      "bring frames onto this one (from 0); otherwise onto their mean, with --dynamics onto frame 0",
      whole,
      "a whole number of at least 0",
    ),
    option("--mask <file>", "where motion is measured: positive values, on the frames' grid", text, "a file"),
    option("--transforms", "write every frame's transform too", flag, "true or false"),
    output("folder for the results"),
    force,
  ],
  async run(session, paths, options) {
    const target = options.output as string | undefined;
    if (!target) throw new ArgumentError("motion: where to? name a folder after -o");
    const out = session.dryRun ? undefined : session.output(target, true, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const frames = await loadFrames(session, paths);
      const count = frames.images.length;
      const { grid } = frames.images[0];
      const dynamics = (options.dynamics as string | undefined) ?? "none";
      if (dynamics !== "none") {
        if (options.reference !== undefined) frameNumber("--reference", options.reference as number, count);
        const weights = options.mask === undefined ? undefined : await loadMask(session, options.mask as string, grid, "first");
        clock("read");
        return await runDynamics(session, { dynamics, frames, paths, options, mask: weights, out, timings, clock });
      }
      for (const [flag, value] of [
        ["--components", options.components],
        ["--input", options.input],
        ["--preparation", options.preparation],
        ["--estimate", options.estimate],
      ])
        if (value !== undefined) throw new ArgumentError(`motion: ${String(flag)} goes with --dynamics, which was not given`);
      const labels = options.labels === undefined ? undefined : await loadRegions(session, options.labels as string, grid);
      const times = timesOf(frames, options) ?? frames.images.map((_, t) => t);
      const reference = options.reference === undefined ? "mean" : frameNumber("--reference", options.reference as number, count);
      const mask = options.mask === undefined ? undefined : await loadMask(session, options.mask as string, grid, "first");
      const model = (options.model as MotionModel | undefined) ?? "rigid";
      clock("read");
      if (!out)
        return {
          json: { dryRun: true, frames: count, model, reference, outputs: [] },
          lines: [`would correct ${count} frames (${model})`],
        };
      const result = await session.stoppable((signal) =>
        correctMotion(frames.images, {
          model,
          reference,
          mask,
          signal,
          onProgress: (done, of) => session.progress.step({ level: 0, levels: 1, iteration: done, iterations: of }),
        }),
      );
      clock("motion");
      const d = grid.size.length;
      const axes = ["x", "y", "z"].slice(0, d);
      const turns = d === 2 ? ["rotation"] : ["rx", "ry", "rz"];
      out.put(
        "motion.csv",
        [
          ["frame", ...axes, ...turns, "displacement", "step", "before", "after"].join(","),
          ...result.frames.map((f) =>
            [f.frame, ...f.shift, ...f.rotation, f.displacement, f.step, f.before, f.after].map((v) => String(+v.toPrecision(9))).join(","),
          ),
          "",
        ].join("\n"),
      );
      for (const [name, bytes] of seriesFiles(frames, result.corrected, "corrected")) out.put(name, bytes);
      for (const [name, bytes] of single(result.mean, `mean${writable(extension(paths[0]))}`)) out.put(name, bytes);
      if (options.transforms === true)
        for (const [t, y] of result.transforms.entries())
          for (const [name, bytes] of writeTransform(y, `transform-${String(t).padStart(3, "0")}.json`)) out.put(name, bytes);
      const curves = labels && regionCurves(result, labels);
      if (curves) out.put("curves.csv", curvesText(curves, times));
      const steps = result.frames.map((f) => f.step);
      const figures = {
        frames: count,
        model,
        reference,
        largestDisplacement: Math.max(...result.frames.map((f) => f.displacement)),
        meanStep: steps.reduce((a, b) => a + b, 0) / Math.max(1, count - 1),
        deviation: result.deviation,
      };
      const better = result.deviation.after <= result.deviation.before;
      const verdict = {
        level: result.status === "ok" && better ? ("good" as const) : ("check" as const),
        sentence: `${result.status === "ok" ? "Frames agree" : "Look before use"}: ${result.reason}; the mean deviation over time went from ${plain(result.deviation.before)} to ${plain(result.deviation.after)}.`,
      };
      const [view] = views(grid, 1);
      const at = view.through < 0 ? 0 : Math.floor(grid.size[view.through] / 2);
      const gray = (values: ArrayLike<number>) => grayPicture(slice(values as Float32Array, grid, view, at), window);
      const window = robustWindow(result.mean.values.data);
      const spread = [frames.images, result.corrected].map((series) => deviationImage(series.map((f) => f.values.data)));
      const heat = { low: 0, high: robustWindow(spread[0]).high };
      const map = colourMap("heat");
      out.put(
        "report.html",
        gallery({
          title: `Motion of ${seriesName(frames)}`,
          verdict,
          figures: [
            { label: "frames", value: count },
            { label: "largest displacement", value: figures.largestDisplacement, unit: "mm" },
            { label: "mean step between frames", value: figures.meanStep, unit: "mm" },
            { label: "deviation over time before", value: result.deviation.before },
            { label: "and after", value: result.deviation.after },
          ],
          rows: [
            {
              title: "Mean and deviation over time",
              pictures: [
                { picture: gray(meanImage(frames.images.map((f) => f.values.data))), caption: "mean before" },
                { picture: gray(result.mean.values.data), caption: "mean after" },
                { picture: colourPicture(slice(spread[0], grid, view, at), heat, map), caption: "deviation before" },
                { picture: colourPicture(slice(spread[1], grid, view, at), heat, map), caption: "deviation after" },
              ],
              note: "A sharper mean and a darker deviation say that frames agree better.",
            },
          ],
          plots: [
            ...(curves ? curvePlots(curves, times) : []),
            {
              title: "Shift of the middle",
              yLabel: "mm",
              curves: axes.map((a, k) => ({ name: a, values: result.frames.map((f) => f.shift[k]) })),
            },
            {
              title: "Rotation",
              yLabel: "degrees",
              curves: turns.map((a, k) => ({ name: a, values: result.frames.map((f) => f.rotation[k]) })),
            },
            {
              title: "Displacement over the grid",
              yLabel: "mm",
              curves: [
                { name: "from the reference", values: result.frames.map((f) => f.displacement) },
                { name: "since the frame before", values: steps },
              ],
            },
          ],
          summary: { series: seriesName(frames), model, reference, pullback: version() },
          timings,
          warnings: session.warnings,
        }),
      );
      clock("report");
      const inputs = [...paths, ...[options.mask, options.labels, options.times].filter((p): p is string => p !== undefined)];
      const told = { command: "motion", status: result.status, reason: result.reason, verdict, figures };
      out.put("run.json", runText(session, { ...told, options: { model, reference, mask: options.mask ?? null } }, inputs, timings));
      session.progress.clear();
      const outputs = out.commit();
      return {
        json: {
          status: result.status,
          reason: result.reason,
          figures,
          motion: result.frames,
          ...(curves && { curves }),
          outputs,
          seconds: { stages: timings },
        },
        lines: [verdict.sentence, ...outputs],
        exit: verdict.level === "good" ? Exit.ok : Exit.quality,
      };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};

function meanImage(frames: readonly ArrayLike<number>[]): Float32Array {
  return Float32Array.from(frames[0], (_, i) => frames.reduce((s, f) => s + f[i], 0) / frames.length);
}
function deviationImage(frames: readonly ArrayLike<number>[]): Float32Array {
  const mean = meanImage(frames);
  return mean.map((m, i) => Math.sqrt(frames.reduce((s, f) => s + (f[i] - m) ** 2, 0) / frames.length));
}
