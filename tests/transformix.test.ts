import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type RawImage, readPoints, readRaw } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { blobs, put } from "./support/data.js";

/*
 * What `apply` does with images, labels and points in both directions, against ITK's own resampling (transformix of elastix), on
 * oblique, anisotropic grids with different direction words.
 */
const transformix = spawnSync("transformix", ["--version"]).status === 0;
if (!transformix) console.log("transformix is not installed (apt-get install elastix): the comparison with ITK's resampling is skipped");

beforeAll(built);

const read = (path: string): RawImage => readRaw(readFileSync(path), path);
const fixedPlace = { spacing: [1.2, 1, 1.5], origin: [-10, 5, 20], direction: [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1] };
// The moving image's first axis runs backwards and its second and third are exchanged.
const movingPlace = { spacing: [1, 1.4, 1.1], origin: [14, 10, 52], direction: [-1, 0, 0, 0, 0, 1, 0, -1, 0] };

/** Soft spots in space (mm), sampled on a grid; `bend` moves every point a little, and not alike. */
function sampled(size: readonly number[], place: typeof fixedPlace, bend: number): RawImage {
  const raw = { ...blobs(size), ...place };
  const spots = [
    { at: [-8, 21, 31], radius: 7, value: 100 },
    { at: [0, 26, 38], radius: 5, value: 160 },
    { at: [-3, 29, 29], radius: 4, value: 80 },
    { at: [-12, 27, 42], radius: 6, value: 60 },
  ];
  const data = raw.data as Float32Array;
  for (let i = 0; i < data.length; i++) {
    const index = [i % size[0], Math.floor(i / size[0]) % size[1], Math.floor(i / size[0] / size[1])];
    const p = [0, 1, 2].map((r) => place.origin[r] + index.reduce((s, k, c) => s + place.direction[3 * r + c] * place.spacing[c] * k, 0));
    const q = [p[0] + bend * Math.sin(p[1] / 6), p[1] + bend, p[2] - bend * Math.cos(p[0] / 7)];
    data[i] = spots.reduce(
      (s, { at, radius, value }) => s + value * Math.exp(-at.reduce((r, a, k) => r + ((q[k] - a) / radius) ** 2, 0)),
      0,
    );
  }
  return raw;
}

/** Run transformix with one parameter file. */
function itk(
  at: string,
  like: RawImage,
  transform: readonly string[],
  what: { image?: string; points?: string; labels?: boolean },
): string {
  const [size, spacing, origin] = [like.size, like.spacing, like.origin].map((v) => (v as number[]).join(" "));
  const direction = like.direction as number[];
  // elastix lists the direction column by column.
  const columns = [0, 1, 2].flatMap((c) => [0, 1, 2].map((r) => direction[3 * r + c])).join(" ");
  const file = join(at, "transform.txt");
  writeFileSync(
    file,
    [
      ...transform,
      '(InitialTransformParametersFileName "NoInitialTransform")\n(HowToCombineTransforms "Compose")',
      '(FixedImageDimension 3)\n(MovingImageDimension 3)\n(FixedInternalImagePixelType "float")\n(MovingInternalImagePixelType "float")',
      `(Size ${size})\n(Index 0 0 0)\n(Spacing ${spacing})\n(Origin ${origin})\n(Direction ${columns})\n(UseDirectionCosines "true")`,
      `(ResampleInterpolator "FinalBSplineInterpolator")\n(FinalBSplineInterpolationOrder ${what.labels ? 0 : 1})`,
      '(Resampler "DefaultResampler")\n(DefaultPixelValue 0)\n(ResultImageFormat "mha")\n(ResultImagePixelType "float")\n(CompressResultImage "false")',
    ].join("\n"),
  );
  const args = ["-tp", file, "-out", at, ...(what.image ? ["-in", what.image] : []), ...(what.points ? ["-def", what.points] : [])];
  const ran = spawnSync("transformix", args, { encoding: "utf8" });
  if (ran.status !== 0) throw new Error(`transformix: ${ran.stdout.slice(-2000)}`);
  return at;
}
const outputPoints = (at: string) =>
  [...readFileSync(join(at, "outputpoints.txt"), "utf8").matchAll(/OutputPoint = \[([^\]]*)\]/g)].flatMap((m) =>
    m[1].trim().split(/\s+/).map(Number),
  );
const affine = (matrix: readonly number[], offset: readonly number[]) => [
  `(Transform "AffineTransform")\n(NumberOfParameters 12)\n(TransformParameters ${[...matrix, ...offset].join(" ")})\n(CenterOfRotationPoint 0 0 0)`,
];
const field = (path: string) => [
  `(Transform "DeformationFieldTransform")\n(NumberOfParameters 0)\n(DeformationFieldFileName "${path}")\n(DeformationFieldInterpolationOrder 1)`,
];

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
};
const unequal = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).filter((v, i) => v !== b[i]).length / a.length;

