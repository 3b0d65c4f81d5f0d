// Eyegrounds under different light and dye, 20 landmarks each; the landmarks themselves are good to 2.3-8 px (best affine map).
import { readdirSync } from "node:fs";
import { registrationData } from "../data.mjs";
import { readPoints } from "../images.mjs";
import { distances, mean, percentile } from "../score.mjs";

const folder = "retina_multimodal";
const file = (name) => registrationData(folder, name);

export default {
  name: folder,
  about: "retina, unlike contrasts",
  figure: "mean TRE, px",
  smaller: true,
  pairs: () =>
    readdirSync(file("."))
      .filter((f) => /_fixed\.(png|jpg)$/.test(f))
      .sort()
      .map((f) => {
        const name = f.replace(/_fixed\..*/, "");
        return {
          name,
          fixed: file(f),
          moving: file(f.replace("_fixed", "_moving")),
          ours: { affine: ["--preset", "affine"] },
          elastix: ["affine"],
          goal: { value: 5, seconds: 3 },
          score: async (result) => {
            const table = file(`${name}_landmarks.csv`);
            const [a, b] = [readPoints(table, ["fixed_x", "fixed_y"]), readPoints(table, ["moving_x", "moving_y"])];
            const errors = distances(await result.points(a), b);
            return { value: mean(errors), median: percentile(errors, 50) };
          },
        };
      }),
};
