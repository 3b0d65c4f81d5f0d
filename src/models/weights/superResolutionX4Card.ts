// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const superResolutionX4Card: Card = {
  name: "super-resolution-x4",
  what: "superResolutionNetwork ×4 (enlarged at the end by pixel shuffle, 8 convolutions of 32 channels), A the antialiased cubic reduction, rounded to 8 bits, without noise; gray values 0 to 1",
  weights: 60432,
  bytes: 122136,
  licence: "MIT",
  data: "Kodak pictures, released by the Eastman Kodak Company for unrestricted usage, and pictures of scikit-image that are in the public domain (CC0)",
  trainedOn: [
    "kodim01",
    "kodim02",
    "kodim03",
    "kodim04",
    "kodim06",
    "kodim07",
    "kodim09",
    "kodim10",
    "kodim11",
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "grass",
    "gravel",
  ],
  validatedOn: ["kodim12"],
  command: "pullback train super-resolution-x4 --data PICTURES/ -o OUT/ --held 1 --steps 7000 --threads 1",
  steps: 7000,
  seed: 1,
  tables: [
    {
      title: "PSNR in dB of the luminance of pictures that it was not trained on (bench learned)",
      columns: ["problem", "pictures", "PSNR"],
      rows: [["enlarge ×4", 5, 30.58]],
    },
  ],
};
