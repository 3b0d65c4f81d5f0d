// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const homographyUnsupervisedCard: Card = {
  name: "homography-unsupervised",
  what: "homographyNetwork, 32 channels, patches of 128, corners moved by up to 32 pixels each way; brightness alone, without known moves; light, gamma and noise differ",
  weights: 65565,
  bytes: 132762,
  licence: "MIT; Kodak pictures (unrestricted), scikit-image's (CC0)",
  data: "16 pictures, Kodak without 05 and 08, and scikit-image's",
  trainedOn: [
    "a_astronaut.png",
    "a_brick.png",
    "a_camera.png",
    "a_chelsea.png",
    "a_coffee.png",
    "a_grass.png",
    "a_gravel.png",
    "a_rocket.jpg",
    "kodim01.png",
    "kodim02.png",
    "kodim03.png",
    "kodim04.png",
    "kodim06.png",
    "kodim07.png",
    "kodim09.png",
    "kodim10.png",
  ],
  validatedOn: ["kodim11.png", "kodim12.png"],
  command: "pullback train homography-unsupervised --data PICTURES/ -o OUT/ --steps 1500 --every 200 --held 2 --batch 4 --seed 1",
  steps: 1500,
  seed: 1,
  tables: [
    {
      title: "minus the mean corner error of pairs held back, pixels",
      columns: ["first step", "last step"],
      rows: [[-14.288, -8.436]],
    },
  ],
};
