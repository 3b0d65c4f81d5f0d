import { el, save } from "./dom.js";
import type { Viewer } from "./viewer.js";

/** Pairs of points, one in fixed and one in moving, and how far apart they are: now, and under a transform. */
export interface PairOfPoints {
  readonly fixed: readonly number[];
  readonly moving: readonly number[];
}
const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((v, k) => v - b[k]));
const mean = (v: readonly number[]) => v.reduce((a, b) => a + b, 0) / v.length;

export class Landmarks {
  readonly root: HTMLElement;
  pairs: PairOfPoints[] = [];
  /** Whether a run takes them too. */
  used = false;
  /** Points of fixed carried to moving by the last result. */
  map: ((points: readonly (readonly number[])[]) => Promise<readonly (readonly number[])[]>) | undefined;
  readonly #fixed: Viewer;
  readonly #moving: Viewer;
  readonly #change: () => void;
  readonly #table = el("div", { class: "wide" });
  readonly #said = el("p", { class: "note", role: "status" });

  constructor(fixed: Viewer, moving: Viewer, change: () => void) {
    this.#fixed = fixed;
    this.#moving = moving;
    this.#change = change;
    const use = el("input", {
      type: "checkbox",
      id: "landmarks-used",
      onchange: () => {
        this.used = use.checked;
        change();
      },
    });
    this.root = el(
      "section",
      { "aria-label": "Landmarks", hidden: true },
      el("h3", {}, "Landmarks"),
      el(
        "p",
        { class: "help" },
        "Put both crosshairs on the same place of the body, then add the pair. TRE is how far the transform misses them.",
      ),
      el(
        "div",
        { class: "row" },
        el("button", { type: "button", onclick: () => this.add(this.#fixed.point, this.#moving.point) }, "Add a pair at the crosshairs"),
        el("button", { type: "button", class: "quiet", onclick: () => this.#save() }, "Save as CSV"),
        el("div", { class: "check" }, use, el("label", { for: "landmarks-used" }, "Use them in the run")),
      ),
      this.#table,
      this.#said,
    );
  }
  add(fixed: readonly number[], moving: readonly number[]): void {
    if (fixed.length === 0 || fixed.length !== moving.length) return;
    this.pairs = [...this.pairs, { fixed: [...fixed], moving: [...moving] }];
    void this.update();
  }
  clear(): void {
    this.pairs = [];
    this.map = undefined;
    void this.update();
  }
  csv(which: "fixed" | "moving"): string {
    const d = this.pairs[0]?.fixed.length ?? 3;
    return `${["x", "y", "z"].slice(0, d).join(",")}\n${this.pairs.map((p) => p[which].join(",")).join("\n")}\n`;
  }
  async update(): Promise<void> {
    this.#fixed.marks = this.pairs.map((p, k) => ({ at: p.fixed, label: `pair ${k + 1}` }));
    this.#moving.marks = this.pairs.map((p, k) => ({ at: p.moving, label: `pair ${k + 1}` }));
    const carried = this.map && this.pairs.length > 0 ? await this.map(this.pairs.map((p) => p.fixed)).catch(() => undefined) : undefined;
    const before = this.pairs.map((p) => distance(p.fixed, p.moving));
    const after = carried?.map((q, k) => distance(q, this.pairs[k].moving));
    const words = (p: readonly number[]) => p.map((v) => v.toFixed(1)).join(", ");
    this.#table.replaceChildren(
      ...(this.pairs.length === 0
        ? []
        : [
            el(
              "table",
              { class: "data" },
              el(
                "thead",
                {},
                el("tr", {}, ...["", "fixed", "moving", "before", ...(after ? ["TRE"] : []), ""].map((h) => el("th", { scope: "col" }, h))),
              ),
              el(
                "tbody",
                {},
                ...this.pairs.map((p, k) =>
                  el(
                    "tr",
                    {},
                    el("td", {}, String(k + 1)),
                    el("td", {}, el("button", { type: "button", class: "link", onclick: () => this.#goTo(p) }, words(p.fixed))),
                    el("td", {}, words(p.moving)),
                    el("td", {}, before[k].toFixed(2)),
                    after && el("td", { class: "tre" }, after[k].toFixed(2)),
                    el(
                      "td",
                      {},
                      el(
                        "button",
                        {
                          type: "button",
                          class: "quiet",
                          "aria-label": `Remove pair ${k + 1}`,
                          onclick: () => this.#remove(k),
                        },
                        "Remove",
                      ),
                    ),
                  ),
                ),
              ),
            ),
          ]),
    );
    this.#said.textContent =
      this.pairs.length === 0
        ? ""
        : `${this.pairs.length} pair${this.pairs.length === 1 ? "" : "s"}; mean distance ${mean(before).toFixed(2)} before${after ? `, TRE ${mean(after).toFixed(2)} after` : ""}.`;
    this.#change();
  }
  #goTo({ fixed, moving }: PairOfPoints): void {
    this.#fixed.goTo(fixed);
    this.#moving.goTo(moving);
  }
  #remove(at: number): void {
    this.pairs = this.pairs.filter((_, k) => k !== at);
    void this.update();
  }
  #save(): void {
    for (const which of ["fixed", "moving"] as const) save(`${which}-points.csv`, new Blob([this.csv(which)], { type: "text/csv" }));
  }
}
