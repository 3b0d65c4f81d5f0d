import { ArgumentError } from "../core/errors.js";
import type { LinearOperator, Progress } from "../core/interfaces.js";
import { readBytes } from "../io/node.js";
import { loadModel, networkRestoration, trainedGenerativeModel } from "../models/index.js";
import { deepImagePrior, ganPrior, type RestoreResult } from "../reconstruction/index.js";
import type { Tensor } from "../tensor/index.js";
import type { Options } from "./command.js";

/** What a network is asked to restore. */
export interface NetworkRun {
  /** A on images of a shape. */
  readonly operator: (shape: readonly number[]) => LinearOperator;
  /** A's own images, [(c,) y, x]. */
  readonly shape: readonly number[];
  readonly data: Tensor;
  readonly colour: boolean;
  readonly sigma?: number;
  /** Data without a given noise have none. */
  readonly exact?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress<Tensor>) => void;
}
/** A prior that is no functional of x: a network makes the image. */
export interface NetworkPrior {
  readonly name: string;
  readonly formula: string;
  readonly run: (o: NetworkRun) => Promise<RestoreResult>;
}
const dipNames = ["dip", "deep-image"];
export const networkPriorNames: readonly string[] = ["dip"];
export const networkPriorHelp = "dip (a network that has seen no other picture), gan:digits, model:unrolled";

const result = (o: NetworkRun, image: Tensor, more: Pick<RestoreResult, "reason" | "solver"> & Partial<RestoreResult>): RestoreResult => {
  const rest = o.operator(o.shape).apply(image).sub(o.data);
  return {
    image,
    status: "ok",
    stop: "converged",
    objective: 0.5 * rest.innerProduct(rest).item(),
    lambda: 0,
    iterations: 1,
    history: [],
    warnings: [],
    ...more,
  };
};
function flat(o: NetworkRun, name: string): void {
  if (o.shape.length > (o.colour ? 3 : 2))
    throw new ArgumentError(`--prior ${name}: it restores pictures, and a volume came; choose a slice, or another prior`, {
      shape: o.shape,
    });
}

/**
 * "dip"; "gan:NAME" and "model:NAME" with networks of the catalogue. Undefined for other names.
 * @throws ArgumentError for options that a network has not, and for names that there are not
 */
export async function networkPrior(command: string, options: Options): Promise<NetworkPrior | undefined> {
  const text = (options.prior as string | undefined) ?? "";
  const weights = options.weights as string | undefined;
  const [, kind, name] = /^(gan|model):(.*)$/s.exec(text) ?? [];
  const dip = dipNames.includes(text);
  if (weights !== undefined && !kind)
    throw new ArgumentError("--weights: they are of a network of --prior model:NAME or gan:NAME; leave them out");
  if (!dip && !kind) {
    if (options.seed !== undefined) throw new ArgumentError("--seed: there is chance in --prior dip and gan:NAME only; leave it out");
    return undefined;
  }
  for (const key of ["lambda", "lambdaRule", "fidelity", "solver", "tolerance"] as const)
    if (options[key] !== undefined)
      throw new ArgumentError(`--${key.replace("R", "-r")}: --prior ${text} has none; leave it out`, { prior: text });
  const seed = options.seed as number | undefined;
  const iterations = options.iterations as number | undefined;
  if (dip)
    return {
      name: "dip",
      formula: "over x = G(w)",
      async run(o) {
        flat(o, text);
        const r = await deepImagePrior({
          operator: o.operator(o.shape),
          data: o.data,
          noise: o.sigma ?? (o.exact ? 0 : undefined),
          iterations,
          seed,
          signal: o.signal,
          onProgress: o.onProgress,
        });
        const { image, stop, reason, history } = r;
        const status = stop === "diverged" ? "suspect" : "ok";
        return result(o, image, { status, stop, reason, iterations: r.iterations, history: history.held, solver: "deep image prior" });
      },
    };
  const file = weights === undefined ? undefined : readBytes(weights);
  if (kind === "gan") {
    if (name !== "digits") throw new ArgumentError(`--prior ${text}: there is gan:digits`, { prior: text });
    const model = file ? trainedGenerativeModel(file) : await loadModel("digits");
    return {
      name: text,
      formula: "over x near G(z)",
      async run(o) {
        const operator = o.operator(o.shape);
        const r = await ganPrior({
          operator,
          data: o.data,
          model,
          noise: o.sigma,
          iterations,
          seed,
          signal: o.signal,
          onProgress: o.onProgress,
        });
        return result(o, r.image, { reason: r.reason, iterations: r.iterations, solver: "latent optimisation" });
      },
    };
  }
  const wanted = ({ inpaint: "unrolled-inpainting", deblur: "unrolled-deblur" } as const)[command as "inpaint" | "deblur"];
  if (!wanted || (name !== "unrolled" && name !== wanted))
    throw new ArgumentError(
      `--prior ${text}: there is no such network for ${command}${wanted ? `; choose model:unrolled, or a denoiser such as pnp:learned` : ""}`,
      { prior: text },
    );
  for (const key of ["iterations", "seed"] as const)
    if (options[key] !== undefined) throw new ArgumentError(`--${key}: --prior ${text} has none; leave it out`, { prior: text });
  const model = await loadModel(wanted, { weights: file });
  return {
    name: `model:${wanted}`,
    formula: "by a network",
    async run(o) {
      flat(o, text);
      const image = networkRestoration(model, { operator: o.operator, data: o.data, noise: o.sigma });
      return result(o, image, { reason: "a network of a fixed number of steps", solver: "unrolled network" });
    },
  };
}
