import { curvePlot } from "./curvePlot.js";
import { escapeHtml } from "./escapeHtml.js";
import type { Series } from "./linePlot.js";
import { page } from "./page.js";
import { dataUrl, type Picture } from "./picture.js";
import { type Figure, figureList, header, tableSection, timingSection, warningSection } from "./report.js";
import type { Verdict } from "./verdict.js";

/** Rows of pictures with figures, plots and tables: what a report of several results shows. */
export interface GalleryInput {
  /** The heading. */
  readonly title: string;
  /** A line below the heading. */
  readonly subtitle?: string;
  /** Whether to trust it, in a word and a sentence. */
  readonly verdict?: Verdict;
  /** Numbers, with their labels and units. */
  readonly figures?: readonly Figure[];
  /** Rows of pictures, each with its caption; `note` below a row says what is to be seen. */
  readonly rows?: readonly {
    /** The heading. */
    readonly title: string;
    /** A sentence beside it. */
    readonly note?: string;
    /** Pictures to be looked at closely: three to a row. */
    readonly large?: boolean;
    /** With their captions. */
    readonly pictures: readonly {
      /** The picture. */
      readonly picture: Picture;
      /** The words below a picture. */
      readonly caption: string;
    }[];
  }[];
  /** Drawings of their own, as SVG. */
  readonly drawings?: readonly {
    /** The heading. */
    readonly title: string;
    /** A drawing. */
    readonly svg: string;
    /** A sentence beside it. */
    readonly note?: string;
  }[];
  /** Curves. */
  readonly plots?: readonly {
    /** The heading. */
    readonly title: string;
    /** A sentence beside it. */
    readonly note?: string;
    /** Below the axis. */
    readonly xLabel?: string;
    /** Beside the axis. */
    readonly yLabel?: string;
    /** Where the values lie. */
    readonly x?: ArrayLike<number>;
    /** Curves over the frames. */
    readonly curves: readonly Series[];
  }[];
  /** Tables by their titles: a heading for each column, and rows. */
  readonly tables?: readonly {
    /** The heading. */
    readonly title: string;
    /** The names of the columns. */
    readonly columns: readonly string[];
    /** Row by row. */
    readonly rows: readonly (readonly string[])[];
  }[];
  /** What it does, in a line. */
  readonly summary?: Readonly<Record<string, unknown>>;
  /** Seconds, stage by stage. */
  readonly timings?: Readonly<Record<string, number>>;
  /** What is worth knowing, a sentence each. */
  readonly warnings?: readonly string[];
}

/** One offline HTML file of pictures, curves and tables: series, atlases, segmentations. */
export function gallery(input: GalleryInput): string {
  const rows = (input.rows ?? []).map(
    (row) =>
      `<section><h2>${escapeHtml(row.title)}</h2><div class="strip${row.large ? " large" : ""}">${row.pictures
        .map(
          ({ picture, caption }) =>
            `<figure><img src="${dataUrl(picture)}" alt="${escapeHtml(caption)}" style="aspect-ratio:${picture.width}/${picture.height}"><figcaption>${escapeHtml(caption)}</figcaption></figure>`,
        )
        .join("")}</div>${row.note ? `<p class="note">${escapeHtml(row.note)}</p>` : ""}</section>`,
  );
  const drawings = (input.drawings ?? []).map(
    (d) =>
      `<section><h2>${escapeHtml(d.title)}</h2><div class="drawing">${d.svg}</div>${d.note ? `<p class="note">${escapeHtml(d.note)}</p>` : ""}</section>`,
  );
  const plots = (input.plots ?? []).map(
    (p) =>
      `<section><h2>${escapeHtml(p.title)}</h2>${curvePlot(p.curves, { x: p.x, xLabel: p.xLabel, yLabel: p.yLabel, title: p.title })}${p.note ? `<p class="note">${escapeHtml(p.note)}</p>` : ""}</section>`,
  );
  const tables = (input.tables ?? []).map(
    (t) =>
      `<section><h2>${escapeHtml(t.title)}</h2><div class="wide"><table class="data"><tr>${t.columns.map((c) => `<th scope="col">${escapeHtml(c)}</th>`).join("")}</tr>${t.rows
        .map((r) => `<tr>${r.map((v) => `<td class="n">${escapeHtml(v)}</td>`).join("")}</tr>`)
        .join("")}</table></div></section>`,
  );
  const body = [
    header(input.title, input.subtitle, input.verdict),
    figureList(input.figures),
    ...rows,
    ...drawings,
    ...plots,
    ...tables,
    warningSection(input.warnings),
    `<div class="two">${tableSection("How it was made", input.summary)}${timingSection(input.timings)}</div>`,
  ].join("");
  return page(input.title, body, { views: [], layers: {} });
}
