import type { Examples } from "../laws.js";
import { basicExamples } from "./basic.js";

/** Every primitive's examples: one line per family. */
export const examples: Examples = { ...basicExamples };
