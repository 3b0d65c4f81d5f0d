// BART, scikit-image and OpenCV beside our reconstructions: quality and processor seconds on one thread each, image by image in turn.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readNpy, writeNpy } from "../dist/io/npy.js";
import { startEngine } from "../dist/kernels/index.js";
import { identityOperator, maskOperator, radonOperator } from "../dist/operators/index.js";
import { biharmonic, totalVariation } from "../dist/priors/index.js";
import { fbp, reconstructMr, restore } from "../dist/reconstruction/index.js";
import { Tensor } from "../dist/tensor/index.js";
import { array, files, folder, gray, psnr } from "./inverseImages.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- inversePeers [options]
  --cases LIST   denoise, inpaint, ct, heart, head (default all)
  --images N     the first N images of each case (default 3)
  --no-save      print only, leave bench/results alone
Peers that are absent are left out: apt-get install bart python3-skimage python3-opencv. PYTHON names another interpreter than /usr/bin/python3.`;

const place = mkdtempSync(join(tmpdir(), "pullback-peers-"));
const versions = new Set();
const absent = new Set();
async function ours(work) {
  await work(); // warm, as the peers are
  const cpu = process.cpuUsage();
  const x = await work();
  const used = process.cpuUsage(cpu);
  return { x, seconds: (used.user + used.system) / 1e6 };
}
const python = process.env.PYTHON ?? "/usr/bin/python3";
/** A method of images.py; undefined where its library is absent. */
function image(method, ...inputs) {
  const names = inputs.map((t, k) => {
    const name = join(place, `in${k}.npy`);
    writeFileSync(name, writeNpy({ shape: [...t.shape], data: Float32Array.from(t.data) }));
    return name;
  });
  const out = join(place, "out.npy");
  const r = spawnSync(python, [join(root, "bench/peers/inverse/images.py"), method, out, ...names], {
    encoding: "utf8",
    env: { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
  });
  if (r.error || r.status !== 0) {
    if (!r.error && !/ModuleNotFoundError|ImportError/.test(r.stderr)) throw new Error(`${method}: ${r.stderr.trim().split("\n").at(-1)}`);
    absent.add(method.startsWith("cv2") ? "OpenCV" : "scikit-image");
    return undefined;
  }
  const { version, seconds } = JSON.parse(r.stdout);
  versions.add(version);
  const a = readNpy(readFileSync(out));
  return { x: Tensor.from(Float32Array.from(a.data), a.shape), seconds };
}
/** Complex values in BART's own files, the first size fastest. */
function cfl(name, sizes, data) {
  writeFileSync(join(place, `${name}.hdr`), `# Dimensions\n${sizes.join(" ")}\n`);
  writeFileSync(join(place, `${name}.cfl`), Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}
const readCfl = (name) => {
  const b = readFileSync(join(place, `${name}.cfl`));
  return new Float32Array(b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength));
};
/** Processor seconds of one command of BART; undefined without it. */
function bart(...args) {
  const r = spawnSync("bash", ["-c", 'TIMEFORMAT="%U %S"; time "$@"', "bash", "bart", ...args], {
    cwd: place,
    encoding: "utf8",
    env: { ...process.env, OMP_NUM_THREADS: "1" },
  });
  if (r.error || r.status === 127) {
    absent.add("BART");
    return undefined;
  }
  if (r.status !== 0) throw new Error(`bart ${args.join(" ")}: ${r.stderr.trim()}`);
  const [user, system] = r.stderr.trim().split("\n").at(-1).split(" ").map(Number);
  return user + system;
}

const mean = (v) => v.reduce((s, x) => s + x, 0) / v.length;
const median = (v) => [...v].sort((a, b) => a - b)[v.length >> 1];
const found = new Map();
/** One result of one image: `score` is what the case's column says. */
function add(name, method, score, seconds) {
  const key = `${name}\n${method}`;
  if (!found.has(key)) found.set(key, []);
  found.get(key).push({ score, seconds });
}

