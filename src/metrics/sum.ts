import { ArgumentError } from "../core/errors.js";
import { concat } from "../tensor/index.js";
import type { ImageMetric, MetricForms } from "./imageMetric.js";

/** A weight and its metric. */
export type MetricTerm = readonly [weight: number, metric: ImageMetric];

/**
 * A weighted sum of metrics,  D = Σ_k w_k D_k.  Its residual, where every term has one, is  (√w₁ r₁, √w₂ r₂, …).
 * @throws ArgumentError without terms, or for a weight that is not positive
 */
export const sumOf = (terms: readonly MetricTerm[]): ImageMetric => {
  if (terms.length === 0 || terms.some(([w]) => !(w > 0 && w < Number.POSITIVE_INFINITY)))
    throw new ArgumentError(`sumOf: weights [${terms.map(([w]) => w).join(", ")}]; give at least one term, with positive weights`, {
      weights: terms.map(([w]) => w),
    });
  const form = (parts: readonly (readonly [number, MetricForms])[]): MetricForms => ({
    value: (...args) => parts.map(([w, m]) => m.value(...args).mul(w)).reduce((a, b) => a.add(b)),
    ...(parts.every(([, m]) => m.residual) && {
      residual: (...args: Parameters<MetricForms["value"]>) =>
        concat(
          parts.map(([w, m]) =>
            (m as Required<Omit<MetricForms, "slopes">>)
              .residual(...args)
              .reshape(-1)
              .mul(Math.sqrt(w)),
          ),
        ),
    }),
  });
  const each = terms.map(([, m]) => m);
  const scalings = each.map((m) => m.scaling ?? "each");
  return {
    name: terms.map(([w, m]) => (w === 1 ? m.name : `${w}*${m.name}`)).join("+"),
    local: each.every((m) => m.local),
    unlikeContrasts: each.every((m) => m.unlikeContrasts),
    scaling: scalings.includes("none") ? "none" : scalings.includes("shared") ? "shared" : "each",
    ...form(terms),
    prepare: (...args) => form(terms.map(([w, m]) => [w, m.prepare?.(...args) ?? m] as const)),
  };
};
