// Written by scripts/train/pack.mjs.
import type { Card } from "../card.js";

export const trackingDeepLkCard: Card = {
  name: "tracking-deep-lk",
  what: "deepLkTracking, 12 channels; a box in two frames, moves of some tenths of it",
  weights: 2300,
  bytes: 5056,
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
  command: "pullback train tracking-deep-lk --data PICTURES/ -o OUT/ --steps 4500 --every 250 --held 2 --seed 1",
  steps: 4500,
  seed: 1,
  tables: [
    {
      title: "mean overlap of the box found and the true one after one frame (0 to 1)",
      columns: ["trained objects", "unseen objects"],
      rows: [[0.937, 0.912]],
    },
  ],
};
