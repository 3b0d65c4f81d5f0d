import { basename } from "node:path";
import { ArgumentError, FormatError, ShapeError } from "../../core/errors.js";
import { image } from "../../image/index.js";
import { formatOfName, importOnnx, type OnnxNetwork, writeImage } from "../../io/index.js";
import { readBytes } from "../../io/node.js";
import { loadModel, networkDenoiser, trainedDenoiser } from "../../models/index.js";
import { concat, scope, type Tensor } from "../../tensor/index.js";
import type { CommandDefinition } from "../command.js";
import { imageExtension, putRun } from "../groupFiles.js";
import { loadImage } from "../inputs.js";
import { suggestion } from "../nearest.js";
import { force, option, output, positive, text } from "../options.js";
import { isFolder } from "../output.js";
import { stopwatch } from "../registrationFiles.js";
import { type Measured, measured, sigmaOf, store } from "../restoration.js";
import type { Session } from "../session.js";

const names = ["denoiser"];

/** `pullback infer NAME IMAGE -o OUT`: a trained network on a picture. */
export const command: CommandDefinition = {
  name: "infer",
  summary: "use a network of the catalogue, or of an ONNX file, on a picture",
  examples: [
    "pullback infer denoiser noisy.png --sigma 25 -o clean.png",
    "pullback infer denoiser noisy.npy --sigma 0.1 --weights out/weights.safetensors -o clean.npy",
    "pullback infer network.onnx picture.png -o result.png",
  ],
  arguments: [
    { name: "<network>", help: "denoiser, or an ONNX file with one picture in and one out" },
    { name: "<image>", help: "a gray or colour picture" },
  ],
  options: [
    output("file for the result, or a folder for it and run.json"),
    force,
    option("--weights <file>", "weights of one's own training (those of the package)", text, "a safetensors file"),
    option(
      "--sigma <s>",
      "denoiser: standard deviation of the noise in inner units; for 8- and 16-bit pictures 1 and more are gray levels",
      positive,
      "a positive number",
    ),
  ],
  async run(session, [network, path], options) {
    const onnx = /\.onnx$/i.test(network);
    if (!onnx && !names.includes(network))
      throw new ArgumentError(
        network === "registration-2d"
          ? "infer: registration-2d takes two pictures; use pullback register FIXED MOVING --preset learned -o OUT/"
          : network === "mr-cascade"
            ? "infer: mr-cascade takes k-space; use pullback reconstruct mr KSPACE.npy --prior model:mr-cascade --weights FILE"
            : network.startsWith("ct-")
              ? `infer: ${network} takes a sinogram; use pullback reconstruct ct SINOGRAM.npy --prior model:${network} --weights FILE`
              : network.startsWith("super-resolution-x")
                ? `infer: ${network} enlarges; use pullback superres IMAGE --scale ${network.at(-1)} --prior model:super-resolution --weights FILE`
                : `infer: there is no network "${network}"${suggestion(network, names) || `; there is ${names.join(", ")}, or name an .onnx file`}`,
        { network },
      );
    const target = options.output as string | undefined;
    if (!target) throw new ArgumentError("infer: where to? name a file or a folder after -o");
    const folder = isFolder(target);
    if (!folder && formatOfName(target) === undefined)
      throw new ArgumentError(`${target}: the extension names no format that can be written; choose .png, .npy or another, or a folder`, {
        target,
      });
    const weights = options.weights as string | undefined;
    if (onnx && (weights !== undefined || options.sigma !== undefined))
      throw new ArgumentError(
        `infer: an ONNX file holds its weights and takes a picture only; leave ${weights === undefined ? "--sigma" : "--weights"} out`,
      );
    const out = session.dryRun ? undefined : session.output(target, folder, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const loaded = await loadImage(session, path);
      const m = measured(loaded, undefined, false);
      if (m.grid.size.length !== 2)
        throw new FormatError(`${path}: ${m.grid.size.join("×")} samples came; a picture with two axes was expected`, { path });
      clock("read");
      const run = onnx ? onnxRun(network) : await denoiserRun(session, m, options.sigma as number | undefined, weights);
      if (!out)
        return { json: { dryRun: true, network, image: m.grid.size, outputs: [] }, lines: [`would run ${basename(network)} on ${path}`] };
      const result = scope(() => run(m));
      clock("infer");
      const name = folder ? `result${imageExtension(path)}` : basename(target);
      const [h, w] = result.shape.slice(-2);
      const channels = result.size / (h * w);
      if (h === m.grid.size[1] && w === m.grid.size[0] && channels === m.channels)
        for (const [file, bytes] of store(session, m, result, name)) out.put(file, bytes);
      else {
        const values = result.reshape(channels, h, w).mul(m.scale);
        const grid = { ...m.grid, size: [w, h] };
        for (const [file, bytes] of writeImage(image(values, grid), name, { clamp: true })) out.put(file, bytes);
      }
      const figures = { size: [w, h], channels, units: m.units };
      const reason = `${basename(network)} on ${m.grid.size.join("×")} samples: ${w}×${h}${channels > 1 ? `, ${channels} channels` : ""}`;
      if (folder)
        putRun(session, out, weights === undefined ? [path] : [path, weights], {
          options: { network, sigma: options.sigma, weights },
          status: "ok",
          reason,
          figures,
          seconds: timings,
        });
      return { json: { status: "ok", reason, ...figures, seconds: session.seconds, outputs: out.commit() }, lines: [reason, target] };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};

async function denoiserRun(
  session: Session,
  m: Measured,
  sigma: number | undefined,
  weights: string | undefined,
): Promise<(m: Measured) => Tensor> {
  if (sigma === undefined)
    throw new ArgumentError("infer: --sigma is missing; say how strong the noise is (pullback denoise estimates it)");
  const model = weights === undefined ? await loadModel("denoiser") : named(weights, () => trainedDenoiser(readBytes(weights)));
  const inner = sigmaOf(sigma, m) as number;
  if (inner > 1) session.warn(`--sigma ${sigma}: noise stronger than the whole range of values 0 to 1`);
  const denoiser = networkDenoiser(model);
  return ({ data }) => denoiser.denoise(data, inner);
}

/** A network with a picture in and one out, whatever its shapes ask for. */
function onnxRun(path: string): (m: Measured) => Tensor {
  const network: OnnxNetwork = named(path, () => importOnnx(readBytes(path)));
  if (network.inputs.length !== 1)
    throw new FormatError(`${path}: the network has ${network.inputs.length} inputs; one picture was expected`, { path });
  const wanted = network.inputs[0].shape ?? [];
  return ({ data, channels }) => {
    const [h, w] = data.shape.slice(-2);
    const planes = wanted[1] === 1 ? channels : 1;
    const x = data.reshape(planes, channels / planes, h, w);
    const shape = wanted.map((n, i) => (typeof n === "number" && !(i === 0 && n === 1) ? n : (x.shape[i] ?? "?")));
    if (wanted.length !== 4 || shape.slice(1).some((n, i) => n !== x.shape[i + 1]))
      throw new FormatError(
        `${path}: the network takes ${wanted.join("×") || "an unknown shape"}, and the picture is ${x.shape.join("×")} (batch, channels, rows, columns); cut or scale it, or export the network for this size`,
        { path, wanted },
      );
    // One plane after the other where the network is for one.
    const parts = Array.from({ length: planes }, (_, i) => network.forward(x.slice([i], [i + 1])));
    if (parts[0].rank !== 4)
      throw new FormatError(`${path}: the network's output has ${parts[0].rank} axes; a picture has four: batch, channels, rows, columns`, {
        path,
      });
    const [, c, oh, ow] = parts[0].shape;
    return concat(parts, 0).reshape(planes * c, oh, ow);
  };
}

/** Errors name the file they are about. */
function named<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FormatError || error instanceof ShapeError)
      throw new FormatError(`${path}: ${error.message}`, { path }, { cause: error });
    throw error;
  }
}
