import { escapeHtml } from "./escapeHtml.js";
import { plain, type Series, ticks } from "./linePlot.js";

/** Colours that stay apart for people who confuse red and green (Okabe and Ito), dark enough on white and light enough on black. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#3aa0d8", "#7a6f9b", "#8a8a8a"];

/**
 * Curves over one axis, laid over each other with a legend, as an SVG element with axes.
 * @param x  positions, the same for all; default 0, 1, 2, …
 */
export function curvePlot(
  series: readonly Series[],
  {
    x,
    width = 720,
    height = 260,
    xLabel = "frame",
    yLabel = "value",
    title = "curves",
  }: { x?: ArrayLike<number>; width?: number; height?: number; xLabel?: string; yLabel?: string; title?: string } = {},
): string {
  const longest = Math.max(0, ...series.map((s) => s.values.length));
  const at = (i: number) => (x ? x[i] : i);
  const finite = series.flatMap((s) => Array.from(s.values).filter(Number.isFinite));
  if (longest === 0 || finite.length === 0) return `<p class="empty">No values were recorded.</p>`;
  const [left, right, bottom] = [64, 12, 40];
  const top = 16 + 18 * Math.ceil(series.length / 4);
  let [low, high] = [Math.min(...finite), Math.max(...finite)];
  if (low === high) [low, high] = [low - (Math.abs(low) || 1) * 0.05, high + (Math.abs(high) || 1) * 0.05];
  const margin = (high - low) * 0.06;
  [low, high] = [low - margin, high + margin];
  const places = Array.from({ length: longest }, (_, i) => at(i));
  const [from, to] = [Math.min(...places), Math.max(...places)];
  const px = (v: number) => left + ((width - left - right) * (v - from)) / (to - from || 1);
  const py = (v: number) => top + (height - top - bottom) * (1 - (v - low) / (high - low));
  const r = (v: number) => Math.round(v * 10) / 10;
  const parts: string[] = [];
  for (const t of ticks(low, high))
    parts.push(
      `<line class="grid-line" x1="${left}" x2="${width - right}" y1="${r(py(t))}" y2="${r(py(t))}"/><text class="label" x="${left - 8}" y="${r(py(t) + 4)}" text-anchor="end">${plain(t)}</text>`,
    );
  for (const t of ticks(from, to, 8))
    parts.push(`<text class="label" x="${r(px(t))}" y="${height - bottom + 18}" text-anchor="middle">${plain(t)}</text>`);
  for (const [k, s] of series.entries()) {
    const colour = colours[k % colours.length];
    const column = (width - left - right) / 4;
    const [lx, ly] = [left + column * (k % 4), 16 + 18 * Math.floor(k / 4)];
    parts.push(
      `<line x1="${r(lx)}" x2="${r(lx + 18)}" y1="${ly - 4}" y2="${ly - 4}" stroke="${colour}" stroke-width="3"/><text class="label" x="${r(lx + 24)}" y="${ly}">${escapeHtml(s.name)}</text>`,
    );
    // Gaps stay gaps.
    let path = "";
    let pen = "M";
    for (let i = 0; i < s.values.length; i++) {
      if (!Number.isFinite(s.values[i])) {
        pen = "M";
        continue;
      }
      path += `${pen}${r(px(at(i)))} ${r(py(s.values[i]))}`;
      pen = "L";
    }
    parts.push(`<path class="curve" stroke="${colour}" d="${path}"><title>${escapeHtml(s.name)}</title></path>`);
  }
  parts.push(`<path class="axis" d="M${left} ${top}V${height - bottom}H${width - right}"/>`);
  parts.push(
    `<text class="label" x="${left + (width - left - right) / 2}" y="${height - 6}" text-anchor="middle">${escapeHtml(xLabel)}</text>`,
    `<text class="label" transform="translate(14 ${top + (height - top - bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(yLabel)}</text>`,
  );
  return `<svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${parts.join("")}</svg>`;
}
