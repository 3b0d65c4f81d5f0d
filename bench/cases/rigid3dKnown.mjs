// MNI152 at 2 mm under known rigid motions, in its own contrast (T1) and against its grey-matter map.
import { readFileSync } from "node:fs";
import { registrationData } from "../data.mjs";
import { readImage } from "../images.mjs";
import { applyMatrix, distances, flip, mean, percentile } from "../score.mjs";

const file = (name) => registrationData("rigid3d_known", name);

/** Every 5000th voxel (x slowest, z fastest) above the 60th percentile of the fixed image, in RAS mm. */
function testPoints(fixed) {
  const [W, H, D] = fixed.size;
  const bound = percentile(fixed.values, 60);
  const points = [];
  let count = 0;
  for (let x = 0; x < W; x++)
    for (let y = 0; y < H; y++)
      for (let z = 0; z < D; z++)
        if (fixed.values[(z * H + y) * W + x] > bound && count++ % 5000 === 0) points.push([x, y, z].map((v, a) => v * fixed.spacing[a]));
  return points;
}

const pair = (contrast, k) => ({
  name: `${contrast === "t1" ? "T1" : "GM"} ${k}`,
  fixed: file("mni_t1_fixed.nii.gz"),
  moving: file(`mni_${contrast}_moving${k}.nii.gz`),
  ours: { rigid: contrast === "t1" ? ["--preset", "rigid"] : ["--preset", "rigid", "--metric", "mi"] },
  elastix: ["rigid"],
  goal: { value: contrast === "t1" ? 0.012 : 0.06, seconds: 0.8 },
  score: async (result) => {
    const matrix = readFileSync(file(`moving${k}_fixed_to_moving_mm_4x4.txt`), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number));
    const points = testPoints(readImage(file("mni_t1_fixed.nii.gz")));
    const errors = distances(flip(await result.points(flip(points))), applyMatrix(matrix, points));
    return { value: mean(errors), max: Math.max(...errors) };
  },
});

export default {
  name: "rigid3d_known",
  about: "rigid, 3-D, known motion of 25 and 32 mm",
  figure: "mean TRE, mm",
  smaller: true,
  pairs: () => [pair("t1", 0), pair("t1", 1), pair("gm", 0), pair("gm", 1)],
};
