import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "../core/errors.js";
import { fslFromLps, lpsFromFsl, readMatrixText, writeMatrixText } from "./fslTransform.js";
import { type ItkLinear, itkLinear, readItkMat, readItkTransform, writeItkMat, writeItkTransform } from "./itkTransform.js";

const file = (name: string, parameters: string, fixed: string) =>
  `#Insight Transform File V1.0\n#Transform 0\nTransform: ${name}\nParameters: ${parameters}\nFixedParameters: ${fixed}\n`;
const close = (a: readonly number[], b: readonly number[], digits = 12) => {
  expect(a.length).toBe(b.length);
  a.forEach((v, i) => {
    expect(v, `entry ${i}`).toBeCloseTo(b[i], digits);
  });
};
const apply = (t: { matrix: readonly number[]; offset: readonly number[] }, p: readonly number[]) =>
  t.offset.map((o, i) => o + p.reduce((s, v, j) => s + t.matrix[i * p.length + j] * v, 0));
const half = String(Math.PI / 2);

describe("ITK transform files", () => {
  test("an affine transform maps its centre to centre plus translation", () => {
    const t = readItkTransform(file("AffineTransform_double_3_3", "0 -1 0 1 0 0 0 0 2 5 6 7", "10 20 30")) as ItkLinear;
    close(apply(t, [10, 20, 30]), [15, 26, 37]);
    close(apply(t, [11, 20, 30]), [15, 27, 37]);
  });
  test("an Euler rotation about z by 90° takes x to y, and z·x·y is the order of its angles", () => {
    const z = readItkTransform(file("Euler3DTransform_double_3_3", `0 0 ${half} 0 0 0`, "0 0 0 0")) as ItkLinear;
    close(apply(z, [1, 0, 0]), [0, 1, 0]);
    // Rz·Rx·Ry with Rx = Ry = 90°: z → (Ry) x → (Rx) x;  x → (Ry) −z → (Rx) y
    const xy = readItkTransform(file("Euler3DTransform_double_3_3", `${half} ${half} 0 0 0 0`, "0 0 0 0")) as ItkLinear;
    close(apply(xy, [0, 0, 1]), [1, 0, 0]);
    close(apply(xy, [1, 0, 0]), [0, 1, 0]);
    // Rz·Ry·Rx when the fourth fixed parameter is 1: x → (Rx) x → (Ry) −z
    const yx = readItkTransform(file("Euler3DTransform_double_3_3", `${half} ${half} 0 0 0 0`, "0 0 0 1")) as ItkLinear;
    close(apply(yx, [1, 0, 0]), [0, 0, -1]);
  });
  test("rotations in the plane, similarities, versors and translations are matrices", () => {
    const s = Math.SQRT1_2;
    close((readItkTransform(file("Euler2DTransform_double_2_2", `${half} 1 2`, "0 0")) as ItkLinear).matrix, [0, -1, 1, 0]);
    close((readItkTransform(file("Similarity2DTransform_double_2_2", `2 ${half} 1 2`, "0 0")) as ItkLinear).matrix, [0, -2, 2, 0]);
    close(
      (readItkTransform(file("VersorRigid3DTransform_double_3_3", `0 0 ${s} 1 2 3`, "0 0 0")) as ItkLinear).matrix,
      [0, -1, 0, 1, 0, 0, 0, 0, 1],
    );
    close(
      (readItkTransform(file("Similarity3DTransform_double_3_3", `0 0 ${s} 1 2 3 3`, "0 0 0")) as ItkLinear).matrix,
      [0, -3, 0, 3, 0, 0, 0, 0, 3],
    );
    close((readItkTransform(file("TranslationTransform_double_3_3", "1 2 3", "")) as ItkLinear).offset, [1, 2, 3]);
  });
  test("linear transforms survive text and binary", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 15, maxLength: 15 }), (v) => {
        const t = itkLinear({ matrix: v.slice(0, 9), offset: v.slice(9, 12), center: v.slice(12) });
        for (const back of [readItkTransform(writeItkTransform(t)), readItkMat(writeItkMat(t))] as ItkLinear[]) {
          close(back.matrix, t.matrix);
          close(back.offset, t.offset, 7); // through translation and back: 1e4 · 1e-16 · few
          close(back.center, t.center);
        }
      }),
      { numRuns: 50, seed: 1 },
    );
  });
  test("a composite keeps its order, B-splines and displacement fields their coefficients", () => {
    const grid = { size: [2, 3], origin: [1, 2], spacing: [0.5, 4], direction: [0, -1, 1, 0] };
    const values = Float64Array.from({ length: 12 }, (_, i) => i / 7);
    const text = writeItkTransform({
      kind: "composite",
      dimension: 2,
      transforms: [
        itkLinear({ matrix: [1, 0, 0, 1], offset: [3, 4] }),
        { kind: "bspline", dimension: 2, order: 3, ...grid, coefficients: values },
        { kind: "displacement", dimension: 2, ...grid, vectors: values },
      ],
    });
    const back = readItkTransform(text);
    if (back.kind !== "composite") throw new Error("composite expected");
    expect(back.transforms.map((t) => t.kind)).toEqual(["linear", "bspline", "displacement"]);
    expect(back.transforms[1]).toEqual({ kind: "bspline", dimension: 2, order: 3, ...grid, coefficients: values });
    expect(back.transforms[2]).toEqual({ kind: "displacement", dimension: 2, ...grid, vectors: values });
    // in the file, the vectors of a displacement field are interleaved
    expect(text).toContain(`Parameters: 0 ${6 / 7} ${1 / 7} 1`);
  });
  test("wrong files are refused in a sentence", () => {
    expect(() => readItkTransform("hello")).toThrow(FormatError);
    expect(() => readItkTransform(file("AffineTransform_double_3_3", "1 0 0", "0 0 0"))).toThrow(/needs 12 parameters.*3/);
    expect(() => readItkTransform(file("ThinPlateSplineKernelTransform_double_3_3", "", ""))).toThrow(/cannot be read/);
    expect(() => readItkMat(new TextEncoder().encode("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"))).toThrow(/FSL/);
  });
});

