import { ArgumentError, FormatError } from "../core/errors.js";
import { inflate, isGzip } from "./inflate.js";
import { isJpeg, readJpeg, writeJpeg } from "./jpeg.js";
import { isMetaImage, readMetaImage, writeMetaImage, writeMetaImageParts } from "./metaImage.js";
import { isNifti, readNifti, writeNifti } from "./nifti.js";
import { arrayFromImage, imageFromArray, isNpy, readNpy, readNpz, writeNpy, writeNpz } from "./npy.js";
import { isNrrd, readNrrd, writeNrrd } from "./nrrd.js";
import { isPng, readPng, writePng } from "./png.js";
import { latin1, type RawImage, type Siblings } from "./raw.js";
import { isTiff, readTiff, type TiffOptions, writeTiff } from "./tiff.js";

/** Formats read and written by this package alone. */
export type Format = "nifti" | "metaimage" | "nrrd" | "npy" | "npz" | "png" | "jpeg" | "tiff";

const extensions: ReadonlyArray<readonly [RegExp, Format]> = [
  [/\.nii(\.gz)?$/i, "nifti"],
  [/\.(hdr|img)(\.gz)?$/i, "nifti"],
  [/\.mh[ad]$/i, "metaimage"],
  [/\.(nrrd|nhdr)$/i, "nrrd"],
  [/\.npy$/i, "npy"],
  [/\.npz$/i, "npz"],
  [/\.png$/i, "png"],
  [/\.jpe?g$/i, "jpeg"],
  [/\.tiff?$/i, "tiff"],
];

/** Extensions that can be read and written, for messages and file dialogs. */
export const imageExtensions = [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".npy", ".npz", ".png", ".jpg", ".tif"] as const;

/** The format a name's extension asks for. */
export function formatOfName(name: string): Format | undefined {
  return extensions.find(([pattern]) => pattern.test(name))?.[1];
}

/** The format the first bytes look like (gzip is looked into). */
export function formatOfBytes(bytes: Uint8Array): Format | undefined {
  if (isPng(bytes)) return "png";
  if (isJpeg(bytes)) return "jpeg";
  if (isNpy(bytes)) return "npy";
  if (bytes.length > 4 && latin1(bytes, 0, 4) === "PK\x03\x04") return "npz";
  if (isGzip(bytes)) {
    try {
      return isNifti(inflate("gzip", bytes, "gzip", 540)) ? "nifti" : undefined;
    } catch {
      return undefined;
    }
  }
  if (isNifti(bytes)) return "nifti";
  if (isNrrd(bytes)) return "nrrd";
  if (isTiff(bytes)) return "tiff";
  if (isMetaImage(bytes)) return "metaimage";
  return undefined;
}

const others: ReadonlyArray<readonly [string, (b: Uint8Array) => boolean]> = [
  ["a DICOM file", (b) => b.length > 132 && latin1(b, 128, 132) === "DICM"],
  ["an HDF5 file", (b) => latin1(b, 1, 4) === "HDF" && b[0] === 0x89],
  ["a GIF", (b) => latin1(b, 0, 4) === "GIF8"],
  ["a PDF", (b) => latin1(b, 0, 4) === "%PDF"],
  ["a web page", (b) => /^\s*<(!doctype|html|\?xml)/i.test(latin1(b, 0, 64))],
  ["a Git LFS pointer, not the file itself", (b) => latin1(b, 0, 24).startsWith("version https://git-lfs")],
  ["gzip-compressed data", isGzip],
];

function looksLike(bytes: Uint8Array): string {
  if (bytes.length === 0) return "an empty file";
  const format = formatOfBytes(bytes);
  return format ?? others.find(([, test]) => test(bytes))?.[0] ?? "nothing known";
}

/** The strict check between what a name says and what the bytes are. */
function checkedFormat(bytes: Uint8Array, name: string): Format {
  const asked = formatOfName(name);
  const found = formatOfBytes(bytes);
  if (asked === undefined) {
    if (found !== undefined) return found;
    throw new FormatError(
      `${name}: the extension is not known and the bytes look like ${looksLike(bytes)}; readable are ${imageExtensions.join(" ")}`,
      { name },
    );
  }
  if (asked === found || (asked === "nifti" && /\.img(\.gz)?$/i.test(name))) return asked;
  throw new FormatError(
    `${name}: the extension says ${asked}, but the bytes look like ${looksLike(bytes)}; rename the file or fetch it again`,
    { name, asked, found },
  );
}

/** How to read a file. */
export interface ReadOptions {
  /** array of a .npz to read; default the only one, else "image", "data" or "vol" */
  readonly array?: string;
  /** 3-D .npy arrays have channels first instead of z */
  readonly channelsFirst?: boolean;
  /** meaning of the pages of a TIFF */
  readonly pages?: TiffOptions["pages"];
}

/**
 * Reads an image of any supported format. The extension decides, the first bytes must agree.
 * @param name      file name (the folder part does not matter)
 * @param siblings  other files of the same folder, needed for .mhd, .hdr, .img
 * @throws FormatError unknown or wrong extension (the message says what the bytes look like), damaged or truncated files
 */
