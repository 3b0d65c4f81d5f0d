// Short-axis cine MR of two patients at two phases of the heart: the cavity of the left ventricle carried from b to a.
import { readdirSync } from "node:fs";
import { registrationData } from "../data.mjs";
import { readImage } from "../images.mjs";
import { carryLabels, dice, foldedPercent } from "../score.mjs";

const file = (name) => registrationData("cine_ed_es", `${name}.png`);

export default {
  name: "cine_ed_es",
  about: "beating heart, 2-D, deformable",
  figure: "Dice of the left ventricle",
  smaller: false,
  summary: { goal: { value: 0.905, seconds: 0.25 } },
  pairs: () =>
    readdirSync(registrationData("cine_ed_es"))
      .filter((f) => f.endsWith("_a.png"))
      .sort()
      .map((f) => {
        const name = f.slice(0, -6);
        return {
          name,
          fixed: file(`${name}_a`),
          moving: file(`${name}_b`),
          ours: { diffeo: ["--preset", "diffeo"], bspline: ["--preset", "bspline"] },
          elastix: ["bsplineNcc16"],
          score: async (result) => {
            const field = await result.field();
            return {
              value: dice(readImage(file(`${name}_a_lv`)).values, carryLabels(readImage(file(`${name}_b_lv`)), field)),
              folded: foldedPercent(field),
            };
          },
        };
      }),
};
