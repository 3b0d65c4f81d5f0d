import { basename } from "node:path";
import { ArgumentError, FormatError } from "../../core/errors.js";
import { halvings, Remarks, type TranslatedCommand, type Translation } from "./translation.js";

/** The parameters of an elastix file: name ↦ values, as text. */
export type ElastixParameters = ReadonlyMap<string, readonly string[]>;

/** Whether a text reads like one: a line `(Name value …)` before anything else but comments. */
export const looksLikeElastix = (text: string): boolean => /^(\s|\/\/[^\n]*\n)*\(\s*[A-Za-z]\w*\s+[^\n)]*\)/.test(text);

/**
 * Read lines `(Name value "value" …)`; `//` begins a comment.
 * @throws FormatError for a line that is none, or a parameter that comes twice
 */
export function readElastixParameters(text: string, path = "parameters"): ElastixParameters {
  const out = new Map<string, readonly string[]>();
  for (const [k, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const line = withoutComment(raw).trim();
    if (line === "") continue;
    const where = { path, line: k + 1 };
    const m = /^\(\s*([A-Za-z]\w*)(?:\s+(.*?))?\s*\)$/s.exec(line);
    if (!m)
      throw new FormatError(`${path}: line ${k + 1} is "${line.slice(0, 60)}"; expected (Name value …), a parameter of elastix`, where);
    const [, name, rest = ""] = m;
    const values: string[] = [];
    const word = /\s*(?:"([^"]*)"|([^\s"()]+))/gy;
    while (word.lastIndex < rest.length) {
      const found = word.exec(rest);
      if (!found) throw new FormatError(`${path}: line ${k + 1}: the values of ${name} cannot be read; is a quote not closed?`, where);
      values.push(found[1] ?? found[2]);
    }
    if (values.length === 0) throw new FormatError(`${path}: line ${k + 1}: ${name} has no value`, where);
    if (out.has(name)) throw new FormatError(`${path}: line ${k + 1}: ${name} came before; elastix takes each parameter once`, where);
    out.set(name, values);
  }
  if (out.size === 0) throw new FormatError(`${path}: there is no parameter of elastix in it`, { path });
  return out;
}

function withoutComment(line: string): string {
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '"') quoted = !quoted;
    if (!quoted && line[i] === "/" && line[i + 1] === "/") return line.slice(0, i);
  }
  return line;
}

/** Presets by elastix's transforms; those of stacks are series. */
const transforms: Readonly<Record<string, string>> = {
  TranslationTransform: "translation",
  EulerTransform: "rigid",
  SimilarityTransform: "similarity",
  AffineTransform: "affine",
  AffineDTITransform: "affine",
  AffineLogTransform: "affine",
  BSplineTransform: "bspline",
  RecursiveBSplineTransform: "bspline",
  BSplineTransformWithDiffusion: "bspline",
};
const stacks = /^(BSplineStack|TranslationStack|EulerStack|AffineLogStack)Transform$/;
/** Poorest first: a later stage must be at least as free, or it would take away what an earlier one has found. */
const freedom = ["translation", "rigid", "similarity", "affine", "bspline"];

const metrics: Readonly<Record<string, string>> = {
  AdvancedMattesMutualInformation: "mi",
  ParzenWindowMutualInformation: "mi",
  NormalizedMutualInformation: "nmi",
  AdvancedNormalizedCorrelation: "ncc",
  AdvancedMeanSquares: "ssd",
  AdvancedKappaStatistic: "labelOverlap",
};
/** Not the same, but for the same images. */
const nearestMetrics: Readonly<Record<string, string>> = {
  NormalizedGradientCorrelation: "ngf",
  GradientDifference: "ngf",
  KNNGraphAlphaMutualInformation: "mi",
  MutualInformationHistogram: "mi",
  PatternIntensity: "ngf",
};
const penalties: Readonly<Record<string, string>> = {
  TransformBendingEnergyPenalty: "bendingEnergy",
  TransformRigidityPenalty: "localRigidity",
  DistancePreservingRigidityPenalty: "localRigidity",
};

