// docs/images/series.png: a structure followed through a synthetic series (npm run build first).
import { writeFileSync } from "node:fs";
import { seeded } from "../dist/core/index.js";
import { image } from "../dist/image/index.js";
import { trackLabels } from "../dist/registration/index.js";
import { grayPicture, outlined, png, rgb } from "../dist/report/index.js";

const size = [96, 80];
const random = seeded(3);
const shape = (x, y, t) => Math.hypot((x - 40 - 4 * t) / (1 + 0.06 * t), y - 38 - 3 * Math.sin(t)) - 13;
const frames = Array.from({ length: 5 }, (_, t) =>
  image(
    Float32Array.from({ length: 96 * 80 }, (_, k) => {
      const [x, y] = [k % 96, Math.floor(k / 96)];
      const body = Math.hypot((x - 48) / 44, (y - 40) / 36) < 1 ? 70 + 8 * Math.sin(x / 6) * Math.cos(y / 7) : 5;
      const s = 1 / (1 + Math.exp(shape(x, y, t) / 0.8));
      return body * (1 - s) + 170 * s + 4 * random.normal();
    }),
    { size },
  ),
);
const label = image(
  Float32Array.from({ length: 96 * 80 }, (_, k) => (shape(k % 96, Math.floor(k / 96), 0) < 0 ? 1 : 0)),
  { size },
);
const { labels } = await trackLabels(frames, label);
const zoom = 2;
const big = ({ width, height, values }) => ({
  width: width * zoom,
  height: height * zoom,
  values: Float32Array.from(
    { length: width * height * zoom * zoom },
    (_, i) => values[Math.floor(Math.floor(i / (width * zoom)) / zoom) * width + Math.floor((i % (width * zoom)) / zoom)],
  ),
});
const pictures = frames.map((f, t) =>
  rgb(
    outlined(
      grayPicture(big({ width: 96, height: 80, values: f.values.data }), { low: 0, high: 200 }),
      big({ width: 96, height: 80, values: labels[t].values.data }),
    ),
  ),
);
const [w, h] = [96 * zoom, 80 * zoom];
const data = new Uint8Array(3 * w * h * pictures.length);
for (const [k, p] of pictures.entries())
  for (let y = 0; y < h; y++) data.set(p.data.subarray(3 * y * w, 3 * (y + 1) * w), 3 * (y * w * pictures.length + k * w));
writeFileSync(new URL("../docs/images/series.png", import.meta.url), png({ width: w * pictures.length, height: h, channels: 3, data }));
process.exit(0);
