import { basename } from "node:path";
import { ArgumentError, FormatError } from "../core/errors.js";
import { gridText, type Image, image, sameGrid, voxelsOf } from "../image/index.js";
import { type RawImage, rawFromImage, type StoredType, writeImage, writeRawFiles } from "../io/index.js";
import { checkUsable, extension, grayOf, loadImage } from "./inputs.js";
import type { Session } from "./session.js";

/** The frames of a series, and how it was stored. */
export interface Frames {
  readonly images: readonly Image[];
  readonly first: RawImage;
  /** One file with a time axis; otherwise one file for each frame. */
  readonly oneFile: boolean;
  readonly paths: readonly string[];
}

/** One file with a time axis, or one image for each frame, in the order given. @throws FormatError when frames do not belong together */
export async function loadFrames(session: Session, paths: readonly string[]): Promise<Frames> {
  const first = await loadImage(session, paths[0]);
  if (paths.length === 1) {
    if (first.raw.channelKind !== "time" || first.raw.channels < 2)
      throw new FormatError(
        `${paths[0]}: a single image came; a series is a file with a time axis of at least two frames, or several images in order${/\.npy$/i.test(paths[0]) ? "; a stack of pictures as .npy has the shape (t, 1, y, x)" : ""}`,
        { path: paths[0] },
      );
    const n = voxelsOf(first.image.grid);
    const data = first.image.values.data;
    const images = Array.from({ length: first.raw.channels }, (_, t) =>
      image(Float32Array.from(data.subarray(t * n, (t + 1) * n)), first.image.grid),
    );
    for (const [t, im] of images.entries()) checkUsable(`frame ${t} of the series`, paths[0], im);
    return { images, first: first.raw, oneFile: true, paths };
  }
  const images: Image[] = [];
  for (const [k, path] of paths.entries()) {
    const loaded = k === 0 ? first : await loadImage(session, path);
    const gray = grayOf(loaded);
    if (!sameGrid(gray.grid, first.image.grid))
      throw new FormatError(
        `${path}: this frame lies on ${gridText(gray.grid)}, the first on ${gridText(first.image.grid)}; all frames of a series share one grid`,
        { path },
      );
    checkUsable(`frame ${k}`, path, gray);
    images.push(gray);
  }
  return { images, first: first.raw, oneFile: false, paths };
}

/** A series as it came: one file with a time axis, or one file for each frame. The type is the input's for labels, else float32 (bytes for pictures). */
export function seriesFiles(frames: Frames, images: readonly Image[], name: string, dtype?: StoredType): Map<string, Uint8Array> {
  const ending = extension(frames.paths[0]);
  if (!frames.oneFile) {
    const digits = Math.max(3, String(images.length - 1).length);
    const out = new Map<string, Uint8Array>();
    for (const [t, im] of images.entries())
      for (const [file, bytes] of single(im, `${name}-${String(t).padStart(digits, "0")}${writable(ending)}`, dtype)) out.set(file, bytes);
    return out;
  }
  const n = voxelsOf(images[0].grid);
  const all = new Float32Array(n * images.length);
  for (const [t, im] of images.entries()) all.set(im.values.data.subarray(0, n), t * n);
  const whole = image(all, images[0].grid);
  const raw = rawFromImage(whole, { dtype: dtype ?? "float32", channelKind: "time", frameSpacing: frames.first.frameSpacing });
  return writeRawFiles(raw, `${name}${/\.(nii(\.gz)?|mha|mhd|nrrd|npy)$/i.test(ending) ? ending : ".nii.gz"}`);
}
/** One image in the input's format. */
export const single = (im: Image, name: string, dtype?: StoredType): Map<string, Uint8Array> =>
  dtype ? writeRawFiles(rawFromImage(im, { dtype }), name) : writeImage(im, name);
/** The extension that an output takes: the input's, or .nii.gz for what is only read. */
export const writable = (ending: string): string => (/\.(nii(\.gz)?|mha|mhd|nrrd|npy|png|tiff?)$/i.test(ending) ? ending : ".nii.gz");

/** The number of a frame. @throws ArgumentError when there is none of that number */
export function frameNumber(option: string, value: number, count: number): number {
  if (value >= count) throw new ArgumentError(`${option}: ${value} came, but frames are numbered 0 to ${count - 1}`, { value });
  return value;
}
export const seriesName = (frames: Frames): string =>
  frames.oneFile
    ? basename(frames.paths[0])
    : `${frames.paths.length} frames from ${basename(frames.paths[0])} to ${basename(frames.paths.at(-1) as string)}`;
