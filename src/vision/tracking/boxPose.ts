import type { Image } from "../../core/interfaces.js";
import { brightnessOf } from "../../features/gray.js";
import { image } from "../../image/index.js";
import { type AlignResult, align, type Motion } from "../align.js";
import { type Homography, invertHomography, multiply3, project } from "../planar.js";

/** What a box holds in pixels; its corners are pixels' outer corners. */
interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
/** How a box moved between two frames. */
export interface BoxPoseResult {
  /** ok: aligned forward and back; failed: the box is all that is known. */
  readonly status: "ok" | "failed";
  /** Pixels of the first frame to pixels of this one, h₃₃ = 1. Where it failed: the shift and scale of the box. */
  readonly h: Homography;
  /** Correlation of the target's first looks with what is there now, weighted. */
  readonly correlation: number;
  /** How far the corners of the box are from themselves after the way there and back, pixels. */
  readonly there: number;
}

const shift = (x: number, y: number) => [1, 0, x, 0, 1, y, 0, 0, 1];
/** A part of a picture in gray, cut at its border, and where it begins. */
function cut({ values, width, height }: ReturnType<typeof brightnessOf>, r: Rectangle, margin: number) {
  const left = Math.max(0, Math.floor(r.x - margin * r.width));
  const top = Math.max(0, Math.floor(r.y - margin * r.height));
  const w = Math.min(width, Math.ceil(r.x + (1 + margin) * r.width)) - left;
  const h = Math.min(height, Math.ceil(r.y + (1 + margin) * r.height)) - top;
  if (w < 8 || h < 8) return undefined;
  const out = new Float32Array(w * h);
  for (let y = 0; y < h; y++) out.set(values.subarray((top + y) * width + left, (top + y) * width + left + w), y * w);
  return { picture: image(out, { size: [w, h] }), left, top };
}

/**
 * How a box's content stands against the first frame, between pixels: direct alignment (inverse-compositional Lucas–Kanade with robust weights, gain and bias)
 * of the first box to each frame, begun where the box and the pose before say, and back again; believed when both ways agree to a pixel.
 * Aligned to the first frame always, it does not drift.
 */
export class BoxPose {
  readonly #first: ReturnType<typeof cut>;
  readonly #box: Rectangle;
  readonly #motion: Motion;
  #last: { readonly h: Homography; readonly box: Rectangle };
  constructor(first: Image, box: Rectangle, motion: Motion) {
    this.#first = cut(brightnessOf(first), box, 0);
    this.#box = box;
    this.#motion = motion;
    this.#last = { h: Float64Array.from(shift(0, 0)), box };
  }
  /** The map of one box onto another: middle onto middle, and its size where the motion has one; a start must be a motion of its kind. */
  #between(from: Rectangle, to: Rectangle): Homography {
    const s =
      this.#motion === "translation" || this.#motion === "rigid" ? 1 : Math.sqrt((to.width * to.height) / (from.width * from.height));
    const middle = (r: Rectangle) => [r.x + (r.width - 1) / 2, r.y + (r.height - 1) / 2];
    const [[x, y], [u, v]] = [middle(from), middle(to)];
    return Float64Array.from([s, 0, u - s * x, 0, s, v - s * y, 0, 0, 1]);
  }
  next(frame: Image, box: Rectangle): BoxPoseResult {
    const byBox = this.#between(this.#box, box);
    const first = this.#first;
    const now = cut(brightnessOf(frame), box, 0.5);
    const failed = { status: "failed", h: byBox, correlation: 0, there: Number.POSITIVE_INFINITY } as const;
    if (!first || !now) return failed;
    // Cut pixels to cut pixels.
    const inside = (h: ArrayLike<number>) => multiply3(shift(-now.left, -now.top), multiply3(h, shift(first.left, first.top)));
    let best: AlignResult | undefined;
    for (const start of [multiply3(this.#between(this.#last.box, box), this.#last.h), byBox]) {
      const r = align(first.picture, now.picture, { motion: this.#motion, start: inside(start), search: false, levels: 2 });
      if (r.status === "ok" && (!best || r.agreement > best.agreement)) best = r;
    }
    const inverse = best && invertHomography(best.h);
    if (!best || !inverse) return failed;
    const back = align(now.picture, first.picture, {
      motion: this.#motion,
      start: inverse,
      search: false,
      levels: 0,
      mask: seenIn(now.picture, inverse, first.picture),
    });
    const [w, h] = first.picture.grid.size;
    let there = 0;
    for (const [x, y] of [
      [0, 0],
      [w - 1, 0],
      [0, h - 1],
      [w - 1, h - 1],
    ]) {
      const [u, v] = project(best.h, x, y);
      const [p, q] = project(back.h, u, v);
      there = Math.max(there, Math.hypot(p - x, q - y));
    }
    const whole = multiply3(shift(now.left, now.top), multiply3(best.h, shift(-first.left, -first.top))).map((v, _, all) => v / all[8]);
    if (!(there < 1)) return { ...failed, correlation: best.correlation, there };
    this.#last = { h: whole, box };
    return { status: "ok", h: whole, correlation: best.correlation, there };
  }
}
/** 1 where a picture's pixels fall into the other one. */
function seenIn(picture: Image, h: Homography, other: Image): Image {
  const [w, height] = picture.grid.size;
  const [ow, oh] = other.grid.size;
  return image(
    Float32Array.from({ length: w * height }, (_, k) => {
      const [x, y, s] = project(h, k % w, Math.floor(k / w));
      return s > 0 && x >= 1 && y >= 1 && x <= ow - 2 && y <= oh - 2 ? 1 : 0;
    }),
    { size: [w, height] },
  );
}
