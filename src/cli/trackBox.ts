import { ArgumentError, FormatError } from "../core/errors.js";
import { dispose } from "../core/scope.js";
import { type Image, sameGrid } from "../image/index.js";
import { readBytes } from "../io/node.js";
import { loadModel, networkTracker } from "../models/index.js";
import { gallery, grayPicture, type Picture, plain, rgb, robustWindow, type Window } from "../report/index.js";
import { type Box, boxTracker, type Motion, type TrackedBox } from "../vision/index.js";
import type { Outcome } from "./command.js";
import { Exit } from "./exit.js";
import { loadFrames } from "./frames.js";
import { putRun } from "./groupFiles.js";
import { grayOf, loadImage } from "./inputs.js";
import type { Output } from "./output.js";
import { stopwatch } from "./registrationFiles.js";
import type { Session } from "./session.js";

/** The frames one by one, gray or in colour: a film need not be held in memory as a whole. */
async function* framesOf(session: Session, paths: readonly string[]): AsyncGenerator<Image> {
  if (paths.length === 1) {
    yield* (await loadFrames(session, paths)).images;
    return;
  }
  let grid: Image["grid"] | undefined;
  for (const path of paths) {
    const loaded = await loadImage(session, path);
    const frame = /^rgba?$/.test(loaded.raw.channelKind) ? loaded.image : grayOf(loaded);
    grid ??= frame.grid;
    if (!sameGrid(frame.grid, grid))
      throw new FormatError(
        `${path}: this frame has ${frame.grid.size.join("×")} pixels, the first ${grid.size.join("×")}; all frames of a series have one size`,
        { path },
      );
    yield frame;
    dispose(frame.values);
    if (frame !== loaded.image) dispose(loaded.image.values);
  }
}

const shownFrames = 16;

export const trackMethods = ["filter", "deep-lk", "regression"] as const;
export interface TrackBoxOptions {
  readonly search?: number;
  readonly pose?: Motion;
  /** A correlation filter, or a network: Lucas–Kanade on learned features, or regression. */
  readonly method?: (typeof trackMethods)[number];
  /** A file of weights of one's own training. */
  readonly weights?: string;
}
/** What begins to follow a box. */
async function trackerOf({ search, pose, method = "filter", weights }: TrackBoxOptions): Promise<(first: Image, box: Box) => Follower> {
  if (method === "filter") {
    if (weights !== undefined) throw new ArgumentError("--weights: they are of --method deep-lk or regression; add one, or leave them out");
    return (first, box) => boxTracker(first, box, { search, pose });
  }
  const other = search !== undefined ? "--search" : pose !== undefined ? "--pose" : undefined;
  if (other) throw new ArgumentError(`${other}: it is of --method filter, and ${method} was asked for; leave one of them out`);
  const model = await loadModel(`tracking-${method}`, weights === undefined ? {} : { weights: readBytes(weights) });
  return (first, box) => networkTracker(model, first, box);
}
interface Follower {
  next(frame: Image): TrackedBox;
}

