import { existsSync, readFileSync } from "node:fs";
import { basename, join, parse, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ArgumentError, FormatError, GridError } from "../../core/errors.js";
import type { Metric } from "../../core/interfaces.js";
import { gridText, type Image, voxelsOf } from "../../image/index.js";

import { type ImageMetric, type MetricFunction, metricFrom, metricNamed } from "../../metrics/index.js";
import {
  type Formulation,
  families,
  formulations,
  type LinearOptimiser,
  linearOptimisers,
  metrics,
  ownTransforms,
  type Preset,
  presets,
  register,
  regularisers,
  starts,
} from "../../registration/index.js";

import { plain } from "../../report/linePlot.js";
import { bytesOf, requireMemory } from "../../tensor/index.js";
import { identityTransform, type Transform } from "../../transforms/index.js";
import type { CommandDefinition, Options, Outcome } from "../command.js";
import { Exit } from "../exit.js";
import { checkUsable, grayOf, type Loaded, loadImage, loadMask, loadTransform } from "../inputs.js";
import { deformationNetwork } from "../learnedNetwork.js";
import { suggestion } from "../nearest.js";
import { choice, flag, force, notNegative, numberList, option, output, text, whole, wholeFromOne } from "../options.js";
import { isPointFile, landmarkFigures, loadLandmarks, pointOptions, refusePointOptions, registerPointFiles } from "../pointRegistration.js";
import { inWords, overlapOf, putRegistration, type RunFile, stopwatch } from "../registrationFiles.js";
import type { Session } from "../session.js";

