// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const ctPrimalDualCard: Card = {
  name: "ct-primal-dual",
  what: "ctPrimalDual, 5 steps, 32 channels; parallel rays, 30 or 60 views of a half turn or 120 views of 120°, 100000 photons a ray, water 0.028 a sample, slices of 256 samples in units of water",
  weights: 101355,
  bytes: 207494,
  licence: "MIT; it learned from CT slices of TCGA-LUAD (The Cancer Imaging Archive, CC BY 3.0) and Kodak pictures (unrestricted)",
  data: "4 slices of CT, 9 Kodak pictures as maps of attenuation, ellipses at random",
  trainedOn: [
    "ct-0020.npy",
    "ct-0030.npy",
    "ct-0040.npy",
    "ct-0050.npy",
    "kodim01.png",
    "kodim02.png",
    "kodim03.png",
    "kodim04.png",
    "kodim06.png",
    "kodim07.png",
    "kodim09.png",
    "kodim10.png",
    "kodim11.png",
  ],
  validatedOn: ["kodim12.png"],
  command: "pullback train ct-primal-dual --data SLICES_AND_PICTURES/ -o OUT/ --steps 650 --every 50 --held 1 --seed 1",
  steps: 600,
  seed: 1,
  tables: [
    {
      title: "PSNR in dB (peak 2) of pictures held back",
      columns: ["60 views", "30 views", "120°"],
      rows: [[36.064, 35.714, 33.404]],
    },
    {
      title:
        "PSNR in dB (peak 2) of two slices that it was not trained on (0000, 0010), axis at 127.75; total variation about the same axis",
      columns: ["", "60 views", "30 views", "120°"],
      rows: [
        ["network", 35.43, 32.5, 28.57],
        ["total variation, λ 10", 34.18, 31.83, 29.61],
      ],
    },
  ],
};
