// Two skull-stripped brains, 160×192×224 at 1 mm, already affinely close; structures labelled by FreeSurfer.
import { registrationData } from "../data.mjs";
import { readImage } from "../images.mjs";
import { carryLabels, dice, foldedPercent } from "../score.mjs";

export const oasisLabels = [
  2, 3, 4, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 28, 31, 41, 42, 43, 46, 47, 49, 50, 51, 52, 53, 54, 60, 63,
];
const file = (name) => registrationData("brain3d_oasis", `${name}.nii.gz`);

export default {
  name: "brain3d_oasis",
  about: "two brains, deformable",
  figure: "mean Dice of 30 structures",
  smaller: false,
  pairs: () => [
    {
      name: "A ← B",
      fixed: file("A"),
      moving: file("B"),
      ours: { diffeo: ["--preset", "diffeo"], quick: ["--preset", "quick"] },
      elastix: ["affine", "bsplineMi10"],
      goal: { value: 0.765, seconds: 40 },
      goals: { quick: { value: 0.73, seconds: 12 } },
      score: async (result) => {
        const field = await result.field();
        return {
          value: dice(readImage(file("A_seg")).values, carryLabels(readImage(file("B_seg")), field), oasisLabels),
          folded: foldedPercent(field),
        };
      },
    },
  ],
};
