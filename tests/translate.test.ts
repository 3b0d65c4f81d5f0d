import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readPoints } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { blobs, put } from "./support/data.js";

/* Settings of elastix, translated and run: what they give is compared with what elastix itself gives for the same pair. */
const elastix = ["elastix", "transformix"].every((p) => spawnSync(p, ["--version"]).status === 0);
if (!elastix) console.log("elastix is not installed (apt-get install elastix): what translated settings give is not compared with elastix");

beforeAll(built);

const common = `(FixedImageDimension 3)
(MovingImageDimension 3)
(FixedInternalImagePixelType "float")
(MovingInternalImagePixelType "float")
(Registration "MultiResolutionRegistration")
(FixedImagePyramid "FixedRecursiveImagePyramid")
(MovingImagePyramid "MovingRecursiveImagePyramid")
(Interpolator "LinearInterpolator")
(ResampleInterpolator "FinalBSplineInterpolator")
(Resampler "DefaultResampler")
(Optimizer "AdaptiveStochasticGradientDescent")
(AutomaticScalesEstimation "true")
(AutomaticTransformInitialization "true")
(HowToCombineTransforms "Compose")
(NumberOfResolutions 2)
(MaximumNumberOfIterations 300)
(ImageSampler "RandomCoordinate")
(NumberOfSpatialSamples 2000)
(NewSamplesEveryIteration "true")
(WriteResultImage "false")
(UseDirectionCosines "true")
`;
const affine = `${common}(Transform "AffineTransform")\n(Metric "AdvancedNormalizedCorrelation")\n`;
const bspline =
  `${common.replace("(AutomaticTransformInitialization", "(WriteTransformParametersEachIteration")}(Transform "BSplineTransform")
(Metric "AdvancedNormalizedCorrelation")
(FinalGridSpacingInVoxels 8)
`.replace('EachIteration "true"', 'EachIteration "false"');

/** The spots, stretched by a tenth along x, moved, and bent by a soft wave. */
function pair(at: string, bend: number) {
  const size = [40, 36, 32];
  const fixed = blobs(size);
  const moving = blobs(size);
  const source = fixed.data;
  for (let z = 0; z < size[2]; z++)
    for (let y = 0; y < size[1]; y++)
      for (let x = 0; x < size[0]; x++) {
        // moving(q) = fixed(p) with q = truth(p); here p is found from q by a few fixed-point steps
        let p = [x, y, z];
        for (let k = 0; k < 12; k++) {
          const t = truth(p, bend);
          p = p.map((v, i) => v + [x, y, z][i] - t[i]);
        }
        moving.data[(z * size[1] + y) * size[0] + x] = at3(source, size, p);
      }
  return put(at, { "f.mha": fixed, "m.mha": moving });
}
const truth = ([x, y, z]: number[], bend: number): number[] => [
  20 + 1.1 * (x - 20) + 1.5 + bend * Math.sin(y / 6),
  y - 1 + bend * Math.cos(x / 7),
  z + 1 + bend * Math.sin(x / 8),
];
function at3(data: ArrayLike<number>, size: number[], p: number[]): number {
  const base = p.map(Math.floor);
  let sum = 0;
  for (let k = 0; k < 8; k++) {
    const corner = base.map((b, i) => b + ((k >> i) & 1));
    if (corner.some((c, i) => c < 0 || c >= size[i])) continue;
    const w = corner.reduce((a, c, i) => a * (1 - Math.abs(p[i] - c)), 1);
    sum += w * data[(corner[2] * size[1] + corner[1]) * size[0] + corner[0]];
  }
  return sum;
}
/** Places where the spots have slopes: elsewhere images say nothing about where points go. */
const probes = [14, 18, 22, 26].flatMap((x) => [14, 18, 22].flatMap((y) => [12, 16, 20].map((z) => [x, y, z])));
const distance = (a: readonly number[][], b: readonly number[][]) =>
  a.reduce((s, p, k) => s + Math.hypot(...p.map((v, i) => v - b[k][i])), 0) / a.length;

