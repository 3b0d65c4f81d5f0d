import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { imageExtensions, readRaw, writeRawFiles } from "./format.js";
import { readMetaImage, writeMetaImage } from "./metaImage.js";
import { readNifti, writeNifti } from "./nifti.js";
import { readNrrd, writeNrrd } from "./nrrd.js";
import type { ChannelKind, PixelArray, RawImage } from "./raw.js";
import { readTiff, writeTiff } from "./tiff.js";

const types = [Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array];

/** A rotation about two axes, perhaps with one axis reversed. */
function direction(n: number, a: number, b: number, flip: boolean): number[] {
  const [c, s] = [Math.cos(a), Math.sin(a)];
  const f = flip ? -1 : 1;
  if (n === 2) return [c, -s * f, s, c * f];
  const [d, t] = [Math.cos(b), Math.sin(b)];
  return [c, -s * d, s * t * f, s, c * d, -c * t * f, 0, t, d * f];
}

/** An image of any type, channels and place; values a spread over the type's range. */
const images = fc
  .record({
    type: fc.constantFrom(...types),
    n: fc.constantFrom(2, 3),
    size: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 3 }),
    kind: fc.constantFrom<ChannelKind>("scalar", "vector", "time", "rgb", "complex"),
    spacing: fc.array(fc.double({ min: 0.01, max: 20, noNaN: true }), { minLength: 3, maxLength: 3 }),
    origin: fc.array(fc.double({ min: -500, max: 500, noNaN: true }), { minLength: 3, maxLength: 3 }),
    a: fc.double({ min: -3, max: 3, noNaN: true }),
    b: fc.double({ min: -3, max: 3, noNaN: true }),
    flip: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ type, n, size, kind, spacing, origin, a, b, flip, seed }): RawImage => {
    const used = size.slice(0, n);
    const channels = kind === "scalar" ? 1 : kind === "complex" ? 2 : kind === "time" ? 2 : kind === "rgb" ? 3 : n;
    const numeric = kind === "complex" && type !== Float64Array ? Float32Array : type;
    const data = new numeric(used.reduce((p, q) => p * q, channels)) as PixelArray;
    let state = (seed % 2147483646) + 1;
    for (let i = 0; i < data.length; i++) {
      state = (state * 16807) % 2147483647;
      data[i] = data instanceof Float32Array || data instanceof Float64Array ? state / 1e6 - 1000 : state * 2;
    }
    return {
      data,
      channels,
      channelKind: kind,
      size: used,
      spacing: spacing.slice(0, n),
      origin: origin.slice(0, n),
      direction: direction(n, a, b, flip),
      meta: {},
      ...(kind === "time" ? { frameSpacing: 2.5 } : {}),
    };
  });

function expectSamePlace(read: RawImage, written: RawImage, digits: number): void {
  expect(read.size).toEqual(written.size);
  for (const key of ["spacing", "origin", "direction"] as const)
    read[key].forEach((v, i) => {
      expect(v, `${key} ${i}`).toBeCloseTo(written[key][i], digits);
    });
}

describe("NIfTI", () => {
  test("keeps every scalar type, channel kind and place, in both versions and byte orders", () => {
    fc.assert(
      fc.property(images, fc.constantFrom<1 | 2>(1, 2), fc.boolean(), fc.boolean(), (image, version, littleEndian, gzip) => {
        const back = readNifti(writeNifti(image, { version, littleEndian, gzip, level: 1 }));
        expect(back.data).toEqual(image.data);
        expect(back.channels).toBe(image.channels);
        if (image.channelKind !== "rgb" || image.data instanceof Uint8Array) expect(back.channelKind).toBe(image.channelKind);
        expect(back.frameSpacing).toBe(image.frameSpacing);
        // 2-D and 1-D files keep their rank only where no further axis needs the third one
        const lifted = back.size.length === image.size.length ? image : { ...image, size: [...image.size, 1] };
        expect(back.size).toEqual(lifted.size);
        // version 1 stores float32: 500 mm to 3e-5
        if (lifted === image) expectSamePlace(back, image, version === 1 ? 4 : 6);
      }),
      { numRuns: 150, seed: 1 },
    );
  });
});

describe("MetaImage", () => {
  test("keeps every scalar type, channel kind and place, plain and compressed, in both byte orders", () => {
    fc.assert(
      fc.property(images, fc.boolean(), fc.boolean(), (image, littleEndian, compress) => {
        if (image.channelKind === "time" && image.size.length === 2) return;
        const back = readMetaImage(writeMetaImage(image, { littleEndian, compress }));
        expect(back.data).toEqual(image.data);
        expect(back.channels).toBe(image.channels);
        expectSamePlace(back, image, 6); // 1e-6: a nearly axis-aligned direction is snapped
        expect(back.frameSpacing).toBe(image.frameSpacing);
      }),
      { numRuns: 150, seed: 2 },
    );
  });
});

describe("NRRD", () => {
  test("keeps every scalar type, channel kind and place, raw and gzipped, in both byte orders", () => {
    fc.assert(
      fc.property(images, fc.boolean(), fc.constantFrom<"raw" | "gzip">("raw", "gzip"), (image, littleEndian, encoding) => {
        const back = readNrrd(writeNrrd(image, { littleEndian, encoding }));
        expect(back.data).toEqual(image.data);
        expect(back.channels).toBe(image.channels);
        expect(back.channelKind).toBe(image.channelKind);
        expectSamePlace(back, image, 6); // 1e-6: a nearly axis-aligned direction is snapped
        expect(back.frameSpacing).toBe(image.frameSpacing);
      }),
      { numRuns: 150, seed: 3 },
    );
  });
});

describe("TIFF", () => {
  test("keeps every scalar type and channels, pages being slices or frames", () => {
    fc.assert(
      fc.property(images, fc.boolean(), (image, compress) => {
        if (image.channelKind === "complex" || (image.channelKind === "time" && (image.size[2] ?? 1) > 1)) return;
        const back = readTiff(writeTiff(image, { compress }));
        expect(back.data).toEqual(image.data);
        expect(back.channels).toBe(image.channels);
        expect([...back.size, 1].slice(0, 3)).toEqual([...image.size, 1].slice(0, 3));
        expect(back.frameSpacing).toBe(image.frameSpacing);
      }),
      { numRuns: 150, seed: 4 },
    );
  });
});

test("every writable extension gives back a small gray picture of 8 bits", () => {
  const image: RawImage = {
    data: Uint8Array.from({ length: 12 * 8 }, (_, i) => 40 + 2 * (i % 12) + 10 * Math.floor(i / 12)),
    channels: 1,
    channelKind: "scalar",
    size: [12, 8],
    spacing: [1, 1],
    origin: [0, 0],
    direction: [1, 0, 0, 1],
    meta: {},
  };
  for (const extension of imageExtensions) {
    const files = writeRawFiles(image, `a${extension}`);
    const back = readRaw(files.get(`a${extension}`) as Uint8Array, `a${extension}`, files);
    expectSamePlace(back, image, 12);
    if (extension === ".jpg") {
      // lossy, and the writer always stores colour: three nearly equal planes
      for (let i = 0; i < back.data.length; i++) expect(Math.abs(back.data[i] - image.data[i % image.data.length])).toBeLessThan(8);
    } else expect(back.data, extension).toEqual(image.data);
  }
});
