import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadModel, models } from "../dist/models/index.js";

/** A network with the package's weights, or with those of one's own training under PULLBACK_WEIGHTS/NAME/weights.safetensors; undefined where there are none. */
export async function trained(name) {
  const own = process.env.PULLBACK_WEIGHTS && join(process.env.PULLBACK_WEIGHTS, name, "weights.safetensors");
  if (own && existsSync(own)) return loadModel(name, { weights: readFileSync(own) });
  return models[name].weights ? loadModel(name) : undefined;
}
