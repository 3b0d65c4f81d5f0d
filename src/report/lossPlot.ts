import { curvePlot } from "./curvePlot.js";

const style =
  "svg{background:#fff}.label{fill:#555;font:12px system-ui,sans-serif}.axis{fill:none;stroke:#555}.grid-line{stroke:#ddd}.curve{fill:none;stroke-width:2;stroke-linejoin:round}";
/** Points of a curve: few enough that their means show the way through the chance of the batches. */
const most = 150;

/**
 * How a training went: log₁₀ of the loss of the batches (means over stretches of steps) and of the validation, over
 * the steps, as an SVG element.
 * @param standalone  with its own colours, to be a file "loss.svg"; without, it takes those of the page it is part of
 */
export function lossPlot(
  history: { readonly loss: readonly number[]; readonly validation?: readonly { readonly step: number; readonly value: number }[] },
  { title = "loss", standalone = false }: { readonly title?: string; readonly standalone?: boolean } = {},
): string {
  const { loss, validation = [] } = history;
  const stretch = Math.max(1, Math.ceil(loss.length / most));
  const places = Array.from({ length: Math.ceil(loss.length / stretch) }, (_, i) => Math.min(loss.length, (i + 1) * stretch));
  const log = (v: number) => (v > 0 ? Math.log10(v) : Number.NaN);
  const means = places.map((end, i) => {
    const part = loss.slice(i * stretch, end);
    return log(part.reduce((a, b) => a + b, 0) / part.length);
  });
  // Looks are joined by lines; nothing is drawn before the first.
  const looked = places.map((end) => {
    const after = validation.findIndex((v) => v.step >= end);
    const [p, q] = [validation[after - 1] ?? validation[after], validation[after]];
    if (!q || (p === q && q.step !== end)) return Number.NaN;
    const t = p === q ? 0 : (end - p.step) / (q.step - p.step);
    return (1 - t) * log(p.value) + t * log(q.value);
  });
  const series = [{ name: "training", values: means }, ...(validation.length > 0 ? [{ name: "validation", values: looked }] : [])];
  const svg = curvePlot(series, { x: places, xLabel: "step", yLabel: "log₁₀ loss", title });
  return standalone ? svg.replace(/^<svg([^>]*)>/, `<svg xmlns="http://www.w3.org/2000/svg"$1><style>${style}</style>`) : svg;
}
