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
import type { CommandDefinition } from "../command.js";
import { loadImage } from "../inputs.js";
import { choice, finite, option, output, whole } from "../options.js";

const types = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"] as const;

/** `pullback convert IN -o OUT`: the same image in another format, type or channel. */
export const command: CommandDefinition = {
  name: "convert",
  summary: "read an image in one format, write it in another",
  examples: [
    "pullback convert scan.mha -o scan.nii.gz",
    "pullback convert series.nii.gz --channel 0 -o first.nii.gz",
    "pullback convert broken.nii.gz --nan 0 -o clean.nii.gz",
  ],
  arguments: [{ name: "<input>", help: "an image" }],
  options: [
    output(`the image to write; its extension says how (${imageExtensions.join(" ")})`),
    choice("--type <type>", "type of the stored numbers", types),
    option("--channel <n>", "keep one channel or frame, counted from 0", whole, "a whole number from 0"),
    option("--nan <value>", "write this value where the input is NaN or infinite", finite, "a number"),
  ],
  async run(session, [input], options) {
    const target = options.output as string | undefined;
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
