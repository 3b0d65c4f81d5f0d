// Restoration: objectives against reference optima, certified gaps, PSNR and times.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEngine } from "../dist/kernels/index.js";
import { blurOperator, identityOperator, maskOperator } from "../dist/operators/index.js";
import { biharmonic, totalVariation } from "../dist/priors/index.js";
import { restore } from "../dist/reconstruction/index.js";
import { array, files, folder, gray, psnr } from "./inverseImages.mjs";
import { heading, machine, median, root, table } from "./machine.mjs";

const help = `npm run bench -- inverse [options]
  --cases LIST   denoise, deblur, inpaint (default all)
  --images N     the first N images of each case (default all)
  --reps N       times are medians of N (default 3)
  --threads N    default 2
  --auto         also choose λ by the data (deblur)
  --no-save      print only, leave bench/results alone`;

/** Σ |∇x| in f64, by the definition. */
function tv(x, periodic) {
  const [H, W] = x.shape;
  const v = Float64Array.from(x.data);
  let s = 0;
  for (let i = 0; i < H; i++)
    for (let j = 0; j < W; j++) {
      const k = i * W + j;
      const right = j + 1 < W ? k + 1 : periodic ? k + 1 - W : k;
      const below = i + 1 < H ? k + W : periodic ? j : k;
      s += Math.hypot(v[right] - v[k], v[below] - v[k]);
    }
  return s;
}
const half = (x, y, w) => x.data.reduce((s, v, k) => s + 0.5 * (w ? w.data[k] : 1) * (v - y.data[k]) ** 2, 0);

