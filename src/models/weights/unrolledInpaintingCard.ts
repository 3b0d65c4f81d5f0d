// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const unrolledInpaintingCard: Card = {
  name: "unrolled-inpainting",
  what: "unrolledRestoration, 6 steps, a denoiser each; A: 10 to 60 % of the samples, by chance; values 0 to 1",
  weights: 338322,
  bytes: 684804,
  licence: "MIT",
  data: "Kodak pictures, released by the Eastman Kodak Company for unrestricted usage, and pictures of scikit-image that are in the public domain (CC0)",
  trainedOn: [
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "grass",
    "gravel",
    "kodim01",
    "kodim02",
    "kodim03",
    "kodim04",
    "kodim06",
    "kodim07",
    "kodim09",
    "kodim10",
  ],
  validatedOn: ["kodim11", "kodim12"],
  command: "pullback train unrolled-inpainting --data PICTURES/ -o OUT/ --steps 1800 --every 150 --held 2 --seed 1",
  steps: 1500,
  seed: 1,
  tables: [
    {
      title: "PSNR in dB of pictures held back, by what is measured of them",
      columns: ["50 % known", "20 % known"],
      rows: [[30.525, 25.548]],
    },
    {
      title: "PSNR in dB of five pictures that it was not trained on (bench generative)",
      columns: ["50 % known", "20 % known", "text"],
      rows: [[33.45, 27.59, 33.24]],
    },
  ],
};
