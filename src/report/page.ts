import { select } from "../core/select.js";
import type { Lattice, Samples } from "../evaluation/lattice.js";
import { writeStencilPng } from "../io/png.js";
import { type Colour, colourMap, jacobianTable, table } from "./colourMap.js";
import { edgeColour, edgeMask } from "./composites.js";
import { escapeHtml } from "./escapeHtml.js";
import { pageScript } from "./pageScript.js";
import { pageStyle } from "./pageStyle.js";
import { dataUrl, grayPicture, type Picture, type Plane, pngUrl, type Window } from "./picture.js";
import { slice, type View } from "./slices.js";
import { svgGrid } from "./svgGrid.js";

/** An image on the reference grid: values with one plane per channel, 1 (gray) or 3 (red, green, blue). */
export interface Layer {
  /** Samples on the grid. */
  readonly values: Samples;
  /** How many values at each sample. */
  readonly channels?: number;
}

/** PNGs (as data URLs) and paths of every slice of every view: `[view][slice]`. */
export type Album = Readonly<Record<string, readonly (readonly string[])[]>>;

/** Differences are drawn with twice the contrast of the images: a quarter of the window already shows clearly. */
export const differenceGain = 2;

const widest = (grid: Lattice): number => (grid.size.length === 2 ? 1024 : 320);

/** A gray or colour layer, every slice as a PNG. */
export function album(layer: Layer, grid: Lattice, all: readonly View[], window: Window): string[][] {
  return each(all, (view, at) => {
    const most = widest(grid);
    if ((layer.channels ?? 1) < 3) return dataUrl(grayPicture(slice(layer.values, grid, view, at, { most }), window));
    const planes = [0, 1, 2].map((channel) => grayPicture(slice(layer.values, grid, view, at, { most, channel }), window));
    const data = new Uint8Array(3 * planes[0].data.length);
    for (let i = 0; i < planes[0].data.length; i++) for (let c = 0; c < 3; c++) data[3 * i + c] = planes[c].data[i];
    return dataUrl({ ...planes[0], channels: 3, data });
  });
}

/** Edges of a layer (of the mean of its channels), transparent elsewhere. */
export const edgeAlbum = (layer: Layer, grid: Lattice, all: readonly View[], share?: number): string[][] =>
  each(all, (view, at) => {
    const plane = luminance(layer, grid, view, at);
    return pngUrl(writeStencilPng(edgeMask(plane, share), plane.width, plane.height, edgeColour));
  });

function luminance(layer: Layer, grid: Lattice, view: View, at: number): Plane {
  const channels = layer.channels ?? 1;
  const planes = Array.from({ length: channels < 3 ? 1 : 3 }, (_, channel) =>
    slice(layer.values, grid, view, at, { most: widest(grid), channel }),
  );
  if (planes.length === 1) return planes[0];
  const values = planes[0].values.map((r, i) => 0.299 * r + 0.587 * planes[1].values[i] + 0.114 * planes[2].values[i]);
  return { ...planes[0], values };
}

/** Half the width of the Jacobian colour bar: |log₂ det J| up to here. */
export function jacobianRange(determinants: Samples): number {
  const step = Math.max(1, Math.floor(determinants.length / 50_000));
  const logs = new Float64Array(Math.ceil(determinants.length / step));
  let count = 0;
  for (let i = 0; i < determinants.length; i += step) if (determinants[i] > 0) logs[count++] = Math.abs(Math.log2(determinants[i]));
  const wide = count > 0 ? select(logs.subarray(0, count), Math.floor(0.99 * (count - 1))) : 0;
  return [0.125, 0.25, 0.5, 1, 1.5, 2, 3].find((r) => r >= wide) ?? 4;
}

/** Bytes of a Jacobian map: 0 folded, 128 volume kept. */
export function jacobianAlbum(determinants: Samples, grid: Lattice, all: readonly View[], range: number): string[][] {
  // Blocks of pixels average; a fold inside one must not disappear, so folded points are looked up on their own.
  const fold = (j: number) => (j > 0 ? 0 : 1);
  return each(all, (view, at) => {
    const most = widest(grid);
    const plane = slice(determinants, grid, view, at, { most });
    const folded = slice(determinants, grid, view, at, { most, of: fold }).values;
    const data = new Uint8Array(folded.length);
    for (let i = 0; i < data.length; i++)
      data[i] = folded[i] > 0 ? 0 : Math.max(1, Math.min(255, Math.round(128 + (127 * Math.log2(plane.values[i])) / range)));
    return dataUrl({ width: plane.width, height: plane.height, channels: 1, data } satisfies Picture);
  });
}