const steps = "steps are found by line searches and damping, and a level ends when nothing is gained any more";
const everyVoxel = "metrics look at every voxel of a level, not at samples";
const always = "this is read from the images, or always so";
const pyramids = "levels are blurred and shrunk, both images alike";
/** Parameters that need no counterpart, by what makes them needless. */
const unneeded: ReadonlyArray<readonly [RegExp, string]> = [
  [/^(Fixed|Moving)InternalImagePixelType$|^(Fixed|Moving)ImageDimension$|^Resampler$|^Interpolator$|^BSplineInterpolationOrder$/, always],
  [
    /^(Optimizer|AutomaticParameterEstimation|UseAdaptiveStepSizes|(Maximum|Minimum)StepLength|Scales|AutomaticScalesEstimation|ASGDParameterEstimationMethod|SP_\w+|Sigmoid\w+|NumberOf(GradientMeasurements|JacobianMeasurements|BandStructureSamples|SamplesFor\w+)|MinimumGradientMagnitude|ValueTolerance|GradientMagnitudeTolerance|GradientTolerance|RelaxationFactor|UseConstantStep|MaximumNumberOfLineSearchIterations|StepLength|LineSearch\w+|StopIfWolfeNotSatisfied|WolfeParameter\w+|LBFGSMemory|LBFGSUpdateAccuracy|MaximumDisplacementEstimationMethod|NoiseCompensation|NoiseFactor|JacobianThreshold|UseNoiseCompensation|ScalesEstimationSamples|NumberOfTrials|NumberOfSubTrials|UseMultiThreadingForMetrics|UseFastAndLowMemoryVersion|UseJacobianPreconditioning|FiniteDifferenceDerivative)$/,
    steps,
  ],
  [
    /^(ImageSampler|NumberOfSpatialSamples|NewSamplesEveryIteration|SampleRegionSize|UseRandomSampleRegion|MaximumNumberOfSamplingAttempts|RequiredRatioOfValidSamples|CheckNumberOfSamples|RandomSeed|SampleGridSpacing|RandomCoordinateSampling|NumberOfOverlappingSamples|FixedImageBSplineInterpolationOrder)$/,
    everyVoxel,
  ],
  [
    /^((Fixed|Moving)LimitRange(Ratio|Type)|(Fixed|Moving)KernelBSplineOrder|LimiterType|UseExplicitPDFDerivatives)$/,
    "grey values are cut at robust extremes, and histograms are smooth",
  ],
  [/^(Fixed|Moving)?ImagePyramid$/, pyramids],
  [/^(NumberOfFixedHistogramBins|NumberOfMovingHistogramBins)$/, "bins are chosen by the number of voxels, 16 to 32"],
  [/^(UpsampleGridOption|GridSpacingSchedule|InitialGridSpacing\w*)$/, "control points halve their distance from level to level"],
];
/** Parameters that are needless with one value and have no counterpart with others. */
const usual: ReadonlyArray<readonly [RegExp, string, string]> = [
  [/^UseDirectionCosines$/, "true", "direction words are always minded"],
  [/^Write(ResultImage)$/, "true", "warped.* is always written"],
  [
    /^(Write(ResultImageAfterEach(Resolution|Iteration)|TransformParametersEach(Iteration|Resolution)|IterationInfo|PyramidImagesAfterEachResolution|SamplesEveryIteration|DiffusionFiles|ITKCompositeTransform)|ShowExactMetricValue)$/,
    "false",
    "run.json holds the metric's course on every level, and transform.tfm is ITK's form of the result; nothing else is written on the way",
  ],
  [/^Erode(Fixed|Moving)?Mask\d*$/, "false", "masks are taken as they come on every level"],
  [/^HowToCombineTransforms$/, "Compose", "transforms are composed, never added"],
  [
    /^InitialTransformParametersFile(Name)?$/,
    "NoInitialTransform",
    "an elastix transform cannot be a start; --init takes transform.json and ITK's files",
  ],
  [/^DefaultPixelValue$/, "0", "outside the moving image warped.* is 0; pullback apply --fill writes another value"],
  [/^BSplineTransformSplineOrder$/, "3", "splines are cubic"],
  [
    /^(FinalBSplineInterpolationOrder)$/,
    "1",
    "warped.* is made by linear interpolation; pullback apply --interp cubic or label makes it by another",
  ],
  [
    /^ResampleInterpolator$/,
    "FinalLinearInterpolator",
    "warped.* is made by linear interpolation; pullback apply --interp cubic or label makes it by another",
  ],
  [/^CompressResultImage$/, "false", "the format of warped.* is that of the moving image; pullback convert writes others"],
  [/^UseRelativeWeights$/, "false", "weights multiply the metrics' values"],
  [/^UseCyclicTransform$/, "false", "no transform repeats itself"],
];

