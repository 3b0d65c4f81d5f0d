import { describe, expect, test } from "vitest";
import { seeded } from "../../core/index.js";
import { jacobianDeterminant } from "../../evaluation/index.js";
import { type Grid, grid, type Image, image, voxelsOf } from "../../image/index.js";
import { Tensor } from "../../tensor/index.js";
import { AffineTransform, DisplacementTransform, identityTransform, VelocityTransform } from "../../transforms/index.js";
import {
  alongMode,
  appearanceDeviation,
  correctEpi,
  emSegmentation,
  fuseLabels,
  jacobianStatistics,
  leaveOneOutLogLikelihood,
  longitudinal,
  probabilityMaps,
  segment,
  shapeModes,
} from "./index.js";

const g: Grid = grid({ size: [56, 52] });
const draw = (f: (x: number, y: number) => number, on = g): Image => {
  const out = new Float32Array(voxelsOf(on));
  for (let i = 0; i < out.length; i++) out[i] = f(i % on.size[0], Math.floor(i / on.size[0]));
  return image(out, on);
};
const displaced = (f: (x: number, y: number) => readonly [number, number]): DisplacementTransform => {
  const n = voxelsOf(g);
  const u = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    const [a, b] = f(i % g.size[0], Math.floor(i / g.size[0]));
    u[i] = a;
    u[n + i] = b;
  }
  return new DisplacementTransform(Tensor.from(u, [2, g.size[1], g.size[0]]), g);
};
/** A ring (1) around a core (2), shifted and stretched. */
const ring = (x: number, y: number, sx = 1, sy = 1, dx = 0, dy = 0): number => {
  const r = Math.hypot((x - 27.5 - dx) / sx, (y - 25.5 - dy) / sy);
  return r < 8 ? 2 : r < 16 ? 1 : 0;
};
const share = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let same = 0;
  let any = 0;
  for (let i = 0; i < a.length; i++)
    if (a[i] > 0 || b[i] > 0) {
      any++;
      if (Math.round(a[i]) === Math.round(b[i])) same++;
    }
  return same / any;
};
/** Soft picture of a ring with noise. */
const picture = (seed: number, noise: number, sx = 1, sy = 1, dx = 0, dy = 0): Image => {
  const r = seeded(seed);
  return draw((x, y) => {
    let s = 0;
    for (const [a, b] of [
      [-0.25, -0.25],
      [0.25, -0.25],
      [-0.25, 0.25],
      [0.25, 0.25],
    ])
      s += [0, 60, 100][ring(x + a, y + b, sx, sy, dx, dy)] / 4;
    return s + noise * r.normal();
  });
};

describe("probability maps", () => {
  test("sum to 1 everywhere, however the classes are batched", () => {
    const labels = [0, 1, 2].map((k) => draw((x, y) => ring(x, y, 1 + 0.1 * k, 1, k, 0)));
    const maps = labels.map((_, k) => displaced((x, y) => [Math.sin(y / 5) + 3 * k, 2 * Math.cos(x / 7)]));
    for (const budget of [2 ** 26, 1]) {
      const sum = new Float64Array(voxelsOf(g));
      for (const { map } of probabilityMaps(labels, maps, g, { budget })) map.values.data.forEach((v, i) => (sum[i] += v));
      for (const v of sum) expect(v).toBeCloseTo(1, 6); // f32
    }
  });
  test("foretell labels better when the maps align them", () => {
    const shifts = [-4, -1, 2, 5];
    const labels = shifts.map((s) => draw((x, y) => ring(x, y, 1, 1, s, 0)));
    const unaligned = leaveOneOutLogLikelihood(
      labels,
      labels.map(() => identityTransform(2)),
      g,
    );
    const aligned = leaveOneOutLogLikelihood(
      labels,
      shifts.map((s) => new AffineTransform({ matrix: [1, 0, 0, 1], offset: [s, 0] })),
      g,
    );
    expect(aligned.mean).toBeGreaterThan(unaligned.mean + 0.1);
    // All three others agree: log((3 + 1/3) / 4).
    expect(aligned.mean).toBeCloseTo(Math.log((3 + 1 / 3) / 4), 10);
  });
});

