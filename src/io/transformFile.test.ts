import { describe, expect, test } from "vitest";
import { grid } from "../image/index.js";
import { concat, Tensor } from "../tensor/index.js";
import {
  AffineTransform,
  BSplineTransform,
  CompositeTransform,
  controlGridOver,
  DisplacementTransform,
  HomographyTransform,
  invertBSpline,
  ThinPlateSplineTransform,
  TimeVelocityTransform,
  type Transform,
  VelocityTransform,
} from "../transforms/index.js";
import { readItkTransform } from "./itkTransform.js";
import { displacementBytes, itkFromTransform, itkText, readTransform, transformFromItk, writeTransform } from "./transformFile.js";

const fixed = grid({ size: [7, 6, 5], spacing: [1, 1.5, 2], origin: [3, -2, 1], direction: [-1, 0, 0, 0, -1, 0, 0, 0, 1] });
const points = Tensor.from(Float64Array.of(1, -4, 3, 0, -6, 6, -1, -3, 2), [3, 3]);
const affine = new AffineTransform(
  { matrix: [1, 0.1, 0, -0.1, 1, 0, 0, 0, 1.2], offset: [1, 2, 3] },
  { name: "fixed", grid: fixed },
  { name: "middle" },
);
const planes = (f: (i: number) => number) =>
  Tensor.from(
    Float32Array.from({ length: 3 * 210 }, (_, i) => f(i)),
    [3, 5, 6, 7],
  );
const field = new DisplacementTransform(
  planes((i) => Math.sin(i / 9) / 3),
  fixed,
  { name: "fixed", grid: fixed },
  { name: "moving" },
  {
    field: planes((i) => -Math.sin(i / 9) / 3),
    grid: fixed,
  },
);
const trip = (t: Transform): Transform => {
  const files = writeTransform(t, "folder/transform.json");
  return readTransform(files.get("transform.json") as Uint8Array, "transform.json", files);
};
const writeAndSpoil = (t: Transform) => {
  const text = new TextDecoder().decode(writeTransform(t).get("transform.json")).replace("0.01", '"x"');
  return readTransform(new TextEncoder().encode(text), "transform.json");
};
const mapped = (t: Transform) => [...t.apply(points).data];
const close = (a: readonly number[], b: readonly number[], digits: number) => {
  expect(a).toHaveLength(b.length);
  for (const [i, v] of b.entries()) expect(a[i]).toBeCloseTo(v, digits);
};

