import { basename } from "node:path";
import { ArgumentError, FormatError } from "../../core/errors.js";
import { nearest } from "../nearest.js";
import { folderOfPrefix, Remarks, type TranslatedCommand, type Translation } from "./translation.js";

type Value = string | number | boolean | readonly number[];

/** The programs of ANTs that are read. */
export const antsPrograms = [
  "antsRegistration",
  "antsRegistrationSyN.sh",
  "antsRegistrationSyNQuick.sh",
  "antsApplyTransforms",
  "antsApplyTransformsToPoints",
] as const;

/** A flag and its value, as it came. */
interface Flag {
  readonly name: string;
  readonly text: string;
  readonly value: string;
}

/** One command of ANTs. @throws ArgumentError when it lacks what it cannot do without; FormatError for values that cannot be read */
export function translateAnts(words: readonly string[]): Translation {
  const program = basename(words[0]);
  const remarks = new Remarks();
  const translate = {
    antsRegistration,
    "antsRegistrationSyN.sh": syn,
    "antsRegistrationSyNQuick.sh": syn,
    antsApplyTransforms: applyTransforms,
    antsApplyTransformsToPoints: applyToPoints,
  }[program];
  if (!translate) throw new ArgumentError(`${program}: this program is not read; ${antsPrograms.join(", ")} are`, { program });
  const commands = translate(words, remarks);
  return { from: program, commands, missing: remarks.missing, unneeded: remarks.unneeded };
}

/**
 * Flags with their values: every word up to the next flag. Long names become short ones.
 * @throws ArgumentError for a flag that the program does not have
 */
function flagsOf(words: readonly string[], long: Readonly<Record<string, string>>, alone: readonly string[]): Flag[] {
  const program = basename(words[0]);
  const out: Flag[] = [];
  const known = new Set(Object.values(long));
  for (let i = 1; i < words.length; i++) {
    const word = words[i];
    if (/^(\d?>|\d?>>|<|&>)/.test(word)) {
      if (/[<>]$/.test(word)) i++; // a redirection of the shell
      continue;
    }
    if (!/^--?[A-Za-z]/.test(word)) throw new ArgumentError(`${program}: "${word}" stands where a flag was expected`, { word });
    const [head, inline] =
      /^--/.test(word) && word.includes("=") ? [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)] : [word];
    const bare = head.replace(/^--?/, "");
    const name = head.startsWith("--") ? long[bare] : bare;
    if (name === undefined || !known.has(name)) {
      const near = nearest(bare, Object.keys(long));
      throw new ArgumentError(`${program}: there is no flag ${head}${near ? `; did you mean --${near}?` : ""}`, { flag: head });
    }
    const next = words[i + 1];
    const hasValue = inline !== undefined || (next !== undefined && !/^--?[A-Za-z]/.test(next));
    if (!hasValue && !alone.includes(name)) throw new ArgumentError(`${program}: ${head} has no value`, { flag: head });
    const value = inline ?? (hasValue ? words[++i] : "1");
    out.push({ name, text: `${head} ${value}`, value });
  }
  return out;
}

/** "CC[a.nii,b.nii,1,4]" ↦ CC and its arguments; "file.mat" ↦ file.mat and none; "[a,b,1]" ↦ "" and three. */
function bracketed(text: string): { head: string; args: string[] } {
  const m = /^([^[\]]*)\[(.*)\]$/s.exec(text);
  if (!m) {
    if (/[[\]]/.test(text)) throw new FormatError(`ants: "${text.slice(0, 80)}" has an odd bracket`, { text });
    return { head: text, args: [] };
  }
  return { head: m[1], args: m[2].split(",").map((a) => a.trim()) };
}

/** "8x4x2x1" ↦ whole numbers; one list a stage. */
function shrinks(text: string): number[] {
  const factors = text.split("x").map(Number);
  if (factors.some((f) => !Number.isInteger(f) || f < 1 || f > 1024))
    throw new FormatError(`ants: shrink factors "${text.slice(0, 60)}"; expected whole numbers such as 8x4x2x1`, { text });
  return factors;
}

