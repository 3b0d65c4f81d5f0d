import { describe, expect, test } from "vitest";

// The benches are plain modules outside the library; loaded by address, since they carry no types.
const load = (name: string) => import(/* @vite-ignore */ new URL(`../bench/${name}`, import.meta.url).href);
const { hasData, dataFolder } = await load("data.mjs");
const { identity } = await load("methods.mjs");
const { allCases } = await load("registration.mjs");
const score = await load("score.mjs");

interface Pair {
  name: string;
  fixed: string;
  score(result: unknown): Promise<{ value: number; folded?: number }>;
}

describe.skipIf(!hasData())(`scores of the identity are the published starting points (data in ${dataFolder})`, async () => {
  const cases = await allCases();
  const start = async (name: string) => {
    const pairs: Pair[] = cases.find((c: { name: string }) => c.name === name).pairs();
    const values: number[] = [];
    for (const pair of pairs) values.push((await pair.score(await identity.run(pair))).value);
    return values;
  };
  const mean = (v: number[]) => v.reduce((a, b) => a + b, 0) / v.length;

  test("the two brains start with a Dice of 0.5224", async () => expect((await start("brain3d_oasis"))[0]).toBeCloseTo(0.5224, 4));
  test("the lung starts 4.69 mm off", async () => expect((await start("lung3d_knownfield"))[0]).toBeCloseTo(4.69, 2));
  // The mean over all 254,400 brain voxels is 24.6 and 32.2 mm; the 51 scored ones differ from it by 0.9 and 0.6 mm.
  test("the two known rigid motions start 25.5 and 32.8 mm off, whatever the contrast", async () => {
    const [first, second, ...greyMatter] = await start("rigid3d_known");
    expect(first).toBeCloseTo(25.51, 2);
    expect(second).toBeCloseTo(32.83, 2);
    expect(greyMatter).toEqual([first, second]);
  });
  test("a shift of (13, 17) pixels is an error of √458 pixels", async () =>
    expect((await start("rigid2d_known"))[0]).toBeCloseTo(Math.sqrt(13 ** 2 + 17 ** 2), 6));
  test("ten brain slices start with a mean Dice of 0.3354", async () => expect(mean(await start("brain2d_labels"))).toBeCloseTo(0.3354, 4));
  test("fourteen hearts start with a mean Dice of 0.784", async () => expect(mean(await start("cine_ed_es"))).toBeCloseTo(0.784, 3));
  test("the stained sections start 73.0 and 37.0 pixels off", async () => {
    const [cd31, ki67] = await start("histology_landmarks");
    expect(cd31).toBeCloseTo(73.0, 1);
    expect(ki67).toBeCloseTo(37.0, 1);
  });
});

const grid = { size: [4, 3], spacing: [2, 1], origin: [5, -1], direction: [-1, 0, 0, 1] };
const field = (u: (x: number, y: number) => [number, number]) => {
  const values = new Float32Array(24);
  for (let c = 0; c < 2; c++) for (let i = 0; i < 12; i++) values[c * 12 + i] = u(i % 4, Math.floor(i / 4))[c];
  return { ...grid, values, components: 2 };
};

test("Dice is twice the overlap by the sum of sizes, and a label absent from both does not count", () =>
  expect(score.dice([1, 1, 1, 0, 2], [1, 1, 0, 0, 2], [1, 2, 3])).toBeCloseTo((0.8 + 1) / 2));

test("a field carries points by linear interpolation along the axes of its grid", () => {
  const [p] = score.applyField(
    field((x, y) => [x, 10 * y]),
    [[5 - 3, -1 + 0.5]],
  ); // index (1.5, 0.5)
  expect(p[0]).toBeCloseTo(2 + 1.5);
  expect(p[1]).toBeCloseTo(-0.5 + 5);
});

test("labels are fetched from where the field points, nothing from outside", () => {
  const labels = { ...grid, values: Int32Array.from({ length: 12 }, (_, i) => i + 1) };
  // two millimetres against the first axis are one column to the right in storage
  expect([
    ...score.carryLabels(
      labels,
      field(() => [-2, 0]),
    ),
  ]).toEqual([2, 3, 4, 0, 6, 7, 8, 0, 10, 11, 12, 0]);
});

test("a field that mirrors an axis folds everywhere, the identity nowhere", () => {
  expect(score.foldedPercent(field(() => [0, 0]))).toBe(0);
  expect(score.foldedPercent(field((x) => [4 * x, 0]))).toBe(100); // position 5 − 2x + 4x runs the other way
});