/** Where elastix's own run sends the probes. */
function byElastix(at: string, files: readonly string[]): number[][] {
  const out = join(at, "elastix");
  mkdirSync(out);
  execFileSync(
    "elastix",
    ["-f", join(at, "f.mha"), "-m", join(at, "m.mha"), ...files.flatMap((f) => ["-p", f]), "-out", out, "-threads", "1"],
    { stdio: "ignore" },
  );
  const points = join(at, "points.txt");
  writeFileSync(points, `point\n${probes.length}\n${probes.map((p) => p.join(" ")).join("\n")}\n`);
  execFileSync("transformix", ["-def", points, "-tp", join(out, `TransformParameters.${files.length - 1}.txt`), "-out", out], {
    stdio: "ignore",
  });
  return [...readFileSync(join(out, "outputpoints.txt"), "utf8").matchAll(/OutputPoint = \[([^\]]*)\]/g)].map((m) =>
    m[1].trim().split(/\s+/).map(Number),
  );
}
/** Where the translated settings send them. */
async function byPullback(at: string, files: readonly string[]): Promise<number[][]> {
  const config = join(at, "settings.json");
  const converted = await pullback(["convert", ...files, "-o", config, "--json"]);
  expect(converted.code).toBe(0);
  const ran = await pullback(["register", join(at, "f.mha"), join(at, "m.mha"), "--config", config, "-o", join(at, "ours/"), "--json"]);
  expect(ran.stderr).not.toMatch(/error/i);
  put(at, { "p.csv": `x,y,z\n${probes.map((p) => p.join(",")).join("\n")}\n` });
  await pullback(["apply", join(at, "p.csv"), "--transform", join(at, "ours/transform.json"), "--to", "moving", "-o", join(at, "q.csv")]);
  const q = readPoints(readFileSync(join(at, "q.csv"))).points;
  return probes.map((_, k) => [q[3 * k], q[3 * k + 1], q[3 * k + 2]]);
}

describe("pullback convert of settings", () => {
  test("a parameter file without counterparts for all of it: a config, and a sentence for each that has none", async () => {
    const at = folder();
    const { "b.txt": file } = put(at, { "b.txt": bspline });
    const { json, code } = await pullback(["convert", file, "-o", join(at, "c.json"), "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(join(at, "c.json"), "utf8"))).toEqual({ preset: "bspline", metric: "ncc", levels: [2, 1] });
    expect((json.missing as string[]).some((m) => /FinalGridSpacingInVoxels 8/.test(m))).toBe(true);
    const printed = await pullback(["convert", file]);
    expect(printed.stdout).toMatch(/^# without counterpart: [\s\S]*^pullback register FIXED MOVING --preset bspline/m);
  });
  test("a command line of ANTs after --, and a script of them as a script", async () => {
    const line = "antsRegistrationSyN.sh -d 3 -f F.nii -m M.nii -o out -t a".split(" ");
    const { json } = await pullback(["convert", "--json", "--", ...line]);
    expect(json).toMatchObject({
      commands: [{ argv: ["register", "F.nii", "M.nii", "--preset", "affine", "--metric", "mi", "-o", "out/"] }],
    });
    const at = folder();
    const { "a.sh": script } = put(at, { "a.sh": `${line.join(" ")}\nls\n${line.join(" ").replace("out", "out2")}\n` });
    expect((await pullback(["convert", script, "-o", join(at, "c.json")])).stderr).toMatch(/2 registrations/);
    expect((await pullback(["convert", script, "-o", join(at, "b.sh")])).code).toBe(0);
    expect(spawnSync("sh", ["-n", join(at, "b.sh")]).status).toBe(0);
    expect(readFileSync(join(at, "b.sh"), "utf8")).toMatch(/^# without counterpart: line 2, ls/m);
  });
  test("two images are no settings", async () => {
    const at = folder();
    const paths = put(at, { "a.npy": blobs([8, 8]), "b.npy": blobs([8, 8]) });
    expect(await pullback(["convert", paths["a.npy"], paths["b.npy"], "-o", join(at, "c.npy")])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/2 inputs came/),
    });
  });
  test.skipIf(!elastix)("an affine elastix file gives what elastix gives", async () => {
    const at = folder();
    pair(at, 0);
    const { "a.txt": file } = put(at, { "a.txt": affine });
    const [theirs, ours] = [byElastix(at, [file]), await byPullback(at, [file])];
    const wanted = probes.map((p) => truth(p, 0));
    // Without a registration points are two voxels off; random samples leave elastix within a few tenths.
    expect(distance(probes, wanted)).toBeGreaterThan(1.5);
    expect(distance(ours, theirs)).toBeLessThan(0.4);
    expect(distance(ours, wanted)).toBeLessThan(distance(theirs, wanted) + 0.1);
  });
  test.skipIf(!elastix)("an affine and a B-spline file, two stages, give what elastix gives", async () => {
    const at = folder();
    pair(at, 1);
    const files = Object.values(put(at, { "a.txt": affine, "b.txt": bspline }));
    const [theirs, ours] = [byElastix(at, files), await byPullback(at, files)];
    const wanted = probes.map((p) => truth(p, 1));
    // Deformations agree where the spots have slopes, and are each other's guess where they have none: half a voxel in the mean.
    expect(distance(ours, theirs)).toBeLessThan(0.6);
    expect(distance(ours, wanted)).toBeLessThan(distance(theirs, wanted) + 0.2);
  });
});
