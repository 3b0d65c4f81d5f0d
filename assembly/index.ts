/** Every kernel, one file each. A name here is what `engine().parallel(name, …)` and `engine().call(name, …)` take. */
export { gaussian3, gaussian3Workspace } from "./gaussian";
export {
  composeFields2, composeFields3, sampleLinear2, sampleLinear2Both, sampleLinear2Directional, sampleLinear2Gradient,
  sampleLinear3, sampleLinear3Both, sampleLinear3Directional, sampleLinear3Gradient,
} from "./sampleLinear";
export { convFew, convForward, convPackWeights, convWeights, convWeightsSum } from "./conv";
export { gemm, gemmPack, gemv } from "./gemm";
export { along, alongWorkspace, forwardDifference } from "./along";
export { boxSum, boxSumWorkspace, difference, recursiveGaussian, recursiveGaussianWorkspace } from "./lines";
export { localNccBackward, localNccExtents, localNccForward, localNccWorkspace } from "./localNcc";
export { sampleTaps, splatRange, splatTaps } from "./sampleTaps";
export { bsplineFilter } from "./bsplineFilter";
export { fftLines, fftPlanes, fftReal, fftToReal, fftWorkspace } from "./fft";
export { affinePlanes, fadePlanes, fieldMoments, longestSquared } from "./planes";
export { averagePool, averagePoolAdjoint, maxPool, poolGather, poolScatter } from "./pool";
export { ffd, ffdAdjointPlanes, ffdAdjointSum } from "./ffd";
export { invertField } from "./invertField";
export { jacobianDeterminant, jacobianDeterminantGradient } from "./jacobian";
export { ngfChannels, ngfWorkspace } from "./ngf";
export { mindSscChannels, mindSscFold, mindSscPull, mindSscPullWorkspace, mindSscSpread, mindSscWorkspace } from "./mindSsc";
export { jointGradient, jointHistogram, jointHistogramWorkspace, valueRange } from "./mutualInformation";
export { affineInformation, affineInformationWorkspace } from "./affineInformation";
export { affineSystem } from "./affineSystem";
export { argExtreme, cumulativeSum, dotAll, reduceAxis, sumAll } from "./reduce";
export { randomPairs, randomUniform } from "./random";
export { complexJoin, complexMagnitude, complexPart } from "./complex";
export { argsortRows, argsortWorkspace } from "./sort";
export { gradientForce } from "./force";
export { gradientSums } from "./gradientSums";
export { tileProducts } from "./tileProducts";
export { gridCrop, gridGather, gridPlace, gridSpread } from "./gridding";
export { addTransposed, padColumns, padRows, parallelAdjoint, raysAdjoint, raysForward, raysGather } from "./rays";
export { tvSplit, tvStep, tvSums } from "./totalVariation";
export { dominantEigen, dominantEigenWorkspace } from "./dominantEigen";
export { conjugateDirection, conjugateStep, laplacian } from "./laplacian";
export { coilGather, coilSpread, complexShrink, tvPull, tvPush } from "./complexImage";
export { tvBoxPrimal, tvBoxStep } from "./tvBox";
export { collaborative, collaborativeGather, collaborativeWorkspace } from "./collaborative";
export { directionHistograms, gradientDescriptors, gradientMoments, gradientPatchWorkspace, smoothCircles } from "./gradientPatch";
export { doubledPlane, extremaMask, halvedPlane, planeDifference, segmentScore, segmentScoreWorkspace } from "./keypoints";
export { rowNorms, twoNearest, twoNearestBits } from "./twoNearest";
export { tgvDual, tgvPrimal } from "./tgv";
export { flowJoin, flowMedian, flowPenalty, flowRelax, flowResize, flowSlope, flowSplit, flowSystem, flowWarp } from "./flow";
export { projectiveSample, robustResidual, steepestRows, systemBlock, weightedSystem, weightedSystemWorkspace } from "./projective";
export { census, censusCost, sgmSweep, sgmSweepState, sgmWinner, sgmWinnerWorkspace } from "./stereo";
export { trackWindows, trackWindowsWorkspace } from "./trackWindows";
export { cornerStrength, cornerStrengthWorkspace } from "./cornerStrength";
export { pyramidExpand, pyramidReduce, pyramidWorkspace } from "./pyramid";
