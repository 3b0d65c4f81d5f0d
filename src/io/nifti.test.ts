import { describe, expect, test } from "vitest";
import { FormatError } from "../core/errors.js";
import { displacementFieldFromRaw, rawFromDisplacementField } from "./displacementField.js";
import { readRaw } from "./format.js";
import { deflate } from "./inflate.js";
import { readNifti, writeNifti } from "./nifti.js";
import { rawImage } from "./raw.js";

const small = rawImage("test", {
  data: Int16Array.from([1, 2, 3, 4, 5, 6]),
  channels: 1,
  channelKind: "scalar",
  size: [3, 2, 1],
  spacing: [2, 3, 4],
  origin: [-7, 8, 9],
});
/** A valid file with its header changed. */
function changed(edit: (view: DataView, bytes: Uint8Array) => void, image = small): Uint8Array {
  const bytes = writeNifti(image);
  edit(new DataView(bytes.buffer), bytes);
  return bytes;
}
const sform = (view: DataView, rows: number[]) => {
  rows.forEach((v, i) => {
    view.setFloat32(280 + 4 * i, v, true);
  });
};

describe("NIfTI", () => {
  test("RAS becomes LPS: x and y of origin and axes change sign", () => {
    const im = readNifti(changed((v) => sform(v, [2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30])));
    expect(im.origin).toEqual([-10, -20, 30]);
    expect(im.direction).toEqual([-1, 0, 0, 0, -1, 0, 0, 0, 1]);
    expect(im.spacing).toEqual([2, 3, 4]);
  });
  test("slope and intercept give physical values; a slope of 0 or NaN means none", () => {
    const scaled = (slope: number, intercept: number) =>
      readNifti(
        changed((v) => {
          v.setFloat32(112, slope, true);
          v.setFloat32(116, intercept, true);
        }),
      );
    expect([...scaled(0.5, -1).data]).toEqual([-0.5, 0, 0.5, 1, 1.5, 2]);
    expect(scaled(0.5, -1).data).toBeInstanceOf(Float32Array);
    expect(scaled(0, 5).data).toEqual(small.data);
    expect(scaled(Number.NaN, 5).data).toEqual(small.data);
  });
  test("the sform counts when its code is positive, else the qform, else the sizes alone", () => {
    const both = (sCode: number, qCode: number) =>
      readNifti(
        changed((v) => {
          sform(v, [2, 0, 0, 1, 0, 3, 0, 1, 0, 0, 4, 1]);
          v.setInt16(254, sCode, true);
          v.setInt16(252, qCode, true);
        }),
      );
    expect(both(1, 1).origin).toEqual([-1, -1, 1]);
    expect(both(0, 1).origin).toEqual([-7, 8, 9]); // as written
    expect(both(0, 1).direction).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const none = both(0, 0);
    expect(none.origin).toEqual([0, 0, 0]);
    expect(none.spacing).toEqual([2, 3, 4]);
    expect(none.meta.warnings).toHaveLength(1);
  });
  test("a quaternion of a quarter turn about z with a reversed third axis", () => {
    const im = readNifti(
      changed((v) => {
        v.setInt16(254, 0, true);
        v.setFloat32(76, -1, true);
        [0, 0, Math.SQRT1_2].forEach((q, i) => {
          v.setFloat32(256 + 4 * i, q, true);
        });
      }),
    );
    // RAS: x → y, y → −x, z → −z; LPS: the first two rows change sign
    expect(im.direction).toEqual([0, 1, 0, -1, 0, 0, 0, 0, -1]);
  });
  test("a sheared sform keeps its axes, with a warning; a singular one is an error unless there is a qform", () => {
    const sheared = readNifti(changed((v) => sform(v, [2, 1, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0])));
    expect((sheared.meta.warnings as string[])[0]).toMatch(/sheared/);
    expect(sheared.spacing[1]).toBeCloseTo(Math.sqrt(10), 6);
    expect(sheared.direction[1]).toBeCloseTo(-1 / Math.sqrt(10), 6);
    const flat = (v: DataView) => sform(v, Array(12).fill(0));
    expect((readNifti(changed(flat)).meta.warnings as string[])[0]).toMatch(/the qform was used/);
    expect(() =>
      readNifti(
        changed((v) => {
          flat(v);
          v.setInt16(252, 0, true);
        }),
      ),
    ).toThrow(FormatError);
  });
  test("lengths in metres or micrometres become mm, times in milliseconds seconds", () => {
    const series = rawImage("test", { data: new Float32Array(8), channels: 2, channelKind: "time", size: [2, 2, 1], frameSpacing: 1500 });
    const im = readNifti(
      changed((v, b) => {
        b[123] = 3 | 16;
        v.setFloat32(280, 500, true);
      }, series),
    );
    expect(im.spacing[0]).toBeCloseTo(0.5, 9);
    expect(im.frameSpacing).toBeCloseTo(1.5, 9);
  });
  test("extensions before the data are skipped", () => {
    const plain = writeNifti(small);
    const longer = new Uint8Array(plain.length + 32);
    longer.set(plain.subarray(0, 352));
    longer.set(plain.subarray(352), 384);
    new DataView(longer.buffer).setFloat32(108, 384, true);
    longer[348] = 1;
    expect(readNifti(longer).data).toEqual(small.data);
  });
  test("a .hdr/.img pair is one image, either file may be named, either may be gzipped", () => {
    const file = changed((_, b) => {
      b[345] = 105; // "ni1"
    });
    new DataView(file.buffer).setFloat32(108, 0, true);
    const header = file.slice(0, 348);
    const data = file.slice(352);
    const files = new Map([
      ["a.hdr", header],
      ["a.img.gz", deflate(data, "gzip")],
    ]);
    expect(readRaw(header, "a.hdr", files).data).toEqual(small.data);
    expect(readRaw(data, "a.img", new Map([["a.hdr", header]])).data).toEqual(small.data);
    expect(() => readRaw(header, "a.hdr")).toThrow(/\.img file beside it/);
  });
  test("64-bit integers are exact up to 2^53 and an error beyond, naming the value", () => {
    const file = writeNifti({ ...small, data: new Float64Array(6) });
    const view = new DataView(file.buffer);
    view.setInt16(70, 1024, true);
    view.setBigInt64(352, -9007199254740992n, true);
    view.setBigInt64(360, 4294967297n, true);
    expect([...readNifti(file).data.slice(0, 3)]).toEqual([-9007199254740992, 4294967297, 0]);
    view.setBigInt64(368, 9007199254740993n, true);
    expect(() => readNifti(file)).toThrow(/9007199254740993/);
  });
  test("unknown data types, more than five axes and truncated files are told", () => {
    expect(() => readNifti(changed((v) => v.setInt16(70, 1536, true)))).toThrow(/float128/);
    expect(() =>
      readNifti(
        changed((v) => {
          v.setInt16(40, 6, true);
          v.setInt16(52, 2, true);
        }),
      ),
    ).toThrow(/more than 5 axes/);
    expect(() => readNifti(writeNifti(small).slice(0, 360))).toThrow(/12 bytes, but 8 bytes came/);
    expect(() => readNifti(writeNifti(small, { gzip: true }).slice(0, 60))).toThrow(/gzip data/);
  });
  test("a displacement field is 5-D with vector intent in LPS; one declared in RAS (intent 1006) is turned", () => {
    const field = {
      size: [2, 1, 1],
      spacing: [1, 1, 1],
      origin: [0, 0, 0],
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
      vectors: Float32Array.of(1, 2, 3, 4, 5, 6),
    };
    const file = writeNifti(rawFromDisplacementField(field));
    const view = new DataView(file.buffer);
    expect([view.getInt16(40, true), view.getInt16(68, true), view.getInt16(50, true)]).toEqual([5, 1007, 3]);
    expect([...displacementFieldFromRaw(readNifti(file)).vectors]).toEqual([1, 2, 3, 4, 5, 6]);
    view.setInt16(68, 1006, true);
    expect([...displacementFieldFromRaw(readNifti(file)).vectors]).toEqual([-1, -2, -3, -4, 5, 6]);
    expect(() => displacementFieldFromRaw(small)).toThrow(/no field of 3-vectors/);
  });
});
