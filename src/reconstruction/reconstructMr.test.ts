import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { nonCartesianOperator, radialTrajectory } from "../operators/index.js";
import { bm3d } from "../priors/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { coilPhantom } from "./coilPhantom.js";
import { reconstructMr } from "./reconstructMr.js";

const size = [64, 48] as const;
const { image, maps, kspace } = coilPhantom([...size], 4);
const one = coilPhantom([...size], 1);
/** Rows at the centre and further ones by chance, fewer farther out; 36 %. */
function rowsOf(h: number): Tensor {
  const random = seeded(11);
  const off = (k: number) => Math.abs(k / h - 0.5);
  return Tensor.from(
    Float32Array.from({ length: h }, (_, k) => (off(k) < 0.09 || random.uniform() < 0.5 - 0.64 * off(k) ? 1 : 0)),
    [h, 1],
  );
}
const rows = rowsOf(64);
const error = (x: Tensor, truth: Tensor) => x.sub(truth).norm().item() / truth.norm().item();
/** Magnitudes only: own maps have another phase. */
const magnitudeError = (x: Tensor, truth: Tensor) => error(x.abs(), truth.abs());

describe("k-space sampled whole", () => {
  test("of one coil gives the inverse transform", async () => {
    const r = await reconstructMr({ kspace: one.kspace.at(0), prior: "none" });
    expect(r.sampled).toBe(1);
    expect(error(r.image, one.image)).toBeLessThan(1e-5); // f32
    expect(r.maps).toBeUndefined();
  });
  test("of several coils with their maps gives the image", async () => {
    const r = await reconstructMr({ kspace, maps, prior: "none" });
    expect(error(r.image, image)).toBeLessThan(1e-4); // conjugate gradients to 1e-5
    expect(r.status).toBe("ok");
  });
});
describe("k-space of which more than half is missing", () => {
  test.each(["wavelet", "tv"] as const)("%s gives an image much nearer than the zero-filled one, with four coils", async (prior) => {
    const r = await reconstructMr({ kspace: kspace.mul(rows), mask: rows, maps, prior });
    expect(error(r.image, image)).toBeLessThan(0.4 * error(r.zeroFilled, image));
    expect(r.sampled).toBeCloseTo(rows.mean().item(), 6);
  });
  test("one coil: total variation by default", async () => {
    const large = coilPhantom([128, 96], 1); // of 64 rows too few are measured for one coil
    const r = await reconstructMr({ kspace: large.kspace.at(0).mul(rowsOf(128)), mask: rowsOf(128) });
    expect(r.prior).toBe("tv");
    expect(error(r.image, large.image)).toBeLessThan(0.3 * error(r.zeroFilled, large.image));
  });
  test("maps by ESPIRiT are nearly as good as the true ones, and the mask is found where k-space is not 0", async () => {
    const r = await reconstructMr({ kspace: kspace.mul(rows), espirit: { kernel: 5 } });
    expect(r.prior).toBe("wavelet");
    expect(magnitudeError(r.image, image)).toBeLessThan(0.1);
  });
  test("a denoiser plugs in: of real and imaginary part, λ the variance of the noise at the rim of k-space", async () => {
    const noisy = kspace.add(randomNormal(kspace.shape, seeded(3), "c64").mul(0.01 * image.abs().max().item())).mul(rows);
    const r = await reconstructMr({ kspace: noisy, mask: rows, maps, denoiser: bm3d() });
    expect([r.prior, r.status]).toEqual(["pnp", "ok"]);
    expect(error(r.image, image)).toBeLessThan(0.5 * error(r.zeroFilled, image));
    await expect(reconstructMr({ kspace, prior: "pnp" })).rejects.toThrow(/needs a denoiser/);
    await expect(reconstructMr({ kspace, prior: "tv", denoiser: bm3d() })).rejects.toThrow(/goes with "pnp"/);
  });
  test("l2 with coils is SENSE", async () => {
    const r = await reconstructMr({ kspace: kspace.mul(rows), mask: rows, maps, prior: "l2", lambda: 1e-4 });
    expect(error(r.image, image)).toBeLessThan(0.5 * error(r.zeroFilled, image));
  });
  test("λ belongs to scaled data: ten times the signal gives ten times the image", async () => {
    const [a, b] = [
      await reconstructMr({ kspace: kspace.mul(rows), mask: rows, maps }),
      await reconstructMr({ kspace: kspace.mul(rows).mul(10), mask: rows, maps }),
    ];
    expect(b.lambda).toBe(a.lambda);
    expect(error(b.image, a.image.mul(10))).toBeLessThan(1e-4);
    const plain = await reconstructMr({ kspace: kspace.mul(rows), mask: rows, maps, scaleData: "none" });
    expect(plain.scale).toBe(1);
  });
  test("the objective is below that of the start, and a larger λ is smoother", async () => {
    const masked = one.kspace.at(0).mul(rows);
    const [a, b] = [
      await reconstructMr({ kspace: masked, mask: rows, prior: "tv", lambda: 0.002 }),
      await reconstructMr({ kspace: masked, mask: rows, prior: "tv", lambda: 0.05 }),
    ];
    const variation = (x: Tensor) =>
      x
        .slice([1])
        .sub(x.slice([0], [63]))
        .abs()
        .sum()
        .item();
    expect(variation(b.image)).toBeLessThan(variation(a.image));
  });
});
describe("what cannot be reconstructed is said", () => {
  const masked = kspace.mul(rows);
  test.each([
    ["real k-space", { kspace: kspace.abs() }, /k-space is real/],
    ["a volume of coils", { kspace: kspace.reshape(1, 4, 64, 48) }, /expected \[h, w\]/],
    ["a mask of another shape", { kspace: masked, mask: Tensor.ones([32]) }, /a mask of 32 for k-space of 64×48/],
    ["a complex mask", { kspace: masked, mask: maps.at(0) }, /mask is complex/],
    ["an empty mask", { kspace: masked, mask: Tensor.zeros([64, 48]) }, /mask is empty/],
    ["k-space of zeros", { kspace: masked.mul(0), mask: rows }, /is 0 wherever/],
    ["NaN in k-space", { kspace: masked.mul(Number.NaN) }, /not finite/],
    ["NaN in the mask", { kspace: masked, mask: rows.mul(Number.NaN) }, /not finite/],
    ["real maps", { kspace: masked, maps: maps.abs() }, /maps are real/],
    ["maps of other coils", { kspace: masked, maps: randomNormal([3, 64, 48], seeded(1), "c64") }, /maps of 3×64×48/],
    ["maps of one coil's picture", { kspace: masked.at(0), maps }, /maps of 4×64×48 for k-space of 64×48/],
    ["a negative λ", { kspace: masked, maps, lambda: -1 }, /λ is -1/],
    ["one pixel", { kspace: masked.slice([0, 0, 0], [4, 1, 1]) }, /no picture/],
  ] as const)("%s", async (_, options, message) => {
    await expect(reconstructMr(options)).rejects.toThrow(message);
  });
});

