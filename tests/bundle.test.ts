import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built } from "./built.js";
import { browserPath } from "./support/browser.js";

/** One line of an application, bundled: what features and homographies cost a page, and that they run there and in a worker. */
const folder = mkdtempSync(join(tmpdir(), "pullback-bundle-"));
let gzip: Record<string, number> = {};
beforeAll(async () => {
  await built();
  const { bundle, entries } = await import(new URL("../bench/bundle.mjs", import.meta.url).href);
  for (const name of Object.keys(entries).slice(0, 2)) {
    const made = await bundle(entries[name]);
    gzip = { ...gzip, [name]: made.gzip };
    if (Object.keys(gzip).length === 1) writeFileSync(join(folder, "bundle.js"), made.text);
  }
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("features with homographies, kernels included, come in less than 150 kB gzipped", () => {
  expect(Object.keys(gzip)).toHaveLength(2);
  for (const size of Object.values(gzip)) expect(size).toBeLessThan(150_000);
});

test("the core entry, all of it and all kernels, comes in at most 300 kB gzipped", async () => {
  const { bundle, entries } = await import(new URL("../bench/bundle.mjs", import.meta.url).href);
  const made = await bundle(entries["all of the core entry"]);
  expect(made.gzip).toBeGreaterThan(50_000); // the kernels alone
  expect(made.gzip).toBeLessThanOrEqual(300_000);
});

/** What both do: a picture of waves and the same shifted by (12, −7). */
const work = `
import { homography, image } from "./bundle.js";
const f = (x, y) => Math.sin(x / 5 + Math.sin(y / 9)) + Math.cos(y / 6 - Math.cos(x / 11)) * Math.sin((x + 2 * y) / 17) + Math.sin((x * x) / 900 - y / 7);
const draw = (dx, dy) => image(Float32Array.from({ length: 150 * 120 }, (_, k) => f((k % 150) + dx, Math.floor(k / 150) + dy)), { size: [150, 120] });
export const answer = () => { const r = homography(draw(0, 0), draw(12, -7)); return [r.status, Math.round(r.h[2]), Math.round(r.h[5])]; };
`;
test("the bundle runs by itself in Node", async () => {
  writeFileSync(join(folder, "work.js"), work);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const { answer } = await import(/* @vite-ignore */ join(folder, "work.js"));
  expect(answer()).toEqual(["ok", -12, 7]);
});

const executablePath = browserPath();
if (!executablePath) console.log("No chromium (on PATH, or named by CHROMIUM_PATH): the bundle is not tried in a page.");
describe.skipIf(!executablePath)("in a browser", () => {
  let browser: Browser;
  let server: Server;
  beforeAll(async () => {
    writeFileSync(join(folder, "work.js"), work);
    writeFileSync(join(folder, "worker.js"), 'import { answer } from "./work.js"; postMessage(answer());');
    writeFileSync(
      join(folder, "index.html"),
      `<!doctype html><meta charset="utf-8" /><script type="module">
import { answer } from "./work.js";
window.inPage = answer();
const worker = new Worker("./worker.js", { type: "module" });
worker.onmessage = ({ data }) => { window.inWorker = data; };
worker.onerror = ({ message }) => { window.inWorker = message; };
</script>`,
    );
    server = createServer((request, response) => {
      const name = request.url === "/" ? "index.html" : (request.url ?? "").slice(1);
      if (!["index.html", "bundle.js", "work.js", "worker.js"].includes(name)) return response.writeHead(404).end();
      response.writeHead(200, { "Content-Type": name.endsWith(".js") ? "text/javascript" : "text/html" });
      response.end(readFileSync(join(folder, name)));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const args =
      "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
    browser = await chromium.launch({ executablePath, headless: true, args: args.split(" ") });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });
  test("a page finds a homography, and so does a worker", async () => {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction("window.inPage !== undefined && window.inWorker !== undefined", undefined, { timeout: 60_000 });
    expect(errors).toEqual([]);
    expect(await page.evaluate("[window.inPage, window.inWorker]")).toEqual([
      ["ok", -12, 7],
      ["ok", -12, 7],
    ]);
  });
});
