import { ArgumentError } from "../../core/errors.js";
import type { CommandDefinition } from "../command.js";
import { keyOf, option, wholeFromOne } from "../options.js";
import { restorationOptions } from "../restoration.js";
import { scaleOption, superresFrameOptions, superresFrames } from "../superresFrames.js";
import { superresImage } from "../superresImage.js";
import { superresThick, throughPlane } from "../superresThick.js";

/** `pullback superres --frames F… --scale N -o OUT`: one fine image from several coarse ones; `superres IMAGE --scale N`: from one. */
export const command: CommandDefinition = {
  name: "superres",
  summary: "a finer image from a coarse one, or from several",
  examples: [
    "pullback superres photo.png --scale 2 -o fine.png",
    "pullback superres --frames video.npy --scale 4 -o fine.png",
    "pullback superres --frames a.png b.png c.png d.png --scale 2 --motion affine -o out/",
    "pullback superres thick.nii.gz --scale 1,1,5 --prior model:through-plane -o thin.nii.gz",
    "pullback superres --frames axial.nii.gz coronal.nii.gz --prior model:through-plane -o thin.nii.gz",
    "pullback superres --frames thick.nii.gz --scale 1,1,5 --psf 0,0,2.1 --pixel point -o thin.nii.gz",
  ],
  arguments: [{ name: "[image]", help: "a gray or colour picture, or a volume that is enlarged slice by slice; not with --frames" }],
  options: [
    scaleOption,
    option(
      "--views <n>",
      "the network sees so many of the eight ways to turn and mirror the image; the mean is taken (1)",
      wholeFromOne,
      "a whole number from 1 to 8",
    ),
    ...superresFrameOptions,
    ...restorationOptions,
  ],
  async run(session, [path], options) {
    if (options.frames !== undefined && path !== undefined)
      throw new ArgumentError(`superres: ${path} and --frames came; name all images after --frames, or one image without it`);
    const stacks = options.frames !== undefined && options.prior === throughPlane ? [options.frames].flat() : undefined;
    if (stacks) {
      const set = superresFrameOptions.map(keyOf).find((key) => key !== "frames" && options[key] !== undefined);
      if (set !== undefined)
        throw new ArgumentError(`--${set}: stacks lie where their grids say, and ${throughPlane} has none; leave it out`);
      return superresThick(session, stacks as string[], options);
    }
    for (const key of ["weights", "views"])
      if (options.frames !== undefined && options[key] !== undefined)
        throw new ArgumentError(`--${key}: a network enlarges one image; leave it out with --frames`);
    // Options of one way would be read and forgotten by the other.
    if (typeof options.lambda === "string" && options.lambda !== "auto")
      throw new ArgumentError(`--lambda ${options.lambda}: rules are for denoise, deblur and inpaint; give a number, or auto`);
    const none = ["lambdaRule", "fidelity"];
    const idle = options.frames !== undefined ? [...none, "solver"] : [...none, ...superresFrameOptions.map(keyOf)];
    const set = idle.find(
      (key) => key !== "frames" && options[key] !== undefined && !(key === "fidelity" && options[key] === "leastSquares"),
    );
    if (set !== undefined)
      throw new ArgumentError(
        `--${set.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}: ${none.includes(set) ? "superres has none" : options.frames !== undefined ? "it is for one image" : "it goes with --frames"}; leave it out`,
        { option: set },
      );
    if (options.frames !== undefined && options.scaleData === "auto")
      throw new ArgumentError("--scale-data auto: it is for one image; with --frames λ follows the frames, so leave it out");
    if (options.frames !== undefined) return superresFrames(session, options);
    if (path === undefined) throw new ArgumentError("superres: which image? name one, or several after --frames");
    return options.prior === throughPlane ? superresThick(session, [path], options) : superresImage(session, path, options);
  },
};
