import { basename } from "node:path";
import { ArgumentError, FormatError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { type Grid, gridText } from "../image/index.js";
import { formatOfName, imageExtensions, readSafetensors } from "../io/index.js";
import { readBytes } from "../io/node.js";
import {
  loadModel,
  type ThickStacks,
  type ThroughPlaneNetwork,
  thinner,
  throughPlaneNetwork,
  throughPlaneStacks,
} from "../models/index.js";
import { withWeightsOf } from "../nn/index.js";
import { resizeOperator } from "../operators/index.js";
import { gallery, grayPicture, plain, robustWindow } from "../report/index.js";
import { requireMemory, scope, type Tensor } from "../tensor/index.js";
import type { Options, Outcome } from "./command.js";
import { imageExtension, putRun } from "./groupFiles.js";
import { loadImage } from "./inputs.js";
import { isFolder } from "./output.js";
import { stopwatch } from "./registrationFiles.js";
import { type Measured, measured, store } from "./restoration.js";
import type { Session } from "./session.js";

export const throughPlane = "model:through-plane";
const scale = 5;

/** `scale` slices for each old one along an axis: old slice k lies at the new scale·k + (scale − 1)/2. */
function thinGrid(grid: Grid, axis = 2): Grid {
  const back = grid.spacing[axis] * (0.5 / scale - 0.5);
  return {
    ...grid,
    size: grid.size.map((n, a) => (a === axis ? n * scale : n)),
    spacing: grid.spacing.map((s, a) => (a === axis ? s / scale : s)),
    origin: grid.origin.map((o, r) => o + grid.direction[3 * r + axis] * back),
  };
}
interface Stack {
  readonly path: string;
  /** [z, y, x] */
  readonly data: Tensor;
  readonly grid: Grid;
}
/** The same samples with the axes of another grid, in its order and directions; undefined where no axes are parallel. */
function turned({ data, grid, path }: Stack, like: Grid): Stack | undefined {
  const column = (g: Grid, a: number) => [0, 1, 2].map((r) => g.direction[3 * r + a]);
  const along = [0, 1, 2].map((a) => [0, 1, 2].map((b) => column(like, a).reduce((sum, v, r) => sum + v * column(grid, b)[r], 0)));
  const from = along.map((row) => row.findIndex((v) => Math.abs(v) > 0.9999));
  if (from.includes(-1)) return undefined;
  const back = from.map((b, a) => along[a][b] < 0);
  const origin = grid.origin.map(
    (o, r) => o + from.reduce((s, b, a) => s + (back[a] ? column(grid, b)[r] * grid.spacing[b] * (grid.size[b] - 1) : 0), 0),
  );
  // Arrays have z first.
  let values = data.permute(...[2, 1, 0].map((a) => 2 - from[a]));
  for (const a of [0, 1, 2]) if (back[a]) values = values.flip(2 - a);
  return {
    path,
    data: values,
    grid: { size: from.map((b) => grid.size[b]), spacing: from.map((b) => grid.spacing[b]), origin, direction: like.direction },
  };
}
/** Stacks across z, y, x of the first one's grid, which has thick slices across z, and the grid of thin ones. @throws FormatError saying which stack does not belong */
function joinedStacks([first, ...others]: readonly Stack[]): { readonly stacks: ThickStacks; readonly grid: Grid } {
  const fine = thinGrid(first.grid);
  const stacks: { z: Tensor; y?: Tensor; x?: Tensor } = { z: first.data };
  for (const stack of others) {
    const t = turned(stack, first.grid);
    const axis = [1, 0].find((a) => {
      if (!t || stacks[a === 1 ? "y" : "x"] || t.grid.spacing[a] < 1.5 * t.grid.spacing[2]) return false;
      const made = thinGrid(t.grid, a);
      const near = (p: readonly number[], q: readonly number[], tolerance: number) => p.every((v, i) => Math.abs(v - q[i]) < tolerance);
      return (
        near(made.size, fine.size, 0.5) &&
        near(made.spacing, fine.spacing, 0.01 * fine.spacing[2]) &&
        near(made.origin, fine.origin, 0.2 * fine.spacing[2])
      );
    });
    if (!t || axis === undefined)
      throw new FormatError(
        `${stack.path}: its grid (${gridText(stack.grid)}) is not that of slices across another axis of ${first.path} (${gridText(first.grid)}): the same field, ${scale} times thicker across one axis than within; bring it there first (pullback register, pullback apply)`,
        { path: stack.path },
      );
    stacks[axis === 1 ? "y" : "x"] = t.data;
  }
  if (stacks.x && !stacks.y)
    throw new FormatError(
      `${others[0].path}: of two stacks the second has its slices across y of the first; name them in the other order, or turn them`,
      {},
    );
  return { stacks, grid: fine };
}

/** The network for so many stacks: of the weights given, else one that makes the mean of what the package's makes of each. */
async function networkOf(stacks: number, weights?: Uint8Array): Promise<ThroughPlaneNetwork> {
  if (stacks === 1) return loadModel("through-plane", { weights });
  const random = seeded(1);
  if (!weights) return throughPlaneStacks(await loadModel("through-plane"), { stacks, random });
  return withWeightsOf(throughPlaneNetwork({ random, scale, stacks }), readSafetensors(weights));
}

/**
 * `superres VOLUME --scale 1,1,5 --prior model:through-plane`, and `superres --frames VOLUME VOLUME… --prior model:through-plane` for stacks of one field across two or three
 * axes: by weights of `train through-plane --stacks`, or the mean of what the package's network makes of each.
 */
export async function superresThick(session: Session, paths: readonly string[], options: Options): Promise<Outcome> {
  const [path] = paths;
  const target = options.output as string | undefined;
  if (!target) throw new ArgumentError("superres: where to? name a file or a folder after -o");
  const factors = options.scale as number[] | undefined;
  if (paths.length > 3)
    throw new ArgumentError(`--frames: ${paths.length} stacks came; ${throughPlane} takes up to 3, one across each axis`);
  if ((factors || paths.length === 1) && factors?.join() !== `1,1,${scale}`)
    throw new ArgumentError(
      `--scale: ${factors?.join(",") ?? "nothing"} came; ${throughPlane} makes slices ${scale} times thinner, --scale 1,1,${scale}`,
    );
  for (const key of ["lambda", "iterations", "tolerance", "solver", "sigma", "views"] as const)
    if (options[key] !== undefined) throw new ArgumentError(`--${key}: a network has none; leave it out`);
  const folder = isFolder(target);
  if (!folder && formatOfName(target) === undefined)
    throw new ArgumentError(
      `${target}: the extension names no format that can be written; choose one of ${imageExtensions.join(" ")}, or a folder`,
      { target },
    );
  const weights = options.weights as string | undefined;
  const network = thinner(await networkOf(paths.length, weights === undefined ? undefined : readBytes(weights)));
  const out = session.dryRun ? undefined : session.output(target, folder, { force: options.force === true });
  try {
    const timings: Record<string, number> = {};
    const clock = stopwatch(timings);
    const read: Measured[] = [];
    for (const file of paths) {
      const one = measured(await loadImage(session, file), undefined, true);
      if (one.grid.size.length !== 3 || one.channels !== 1)
        throw new FormatError(`${file}: ${one.grid.size.join("×")} samples came; a volume of one channel was expected`, { path: file });
      read.push(one);
    }
    const [m] = read;
    const { loaded } = m;
    const { stacks, grid } = joinedStacks(
      // Inner units are the first one's for all.
      read.map(({ data, grid, scale: s }, i) => ({
        path: paths[i],
        data: data.mul(s / m.scale).reshape(...[...grid.size].reverse()),
        grid,
      })),
    );
    // 1600 bytes for each sample of a slab (measured), and the thick and the thin volumes; several stacks hand five channels on, held twice while they are joined.
    requireMemory(
      1600 * Math.min(loaded.image.values.size, 400_000) +
        4 * loaded.image.values.size * (2 + (4 + (paths.length > 1 ? 10 * paths.length : 0)) * scale),
      `superres: a volume of ${grid.size.join("×")}`,
      "cut the volume into parts that overlap by 8 rows",
    );
    clock("read");
    const plan = { scale: factors ?? [1, 1, scale], prior: throughPlane, ...(paths.length > 1 && { stacks: paths.length }) };
    if (!out)
      return {
        json: { dryRun: true, grid: gridText(grid), options: plan, outputs: [] },
        lines: [`would make ${gridText(grid)} of ${paths.join(", ")} (${gridText(m.grid)})`],
      };
    const [d, h, w] = [...m.grid.size].reverse();
    const thick = m.data.reshape(d, h, w);
    const image = await session.stoppable(async () => scope(() => network(stacks)));
    clock("restore");
    const cubic = scope(() => resizeOperator([d, h, w], { axes: [0], size: [d * scale] }).apply(thick));
    const made: Measured = { ...m, grid, loaded: { ...loaded, image: { values: cubic.reshape(1, d * scale, h, w), grid } } };
    const name = folder ? `restored${imageExtension(path)}` : basename(target);
    for (const [file, bytes] of store(session, made, image, name)) out.put(file, bytes);
    const change = scope(() => image.sub(cubic).norm().item() / Math.sqrt(image.size));
    const sentence = `${grid.size.join("×")} from ${m.grid.size.join("×")}, ${paths.length > 1 ? `${paths.length} stacks joined, ` : ""}slices ${scale} times thinner by a network; it changed cubic interpolation${paths.length > 1 ? " of the first" : ""} by ${plain(change)} (rms, of 1)`;
    clock("write");
    if (folder) {
      const values = [cubic, image].map((x) => Float32Array.from(x.data));
      const window = robustWindow(values[0]);
      // A plane across the slices.
      const across = (v: Float32Array) => {
        const plane = new Float32Array(d * scale * w);
        for (let z = 0; z < d * scale; z++)
          plane.set(v.subarray((z * h + (h >> 1)) * w, (z * h + (h >> 1)) * w + w), (d * scale - 1 - z) * w);
        return grayPicture({ width: w, height: d * scale, values: plane }, window);
      };
      out.put(
        "report.html",
        gallery({
          title: "Thin slices from thick ones",
          subtitle: `${basename(path)}, ${gridText(m.grid)}; inner units ${m.units}`,
          verdict: { level: "good", sentence },
          figures: [{ label: "change of cubic interpolation, rms", value: change }],
          rows: [
            {
              title: "Across the slices",
              large: true,
              note: "What is finer than the measured slices is what the network finds likely.",
              pictures: [
                { picture: across(values[0]), caption: "cubic interpolation" },
                { picture: across(values[1]), caption: "network" },
              ],
            },
          ],
          plots: [],
          summary: { image: path, ...plan },
          timings,
          warnings: session.warnings,
        }),
      );
      putRun(session, out, [...paths, ...(weights ? [weights] : [])], {
        options: plan,
        status: "ok",
        reason: sentence,
        figures: { change },
        units: m.units,
        seconds: timings,
      });
    }
    return {
      json: { status: "ok", reason: sentence, ...plan, grid: gridText(grid), units: m.units, figures: { change }, outputs: out.commit() },
      lines: [sentence, target],
    };
  } catch (error) {
    out?.discard();
    throw error;
  }
}
