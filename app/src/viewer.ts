import { colourMap, jacobianTable } from "../../src/report/colourMap.js";
import { edgeColour, edgeMask } from "../../src/report/composites.js";
import { slice, type View, views } from "../../src/report/slices.js";
import { svgGrid } from "../../src/report/svgGrid.js";
import { choices, el, slider, svg } from "./dom.js";
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
const explanations: Readonly<Record<string, string>> = {
  overlay: "The second, in orange, over the first.",
  flicker: "One after the other: what jumps is not aligned.",
  checker: "Squares of both: lines run on where they are aligned.",
  curtain: "Left of the line the first, right of it the second.",
  difference: "Second minus first: blue less, orange more.",
  edges: "Edges of the first drawn on the second.",
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
  readonly #picks: boolean;
  #layers: readonly Layer[] = [];
  #pair: Pair | undefined;
  #deformation: Deformation | undefined;
  #mode: Mode = "layer-0";
  #amount = 0.5;
  #second = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #panes: Pane[] = [];
  #marks: readonly Mark[] = [];
  readonly #rasters = new Map<string, Uint8ClampedArray<ArrayBuffer>>();
  readonly #controls = el("div", { class: "controls" });
  readonly #note = el("p", { class: "note" });
  readonly #place = el("p", { class: "note place", "aria-live": "off" });
  readonly #grid = el("div", { class: "panes" });
  readonly #solid = el(
    "details",
    { class: "solid", ontoggle: () => void this.#drawSolid() },
    el("summary", {}, "In three dimensions"),
    el("div"),
  );
  #drawing = false;

  constructor(label: string, { picks = false } = {}) {
    this.#label = label;
    this.#picks = picks;
    this.root = el(
      "section",
      { class: "viewer", "aria-label": label },
      el("h3", {}, label),
      this.#controls,
      this.#grid,
      this.#note,
      this.#place,
      this.#solid,
    );
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

  /** Layers on one grid. `pair` says which two may be compared; the mode is what is seen first. */
  show(layers: readonly Layer[], o: { pair?: Pair; deformation?: Deformation; mode?: Mode } = {}): void {
    const same = this.place && layers[0] && this.place.size.join() === layers[0].place.size.join();
    this.#layers = layers;
    this.#pair = o.pair;
    this.#deformation = o.deformation;
    this.#rasters.clear();
    this.root.hidden = layers.length === 0;
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
    if (o.pair) modes.push(...(comparisons as unknown as [string, string][]));
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
          ? `±${Number(layers[Number(signed[1])].high.toPrecision(3))}; 0 is in the middle`
          : named && explanations[mode] && !["grid", "jacobian"].includes(mode)
            ? `${explanations[mode]} First: ${named[0]}; second: ${named[1]}.`
            : mode === "jacobian"
              ? `${explanations.jacobian} det J from ${(Math.exp(-(this.#deformation?.range ?? 0))).toFixed(2)} to ${Math.exp(this.#deformation?.range ?? 0).toFixed(2)}.`
              : (explanations[mode] ?? "");
      this.#draw();
      if (this.#solid.open) void this.#drawSolid();
    };
    this.#controls.replaceChildren(
      ...(modes.length > 1 ? [choices(`${this.#label}: what to look at`, modes, this.#mode, change)] : []),
      amount,
    );
    change(this.#mode);
  }
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
    const canvas = el("canvas", { width, height, role: "img", "aria-label": `${this.#label}, ${view.name}` });
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
    const point = (e: PointerEvent) => {
      const box = canvas.getBoundingClientRect();
      const along = (t: number, n: number, flip: boolean) => {
        const k = Math.min(n - 1, Math.max(0, Math.floor(t * n)));
        return flip ? n - 1 - k : k;
      };
      this.crosshair[view.across] = along((e.clientX - box.left) / box.width, view.width, view.flipAcross);
      this.crosshair[view.down] = along((e.clientY - box.top) / box.height, view.height, view.flipDown);
      this.#moved();
    };
    canvas.addEventListener("pointerdown", (e) => {
      canvas.setPointerCapture(e.pointerId);
      point(e);
    });
    canvas.addEventListener("pointermove", (e) => {
      if (canvas.hasPointerCapture(e.pointerId)) point(e);
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
    const { bytes, channels, place, signed } = this.#layers[layer];
    const planes = Array.from({ length: channels }, (_, channel) => slice(bytes, place, view, at, { most, channel }).values);
    found = new Uint8ClampedArray(4 * planes[0].length);
    for (let i = 0; i < planes[0].length; i++) {
      const colour = signed
        ? diverging[Math.round(planes[0][i])]
        : [planes[0][i], (planes[1] ?? planes[0])[i], (planes[2] ?? planes[0])[i]];
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
    const tinted = this.#mode === "overlay" && this.#layers[under].channels + this.#layers[over].channels === 2;
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
              ? this.#amount
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
      view.through < 0 && !this.#picks ? [] : [svg("path", { class: "cross", d: `M${x} 0V${view.height}M0 ${y}H${view.width}` })];
    if (this.#mode === "curtain") parts.push(svg("path", { class: "line", d: `M${this.#amount * view.width} 0V${view.height}` }));
    if (this.#mode === "grid" && this.#deformation) parts.push(this.#warped(view, this.#deformation));
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

const pointOf = ({ spacing, origin, direction }: Place, index: readonly number[]): number[] => {
  const d = spacing.length;
  return origin.map((o, r) => o + index.reduce((s, v, c) => s + direction[r * d + c] * spacing[c] * v, 0));
};
/** Directions are orthonormal, or nearly: their transpose is their inverse. */
const indexOf = ({ spacing, origin, direction }: Place, point: readonly number[]): number[] => {
  const d = spacing.length;
  return spacing.map((h, c) => point.reduce((s, v, r) => s + direction[r * d + c] * (v - origin[r]), 0) / h);
};