const linearPresets: Readonly<Record<string, string>> = {
  translation: "translation",
  rigid: "rigid",
  similarity: "similarity",
  affine: "affine",
  compositeaffine: "affine",
};
const bending: Readonly<Record<string, { readonly preset?: string; readonly transform?: string; readonly near?: string }>> = {
  syn: { preset: "diffeo" },
  bsplinesyn: { preset: "diffeo", near: "diffeo is smoothed by Gaussians, not by B-splines" },
  bspline: { preset: "bspline" },
  gaussiandisplacementfield: { transform: "displacement" },
  bsplinedisplacementfield: { transform: "displacement", near: "displacement is smoothed by a regulariser, not by B-splines" },
  exponential: { preset: "svf" },
  bsplineexponential: { preset: "svf", near: "svf is smoothed by a regulariser, not by B-splines" },
  timevaryingvelocityfield: { preset: "lddmm" },
  timevaryingbsplinevelocityfield: { preset: "lddmm", near: "lddmm smooths by a differential operator, not by B-splines" },
};
const metrics: Readonly<Record<string, string>> = { cc: "lncc", mi: "mi", mattes: "mi", meansquares: "ssd", demons: "ssd", gc: "ncc" };

const registrationFlags = {
  dimensionality: "d",
  output: "o",
  "save-state": "j",
  "restore-state": "k",
  "write-composite-transform": "a",
  "print-similarity-measure-interval": "p",
  "write-interval-volumes": "V",
  "collapse-output-transforms": "z",
  "initialize-transforms-per-stage": "i",
  interpolation: "n",
  "restrict-deformation": "g",
  "initial-fixed-transform": "q",
  "initial-moving-transform": "r",
  metric: "m",
  transform: "t",
  convergence: "c",
  "smoothing-sigmas": "s",
  "shrink-factors": "f",
  "use-histogram-matching": "u",
  "use-estimate-learning-rate-once": "l",
  "winsorize-image-intensities": "w",
  masks: "x",
  float: "float",
  minc: "minc",
  "random-seed": "random-seed",
  verbose: "v",
} as const;

const conveniences = "storage, threads and talk have no bearing on the result; --verbose and --threads are here too";
const stepsOwn = "steps are found by line searches and damping, and a level ends when nothing is gained any more";
const ownStart = { "0": "center", "1": "moments" } as Readonly<Record<string, string>>;

