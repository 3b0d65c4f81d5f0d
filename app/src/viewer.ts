import { colourMap, jacobianTable } from "../../src/report/colourMap.js";
import { edgeColour, edgeMask } from "../../src/report/composites.js";
import { slice, type View, views } from "../../src/report/slices.js";
import { svgGrid } from "../../src/report/svgGrid.js";
import { choices, el, slider, svg } from "./dom.js";
import { type Adjustment, asItCame, grays, indexOf, labelColour, pointOf, top } from "./levels.js";
import type { Deformation, Layer, Place } from "./protocol.js";

/** Most pixels along a side that are drawn. */
const most = 1400;

/** Two images on one grid, which may be compared: by the numbers of their layers. */
export type Pair = readonly [under: number, over: number];
/** A point marked in an image, mm. */
export interface Mark {
  readonly at: readonly number[];
  readonly label: string;
}

/** A layer whose planes are made when they are looked at: levels, x fastest, of every `block`-th pixel. */
export interface Made extends Layer {
  readonly plane: (view: View, at: number, channel: number, block: number) => Float32Array;
}
/** What a pointer has dragged in a plane: from one point to another, mm. */
export interface Grab {
  readonly view: View;
  readonly from: readonly number[];
  readonly to: readonly number[];
}
/** A box in a picture: left, top, width, height in pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly lost?: boolean;
}
export interface ViewerOptions {
  /** A crosshair in pictures too. */
  readonly picks?: boolean;
  /** A drag moves something else than the crosshair; asked at its begin. */
  readonly grabs?: () => boolean;
  readonly ongrab?: (grab: Grab) => void;
  /** A drag draws a box. */
  readonly onbox?: (box: Box) => void;
}

interface Pane {
  readonly view: View;
  readonly width: number;
  readonly height: number;
  readonly canvas: HTMLCanvasElement;
  readonly over: SVGElement;
  readonly pick: ReturnType<typeof slider> | undefined;
}
type Mode = string;
const comparisons = [
  ["overlay", "Overlay"],
  ["flicker", "Flicker"],
  ["checker", "Checkerboard"],
  ["curtain", "Curtain"],
  ["difference", "Difference"],
  ["edges", "Edges"],
] as const;
const onLabels = [
  ["overlay", "Labels over it"],
  ["outline", "Outlines"],
] as const;
const explanations: Readonly<Record<string, string>> = {
  overlay: "The second, in orange, over the first.",
  flicker: "One after the other: what jumps is not aligned.",
  checker: "Squares of both: lines run on where they are aligned.",
  curtain: "Left of the line the first, right of it the second.",
  difference: "Second minus first: blue less, orange more.",
  edges: "Edges of the first drawn on the second.",
  outline: "Outlines of the labels on the image.",
  grid: "Lines of the fixed grid, carried to where moving is looked up; below, moving as it came.",
  jacobian: "Orange: moving is larger there than fixed. Blue: smaller. Magenta: folded.",
};
/** Colours of a gray image that lies over another. */
const tint = [1, 0.62, 0.25];
const diverging = Array.from({ length: 256 }, (_, b) => colourMap("diverging")(b / 255));
const jacobianColours = jacobianTable();

/** Three planes of a volume, or a picture; alone, or one image against another. */
export class Viewer {
  readonly root: HTMLElement;
  /** Index of the crosshair, along the axes of the grid. */
  crosshair: number[] = [];
  onmove: () => void = () => {};
  readonly #label: string;
  readonly #o: ViewerOptions;
  #layers: readonly Layer[] = [];
  #pair: Pair | undefined;
  #deformation: Deformation | undefined;
  #mode: Mode = "layer-0";
  #amount = 0.5;
  #second = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #panes: Pane[] = [];
  #marks: readonly Mark[] = [];
  #box: Box | undefined;
  #adjustment: Adjustment = asItCame;
  readonly #gray = new Map<number, Uint8ClampedArray>();
  readonly #rasters = new Map<string, Uint8ClampedArray<ArrayBuffer>>();
  readonly #controls = el("div", { class: "controls" });
  readonly #legend = el("div", { class: "legend", hidden: true });
  readonly #note = el("p", { class: "note" });
  readonly #window = el("details", { class: "window" });
  readonly #place = el("p", { class: "note place", "aria-live": "off" });
  readonly #grid = el("div", { class: "panes" });
  readonly #solid = el(
    "details",
    { class: "solid", ontoggle: () => void this.#drawSolid() },
    el("summary", {}, "In three dimensions"),
    el("div"),
  );
  #drawing = false;

