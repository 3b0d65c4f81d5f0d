import { ArgumentError, FormatError, ShapeError } from "../core/errors.js";
import { readBytes } from "../io/node.js";
import { learnedDeformation } from "../models/index.js";
import type { DeformationNetwork } from "../registration/index.js";

/** The network of the preset learned, with the package's weights or those of a file; undefined for other presets. */
export async function deformationNetwork(preset: string | undefined, weights?: string): Promise<DeformationNetwork | undefined> {
  if (preset !== "learned") {
    if (weights !== undefined)
      throw new ArgumentError("register: --weights are those of the network of --preset learned; leave them out", { weights });
    return undefined;
  }
  try {
    return await learnedDeformation({ weights: weights === undefined ? undefined : readBytes(weights) });
  } catch (error) {
    if (weights !== undefined && (error instanceof FormatError || error instanceof ShapeError || error instanceof ArgumentError))
      throw new FormatError(`${weights}: ${error.message}`, { path: weights }, { cause: error });
    throw error;
  }
}
