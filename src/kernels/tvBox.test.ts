import { afterAll, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import * as twin from "./reference/tvBox.js";
import { temporary } from "./temporary.js";
import { tvBoxPrimal, tvBoxStep } from "./tvBox.js";

const engines = [new Engine({ threads: 1 }), new Engine({ threads: 2 }), new Engine({ threads: 3 })];
const others = [new Engine({ deterministic: true }), new Engine({ shared: false })];
afterAll(() => {
  for (const e of [...engines, ...others]) e.close();
});

test.each([
  [1, 1],
  [1, 7],
  [2, 2],
  [5, 3],
  [9, 4],
  [17, 13],
  [40, 33],
  [0, 3],
] as const)("dual steps between bounds agree with the twin on %d × %d, with equal bits for any number of threads", (H, W) => {
  const random = seeded(2);
  const n = H * W;
  const v = Float32Array.from({ length: n }, () => random.normal());
  // Duals are 0 at the last samples.
  const dual = () => Float32Array.from({ length: 2 * n }, (_, k) => ((k < n ? k + W >= n : (k - n) % W === W - 1) ? 0 : random.normal()));
  const [r, p] = [dual(), dual()];
  const o = { tau: 0.3, low: -0.5, high: 1.2, s: 0.4, lambda: 0.7, beta: 0.6 };
  const expected = { ...twin.tvBoxStep(v, r, p, [H, W], o), x: twin.tvBoxPrimal(v, r, [H, W], o) };
  const run = (e: Engine) =>
    temporary(e, (reserve) => {
      const [pv, pr, pp, pa, px] = [n, 2 * n, 2 * n, 2 * n, n].map((count) => reserve(4 * count));
      e.f32(pv, n).set(v);
      e.f32(pr, 2 * n).set(r);
      e.f32(pp, 2 * n).set(p);
      tvBoxStep(e, pv, pr, pp, pa, [H, W], o);
      tvBoxPrimal(e, pv, pr, px, [H, W], o);
      return { p: e.f32(pp, 2 * n).slice(), r: e.f32(pa, 2 * n).slice(), x: e.f32(px, n).slice() };
    });
  for (const e of [...engines, ...others]) {
    const found = run(e);
    for (const name of ["p", "r", "x"] as const) found[name].forEach((f, k) => expect(Math.abs(f - expected[name][k])).toBeLessThan(1e-5)); // f32, numbers of order 1
  }
  expect(run(engines[1])).toEqual(run(engines[0]));
  expect(run(engines[2])).toEqual(run(engines[0]));
});
