import { type JacobianSummary, jacobianSummary } from "../evaluation/jacobian.js";
import type { Lattice, Samples } from "../evaluation/lattice.js";
import { foldedColour } from "./colourMap.js";
import { escapeHtml } from "./escapeHtml.js";
import { linePlot, plain } from "./linePlot.js";
import {
  album,
  choices,
  colourBar,
  differenceGain,
  edgeAlbum,
  gridAlbum,
  jacobianAlbum,
  jacobianRange,
  type Layer,
  page,
  pane,
  slider,
} from "./page.js";
import { robustWindow } from "./picture.js";
import { type View, views } from "./slices.js";
import type { Verdict } from "./verdict.js";

/** A number in a report, with its label and unit. */
export interface Figure {
  /** The label, or the name of a figure. */
  readonly label: string;
  /** A number, shown with few digits, or words. */
  readonly value: number | string;
  /** Its unit. */
  readonly unit?: string;
}

/** Everything that the report of a registration shows. */
export interface ReportInput {
  /** The heading. */
  readonly title: string;
  /** A line below the heading. */
  readonly subtitle?: string;
  /** Whether to trust it, in a word and a sentence. */
  readonly verdict: Verdict;
  /** The fixed grid; all images below lie on it. */
  readonly grid: Lattice;
  /** What stays. */
  readonly fixed: Layer;
  /** Moving before registration, resampled on the fixed grid. */
  readonly moving: Layer;
  /** Moving after registration, on the fixed grid. */
  readonly warped: Layer;
  /** The images' intensities mean the same (one window for all). Default: each image has its own window. */
  readonly sameScale?: boolean;
  /** Unlike contrasts (CT and MR): the difference need not vanish, and the report says so. */
  readonly unlikeContrasts?: boolean;
  /** y(p) − p in mm, planes x, y(, z). */
  readonly displacement?: Samples;
  /** det ∂y on the fixed grid. */
  readonly jacobian?: Samples;
  /** Its figures, when they are known already. */
  readonly jacobianSummary?: JacobianSummary;
  /** Straight lines stay straight: the grid is drawn by its lines' ends. */
  readonly straight?: boolean;
  /** Values of the objective, level by level. */
  readonly trace?: readonly {
    /** The level, coarse to fine. */
    readonly level: string;
    /** The metric or objective, step by step. */
    readonly values: ArrayLike<number>;
  }[];
  /** What the curve shows. */
  readonly traceLabel?: string;
  /** Numbers, with their labels and units. */
  readonly figures?: readonly Figure[];
  /** What it does, in a line. */
  readonly summary?: Readonly<Record<string, unknown>>;
  /** Seconds by stage. */
  readonly timings?: Readonly<Record<string, number>>;
  /** What is worth knowing, a sentence each. */
  readonly warnings?: readonly string[];
  /** A line at the end. */
  readonly footer?: string;
}

