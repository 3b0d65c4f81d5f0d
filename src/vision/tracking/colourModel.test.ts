import { expect, test } from "vitest";
import { image } from "../../image/index.js";
import { colourAnswer, colourModel } from "./colourModel.js";
import { frameOf } from "./patch.js";

/** A red square of 16 pixels about (x, y) on green, 96 × 96 pixels. */
const scene = (x: number, y: number) => {
  const n = 96 * 96;
  const values = new Float32Array(3 * n);
  for (let k = 0; k < n; k++) {
    const inside = Math.abs((k % 96) - x) <= 8 && Math.abs(Math.floor(k / 96) - y) <= 8;
    values[k] = inside ? 0.9 : 0.1;
    values[n + k] = inside ? 0.1 : 0.9;
  }
  return frameOf(image(values, { size: [96, 96] }), { low: 0, high: 1 });
};
const place = { x: 48, y: 48, width: 17, height: 17 };

test("the box's colours answer highest where the colour has gone", () => {
  const model = colourModel(scene(48, 48), place, 64, 32);
  expect(model).toBeDefined();
  if (!model) return;
  // 16 cells over 64 pixels: four pixels a cell. (48, 48) → (56, 44) is (2, −1) cells.
  const answer = colourAnswer(scene(56, 44), place, 64, 16, model);
  const best = answer?.reduce((b, v, k, all) => (v > all[b] ? k : b), 0);
  expect(best).toBe(15 * 16 + 2);
});

test("gray frames have no colours to model", () => {
  const gray = frameOf(image(new Float32Array(96 * 96), { size: [96, 96] }), { low: 0, high: 1 });
  expect(colourModel(gray, place, 64, 32)).toBeUndefined();
});
