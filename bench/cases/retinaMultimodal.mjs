// Eyegrounds under different light and dye, 20 landmarks each; the landmarks themselves are good to 2.3-8 px (best affine map).
import { landmarkCase } from "../landmarkPairs.mjs";

export default landmarkCase({
  folder: "retina_multimodal",
  about: "retina, unlike contrasts",
  preset: "affine",
  goal: { value: 5, seconds: 3 },
});