describe("statistics of a group", () => {
  test("the deviation of equal images is 0, of two that differ by δ it is δ / √2", () => {
    const [a, b] = [draw((x, y) => x + y), draw((x, y) => x + y + 10)];
    const deviation = appearanceDeviation([a, b], {
      grid: g,
      transforms: [a, b].map(() => identityTransform(2)),
      ranges: [a, b].map(() => [0, 100] as const),
    });
    for (const v of deviation.values.data) expect(v).toBeCloseTo(10 / Math.SQRT2, 3); // f32 squares of sums up to 1
  });
  test("log-Jacobians of a map and its inverse have mean 0 and their own size as deviation", () => {
    const s = 1.2;
    const scaled = (f: number) => new AffineTransform({ matrix: [f, 0, 0, 1], offset: [0, 0] });
    const { mean, deviation } = jacobianStatistics([scaled(s), scaled(1 / s)], g);
    expect(mean.values.data[500]).toBeCloseTo(0, 5);
    expect(deviation.values.data[500]).toBeCloseTo(Math.SQRT2 * Math.log(s), 5);
  });
  test("modes do not see pose, are orthogonal, and find the one way in which shapes differ", () => {
    const amounts = [-2, -1, 0.5, 2.5];
    const transforms = amounts.map((a, k) =>
      new AffineTransform({ matrix: [Math.cos(k), -Math.sin(k), Math.sin(k), Math.cos(k)], offset: [5 * k, k] }).compose(
        displaced((x, y) => [a * Math.sin((Math.PI * y) / 12), 0 * x]),
      ),
    );
    const modes = shapeModes(transforms, g);
    expect(modes.explained[0]).toBeGreaterThan(0.99);
    const slope = (modes.scores[3][0] - modes.scores[0][0]) / (amounts[3] - amounts[0]);
    for (const [i, a] of amounts.entries()) expect(modes.scores[i][0] - modes.scores[0][0]).toBeCloseTo(slope * (a - amounts[0]), 1);
    const variance = modes.scores.reduce((s, row) => s + row[0] ** 2, 0) / 3;
    expect(variance).toBeCloseTo(1, 6);
  });
  test("swirls of one kind are one mode of velocities, two or more of displacements; far along it nothing folds, and ±σ undo each other", () => {
    const swirl = (a: number) => {
      const field = Tensor.zeros([2, 52, 56]);
      const n = 52 * 56;
      for (let k = 0; k < n; k++) {
        const [x, y] = [(k % 56) - 27.5, Math.floor(k / 56) - 23.5];
        const w = a * Math.exp(-(x * x + y * y) / 120);
        field.data[k] = -w * y;
        field.data[n + k] = w * x;
      }
      return new VelocityTransform(field, g);
    };
    const transforms = [-1.3, -0.5, 0.6, 1.2].map((a) => swirl(a));
    const velocities = shapeModes(transforms, g);
    const displacements = shapeModes(transforms, g, { of: "displacement" });
    expect(velocities.explained[0]).toBeGreaterThan(0.99);
    expect(displacements.explained[0]).toBeLessThan(velocities.explained[0] - 0.02);
    for (const left of velocities.left ?? [1]) expect(left).toBeLessThan(0.05); // voxels
    const out = (s: number) => new VelocityTransform(velocities.modes[0].mul(s), g);
    expect(Math.min(...jacobianDeterminant(out(3).displacement(g).data, g))).toBeGreaterThan(0);
    const p = Tensor.from(Float64Array.of(20, 20, 35, 22, 28, 30), [3, 2]);
    const back = out(-1).apply(out(1).apply(p)).sub(p).data;
    for (const v of back) expect(Math.abs(v)).toBeLessThan(0.05);
  });
  test("along a mode the mean moves as the mode says", () => {
    const transforms = [-1, 1].map((a) => displaced((_, y) => [a * 2 * Math.sin((Math.PI * y) / 13), 0]));
    const modes = shapeModes(transforms, g);
    const mean = draw((x) => x);
    const up = alongMode(mean, modes, 0, 1).values.data;
    const down = alongMode(mean, modes, 0, -1).values.data;
    // A ramp of slope 1 moved by ±u differs by ∓2u; one deviation of ±2 sin has amplitude 2√2.
    const at = 26 * 56 + 28;
    const expected = Math.abs(modes.modes[0].data[at]);
    expect(expected).toBeLessThan(2 * Math.SQRT2 + 0.1);
    const quarter = 20 * 56 + 28;
    expect(Math.abs(up[quarter] - down[quarter])).toBeCloseTo(2 * Math.abs(modes.modes[0].data[quarter]), 1);
  });
});

