import { describe, expect, test } from "vitest";
import { deflate } from "./inflate.js";
import { readMetaImage } from "./metaImage.js";
import { readNrrd } from "./nrrd.js";
import { concatBytes } from "./raw.js";

const ascii = (s: string) => new TextEncoder().encode(s);
const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6);

describe("MetaImage headers", () => {
  const header = (...lines: string[]) =>
    ascii(`ObjectType = Image\nNDims = 2\nDimSize = 3 2\nElementType = MET_UCHAR\n${lines.join("\n")}\n`);
  test("TransformMatrix lists one index axis after the other", () => {
    const im = readMetaImage(
      concatBytes([header("TransformMatrix = 0 1 -1 0", "Offset = 5 6", "ElementSpacing = 2 3", "ElementDataFile = LOCAL"), bytes]),
    );
    // the first index axis points along physical y
    expect(im.direction).toEqual([0, -1, 1, 0]);
    expect([im.origin, im.spacing]).toEqual([
      [5, 6],
      [2, 3],
    ]);
  });
  test("data may be ASCII, in one file, in a list of files or in numbered files, behind a header to skip", () => {
    const text = readMetaImage(concatBytes([header("BinaryData = False", "ElementDataFile = LOCAL"), ascii("1 2 3\n4 5 6\n")]));
    expect([...text.data]).toEqual([...bytes]);
    const rows = new Map([
      ["a.raw", bytes.slice(0, 3)],
      ["b.raw", bytes.slice(3)],
      ["r01.raw", bytes.slice(0, 3)],
      ["r02.raw", bytes.slice(3)],
      ["h.raw", concatBytes([ascii("skip"), bytes])],
    ]);
    for (const lines of [
      ["ElementDataFile = LIST", "a.raw", "b.raw"],
      ["ElementDataFile = r%02d.raw 1 2 1"],
      ["HeaderSize = 4", "ElementDataFile = h.raw"],
      ["HeaderSize = -1", "ElementDataFile = h.raw"],
    ])
      expect([...readMetaImage(header(...lines), rows).data], lines[0]).toEqual([...bytes]);
  });
  test("a data file elsewhere, missing or too short is told", () => {
    expect(() => readMetaImage(header("ElementDataFile = ../../secret.raw"))).toThrow(/outside its own folder/);
    expect(() => readMetaImage(header("ElementDataFile = /etc/passwd"))).toThrow(/outside its own folder/);
    expect(() => readMetaImage(header("ElementDataFile = a.raw"))).toThrow(/was not given/);
    expect(() => readMetaImage(concatBytes([header("ElementDataFile = LOCAL"), bytes.slice(2)]))).toThrow(/6 bytes, but 4 bytes came/);
    expect(() => readMetaImage(concatBytes([header("TransformMatrix = 1 1 1 1", "ElementDataFile = LOCAL"), bytes]))).toThrow(/singular/);
    expect(() => readMetaImage(concatBytes([header("ElementSpacing = nan 1", "ElementDataFile = LOCAL"), bytes]))).toThrow(/finite/);
  });
  test("channels of 8 bits are colour, a spacing of 0 is 1 with a warning", () => {
    const im = readMetaImage(
      concatBytes([
        ascii(
          "ObjectType = Image\nNDims = 2\nDimSize = 2 1\nElementSpacing = 0 2\nElementNumberOfChannels = 3\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n",
        ),
        bytes,
      ]),
    );
    expect(im.channelKind).toBe("rgb");
    expect([...im.data]).toEqual([1, 4, 2, 5, 3, 6]);
    expect(im.spacing).toEqual([1, 2]);
    expect(im.meta.warnings).toHaveLength(1);
  });
});

describe("NRRD headers", () => {
  const header = (...lines: string[]) => ascii(`NRRD0004\n# made by hand\n${lines.join("\n")}\n\n`);
  const volume = ["type: uchar", "dimension: 3", "sizes: 3 2 1"];
  test("RAS and LAS spaces become LPS, origin and axes alike", () => {
    const read = (space: string) =>
      readNrrd(
        concatBytes([
          header(...volume, `space: ${space}`, "space directions: (2,0,0) (0,3,0) (0,0,4)", "space origin: (5,6,7)", "encoding: raw"),
          bytes,
        ]),
      );
    expect(read("left-posterior-superior").origin).toEqual([5, 6, 7]);
    expect(read("RAS").origin).toEqual([-5, -6, 7]);
    expect(read("RAS").direction).toEqual([-1, 0, 0, 0, -1, 0, 0, 0, 1]);
    expect(read("left-anterior-superior").origin).toEqual([5, -6, 7]);
    expect(read("left-anterior-superior").direction).toEqual([1, 0, 0, 0, -1, 0, 0, 0, 1]);
    expect(read("RAS").spacing).toEqual([2, 3, 4]);
  });
  test("ascii, hex and gzip data, and detached data with lines and bytes to skip", () => {
    expect([...readNrrd(concatBytes([header(...volume, "encoding: ascii"), ascii("1 2 3 4 5 6")])).data]).toEqual([...bytes]);
    expect([...readNrrd(concatBytes([header(...volume, "encoding: hex"), ascii("0102 0304\n0506")])).data]).toEqual([...bytes]);
    expect([...readNrrd(concatBytes([header(...volume, "encoding: gzip"), deflate(bytes, "gzip")])).data]).toEqual([...bytes]);
    const files = new Map([["a.raw", concatBytes([ascii("a line\nxx"), bytes])]]);
    const detached = header(...volume, "encoding: raw", "line skip: 1", "byte skip: 2", "data file: a.raw");
    expect([...readNrrd(detached, files).data]).toEqual([...bytes]);
    expect([...readNrrd(header(...volume, "encoding: raw", "byte skip: -1", "data file: ./a.raw"), files).data]).toEqual([...bytes]);
    expect(() => readNrrd(header(...volume, "encoding: bzip2"))).toThrow(/bzip2/);
  });
  test("channels may come first or last; a plane in space is a volume of one slice", () => {
    const first = readNrrd(
      concatBytes([header("type: uchar", "dimension: 3", "sizes: 3 2 1", "kinds: RGB-color domain domain", "encoding: raw"), bytes]),
    );
    expect([first.channelKind, first.channels, ...first.data]).toEqual(["rgb", 3, 1, 4, 2, 5, 3, 6]);
    const last = readNrrd(
      concatBytes([header("type: uchar", "dimension: 3", "sizes: 3 1 2", "kinds: domain domain list", "encoding: raw"), bytes]),
    );
    expect([last.channelKind, last.channels, ...last.data]).toEqual(["other", 2, ...bytes]);
    const plane = readNrrd(
      concatBytes([
        header(
          "type: uchar",
          "dimension: 2",
          "sizes: 3 2",
          "space: LPS",
          "space directions: (0,0,2) (0,3,0)",
          "space origin: (1,1,1)",
          "encoding: raw",
        ),
        bytes,
      ]),
    );
    expect(plane.size).toEqual([3, 2, 1]);
    expect(plane.direction).toEqual([0, 0, -1, 0, 1, 0, 1, 0, 0]);
  });
  test("key-value pairs are kept", () => {
    expect(readNrrd(concatBytes([header(...volume, "encoding: raw", "modality:=CT"), bytes])).meta.keyValues).toEqual({ modality: "CT" });
  });
});
