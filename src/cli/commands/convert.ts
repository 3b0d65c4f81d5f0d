import { basename } from "node:path";
import { ArgumentError } from "../../core/errors.js";
import {
  formatOfName,
  imageExtensions,
  imageFromRaw,
  type RawImage,
  rawFromImage,
  rawImage,
  writeImage,
  writeRawFiles,
} from "../../io/index.js";
import type { CommandDefinition, Options, Outcome } from "../command.js";
import { loadImage } from "../inputs.js";
import { choice, finite, option, output, whole } from "../options.js";
import type { Session } from "../session.js";
import { translated } from "../translate/translate.js";
import { argvOf, lineOf, type Translation } from "../translate/translation.js";

const types = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"] as const;

/** `pullback convert IN -o OUT`: the same image in another format, type or channel; or what elastix or ANTs were told, as commands of this program. */
export const command: CommandDefinition = {
  name: "convert",
  summary: "write an image in another format; translate settings of elastix and ANTs",
  examples: [
    "pullback convert scan.mha -o scan.nii.gz",
    "pullback convert series.nii.gz --channel 0 -o first.nii.gz",
    "pullback convert broken.nii.gz --nan 0 -o clean.nii.gz",
    "pullback convert affine.txt bspline.txt -o settings.json        # elastix's parameter files: register --config settings.json",
    "pullback convert -- antsRegistrationSyNQuick.sh -d 3 -f F.nii.gz -m M.nii.gz -o out -t s",
    "pullback convert pipeline.sh -o pullback.sh                     # calls of elastix and ANTs in a script",
  ],
  arguments: [
    {
      name: "<input...>",
      help: "an image; or parameter files of elastix, a script that calls elastix or ANTs, or (after --) one such command line",
    },
  ],
  options: [
    output(
      `the image to write; its extension says how (${imageExtensions.join(" ")}). Of settings: .json for register --config, .sh for commands`,
    ),
    choice("--type <type>", "type of the stored numbers", types),
    option("--channel <n>", "keep one channel or frame, counted from 0", whole, "a whole number from 0"),
    option("--nan <value>", "write this value where the input is NaN or infinite", finite, "a number"),
  ],
  async run(session, inputs, options) {
    const target = options.output as string | undefined;
    const translations = translated(inputs);
    if (translations) return asCommands(session, inputs, translations, target, options);
    const [input] = inputs;
    if (inputs.length > 1)
      throw new ArgumentError(
        `convert: ${inputs.length} inputs came; one image was expected, or parameter files of elastix, or (after --) a command line of elastix or ANTs`,
        { inputs },
      );
    if (!target) throw new ArgumentError("convert: where to? name the file after -o");
    if (formatOfName(target) === undefined)
      throw new ArgumentError(`${target}: the extension names no format that can be written; choose one of ${imageExtensions.join(" ")}`, {
        target,
      });
    let { raw } = await loadImage(session, input);
    if (options.channel !== undefined) raw = oneChannel(raw, options.channel as number, input);
    let replaced = 0;
    if (options.nan !== undefined) {
      const data = raw.data.slice() as typeof raw.data;
      for (let i = 0; i < data.length; i++)
        if (!Number.isFinite(data[i])) {
          data[i] = options.nan as number;
          replaced++;
        }
      raw = { ...raw, data };
    }
    const dtype = options.type as (typeof types)[number] | undefined;
    const picture = /^(png|jpeg)$/.test(formatOfName(target) as string);
    const files =
      dtype !== undefined
        ? writeRawFiles(rawFromImage(imageFromRaw(raw), { dtype, channelKind: raw.channelKind, frameSpacing: raw.frameSpacing }), target)
        : picture && !(raw.data instanceof Uint8Array || raw.data instanceof Uint16Array)
          ? writeImage(imageFromRaw(raw), target)
          : writeRawFiles(raw, target);
    const json = {
      input,
      format: formatOfName(target),
      size: raw.size,
      channels: raw.channels,
      ...(options.nan === undefined ? {} : { replaced }),
    };
    if (session.dryRun) return { json: { ...json, dryRun: true, outputs: [] }, lines: [`would write ${target}`] };
    const out = session.output(target, false);
    for (const [name, bytes] of files) out.put(name, bytes);
    const outputs = out.commit();
    return { json: { ...json, outputs }, lines: [`${basename(input)} → ${target}${replaced > 0 ? ` (${replaced} values replaced)` : ""}`] };
  },
};

function oneChannel(raw: RawImage, channel: number, path: string): RawImage {
  if (channel >= raw.channels)
    throw new ArgumentError(
      `--channel: ${path} has ${raw.channels} channel${raw.channels === 1 ? "" : "s"}, so choose 0 … ${raw.channels - 1}`,
      {
        channel,
      },
    );
  const n = raw.data.length / raw.channels;
  const { size, spacing, origin, direction } = raw;
  return rawImage("convert", {
    data: raw.data.slice(channel * n, (channel + 1) * n) as RawImage["data"],
    channels: 1,
    channelKind: "scalar",
    size,
    spacing,
    origin,
    direction,
  });
}

/** The commands with what they cannot say, printed or written. */
function asCommands(
  session: Session,
  inputs: readonly string[],
  translations: readonly Translation[],
  target: string | undefined,
  options: Options,
): Outcome {
  for (const key of ["type", "channel", "nan"])
    if (options[key] !== undefined) throw new ArgumentError(`--${key}: this is for images; leave it out for settings`, { key });
  const commands = translations.flatMap((t) => t.commands);
  const missing = [...new Set(translations.flatMap((t) => t.missing))];
  const unneeded = [...new Set(translations.flatMap((t) => t.unneeded))];
  const from = [...new Set(translations.filter((t) => t.commands.length > 0).map((t) => t.from))];
  const lines = commands.map(lineOf);
  const remarks = [
    ...missing.map((m) => `# without counterpart: ${m}`),
    ...(session.verbose || target?.endsWith(".sh") ? unneeded.map((u) => `# not needed: ${u}`) : []),
  ].map((line) => line.replace(/\s*[\r\n]+\s*/g, " "));
  const registrations = commands.filter((c) => c.name === "register");
  const config = registrations.length === 1 ? registrations[0].options : undefined;
  const json = {
    input: inputs,
    from,
    commands: commands.map((c) => ({ argv: argvOf(c) })),
    ...(config ? { config } : {}),
    missing,
    unneeded,
  };
  if (target === undefined) return { json: { ...json, outputs: [] }, lines: [...remarks, ...lines] };
  if (!/\.(json|sh)$/i.test(target))
    throw new ArgumentError(`${target}: settings are written as .json for register --config, or as .sh`, { target });
  const script = /\.sh$/i.test(target);
  if (!script && !config)
    throw new ArgumentError(
      `${target}: ${registrations.length} registrations came, and a config holds the options of one; write a script instead: -o commands.sh`,
      { target },
    );
  if (session.dryRun) return { json: { ...json, dryRun: true, outputs: [] }, lines: [`would write ${target}`] };
  const out = session.output(target, false);
  out.put(basename(target), script ? `#!/bin/sh\nset -e\n${[...remarks, ...lines].join("\n")}\n` : `${JSON.stringify(config, null, 2)}\n`);
  const outputs = out.commit();
  return { json: { ...json, outputs }, lines: [...remarks, ...outputs] };
}
