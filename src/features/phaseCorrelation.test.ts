import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { image } from "../image/image.js";
import { fourierMellin } from "./fourierMellin.js";
import { phaseCorrelation } from "./phaseCorrelation.js";

/** A smooth scene of seeded blobs, as a function of the plane or of space. */
function scene(d: number, extent: number, seed: number, count = 60) {
  const random = seeded(seed);
  const blobs = Array.from({ length: count }, () => ({
    at: Array.from({ length: d }, () => extent * (1.4 * random.uniform() - 0.2)),
    width: 1 + 0.03 * extent * random.uniform(),
    height: random.uniform() - 0.5,
  }));
  return (p: readonly number[]) =>
    blobs.reduce((s, b) => s + b.height * Math.exp(-b.at.reduce((q, c, i) => q + (p[i] - c) ** 2, 0) / (2 * b.width * b.width)), 0);
}
function picture(f: (p: readonly number[]) => number, size: readonly number[]) {
  const n = size.reduce((a, b) => a * b, 1);
  return image(
    Float32Array.from({ length: n }, (_, k) => {
      let rest = k;
      return f(
        size.map((m) => {
          const i = rest % m;
          rest = Math.floor(rest / m);
          return i;
        }),
      );
    }),
    { size },
  );
}

describe("phase correlation", () => {
  test("finds a shift to a tenth of a sample in the plane, whatever the brightness", () => {
    const f = scene(2, 96, 1);
    const s = [7.3, -4.6];
    const fixed = picture(f, [96, 80]);
    const moving = picture((p) => 100 + 3 * f(p.map((v, i) => v - s[i])), [96, 80]);
    const found = phaseCorrelation(fixed, moving);
    // What enters at one rim and leaves at the other has no partner: a tenth of a sample is what a tapered window of 80 samples leaves.
    found.shift.forEach((v, i) => expect(Math.abs(v - s[i])).toBeLessThan(0.1));
    expect(found.peakRatio).toBeGreaterThan(2);
  });
  test("is exact to a hundredth where the images are periodic", () => {
    const n = 64;
    const wave = (x: number, y: number) =>
      [1, 2, 3, 5, 7, 11].reduce((s, k) => s + Math.sin((2 * Math.PI * (k * x + ((k * k) % 13) * y)) / n + k), 0);
    // Only the six frequencies that exist carry phase: the peak stands on ripples, yet at its place.
    const fixed = picture(([x, y]) => wave(x, y), [n, n]);
    const moving = picture(([x, y]) => wave(x - 3, y + 5), [n, n]);
    const { shift } = phaseCorrelation(fixed, moving, { taper: 0 });
    expect(Math.hypot(shift[0] - 3, shift[1] + 5)).toBeLessThan(0.01);
  });
  test("works in space, in millimetres, and knows where the grids are", () => {
    const f = scene(3, 32, 2, 150);
    const a = picture(f, [32, 28, 24]);
    const b = picture(([x, y, z]) => f([x - 2.4, y + 3.2, z - 1.7]), [32, 28, 24]);
    const spacing = [2, 1, 0.5];
    const fixed = { ...a, grid: { ...a.grid, spacing } };
    const moving = { ...b, grid: { ...b.grid, spacing, origin: [10, 0, 0] } };
    const { shift } = phaseCorrelation(fixed, moving);
    [14.8, -3.2, 0.85].forEach((v, i) => expect(Math.abs(shift[i] - v)).toBeLessThan(0.2 * spacing[i]));
  });
  test("says by its peak that two scenes have nothing in common", () => {
    const [a, b] = [3, 4].map((seed) => picture(scene(2, 96, seed, 300), [96, 96]));
    expect(phaseCorrelation(a, b).peakRatio).toBeLessThan(1.5);
    expect(phaseCorrelation(a, a).peak).toBeGreaterThan(0.9);
  });
  test("asks for one grid", () => {
    expect(() =>
      phaseCorrelation(
        picture(() => 0, [8, 8]),
        picture(() => 0, [8, 9]),
      ),
    ).toThrow(/resample one first/);
  });
});

describe("Fourier–Mellin", () => {
  test.each([
    [25, 1, [4, -3]],
    [140, 1.4, [5, 8]],
    [-100, 0.75, [-6, 2]],
  ])("finds a turn of %d° and a scale of %d", (degrees, scale, t) => {
    const n = 128;
    const f = scene(2, n, 5, 120);
    const a = (degrees * Math.PI) / 180;
    const [c, s] = [Math.cos(a), Math.sin(a)];
    const m = (n - 1) / 2;
    // moving(y(p)) = fixed(p): moving(q) = fixed(y⁻¹(q)).
    const back = ([x, y]: readonly number[]) => {
      const [u, v] = [x - m - t[0], y - m - t[1]];
      return [m + (c * u + s * v) / scale, m + (-s * u + c * v) / scale];
    };
    const [best] = fourierMellin(
      picture(f, [n, n]),
      picture((p) => f(back(p)), [n, n]),
    );
    expect(Math.abs(((best.degrees - degrees + 540) % 360) - 180)).toBeLessThan(1.5); // one step of the lattice is half a degree
    expect(Math.abs(Math.log(best.scale / scale))).toBeLessThan(0.03);
    const [x, y] = [m + 20, m - 10];
    const [u, v] = [20, -10];
    const truth = [m + t[0] + scale * (c * u - s * v), m + t[1] + scale * (s * u + c * v)];
    const { matrix, offset } = best.map;
    const found = [matrix[0] * x + matrix[1] * y + offset[0], matrix[2] * x + matrix[3] * y + offset[1]];
    expect(Math.hypot(found[0] - truth[0], found[1] - truth[1])).toBeLessThan(2);
  });
});
