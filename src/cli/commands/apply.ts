import { basename } from "node:path";
import { ArgumentError, GridError } from "../../core/errors.js";
import type { Grid } from "../../image/index.js";
import { formatOfName, rawFromImage, type StoredType, writeImage, writePoints, writeRawFiles } from "../../io/index.js";
import { Tensor } from "../../tensor/index.js";
import { identityTransform, type Transform, warp } from "../../transforms/index.js";
import type { CommandDefinition } from "../command.js";
import { loadImage, loadPoints, loadTransform } from "../inputs.js";
import { choice, finite, force, option, output, text } from "../options.js";
import { isFolder } from "../output.js";
import type { Session } from "../session.js";

const interpolations = ["linear", "cubic", "nearest", "label"] as const;

/** `pullback apply INPUT… --transform T --to fixed|moving -o FILE`: carry images, label maps or points to the other space. */
export const command: CommandDefinition = {
  name: "apply",
  summary: "carry images, label maps or points through a transform",
  examples: [
    "pullback apply moving.nii.gz --transform out/transform.json --to fixed -o warped.nii.gz",
    "pullback apply labels.nii.gz --transform out/transform.json --to fixed --interp label -o warped-labels.nii.gz",
    "pullback apply landmarks.csv --transform out/transform.json --to moving -o mapped.csv",
  ],
  arguments: [{ name: "<inputs...>", help: "images, label maps or points.csv, all of one space" }],
  options: [
    option("--transform <file>", "transform.json, ITK .tfm/.mat, a displacement field, or the word identity", text, "a file"),
    choice("--to <space>", "the space the inputs are carried into", ["fixed", "moving"]),
    choice("--interp <kind>", "interpolation of images; label keeps values as they are", interpolations),
    option("--like <image>", "take the grid of this image instead of the one stored with the transform", text, "an image file"),
    option("--fill <value>", "value outside the input (0)", finite, "a number"),
    output("a file, or a folder for several inputs"),
    force,
  ],
  async run(session, inputs, options) {
    const target = options.output as string | undefined;
    if (!target) throw new ArgumentError("apply: where to? name a file, or a folder for several inputs, after -o");
    if (!options.transform) throw new ArgumentError("apply: which transform? name it after --transform");
    const several = inputs.length > 1 || isFolder(target);
    if (inputs.length > 1 && !isFolder(target))
      throw new ArgumentError(`apply: ${inputs.length} inputs need a folder after -o; ${target} looks like a file`, { target });
    const names = inputs.map((i) => basename(i));
    if (new Set(names).size < names.length)
      throw new ArgumentError("apply: two inputs have the same file name; carry them one by one", { names });
    const to = options.to as "fixed" | "moving" | undefined;
    const identity = options.transform === "identity";
    if (!to && !identity) throw new ArgumentError("apply: into which space? --to fixed or --to moving", {});
    const like = options.like === undefined ? undefined : (await loadImage(session, options.like as string)).image.grid;
    let y = identity ? undefined : await loadTransform(session, options.transform as string);
    const transformFor = (dimension: number): Transform => {
      if (!y || identity) y = identityTransform(dimension); // a transform from a file is read already
      if (y.dimension !== dimension)
        throw new GridError(`apply: the transform is ${y.dimension}-D but an input is ${dimension}-D; they must agree`, { dimension });
      return y;
    };
    const files = new Map<string, Uint8Array | string>();
    for (const [k, input] of inputs.entries()) {
      const name = several ? names[k] : basename(target);
      if (/\.csv$/i.test(input)) files.set(name, carryPoints(session, input, transformFor, to));
      else {
        if (formatOfName(name) === undefined)
          throw new ArgumentError(`${name}: an image needs an image's extension, such as .nii.gz or .png`, { name });
        for (const [part, bytes] of await carryImage(session, input, name, transformFor, to, like, options)) files.set(part, bytes);
      }
    }
    const json = { transform: options.transform, to: to ?? null, inputs };
    if (session.dryRun) return { json: { ...json, dryRun: true, outputs: [] }, lines: [...files.keys()].map((n) => `would write ${n}`) };
    const out = session.output(target, several, { force: options.force === true });
    for (const [name, bytes] of files) out.put(name, bytes);
    const outputs = out.commit();
    return { json: { ...json, outputs }, lines: outputs };
  },
};

function carryPoints(session: Session, path: string, transformFor: (d: number) => Transform, to: "fixed" | "moving" | undefined): string {
  const table = loadPoints(session, path);
  const y = transformFor(table.dimension);
  // The transform takes fixed points to moving ones; the other way is its inverse.
  const map = to === "fixed" ? y.inverse() : y;
  const mapped = map.apply(Tensor.from(table.points, [table.count, table.dimension]));
  return writePoints({ dimension: table.dimension, points: Float64Array.from(mapped.data), columns: table.columns });
}

async function carryImage(
  session: Session,
  path: string,
  name: string,
  transformFor: (d: number) => Transform,
  to: "fixed" | "moving" | undefined,
  like: Grid | undefined,
  options: Readonly<Record<string, unknown>>,
): Promise<Map<string, Uint8Array>> {
  const { image, raw } = await loadImage(session, path);
  const y = transformFor(image.grid.size.length);
  // An image is pulled back: into fixed space along y, into moving space along its inverse.
  const map = to === "moving" ? y.inverse() : y;
  const grid = like ?? map.from.grid;
  if (!grid)
    throw new ArgumentError(
      `apply: the transform does not say on which grid the ${to ?? "result"} image lies; name an image that does with --like`,
      {},
    );
  const interp = (options.interp as (typeof interpolations)[number] | undefined) ?? "linear";
  const warped = warp(image, map, grid, {
    interpolation: interp === "label" ? "nearest" : interp,
    fill: (options.fill as number | undefined) ?? 0,
  });
  const kept = { channelKind: raw.channelKind, frameSpacing: raw.frameSpacing };
  if (interp === "label" || interp === "nearest") {
    const dtype = raw.data.constructor.name.replace("Array", "").toLowerCase() as StoredType;
    return writeRawFiles(rawFromImage(warped, { dtype, ...kept }), name);
  }
  return writeImage(warped, name, kept);
}