export interface ElastixStage {
  readonly path: string;
  readonly parameters: ElastixParameters;
}
/** The images of an elastix command line. */
export interface ElastixInputs {
  readonly fixed?: string;
  readonly moving?: string;
  readonly output?: string;
  readonly options?: TranslatedCommand["options"];
}

/**
 * Parameter files, one for each stage, as one command: the last stage says how free the transform is, and poorer ones before it are what `register` does on its way.
 * @throws ArgumentError for a transform that has no counterpart
 */
export function translateElastix(stages: readonly ElastixStage[], inputs: ElastixInputs = {}, remarks = new Remarks()): Translation {
  const from = `elastix: ${stages.map((s) => basename(s.path)).join(", ")}`;
  const read = stages.map((s) => stageOf(s, remarks, stages.length > 1 ? `${basename(s.path)}: ` : ""));
  const last = read[read.length - 1];
  const { fixed = "FIXED", moving = "MOVING", output = "OUT/" } = inputs;
  if (read.some((s) => s.preset === "motion")) {
    remarks.miss("Transform", "a stack is a series, which pullback motion aligns to its own mean; stages and metrics are its own");
    return {
      from,
      commands: [{ name: "motion", arguments: [moving === "MOVING" ? "SERIES" : moving], options: {}, output }],
      missing: remarks.missing,
      unneeded: remarks.unneeded,
    };
  }
  for (const [k, s] of read.entries()) {
    if (k === read.length - 1) continue;
    if (freedom.indexOf(s.preset) > freedom.indexOf(last.preset))
      remarks.miss(
        s.label,
        `a ${last.preset} stage after a ${s.preset} one would be composed with it; here the last stage decides, so run ${s.preset} on its own and give its transform.json to --init`,
      );
    else remarks.skip(s.label, `${last.preset} begins with poorer transforms on its way`);
    if (s.metric !== last.metric)
      remarks.miss(s.label, `its metric ${s.metric} differs from the last stage's; one metric, ${last.metric}, serves all stages`);
    if (s.levels && last.levels && s.levels.join() !== last.levels.join())
      remarks.miss(s.label, `its levels ${s.levels.join(",")} differ from the last stage's; ${last.levels.join(",")} serve all stages`);
  }
  if (last.preset === "bspline" && read.every((s) => s.preset === "bspline"))
    remarks.miss("Transform", "elastix bends from the start; here an affine alignment comes before the B-spline");
  const init = read.find((s) => s.init)?.init;
  const options = {
    preset: last.preset,
    ...(last.metric === undefined ? {} : { metric: last.metric }),
    ...(last.regulariser && last.preset === "bspline" ? { regulariser: last.regulariser } : {}),
    ...(last.levels ? { levels: last.levels } : {}),
    ...(init ? { init } : {}),
    ...inputs.options,
  };
  return {
    from,
    commands: [{ name: "register", arguments: [fixed, moving], options, output }],
    missing: remarks.missing,
    unneeded: remarks.unneeded,
  };
}

interface Stage {
  readonly label: string;
  readonly preset: string;
  readonly metric?: string;
  readonly regulariser?: string;
  readonly levels?: readonly number[];
  readonly init?: string;
}

