// Consecutive lung sections in three stains, about 80 landmarks each.
import { registrationData } from "../data.mjs";
import { readPoints } from "../images.mjs";
import { distances, foldedPercent, insistOnOneTransform, mean, percentile } from "../score.mjs";

const file = (name, end) => registrationData("histology_landmarks", `${name}-les3.${end}`);

export default {
  name: "histology_landmarks",
  about: "stained sections, deformable, different stains",
  figure: "mean TRE, px",
  smaller: true,
  pairs: () =>
    [
      ["CD31-3", 6.3],
      ["Ki67-7", 12.5],
    ].map(([stain, goal]) => ({
      name: `H&E ← ${stain.slice(0, 4)}`,
      fixed: file("He", "jpg"),
      moving: file(stain, "jpg"),
      ours: { diffeo: ["--preset", "diffeo"] },
      elastix: ["affine", "bsplineMi40"],
      goal: { value: goal, seconds: 4 },
      score: async (result) => {
        const [a, b] = [file("He", "csv"), file(stain, "csv")].map((f) => readPoints(f, ["x", "y"]));
        const n = Math.min(a.length, b.length); // the same row is the same landmark
        const mapped = await result.points(a.slice(0, n));
        const field = await result.field();
        insistOnOneTransform(field, a.slice(0, n), mapped);
        const errors = distances(mapped, b.slice(0, n));
        return { value: mean(errors), median: percentile(errors, 50), folded: foldedPercent(field) };
      },
    })),
};