describe("transform files", () => {
  test("a linear map comes back exactly, with its spaces", () => {
    const back = trip(affine);
    expect(mapped(back)).toEqual(mapped(affine));
    expect(back.from).toEqual({ name: "fixed", grid: fixed });
    expect(back.to.name).toBe("middle");
  });
  test("a homography and thin-plate splines come back, forwards, inverted and in a composite", () => {
    const p = Tensor.from(Float64Array.of(0, 0, 5, 0, 0, 6, 5, 6, 3, 2), [5, 2]);
    const q = Tensor.from(Float64Array.of(0, 1, 5, 0, 1, 6, 6, 6, 3, 3), [5, 2]);
    const spline = new ThinPlateSplineTransform({ fixed: p, moving: q, lambda: 0.1 });
    const view = new HomographyTransform([1, 0.1, 2, -0.1, 1, 3, 0.01, -0.02, 1]);
    const x = Tensor.from(Float64Array.of(1, 2, 4, 3), [2, 2]);
    for (const t of [view, view.inverse(), spline, spline.inverse(), new CompositeTransform([spline, view])]) {
      const back = trip(t);
      expect(back.kind).toBe(t.kind);
      close([...back.apply(x).data], [...t.apply(x).data], 12);
      close([...back.inverse().apply(back.apply(x)).data], [...x.data], 8);
    }
    expect(() => writeAndSpoil(view)).toThrow(/3×3/);
  });
  test("a field comes back with the inverse that was stored, bit for bit", () => {
    const back = trip(field) as DisplacementTransform;
    expect([...back.field.data]).toEqual([...field.field.data]);
    expect([...(back.backward?.field.data ?? [])]).toEqual([...(field.backward?.field.data ?? [])]);
    expect(mapped(back.inverse())).toEqual(mapped(field.inverse()));
  });
  test("a field in the plane comes back in the plane, from NIfTI too", () => {
    const g = grid({ size: [4, 3], spacing: [2, 1], origin: [5, -1] });
    const flat = new DisplacementTransform(
      Tensor.from(
        Float32Array.from({ length: 24 }, (_, i) => i),
        [2, 3, 4],
      ),
      g,
    );
    const back = trip(flat) as DisplacementTransform;
    expect(back.grid).toEqual(g);
    expect([...back.field.data]).toEqual([...flat.field.data]);
  });
  test("a composite keeps its order, and the JSON states both directions", () => {
    const both = new CompositeTransform([field, affine]);
    expect(mapped(trip(both))).toEqual(mapped(both));
    const stored = JSON.parse(new TextDecoder().decode(writeTransform(both).get("transform.json")));
    expect(stored.forward.map((p: { kind: string }) => p.kind)).toEqual(["displacement", "affine"]);
    expect(stored.inverse.map((p: { kind: string }) => p.kind)).toEqual(["affine", "displacement"]);
    expect(stored.inverse[1].file).toBe(stored.forward[0].inverseFile);
  });
  test("a field without a stored inverse is stored without one, and readers invert it", () => {
    const alone = new DisplacementTransform(field.field, fixed);
    const files = writeTransform(alone);
    expect([...files.keys()]).toEqual(["transform.json", "transform.field.nii.gz"]);
    expect(JSON.parse(new TextDecoder().decode(files.get("transform.json"))).inverse).toEqual([]);
  });
  test("the displacement image of a composite maps the grid's points as the composite does", () => {
    const both = new CompositeTransform([field, affine]);
    const back = readTransform(displacementBytes(both, fixed, "u.nii.gz"), "u.nii.gz") as DisplacementTransform;
    close([...back.field.data], [...both.displacement(fixed).data], 6);
  });
  test("a spline comes back with its control points, their place and its inverse; a velocity field with its squarings", () => {
    const over = controlGridOver(fixed, 4);
    const n = over.size.reduce((a, b) => a * b, 3);
    const control = Tensor.from(
      Float32Array.from({ length: n }, (_, i) => Math.sin(i / 5) / 2),
      [3, ...[...over.size].reverse()],
    );
    const spline = new BSplineTransform(control, over, { name: "fixed", grid: fixed }, { name: "moving" });
    const { field: back } = invertBSpline(spline);
    for (const y of [spline, new BSplineTransform(control, over, spline.from, spline.to, { field: back, grid: fixed })]) {
      const again = trip(y) as BSplineTransform;
      expect(again.controlGrid).toEqual(over);
      expect(mapped(again)).toEqual(mapped(y));
      close(mapped(again.inverse()), mapped(y.inverse()), 4); // the field's grid in a NIfTI header: f32
    }
    const velocity = new VelocityTransform(field.field, fixed, undefined, undefined, 5);
    const flow = trip(velocity) as VelocityTransform;
    expect(flow.squarings).toBe(5);
    close(mapped(flow), mapped(velocity), 5); // as above
    close(mapped(flow.inverse()), mapped(velocity.inverse()), 5);
    const files = writeTransform(new CompositeTransform([velocity, affine]));
    const stored = JSON.parse(new TextDecoder().decode(files.get("transform.json")));
    expect(stored.inverse.map((p: { kind: string; sign?: number }) => [p.kind, p.sign])).toEqual([
      ["affine", undefined],
      ["velocity", -1],
    ]);
  });
  test("a flow of several velocities comes back with its fields in time and its steps; back it goes from the last to the first", () => {
    const fields = [1, -0.5, 2].map((s) => field.field.mul(s).reshape(1, ...field.field.shape));
    const flow = new TimeVelocityTransform(concat(fields, 0), fixed, undefined, undefined, 5);
    const again = trip(flow) as TimeVelocityTransform;
    expect([again.velocity.shape[0], again.steps]).toEqual([3, 5]);
    close(mapped(again), mapped(flow), 5); // as above
    const files = writeTransform(new CompositeTransform([flow, affine]));
    const stored = JSON.parse(new TextDecoder().decode(files.get("transform.json")));
    expect(stored.forward[0].files).toHaveLength(3);
    const turned = { ...stored, forward: stored.inverse, inverse: stored.forward };
    const bytes = new TextEncoder().encode(JSON.stringify(turned));
    close(mapped(readTransform(bytes, "back.json", files)), mapped(new CompositeTransform([flow, affine]).inverse()), 5);
    expect(() => readTransform(bytes, "back.json", new Map())).toThrow(/velocity0/);
  });
  test("ITK's text of a spline and a linear map is a composite that moves points alike; fields have none", () => {
    const over = controlGridOver(fixed, [3, 4, 5]);
    const control = Tensor.from(
      Float32Array.from({ length: over.size.reduce((a, b) => a * b, 3) }, (_, i) => Math.cos(i / 7) / 3),
      [3, ...[...over.size].reverse()],
    );
    const both = new CompositeTransform([new BSplineTransform(control, over), affine]);
    const text = itkText(both);
    expect(text).toContain("BSplineTransform_double_3_3");
    close(mapped(transformFromItk(readItkTransform(text))), mapped(both), 5);
    expect(() => itkText(field)).toThrow(/displacement field/);
    const flow = new VelocityTransform(field.field, fixed);
    close(mapped(transformFromItk(itkFromTransform(flow))), mapped(flow), 6);
  });
  test("a point moves by the spline's known weights: at a control point 4/6 of each axis' own, 1/6 of its neighbours'", () => {
    const over = grid({ size: [7, 7, 7], spacing: [2, 2, 2] });
    const control = Tensor.zeros([3, 7, 7, 7]);
    control.data[3 * 49 + 3 * 7 + 3] = 27; // x component at (3, 3, 3)
    const y = new BSplineTransform(control, over);
    const moved = y.apply(Tensor.from(Float64Array.of(6, 6, 6, 8, 6, 6, 8, 8, 8, 12, 6, 6), [4, 3])).data;
    close([moved[0] - 6, moved[3] - 8, moved[6] - 8, moved[9] - 12], [8, 2, 0.125, 0], 5); // 27·(2/3)³, ·(2/3)²/6, ·1/216
  });
  test("ITK's text of linear maps says the same, and its composites are applied last first", () => {
    const text = itkText(new CompositeTransform([affine, affine]));
    close(mapped(readTransform(new TextEncoder().encode(text), "a.tfm")), mapped(new CompositeTransform([affine, affine])), 9);
    expect(() => itkText(field)).toThrow(/displacement field/);
    const linear = (matrix: number[], offset: number[]) =>
      ({ kind: "linear", type: "AffineTransform", dimension: 2, matrix, offset, center: [0, 0], translation: offset }) as const;
    const doubled = linear([2, 0, 0, 2], [0, 0]);
    const shifted = linear([1, 0, 0, 1], [1, 0]);
    const t = transformFromItk({ kind: "composite", dimension: 2, transforms: [doubled, shifted] });
    expect([...t.apply(Tensor.from(Float64Array.of(3, 4), [1, 2])).data]).toEqual([8, 8]);
  });
  test.each([
    ["not JSON", "{", /not JSON/],
    ["another JSON", "{}", /holds no transform/],
    [
      "an unknown part",
      JSON.stringify({ format: "pullback transform", dimension: 2, forward: [{ kind: "spline" }] }),
      /unknown kind "spline"/,
    ],
    [
      "a matrix of the wrong size",
      JSON.stringify({ format: "pullback transform", dimension: 2, forward: [{ kind: "affine", matrix: [[1]], offset: [0, 0] }] }),
      /2×2 \+ 2/,
    ],
    [
      "a field outside its folder",
      JSON.stringify({ format: "pullback transform", dimension: 2, forward: [{ kind: "displacement", file: "../../etc/passwd" }] }),
      /not beside it/,
    ],
    ["no parts", JSON.stringify({ format: "pullback transform", dimension: 2, forward: [] }), /not all 2-D/],
  ])("%s is an error that says what is missing", (_, text, says) =>
    expect(() => readTransform(new TextEncoder().encode(text), "t.json", () => new Uint8Array())).toThrow(says),
  );
});
