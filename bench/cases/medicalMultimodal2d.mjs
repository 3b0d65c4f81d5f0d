// PET against MR and SPECT against CT slices under an exactly known rigid motion.
import { landmarkCase } from "../landmarkPairs.mjs";

export default landmarkCase({
  folder: "medical_multimodal2d",
  about: "MR-PET and SPECT-CT slices",
  preset: "rigid",
  goal: { value: 2, seconds: 3 },
});
