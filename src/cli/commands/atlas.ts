import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { ArgumentError } from "../../core/errors.js";
import { gridText, type Image } from "../../image/index.js";
import { writeTransform } from "../../io/index.js";
import {
  type AtlasOptions,
  alongMode,
  appearanceDeviation,
  atlasModels,
  buildAtlas,
  jacobianStatistics,
  leaveOneOutLogLikelihood,
  meanImage,
  probabilityMaps,
  shapeModes,
  starts,
} from "../../registration/index.js";
import { gallery, plain, robustWindow } from "../../report/index.js";
import { Tensor } from "../../tensor/index.js";
import { identityTransform } from "../../transforms/index.js";
import { atlasFromWork, doAtlasTask, planAtlas, readWork, workFolder } from "../atlasBatch.js";
import { work, workThroughRedis } from "../batchWork.js";
import type { CommandDefinition, Options, Outcome } from "../command.js";
import { Exit } from "../exit.js";
import {
  colourOfMiddle,
  folderOf,
  grayOfMiddle,
  imageExtension,
  labelsOfMiddle,
  labelType,
  listOf,
  loadGroup,
  loadLabels,
  putImage,
  putRun,
  stemsOf,
} from "../groupFiles.js";
import { choice, force, numberList, option, output, text, wholeFromOne } from "../options.js";
import { stopwatch } from "../registrationFiles.js";
import type { Session } from "../session.js";
import { silentOption, slurmOptions, submitted, whereOf, workersOption, workOptions } from "./batch.js";

const files = v.union([text, v.array(text)]);

