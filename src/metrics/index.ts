export type { ImageMetric } from "./imageMetric.js";
export { type LnccOptions, lncc } from "./localNcc.js";
export { type MiOptions, mi } from "./mutualInformation.js";
export { ncc } from "./ncc.js";
export { type MetricFunction, metricFrom } from "./own.js";
export { ssd } from "./ssd.js";
