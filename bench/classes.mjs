// The classes of learned reconstruction, on MR of four times fewer lines and on super-resolution ×3: what scripts/train/classes.mjs trained beside plug-and-play, with A as it was trained and changed.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readNpy } from "../dist/io/index.js";
import { startEngine } from "../dist/kernels/index.js";
import { networkReconstruction } from "../dist/models/index.js";
import { reconstructMr } from "../dist/reconstruction/index.js";
import { curvePlot } from "../dist/report/index.js";
import { scope, Tensor } from "../dist/tensor/index.js";
import { classNetworks, classScale, setSizes } from "../scripts/train/classVariants.mjs";
import { mrMethods, ofRawData, reductions, srMethods, trained } from "./classMethods.mjs";
import { folder } from "./inverseImages.mjs";
import { mean, psnrOf, set5 } from "./luminance.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- classes OUT/ [options]
  OUT/           what node scripts/train/classes.mjs OUT/ … wrote, of either problem or both
  --problem P    mr or sr (default both); none: only the page, of what was measured before
  --images N     the first N images, and slices 0, 2, 4 only (a look)
  --only LIST    kinds: none, classical, agnostic, partly, plug, gan, unrolled (default all)
  --threads N    default 2
  --no-save      print only, leave bench/results alone`;

const digits = (v, n = 2) => (v === undefined || Number.isNaN(v) ? "–" : v.toFixed(n));
async function timed(work) {
  const cpu = process.cpuUsage();
  const result = await work();
  const used = process.cpuUsage(cpu);
  return { result, seconds: (used.user + used.system) / 1e6 };
}
const about = ({ weights, said }) => [weights ?? "–", said ? `${said.pictures}` : "–", said ? `${said.steps}` : "–"];

/** PSNR of magnitudes, peak the largest of the truth. */
function magnitudePsnr(image, truth) {
  const [x, t] = [image.abs().data, truth.abs().data];
  let [sum, peak] = [0, 0];
  t.forEach((v, i) => {
    sum += (v - x[i]) ** 2;
    peak = Math.max(peak, v);
  });
  return 10 * Math.log10((peak * peak * t.length) / sum);
}
/** Slices of the heart, whole k-space and masks by name. */
function hearts() {
  const read = (name) => readNpy(readFileSync(folder("mr-cardiac", `eval_${name}.npy`)));
  const [kspace, truth, ...masks] = ["kspace", "gt_complex", "mask_x4", "mask_x6"].map(read);
  const [count, h, w] = kspace.shape;
  const complex = (a, s) => Tensor.from(Float32Array.from(a.data.slice(2 * s * h * w, 2 * (s + 1) * h * w)), [h, w], "c64");
  const rows = (a, s) => Float32Array.from(a.data.slice(s * h, (s + 1) * h));
  const regular = Float32Array.from({ length: h }, (_, i) => Number(i % 5 === 1 || Math.abs(i - h / 2) < 8));
  return Array.from({ length: count }, (_, s) => ({
    kspace: complex(kspace, s),
    truth: complex(truth, s),
    masks: {
      "4×": Tensor.from(rows(masks[0], s), [h, 1]),
      "6×": Tensor.from(rows(masks[1], s), [h, 1]),
      regular: Tensor.from(regular, [h, 1]),
      columns: Tensor.from(rows(masks[0], s), [1, w]),
    },
  }));
}
const graded = [0, 2, 4];

/** What was measured, kept beside the networks row by row: one class can be measured again without the others, or while they are. */
function kept(out) {
  const file = join(out, "measured.json");
  const read = () => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {});
  return {
    all: read(),
    put(table, name, row, by) {
      this.all = read();
      this.all[table] = { ...this.all[table], [name]: { row, by } };
      writeFileSync(file, `${JSON.stringify(this.all, undefined, 1)}\n`);
    },
  };
}

async function mr(out, { only, look, put }) {
  const slices = hearts();
  const places = look ? graded : slices.map((_, s) => s);
  /** For each image that the method makes. */
  async function measured(run, mask, which) {
    const found = [];
    for (const s of which) {
      const { kspace, truth, masks } = slices[s];
      const data = { kspace: kspace.mul(masks[mask]), mask: masks[mask] };
      const { result, seconds } = await timed(() => run(data));
      found.push({ s, psnr: [result].flat().map((x) => magnitudePsnr(x, truth)), seconds });
    }
    const seconds = mean(found.map((e) => e.seconds));
    return found[0].psnr.map((_, k) => {
      const of = (which) => mean(found.filter(({ s }) => which.includes(s)).map((e) => e.psnr[k]));
      return { graded: of(graded), all: look ? undefined : of(places), seconds };
    });
  }
  for (const m of (await mrMethods(out)).filter(({ kind }) => !only || only.includes(kind))) {
    if (m.kind !== "gan") await measured(m.run, "4×", [0]); // warm
    const usual = await measured(m.run, "4×", places);
    const changed = [];
    for (const mask of ["6×", "regular", "columns"]) changed.push(await measured(m.run, mask, graded));
    for (const [k, name] of [m.name].flat().entries()) {
      const { graded: g, all, seconds } = usual[k];
      const others = changed.map((c) => digits(c[k].graded));
      put("mr", name, [...about(m), m.sees ? "yes" : "no", digits(g), digits(all), digits(seconds), ...others]);
    }
  }
  for (const [kind, label] of Object.entries(sizedKinds)) {
    if (only && !only.includes(kind)) continue;
    const cells = [];
    for (const size of setSizes) {
      const t = trained(out, size === setSizes.at(-1) ? `mr-${kind}` : `mr-${kind}-${size}`, classNetworks.mr[kind]);
      if (!t) {
        cells.push("–");
        continue;
      }
      const network = networkReconstruction(t.model);
      const run = kind === "agnostic" ? ofRawData(t.model) : async (d) => (await reconstructMr({ ...d, network })).image;
      const [{ graded: g, all }] = await measured(run, "4×", places);
      cells.push(all === undefined ? digits(g) : `${digits(g)} (${digits(all)})`);
    }
    put("sizes", label, cells);
  }
}

async function sr(out, { only, images, put }) {
  const cut = (x) => x.clamp(0, 1).mul(255).add(0.5).floor().div(255);
  const usual = set5(classScale).slice(0, images);
  const other = set5(2.5).slice(0, images);
  const problems = [
    { items: usual.map((i) => ({ ...i, make: reductions["antialiased cubic"] })) },
    ...Object.keys(reductions)
      .slice(1)
      .map((name) => ({
        items: usual.map(({ coarse, fine }) => ({
          fine,
          coarse: scope(() => cut(reductions[name](fine.shape, coarse.shape.slice(2)).apply(fine))),
          make: reductions[name],
        })),
      })),
    { items: other.map((i) => ({ ...i, make: reductions["antialiased cubic"] })) },
  ];
  for (const m of (await srMethods(out)).filter(({ kind }) => !only || only.includes(kind))) {
    const names = [m.name].flat();
    const columns = [];
    let seconds;
    for (const { items } of problems) {
      const found = [];
      for (const [i, { coarse, fine, make }] of items.entries()) {
        const given = { coarse, fine: fine.shape.slice(2), operator: (shape) => make(shape, coarse.shape.slice(2)) };
        if (!seconds && i === 0 && m.kind !== "gan") await m.run(given); // warm
        const { result, seconds: s } = await timed(() => m.run(given));
        if (result) found.push({ psnr: [result].flat().map((x) => psnrOf(x, fine, classScale)), s });
      }
      seconds ??= mean(found.map((e) => e.s));
      columns.push(names.map((_, k) => (found.length > 0 ? digits(mean(found.map((e) => e.psnr[k]))) : "–")));
    }
    for (const [k, name] of names.entries()) {
      const [usual, ...others] = columns.map((c) => c[k]);
      put("sr", name, [...about(m), m.sees ? "yes" : "no", usual, digits(seconds), ...others]);
    }
  }
}

const sizedKinds = { agnostic: "model-agnostic", partly: "partly agnostic", unrolled: "unrolled" };
/** From nothing learned to everything learned for the problem; then what was trained for long. */
const order = [
  "zero-filled",
  "cubic interpolation",
  "total variation",
  "model-agnostic",
  "model-agnostic, 4 times the steps",
  "partly agnostic",
  "plug-and-play",
  "GAN range",
  "GAN range, and near it",
  "unrolled",
  "unrolled, of the package",
];
function page(all) {
  const rowsOf = (name) => {
    const known = all[name] ?? {};
    return order.filter((key) => key in known).map((key) => [key, ...known[key].row]);
  };
  const by = (...names) => [...new Set(names.flatMap((n) => Object.values(all[n] ?? {}).map((e) => e.by)))].join("; ");
  const mrRows = rowsOf("mr");
  const sizes = rowsOf("sizes");
  const srRows = rowsOf("sr");
  return [
    ...(mrRows.length > 0
      ? [
          "## MR, one coil, four times fewer lines",
          "",
          "Magnitude PSNR in dB, peak the largest of the truth: slices 0, 2, 4, and the mean of all six. s: processor time of a slice of 256². A changed (slices 0, 2, 4): six times fewer lines; every fifth line and sixteen in the middle; lines along the other axis.",
          "",
          ...table(["", "weights", "slices", "steps", "given A", "0, 2, 4", "all six", "s", "6×", "every fifth", "other axis"], mrRows),
          "",
          "By the number of slices that were learned from, with as many steps; in brackets all six:",
          "",
          ...table(["", ...setSizes.map(String)], sizes),
          "",
          `Measured: ${by("mr", "sizes")}.`,
          "",
        ]
      : []),
    ...(srRows.length > 0
      ? [
          "## Super-resolution ×3",
          "",
          "Set5, mean PSNR in dB of the studio-range luminance, a border of 3 samples cut; no back-projection. s: processor time of an image. A changed: three other ways to make pictures coarse.",
          "",
          ...table(["", "weights", "pictures", "steps", "given A", "PSNR", "s", ...Object.keys(reductions).slice(1), "×2.5"], srRows),
          "",
          `Measured: ${by("sr")}.`,
          "",
        ]
      : []),
  ];
}

/** Losses of the trainings in dB, means over 25 steps: a table, and a picture of those that learned from all there is. */
function curves(out, problem) {
  const stretch = 25;
  const all = readdirSync(out)
    .filter((f) => f.startsWith(`${problem}-`) && f.endsWith(".json") && !/generator/.test(f))
    .sort()
    .map((f) => JSON.parse(readFileSync(join(out, f), "utf8")))
    .map(({ name, loss }) => ({
      name: name.slice(problem.length + 1),
      values: Array.from({ length: Math.floor(loss.length / stretch) }, (_, i) => mean(loss.slice(i * stretch, (i + 1) * stretch))),
    }));
  if (all.length === 0) return;
  const steps = Array.from({ length: Math.max(...all.map((s) => s.values.length)) }, (_, i) => (i + 1) * stretch);
  const rows = steps.map((step, i) => [step, ...all.map((s) => s.values[i]?.toFixed(3) ?? "")].join(","));
  const place = (kind) => join(root, "bench/results/training", `classes-${problem}.${kind}`);
  writeFileSync(place("csv"), `${["step", ...all.map((s) => s.name)].join(",")}\n${rows.join("\n")}\n`);
  const shown = all.filter((s) => !/\d|long/.test(s.name));
  const x = steps.slice(0, Math.max(...shown.map((s) => s.values.length)));
  const svg = curvePlot(shown, { x, xLabel: "step", yLabel: "mean squared error, dB", title: `classes, ${problem}` });
  writeFileSync(place("svg"), `${svg.replace(/^<svg([^>]*)>/, `<svg xmlns="http://www.w3.org/2000/svg"$1><style>${style}</style>`)}\n`);
}
const style =
  "svg{background:#fff}.label{fill:#555;font:12px system-ui,sans-serif}.axis{fill:none;stroke:#555}.grid-line{stroke:#ddd}.curve{fill:none;stroke-width:2;stroke-linejoin:round}";

export async function main(args) {
  const { values: o, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      problem: { type: "string", default: "mr,sr" },
      images: { type: "string" },
      only: { type: "string" },
      threads: { type: "string", default: "2" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const [out] = positionals;
  if (o.help || !out) {
    console.log(help);
    return o.help ? 0 : 2;
  }
  if (!existsSync(folder("sisr"))) {
    console.log("classes: the images are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  startEngine({ threads: Number(o.threads) });
  const m = machine(`npm run bench -- classes ${args.map((a) => (a === out ? "OUT/" : a)).join(" ")}`);
  const by = `${m.date}, commit ${m.commit}, ${o.threads} thread${o.threads === "1" ? "" : "s"}`;
  const store = kept(out);
  const look = o.images !== undefined;
  const save = !o["no-save"] && !look;
  const put = (table, name, row) => {
    console.error([name, ...row].join("  "));
    if (save) store.put(table, name, row, by);
    else store.all[table] = { ...store.all[table], [name]: { row, by } };
  };
  const options = { only: o.only?.split(","), look, images: look ? Number(o.images) : undefined, put };
  if (o.problem.includes("mr")) await mr(out, options);
  if (o.problem.includes("sr")) await sr(out, options);
  const lines = [
    ...heading("The classes of learned reconstruction", m, [
      "small networks that `node scripts/train/classes.mjs` trained, each class with as many steps on as many pictures; plug-and-play with the denoiser of the package, which learned from photographs",
      "weights: of what reconstructs (of a GAN, its generator); given A: whether the method is handed the operator of each measurement; model-agnostic and partly agnostic methods cannot be",
    ]),
    ...page(store.all),
  ];
  console.log(lines.join("\n"));
  if (!save) return 0;
  for (const problem of ["mr", "sr"]) curves(out, problem);
  writeFileSync(join(root, "bench/results/classes.md"), `${lines.join("\n").trimEnd()}\n`);
  return 0;
}