async function denoise(images) {
  const truths = files("denoise", "gt");
  for (const [i, file] of files("denoise", "y_s25").slice(0, images).entries()) {
    const [data, truth, lambda] = [array(file), gray(truths[i]), Tensor.from(Float32Array.of(0.1), [1])];
    const energy = (x) => {
      const [H, W] = x.shape;
      let e = 0;
      for (let k = 0; k < H * W; k++) {
        const right = k % W < W - 1 ? x.data[k + 1] - x.data[k] : 0;
        const below = k + W < H * W ? x.data[k + W] - x.data[k] : 0;
        e += 0.5 * (x.data[k] - data.data[k]) ** 2 + 0.1 * Math.hypot(right, below);
      }
      return e;
    };
    const mine = await ours(
      async () => (await restore({ operator: identityOperator(data.shape), data, prior: totalVariation(), lambda: 0.1 })).image,
    );
    const best = energy(mine.x);
    const put = (method, r) => {
      if (!r) return;
      add("total variation, σ 25, λ 0.1: PSNR", method, psnr(r.x, truth), r.seconds);
      add("the same: objective over ours, 1e-6", method, 1e6 * (energy(r.x) / best - 1), r.seconds);
    };
    put("pullback", mine);
    put("denoise_tv_chambolle", image("tv", data, lambda));
    put("denoise_tv_chambolle, eps 1e-7", image("tv_long", data, lambda));
  }
}
async function inpaint(images) {
  for (const kind of ["rand50", "rand80", "text"])
    for (const [i, file] of files("inpaint", `mask_${kind}`).slice(0, images).entries()) {
      const [mask, truth] = [gray(file), gray(files("inpaint", "gt")[i])];
      const data = truth.mul(mask);
      const put = (method, r) => r && add(`inpainting, ${kind}: PSNR`, method, psnr(r.x, truth), r.seconds);
      const operator = maskOperator(mask);
      put("pullback biharmonic", await ours(async () => (await restore({ operator, data, prior: biharmonic(), lambda: 0 })).image));
      put("inpaint_biharmonic", image("biharmonic", data, mask));
      put("cv2.inpaint, NS", image("cv2_ns", data, mask));
      put("cv2.inpaint, Telea", image("cv2_telea", data, mask));
    }
}
async function ct(images) {
  const angles = array(folder("ct", "angles_v60.npy"));
  const away = (x, y) => x.sub(y).norm().item() / y.norm().item();
  for (const slice of ["0000", "0010", "0020", "0030", "0040", "0050"].slice(0, images)) {
    const [truth, sinogram] = [array(folder("ct", `ID_${slice}_gt.npy`)), array(folder("ct", `ID_${slice}_v60_sino.npy`))];
    const operator = radonOperator({ angles: angles.data, detectors: 256 });
    const mine = await ours(async () => operator.apply(truth));
    const theirs = image("radon", truth, angles);
    add("line integrals, 60 views: relative difference, 1e-4", "pullback", 0, mine.seconds);
    if (theirs) add("line integrals, 60 views: relative difference, 1e-4", "radon", 1e4 * away(theirs.x, mine.x), theirs.seconds);
    const score = (r, method) => {
      if (!r) return;
      let s = 0;
      for (let k = 0; k < 65536; k++) {
        const [u, v] = [((k % 256) - 127.5) / 128, (Math.floor(k / 256) - 127.5) / 128];
        if (u * u + v * v <= 0.95) s += (Math.min(4, Math.max(0, r.x.data[k])) - truth.data[k]) ** 2;
      }
      add("filtered back-projection, Hann, 60 views: PSNR", method, 10 * Math.log10((4 * 65536) / s), r.seconds);
    };
    score(await ours(async () => fbp(sinogram, { angles: angles.data, detectors: 256, filter: "hann" })), "pullback");
    score(image("fbp", sinogram, angles), "iradon");
  }
}
const complexFile = (...path) => readNpy(readFileSync(folder(...path)));
/** Of magnitudes; peak: the largest of the truth. */
function magnitudePsnr(x, truth, inside = () => true) {
  let peak = 0;
  for (let k = 0; k < truth.length; k++) peak = Math.max(peak, truth[k]);
  let [s, n] = [0, 0];
  for (let k = 0; k < truth.length; k++)
    if (inside(truth[k], peak)) {
      s += (x[k] - truth[k]) ** 2;
      n++;
    }
  return 10 * Math.log10((peak * peak * n) / s);
}
const magnitudes = (z) => Float32Array.from({ length: z.length / 2 }, (_, k) => Math.hypot(z[2 * k], z[2 * k + 1]));
const weights = ["W:3:0:0.02", "T:3:0:0.01"];
/** What was measured, said to BART: by itself it takes samples of 0 (corners that a scanner fills) for missing ones. */
const pattern = (mask, h, w) =>
  Float32Array.from({ length: 2 * h * w }, (_, i) => (i & 1 ? 0 : mask.data[mask.size === h ? ((i >> 1) / w) | 0 : (i >> 1) % w]));
