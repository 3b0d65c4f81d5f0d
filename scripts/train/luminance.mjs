import { basename } from "node:path";
import { readImageFile } from "../../dist/io/node.js";

/** A picture's luminance, 0 to 1, as a TrainingPicture. */
export function luminance(file) {
  const { data, size, channels } = readImageFile(file);
  const [width, height] = size;
  const n = width * height;
  const weights = channels >= 3 ? [0.299, 0.587, 0.114] : [1];
  const peak = data instanceof Uint16Array ? 65535 : 255;
  const values = Float32Array.from({ length: n }, (_, i) => weights.reduce((s, w, c) => s + w * data[c * n + i], 0) / peak);
  return { name: basename(file), height, width, values };
}