/** antsRegistration: its last stage decides, poorer ones before it are what `register` does on its way. */
function antsRegistration(words: readonly string[], remarks: Remarks): TranslatedCommand[] {
  const flags = flagsOf(words, registrationFlags, ["v", "float", "a", "z", "u", "l", "i", "minc"]);
  const stages: Stage[] = [];
  const options: Record<string, Value> = {};
  let prefix = "OUT/";
  let outputs: string[] = [];
  let interpolation: string | undefined;
  let stage: Stage | undefined;
  const inStage = (f: Flag): Stage => {
    if (!stage) throw new ArgumentError(`antsRegistration: ${f.text} comes before the first --transform`, { flag: f.text });
    return stage;
  };
  for (const f of flags) {
    const { head, args } = bracketed(f.value);
    if (f.name === "t") {
      stage = { transform: head, text: f.text, metrics: [], images: [] };
      stages.push(stage);
      if (args[0] !== undefined && args[0] !== "") remarks.skip("gradient step of --transform", stepsOwn);
      if (args.length > 1)
        remarks.miss(f.text, "smoothing is chosen by the noise of the images; in a program, register's `deformation` sets it");
    } else if (f.name === "m") {
      const at = inStage(f);
      const name = head.toLowerCase();
      const near = Object.hasOwn(metrics, name) ? metrics[name] : undefined;
      if (args.length < 2)
        throw new FormatError(`antsRegistration: ${f.text.slice(0, 80)}: a metric has a fixed and a moving image in brackets`, {});
      if (near === undefined) {
        remarks.miss(
          f.text,
          `${head} has no counterpart here${/^(icp|pse|jhct|igdm)$/.test(name) ? "; landmarks are given by --fixed-points and --moving-points" : ""}`,
        );
        continue;
      }
      const weight = args[2] === undefined || args[2] === "" ? 1 : Number(args[2]);
      if (!(weight >= 0)) throw new FormatError(`antsRegistration: the weight of ${f.text.slice(0, 80)} is no number from 0 on`, {});
      at.images.push([args[0], args[1]]);
      at.metrics.push({ name: near, weight });
      if (name === "demons") remarks.miss(f.text, "the demons force is that of squared differences, ssd");
      if (near === "lncc" && args[3] !== undefined)
        remarks.miss(f.text, `windows reach 2 or 3 voxels each way, not ${args[3]}; in a program, lncc({ radiusVoxels: ${args[3]} })`);
      if (near === "mi" && args[3] !== undefined) remarks.skip(`bins of ${head}`, "bins are chosen by the number of voxels, 16 to 32");
      if (args.length > 4) remarks.skip("sampling of --metric", "metrics look at every voxel of a level, not at samples");
    } else if (f.name === "f") inStage(f).levels = shrinks(f.value);
    else if (f.name === "c") {
      inStage(f);
      remarks.skip("--convergence", stepsOwn);
    } else if (f.name === "s") remarks.skip("--smoothing-sigmas", "the blur of a level follows from its shrink factor");
    else if (f.name === "r") {
      if (options.init !== undefined) {
        remarks.miss(f.text, "one start at a time: join several with pullback transform compose, and give the result to --init");
        continue;
      }
      if (args.length >= 3 && head === "") {
        const init = ownStart[args[2]];
        if (init) options.init = init;
        else remarks.miss(f.text, "starts are center (0), moments (1), identity and auto, which tries them; auto is taken");
      } else if (args.length === 2 && args[1] === "1") {
        remarks.miss(f.text, `an inverse is written first: pullback transform invert ${args[0]} -o start.json`);
        options.init = "start.json";
      } else options.init = args[0] ?? head;
    } else if (f.name === "q") remarks.miss(f.text, "the fixed image stays where it is; apply its transform to the image first");
    else if (f.name === "x") {
      const [fixed, moving] = args.length > 0 ? args : [head];
      if (stages.length > 1) remarks.miss(f.text, "masks hold for all stages");
      if (fixed && !/^null$/i.test(fixed)) options["fixed-mask"] = fixed;
      if (moving && !/^null$/i.test(moving)) options["moving-mask"] = moving;
    } else if (f.name === "o") {
      prefix = args[0] ?? head;
      outputs = args.slice(1);
    } else if (f.name === "n") interpolation = interpolationOf(f, remarks);
    else if (f.name === "w") {
      remarks.skip("--winsorize-image-intensities", "grey values are cut at robust extremes of each image");
    } else if (f.name === "u") {
      if (/^(1|true)$/i.test(f.value)) remarks.skip("--use-histogram-matching", "metrics other than ssd see each image on its own scale");
    } else if (f.name === "g") remarks.miss(f.text, "all axes may move");
    else if (f.name === "random-seed") remarks.skip("--random-seed", "nothing is random: the same bits come for any number of threads");
    else if (f.name === "d" || f.name === "z")
      remarks.skip(
        f.name === "d" ? "--dimensionality" : "--collapse-output-transforms",
        "the images say it, and a result is one transform.json",
      );
    else if (f.name === "a") {
      if (!/^(0|false)$/i.test(f.value))
        remarks.miss(
          f.text,
          "transform.json holds both directions; pullback transform convert OUT/transform.json -o X.h5 writes ITK's composite",
        );
    } else if (["float", "v", "minc", "p", "l"].includes(f.name)) remarks.skip(f.text.split(" ")[0], conveniences);
    else remarks.miss(f.text, "this has no counterpart, and is left out");
  }
  if (stages.length === 0) throw new ArgumentError("antsRegistration: there is no --transform, so nothing says what to estimate", {});
  const pairs = stages.flatMap((s) => s.images);
  if (pairs.length === 0) throw new ArgumentError("antsRegistration: no --metric names the images", {});
  const [fixed, moving] = pairs[0];
  for (const [f, m] of pairs)
    if (f !== fixed || m !== moving) remarks.miss(`${f}, ${m}`, "one pair of images at a time: the first is taken");
  const folder = folderOfPrefix(prefix);
  const register: TranslatedCommand = {
    name: "register",
    arguments: [fixed, moving],
    options: { ...stagesOf(stages, remarks), ...options },
    output: folder,
  };
  const transform = `${folder}transform.json`;
  const extra = (input: string, to: "fixed" | "moving", output: string | undefined): TranslatedCommand[] =>
    output
      ? [{ name: "apply", arguments: [input], options: { transform, to, ...(interpolation ? { interp: interpolation } : {}) }, output }]
      : [];
  return [register, ...extra(moving, "fixed", outputs[0]), ...extra(fixed, "moving", outputs[1])];
}

interface Stage {
  readonly transform: string;
  readonly text: string;
  readonly metrics: { readonly name: string; readonly weight: number }[];
  readonly images: [string, string][];
  levels?: readonly number[];
}
const sumOf = (s: Stage): string | undefined => {
  const terms = s.metrics.filter((m) => m.weight > 0);
  return terms.length === 0
    ? undefined
    : terms.map((m) => (m.weight === terms[0].weight ? m.name : `${+(m.weight / terms[0].weight).toPrecision(6)}*${m.name}`)).join("+");
};

