import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { image } from "../../image/index.js";
import { engine } from "../../kernels/index.js";
import { temporary } from "../../kernels/temporary.js";
import { warp } from "../../transforms/index.js";
import { flowMethods, opticalFlow } from "./opticalFlow.js";
import { searchPatches } from "./patchSearch.js";
import { flowLevels } from "./variational.js";

const texture = (x: number, y: number) =>
  Math.sin(x / 3 + Math.sin(y / 7)) +
  Math.cos(y / 4 - Math.cos(x / 9)) +
  0.7 * Math.sin((x + 2 * y) / 5) +
  0.5 * Math.cos((2 * x - y) / 11);
const [width, height] = [96, 80];
const draw = (f: (x: number, y: number) => number, size = [width, height]) =>
  image(
    Float32Array.from({ length: size[0] * size[1] }, (_, k) => f(k % size[0], Math.floor(k / size[0]))),
    { size },
  );
/** Mean length of the error, 8 pixels from the border. */
function error(flow: { u: Float32Array; v: Float32Array }, truth: (x: number, y: number) => readonly [number, number]): number {
  let [sum, count] = [0, 0];
  for (let y = 8; y < height - 8; y++)
    for (let x = 8; x < width - 8; x++) {
      const [u, v] = truth(x, y);
      sum += Math.hypot(flow.u[y * width + x] - u, flow.v[y * width + x] - v);
      count++;
    }
  return sum / count;
}

