import { escapeHtml } from "./escapeHtml.js";

/** One curve of a plot, with its name. */
export interface Series {
  /** What it is called. */
  readonly name: string;
  /** Along the curve. */
  readonly values: ArrayLike<number>;
}

/** Round numbers that cover [low, high]: steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count = 5): number[] {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => (high - low) / s <= count) ?? 10 * power;
  const out: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) out.push(k * step + 0); // + 0: no negative zero
  return out;
}

/** A number as a person would write it on an axis. */
export function plain(v: number): string {
  if (v === 0) return "0";
  if (!Number.isFinite(v)) return "–";
  const size = Math.abs(v);
  if (size >= 1e5 || size < 1e-3)
    return v
      .toExponential(2)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  return String(Number(v.toPrecision(4)));
}

/**
 * Curves one after the other along the x axis (the iterations of one level, then of the next), as an SVG element with axes and a line between series.
 * Colours come from the page: class `curve`, `axis`, `grid-line`, `label`.
 */
export function linePlot(
  series: readonly Series[],
  { width = 720, height = 260, xLabel = "iteration", yLabel = "value", title = "curve" } = {},
): string {
  const left = 64;
  const right = 12;
  const top = 30;
  const bottom = 40;
  const total = series.reduce((n, s) => n + s.values.length, 0);
  const finite = series.flatMap((s) => Array.from(s.values).filter(Number.isFinite));
  if (total === 0 || finite.length === 0) return `<p class="empty">No values were recorded.</p>`;
  let low = Math.min(...finite);
  let high = Math.max(...finite);
  if (low === high) [low, high] = [low - (Math.abs(low) || 1) * 0.05, high + (Math.abs(high) || 1) * 0.05];
  const margin = (high - low) * 0.06;
  [low, high] = [low - margin, high + margin];
  const px = (i: number) => left + ((width - left - right) * i) / Math.max(1, total - 1);
  const py = (v: number) => top + (height - top - bottom) * (1 - (v - low) / (high - low));
  const r = (v: number) => Math.round(v * 10) / 10;
  const parts: string[] = [];
  for (const t of ticks(low, high)) {
    parts.push(`<line class="grid-line" x1="${left}" x2="${width - right}" y1="${r(py(t))}" y2="${r(py(t))}"/>`);
    parts.push(`<text class="label" x="${left - 8}" y="${r(py(t) + 4)}" text-anchor="end">${plain(t)}</text>`);
  }
  for (const t of ticks(0, Math.max(1, total - 1), 8).filter(Number.isInteger))
    parts.push(`<text class="label" x="${r(px(t))}" y="${height - bottom + 18}" text-anchor="middle">${t}</text>`);
  let start = 0;
  series.forEach((s, k) => {
    const points = Array.from(s.values, (v, i) => (Number.isFinite(v) ? `${r(px(start + i))} ${r(py(v))}` : "")).filter(Boolean);
    if (k > 0) parts.push(`<line class="seam" x1="${r(px(start - 0.5))}" x2="${r(px(start - 0.5))}" y1="${top}" y2="${height - bottom}"/>`);
    const wide = px(start + s.values.length) - px(start);
    if (wide > 6.2 * s.name.length)
      parts.push(
        `<text class="label level" x="${r(px(start) + wide / 2)}" y="${top - 10}" text-anchor="middle">${escapeHtml(s.name)}</text>`,
      );
    if (points.length === 1) parts.push(`<circle class="dot" cx="${points[0].split(" ")[0]}" cy="${points[0].split(" ")[1]}" r="3"/>`);
    else parts.push(`<path class="curve c${k % 2}" d="M${points.join("L")}"><title>${escapeHtml(s.name)}</title></path>`);
    start += s.values.length;
  });
  parts.push(`<path class="axis" d="M${left} ${top}V${height - bottom}H${width - right}"/>`);
  parts.push(
    `<text class="label" x="${left + (width - left - right) / 2}" y="${height - 6}" text-anchor="middle">${escapeHtml(xLabel)}</text>`,
  );
  parts.push(
    `<text class="label" transform="translate(14 ${top + (height - top - bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(yLabel)}</text>`,
  );
  return `<svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${parts.join("")}</svg>`;
}
