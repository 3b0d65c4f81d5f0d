import { describe, expect, test } from "vitest";
import { deflate } from "./inflate.js";
import { concatBytes } from "./raw.js";
import { readTiff } from "./tiff.js";

/** A TIFF of one page from tags and blocks, in either byte order. */
function tiff(tags: Record<number, number[]>, blocks: Uint8Array[], o: { big?: boolean; tiled?: boolean } = {}): Uint8Array {
  const little = !o.big;
  const entries: Record<number, number[]> = { ...tags };
  let at = 8;
  entries[o.tiled ? 324 : 273] = blocks.map((b) => {
    const here = at;
    at += b.length;
    return here;
  });
  entries[o.tiled ? 325 : 279] = blocks.map((b) => b.length);
  const keys = Object.keys(entries).map(Number);
  const directory = new Uint8Array(
    2 + 12 * keys.length + 4 + keys.reduce((a, k) => a + (entries[k].length > 1 ? 4 * entries[k].length : 0), 0),
  );
  const view = new DataView(directory.buffer);
  view.setUint16(0, keys.length, little);
  let spare = 2 + 12 * keys.length + 4;
  keys.forEach((key, i) => {
    const p = 2 + 12 * i;
    view.setUint16(p, key, little);
    view.setUint16(p + 2, 4, little);
    view.setUint32(p + 4, entries[key].length, little);
    if (entries[key].length === 1) view.setUint32(p + 8, entries[key][0], little);
    else {
      view.setUint32(p + 8, at + spare, little);
      entries[key].forEach((v, k) => {
        view.setUint32(spare + 4 * k, v, little);
      });
      spare += 4 * entries[key].length;
    }
  });
  const head = new Uint8Array(8);
  head.set(o.big ? [0x4d, 0x4d, 0, 42] : [0x49, 0x49, 42, 0]);
  new DataView(head.buffer).setUint32(4, at, little);
  return concatBytes([head, ...blocks, directory]);
}
const page = (width: number, height: number, bits: number, more: Record<number, number[]> = {}) => ({
  256: [width],
  257: [height],
  258: [bits],
  259: [1],
  262: [1],
  277: [1],
  278: [height],
  ...more,
});

/** LZW as TIFF writes it, from the specification. */
function lzwEncode(data: Uint8Array): Uint8Array {
  const out: number[] = [];
  let hold = 0;
  let held = 0;
  let width = 9;
  const put = (code: number) => {
    hold = (hold << width) | code;
    held += width;
    while (held >= 8) {
      out.push((hold >> (held - 8)) & 255);
      held -= 8;
      hold &= (1 << held) - 1;
    }
  };
  let table = new Map<string, number>();
  const reset = () => {
    table = new Map(Array.from({ length: 256 }, (_, i) => [String.fromCharCode(i), i]));
    put(256);
    width = 9;
  };
  reset();
  let next = 258;
  let omega = "";
  for (const byte of data) {
    const k = String.fromCharCode(byte);
    if (table.has(omega + k)) omega += k;
    else {
      put(table.get(omega) as number);
      table.set(omega + k, next++);
      // one early: the decoder is one entry behind
      if (next === 511 + 1) width = 10;
      else if (next === 1023 + 1) width = 11;
      else if (next === 2047 + 1) width = 12;
      if (next === 4095) {
        reset();
        next = 258;
      }
      omega = k;
    }
  }
  put(table.get(omega) as number);
  put(257);
  if (held > 0) out.push((hold << (8 - held)) & 255);
  return Uint8Array.from(out);
}

