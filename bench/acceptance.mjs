// How often does `register` call a result ok that cannot be one? Pairs that show unlike things, drawn from a fixed seed; and pairs that do belong together.
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { hasData, registrationData } from "./data.mjs";
import { readImage } from "./images.mjs";
import { table } from "./machine.mjs";

const help = `npm run bench -- acceptance [options]
  --pairs N     unrelated pairs (default 200)
  --preset P    preset of register (default affine)
  --true        also the pairs that belong together
  --verbose     a line for each pair`;

const folders = {
  retina: ["retina_multimodal", /_(fixed|moving)\.(png|jpg)$/],
  "from above": ["remote_sensing", /_(fixed|moving)\.(png|jpg)$/],
  head: ["medical_multimodal2d", /_(fixed|moving)\.png$/],
  brain: ["brain2d_labels", /^s\d+\.png$/],
  heart: ["cine_ed_es", /_[ab]\.png$/],
  histology: ["histology_landmarks", /\.jpg$/],
  kidney: ["kidney_molli", /\.png$/],
};
/** Slices of heads are not unrelated to each other. */
const related = (a, b) => a === b || ([a, b].includes("head") && [a, b].includes("brain"));

/** Gray, and shrunk by whole factors to at most `most` samples a side: what is judged does not depend on finer ones. */
function gray(file, most) {
  const { size, values, components } = readImage(file);
  const n = size[0] * size[1];
  const value = (i) => (components >= 3 ? 0.299 * values[i] + 0.587 * values[i + n] + 0.114 * values[i + 2 * n] : values[i]);
  const s = Math.max(1, Math.ceil(Math.max(...size) / most));
  const [w, h] = size.map((v) => Math.floor(v / s));
  const out = new Float32Array(w * h);
  for (let y = 0; y < h * s; y++)
    for (let x = 0; x < w * s; x++) out[Math.floor(y / s) * w + Math.floor(x / s)] += value(y * size[0] + x) / (s * s);
  return { out, size: [w, h] };
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      pairs: { type: "string", default: "200" },
      preset: { type: "string", default: "affine" },
      true: { type: "boolean" },
      verbose: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (o.help) return console.log(help);
  if (!hasData()) return console.log("acceptance: no data; set PULLBACK_DATA to the data folder");
  const { image, register, seeded, startEngine } = { ...(await import("../dist/index.js")), ...(await import("../dist/core/index.js")) };
  startEngine({ threads: 2 });
  const files = Object.fromEntries(
    Object.entries(folders).map(([kind, [folder, pattern]]) => [
      kind,
      readdirSync(registrationData(folder))
        .filter((f) => pattern.test(f) && !/label|_lv/.test(f))
        .sort()
        .map((f) => registrationData(folder, f)),
    ]),
  );
  const load = (file) => {
    const { out, size } = gray(file, 400);
    return image(out, { size });
  };
  const judged = async (fixed, moving, preset) => {
    const { status, reason } = await register(load(fixed), load(moving), { preset });
    if (o.verbose) console.log(status, fixed.split("/").at(-1), moving.split("/").at(-1), reason.split(";")[0]);
    return status;
  };
  const random = seeded(2026);
  const kinds = Object.keys(files).filter((k) => files[k].length > 0);
  const pick = (list) => list[random.integer(list.length)];
  const rows = new Map();
  let wrong = 0;
  const total = Number(o.pairs);
  for (let k = 0; k < total; k++) {
    const a = pick(kinds);
    let b = pick(kinds);
    while (related(a, b)) b = pick(kinds);
    const ok = (await judged(pick(files[a]), pick(files[b]), o.preset)) === "ok";
    const key = [a, b].sort().join(" and ");
    const [bad, all] = rows.get(key) ?? [0, 0];
    rows.set(key, [bad + Number(ok), all + 1]);
    wrong += Number(ok);
  }
  console.log(
    table(
      ["pair", "called ok", "of"],
      [...rows].sort().map(([key, [bad, all]]) => [key, String(bad), String(all)]),
    ),
  );
  console.log(`false acceptance: ${wrong} of ${total} = ${((100 * wrong) / total).toFixed(1)} % (goal: 1 % at most)`);
  if (o.true) {
    let [good, all] = [0, 0];
    for (const kind of ["retina", "from above", "head"])
      for (const f of files[kind].filter((f) => f.includes("_fixed"))) {
        all++;
        good += Number((await judged(f, f.replace("_fixed", "_moving"), kind === "head" ? "rigid" : "affine")) === "ok");
      }
    for (const [k, f] of files.brain.entries()) {
      all++;
      good += Number((await judged(f, files.brain[(k + 1) % files.brain.length], "affine")) === "ok");
    }
    for (const f of files.heart.filter((f) => f.endsWith("_a.png"))) {
      all++;
      good += Number((await judged(f, f.replace("_a.png", "_b.png"), "affine")) === "ok");
    }
    console.log(`true pairs: ${good} of ${all} ok`);
  }
  process.exit(0);
}
