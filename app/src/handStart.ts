import type { View } from "../../src/report/slices.js";
import { choices, el, fresh, save } from "./dom.js";
import { indexOf, pointOf } from "./levels.js";
import type { Layer, Place } from "./protocol.js";
import { type Grab, type Made, Viewer } from "./viewer.js";

/** p ↦ matrix · p + offset: fixed points to moving points, mm. */
interface Map {
  readonly matrix: readonly number[];
  readonly offset: readonly number[];
}
const apply = ({ matrix, offset }: Map, p: readonly number[]): number[] =>
  offset.map((o, r) => o + p.reduce((s, v, c) => s + matrix[r * p.length + c] * v, 0));
const identity = (d: number): Map => ({
  matrix: Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? 1 : 0)),
  offset: Array<number>(d).fill(0),
});
/** a ∘ b. */
const after = (a: Map, b: Map): Map => {
  const d = b.offset.length;
  return {
    matrix: Array.from({ length: d * d }, (_, k) => {
      const [r, c] = [Math.floor(k / d), k % d];
      return b.offset.reduce((s, _v, j) => s + a.matrix[r * d + j] * b.matrix[j * d + c], 0);
    }),
    offset: apply(a, b.offset),
  };
};
/** The turn by an angle about a point, in the plane of two axes of space. */
function turn(d: number, [a, b]: readonly [number, number], angle: number, about: readonly number[]): Map {
  const matrix = [...identity(d).matrix];
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  matrix[a * d + a] = c;
  matrix[b * d + b] = c;
  matrix[a * d + b] = -s;
  matrix[b * d + a] = s;
  const carried = apply({ matrix, offset: Array<number>(d).fill(0) }, about);
  return { matrix, offset: about.map((v, k) => v - carried[k]) };
}
const middle = (place: Place): number[] =>
  pointOf(
    place,
    place.size.map((n) => (n - 1) / 2),
  );

/** A start given by hand: the moving image is dragged over the fixed one until they roughly lie on each other. */
export class HandStart {
  readonly root: HTMLElement;
  readonly #viewer: Viewer;
  readonly #change: () => void;
  readonly #said = el("p", { class: "note", role: "status" });
  readonly #use: HTMLInputElement;
  #map: Map | undefined;
  #fixed: Layer | undefined;
  #moving: Layer | undefined;
  #way = "shift";
  #sampled: Layer | undefined;