/** One offline HTML file about one registration. */
export function report(input: ReportInput): string {
  const { grid } = input;
  const all = views(grid);
  const flat = all.length === 1;
  const shared = input.sameScale ? robustWindow(input.fixed.values, input.moving.values) : undefined;
  const movingWindow = shared ?? robustWindow(input.moving.values, input.warped.values);
  const layers: Record<string, string[][]> = {
    a: album(input.fixed, grid, all, shared ?? robustWindow(input.fixed.values)),
    m: album(input.moving, grid, all, movingWindow),
    b: album(input.warped, grid, all, movingWindow),
    e: edgeAlbum(input.fixed, grid, all),
  };
  const cards: { title: string; view: (v: View, k: number) => string; below: string }[] = [
    {
      title: "Difference before",
      view: (v, k) => differencePane(v, k, "m", "Moving minus fixed before registration"),
      below: differenceBar("moving"),
    },
    {
      title: "Difference after",
      view: (v, k) => differencePane(v, k, "b", "Warped minus fixed after registration"),
      below: differenceBar("warped"),
    },
  ];
  if (input.displacement) {
    layers.g = gridAlbum(input.displacement, grid, all, input.straight);
    cards.push({
      title: "Where fixed’s grid goes",
      view: (v, k) =>
        `<div class="grid">${pane(
          v,
          k,
          [{ layer: "m", alt: "Moving" }],
          `<svg viewBox="0 0 ${v.width} ${v.height}" preserveAspectRatio="none" aria-hidden="true"><path data-layer="g"/></svg>`,
        )}</div>`,
      below: `<p class="note">Each line is a grid line of fixed, drawn where the map finds its values in moving.</p>`,
    });
  }
  if (input.jacobian) {
    const range = jacobianRange(input.jacobian);
    layers.j = jacobianAlbum(input.jacobian, grid, all, range);
    const s = input.jacobianSummary ?? jacobianSummary(input.jacobian);
    const label = (e: number) => plain(2 ** e);
    cards.push({
      title: "Local change of volume",
      view: (v, k) => `<div class="jacobian crisp">${pane(v, k, [{ layer: "j", alt: "Jacobian determinant of the map" }])}</div>`,
      below: colourBar(
        [`det J ${label(-range)}`, label(-range / 2), "1", label(range / 2), label(range)],
        `<div><span class="swatch" style="background:rgb(${foldedColour.join(" ")})"></span>folded (det J ≤ 0): ${
          s.foldedCount === 0 ? "nowhere" : `${s.foldedCount} points, ${plain(100 * s.folded)} %`
        } · range ${plain(s.min)} to ${plain(s.max)}</div>`,
      ),
    });
  }
  const body = [
    header(input.title, input.subtitle, input.verdict),
    figureList(input.figures),
    viewerSection(all, {
      a: "Fixed",
      b: "Warped",
      m: "Moving",
      edgesOf: "Edges of fixed on warped",
    }),
    cardSection(
      "Before, after and in between",
      all,
      cards,
      (input.unlikeContrasts
        ? "The two images have unlike contrasts, so their difference need not vanish: judge by edges and checkerboard. "
        : "") + (flat ? "" : "Sliders above move these slices too."),
    ),
    input.trace
      ? `<section><h2>${escapeHtml(input.traceLabel ?? "Objective")}</h2>${linePlot(
          input.trace.map((t) => ({ name: t.level, values: t.values })),
          { yLabel: input.traceLabel ?? "objective", title: "Value of the objective at each iteration, level by level" },
        )}</section>`
      : "",
    warningSection(input.warnings),
    `<div class="two">${tableSection("How it was made", input.summary)}${timingSection(input.timings)}</div>`,
    input.footer ? `<footer>${escapeHtml(input.footer)}</footer>` : "",
  ].join("");
  return page(input.title, body, { views: all, layers });
}

const differencePane = (v: View, k: number, layer: "m" | "b", alt: string): string =>
  `<div class="difference">${pane({ ...v, letters: ["", "", "", ""] }, k, [
    { layer: "a", alt: "" },
    { layer, alt },
  ])}</div>`;

export const differenceBar = (name: string, other = "fixed"): string => {
  const edge = plain(100 / differenceGain);
  return colourBar([`−${edge} % (${other} brighter)`, "0", `+${edge} % (${name} brighter)`]);
};

export function header(title: string, subtitle: string | undefined, v?: Verdict): string {
  const words = { good: ["✓", "Looks right"], check: ["!", "Check before use"], bad: ["✕", "Do not trust"] } as const;
  const banner = v
    ? `<div class="verdict ${v.level}" role="status"><span class="sign" aria-hidden="true">${words[v.level][0]}</span><p><b>${words[v.level][1]}</b>${escapeHtml(v.sentence)}</p></div>`
    : "";
  return `<header><h1>${escapeHtml(title)}</h1>${subtitle ? `<p class="sub">${escapeHtml(subtitle)}</p>` : ""}${banner}</header>`;
}

