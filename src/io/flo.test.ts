import fc from "fast-check";
import { expect, test } from "vitest";
import { readFlo, writeFlo } from "./flo.js";
import { writePly } from "./ply.js";

test("a flow comes back from its file as it was, and what is not known comes back as not known", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 80 }), (width, height, hole) => {
      const n = width * height;
      const u = Float32Array.from({ length: n }, (_, k) => Math.sin(k) * 40);
      const v = Float32Array.from({ length: n }, (_, k) => Math.cos(3 * k) * 1e-3);
      if (hole < n) [u[hole], v[hole]] = [Number.NaN, Number.NaN];
      expect(readFlo(writeFlo({ width, height, u, v }))).toEqual({ width, height, u, v });
    }),
  );
});

test("a pixel of which one part is unknown is unknown", () => {
  const flow = { width: 2, height: 1, u: Float32Array.of(1, 2), v: Float32Array.of(Number.POSITIVE_INFINITY, 3) };
  const back = readFlo(writeFlo(flow));
  expect([...back.u]).toEqual([Number.NaN, 2]);
  expect([...back.v]).toEqual([Number.NaN, 3]);
});

test("what is no flow is refused with the reason", () => {
  const good = writeFlo({ width: 2, height: 2, u: new Float32Array(4), v: new Float32Array(4) });
  expect(() => readFlo(new Uint8Array(40))).toThrow(/begin/);
  expect(() => readFlo(good.subarray(0, 9))).toThrow(/header/);
  expect(() => readFlo(good.subarray(0, 30))).toThrow("2×2 pixels need 32 bytes after the header, 18 came");
  const wide = good.slice();
  new DataView(wide.buffer).setInt32(4, -3, true);
  expect(() => readFlo(wide)).toThrow("-3×2");
  expect(() => writeFlo({ width: 2, height: 2, u: new Float32Array(3), v: new Float32Array(4) })).toThrow("need 4 values");
});

test("a cloud of points is written as PLY, without those that are nowhere", () => {
  const bytes = writePly([1, 2, 3, Number.NaN, 0, 0, 4, 5, 6], [10, 20, 30, 0, 0, 0, 40, 300, 60]);
  const text = String.fromCharCode(...bytes);
  expect(text).toContain("element vertex 2\n");
  const at = text.indexOf("end_header\n") + 11;
  const view = new DataView(bytes.buffer, at);
  expect([0, 4, 8].map((k) => view.getFloat32(15 + k, true))).toEqual([4, 5, 6]);
  expect([...bytes.subarray(at + 27)]).toEqual([40, 255, 60]);
  expect(() => writePly([1, 2])).toThrow("three coordinates");
  expect(() => writePly([1, 2, 3], [1])).toThrow("colour values");
});
