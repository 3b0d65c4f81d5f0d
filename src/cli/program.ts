import { Command, CommanderError, Option } from "commander";
import type { CommandDefinition, Outcome } from "./command.js";
import { Exit } from "./exit.js";
import { suggestion } from "./nearest.js";
import { common, keyOf, option, resolveOptions, text } from "./options.js";
import { discardUnfinished } from "./output.js";
import { oneLine, present } from "./present.js";
import { color, Session } from "./session.js";
import { version } from "./version.js";

/** Every command: what it does, and the module to load when it is called. */
export const commands: Readonly<
  Record<string, { readonly summary: string; readonly load: () => Promise<{ command: CommandDefinition }> }>
> = {
  align: { summary: "align two pictures directly by brightness (Lucas–Kanade)", load: () => import("./commands/align.js") },
  apply: { summary: "carry images, label maps or points through a transform", load: () => import("./commands/apply.js") },
  atlas: { summary: "the mean of a group of images, and how they vary", load: () => import("./commands/atlas.js") },
  batch: { summary: "register many pairs: resumable, on one machine or many", load: () => import("./commands/batch.js") },
  bids: { summary: "bring the brains of a BIDS data set into one space", load: () => import("./commands/bids.js") },
  compare: { summary: "set two images side by side", load: () => import("./commands/compare.js") },
  convert: {
    summary: "write an image in another format; translate settings of elastix and ANTs",
    load: () => import("./commands/convert.js"),
  },
  deblur: { summary: "undo a blur, its kernel known or not", load: () => import("./commands/deblur.js") },
  denoise: { summary: "take noise out of an image", load: () => import("./commands/denoise.js") },
  epi: { summary: "correct echo-planar images from a blip-up/blip-down pair", load: () => import("./commands/epi.js") },
  evaluate: { summary: "score a result: points, labels, images, transforms", load: () => import("./commands/evaluate.js") },
  flow: { summary: "dense optical flow between two pictures", load: () => import("./commands/flow.js") },
  homography: { summary: "the homography between two pictures, by features", load: () => import("./commands/homography.js") },
  infer: { summary: "use a network of the catalogue, or of an ONNX file, on a picture", load: () => import("./commands/infer.js") },
  info: { summary: "say what a file holds", load: () => import("./commands/info.js") },
  inpaint: { summary: "fill in what is missing from an image", load: () => import("./commands/inpaint.js") },
  longitudinal: {
    summary: "two visits of one person: growth and loss, without favouring either",
    load: () => import("./commands/longitudinal.js"),
  },
  mosaic: { summary: "join pictures taken from one place", load: () => import("./commands/mosaic.js") },
  motion: { summary: "correct motion in a series", load: () => import("./commands/motion.js") },
  odometry: { summary: "where a calibrated camera goes, from its frames", load: () => import("./commands/odometry.js") },
  recognise: { summary: "which planar objects a picture shows, and where", load: () => import("./commands/recognise.js") },
  reconstruct: { summary: "an image from what a scanner measured", load: () => import("./commands/reconstruct.js") },
  register: { summary: "align MOVING with FIXED", load: () => import("./commands/register.js") },
  report: { summary: "write the report of a registration again", load: () => import("./commands/report.js") },
  segment: { summary: "label TARGET from labelled images", load: () => import("./commands/segment.js") },
  serve: { summary: "align, restore and reconstruct images in a page of your browser", load: () => import("./commands/serve.js") },
  status: { summary: "how far a batch is", load: () => import("./commands/status.js") },
  stereo: { summary: "disparities of a rectified pair of pictures", load: () => import("./commands/stereo.js") },
  superres: { summary: "a finer image from a coarse one, or from several", load: () => import("./commands/superres.js") },
  track: { summary: "follow structures through a series", load: () => import("./commands/track.js") },
  train: { summary: "train a network of the catalogue on pictures", load: () => import("./commands/train.js") },
  transform: { summary: "compose, invert, convert or measure transforms", load: () => import("./commands/transform.js") },
  worker: { summary: "help with a batch that others began", load: () => import("./commands/worker.js") },
};

const overview = `Examples:
  pullback register fixed.nii.gz moving.nii.gz -o out/
  pullback apply labels.nii.gz --transform out/transform.json --to fixed --interp label -o warped-labels.nii.gz
  pullback evaluate --fixed-labels labels.nii.gz --moving-labels warped-labels.nii.gz
  pullback denoise noisy.png --sigma 25 -o clean.png
  pullback info moving.nii.gz
`;

/**
 * Run one command line; the result is the exit code.
 * @param print  takes the one JSON object of --json, in place of standard output
 */
