import { basename } from "node:path";
import { ArgumentError } from "../../core/errors.js";
import { gridText } from "../../image/index.js";
import { writeImage, writeNpy, writePly } from "../../io/index.js";
import { readBytes } from "../../io/node.js";
import { colourMap, colourPicture, gallery, png, robustWindow } from "../../report/index.js";
import {
  checkPictures,
  drawRectified,
  pointsFromDisparity,
  type Rectification,
  readStereoCalibration,
  readStereoPair,
  rectifyCalibrated,
  rectifyPictures,
  type StereoResult,
  stereo,
} from "../../vision/index.js";
import type { CommandDefinition } from "../command.js";
import { Exit } from "../exit.js";
import { grayOfMiddle, putRun } from "../groupFiles.js";
import { extension, grayOf, type Loaded, loadImage } from "../inputs.js";
import { flag, force, notNegative, option, output, text, whole, wholeFromOne } from "../options.js";
import { isFolder } from "../output.js";
import { stopwatch } from "../registrationFiles.js";

/** `pullback stereo L R -o D.npy`: disparities of a rectified pair, and points where the cameras are known. */
export const command: CommandDefinition = {
  name: "stereo",
  summary: "disparities of a pair of pictures, rectified or to be rectified",
  examples: [
    "pullback stereo left.png right.png -o disparity.npy",
    "pullback stereo left.png right.png --range 128 -o out/",
    "pullback stereo left.png right.png --calib calib.txt -o points.ply",
    "pullback stereo left.jpg right.jpg --rectify -o out/",
    "pullback stereo left.jpg right.jpg --cameras cameras.json -o out/",
  ],
  arguments: [
    { name: "<left>", help: "the left picture; disparities belong to its pixels" },
    { name: "<right>", help: "the right picture; what is in one row of the left is in the same row here, unless they are rectified first" },
  ],
  options: [
    output("a file, .npy, .png (colours) or with --calib .ply (points), or a folder for all of them and the report"),
    force,
    option("--range <n>", "disparities looked at, in pixels (a seventh of the width)", wholeFromOne, "a whole number of at least 1"),
    option("--first <d>", "least disparity (0)", whole, "a whole number"),
    option("--calib <file>", "cameras: projection matrices of both, a line each, or Middlebury's calib.txt", text, "a file"),
    option("--rectify", "bring the pictures into common rows first, from what they show", flag, "true or false"),
    option(
      "--cameras <file>",
      "bring them into common rows by their cameras: JSON with left.K, right.K, rotation, translation",
      text,
      "a file",
    ),
    option("--small <p>", "penalty of a step by one pixel (10)", notNegative, "a number from 0"),
    option("--large <p>", "penalty of a jump (90)", notNegative, "a number from 0"),
    option("--no-fill", "leave pixels without a partner empty (NaN) instead of filling them in", flag, "true or false"),
  ],
  async run(session, [pathL, pathR], options) {
    const target = options.output as string | undefined;
    const folder = target !== undefined && isFolder(target);
    const ending = target === undefined || folder ? "" : extension(target).toLowerCase();
    const calib = options.calib as string | undefined;
    if (target !== undefined && !folder && ![".npy", ".png", ".ply"].includes(ending))
      throw new ArgumentError(`stereo: -o ${target}; a name ending in .npy, .png or .ply, or a folder was expected`, { target });
    const cameras = options.cameras as string | undefined;
    const rectifying = options.rectify === true || cameras !== undefined;
    if (calib !== undefined && rectifying)
      throw new ArgumentError(
        "stereo: --calib is for a rectified pair; leave out --rectify and --cameras, or give both cameras with --cameras",
      );
    if (ending === ".ply" && calib === undefined && cameras === undefined)
      throw new ArgumentError("stereo: points need the cameras; name their calibration with --calib, or --cameras", { target });
    const out = target === undefined || session.dryRun ? undefined : session.output(target, folder, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      let [left, right] = [await loadImage(session, pathL), await loadImage(session, pathR)];
      checkPictures("stereo", left.image, right.image);
      let calibration = calib === undefined ? undefined : readStereoCalibration(await readBytes(calib));
      const pair = cameras === undefined ? undefined : readStereoPair(await readBytes(cameras));
      clock("read");
      const chosen = Object.fromEntries(
        (["range", "first", "small", "large", "fill"] as const).filter((k) => options[k] !== undefined).map((k) => [k, options[k]]),
      );
      if (session.dryRun)
        return {
          json: { dryRun: true, left: gridText(left.image.grid), right: gridText(right.image.grid), ...chosen, outputs: [] },
          lines: ["would look for disparities"],
        };
      // Rectified first, when asked for.
      let rows: Rectification | undefined;
      let covered: Uint8Array | undefined;
      let how: string | undefined;
      let searched: { first?: number; range?: number } = {};
      if (pair) {
        const r = rectifyCalibrated(pair, left.image.grid.size);
        [rows, calibration, how] = [r, r.calibration, "rectified by the cameras given"];
        // What is infinitely far has the disparity −offset.
        searched = { first: Math.floor(-r.calibration.offset) };
      } else if (rectifying) {
        const r = rectifyPictures(left.image, right.image);
        how = r.reason;
        if (!r.rectification) {
          out?.discard();
          return { json: { status: "failed", reason: r.reason, outputs: [] }, lines: [`not rectified: ${r.reason}`], exit: Exit.quality };
        }
        rows = r.rectification;
        // A quarter of what the pairs span on both sides, and at least four pixels.
        const [least, greatest] = r.rectification.disparities;
        const margin = Math.max(4, 0.25 * (greatest - least));
        searched = { first: Math.floor(least - margin), range: Math.ceil(greatest - least + 2 * margin) };
      }
      if (rows) {
        const drawn = [drawRectified(left.image, rows.left, rows), drawRectified(right.image, rows.right, rows)];
        covered = drawn[0].covered;
        [left, right] = [
          { ...left, image: drawn[0].picture },
          { ...right, image: drawn[1].picture },
        ];
        clock("rectify");
      }
      const r = stereo(left.image, right.image, { ...searched, ...chosen });
      if (covered)
        for (let k = 0; k < covered.length; k++)
          if (covered[k] === 0) {
            r.disparity[k] = Number.NaN;
            r.agreed[k] = 0;
          }
      clock("match");
      const rectification = rows && { rectification: { left: [...rows.left], right: [...rows.right], how } };
      const told = { ...rectification, status: r.status, reason: r.reason, figures: { shares: r.shares, range: r.range } };
      if (out) {
        const window = robustWindow(r.disparity);
        const coloured = () => colourPicture({ ...r, values: r.disparity }, window, colourMap("heat"));
        const npy = () => writeNpy({ shape: [r.height, r.width], data: r.disparity });
        const ply = () => calibration && writePly(pointsFromDisparity(r.disparity, r.width, r.height, calibration), coloursOf(left, r));
        if (!folder)
          out.put(basename(target as string), ending === ".npy" ? npy() : ending === ".png" ? png(coloured()) : (ply() as Uint8Array));
        else {
          const colours = coloured();
          out.put("disparity.npy", npy());
          out.put("disparity.png", png(colours));
          if (rows)
            for (const [name, { image, raw }] of [
              ["left", left],
              ["right", right],
            ] as const)
              for (const [file, bytes] of writeImage(image, `${name}.png`, { channelKind: raw.channelKind, clamp: true }))
                out.put(file, bytes);
          const points = ply();
          if (points) out.put("points.ply", points);
          const agreed = { width: r.width, height: r.height, channels: 1, data: r.agreed.map((v) => 255 * v) } as const;
          clock("write");
          const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
          out.put(
            "report.html",
            gallery({
              title: "Stereo",
              subtitle: `${r.width}×${r.height} pixels, disparities ${r.range[0]} to ${r.range[0] + r.range[1] - 1}`,
              verdict: { level: r.status === "ok" ? "good" : "bad", sentence: r.reason },
              figures: [
                { label: "agree", value: percent(r.shares.agreed) },
                { label: "hidden", value: percent(r.shares.hidden) },
                { label: "unclear", value: percent(r.shares.wrong) },
              ],
              rows: [
                {
                  ...{
                    title: "Disparities",
                    large: true,
                    note: `Bright is near: from ${window.low.toFixed(1)} to ${window.high.toFixed(1)} pixels.`,
                  },
                  pictures: [
                    { picture: colours, caption: "disparity" },
                    { picture: agreed, caption: "white: left and right agree" },
                    { picture: grayOfMiddle(grayOf(left)), caption: "left" },
                    { picture: grayOfMiddle(grayOf(right)), caption: "right" },
                  ],
                },
              ],
              summary: { left: pathL, right: pathR, ...chosen },
              timings,
              warnings: session.warnings,
            }),
          );
          putRun(session, out, [pathL, pathR, ...(calib === undefined ? [] : [calib]), ...(cameras === undefined ? [] : [cameras])], {
            options: chosen,
            ...told,
            seconds: timings,
          });
        }
      }
      return {
        json: { ...told, outputs: out ? out.commit() : [] },
        lines: [r.reason, ...(target ? [target] : [])],
        exit: r.status === "ok" ? Exit.ok : Exit.quality,
      };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};

/** Red, green, blue bytes of the left picture's pixels. */
function coloursOf({ image, raw }: Loaded, { width, height }: StereoResult): Uint8Array {
  const n = width * height;
  const data = image.values.data;
  const out = new Uint8Array(3 * n);
  const colour = raw.channelKind === "rgb" || raw.channelKind === "rgba";
  const { low, high } = raw.data instanceof Uint8Array ? { low: 0, high: 255 } : robustWindow(data);
  for (let k = 0; k < n; k++)
    for (let c = 0; c < 3; c++) {
      const value = (data[(colour ? c * n : 0) + k] - low) / (high - low);
      out[3 * k + c] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  return out;
}
