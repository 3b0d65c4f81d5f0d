// docs/images/atlas.png: six synthetic faces; their rigid and their diffeomorphic mean; the first mode of shape (npm run build first).
import { writeFileSync } from "node:fs";
import { seeded } from "../dist/core/index.js";
import { image } from "../dist/image/index.js";
import { alongMode, buildAtlas, shapeModes } from "../dist/registration/index.js";
import { grayPicture, png } from "../dist/report/index.js";

const size = [104, 112];
const random = seeded(11);
/** A head with eyes and a folded mouth; each person's own width, height, place, turn and folds. */
function face() {
  const [w, h] = [1 + 0.14 * random.normal(), 1 + 0.1 * random.normal()];
  const [dx, dy, turn] = [3 * random.normal(), 3 * random.normal(), 0.1 * random.normal()];
  const [eyes, mouth, phase] = [1 + 0.2 * random.normal(), 1 + 0.3 * random.normal(), 0.7 * random.normal()];
  const soft = (r) => 1 / (1 + Math.exp(4 * r));
  return image(
    Float32Array.from({ length: size[0] * size[1] }, (_, k) => {
      const [px, py] = [(k % size[0]) - 51.5 - dx, Math.floor(k / size[0]) - 55.5 - dy];
      const x = (Math.cos(turn) * px + Math.sin(turn) * py) / w;
      const y = (Math.cos(turn) * py - Math.sin(turn) * px) / h;
      const head = soft(Math.hypot(x / 33, y / 40) * 36 - 36);
      const eye = soft(Math.hypot(Math.abs(x) - 13 * eyes, y + 10) - 5);
      const folds = soft(Math.abs(y - 18 - 4 * mouth * Math.sin(x / 5 + phase)) - 2.2) * soft(Math.abs(x) - 18);
      const skull = soft(Math.abs(Math.hypot(x / 33, y / 40) * 36 - 34) - 1.6);
      return 120 * head + 90 * skull - 90 * eye - 80 * folds + 3 * random.normal();
    }),
    { size },
  );
}
const faces = Array.from({ length: 6 }, face);
const atlas = await buildAtlas(faces);
const modes = shapeModes(atlas.transforms, atlas.grid);
const rows = [
  faces.slice(0, 5),
  [atlas.stages[0].mean, atlas.mean, alongMode(atlas.mean, modes, 0, -2), atlas.mean, alongMode(atlas.mean, modes, 0, 2)],
];
const [w, h, gap] = [...size, 6];
const [width, height] = [5 * w + 4 * gap, 2 * h + gap];
const data = new Uint8Array(width * height).fill(255);
for (const [r, row] of rows.entries())
  for (const [c, im] of row.entries()) {
    const picture = grayPicture({ width: w, height: h, values: im.values.data }, { low: 0, high: 210 });
    for (let y = 0; y < h; y++) data.set(picture.data.subarray(y * w, (y + 1) * w), (r * (h + gap) + y) * width + c * (w + gap));
  }
for (const s of atlas.stages) console.log(s.model, s.sharpness.toExponential(3));
console.log("explained by the modes", modes.explained.map((v) => v.toFixed(2)).join(" "));
writeFileSync(new URL("../docs/images/atlas.png", import.meta.url), png({ width, height, channels: 1, data }));
process.exit(0);
