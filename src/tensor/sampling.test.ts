import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { grad, hvp } from "./differentiate.js";
import * as d from "./ops/deformation.js";
import * as s from "./ops/sampling.js";
import { scope } from "./storage.js";
import { arange, randomNormal, Tensor, tensor } from "./tensor.js";

const picture = tensor(
  [
    [
      [0, 1, 2],
      [10, 11, 12],
    ],
  ],
  undefined,
);

test("sampling reads x first: the point (2, 0.5) of rows 0 1 2 and 10 11 12 has the value 7", () => {
  expect(s.sample(picture, tensor([[2, 0.5]])).toArray()).toEqual([[7]]);
});

test("outside, clamp goes on with the border value and constant gives fill", () => {
  const outside = tensor([[-3, 0]]);
  expect(s.sample(picture, outside).toArray()).toEqual([[0]]);
  expect(s.sample(picture, outside, { border: "constant", fill: 5 }).toArray()).toEqual([[5]]);
});

test("a displacement of one voxel along x shifts the image by one voxel", () => {
  const u = tensor([
    [
      [1, 1, 1],
      [1, 1, 1],
    ],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
  ]);
  expect(s.warpField(picture, u).toArray()).toEqual([
    [
      [1, 2, 2],
      [11, 12, 12],
    ],
  ]);
});

test("an affine map of voxels needs no field and takes an output of another size", () => {
  expect(s.warpAffine(picture, [2, 0, 0, 0, 1, 1], [1, 2]).toArray()).toEqual([[[10, 12]]]);
});

test("cubic sampling at the voxels gives the samples, and its Hessian-vector product is that of a cubic spline", () => {
  const x = arange(0, 6, 1, "f64");
  const square = x.mul(x).reshape(1, 1, 6);
  const at = (p: Tensor) => s.sample(square, p, { interpolation: "cubic" }).sum();
  expect(at(Tensor.from([2, 0], [1, 2], "f64")).item()).toBeCloseTo(4, 10);
  const point = Tensor.from([2.5, 0], [1, 2], "f64");
  const [g, h] = [grad(at)(point).toArray(), hvp(at, point, Tensor.from([1, 0], [1, 2], "f64")).toArray()] as number[][][];
  expect(g[0][0]).toBeCloseTo(5, 0); // (x²)′ = 5 at 2.5, up to what mirrored ends do to the spline
  expect(h[0][0]).toBeGreaterThan(1); // (x²)″ = 2
});

test("complex images are sampled part by part", () => {
  const z = s.sample(tensor([[[0, 1]]]).cast("c64"), tensor([[0.5, 0]]));
  expect(z.toArray()).toEqual([[[0.5, 0]]]);
});

test("splatting ones at the corners of a cell fills it with the weights of the point", () => {
  expect(s.splat(tensor([[1]]), tensor([[0.25, 0.5]]), [2, 2]).toArray()).toEqual([
    [
      [0.375, 0.125],
      [0.375, 0.125],
    ],
  ]);
});

test("composing with the inverse field gives the identity where nothing left the image", () => {
  scope(() => {
    const random = seeded(11);
    const control = randomNormal([2, 8, 8], random).mul(0.8);
    const u = d.ffd(control, { size: [24, 24], spacing: [6, 6] });
    const { field, residual, iterations } = d.invertField(u, { iterations: 60 });
    expect(residual).toBeLessThanOrEqual(1e-3);
    expect(iterations).toBeGreaterThan(1);
    const both = s.composeFields(u, field);
    expect(both.abs().max().item()).toBeLessThan(2e-3); // u(p + v) + v is the residual
  });
});

test("an iteration that cannot invert says so in its residual", () => {
  const fold = arange(0, 8).mul(-2).reshape(1, 1, 8).broadcastTo([2, 4, 8]);
  const folding = fold.mul(tensor([[[1]], [[0]]])); // x ↦ −x
  expect(d.invertField(folding).residual).toBeGreaterThan(0.1);
});

test("the free-form deformation at the voxels equals itself at the same points", () => {
  const control = randomNormal([2, 5, 6], seeded(2), "f64");
  const dense = d.ffd(control, { size: [3, 4], spacing: [1.3, 1.7] });
  const points = Tensor.from(Array.from({ length: 12 }, (_, k) => [k % 4, Math.floor(k / 4)]).flat(), [12, 2], "f64");
  const same = d.ffdAt(control, points, { spacing: [1.3, 1.7] });
  Array.from(same.data).forEach((v, k) => {
    expect(v).toBeCloseTo(dense.data[k], 10);
  });
});

test("a field moved to a grid of half the spacing doubles its displacements in voxels", () => {
  const u = Tensor.ones([2, 3, 3]).mul(tensor([[[1]], [[-2]]]));
  const fine = d.resampleField(u, [0.5, 0, 0, 0, 0.5, 0], [5, 5]);
  expect(fine.shape).toEqual([2, 5, 5]);
  expect([fine.toArray()[0 as never][2][2], fine.toArray()[1 as never][4][0]]).toEqual([2, -4]);
});

test("the gradient that comes with a sample is the slope of the cell", () => {
  const { value, gradient } = s.sampleWithGradient(picture, tensor([[0.5, 0.25]]));
  expect([value.toArray(), gradient.toArray()]).toEqual([[[3]], [[[1], [10]]]]);
});

test("a control grid has one point before the image and two behind", () => {
  expect(d.ffdGridSize([10, 8], [3, 4.5])).toEqual([5, 6]); // ⌈9/4.5⌉ + 3, ⌈7/3⌉ + 3: size is y, x and spacing x, y
});

test("wrong shapes are named", () => {
  expect(() => s.sample(picture, tensor([[1, 2, 3]]))).toThrow(/a 2-D image takes \[n, 2\]/);
  expect(() => s.warpField(picture, Tensor.zeros([3, 2, 3]))).toThrow(/\[2, y, x\]/);
  expect(() => d.ffd(picture, { size: [4, 4], spacing: [0, 1] })).toThrow(/positive/);
});
