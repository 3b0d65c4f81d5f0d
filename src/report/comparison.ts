import type { Lattice } from "../evaluation/lattice.js";
import { album, edgeAlbum, type Layer, page, pane } from "./page.js";
import { robustWindow } from "./picture.js";
import { cardSection, differenceBar, type Figure, figureList, header, tableSection, viewerSection, warningSection } from "./report.js";
import { views } from "./slices.js";

/** Two pictures that are set side by side, with figures and words. */
export interface ComparisonInput {
  /** The heading. */
  readonly title: string;
  /** A line below the heading. */
  readonly subtitle?: string;
  /** The grid that both images lie on. */
  readonly grid: Lattice;
  /** The first image. */
  readonly a: Layer;
  /** The second image. */
  readonly b: Layer;
  /** Whether both have one window of values. */
  readonly sameScale?: boolean;
  /** Numbers, with their labels and units. */
  readonly figures?: readonly Figure[];
  /** What it does, in a line. */
  readonly summary?: Readonly<Record<string, unknown>>;
  /** What is worth knowing, a sentence each. */
  readonly warnings?: readonly string[];
}

/** One offline HTML file that sets two images side by side: flicker, checkerboard, edges, difference. */
export function comparison(input: ComparisonInput): string {
  const { grid } = input;
  const all = views(grid);
  const shared = (input.sameScale ?? true) ? robustWindow(input.a.values, input.b.values) : undefined;
  const layers = {
    a: album(input.a, grid, all, shared ?? robustWindow(input.a.values)),
    b: album(input.b, grid, all, shared ?? robustWindow(input.b.values)),
    e: edgeAlbum(input.a, grid, all),
  };
  const body = [
    header(input.title, input.subtitle),
    figureList(input.figures),
    viewerSection(all, { a: "A", b: "B", edgesOf: "Edges of A on B" }),
    cardSection(
      "Difference",
      all,
      [
        {
          title: "B − A",
          view: (v, k) =>
            `<div class="difference">${pane({ ...v, letters: ["", "", "", ""] }, k, [
              { layer: "a", alt: "" },
              { layer: "b", alt: "B minus A" },
            ])}</div>`,
          below: differenceBar("B", "A"),
        },
      ],
      "",
    ),
    warningSection(input.warnings),
    tableSection("Images", input.summary),
  ].join("");
  return page(input.title, body, { views: all, layers });
}
