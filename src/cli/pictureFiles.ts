import type { Image } from "../image/index.js";
import { writeImage, writeTransform } from "../io/index.js";
import { checkerboard, grayPicture, type Picture, robustWindow } from "../report/index.js";
import { type Transform, warp } from "../transforms/index.js";
import { project } from "../vision/planar.js";
import { grayOfMiddle } from "./groupFiles.js";
import type { Loaded } from "./inputs.js";
import type { Output } from "./output.js";

/** A picture as it is, gray. */
export const whole = (im: Image): Picture => {
  const [width, height] = im.grid.size;
  return grayPicture({ width, height, values: Float32Array.from(im.values.data) }, robustWindow(im.values.data));
};
/** The corners of a picture, seen through a homography. */
export const outlineOf = (h: ArrayLike<number> | undefined, { grid }: Image): [number, number][] | undefined =>
  h &&
  [0, 1, 2, 3].map((k) => {
    const [x, y] = [k === 1 || k === 2 ? grid.size[0] - 1 : 0, k > 1 ? grid.size[1] - 1 : 0];
    return project(h, x, y).slice(0, 2) as [number, number];
  });
/** Writes b on the grid of a and the transform; the pictures of a report come back, those of a and b first. */
export function putWarped(
  out: Output,
  a: Image,
  b: Image,
  colourB: Loaded,
  transform: Transform | undefined,
): { picture: Picture; caption: string }[] {
  const grayA = grayOfMiddle(a);
  const pictures = [
    { picture: grayA, caption: "A" },
    { picture: grayOfMiddle(b), caption: "B" },
  ];
  if (!transform) return pictures;
  const warped = warp(colourB.image, transform, a.grid);
  for (const [name, bytes] of writeImage(warped, "warped.png", { channelKind: colourB.raw.channelKind, clamp: true })) out.put(name, bytes);
  for (const [name, bytes] of writeTransform(transform, "transform.json")) out.put(name, bytes);
  const back = grayOfMiddle(warp(b, transform, a.grid), robustWindow(b.values.data));
  return [
    ...pictures,
    { picture: back, caption: "B on A" },
    { picture: checkerboard(grayA, back), caption: "checkerboard of A and B on A" },
  ];
}
