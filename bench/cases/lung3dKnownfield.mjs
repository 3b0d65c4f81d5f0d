// A CT lung warped by a known smooth field with noise on both images; 2000 exact point pairs at structures.
import { registrationData } from "../data.mjs";
import { readPoints } from "../images.mjs";
import { distances, flip, foldedPercent, insistOnOneTransform, mean, percentile } from "../score.mjs";

const file = (name) => registrationData("lung3d_knownfield", name);
const points = (side) =>
  flip(
    readPoints(
      file("points_mm.csv"),
      ["x", "y", "z"].map((a) => `${side}_${a}`),
    ),
  );

export default {
  name: "lung3d_knownfield",
  about: "CT lung, known smooth field, deformable",
  figure: "mean TRE, mm",
  smaller: true,
  pairs: () => [
    {
      name: "lung",
      fixed: file("fixed.nii.gz"),
      moving: file("moving.nii.gz"),
      ours: { diffeo: ["--preset", "diffeo"], bspline: ["--preset", "bspline"] },
      elastix: ["bsplineNcc16"],
      goal: { value: 0.35, seconds: 4 },
      score: async (result) => {
        const mapped = await result.points(points("fixed"));
        const field = await result.field();
        insistOnOneTransform(field, points("fixed"), mapped);
        const errors = distances(mapped, points("moving"));
        return { value: mean(errors), median: percentile(errors, 50), p95: percentile(errors, 95), folded: foldedPercent(field) };
      },
    },
  ],
};
