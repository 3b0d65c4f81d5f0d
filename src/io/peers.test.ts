import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dicomSlice } from "../../tests/support/dicom.js";
import { MissingPeerError } from "../core/errors.js";
import { dicomHeader } from "./dicom.js";
import { formatOfBytes, readRaw, writeRawFiles } from "./format.js";
import { openHdf5, writeHdf5 } from "./hdf5.js";
import { itkFromRaw, rawFromItk } from "./itkImage.js";
import { itkLinear } from "./itkTransform.js";
import { readItkTransformHdf5, writeItkTransformHdf5 } from "./itkTransformHdf5.js";
import { openImage, readDicomFolder, writeImageFile, zarrFolder } from "./node.js";
import { peer } from "./peer.js";
import { type ChannelKind, type PixelArray, type RawImage, rawImage } from "./raw.js";
import { readZarr, writeZarr } from "./zarr.js";

const require = createRequire(import.meta.url);
/** Tests of a package run where it is installed; the name of the test says so where it is not. */
const withPeer = (name: string) => {
  try {
    require.resolve(name);
    return test;
  } catch (error) {
    // packages without a CommonJS entry resolve to this error, so they are there
    return (error as { code?: string }).code === "ERR_PACKAGE_PATH_NOT_EXPORTED" ? test : test.skip;
  }
};

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pullback-io-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [c, s, d, t] = [Math.cos(0.3), Math.sin(0.3), Math.cos(0.5), Math.sin(0.5)];
const oblique = { spacing: [0.5, 1.25, 2], origin: [-10, 20, 30], direction: [c, -s * d, s * t, s, c * d, -c * t, 0, t, d] };
const ramp = <T extends PixelArray>(data: T): T => {
  for (let i = 0; i < data.length; i++) data[i] = ((i * 37) % 101) + (data instanceof Float32Array ? 0.5 : 0);
  return data;
};
const make = (data: PixelArray, channels: number, channelKind: ChannelKind, o: Partial<RawImage> = {}): RawImage =>
  rawImage("test", { data: ramp(data), channels, channelKind, size: [5, 4, 3], ...oblique, ...o, meta: {} });
const images: Record<string, RawImage> = {
  int16: make(new Int16Array(60), 1, "scalar"),
  vector: make(new Float32Array(180), 3, "vector"),
  flat: make(new Float32Array(20), 1, "scalar", { size: [5, 4], spacing: [0.5, 1.25], origin: [-10, 20], direction: [c, -s, s, c] }),
  color: make(new Uint8Array(60), 3, "rgb", { size: [5, 4], spacing: [1, 1], origin: [0, 0], direction: [1, 0, 0, 1] }),
};
function expectSame(a: RawImage, b: RawImage): void {
  expect(a.size).toEqual(b.size);
  expect(a.channels).toBe(b.channels);
  expect([...a.data]).toEqual([...b.data]);
  // 1e-5: NIfTI stores float32
  for (const key of ["spacing", "origin", "direction"] as const)
    for (let i = 0; i < b[key].length; i++) expect(a[key][i], key).toBeCloseTo(b[key][i], 5);
}

