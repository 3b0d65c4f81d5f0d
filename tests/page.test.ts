import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { request, type Server } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRaw } from "../src/io/index.js";
import { root } from "./built.js";
import { browserPath, builtPage, launch, plainServer } from "./support/browser.js";
import { folder, pullback } from "./support/cli.js";
import { blobs, picture, put } from "./support/data.js";
import { dicomSlice } from "./support/dicom.js";

/** The page as people meet it: served by `pullback serve`, or by any web server. */
let page: string;
let served: ChildProcess;
let url: string;
const at = folder();

beforeAll(async () => {
  page = await builtPage();
  served = spawn(process.execPath, [join(root, "dist/cli/main.js"), "serve", "--no-open", "--json", "--port", "0"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  url = await new Promise((resolve, reject) => {
    served.stdout?.once("data", (d) => resolve(JSON.parse(String(d)).url));
    served.once("exit", (code) => reject(new Error(`serve ended with ${code}`)));
  });
}, 300_000);
afterAll(() => {
  served?.kill("SIGINT");
});

describe("pullback serve", () => {
  /** The answer to a request that is written as it stands. */
  const ask = (path: string, o: { method?: string; headers?: Record<string, string>; body?: string } = {}) =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
      const { port } = new URL(url);
      const r = request({ host: "127.0.0.1", port, path, method: o.method ?? "GET", headers: o.headers }, (response) => {
        let body = "";
        response.on("data", (d) => (body += d));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      });
      r.on("error", reject);
      r.end(o.body);
    });
  const own = () => new URL(url).pathname;

  test("answers below its token only, and isolates the page so that threads may share memory", async () => {
    const { status, headers, body } = await ask(own());
    expect(status).toBe(200);
    expect(body).toContain("<title>Pullback</title>");
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
    expect(headers["cross-origin-embedder-policy"]).toBe("require-corp");
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect((await ask("/")).status).toBe(403);
    expect((await ask("/index.html")).status).toBe(403);
    expect((await ask(`${own().slice(0, -2)}/`)).status).toBe(403);
  });
  test("no path leads out of its folder", async () => {
    for (const path of [
      "../package.json",
      "..%2fpackage.json",
      "%2e%2e/package.json",
      "assets/../../cli/main.js",
      "..\\package.json",
      "%00",
      "//etc/passwd",
      "/etc/passwd",
      "%",
    ]) {
      const { status, body } = await ask(own() + path);
      expect([path, status]).toEqual([path, 404]);
      expect(body).not.toContain('pullback"');
    }
  });
  test("takes nothing: bodies, other methods and other hosts are refused", async () => {
    expect((await ask(own(), { method: "POST", body: "x".repeat(10) })).status).toBe(413);
    expect((await ask(own(), { method: "DELETE" })).status).toBe(405);
    expect((await ask(own(), { headers: { Host: "example.org" } })).status).toBe(421);
  });
  test("says in words that a port is taken", async () => {
    const { code, json } = await pullback(["serve", "--no-open", "--json", "--port", new URL(url).port]);
    expect(code).toBe(1);
    expect(json.reason).toMatch(/another program listens there; choose another, or 0/);
  });
  test("Ctrl-C ends it well", async () => {
    const { code, stdout } = await pullback(["serve", "--no-open", "--port", "0"], {
      during: (child) => child.stdout?.once("data", () => child.kill("SIGINT")),
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{20,}\/\n$/);
  });
});

describe("sizes", () => {
  const files = () =>
    (readdirSync(page, { recursive: true, encoding: "utf8" }) as string[]).filter((f) => statSync(join(page, f)).isFile());
  const gzipped = (names: readonly string[]) => names.reduce((n, f) => n + gzipSync(readFileSync(join(page, f))).length, 0);

  test("what loads first is below 60 kB gzipped", () => {
    const html = readFileSync(join(page, "index.html"), "utf8");
    const first = ["index.html", ...[...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((m) => m[1])];
    expect(first.length).toBeGreaterThan(3);
    expect(gzipped(first)).toBeLessThan(60_000);
  });
  test("nothing in it points anywhere else", () => {
    const outside = files()
      .filter((f) => /\.(js|css|html)$/.test(f))
      .flatMap((f) =>
        [
          ...readFileSync(join(page, f), "utf8").matchAll(
            /(?:fetch|import|importScripts)\(\s*["'`](https?:[^"'`]+)|(?:src|href)="(https?:[^"]+)/g,
          ),
        ].map((m) => `${f}: ${m[0]}`),
      );
    expect(outside).toEqual([]);
  });
  test("the package brings the page, and nothing of its making", () => {
    const [{ files: packed }] = JSON.parse(
      execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    );
    const names = (packed as { path: string }[]).map((f) => f.path);
    expect(names).toContain("dist/page/index.html");
    expect(names.filter((n) => /^app\/|\.building/.test(n))).toEqual([]);
  });
});

const executablePath = browserPath();
if (!executablePath) console.log("No chromium (on PATH, or named by CHROMIUM_PATH): the page is not tried in a browser.");

describe.skipIf(!executablePath)("in a browser", { timeout: 300_000 }, () => {
  let browser: Browser;
  let context: BrowserContext;
  const servers: Server[] = [];
  const faults: string[] = [];

  beforeAll(async () => {
    browser = await launch(executablePath as string);
    context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  });
  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.close();
  });

  /** A tab of the page. Whatever it asks of the network beyond its own server, and every error, is kept in `faults`. */
  const open = async (tab: string, address = url): Promise<Page> => {
    const p = await context.newPage();
    p.on("request", (r) => {
      if (!r.url().startsWith(address) && !/^(blob|data):/.test(r.url())) faults.push(`asked for ${r.url()}`);
    });
    p.on("pageerror", (e) => faults.push(String(e)));
    p.on("console", (m) => {
      if (m.type() === "error") faults.push(m.text());
    });
    await p.goto(`${address}#${tab}`);
    return p;
  };
  const panel = (p: Page, tab: string) => p.locator(`#panel-${tab}`);
  const give = (p: Page, tab: string, label: string, files: string | string[]) =>
    panel(p, tab).getByLabel(label, { exact: false }).first().setInputFiles(files);
  const run = async (p: Page, tab: string) => {
    await panel(p, tab).locator("button.main:enabled").click();
    await panel(p, tab)
      .locator(".result[data-shown]")
      .or(panel(p, tab).locator("[role=alert]:visible"))
      .first()
      .waitFor({ timeout: 110_000 });
  };
  /** A file of the result, as the page hands it to the person. */
  const download = async (p: Page, tab: string, name: string): Promise<Buffer> => {
    const [file] = await Promise.all([
      p.waitForEvent("download"),
      panel(p, tab).locator(".result .files button", { hasText: name }).first().click(),
    ]);
    expect(file.suggestedFilename()).toBe(name);
    return readFileSync(await file.path());
  };
  const wrong = () => faults.splice(0);
  /** What a program says that runs in a folder; it lies in the checkout, so that "pullback/…" is what was built. */
  const execute = (code: string, cwd: string): string => {
    const file = join(root, "dist", ".copied.mjs");
    writeFileSync(file, code);
    return execFileSync(process.execPath, [file], { cwd, encoding: "utf8" });
  };
  /** Two frames later: the first one draws what was asked for. */
  const drawn = (p: Page) => p.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

  test("two volumes are dropped, aligned, looked at and downloaded; the transform is the command line's", async () => {
    const size = [28, 26, 24];
    const moving = blobs(size, [2, -1, 1]);
    // Brighter where it is bright, so that the two can be told apart even when they lie on each other.
    const bright = { ...moving, data: Float32Array.from(moving.data as Float32Array, (v) => v + (v * v) / 150) };
    const paths = put(at, { "f.nii.gz": blobs(size), "m.nii.gz": moving, "bright.nii.gz": bright });
    const p = await open("register");
    let loaded = 0;
    p.on("response", async (r) => {
      if (r.url().startsWith(url))
        loaded += gzipSync(readFileSync(join(page, decodeURI(r.url().slice(url.length).split("#")[0]) || "index.html"))).length;
    });
    await give(p, "register", "Fixed image", paths["f.nii.gz"]);
    await give(p, "register", "Moving image", paths["bright.nii.gz"]);
    await panel(p, "register").getByLabel("Preset").selectOption("affine");
    await expect
      .poll(() => panel(p, "register").locator("code.command").first().textContent())
      .toBe("pullback register f.nii.gz bright.nii.gz -o out/ --preset affine");
    await run(p, "register");
    expect(await panel(p, "register").locator(".result .verdict").textContent()).toMatch(/^Good/);
    // Looking: each way draws, and the drawings differ.
    const seen = new Set<string>();
    for (const mode of ["layer-0", "layer-1", "layer-2", "overlay", "checker", "curtain", "difference", "edges"]) {
      await panel(p, "register").locator(`.result input[value=${mode}]`).check({ force: true });
      await drawn(p);
      seen.add(
        await panel(p, "register")
          .locator(".result canvas")
          .first()
          .evaluate((c) => (c as HTMLCanvasElement).toDataURL()),
      );
    }
    expect(seen.size).toBe(8);
    await panel(p, "register").locator(".result input[value=grid]").check({ force: true });
    await drawn(p);
    expect(await panel(p, "register").locator(".result path.warped").count()).toBe(3);
    await panel(p, "register").locator(".result").getByText("In three dimensions").click();
    const solid = panel(p, "register").locator(".result .volume canvas, .result .solid .note:has-text('WebGL')").first();
    await solid.waitFor({ timeout: 100_000 }); // drawn by software where there is no graphics card
    if ((await solid.evaluate((e) => e.tagName)) === "CANVAS") {
      await expect
        .poll(() => solid.evaluate((c) => new Set(atob((c as HTMLCanvasElement).toDataURL().split(",")[1])).size), { timeout: 30_000 })
        .toBeGreaterThan(100);
      expect(await solid.evaluate((c) => (c as HTMLCanvasElement).toDataURL().length)).toBeGreaterThan(4000); // more than one colour
    }
    // Everything that the command writes, and the same numbers in it.
    const { json } = await pullback([
      "register",
      paths["f.nii.gz"],
      paths["bright.nii.gz"],
      "-o",
      join(at, "cli/"),
      "--preset",
      "affine",
      "--json",
    ]);
    const names = await panel(p, "register").locator(".result .files button").allTextContents();
    expect([...names].sort()).toEqual(readdirSync(join(at, "cli")).sort());
    const numbersOf = (text: string): number[] => [...text.matchAll(/-?\d+(?:\.\d+)?(?:e-?\d+)?/gi)].map(Number);
    const [ours, theirs] = [
      String(await download(p, "register", "transform.json")),
      readFileSync(join(at, "cli/transform.json"), "utf8"),
    ].map(numbersOf);
    expect(ours.length).toBeGreaterThan(11);
    expect(ours.length).toBe(theirs.length);
    for (const [k, v] of theirs.entries()) expect(Math.abs(ours[k] - v)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(v)));
    const [warped, cli] = [
      readRaw(await download(p, "register", "warped.nii.gz"), "warped.nii.gz"),
      readRaw(readFileSync(join(at, "cli/warped.nii.gz")), "warped.nii.gz"),
    ];
    const worst = Math.max(...Array.from(warped.data as Float32Array, (v, i) => Math.abs(v - Number(cli.data[i]))));
    expect(worst).toBeLessThanOrEqual(1e-5 * 330 * 10); // values to 330, slopes of about ten gray levels a voxel
    const pageRun = JSON.parse(String(await download(p, "register", "run.json")));
    const cliRun = JSON.parse(readFileSync(join(at, "cli/run.json"), "utf8"));
    expect([pageRun.inputs.fixed.sha256, pageRun.inputs.moving.sha256]).toEqual([cliRun.inputs.fixed.sha256, cliRun.inputs.moving.sha256]);
    expect(String(await download(p, "register", "report.html"))).toContain("<!doctype html>");
    expect(json.status).toBe("ok");
    // The worker with engine and kernels, and the pieces of this one task.
    expect(loaded).toBeGreaterThan(100_000);
    expect(loaded).toBeLessThan(400_000);
    expect(wrong()).toEqual([]);
    await p.close();
  });

  test("a DICOM folder is a volume, as on the command line", async () => {
    const size = [24, 22, 12];
    const there = folder();
    const volume = blobs(size);
    const files = Array.from({ length: size[2] }, (_, z) => {
      const pixels = Uint16Array.from({ length: 24 * 22 }, (_, i) => Math.round(Number(volume.data[z * 24 * 22 + i])));
      const path = join(there, `slice-${z}.dcm`);
      writeFileSync(
        path,
        dicomSlice({ series: "1.2.3.4.5", z: 2.5 * z, number: z + 1, pixels, rows: 22, columns: 24, slope: 1, intercept: 0 }),
      );
      return path;
    });
    const [moving] = [join(there, "moving.nii.gz")];
    await pullback(["convert", there, "-o", moving]).then(({ code, stderr }) => expect([code, stderr]).toEqual([0, expect.any(String)]));
    const p = await open("register");
    await give(p, "register", "Fixed image", files);
    await give(p, "register", "Moving image", moving);
    await panel(p, "register").getByLabel("Preset").selectOption("translation");
    await run(p, "register");
    expect(await panel(p, "register").locator("[role=alert]:visible").allTextContents()).toEqual([]);
    // The same volume twice: in the same place to a thousandth of a voxel, by the whole files and not only by their heads.
    const told = JSON.parse(String(await download(p, "register", "run.json")));
    expect(told.verdict.level).toBe("good");
    const { forward } = JSON.parse(String(await download(p, "register", "transform.json")));
    for (const v of forward[0].offset) expect(Math.abs(v)).toBeLessThan(0.01);
    expect(wrong()).toEqual([]);
    await p.close();
  });

  test("the code that it hands out is a program that finds the same transform", async () => {
    const p = await open("register");
    await give(p, "register", "Fixed image", join(at, "f.nii.gz"));
    await give(p, "register", "Moving image", join(at, "m.nii.gz"));
    await panel(p, "register").getByLabel("Preset").selectOption("affine");
    await panel(p, "register").getByLabel("Metric").selectOption("ncc");
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await panel(p, "register").getByRole("button", { name: "Copy as code" }).click();
    const code = await p.evaluate(() => navigator.clipboard.readText());
    await p.close();
    const here = folder();
    for (const name of ["f.nii.gz", "m.nii.gz"]) writeFileSync(join(here, name), readFileSync(join(at, name)));
    expect(execute(code, here)).toMatch(/^ok /);
    await pullback(["register", "f.nii.gz", "m.nii.gz", "-o", "cli/", "--preset", "affine", "--metric", "ncc"], { cwd: here });
    expect(JSON.parse(readFileSync(join(here, "transform.json"), "utf8"))).toEqual(
      JSON.parse(readFileSync(join(here, "cli/transform.json"), "utf8")),
    );
    expect(wrong()).toEqual([]);
  });

  test("landmarks tell how far the transform misses them, and can be given to the run", async () => {
    const p = await open("register");
    await give(p, "register", "Fixed image", join(at, "f.nii.gz"));
    await give(p, "register", "Moving image", join(at, "m.nii.gz"));
    await panel(p, "register").getByText("The images as they came, and landmarks").click();
    const slice = (viewer: string, plane: string) => panel(p, "register").getByLabel(`${viewer}: ${plane} slice`);
    await slice("Moving, as it came", "axial").waitFor();
    // fixed(p) = moving(p + shift): the partner of the middle lies at + (2, −1, 1) voxels; axial is z, coronal y, sagittal x.
    const nudge = async (plane: string, by: number) => {
      const input = slice("Moving, as it came", plane);
      await input.focus();
      for (let k = 0; k < Math.abs(by); k++) await p.keyboard.press(by > 0 ? "ArrowRight" : "ArrowLeft");
    };
    await nudge("sagittal", 2);
    await nudge("coronal", -1);
    await nudge("axial", 1);
    await panel(p, "register").getByRole("button", { name: "Add a pair" }).click();
    const said = panel(p, "register").getByText(/1 pair; mean distance/);
    expect(await said.textContent()).toContain(Math.sqrt(6).toFixed(2));
    await panel(p, "register").getByLabel("Use them in the run").check();
    expect(await panel(p, "register").locator("code.command").first().textContent()).toContain(
      "--fixed-points fixed-points.csv --moving-points moving-points.csv",
    );
    await panel(p, "register").getByLabel("Use them in the run").uncheck();
    await panel(p, "register").getByLabel("Preset").selectOption("translation");
    await run(p, "register");
    // What made the pair is a shift, so the transform hits the partner; a tenth of a voxel is what a soft picture of this size gives.
    expect(Number(await panel(p, "register").locator("td.tre").textContent())).toBeLessThan(0.1);
    expect(wrong()).toEqual([]);
    await p.close();
  });

  test("a run that takes long is cancelled at once, and another one can follow", async () => {
    const p = await open("register");
    await panel(p, "register").getByRole("button", { name: "Try an example" }).click();
    await panel(p, "register").getByLabel("Preset").selectOption("diffeo");
    await panel(p, "register").locator("button.main:enabled").click();
    await panel(p, "register")
      .getByText(/iteration \d+/)
      .waitFor({ timeout: 60_000 });
    await panel(p, "register").getByRole("button", { name: "Cancel" }).click();
    // Already there when the click returns: the worker is ended, not asked.
    expect(await panel(p, "register").locator("[role=alert]:visible").textContent()).toBe("Cancelled; nothing was written");
    expect(await panel(p, "register").locator(".result").textContent()).toBe("");
    await panel(p, "register").getByLabel("Preset").selectOption("translation");
    await run(p, "register");
    expect(await panel(p, "register").locator(".result .verdict").count()).toBe(1);
    await p.getByRole("tab", { name: "Runs" }).click();
    expect(await panel(p, "runs").locator(".kept").count()).toBe(2);
    expect(await panel(p, "runs").textContent()).toContain("cancelled");
    expect(wrong()).toEqual([]);
    await p.close();
  });

  test("a bad file and too little memory are refused in one sentence, as on the command line", async () => {
    const whole = readFileSync(join(at, "f.nii.gz"));
    writeFileSync(join(at, "cut.nii.gz"), whole.subarray(0, Math.floor(whole.length / 2)));
    const p = await open("register");
    await give(p, "register", "Fixed image", join(at, "f.nii.gz"));
    await give(p, "register", "Moving image", join(at, "cut.nii.gz"));
    await run(p, "register");
    const { json } = await pullback(["register", "f.nii.gz", "cut.nii.gz", "-o", "never/", "--json"], { cwd: at });
    const sentence = (await panel(p, "register").locator("[role=alert]:visible").textContent()) ?? "";
    expect(sentence).toMatch(/cut\.nii\.gz.*(truncated|end early|damaged)/i);
    expect(json.reason).toMatch(/cut\.nii\.gz.*(truncated|end early|damaged)/i);
    await give(p, "register", "Moving image", join(at, "m.nii.gz"));
    await panel(p, "register").getByText("Threads and memory").click();
    await panel(p, "register").getByLabel("Most memory (MB)").fill("1");
    await panel(p, "register").getByLabel("Most memory (MB)").blur();
    await panel(p, "register").locator("button.main:enabled").click();
    await panel(p, "register").getByText(/MB/).and(panel(p, "register").locator("[role=alert] p")).waitFor({ timeout: 60_000 });
    expect(await panel(p, "register").locator("[role=alert]:visible").textContent()).toMatch(/downsample|crop/);
    expect(wrong()).toEqual([]);
    await p.close();
  });

  test("a picture is restored as on the command line, and shown with what was taken away", async () => {
    const random = (k: number) => ((Math.imul(k + 1, 2654435761) >>> 8) % 41) - 20;
    const clean = picture([64, 56]);
    const noisy = { ...clean, data: Uint8Array.from(clean.data as Uint8Array, (v, k) => Math.min(255, Math.max(0, v + random(k)))) };
    const paths = put(at, { "noisy.png": noisy });
    const p = await open("restore");
    await give(p, "restore", "Image", paths["noisy.png"]);
    await panel(p, "restore").getByLabel("Prior").selectOption("tv");
    await panel(p, "restore").getByLabel("Lambda", { exact: true }).fill("0.08");
    await run(p, "restore");
    await pullback(["denoise", paths["noisy.png"], "--prior", "tv", "--lambda", "0.08", "-o", join(at, "clean/")]);
    // Packed by other programs, so that the bytes of the files differ; not the pixels, but for a rounding where f32 sums are ordered otherwise.
    const pixels = (bytes: Uint8Array) => Array.from(readRaw(bytes, "restored.png").data as Uint8Array);
    const [ours, theirs] = [pixels(await download(p, "restore", "restored.png")), pixels(readFileSync(join(at, "clean/restored.png")))];
    expect(ours.length).toBe(64 * 56);
    expect(Math.max(...ours.map((v, i) => Math.abs(v - theirs[i])))).toBeLessThanOrEqual(1);
    expect(await panel(p, "restore").locator(".result .stack canvas").count()).toBe(2);
    // The program it hands out restores the same pixels.
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await panel(p, "restore").getByRole("button", { name: "Copy as code" }).click();
    expect(execute(await p.evaluate(() => navigator.clipboard.readText()), at)).toMatch(/^ok /);
    expect(pixels(readFileSync(join(at, "restored.png")))).toEqual(theirs);
    expect(wrong()).toEqual([]);
    await p.close();
  });

  test("the homography of two pictures is the command line's, and three views make a mosaic", async () => {
    const p = await open("pictures");
    await panel(p, "pictures").getByRole("button", { name: "Try an example" }).click();
    await run(p, "pictures");
    const result = JSON.parse(String(await download(p, "pictures", "result.json")));
    expect(result.status).toBe("ok");
    expect(
      await panel(p, "pictures")
        .locator(".result img.wide-picture")
        .evaluate((i) => (i as HTMLImageElement).naturalWidth),
    ).toBeGreaterThan(100);
    await panel(p, "pictures").getByLabel("What to do").selectOption("mosaic");
    await panel(p, "pictures").getByRole("button", { name: "Try an example" }).click();
    await run(p, "pictures");
    expect(await panel(p, "pictures").locator(".result .verdict").textContent()).toMatch(/^Good/);
    expect(await panel(p, "pictures").locator(".result .stack canvas").count()).toBe(1);
    expect(wrong()).toEqual([]);
    await p.close();
  });

  test.each([
    ["reconstruct", undefined, 1],
    ["reconstruct", "mr", 1],
    ["series", undefined, 2],
    ["atlas", undefined, 1],
  ] as const)("the example of %s (%s) runs and is shown", async (tab, kind, canvases) => {
    const p = await open(tab);
    if (kind) await panel(p, tab).getByLabel("What to do").selectOption(kind);
    await panel(p, tab).getByRole("button", { name: "Try an example" }).click();
    await run(p, tab);
    expect(await panel(p, tab).locator("[role=alert]:visible").allTextContents()).toEqual([]);
    expect(await panel(p, tab).locator(".result .stack canvas").count()).toBe(canvases);
    expect(wrong()).toEqual([]);
    await p.close();
  });

  test("from any web server it runs too, on one thread, and says why", async () => {
    const { server, url: plain } = await plainServer(page);
    servers.push(server);
    const p = await open("register", plain);
    await give(p, "register", "Fixed image", join(at, "f.nii.gz"));
    await give(p, "register", "Moving image", join(at, "m.nii.gz"));
    await panel(p, "register").getByLabel("Preset").selectOption("rigid");
    await run(p, "register");
    expect(await panel(p, "register").locator(".result .note").first().textContent()).toMatch(/, 1 thread\./);
    await panel(p, "register").getByText("Threads and memory").click();
    expect(await panel(p, "register").textContent()).toContain("pullback serve sends them");
    expect(wrong()).toEqual([]);
    await p.close();
  });

  test("tabs and choices are reached by keyboard; nothing is wider than a phone", async () => {
    const p = await open("register");
    await p.getByRole("tab", { name: "Register" }).focus();
    await p.keyboard.press("ArrowRight");
    expect(await p.getByRole("tab", { name: "Series" }).getAttribute("aria-selected")).toBe("true");
    await p.keyboard.press("End");
    expect(await p.getByRole("tab", { name: "Runs" }).getAttribute("aria-selected")).toBe("true");
    await p.setViewportSize({ width: 375, height: 800 });
    for (const tab of ["register", "restore", "pictures", "reconstruct", "series", "atlas", "runs"]) {
      await p.evaluate((t) => (location.hash = t), tab);
      await panel(p, tab).waitFor();
      expect([tab, await p.evaluate(() => document.documentElement.scrollWidth)]).toEqual([tab, 375]);
    }
    expect(wrong()).toEqual([]);
    await p.close();
  });

  const axe = (() => {
    try {
      return readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    } catch {
      console.log("axe-core is not installed: accessibility is not checked.");
      return undefined;
    }
  })();
  test.skipIf(!axe)("no serious fault of accessibility, light and dark, before and after a run", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const p = await open("register");
      await p.emulateMedia({ colorScheme });
      await give(p, "register", "Fixed image", join(at, "f.nii.gz"));
      await give(p, "register", "Moving image", join(at, "m.nii.gz"));
      await panel(p, "register").getByText("The images as they came, and landmarks").click();
      await panel(p, "register").getByText("More options").click();
      await panel(p, "register").getByLabel("Preset").selectOption("translation");
      await run(p, "register");
      for (const tab of ["register", "restore", "pictures", "reconstruct", "series", "atlas", "runs"]) {
        await p.evaluate((t) => (location.hash = t), tab);
        await panel(p, tab).waitFor();
        await p.evaluate(axe as string);
        const { violations } = await p.evaluate(() =>
          (
            window as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } }
          ).axe.run(),
        );
        expect(
          violations.filter((v) => /serious|critical/.test(v.impact)).map((v) => `${colorScheme} ${tab} ${v.id}: ${v.nodes[0].html}`),
        ).toEqual([]);
      }
      await p.close();
    }
    expect(wrong()).toEqual([]);
  });
});