describe("FSL matrices", () => {
  const ras = { size: [10, 8, 6], spacing: [2, 1, 3], origin: [0, 0, 0], direction: [-1, 0, 0, 0, -1, 0, 0, 0, 1] };
  const las = { size: [10, 8, 6], spacing: [2, 1, 3], origin: [0, 0, 0], direction: [1, 0, 0, 0, -1, 0, 0, 0, 1] };
  test("the identity between equal grids is the identity, whatever their handedness", () => {
    const identity = readMatrixText("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1");
    for (const grid of [ras, las]) {
      const t = lpsFromFsl(identity, grid, grid);
      close(t.matrix, [1, 0, 0, 0, 1, 0, 0, 0, 1]);
      close(t.offset, [0, 0, 0]);
    }
  });
  test("a shift of the moving image by +4 mm along FSL's x points right where x was flipped and along the index where it was not", () => {
    // FLIRT: reference = input + 4, so fixed ↦ moving is −4 in FSL's x.
    const shift = readMatrixText("1 0 0 4\n0 1 0 0\n0 0 1 0\n0 0 0 1");
    // RAS grid: FSL's x = (nx − 1)·s − x_index·s, x_index·s = −x_LPS, so FSL −4 is x_index + 2, x_LPS − 4.
    close(lpsFromFsl(shift, ras, ras).offset, [-4, 0, 0]);
    // LAS grid: FSL's x = x_index·s = x_LPS, so FSL −4 is x_LPS − 4.
    close(lpsFromFsl(shift, las, las).offset, [-4, 0, 0]);
    // Opposite hands: index i of one is index nx − 1 − i of the other.
    close(lpsFromFsl(readMatrixText("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1"), ras, las).offset, [18, 0, 0]);
  });
  test("to FSL and back is the identity, also through text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 }),
        fc.boolean(),
        fc.boolean(),
        (v, a, b) => {
          const t = { matrix: v.slice(0, 9).map((x, i) => 0.2 * x + (i % 4 === 0 ? 1 : 0)), offset: v.slice(9).map((x) => 50 * x) };
          const fixed = a ? ras : las;
          const moving = { ...(b ? ras : las), size: [5, 5, 5], origin: [3, -4, 5] };
          const back = lpsFromFsl(readMatrixText(writeMatrixText(fslFromLps(t, fixed, moving))), fixed, moving);
          close(back.matrix, t.matrix, 10);
          close(back.offset, t.offset, 9);
        },
      ),
      { numRuns: 50, seed: 2 },
    );
  });
});
