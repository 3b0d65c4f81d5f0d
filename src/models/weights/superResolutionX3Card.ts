// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const superResolutionX3Card: Card = {
  name: "super-resolution-x3",
  what: "superResolutionNetwork ×3 (enlarged at the end by pixel shuffle, 8 convolutions of 32 channels), A the antialiased cubic reduction, rounded to 8 bits, without noise; gray values 0 to 1",
  weights: 58409,
  bytes: 118090,
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
  command: "pullback train super-resolution-x3 --data PICTURES/ -o OUT/ --held 1 --steps 8000 --threads 1",
  steps: 8000,
  seed: 1,
  tables: [
    {
      title: "PSNR in dB of the luminance of pictures that it was not trained on (bench learned)",
      columns: ["problem", "pictures", "PSNR"],
      rows: [["enlarge ×3", 5, 33]],
    },
  ],
};
