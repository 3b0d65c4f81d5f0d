import { basename } from "node:path";
import { ArgumentError } from "../../core/errors.js";
import { jacobianDeterminant, jacobianSummary } from "../../evaluation/index.js";
import { type Grid, image, sameGrid } from "../../image/index.js";
import {
  asLinear,
  displacementBytes,
  formatOfName,
  itkFromTransform,
  itkText,
  writeImage,
  writeItkTransformHdf5,
  writeTransform,
} from "../../io/index.js";
import { plain } from "../../report/linePlot.js";
import { CompositeTransform, type Transform } from "../../transforms/index.js";
import type { CommandDefinition, Options, Outcome } from "../command.js";
import { loadImage, loadTransform } from "../inputs.js";
import { suggestion } from "../nearest.js";
import { option, output, text } from "../options.js";
import type { Session } from "../session.js";
import { aboutTransform, listing } from "./info.js";

const actions = ["compose", "invert", "convert", "field", "jacobian", "info"] as const;

/** `pullback transform compose|invert|convert|field|jacobian|info …`. */
export const command: CommandDefinition = {
  name: "transform",
  summary: "compose, invert, convert or measure transforms",
  examples: [
    "pullback transform info out/transform.json",
    "pullback transform compose rigid/transform.json warp/transform.json -o both.json",
    "pullback transform invert out/transform.json -o back.json",
    "pullback transform convert out/transform.json -o for-itk.tfm",
    "pullback transform field out/transform.json -o displacement.nii.gz",
    "pullback transform jacobian out/transform.json -o J.nii.gz",
  ],
  arguments: [
    { name: "<action>", help: actions.join(", ") },
    { name: "<transforms...>", help: "transform.json, ITK .tfm/.mat, or a displacement field" },
  ],
  options: [
    output("the file to write: .json, .tfm or .h5 (ITK), or an image for fields and Jacobians"),
    option("--like <image>", "take the grid of this image instead of the one stored with the transform", text, "an image file"),
  ],
  async run(session, [action, ...files], options) {
    if (!(actions as readonly string[]).includes(action))
      throw new ArgumentError(
        `transform: there is no action "${action}"${suggestion(action, actions) || `; choose one of ${actions.join(", ")}`}`,
        { action },
      );
    if (action !== "compose" && files.length > 1)
      throw new ArgumentError(`transform ${action}: ${files.length} transforms came; one was expected`, { files });
    const all: Transform[] = [];
    for (const f of files) all.push(await loadTransform(session, f));
    if (action === "info") {
      const about = aboutTransform(all[0]);
      return { json: { file: files[0], ...about, outputs: [] }, lines: listing({ file: files[0], ...about }) };
    }
    const target = options.output as string | undefined;
    if (!target) throw new ArgumentError(`transform ${action}: where to? name a file after -o`);
    if (action === "compose") return compose(session, all, files, target, options);
    if (action === "invert") return save(session, all[0].inverse(), target, options, {});
    if (action === "convert") return save(session, all[0], target, options, {});
    const grid = await gridFor(session, all[0], options);
    if (action === "field") {
      if (formatOfName(target) === undefined || /\.(png|jpe?g|npy|npz)$/i.test(target))
        throw new ArgumentError(`transform field: ${target} cannot hold vectors with their place; choose .nii.gz, .mha or .nrrd`, {
          target,
        });
      return save(session, all[0], target, options, {});
    }
    const j = jacobianDeterminant(all[0].displacement(grid).data, grid);
    const { folded, foldedCount, min, max, mean, sdLog } = jacobianSummary(j);
    const figures = { folded, foldedCount, min, max, mean, sdLog };
    const lines = [`${target}: det J from ${plain(min)} to ${plain(max)}, ${plain(100 * folded)} % folded, sd of log ${plain(sdLog)}`];
    return finish(session, writeImage(image(j, grid), target), target, figures, lines);
  },
};

/** The grid of fixed space. */
async function gridFor(session: Session, y: Transform, options: Options): Promise<Grid> {
  if (options.like !== undefined) return (await loadImage(session, options.like as string)).image.grid;
  if (y.from.grid) return y.from.grid;
  throw new ArgumentError(
    "transform: the file does not say on which grid fixed space was sampled; name an image that does with --like",
    {},
  );
}

/**
 * In the order in which spaces fit: the grid where one ends is the grid where the next begins. When that does not decide,
 * the first named is applied first (to fixed points).
 */
function compose(
  session: Session,
  all: readonly Transform[],
  files: readonly string[],
  target: string,
  options: Options,
): Promise<Outcome> {
  if (all.length < 2) throw new ArgumentError("transform compose: one transform came; at least two were expected", { files });
  const dimensions = new Set(all.map((t) => t.dimension));
  if (dimensions.size > 1) throw new ArgumentError("transform compose: 2-D and 3-D transforms cannot follow each other", { files });
  const chain = (order: readonly Transform[]) => order.every((t, k) => k === 0 || meets(order[k - 1], t));
  const backwards = [...all].reverse();
  const turned = !chain(all) && chain(backwards);
  const order = turned ? backwards : all;
  const names = turned ? [...files].reverse() : files;
  session.note(`first ${names.map((n) => basename(n)).join(", then ")}${turned ? " (the order in which their spaces meet)" : ""}`);
  const linear = order.every((t) => asLinear(t) !== undefined);
  const both = linear
    ? (order.map((t) => asLinear(t) as Transform).reduce((inner, outer) => outer.compose(inner)) as Transform)
    : new CompositeTransform(order);
  return save(session, both, target, options, { order: names });
}
const meets = (a: Transform, b: Transform): boolean =>
  a.to.grid !== undefined && b.from.grid !== undefined ? sameGrid(a.to.grid, b.from.grid) : a.to.name === b.from.name;

async function save(session: Session, y: Transform, target: string, options: Options, figures: Record<string, unknown>): Promise<Outcome> {
  if (/\.json$/i.test(target)) return finish(session, writeTransform(y, target), target, figures, [target]);
  if (/\.(tfm|txt)$/i.test(target))
    return finish(session, new Map([[basename(target), new TextEncoder().encode(itkText(y))]]), target, figures, [target]);
  if (/\.h5$/i.test(target))
    return finish(session, new Map([[basename(target), await writeItkTransformHdf5(itkFromTransform(y))]]), target, figures, [target]);
  const format = formatOfName(target);
  if (format === "nifti" || format === "metaimage" || format === "nrrd")
    return finish(
      session,
      new Map([[basename(target), displacementBytes(y, await gridFor(session, y, options), basename(target))]]),
      target,
      figures,
      [target],
    );
  throw new ArgumentError(
    `${target}: a transform is written as .json, .tfm (linear, B-spline), .h5 or a displacement field (.nii.gz .mha .nrrd)`,
    {
      target,
    },
  );
}

function finish(
  session: Session,
  files: ReadonlyMap<string, Uint8Array>,
  target: string,
  figures: Record<string, unknown>,
  lines: readonly string[],
): Outcome {
  if (session.dryRun) return { json: { ...figures, dryRun: true, outputs: [] }, lines: [...files.keys()].map((n) => `would write ${n}`) };
  const out = session.output(target, false);
  for (const [name, bytes] of files) out.put(name, bytes);
  return { json: { ...figures, outputs: out.commit() }, lines };
}
