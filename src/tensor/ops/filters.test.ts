import { expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import {
  gaussian,
  localNcc,
  localNccWithGradients,
  mutualInformation,
  randomNormal,
  recursiveGaussian,
  Tensor,
  tensor,
  valueAndGrad,
} from "../index.js";

const image = (seed = 1) => gaussian(randomNormal([1, 12, 14, 16], seeded(seed)), { sigma: 1 });
const most = (t: Tensor) => Array.from(t.data).reduce((m, v) => Math.max(m, Math.abs(v)), 0);

test("two Gaussians in a row are one of the summed variance", () => {
  const x = randomNormal([1, 64], seeded(2), "f64");
  const twice = gaussian(gaussian(x, { sigma: 3, truncate: 8 }), { sigma: 4, truncate: 8 });
  expect(most(twice.sub(gaussian(x, { sigma: 5, truncate: 8 })).slice([0, 20], [1, 44]))).toBeLessThan(1e-3); // sampled, cut at 8 σ; the border is 20 away
});

test("the recursive Gaussian is the exact one to 0.1 % of the contrast", () => {
  const x = randomNormal([1, 40, 50], seeded(3));
  expect(most(gaussian(x, { sigma: 6, truncate: 6 }).sub(recursiveGaussian(x, { sigma: 6 })))).toBeLessThan(1e-3 * most(x));
});

test("sigma names the last axes, or all but the channels", () => {
  const x = randomNormal([2, 3, 8, 9], seeded(4));
  expect(most(gaussian(x, { sigma: 1 }).sub(gaussian(x, { sigma: [1, 1, 1] })))).toBe(0);
  expect(most(gaussian(x, { sigma: [0, 1, 1] }).sub(gaussian(x, { sigma: [1, 1] })))).toBe(0);
  expect(() => gaussian(x, { sigma: [1, 1, 1, 1] })).toThrow(/spatial axes/);
  expect(() => gaussian(tensor([1, 2]), { sigma: 1 })).toThrow(/spatial axes/);
});

test("local NCC of an image with itself is nearly 1, also with another contrast and a brightness ten thousand times the contrast", () => {
  const x = image();
  for (const other of [x, x.mul(3).sub(2), x.neg(), x.add(1e4 * most(x))])
    expect(localNcc(other, x, { radius: 2 }).item()).toBeGreaterThan(0.99);
  expect(localNcc(x.neg(), x, { radius: 2, signed: true }).item()).toBeLessThan(-0.99);
  expect(localNcc(image(5), x, { radius: 4 }).item()).toBeLessThan(0.1);
});

test("local NCC does not see what a mask hides", () => {
  const [x, y] = [image(1), image(6)];
  const mask = tensor(Float32Array.from({ length: 16 }, (_, i) => (i < 10 ? 1 : 0)));
  const hidden = y.add(randomNormal(y.shape, seeded(7)).mul(tensor(Float32Array.from({ length: 16 }, (_, i) => (i < 10 ? 0 : 1)))));
  const o = { radius: 2, mask, offset: [0, 0], scale: [1, 1] } as const;
  expect(localNcc(hidden, x, o).item()).toBeCloseTo(localNcc(y, x, o).item(), 5);
  const { gradients } = valueAndGrad((v) => localNcc(v, x, o))(hidden);
  expect(most(gradients[0].slice([0, 0, 0, 10]))).toBe(0);
});

test("local NCC gives the same gradients in one pass for both images as in two", () => {
  const [x, y] = [image(1), image(8)];
  const both = (symmetric: boolean) => valueAndGrad((a, b) => localNcc(a, b, { radius: 2, symmetric }))(x, y).gradients;
  const [one, two] = [both(true), both(false)];
  for (const k of [0, 1]) expect(one[k].data).toEqual(two[k].data);
});

test("local NCC with its gradients at once gives the bits of the tape, times a factor", () => {
  const [x, y, mask] = [image(1), image(8), image(3).greater(0)];
  for (const o of [{ radius: 2 }, { radius: 1, mask, signed: true }]) {
    const { value, gradients } = valueAndGrad((a, b) => localNcc(a, b, { ...o, symmetric: true }).mul(-1))(x, y);
    const once = localNccWithGradients(x, y, o, -1);
    expect(once.value).toBeCloseTo(value.item(), 6); // the tape's value went through f32
    for (const k of [0, 1]) expect(once.gradients[k].data).toEqual(gradients[k].data);
  }
});

test("mutual information is largest for an image and itself, and does not mind an inverted contrast", () => {
  const [x, y] = [image(1), image(9)];
  const self = mutualInformation(x, x).item();
  expect(mutualInformation(x.neg(), x).item()).toBeCloseTo(self, 1); // bins of the inverted image lie a fraction of a bin elsewhere
  expect(mutualInformation(y, x).item()).toBeLessThan(0.5 * self);
  expect(mutualInformation(x, x, { kind: "nmi" }).item()).toBeGreaterThan(mutualInformation(y, x, { kind: "nmi" }).item());
});

test("mutual information has no slope where values leave the range or weigh nothing", () => {
  const [x, y] = [image(1), image(9)];
  const range = [
    [-0.1, 0.1],
    [-1, 1],
  ] as const;
  const { gradients } = valueAndGrad((v) => mutualInformation(v, y, { range }))(x);
  x.data.forEach((v: number, i: number) => {
    if (Math.abs(v) > 0.1) expect(gradients[0].data[i]).toBe(0);
  });
  const nothing = Tensor.zeros(x.shape);
  expect(mutualInformation(x, y, { mask: nothing }).item()).toBe(0);
  expect(localNcc(x, y, { radius: 2, mask: nothing }).item()).toBe(0);
});

test("images of different shapes are refused with both shapes", () => {
  expect(() => localNcc(Tensor.zeros([1, 2, 3]), Tensor.zeros([1, 3, 2]), { radius: 1 })).toThrow(/1.*2.*3.*1.*3.*2/);
  expect(() => mutualInformation(Tensor.zeros([1, 2, 3]), Tensor.zeros([1, 3, 2]))).toThrow(/1.*2.*3.*1.*3.*2/);
});