function stageOf({ path, parameters }: ElastixStage, remarks: Remarks, prefix: string): Stage {
  if (parameters.has("TransformParameters"))
    throw new FormatError(
      `${path}: this is a transform that elastix has found, not its settings; transformix -def all writes it as deformationField.mhd, which every --transform reads`,
      { path },
    );
  const handled = new Set(["Transform", "Metric", "Registration", "NumberOfResolutions", "NumberOfResolutionsAndIterations"]);
  const take = (name: string): readonly string[] | undefined => {
    handled.add(name);
    return parameters.get(name);
  };
  const miss = (name: string, why: string) => remarks.miss(`${prefix}(${name} ${(parameters.get(name) ?? []).join(" ")})`, why);
  const whole = (name: string): number | undefined => {
    const value = take(name)?.[0];
    if (value === undefined) return undefined;
    const n = Number(value);
    if (!Number.isInteger(n) || n < 1 || n > 16)
      throw new FormatError(`${path}: ${name} is ${value}; expected a whole number from 1 to 16`, { path, [name]: value });
    return n;
  };

  const registration = parameters.get("Registration")?.[0];
  if (registration !== undefined && !["MultiResolutionRegistration", "MultiMetricMultiResolutionRegistration"].includes(registration))
    miss("Registration", "levels from coarse to fine, one after the other, are what there is");
  const name = parameters.get("Transform")?.[0];
  if (name === undefined) throw new FormatError(`${path}: there is no (Transform …) in it, so nothing says what to estimate`, { path });
  const preset = stacks.test(name) ? "motion" : Object.hasOwn(transforms, name) ? transforms[name] : undefined;
  if (preset === undefined)
    throw new ArgumentError(
      `${path}: ${name} has no counterpart as a registration of images; known are ${Object.keys(transforms).join(", ")}${name === "SplineKernelTransform" ? " (landmarks: pullback register fixed.csv moving.csv)" : ""}`,
      { path, transform: name },
    );
  if (/DTI|WithDiffusion/.test(name)) miss("Transform", `${preset} is the nearest`);

  const { metric, regulariser } = metricOf(parameters, take, miss);
  if (regulariser && preset !== "bspline") miss("Metric", "a penalty of deformations says nothing about a linear transform");

  const resolutions = whole("NumberOfResolutions");
  let levels = resolutions === undefined ? undefined : halvings(resolutions);
  for (const key of ["ImagePyramidSchedule", "FixedImagePyramidSchedule", "MovingImagePyramidSchedule", "ImagePyramidRescaleSchedule"]) {
    const factors = take(key)?.map(Number);
    if (!factors) continue;
    const count = resolutions ?? 3;
    const d = factors.length / count;
    if (!Number.isInteger(d) || factors.some((f) => !(f > 0)))
      throw new FormatError(`${path}: ${key} has ${factors.length} factors for ${count} resolutions`, { path, [key]: factors });
    const rows = Array.from({ length: count }, (_, k) => factors.slice(k * d, (k + 1) * d));
    const shrinks = rows.map((r) => Math.max(1, Math.round(Math.max(...r))));
    if (rows.some((r) => r.some((f) => f !== r[0])))
      miss(key, "a level has one factor for all axes: the largest is taken (voxels are made as even as the spacing allows)");
    if (key !== "MovingImagePyramidSchedule") levels = shrinks;
    else if (levels && shrinks.join() !== levels.join()) miss(key, "both images have the same levels");
  }
  const smoothing = take("ImagePyramidSmoothingSchedule");
  if (smoothing) miss("ImagePyramidSmoothingSchedule", "the blur of a level follows from its factor");

  let init: string | undefined;
  const automatic = take("AutomaticTransformInitialization")?.[0];
  const method = take("AutomaticTransformInitializationMethod")?.[0] ?? "GeometricalCenter";
  if (automatic === "false" && preset !== "bspline") init = "identity";
  else if (automatic === "true") {
    init = ({ GeometricalCenter: "center", CenterOfGravity: "moments" } as Record<string, string>)[method];
    if (!init)
      miss("AutomaticTransformInitializationMethod", "starts are center, moments, identity and auto, which tries them; auto is taken");
  }

  for (const key of ["MaximumNumberOfIterations"])
    if (take(key)) miss(key, "there is no option for it; a level ends when nothing is gained any more");
  if (take("NumberOfHistogramBins"))
    miss("NumberOfHistogramBins", "bins are chosen by the number of voxels, 16 to 32; in a program, mi({ bins })");
  for (const key of ["FinalGridSpacingInPhysicalUnits", "FinalGridSpacingInVoxels", "FinalGridSpacing"])
    if (take(key) && preset === "bspline")
      miss(
        key,
        "control points are 5 voxels apart on every level (9 where the motion is smooth); in a program, bspline({ spacingVoxels })",
      );
    else if (parameters.has(key)) remarks.skip(`${prefix}${key}`, "this belongs to B-splines");
  for (const key of ["ResultImageFormat", "ResultImagePixelType"])
    if (take(key))
      remarks.miss(
        `${prefix}(${key} ${parameters.get(key)?.join(" ")})`,
        "warped.* has the moving image's format and type; pullback convert writes others",
      );

  for (const [key, values] of parameters) {
    if (handled.has(key)) continue;
    const reason = unneeded.find(([pattern]) => pattern.test(key))?.[1];
    const standard = usual.find(([pattern]) => pattern.test(key));
    if (reason) remarks.skip(`${prefix}${key}`, reason);
    else if (standard && values.every((v) => v === standard[1] || Number(v) === Number(standard[1])))
      remarks.skip(`${prefix}${key}`, standard[2]);
    else if (standard) miss(key, standard[2]);
    else miss(key, "this parameter is not known here, and is left out");
  }
  return { label: `${prefix}Transform ${name}`, preset, metric, regulariser, levels, init };
}