  constructor(change: () => void) {
    this.#change = change;
    this.#viewer = new Viewer("Moving over fixed", { grabs: () => this.#way !== "look", ongrab: (g) => this.#grabbed(g), picks: true });
    const id = fresh("start");
    this.#use = el("input", { type: "checkbox", id, onchange: () => change() });
    this.root = el(
      "details",
      { class: "before", ontoggle: () => this.#open() },
      el("summary", {}, "A start by hand"),
      el(
        "p",
        { class: "help" },
        "Where a run goes astray: drag the moving image (orange) roughly onto the fixed one. Arrow keys do the same on an image that was clicked. Turns are about the crosshair.",
      ),
      choices(
        "A drag",
        [
          ["shift", "Shift"],
          ["turn", "Turn"],
          ["look", "Move the crosshair"],
        ],
        "shift",
        (way) => (this.#way = way),
      ),
      el(
        "div",
        { class: "row" },
        el("button", { type: "button", class: "quiet", onclick: () => this.#set(undefined) }, "As they came"),
        el("button", { type: "button", class: "quiet", onclick: () => this.#centre() }, "Middles on each other"),
        el(
          "button",
          { type: "button", class: "quiet", onclick: () => save("start.tfm", new Blob([this.file], { type: "text/plain" })) },
          "Save the start (start.tfm)",
        ),
        el("div", { class: "check" }, this.#use, el("label", { for: id }, "Begin the run from here")),
      ),
      this.#viewer.root,
      this.#said,
    );
    this.root.hidden = true;
  }
  get used(): boolean {
    return this.#use.checked && this.#fixed !== undefined;
  }
  /** As a file of ITK's: fixed points to moving points, LPS mm. */
  get file(): string {
    const d = this.#fixed?.place.size.length ?? 3;
    const { matrix, offset } = this.#map ?? identity(d);
    return `#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_${d}_${d}\nParameters: ${[...matrix, ...offset].join(" ")}\nFixedParameters: ${offset.map(() => 0).join(" ")}\n`;
  }
  /** Both images as they came; without one of them there is nothing to drag. */
  show(fixed: Layer | undefined, moving: Layer | undefined): void {
    const same = fixed?.place.size.length === moving?.place.size.length;
    [this.#fixed, this.#moving] = same ? [fixed, moving] : [undefined, undefined];
    this.root.hidden = !(this.#fixed && this.#moving);
    this.#use.checked = false;
    this.#map = undefined;
    this.#sampled = undefined;
    this.#said.textContent = "";
    this.#open();
  }

  #open(): void {
    if (!(this.root as HTMLDetailsElement).open || !this.#fixed || !this.#moving || this.#sampled === this.#moving) return;
    this.#sampled = this.#moving;
    const moving = this.#moving;
    const made: Made = {
      ...moving,
      name: "moving",
      place: this.#fixed.place,
      plane: (view, at, channel, block) => this.#plane(view, at, channel, block),
    };
    this.#viewer.show([{ ...this.#fixed, name: "fixed" }, made], { pair: [0, 1], mode: "overlay" });
  }
  /** One plane of moving where fixed is, linear between its samples. */
  #plane(view: View, at: number, channel: number, block: number): Float32Array {
    const [fixed, moving] = [this.#fixed as Layer, this.#moving as Layer];
    const d = fixed.place.size.length;
    const map = this.#map ?? identity(d);
    const start = Array<number>(d).fill(0);
    if (view.through >= 0) start[view.through] = at;
    const to = (index: readonly number[]) => indexOf(moving.place, apply(map, pointOf(fixed.place, index)));
    const unit = (axis: number, flip: boolean) => {
      const next = [...start];
      next[axis] += flip ? -1 : 1;
      const [a, b] = [to(start), to(next)];
      return a.map((v, k) => block * (b[k] - v));
    };
    const corner = [...start];
    if (view.flipAcross) corner[view.across] = view.width - 1;
    if (view.flipDown) corner[view.down] = view.height - 1;
    const [origin, right, down] = [to(corner), unit(view.across, view.flipAcross), unit(view.down, view.flipDown)];
    const [w, h] = [Math.ceil(view.width / block), Math.ceil(view.height / block)];
    const [nx, ny, nz] = [moving.place.size[0], moving.place.size[1], moving.place.size[2] ?? 1];
    const first = channel * nx * ny * nz;
    const { levels } = moving;
    const out = new Float32Array(w * h);
    for (let v = 0, i = 0; v < h; v++)
      for (let u = 0; u < w; u++, i++) {
        const x = origin[0] + u * right[0] + v * down[0];
        const y = origin[1] + u * right[1] + v * down[1];
        const z = d === 3 ? origin[2] + u * right[2] + v * down[2] : 0;
        if (!(x >= 0 && y >= 0 && z >= 0 && x <= nx - 1 && y <= ny - 1 && z <= nz - 1)) continue;
        const [x0, y0, z0] = [
          Math.min(x | 0, Math.max(0, nx - 2)),
          Math.min(y | 0, Math.max(0, ny - 2)),
          Math.min(z | 0, Math.max(0, nz - 2)),
        ];
        const [fx, fy, fz] = [x - x0, y - y0, z - z0];
        const k = first + (z0 * ny + y0) * nx + x0;
        const [dx, dy, dz] = [nx > 1 ? 1 : 0, ny > 1 ? nx : 0, nz > 1 ? nx * ny : 0];
        const line = (j: number) => levels[j] + fx * (levels[j + dx] - levels[j]);
        const area = (j: number) => line(j) + fy * (line(j + dy) - line(j));
        out[i] = fz > 0 ? area(k) + fz * (area(k + dz) - area(k)) : area(k);
      }
    return out;
  }
  #grabbed({ view, from, to }: Grab): void {
    const d = from.length;
    const map = this.#map ?? identity(d);
    if (this.#way === "shift") {
      // What was drawn at p is now drawn at p + (to − from).
      this.#set(after(map, { ...identity(d), offset: from.map((v, k) => v - to[k]) }));
      return;
    }
    const about = this.#viewer.point;
    const axes = d === 2 ? [0, 1] : view.name === "axial" ? [0, 1] : view.name === "coronal" ? [0, 2] : [1, 2];
    const [a, b] = axes as [number, number];
    const direction = (p: readonly number[]) => Math.atan2(p[b] - about[b], p[a] - about[a]);
    // By keys a step is a degree; by a drag what the pointer goes around the crosshair.
    const near = Math.hypot(from[a] - about[a], from[b] - about[b]) < 1e-9;
    const angle = near ? (Math.PI / 180) * Math.sign(to[a] - from[a] || from[b] - to[b]) : direction(to) - direction(from);
    this.#set(after(map, turn(d, [a, b], -angle, about)));
  }
  #centre(): void {
    if (!this.#fixed || !this.#moving) return;
    const [f, m] = [middle(this.#fixed.place), middle(this.#moving.place)];
    this.#set({ ...identity(f.length), offset: m.map((v, k) => v - f[k]) });
  }
  #set(map: Map | undefined): void {
    this.#map = map;
    this.#use.checked = map !== undefined;
    if (map && this.#fixed) {
      const d = map.offset.length;
      const trace = map.matrix.reduce((s, v, k) => s + (k % (d + 1) === 0 ? v : 0), 0);
      const angle = d === 2 ? Math.atan2(map.matrix[2], map.matrix[0]) : Math.acos(Math.min(1, Math.max(-1, (trace - 1) / 2)));
      const about = middle(this.#fixed.place);
      const shift = apply(map, about).map((v, k) => about[k] - v);
      this.#said.textContent = `Moving is shifted by ${shift.map((v) => v.toFixed(1)).join(", ")} mm at the middle of fixed, and turned by ${Math.abs((angle * 180) / Math.PI).toFixed(1)}°.`;
    } else this.#said.textContent = "";
    this.#viewer.remake();
    this.#change();
  }
}
