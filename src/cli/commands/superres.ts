import { ArgumentError } from "../../core/errors.js";
import type { CommandDefinition } from "../command.js";
import { restorationOptions } from "../restoration.js";
import { scaleOption, superresFrameOptions, superresFrames } from "../superresFrames.js";

/** `pullback superres --frames F… --scale N -o OUT`: one fine image from several coarse ones. */
export const command: CommandDefinition = {
  name: "superres",
  summary: "a finer image from several coarse ones",
  examples: [
    "pullback superres --frames video.npy --scale 4 -o fine.png",
    "pullback superres --frames a.png b.png c.png d.png --scale 2 --motion affine -o out/",
    "pullback superres --frames thick.nii.gz --scale 1,1,5 --psf 0,0,2.1 --pixel point -o thin.nii.gz",
  ],
  arguments: [],
  options: [scaleOption, ...superresFrameOptions, ...restorationOptions],
  async run(session, _, options) {
    if (options.frames === undefined) throw new ArgumentError("superres: which images? name them after --frames");
    return superresFrames(session, options);
  },
};
