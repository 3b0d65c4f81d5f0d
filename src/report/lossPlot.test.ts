import { expect, test } from "vitest";
import { lossPlot } from "./lossPlot.js";

test("a plot of a long training has a curve for the batches and one for the validation", () => {
  const loss = Array.from({ length: 5000 }, (_, k) => 1 / (k + 1));
  const validation = Array.from({ length: 10 }, (_, i) => ({ step: 500 * (i + 1), value: 2 / (i + 1) }));
  const svg = lossPlot({ loss, validation });
  expect(svg).toMatch(/^<svg/);
  expect(svg).toContain("validation");
  expect(svg.length).toBeLessThan(40_000); // thousands of steps are drawn as hundreds of points
  expect(lossPlot({ loss: [1, 0.1] })).not.toContain("validation");
  expect(lossPlot({ loss: [1, 0.1] }, { standalone: true })).toMatch(/^<svg xmlns="[^"]*" class="plot"[^>]*><style>/);
  expect(lossPlot({ loss: [] })).toMatch(/No values/);
});
