// The page in a browser beside the command line: the same pair, the same options, in turn.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { registrationData } from "./data.mjs";
import { heading, machine, median, root, table } from "./machine.mjs";

const help = `npm run bench -- page [options]
  --reps N         repetitions of each side, in turn (default 3)
  --cases LIST     of ${"rigid, affine, diffeo"} (default all)
  --threads N      of both sides (default: as many as cores)
  --no-save        print only, leave bench/results alone`;

/** Pairs of real heads. */
const cases = {
  rigid: { files: ["rigid3d_known/mni_t1_fixed.nii.gz", "rigid3d_known/mni_t1_moving0.nii.gz"], preset: "rigid" },
  affine: { files: ["brain3d_oasis/A.nii.gz", "brain3d_oasis/B.nii.gz"], preset: "affine" },
  diffeo: { files: ["brain3d_oasis/A.nii.gz", "brain3d_oasis/B.nii.gz"], preset: "diffeo" },
};

/** Debian's chromium, or the one named by CHROMIUM_PATH. */
function browserPath() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  return (process.env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) => [join(folder, "chromium"), join(folder, "chromium-browser")])
    .find((file) => existsSync(file));
}

/** The command line: seconds from start to end, and of the processor. */
async function commandLine(paths, preset, threads, at) {
  const cpu = join(at, "cpu.json");
  const told = `import{writeFileSync}from"node:fs";process.on("exit",()=>writeFileSync(${JSON.stringify(cpu)},JSON.stringify(process.cpuUsage())))`;
  const out = join(at, "cli");
  rmSync(out, { recursive: true, force: true });
  const began = performance.now();
  const args = ["--import", `data:text/javascript,${encodeURIComponent(told)}`, join(root, "dist/cli/main.js"), "register", ...paths];
  const child = spawn(process.execPath, [...args, "-o", `${out}/`, "--preset", preset, "--threads", threads, "--json"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let stdout = "";
  child.stdout.on("data", (d) => (stdout += d));
  await new Promise((done) => child.once("close", done));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = JSON.parse(readFileSync(cpu, "utf8"));
  const { reason } = JSON.parse(stdout);
  if (!existsSync(join(out, "transform.json"))) throw new Error(`the command line: ${reason}`);
  return { seconds, cpu: (user + system) / 1e6 };
}

/** The page: seconds from the click on Run to the files, and to the images on the screen; of the processors of the whole browser. */
async function inPage(browser, url, paths, preset, threads, at) {
  const system = await browser.newBrowserCDPSession();
  const cpu = async () => (await system.send("SystemInfo.getProcessInfo")).processInfo.reduce((s, p) => s + p.cpuTime, 0);
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  try {
    await page.goto(`${url}#register`);
    const panel = page.locator("#panel-register");
    await panel.getByText("Threads and memory").click();
    await panel.getByLabel("Threads", { exact: true }).fill(threads);
    await panel.getByLabel("Threads", { exact: true }).blur();
    await panel.getByLabel("Preset").selectOption(preset);
    for (const [label, file] of [
      ["Fixed image", paths[0]],
      ["Moving image", paths[1]],
    ])
      await panel.getByLabel(label, { exact: false }).first().setInputFiles(file);
    // Both images are drawn as they came before anybody runs.
    await panel.getByText("A start by hand").waitFor({ timeout: 300_000 });
    await page.waitForTimeout(1500);
    const from = await cpu();
    const began = performance.now();
    await panel.locator("button.main:enabled").click();
    const ended = panel.locator(".result .verdict").or(panel.locator("[role=alert]:visible")).first();
    await ended.waitFor({ timeout: 900_000 });
    const files = (performance.now() - began) / 1000;
    await panel.locator(".result[data-shown]").waitFor({ timeout: 120_000 });
    const seen = (performance.now() - began) / 1000;
    const spent = (await cpu()) - from;
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      panel.locator(".result .files button", { hasText: "transform.json" }).first().click(),
    ]);
    writeFileSync(join(at, "page-transform.json"), readFileSync(await file.path()));
    return { seconds: files, seen, cpu: spent, note: await panel.locator(".result .note").first().textContent() };
  } finally {
    await page.close();
    await system.detach();
  }
}
/** The largest difference of the numbers in two transforms, beside the larger of 1 and their size. */
function farthest(a, b) {
  const numbers = (path) => [...readFileSync(path, "utf8").matchAll(/-?\d+(?:\.\d+)?(?:e-?\d+)?/gi)].map(Number);
  const [x, y] = [numbers(a), numbers(b)];
  return x.length === y.length ? Math.max(...x.map((v, k) => Math.abs(v - y[k]) / Math.max(1, Math.abs(y[k])))) : Number.NaN;
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      help: { type: "boolean" },
      reps: { type: "string", default: "3" },
      cases: { type: "string", default: Object.keys(cases).join(",") },
      threads: { type: "string", default: String(availableParallelism()) },
      "no-save": { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  const chosen = o.cases.split(",").filter((name) => cases[name]?.files.every((f) => existsSync(registrationData(f))));
  const executablePath = browserPath();
  let chromium;
  try {
    ({ chromium } = await import("playwright-core"));
  } catch {}
  if (chosen.length === 0 || !executablePath || !chromium) {
    console.log(
      chosen.length === 0
        ? "bench page: no such case, or the data are absent (PULLBACK_DATA)"
        : "bench page: no chromium (on PATH, or named by CHROMIUM_PATH)",
    );
    return 0;
  }
  const m = machine(`npm run bench -- page ${args.join(" ")}`.trim());
  const at = mkdtempSync(join(tmpdir(), "pullback-bench-"));
  const served = spawn(process.execPath, [join(root, "dist/cli/main.js"), "serve", "--no-open", "--json", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise((resolve) => served.stdout.once("data", (d) => resolve(JSON.parse(String(d)).url)));
  const launch =
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader";
  const browser = await chromium.launch({ executablePath, headless: true, args: launch.split(" ") });
  try {
    const rows = [];
    for (const name of chosen) {
      const { files, preset } = cases[name];
      const paths = files.map((f) => registrationData(f));
      const [cli, page] = [[], []];
      for (let k = 0; k < Number(o.reps); k++) {
        cli.push(await commandLine(paths, preset, o.threads, at));
        page.push(await inPage(browser, url, paths, preset, o.threads, at));
      }
      const of = (runs, key) => median(runs.map((r) => r[key]));
      // A linear transform's numbers are in the file; a deformation's beside it, as binary samples.
      const apart = readdirSync(join(at, "cli")).some((f) => /^displacement/.test(f))
        ? "–"
        : farthest(join(at, "page-transform.json"), join(at, "cli/transform.json")).toExponential(1);
      rows.push([
        `${name}, ${files[0].split("/")[0]}`,
        of(cli, "seconds").toFixed(1),
        of(page, "seconds").toFixed(1),
        of(page, "seen").toFixed(1),
        (of(page, "seconds") / of(cli, "seconds")).toFixed(2),
        of(cli, "cpu").toFixed(1),
        of(page, "cpu").toFixed(1),
        (of(page, "cpu") / of(cli, "cpu")).toFixed(2),
        apart,
      ]);
      console.log(rows.at(-1).join("  "));
    }
    const text = [
      ...heading("The page beside the command line", m, [
        `${browser.version()} without a graphics card, ${o.threads} threads on both sides, ${o.reps} runs of each in turn, medians`,
        "command line: process start to exit; page: from the click on Run to the files, and to the images drawn; goal: ratio of at most 1.3",
        "processor seconds are of the whole browser, drawing included; on a loaded machine read their ratio rather than the times",
        "apart: the largest difference of a number of the two transform.json, as a share of the larger of 1 and its size",
      ]),
      ...table(["case", "command line, s", "page, s", "seen, s", "ratio", "its processor s", "page's processor s", "ratio", "apart"], rows),
      "",
    ].join("\n");
    console.log(text);
    if (!o["no-save"]) writeFileSync(join(root, "bench/results/page.md"), text);
    return 0;
  } finally {
    await browser.close();
    served.kill("SIGINT");
    rmSync(at, { recursive: true, force: true });
  }
}
