// Group registration: how the mean depends on the deformation model and on the number of images, how well labels are foretold, time.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hasData, registrationData } from "./data.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- atlas [options]
  --cases a,b      brain2d_labels (default), group_phantoms, brain3d_oasis
  --counts 3,5     numbers of images of brain2d_labels (default 3,5,7,9,10)
  --threads N      threads (default 2)
  --no-save        print only, leave bench/results alone`;

const brains = Array.from({ length: 10 }, (_, k) => `s${String(k + 1).padStart(2, "0")}`);

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      help: { type: "boolean" },
      cases: { type: "string", default: "brain2d_labels" },
      counts: { type: "string", default: "3,5,7,9,10" },
      threads: { type: "string", default: "2" },
      "no-save": { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  if (!hasData()) {
    console.error("bench atlas: the data folder is absent; set PULLBACK_DATA");
    return 1;
  }
  const ours = await load(Number(o.threads));
  const m = machine(`npm run bench -- atlas ${args.join(" ")}`.trim());
  const lines = heading("The mean of a group", m, [
    "sharpness: gradient energy of the mean of the normalised images, mm⁻²; ×: against the rigid mean of the same images",
    "log-likelihood: labels of each image under the label frequencies of the others in the mean's space, nats per labelled pixel",
  ]);
  const report = (title, head, rows) => {
    const text = ["", `## ${title}`, "", ...table(head, rows)];
    console.log(text.join("\n"));
    lines.push(...text);
  };
  for (const name of o.cases.split(","))
    if (name === "brain2d_labels") await slices(ours, o, report);
    else if (name === "group_phantoms")
      await timed(
        ours,
        "group_phantoms",
        ["A", "B", "C", "D"].map((c) => registrationData("group_phantoms", `phantom${c}.png`)),
        o,
        report,
      );
    else if (name === "brain3d_oasis")
      await timed(
        ours,
        "brain3d_oasis",
        ["A", "B"].map((c) => registrationData("brain3d_oasis", `${c}.nii.gz`)),
        o,
        report,
      );
    else {
      console.error(`bench atlas: there is no case ${name}; see --help`);
      return 2;
    }
  if (!o["no-save"]) writeFileSync(join(root, "bench/results/atlas.md"), `${lines.join("\n")}\n`);
  return 0;
}

async function load(threads) {
  const [kernels, registration, io, node, report, transforms, evaluation] = await Promise.all(
    ["kernels", "registration", "io", "io/node", "report", "transforms", "evaluation"].map(
      (f) => import(`../dist/${f.includes("/") ? f : `${f}/index`}.js`),
    ),
  );
  kernels.startEngine({ threads });
  const gray = async (path) => {
    const im = io.imageFromRaw(await node.openImage(path));
    return im.values.shape[0] === 1 ? im : { values: im.values.slice([0], [1]), grid: im.grid };
  };
  return { ...registration, ...report, ...transforms, ...evaluation, gray };
}

async function measured(work) {
  const cpu = process.cpuUsage();
  const t = performance.now();
  const result = await work();
  const used = process.cpuUsage(cpu);
  return { result, seconds: (performance.now() - t) / 1000, cpu: (used.user + used.system) / 1e6 };
}

/** Model and number of images: figures, and a strip of pictures (rigid above, diffeomorphic below) that stays out of the repository. */
async function slices(ours, o, report) {
  const images = await Promise.all(brains.map((b) => ours.gray(registrationData("brain2d_labels", `${b}.png`))));
  const labels = await Promise.all(brains.map((b) => ours.gray(registrationData("brain2d_labels", `${b}_labels.png`))));
  const rows = [];
  const pictures = [];
  for (const count of o.counts.split(",").map(Number)) {
    const { result: atlas, seconds, cpu } = await measured(() => ours.buildAtlas(images.slice(0, count)));
    const rigid = atlas.stages[0].sharpness;
    for (const s of atlas.stages) {
      const l = ours.leaveOneOutLogLikelihood(labels.slice(0, count), s.transforms, atlas.grid);
      rows.push([count, s.model, s.sharpness.toExponential(2), (s.sharpness / rigid).toFixed(2), l.mean.toFixed(3), "", ""]);
    }
    rows[rows.length - 1].splice(5, 2, seconds.toFixed(1), cpu.toFixed(1));
    pictures.push(
      [atlas.stages[0], atlas.stages.at(-1)].map((s) =>
        ours.grayPicture(
          { width: s.mean.grid.size[0], height: s.mean.grid.size[1], values: s.mean.values.data.slice() },
          { low: 0, high: 255 },
        ),
      ),
    );
    if (count === images.length) {
      const [velocities, displacements] = ["velocity", "displacement"].map((of) => ours.shapeModes(atlas.transforms, atlas.grid, { of }));
      const sum = ({ explained }, k) => explained.slice(0, k).reduce((a, b) => a + b, 0);
      report(
        "Variance of shape explained",
        ["modes", "of velocities", "of displacements"],
        velocities.explained.map((_, k) => [k + 1, sum(velocities, k + 1).toFixed(3), sum(displacements, k + 1).toFixed(3)]),
      );
      const missed = Math.max(...velocities.left).toFixed(3);
      // How far along a mode a shape may go before it folds.
      const least = (field, along) => {
        const on = new along(field, atlas.grid);
        return Math.min(...ours.jacobianDeterminant(on.displacement(atlas.grid).data, atlas.grid)).toFixed(2);
      };
      report(
        "Smallest det along the first mode",
        ["σ", "velocities", "displacements"],
        [2, 4, 8].map((s) => [
          s,
          least(velocities.modes[0].mul(s), ours.VelocityTransform),
          least(displacements.modes[0].mul(s), ours.DisplacementTransform),
        ]),
      );
      console.log(`\nexponentials miss the shapes by at most ${missed} voxels, root mean square`);
      const reversed = await ours.buildAtlas(images.slice().reverse());
      const same =
        Buffer.compare(Buffer.from(atlas.mean.values.data.slice().buffer), Buffer.from(reversed.mean.values.data.slice().buffer)) === 0;
      report("Order", ["images reversed", "mean"], [[count, same ? "the same bits" : "DIFFERS"]]);
    }
  }
  report("brain2d_labels: model and number of images", ["images", "model", "sharpness", "×", "log-likelihood", "s", "CPU s"], rows);
  const { width, height } = pictures[0][0];
  const data = new Uint8Array(2 * height * width * pictures.length);
  for (const [k, pair] of pictures.entries())
    for (const [r, p] of pair.entries())
      for (let y = 0; y < height; y++)
        data.set(p.data.subarray(y * width, (y + 1) * width), (r * height + y) * width * pictures.length + k * width);
  const folder = join(root, "dist/.bench");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "atlas-counts.png"), ours.png({ width: width * pictures.length, height: 2 * height, channels: 1, data }));
  console.log(`\nmeans of ${o.counts} images, rigid above, diffeomorphic below: ${join(folder, "atlas-counts.png")}`);
}

async function timed(ours, name, paths, _, report) {
  const images = [];
  for (const p of paths) images.push(await ours.gray(p));
  const { result, seconds, cpu } = await measured(() => ours.buildAtlas(images));
  report(
    `${name}: ${images.length} images`,
    ["model", "sharpness", "×", "s", "CPU s"],
    result.stages.map((s, k) => [
      s.model,
      s.sharpness.toExponential(2),
      (s.sharpness / result.stages[0].sharpness).toFixed(2),
      ...(k === result.stages.length - 1 ? [seconds.toFixed(1), cpu.toFixed(1)] : ["", ""]),
    ]),
  );
}
