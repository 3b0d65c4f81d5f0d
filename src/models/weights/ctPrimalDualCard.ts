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
  command:
    "pullback train ct-primal-dual --data SLICES_AND_PICTURES/ -o A/ --steps 650 --every 50 --held 1; the same with --from A/weights.safetensors -o B/ --steps 900 --seed 2; with --from B/weights.safetensors -o C/ --steps 1200 --every 100 --seed 3",
  steps: 2700,
  seed: 3,
  tables: [
    {
      title: "PSNR in dB (peak 2) of pictures held back",
      columns: ["60 views", "30 views", "120°"],
      rows: [[38.549, 37.836, 35.812]],
    },
    {
      title:
        "PSNR in dB (peak 2) of two slices that it was not trained on (0000, 0010), axis at 127.75; total variation about the same axis",
      columns: ["", "60 views", "30 views", "120°"],
      rows: [
        ["network", 36.34, 33.59, 30.94],
        ["total variation, λ 5 (120°: 10)", 34.6, 32.22, 29.62],
      ],
    },
  ],
};
