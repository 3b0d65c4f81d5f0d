import { ArgumentError } from "../../core/errors.js";
import { writeNpy } from "../../io/index.js";
import { type Border, blurOperator } from "../../operators/index.js";
import { blindKernel } from "../../reconstruction/index.js";
import type { Tensor } from "../../tensor/index.js";
import type { CommandDefinition } from "../command.js";
import { grayOf, type Loaded } from "../inputs.js";
import { choice, option, text } from "../options.js";
import { loadKernel, restorationOptions, runRestoration } from "../restoration.js";
import { ownOperator } from "../restorationParts.js";
import type { Session } from "../session.js";

const borders = ["periodic", "reflect", "zero"] as const;

/** `pullback deblur IMAGE --kernel K -o OUT`: min ½‖k ∗ x − y‖² + λ R(x). */
export const command: CommandDefinition = {
  name: "deblur",
  summary: "undo a blur, its kernel known or not",
  examples: [
    "pullback deblur shaken.png --kernel blind:25 --boundary reflect --prior bm3d -o out/",
    "pullback deblur blurred.npy --kernel kernel.npy -o sharp.npy",
    "pullback deblur blurred.npy --kernel kernel.npy --prior bm3d -o sharp.npy",
    "pullback deblur blurred.npy --kernel kernel.npy --prior pnp:learned -o sharp.npy",
    "pullback deblur photo.png --kernel kernel.npy --boundary reflect --prior tikhonov -o out/",
  ],
  arguments: [{ name: "<image>", help: "a gray or colour image or a volume" }],
  options: [
    option(
      "--kernel <file|blind[:SIZE]>",
      "weights of the blur, centre at ⌊size / 2⌋; a 2-D kernel blurs a volume slice by slice; blind (or auto): found together with the image",
      text,
      "a file, or blind[:SIZE]",
    ),
    choice("--boundary <name>", "what the blur saw beyond the border (periodic)", borders),
    option("--operator <module>", "in place of a kernel: functions apply and adjoint of your own", text, "a module such as ./mine.mjs"),
    ...restorationOptions,
  ],
  async run(session, [path], options) {
    const kernelPath = options.kernel as string | undefined;
    const own = options.operator as string | undefined;
    if (own !== undefined) {
      if (kernelPath !== undefined || options.boundary !== undefined)
        throw new ArgumentError("--operator: the module says what was done to the image; leave --kernel and --boundary out");
      const operator = await ownOperator(own);
      return runRestoration(session, "deblur", path, options, async (loaded) => ({
        title: "Restored",
        formula: "Ax − y",
        operator,
        dimensions: loaded.image.grid.size.length,
        inputs: [own],
        options: { operator: own },
      }));
    }
    if (!kernelPath) throw new ArgumentError("deblur: what was the blur? name its kernel after --kernel");
    const border = (options.boundary as Border | undefined) ?? "periodic";
    if (border !== "periodic" && (options.prior ?? "tv") === "tv")
      throw new ArgumentError(
        `--boundary ${border}: total variation needs --boundary periodic; with this border choose --prior tikhonov, l2, biharmonic or none`,
        { border },
      );
    return runRestoration(session, "deblur", path, options, async (loaded) => {
      const blind = /^(?:auto|blind)(?::(\d+))?$/.exec(kernelPath);
      const kernel = blind
        ? await sought(session, loaded, border, blind[1] === undefined ? undefined : Number(blind[1]))
        : await loadKernel(session, kernelPath, loaded);
      return {
        title: "Deblurred",
        formula: "k ∗ x − y",
        operator: (shape) => blurOperator(shape, kernel, { border }),
        dimensions: kernel.rank,
        kernel,
        inputs: blind ? [] : [kernelPath],
        ...(blind && { files: { "kernel.npy": writeNpy({ shape: kernel.shape, data: Float32Array.from(kernel.data) }) } }),
        options: { kernel: kernelPath, boundary: border },
      };
    });
  },
};

/** The kernel of an unknown blur, from the image's gray values. */
async function sought(session: Session, of: Loaded, border: Border, size: number | undefined): Promise<Tensor> {
  const gray = grayOf(of).values;
  if (of.image.grid.size.length !== 2)
    throw new ArgumentError("--kernel blind: the blur of a volume cannot be found; give one picture, or a kernel", {});
  const r = await session.stoppable((signal) =>
    blindKernel(gray.reshape(...gray.shape.slice(1)), {
      size,
      periodic: border === "periodic",
      signal,
      onProgress: (p) => session.progress.step({ ...p, stage: "kernel" }),
    }),
  );
  session.warn(
    `the blur was found together with the image: look at both; ${(100 * r.unexplained).toFixed(0)} % of the blurred edges are not explained by strong ones`,
  );
  return r.kernel;
}
