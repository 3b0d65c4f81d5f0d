import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "../../dist/core/random.js";
import { imageFromRaw } from "../../dist/io/index.js";
import { openImage } from "../../dist/io/node.js";
import { boxErrors, movingObject, networkTracker, overlapOf, planesOf } from "../../dist/models/index.js";
import { scope, Tensor } from "../../dist/tensor/index.js";
import { luminance } from "../../scripts/train/luminance.mjs";
import { dataFolder } from "../data.mjs";
import { trained } from "../visionWeights.mjs";

export const about =
  "Boxes after one frame by networks: objects of the pictures that they learned from, of other pictures, and of films, from the true box of the frame before";
const seen = ["01", "02", "03", "04", "06", "07", "09", "10"];
const unseen = ["05", "08", "11", "12"];
const sequences = ["crossing", "dragonbaby", "car4", "carchase2"];
const count = Number(process.env.PAIRS ?? 150);

/** Synthetic pairs of the recipe's kind. */
function pairsOf(numbers, first) {
  const planes = numbers
    .map((n) => join(dataFolder, "inverse", "natural", `kodim${n}.png`))
    .filter((f) => existsSync(f))
    .map((f) => planesOf(luminance(f), 80));
  if (planes.length < 2) return [];
  return Array.from({ length: count }, (_, k) =>
    scope(() => {
      const pair = movingObject(planes[k % planes.length], planes[(k + 1) % planes.length], seeded(first + k));
      return Object.fromEntries(
        Object.entries(pair).map(([name, t]) => [name, { data: Float32Array.from(t.data), shape: [1, ...t.shape] }]),
      );
    }),
  );
}
/** The move of a box, as the networks say it. */
const moveOf = (p, q) => [
  ((q.x + q.width / 2 - p.x - p.width / 2) * 2) / p.width,
  ((q.y + q.height / 2 - p.y - p.height / 2) * 2) / p.height,
  Math.log(q.width / p.width),
  Math.log(q.height / p.height),
];
const loss = (a, b) => scope(() => boxErrors(Tensor.from(Float32Array.from(a), [1, 4]), Tensor.from(Float32Array.from(b), [1, 4])).item());

export async function run() {
  const missing = [];
  const methods = [];
  for (const [name, title] of [
    ["tracking-deep-lk", "Deep-LK"],
    ["tracking-regression", "regression"],
  ]) {
    const model = await trained(name);
    if (model) methods.push([title, model]);
    else missing.push(`no weights of ${name}: pullback train ${name}, then PULLBACK_WEIGHTS=FOLDER with ${name}/weights.safetensors`);
  }
  methods.push(["the box stays", undefined]);
  const rows = [];
  const add = (title, set, errors) => {
    const mean = (k) => errors.reduce((s, e) => s + e[k], 0) / errors.length;
    rows.push([title, set, errors.length, mean(0).toFixed(3), mean(1).toFixed(3)]);
  };
  for (const [set, pairs] of [
    ["objects trained on", pairsOf(seen, 5000)],
    ["other objects", pairsOf(unseen, 6000)],
  ])
    for (const [title, model] of pairs.length > 0 ? methods : [])
      add(
        title,
        set,
        pairs.map(({ template, search, move }) =>
          scope(() => {
            const t = (v) => Tensor.from(v.data, v.shape);
            const moves = model?.forward({ template: t(template), search: t(search) }).moves;
            const found = moves ? moves[moves.length - 1].data : [0, 0, 0, 0];
            return [loss(found, move.data), overlapOf(found, move.data)];
          }),
        ),
      );
  const films = new Map(methods.map(([title]) => [title, []]));
  for (const name of sequences) {
    const folder = join(dataFolder, "vision/tracking", name);
    const files = readdirSync(folder)
      .filter((f) => f.endsWith(".jpg"))
      .sort();
    const truth = readFileSync(join(folder, "groundtruth.txt"), "utf8")
      .trim()
      .split(/\s+/)
      .map((l) => {
        const [x, y, width, height] = l.split(",").map(Number);
        return { x, y, width, height };
      });
    for (let k = 0; k + 1 < files.length; k += 3) {
      const [before, after] = [k, k + 1].map((i) => join(folder, files[i]));
      const [a, b] = [imageFromRaw(await openImage(before)), imageFromRaw(await openImage(after))];
      const move = moveOf(truth[k], truth[k + 1]);
      for (const [title, model] of methods) {
        const found = model ? moveOf(truth[k], networkTracker(model, a, truth[k], { anchored: false }).next(b)) : [0, 0, 0, 0];
        films.get(title).push([loss(found, move), overlapOf(found, move)]);
      }
    }
  }
  for (const [title, errors] of films) add(title, "films", errors);
  return {
    head: ["method", "pairs of frames", "how many", "loss: mean way of the corners, half boxes", "mean overlap"],
    rows,
    notes: [
      "objects trained on: of eight of the 16 pictures, in moves that were not trained on; other objects: of four Kodak pictures that no network learned from",
      "films: every third pair of frames of the four sequences",
      ...missing,
    ],
  };
}