/** `pullback atlas IMAGES… -o OUT/`: the mean of a group and how its members vary. */
export const command: CommandDefinition = {
  name: "atlas",
  summary: "the mean of a group of images, and how they vary",
  examples: [
    "pullback atlas s01.nii.gz s02.nii.gz s03.nii.gz -o atlas/",
    "pullback atlas s*.png --labels labels/s*.png -o atlas/",
    "pullback atlas a.nii.gz b.nii.gz --model affine -o mean/",
    "pullback atlas s*.nii.gz -o /shared/atlas/ --on local      # with all cores; again: goes on. pullback worker /shared/atlas.work helps",
    "pullback atlas s*.nii.gz -o /shared/atlas/ --on slurm:long --pilots 20",
  ],
  arguments: [{ name: "<images...>", help: "two or more images; their order does not matter" }],
  options: [
    output("folder for the results"),
    force,
    option("--labels <files...>", "label maps of the images, in the same order: probability maps are made", files, "files", {
      repeat: true,
    }),
    option(
      "--rounds <n>",
      "rounds of the deformable part: align all to the mean, take the mean again",
      wholeFromOne,
      "a whole number of 1 or more",
    ),
    choice("--model <name>", "how far images may bend towards the mean", atlasModels),
    choice(
      "--init <how>",
      "where to begin",
      starts.filter((s) => s !== "search" && s !== "mind"),
    ),
    option("--levels <list>", "shrink factors, coarse to fine", numberList(wholeFromOne), "whole numbers such as 4,2,1"),
    option("--modes <n>", "principal modes of shape to write (3)", wholeFromOne, "a whole number of 1 or more"),
    option(
      "--on <where>",
      "share the work out: local (workers of this machine, and any that join), redis://HOST[:PORT], slurm[:PARTITION]",
      text,
      "local, redis://HOST or slurm",
    ),
    workersOption,
    silentOption,
    ...slurmOptions,
    option(
      "--task <name>",
      "of workers: one part of an atlas that was shared out, whose folder is the argument",
      text,
      "the name of a part",
    ),
  ],
  async run(session, paths, options) {
    if (options.task !== undefined) return part(session, paths, options);
    const target = folderOf("atlas", options);
    if (paths.length < 2) throw new ArgumentError(`atlas: ${paths.length} image came; a mean needs two or more`, {});
    const labelPaths = listOf(options.labels);
    if (labelPaths.length > 0 && labelPaths.length !== paths.length)
      throw new ArgumentError(
        `atlas: ${paths.length} images and ${labelPaths.length} label maps; give one for each image, in the same order`,
        {},
      );
    const plan = {
      model: (options.model as (typeof atlasModels)[number] | undefined) ?? "diffeo",
      rounds: options.rounds as number | undefined,
      init: options.init as Exclude<(typeof starts)[number], "search" | "mind"> | undefined,
      levels: options.levels as number[] | undefined,
    };
    if (options.on !== undefined && !session.dryRun) return sharedOut(session, paths, labelPaths, target, plan, options);
    const out = session.dryRun ? undefined : session.output(target, true, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const { loaded, images } = await loadGroup(session, "atlas", paths);
      const labels: Image[] = [];
      for (const [i, path] of labelPaths.entries()) labels.push(await loadLabels(session, path, loaded[i]));
      clock("read");
      if (!out)
        return {
          json: { dryRun: true, images: paths, outputs: [] },
          lines: [`would make the mean of ${paths.length} images (${gridText(images[0].grid)})`],
        };
      const atlas = options.work
        ? await atlasFromWork(readWork(options.work as string), images)
        : await session.stoppable((signal) =>
            buildAtlas(images, { ...plan, signal, onProgress: (p) => session.progress.step({ ...p, stage: "atlas" }) }),
          );
      clock("align");
      const { grid, transforms } = atlas;
      const deviation = appearanceDeviation(images, atlas);
      const jacobian = jacobianStatistics(transforms, grid);
      // Where the mean is dark there is mostly nothing whose shape could vary.
      const weights = foreground(atlas.mean);
      const modes = shapeModes(transforms, grid, { weights });
      const wanted = Math.min((options.modes as number | undefined) ?? 3, modes.modes.length);
      clock("statistics");
      const picture = imageExtension(paths[0]);
      putImage(out, atlas.mean, `mean${picture}`, { clamp: true });
      for (const stage of atlas.stages.slice(0, -1)) putImage(out, stage.mean, `mean-${stage.model}${picture}`, { clamp: true });
      putImage(out, deviation, "std.nii.gz");
      putImage(out, jacobian.mean, "log-jacobian-mean.nii.gz");
      putImage(out, jacobian.deviation, "log-jacobian-std.nii.gz");
      for (const [i, stem] of stemsOf(paths).entries())
        for (const [name, bytes] of writeTransform(transforms[i], `${stem}.transform.json`)) out.put(name, bytes);
      const pictures: { k: number; low: Image; high: Image }[] = [];
      for (let k = 0; k < wanted; k++) {
        putImage(out, { values: modes.modes[k], grid }, `mode-${k + 1}.nii.gz`, { channelKind: "vector" });
        pictures.push({ k, low: alongMode(atlas.mean, modes, k, -2), high: alongMode(atlas.mean, modes, k, 2) });
      }
      const table = [
        ["image", ...modes.deviations.map((_, k) => `mode ${k + 1}`)].join(","),
        ...modes.scores.map((row, i) => [stemsOf(paths)[i], ...row.map((x) => x.toFixed(4))].join(",")),
      ];
      out.put("modes.csv", `${table.join("\n")}\n`);
      clock("write");
      let labelled: { most: Image; classes: number; likelihood: Record<string, number> } | undefined;
      if (labels.length > 0) {
        const best = new Float32Array(atlas.mean.values.size).fill(-1);
        const winner = new Float32Array(best.length);
        let classes = 0;
        for (const { label, map } of probabilityMaps(labels, transforms, grid)) {
          const p = map.values.data;
          for (let i = 0; i < p.length; i++)
            if (p[i] > best[i]) {
              best[i] = p[i];
              winner[i] = label;
            }
          putImage(out, map, `probability-${label}.nii.gz`);
          classes++;
        }
        const most: Image = { values: Tensor.from(winner, atlas.mean.values.shape), grid };
        putImage(out, most, `labels${picture === ".png" && labelType(most) !== "int32" ? ".png" : ".nii.gz"}`, { dtype: labelType(most) });
        labelled = {
          most,
          classes,
          likelihood: Object.fromEntries(atlas.stages.map((s) => [s.model, leaveOneOutLogLikelihood(labels, s.transforms, grid).mean])),
        };
        clock("labels");
      }
      const figures = {
        images: paths.length,
        sharpness: Object.fromEntries(atlas.stages.map((s) => [s.model, s.sharpness])),
        deviation: mean(deviation.values.data),
        logJacobianDeviation: mean(jacobian.deviation.values.data),
        explained: modes.explained,
        modeDeviationsMm: modes.deviations,
        ...(labelled ? { classes: labelled.classes, leaveOneOutLogLikelihood: labelled.likelihood } : {}),
      };
      const first = atlas.stages[0];
      const gain = atlas.sharpness / first.sharpness;
      const sentence = `the mean of ${paths.length} images is ${plain(gain)} times as sharp (gradient energy) as their rigid mean`;
      const window = robustWindow(atlas.mean.values.data);
      out.put(
        "report.html",
        gallery({
          title: `Mean of ${paths.length} images`,
          subtitle: `${gridText(grid)}; ${atlas.stages.map((s) => s.model).join(", ")}`,
          verdict: { level: gain >= 1 ? "good" : "check", sentence },
          figures: [
            { label: "images", value: paths.length },
            ...atlas.stages.map((s) => ({ label: `sharpness, ${s.model}`, value: s.sharpness })),
            { label: "variance in the first mode", value: Math.round(1000 * (modes.explained[0] ?? 0)) / 10, unit: "%" },
            ...Object.entries(labelled?.likelihood ?? {}).map(([k, value]) => ({ label: `labels foretold, ${k}`, value, unit: "nats" })),
          ],
          rows: [
            {
              title: "Means",
              note: "One window of grey values for all. The freer the maps, the sharper the mean.",
              pictures: [
                {
                  picture: grayOfMiddle(
                    meanImage(
                      images,
                      images.map(() => identityTransform(grid.size.length)),
                      grid,
                    ),
                    window,
                  ),
                  caption: "as the images lie",
                },
                ...atlas.stages.map((s) => ({ picture: grayOfMiddle(s.mean, window), caption: s.model })),
              ],
            },
            {
              title: "How the group varies",
              note: "Appearance: standard deviation of the aligned images. Volume: standard deviation of log det J. Colours: mean log det J, where images are larger (red) or smaller (blue) than the mean.",
              pictures: [
                { picture: grayOfMiddle(deviation), caption: "appearance" },
                { picture: grayOfMiddle(jacobian.deviation), caption: "volume" },
                { picture: colourOfMiddle(jacobian.mean, 0.5), caption: "mean log det J, ±0.5" },
                ...(labelled ? [{ picture: labelsOfMiddle(labelled.most), caption: "most probable labels" }] : []),
              ],
            },
            ...pictures.map(({ k, low, high }) => ({
              title: `Mode ${k + 1} of shape: ${plain(Math.round(1000 * modes.explained[k]) / 10)} % of the variance`,
              pictures: [
                { picture: grayOfMiddle(low, window), caption: "−2 σ" },
                { picture: grayOfMiddle(atlas.mean, window), caption: "mean" },
                { picture: grayOfMiddle(high, window), caption: "+2 σ" },
              ],
            })),
          ],
          plots: [
            {
              title: "Variance explained by the first modes",
              xLabel: "modes",
              yLabel: "share",
              x: modes.explained.map((_, k) => k + 1),
              curves: [{ name: "explained", values: cumulative(modes.explained) }],
            },
          ],
          tables: [
            {
              title: "Rounds",
              columns: ["stage", "level", "metric against the mean", "common shift taken off, mm"],
              rows: atlas.rounds.map((r) => [r.stage, `1/${r.shrink}`, plain(r.value), plain(r.drift)]),
            },
          ],
          summary: { images: paths, labels: labelPaths, ...Object.fromEntries(Object.entries(plan).filter(([, x]) => x !== undefined)) },
          timings,
          warnings: session.warnings,
        }),
      );
      clock("report");
      putRun(session, out, [...paths, ...labelPaths], {
        options: plan,
        status: "ok",
        reason: sentence,
        figures,
        rounds: atlas.rounds,
        ranges: atlas.ranges,
        seconds: timings,
      });
      return { json: { status: "ok", reason: sentence, figures, outputs: out.commit() }, lines: [sentence, target] };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};

/** One task of an atlas that was shared out; the last one writes the result. */
async function part(session: Session, [folder]: readonly string[], options: Options): Promise<Outcome> {
  const shared = readWork(folder);
  if (options.task === "finish") {
    const { images, ...own } = shared.command as { images: string[] };
    return command.run(session, images, { ...own, force: true, work: folder });
  }
  await doAtlasTask(session, shared, options.task as string);
  return { json: { status: "ok", reason: `${options.task} of ${folder}`, outputs: [] }, lines: [] };
}

/** Hand the rounds out to workers, and work here as well; or submit them. */
async function sharedOut(
  session: Session,
  paths: readonly string[],
  labels: readonly string[],
  target: string,
  plan: Pick<AtlasOptions, "model" | "rounds" | "init" | "levels">,
  options: Options,
): Promise<Outcome> {
  const on = whereOf(options.on as string, options);
  if (options.threads !== undefined)
    throw new ArgumentError("--threads: a part of a shared atlas has one thread; say how many at a time with --workers");
  const folder = workFolder(target);
  // A result that this plan has made is found by running again; any other in the way is said now.
  if (!existsSync(folder)) session.output(target, true, { force: options.force === true }).discard();
  session.reading();
  const kept = Object.fromEntries(
    ["model", "rounds", "init", "levels", "modes"].flatMap((k) => (options[k] === undefined ? [] : [[k, options[k]]])),
  );
  const own = { ...kept, images: paths.map((p) => resolve(p)), labels: labels.map((p) => resolve(p)), output: `${resolve(target)}/` };
  const queue = await planAtlas(session, paths, { target, options: plan, command: own, labels });
  if (on.kind === "slurm") return submitted(session, queue, on.partition, options);
  const how = workOptions(options);
  const done = on.kind === "redis" ? await workThroughRedis(session, queue, on.url, how) : await work(session, queue, how);
  const { ok, failed, tasks } = queue.counts;
  const end = (status: string, reason: string, exit: Exit): Outcome => ({ json: { status, reason, outputs: [] }, lines: [reason], exit });
  if (done.stopped === "full")
    return end("error", `${folder}: the disk is full; ${ok} of ${tasks} parts are done: make room and run the same again`, Exit.resources);
  if (done.stopped === "aborted")
    return end("interrupted", `${ok} of ${tasks} parts are done; run the same again to go on`, Exit.interrupted);
  const [first] = queue.records("failed");
  if (first)
    return end(
      "error",
      `${first.name} failed, and with it what follows (${failed} parts): ${first.reason}`,
      (first.exit as Exit | undefined) ?? Exit.failure,
    );
  const run = JSON.parse(readFileSync(join(target, "run.json"), "utf8")) as {
    reason: string;
    figures: Record<string, unknown>;
    outputs?: string[];
  };
  return {
    json: {
      status: "ok",
      reason: run.reason,
      figures: run.figures,
      parts: tasks,
      outputs: readdirSync(target)
        .sort()
        .map((n) => join(resolve(target), n)),
    },
    lines: [run.reason, target],
  };
}

function mean(x: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i];
  return sum / x.length;
}
const cumulative = (x: readonly number[]): number[] => x.map((_, k) => x.slice(0, k + 1).reduce((a, b) => a + b, 0));
/** 1 where the mean is above a tenth of its range, 0.01 elsewhere. */
function foreground(image: Image): Tensor {
  const { low, high } = robustWindow(image.values.data);
  return Tensor.from(
    Float32Array.from(image.values.data, (x) => (x > low + 0.1 * (high - low) ? 1 : 0.01)),
    image.values.shape,
  );
}
