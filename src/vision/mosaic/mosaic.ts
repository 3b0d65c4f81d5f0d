import type { Image } from "../../core/interfaces.js";
import { image } from "../../image/index.js";
import { type AlignedViews, type AlignViewsOptions, alignViews } from "./align.js";
import type { TurnedCamera } from "./cameras.js";
import { type Canvas, canvasOf, drawView, type Evening, type ProjectionName } from "./canvas.js";
import { evenExposure } from "./exposure.js";
import { Multiband } from "./multiband.js";
import { seams } from "./seams.js";

/** Projection, size, gains and blending of a mosaic. */
export interface DrawMosaicOptions {
  /** Default: the plane for narrow mosaics, else the cylinder or the sphere. */
  readonly projection?: ProjectionName;
  /** Size of the mosaic relative to the views' own resolution. Default 1. */
  readonly scale?: number;
  /** Solve gains and the fall of light towards corners. Default true. */
  readonly exposure?: boolean;
  /** Octaves over which details change hands; 0 cuts hard. Default 5. */
  readonly bands?: number;
}
/** How views are aligned and how they are drawn. */
export interface MosaicOptions extends AlignViewsOptions, DrawMosaicOptions {}
/** The drawn mosaic, where it is covered, and the surface it lies on. */
export interface MosaicPicture {
  /** Values [c, y, x] in the units of the views; 0 where none reaches. */
  readonly picture: Image;
  /** 1 where a view reaches. */
  readonly covered: Uint8Array;
  /** Number of the view that shows each pixel, −1 for none. */
  readonly labels: Int16Array;
  /** The surface it is drawn on. */
  readonly canvas: Canvas;
  /** What made each view even, by number of the view. */
  readonly evening: readonly (Evening | undefined)[];
}
/** Aligned views, and the picture of them where it was drawn. */
export interface MosaicResult extends AlignedViews, Partial<MosaicPicture> {}

/**
 * Draw views whose cameras are known as one picture: brightness made even, borders where views differ least, details blended over their own width.
 * @throws ArgumentError when the plane does not hold the views; MemoryError when the canvas would be too large
 */
export function drawMosaic(
  all: readonly Image[],
  aligned: Pick<AlignedViews, "cameras" | "edges">,
  o: DrawMosaicOptions = {},
): MosaicPicture {
  const placed = all.map((_, i) => i).filter((i) => aligned.cameras[i] !== undefined);
  const number = new Map(placed.map((v, k) => [v, k]));
  const views = placed.map((i) => all[i]);
  const cameras = placed.map((i) => aligned.cameras[i] as TurnedCamera);
  const sizes = views.map((v) => v.grid.size);
  const channels = Math.min(...views.map((v) => v.values.shape[0]));
  const { canvas, boxes } = canvasOf(cameras, sizes, { projection: o.projection, scale: o.scale });
  const joined = aligned.edges.map(({ a, b }) => ({ a: number.get(a) as number, b: number.get(b) as number }));
  const evening = o.exposure === false ? views.map(() => ({ gain: 1, fall: [0, 0] as const })) : evenExposure(views, cameras, joined);
  // Seams on a coarse canvas of at most some forty thousand pixels.
  const step = Math.max(1, Math.ceil(Math.sqrt((canvas.width * canvas.height) / 40_000)));
  const [cw, ch] = [Math.ceil(canvas.width / step), Math.ceil(canvas.height / step)];
  const coarse = views.map((view, i) => {
    const b = boxes[i];
    const box = {
      left: Math.floor(b.left / step),
      top: Math.floor(b.top / step),
      right: Math.min(cw, Math.ceil(b.right / step)),
      bottom: Math.min(ch, Math.ceil(b.bottom / step)),
    };
    const big = { left: box.left * step, top: box.top * step, right: box.right * step, bottom: box.bottom * step };
    return { ...drawView(canvas, big, cameras[i], view, evening[i], step), box };
  });
  const far = (i: number) =>
    Math.hypot((boxes[i].left + boxes[i].right - canvas.width) / 2, (boxes[i].top + boxes[i].bottom - canvas.height) / 2);
  const order = views.map((_, i) => i).sort((p, q) => far(p) - far(q) || p - q);
  const label = seams(coarse, order, cw, ch);

  const levels = Math.max(0, Math.min(o.bands ?? 5, Math.floor(Math.log2(Math.max(2, Math.min(canvas.width, canvas.height) / 4)))));
  const unit = 1 << levels;
  const up = (v: number) => Math.ceil(v / unit) * unit;
  const [W, H] = [up(canvas.width), up(canvas.height)];
  const labels = new Int16Array(canvas.width * canvas.height).fill(-1);
  const drawn = views.map((view, i) => {
    // A margin of a few of the coarsest samples, so that nothing ends at the box.
    const b = boxes[i];
    const down = (v: number) => Math.floor(v / unit) * unit;
    const box = {
      left: Math.max(0, down(b.left - unit)),
      top: Math.max(0, down(b.top - unit)),
      right: Math.min(W, up(b.right + unit)),
      bottom: Math.min(H, up(b.bottom + unit)),
    };
    return drawView(canvas, box, cameras[i], view, evening[i]);
  });
  // The seam's choice where it reaches at full resolution, else any view that does.
  for (const wanted of [true, false])
    for (const v of order) {
      const { box, valid } = drawn[v];
      const w = box.right - box.left;
      for (let y = box.top; y < Math.min(box.bottom, canvas.height); y++)
        for (let x = box.left; x < Math.min(box.right, canvas.width); x++) {
          const k = y * canvas.width + x;
          if (labels[k] >= 0 || !valid[(y - box.top) * w + x - box.left]) continue;
          if (!wanted || label[Math.floor(y / step) * cw + Math.floor(x / step)] === v) labels[k] = v;
        }
    }
  const blend = new Multiband(W, H, channels, levels);
  for (const [v, { box, values, valid }] of drawn.entries()) {
    const [w, h] = [box.right - box.left, box.bottom - box.top];
    const shown = new Float32Array(w * h);
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const [X, Y] = [x + box.left, y + box.top];
        if (X < canvas.width && Y < canvas.height && labels[Y * canvas.width + X] === v) shown[y * w + x] = 1;
      }
    blend.add({ left: box.left, top: box.top, width: w, height: h, channels, values, valid: Float32Array.from(valid), shown });
  }
  const wide = blend.result();
  const out = new Float32Array(channels * canvas.width * canvas.height);
  const covered = new Uint8Array(canvas.width * canvas.height);
  for (let y = 0; y < canvas.height; y++)
    for (let x = 0; x < canvas.width; x++) {
      const k = y * canvas.width + x;
      if (labels[k] < 0) continue;
      covered[k] = 1;
      labels[k] = placed[labels[k]];
      for (let c = 0; c < channels; c++) out[c * canvas.width * canvas.height + k] = wide[c * W * H + y * W + x];
    }
  return {
    picture: image(out, { size: [canvas.width, canvas.height] }),
    covered,
    labels,
    canvas,
    evening: all.map((_, i) => (number.has(i) ? evening[number.get(i) as number] : undefined)),
  };
}

/**
 * Pictures taken by one camera turned about its place, joined to one: `alignViews`, then `drawMosaic` with the views that found their place.
 * @throws ArgumentError with fewer than two views, or a projection that does not hold them
 */
export function mosaic(views: readonly Image[], o: MosaicOptions = {}): MosaicResult {
  const aligned = alignViews(views, o);
  return aligned.placed.length < 2 ? aligned : { ...aligned, ...drawMosaic(views, aligned, o) };
}
