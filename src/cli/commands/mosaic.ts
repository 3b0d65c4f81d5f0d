import { ArgumentError } from "../../core/errors.js";
import { gridText, type Image } from "../../image/index.js";
import { type ChannelKind, type StoreOptions, writeImage } from "../../io/index.js";
import { gallery, type Picture, plain } from "../../report/index.js";
import { alignViews, drawMosaic, type MosaicPicture, type ProjectionName, projectionNames } from "../../vision/index.js";
import type { CommandDefinition, Options } from "../command.js";
import { Exit } from "../exit.js";
import { folderOf, grayOfMiddle, loadGroup, putRun } from "../groupFiles.js";
import type { Loaded } from "../inputs.js";
import { choice, flag, force, notNegative, option, output, positive, whole, wholeFromOne } from "../options.js";
import { isFolder } from "../output.js";
import { stopwatch } from "../registrationFiles.js";

/** `pullback mosaic VIEWS… -o pano.png`: pictures taken from one place, joined. */
export const command: CommandDefinition = {
  name: "mosaic",
  summary: "join pictures taken from one place",
  examples: [
    "pullback mosaic left.jpg middle.jpg right.jpg -o pano.png",
    "pullback mosaic views/*.jpg -o out/ --projection cylindrical",
    "pullback mosaic views/*.jpg --json          where every view looks, and the H of every pair",
  ],
  arguments: [{ name: "<views...>", help: "two or more overlapping pictures, taken from one place in any order" }],
  options: [
    output("the mosaic (.png, .tif, .jpg …), or a folder for it with the report; without it only the figures are given"),
    force,
    choice("--projection <name>", "what it is drawn on (planar when no view reaches further than 50° from the middle)", projectionNames),
    option("--scale <s>", "size relative to the views' own resolution (1)", positive, "a positive number"),
    option("--focal <pixels>", "focal length where it is known; else it is found from the views", positive, "a positive number of pixels"),
    option("--each-focal", "every view has its own focal length", flag, "true or false"),
    option("--no-exposure", "leave brightness as it is", flag, "true or false"),
    option("--bands <n>", "octaves over which details change hands at borders; 0 cuts hard (5)", whole, "a whole number"),
    option("--limit <n>", "at most so many points in each view (2500)", wholeFromOne, "a whole number of at least 1"),
    option("--contrast <c>", "least contrast of points, as a share of a picture's range (0.01)", notNegative, "a number from 0"),
    option("--seed <n>", "of the robust search (1)", whole, "a whole number"),
  ],
  async run(session, paths, options) {
    const target = options.output as string | undefined;
    if (paths.length < 2) throw new ArgumentError(`mosaic: ${paths.length} view came; name two or more overlapping pictures`);
    const folder = target !== undefined && isFolder(target);
    const out =
      target === undefined || session.dryRun
        ? undefined
        : session.output(folderOf("mosaic", options), folder, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const { loaded, images } = await loadGroup(session, "mosaic", paths);
      if (images[0].grid.size.length !== 2)
        throw new ArgumentError(`mosaic: ${paths[0]} is ${images[0].grid.size.join("×")}; pictures are expected`);
      clock("read");
      const plan = planOf(options);
      if (session.dryRun)
        return {
          json: { dryRun: true, views: images.map((i) => gridText(i.grid)), ...plan, outputs: [] },
          lines: [`would join ${paths.length} views`],
        };
      const { limit, contrast, projection, scale, exposure, bands, ...rest } = plan;
      const aligned = alignViews(images, { ...rest, features: { limit, contrast } });
      clock("align");
      const pairs = [];
      for (let i = 0; i < paths.length; i++)
        for (let j = i + 1; j < paths.length; j++) {
          const h = aligned.between(i, j);
          const edge = aligned.edges.find((e) => e.a === i && e.b === j);
          const own = aligned.graph.edges.find((e) => e.a === i && e.b === j);
          if (!h) continue;
          pairs.push({
            i,
            j,
            H: [0, 3, 6].map((k) => Array.from(h.subarray(k, k + 3))),
            inliers: edge?.inliers ?? 0,
            residual: edge?.residual,
            logFalseAlarms: own?.logFalseAlarms,
          });
        }
      const colours = sameColours(loaded);
      const pictures = colours ? loaded.map((l) => l.image) : images;
      const drawn = aligned.placed.length >= 2 && out ? drawMosaic(pictures, aligned, { projection, scale, exposure, bands }) : undefined;
      clock("draw");
      const views = paths.map((path, i) => {
        const c = aligned.cameras[i];
        return {
          path,
          placed: c !== undefined,
          ...(c && { focal: c.focal, centre: c.centre, R: [0, 3, 6].map((k) => Array.from(c.rotation.subarray(k, k + 3))) }),
          ...(drawn?.evening[i] && { gain: 1 / drawn.evening[i].gain }),
        };
      });
      const told = {
        status: aligned.status,
        reason: aligned.reason,
        views,
        pairs,
        cut: aligned.cut,
        figures: {
          views: paths.length,
          placed: aligned.placed.length,
          focal: aligned.cameras[aligned.placed[0]]?.focal,
          focalSharp: aligned.focalSharp,
          ...(drawn && { size: drawn.picture.grid.size, projection: drawn.canvas.projection, fall: drawn.evening.find((e) => e)?.fall }),
        },
      };
      if (out && drawn) {
        const store: StoreOptions = {
          clamp: true,
          channelKind: colours ?? "scalar",
          dtype: loaded.every((l) => l.raw.data instanceof Uint8Array) ? "uint8" : undefined,
        };
        const put = (im: Image, name: string) => {
          for (const [file, bytes] of writeImage(im, name, store)) out.put(file, bytes);
        };
        if (!folder) put(drawn.picture, target as string);
        else {
          put(drawn.picture, "mosaic.png");
          out.put("result.json", `${JSON.stringify(told, null, 1)}\n`);
          clock("write");
          out.put("report.html", report(paths, images, drawn, told, plan, session.warnings, timings));
          putRun(session, out, paths, { options: plan, ...told, seconds: timings });
        }
      }
      return {
        json: { ...told, outputs: out && drawn ? out.commit() : [] },
        lines: [aligned.reason, ...(target && drawn ? [target] : [])],
        exit: aligned.status === "ok" ? Exit.ok : Exit.quality,
      };
    } finally {
      out?.discard();
    }
  },
};

