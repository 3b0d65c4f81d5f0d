import { basename } from "node:path";
import { ArgumentError, FormatError } from "../core/errors.js";
import { type Grid, gridText } from "../image/index.js";
import { formatOfName, imageExtensions } from "../io/index.js";
import { readBytes } from "../io/node.js";
import { loadModel, thinner } from "../models/index.js";
import { resizeOperator } from "../operators/index.js";
import { gallery, grayPicture, plain, robustWindow } from "../report/index.js";
import { requireMemory, scope } from "../tensor/index.js";
import type { Options, Outcome } from "./command.js";
import { imageExtension, putRun } from "./groupFiles.js";
import { loadImage } from "./inputs.js";
import { isFolder } from "./output.js";
import { stopwatch } from "./registrationFiles.js";
import { type Measured, measured, store } from "./restoration.js";
import type { Session } from "./session.js";

export const throughPlane = "model:through-plane";
const scale = 5;

/** `scale` slices for each old one along z: old slice k lies at the new scale·k + (scale − 1)/2. */
function thinGrid(grid: Grid): Grid {
  const back = grid.spacing[2] * (0.5 / scale - 0.5);
  return {
    ...grid,
    size: grid.size.map((n, a) => (a === 2 ? n * scale : n)),
    spacing: grid.spacing.map((s, a) => (a === 2 ? s / scale : s)),
    origin: grid.origin.map((o, r) => o + grid.direction[3 * r + 2] * back),
  };
}

/** `superres VOLUME --scale 1,1,5 --prior model:through-plane`. */
export async function superresThick(session: Session, path: string, options: Options): Promise<Outcome> {
  const target = options.output as string | undefined;
  if (!target) throw new ArgumentError("superres: where to? name a file or a folder after -o");
  const factors = options.scale as number[] | undefined;
  if (!factors || factors.join() !== `1,1,${scale}`)
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
  const network = thinner(await loadModel("through-plane", { weights: weights === undefined ? undefined : readBytes(weights) }));
  const out = session.dryRun ? undefined : session.output(target, folder, { force: options.force === true });
  try {
    const timings: Record<string, number> = {};
    const clock = stopwatch(timings);
    const loaded = await loadImage(session, path);
    const m = measured(loaded, undefined, true);
    if (m.grid.size.length !== 3 || m.channels !== 1)
      throw new FormatError(`${path}: ${m.grid.size.join("×")} samples came; a volume of one channel was expected`, { path });
    const grid = thinGrid(m.grid);
    // 1600 bytes for each sample of a slab (measured), and the thick and the thin volumes.
    requireMemory(
      1600 * Math.min(loaded.image.values.size, 400_000) + 4 * loaded.image.values.size * (2 + 4 * scale),
      `superres: a volume of ${grid.size.join("×")}`,
      "cut the volume into parts that overlap by 8 rows",
    );
    clock("read");
    const plan = { scale: factors, prior: throughPlane };
    if (!out)
      return {
        json: { dryRun: true, grid: gridText(grid), options: plan, outputs: [] },
        lines: [`would make ${gridText(grid)} of ${path} (${gridText(m.grid)})`],
      };
    const [d, h, w] = [...m.grid.size].reverse();
    const thick = m.data.reshape(d, h, w);
    const image = await session.stoppable(async () => scope(() => network(thick)));
    clock("restore");
    const cubic = scope(() => resizeOperator([d, h, w], { axes: [0], size: [d * scale] }).apply(thick));
    const made: Measured = { ...m, grid, loaded: { ...loaded, image: { values: cubic.reshape(1, d * scale, h, w), grid } } };
    const name = folder ? `restored${imageExtension(path)}` : basename(target);
    for (const [file, bytes] of store(session, made, image, name)) out.put(file, bytes);
    const change = scope(() => image.sub(cubic).norm().item() / Math.sqrt(image.size));
    const sentence = `${grid.size.join("×")} from ${m.grid.size.join("×")}, slices ${scale} times thinner by a network; it changed cubic interpolation by ${plain(change)} (rms, of 1)`;
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
      putRun(session, out, [path, ...(weights ? [weights] : [])], {
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
