import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import type { Lattice } from "../evaluation/lattice.js";
import {
  base64,
  checkerboard,
  colourMap,
  comparison,
  edges,
  foldedColour,
  gallery,
  jacobianTable,
  linePlot,
  overlay,
  type Picture,
  plain,
  png,
  report,
  robustWindow,
  slice,
  svgGrid,
  ticks,
  verdict,
  views,
} from "./index.js";

const gray = (width: number, height: number, f: (x: number, y: number) => number): Picture => ({
  width,
  height,
  channels: 1,
  data: Uint8Array.from({ length: width * height }, (_, i) => f(i % width, Math.floor(i / width))),
});

describe("pictures", () => {
  test("a colour map is exact at its ends and clamps beyond", () => {
    expect(colourMap("gray")(-3)).toEqual([0, 0, 0]);
    expect(colourMap("gray")(0.5)).toEqual([128, 128, 128]);
    expect(colourMap("gray")(7)).toEqual([255, 255, 255]);
  });
  test("the Jacobian table keeps its first byte for folds and is neutral where volume is kept", () => {
    expect(jacobianTable()[0]).toEqual(foldedColour);
    const [r, g, b] = jacobianTable()[128];
    expect(Math.max(r, g, b) - Math.min(r, g, b)).toBeLessThanOrEqual(4); // gray within one byte step of the map
  });
  test("a checkerboard takes alternate squares from each picture", () => {
    const board = checkerboard(
      gray(4, 4, () => 0),
      gray(4, 4, () => 9),
      2,
    );
    expect([...board.data]).toEqual([0, 0, 9, 9, 0, 0, 9, 9, 9, 9, 0, 0, 9, 9, 0, 0]);
  });
  test("an overlay mixes by opacity, and pictures of unlike size are refused", () => {
    expect(
      overlay(
        gray(1, 1, () => 0),
        gray(1, 1, () => 200),
        0.25,
      ).data[0],
    ).toBe(50);
    expect(() =>
      overlay(
        gray(1, 1, () => 0),
        gray(2, 1, () => 0),
      ),
    ).toThrow(/1×1 and 2×1/);
  });
  test("the edges of a step lie on the step, one pixel wide, and a flat picture has none", () => {
    const values = Float32Array.from({ length: 400 }, (_, i) => (i % 20 < 10 ? 0 : 1));
    const e = edges({ width: 20, height: 20, values }, { share: 1 });
    for (let y = 0; y < 20; y++)
      expect([...Array(20).keys()].filter((x) => e.data[4 * (20 * y + x) + 3] > 0)).toSatisfy(
        (xs: number[]) => xs.length === 1 && (xs[0] === 9 || xs[0] === 10),
      );
    expect(edges({ width: 5, height: 5, values: new Float32Array(25) }).data.some((v) => v > 0)).toBe(false);
  });
  test("the robust window ignores a few wild values and NaN", () => {
    const v = Float32Array.from({ length: 1001 }, (_, i) => i / 1000);
    v[500] = Number.NaN;
    v[7] = 1e9;
    const { low, high } = robustWindow(v);
    expect(low).toBeCloseTo(0.005, 3);
    expect(high).toBeCloseTo(0.996, 2);
  });
  test("base64 equals Node's, whatever the length", () => {
    for (const n of [0, 1, 2, 3, 8189, 8190, 8191, 20000]) {
      const bytes = Uint8Array.from({ length: n }, (_, i) => (i * 31) & 255);
      expect(base64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
    }
  });
  test("a PNG decodes to the same bytes", () => {
    const p = gray(7, 3, (x, y) => 10 * x + y);
    expect([...decode(png(p)).data]).toEqual([...p.data]);
  });
});

describe("slices", () => {
  const value = (size: number[]) => Float32Array.from({ length: size[0] * size[1] * size[2] }, (_, i) => i);
  test("a volume in LPS shows the patient's left at the right of the axial view and the head at the top of the others", () => {
    const grid: Lattice = { size: [3, 4, 5], spacing: [1, 2, 3] };
    const [axial, coronal, sagittal] = views(grid);
    expect(axial.letters).toEqual(["R", "L", "A", "P"]);
    expect(coronal.letters).toEqual(["R", "L", "S", "I"]);
    expect(sagittal.letters).toEqual(["A", "P", "S", "I"]);
    expect(axial.aspect).toBeCloseTo(3 / 8, 12);
    expect([...slice(value(grid.size as number[]), grid, axial, 2).values.slice(0, 4)]).toEqual([24, 25, 26, 27]);
    expect(slice(value(grid.size as number[]), grid, coronal, 1).values[0]).toBe(4 * 12 + 3); // top row is the highest z
  });
  test("a grid that counts the other way (RAS) is flipped, so that the picture stays the same", () => {
    const size = [3, 4, 5];
    const lps: Lattice = { size, spacing: [1, 1, 1] };
    const ras: Lattice = { size, spacing: [1, 1, 1], direction: [-1, 0, 0, 0, -1, 0, 0, 0, 1] };
    const v = value(size);
    const turned = Float32Array.from(v, (_, i) => {
      const [x, y, z] = [i % 3, Math.floor(i / 3) % 4, Math.floor(i / 12)];
      return v[2 - x + 3 * (3 - y) + 12 * z];
    });
    expect([...slice(turned, ras, views(ras)[0], 2).values]).toEqual([...slice(v, lps, views(lps)[0], 2).values]);
  });
  test("axes stored in another order are put back: a sagittal stack shows the same axial picture", () => {
    // index (i, j, k) = (y, z, x): columns of the direction are where each index axis points
    const grid: Lattice = { size: [4, 5, 3], spacing: [1, 1, 1], direction: [0, 0, 1, 1, 0, 0, 0, 1, 0] };
    const plainGrid: Lattice = { size: [3, 4, 5], spacing: [1, 1, 1] };
    const v = value([3, 4, 5]);
    const stored = Float32Array.from({ length: 60 }, (_, i) => {
      const [y, z, x] = [i % 4, Math.floor(i / 4) % 5, Math.floor(i / 20)];
      return v[x + 3 * y + 12 * z];
    });
    const same = (k: number, at: number) =>
      expect([...slice(stored, grid, views(grid)[k], at).values]).toEqual([...slice(v, plainGrid, views(plainGrid)[k], at).values]);
    same(0, 3);
    same(1, 2);
    same(2, 1);
  });
  test("a large picture is averaged over blocks", () =>
    expect([
      ...slice([0, 2, 4, 6], { size: [4, 1], spacing: [1, 1] }, views({ size: [4, 1], spacing: [1, 1] })[0], 0, { most: 2 }).values,
    ]).toEqual([1, 5]));
});

describe("plots", () => {
  test("ticks are round and inside", () => {
    expect(ticks(0, 10)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(ticks(0.13, 0.41).map((t) => Math.round(100 * t))).toEqual([20, 30, 40]);
  });
  test("numbers are written as a person would", () =>
    expect([0, 0.25, 1234.56, 1e-7, 123456789, Number.NaN].map(plain)).toEqual(["0", "0.25", "1235", "1e-7", "1.23e8", "–"]));
  test("the grid of the identity is straight, and a shift moves it by pixels, not millimetres", () => {
    const grid: Lattice = { size: [3, 2], spacing: [2, 1] };
    const [view] = views(grid);
    expect(svgGrid(new Float32Array(12), grid, view, 0, { lines: 1 })).toContain("M0.5 0.5L1.5 0.5L2.5 0.5");
    const right = new Float32Array(12).fill(4, 0, 6);
    expect(svgGrid(right, grid, view, 0, { lines: 1 })).toContain("M2.5 0.5L3.5 0.5L4.5 0.5");
  });
  test("a plot of nothing says so", () => expect(linePlot([{ name: "x", values: [] }])).toMatch(/No values/));
});

describe("verdict", () => {
  const ok = { status: "ok", metric: "SSD", before: 2, after: 1, overlap: 0.9, folded: 0, inverseConsistency: 0 };
  test("trusts a gain without folds", () => expect(verdict(ok).level).toBe("good"));
  test("a few points whose way back is lost do not speak against the rest", () =>
    expect(verdict({ ...ok, inverseConsistency: 0.07, lostBack: 0.004 }).level).toBe("good"));
  test.each([
    ["a run that failed", { status: "failed", reason: "moving is constant" }, "bad", /moving is constant/],
    ["too little overlap", { overlap: 0.1 }, "bad", /10 %/],
    ["a value that is not finite", { after: Number.NaN }, "bad", /finite/],
    ["no gain", { after: 3 }, "check", /no gain/],
    ["folds", { folded: 0.05 }, "check", /5 %/],
    ["a single fold: there is no inverse there", { folded: 0.0009 }, "check", /<0\.1 %/],
    ["wild volumes", { volume: { min: 0.002, max: 41 } }, "check", /from 0\.002 to 41/],
    ["an inverse that is far off somewhere", { inverseConsistency: 0.01, lostBack: 0.03 }, "check", /a voxel at 3 %/],
    ["a poor inverse", { inverseConsistency: 2 }, "check", /2 voxels/],
  ] as const)("warns of %s", (_, change, level, sentence) => {
    const v = verdict({ ...ok, ...change });
    expect(v.level).toBe(level);
    expect(v.sentence).toMatch(sentence);
  });
});

describe("pages", () => {
  const grid: Lattice = { size: [12, 10, 8], spacing: [1, 1, 2] };
  const values = Float32Array.from({ length: 960 }, (_, i) => Math.sin(i / 7));
  const html = report({
    title: `<b>"A" & B</b>`,
    verdict: { level: "good", sentence: "Fine." },
    grid,
    fixed: { values },
    moving: { values },
    warped: { values },
    displacement: new Float32Array(3 * 960),
    jacobian: new Float32Array(960).fill(1),
    trace: [{ level: "1", values: [3, 2, 1] }],
    timings: { total: 1 },
    warnings: ["</script><script>alert(1)</script>"],
  });
  test("a report loads nothing from anywhere", () => {
    const text = html.replace(/data:image\/png;base64,[A-Za-z0-9+/=]+/g, "");
    expect(text).not.toMatch(/(src|href)\s*=\s*["'](?!data:)/);
    expect(text).not.toMatch(/url\((?!#)/);
    expect(text).not.toMatch(/https?:/);
    expect(text).not.toMatch(/\bimport\b|fetch\(/);
  });
  test("text from outside is escaped", () => {
    expect(html).toContain("&lt;b&gt;&quot;A&quot; &amp; B&lt;/b&gt;");
    expect(html).not.toContain("<script>alert(1)");
  });
  test("every slice of every view is inside as a PNG that decodes", () => {
    const data = JSON.parse(/id="album">(.*?)<\/script>/s.exec(html)?.[1] as string);
    expect(data.views.map((v: { name: string }) => v.name)).toEqual(["axial", "coronal", "sagittal"]);
    for (const layer of ["a", "m", "b", "e", "j"])
      for (const row of data.layers[layer])
        for (const url of row) expect(decode(Buffer.from(url.split(",")[1], "base64")).width).toBeGreaterThan(0);
  });
  test("a comparison has its viewer and its difference", () => {
    const page = comparison({ title: "x", grid, a: { values }, b: { values } });
    expect(page).toContain("Edges of A on B");
    expect(page).toContain("B − A");
  });
});

test("what a run has no value of has no row in its table", () => {
  const html = gallery({ title: "t", rows: [], plots: [], figures: [], summary: { solver: "network", relativeGap: undefined } } as never);
  expect(html).toContain("network");
  expect(html).not.toMatch(/relativeGap|>undefined</);
});
