import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PullbackError } from "../core/errors.js";
import { readFlo, writeFlo } from "./flo.js";
import { readRaw, writeRawFiles } from "./format.js";
import { readMatrixText } from "./fslTransform.js";
import { itkLinear, readItkMat, readItkTransform, writeItkMat, writeItkTransform } from "./itkTransform.js";
import { readJpeg, writeJpeg } from "./jpeg.js";
import { readMetaImage, writeMetaImage } from "./metaImage.js";
import { readNifti, writeNifti } from "./nifti.js";
import { readNpy, readNpz, writeNpy, writeNpz } from "./npy.js";
import { readNrrd, writeNrrd } from "./nrrd.js";
import { crc32, readPng, writePng } from "./png.js";
import { readPoints, writePoints } from "./points.js";
import { type ChannelKind, type PixelArray, type RawImage, rawImage } from "./raw.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";
import { readTiff, writeTiff } from "./tiff.js";

const ramp = (data: PixelArray): PixelArray => {
  for (let i = 0; i < data.length; i++) data[i] = (i * 37) % 251;
  return data;
};
const make = (data: PixelArray, size: number[], channels = 1, channelKind: ChannelKind = "scalar"): RawImage =>
  rawImage("test", {
    data: ramp(data),
    size,
    channels,
    channelKind,
    spacing: size.map((_, i) => i + 0.5),
    origin: size.map((_, i) => 10 * i - 3),
  });
const volume = make(new Int16Array(5 * 4 * 3), [5, 4, 3]);
const vector = make(new Float32Array(5 * 4 * 3 * 3), [5, 4, 3], 3, "vector");
const gray = make(new Uint8Array(13 * 7), [13, 7]);
const wide = make(new Uint16Array(13 * 7), [13, 7]);
const color = make(new Uint8Array(13 * 7 * 3), [13, 7], 3, "rgb");

/** A valid file with some bytes changed, cut off, put in or repeated. */
function damaged(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    kind: fc.constantFrom("flip", "flip", "set", "cut", "insert", "repeat", "word"),
    // Headers are where the mischief is: half of the edits land there.
    at: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.nat(1 << 20)),
    value: fc.integer({ min: 0, max: 255 }),
    word: fc.constantFrom(0, 0xffffffff, 0x7fffffff, 0x7fc00000, 0x80000000, 1, 65536),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  });
  return fc.tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 4 })).map(([seed, edits]) => {
    let file = seed.slice();
    for (const { kind, at, value, word, bytes } of edits) {
      if (file.length === 0) break;
      const p = at % file.length;
      if (kind === "flip") file[p] ^= 1 << (value & 7);
      else if (kind === "set") file[p] = value;
      else if (kind === "cut") file = file.slice(0, p);
      else if (kind === "word") for (let k = 0; k < 4 && p + k < file.length; k++) file[p + k] = word >>> (8 * k);
      else {
        const more = kind === "insert" ? bytes : file.slice(p, p + 64);
        const longer = new Uint8Array(file.length + more.length);
        longer.set(file.subarray(0, p));
        longer.set(more, p);
        longer.set(file.subarray(p), p + more.length);
        file = longer;
      }
    }
    return file;
  });
}

/** A PNG's checksums made right again, so that damage gets past them. */
function withChecksums(file: Uint8Array): Uint8Array {
  const out = file.slice();
  const view = new DataView(out.buffer);
  for (let at = 8; at + 12 <= out.length; ) {
    const length = view.getUint32(at);
    if (at + 12 + length > out.length) break;
    view.setUint32(at + 8 + length, crc32(out.subarray(at + 4, at + 8 + length)));
    at += 12 + length;
  }
  return out;
}