function stagesOf(stages: readonly Stage[], remarks: Remarks): Record<string, Value> {
  const last = stages[stages.length - 1];
  const key = (s: Stage) => s.transform.toLowerCase();
  for (const s of stages)
    if (!Object.hasOwn(linearPresets, key(s)) && !Object.hasOwn(bending, key(s)))
      throw new ArgumentError(
        `antsRegistration: "${s.transform}" is no transform that is known; expected one of Translation, Rigid, Similarity, Affine, BSpline, SyN, …`,
        {
          transform: s.transform,
        },
      );
  const bends = bending[key(last)];
  const order = ["translation", "rigid", "similarity", "affine"];
  for (const [k, s] of stages.slice(0, -1).entries()) {
    const linear = linearPresets[key(s)];
    if (linear === undefined || (!bends && order.indexOf(linear) > order.indexOf(linearPresets[key(last)])))
      remarks.miss(
        `stage ${k + 1}, ${s.text}`,
        "the last stage decides how free the transform is; run this one on its own, and give its transform.json to --init",
      );
    else remarks.skip(`stage ${k + 1}, ${s.text}`, `${last.transform} begins with poorer transforms on its way`);
    // Before a deformation by local correlation, linear stages go by mutual information or correlation of their own accord.
    const [own, final] = [sumOf(s), sumOf(last)];
    if (own !== undefined && own !== final && !(bends && final === "lncc" && /^(mi|ncc)$/.test(own)))
      remarks.miss(
        `stage ${k + 1}, metric ${own}`,
        `one metric serves all stages, that of the last one${final === undefined ? "" : `: ${final}`}`,
      );
    if (s.levels && last.levels && s.levels.join() !== last.levels.join())
      remarks.miss(
        `stage ${k + 1}, shrink factors ${s.levels.join("x")}`,
        `those of the last stage, ${last.levels.join(",")}, serve all stages`,
      );
  }
  if (bends?.near) remarks.miss(last.text, bends.near);
  if (bends && !stages.some((s) => Object.hasOwn(linearPresets, key(s))))
    remarks.miss(last.text, "the deformation has no linear stage before it; here an affine alignment always comes first");
  const metric = sumOf(last);
  if (last.metrics.filter((m) => m.weight > 0).length > 1)
    remarks.miss(`metric ${metric}`, "weights are taken over, but the metrics' scales are not those of ANTs: compare them");
  return {
    ...(bends
      ? bends.preset
        ? { preset: bends.preset }
        : { transform: bends.transform as string }
      : { preset: linearPresets[key(last)] }),
    ...(metric === undefined ? {} : { metric }),
    ...(last.levels ? { levels: last.levels } : {}),
  };
}

