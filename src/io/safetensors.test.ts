import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from "./half.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";

const file = (header: string, data: number[] = []) => {
  const json = new TextEncoder().encode(header);
  const out = new Uint8Array(8 + json.length + data.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(json.length), true);
  out.set(json, 8);
  out.set(data, 8 + json.length);
  return out;
};

describe("half and brain floats", () => {
  test("every half float comes back from its own value", () => {
    for (let h = 0; h < 65536; h++) if (!Number.isNaN(halfToFloat(h))) expect(floatToHalf(halfToFloat(h))).toBe(h);
  });
  test("values between two half floats go to the nearer, ties to the even one", () => {
    for (let h = 0; h < 0x7bff; h++) {
      const [a, b] = [halfToFloat(h), halfToFloat(h + 1)];
      const middle = (a + b) / 2; // exact in f32
      expect(floatToHalf(middle)).toBe(h % 2 === 0 ? h : h + 1);
      expect(floatToHalf(a + (b - a) / 4)).toBe(h);
      expect(floatToHalf(a + (3 * (b - a)) / 4)).toBe(h + 1);
    }
    expect([65519, 65520, 1e9, -1e9, 2 ** -26].map((v) => halfToFloat(floatToHalf(v)))).toEqual([65504, Infinity, Infinity, -Infinity, 0]);
    expect(halfToFloat(floatToHalf(Number.NaN))).toBeNaN();
  });
  test("brain floats are the nearest upper halves of floats", () => {
    for (let b = 0; b < 65536; b++) if (!Number.isNaN(bfloatToFloat(b))) expect(floatToBfloat(bfloatToFloat(b))).toBe(b);
    expect([1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20].map((v) => bfloatToFloat(floatToBfloat(v)))).toEqual([
      1,
      1 + 2 ** -6,
      1 + 2 ** -7,
    ]);
    expect(bfloatToFloat(floatToBfloat(Number.NaN))).toBeNaN();
    expect(bfloatToFloat(floatToBfloat(3.4e38))).toBe(Infinity);
  });
});

describe("safetensors", () => {
  test("a file written by hand is read", () => {
    const { tensors, metadata } = readSafetensors(
      file(
        '{"__metadata__":{"by":"hand"},"b":{"dtype":"I16","shape":[2],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}',
        [0, 0, 0x80, 0x3f, 1, 0, 0xff, 0xff],
      ),
    );
    expect(metadata).toEqual({ by: "hand" });
    expect(tensors.a).toEqual({ dtype: "F32", shape: [], data: new Float32Array([1]) });
    expect(tensors.b).toEqual({ dtype: "I16", shape: [2], data: new Int16Array([1, -1]) });
  });
  test("a file is the bytes that the format asks for: length, names and places, spaces up to a multiple of eight, numbers", () => {
    const bytes = writeSafetensors({ b: { shape: [1], data: new Uint8Array([7]) }, a: { shape: [1, 1], data: new Float32Array([1]) } });
    const json = '{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}';
    expect(bytes).toEqual(file(json.padEnd(Math.ceil(json.length / 8) * 8), [0, 0, 0x80, 0x3f, 7]));
  });
  test("whatever is written comes back", () => {
    const array = fc.oneof(
      fc.array(fc.float(), { maxLength: 12 }).map((v) => Float32Array.from(v)),
      fc.array(fc.double(), { maxLength: 12 }).map((v) => Float64Array.from(v)),
      fc.array(fc.integer(), { maxLength: 12 }).map((v) => Int32Array.from(v)),
      fc.uint8Array({ maxLength: 12 }),
      fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 5 }).map((v) => BigInt64Array.from(v)),
    );
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((s) => s !== "__metadata__"),
          array,
        ),
        fc.dictionary(fc.string(), fc.string()),
        (arrays, metadata) => {
          const tensors = Object.fromEntries(Object.entries(arrays).map(([name, data]) => [name, { shape: [1, data.length], data }]));
          const back = readSafetensors(writeSafetensors(tensors, metadata));
          expect(back.metadata).toEqual(Object.fromEntries(Object.entries(metadata)));
          expect(Object.keys(back.tensors).sort()).toEqual(Object.keys(tensors).sort());
          for (const [name, t] of Object.entries(tensors)) {
            expect(back.tensors[name].data).toEqual(t.data);
            expect(back.tensors[name].shape).toEqual(t.shape);
          }
        },
      ),
      { numRuns: 200, seed: 3 },
    );
  });
  test("floats are halved when asked to, other types are not", () => {
    const tensors = { a: { shape: [2], data: new Float32Array([1.5, 0.1]) }, b: { shape: [1], data: new Int32Array([70000]) } };
    const half = readSafetensors(writeSafetensors(tensors, {}, { floats: "f16" })).tensors;
    expect(half.a.dtype).toBe("F16");
    expect([...half.a.data]).toEqual([1.5, 0.0999755859375]);
    expect([...half.b.data]).toEqual([70000]);
    expect([...readSafetensors(writeSafetensors(tensors, {}, { floats: "bf16" })).tensors.a.data]).toEqual([1.5, 0.10009765625]);
  });
  test.each([
    ["nothing", new Uint8Array(0), /0 bytes came/],
    ["a length beyond the file", new Uint8Array(20).fill(255), /promise a header of .* another kind of file/],
    ["no JSON", file("hello world"), /not JSON/],
    ["a list", file("[1, 2, 3]  "), /an object was expected/],
    ["numbers as metadata", file('{"__metadata__":{"a":1}}'), /texts by name/],
    ["an unknown type", file('{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}', [0]), /dtype "F8_E4M3" cannot be read; F64/],
    [
      "a type that is a word of the language",
      file('{"a":{"dtype":"constructor","shape":[1],"data_offsets":[0,1]}}', [0]),
      /cannot be read/,
    ],
    ["a negative size", file('{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}', [0]), /shape \[-1\] is not usable/],
    ["a size that is not the bytes'", file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', [0, 0, 0, 0]), /takes 8 bytes, and 4/],
    ["numbers missing", file('{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}', [0]), /bytes 0 to 9 of 1; the file is cut off/],
    [
      "numbers left over",
      file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', [0, 0]),
      /speaks of 1 bytes of numbers, and 2 came/,
    ],
    [
      "two tensors in one place",
      file('{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}', [0, 0, 0]),
      /"b" begins at byte 1, and the one before ends at 2/,
    ],
  ])("%s: refused in one sentence", (_, bytes, message) => expect(() => readSafetensors(bytes)).toThrow(message));
  test("a shape and its data must fit when writing", () =>
    expect(() => writeSafetensors({ a: { shape: [3], data: new Float32Array(2) } })).toThrow(/"a" of shape \(3\) needs 3 values, 2 came/));
  test("a name of the language is a name", () => {
    const tensors = Object.fromEntries([["__proto__", { shape: [1], data: new Uint8Array([1]) }]]);
    expect(Object.keys(readSafetensors(writeSafetensors(tensors)).tensors)).toEqual(["__proto__"]);
  });
});
