// Two people's label maps with synthesised T1 and T2 contrast: registration within and across contrasts.
import { registrationData } from "../data.mjs";
import { readImage } from "../images.mjs";
import { carryLabels, dice, foldedPercent } from "../score.mjs";
import { oasisLabels } from "./brain3dOasis.mjs";

const file = (name) => registrationData("brain3d_synthcontrast", `${name}.nii.gz`);
const labels = oasisLabels.filter((l) => l !== 31 && l !== 63);

export default {
  name: "brain3d_synthcontrast",
  about: "two brains, same and different contrast, deformable",
  figure: "mean Dice of 28 structures",
  smaller: false,
  pairs: () =>
    ["t1", "t2"].map((contrast) => ({
      name: `T1 ← ${contrast.toUpperCase()}`,
      fixed: file("s01_t1"),
      moving: file(`s02_${contrast}`),
      ours: { diffeo: ["--preset", "diffeo", ...(contrast === "t2" ? ["--metric", "mi"] : [])] },
      elastix: ["affine", "bsplineMi10"],
      goal: { value: contrast === "t1" ? 0.745 : 0.735, seconds: 6 },
      score: async (result) => {
        const field = await result.field();
        const moved = carryLabels(readImage(file("s02_labels")), field);
        return { value: dice(readImage(file("s01_labels")).values, moved, labels), folded: foldedPercent(field) };
      },
    })),
};
