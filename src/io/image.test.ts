import { expect, test } from "vitest";
import { image } from "../image/index.js";
import { imageFromRaw, rawFromImage, readImage, writeImage } from "./image.js";
import { rawImage } from "./raw.js";

test("an image keeps values and grid through NIfTI, MetaImage and NRRD", () => {
  const grid = { size: [3, 2, 2], spacing: [0.5, 1.5, 2], origin: [-10, 20, 30], direction: [0, -1, 0, 1, 0, 0, 0, 0, 1] };
  const im = image(
    Float32Array.from({ length: 24 }, (_, i) => i / 3 - 2),
    grid,
  );
  for (const name of ["a.nii.gz", "a.nii", "a.mha", "a.mhd", "a.nrrd"]) {
    const files = writeImage(im, name);
    const back = readImage(files.get(name) as Uint8Array, name, files);
    expect(back.values.shape).toEqual([2, 2, 2, 3]);
    expect([...back.values.data]).toEqual([...im.values.data]);
    expect(back.grid).toEqual(im.grid);
  }
});
test("labels up to 2^24 stay exact, larger ones are refused with their value", () => {
  const raw = (v: number) => rawImage("test", { data: Int32Array.from([0, v, 7, 1]), channels: 1, channelKind: "scalar", size: [2, 2] });
  const back = rawFromImage(imageFromRaw(raw(2 ** 24)), { dtype: "int32" });
  expect([...back.data]).toEqual([0, 2 ** 24, 7, 1]);
  expect(() => imageFromRaw(raw(2 ** 24 + 1))).toThrow(/16777217/);
  expect(imageFromRaw(raw(2 ** 24 + 1), { round: true }).values.data[1]).toBe(2 ** 24);
});
test("integers are rounded, and what does not fit is an error unless clamped", () => {
  const im = image([0.4, 0.6, 300, -2], { size: [2, 2] });
  expect(() => rawFromImage(im, { dtype: "uint8" })).toThrow(/300 does not fit uint8/);
  expect([...rawFromImage(im, { dtype: "uint8", clamp: true }).data]).toEqual([0, 1, 255, 0]);
});
test("a picture takes 8 bits, or 16 when it must, and three channels are colour", () => {
  const gray = writeImage(image([0.4, 254.7, -3, 7], { size: [2, 2] }), "a.png").get("a.png") as Uint8Array;
  expect([...readImage(gray, "a.png").values.data]).toEqual([0, 255, 0, 7]);
  const wide = writeImage(image([0, 1, 2, 1000], { size: [2, 2] }), "a.png").get("a.png") as Uint8Array;
  expect([...readImage(wide, "a.png").values.data]).toEqual([0, 1, 2, 1000]);
  const color = writeImage(image([1, 2, 3, 4, 5, 6], { size: [2, 1] }), "a.png").get("a.png") as Uint8Array;
  expect(color[25]).toBe(2); // PNG colour type RGB
  expect([...readImage(color, "a.png").values.data]).toEqual([1, 2, 3, 4, 5, 6]);
});