export const figureList = (figures: readonly Figure[] = []): string =>
  figures.length === 0
    ? ""
    : `<ul class="figures">${figures
        .map(
          (f) =>
            `<li><span>${escapeHtml(f.label)}</span><b>${escapeHtml(typeof f.value === "number" ? plain(f.value) : f.value)}</b>${
              f.unit ? ` <small>${escapeHtml(f.unit)}</small>` : ""
            }</li>`,
        )
        .join("")}</ul>`;

export function viewerSection(all: readonly View[], names: { a: string; b: string; m?: string; edgesOf: string }): string {
  const items = [
    { value: "a", label: names.a },
    ...(names.m ? [{ value: "m", label: names.m }] : []),
    { value: "b", label: names.b },
    { value: "flicker", label: `Flicker ${names.a.toLowerCase() === "fixed" ? "fixed / warped" : "A / B"}` },
    { value: "checker", label: "Checkerboard" },
    { value: "edges", label: names.edgesOf },
  ];
  const stack = [
    { layer: "a", alt: names.a },
    ...(names.m ? [{ layer: "m", alt: names.m }] : []),
    { layer: "b", alt: names.b },
    { layer: "e", alt: names.edgesOf },
  ];
  const tags = `<span class="tag">${escapeHtml(names.a)}</span><span class="tag tb">${escapeHtml(names.b)}</span>`;
  return `<section class="viewer" data-mode="edges"><h2>Look at it</h2>${choices("show", items, "edges")}<div class="panes ${
    all.length === 1 ? "one" : "three"
  }">${all
    .map((v, k) => `<figure>${pane(v, k, stack, tags)}${slider(v, k)}</figure>`)
    .join("")}</div><p class="note">Keys 1–${items.length} choose, the space bar flickers.</p></section>`;
}

export function cardSection(
  title: string,
  all: readonly View[],
  cards: readonly { title: string; view: (v: View, k: number) => string; below: string }[],
  note: string,
): string {
  const chooser =
    all.length === 1
      ? ""
      : choices(
          "view",
          all.map((v, k) => ({ value: String(k), label: v.name })),
          "0",
        );
  return `<section><h2>${escapeHtml(title)}</h2>${chooser}<div class="cards">${cards
    .map(
      (c) =>
        `<figure><h3>${escapeHtml(c.title)}</h3>${all.map((v, k) => `<div data-of="${k}"${k > 0 ? " hidden" : ""}>${c.view(v, k)}</div>`).join("")}${c.below}</figure>`,
    )
    .join("")}</div>${note ? `<p class="note">${escapeHtml(note.trim())}</p>` : ""}</section>`;
}

export const warningSection = (warnings: readonly string[] = []): string =>
  warnings.length === 0
    ? ""
    : `<section><h2>Warnings</h2><ul class="warnings">${warnings.map((w) => `<li>${escapeHtml(w)}</li>`).join("")}</ul></section>`;

/** What is undefined has no row. */
export const tableSection = (title: string, rows: Readonly<Record<string, unknown>> = {}): string =>
  Object.values(rows).every((v) => v === undefined)
    ? ""
    : `<section><h2>${escapeHtml(title)}</h2><table>${Object.entries(rows)
        .filter(([, v]) => v !== undefined)
        .map(([k, v]) => `<tr><th scope="row">${escapeHtml(k)}</th><td>${escapeHtml(text(v))}</td></tr>`)
        .join("")}</table></section>`;

export const timingSection = (timings: Readonly<Record<string, number>> = {}): string =>
  Object.keys(timings).length === 0
    ? ""
    : `<section><h2>Seconds</h2><table>${Object.entries(timings)
        .map(([k, v]) => `<tr><th scope="row">${escapeHtml(k)}</th><td class="n">${v.toFixed(v < 1 ? 3 : 2)}</td></tr>`)
        .join("")}</table></section>`;

const text = (v: unknown): string =>
  typeof v === "number"
    ? plain(v)
    : Array.isArray(v)
      ? v.map(text).join(", ")
      : typeof v === "object" && v !== null
        ? JSON.stringify(v)
        : String(v);