/** The colours all views have in common; undefined when they differ or are gray. */
function sameColours(loaded: readonly Loaded[]): ChannelKind | undefined {
  const kinds = new Set(loaded.map((l) => l.raw.channelKind));
  return kinds.size === 1 && kinds.has("rgb") ? "rgb" : undefined;
}
function planOf(o: Options) {
  return {
    projection: o.projection as ProjectionName | undefined,
    scale: (o.scale as number | undefined) ?? 1,
    focal: o.focal as number | undefined,
    eachFocal: o.eachFocal === true,
    exposure: o.exposure !== false,
    bands: (o.bands as number | undefined) ?? 5,
    limit: (o.limit as number | undefined) ?? 2500,
    contrast: (o.contrast as number | undefined) ?? 0.01,
    seed: (o.seed as number | undefined) ?? 1,
  };
}

/** The mosaic reduced to at most 1600 pixels across, as a report shows it. */
function shown({ picture }: MosaicPicture): Picture {
  const [w, h] = picture.grid.size;
  const step = Math.max(1, Math.ceil(w / 1600));
  const [width, height] = [Math.floor(w / step), Math.floor(h / step)];
  const values = picture.values.data;
  const channels = picture.values.shape[0];
  let top = 0;
  for (let i = 0; i < values.length; i += 5) if (values[i] > top) top = values[i];
  const by = 255 / (top <= 1.5 ? 1 : top <= 400 ? 255 : top);
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        const v = by * values[Math.min(c, channels - 1) * w * h + y * step * w + x * step];
        data[3 * (y * width + x) + c] = Math.max(0, Math.min(255, Math.round(v)));
      }
  return { width, height, channels: 3, data };
}
/** Which view shows what, each in its own gray. */
function territories({ labels, picture }: MosaicPicture): Picture {
  const [w, h] = picture.grid.size;
  const step = Math.max(1, Math.ceil(w / 800));
  const [width, height] = [Math.floor(w / step), Math.floor(h / step)];
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const l = labels[y * step * w + x * step];
      if (l < 0) continue;
      const hue = (l * 137.508 + 30) % 360;
      for (let c = 0; c < 3; c++) {
        const k = (c * 4 + hue / 30) % 12;
        data[3 * (y * width + x) + c] = Math.round(255 * (0.6 - 0.35 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
      }
    }
  return { width, height, channels: 3, data };
}
function report(
  paths: readonly string[],
  images: readonly Image[],
  drawn: MosaicPicture,
  told: {
    readonly status: string;
    readonly reason: string;
    readonly pairs: readonly { readonly inliers: number; readonly residual?: number }[];
    readonly figures: { readonly placed: number; readonly focal?: number };
  },
  plan: object,
  warnings: readonly string[],
  timings: Record<string, number>,
): string {
  const used = told.pairs.filter((p) => p.inliers > 0 && p.residual !== undefined);
  const error =
    used.reduce((s, p) => s + (p.residual ?? 0) ** 2 * p.inliers, 0) /
    Math.max(
      1,
      used.reduce((s, p) => s + p.inliers, 0),
    );
  return gallery({
    title: "Mosaic",
    subtitle: `${paths.length} views, ${drawn.canvas.projection}, ${drawn.picture.grid.size.join("×")} pixels`,
    verdict: { level: told.status === "ok" ? "good" : "bad", sentence: told.reason },
    figures: [
      { label: "views with a place", value: `${told.figures.placed} of ${paths.length}` },
      { label: "pairs", value: used.length },
      { label: "error of a coordinate", value: `${plain(Math.sqrt(error))} px` },
      { label: "focal length", value: `${Math.round(told.figures.focal ?? 0)} px` },
    ],
    rows: [
      {
        title: "Mosaic",
        large: true,
        pictures: [
          { picture: shown(drawn), caption: "all views" },
          { picture: territories(drawn), caption: "which view shows what" },
        ],
      },
      { title: "Views", pictures: images.map((im, i) => ({ picture: grayOfMiddle(im), caption: `${i}: ${paths[i].split("/").pop()}` })) },
    ],
    summary: { views: paths.join(", "), ...plan },
    timings,
    warnings,
  });
}
