import { afterAll, describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import * as twin from "./reference/tgv.js";
import { temporary } from "./temporary.js";
import { tgvStep } from "./tgv.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 2 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true }),
  new Engine({ shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});
const numbers = { tau: 0.3, sigma: 0.25, lambda: 0.2, mu: 0.4, rho: 1.7 };

describe.each([[[1, 1]], [[1, 5]], [[2, 2]], [[3, 7]], [[9, 6]], [[37, 61]]] as const)(
  "a step of total generalised variation, %j",
  ([H, W]) => {
    const n = H * W;
    const random = seeded(7);
    const y = Float32Array.from({ length: n }, () => random.normal());
    const m = Float32Array.from({ length: n }, () => (random.uniform() < 0.3 ? 0 : random.uniform()));
    test.each([false, true])("six of them agree with the twin, weights %s; equal bits for any number of threads", (weighted) => {
      const s = { x: Float64Array.from(y), w: new Float64Array(2 * n), p: new Float64Array(2 * n), q: new Float64Array(4 * n) };
      for (let k = 0; k < 6; k++) twin.tgvStep(s, y, weighted ? m : undefined, [H, W], numbers);
      const expected = [s.x, s.w, s.p, s.q];
      const found = engines.map((e) =>
        temporary(e, (reserve) => {
          const put = (v: ArrayLike<number>) => {
            const at = reserve(4 * v.length);
            e.f32(at, v.length).set(v);
            return at;
          };
          const zeros = (k: number) => put(new Float32Array(k));
          const at = { x: put(y), w: zeros(2 * n), p: zeros(2 * n), q: zeros(4 * n), xb: zeros(n), wb: zeros(2 * n) };
          const [py, pm] = [put(y), put(m)];
          for (let k = 0; k < 6; k++) tgvStep(e, at, py, weighted ? pm : 0, [H, W], numbers);
          return expected.map((v, i) => e.f32([at.x, at.w, at.p, at.q][i], v.length).slice());
        }),
      );
      for (const f of found)
        f.forEach((v, i) => {
          // f32, six steps of order 1
          expect(v.reduce((worst, a, k) => Math.max(worst, Math.abs(a - expected[i][k])), 0)).toBeLessThan(2e-5);
        });
      for (const f of found.slice(1, 3)) expect(f).toEqual(found[0]);
    });
  },
);