describe("label fusion", () => {
  const truth = draw((x, y) => ring(x, y));
  const target = picture(1, 2);
  const wrong = [
    [1.1, 1, 1, 0],
    [1, 1.1, -1, 1],
    [0.9, 1, 0, -1],
    [1, 0.95, 1, 1],
    [1.05, 1.05, -1, -1],
  ] as const;
  const candidates = wrong.map((w, k) => ({
    image: picture(10 + k, 2, ...w),
    labels: Int32Array.from(draw((x, y) => ring(x, y, ...w)).values.data),
  }));
  test("of several atlases beats them one by one, whatever the weights", () => {
    const single = candidates.map((c) => share(truth.values.data, c.labels));
    const mean = single.reduce((a, b) => a + b) / single.length;
    for (const method of ["majority", "local", "joint"] as const)
      expect(share(truth.values.data, fuseLabels(target, candidates, { method }).labels.values.data)).toBeGreaterThan(mean + 0.02);
  });
  test("does not mind the order of the atlases", () => {
    for (const method of ["majority", "local", "joint"] as const) {
      const a = fuseLabels(target, candidates, { method }).labels.values.data;
      const b = fuseLabels(
        target,
        [3, 1, 4, 0, 2].map((i) => candidates[i]),
        { method },
      ).labels.values.data;
      expect(share(a, b)).toBeGreaterThan(0.999); // sums in another order may part equals
    }
  });
  test("weights an atlas that is copied ten times as one, where majority is outvoted", () => {
    const good = { image: target, labels: Int32Array.from(truth.values.data) };
    const bad = candidates[0];
    const many = [good, ...Array.from({ length: 10 }, () => bad)];
    const joint = share(truth.values.data, fuseLabels(target, many, { method: "joint", searchVoxels: 0 }).labels.values.data);
    const majority = share(truth.values.data, fuseLabels(target, many, { method: "majority" }).labels.values.data);
    expect(joint).toBeGreaterThan(majority + 0.03);
    expect(joint).toBeGreaterThan(0.95); // noise in flat patches, which look alike whatever their label
  });
  test("decided for overlap, thin structures are kept that the greater vote loses", () => {
    // Five atlases put a line at five neighbouring places: nowhere has it more than two votes in five.
    const line = (at: number) => Int32Array.from(draw((x) => (x === at ? 1 : 0)).values.data);
    const lines = [26, 27, 27, 28, 29].map((at) => ({ image: target, labels: line(at) }));
    const overlap = fuseLabels(target, lines, { method: "majority" });
    const vote = fuseLabels(target, lines, { method: "majority", decide: "vote" });
    expect(vote.labels.values.data.every((l) => l === 0)).toBe(true);
    expect(overlap.labels.values.data[10 * 56 + 27]).toBe(1);
    expect(overlap.labels.values.data[10 * 56 + 40]).toBe(0);
  });
  test("shares of all labels sum to 1", () => {
    const f = fuseLabels(target, candidates);
    const sum = new Float64Array(voxelsOf(g));
    for (const c of f.classes) f.probability(c).values.data.forEach((v, i) => (sum[i] += v));
    for (const v of sum) expect(v).toBeCloseTo(1, 5);
  });
  test("segments a target from images that lie elsewhere", async () => {
    const atlases = wrong.slice(0, 3).map(([sx, sy], k) => ({
      image: picture(20 + k, 1, sx, sy, 3 * k - 2, 2),
      labels: draw((x, y) => ring(x, y, sx, sy, 3 * k - 2, 2)),
    }));
    const s = await segment(target, atlases);
    expect(s.transforms).toHaveLength(3);
    expect(share(truth.values.data, s.labels.values.data)).toBeGreaterThan(0.9);
  });
});