const ascii = (s: string) => new TextEncoder().encode(s);
const text = (read: (s: string) => unknown) => (b: Uint8Array) => read(String.fromCharCode(...b));
const array = { shape: [3, 4], data: Float64Array.from({ length: 12 }, (_, i) => i) };
const affine = itkLinear({ matrix: [1, 2, 3, 4, 5, 6, 7, 8, 10], offset: [1, 2, 3], center: [4, 5, 6] });
const readers: ReadonlyArray<readonly [string, (b: Uint8Array) => unknown, readonly Uint8Array[]]> = [
  [
    "nifti",
    readNifti,
    [
      writeNifti(volume),
      writeNifti(volume, { version: 2, littleEndian: false }),
      writeNifti(vector, { gzip: true }),
      writeNifti(color, { gzip: true }),
    ],
  ],
  ["metaimage", readMetaImage, [writeMetaImage(volume), writeMetaImage(vector, { compress: true }), writeMetaImage(gray)]],
  ["nrrd", readNrrd, [writeNrrd(volume), writeNrrd(vector, { encoding: "raw" }), writeNrrd(color)]],
  ["npy", readNpy, [writeNpy(array), writeNpy({ shape: [6], data: array.data, complex: true })]],
  ["npz", readNpz, [writeNpz(new Map([["a", array]])), writeNpz(new Map([["image", array]]), { level: 6 })]],
  ["png", readPng, [writePng(gray), writePng(wide), writePng(color)]],
  ["png with right checksums", (b) => readPng(withChecksums(b)), [writePng(gray), writePng(wide), writePng(color)]],
  ["jpeg", readJpeg, [writeJpeg(gray), writeJpeg(color, { quality: 30 })]],
  ["tiff", readTiff, [writeTiff(volume), writeTiff(vector, { compress: true }), writeTiff(color), writeTiff(wide)]],
  ["itk transform text", text(readItkTransform), [ascii(writeItkTransform(affine))]],
  ["itk transform binary", readItkMat, [writeItkMat(affine)]],
  ["matrix text", readMatrixText, [ascii("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")]],
  [
    "safetensors",
    readSafetensors,
    [
      writeSafetensors({ a: array, b: { shape: [2], data: new Float32Array([1, 2]) } }, { note: "x" }),
      writeSafetensors(
        { a: { shape: [0, 3], data: new Int32Array(0) }, b: { shape: [], data: new Float32Array([1]) } },
        {},
        { floats: "f16" },
      ),
    ],
  ],
  ["flo", readFlo, [writeFlo({ width: 4, height: 3, u: new Float32Array(12), v: new Float32Array(12).fill(2) })]],
  ["points", readPoints, [ascii(writePoints({ dimension: 3, points: [1, 2, 3, 4.5, 6, 7], columns: new Map([["a", ["p", 'q"']]]) }))]],
];

describe("a damaged file is read or refused in a sentence, never with another error and never with memory its bytes cannot fill", () => {
  for (const [name, read, seeds] of readers)
    test(name, () => {
      for (const seed of seeds) read(seed); // the seeds themselves are good
      fc.assert(
        fc.property(damaged(seeds), (bytes) => {
          let result: unknown;
          try {
            result = read(bytes);
          } catch (error) {
            if (!(error instanceof PullbackError)) throw error;
            expect(error.message.length).toBeGreaterThan(20);
            return;
          }
          const image = result as Partial<RawImage>;
          if (image?.size && image.spacing) {
            expect(image.data?.length).toBe(image.size.reduce((a, b) => a * b, image.channels as number));
            // deflate cannot expand more than 1032 times
            expect((image.data as PixelArray).byteLength).toBeLessThan(8 * 1032 * (bytes.length + 1024));
            expect([...image.spacing, ...(image.origin as number[]), ...(image.direction as number[])].every(Number.isFinite)).toBe(true);
          }
        }),
        { numRuns: 1500, seed: 7 },
      );
    });
});

test("random bytes under any extension are refused in a sentence", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 600 }),
      fc.constantFrom(".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".npy", ".npz", ".png", ".jpg", ".tif", ".xyz"),
      (bytes, extension) => {
        expect(() => readRaw(bytes, `a${extension}`)).toThrow(PullbackError);
      },
    ),
    { numRuns: 500, seed: 8 },
  );
});

test("a header that promises a thousand billion voxels is refused with what it promised and what came", () => {
  const nifti = writeNifti(volume);
  const view = new DataView(nifti.buffer);
  for (const at of [42, 44, 46]) view.setInt16(at, 10000, true);
  expect(() => readNifti(nifti)).toThrow(/10000×10000×10000.*2000000000000 bytes, but 120 bytes came/);
  const header = (size: string) => ascii(`NRRD0004\ntype: float\ndimension: 3\nsizes: ${size}\nencoding: gzip\n\n`);
  expect(() => readNrrd(header("10000 10000 10000"))).toThrow(/4000000000000 bytes/);
  expect(() => readNpy(ascii(""))).toThrow(PullbackError);
});

test("a bomb is unfolded no further than its header promises", () => {
  // 64 MB of zeros behind a header of 60 voxels
  const big = new Uint8Array(64 << 20);
  big.set(writeNifti(volume));
  const small = make(new Uint8Array(1), [1, 1, 1]);
  const files = writeRawFiles({ ...small, size: [big.length, 1, 1], data: big }, "b.nrrd");
  const payload = files.get("b.nrrd") as Uint8Array;
  // the gzip stream begins after the header's empty line
  const start = payload.findIndex((b, i) => b === 0x1f && payload[i + 1] === 0x8b);
  const image = readNifti(payload.slice(start));
  expect(image.data).toEqual(volume.data);
});

test("a wrong extension is told by what the bytes look like", () => {
  expect(() => readRaw(writePng(gray), "scan.nii")).toThrow(/extension says nifti.*look like png/);
  expect(() => readRaw(new Uint8Array(0), "scan.png")).toThrow(/an empty file/);
  expect(() => readRaw(ascii("version https://git-lfs.github.com/spec/v1"), "scan.png")).toThrow(/LFS/);
  expect(readRaw(writePng(gray), "no-extension").size).toEqual([13, 7]);
});