describe("TIFF", () => {
  const values = Uint8Array.from({ length: 100 * 90 }, (_, i) => ((i * i) >> 7) % 23);
  test("LZW, PackBits and deflate unfold, through every code width", () => {
    expect([...readTiff(tiff(page(100, 90, 8, { 259: [5] }), [lzwEncode(values)])).data]).toEqual([...values]);
    const packed = concatBytes(
      Array.from({ length: 90 }, (_, y) => concatBytes([Uint8Array.of(99), values.subarray(100 * y, 100 * y + 100)])),
    );
    expect([...readTiff(tiff(page(100, 90, 8, { 259: [32773] }), [packed])).data]).toEqual([...values]);
    expect([...readTiff(tiff(page(4, 1, 8, { 259: [32773] }), [Uint8Array.of(-2 & 255, 7, 0, 9)])).data]).toEqual([7, 7, 7, 9]);
    expect([...readTiff(tiff(page(100, 90, 8, { 259: [8] }), [deflate(values, "zlib")])).data]).toEqual([...values]);
  });
  test("tiles at the edge are cut, samples in separate planes are put together", () => {
    // 3×3 picture of two samples in 2×2 tiles, one plane after the other
    const tiles = (base: number) =>
      [
        [0, 1, 3, 4],
        [2, 99, 5, 99],
        [6, 7, 99, 99],
        [8, 99, 99, 99],
      ].map((t) => Uint8Array.from(t, (v) => v + base));
    const im = readTiff(
      tiff({ ...page(3, 3, 8), 258: [8, 8], 277: [2], 284: [2], 322: [2], 323: [2] }, [...tiles(0), ...tiles(10)], { tiled: true }),
    );
    expect([...im.data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
    expect(im.channels).toBe(2);
  });
  test("differences along rows are summed, in either byte order and for floats", () => {
    const big = tiff(page(3, 1, 16, { 317: [2] }), [Uint8Array.of(1, 0, 0, 5, 255, 255)], { big: true });
    expect([...readTiff(big).data]).toEqual([256, 261, 260]);
    // 1.5 is 3f c0 00 00, −2 is c0 00 00 00: bytes grouped by significance, then differenced
    const groups = [0x3f, 0xc0, 0xc0, 0x00, 0, 0, 0, 0];
    const coded = Uint8Array.from(groups, (v, i) => v - (i > 0 ? groups[i - 1] : 0));
    expect([...readTiff(tiff(page(2, 1, 32, { 317: [3], 339: [3] }), [coded])).data]).toEqual([1.5, -2]);
  });
  test("signed, half, 4-bit, inverted and palette samples", () => {
    expect([...readTiff(tiff(page(2, 1, 16, { 339: [2] }), [new Uint8Array(Int16Array.of(-5, 7).buffer)])).data]).toEqual([-5, 7]);
    expect([...readTiff(tiff(page(2, 1, 16, { 339: [3] }), [new Uint8Array(Uint16Array.of(0x3c00, 0xc100).buffer)])).data]).toEqual([
      1, -2.5,
    ]);
    expect([...readTiff(tiff(page(3, 2, 4), [Uint8Array.of(0x12, 0x30, 0x45, 0x60)])).data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...readTiff(tiff(page(2, 1, 8, { 262: [0] }), [Uint8Array.of(0, 200)])).data]).toEqual([255, 55]);
    const map = [0, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304, 2560, 2816];
    const im = readTiff(tiff(page(2, 1, 2, { 262: [3], 320: map }), [Uint8Array.of(0b00110000)]));
    expect(im.channelKind).toBe("rgb");
    expect([...im.data]).toEqual([0, 3, 4, 7, 8, 11]);
  });
  test("what cannot be read is named", () => {
    expect(() => readTiff(tiff(page(2, 1, 8, { 259: [7] }), [Uint8Array.of(1, 2)]))).toThrow(/compression JPEG/);
    expect(() => readTiff(tiff(page(2, 1, 8, { 262: [6] }), [Uint8Array.of(1, 2)]))).toThrow(/colour model 6/);
    expect(() => readTiff(tiff(page(2, 2, 8), [Uint8Array.of(1, 2)]))).toThrow(/4 bytes, but 2 bytes came/);
  });
});