describe("EM segmentation", () => {
  const truth = draw((x, y) => ring(x, y));
  const prior = (k: number) => {
    // What an atlas would say: the truth, vague by two pixels.
    return draw((x, y) => {
      let s = 0;
      for (let b = -2; b <= 2; b++) for (let a = -2; a <= 2; a++) s += Number(ring(x + a, y + b, 1.05, 0.95, 1, -1) === k);
      return s / 25;
    });
  };
  const priors = [0, 1, 2].map(prior);
  test("finds the classes' means and the tissue of a noisy phantom", () => {
    const r = emSegmentation(picture(5, 6), priors);
    expect(Math.abs(r.means[1][0] - 60)).toBeLessThan(2);
    expect(Math.abs(r.means[2][0] - 100)).toBeLessThan(2);
    expect(Math.abs(r.deviations[2][0] - 6)).toBeLessThan(2);
    expect(share(truth.values.data, r.labels.values.data)).toBeGreaterThan(0.93);
    for (let k = 1; k < r.logLikelihood.length; k++) expect(r.logLikelihood[k]).toBeGreaterThanOrEqual(r.logLikelihood[k - 1] - 1e-9);
  });
  test("posteriors sum to 1", () => {
    const r = emSegmentation(picture(6, 6), priors, { components: [1, 2, 1] });
    const sum = new Float64Array(voxelsOf(g));
    for (const p of r.posteriors) p.values.data.forEach((v, i) => (sum[i] += v));
    for (const v of sum) expect(v).toBeCloseTo(1, 5);
  });
  test("finds a smooth factor that a scanner laid over the image", () => {
    const clean = picture(7, 2);
    const factor = draw((x, y) => Math.exp(0.5 * (x / 27.5 - 1) + 0.3 * (y / 25.5 - 1)));
    const biased: Image = { values: clean.values.mul(factor.values), grid: g };
    const plain = share(truth.values.data, emSegmentation(biased, priors).labels.values.data);
    const r = emSegmentation(biased, priors, { biasDegree: 2 });
    expect(share(truth.values.data, r.labels.values.data)).toBeGreaterThan(Math.max(0.93, plain));
    const b = r.bias?.values.data as Float32Array;
    const ratio = (at: number) => b[at] / factor.values.data[at];
    // The same up to a constant inside the tissue, to a tenth: the soft logarithm bends it a little.
    expect(ratio(25 * 56 + 16) / ratio(25 * 56 + 40)).toBeGreaterThan(0.9);
    expect(ratio(25 * 56 + 16) / ratio(25 * 56 + 40)).toBeLessThan(1.1);
  });
});

