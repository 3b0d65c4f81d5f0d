import { basename, dirname, join } from "node:path";
import { FormatError, PullbackError } from "../core/errors.js";
import { channelsOf, type Grid, gridText, type Image, sameGrid, tensorShape } from "../image/index.js";
import {
  imageFromRaw,
  type PointTable,
  type RawImage,
  readItkTransformHdf5,
  readPoints,
  readTransform,
  transformFromItk,
} from "../io/index.js";
import { openImage, readBytes } from "../io/node.js";
import { engine } from "../kernels/index.js";
import { valueRange } from "../kernels/mutualInformation.js";
import { Tensor } from "../tensor/index.js";
import type { Transform } from "../transforms/index.js";
import type { Session } from "./session.js";

/** An image file with what the command line needs to know about it. */
export interface Loaded {
  readonly path: string;
  readonly raw: RawImage;
  readonly image: Image;
}

/** Read an image, or a folder that holds one (DICOM, OME-Zarr); what the reader repaired becomes a warning. */
export async function loadImage(session: Session, path: string): Promise<Loaded> {
  session.reading();
  const raw = await openImage(path);
  for (const w of (raw.meta.warnings as string[] | undefined) ?? []) session.warn(`${basename(path)}: ${w}`);
  return { path, raw, image: named(path, () => imageFromRaw(raw)) };
}

/** Values as gray: colours become luminance (ITU-R BT.601), alpha is left out. @throws FormatError for series, vectors and complex images */
export function grayOf({ path, raw, image }: Loaded): Image {
  if (raw.channels === 1) return image;
  const n = image.grid.size.reduce((a, b) => a * b, 1);
  const data = image.values.data;
  if (raw.channelKind === "rgb" || raw.channelKind === "rgba") {
    const out = new Float32Array(n);
    for (let i = 0; i < n; i++) out[i] = 0.299 * data[i] + 0.587 * data[n + i] + 0.114 * data[2 * n + i];
    return { values: Tensor.from(out, [1, ...image.values.shape.slice(1)]), grid: image.grid };
  }
  if (raw.channelKind === "graya")
    return { values: Tensor.from(Float32Array.from(data.subarray(0, n)), [1, ...image.values.shape.slice(1)]), grid: image.grid };
  throw new FormatError(
    `${path}: ${channelsOf(image)} channels (${raw.channelKind === "time" ? "frames of a series" : raw.channelKind}) came; one gray or colour image was expected, so write the wanted channel to a file of its own first (pullback convert --channel)`,
    { path, channels: channelsOf(image) },
  );
}

/** @throws FormatError when values are not finite, or all the same: neither can be aligned */
export function checkUsable(role: string, path: string, image: Image): void {
  const range = valueRange(engine(), image.values.pointer, image.values.size);
  if (range[0] < range[1] && Number.isFinite(range[0] + range[1]) && Number.isFinite(image.values.sum().item())) return;
  const data = image.values.data;
  let bad = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const v = data[i];
    if (!Number.isFinite(v)) bad++;
    else {
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  if (bad > 0)
    throw new FormatError(
      `${path}: ${bad} of ${data.length} values of the ${role} image are NaN or infinite; replace them first: pullback convert ${basename(path)} --nan 0 -o clean${extension(path)}`,
      { path, bad },
    );
  if (!(high > low))
    throw new FormatError(
      `${path}: every value of the ${role} image is ${low}, so there is nothing to align; give an image with some contrast`,
      {
        path,
        value: low,
      },
    );
}

/** ".nii.gz", ".png". */
export const extension = (path: string): string => /(\.nii\.gz|\.[^./\\]+)$/i.exec(basename(path))?.[1] ?? "";

/** A mask [1, (z,) y, x] on the grid of an image, as 0 and 1. @throws FormatError when it lies elsewhere or marks nothing */
export async function loadMask(session: Session, path: string, grid: Grid, of: string): Promise<Tensor> {
  const mask = await loadImage(session, path);
  if (!sameGrid(mask.image.grid, grid))
    throw new FormatError(
      `${path}: the mask lies on ${gridText(mask.image.grid)} but the ${of} image on ${gridText(grid)}; resample it first: pullback apply ${basename(path)} --transform identity --like IMAGE --interp label`,
      { path },
    );
  const n = grid.size.reduce((a, b) => a * b, 1);
  const data = mask.image.values.data;
  const out = new Float32Array(n);
  let some = false;
  for (let i = 0; i < n; i++) if (data[i] > 0) some = (out[i] = 1) > 0;
  if (!some) throw new FormatError(`${path}: the mask marks no voxel; where it is positive the ${of} image counts`, { path });
  return Tensor.from(out, [1, ...tensorShape(grid)]);
}

/** A transform file with the fields beside it. */
export async function loadTransform(session: Session, path: string): Promise<Transform> {
  session.reading();
  const bytes = readBytes(path);
  if (/\.(h5|hdf5)$/i.test(path)) {
    const itk = await readItkTransformHdf5(bytes);
    return named(path, () => transformFromItk(itk));
  }
  return named(path, () =>
    readTransform(bytes, basename(path), (name) => {
      try {
        return readBytes(join(dirname(path), basename(name)));
      } catch {
        return undefined;
      }
    }),
  );
}

/** A table of points. */
export function loadPoints(session: Session, path: string, dimension?: number): PointTable {
  session.reading();
  const bytes = readBytes(path);
  const table = named(path, () => readPoints(bytes));
  if (table.count === 0) throw new FormatError(`${path}: the table holds no points; expected one a row under the header`, { path });
  if (dimension !== undefined && table.dimension !== dimension)
    throw new FormatError(
      `${path}: the points are ${table.dimension}-D but ${dimension}-D ones were expected (columns ${["x", "y", "z"].slice(0, dimension).join(",")})`,
      {
        path,
      },
    );
  return table;
}

/** Errors name the file they are about. */
function named<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PullbackError) || error.message.includes(basename(path))) throw error;
    const Same = error.constructor as new (
      message: string,
      details: Readonly<Record<string, unknown>>,
      options: ErrorOptions,
    ) => PullbackError;
    throw new Same(`${path}: ${error.message}`, { ...error.details, path }, { cause: error });
  }
}
