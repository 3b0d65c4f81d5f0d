import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { ArgumentError, FormatError, OutputError } from "../../core/errors.js";
import { readSafetensors, writeSafetensors } from "../../io/index.js";
import { readBytes } from "../../io/node.js";
import { type Recipe, type RecipeName, recipes, type TrainingPicture, trainModel } from "../../models/index.js";
import { lossPlot } from "../../report/index.js";
import type { CommandDefinition } from "../command.js";
import { extension, grayOf, loadImage } from "../inputs.js";
import { suggestion } from "../nearest.js";
import { choice, flag, option, output, positive, text, wholeFromOne } from "../options.js";
import type { Session } from "../session.js";
import { version } from "../version.js";

const names = Object.keys(recipes) as RecipeName[];
const checkpointName = "checkpoint.safetensors";

/** `pullback train NAME --data FOLDER -o OUT/`: a network of the catalogue trained on one's own pictures. */
export const command: CommandDefinition = {
  name: "train",
  summary: "train a network of the catalogue on pictures",
  examples: [
    "pullback train denoiser --data photographs/ -o out/ --seconds 3600     the same line again goes on",
    "pullback train denoiser --data photographs/ -o small/ --features 16 --depth 6 --steps 5000",
    "pullback train mr-cascade --data slices/ -o cascade/ --held 20",
    "pullback train homography-unsupervised --data mine/ --from out/weights.safetensors --steps 300 -o tuned/",
    "pullback infer denoiser noisy.png --weights out/weights.safetensors --sigma 25 -o clean.png",
  ],
  arguments: [{ name: "<name>", help: names.map((n) => `${n}: ${recipes[n].summary}`).join("; ") }],
  options: [
    option("--data <folder>", "pictures to learn from, in the order of their names; the last ones are held back", text, "a folder"),
    output("folder for weights, card, loss.svg and the checkpoint; a training found there goes on"),
    option("--force", "begin anew in a folder that holds a training", flag, "true or false"),
    option(
      "--steps <n>",
      `steps in all (${names.map((n) => `${n} ${recipes[n].steps}`).join(", ")})`,
      wholeFromOne,
      "a whole number of at least 1",
    ),
    option(
      "--seconds <s>",
      "end this sitting after so long, at the next checkpoint; the same line goes on",
      positive,
      "a positive number of seconds",
    ),
    option("--held <n>", "pictures held back to judge by (a twentieth)", wholeFromOne, "a whole number of at least 1"),
    option("--every <n>", "steps between two looks at them, and two checkpoints (250)", wholeFromOne, "a whole number of at least 1"),
    option("--batch <n>", "patches of a step", wholeFromOne, "a whole number of at least 1"),
    option("--patch <n>", "samples along the sides of a patch", wholeFromOne, "a whole number of at least 1"),
    option("--features <n>", "channels inside the network", wholeFromOne, "a whole number of at least 1"),
    option("--depth <n>", "convolutions of the network", wholeFromOne, "a whole number of at least 1"),
    option("--stacks <n>", "through-plane: stacks of thick slices across so many axes (1)", wholeFromOne, "1, 2 or 3"),
    option("--seed <n>", "all chance of the run (1)", wholeFromOne, "a whole number of at least 1"),
    choice("--domain <where>", "of mr-cascade: what its networks look at", ["image", "frequency"]),
    option("--from <file>", "begin with the weights of an earlier training: fine-tuning", text, "a safetensors file"),
    option("--ahead", "make batches ahead on a thread of their own; the weights are the same", flag, "true or false"),
    option("--licence <text>", "what the owners of the pictures allow, for the card", text, "a text"),
  ],
  async run(session, [name], options) {
    if (!names.includes(name as RecipeName))
      throw new ArgumentError(`train: there is no recipe for "${name}"${suggestion(name, names) || `; there are ${names.join(", ")}`}`, {
        name,
      });
    const recipe: Recipe<never, never> = recipes[name as RecipeName] as never;
    const folder = (options.data as string | undefined) ?? packageFolder(recipe);
    const target = options.output as string | undefined;
    if (target === undefined) throw new ArgumentError("train: -o is missing; name a folder for weights, card and checkpoint");
    const pictures = await picturesOf(session, folder, recipe);
    const place = (file: string) => join(target, file);
    const resume = options.force === true ? undefined : earlierRun(target);
    const plan = {
      steps: (options.steps as number | undefined) ?? recipe.steps,
      every: (options.every as number | undefined) ?? 250,
      held: options.held as number | undefined,
      batch: options.batch as number | undefined,
      patch: options.patch as number | undefined,
      features: options.features as number | undefined,
      depth: options.depth as number | undefined,
      seed: (options.seed as number | undefined) ?? 1,
      domain: options.domain as "image" | "frequency" | undefined,
      stacks: options.stacks as number | undefined,
    };
    const fromFile = options.from as string | undefined;
    const from = fromFile === undefined ? undefined : readBytes(fromFile);
    const done = resume ? Number(resume.metadata.step) : 0;
    if (done > plan.steps)
      throw new ArgumentError(
        `--steps: ${plan.steps} are asked for, and the training in ${target} has ${done} behind it; ask for more, or --force begins anew`,
      );
    const told = { model: name, pictures: pictures.length, ...plan, from: fromFile };
    if (session.dryRun)
      return { json: { dryRun: true, ...told, resumed: done, outputs: [] }, lines: [`would train ${name} on ${pictures.length} pictures`] };
    /** Written beside and moved, so that a power cut leaves the old file. */
    const put = (file: string, content: Uint8Array | string): string => {
      try {
        mkdirSync(target, { recursive: true });
        writeFileSync(place(`.${file}.new`), content);
        renameSync(place(`.${file}.new`), place(file));
      } catch (cause) {
        throw new OutputError(
          `${place(file)}: it cannot be written (${(cause as NodeJS.ErrnoException).code}); choose another folder`,
          {},
          { cause },
        );
      }
      return place(file);
    };
    if (options.force === true) for (const file of outputNames) rmSync(place(file), { force: true });
    if (resume) session.note(`going on after ${done} steps`);
    const r = await session.stoppable((signal) =>
      trainModel(name as RecipeName, {
        ...plan,
        pictures,
        from,
        seconds: options.seconds as number | undefined,
        ahead: options.ahead === true,
        licence: options.licence as string | undefined,
        source: basename(folder),
        command: `pullback train ${name} --data ${basename(folder)}${Object.entries({
          ...plan,
          held: plan.held,
          from: fromFile && basename(fromFile),
        })
          .map(([key, v]) => (v === undefined ? "" : ` --${key} ${v}`))
          .join("")}`,
        resume,
        signal,
        save: (c) => void put(checkpointName, writeSafetensors(c.tensors, { ...c.metadata, model: name })),
        onProgress({ step, steps, loss, validation }) {
          session.progress.step({
            level: 0,
            levels: 1,
            iteration: step,
            iterations: steps,
            value: validation === undefined ? loss : -validation,
            stage: name,
          });
          if (validation !== undefined)
            session.detail(`${step}/${steps}  loss ${loss.toExponential(3)}  held back ${(-validation).toFixed(3)}`);
        },
      }),
    );
    const status = r.finished ? "ok" : "unfinished";
    const reason = r.finished
      ? `${r.steps} steps; ${r.figuresTitle}: ${figuresText(r.figures)}`
      : `${r.reason}; so far ${figuresText(r.figures)}`;
    const outputs = [
      put("weights.safetensors", r.weights),
      put("card.json", `${JSON.stringify({ ...r.card, version: version() }, null, 2)}\n`),
      put("loss.svg", lossPlot({ loss: shifted(r.history.loss) }, { standalone: true })),
      put("log.csv", logOf(r.history)),
      place(checkpointName),
    ];
    return {
      json: {
        status,
        reason,
        ...told,
        stepsDone: r.steps,
        resumed: done,
        weights: r.card.weights,
        figures: r.figures,
        seconds: session.seconds,
        outputs,
      },
      lines: [reason, target],
    };
  },
};
const outputNames = [checkpointName, "weights.safetensors", "card.json", "loss.svg", "log.csv"];
const figuresText = (figures: Readonly<Record<string, number>>) =>
  Object.entries(figures)
    .map(([key, v]) => `${key}: ${v}`)
    .join(", ");