describe("EPI distortion", () => {
  const truth = (x: number, y: number) => 3 * Math.exp(-(((x - 30) / 10) ** 2) - ((y - 24) / 9) ** 2);
  const slope = (x: number, y: number) => (truth(x, y + 1e-3) - truth(x, y - 1e-3)) / 2e-3;
  const clean = (x: number, y: number) =>
    (100 / (1 + Math.exp((Math.hypot((x - 27.5) / 1.1, y - 25.5) - 17) * 2))) * (1 + 0.4 * Math.sin(x / 3) * Math.cos(y / 2.5));
  /** I(q) with I(p ± b)(1 ± ∂b) = clean(p): along each column, by inverting p ↦ p ± b. */
  const distorted = (sign: number) =>
    draw((x, q) => {
      let p = q;
      for (let k = 0; k < 60; k++) p -= (p + sign * truth(x, p) - q) / (1 + sign * slope(x, p));
      return clean(x, p) / (1 + sign * slope(x, p));
    });
  const [up, down] = [distorted(1), distorted(-1)];
  test("a known field is found from a pair with opposite signs, and the images agree", () => {
    const r = correctEpi(up, down, { axis: 1, alpha: 3e-4 });
    let [error, size, count] = [0, 0, 0];
    for (let y = 10; y < 42; y++)
      for (let x = 12; x < 44; x++) {
        if (Math.hypot(x - 27.5, y - 25.5) > 15) continue;
        error += (r.field.values.data[y * 56 + x] - truth(x, y)) ** 2;
        size += truth(x, y) ** 2;
        count++;
      }
    expect(Math.sqrt(error / count)).toBeLessThan(0.25); // pixels; the field reaches 3
    expect(Math.sqrt(error / size)).toBeLessThan(0.15);
    expect(r.distanceLeft).toBeLessThan(0.05);
    expect(r.modulation[0]).toBeGreaterThan(0);
    for (const kept of r.massKept) expect(kept).toBeCloseTo(1, 1);
  });
  test("the total of a line is kept", () => {
    const r = correctEpi(up, down, { axis: 1 });
    const column = (im: Image, x: number) => Array.from({ length: 52 }, (_, y) => im.values.data[y * 56 + x]).reduce((a, b) => a + b);
    expect(column(r.first, 30) / column(up, 30)).toBeCloseTo(1, 1);
    expect(column(r.first, 30) / column(r.second, 30)).toBeCloseTo(1, 1);
  });
  test("exchanging the images changes the sign of the field", () => {
    const a = correctEpi(up, down).field.values.data;
    const b = correctEpi(down, up).field.values.data;
    for (let i = 0; i < a.length; i += 37) expect(b[i]).toBeCloseTo(-a[i], 4);
  });
  test("says what it cannot take", () => {
    expect(() => correctEpi(up, down, { axis: 2 })).toThrow(/axis 2/);
    expect(() =>
      correctEpi(
        up,
        draw(() => 1, grid({ size: [10, 10] })),
      ),
    ).toThrow(/one grid/);
  });
});

describe("two visits", () => {
  const core = (grown: number, turn: number) => {
    const [c, s] = [Math.cos(turn), Math.sin(turn)];
    return draw((x, y) => {
      const [a, b] = [c * (x - 27.5) - s * (y - 25.5), s * (x - 27.5) + c * (y - 25.5)];
      const soft = (r: number) => 1 / (1 + Math.exp(2 * r));
      return (
        100 * soft(Math.hypot(a / 1.2, b) - 17) - 60 * soft(Math.hypot(a - 4, b) - 5 * grown) + 40 * soft(Math.hypot(a + 9, b - 3) - 2.5)
      );
    });
  };
  test("growth is found where it is, with the same bits but for the sign when the visits are swapped", async () => {
    const [a, b] = [core(1, 0.06), core(1.15, -0.06)];
    const r = await longitudinal(a, b);
    const back = await longitudinal(b, a);
    const [x, y] = [r.logVolumeChange.values.data, back.logVolumeChange.values.data];
    for (let i = 0; i < x.length; i++) expect(y[i]).toBe(x[i] === 0 ? y[i] : -x[i]);
    // The lake's area has grown by 1.15² = 1.32, log 0.28; its middle shows part of that, the far side next to nothing.
    const near = x[25 * 56 + 31];
    const far = x[25 * 56 + 14];
    expect(near).toBeGreaterThan(0.08);
    expect(near).toBeGreaterThan(3 * Math.abs(far));
  });
});
