import { basename } from "node:path";
import { ArgumentError } from "../../core/errors.js";
import { gridText, type Image } from "../../image/index.js";
import { type DrawnShape, gallery, labelColour, overlaid, type Picture, plain, png, robustWindow } from "../../report/index.js";
import { cubeOn, homographyOfPlane, type PlanarPose, poseFromHomography, type Recognised, recognise } from "../../vision/index.js";
import type { CommandDefinition } from "../command.js";
import { Exit } from "../exit.js";
import { folderOf, grayOfMiddle, loadGroup, putRun } from "../groupFiles.js";
import { finite, force, notNegative, numberList, option, output, positive, share, whole, wholeFromOne } from "../options.js";
import { outlineOf } from "../pictureFiles.js";
import { stopwatch } from "../registrationFiles.js";

/** `pullback recognise SCENE OBJECT…`: which of some planar objects a picture shows, where, and with a camera in which pose. */
export const command: CommandDefinition = {
  name: "recognise",
  summary: "which planar objects a picture shows, and where",
  examples: [
    "pullback recognise desk.jpg book.png card.png poster.png -o out/",
    "pullback recognise desk.jpg book.png --camera 1200,640,480 --size 21,29.7 -o out/",
    "pullback recognise desk.jpg covers/*.png --json",
  ],
  arguments: [
    { name: "<scene>", help: "the picture that is searched" },
    { name: "<objects...>", help: "a picture of each object, seen from the front and filled by it" },
  ],
  options: [
    output("folder for the places, the picture with what was found drawn in, and the report; without it only the figures are given"),
    force,
    option(
      "--camera <f,cx,cy>",
      "the scene's camera in pixels, f,cx,cy or fx,fy,cx,cy: gives the pose of every object, and draws a cube on it",
      numberList(finite),
      "three or four numbers",
    ),
    option(
      "--size <w,h>",
      "width and height of the objects, in the unit wanted for poses (the pixels of their pictures)",
      numberList(positive),
      "two positive numbers",
    ),
    option("--limit <n>", "at most so many points in each picture (8000)", wholeFromOne, "a whole number of at least 1"),
    option(
      "--ratio <r>",
      "largest distance of the nearest over the second nearest descriptor (0.9)",
      share,
      "a number above 0 and at most 1",
    ),
    option("--contrast <c>", "least contrast of points, as a share of the picture's range (0.01)", notNegative, "a number from 0"),
    option("--iterations <n>", "most samples drawn by the robust search (5000)", wholeFromOne, "a whole number of at least 1"),
    option("--seed <n>", "of the robust search (1)", whole, "a whole number"),
  ],
  async run(session, paths, options) {
    const target = options.output as string | undefined;
    const camera = cameraOf(options.camera as number[] | undefined);
    const size = options.size as number[] | undefined;
    if (size && size.length !== 2)
      throw new ArgumentError(`recognise: --size ${size.join(",")} came; width and height of the objects are expected`, { size });
    const out =
      target === undefined || session.dryRun
        ? undefined
        : session.output(folderOf("recognise", options), true, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const { loaded, images } = await loadGroup(session, "recognise", paths);
      const [scene, ...objects] = images;
      if (scene.grid.size.length !== 2)
        throw new ArgumentError(`recognise: ${paths[0]} is ${scene.grid.size.join("×")}; pictures are expected`, {});
      clock("read");
      const plan = {
        camera: camera && { fx: camera[0], fy: camera[4], cx: camera[2], cy: camera[5] },
        size,
        limit: (options.limit as number | undefined) ?? 8000,
        ratio: (options.ratio as number | undefined) ?? 0.9,
        contrast: (options.contrast as number | undefined) ?? 0.01,
        iterations: (options.iterations as number | undefined) ?? 5000,
        seed: (options.seed as number | undefined) ?? 1,
      };
      if (session.dryRun)
        return {
          json: { dryRun: true, scene: gridText(scene.grid), objects: objects.map((o) => gridText(o.grid)), ...plan, outputs: [] },
          lines: [`would look for ${objects.length} objects`],
        };
      const { limit, contrast, ratio, iterations, seed } = plan;
      const results = recognise(objects, scene, { features: { limit, contrast }, matching: { ratio }, iterations, seed });
      clock("recognise");
      const found = results.map((r) => foundObject(r, paths[1 + r.reference], objects[r.reference], camera, size));
      const there = found.filter((f) => f.told.status === "ok");
      const status = there.length > 0 ? "ok" : "failed";
      const reason =
        there.length > 0
          ? `${there.map((f) => f.told.object).join(", ")} ${there.length > 1 ? "are" : "is"} there, of ${objects.length} looked for`
          : `none of ${objects.length} objects is there for sure; the nearest: ${found[0].told.object}, ${found[0].told.reason}`;
      const told = { status, reason, objects: found.map((f) => f.told), figures: { found: there.length, of: objects.length } };
      if (out) {
        const drawn = overlaid(
          colourOf(loaded[0].image),
          there.flatMap((f, k) => shapesOf(f, k, scene)),
        );
        out.put("result.json", `${JSON.stringify(told, null, 1)}\n`);
        out.put("overlay.png", png(drawn));
        clock("write");
        out.put(
          "report.html",
          gallery({
            title: "Recognition",
            subtitle: `${basename(paths[0])}, ${scene.grid.size.join("×")} pixels; ${objects.length} objects`,
            verdict: { level: status === "ok" ? "good" : "bad", sentence: reason },
            figures: there.map((f) => ({ label: f.told.object, value: `${f.told.inliers} pairs agree` })),
            rows: [
              { title: "Found", large: true, pictures: [{ picture: drawn, caption: basename(paths[0]) }] },
              {
                title: "Objects",
                pictures: found.map((f) => ({
                  picture: grayOfMiddle(objects[f.reference]),
                  caption: `${f.told.object}: ${f.told.status === "ok" ? "there" : "not seen"}`,
                })),
              },
            ],
            tables: [
              {
                title: "All objects",
                columns: ["object", "status", "pairs", "expected by chance", "pose error, pixels"],
                rows: found.map(({ told: t }) => [
                  t.object,
                  t.status,
                  `${t.inliers}`,
                  `10^${Math.round(t.logFalseAlarms)}`,
                  t.pose ? plain(t.pose.error) : "–",
                ]),
              },
            ],
            summary: { scene: paths[0], objects: paths.slice(1), ...plan },
            timings,
            warnings: session.warnings,
          }),
        );
        putRun(session, out, paths, { options: plan, ...told, seconds: timings });
      }
      return {
        json: { ...told, outputs: out ? out.commit() : [] },
        lines: [
          reason,
          ...there.map((f) => `${f.told.object}: ${f.told.corners?.map(([x, y]) => `(${plain(x)}, ${plain(y)})`).join(" ")}`),
          ...(target ? [target] : []),
        ],
        exit: status === "ok" ? Exit.ok : Exit.quality,
      };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};

/** f,cx,cy or fx,fy,cx,cy as a matrix. */
function cameraOf(numbers: number[] | undefined): number[] | undefined {
  if (!numbers) return undefined;
  const [fx, fy, cx, cy] = numbers.length === 3 ? [numbers[0], ...numbers] : numbers;
  if (numbers.length < 3 || numbers.length > 4 || !(fx > 0 && fy > 0))
    throw new ArgumentError(`recognise: --camera ${numbers.join(",")} came; f,cx,cy or fx,fy,cx,cy are expected, in pixels`, { numbers });
  return [fx, 0, cx, 0, fy, cy, 0, 0, 1];
}

interface FoundObject {
  readonly reference: number;
  readonly told: {
    readonly object: string;
    readonly status: string;
    readonly reason: string;
    readonly inliers: number;
    readonly logFalseAlarms: number;
    readonly H?: number[][];
    /** Of the object's picture, upper left first, clockwise, in pixels of the scene. */
    readonly corners?: [number, number][];
    /** x = R X + t: from the object's plane (x right, y down, from its upper left) to the camera. */
    readonly pose?: {
      readonly R: number[][];
      readonly t: number[];
      readonly error: number;
      readonly other: { R: number[][]; t: number[]; error: number };
    };
  };
  readonly cube: ReturnType<typeof cubeOn>;
}
const rowsOf = (m: ArrayLike<number>) => [0, 3, 6].map((k) => [m[k], m[k + 1], m[k + 2]]);
function foundObject(r: Recognised, path: string, object: Image, camera: number[] | undefined, size: number[] | undefined): FoundObject {
  const [columns, rows] = object.grid.size;
  const extent = [size?.[0] ?? columns, size?.[1] ?? rows] as const;
  let poses: readonly [PlanarPose, PlanarPose] | undefined;
  let { status, reason } = r as { status: string; reason: string };
  if (camera && r.h && status === "ok")
    try {
      poses = poseFromHomography(homographyOfPlane(r.h, [columns, rows], extent), camera, extent);
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      // No camera sees a plane so.
      [status, reason] = ["failed", error.message];
    }
  const corners = r.h && outlineOf(r.h, object);
  // A pose that leaves a twentieth of what is seen is none: the camera is another one, or the object's picture is not from the front.
  const seen = corners ? Math.max(...corners.map(([x, y]) => Math.hypot(x - corners[0][0], y - corners[0][1]))) : 0;
  const fits = poses !== undefined && poses[0].error < 0.05 * seen;
  if (poses && !fits)
    reason += `; its pose leaves ${plain(Math.round(poses[0].error))} pixels at the corners: is --camera right, and the object's picture from the front?`;
  const shown = (p: PlanarPose) => ({ R: rowsOf(p.rotation), t: Array.from(p.translation), error: p.error });
  return {
    reference: r.reference,
    told: {
      object: basename(path),
      status,
      reason,
      inliers: r.inliers,
      logFalseAlarms: r.logFalseAlarms,
      ...(r.h && status === "ok" && { H: rowsOf(r.h), corners }),
      ...(poses && { pose: { ...shown(poses[0]), other: shown(poses[1]) } }),
    },
    cube: poses && camera && fits ? cubeOn(poses[0], camera, extent) : [],
  };
}
/** The quadrilateral, and the cube on it. */
function shapesOf({ told, cube }: FoundObject, k: number, scene: Image): DrawnShape[] {
  const colour = labelColour(k + 1);
  const width = Math.max(2, Math.round(Math.max(...scene.grid.size) / 300));
  const lines: DrawnShape[] = told.corners ? [{ points: told.corners, stroke: colour, width }] : [];
  return [
    ...lines,
    ...cube.map(({ points, shade }): DrawnShape => {
      const [r, g, b] = colour.map((v) => v * shade);
      return { points, fill: [r, g, b, 0.8], stroke: [255, 255, 255], width: Math.max(1, width / 2) };
    }),
  ];
}
/** A picture in the colours it has. */
function colourOf({ values, grid }: Image): Picture {
  const [width, height] = grid.size;
  const n = width * height;
  const data = values.data;
  const { low, high } = robustWindow(data);
  const colours = values.shape[0] >= 3 ? 3 : 1;
  const out = new Uint8Array(colours * n);
  for (let c = 0; c < colours; c++)
    for (let k = 0; k < n; k++)
      out[colours * k + c] = Math.max(0, Math.min(255, Math.round((255 * (data[c * n + k] - low)) / (high - low))));
  return { width, height, channels: colours, data: out };
}