describe("against ITK", () => {
  for (const [name, image] of Object.entries(images))
    for (const extension of name === "color" ? [".nii.gz", ".mha", ".nrrd", ".png", ".tif"] : [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd"])
      withPeer("@itk-wasm/image-io")(
        `a ${name} image written to ${extension} is the same image to ITK, and ITK's file is the same image to us`,
        async () => {
          const io = await import("@itk-wasm/image-io");
          const ours = join(folder, `ours-${name}${extension}`);
          writeImageFile(image, ours);
          const seen = rawFromItk("itk", await io.readImageNode(ours));
          expectSame(seen, image);
          const theirs = join(folder, `theirs-${name}${extension}`);
          await io.writeImageNode(itkFromRaw(image), theirs, { useCompression: extension !== ".mhd" });
          expectSame(await openImage(theirs), image);
        },
      );
  withPeer("@itk-wasm/image-io")("other formats of ITK open through it", async () => {
    const io = await import("@itk-wasm/image-io");
    const straight = make(new Int16Array(60), 1, "scalar", { direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] });
    for (const extension of [".vtk", ".gipl", ".mgz"]) {
      const path = join(folder, `other${extension}`);
      const cast = extension === ".mgz" ? { ...straight, data: Float32Array.from(straight.data) } : straight;
      await io.writeImageNode(itkFromRaw(cast), path);
      const back = await openImage(path);
      expect([...back.data], extension).toEqual([...cast.data]);
      expect(back.spacing).toEqual(cast.spacing);
    }
  });
});

describe("DICOM", () => {
  const slice = (series: string, k: number, z = 30 + 2.5 * k) =>
    dicomSlice({
      series,
      z,
      number: k + 1,
      rows: 4,
      columns: 6,
      slope: 2,
      intercept: -1000,
      pixels: Uint16Array.from({ length: 24 }, (_, i) => 100 * k + i),
    });
  test("a header tells series, place and orientation without the package", () => {
    const header = dicomHeader(slice("1.2.3.6.1", 2));
    expect(header).toMatchObject({ seriesUid: "1.2.3.6.1", modality: "CT", position: [-10, 20, 35], orientation: [1, 0, 0, 0, 1, 0] });
    expect(dicomHeader(new Uint8Array(200))).toBeUndefined();
  });
  withPeer("@itk-wasm/dicom")(
    "a folder of shuffled slices is a volume in its place, rescaled; of two series one must be chosen",
    async () => {
      const dir = join(folder, "dicom");
      const { mkdirSync } = await import("node:fs");
      mkdirSync(dir);
      for (const [i, k] of [3, 0, 4, 1, 2].entries()) writeFileSync(join(dir, `IM${i}`), slice("1.2.3.6.1", k));
      writeFileSync(join(dir, "readme.txt"), "not an image");
      const volume = await readDicomFolder(dir);
      expect(volume.size).toEqual([6, 4, 5]);
      expect(volume.spacing).toEqual([0.5, 0.75, 2.5]); // rows are 0.75 apart
      expect(volume.origin).toEqual([-10, 20, 30]);
      expect(volume.data[0]).toBe(-1000);
      expect(volume.data[24 * 4 + 23]).toBe(2 * 423 - 1000);
      expect(volume.meta.warnings).toBeUndefined();
      writeFileSync(join(dir, "other"), slice("1.2.3.6.2", 0));
      await expect(readDicomFolder(dir)).rejects.toThrow(/2 series; choose one/);
      expect((await openImage(dir, { series: "6.1" })).size).toEqual([6, 4, 5]);
      writeFileSync(join(dir, "late"), slice("1.2.3.6.1", 7));
      expect(((await readDicomFolder(dir, { series: "6.1" })).meta.warnings as string[])[0]).toMatch(/2.500 to 7.500 mm apart/);
    },
  );
  test("a folder without DICOM is refused", async () => {
    await expect(readDicomFolder(join(folder, "nowhere"))).rejects.toThrow(/cannot be read/);
  });
});

describe("HDF5", () => {
  withPeer("h5wasm")("arrays are listed and read whole or in part, from bytes and from a path", async () => {
    const data = Float32Array.from({ length: 24 }, (_, i) => i / 2);
    const bytes = await writeHdf5(new Map([["volume", { shape: [2, 3, 4], data }]]));
    const path = join(folder, "a.h5");
    writeFileSync(path, bytes);
    for (const source of [bytes, path]) {
      const file = await openHdf5(source);
      expect(file.entries).toEqual([{ name: "volume", shape: [2, 3, 4] }]);
      expect([...file.read("volume").data]).toEqual([...data]);
      const part = file.read("/volume", [[1, 2], null, [2, 4]]);
      expect(part.shape).toEqual([1, 3, 2]);
      expect([...part.data]).toEqual([7, 7.5, 9, 9.5, 11, 11.5]);
      expect(() => file.read("other")).toThrow(/there are volume/);
      file.close();
    }
    await expect(openHdf5(new Uint8Array(100))).rejects.toThrow(/HDF5 mark/);
    await expect(openHdf5(bytes.slice(0, 300))).rejects.toThrow(/damaged/);
  });
});

describe("ITK transforms in HDF5", () => {
  withPeer("h5wasm")("linear transforms and composites are written and read back", async () => {
    const linear = itkLinear({ matrix: [1, 0.1, 0.2, 0.3, 1, 0.4, 0.5, 0.6, 1.1], offset: [1, 2, 3], center: [4, 5, 6] });
    const grid = { size: [2, 2, 1], origin: [1, 2, 3], spacing: [1, 1, 1], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] };
    const field = {
      kind: "displacement" as const,
      dimension: 3 as const,
      ...grid,
      vectors: Float64Array.from({ length: 12 }, (_, i) => i),
    };
    const both = { kind: "composite" as const, dimension: 3 as const, transforms: [linear, field] };
    expect(await readItkTransformHdf5(await writeItkTransformHdf5(field))).toEqual(field);
    const back = await readItkTransformHdf5(await writeItkTransformHdf5(both));
    if (back.kind !== "composite" || back.transforms[0].kind !== "linear") throw new Error("a composite with a linear part was expected");
    expect(back.transforms[0].matrix).toEqual(linear.matrix);
    for (let i = 0; i < 3; i++) expect(back.transforms[0].offset[i]).toBeCloseTo(linear.offset[i], 12);
    expect(back.transforms[1]).toEqual(field);
    await expect(readItkTransformHdf5(await writeHdf5(new Map([["a", { shape: [1], data: Float64Array.of(1) }]])))).rejects.toThrow(
      /no TransformGroup/,
    );
  });
});