/** One metric or a weighted sum, and the penalty among them. */
function metricOf(
  parameters: ElastixParameters,
  take: (name: string) => readonly string[] | undefined,
  miss: (name: string, why: string) => void,
): { metric?: string; regulariser?: string } {
  const names = parameters.get("Metric") ?? [];
  const terms: { name: string; weight: number }[] = [];
  let regulariser: string | undefined;
  for (const [k, name] of names.entries()) {
    const weights = take(`Metric${k}Weight`);
    const weight = Number(weights?.[weights.length - 1] ?? 1);
    if (weights && new Set(weights).size > 1) miss(`Metric${k}Weight`, "a weight is the same on every level: the last is taken");
    if (weights && !(weight >= 0))
      throw new FormatError(`elastix: Metric${k}Weight is ${weights.join(" ")}; expected numbers from 0 on`, { weights });
    if (Object.hasOwn(penalties, name)) {
      if (regulariser) miss("Metric", `one regulariser at a time: ${regulariser} is taken, ${name} left out`);
      else regulariser = penalties[name];
      if (weights) miss(`Metric${k}Weight`, `α of ${regulariser} has other units; the default is taken, --alpha sets it`);
    } else if (name === "CorrespondingPointsEuclideanDistanceMetric") {
      if (weights) miss(`Metric${k}Weight`, "landmarks count by --points-weight, whose unit is another; the default 1 is taken");
    } else {
      const near = Object.hasOwn(metrics, name) ? metrics[name] : Object.hasOwn(nearestMetrics, name) ? nearestMetrics[name] : undefined;
      if (near === undefined) {
        miss("Metric", `${name} has no counterpart; the metric is chosen by the images`);
        if (weights) miss(`Metric${k}Weight`, "the metric it weighs is left out");
      } else {
        if (!Object.hasOwn(metrics, name)) miss("Metric", `${name} has no counterpart; ${near} is for the same kind of images`);
        if (weight > 0) terms.push({ name: near, weight });
      }
    }
  }
  if (terms.length === 0) return { regulariser };
  if (terms.length > 1) miss("Metric", "weights are taken over, but the metrics' scales are not elastix's: compare them");
  const first = terms[0].weight;
  return {
    metric: terms.map(({ name, weight }) => (weight === first ? name : `${+(weight / first).toPrecision(6)}*${name}`)).join("+"),
    regulariser,
  };
}

/**
 * `elastix -f F -m M -out OUT -p A.txt -p B.txt …` with the files it names.
 * @throws ArgumentError for a command line without parameter files; FormatError when one cannot be read
 */
