/*
 * docs/images/learnedSuperresolution.png: parts of a picture made coarse and brought back, ×2, ×3 and ×4: the coarse one, cubic interpolation, the package's network, the truth. The picture is
 * scikit-image's retina (CC0), reduced to a third, which no network here was trained on: apt-get install python3-skimage. After npm run build.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { readImageFile } from "../dist/io/node.js";
import { learnedEnlarger } from "../dist/models/index.js";
import { resizeOperator } from "../dist/operators/index.js";
import { enlarge } from "../dist/reconstruction/index.js";
import { Tensor } from "../dist/tensor/index.js";

const { data, size } = readImageFile(process.argv[2] ?? "/usr/lib/python3/dist-packages/skimage/data/retina.jpg");
const side = 144;
const places = [
  [180, 60],
  [240, 200],
  [130, 290],
];
const [w, h] = size;
const third = resizeOperator([3, h, w], { size: [Math.round(h / 3), Math.round(w / 3)] }).apply(
  Tensor.from(
    Float32Array.from(data, (v) => v / 255),
    [3, h, w],
  ),
);
const cut = ([y, x]) => third.slice([0, y, x], [3, y + side, x + side]);
const rows = [];
for (const [r, scale] of [2, 3, 4].entries()) {
  const truth = cut(places[r]);
  const coarse = resizeOperator(truth.shape, { size: [side / scale, side / scale] })
    .apply(truth)
    .mul(255)
    .add(0.5)
    .floor()
    .div(255)
    .clamp(0, 1);
  const blocks = Tensor.from(
    Float32Array.from({ length: truth.size }, (_, k) => {
      const [c, y, x] = [Math.floor(k / side / side), Math.floor(k / side) % side, k % side].map((v, i) => (i ? Math.floor(v / scale) : v));
      return coarse.data[((c * side) / scale) * (side / scale) + (y * side) / scale + x];
    }),
    truth.shape,
  );
  const cubic = resizeOperator(coarse.shape, { size: [side, side] }).apply(coarse);
  const { image } = await enlarge(coarse, { scale, network: await learnedEnlarger(scale) });
  const psnr = (x) => -10 * Math.log10(x.clamp(0, 1).sub(truth).square().mean().item());
  console.log(`×${scale}: cubic ${psnr(cubic).toFixed(2)} dB, network ${psnr(image).toFixed(2)} dB`);
  rows.push([blocks, cubic, image, truth]);
}
const gap = 6;
const [width, height] = [4 * side + 3 * gap, rows.length * (side + gap) - gap];
const out = new Uint8Array(3 * width * height).fill(255);
rows.forEach((row, r) => {
  row.forEach((picture, c) => {
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        for (let k = 0; k < 3; k++)
          out[3 * ((r * (side + gap) + y) * width + c * (side + gap) + x) + k] = Math.round(
            255 * Math.min(1, Math.max(0, picture.data[(k * side + y) * side + x])),
          );
  });
});
writeFileSync(join(import.meta.dirname, "../docs/images/learnedSuperresolution.png"), encode({ width, height, data: out, channels: 3 }));
process.exit(0);
