import { basename } from "node:path";
import { ArgumentError, GridError } from "../../core/errors.js";
import { correlation, mae, psnr, quantile, rmse, ssim } from "../../evaluation/index.js";
import { gridText, sameGrid } from "../../image/index.js";
import { presets } from "../../registration/index.js";
import {
  checkerboard,
  colourMap,
  colourPicture,
  comparison,
  grayPicture,
  type Picture,
  png,
  rgb,
  robustWindow,
  slice,
  views,
} from "../../report/index.js";
import { plain } from "../../report/linePlot.js";
import { identityTransform, warp } from "../../transforms/index.js";
import type { CommandDefinition } from "../command.js";
import { grayOf, loadImage } from "../inputs.js";
import { choice, flag, force, option, output, text } from "../options.js";
import { version } from "../version.js";

/** `pullback compare A B -o OUT.html`: two images side by side, with figures. */
export const command: CommandDefinition = {
  name: "compare",
  summary: "set two images side by side",
  examples: [
    "pullback compare fixed.nii.gz warped.nii.gz -o compare.html",
    "pullback compare a.png b.png -o panel.png",
    "pullback compare a.png b.png --json",
    "pullback compare first-visit.nii.gz second-visit.nii.gz --change -o change/",
  ],
  arguments: [
    { name: "<a>", help: "an image; its grid is used" },
    { name: "<b>", help: "the other; resampled onto the grid of the first where it differs" },
  ],
  options: [
    output("compare.html (flicker, checkerboard, edges, difference) or a .png with both, a checkerboard and the difference"),
    option("--change", "align B with A, then map what has changed in between; -o is a folder", flag, "true or false"),
    choice("--preset <name>", "with --change: how B is aligned (affine)", presets),
    option("--transform <file>", "with --change: align B so instead, or the word identity", text, "a file"),
    option("--mask <file>", "with --change: where to look, on the grid of A", text, "a file"),
    force,
    option("--own-scale", "each image has its own black and white (for unlike contrasts)", flag, "true or false"),
  ],
  async run(session, [pathA, pathB], options) {
    if (options.change === true) return (await import("./compareChange.js")).compareChange(session, pathA, pathB, options);
    for (const [key, flags] of [
      ["preset", "--preset"],
      ["transform", "--transform"],
      ["mask", "--mask"],
    ])
      if (options[key] !== undefined) throw new ArgumentError(`compare: ${flags} belongs to --change; add that, or leave ${flags} out`, {});
    const target = options.output as string | undefined;
    if (target !== undefined && !/\.(html?|png)$/i.test(target))
      throw new ArgumentError(`${target}: a comparison is written as .html or .png`, { target });
    const loadedA = await loadImage(session, pathA);
    const loadedB = await loadImage(session, pathB);
    const a = grayOf(loadedA);
    let b = grayOf(loadedB);
    if (a.grid.size.length !== b.grid.size.length)
      throw new GridError(
        `compare: ${basename(pathA)} is ${a.grid.size.length}-D and ${basename(pathB)} is ${b.grid.size.length}-D; both must have the same dimension`,
        {},
      );
    if (!sameGrid(a.grid, b.grid)) {
      session.warn(`${basename(pathB)} lies on ${gridText(b.grid)}; it was resampled onto ${gridText(a.grid)}`);
      b = warp(b, identityTransform(a.grid.size.length), a.grid);
    }
    const va = new Float32Array(a.values.data);
    const vb = new Float32Array(b.values.data);
    const peak = quantile(va, 1) - quantile(va, 0) || 1;
    const figures = {
      psnr: psnr(va, vb, { peak }),
      ssim: a.grid.size.every((s) => s >= 11) ? ssim(va, vb, a.grid, { peak }) : null,
      ncc: correlation(va, vb),
      rmse: rmse(va, vb),
      mae: mae(va, vb),
      peak,
    };
    const lines = [
      `PSNR ${plain(figures.psnr)} dB, ${figures.ssim === null ? "" : `SSIM ${plain(figures.ssim)}, `}NCC ${plain(figures.ncc)}, RMSE ${plain(figures.rmse)}, MAE ${plain(figures.mae)} (peak ${plain(peak)})`,
    ];
    const json = { a: pathA, b: pathB, figures };
    if (target === undefined || session.dryRun)
      return { json: { ...json, ...(session.dryRun ? { dryRun: true } : {}), outputs: [] }, lines };
    const sameScale = options.ownScale !== true;
    const bytes = /png$/i.test(target)
      ? png(panel(va, vb, a.grid, sameScale))
      : comparison({
          title: `${basename(pathA)} and ${basename(pathB)}`,
          subtitle: gridText(a.grid),
          grid: a.grid,
          a: { values: va },
          b: { values: vb },
          sameScale,
          figures: [
            { label: "PSNR", value: figures.psnr, unit: "dB" },
            ...(figures.ssim === null ? [] : [{ label: "SSIM", value: figures.ssim }]),
            { label: "correlation", value: figures.ncc },
            { label: "RMSE", value: figures.rmse },
            { label: "MAE", value: figures.mae },
          ],
          summary: { A: pathA, B: pathB, grid: gridText(a.grid), "peak of PSNR and SSIM": peak, pullback: version() },
          warnings: session.warnings,
        });
    const out = session.output(target, false);
    out.put(basename(target), bytes);
    return { json: { ...json, outputs: out.commit() }, lines: [...lines, target] };
  },
};

/** A, B, checkerboard and difference in a row (middle slice of a volume). */
function panel(a: Float32Array, b: Float32Array, grid: Parameters<typeof views>[0], sameScale: boolean): Picture {
  const [view] = views(grid, 1);
  const at = view.through < 0 ? 0 : Math.floor(grid.size[view.through] / 2);
  const pa = slice(a, grid, view, at);
  const pb = slice(b, grid, view, at);
  const windowA = sameScale ? robustWindow(a, b) : robustWindow(a);
  const windowB = sameScale ? windowA : robustWindow(b);
  const ga = grayPicture(pa, windowA);
  const gb = grayPicture(pb, windowB);
  const difference = { ...pa, values: Float32Array.from(ga.data, (v, i) => gb.data[i] - v) };
  return beside([ga, gb, checkerboard(ga, gb), colourPicture(difference, { low: -128, high: 128 }, colourMap("diverging"))]);
}

/** Pictures of one height next to each other. */
function beside(pictures: readonly Picture[]): Picture {
  const all = pictures.map(rgb);
  const { width, height } = all[0];
  const data = new Uint8Array(3 * width * height * all.length);
  all.forEach((p, k) => {
    for (let y = 0; y < height; y++)
      data.set(p.data.subarray(3 * y * width, 3 * (y + 1) * width), 3 * (y * width * all.length + k * width));
  });
  return { width: width * all.length, height, channels: 3, data };
}