export async function run(argv: readonly string[], print: (value: unknown) => void = printed): Promise<number> {
  const wantsJson = argv.includes("--json");
  let session: Session | undefined;
  const fail = (error: unknown): number => {
    session?.progress.clear();
    discardUnfinished();
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return Exit.ok; // --help has been printed
      return say(oneLine(error.message), Exit.usage);
    }
    const { sentence, exit } = present(error);
    if (process.env.PULLBACK_DEBUG === "1" && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return say(sentence, exit);
  };
  const say = (sentence: string, exit: number): number => {
    process.stderr.write(`${color("31", "pullback:")} ${sentence}\n`);
    if (wantsJson) print({ status: exit === Exit.interrupted ? "interrupted" : "error", reason: sentence, exit, outputs: [] });
    return exit;
  };
  // Work that listens ends by itself, within a step; what does not, and whoever is told twice, ends here.
  const onSignal = (signal: NodeJS.Signals) => {
    if (session?.stop(signal)) return;
    session?.progress.clear();
    discardUnfinished();
    process.exit(say(`interrupted (${signal}); nothing half-written was left`, Exit.interrupted));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);

  const name = argv.find((a) => !a.startsWith("-"));
  const program = new Command("pullback")
    .description("Image registration and inverse problems on one differentiable engine.")
    .version(version(), "-V, --version")
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: (t) => process.stdout.write(t) })
    .addHelpText("before", overview);
  try {
    if (name !== undefined && commands[name] === undefined)
      return say(`there is no command "${name}"${suggestion(name, Object.keys(commands)) || "; pullback --help lists them"}`, Exit.usage);
    let exit: number = Exit.ok;
    for (const [key, { summary, load }] of Object.entries(commands)) {
      const sub = program.command(key, { hidden: false }).description(summary);
      if (key !== name) continue;
      const { command } = await load();
      define(sub, command, async (args, flags) => {
        const { config, ...given } = flags;
        const options = resolveOptions([...command.options, ...common], given, config as string | undefined);
        session = new Session(key, options);
        await startEngine(options);
        const outcome = await command.run(session, args, options);
        session.progress.clear();
        exit = outcome.exit ?? Exit.ok;
        finish(session, outcome, print);
      });
    }
    if (argv.length === 0) {
      program.outputHelp();
      return Exit.usage;
    }
    await program.parseAsync([...argv], { from: "user" });
    return exit;
  } catch (error) {
    return fail(error);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

function define(sub: Command, command: CommandDefinition, action: (args: string[], flags: Record<string, unknown>) => Promise<void>): void {
  sub
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: (t) => process.stdout.write(t) })
    .showSuggestionAfterError(true)
    .allowExcessArguments(false)
    .addHelpText("before", `Examples:\n${command.examples.map((e) => `  ${e}`).join("\n")}\n`);
  for (const a of command.arguments) sub.argument(a.name, a.help);
  const config = option("--config <file>", "options from a JSON file, by their names; flags win", text, "a file");
  for (const definition of [...command.options, config, ...common]) {
    const o = new Option(definition.flags, definition.help);
    if (definition.repeat) o.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
    sub.addOption(o);
  }
  // Commander gives "--no-x" the default true; what the user did not say must stay unsaid.
  for (const definition of command.options.concat(common)) sub.setOptionValueWithSource(keyOf(definition), undefined, "default");
  sub.action(async () => {
    // --no-input asks for nothing, and must not be read as a value of a command's own --input.
    const flags = Object.fromEntries(
      Object.entries(sub.opts()).filter(([key, value]) => value !== undefined && !(key === "input" && value === false)),
    );
    await action(sub.args, flags);
  });
}

async function startEngine(options: Readonly<Record<string, unknown>>): Promise<void> {
  if (options.threads === undefined && options.memory === undefined) return;
  const { startEngine: start } = await import("../kernels/index.js");
  start({
    threads: options.threads as number | undefined,
    memoryBytes: options.memory === undefined ? undefined : (options.memory as number) * 2 ** 20,
  });
}

const printed = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, finiteOnly, 1)}\n`);
};

/** JSON has no NaN or infinity: they become null. */
const finiteOnly = (_: string, value: unknown): unknown => (typeof value === "number" && !Number.isFinite(value) ? null : value);

function finish(session: Session, { json, lines, said }: Outcome, print: (value: unknown) => void): void {
  if (said) return;
  if (session.json)
    print({
      status: "ok",
      ...json,
      ...(session.warnings.length > 0 || "warnings" in json ? { warnings: session.warnings } : {}),
      seconds: { ...session.seconds, ...(json.seconds as object | undefined) },
    });
  else if (lines && !session.quiet) process.stdout.write(lines.length > 0 ? `${lines.join("\n")}\n` : "");
}