export function readRaw(bytes: Uint8Array, name: string, siblings?: Siblings, o: ReadOptions = {}): RawImage {
  const look = (other: string) => {
    const plain = other.replace(/^.*[/\\]/, "");
    return typeof siblings === "function" ? siblings(plain) : siblings?.get(plain);
  };
  switch (checkedFormat(bytes, name)) {
    case "nifti": {
      if (!/\.(hdr|img)(\.gz)?$/i.test(name)) return readNifti(bytes);
      const stem = name.replace(/\.(hdr|img)(\.gz)?$/i, "");
      if (/\.hdr/i.test(name.slice(stem.length))) return readNifti(bytes, look(`${stem}.img`) ?? look(`${stem}.img.gz`));
      const header = look(`${stem}.hdr`) ?? look(`${stem}.hdr.gz`);
      if (!header) throw new FormatError(`${name}: the header ${stem}.hdr was not given; keep both files in one folder`, { name });
      return readNifti(header, bytes);
    }
    case "metaimage":
      return readMetaImage(bytes, siblings);
    case "npy":
      return imageFromArray(readNpy(bytes), o);
    case "npz": {
      const arrays = readNpz(bytes);
      const names = [...arrays.keys()];
      const chosen = o.array ?? (names.length === 1 ? names[0] : ["image", "data", "vol"].find((k) => arrays.has(k)));
      const array = chosen === undefined ? undefined : arrays.get(chosen);
      if (!array)
        throw new FormatError(
          `${name}: ${o.array === undefined ? "several arrays" : `no array "${o.array}"`}; there are ${names.join(", ") || "none"}`,
          { names },
        );
      return imageFromArray(array, o);
    }
    case "png":
      return readPng(bytes);
    case "jpeg":
      return readJpeg(bytes);
    case "nrrd":
      return readNrrd(bytes, siblings);
    case "tiff":
      return readTiff(bytes, { pages: o.pages });
  }
}

/** How to write a file; each format takes what concerns it. */
export interface WriteOptions {
  /** deflate level 0 … 9 */
  readonly level?: number;
  /** JPEG, 1 … 100 */
  readonly quality?: number;
  /** PNG */
  readonly bits?: 8 | 16;
  /** MetaImage, TIFF: deflate, default false; NRRD: gzip, default true (NIfTI goes by the name) */
  readonly compress?: boolean;
  /** NIfTI version */
  readonly version?: 1 | 2;
}

/**
 * The file or files that store an image under a name, first the one named: formats with a separate data file (.mhd) give two.
 * @throws ArgumentError when the extension is not known or the format cannot hold the image; nothing is clipped or rounded silently
 */
export function writeRawFiles(image: RawImage, name: string, o: WriteOptions = {}): Map<string, Uint8Array> {
  const plain = name.replace(/^.*[/\\]/, "");
  const one = (bytes: Uint8Array) => new Map([[plain, bytes]]);
  if (/\.(hdr|img)(\.gz)?$/i.test(name))
    throw new ArgumentError(`${name}: .hdr/.img pairs are read but not written; choose .nii or .nii.gz`, { name });
  switch (formatOfName(name)) {
    case "nifti":
      return one(writeNifti(image, { gzip: /\.gz$/i.test(name), level: o.level, version: o.version }));
    case "metaimage": {
      if (/\.mha$/i.test(name)) return one(writeMetaImage(image, { compress: o.compress, level: o.level }));
      const dataFile = plain.replace(/\.mhd$/i, o.compress ? ".zraw" : ".raw");
      const { header, data } = writeMetaImageParts(image, { compress: o.compress, level: o.level, dataFile });
      return new Map([
        [plain, header],
        [dataFile, data],
      ]);
    }
    case "npy":
      return one(writeNpy(arrayFromImage(image)));
    case "npz":
      return one(writeNpz(new Map([["image", arrayFromImage(image)]]), { level: o.level ?? 6 }));
    case "png":
      return one(writePng(image, { bits: o.bits, level: o.level }));
    case "jpeg":
      return one(writeJpeg(image, { quality: o.quality }));
    case "nrrd":
      if (/\.nhdr$/i.test(name))
        throw new ArgumentError(`${name}: detached .nhdr headers are read but not written; choose .nrrd`, { name });
      return one(writeNrrd(image, { encoding: o.compress === false ? "raw" : "gzip", level: o.level }));
    case "tiff":
      return one(writeTiff(image, { compress: o.compress, level: o.level }));
    default:
      throw new ArgumentError(`${name}: the extension names no format that can be written; choose one of ${imageExtensions.join(" ")}`, {
        name,
      });
  }
}

/**
 * The bytes of an image in the format its name asks for.
 * @throws ArgumentError also for formats of two files; use `writeRawFiles` for those
 */
export function writeRaw(image: RawImage, name: string, o: WriteOptions = {}): Uint8Array {
  const files = writeRawFiles(image, name, o);
  if (files.size !== 1)
    throw new ArgumentError(`${name}: this format needs ${files.size} files; use writeRawFiles, or a single-file format such as .mha`, {
      name,
    });
  return files.values().next().value as Uint8Array;
}
