// Pairs of pictures NAME_fixed, NAME_moving with NAME_landmarks.csv beside them, scored by the mean distance of the landmarks.
import { readdirSync } from "node:fs";
import { registrationData } from "./data.mjs";
import { readPoints } from "./images.mjs";
import { distances, mean, percentile } from "./score.mjs";

/** A bench case over all such pairs of a folder. `preset` is ours, `goal` in pixels and seconds. */
export function landmarkCase({ folder, about, preset, goal }) {
  const file = (name) => registrationData(folder, name);
  return {
    name: folder,
    about,
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
            ours: { [preset]: ["--preset", preset] },
            elastix: ["affine"],
            goal,
            score: async (result) => {
              const table = file(`${name}_landmarks.csv`);
              const [a, b] = [readPoints(table, ["fixed_x", "fixed_y"]), readPoints(table, ["moving_x", "moving_y"])];
              const errors = distances(await result.points(a), b);
              return { value: mean(errors), median: percentile(errors, 50) };
            },
          };
        }),
  };
}
