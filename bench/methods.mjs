// The programs a registration bench runs. Each method answers the same questions about a pair: how long it took, where points go,
// and which displacement field it wrote (LPS mm, on the fixed grid). Scores are computed from these by score.mjs.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { readImage, readPoints, writeMetaImage, writePoints } from "./images.mjs";
import { root } from "./machine.mjs";
import { zeroField } from "./score.mjs";

/** Run a program to its end. @returns { code, stdout, stderr, wall, cpu } with seconds from start to exit */
export function execute(command, args, { cwd } = {}) {
  return new Promise((resolve) => {
    const t0 = performance.now();
    // bash's `time` adds the processor seconds of the child as the last line of stderr.
    const child = spawn("bash", ["-c", 'TIMEFORMAT="%U %S"; time "$@"', "bench", command, ...args], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (b) => (stdout += b));
    child.stderr.on("data", (b) => (stderr += b));
    child.on("close", (code) => {
      const lines = stderr.trimEnd().split("\n");
      const cpu = lines
        .pop()
        .split(" ")
        .reduce((s, v) => s + Number(v), 0);
      resolve({ code, stdout, stderr: lines.join("\n"), wall: (performance.now() - t0) / 1000, cpu });
    });
  });
}

/** Drop a third axis of one voxel: a picture that was kept in a 3-D format. A field has as many components as axes. */
function toDimension(image, d) {
  if (image.components !== d) throw new Error(`bench: a displacement field of ${image.components} components came, expected ${d}`);
  if (image.size.length === d) return image;
  const keep = (v) => v.slice(0, d);
  const direction = Array.from({ length: d * d }, (_, k) => image.direction[Math.floor(k / d) * image.size.length + (k % d)]);
  return { ...image, size: keep(image.size), spacing: keep(image.spacing), origin: keep(image.origin), direction };
}

/** Nothing moves: what the data start from. */
export const identity = {
  name: "identity",
  run: async ({ fixed }) => ({
    status: "ok",
    seconds: 0,
    wall: 0,
    cpu: 0,
    points: async (points) => points,
    field: async () => zeroField(readImage(fixed)),
  }),
};

/** Of an image, or of a table of points by its header. */
const dimensionOf = (path) =>
  path.endsWith(".csv") ? readFileSync(path, "utf8").split("\n", 1)[0].split(",").length : readImage(path).size.length;

/** Our command line, as a user calls it. `args` are the options of `register`. */
export function pullback(args) {
  const main = join(root, "dist/cli/main.js");
  const call = async (...words) => {
    const r = await execute(process.execPath, [main, ...words]);
    if (r.code !== 0 && r.code !== 4) throw new Error(`pullback ${words[0]}: exit ${r.code}: ${r.stderr.trim().split("\n").at(-1)}`);
    return r;
  };
  return {
    name: "pullback",
    available: () => existsSync(main),
    run: async ({ fixed, moving }, folder, { threads }) => {
      const out = join(folder, "out");
      rmSync(out, { recursive: true, force: true });
      const r = await call("register", fixed, moving, "-o", out, "--json", "--threads", String(threads), ...args);
      const json = JSON.parse(r.stdout);
      const transform = join(out, "transform.json");
      const d = dimensionOf(fixed);
      return {
        status: json.status,
        reason: json.reason,
        told: json,
        seconds: json.seconds?.total ?? r.wall,
        wall: r.wall,
        cpu: r.cpu,
        outputs: json.outputs,
        points: async (points) => {
          const [from, to] = [join(folder, "points.csv"), join(folder, "mapped.csv")];
          rmSync(to, { force: true });
          writePoints(from, points);
          await call("apply", from, "--transform", transform, "--to", "moving", "-o", to);
          return readPoints(to, ["x", "y", "z"].slice(0, d));
        },
        field: async () => {
          const written = readdirSync(out).find((f) => /(field|displacement).*\.(nii(\.gz)?|mha)$/i.test(f) && !/inverse/i.test(f));
          if (written) return toDimension(readImage(join(out, written)), d);
          const file = join(folder, "field.nii.gz");
          rmSync(file, { force: true });
          await call("transform", "field", transform, "-o", file);
          return toDimension(readImage(file), d);
        },
      };
    },
  };
}

/** elastix with parameter files of bench/peers/elastix, one after the other. */
export function elastix(stages) {
  return {
    name: "elastix",
    run: async ({ fixed, moving }, folder, { threads }) => {
      mkdirSync(folder, { recursive: true });
      // Pictures are handed over as MetaImage (not timed): ITK reads palettes as colours.
      const plain = (file) => {
        if (/\.(nii(\.gz)?|mha)$/.test(file)) return file;
        const to = join(folder, `${basename(file)}.mha`);
        if (!existsSync(to)) writeMetaImage(to, readImage(file));
        return to;
      };
      const parameters = stages.flatMap((s) => ["-p", join(root, "bench/peers/elastix", `${s}.txt`)]);
      const args = ["-f", plain(fixed), "-m", plain(moving), ...parameters, "-out", folder, "-threads", String(threads)];
      const r = await execute("elastix", args);
      if (r.code !== 0) {
        const said = r.stdout.split("\n").filter((l) => /ERROR|not installed|exception/i.test(l));
        throw new Error(`elastix: exit ${r.code}: ${said[0]?.trim() ?? "no reason given"}`);
      }
      const last = join(folder, `TransformParameters.${stages.length - 1}.txt`);
      writeFileSync(
        last,
        readFileSync(last, "utf8").replace(/\((ResultImageFormat|CompressResultImage) .*\)\n/g, "") +
          '(ResultImageFormat "mha")\n(CompressResultImage "false")\n',
      );
      const transformix = async (what) => {
        const t = await execute("transformix", ["-def", what, "-tp", last, "-out", folder, "-threads", String(threads)]);
        if (t.code !== 0) throw new Error(`transformix: exit ${t.code}`);
      };
      return {
        status: "ok",
        seconds: r.wall,
        wall: r.wall,
        cpu: r.cpu,
        points: async (points) => {
          const file = join(folder, "points.txt");
          writeFileSync(file, ["point", points.length, ...points.map((p) => p.join(" ")), ""].join("\n"));
          await transformix(file);
          const text = readFileSync(join(folder, "outputpoints.txt"), "utf8");
          return [...text.matchAll(/OutputPoint = \[([^\]]*)\]/g)].map((m) => m[1].trim().split(/\s+/).map(Number));
        },
        field: async () => {
          await transformix("all");
          return readImage(join(folder, "deformationField.mha"));
        },
      };
    },
  };
}
