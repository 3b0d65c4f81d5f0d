// Radar, infrared and maps against photographs from above, 20 landmarks each.
import { landmarkCase } from "../landmarkPairs.mjs";

export default landmarkCase({
  folder: "remote_sensing",
  about: "pictures from above, unlike contrasts",
  preset: "affine",
  goal: { value: 5, seconds: 3 },
});