/** Optima of the data's README, in the order of the file names. */
const optima = {
  "ROF σ 25": [475.2448, 400.8438, 475.6819, 513.7829, 530.2027, 501.4761, 514.1855, 1587.9028, 1990.5154, 1741.7083, 1689.5217, 1775.8403],
  "ROF σ 50": [1524.7105, 1402.7448, 1531.6112, 1585.7575, 1663.2896, 1556.3847, 1599.6737],
  "TV gauss1.6": [2.148061, 2.025626, 2.162524, 2.300048, 2.316149],
  "TV levin1": [3.020854, 2.635745, 2.933797, 3.064875, 3.096324],
  "TV levin3": [3.395218, 3.044635, 3.348267, 3.447461, 3.508254],
  "TV rand50": [12.41837, 8.29614, 12.8216, 15.89379, 15.58359],
  "TV rand80": [8.46313, 6.23921, 9.58934, 11.49913, 12.27135],
  "TV text": [14.18046, 9.25163, 14.25523, 16.95011, 16.41815],
};
function cases() {
  const denoise = [25, 50].map((sigma) => ({
    case: "denoise",
    name: `ROF σ ${sigma}`,
    items: files("denoise", `y_s${sigma}`).map((file, i) => {
      const data = array(file);
      const lambda = sigma === 25 ? 0.1 : 0.22;
      return {
        truth: gray(files("denoise", "gt")[i]),
        options: { operator: identityOperator(data.shape), data, prior: totalVariation(), lambda },
        objective: (x) => half(x, data) + lambda * tv(x, false),
      };
    }),
  }));
  const deblur = ["gauss1.6", "levin1", "levin3"].map((kernel) => ({
    case: "deblur",
    name: `TV ${kernel}`,
    items: files("deblur", `y_${kernel}`).map((file, i) => {
      const data = array(file);
      const operator = blurOperator(data.shape, array(folder("deblur", `kernel_${kernel}.npy`)));
      const lambda = kernel === "gauss1.6" ? 2e-4 : 4e-4;
      return {
        truth: gray(files("deblur", "gt")[i]),
        options: { operator, data, prior: totalVariation(), lambda },
        objective: (x) => half(operator.apply(x), data) + lambda * tv(x, true),
      };
    }),
  }));
  const inpaint = ["rand50", "rand80", "text"].flatMap((kind) =>
    [
      { name: `TV ${kind}`, prior: totalVariation({ border: "periodic" }), lambda: 0.005 },
      { name: `biharmonic ${kind}`, prior: biharmonic(), lambda: 0 },
    ].map(({ name, prior, lambda }) => ({
      case: "inpaint",
      name,
      items: files("inpaint", `mask_${kind}`).map((file, i) => {
        const truth = gray(files("inpaint", "gt")[i]);
        const mask = gray(file);
        const data = truth.mul(mask);
        return {
          truth,
          options: { operator: maskOperator(mask), data, prior, lambda },
          objective: (x) => half(x, data, mask) + lambda * tv(x, true),
        };
      }),
    })),
  );
  return [...denoise, ...deblur, ...inpaint];
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      cases: { type: "string", default: "denoise,deblur,inpaint" },
      images: { type: "string", default: "100" },
      reps: { type: "string", default: "3" },
      threads: { type: "string", default: "2" },
      auto: { type: "boolean" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  if (!existsSync(folder("denoise"))) {
    console.log("inverse: its images are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  startEngine({ threads: Number(o.threads) });
  const wanted = o.cases.split(",");
  const mean = (v) => v.reduce((s, x) => s + x, 0) / v.length;
  const rows = [];
  const all = [];
  for (const c of cases().filter((c) => wanted.includes(c.case))) {
    const found = [];
    for (const [i, item] of c.items.slice(0, Number(o.images)).entries()) {
      const [wall, used] = [[], []];
      let r;
      for (let rep = 0; rep < Number(o.reps); rep++) {
        const [t, cpu] = [performance.now(), process.cpuUsage()];
        r = await restore(item.options);
        const after = process.cpuUsage(cpu);
        wall.push((performance.now() - t) / 1e3);
        used.push((after.user + after.system) / 1e6);
      }
      const objective = item.objective(r.image);
      const best = optima[c.name]?.[i];
      const entry = {
        case: c.name,
        image: i + 1,
        objective,
        excess: best && (objective - best) / best,
        gap: r.gap === undefined ? undefined : r.gap / r.objective,
        psnr: psnr(r.image, item.truth),
        seconds: median(wall),
        processor: median(used),
        iterations: r.iterations,
      };
      if (o.auto && c.case === "deblur") {
        const auto = await restore({ ...item.options, lambda: "auto" });
        entry.auto = { lambda: auto.lambda, psnr: psnr(auto.image, item.truth) };
        const grid = [];
        for (let k = -4; k <= 4; k++)
          grid.push(psnr((await restore({ ...item.options, lambda: auto.lambda * 2 ** (k / 2), tolerance: 5e-5 })).image, item.truth));
        entry.auto.lost = Math.max(...grid) - entry.auto.psnr;
      }
      found.push(entry);
    }
    all.push(...found);
    const worst = (f) => {
      const v = found.map(f).filter((x) => x !== undefined);
      return v.length > 0 ? Math.max(...v).toExponential(1) : "–";
    };
    rows.push([
      c.name,
      found.length,
      worst((e) => e.excess),
      worst((e) => e.gap),
      mean(found.map((e) => e.psnr)).toFixed(2),
      mean(found.map((e) => e.seconds)).toFixed(3),
      mean(found.map((e) => e.processor)).toFixed(3),
      Math.round(mean(found.map((e) => e.iterations))),
      ...(o.auto ? [found[0].auto ? `${mean(found.map((e) => e.auto.psnr)).toFixed(2)} (−${worst((e) => e.auto.lost)})` : "–"] : []),
    ]);
    console.error(rows.at(-1).join("  "));
  }
  const lines = [
    ...heading("Restoration", machine(`npm run bench -- inverse ${args.join(" ")}`.trim()), [
      "excess: objective over the reference optimum, relative, the largest of the images; gap: our certified duality gap, the same",
      `seconds: median of ${o.reps}, mean of the images, ${o.threads} threads; processor seconds beside them for busy machines`,
    ]),
    ...table(
      ["case", "images", "excess", "gap", "PSNR", "s", "processor s", "iterations", ...(o.auto ? ["λ auto, PSNR (lost at most)"] : [])],
      rows,
    ),
    "",
  ];
  console.log(lines.join("\n"));
  if (!o["no-save"]) {
    mkdirSync(join(root, "bench/results"), { recursive: true });
    writeFileSync(join(root, "bench/results/inverse.md"), `${lines.join("\n")}\n`);
    writeFileSync(join(root, "bench/results/inverse.json"), `${JSON.stringify(all, undefined, 1)}\n`);
  }
  return 0;
}