export function translateElastixCommand(words: readonly string[], readText: (path: string) => string): Translation {
  const remarks = new Remarks();
  const inputs: { fixed?: string; moving?: string; output?: string } = {};
  const options: Record<string, string | number> = {};
  const files: string[] = [];
  for (let i = 1; i < words.length; i++) {
    const flag = words[i];
    const value = words[++i];
    if (value === undefined) throw new ArgumentError(`elastix: ${flag} has no value`, { flag });
    if (flag === "-p") files.push(value);
    else if (flag === "-f" || flag === "-f0") inputs.fixed = value;
    else if (flag === "-m" || flag === "-m0") inputs.moving = value;
    else if (flag === "-out") inputs.output = /\/$/.test(value) ? value : `${value}/`;
    else if (flag === "-fMask" || flag === "-fMask0") options["fixed-mask"] = value;
    else if (flag === "-mMask" || flag === "-mMask0") options["moving-mask"] = value;
    else if (flag === "-threads") options.threads = value;
    else if (flag === "-fp" || flag === "-mp") {
      options[flag === "-fp" ? "fixed-points" : "moving-points"] = value.replace(/\.(txt|pts)$/i, ".csv");
      remarks.miss(`${flag} ${value}`, "points are read from CSV with the header x,y,z, in mm: write them so under the name given");
    } else if (flag === "-t0")
      remarks.miss(`-t0 ${value}`, "an elastix transform cannot be a start; --init takes transform.json and ITK's files");
    else if (flag === "-priority" || flag === "-loglevel") remarks.skip(flag, "there is no such option, nor a need for it");
    else remarks.miss(`${flag} ${value}`, "this has no counterpart, and is left out");
  }
  if (files.length === 0) throw new ArgumentError("elastix: the command names no parameter file; give one after -p", {});
  const stages = files.map((path) => ({ path, parameters: readElastixParameters(readText(path), path) }));
  return translateElastix(stages, { ...inputs, options }, remarks);
}

/** `transformix -in IMAGE -def POINTS|all -jac all -tp T -out OUT`. The transform is that of a registration here: elastix's own file cannot be read. */
export function translateTransformix(words: readonly string[]): Translation {
  const remarks = new Remarks();
  const given = new Map<string, string>();
  for (let i = 1; i < words.length; i++) {
    const flag = words[i];
    const value = words[++i];
    if (value === undefined) throw new ArgumentError(`transformix: ${flag} has no value`, { flag });
    given.set(flag, value);
  }
  const out = (given.get("-out") ?? "OUT").replace(/\/$/, "");
  const tp = given.get("-tp");
  const transform = "OUT/transform.json";
  if (tp !== undefined)
    remarks.miss(`-tp ${tp}`, `elastix's transform cannot be read; ${transform} stands for what pullback register has written`);
  const commands: TranslatedCommand[] = [];
  for (const [flag, value] of given) {
    if (flag === "-in") {
      commands.push({ name: "apply", arguments: [value], options: { transform, to: "fixed" }, output: `${out}/result.nii.gz` });
      remarks.miss(
        `-in ${value}`,
        "interpolation is linear unless --interp says label, nearest or cubic; transformix takes it from the transform's file",
      );
    } else if (flag === "-def" && value === "all")
      commands.push({ name: "transform", arguments: ["field", transform], options: {}, output: `${out}/deformationField.nii.gz` });
    else if (flag === "-def") {
      const csv = value.replace(/\.(txt|pts)$/i, ".csv");
      if (csv !== value) remarks.miss(`-def ${value}`, `points are read from CSV with the header x,y,z, in mm: write them so as ${csv}`);
      commands.push({ name: "apply", arguments: [csv], options: { transform, to: "moving" }, output: `${out}/outputpoints.csv` });
    } else if (flag === "-jac")
      commands.push({ name: "transform", arguments: ["jacobian", transform], options: {}, output: `${out}/spatialJacobian.nii.gz` });
    else if (!["-out", "-tp"].includes(flag)) remarks.miss(`${flag} ${value}`, "this has no counterpart, and is left out");
  }
  if (commands.length === 0) throw new ArgumentError("transformix: nothing is asked for; expected -in, -def or -jac", {});
  return { from: "transformix", commands, missing: remarks.missing, unneeded: remarks.unneeded };
}