/** Losses in decibels may be negative, and the plot is of logarithms: above their least. */
function shifted(loss: readonly number[]): readonly number[] {
  const low = Math.min(...loss);
  return low > 0 ? loss : loss.map((v) => 10 ** (v / 10));
}
function logOf({
  loss,
  validation,
}: {
  readonly loss: readonly number[];
  readonly validation: readonly { readonly step: number; readonly value: number }[];
}): string {
  const looks = new Map(validation.map((v) => [v.step, -v.value]));
  return `step,loss,held\n${loss.map((v, i) => `${i + 1},${v},${looks.get(i + 1) ?? ""}\n`).join("")}`;
}

/** Where the npm package of a recipe's pictures is installed, seen from the working folder. */
function packageFolder({ name, packed }: Recipe<never, never>): string {
  const missing = `train: --data is missing; name the folder of the pictures to learn from`;
  if (!packed) throw new ArgumentError(missing);
  try {
    const require = createRequire(join(process.cwd(), "here.js"));
    return join(dirname(require.resolve(`${packed.package}/package.json`)), packed.folder);
  } catch (cause) {
    throw new ArgumentError(`${missing}, or install the pictures of ${name}: npm install ${packed.package}`, { name }, { cause });
  }
}

/** Gray pictures of a folder, 0 to 1, or volumes, in the order of their names. */
async function picturesOf(session: Session, folder: string, { packed, axes = 2 }: Recipe<never, never>): Promise<TrainingPicture[]> {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found?.isDirectory())
    throw new FormatError(`${folder}: ${found ? "this is a file" : "there is no such folder"}; --data takes a folder of pictures`, {
      folder,
    });
  const packs = packed ? readdirSync(folder).filter((f) => packed.pattern.test(f)) : [];
  if (packed && packs.length > 0) {
    const read = packs.sort().map((f) => packed.read(f, readFileSync(join(folder, f))));
    // All files run through at one pace, so that all kinds are among those held back.
    return read
      .flatMap((list) => list.map((picture, k) => ({ picture, at: (k + 0.5) / list.length })))
      .sort((a, b) => a.at - b.at)
      .map(({ picture }) => picture);
  }
  const files = readdirSync(folder)
    .filter((f) => (axes === 3 ? /\.(nii|nii\.gz|mha|nrrd|npy)$/i : /\.(png|jpe?g|tiff?|npy)$/i).test(f) && !f.startsWith("."))
    .sort();
  if (files.length === 0)
    throw new FormatError(
      `${folder}: there are no ${axes === 3 ? "volumes in it (.nii, .nii.gz, .mha, .nrrd, .npy)" : "pictures in it (.png, .jpg, .tif, .npy)"}`,
      { folder },
    );
  const pictures: TrainingPicture[] = [];
  for (const name of files) {
    const loaded = await loadImage(session, join(folder, name));
    const gray = grayOf(loaded);
    if (gray.grid.size.length !== axes)
      throw new FormatError(
        `${join(folder, name)}: ${gray.grid.size.join("×")} samples came; a ${axes === 3 ? "volume with three" : "picture with two"} axes was expected`,
        { name },
      );
    const { data } = loaded.raw;
    const peak = data instanceof Uint8Array ? 255 : data instanceof Uint16Array ? 65535 : 1;
    const [width, height, depth] = gray.grid.size;
    const values = Float32Array.from(gray.values.data, (v) => v / peak);
    // Volumes are measured in units of their own; their recipes see to it.
    if (axes === 2 && peak === 1 && values.some((v) => v > 4 || v < -4))
      throw new FormatError(
        `${join(folder, name)}: values go beyond 0 to 1, and ${extension(name)} does not say what white is; divide them first`,
        { name },
      );
    pictures.push({ name, width, height, ...(axes === 3 && { depth }), values });
  }
  return pictures;
}

/** The checkpoint of a training in this folder; undefined where none has begun. */
function earlierRun(target: string) {
  const file = join(target, checkpointName);
  if (existsSync(file)) {
    try {
      return readSafetensors(readFileSync(file));
    } catch (cause) {
      throw new FormatError(
        `${file}: the checkpoint cannot be read (${(cause as Error).message}); --force begins anew`,
        { file },
        { cause },
      );
    }
  }
  const there = statSync(target, { throwIfNoEntry: false });
  if (there && !there.isDirectory()) throw new OutputError(`${target}: a file of that name exists; choose another folder`, { target });
  if (there && readdirSync(target).some((f) => !f.startsWith(".")))
    throw new ArgumentError(
      `${target}: the folder holds other files and no training; choose another, or --force puts the training beside them`,
      { target },
    );
  return undefined;
}
