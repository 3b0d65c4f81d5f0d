import { describe, expect, test } from "vitest";
import { deflate } from "./inflate.js";
import { crc32, readPng, writeStencilPng } from "./png.js";
import { concatBytes } from "./raw.js";

/** A PNG from packed rows, each behind filter 0. */
function png(o: {
  width: number;
  height: number;
  depth: number;
  color: number;
  rows: number[][];
  palette?: number[];
  transparency?: number[];
  interlaced?: boolean;
}): Uint8Array {
  const chunk = (type: string, body: number[] | Uint8Array) => {
    const out = new Uint8Array(12 + body.length);
    const view = new DataView(out.buffer);
    view.setUint32(0, body.length);
    for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
    out.set(body, 8);
    view.setUint32(8 + body.length, crc32(out, 4, 8 + body.length));
    return out;
  };
  return concatBytes([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10),
    chunk("IHDR", [0, 0, 0, o.width, 0, 0, 0, o.height, o.depth, o.color, 0, 0, o.interlaced ? 1 : 0]),
    ...(o.palette ? [chunk("PLTE", o.palette)] : []),
    ...(o.transparency ? [chunk("tRNS", o.transparency)] : []),
    chunk("IDAT", deflate(Uint8Array.from(o.rows.flatMap((r) => [0, ...r])), "zlib")),
    chunk("IEND", []),
  ]);
}

describe("PNG", () => {
  test("1, 2 and 4 bits are unpacked from the high end of each byte, rows begin on a byte", () => {
    expect([...readPng(png({ width: 3, height: 2, depth: 1, color: 0, rows: [[0b10100000], [0b01000000]] })).data]).toEqual([
      1, 0, 1, 0, 1, 0,
    ]);
    expect([...readPng(png({ width: 5, height: 1, depth: 2, color: 0, rows: [[0b00011011, 0b10000000]] })).data]).toEqual([0, 1, 2, 3, 2]);
    const four = readPng(png({ width: 3, height: 1, depth: 4, color: 0, rows: [[0x1f, 0xa0]] }));
    expect([...four.data]).toEqual([1, 15, 10]);
    expect(four.meta.bitDepth).toBe(4);
  });
  test("a palette of few bits is decoded to its colours, gray ones to gray, transparent ones to alpha", () => {
    const rows = [[0b00011000]];
    const color = readPng(png({ width: 3, height: 1, depth: 2, color: 3, rows, palette: [9, 8, 7, 1, 2, 3, 4, 5, 6] }));
    expect([...color.data]).toEqual([9, 1, 4, 8, 2, 5, 7, 3, 6]);
    const gray = readPng(
      png({ width: 3, height: 1, depth: 2, color: 3, rows, palette: [9, 9, 9, 1, 1, 1, 4, 4, 4], transparency: [255, 0] }),
    );
    expect(gray.channelKind).toBe("graya");
    expect([...gray.data]).toEqual([9, 1, 4, 255, 0, 255]);
    expect(() => readPng(png({ width: 3, height: 1, depth: 2, color: 3, rows, palette: [9, 9, 9] }))).toThrow(/colour 2 of a palette of 1/);
  });
  test("a transparent gray or colour becomes an alpha channel only where it occurs", () => {
    const o = { width: 3, height: 1, depth: 8, color: 0, rows: [[5, 6, 7]] };
    expect([...readPng(png({ ...o, transparency: [0, 6] })).data]).toEqual([5, 6, 7, 255, 0, 255]);
    expect(readPng(png({ ...o, transparency: [0, 9] })).channels).toBe(1);
  });
  test("interlaced pictures of few bits are put together", () => {
    // 3×3 of 4 bits: pass 1 (0,0); pass 4 (2,0); pass 5 (0,2) (2,2); pass 6 (1,0), (1,2); pass 7 row 1
    const rows = [[0x10], [0x30], [0x79], [0x20], [0x80], [0x45, 0x60]];
    expect([...readPng(png({ width: 3, height: 3, depth: 4, color: 0, rows, interlaced: true })).data]).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
  });
  test("16 bits are read high byte first", () => {
    expect([...readPng(png({ width: 1, height: 1, depth: 16, color: 4, rows: [[1, 2, 0xff, 0xfe]] })).data]).toEqual([258, 65534]);
  });
});

test("a stencil is one colour where it is marked and transparent elsewhere", () => {
  const marked = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]; // 9 × 2: a row ends within a byte
  const { data, channels, size } = readPng(writeStencilPng(marked, 9, 2, [255, 176, 0, 235]));
  expect([channels, ...size]).toEqual([4, 9, 2]);
  marked.forEach((on, k) => {
    expect([0, 1, 2, 3].map((c) => data[18 * c + k])).toEqual(on ? [255, 176, 0, 235] : [0, 0, 0, 0]);
  });
});