async function heart(images) {
  const [k, truth] = [complexFile("mr-cardiac", "eval_kspace.npy"), complexFile("mr-cardiac", "eval_gt_complex.npy")];
  const [h, w] = k.shape.slice(1);
  for (const factor of [4, 6, 11]) {
    const masks = complexFile("mr-cardiac", `eval_mask_x${factor}.npy`);
    for (const s of [0, 2, 4].slice(0, images)) {
      const part = (a) => Float32Array.from(a.data.slice(2 * s * h * w, 2 * (s + 1) * h * w));
      const mask = Tensor.from(Float32Array.from(masks.data.slice(s * h, (s + 1) * h), Number), [h, 1]);
      const kspace = Tensor.from(part(k), [h, w], "c64").mul(mask);
      const name = `heart, one coil, ${factor}×: PSNR`;
      const gt = magnitudes(part(truth));
      const mine = await ours(async () => (await reconstructMr({ kspace, mask })).image);
      add(name, "pullback tv", magnitudePsnr(magnitudes(mine.x.data), gt), mine.seconds);
      cfl("k", [w, h], Float32Array.from(kspace.data));
      cfl(
        "s",
        [w, h],
        Float32Array.from({ length: 2 * h * w }, (_, i) => 1 - (i & 1)),
      );
      cfl("p", [w, h], pattern(mask, h, w));
      for (const weight of weights) {
        const seconds = bart("pics", "-S", "-i100", "-p", "p", "-R", weight, "k", "s", "o");
        if (seconds !== undefined) add(name, `bart pics -S -i100 -R ${weight}`, magnitudePsnr(magnitudes(readCfl("o")), gt), seconds);
      }
    }
  }
}
async function head() {
  const k = complexFile("mr-multicoil", "brain8_kspace.npy");
  const [coils, h, w] = k.shape;
  const reference = Float32Array.from(complexFile("mr-multicoil", "brain8_ref.npy").data);
  for (const factor of [4, 6, 8]) {
    const mask = Tensor.from(Float32Array.from(complexFile("mr-multicoil", `brain8_mask1d_x${factor}.npy`).data, Number), [1, w]);
    const kspace = Tensor.from(Float32Array.from(k.data), k.shape, "c64").mul(mask);
    const name = `head, eight coils with maps, ${factor}×: PSNR`;
    const inside = (t, peak) => t > 0.1 * peak;
    const mine = await ours(async () => (await reconstructMr({ kspace, mask })).image);
    add(name, "pullback espirit, wavelet", magnitudePsnr(magnitudes(mine.x.data), reference, inside), mine.seconds);
    cfl("k", [w, h, 1, coils], Float32Array.from(kspace.data));
    const calibration = bart("ecalib", "-m1", "k", "m");
    if (calibration === undefined) continue;
    const maps = readCfl("m");
    cfl("p", [w, h], pattern(mask, h, w));
    for (const weight of weights) {
      const seconds = bart("pics", "-S", "-i100", "-p", "p", "-R", weight, "k", "m", "o");
      const x = magnitudes(readCfl("o"));
      for (let i = 0; i < h * w; i++) {
        let power = 0;
        for (let c = 0; c < coils; c++) power += maps[2 * (c * h * w + i)] ** 2 + maps[2 * (c * h * w + i) + 1] ** 2;
        x[i] *= Math.sqrt(power);
      }
      add(name, `bart ecalib -m1, pics -S -i100 -R ${weight}`, magnitudePsnr(x, reference, inside), calibration + seconds);
    }
  }
}

const cases = { denoise, inpaint, ct, heart, head };
/** The results so far, written after each case. */
function report(args, save) {
  const version = spawnSync("bart", ["version"], { encoding: "utf8" });
  if (!version.error) versions.add(`BART ${version.stdout.trim()}`);
  const first = new Map();
  const rows = [...found].map(([key, all]) => {
    const [name, method] = key.split("\n");
    if (!first.has(name)) first.set(name, all);
    const own = first.get(name);
    const ratio = own === all ? "1" : median(all.map((e, k) => e.seconds / own[k].seconds)).toFixed(2);
    return [name, method, all.length, mean(all.map((e) => e.score)).toFixed(2), mean(all.map((e) => e.seconds)).toFixed(3), ratio];
  });
  const lines = [
    ...heading("Peers of the inverse problems", machine(`npm run bench -- inversePeers ${args.join(" ")}`.trim()), [
      `peers: ${[...versions].join(", ") || "none"}${absent.size > 0 ? `; peer absent: ${[...absent].join(", ")}` : ""}`,
      "value: mean of the images, PSNR in dB unless the row says otherwise; processor seconds of an image, one thread each, after a first call (BART: whole processes), image by image in turn",
      "ratio: the peer's processor seconds over ours, median of the images",
    ]),
    ...table(["case", "method", "images", "value", "processor s", "ratio"], rows),
    "",
  ];
  if (save) {
    mkdirSync(join(root, "bench/results"), { recursive: true });
    writeFileSync(join(root, "bench/results/inversePeers.md"), `${lines.join("\n")}\n`);
  }
  return lines;
}
export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      cases: { type: "string", default: Object.keys(cases).join(",") },
      images: { type: "string", default: "3" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  if (!existsSync(folder("denoise"))) {
    console.log("inversePeers: the images are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  startEngine({ threads: 1 });
  let lines = [];
  for (const name of o.cases.split(",")) {
    if (!cases[name]) throw new Error(`inversePeers: no case ${name}; choose of ${Object.keys(cases).join(", ")}`);
    await cases[name](Number(o.images));
    lines = report(args, !o["no-save"]);
    console.error(`${name}: done`);
  }
  rmSync(place, { recursive: true });
  console.log(lines.join("\n"));
  return 0;
}
