// MR brought onto transrectal ultrasound of five patients: the gland's outline, drawn in both.
import { registrationData } from "../data.mjs";
import { readImage } from "../images.mjs";
import { carryLabels, dice, foldedPercent } from "../score.mjs";

const file = (name) => registrationData("prostate_mr_us", `${name}.nii.gz`);
const start = { case00: 0.55, case01: 0.703, case02: 0.656, case03: 0.62, case04: 0.682 };
/** The gland is the first channel. */
function gland(name) {
  const image = readImage(file(name));
  const n = image.size.reduce((a, b) => a * b, 1);
  return { ...image, values: image.values.slice(0, n).map((v) => (v > 0 ? 1 : 0)), components: 1 };
}

export default {
  name: "prostate_mr_us",
  about: "MR onto ultrasound, 3-D",
  figure: "Dice of the gland",
  smaller: false,
  summary: { goal: { value: 0.78, seconds: 10 } },
  pairs: () =>
    Object.keys(start).map((name) => ({
      name,
      fixed: file(`${name}_us`),
      moving: file(`${name}_mr`),
      ours: { rigid: ["--preset", "rigid", "--metric", "mind", "--init", "mind"] },
      elastix: ["rigid"],
      score: async (result) => {
        const field = await result.field();
        return {
          value: dice(gland(`${name}_us_labels`).values, carryLabels(gland(`${name}_mr_labels`), field)),
          start: start[name],
          folded: foldedPercent(field),
        };
      },
    })),
};