/** antsRegistrationSyN.sh and its quick form. */
function syn(words: readonly string[], remarks: Remarks): TranslatedCommand[] {
  const quick = /Quick/.test(words[0]);
  const program = basename(words[0]);
  const letters = ["d", "f", "m", "o", "n", "i", "t", "r", "c", "s", "g", "x", "p", "j", "y", "z", "e", "q"];
  const flags = flagsOf(words, Object.fromEntries(letters.map((l) => [l, l])), []);
  const options: Record<string, Value> = {};
  const all = (name: string) => flags.filter((f) => f.name === name);
  const one = (name: string): string | undefined => {
    const [first, ...rest] = all(name);
    for (const f of rest) remarks.miss(f.text, "one is taken, the first: images have one channel each here");
    return first?.value;
  };
  const [fixed, moving] = [one("f"), one("m")];
  if (fixed === undefined || moving === undefined) throw new ArgumentError(`${program}: -f and -m name the images`, {});
  const kind = one("t") ?? "s";
  const bspline = "deformations are smoothed by Gaussians, not by B-splines; for a B-spline transform say --preset bspline";
  const kinds: Readonly<Record<string, [string, string?]>> = {
    t: ["translation"],
    r: ["rigid"],
    a: ["affine"],
    s: [quick ? "quick" : "diffeo"],
    sr: [quick ? "quick" : "diffeo", "an affine alignment comes before the deformation, not a rigid one"],
    so: [quick ? "quick" : "diffeo", "an affine alignment always comes before the deformation"],
    b: [quick ? "quick" : "diffeo", bspline],
    br: [quick ? "quick" : "diffeo", `an affine alignment comes before the deformation, not a rigid one; ${bspline}`],
    bo: [quick ? "quick" : "diffeo", `an affine alignment always comes before the deformation; ${bspline}`],
  };
  if (!Object.hasOwn(kinds, kind))
    throw new ArgumentError(`${program}: -t ${kind}; expected one of ${Object.keys(kinds).join(", ")}`, { kind });
  const [preset, why] = kinds[kind];
  options.preset = preset;
  if (why) remarks.miss(`-t ${kind}`, why);
  const deforms = ["quick", "diffeo"].includes(preset);
  if (!deforms) options.metric = "mi";
  else if (quick)
    remarks.miss(
      "metric",
      "this script deforms by mutual information, the preset quick by local correlation, which suits one contrast and two; --metric mi asks for the former",
    );
  else options.metric = "lncc";
  for (const f of flags) {
    if (["d", "p", "z"].includes(f.name))
      remarks.skip(`-${f.name}`, "the images say it; values are 32-bit floats; a result is one transform.json");
    else if (f.name === "n") {
      if (/^\d+$/.test(f.value)) options.threads = f.value;
      else remarks.skip("-n", "all cores are used");
    } else if (f.name === "e" || f.name === "y")
      remarks.skip(`-${f.name}`, "nothing is random: the same bits come for any number of threads");
    else if (f.name === "j") remarks.skip("-j", "metrics other than ssd see each image on its own scale");
    else if (f.name === "r" || f.name === "c")
      remarks.miss(f.text, "windows reach 2 or 3 voxels each way, bins are chosen by the number of voxels");
    else if (f.name === "s") remarks.miss(f.text, "the distance of splines has no counterpart");
    else if (f.name === "g") remarks.skip("-g", stepsOwn);
    else if (f.name === "q") remarks.miss(f.text, "this has no counterpart, and is left out");
    else if (f.name === "i") {
      if (options.init !== undefined)
        remarks.miss(f.text, "one start at a time: join several with pullback transform compose, and give the result to --init");
      else {
        const { head, args } = bracketed(f.value);
        const start = args.length >= 3 ? ownStart[args[2]] : (args[0] ?? head);
        if (start) options.init = start;
        else remarks.miss(f.text, "starts are center (0), moments (1), identity and auto, which tries them; auto is taken");
      }
    }
  }
  for (const [k, f] of all("x").entries()) {
    const [fm, mm] = f.value.split(",");
    if (k > 0) remarks.miss(f.text, "masks hold for all stages: the first are taken");
    else {
      if (fm && !/^null$/i.test(fm)) options["fixed-mask"] = fm;
      if (mm && !/^null$/i.test(mm)) options["moving-mask"] = mm;
    }
  }
  return [{ name: "register", arguments: [fixed, moving], options, output: folderOfPrefix(one("o") ?? "out/") }];
}

const interpolations: Readonly<Record<string, string>> = {
  linear: "linear",
  nearestneighbor: "nearest",
  genericlabel: "label",
  multilabel: "label",
  bspline: "cubic",
};
function interpolationOf(f: Flag, remarks: Remarks): string | undefined {
  const { head, args } = bracketed(f.value);
  const kind = Object.hasOwn(interpolations, head.toLowerCase()) ? interpolations[head.toLowerCase()] : undefined;
  if (kind === undefined) {
    remarks.miss(f.text, "interpolations are linear, cubic, nearest and label; cubic is the nearest to windowed sincs");
    return "cubic";
  }
  if (args.length > 0 && !(kind === "cubic" && /order=3/.test(args[0]))) remarks.miss(f.text, `${kind} has no parameters`);
  return kind;
}

const applyFlags = {
  dimensionality: "d",
  "input-image-type": "e",
  input: "i",
  "reference-image": "r",
  output: "o",
  interpolation: "n",
  "output-data-type": "u",
  transform: "t",
  "default-value": "f",
  "use-static-cast-for-R": "z",
  float: "float",
  verbose: "v",
} as const;

