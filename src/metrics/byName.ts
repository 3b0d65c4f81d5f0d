import { ArgumentError } from "../core/errors.js";
import { correlationRatio } from "./correlationRatio.js";
import { huber } from "./huber.js";
import type { ImageMetric } from "./imageMetric.js";
import { labelOverlap } from "./labelOverlap.js";
import { lncc } from "./localNcc.js";
import { mind } from "./mind.js";
import { mi, nmi } from "./mutualInformation.js";
import { ncc } from "./ncc.js";
import { ngf } from "./ngf.js";
import { ssd } from "./ssd.js";
import { sumOf } from "./sum.js";

/** Metrics of images by name. */
export const metricsByName: Readonly<Record<string, () => ImageMetric>> = {
  ssd,
  ncc,
  lncc,
  mi,
  nmi,
  ngf,
  mind,
  huber,
  correlationRatio,
  labelOverlap,
};

/** A named metric, or a weighted sum of some, as in "mi" and "mi+0.5*ngf". @throws ArgumentError when a name is none */
export function metricNamed(text: string): ImageMetric {
  const terms = text.split("+").map((part) => {
    const [, weight = "1", name] = /^\s*(?:([\d.]+(?:e-?\d+)?)\s*\*)?\s*(\w+)\s*$/i.exec(part) ?? [];
    const make = name !== undefined && Object.hasOwn(metricsByName, name) ? metricsByName[name] : undefined;
    if (!make)
      throw new ArgumentError(
        `no metric ${text}; expected one of ${Object.keys(metricsByName).join(", ")}, a sum such as mi+0.5*ngf, or a function`,
        { metric: text },
      );
    return [Number(weight), make()] as const;
  });
  return terms.length === 1 && terms[0][0] === 1 ? terms[0][1] : sumOf(terms);
}
