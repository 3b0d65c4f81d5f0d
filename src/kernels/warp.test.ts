import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Engine } from "./engine.js";
import { warpLinear3 } from "./reference/warp.js";

const run = (e: Engine, image: Float32Array, u: Float32Array, size: [number, number, number]) => {
  const n = size[0] * size[1] * size[2];
  const a = e.allocate(image.length * 4);
  const b = e.allocate(u.length * 4);
  const c = e.allocate(n * 4);
  e.f32(a, image.length).set(image);
  e.f32(b, u.length).set(u);
  e.parallel("warpLinear3", [a, b, c, ...size, ...size], { extent: size[0] * size[1], grain: 2 });
  const out = e.f32(c, n).slice();
  for (const p of [a, b, c]) e.free(p);
  return out;
};

test("the warp kernel equals its plain twin on any size, with 1, 2 and 3 threads giving the same bits", () => {
  const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
  const side = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(side, side, side, fc.integer(), (D, H, W, seed) => {
      let s = seed >>> 0;
      const random = () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24;
      const n = D * H * W;
      const image = Float32Array.from({ length: n }, random);
      const u = Float32Array.from({ length: 3 * n }, () => 6 * random() - 3);
      const expected = new Float32Array(n);
      warpLinear3(image, u, expected, [D, H, W], [D, H, W]);
      const results = engines.map((e) => run(e, image, u, [D, H, W]));
      for (let i = 0; i < n; i++) expect(results[0][i]).toBeCloseTo(expected[i], 5); // f32, coordinates below 2⁴
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    }),
    { numRuns: 100 },
  );
  for (const e of engines) e.close();
});
