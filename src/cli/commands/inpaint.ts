import { ArgumentError } from "../../core/errors.js";
import { tensorShape } from "../../image/index.js";
import { maskOperator } from "../../operators/index.js";
import { Tensor } from "../../tensor/index.js";
import type { CommandDefinition } from "../command.js";
import { option, text } from "../options.js";
import { loadKnown, restorationOptions, runRestoration } from "../restoration.js";

/** `pullback inpaint IMAGE --mask M -o OUT`: min ½‖m · (x − y)‖² + λ R(x). */
export const command: CommandDefinition = {
  name: "inpaint",
  summary: "fill in what is missing from an image",
  examples: [
    "pullback inpaint photo.png --mask known.png -o whole.png",
    "pullback inpaint photo.png --mask known.png --prior bm3d -o whole.png",
    "pullback inpaint holes.npy --mask known.npy --prior biharmonic -o out/",
  ],
  arguments: [{ name: "<image>", help: "a gray or colour image or a volume; what it holds at unknown samples does not matter" }],
  options: [option("--mask <file>", "where the image is known: not 0", text, "a file"), ...restorationOptions],
  async run(session, [path], options) {
    const maskPath = options.mask as string | undefined;
    if (!maskPath) throw new ArgumentError("inpaint: what is known? name a mask after --mask; where it is not 0 the image counts");
    return runRestoration(session, "inpaint", path, options, async (loaded) => {
      const known = await loadKnown(session, maskPath, loaded);
      const share = known.reduce((a, b) => a + b, 0) / known.length;
      return {
        title: "Filled in",
        formula: "m (x − y)",
        operator: (shape) => {
          const all = new Float32Array(shape.reduce((a, b) => a * b, 1));
          for (let at = 0; at < all.length; at += known.length) all.set(known, at);
          return maskOperator(Tensor.from(all, shape));
        },
        dimensions: tensorShape(loaded.image.grid).length,
        known,
        inputs: [maskPath],
        options: { mask: maskPath, knownShare: share },
      };
    });
  },
};
