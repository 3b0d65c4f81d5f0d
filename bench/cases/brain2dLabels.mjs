// Ten axial T1 slices with manual labels, registered in a circle: s01 ← s02, …, s10 ← s01.
import { registrationData } from "../data.mjs";
import { readImage } from "../images.mjs";
import { carryLabels, dice, foldedPercent } from "../score.mjs";

const slice = (k, what = "") => registrationData("brain2d_labels", `s${String((k % 10) + 1).padStart(2, "0")}${what}.png`);

export default {
  name: "brain2d_labels",
  about: "ten slices of different people, deformable",
  figure: "mean Dice of the labels in the fixed slice",
  smaller: false,
  summary: { goal: { value: 0.48, seconds: 0.4 } },
  pairs: () =>
    Array.from({ length: 10 }, (_, k) => ({
      name: `s${k + 1} ← s${((k + 1) % 10) + 1}`,
      fixed: slice(k),
      moving: slice(k + 1),
      ours: { diffeo: ["--preset", "diffeo"], bspline: ["--preset", "bspline"] },
      elastix: ["affine", "bsplineNcc6"],
      score: async (result) => {
        const field = await result.field();
        return {
          value: dice(readImage(slice(k, "_labels")).values, carryLabels(readImage(slice(k + 1, "_labels")), field)),
          folded: foldedPercent(field),
        };
      },
    })),
};
