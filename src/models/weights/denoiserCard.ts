// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const denoiserCard: Card = {
  name: "denoiser",
  what: "denoisingNetwork (blocks of 2 × 2 samples, 8 convolutions of 32 channels), A the identity, white noise of standard deviation 0 to 55/255, gray values 0 to 1",
  weights: 58116,
  bytes: 117456,
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
    "camera",
    "chelsea",
    "coffee",
    "brick",
    "grass",
    "gravel",
  ],
  validatedOn: ["kodim12"],
  command: "node scripts/train/denoiser.mjs OUT/ TRAINED_ON… kodim12.png --steps 36000 --patch 64 --batch 16 --threads 1",
  steps: 36000,
  seed: 1,
  tables: [
    {
      title: "PSNR in dB of kodim12, which chose the step, one view, noise of 255",
      columns: ["noise", "PSNR"],
      rows: [
        [15, 31.69],
        [25, 29.79],
        [50, 27.6],
      ],
    },
  ],
};
