// The classes of learned reconstruction, on MR of four times fewer lines and on super-resolution ×3: what scripts/train/classes.mjs trained beside plug-and-play, with A as it was trained and changed.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readNpy } from "../dist/io/index.js";
import { startEngine } from "../dist/kernels/index.js";
import { networkReconstruction } from "../dist/models/index.js";
import { reconstructMr } from "../dist/reconstruction/index.js";
import { scope, Tensor } from "../dist/tensor/index.js";
import { classNetworks, classScale, setSizes } from "../scripts/train/classVariants.mjs";
import { mrMethods, ofRawData, reductions, srMethods, trained } from "./classMethods.mjs";
import { folder } from "./inverseImages.mjs";
import { mean, psnrOf, set5 } from "./luminance.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- classes OUT/ [options]
  OUT/           what node scripts/train/classes.mjs OUT/ … wrote, of either problem or both
  --problem P    mr or sr (default both)
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

async function mr(out, { only, look }) {
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
  const methods = await mrMethods(out);
  const rows = [];
  for (const m of methods.filter(({ kind }) => !only || only.includes(kind))) {
    if (m.kind !== "gan") await measured(m.run, "4×", [0]); // warm
    const usual = await measured(m.run, "4×", places);
    const changed = [];
    for (const mask of ["6×", "regular", "columns"]) changed.push(await measured(m.run, mask, graded));
    for (const [k, name] of [m.name].flat().entries()) {
      const { graded: g, all, seconds } = usual[k];
      const others = changed.map((c) => digits(c[k].graded));
      rows.push([name, ...about(m), m.sees ? "yes" : "no", digits(g), digits(all), digits(seconds), ...others]);
      console.error(rows.at(-1).join("  "));
    }
  }
  const sizes = [];
  for (const kind of ["agnostic", "partly", "unrolled"]) {
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
    sizes.push([{ agnostic: "model-agnostic", partly: "partly agnostic", unrolled: "unrolled" }[kind], ...cells]);
    console.error(sizes.at(-1).join("  "));
  }
  return [
    "## MR, one coil, four times fewer lines",
    "",
    "Magnitude PSNR in dB, peak the largest of the truth: slices 0, 2, 4, and the mean of all six. s: processor time of a slice of 256². A changed: six times fewer lines; every fifth line and sixteen in the middle; lines along the other axis (slices 0, 2, 4).",
    "",
    ...table(["", "weights", "slices", "steps", "given A", "0, 2, 4", "all six", "s", "6×", "every fifth", "other axis"], rows),
    "",
    "By the number of slices that were learned from, with as many steps; in brackets all six:",
    "",
    ...table(["", ...setSizes.map(String)], sizes),
    "",
  ];
}

async function sr(out, { only, images }) {
  const cut = (x) => x.clamp(0, 1).mul(255).add(0.5).floor().div(255);
  const usual = set5(classScale).slice(0, images);
  const other = set5(2.5).slice(0, images);
  const problems = [
    { name: "as trained", items: usual.map((i) => ({ ...i, make: reductions["antialiased cubic"] })) },
    ...Object.keys(reductions)
      .slice(1)
      .map((name) => ({
        name,
        items: usual.map(({ coarse, fine }) => ({
          fine,
          coarse: scope(() => cut(reductions[name](fine.shape, coarse.shape.slice(2)).apply(fine))),
          make: reductions[name],
        })),
      })),
    { name: "×2.5", items: other.map((i) => ({ ...i, make: reductions["antialiased cubic"] })) },
  ];
  const rows = [];
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
      rows.push([name, ...about(m), m.sees ? "yes" : "no", usual, digits(seconds), ...others]);
      console.error(rows.at(-1).join("  "));
    }
  }
  return [
    "## Super-resolution ×3",
    "",
    "Set5, mean PSNR in dB of the studio-range luminance, a border of 3 samples cut; no back-projection. s: processor time of an image. A changed: three ways to make pictures coarse.",
    "",
    ...table(["", "weights", "pictures", "steps", "given A", "PSNR", "s", ...problems.slice(1).map((p) => p.name)], rows),
    "",
  ];
}

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
  const options = { only: o.only?.split(","), look: o.images !== undefined, images: o.images ? Number(o.images) : undefined };
  const measuredNow = {
    ...(o.problem.includes("mr") && { mr: await mr(out, options) }),
    ...(o.problem.includes("sr") && { sr: await sr(out, options) }),
  };
  const m = machine(`npm run bench -- classes ${args.join(" ")}`.trim());
  // Each problem by itself, so that one can be measured again.
  const place = (problem) => join(out, `measured-${problem}.md`);
  const sections = Object.entries(measuredNow).map(([problem, section]) => {
    const text = [...section, `Measured on ${m.date}, commit ${m.commit}, ${o.threads} thread${o.threads === "1" ? "" : "s"}.`, ""].join(
      "\n",
    );
    if (!o["no-save"]) writeFileSync(place(problem), text);
    return text;
  });
  console.log(sections.join("\n"));
  if (o["no-save"]) return 0;
  const lines = [
    ...heading("The classes of learned reconstruction", m, [
      "small networks that `node scripts/train/classes.mjs` trained, each class with as many steps on as many pictures; plug-and-play with the denoiser of the package, which learned from photographs",
      "weights: of what reconstructs (of a GAN, its generator); given A: whether the method is handed the operator of each measurement; model-agnostic and partly agnostic methods cannot be",
    ]),
    ...["mr", "sr"].filter((problem) => existsSync(place(problem))).map((problem) => readFileSync(place(problem), "utf8")),
  ];
  writeFileSync(join(root, "bench/results/classes.md"), `${lines.join("\n").trimEnd()}\n`);
  return 0;
}
