// COPDgene lungs, breathed out ← in: keypoint clouds without partners, scored by 300 expert landmark pairs (voxels).
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registrationData } from "../data.mjs";
import { readPoints, writePoints } from "../images.mjs";
import { distances, mean, percentile } from "../score.mjs";

const file = (copd, what) => registrationData("lung_points", `copd0${copd}_${what}.csv`);

/**
 * The files of the clouds interleave two kinds of rows: a keypoint of the image (whole voxels), then where an image registration saw it in the OTHER image.
 * Only the keypoints are a cloud of their image; the order of the rows would give the partners away.
 */
function keypoints(copd, breath, folder) {
  const rows = readPoints(file(copd, `${breath}_cloud`), ["x", "y", "z"]).filter((_, i) => i % 2 === 0);
  if (!rows.flat().every(Number.isInteger)) throw new Error(`bench: ${file(copd, breath)} does not interleave keypoints as expected`);
  const path = join(folder, `copd0${copd}_${breath}.csv`);
  writePoints(path, rows);
  return path;
}

export default {
  name: "lung_points",
  about: "lung keypoints without partners, large breaths; drift is the rigid baseline",
  figure: "mean landmark distance, voxels",
  smaller: true,
  summary: { goal: { value: 1.7, seconds: 5 } },
  pairs: () => {
    const folder = mkdtempSync(join(tmpdir(), "pullback-lungs-"));
    return [2, 3, 4, 5].map((copd) => ({
      name: `copd${copd} exhale ← inhale`,
      fixed: keypoints(copd, "exp", folder),
      moving: keypoints(copd, "insp", folder),
      ours: { deformable: [], rigid: ["--preset", "rigid"] },
      goals: { deformable: { value: 1.7, seconds: 5 } },
      score: async (result) => {
        const [a, b] = ["exh", "insp"].map((t) =>
          readPoints(
            file(copd, "landmarks"),
            ["x", "y", "z"].map((k) => `${t}_${k}`),
          ),
        );
        const errors = distances(await result.points(a), b);
        return { value: mean(errors), median: percentile(errors, 50) };
      },
    }));
  },
};
