import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import { argsort as twin } from "./reference/sort.js";
import { argsort } from "./sort.js";

const engines = [new Engine({ threads: 1 }), new Engine({ threads: 3 }), new Engine({ shared: false, deterministic: true })];
afterAll(() => {
  for (const e of engines) e.close();
});

test("the order of rows is the plain one, stable, NaN last both ways, −0 equal to 0", () => {
  const value = fc.oneof(fc.float(), fc.constantFrom(0, -0, 1, 1, -1, Number.NaN, Infinity, -Infinity, 2 ** -149));
  fc.assert(
    fc.property(fc.nat(5), fc.nat(40), fc.infiniteStream(value), fc.boolean(), (rows, n, stream, descending) => {
      const x = Float32Array.from({ length: rows * n }, () => stream.next().value as number);
      const expected = new Int32Array(rows * n);
      twin(x, expected, rows, n, descending);
      for (const e of engines) {
        const src = e.allocate(4 * x.length);
        const dst = e.allocate(4 * x.length);
        e.f32(src, x.length).set(x);
        argsort(e, src, dst, rows, n, descending);
        expect(e.i32(dst, x.length).slice()).toEqual(expected);
        e.free(src);
        e.free(dst);
      }
    }),
    { numRuns: 200 },
  );
});
