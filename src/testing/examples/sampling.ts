import type { Random } from "../../core/random.js";
import { turnPlanes } from "../../tensor/ops/planes.js";
import * as s from "../../tensor/ops/sampling.js";
import { randomNormal, Tensor } from "../../tensor/tensor.js";
import type { Example, Examples } from "../laws.js";

/**
 * Coordinates a quarter of a cell or more away from cell borders, where linear weights have kinks; about one in six outside the image.
 * The steps of the laws (10⁻², times a normal number) stay inside the cell.
 */
const coordinates = (shape: number[], extent: number, random: Random) =>
  Tensor.from(
    randomNormal(shape, random, "f64").data.map((v) => Math.round(extent * (0.5 + 0.35 * v)) + 0.5 + 0.2 * Math.tanh(3 * v)),
    shape,
    "f64",
  );
const points =
  (shape: number[], extent: number, image: number[], ...more: number[][]) =>
  (random: Random) => [
    randomNormal(image, random, "f64"),
    coordinates(shape, extent, random),
    ...more.map((m) => randomNormal(m, random, "f64")),
  ];
const kinds = ["linear", "cubic", "bspline"] as const;
const borders = ["clamp", "constant"] as const;
const sizes = [
  [2, 4, 5],
  [1, 3, 4, 5],
];
const all = (make: (interpolation: (typeof kinds)[number], border: (typeof borders)[number], image: number[]) => Example) =>
  kinds.flatMap((k) => borders.flatMap((b) => sizes.map((size) => make(k, b, size))));
const p = (interpolation: s.SamplingKind, border: "clamp" | "constant", image: number[], n: number) =>
  s.samplingParameters("law", image, { layout: "points", outSize: [n] }, { interpolation, border });

/** Displacements whose positions keep away from cell borders: integers plus (0.3 … 0.7). */
const displacement = (shape: number[], random: Random) => coordinates(shape, 2, random);

export const samplingExamples: Examples = {
  sample: [
    ...all((interpolation, border, size) => ({
      f: (image, q) => s.sample(image, q, { interpolation, border, fill: 0.5 }),
      inputs: points([5, size.length - 1], 4, size),
    })),
    ...sizes.map(
      (size): Example => ({
        f: (image, u) => s.warpField(image, u, { interpolation: "linear", base: size.length === 3 ? [1, 0, 1, 0, -1, 3] : undefined }),
        inputs: (random) => [randomNormal(size, random, "f64"), displacement([size.length - 1, ...size.slice(1)], random)],
      }),
    ),
    {
      f: (image) => s.warpAffine(image, [0.9, 0.1, 0.3, -0.1, 1.1, 0.2], [3, 4], { fill: 2, border: "constant" }),
      inputs: (r) => [randomNormal([2, 4, 5], r, "f64")],
    },
    {
      f: (image) => s.sample(image, Tensor.from([0.2, 1.4, 2.6, 0.3], [2, 2], "f64"), { interpolation: "nearest" }),
      inputs: (r) => [randomNormal([2, 3, 4], r, "f64")],
    },
    // A directional derivative is an instance of the same primitive.
    ...all((interpolation, border, size) => ({
      f: (image, q, h) => s.samplingPrimitives.sampled([image, q, h], p(interpolation, border, size, 4)),
      inputs: points([4, size.length - 1], 4, size, [4, size.length - 1]),
    })),
  ],
  sampleGradient: all((interpolation, border, size) => ({
    f: (image, q, g) => s.samplingPrimitives.gradientOf([image, q, g], p(interpolation, border, size, 4)),
    inputs: points([4, size.length - 1], 4, size, [size[0], 4]),
  })),
  splat: [
    ...all((interpolation, border, size) => ({
      f: (g, q) => s.splat(g, q, size.slice(1), { interpolation, border }),
      inputs: points([4, size.length - 1], 4, [size[0], 4]),
    })),
    { f: (g, u) => s.splatField(g, u, [4, 5]), inputs: (r) => [randomNormal([2, 3, 4], r, "f64"), displacement([2, 3, 4], r)] },
    {
      f: (g, q, h) => s.samplingPrimitives.splatted([g, q, h], p("bspline", "clamp", [1, 3, 4, 5], 4)),
      inputs: points([4, 3], 4, [1, 4], [4, 3]),
    },
  ],
  sampleBoth: [
    ...all((interpolation, border, size) => ({
      f: (image, q) => {
        const { value, gradient } = s.sampleWithGradient(image, q, { interpolation, border, fill: 0.5 });
        return gradient.add(value.reshape(size[0], 1, 4));
      },
      inputs: points([4, size.length - 1], 4, size),
    })),
    {
      f: (image, u) => s.warpFieldWithGradient(image, u, { interpolation: "bspline" }).gradient,
      inputs: (r) => [randomNormal([2, 5, 4], r, "f64"), displacement([2, 2, 3], r)],
    },
  ],
  bsplinePrefilter: [
    { f: (x) => s.bsplinePrefilter(x), inputs: (r) => [randomNormal([2, 4, 5], r, "f64")] },
    { f: (x) => s.bsplinePrefilter(x, { adjoint: true }), inputs: (r) => [randomNormal([1, 1, 2, 5], r, "f64")] },
  ],
  turnPlanes: [
    { f: (u) => turnPlanes(u, [1, 2, -3, 0.5]), inputs: (r) => [randomNormal([2, 3, 4], r, "f64")] },
    { f: (u) => turnPlanes(u, [1, 2, 3, 0, -1, 0.5, 4, 0, 2]), inputs: (r) => [randomNormal([3, 2, 3, 2], r, "f64")] },
  ],
  composeFields: sizes.map((size): Example => {
    const shape = [size.length - 1, ...size.slice(1)];
    return {
      f: (u, v) => s.composeFields(u, v),
      inputs: (r) => [randomNormal(shape, r, "f64"), displacement(shape, r)],
    };
  }),
};