describe("OME-Zarr", () => {
  withPeer("zarrita")("an image is written and read back with its spacing and origin", async () => {
    const straight = { direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] };
    for (const image of [
      make(new Int16Array(60), 1, "scalar", straight),
      make(new Float32Array(120), 2, "time", { ...straight, frameSpacing: 3 }),
    ]) {
      const path = join(folder, `${image.channelKind}.zarr`);
      await writeZarr(image, zarrFolder(path));
      const back = await openImage(path);
      expectSame(back, image);
      expect(back.channelKind).toBe(image.channelKind);
      expect(back.frameSpacing).toBe(image.frameSpacing);
      expectSame(
        await readZarr(zarrFolder(path), { frame: image.channels > 1 ? 1 : undefined }),
        image.channels > 1 ? { ...image, channels: 1, data: image.data.slice(60) as PixelArray } : image,
      );
    }
    await expect(readZarr(zarrFolder(folder))).rejects.toThrow(/zarr: /);
    await expect(zarrFolder(folder).get("/../x")).rejects.toThrow(/outside/);
  });
});

describe("independent readers", () => {
  withPeer("nifti-reader-js")("nifti-reader-js finds the same header and values", async () => {
    const nifti = (await import("nifti-reader-js" as string)) as unknown as {
      readHeader(
        b: ArrayBuffer,
      ):
        | Promise<{ dims: number[]; affine: number[][]; datatypeCode: number }>
        | { dims: number[]; affine: number[][]; datatypeCode: number };
      readImage(h: unknown, b: ArrayBuffer): ArrayBuffer;
    };
    for (const version of [1, 2] as const) {
      const bytes = writeRawFiles(images.int16, "a.nii", { version }).get("a.nii") as Uint8Array;
      const buffer = bytes.slice().buffer as ArrayBuffer;
      const header = await nifti.readHeader(buffer);
      expect(header.dims.slice(0, 4)).toEqual([3, 5, 4, 3]);
      expect([...new Int16Array(nifti.readImage(header, buffer))]).toEqual([...images.int16.data]);
      // RAS: x and y of ours change sign
      for (let i = 0; i < 2; i++) {
        expect(header.affine[i][3]).toBeCloseTo(-images.int16.origin[i], 5);
        for (let j = 0; j < 3; j++)
          expect(header.affine[i][j]).toBeCloseTo(-images.int16.direction[3 * i + j] * images.int16.spacing[j], 5);
      }
    }
  });
  withPeer("fast-png")(
    "fast-png reads our files, and we read what it writes: 8 and 16 bits, palettes, transparency, low depths, interlaced",
    async () => {
      const { decode, encode } = (await import("fast-png")) as unknown as {
        decode(b: Uint8Array): { data: ArrayLike<number>; depth: number; channels: number };
        encode(i: Record<string, unknown>, o?: Record<string, unknown>): Uint8Array;
      };
      const [width, height] = [13, 9];
      for (const channels of [1, 2, 3, 4])
        for (const depth of [8, 16]) {
          const n = width * height * channels;
          const data =
            depth === 8
              ? Uint8Array.from({ length: n }, (_, i) => (i * 7) % 256)
              : Uint16Array.from({ length: n }, (_, i) => (i * 701) % 65536);
          for (const interlace of ["null", "Adam7"]) {
            const read = readRaw(encode({ width, height, data, depth, channels }, { interlace }), "a.png");
            expect(read.channels).toBe(channels);
            for (let i = 0; i < width * height; i++)
              for (let k = 0; k < channels; k++) expect(read.data[k * width * height + i]).toBe(data[i * channels + k]);
            const again = decode(writeRawFiles(read, "a.png").get("a.png") as Uint8Array);
            expect([again.depth, again.channels]).toEqual([depth, channels]);
            expect([...Array.from(again.data)]).toEqual([...data]);
          }
        }
      const index = Uint8Array.from({ length: width * height }, (_, i) => i % 4);
      const palette = [
        [10, 20, 30],
        [40, 50, 60],
        [70, 80, 90],
        [1, 2, 3],
      ];
      const color = readRaw(encode({ width, height, data: index, depth: 8, channels: 1, palette }), "a.png");
      expect(color.channelKind).toBe("rgb");
      for (let i = 0; i < index.length; i++)
        for (let k = 0; k < 3; k++) expect(color.data[k * index.length + i]).toBe(palette[index[i]][k]);
      const alpha = readRaw(
        encode({ width, height, data: index, depth: 8, channels: 1, palette: palette.map((p, i) => [...p, 254 - i]) }),
        "a.png",
      );
      expect(alpha.channelKind).toBe("rgba");
      expect(alpha.data[3 * index.length + 2]).toBe(252);
      const gray = readRaw(
        encode({ width, height, data: index, depth: 8, channels: 1, palette: palette.map(([v]) => [v, v, v]) }),
        "a.png",
      );
      expect(gray.channelKind).toBe("scalar");
      expect(gray.data[1]).toBe(40);
    },
  );
  withPeer("tiff")("the package tiff reads our files", async () => {
    const { decode } = (await import("tiff")) as unknown as {
      decode(b: Uint8Array): Array<{ width: number; height: number; data: ArrayLike<number> }>;
    };
    for (const compress of [false, true])
      for (const data of [ramp(new Uint8Array(60)), ramp(new Uint16Array(60)), ramp(new Float32Array(60))]) {
        const pages = decode(
          writeRawFiles(rawImage("test", { data, channels: 1, channelKind: "scalar", size: [5, 4, 3] }), "a.tif", { compress }).get(
            "a.tif",
          ) as Uint8Array,
        );
        expect(pages.map((p) => [p.width, p.height])).toEqual(Array(3).fill([5, 4]));
        expect(pages.flatMap((p) => Array.from(p.data))).toEqual([...data]);
      }
  });
});

test("a package that is not there is named with its install line", async () => {
  await expect(peer("no-such-package", "reading stars", () => Promise.reject(new Error("Cannot find package")))).rejects.toThrow(
    MissingPeerError,
  );
  await expect(peer("no-such-package", "reading stars", () => Promise.reject(new Error("gone")))).rejects.toThrow(
    /npm install no-such-package/,
  );
});

test("a DICOM file under an image's name is told", () => {
  expect(formatOfBytes(new Uint8Array(200))).toBeUndefined();
  const bytes = dicomSlice({ series: "1.2.3", z: 0, number: 1, rows: 1, columns: 1, slope: 1, intercept: 0, pixels: Uint16Array.of(1) });
  expect(() => readRaw(bytes, "a.nii")).toThrow(/a DICOM file/);
});