/** `pullback track FRAMES… --box x,y,w,h`: a box through pictures. */
export async function trackBox(
  session: Session,
  paths: readonly string[],
  numbers: readonly number[],
  { search, pose, method = "filter", weights }: TrackBoxOptions,
  out: Output | undefined,
): Promise<Outcome> {
  if (numbers.length !== 4)
    throw new ArgumentError(
      `--box: ${numbers.length} numbers came; four are expected: x,y,width,height of the box in the first frame, in pixels`,
    );
  const [x, y, width, height] = numbers;
  const box: Box = { x, y, width, height };
  const timings: Record<string, number> = {};
  const clock = stopwatch(timings);
  const boxes: TrackedBox[] = [];
  const shown: { picture: Picture; caption: string }[] = [];
  const begin = await trackerOf({ search, pose, method, weights });
  let tracker: Follower | undefined;
  let window: Window | undefined;
  let seconds = 0;
  // How many frames there will be is not known for one file; every n-th is shown, n doubling as they get too many.
  let every = 1;
  await session.stoppable(async (signal) => {
    for await (const frame of framesOf(session, paths)) {
      signal.throwIfAborted();
      const from = performance.now();
      if (!tracker) {
        tracker = begin(frame, box);
        boxes.push({ ...box, confidence: 1, lost: false });
      } else boxes.push(tracker.next(frame));
      seconds += (performance.now() - from) / 1000;
      const t = boxes.length - 1;
      session.progress.step({ level: 0, levels: 1, iteration: t + 1, iterations: Math.max(paths.length, t + 1) });
      window ??= robustWindow(frame.values.data);
      if (out && t % every === 0) {
        if (shown.length >= shownFrames) {
          for (let k = shown.length - 1; k > 0; k -= 2) shown.splice(k, 1);
          every *= 2;
        }
        if (t % every === 0) shown.push({ picture: drawn(frame, window, boxes[t]), caption: `frame ${t}${boxes[t].lost ? ", lost" : ""}` });
      }
      if (!out) return; // only the first frame is needed to check
    }
  });
  clock("track");
  if (!out) return { json: { dryRun: true, frames: paths.length, box: numbers, outputs: [] }, lines: [`would follow the box ${numbers}`] };
  const lost = boxes.filter((b) => b.lost).length;
  const status = lost === 0 ? "ok" : "check";
  const last = boxes.at(-1) as TrackedBox;
  const reason =
    lost === 0
      ? `the target was seen in all ${boxes.length} frames`
      : `the target was not to be seen in ${lost} of ${boxes.length} frames${last.lost ? ", nor in the last" : "; it was found again"}`;
  const figures = {
    frames: boxes.length,
    lost,
    ...(pose && { posed: boxes.filter((b) => b.pose?.status === "ok").length }),
    meanConfidence: boxes.reduce((s, b) => s + b.confidence, 0) / boxes.length,
    framesPerSecond: boxes.length > 1 ? boxes.length / seconds : undefined,
  };
  const number = (v: number) => String(+v.toFixed(3));
  out.put(
    "boxes.csv",
    `${["frame,x,y,w,h,confidence,lost", ...boxes.map((b, t) => [t, ...[b.x, b.y, b.width, b.height, b.confidence].map(number), b.lost ? 1 : 0].join(","))].join("\n")}\n`,
  );
  // The map of pixels of the first frame to those of each, where it was found.
  if (pose)
    out.put(
      "poses.csv",
      `${[
        "frame,status,correlation,h11,h12,h13,h21,h22,h23,h31,h32,h33",
        ...boxes.map((b, t) =>
          [
            t,
            ...(t === 0
              ? ["ok", 1, 1, 0, 0, 0, 1, 0, 0, 0, 1]
              : b.pose
                ? [b.pose.status, number(b.pose.correlation), ...Array.from(b.pose.h, (v) => +v.toPrecision(9))]
                : ["lost", 0, ...Array(9).fill("")]),
          ].join(","),
        ),
      ].join("\n")}\n`,
    );
  const curve = (name: string, value: (b: TrackedBox) => number) => ({ name, values: boxes.map(value) });
  out.put(
    "report.html",
    gallery({
      title: `A box through ${boxes.length} frames`,
      verdict: {
        level: lost === 0 ? "good" : "check",
        sentence: lost === 0 ? `Followed: ${reason}.` : `Look before use: ${reason}.`,
      },
      figures: [
        { label: "frames", value: boxes.length },
        { label: "lost", value: lost },
        { label: "mean confidence", value: figures.meanConfidence },
      ],
      rows: [{ title: "The box on the frames", pictures: shown, note: "Dashed: lost, drawn where the target was seen last." }],
      plots: [
        { title: "Confidence", xLabel: "frame", yLabel: "0 to 1", curves: [curve("confidence", (b) => b.confidence)] },
        {
          title: "Centre",
          xLabel: "frame",
          yLabel: "pixels",
          curves: [curve("x", (b) => b.x + (b.width - 1) / 2), curve("y", (b) => b.y + (b.height - 1) / 2)],
        },
        { title: "Size", xLabel: "frame", yLabel: "pixels", curves: [curve("width", (b) => b.width), curve("height", (b) => b.height)] },
      ],
      summary: { frames: paths.length === 1 ? paths[0] : `${paths.length} files`, box: numbers.join(", ") },
      timings,
      warnings: session.warnings,
    }),
  );
  putRun(session, out, paths, { options: { box: numbers, method, search, pose, weights }, status, reason, figures, seconds: timings });
  session.progress.clear();
  const outputs = out.commit();
  return {
    json: {
      status,
      reason,
      figures,
      last: { x: last.x, y: last.y, w: last.width, h: last.height, lost: last.lost },
      outputs,
      seconds: { stages: timings },
    },
    lines: [`${status}: ${reason}`, ...(figures.framesPerSecond ? [`${plain(figures.framesPerSecond)} frames a second`] : []), ...outputs],
    exit: lost === 0 ? Exit.ok : Exit.quality,
  };
}

/** A frame of at most 480 pixels' width with the box on it, dashed where lost. */
function drawn(frame: Image, window: Window, box: TrackedBox): Picture {
  const [width, height] = frame.grid.size;
  const by = Math.max(1, Math.ceil(width / 480));
  const [w, h] = [Math.floor(width / by), Math.floor(height / by)];
  const data = frame.values.data;
  const plane = (c: number) =>
    grayPicture(
      {
        width: w,
        height: h,
        values: Float32Array.from({ length: w * h }, (_, k) => data[(c * height + Math.floor(k / w) * by) * width + (k % w) * by]),
      },
      window,
    );
  const planes = frame.values.shape[0] >= 3 ? [plane(0), plane(1), plane(2)] : [];
  const picture = rgb(planes[0] ?? plane(0));
  for (const [c, { data: bytes }] of planes.entries()) for (let k = 0; k < w * h; k++) picture.data[3 * k + c] = bytes[k];
  const dot = (x: number, y: number, at: number) => {
    const [i, j] = [Math.round(x / by), Math.round(y / by)];
    if (i >= 0 && j >= 0 && i < w && j < h && !(box.lost && at % 8 >= 4)) picture.data.set([255, 176, 0], 3 * (j * w + i));
  };
  for (let u = 0; u <= box.width; u += by) for (const y of [box.y, box.y + box.height - 1]) dot(box.x + u, y, u / by);
  for (let v = 0; v <= box.height; v += by) for (const x of [box.x, box.x + box.width - 1]) dot(x, box.y + v, v / by);
  return picture;
}