/** `pullback register FIXED MOVING -o OUT/`: align, write everything, say whether to trust it. */
export const command: CommandDefinition = {
  name: "register",
  summary: "align MOVING with FIXED",
  examples: [
    "pullback register fixed.nii.gz moving.nii.gz -o out/",
    "pullback register fixed.png moving.png -o out/ --preset affine --metric mi",
    "pullback register fixed.nii.gz moving.nii.gz -o out/ --preset diffeo --fixed-mask brain.nii.gz",
    "pullback register fixed.png moving.png -o out/ --preset learned --instance-steps 10",
    "pullback register fixed.nii.gz moving.nii.gz -o out/ --metric ./mine.mjs --json",
    "pullback register fixed.csv moving.csv -o out/",
  ],
  arguments: [
    { name: "<fixed>", help: "the image that stays" },
    { name: "<moving>", help: "the image that is brought onto it" },
  ],
  options: [
    output("folder for the results"),
    force,
    option("--resume", "keep a finished result of the same images and options; otherwise run again", flag, "true or false"),
    choice("--preset <name>", "what kind of transform, how much work", presets),
    option(
      "--metric <name>",
      `likeness: ${metrics.join(", ")}, a sum such as mi+0.5*ngf, or a module ./mine.mjs that exports a metric`,
      text,
      "a metric or a module",
    ),
    choice("--transform <name>", "the transform: a family found by minimising D + α S, or one with a method of its own", [
      ...families,
      ...ownTransforms,
    ]),
    choice("--regulariser <name>", "S: how a deformation should be", [...regularisers, "none"]),
    option("--alpha <weight>", "α: how much S counts (default: by the images' scale)", notNegative, "a number that is not negative"),
    option("--instance-steps <n>", "learned: steps on this pair after the network's proposal (10)", whole, "a whole number from 0"),
    option("--weights <file>", "learned: weights of your own training (pullback train registration-2d)", text, "a .safetensors file"),
    option("--levels <list>", "shrink factors, coarse to fine", numberList(wholeFromOne), "whole numbers such as 4,2,1"),
    option("--fixed-mask <file>", "where fixed counts: positive values", text, "a file"),
    option("--moving-mask <file>", "where moving counts: positive values", text, "a file"),
    choice("--formulation <name>", "linear models: where the sum runs and the step is taken", formulations),
    choice("--optimiser <name>", "linear models and families of deformations: the method", linearOptimisers),
    option("--allow-folds", "bspline and displacement: no barrier against folds, none smoothed at the end", flag, "true or false"),
    option("--velocities <n>", "lddmm: velocity fields in time, 1 for a stationary one (default 3)", wholeFromOne, "a whole number"),
    option("--mass-preserving", "lddmm: intensities are densities, whose total is kept", flag, "true or false"),
    option("--homotopy", "linear models of pictures: follow the minimum from blurred to sharp", flag, "true or false"),
    option(
      "--uncertainty",
      "standard errors of linear models for every metric; of deformations a map of their spread over starts",
      flag,
      "true or false",
    ),
    option("--uncertainty-starts <n>", "--uncertainty over this many starts (default 6)", wholeFromOne, "a whole number from 2"),
    option("--fixed-points <file>", "landmarks of fixed, x,y(,z) in mm: row i belongs to row i of --moving-points", text, "a CSV file"),
    option("--moving-points <file>", "landmarks of moving", text, "a CSV file"),
    option(
      "--points-weight <weight>",
      "how much landmarks count beside the metric (default 1)",
      notNegative,
      "a number that is not negative",
    ),
    option("--unpaired", "landmarks are two clouds, whose partners are found", flag, "true or false"),
    option("--paired", "two point files: row i of one belongs to row i of the other", flag, "true or false"),
    ...pointOptions,
    option("--init <how>", `start: ${starts.join(", ")}, or a transform file`, text, "a start or a file"),
  ],
  async run(session, [fixedPath, movingPath], options) {
    const target = options.output as string | undefined;
    if (!target) throw new ArgumentError("register: where to? name a folder after -o");
    const earlier = options.resume === true ? finished(session, target, fixedPath, movingPath, planOf(options)) : undefined;
    if (earlier) return earlier;
    if (isPointFile(fixedPath) || isPointFile(movingPath))
      return registerPointFiles(session, [fixedPath, movingPath], options, planOf(options), () =>
        session.dryRun ? undefined : session.output(target, true, { force: options.force === true || options.resume === true }),
      );
    refusePointOptions(options);
    if (options.paired === true) throw new ArgumentError("register: --paired is for two point files; leave it out for images");
    // Made first: a folder that is taken or cannot be written should say so before minutes of work.
    const out = session.dryRun ? undefined : session.output(target, true, { force: options.force === true || options.resume === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const metric = await metricOf(options.metric as string | undefined);
      const fixed = await loadImage(session, fixedPath);
      const moving = await loadImage(session, movingPath);
      const [fixedGray, movingGray] = checkedPair(fixed, moving);
      const { init, masks, files } = await further(session, options, fixedGray, movingGray);
      const weights = options.weights as string | undefined;
      const network = await deformationNetwork(options.preset as string | undefined, weights);
      const landmarks = loadLandmarks(session, options, fixedGray.grid.size.length);
      if (["diffeo", "quick", "bspline", "svf", "lddmm", "learned"].includes((options.preset as string | undefined) ?? ""))
        // What is measured and written of a deformation lies on the whole fixed grid: the field, its copy in voxels, the warped image. Better said now than after the run.
        requireMemory(
          (2 * fixedGray.grid.size.length + 1) * bytesOf([voxelsOf(fixedGray.grid)]),
          "register: the deformation on the fixed grid",
          "downsample the images, crop them to what matters, or take a linear preset such as rigid",
        );
      clock("read");
      const plan = planOf(options);
      if (!out)
        return {
          json: { dryRun: true, fixed: gridText(fixedGray.grid), moving: gridText(movingGray.grid), options: plan, outputs: [] },
          lines: [
            `would register ${basename(movingPath)} (${gridText(movingGray.grid)}) onto ${basename(fixedPath)} (${gridText(fixedGray.grid)})`,
          ],
        };
      const result = await session.stoppable((signal) =>
        register(fixedGray, movingGray, {
          preset: options.preset as Preset | undefined,
          metric,
          levels: options.levels as number[] | undefined,
          formulation: options.formulation as Formulation | undefined,
          transform: options.transform as string | undefined,
          regulariser: options.regulariser as string | undefined,
          alpha: options.alpha as number | undefined,
          network,
          instanceSteps: options.instanceSteps as number | undefined,
          optimiser: options.optimiser as LinearOptimiser | undefined,
          unfold: options.allowFolds === true ? false : undefined,
          lddmm: {
            velocities: options.velocities as number | undefined,
            massPreserving: options.massPreserving === true,
          },
          homotopy: options.homotopy === true,
          uncertainty: (options.uncertaintyStarts as number | undefined) ?? options.uncertainty === true,
          ...masks,
          fixedPoints: landmarks?.fixed,
          movingPoints: landmarks?.moving,
          pointsWeight: options.pointsWeight as number | undefined,
          pointsPaired: options.unpaired !== true,
          init,
          signal,
          onProgress: (p) => session.progress.step(p),
        }),
      );
      const used = metric ?? metricNamed(result.metric);
      session.note(result.plan);
      for (const w of result.warnings) session.warn(w);
      clock("register");
      const { figures, verdict } = putRegistration(session, out, {
        fixed,
        moving,
        fixedGray,
        movingGray,
        transform: result.transform,
        status: result.status,
        reason: result.reason,
        metric: result.metric,
        before: result.before,
        after: result.after,
        trace: result.trace,
        uncertainty: result.uncertainty,
        options: plan,
        otherInputs: [...files, ...(weights ? [weights] : []), ...(landmarks?.files ?? [])],
        landmarks:
          landmarks && options.unpaired !== true ? landmarkFigures(result.transform, landmarks.fixed, landmarks.moving) : undefined,
        timings,
        unlikeContrasts: used.unlikeContrasts === true,
        sameScale: used.scaling === "shared",
      });
      session.progress.clear();
      const outputs = out.commit();
      return {
        json: {
          status: result.status,
          reason: result.reason,
          trust: verdict.level,
          sentence: verdict.sentence,
          metric: result.metric,
          figures,
          uncertainty: inWords(result.uncertainty),
          outputs,
          seconds: { stages: timings },
        },
        lines: [
          verdict.sentence,
          `${result.metric} ${plain(figures.before)} → ${plain(figures.after)}, overlap ${plain(100 * figures.overlap)} %`,
          ...outputs,
        ],
        exit: verdict.level === "bad" ? Exit.quality : Exit.ok,
      };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};

/** The options that change the result. */
const planOf = (options: Options): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(options).filter(
      ([key]) =>
        !["output", "json", "force", "resume", "quiet", "verbose", "progress", "dryRun", "input", "threads", "memory"].includes(key),
    ),
  );

/** What an earlier run with the same images and options has left, if all of it is there. */
function finished(session: Session, target: string, fixed: string, moving: string, plan: Record<string, unknown>): Outcome | undefined {
  let run: RunFile;
  try {
    run = JSON.parse(readFileSync(join(target, "run.json"), "utf8")) as RunFile;
  } catch {
    return undefined; // nothing there, or not whole: run again
  }
  session.reading();
  const same =
    existsSync(fixed) &&
    existsSync(moving) &&
    run.inputs?.fixed?.sha256 === session.hash(fixed) &&
    run.inputs.moving?.sha256 === session.hash(moving) &&
    run.inputs.others.every(({ path, sha256 }) => existsSync(path) && session.hash(path) === sha256) &&
    JSON.stringify(run.options) === JSON.stringify(plan) &&
    run.outputs.every((name) => existsSync(join(target, name)));
  if (!same) return undefined;
  session.note(`${target} holds this result already`);
  const { status, reason, verdict, metric, figures, outputs } = run;
  return {
    json: {
      status,
      reason,
      resumed: true,
      trust: verdict.level,
      sentence: verdict.sentence,
      metric,
      figures,
      outputs: outputs.map((n) => join(resolve(target), n)),
    },
    lines: [verdict.sentence],
    exit: verdict.level === "bad" ? Exit.quality : Exit.ok,
  };
}

/**
 * A named metric, or one that a module of the user's exports as its default: a function `(warped, fixed) => …` of the images' values, a
 * metric `{ value(warped, fixed, masks) { … } }` of images, or a function without arguments that returns either.
 */
async function metricOf(name: string | undefined): Promise<ImageMetric | undefined> {
  if (name === undefined) return undefined;
  if (metrics.includes(name) || (/[+*]/.test(name) && !/\.m?js$/i.test(name))) return metricNamed(name);
  if (!/\.m?js$/i.test(name))
    throw new ArgumentError(
      `--metric: got "${name}"; expected one of ${metrics.join(", ")}, or a module such as ./mine.mjs${suggestion(name, metrics)}`,
      { name },
    );
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(resolve(name)).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new ArgumentError(`--metric: ${name} cannot be loaded: ${(cause as Error).message}`, { name }, { cause });
  }
  const given = module.default ?? module.metric;
  const metric = typeof given === "function" && given.length === 0 ? (given as () => unknown)() : given;
  const own = parse(name).name; // reports name it after its file
  if (typeof metric === "function" && metric.length >= 2) return metricFrom(metric as MetricFunction, own);
  if (typeof (metric as Metric | null | undefined)?.value === "function") return metricFrom(metric as Metric, own);
  throw new ArgumentError(
    `--metric: ${name} exports no metric; export default (warped, fixed) => …, a tensor of one number, smaller is more alike`,
    {
      name,
    },
  );
}

/** Both as gray, and fit to be registered. */
function checkedPair(fixed: Loaded, moving: Loaded): [Image, Image] {
  const [f, m] = [fixed.image.grid.size, moving.image.grid.size];
  if (f.length !== m.length)
    throw new GridError(
      `register: ${basename(fixed.path)} is ${f.length}-D (${f.join("×")}) but ${basename(moving.path)} is ${m.length}-D (${m.join("×")}); both must have the same dimension`,
      { fixed: f, moving: m },
    );
  for (const { path, image } of [fixed, moving])
    if (image.grid.size.some((n) => n < 4))
      throw new FormatError(`${path}: ${image.grid.size.join("×")} is too small to be aligned; every axis needs at least 4 samples`, {
        path,
      });
  const grays: [Image, Image] = [grayOf(fixed), grayOf(moving)];
  checkUsable("fixed", fixed.path, grays[0]);
  checkUsable("moving", moving.path, grays[1]);
  return grays;
}

/** Masks and the start, checked against the images. */
async function further(session: Session, options: Options, fixed: Image, moving: Image) {
  const files: string[] = [];
  const mask = async (key: "fixedMask" | "movingMask", image: Image) => {
    if (options[key] === undefined) return undefined;
    files.push(options[key] as string);
    return loadMask(session, options[key] as string, image.grid, key === "fixedMask" ? "fixed" : "moving");
  };
  const masks = { fixedMask: await mask("fixedMask", fixed), movingMask: await mask("movingMask", moving) };
  const how = options.init as string | undefined;
  let init: (typeof starts)[number] | Transform | undefined;
  if (how === undefined || (starts as readonly string[]).includes(how)) init = how as (typeof starts)[number] | undefined;
  else {
    if (!/[./\\]/.test(how))
      throw new ArgumentError(`--init: got "${how}"; expected one of ${starts.join(", ")}, or a transform file${suggestion(how, starts)}`, {
        how,
      });
    files.push(how);
    init = await loadTransform(session, how);
    if (init.dimension !== fixed.grid.size.length)
      throw new GridError(`register: the transform ${how} is ${init.dimension}-D but the images are ${fixed.grid.size.length}-D`, { how });
  }
  const start = init === "identity" ? identityTransform(fixed.grid.size.length) : typeof init === "object" ? init : undefined;
  if (start && overlapOf(moving.grid, start, fixed.grid) === 0)
    throw new GridError(
      `register: at the start the two images do not overlap (fixed ${gridText(fixed.grid)} at ${fixed.grid.origin.map(plain).join(", ")}; moving at ${moving.grid.origin.map(plain).join(", ")}); --init center brings their middles together`,
      {},
    );
  return { init, masks, files };
}
