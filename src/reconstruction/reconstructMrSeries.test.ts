import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { fourierOperator } from "../operators/index.js";
import { stack, Tensor } from "../tensor/index.js";
import { coilPhantom } from "./coilPhantom.js";
import { reconstructMrSeries } from "./reconstructMrSeries.js";

const [t, h, w] = [16, 64, 48];
/** One beat in sixteen frames. */
const truth = stack(Array.from({ length: t }, (_, k) => coilPhantom([h, w], 1, 0.15 * Math.sin((2 * Math.PI * k) / t)).image));
const kspace = fourierOperator([t, h, w], { axes: [1, 2] }).apply(truth);
const random = seeded(5);
/** A quarter of the rows of each frame, others in every frame, six at the centre in all. */
const mask = Tensor.from(
  Float32Array.from({ length: t * h }, (_, i) => (Math.abs((i % h) - h / 2) < 3.5 || random.uniform() < 0.2 ? 1 : 0)),
  [t, h, 1],
);
const error = (x: Tensor) => x.sub(truth).norm().item() / truth.norm().item();

describe("a series of a beating phantom", () => {
  test("low rank and sparse together are much nearer than the zero-filled frames", async () => {
    const r = await reconstructMrSeries({ kspace: kspace.mul(mask), mask });
    expect(error(r.frames)).toBeLessThan(0.35 * error(r.zeroFilled));
    expect(r.rank).toBeLessThan(t);
    expect(r.background.add(r.moving).sub(r.frames).norm().item()).toBe(0);
  });
  test("measured whole and without weights it is the inverse transform", async () => {
    const r = await reconstructMrSeries({ kspace, mask: Tensor.ones([t, h, 1]), lambdaLowRank: 0, lambdaSparse: 0 });
    expect(error(r.frames)).toBeLessThan(1e-4); // f32
  });
  test("arrays that do not belong together are named", async () => {
    await expect(reconstructMrSeries({ kspace, mask: Tensor.ones([h, w]) })).rejects.toThrow(/a mask of 64×48/);
    await expect(reconstructMrSeries({ kspace: kspace.abs(), mask })).rejects.toThrow(/complex k-space/);
    await expect(reconstructMrSeries({ kspace: kspace.mul(0), mask })).rejects.toThrow(/k-space is 0/);
  });
});
