import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { checkAdjoint, checkLinear } from "../testing/operatorLaws.js";
import { type RadonOptions, radonOperator } from "./radon.js";

const every = (count: number, span = 180) => Array.from({ length: count }, (_, k) => (k * span) / count);
const fan = { source: 120, detector: 60 } as const;
const table: readonly [string, RadonOptions][] = [
  ["parallel", { angles: every(12), detectors: 40 }],
  ["parallel, wide bins, off centre, not square", { size: [20, 33], angles: every(7), detectors: 17, centre: 8.3, binWidth: 2.2 }],
  ["parallel, fine bins", { size: [16, 16], angles: every(9), detectors: 70, binWidth: 0.3 }],
  ["parallel, negative and large angles", { angles: [-30, 0, 45, 359, 721], detectors: 21 }],
  ["parallel, axis elsewhere", { size: [20, 33], angles: every(7), detectors: 31, centre: 15.5, axis: [8.25, 17.75] }],
  ["fan, axis elsewhere", { size: [32, 30], angles: every(10, 360), detectors: 48, binWidth: 1.5, axis: [14.75, 15.25], fan }],
  ["fan, flat detector", { size: [32, 32], angles: every(10, 360), detectors: 48, binWidth: 1.5, fan }],
  ["fan, arc", { size: [32, 30], angles: every(10, 360), detectors: 45, binWidth: 1.5, fan: { ...fan, shape: "arc" } }],
];
/** 1 inside a circle, the share of it on the rim by 8 × 8 points. */
function disc(n: number, radius: number, [ox, oy]: readonly [number, number] = [0, 0]): Tensor {
  const c = Math.floor(n / 2);
  return Tensor.from(
    Float32Array.from({ length: n * n }, (_, k) => {
      const [x, y] = [(k % n) - c - ox, Math.floor(k / n) - c - oy];
      let inside = 0;
      for (let i = 0; i < 64; i++) if (Math.hypot(x + ((i % 8) - 3.5) / 8, y + (Math.floor(i / 8) - 3.5) / 8) < radius) inside++;
      return inside / 64;
    }),
    [n, n],
  );
}

describe.each(table)("%s", (_, options) => {
  const a = radonOperator(options);
  test("the adjoint is the transpose, and the operator is linear", () => {
    expect(checkAdjoint(a)).toBeLessThan(1e-6);
    expect(checkLinear(a)).toBeLessThan(1e-6);
  });
  test("kernels and the twin in f64 agree", () => {
    const x = randomNormal(a.domain, seeded(3));
    const y = randomNormal(a.range, seeded(4));
    const near = (p: Tensor, q: Tensor) => expect(p.cast("f64").sub(q).norm().item() / q.norm().item()).toBeLessThan(1e-5); // places in f32
    near(a.apply(x), a.apply(x.cast("f64")));
    near(a.adjoint(y), a.adjoint(y.cast("f64")));
  });
});

test("a disc gives chords: 2 √(r² − s²), s the distance of the ray from its middle", () => {
  const [n, r, at] = [65, 18, [6, -9]] as const;
  const angles = every(8);
  const flat = radonOperator({ angles, detectors: n }).apply(disc(n, r, at)).data;
  let [error, size] = [0, 0];
  angles.forEach((degrees, v) => {
    const t = (degrees * Math.PI) / 180;
    const middle = at[0] * Math.cos(t) - at[1] * Math.sin(t);
    for (let j = 0; j < n; j++) {
      const s = j - 32 - middle;
      const chord = 2 * Math.sqrt(Math.max(0, r * r - s * s));
      error += (flat[v * n + j] - chord) ** 2;
      size += chord ** 2;
    }
  });
  expect(Math.sqrt(error / size)).toBeLessThan(0.025); // the rim of one sample; half a bin beside it would be 0.1
});
test("the axis of rotation may lie between samples: a disc around it looks the same in every view", () => {
  const [n, r] = [64, 18];
  const [row, column] = [28.75, 33.5];
  const x = disc(n, r, [column - 32, row - 32]);
  const bins = 48;
  const data = radonOperator({ angles: every(9), detectors: bins, size: [n, n], axis: [row, column], centre: 23.5 }).apply(x).data;
  let [error, size] = [0, 0];
  for (let v = 0; v < 9; v++)
    for (let j = 0; j < bins; j++) {
      const chord = 2 * Math.sqrt(Math.max(0, r * r - (j - 23.5) ** 2));
      error += (data[v * bins + j] - chord) ** 2;
      size += chord ** 2;
    }
  expect(Math.sqrt(error / size)).toBeLessThan(0.025); // the rim of one sample; a quarter of a sample beside it would be 0.05
});
test.each(["flat", "arc"] as const)(
  "a disc at the axis looks the same in every view of a fan with a %s detector, and gives its chords",
  (shape) => {
    const [n, r, D, E] = [65, 20, 150, 100];
    const [bins, width] = [91, 1.1];
    const data = radonOperator({
      size: [n, n],
      angles: every(6, 360),
      detectors: bins,
      binWidth: width,
      fan: { source: D, detector: E, shape },
    }).apply(disc(n, r)).data;
    let [error, size] = [0, 0];
    for (let v = 0; v < 6; v++)
      for (let j = 0; j < bins; j++) {
        const t = (j - 45) * width;
        const s = D * Math.sin(shape === "arc" ? t / (D + E) : Math.atan(t / (D + E)));
        const chord = 2 * Math.sqrt(Math.max(0, r * r - s * s));
        error += (data[v * bins + j] - chord) ** 2;
        size += chord ** 2;
      }
    expect(Math.sqrt(error / size)).toBeLessThan(0.025);
  },
);
test("a far source makes a fan parallel", () => {
  const x = randomNormal([24, 24], seeded(1));
  const angles = every(5);
  const parallel = radonOperator({ angles, detectors: 24 }).apply(x);
  const far = radonOperator({ size: [24, 24], angles, detectors: 24, fan: { source: 1e7, detector: 0 } }).apply(x);
  expect(far.sub(parallel).norm().item() / parallel.norm().item()).toBeLessThan(1e-4);
});
test("geometries that describe no scanner are refused in a sentence", () => {
  expect(() => radonOperator({ angles: [], detectors: 8 })).toThrow(/no angles/);
  expect(() => radonOperator({ angles: [0, Number.NaN], detectors: 8 })).toThrow(/NaN/);
  expect(() => radonOperator({ angles: [0], detectors: 0 })).toThrow(/bins/);
  expect(() => radonOperator({ angles: [0], detectors: 8, binWidth: 0 })).toThrow(/width/);
  expect(() => radonOperator({ angles: [0], detectors: 8, fan: { source: 4, detector: 4 } })).toThrow(/outside the picture/);
  expect(() => radonOperator({ angles: [0], detectors: 8, axis: [Number.NaN, 3] })).toThrow(/axis/);
  expect(() => radonOperator({ angles: [0], detectors: 8 }).apply(Tensor.zeros([8, 9]))).toThrow(/expected/);
});