describe("samples on a trajectory", () => {
  const side = 48;
  const { image: truth, maps: coils } = coilPhantom([side, side], 4);
  const spokes = radialTrajectory(side, 20, { golden: true }); // a quarter of what half a turn needs
  const measured = nonCartesianOperator([side, side], spokes, { maps: coils }).apply(truth);
  test("20 golden spokes of four coils give the image, with the maps or without", async () => {
    for (const given of [coils, undefined]) {
      const r = await reconstructMr({ kspace: measured, trajectory: spokes, maps: given });
      expect(r.image.shape).toEqual([side, side]);
      expect(magnitudeError(r.image, truth)).toBeLessThan(0.1);
      expect(magnitudeError(r.image, truth)).toBeLessThan(0.5 * magnitudeError(r.zeroFilled, truth));
    }
  });
  test("enough spokes without a prior, one coil, laid out as shots", async () => {
    const all = radialTrajectory(side, 80);
    const kspace = nonCartesianOperator([side, side], all).apply(truth).reshape(80, 96);
    const r = await reconstructMr({ kspace, trajectory: all, prior: "none" });
    expect(error(r.image, truth)).toBeLessThan(0.03); // what lies outside the circle of k-space is not seen
    expect(r.sampled).toBeGreaterThan(0.7);
  });
  test("arrays that do not belong together are named", async () => {
    const run = (o: object) => reconstructMr({ kspace: measured, trajectory: spokes, ...o });
    await expect(run({ trajectory: Tensor.zeros([7, 3]) })).rejects.toThrow(/trajectory of 7×3/);
    await expect(run({ trajectory: spokes.mul(1e4) })).rejects.toThrow(/cannot fill/);
    await expect(run({ trajectory: Tensor.zeros([7, 2]) })).rejects.toThrow(/for a trajectory of 7×2/);
    await expect(run({ mask: rows })).rejects.toThrow(/a mask is for k-space on its lattice/);
    await expect(run({ maps: maps })).rejects.toThrow(/maps of 4×64×48/);
    await expect(reconstructMr({ kspace, size: [8, 8] })).rejects.toThrow(/size is for trajectories/);
  });
});
