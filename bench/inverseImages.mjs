// What the benches of inverse problems share: files of a case in the order of their names, arrays, gray pictures, PSNR.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readNpy } from "../dist/io/npy.js";
import { readPng } from "../dist/io/png.js";
import { Tensor } from "../dist/tensor/index.js";
import { dataFolder } from "./data.mjs";

export const folder = (...path) => join(dataFolder, "inverse", ...path);
export const files = (...path) =>
  readdirSync(folder(...path))
    .sort()
    .map((f) => folder(...path, f));
export const array = (file) => {
  const a = readNpy(readFileSync(file));
  return Tensor.from(Float32Array.from(a.data), a.shape);
};
/** A gray picture of 8 bits, in [0, 1]. */
export const gray = (file) => {
  const p = readPng(readFileSync(file));
  return Tensor.from(
    Float32Array.from(p.data, (v) => v / 255),
    [...p.size].reverse(),
  );
};
export const decibels = (sum, n) => -10 * Math.log10(sum / n);
/** Peak 1, values clipped to [0, 1]. */
export const psnr = (x, truth) => {
  const [a, b] = [x.data, truth.data];
  let s = 0;
  for (let k = 0; k < b.length; k++) s += (Math.min(1, Math.max(0, a[k])) - b[k]) ** 2;
  return decibels(s, b.length);
};
