import { identityOperator } from "../../operators/index.js";
import type { CommandDefinition } from "../command.js";
import { restorationOptions, runRestoration } from "../restoration.js";

/** `pullback denoise IMAGE -o OUT`: min ½‖x − y‖² + λ R(x). */
export const command: CommandDefinition = {
  name: "denoise",
  summary: "take noise out of an image",
  examples: [
    "pullback denoise noisy.npy -o clean.npy",
    "pullback denoise noisy.png --sigma 25 -o out/",
    "pullback denoise noisy.png --prior bm3d -o clean.png",
    "pullback denoise noisy.png --prior learned --sigma 25 -o clean.png",
    "pullback denoise noisy.nii.gz --prior tv --lambda 0.1 -o clean.nii.gz --json",
  ],
  arguments: [{ name: "<image>", help: "a gray or colour image or a volume" }],
  options: restorationOptions,
  run: (session, [path], options) =>
    runRestoration(session, "denoise", path, options, async ({ image }) => ({
      title: "Denoised",
      formula: "x − y",
      operator: (shape) => identityOperator(shape),
      dimensions: image.grid.size.length,
      inputs: [],
    })),
};
