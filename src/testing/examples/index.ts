import type { Examples } from "../laws.js";
import { basicExamples } from "./basic.js";
import { convolutionExamples } from "./convolution.js";
import { filterExamples } from "./filters.js";
import { samplingExamples } from "./sampling.js";

/** Every primitive's examples: one line per family. */
export const examples: Examples = { ...basicExamples, ...convolutionExamples, ...filterExamples, ...samplingExamples };
import { deformationExamples } from "./deformation.js";
import { samplingExamples } from "./sampling.js";

/** Every primitive's examples: one line per family. */
export const examples: Examples = { ...basicExamples, ...deformationExamples, ...samplingExamples };