describe.runIf(transformix)("apply agrees with ITK", () => {
  /** One registration of each kind, its images and points carried by us. */
  async function carried(preset: "affine" | "diffeo") {
    const at = folder();
    const data = put(at, {
      "f.mha": sampled([26, 24, 22], fixedPlace, 0),
      "m.mha": sampled([36, 28, 26], movingPlace, 0.8),
    });
    const labels = { ...read(data["m.mha"]) };
    const classes = (raw: RawImage): RawImage => ({
      ...raw,
      data: Uint8Array.from(raw.data as Float32Array, (v) => (v > 60 ? 2 : v > 20 ? 1 : 0)),
    });
    const more = put(at, {
      "ml.mha": classes(labels),
      "fl.mha": classes(read(data["f.mha"])),
      "p.csv": "x,y,z\n-1,24,34\n-7,23,36\n-4.5,26.25,33\n",
    });
    const out = join(at, "out");
    const ran = await pullback(["register", data["f.mha"], data["m.mha"], "-o", out, "--preset", preset, "--json"]);
    expect([0, 4], ran.stderr).toContain(ran.code);
    const transform = join(out, "transform.json");
    const apply = (input: string, to: string, name: string, ...extra: string[]) =>
      pullback(["apply", input, "--transform", transform, "--to", to, "-o", join(at, name), ...extra]);
    await apply(data["m.mha"], "fixed", "m-in-f.mha");
    await apply(data["f.mha"], "moving", "f-in-m.mha");
    await apply(more["ml.mha"], "fixed", "ml-in-f.mha", "--interp", "label");
    await apply(more["fl.mha"], "moving", "fl-in-m.mha", "--interp", "label");
    await apply(more["p.csv"], "moving", "p-in-m.csv");
    await apply(join(at, "p-in-m.csv"), "fixed", "p-back.csv");
    return { at, out, data, more, transform };
  }

  test.each(["affine", "diffeo"] as const)("%s: images, labels and points, to fixed and to moving", async (preset) => {
    const { at, out, data, more, transform } = await carried(preset);
    const fixed = read(data["f.mha"]);
    const moving = read(data["m.mha"]);
    const inverse = join(at, "back.json");
    await pullback(["transform", "invert", transform, "-o", inverse]);
    const described = async (path: string, like: string, name: string) => {
      if (preset === "diffeo") {
        const file = join(at, `${name}.mha`);
        await pullback(["transform", "field", path, "--like", like, "-o", file]);
        return field(file);
      }
      const text = join(at, `${name}.tfm`);
      await pullback(["transform", "convert", path, "-o", text]);
      const lines = readFileSync(text, "utf8");
      const numbers = (key: string) => (lines.match(new RegExp(`^${key}: (.*)$`, "m"))?.[1] ?? "").trim().split(/\s+/).map(Number);
      const p = numbers("Parameters");
      const c = numbers("FixedParameters");
      const matrix = p.slice(0, 9);
      // y(x) = A(x − c) + c + t
      const offset = [0, 1, 2].map((i) => p[9 + i] + c[i] - c.reduce((s, v, j) => s + matrix[3 * i + j] * v, 0));
      return affine(matrix, offset);
    };
    const forward = await described(transform, data["f.mha"], "forward");
    const backward = await described(inverse, data["m.mha"], "backward");
    const place = (name: string) => {
      mkdirSync(join(at, name));
      return join(at, name);
    };
    const result = (name: string, like: RawImage, how: string[], what: Parameters<typeof itk>[3]) =>
      read(join(itk(place(name), like, how, what), "result.mha")).data;
    // f32 positions and values up to 160: a hundredth of a gray level. ITK also fills the half voxel around an image's outermost samples,
    // where we know nothing: there, and only there, ITK has values and we have none.
    const both = (a: ArrayLike<number>, b: ArrayLike<number>) => {
      const keep = Array.from(a, (_, i) => i).filter((i) => a[i] !== 0 && b[i] !== 0);
      expect(keep.length).toBeGreaterThan(0.3 * a.length);
      expect(Array.from(a, (_, i) => i).filter((i) => a[i] !== 0 && b[i] === 0).length).toBeLessThan(1e-3 * a.length);
      expect(Array.from(a, (_, i) => i).filter((i) => a[i] === 0 && b[i] !== 0).length).toBeLessThan(0.12 * a.length);
      return largest(
        keep.map((i) => a[i]),
        keep.map((i) => b[i]),
      );
    };
    expect(both(read(join(at, "m-in-f.mha")).data, result("i1", fixed, forward, { image: data["m.mha"] }))).toBeLessThan(0.02);
    expect(both(read(join(at, "f-in-m.mha")).data, result("i2", moving, backward, { image: data["f.mha"] }))).toBeLessThan(0.02);
    // Labels may differ where a position falls between two voxels to the last bit.
    expect(unequal(read(join(at, "ml-in-f.mha")).data, result("l1", fixed, forward, { image: more["ml.mha"], labels: true }))).toBeLessThan(
      1e-3,
    );
    expect(
      unequal(read(join(at, "fl-in-m.mha")).data, result("l2", moving, backward, { image: more["fl.mha"], labels: true })),
    ).toBeLessThan(1e-3);
    const points = readPoints(readFileSync(more["p.csv"])).points;
    const list = (p: ArrayLike<number>) =>
      `point\n${p.length / 3}\n${Array.from({ length: p.length / 3 }, (_, k) => [p[3 * k], p[3 * k + 1], p[3 * k + 2]].join(" ")).join("\n")}\n`;
    writeFileSync(join(at, "points.txt"), list(points));
    const mapped = readPoints(readFileSync(join(at, "p-in-m.csv"))).points;
    expect(largest(mapped, outputPoints(itk(place("p1"), fixed, forward, { points: join(at, "points.txt") })))).toBeLessThan(1e-3);
    writeFileSync(join(at, "mapped.txt"), list(mapped));
    const back = readPoints(readFileSync(join(at, "p-back.csv"))).points;
    expect(largest(back, outputPoints(itk(place("p2"), moving, backward, { points: join(at, "mapped.txt") })))).toBeLessThan(
      preset === "affine" ? 1e-3 : 0.02,
    );
    expect(largest(back, points)).toBeLessThan(preset === "affine" ? 1e-3 : 0.1);
    // The registration's own warped image is what apply makes.
    expect(largest(read(join(out, "warped.mha")).data, read(join(at, "m-in-f.mha")).data)).toBeLessThan(0.02);
  });
});
