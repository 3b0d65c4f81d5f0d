// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const mrCascadeCard: Card = {
  name: "mr-cascade",
  what: "reconstructionCascade (five networks of 5 convolutions and 32 channels on blocks of 2 × 2 samples, each followed by data consistency); A: samples of whole lines, 3.5 to 12 times fewer, of one coil, with complex white noise of up to 0.008 of the brightest value",
  weights: 161965,
  bytes: 328122,
  licence: "MIT",
  data: "Sunnybrook Cardiac Data, cine MR of the heart (Radau et al. 2009, public domain, CC0), magnitudes with smooth random phases",
  trainedOn: ["409 slices, SC-HF-I-01-IM-0001-0048.png to SC-N-40-IM-0001-0100.png"],
  validatedOn: ["12 slices, SC-N-40-IM-0001-0109.png to SC-N-40-IM-0001-0220.png"],
  command: "pullback train mr-cascade --data SLICES/ -o OUT/ --steps 3500 --every 250 --held 12",
  steps: 3500,
  seed: 1,
  tables: [
    {
      title: "PSNR in dB of magnitudes of pictures held back, by acceleration",
      columns: ["4×", "6×", "11×"],
      rows: [[38.191, 35.386, 30.425]],
    },
    {
      title: "PSNR in dB of magnitudes, six slices of six other patients, noise 0.005",
      columns: ["4×", "6×", "11×"],
      rows: [[37.14, 34.91, 31.23]],
    },
  ],
};
