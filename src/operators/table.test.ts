import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { grid } from "../image/grid.js";
import { grad, jvp, randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { checkAdjoint, checkLinear, checkNormal } from "../testing/operatorLaws.js";
import { AffineTransform } from "../transforms/index.js";
import {
  blurOperator,
  complexOfReal,
  compose,
  daubechies,
  decimateOperator,
  fourierOperator,
  gaussianKernel,
  gradientOperator,
  maskOperator,
  type Operator,
  partsOfComplex,
  patchesOperator,
  powerNorm,
  resizeOperator,
  sampledFourierOperator,
  stacked,
  stationaryWaveletOperator,
  warpFieldOperator,
  warpOperator,
  waveletOperator,
} from "./index.js";

const turned = new AffineTransform({
  matrix: [0.9, -0.3, 0.3, 0.9],
  offset: [0.4, 0.2],
});
type Precision = "f32" | "f64";
const complexOf = (p: Precision) => (p === "f32" ? "c64" : "c128");
const kernel = randomUniform([5, 3], -0.2, 1, seeded(4));
const lopsided = randomUniform([4], 0, 1, seeded(5));

/** Every operator in small and awkward sizes; each precision runs another code path. */
const table: readonly [string, (p: Precision) => Operator][] = [
  ["gradient, reflect", (p) => gradientOperator([5, 7], { type: p })],
  ["gradient, periodic, spacing", (p) => gradientOperator([6, 5], { type: p, border: "periodic", spacing: [2, 0.5] })],
  ["gradient, zero, channels", (p) => gradientOperator([2, 5, 6], { type: p, border: "zero", axes: [1, 2] })],
  ["gradient 3-D, periodic", (p) => gradientOperator([4, 3, 6], { type: p, border: "periodic" })],
  ["gradient 4-D", (p) => gradientOperator([2, 3, 2, 3], { type: p })],
  ["gradient, complex", (p) => gradientOperator([5, 6], { type: complexOf(p), border: "periodic" })],
  ["gradient of single rows", (p) => gradientOperator([1, 5], { type: p })],
  ["blur on a ring", (p) => blurOperator([2, 9, 8], kernel, { type: p })],
  ["blur on a ring smaller than the kernel", (p) => blurOperator([3, 2], kernel, { type: p })],
  ["blur, complex", (p) => blurOperator([6, 7], kernel, { type: complexOf(p) })],
  ["blur, reflect, any kernel", (p) => blurOperator([6, 5], kernel, { type: p, border: "reflect" })],
  ["blur, zero, any kernel", (p) => blurOperator([2, 6, 5], kernel, { type: p, border: "zero" })],
  ["blur, reflect, separable", (p) => blurOperator([2, 6, 5], gaussianKernel(5, 1.1), { type: p, border: "reflect" })],
  ["blur, zero, 1-D", (p) => blurOperator([3, 8], lopsided, { type: p, border: "zero" })],
  ["Fourier", (p) => fourierOperator([5, 6], { type: complexOf(p) })],
  ["Fourier of some axes", (p) => fourierOperator([2, 4, 7], { axes: [1, 2], type: complexOf(p) })],
  ["sampled Fourier", (p) => sampledFourierOperator(randomUniform([6, 5], 0, 1, seeded(8)), { type: complexOf(p) })],
  [
    "sampled Fourier, rows",
    (p) =>
      sampledFourierOperator(randomUniform([6, 1], -1, 1, seeded(8)).greater(0).cast("f32"), {
        shape: [3, 6, 5],
        axes: [1, 2],
        type: complexOf(p),
      }),
  ],
  ["wavelet haar", (p) => waveletOperator([8, 8], { wavelet: "haar", levels: 3, type: p })],
  ["wavelet db4, odd sizes", (p) => waveletOperator([13, 11], { levels: 2, type: p })],
  ["wavelet db2, 3-D, channels", (p) => waveletOperator([2, 6, 7, 8], { wavelet: "db2", levels: 2, axes: [1, 2, 3], type: p })],
  ["wavelet db8, complex", (p) => waveletOperator([10, 12], { wavelet: "db8", levels: 2, type: complexOf(p) })],
  ["wavelet, 1-D, wide", (p) => waveletOperator([3, 40], { wavelet: "db3", axes: [1], levels: 4, type: p })],
  ["wavelet of single rows", (p) => waveletOperator([1, 9], { wavelet: "db2", levels: 1, type: p })],
  ["stationary wavelet haar", (p) => stationaryWaveletOperator([6, 7], { levels: 2, type: p })],
  ["stationary wavelet db3, 3-D", (p) => stationaryWaveletOperator([4, 5, 6], { wavelet: "db3", levels: 1, type: p })],
  ["mask", (p) => maskOperator(randomUniform([4, 5], 0, 1, seeded(3)).cast(p), p)],
  ["mask of complex numbers", (p) => maskOperator(randomUniform([4, 5], 0, 1, seeded(3)).cast(p), complexOf(p))],
  ["resize down 3, cubic", (p) => resizeOperator([2, 13, 12], { scale: 1 / 3, type: p })],
  ["resize up, cubic", (p) => resizeOperator([5, 4], { scale: [2, 1.5], type: p })],
  ["resize, lanczos, size", (p) => resizeOperator([9, 8], { size: [4, 5], method: "lanczos", type: p })],
  ["resize, linear, no antialiasing", (p) => resizeOperator([9, 8], { scale: 0.4, method: "linear", antialias: false, type: p })],
  ["area", (p) => resizeOperator([9, 8], { scale: 0.4, method: "area", type: p })],
  ["decimate", (p) => decimateOperator([2, 9, 8], 4, { offset: 1, type: p })],
  ["patches", (p) => patchesOperator([2, 7, 6], { size: [3, 2], stride: 2, type: p })],
  ["complex of real", (p) => complexOfReal([3, 4], p)],
  ["parts of complex", (p) => partsOfComplex([3, 4], complexOf(p))],
  ["warp along a field", (p) => warpFieldOperator([5, 6], randomNormal([2, 4, 7], seeded(2)), { channels: 2, type: p })],
  [
    "warp, cubic, clamped",
    (p) => warpFieldOperator([6, 6], randomNormal([2, 6, 6], seeded(2)), { interpolation: "cubic", border: "clamp", type: p }),
  ],
  [
    "warp by a transform",
    (p) => warpOperator(grid({ size: [6, 5], spacing: [2, 1] }), turned, grid({ size: [7, 4], origin: [1, 0.5] }), { type: p }),
  ],
  ["stationary wavelet, complex", (p) => stationaryWaveletOperator([2, 5, 6], { axes: [1, 2], levels: 2, type: complexOf(p) })],
];
const compositions: readonly [string, (p: Precision) => Operator][] = [
  ["gradient ∘ blur", (p) => compose(gradientOperator([6, 7], { type: p }), blurOperator([6, 7], kernel, { type: p, border: "reflect" }))],
  [
    "blur stacked on gradient",
    (p) => stacked(blurOperator([6, 7], kernel, { type: p }), gradientOperator([6, 7], { type: p }).scaled(0.3)),
  ],
  [
    "decimate ∘ blur ∘ warp, stacked twice",
    (p) => {
      const one = (seed: number) =>
        decimateOperator([1, 6, 8], 2, { type: p })
          .after(blurOperator([1, 6, 8], kernel, { type: p, border: "reflect" }))
          .after(warpFieldOperator([6, 8], randomNormal([2, 6, 8], seeded(seed)), { type: p }));
      return stacked(one(1), one(2));
    },
  ],
  [
    "Fourier samples of a real image",
    (p) => sampledFourierOperator(randomUniform([6, 5], 0, 1, seeded(8)), { type: complexOf(p) }).after(complexOfReal([6, 5], p)),
  ],
  [
    "wavelet ∘ gradient*",
    (p) => {
      const g = gradientOperator([6, 7], { type: p, border: "periodic" });
      return compose(waveletOperator([6, 7], { levels: 1, type: p }), g.transposed);
    },
  ],
];

describe.each(
  [...table, ...compositions].flatMap(([name, make]) => (["f32", "f64"] as const).map((p) => [`${name} (${p})`, make, p] as const)),
)("%s", (_, make, precision) => {
  const a = make(precision);
  const tolerance = precision === "f64" ? 1e-13 : 2e-6; // f32: sums of some tens of terms
  test("its adjoint belongs to it, it is linear, and what it says of A*A holds", () => {
    expect(checkAdjoint(a)).toBeLessThan(tolerance);
    expect(checkAdjoint(a.transposed)).toBeLessThan(tolerance);
    expect(checkLinear(a)).toBeLessThan(tolerance);
    expect(checkNormal(a)).toBeLessThan(10 * tolerance);
  });
  test("the norm is the norm", () => {
    const power = powerNorm(a, { tolerance: 1e-4, iterations: 500 });
    expect(power).toBeLessThanOrEqual(a.norm() * (1 + 2e-4 + tolerance));
    expect(power).toBeGreaterThan(a.norm() * 0.97);
  });
  test("(A*A + ρ) (A*A + ρ)⁻¹ b = b", () => {
    if (!a.normalInverse) return;
    const b = randomNormal(a.domain, seeded(9), a.domainType);
    const x = a.normalInverse(b, 0.3);
    const back = a.adjoint(a.apply(x)).add(x.mul(0.3));
    expect(back.sub(b).norm().item() / b.norm().item()).toBeLessThan(20 * tolerance * (1 + a.norm() ** 2));
  });
  test("its derivatives are itself and its adjoint", () => {
    if (precision === "f32" || a.domainType !== "f64" || a.rangeType !== "f64") return;
    const [x, y] = [randomNormal(a.domain, seeded(6), "f64"), randomNormal(a.range, seeded(7), "f64")];
    const difference = grad((v) => a.apply(v).mul(y).sum())(x).sub(a.adjoint(y));
    expect(difference.norm().item()).toBeLessThan(1e-12);
    expect(
      jvp((v) => a.apply(v), [x], [x])
        .tangent.sub(a.apply(x))
        .norm()
        .item(),
    ).toBeLessThan(1e-12);
  });
});

test("the two precisions agree", () => {
  for (const [name, make] of [...table, ...compositions]) {
    const [a, b] = [make("f32"), make("f64")];
    const x = randomNormal(a.domain, seeded(3), a.domainType);
    const y = a.apply(x);
    const z = b.apply(x.cast(b.domainType));
    expect(y.cast(b.rangeType).sub(z).norm().item(), name).toBeLessThan(2e-6 * (1 + z.norm().item()));
  }
});

describe("definitions", () => {
  test("gradient: (x₁ − x₀)/h along each axis, 0, the ring's, or minus the sample at the end", () => {
    const x = Tensor.from([1, 3, 7], [3]);
    const of = (border: "reflect" | "periodic" | "zero") => [...gradientOperator([3], { border, spacing: 2 }).apply(x).data];
    expect(of("reflect")).toEqual([1, 2, 0]);
    expect(of("periodic")).toEqual([1, 2, -3]);
    expect(of("zero")).toEqual([1, 2, -3.5]);
  });
  test("blur is convolution about the kernel's middle: an impulse gives the kernel", () => {
    const k = Tensor.from([1, 2, 3, 4], [4]); // its centre is index 2
    for (const border of ["periodic", "reflect", "zero"] as const) {
      const x = Tensor.from([0, 0, 0, 1, 0, 0, 0], [7]);
      expect([...blurOperator([7], k, { border }).apply(x).data].map((v) => Math.round(v * 1e5) / 1e5 + 0)).toEqual([0, 1, 2, 3, 4, 0, 0]);
    }
  });
  test("blur of a corner: the mirror and the zeros beyond it, by both ways of computing", () => {
    const x = randomNormal([1, 4, 5], seeded(1), "f64");
    const h = randomUniform([3, 5], 0, 1, seeded(2), "f64");
    const index = (i: number, n: number, border: string) => (i >= 0 && i < n ? i : border === "zero" ? -1 : i < 0 ? -1 - i : 2 * n - 1 - i);
    for (const border of ["reflect", "zero"] as const) {
      const y = blurOperator([1, 4, 5], h, { border, type: "f64" }).apply(x);
      for (let i = 0; i < 4; i++)
        for (let j = 0; j < 5; j++) {
          let sum = 0;
          for (let a = 0; a < 3; a++)
            for (let b = 0; b < 5; b++) {
              const [p, q] = [index(i - a + 1, 4, border), index(j - b + 2, 5, border)];
              if (p >= 0 && q >= 0) sum += h.data[a * 5 + b] * x.data[p * 5 + q];
            }
          expect(y.data[i * 5 + j]).toBeCloseTo(sum, 12);
        }
    }
  });
  test("resizing is MATLAB's rule: rows of the published matrix", () => {
    // Octave 7.3 / common.py of the measuring data: weights of bicubic reduction by 2 of 8 samples, first and middle row.
    const rows = (i: number) => {
      const a = resizeOperator([8], { scale: 0.5, axes: [0], type: "f64" });
      return Array.from(
        { length: 8 },
        (_, j) =>
          a.apply(
            Tensor.from(
              Float64Array.from({ length: 8 }, (_, k) => (k === j ? 1 : 0)),
              [8],
            ),
          ).data[i],
      );
    };
    // Taps at distances ±½, ±1½, ±2½, ±3½ halved: h(¼) = 0.8671875, h(¾) = 0.2265625, h(5/4) = −0.0703125, h(7/4) = −0.0234375, over 2.
    const taps = [-0.01171875, -0.03515625, 0.11328125, 0.43359375, 0.43359375, 0.11328125, -0.03515625, -0.01171875];
    rows(2).forEach((v, j) => {
      expect(v).toBeCloseTo(j === 0 ? 0 : (taps[j - 1] ?? 0) + (j === 7 ? taps[7] : 0), 12);
    });
    expect(rows(0)[0]).toBeCloseTo(0.43359375 + 0.11328125, 12); // the edge is mirrored
  });
  test("area is the mean of what a new sample covers", () => {
    const x = Tensor.from([1, 3, 5, 7], [1, 4]);
    expect([...resizeOperator([1, 4], { scale: 0.5, method: "area", axes: [1] }).apply(x).data]).toEqual([2, 6]);
    expect(
      resizeOperator([1, 3], { size: [2], method: "area", axes: [1], type: "f64" }).apply(Tensor.from(Float64Array.of(0, 3, 6), [1, 3]))
        .data[0],
    ).toBeCloseTo(1, 12);
  });
  test("patches are where they should be; overlapping ones averaged give the image back", () => {
    const x = randomNormal([5, 6], seeded(1));
    const p = patchesOperator([5, 6], { size: 3, stride: 2 });
    const y = p.apply(x);
    expect(y.shape).toEqual([2, 3, 3, 3]);
    expect(y.toArray()).toEqual(
      [0, 2].map((r) => [0, 2, 3].map((c) => [0, 1, 2].map((i) => [0, 1, 2].map((j) => x.data[(r + i) * 6 + c + j])))),
    );
    expect(p.adjoint(y).div(p.cover).sub(x).abs().max().item()).toBeLessThan(1e-6);
  });
  test("warping by a transform is warping by its displacement: a shift by a whole sample", () => {
    const g = grid({ size: [4, 3], spacing: [2, 2] });
    const y = new AffineTransform({ matrix: [1, 0, 0, 1], offset: [2, 0] });
    const x = randomNormal([1, 3, 4], seeded(1));
    const w = warpOperator(g, y, g).apply(x);
    for (let r = 0; r < 3; r++) for (let c = 0; c < 4; c++) expect(w.data[4 * r + c]).toBeCloseTo(c < 3 ? x.data[4 * r + c + 1] : 0, 6);
  });
  test("the centred transform of a constant is a peak in the middle", () => {
    for (const n of [4, 5, 6]) {
      const y = fourierOperator([n]).apply(Tensor.ones([n], "c64"));
      for (let k = 0; k < n; k++) {
        expect(y.data[2 * k]).toBeCloseTo(k === Math.floor(n / 2) ? Math.sqrt(n) : 0, 5);
        expect(y.data[2 * k + 1]).toBeCloseTo(0, 5);
      }
    }
  });
  test("Daubechies' filters: orthonormal to even shifts, with p vanishing moments; db2 as published", () => {
    const s3 = Math.sqrt(3);
    const published = [1 + s3, 3 + s3, 3 - s3, 1 - s3].map((v) => v / (4 * Math.SQRT2));
    [...waveletOperatorFilter(2)].forEach((v, i) => {
      expect(v).toBeCloseTo(published[i], 14);
    });
    for (let p = 1; p <= 8; p++) {
      const h = waveletOperatorFilter(p);
      expect(h.length).toBe(2 * p);
      for (let m = 0; m < p; m++) {
        const product = h.reduce((s, v, k) => s + v * (h[k + 2 * m] ?? 0), 0);
        expect(product).toBeCloseTo(m === 0 ? 1 : 0, 11);
      }
      for (let moment = 0; moment < p; moment++) {
        const sum = h.reduce((s, v, k) => s + (k % 2 === 0 ? v : -v) * (k / (2 * p)) ** moment, 0);
        expect(Math.abs(sum)).toBeLessThan(1e-10);
      }
    }
  });
  test("an orthogonal wavelet transform has W W* = 1 too, and a smooth image has small details", () => {
    const w = waveletOperator([27, 30], { wavelet: "db3", levels: 3, type: "f64" });
    const y = randomNormal([27, 30], seeded(3), "f64");
    expect(w.apply(w.adjoint(y)).sub(y).norm().item()).toBeLessThan(1e-11);
    const ring = Tensor.from(
      Float64Array.from({ length: 64 }, (_, i) => Math.cos((2 * Math.PI * i) / 64)),
      [64],
    );
    const c = waveletOperator([64], { wavelet: "db4", levels: 2, type: "f64" }).apply(ring);
    expect(c.slice([16]).abs().max().item()).toBeLessThan(5e-3);
  });
  test("the stationary frame shifts with the image", () => {
    const w = stationaryWaveletOperator([12, 10], { wavelet: "db2", levels: 2, type: "f64" });
    const x = randomNormal([12, 10], seeded(3), "f64");
    const roll = (t: Tensor) =>
      t.gather(
        Tensor.from(
          Int32Array.from({ length: 10 }, (_, i) => (i + 3) % 10),
          [10],
        ),
        -1,
      );
    expect(
      w
        .apply(roll(x))
        .sub(roll(w.apply(x)))
        .norm()
        .item(),
    ).toBeLessThan(1e-12);
    expect(w.range).toEqual([7, 12, 10]);
  });
});
const waveletOperatorFilter = (p: number) => daubechies(`db${p}` as "db2");