  constructor(label: string, o: ViewerOptions = {}) {
    this.#label = label;
    this.#o = o;
    this.root = el(
      "section",
      { class: "viewer", "aria-label": label },
      el("h3", {}, label),
      this.#controls,
      this.#grid,
      this.#legend,
      this.#note,
      this.#place,
      this.#window,
      this.#solid,
    );
    this.#window.append(el("summary", {}, "Brightness and contrast"), this.#windowing());
    this.root.hidden = true;
  }
  get place(): Place | undefined {
    return this.#layers[0]?.place;
  }
  /** The crosshair in mm. */
  get point(): number[] {
    return this.place ? pointOf(this.place, this.crosshair) : [];
  }
  set marks(marks: readonly Mark[]) {
    this.#marks = marks;
    this.#draw();
  }

  set box(box: Box | undefined) {
    this.#box = box;
    this.#draw();
  }
  get mode(): string {
    return this.#mode;
  }
  /** What is made when it is looked at, anew. */
  remake(): void {
    this.#rasters.clear();
    this.#draw();
  }
  /** Other layers of the same kind in the same places: the next frame. */
  swap(layers: readonly Layer[]): void {
    this.#layers = layers;
    this.#rasters.clear();
    this.#gray.clear();
    this.#draw();
  }

  /** Layers on one grid. `pair` says which two may be compared; the mode is what is seen first. */
  show(layers: readonly Layer[], o: { pair?: Pair; deformation?: Deformation; mode?: Mode } = {}): void {
    const same = this.place && layers[0] && this.place.size.join() === layers[0].place.size.join();
    this.#layers = layers;
    this.#pair = o.pair;
    this.#deformation = o.deformation;
    this.#rasters.clear();
    this.#gray.clear();
    this.root.hidden = layers.length === 0;
    this.#window.hidden = layers.every((l) => l.labels);
    if (layers.length === 0) return;
    const { place } = layers[0];
    if (!same) this.crosshair = place.size.map((n) => Math.floor(n / 2));
    this.#panes = views(place, 1).map((view) => this.#pane(view, place));
    this.#solid.hidden = place.size.length !== 3 || place.size.some((n) => n < 4);
    this.#solid.lastElementChild?.replaceChildren();
    this.#solid.open = false;
    this.#grid.classList.toggle("three", this.#panes.length === 3);
    this.#grid.replaceChildren(...this.#panes.map((p) => figureOf(p)));
    const modes: [string, string][] = layers.map((l, k) => [`layer-${k}`, l.name[0].toUpperCase() + l.name.slice(1)]);
    if (o.pair) modes.push(...((layers[o.pair[1]].labels ? onLabels : comparisons) as unknown as [string, string][]));
    if (o.deformation) modes.push(["grid", "Warp grid"]);
    if (o.deformation?.jacobian) modes.push(["jacobian", "Jacobian"]);
    this.#mode = o.mode ?? "layer-0";
    const amount = slider("Share of the second", { min: 0, max: 100, value: 50, text: (v) => `${v} %` }, (v) => {
      this.#amount = v / 100;
      this.#draw();
    });
    this.#amount = 0.5;
    const change = (mode: string) => {
      this.#mode = mode;
      amount.hidden = mode !== "overlay" && mode !== "curtain";
      clearInterval(this.#timer);
      this.#second = false;
      if (mode === "flicker") {
        const slow = matchMedia("(prefers-reduced-motion: reduce)").matches;
        this.#timer = setInterval(
          () => {
            if (!this.root.isConnected) return clearInterval(this.#timer);
            this.#second = !this.#second;
            this.#draw();
          },
          slow ? 1500 : 600,
        );
      }
      const signed = /^layer-(\d+)$/.exec(mode);
      const named = this.#pair?.map((k) => layers[k].name);
      this.#note.textContent =
        signed && layers[Number(signed[1])].signed
          ? ""
          : this.#pair && mode === "overlay" && layers[this.#pair[1]].labels
            ? "Every label in a colour of its own."
            : named && explanations[mode] && !["grid", "jacobian", "outline"].includes(mode)
              ? `${explanations[mode]} First: ${named[0]}; second: ${named[1]}.`
              : mode === "jacobian"
                ? explanations.jacobian
                : (explanations[mode] ?? "");
      this.#explainColours();
      this.#draw();
      if (this.#solid.open) void this.#drawSolid();
    };
    this.#controls.replaceChildren(
      ...(modes.length > 1 ? [choices(`${this.#label}: what to look at`, modes, this.#mode, change)] : []),
      amount,
    );
    change(this.#mode);
  }
  /** A bar of the colours, where they stand for numbers. */
  #explainColours(): void {
    const layer = /^layer-(\d+)$/.exec(this.#mode);
    const shown = layer ? this.#layers[Number(layer[1])] : undefined;
    const range = this.#deformation?.range ?? 0;
    const [low, high] = shown?.signed
      ? [String(Number(shown.low.toPrecision(3))), `+${Number(shown.high.toPrecision(3))}`]
      : this.#mode === "jacobian"
        ? [`det J ${Math.exp(-range).toFixed(2)}`, Math.exp(range).toFixed(2)]
        : ["", ""];
    this.#legend.hidden = low === "";
    if (low === "") return;
    const bar = el("canvas", { width: 256, height: 1, "aria-hidden": "true" });
    const colours = shown ? diverging : jacobianColours;
    const pixels = new Uint8ClampedArray(4 * 256);
    for (let b = 0; b < 256; b++) pixels.set([...(colours[Math.max(1, b)] as readonly number[]), 255], 4 * b);
    bar.getContext("2d")?.putImageData(new ImageData(pixels, 256, 1), 0, 0);
    this.#legend.replaceChildren(el("span", {}, low), bar, el("span", {}, high));
  }
  /** Sliders for what a radiologist calls level and window; dragging with the right button does the same. */
  #windowing(): HTMLElement {
    const factor = (v: number) => 2 ** (v / 25);
    const change = (next: Partial<Adjustment>) => {
      this.#adjustment = { ...this.#adjustment, ...next };
      this.#gray.clear();
      this.#rasters.clear();
      this.#draw();
    };
    const brighter = slider(
      "Brightness",
      { min: -100, max: 100, value: 0, text: (v) => `${v > 0 ? "+" : ""}${v} %`, name: `${this.#label}: brightness` },
      (v) => change({ brighter: v / 100 }),
    );
    const contrast = slider(
      "Contrast",
      { min: -50, max: 75, value: 0, text: (v) => `× ${factor(v).toFixed(2)}`, name: `${this.#label}: contrast` },
      (v) => change({ contrast: factor(v) }),
    );
    this.#adjust = (right, up) => {
      const next = { b: 100 * this.#adjustment.brighter + 0.5 * up, c: 25 * Math.log2(this.#adjustment.contrast) + 0.25 * right };
      brighter.show(Math.round(Math.min(100, Math.max(-100, next.b))));
      contrast.show(Math.round(Math.min(75, Math.max(-50, next.c))));
      change({ brighter: Math.min(1, Math.max(-1, next.b / 100)), contrast: factor(Math.min(75, Math.max(-50, next.c))) });
    };
    const reset = el(
      "button",
      {
        type: "button",
        class: "quiet",
        onclick: () => {
          brighter.show(0);
          contrast.show(0);
          change(asItCame);
        },
      },
      "As it came",
    );
    return el("div", { class: "windowing" }, brighter, contrast, reset);
  }
  #adjust: (right: number, up: number) => void = () => {};
  /** The volume that is looked at; of two that are compared the second. Its code is loaded when it is opened. */
  async #drawSolid(): Promise<void> {
    const layer = /^layer-(\d+)$/.exec(this.#mode);
    const shown = this.#solid.open ? this.#layers[layer ? Number(layer[1]) : (this.#pair?.[1] ?? 0)] : undefined;
    if (!shown) {
      this.#solid.lastElementChild?.replaceChildren();
      return;
    }
    const { volumeView } = await import("./volume.js");
    this.#solid.lastElementChild?.replaceChildren(
      el("p", { class: "note" }, `${shown.name}; drag it, or use the sliders.`),
      volumeView(shown, this.#label),
    );
  }
  /** Bring the crosshair to a point, mm. */
  goTo(point: readonly number[]): void {
    if (!this.place) return;
    this.crosshair = indexOf(this.place, point).map((v, k) => Math.min((this.place as Place).size[k] - 1, Math.max(0, Math.round(v))));
    this.#moved();
  }

  #pane(view: View, place: Place): Pane {
    const block = Math.max(1, Math.ceil(Math.max(view.width, view.height) / most));
    const [width, height] = [Math.ceil(view.width / block), Math.ceil(view.height / block)];
    const canvas = el("canvas", {
      width,
      height,
      tabindex: "0",
      role: "application",
      "aria-roledescription": "image",
      "aria-label": `${this.#label}, ${view.name}${view.through < 0 ? "" : ": arrow keys move the crosshair, Page Up and Page Down change the slice"}`,
    });
    const over = svg("svg", { viewBox: `0 0 ${view.width} ${view.height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    const through = view.through;
    const pick =
      through < 0
        ? undefined
        : slider(
            view.name,
            { min: 0, max: place.size[through] - 1, value: this.crosshair[through], name: `${this.#label}: ${view.name} slice` },
            (v) => {
              this.crosshair[through] = v;
              this.#moved();
            },
          );
    const pane = { view, width, height, canvas, over, pick };
    /** Where the pointer is, in pixels of the view: centres are at whole numbers. */
    const pixel = (e: PointerEvent): [number, number] => {
      const box = canvas.getBoundingClientRect();
      return [((e.clientX - box.left) / box.width) * view.width - 0.5, ((e.clientY - box.top) / box.height) * view.height - 0.5];
    };
    const index = ([u, v]: readonly [number, number]): number[] => {
      const at = [...this.crosshair];
      at[view.across] = view.flipAcross ? view.width - 1 - u : u;
      at[view.down] = view.flipDown ? view.height - 1 - v : v;
      return at;
    };
    const goTo = (at: readonly number[]) => {
      this.crosshair = at.map((v, k) => Math.min(place.size[k] - 1, Math.max(0, Math.round(v))));
      this.#moved();
    };
    const whole = (v: number, n: number) => Math.min(n - 1, Math.max(0, Math.round(v)));
    let begin: [number, number] | undefined;
    let grabbed: [number, number] | undefined;
    canvas.addEventListener("contextmenu", (e) => e.preventDefault());
    canvas.addEventListener("pointerdown", (e) => {
      canvas.setPointerCapture(e.pointerId);
      if (e.button === 2) return;
      if (this.#o.onbox) begin = pixel(e);
      else if (this.#o.grabs?.()) grabbed = pixel(e);
      else goTo(index(pixel(e)));
    });
    canvas.addEventListener("pointermove", (e) => {
      if (!canvas.hasPointerCapture(e.pointerId)) return;
      if (e.buttons & 2) return this.#adjust(e.movementX, -e.movementY);
      const now = pixel(e);
      if (begin) {
        const [x0, y0, x1, y1] = [begin[0], begin[1], ...now].map((v, k) => whole(v, k % 2 ? view.height : view.width));
        this.#o.onbox?.({ x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0) + 1, height: Math.abs(y1 - y0) + 1 });
      } else if (grabbed) {
        this.#o.ongrab?.({ view, from: pointOf(place, index(grabbed)), to: pointOf(place, index(now)) });
        grabbed = now;
      } else goTo(index(now));
    });
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, () => {
        begin = undefined;
        grabbed = undefined;
      });
    // Only where it was clicked before: a page that is scrolled must not stop at every image.
    canvas.addEventListener(
      "wheel",
      (e) => {
        if (view.through < 0 || !this.root.contains(document.activeElement)) return;
        e.preventDefault();
        const at = [...this.crosshair];
        at[view.through] += Math.sign(e.deltaY);
        goTo(at);
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
      const through = { PageUp: 1, PageDown: -1 }[e.key];
      if (!step && (through === undefined || view.through < 0)) return;
      e.preventDefault();
      const here = index([0, 0]);
      const there = index(step ? [step[0], step[1]] : [0, 0]);
      const move = this.crosshair.map((_, k) => there[k] - here[k] + (k === view.through ? (through ?? 0) : 0));
      if (this.#o.grabs?.()) {
        const from = pointOf(place, this.crosshair);
        const to = pointOf(
          place,
          this.crosshair.map((v, k) => v + move[k]),
        );
        this.#o.ongrab?.({ view, from, to });
      } else goTo(this.crosshair.map((v, k) => v + move[k]));
    });
    return pane;
  }
  #moved(): void {
    for (const p of this.#panes) if (p.pick) p.pick.show(this.crosshair[p.view.through]);
    this.#draw();
    this.onmove();
  }
  /** Once before the next frame, however often it is asked for. */
  #draw(): void {
    if (this.#drawing || this.#layers.length === 0) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      for (const p of this.#panes) this.#drawPane(p);
      const { place } = this;
      if (place)
        this.#place.textContent =
          place.size.length === 3
            ? `At ${this.point.map((v) => v.toFixed(1)).join(", ")} mm (voxel ${this.crosshair.join(", ")})`
            : `At ${this.point.map((v) => Number(v.toFixed(2))).join(", ")}`;
    });
  }
  /** One layer in one view as RGBA. */
  #raster(layer: number, pane: Pane): Uint8ClampedArray<ArrayBuffer> {
    const { view } = pane;
    const at = view.through < 0 ? 0 : this.crosshair[view.through];
    const key = `${layer} ${view.name} ${at}`;
    let found = this.#rasters.get(key);
    if (found) return found;
    const shown = this.#layers[layer];
    const { levels, channels, place, signed, labels } = shown;
    const block = Math.max(1, Math.ceil(Math.max(view.width, view.height) / most));
    const planes = Array.from({ length: channels }, (_, channel) =>
      "plane" in shown
        ? (shown as Made).plane(view, at, channel, block)
        : slice(levels, place, view, at, { most: labels ? 1e9 : most, channel }).values,
    );
    let gray = this.#gray.get(layer);
    if (!gray) {
      gray = grays(shown, this.#adjustment);
      this.#gray.set(layer, gray);
    }
    const tone = gray;
    found = new Uint8ClampedArray(4 * pane.width * pane.height);
    const n = pane.width * pane.height;
    for (let i = 0; i < n; i++) {
      // Labels are not averaged: of a block the first one.
      const j = labels && block > 1 ? Math.floor(i / pane.width) * block * view.width + (i % pane.width) * block : i;
      const at0 = Math.min(top, Math.round(planes[0][j]));
      const colour = labels
        ? at0 > 0
          ? labelColour(at0)
          : [0, 0, 0]
        : signed
          ? diverging[tone[at0]]
          : channels === 1
            ? [tone[at0], tone[at0], tone[at0]]
            : [tone[at0], tone[Math.round(planes[1][i])], tone[Math.round(planes[2][i])]];
      found[4 * i] = colour[0];
      found[4 * i + 1] = colour[1];
      found[4 * i + 2] = colour[2];
      found[4 * i + 3] = 255;
    }
    if (this.#rasters.size > 24) this.#rasters.clear();
    this.#rasters.set(key, found);
    return found;
  }
  #drawPane(pane: Pane): void {
    const context = pane.canvas.getContext("2d");
    if (!context) return;
    const pixels = this.#composed(pane);
    context.putImageData(new ImageData(pixels, pane.width, pane.height), 0, 0);
    this.#drawOver(pane);
  }
  #composed(pane: Pane): Uint8ClampedArray<ArrayBuffer> {
    const { width, height, view } = pane;
    const layer = /^layer-(\d+)$/.exec(this.#mode);
    if (layer) return this.#raster(Number(layer[1]), pane);
    if (this.#mode === "jacobian" && this.#deformation?.jacobian) {
      const at = view.through < 0 ? 0 : this.crosshair[view.through];
      const { values } = slice(this.#deformation.jacobian, this.#layers[0].place, view, at, { most });
      const out = new Uint8ClampedArray(4 * values.length);
      for (let i = 0; i < values.length; i++) out.set([...jacobianColours[Math.round(values[i])], 255], 4 * i);
      return out;
    }
    const [under, over] = this.#pair ?? [0, this.#layers.length - 1];
    const b = this.#raster(over, pane);
    if (this.#mode === "grid") return this.#raster(this.#layers.length > 2 ? 1 : over, pane).map((v, i) => (i % 4 === 3 ? 255 : 0.5 * v));
    const a = this.#raster(under, pane);
    if (this.#mode === "flicker") return this.#second ? b : a;
    const out = new Uint8ClampedArray(a.length);
    if (this.#mode === "outline") {
      out.set(a);
      for (let y = 0, i = 0; y < height; y++)
        for (let x = 0; x < width; x++, i++) {
          const unlike = (j: number) => b[4 * i] !== b[4 * j] || b[4 * i + 1] !== b[4 * j + 1] || b[4 * i + 2] !== b[4 * j + 2];
          const own = b[4 * i] + b[4 * i + 1] + b[4 * i + 2] > 0;
          if (
            own &&
            (x === 0 ||
              y === 0 ||
              x === width - 1 ||
              y === height - 1 ||
              unlike(i - 1) ||
              unlike(i + 1) ||
              unlike(i - width) ||
              unlike(i + width))
          )
            for (let k = 0; k < 3; k++) out[4 * i + k] = b[4 * i + k];
        }
      return out;
    }
    if (this.#mode === "edges") {
      const values = new Float32Array(width * height);
      for (let i = 0; i < values.length; i++) values[i] = (a[4 * i] + a[4 * i + 1] + a[4 * i + 2]) / 3;
      const mask = edgeMask({ width, height, values });
      out.set(b);
      for (let i = 0; i < mask.length; i++) if (mask[i]) out.set([edgeColour[0], edgeColour[1], edgeColour[2], 255], 4 * i);
      return out;
    }
    const tile = Math.max(4, Math.round(Math.max(width, height) / 8));
    const left = Math.round(this.#amount * width);
    const labelled = this.#layers[over].labels === true;
    const tinted = !labelled && this.#mode === "overlay" && this.#layers[under].channels + this.#layers[over].channels === 2;
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++, i += 4) {
        if (this.#mode === "difference") {
          const d = (b[i] + b[i + 1] + b[i + 2] - a[i] - a[i + 1] - a[i + 2]) / 3;
          const c = diverging[Math.min(255, Math.max(0, Math.round(128 + d)))];
          out[i] = c[0];
          out[i + 1] = c[1];
          out[i + 2] = c[2];
        } else {
          const share =
            this.#mode === "overlay"
              ? labelled && b[i] + b[i + 1] + b[i + 2] === 0
                ? 0
                : this.#amount
              : (this.#mode === "curtain" ? x < left : (Math.floor(x / tile) + Math.floor(y / tile)) % 2 === 0)
                ? 0
                : 1;
          for (let k = 0; k < 3; k++) out[i + k] = (1 - share) * a[i + k] + share * b[i + k] * (tinted ? tint[k] : 1);
        }
        out[i + 3] = 255;
      }
    return out;
  }
  /** Crosshair, marks, grid and the curtain's line. */
  #drawOver({ view, over }: Pane): void {
    const place = this.#layers[0].place;
    const along = (index: readonly number[]): [number, number] => {
      const [u, v] = [index[view.across], index[view.down]];
      return [(view.flipAcross ? view.width - 1 - u : u) + 0.5, (view.flipDown ? view.height - 1 - v : v) + 0.5];
    };
    const [x, y] = along(this.crosshair);
    // In a picture a cross only stands in the way, unless points are to be marked with it.
    const parts: SVGElement[] =
      view.through < 0 && !this.#o.picks ? [] : [svg("path", { class: "cross", d: `M${x} 0V${view.height}M0 ${y}H${view.width}` })];
    if (this.#mode === "curtain") parts.push(svg("path", { class: "line", d: `M${this.#amount * view.width} 0V${view.height}` }));
    if (this.#mode === "grid" && this.#deformation) parts.push(this.#warped(view, this.#deformation));
    if (this.#box) {
      const { x: left, y: above, width, height, lost } = this.#box;
      parts.push(svg("rect", { class: lost ? "box lost" : "box", x: left, y: above, width, height }));
    }
    for (const { at, label } of this.#marks) {
      const index = indexOf(place, at);
      if (view.through >= 0 && Math.abs(index[view.through] - this.crosshair[view.through]) > 1.5) continue;
      const [u, v] = along(index);
      const size = 0.014 * Math.max(view.width, view.height);
      parts.push(
        svg(
          "path",
          { class: "mark", d: `M${u - size} ${v}H${u + size}M${u} ${v - size * view.aspect * (view.height / view.width)}V${v + size}` },
          svg("title", {}, label),
        ),
      );
    }
    over.replaceChildren(...parts);
  }
  #warped(view: View, { displacement, place, stride, straight }: Deformation): SVGElement {
    const own = views(place, 1).find((v) => v.name === view.name) as View;
    const at = view.through < 0 ? 0 : Math.min(place.size[view.through] - 1, Math.round(this.crosshair[view.through] / stride));
    const d = svgGrid(displacement, place, own, at, { lines: 26, straight });
    // Sample k of the coarse grid is sample k · stride of the fine one; a flipped axis begins where its coarse grid ends.
    const shift = (fine: number, few: number, flip: boolean) => 0.5 - 0.5 * stride + (flip ? fine - 1 - (few - 1) * stride : 0);
    const move = `translate(${shift(view.width, own.width, view.flipAcross)} ${shift(view.height, own.height, view.flipDown)}) scale(${stride})`;
    return svg("path", { class: "warped", d, transform: move });
  }
}

function figureOf({ view, canvas, over, pick }: Pane): HTMLElement {
  const stack = el("div", { class: "stack" }, canvas);
  stack.append(over);
  stack.style.aspectRatio = String(view.aspect);
  stack.style.setProperty("--ratio", String(view.aspect));
  canvas.classList.toggle("crisp", Math.max(view.width, view.height) < 200);
  for (const [k, letter] of view.letters.entries())
    if (letter) stack.append(el("span", { class: `letter l${k}`, "aria-hidden": "true" }, letter));
  return el("figure", {}, stack, pick);
}
