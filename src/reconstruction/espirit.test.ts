import { describe, expect, test } from "vitest";
import { scope, Tensor } from "../tensor/index.js";
import { coilPhantom } from "./coilPhantom.js";
import { espirit } from "./espirit.js";

/** √(Σ |a − e^{iφ} b|² / Σ |b|²) over pixels with signal, the best phase φ for each pixel. */
function distance(a: Tensor, b: Tensor, image: Tensor): number {
  const [coils, h, w] = a.shape;
  const [p, q, x] = [a.data, b.data, image.data];
  let off = 0;
  let all = 0;
  for (let i = 0; i < h * w; i++) {
    if (Math.hypot(x[2 * i], x[2 * i + 1]) < 0.1) continue;
    let [re, im, aa, bb] = [0, 0, 0, 0];
    for (let c = 0; c < coils; c++) {
      const k = 2 * (c * h * w + i);
      re += p[k] * q[k] + p[k + 1] * q[k + 1];
      im += p[k] * q[k + 1] - p[k + 1] * q[k];
      aa += p[k] ** 2 + p[k + 1] ** 2;
      bb += q[k] ** 2 + q[k + 1] ** 2;
    }
    off += aa + bb - 2 * Math.hypot(re, im);
    all += bb;
  }
  return Math.sqrt(Math.max(0, off) / all);
}

describe("ESPIRiT", () => {
  test.each([
    [[64, 64], 4],
    [[61, 48], 3],
  ] as const)("finds the sensitivities of smooth coils around a phantom of %j", (size, coils) => {
    const { image, maps, kspace } = coilPhantom([size[0], size[1]], coils);
    const found = espirit(kspace);
    expect(distance(found.maps, maps, image)).toBeLessThan(0.02); // the maps are smooth, not band-limited to the kernels
  });
  test("calibrates on what was measured whole: lines at the centre are enough", () => {
    const { image, maps, kspace } = coilPhantom([64, 64], 4);
    const lines = Tensor.from(
      Float32Array.from({ length: 64 }, (_, k) => (Math.abs(k - 32) < 8 || k % 4 === 0 ? 1 : 0)),
      [64],
    );
    const found = scope(() => espirit(kspace.mul(lines), { mask: lines }));
    expect(found.calibration[0]).toBe(24);
    expect(found.calibration[1]).toBeLessThan(18);
    expect(distance(found.maps, maps, image)).toBeLessThan(0.04); // fewer lines, coarser maps
  });
  test("outside the body the maps are 0", () => {
    const { kspace } = coilPhantom([64, 64], 4);
    expect(espirit(kspace).maps.abs().square().sum(0).slice([0, 0], [3, 3]).max().item()).toBe(0);
  });
  test("one coil has the map 1 where there is signal", () => {
    const { image, kspace } = coilPhantom([32, 32], 1);
    expect(distance(espirit(kspace).maps, Tensor.ones([1, 32, 32], "c64"), image)).toBeLessThan(1e-3); // crop keeps nearly all
  });
  test("too few lines, a real array and an empty centre are said", () => {
    const { kspace } = coilPhantom([32, 32], 2);
    expect(() => espirit(kspace, { calibration: 5 })).toThrow(/calibration region of 5×5/);
    expect(() => espirit(kspace.abs())).toThrow(/complex k-space/);
    expect(() => espirit(kspace.mul(0))).toThrow(/empty/);
  });
});
