// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const denoiserCard: Card = {
  name: "denoiser",
  what: "denoisingNetwork (8 convolutions of 32 channels, taps 1, 2, 3, 4, 4, 3, 2, 1 apart), A the identity, white noise of standard deviation 0 to 55/255, gray values 0 to 1",
  weights: 56385,
  bytes: 113994,
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
  command: "pullback train denoiser --data PICTURES/ -o OUT/ --steps 26000 --batch 8 --patch 48 --held 1",
  steps: 26000,
  seed: 1,
  tables: [],
};