describe("optical flow", () => {
  for (const method of flowMethods)
    for (const fast of [false, true])
      test(`finds the shift and the affine map of a texture: ${method}${fast ? ", fast" : ""}`, () => {
        const a = draw(texture);
        const shifted = draw((x, y) => texture(x - 3.3, y + 1.7));
        // The smoothness pulls by a few hundredths of a pixel, the squares of Horn and Schunck by more; what is fast stops earlier.
        const bound = method === "hornSchunck" || method === "dis" || fast ? 0.15 : 0.06;
        expect(error(opticalFlow(a, shifted, { method, fast }), () => [3.3, -1.7])).toBeLessThan(bound);
        // b(p) = a(M⁻¹ p): the flow is (M − 1) p.
        const turned = draw((x, y) => {
          const [p, q] = [x - 48, y - 40];
          return texture(48 + (p - 0.04 * q) / 1.0416, 40 + (q + 0.04 * p) / 1.0416 - 0.5);
        });
        const map = (x: number, y: number) => {
          const [p, q] = [x - 48, y - 40 + 0.5];
          const det = (1 + 0.04 ** 2) / 1.0416 ** 2;
          return [(p + 0.04 * q) / 1.0416 / det - p, (q - 0.04 * p) / 1.0416 / det - (q - 0.5)] as const;
        };
        expect(error(opticalFlow(a, turned, { method, fast }), map)).toBeLessThan(2 * bound);
      });

  test("follows what moves far, and what moves another way on top of it, in a hurry too", () => {
    const random = seeded(3);
    // Noise of several sizes.
    const tables = [3, 8, 21].map((grain) => ({ grain, table: Float64Array.from({ length: 64 * 64 }, () => random.uniform()) }));
    const rough = (x: number, y: number) =>
      tables.reduce((sum, { grain, table }) => {
        const [p, q] = [x / grain + 20, y / grain + 20];
        const [i, j] = [Math.floor(p), Math.floor(q)];
        const at = (k: number, l: number) => table[(l & 63) * 64 + (k & 63)];
        const [s, t] = [p - i, q - j];
        return sum + (1 - t) * ((1 - s) * at(i, j) + s * at(i + 1, j)) + t * ((1 - s) * at(i, j + 1) + s * at(i + 1, j + 1));
      }, 0);
    const size = [240, 180];
    const inside = (x: number, y: number) => Math.hypot(x - 120, y - 90) < 30;
    const first = draw((x, y) => (inside(x, y) ? rough(x + 500, y) : rough(x, y)), size);
    const second = draw((x, y) => (inside(x + 8, y - 4) ? rough(x + 508, y - 4) : rough(x - 19, y + 9)), size);
    for (const o of [{ method: "dis" }, { fast: true }] as const) {
      const r = opticalFlow(first, second, o);
      let [good, all] = [0, 0];
      for (let y = 20; y < 160; y++)
        for (let x = 20; x < 215; x++) {
          const [u, v] = inside(x, y) ? [-8, 4] : [19, -9];
          all++;
          good += Math.hypot(r.u[y * 240 + x] - u, r.v[y * 240 + x] - v) < 1 ? 1 : 0;
        }
      expect(good / all).toBeGreaterThan(0.75); // without patches less than a tenth; what the disc hides cannot be found
    }
  });

  test("of patches: each finds its own way, a pixel under none keeps its flow", () => {
    const e = engine();
    const [a, b] = [draw(texture).values.data, draw((x, y) => texture(x - 2, y + 1)).values.data];
    const n = width * height;
    temporary(e, (reserve) => {
      const [first, second, u, v] = [reserve(4 * n), reserve(4 * n), reserve(4 * n), reserve(4 * n)];
      e.f32(first, n).set(a);
      e.f32(second, n).set(b);
      e.f32(u, n).fill(0.5);
      e.f32(v, n).fill(-0.25);
      searchPatches(e, first, second, 1, { H: height, W: width }, u, v, { radius: 5, stride: 4 });
      const [U, V] = [e.f32(u, n), e.f32(v, n)];
      expect([U[0], V[0]]).toEqual([0.5, -0.25]);
      const off = Array.from({ length: 40 }, (_, k) => (20 + k) * width + 30 + (k % 30)).map((k) => Math.hypot(U[k] - 2, V[k] + 1));
      expect(off.sort((p, q) => p - q)[36]).toBeLessThan(0.15);
    });
  });

  test("of equal pictures is zero", () => {
    for (const method of flowMethods) {
      const a = draw(texture);
      const r = opticalFlow(a, a, { method });
      expect(Math.max(...r.u.map(Math.abs), ...r.v.map(Math.abs))).toBeLessThan(1e-6);
      expect([r.status, r.residual.before]).toEqual(["ok", 0]);
    }
  });

  test("does not mind the unit of brightness, nor a constant added to both", () => {
    const [a, b] = [draw(texture), draw((x, y) => texture(x - 1.5, y))];
    const r = opticalFlow(a, b, { fast: true });
    const louder = (f: typeof a) => image(f.values.mul(40).add(90), f.grid);
    const s = opticalFlow(louder(a), louder(b), { fast: true });
    expect(Math.max(...r.u.map((x, k) => Math.abs(x - s.u[k])))).toBeLessThan(0.02); // f32 brightness, amplified where the texture is flat
  });

  test("the gradient finds the way when one picture is brighter", () => {
    const r = opticalFlow(
      draw(texture),
      draw((x, y) => texture(x - 2, y) + 0.6),
    );
    expect(error(r, () => [2, 0])).toBeLessThan(0.15);
  });

  test("its transform takes the second picture onto the first", () => {
    const [a, b] = [draw(texture), draw((x, y) => texture(x - 2.5, y - 1))];
    const r = opticalFlow(a, b);
    const w = warp(b, r.transform, a.grid).values.data;
    let worst = 0;
    for (let y = 8; y < height - 8; y++)
      for (let x = 8; x < width - 8; x++) worst = Math.max(worst, Math.abs(w[y * width + x] - a.values.data[y * width + x]));
    expect(worst).toBeLessThan(0.15); // of a range of 6; warp is linear
  });

  test("takes colours, thin pictures and flat ones", () => {
    const a = image(
      new Float32Array(3 * 40 * 30).map((_, k) => texture(k % 40, Math.floor(k / 40) % 30)),
      { size: [40, 30] },
    );
    expect(opticalFlow(a, a).u.length).toBe(1200);
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.integer({ min: 2, max: 9 }), (w, h) => {
        const r = opticalFlow(
          draw(texture, [w, h]),
          draw(() => 1, [w, h]),
          { fast: true },
        );
        expect([...r.u, ...r.v].every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 12, seed: 2 },
    );
    const flat = draw(() => 3);
    expect(Math.max(...opticalFlow(flat, flat).u)).toBe(0);
  });

  test("fails, and says why, when the pictures are not of one scene or flat", () => {
    const other = draw((x, y) => Math.sin(y / 2 + Math.cos(x / 3)) + Math.sin((3 * x - y) / 4) + Math.cos((x * y) / 200));
    for (const fast of [false, true]) {
      const r = opticalFlow(draw(texture), other, { fast });
      expect([r.status, r.reason]).toEqual(["failed", expect.stringContaining("one scene")]);
      expect(
        opticalFlow(
          draw(texture),
          draw((x, y) => texture(x - 2, y)),
          { fast },
        ).agreement,
      ).toBeGreaterThan(0.95);
    }
    const flat = draw(() => 3);
    expect(opticalFlow(flat, flat).reason).toContain("flat");
  });

  test("says in a sentence what it cannot take", () => {
    const a = draw(texture);
    expect(() => opticalFlow(a, draw(texture, [40, 80]))).toThrow("both must have one size");
    expect(() => opticalFlow(image(new Float32Array(60), { size: [5, 4, 3] }), a)).toThrow("3 axes");
    expect(() => opticalFlow(a, a, { method: "magic" as never })).toThrow("variational, tvl1, hornSchunck, dis");
    expect(() => opticalFlow(a, a, { plan: { omega: 2 } })).toThrow("omega is 2");
    const bad = draw((x, y) => (x === 3 && y === 3 ? Number.NaN : 1));
    expect(() => opticalFlow(a, bad)).toThrow("second picture");
  });

  test("levels shrink by the factor and end before they are too small", () => {
    expect(flowLevels({ H: 64, W: 128 }, 0.5, 16).map((s) => s.H)).toEqual([64, 32, 16]);
    expect(flowLevels({ H: 5, W: 9 }, 0.5, 16)).toHaveLength(1);
  });
});
