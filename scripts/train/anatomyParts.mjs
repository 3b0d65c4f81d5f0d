// What scripts/train/anatomy.mjs trains and bench/anatomy.mjs measures: slices with one axis five times coarser, about the left ventricle.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "../../dist/core/index.js";
import { shapeAutoencoder, shapeEncoder, thickSlices, throughPlaneNetwork } from "../../dist/models/index.js";
import { sequential, sigmoid, unet } from "../../dist/nn/index.js";
import { Tensor } from "../../dist/tensor/index.js";
import { cavities } from "./cavities.mjs";
import { luminance } from "./luminance.mjs";

export const side = 80;
/** `share`: of the anatomical loss, of the squared one, for cubic interpolation before the first step. */
export const variants = [
  { name: "squared", share: 0 },
  { name: "anatomy", share: 0.5 },
  { name: "anatomy-strong", share: 2 },
];
export const shapes = () => shapeAutoencoder({ random: seeded(1), side });
export const predictor = () => shapeEncoder({ random: seeded(2), side });
/** Another network that finds cavities, which none of the others is trained by. */
export const judge = () => sequential(unet({ inputs: 1, outputs: 1, random: seeded(3), features: [10, 20, 40] }), sigmoid());
const thinning = () => throughPlaneNetwork({ random: seeded(4), features: 24, depth: 6 });
/** Pictures [n, 1, y, x] ↦ with rows five times coarser, [n, 1, y / 5, x]. */
export const coarse = (fine) =>
  thickSlices(fine.reshape(fine.shape[0], ...fine.shape.slice(2), 1), "z").reshape(fine.shape[0], 1, side / 5, side);
/** The network for volumes on pictures that are one sample thick. */
export function thinner2d(model = thinning()) {
  return {
    model,
    of(m, rows) {
      const fine = m.forward({ z: rows.reshape(...rows.shape, 1) });
      return fine.reshape(...fine.shape.slice(0, 4));
    },
  };
}

// Looked at: the right ventricle or nothing sensible is found in these.
const leftOut = /^SC-(HF-NI-31|HYP-38|N-02|N-06|N-40)\b/;
/** Patients [{ picture, mask?, middle }…]: pictures of a folder with the cavities that are found in them. */
export function patients(folder) {
  const files = readdirSync(folder)
    .filter((f) => f.endsWith(".png") && !leftOut.test(f))
    .sort();
  const names = [...new Set(files.map((f) => f.replace(/-IM-.*$/, "")))];
  return names.map((name) => {
    const pictures = files.filter((f) => f.startsWith(`${name}-IM-`)).map((f) => luminance(join(folder, f)));
    const found = cavities(pictures);
    const middles = found.filter(Boolean).map((c) => c.middle);
    const median = (a) => middles.map((m) => m[a]).sort((p, q) => p - q)[middles.length >> 1];
    return pictures.map((picture, k) => ({ picture, mask: found[k]?.mask, middle: found[k]?.middle ?? [median(0), median(1)] }));
  });
}
/** The field [1, side, side] about a place; white is what 0.5 % of it are brighter than. */
export function field({ width, height, values }, [cx, cy], scaled = true) {
  const [x0, y0] = [
    Math.max(0, Math.min(width - side, Math.round(cx - side / 2))),
    Math.max(0, Math.min(height - side, Math.round(cy - side / 2))),
  ];
  const cut = Float32Array.from({ length: side * side }, (_, i) => values[(y0 + Math.floor(i / side)) * width + x0 + (i % side)]);
  const white = scaled ? Float32Array.from(cut).sort()[Math.floor(0.995 * cut.length)] : 1;
  return Tensor.from(white > 0 ? cut.map((v) => v / white) : cut, [1, side, side]);
}
