import { basename } from "node:path";
import { ArgumentError } from "../../core/errors.js";
import { gridText, type Image } from "../../image/index.js";
import { writeFlo, writeImage, writeNpy, writeTransform } from "../../io/index.js";
import { flowPicture, gallery, plain, png, robustWindow } from "../../report/index.js";
import { warp } from "../../transforms/index.js";
import { checkPictures, type FlowMethod, flowMethods, opticalFlow } from "../../vision/index.js";
import type { CommandDefinition } from "../command.js";
import { Exit } from "../exit.js";
import { grayOfMiddle, putRun } from "../groupFiles.js";
import { extension, grayOf, type Loaded, loadImage } from "../inputs.js";
import { choice, flag, force, option, output, positive } from "../options.js";
import { isFolder } from "../output.js";
import { stopwatch } from "../registrationFiles.js";

/** `pullback flow A B -o F.flo`: where each pixel of A went in B. */
export const command: CommandDefinition = {
  name: "flow",
  summary: "dense optical flow between two pictures",
  examples: [
    "pullback flow frame1.png frame2.png -o flow.flo",
    "pullback flow frame1.png frame2.png -o out/ --fast",
    "pullback flow a.png b.png --method tvl1 -o flow.png --json",
  ],
  arguments: [
    { name: "<a>", help: "the first picture; the flow belongs to its pixels" },
    { name: "<b>", help: "the second picture, of the same size" },
  ],
  options: [
    output("a file, .flo, .npy (planes u, v) or .png (colours), or a folder for all of them, the warped picture and the report"),
    force,
    choice("--method <name>", "what is minimised (variational)", flowMethods),
    option("--fast", "several times faster, a little less exact", flag, "true or false"),
    option("--smoothness <a>", "weight of smoothness, in place of the method's own", positive, "a positive number"),
  ],
  async run(session, [pathA, pathB], options) {
    const target = options.output as string | undefined;
    const folder = target !== undefined && isFolder(target);
    const ending = target === undefined || folder ? "" : extension(target).toLowerCase();
    if (target !== undefined && !folder && ![".flo", ".npy", ".png"].includes(ending))
      throw new ArgumentError(`flow: -o ${target}; a name ending in .flo, .npy or .png, or a folder was expected`, { target });
    const out = target === undefined || session.dryRun ? undefined : session.output(target, folder, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const [a, b] = [await loadImage(session, pathA), await loadImage(session, pathB)];
      checkPictures("flow", a.image, b.image);
      clock("read");
      const method = (options.method as FlowMethod | undefined) ?? "variational";
      const smoothness = options.smoothness as number | undefined;
      const chosen = { method, fast: options.fast === true, ...(smoothness === undefined ? {} : { smoothness }) };
      if (session.dryRun)
        return {
          json: { dryRun: true, a: gridText(a.image.grid), b: gridText(b.image.grid), ...chosen, outputs: [] },
          lines: ["would look for the flow"],
        };
      const r = opticalFlow(a.image, b.image, {
        ...{ method, fast: chosen.fast },
        ...(smoothness === undefined ? {} : { plan: { smoothness } }),
      });
      clock("flow");
      let [sum, longest] = [0, 0];
      for (let k = 0; k < r.u.length; k++) {
        const length = Math.sqrt(r.u[k] ** 2 + r.v[k] ** 2);
        sum += length;
        if (length > longest) longest = length;
      }
      const mean = sum / r.u.length;
      const figures = { agreement: r.agreement, residual: r.residual, meanPixels: mean, longestPixels: longest };
      const told = { status: r.status, reason: r.reason, figures };
      if (out) {
        if (!folder) {
          const planes = () => {
            const both = new Float32Array(2 * r.u.length);
            both.set(r.u);
            both.set(r.v, r.u.length);
            return both;
          };
          const bytes =
            ending === ".flo"
              ? writeFlo(r)
              : ending === ".png"
                ? png(flowPicture(r))
                : writeNpy({ shape: [2, r.height, r.width], data: planes() });
          out.put(basename(target as string), bytes);
          clock("write");
        } else {
          const colours = flowPicture(r);
          out.put("flow.flo", writeFlo(r));
          out.put("flow.png", png(colours));
          const warped = warp(b.image, r.transform, a.image.grid);
          for (const [name, bytes] of writeImage(warped, "warped.png", { channelKind: b.raw.channelKind, clamp: true }))
            out.put(name, bytes);
          for (const [name, bytes] of writeTransform(r.transform, "transform.json")) out.put(name, bytes);
          const [grayA, grayB, grayW] = [grayOf(a), grayOf(b), grayOf({ ...b, image: warped } as Loaded)];
          const window = robustWindow(grayA.values.data, grayB.values.data);
          const shown = (im: Image) => grayOfMiddle(im, window);
          clock("write");
          out.put(
            "report.html",
            gallery({
              title: "Optical flow",
              subtitle: `${method}${chosen.fast ? ", fast" : ""}; ${r.width}×${r.height} pixels`,
              verdict: { level: r.status === "ok" ? "good" : "bad", sentence: r.reason },
              figures: [
                { label: "mean length, pixels", value: plain(mean) },
                { label: "longest, pixels", value: plain(longest) },
                { label: "difference before", value: `${(100 * r.residual.before).toFixed(2)} %` },
                { label: "agreement of edges", value: plain(r.agreement) },
                { label: "difference after", value: `${(100 * r.residual.after).toFixed(2)} %` },
              ],
              rows: [
                {
                  ...{
                    title: "Flow",
                    large: true,
                    note: "The hue is the direction: red to the right, blue-green to the left. White: no motion.",
                  },
                  pictures: [
                    { picture: colours, caption: "flow" },
                    { picture: shown(grayA), caption: "A" },
                    { picture: shown(grayB), caption: "B" },
                    { picture: shown(grayW), caption: "B along the flow" },
                  ],
                },
              ],
              summary: { a: pathA, b: pathB, ...chosen },
              timings,
              warnings: session.warnings,
            }),
          );
          putRun(session, out, [pathA, pathB], { options: chosen, ...told, seconds: timings });
        }
      }
      return {
        json: { ...told, outputs: out ? out.commit() : [] },
        lines: [r.reason, `mean length ${plain(mean)} pixels, longest ${plain(longest)}`, ...(target ? [target] : [])],
        exit: r.status === "ok" ? Exit.ok : Exit.quality,
      };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};
