import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { moduleBytes } from "./load.js";
import { plainSimd } from "./plainSimd.js";

/** A module whose `run` puts op(v₀, v₁[, v₂]) of the vectors at 0, 16, 32 to 64. */
function moduleOf(op: number, operands: number): Uint8Array {
  const load = (at: number) => [0x41, 0, 0xfd, 0, 4, at];
  const instruction = [0xfd, (op & 127) | 128, op >> 7];
  const body = [0, 0x41, 0, ...Array.from({ length: operands }, (_, k) => load(16 * k)).flat(), ...instruction, 0xfd, 11, 4, 0xc0, 0, 0x0b];
  const section = (id: number, ...content: number[]) => [id, content.length, ...content];
  const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
  return Uint8Array.from([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, 1, 0x60, 0, 0),
    ...section(2, 1, ...name("env"), ...name("memory"), 2, 0, 1),
    ...section(3, 1, 0),
    ...section(7, 1, ...name("run"), 0, 0),
    ...section(10, 1, body.length, ...body),
  ]);
}
function run(bytes: Uint8Array<ArrayBuffer>, fill: (at: DataView) => void): DataView {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const view = new DataView(memory.buffer);
  fill(view);
  (new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports.run as () => void)();
  return view;
}

test("a relaxed multiply-add becomes a product and a sum with a rounding each", () => {
  const random = seeded(3);
  const v = Float32Array.from({ length: 12 }, () => random.uniform() - 0.5);
  for (const [op, sign] of [
    [0x105, 1],
    [0x106, -1],
  ]) {
    const out = run(plainSimd(moduleOf(op, 3)), (at) => {
      for (const [k, x] of v.entries()) at.setFloat32(4 * k, x, true);
    });
    for (let k = 0; k < 4; k++) expect(out.getFloat32(64 + 4 * k, true)).toBe(Math.fround(v[8 + k] + sign * Math.fround(v[k] * v[4 + k])));
  }
});

test("a relaxed dot of bytes becomes the sums of neighbouring products, lane by lane", () => {
  const random = seeded(4);
  const a = Array.from({ length: 16 }, () => random.integer(256) - 128);
  const b = Array.from({ length: 16 }, () => random.integer(128));
  const out = run(plainSimd(moduleOf(0x112, 2)), (at) => {
    for (const [k, x] of [...a, ...b].entries()) at.setInt8(k, x);
  });
  for (let k = 0; k < 8; k++) expect(out.getInt16(64 + 2 * k, true)).toBe(a[2 * k] * b[2 * k] + a[2 * k + 1] * b[2 * k + 1]);
});

test("the plain kernels are a module, and have nothing left to be put otherwise", () => {
  const plain = moduleBytes("simd", true);
  expect(WebAssembly.validate(plain)).toBe(true);
  expect(Buffer.compare(plainSimd(plain), plain)).toBe(0);
});

test("an instruction without a plain form is refused by its number", () => {
  expect(() => plainSimd(moduleOf(0x10f, 3))).toThrow(/relaxed instruction 271/);
});
