/*
 * docs/images/classes.png: the classes of learned reconstruction on a slice of a heart with four times fewer lines, four times too bright what they miss, and on a part of a retina three times coarser. From the
 * left: zero-filled (cubic interpolation), model-agnostic, partly agnostic, plug-and-play, near the range of a GAN, unrolled, the truth. After npm run build and node scripts/train/classes.mjs OUT/ …:
 *   node scripts/pictureClasses.mjs OUT/ SLICE.png [PICTURE]
 * SLICE: one of those that were held back (Sunnybrook, CC0). PICTURE: default scikit-image's retina (CC0), reduced to a third; apt-get install python3-skimage, or name another.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { mrMethods, reductions, srMethods } from "../bench/classMethods.mjs";
import { seeded } from "../dist/core/index.js";
import { readImageFile } from "../dist/io/node.js";
import { fromChannels, measuredSlice } from "../dist/models/index.js";
import { fourierOperator, resizeOperator } from "../dist/operators/index.js";
import { fftShift, Tensor } from "../dist/tensor/index.js";
import { luminance } from "./train/luminance.mjs";

const [out, slice, picture = "/usr/lib/python3/dist-packages/skimage/data/retina.jpg"] = process.argv.slice(2);
if (!out || !slice) {
  console.error("usage: node scripts/pictureClasses.mjs OUT/ SLICE.png [PICTURE]; OUT/ of scripts/train/classes.mjs");
  process.exit(2);
}
const side = 120;
const kinds = ["none", "agnostic", "partly", "plug", "gan", "unrolled"];
/** Of each kind one: of the model-agnostic the better trained, of the unrolled the one that was trained beside the others, of the GAN what lies near its range. */
const chosen = (methods) =>
  kinds.map((kind) => methods.filter((m) => m.kind === kind && !/package/.test(m.name)).at(-1)).filter((m) => m !== undefined);
const last = (made) => [made].flat().at(-1);

const { values, height, width } = luminance(slice);
const s = measuredSlice(Tensor.from(values, [1, height, width]).div(values.reduce((a, b) => Math.max(a, b), 0)), {
  acceleration: 4,
  noise: 0.005,
  random: seeded(3),
});
const complexOf = (x) => fromChannels(x.reshape(1, 2, height, width)).reshape(height, width);
const mask = fftShift(s.mask.reshape(height, 1), [0]);
const kspace = fourierOperator([height, width]).apply(complexOf(s.zeroFilled)).mul(mask);
const truth = complexOf(s.truth).abs();
const corner = [Math.round(0.42 * height) - side / 2, (width - side) >> 1];
const part = (x) => x.slice(corner, [corner[0] + side, corner[1] + side]);
const bright = 0.7 * part(truth).max().item();
const hearts = [];
for (const m of chosen(await mrMethods(out))) {
  hearts.push(last(await m.run({ kspace, mask })).abs());
  console.log(m.name, hearts.at(-1).sub(truth).square().mean().item());
}
const shown = (x) => part(x).div(bright);
const missed = (x) =>
  part(x)
    .sub(part(truth))
    .abs()
    .mul(4 / bright);

const { data, size } = readImageFile(picture);
const [w, h] = size;
const green = Float32Array.from(data.subarray(w * h, 2 * w * h), (v) => v / 255);
const third = resizeOperator([h, w], { size: [Math.round(h / 3), Math.round(w / 3)] }).apply(Tensor.from(green, [h, w]));
const fine = third.slice([180, 60], [180 + side, 60 + side]);
const reduce = reductions["antialiased cubic"];
const small = [side / 3, side / 3];
const coarse = reduce([side, side], small)
  .apply(fine)
  .mul(255)
  .add(0.5)
  .floor()
  .div(255)
  .reshape(1, 1, ...small);
const retinas = [];
const enlarging = chosen(await srMethods(out));
// Before super-resolution is trained: the heart alone.
for (const m of enlarging.length === kinds.length ? enlarging : []) {
  retinas.push(last(await m.run({ coarse, fine: [side, side], operator: (shape) => reduce(shape, small) })).reshape(side, side));
  console.log(m.name, retinas.at(-1).sub(fine).square().mean().item());
}

const rows = [[...hearts.map(shown), shown(truth)], hearts.map(missed), ...(retinas.length > 0 ? [[...retinas, fine]] : [])];
const gap = 6;
const columns = kinds.length + 1;
const [across, down] = [columns * (side + gap) - gap, rows.length * (side + gap) - gap];
const pixels = new Uint8Array(across * down).fill(255);
rows.forEach((row, r) => {
  row.forEach((panel, c) => {
    const v = panel.data;
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        pixels[(r * (side + gap) + y) * across + c * (side + gap) + x] = Math.round(255 * Math.min(1, Math.max(0, v[y * side + x])));
  });
});
writeFileSync(join(import.meta.dirname, "../docs/images/classes.png"), encode({ width: across, height: down, data: pixels, channels: 1 }));
process.exit(0);
