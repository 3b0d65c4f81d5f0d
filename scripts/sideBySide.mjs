/** What scripts share that show what several networks made of one picture. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { readImageFile } from "../dist/io/node.js";
import { resizeOperator } from "../dist/operators/index.js";
import { Tensor } from "../dist/tensor/index.js";

/** A part of scikit-image's retina (CC0), reduced to a third, and the same coarser by `scale`; apt-get install python3-skimage, or name another file. */
export function retinaPart(side, scale, file = "/usr/lib/python3/dist-packages/skimage/data/retina.jpg") {
  const { data, size } = readImageFile(file);
  const [w, h] = size;
  const green = Float32Array.from(data.subarray(w * h, 2 * w * h), (v) => v / 255);
  const third = resizeOperator([h, w], { size: [Math.round(h / 3), Math.round(w / 3)] }).apply(Tensor.from(green, [h, w]));
  const truth = third.slice([180, 60], [180 + side, 60 + side]);
  const coarse = resizeOperator([side, side], { size: [side / scale, side / scale] })
    .apply(truth)
    .mul(255)
    .add(0.5)
    .floor()
    .div(255);
  return { truth, coarse, cubic: resizeOperator(coarse.shape, { size: [side, side] }).apply(coarse) };
}
/** Square pictures of values 0 to 1 in rows, as docs/images/NAME.png. */
export function sideBySide(name, pictures, columns) {
  const gap = 6;
  const side = pictures[0].shape[0];
  const [width, height] = [columns * (side + gap) - gap, Math.ceil(pictures.length / columns) * (side + gap) - gap];
  const out = new Uint8Array(width * height).fill(255);
  pictures.forEach(({ data }, k) => {
    const [r, c] = [Math.floor(k / columns), k % columns];
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        out[(r * (side + gap) + y) * width + c * (side + gap) + x] = 255 * Math.min(1, Math.max(0, data[y * side + x]));
  });
  writeFileSync(join(import.meta.dirname, "../docs/images", `${name}.png`), encode({ width, height, data: out, channels: 1 }));
}