/** Transforms in the order in which ANTs applies them to points of the reference, as one file, and the direction to read it in. */
function transformsOf(flags: readonly Flag[], remarks: Remarks): { commands: TranslatedCommand[]; transform: string; inverted: boolean } {
  const given = flags
    .filter((f) => f.name === "t")
    .map((f) => {
      const { head, args } = bracketed(f.value);
      const path = args[0] ?? head;
      if (args.length > 0 && head !== "")
        throw new FormatError(`ants: ${f.text.slice(0, 80)}: expected a file, or [file,1] for its inverse`, {});
      return { path, inverted: args[1] === "1" };
    })
    .filter(({ path }) => path !== "identity");
  if (given.length === 0) return { commands: [], transform: "identity", inverted: false };
  if (given.length === 1) return { commands: [], transform: given[0].path, inverted: given[0].inverted };
  const commands: TranslatedCommand[] = [];
  const files = given.map(({ path, inverted }, k) => {
    if (!inverted) return path;
    const output = `inverse-${k + 1}.json`;
    commands.push({ name: "transform", arguments: ["invert", path], options: {}, output });
    return output;
  });
  commands.push({ name: "transform", arguments: ["compose", ...files], options: {}, output: "composed.json" });
  remarks.skip(
    "--transform",
    "several are joined once, the first named being the first applied to points of the reference; what pullback register writes is one file from the start",
  );
  return { commands, transform: "composed.json", inverted: false };
}

function applyTransforms(words: readonly string[], remarks: Remarks): TranslatedCommand[] {
  const flags = flagsOf(words, applyFlags, ["v", "float", "z"]);
  const value = (name: string): string | undefined => flags.find((f) => f.name === name)?.value;
  const [input, reference, output] = [value("i"), value("r"), value("o")];
  if (output === undefined) throw new ArgumentError("antsApplyTransforms: --output is missing", {});
  const { head, args } = bracketed(output);
  const composite = args.length > 0;
  const { commands, transform, inverted } = transformsOf(flags, remarks);
  for (const f of flags) {
    if (["d", "float", "v", "z"].includes(f.name)) remarks.skip(f.text.split(" ")[0], conveniences);
    else if (f.name === "u") remarks.miss(f.text, "the type of the input is kept; pullback convert --type changes it");
    else if (f.name === "e" && !/^(0|3|scalar|time-series)$/.test(f.value))
      remarks.miss(f.text, "vectors and tensors are carried channel by channel and not turned");
    else if (f.name === "e") remarks.skip("--input-image-type", "channels and frames are read from the image");
  }
  if (composite) {
    // -o [field.nii.gz,1] writes the composed field, -o Linear[x.mat] a matrix
    if (head !== "")
      remarks.miss(`--output ${output}`, "the composed transform is written whole; pullback transform convert writes ITK's forms");
    if (transform === "identity") throw new ArgumentError("antsApplyTransforms: there is no transform to write", {});
    const source = inverted ? [{ name: "transform" as const, arguments: ["invert", transform], options: {}, output: "inverse.json" }] : [];
    const field = {
      name: "transform" as const,
      arguments: ["field", inverted ? "inverse.json" : transform],
      options: reference ? { like: reference } : {},
      output: args[0],
    };
    return [...commands, ...source, field];
  }
  if (input === undefined) throw new ArgumentError("antsApplyTransforms: --input is missing", {});
  const interp = flags.filter((f) => f.name === "n").map((f) => interpolationOf(f, remarks))[0];
  const fill = value("f");
  if (fill !== undefined && !Number.isFinite(Number(fill)))
    throw new FormatError(`antsApplyTransforms: the default value is "${fill}"; expected a number`, { fill });
  return [
    ...commands,
    {
      name: "apply",
      arguments: [input],
      options: {
        transform,
        ...(transform === "identity" ? {} : { to: inverted ? "moving" : "fixed" }),
        ...(interp ? { interp } : {}),
        ...(reference ? { like: reference } : {}),
        ...(fill === undefined || Number(fill) === 0 ? {} : { fill: Number(fill) }),
      },
      output: head,
    },
  ];
}

function applyToPoints(words: readonly string[], remarks: Remarks): TranslatedCommand[] {
  const flags = flagsOf(words, { dimensionality: "d", precision: "p", forantsr: "f", input: "i", output: "o", transform: "t" }, []);
  const value = (name: string): string | undefined => flags.find((f) => f.name === name)?.value;
  const [input, output] = [value("i"), value("o")];
  if (input === undefined || output === undefined)
    throw new ArgumentError("antsApplyTransformsToPoints: --input and --output name CSV files", {});
  for (const f of flags) if (["d", "p", "f"].includes(f.name)) remarks.skip(f.text.split(" ")[0], conveniences);
  const { commands, transform, inverted } = transformsOf(flags, remarks);
  return [
    ...commands,
    {
      name: "apply",
      arguments: [input],
      options: { transform, ...(transform === "identity" ? {} : { to: inverted ? "fixed" : "moving" }) },
      output,
    },
  ];
}
