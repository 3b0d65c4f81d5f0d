import { ArgumentError, FormatError } from "../core/errors.js";
import { channelsOf, type Image, image } from "../image/index.js";
import { formatOfName, type ReadOptions, readRaw, type WriteOptions, writeRawFiles } from "./format.js";
import { allocateScalars, type ChannelKind, type PixelArray, type RawImage, rawImage, type Siblings } from "./raw.js";

/** Types an image can be stored as. */
export type StoredType = "int8" | "uint8" | "int16" | "uint16" | "int32" | "uint32" | "float32" | "float64";

const ranges: Readonly<Record<Exclude<StoredType, "float32" | "float64">, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
};

/**
 * The image of a file: values [c, z, y, x] in f32 on its grid, in the file's units.
 * @throws FormatError when whole numbers beyond 2^24 would change in f32 (labels must stay exact), unless `round`
 */
export function imageFromRaw(raw: RawImage, o: { round?: boolean } = {}): Image {
  const { data } = raw;
  const whole =
    data instanceof Int32Array || data instanceof Uint32Array || raw.meta.storedType === "int64" || raw.meta.storedType === "uint64";
  if (whole && !o.round)
    for (let i = 0; i < data.length; i++)
      if (Math.fround(data[i]) !== data[i])
        throw new FormatError(
          `image: the whole number ${data[i]} at position ${i} does not fit float32 exactly (beyond 2^24); renumber the labels, or accept rounding with { round: true }`,
          { value: data[i], position: i },
        );
  const { size, spacing, origin, direction } = raw;
  return image(data, { size, spacing, origin, direction });
}

/** How an image becomes a file's values. */
export interface StoreOptions {
  /** default float32 */
  readonly dtype?: StoredType;
  /** values outside an integer type's range become its ends; otherwise they are an error */
  readonly clamp?: boolean;
  /** meaning of the channels; default "scalar" for one, "other" for several */
  readonly channelKind?: ChannelKind;
  /** seconds between frames, for channelKind "time" */
  readonly frameSpacing?: number;
}

/**
 * The values of an image in a storable type; integers are rounded to the nearest.
 * @throws ArgumentError when a value does not fit an integer type (NaN never does) and `clamp` is not given
 */
export function rawFromImage(im: Image, o: StoreOptions = {}): RawImage {
  const { dtype = "float32", clamp = false } = o;
  const values: ArrayLike<number> = im.values.data;
  const data = allocateScalars(dtype, values.length) as PixelArray;
  if (dtype === "float32" || dtype === "float64") data.set(values);
  else {
    const [low, high] = ranges[dtype];
    for (let i = 0; i < values.length; i++) {
      const v = Math.round(values[i]);
      if (v >= low && v <= high) data[i] = v;
      else if (clamp) data[i] = v > high ? high : v < low ? low : 0;
      else
        throw new ArgumentError(
          `image: value ${values[i]} does not fit ${dtype} (${low} … ${high}); rescale, choose another dtype, or pass clamp: true`,
          { value: values[i], dtype },
        );
    }
  }
  const channels = channelsOf(im);
  return rawImage("image", {
    data,
    channels,
    channelKind: o.channelKind ?? (channels === 1 ? "scalar" : "other"),
    ...(o.frameSpacing === undefined ? {} : { frameSpacing: o.frameSpacing }),
    ...im.grid,
  });
}

/** Reads an image from bytes; see `readRaw` and `imageFromRaw`. */
export function readImage(bytes: Uint8Array, name: string, siblings?: Siblings, o: ReadOptions & { round?: boolean } = {}): Image {
  return imageFromRaw(readRaw(bytes, name, siblings, o), o);
}

/**
 * The file (or files, first the one named) that store an image. Pictures (.png, .jpg) take uint8, or uint16 when a value rounds beyond 255, and clamp negative values to 0,
 * because interpolation overshoots and a picture is for looking at; every other format keeps float32 unless `dtype` says otherwise.
 * @throws ArgumentError when the format cannot hold the image
 */
export function writeImage(im: Image, name: string, o: WriteOptions & StoreOptions = {}): Map<string, Uint8Array> {
  const format = formatOfName(name);
  const picture = format === "png" || format === "jpeg";
  let { dtype, clamp, channelKind } = o;
  if (picture) {
    if (dtype === undefined) {
      let highest = 0;
      for (const v of im.values.data) if (v > highest) highest = v;
      dtype = format === "png" && highest >= 255.5 ? "uint16" : "uint8";
      clamp ??= format === "png";
    }
    channelKind ??= (["scalar", "graya", "rgb", "rgba"] as const)[channelsOf(im) - 1];
  }
  return writeRawFiles(rawFromImage(im, { dtype, clamp, channelKind, frameSpacing: o.frameSpacing }), name, o);
}
