/**
 * Two registrations of real heads on this machine, with the command line and nothing else:
 *  1. one person's second visit onto the first, rigid
 *  2. a standard head onto that person, affine and diffeomorphic, and its Talairach labels carried over
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { prepare } from "./data.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "out");
const shown = (path) => relative(process.cwd(), path);

/** Runs one command of the command line, shows it as one would type it, and returns what its --json says. */
function pullback(...args) {
  console.log(`\n  pullback ${args.map((a) => (existsSync(dirname(a)) && a.startsWith(here) ? shown(a) : a)).join(" ")}`);
  const run = spawnSync(process.execPath, [join(here, "../dist/cli/main.js"), ...args, "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 26,
  });
  if (run.status !== 0) {
    console.error(`  ended with status ${run.status ?? run.signal}`);
    process.exit(1);
  }
  return JSON.parse(run.stdout);
}

const start = performance.now();
const data = prepare();

console.log("\n1. The same person at two visits: where did the head lie the second time?");
const visits = pullback("register", data.visit1, data.visit2, "-o", join(out, "visits"), "--preset", "rigid", "--force");

console.log("\n2. A standard head onto this person, and its labels with it");
const colin = pullback("register", data.visit1, data.colin27, "-o", join(out, "colin27"), "--preset", "diffeo", "--force");
const carried = join(out, "labels-on-visit1.nii.gz");
pullback(
  "apply",
  data.labels,
  "--transform",
  join(out, "colin27/transform.json"),
  "--to",
  "fixed",
  "--interp",
  "label",
  "-o",
  carried,
  "--force",
);

console.log(`
Done in ${Math.round((performance.now() - start) / 1000)} s. Open in a browser:

  ${shown(join(out, "visits/report.html"))}     ${visits.status}: ${visits.reason ?? ""}
  ${shown(join(out, "colin27/report.html"))}    ${colin.status}: ${colin.reason ?? ""}

and ${shown(carried)} over ${shown(data.visit1)} in any viewer of NIfTI images.`);
