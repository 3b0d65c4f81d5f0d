import { curvePlot } from "./curvePlot.js";

/** Points of a curve that a screen can tell apart. */
const most = 600;

/**
 * How a training went: log₁₀ of the loss of the batches (means over stretches of steps where there are many) and of the validation, over
 * the steps, as an SVG element.
 */
export function lossPlot(
  history: { readonly loss: readonly number[]; readonly validation?: readonly { readonly step: number; readonly value: number }[] },
  { title = "loss" }: { readonly title?: string } = {},
): string {
  const { loss, validation = [] } = history;
  const stretch = Math.max(1, Math.ceil(loss.length / most));
  const places = Array.from({ length: Math.ceil(loss.length / stretch) }, (_, i) => Math.min(loss.length, (i + 1) * stretch));
  const log = (v: number) => (v > 0 ? Math.log10(v) : Number.NaN);
  const means = places.map((end, i) => {
    const part = loss.slice(i * stretch, end);
    return log(part.reduce((a, b) => a + b, 0) / part.length);
  });
  const looked = new Array<number>(places.length).fill(Number.NaN);
  let known = Number.NaN;
  let next = 0;
  places.forEach((end, i) => {
    for (; next < validation.length && validation[next].step <= end; next++) known = validation[next].value;
    looked[i] = log(known); // the last look holds until the next
  });
  const series = [{ name: "training", values: means }, ...(validation.length > 0 ? [{ name: "validation", values: looked }] : [])];
  return curvePlot(series, { x: places, xLabel: "step", yLabel: "log₁₀ loss", title });
}
