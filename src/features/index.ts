export { type FourierMellinOptions, fourierMellin, type SimilarityHypothesis } from "./fourierMellin.js";
export { type PhaseCorrelation, type PhaseCorrelationOptions, phaseCorrelation } from "./phaseCorrelation.js";
