import { basename } from "node:path";
import { ArgumentError, FormatError } from "../../core/errors.js";
import { sameGrid } from "../../image/index.js";
import { trackLabels } from "../../registration/index.js";
import { gallery, grayPicture, outlined, plain, robustWindow, slice, views } from "../../report/index.js";
import { type Motion, motions } from "../../vision/index.js";
import type { CommandDefinition } from "../command.js";
import { Exit } from "../exit.js";
import { frameNumber, loadFrames, seriesFiles, seriesName } from "../frames.js";
import { loadImage } from "../inputs.js";
import { choice, finite, force, numberList, option, output, positive, text, whole } from "../options.js";
import { runText, stopwatch } from "../registrationFiles.js";
import { trackBox, trackMethods } from "../trackBox.js";
import { version } from "../version.js";

/** `pullback track FRAMES… --labels L -o OUT/`: structures through a series, their sizes and places as curves. */
export const command: CommandDefinition = {
  name: "track",
  summary: "follow structures or a box through a series",
  examples: [
    "pullback track cine.nii.gz --labels ventricle.nii.gz -o out/",
    "pullback track frame-*.png --labels first.png -o out/",
    "pullback track film/*.jpg --box 160,83,56,65 -o out/",
    "pullback track film/*.jpg --box 160,83,56,65 --method deep-lk -o out/",
    "pullback track echo4d.nii.gz --labels valve.nii.gz --start 4 -o out/ --json",
  ],
  arguments: [{ name: "<frames...>", help: "one file with a time axis, or the frames in order" }],
  options: [
    option("--labels <file>", "label map of one frame: whole numbers, 0 is no structure", text, "a file"),
    option(
      "--box <x,y,w,h>",
      "a box in the first picture: left, top, width, height in pixels",
      numberList(finite),
      "four numbers: x,y,w,h",
    ),
    option(
      "--search <s>",
      "with --box: side of the square searched, in units of the root of the box's area (4)",
      positive,
      "a number of at least 2",
    ),
    choice(
      "--method <name>",
      "with --box: a correlation filter, or a network: Lucas–Kanade on learned features, or regression (filter)",
      trackMethods,
    ),
    option(
      "--weights <file>",
      "with --method deep-lk or regression: weights of one's own training (those of the package)",
      text,
      "a safetensors file",
    ),
    choice("--pose <motion>", "with --box: align the box's content to each frame too, between pixels; writes poses.csv", motions),
    option("--start <n>", "the frame on which the labels lie, from 0 (0)", whole, "a whole number of at least 0"),
    output("folder for the results"),
    force,
  ],
  async run(session, paths, options) {
    const target = options.output as string | undefined;
    if (!target) throw new ArgumentError("track: where to? name a folder after -o");
    if ((options.labels === undefined) === (options.box === undefined))
      throw new ArgumentError("track: what should be followed? name a label map after --labels, or a box after --box (one of them)");
    const out = session.dryRun ? undefined : session.output(target, true, { force: options.force === true });
    try {
      if (options.box !== undefined)
        return await trackBox(
          session,
          paths,
          options.box as number[],
          {
            search: options.search as number | undefined,
            pose: options.pose as Motion | undefined,
            method: options.method as (typeof trackMethods)[number] | undefined,
            weights: options.weights as string | undefined,
          },
          out,
        );
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const frames = await loadFrames(session, paths);
      const count = frames.images.length;
      const start = frameNumber("--start", (options.start as number | undefined) ?? 0, count);
      const labelPath = options.labels as string;
      const loaded = await loadImage(session, labelPath);
      const labels = loaded.image;
      if (labels.values.shape[0] !== 1)
        throw new FormatError(`${labelPath}: ${labels.values.shape[0]} channels came; one label map of frame ${start} was expected`, {});
      if (!sameGrid(labels.grid, frames.images[0].grid))
        throw new FormatError(
          `${labelPath}: the label map does not lie on the frames' grid; resample it first (pullback apply … --interp label)`,
          {},
        );
      if (labels.values.data.some((v) => !(v >= 0) || v !== Math.round(v)))
        throw new FormatError(`${labelPath}: labels are whole numbers of at least 0; other values came`, { path: labelPath });
      clock("read");
      if (!out)
        return {
          json: { dryRun: true, frames: count, start, outputs: [] },
          lines: [`would follow ${basename(labelPath)} through ${count} frames`],
        };
      const result = await session.stoppable((signal) =>
        trackLabels(frames.images, labels, {
          start,
          signal,
          onProgress: (done, of) => session.progress.step({ level: 0, levels: 1, iteration: done, iterations: of }),
        }),
      );
      clock("track");
      const d = labels.grid.size.length;
      const axes = ["x", "y", "z"].slice(0, d);
      const size = d === 3 ? "volume" : "area";
      const csv = [
        `frame,label,${size},${axes.join(",")}`,
        ...result.curves.map((c) =>
          [c.frame, c.label, c.volume, ...c.centre].map((v) => (Number.isFinite(v) ? String(+v.toPrecision(9)) : "")).join(","),
        ),
        "",
      ].join("\n");
      for (const [name, bytes] of seriesFiles(frames, result.labels, "labels", highest(labels.values.data))) out.put(name, bytes);
      out.put("curves.csv", csv);
      const names = [...new Set(result.curves.map((c) => c.label))];
      const of = (label: number, value: (c: (typeof result.curves)[number]) => number) => ({
        name: `label ${label}`,
        values: result.curves.filter((c) => c.label === label).map(value),
      });
      const figures = {
        frames: count,
        labels: names,
        start,
        likeness: result.likeness,
        smallest: Math.min(...names.map((l) => relative(result.curves, l, start, Math.min))),
        largest: Math.max(...names.map((l) => relative(result.curves, l, start, Math.max))),
      };
      const verdict = {
        level: result.status === "ok" ? ("good" as const) : ("check" as const),
        sentence: result.status === "ok" ? `Followed through ${count} frames: ${result.reason}.` : `Look before use: ${result.reason}.`,
      };
      const [view] = views(labels.grid, 1);
      const at = view.through < 0 ? 0 : middleOf(labels.values.data, labels.grid.size, view.through);
      const window = robustWindow(frames.images[start].values.data);
      const shown =
        count <= 16 ? Array.from({ length: count }, (_, t) => t) : Array.from({ length: 16 }, (_, k) => Math.round((k * (count - 1)) / 15));
      out.put(
        "report.html",
        gallery({
          title: `${basename(labelPath)} through ${seriesName(frames)}`,
          verdict,
          figures: [
            { label: "frames", value: count },
            { label: `smallest ${size}, of the first`, value: 100 * figures.smallest, unit: "%" },
            { label: `largest ${size}, of the first`, value: 100 * figures.largest, unit: "%" },
          ],
          rows: [
            {
              title: "The structures on the frames",
              pictures: shown.map((t) => ({
                picture: outlined(
                  grayPicture(slice(frames.images[t].values.data, labels.grid, view, at), window),
                  slice(result.labels[t].values.data, labels.grid, view, at, { most: 1e9 }),
                ),
                caption: `frame ${t}${t === start ? " (given)" : ""}`,
              })),
            },
          ],
          plots: [
            {
              title: `${size[0].toUpperCase()}${size.slice(1)}`,
              yLabel: d === 3 ? "mm³" : "mm²",
              curves: names.map((l) => of(l, (c) => c.volume)),
            },
            ...axes.map((axis, k) => ({ title: `Centre, ${axis}`, yLabel: "mm", curves: names.map((l) => of(l, (c) => c.centre[k])) })),
            {
              title: "Likeness with the labelled frame (smaller is more alike)",
              x: result.likeness.map((l) => l.frame),
              curves: [
                { name: "as it was", values: result.likeness.map((l) => l.still) },
                { name: "after motion", values: result.likeness.map((l) => l.value) },
              ],
            },
          ],
          summary: { frames: seriesName(frames), labels: labelPath, "labelled frame": start, pullback: version() },
          timings,
          warnings: session.warnings,
        }),
      );
      clock("report");
      const told = { command: "track", status: result.status, reason: result.reason, verdict, figures, options: { start } };
      out.put("run.json", runText(session, told, [...paths, labelPath], timings));
      session.progress.clear();
      const outputs = out.commit();
      return {
        json: { status: result.status, reason: result.reason, figures, outputs, seconds: { stages: timings } },
        lines: [
          verdict.sentence,
          `${size} between ${plain(100 * figures.smallest)} and ${plain(100 * figures.largest)} % of the first`,
          ...outputs,
        ],
        exit: result.status === "ok" ? Exit.ok : Exit.quality,
      };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};

const highest = (data: ArrayLike<number>): "uint8" | "uint16" | "int32" => {
  let most = 0;
  for (let i = 0; i < data.length; i++) if (data[i] > most) most = data[i];
  return most < 256 ? "uint8" : most < 65536 ? "uint16" : "int32";
};
/** The smallest or largest size of a label over the series, as a share of its size where it was given. */
function relative(
  curves: readonly { readonly frame: number; readonly label: number; readonly volume: number }[],
  label: number,
  start: number,
  pick: (...v: number[]) => number,
): number {
  const mine = curves.filter((c) => c.label === label);
  const first = mine.find((c) => c.frame === start)?.volume ?? Number.NaN;
  return pick(...mine.map((c) => c.volume)) / first;
}
/** The slice through the middle of what is labelled. */
function middleOf(data: ArrayLike<number>, size: readonly number[], axis: number): number {
  let stride = 1;
  for (let k = 0; k < axis; k++) stride *= size[k];
  let [sum, count] = [0, 0];
  for (let i = 0; i < data.length; i++)
    if (data[i] > 0) {
      sum += Math.floor(i / stride) % size[axis];
      count++;
    }
  return count > 0 ? Math.round(sum / count) : Math.floor(size[axis] / 2);
}
