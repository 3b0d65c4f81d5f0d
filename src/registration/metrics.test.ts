import { describe, expect, test } from "vitest";
import { metrics } from "../catalogue.js";
import { seeded } from "../core/index.js";
import { applyAffine, type Grid, grid, type Image, image, indexToPhysical, invertAffine, voxelsOf } from "../image/index.js";
import { metricNamed } from "../metrics/index.js";
import { Tensor } from "../tensor/index.js";
import { affineFromParameters } from "../transforms/index.js";
import { register } from "./index.js";

/** Smooth random spots in space: images of it under any map are exact, so that only the registration can err. */
function scene(d: number, extent: number): (p: readonly number[]) => number {
  const r = seeded(7);
  const spots = Array.from({ length: 14 * d }, () => ({
    at: Array.from({ length: d }, () => extent * (0.2 + 0.6 * r.uniform())),
    width: extent * (0.04 + 0.05 * r.uniform()),
    value: 0.2 + 0.8 * r.uniform(),
  }));
  return (p) =>
    spots.reduce((sum, { at, width, value }) => sum + value * Math.exp(-0.5 * at.reduce((q, a, k) => q + ((p[k] - a) / width) ** 2, 0)), 0);
}
function* points(g: Grid, step = 1): Generator<readonly number[]> {
  const toPhysical = indexToPhysical(g);
  for (let i = 0; i < voxelsOf(g); i += step) {
    let rest = i;
    yield applyAffine(
      toPhysical,
      g.size.map((n) => {
        const k = rest % n;
        rest = (rest - k) / n;
        return k;
      }),
    );
  }
}
const drawn = (what: (p: readonly number[]) => number, g: Grid): Image => image(Float32Array.from([...points(g)], what), g);

/** Rotation of 8° and three voxels of shift in the plane, less in space; the second image of another contrast for metrics that are for such. */
async function errorOf(name: string, d: number): Promise<number> {
  const g = grid({ size: d === 2 ? [72, 64] : [36, 32, 34] });
  const truth = affineFromParameters(
    "rigid",
    d === 2 ? [3, -2, 0.14] : [2, -1.5, 1, 0.08, -0.1, 0.06],
    g.size.map((n) => n / 2),
  );
  const what = scene(d, d === 2 ? 66 : 34);
  const back = invertAffine(truth);
  const other = metricNamed(name).unlikeContrasts ? (v: number) => Math.exp(-2 * v) : (v: number) => v;
  const soft = name === "labelOverlap" ? (v: number) => Math.min(1, v) : (v: number) => v;
  const fixed = drawn((p) => soft(what(p)), g);
  const moving = drawn((p) => soft(other(what(applyAffine(back, p)))), g);
  const { transform } = await register(fixed, moving, { preset: "rigid", metric: name });
  const ps = [...points(g, 7)];
  const mapped = transform.apply(Tensor.from(Float64Array.from(ps.flat()), [ps.length, d])).data;
  return ps.reduce((s, p, i) => s + Math.hypot(...applyAffine(truth, p).map((v, k) => v - mapped[i * d + k])), 0) / ps.length;
}
/** Voxels. Least squares of exact images: interpolation alone. Descriptions are interpolated too, and histograms are sums of few samples here. */
const tolerances: Record<string, number> = { mi: 0.15, nmi: 0.15, ngf: 0.1, mind: 0.25, correlationRatio: 0.05 };

describe.each([2, 3])("in %i dimensions", (d) => {
  test.each(Object.keys(metrics))("a known rigid map is found by %s", async (name) => {
    expect(await errorOf(name, d)).toBeLessThan(tolerances[name] ?? 0.01);
  });
});
