import { basename, resolve } from "node:path";
import { ArgumentError, FormatError, GridError } from "../core/errors.js";
import { gridText, type Image, sameGrid } from "../image/index.js";
import { type StoreOptions, writeImage } from "../io/index.js";
import { colourMap, colourPicture, grayPicture, type Picture, robustWindow, slice, views, type Window } from "../report/index.js";
import { checkUsable, extension, grayOf, type Loaded, loadImage } from "./inputs.js";
import type { Output } from "./output.js";
import type { Session } from "./session.js";
import { version } from "./version.js";

/** A list option as the command line and a config file give it. */
export const listOf = (value: unknown): string[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as string[]) : [value as string];

/** Gray images of one dimension, fit to be aligned. */
export async function loadGroup(
  session: Session,
  command: string,
  paths: readonly string[],
): Promise<{ loaded: Loaded[]; images: Image[] }> {
  const loaded: Loaded[] = [];
  for (const path of paths) loaded.push(await loadImage(session, path));
  const d = loaded[0].image.grid.size.length;
  for (const { path, image } of loaded) {
    if (image.grid.size.length !== d)
      throw new GridError(
        `${command}: ${basename(path)} is ${image.grid.size.length}-D (${image.grid.size.join("×")}) but ${basename(loaded[0].path)} is ${d}-D; all must have the same dimension`,
        {},
      );
    // A slab may be thin along one axis; a line or a point cannot be aligned.
    if (image.grid.size.filter((n) => n >= 4).length < 2)
      throw new FormatError(`${path}: ${image.grid.size.join("×")} is too small to be aligned; at least two axes need 4 samples`, { path });
  }
  const images = loaded.map(grayOf);
  for (const [i, im] of images.entries()) checkUsable(["first", "second", "third"][i] ?? `${i + 1}th`, paths[i], im);
  return { loaded, images };
}

/** A label map on the grid of its image: whole numbers of 0 or more. */
export async function loadLabels(session: Session, path: string, of: Loaded): Promise<Image> {
  const labels = grayOf(await loadImage(session, path));
  if (labels.grid.size.length !== of.image.grid.size.length || !sameGrid(labels.grid, of.image.grid))
    throw new GridError(
      `${path}: the labels lie on ${gridText(labels.grid)} but ${basename(of.path)} on ${gridText(of.image.grid)}; resample one onto the other first`,
      { path },
    );
  let wrong = 0;
  for (const v of labels.values.data) if (!(v >= 0) || Math.abs(v - Math.round(v)) > 1e-3) wrong++;
  if (wrong > 0)
    throw new FormatError(`${path}: ${wrong} values are no labels; expected whole numbers of 0 or more (is this the image itself?)`, {
      path,
      wrong,
    });
  return labels;
}

/** Names for the files that belong to each input: its own without extension, numbered where two are alike. */
export function stemsOf(paths: readonly string[]): string[] {
  const plain = paths.map((p) => basename(p).slice(0, basename(p).length - extension(p).length) || "image");
  return plain.map((name, i) => (plain.filter((other) => other === name).length > 1 ? `${name}-${i + 1}` : name));
}

/** Pictures stay pictures where whole grey values do; everything else keeps its place and its fractions. */
export const imageExtension = (path: string): string => {
  const e = extension(path).toLowerCase();
  return /^\.(png|jpe?g|tiff?)$/.test(e) ? ".png" : /^\.(npy|mha|nrrd|nii)$/.test(e) ? e : ".nii.gz";
};
export function putImage(out: Output, image: Image, name: string, o: StoreOptions = {}): void {
  for (const [file, bytes] of writeImage(image, name, { level: 1, ...o })) out.put(file, bytes);
}
/** The smallest whole-number type that holds every label. */
export function labelType(labels: Image): StoreOptions["dtype"] {
  let most = 0;
  for (const v of labels.values.data) if (v > most) most = v;
  return most < 256 ? "uint8" : most < 65536 ? "uint16" : "int32";
}

/** The view that shows most: axial, unless the image is a slab that is thin that way. */
const bestView = (image: Image) => {
  const all = views(image.grid, 1);
  const area = (v: (typeof all)[number]) => v.width * v.height;
  const most = Math.max(...all.map(area));
  return all.find((v) => area(v) > 0.4 * most) ?? all[0];
};
/** The middle slice as it is looked at first. */
export const middle = (image: Image) => {
  const view = bestView(image);
  return slice(image.values.data, image.grid, view, view.through < 0 ? 0 : Math.floor(image.grid.size[view.through] / 2), { most: 512 });
};
export const grayOfMiddle = (image: Image, window: Window = robustWindow(image.values.data)): Picture => grayPicture(middle(image), window);
export const colourOfMiddle = (image: Image, half: number): Picture =>
  colourPicture(middle(image), { low: -half, high: half }, colourMap("diverging"));
/** Labels in colours that neighbours in number do not share; 0 black. */
export function labelsOfMiddle(labels: Image): Picture {
  const view = bestView(labels);
  const at = view.through < 0 ? 0 : Math.floor(labels.grid.size[view.through] / 2);
  const { width, height, values } = slice(labels.values.data, labels.grid, view, at);
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const l = Math.round(values[i]);
    if (l <= 0) continue;
    // Steps of the golden angle around the circle of hues.
    const hue = (l * 137.508) % 360;
    for (let c = 0; c < 3; c++) {
      const k = (c * 4 + hue / 30) % 12;
      data[3 * i + c] = Math.round(255 * (0.55 - 0.4 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
    }
  }
  return { width, height, channels: 3, data };
}

/** Writes run.json, last of all files. */
export function putRun(
  session: Session,
  out: Output,
  paths: readonly string[],
  more: {
    readonly options: unknown;
    readonly status: string;
    readonly reason: string;
    readonly figures: unknown;
    readonly seconds: Record<string, number>;
  } & Record<string, unknown>,
): void {
  const run = {
    program: "pullback",
    version: version(),
    node: process.version,
    command: session.command,
    inputs: paths.map((path) => ({ path: resolve(path), sha256: session.hash(path) })),
    ...more,
    warnings: session.warnings,
    outputs: [...out.names, "run.json"],
  };
  out.put("run.json", `${JSON.stringify(run, (_, v) => (typeof v === "number" && !Number.isFinite(v) ? null : v), 1)}\n`);
}

/** What -o named, as a folder. */
export function folderOf(command: string, options: Readonly<Record<string, unknown>>): string {
  const target = options.output as string | undefined;
  if (!target) throw new ArgumentError(`${command}: where to? name a folder after -o`);
  return target;
}