export const gridAlbum = (displacement: Samples, grid: Lattice, all: readonly View[], straight = false): string[][] =>
  each(all, (view, at) => svgGrid(displacement, grid, view, at, { straight }));

const each = <T>(all: readonly View[], f: (view: View, at: number) => T): T[][] => all.map((view) => view.slices.map((at) => f(view, at)));

/** Colour tables as SVG filters: a gray picture is coloured by the page, so it is stored once, small, and its differences cost nothing. */
const filters = (): string => {
  const lut = (id: string, colours: readonly Colour[]) => {
    const channel = (c: number) => colours.map((v) => Math.round((1000 / 255) * v[c]) / 1000).join(" ");
    return `<filter id="${id}" color-interpolation-filters="sRGB" x="0" y="0" width="100%" height="100%"><feComponentTransfer>${[
      "R",
      "G",
      "B",
    ]
      .map((name, c) => `<feFunc${name} type="discrete" tableValues="${channel(c)}"/>`)
      .join("")}</feComponentTransfer></filter>`;
  };
  const diverging = colourMap("diverging");
  const difference = table((t) => diverging(0.5 + differenceGain * (t - 0.5)));
  return `<svg width="0" height="0" aria-hidden="true" style="position:absolute">${lut("difference", difference)}${lut("jacobian", jacobianTable())}</svg>`;
};

/** A colour bar with labels under it. */
export function colourBar(labels: readonly string[], extra = ""): string {
  const map = colourMap("diverging");
  const stops = Array.from({ length: 13 }, (_, k) => `rgb(${map(k / 12).join(" ")})`).join(",");
  return `<div class="bar"><div class="ramp" style="background:linear-gradient(90deg,${stops})"></div><div class="marks">${labels
    .map((l) => `<span>${escapeHtml(l)}</span>`)
    .join("")}</div>${extra}</div>`;
}

/** The pane of one view: stacked pictures, letters, and a slider where there is more than one slice. */
export function pane(view: View, index: number, layers: readonly { layer: string; alt: string }[], inside = ""): string {
  const letters = view.letters.map((l, k) => (l ? `<span class="letter l${k}" aria-hidden="true">${l}</span>` : "")).join("");
  const images = layers.map(({ layer, alt }) => `<img class="${layer}" data-layer="${layer}" alt="${escapeHtml(alt)}">`).join("");
  return `<div class="stack" data-view="${index}" style="aspect-ratio:${view.aspect.toFixed(4)};--ratio:${view.aspect.toFixed(4)}">${images}${inside}${letters}</div>`;
}

export function slider(view: View, index: number): string {
  if (view.slices.length < 2) return "";
  const middle = Math.floor(view.slices.length / 2);
  return `<label class="slider"><span>${escapeHtml(view.name)}</span><input type="range" min="0" max="${view.slices.length - 1}" value="${middle}" data-view="${index}"><output></output></label>`;
}

/** A row of choices that sets `data-mode` of the section it is in. */
export const choices = (name: string, items: readonly { value: string; label: string }[], chosen: string): string =>
  `<div class="choices" role="radiogroup" aria-label="${escapeHtml(name)}">${items
    .map(
      ({ value, label }, k) =>
        `<label><input type="radio" name="${escapeHtml(name)}" value="${value}"${value === chosen ? " checked" : ""}><span>${escapeHtml(label)}${
          name === "show" ? ` <kbd>${k + 1}</kbd>` : ""
        }</span></label>`,
    )
    .join("")}</div>`;

/** The whole document. */
export function page(title: string, body: string, data: { views: readonly View[]; layers: Album }): string {
  const json = JSON.stringify({
    views: data.views.map((v) => ({ name: v.name, slices: v.slices })),
    layers: data.layers,
  }).replace(/</g, "\\u003c");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title><style>${pageStyle}</style></head>
<body>${filters()}<main>${body}</main><noscript><p class="note">The pictures are put in place by a small script inside this file; please allow it.</p></noscript>
<script type="application/json" id="album">${json}</script><script>${pageScript}</script></body></html>
`;
}
