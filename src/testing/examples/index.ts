import type { Examples } from "../laws.js";
import { basicExamples } from "./basic.js";
import { convolutionExamples } from "./convolution.js";
import { deformationExamples } from "./deformation.js";
import { fourierExamples } from "./fft.js";
import { filterExamples } from "./filters.js";
import { linalgExamples } from "./linalg.js";
import { samplingExamples } from "./sampling.js";
import { sortExamples } from "./sort.js";

/** Every primitive's examples: one line per family (and one family per line, so that two new ones merge). */
const families: readonly Examples[] = [
  basicExamples,
  convolutionExamples,
  deformationExamples,
  filterExamples,
  fourierExamples,
  linalgExamples,
  samplingExamples,
  sortExamples,
  // the list ends here
];
/** Examples of parts by their kinds, with which the laws are tested. */
export const examples: Examples = Object.assign({}, ...families);
