import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, sep } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "./built.js";
import { browserPath, builtPage } from "./support/browser.js";

/** What users get: the packed package, installed into an empty project, in Node and in a page. */
const project = mkdtempSync(join(tmpdir(), "pullback-"));
const npm = (cwd: string, ...args: string[]) => execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

beforeAll(async () => {
  await builtPage(); // before it is packed: another test must not empty the folder meanwhile
  const [{ filename }] = JSON.parse(npm(root, "pack", "--json", "--ignore-scripts", "--pack-destination", project));
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  npm(project, "install", join(project, filename), "--prefer-offline", "--no-audit", "--no-fund");
  cpSync(join(root, "tests/page"), project, { recursive: true });
}, 300_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

const installed = () => join(project, "node_modules/pullback");
const manifest = () => JSON.parse(readFileSync(join(installed(), "package.json"), "utf8"));
const inNode = (options: object) =>
  JSON.parse(execFileSync(process.execPath, ["node.mjs", JSON.stringify(options)], { cwd: project, encoding: "utf8" }));

test("every export of the package exists, with its types, and loads", async () => {
  const missing: string[] = [];
  const entries: string[] = [];
  for (const [name, target] of Object.entries<string | { types: string; default: string }>(manifest().exports)) {
    for (const file of typeof target === "string" ? [target] : Object.values(target))
      if (!existsSync(join(installed(), file))) missing.push(`${name}: ${file}`);
    if (typeof target !== "string") entries.push(`pullback${name.slice(1)}`);
  }
  expect(missing).toEqual([]);
  const script = `for (const name of ${JSON.stringify(entries)}) if (Object.keys(await import(name)).length === 0) console.log(name);`;
  expect(execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: project, encoding: "utf8" })).toBe(""); // names of empty ones
});

test("every folder with an index is exported", () => {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const folders = readdirSync(join(root, "src")).flatMap((name) =>
    name === "index.ts"
      ? ["."]
      : name.endsWith(".ts")
        ? [`./${name.slice(0, -3)}`]
        : existsSync(join(root, "src", name, "index.ts"))
          ? [`./${name}`]
          : [],
  );
  expect(folders.filter((name) => !(name in exports) && name !== "./cli")).toEqual([]);
});

test("weights are files of their own, which nothing loads unless it is asked to", () => {
  const folder = join(installed(), "dist/models/weights");
  const weights = readdirSync(folder).filter((f) => f.endsWith(".js") && statSync(join(folder, f)).size > 50_000);
  expect(weights).toContain("denoiser.js");
  const code = (readdirSync(join(installed(), "dist"), { recursive: true, encoding: "utf8" }) as string[]).filter((f) => f.endsWith(".js"));
  const loading = code.filter((f) => {
    const text = readFileSync(join(installed(), "dist", f), "utf8");
    return weights.some((w) => new RegExp(`(from|import) "[^"]*weights/${w.replace(".", "\\.")}"`).test(text));
  });
  expect(loading).toEqual([]);
});

test("the package holds the built library and nothing of its making", () => {
  const files = (readdirSync(installed(), { recursive: true, encoding: "utf8" }) as string[]).filter((f) => !f.startsWith("node_modules"));
  expect(files.filter((f) => /\.test\.|^dist\/\.|^src|^tests|^assembly|^demo|^bench/.test(f))).toEqual([]);
  expect(files).toContain("LICENSE");
  // WebAssembly comes as text within modules; nothing is compiled on the way, for any one processor, or by whoever installs it.
  expect(files.filter((f) => /\.(node|so|dylib|dll|exe|a|o|gyp|c|cc|cpp)$/i.test(f))).toEqual([]);
  const weights = /pullback\/dist\/models\/weights\/\w+\.js$/;
  const all = readdirSync(join(project, "node_modules"), { recursive: true, encoding: "utf8" }).map((f) => {
    const s = statSync(join(project, "node_modules", f));
    return { bytes: s.isFile() ? s.size : 0, weights: weights.test(f.split(sep).join("/")) };
  });
  const bytes = (of: typeof all) => of.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(bytes(all.filter((f) => !f.weights))).toBeLessThan(12e6); // "some megabytes with everything it depends on": the page is 3 of them
  expect(bytes(all)).toBeLessThan(16e6); // trained weights, which the page has not a second time
  const scripts = (folder: string) => JSON.parse(readFileSync(join(project, "node_modules", folder, "package.json"), "utf8")).scripts ?? {};
  const installs = Object.keys(manifest().dependencies)
    .concat("pullback")
    .filter((name) => ["preinstall", "install", "postinstall"].some((s) => s in scripts(name)));
  expect(installs).toEqual([]);
});

test("it runs in Node: threads, the same bits with one thread as with three, long work stopped from inside and from outside", () => {
  const one = inNode({ deterministic: true, threads: 1 });
  const three = inNode({ deterministic: true, threads: 3 });
  expect(three).toMatchObject({ build: "simd", shared: true, threads: 3, workers: 2 });
  expect([three.gaussian, three.warp, three.gradient]).toEqual([one.gaussian, one.warp, one.gradient]);
  expect(three.signal).toEqual({ error: "AbortedError", left: 0 });
  expect(three.flag).toEqual({ error: "AbortedError" });
});

test("the command line says its version", (context) => {
  if (!existsSync(join(installed(), manifest().bin.pullback))) return context.skip("no command line in this build");
  expect(npm(project, "exec", "--no", "--", "pullback", "--version").trim()).toContain(manifest().version);
});

const executablePath = browserPath();
if (!executablePath) console.log("No chromium (on PATH, or named by CHROMIUM_PATH): the package is not tried in a page.");

describe.skipIf(!executablePath)("in a page", () => {
  let browser: Browser;
  const servers: Server[] = [];
  const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript" };
  /** A server of the built page; isolated pages may share memory between threads. */
  const serve = async (folder: string, isolated: boolean): Promise<string> => {
    const server = createServer((request, response) => {
      const file = join(folder, request.url === "/" ? "index.html" : (request.url ?? ""));
      if (!existsSync(file)) return response.writeHead(404).end();
      const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
      response.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream", ...(isolated && isolation) });
      response.end(readFileSync(file));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  };
  const probe = async (isolated: boolean, options: object) => {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(await serve(join(project, "built"), isolated));
    await page.waitForFunction("window.probe !== undefined", undefined, { timeout: 30_000 });
    const found = await Promise.race([
      page.evaluate(`window.probe(${JSON.stringify(options)})`),
      new Promise((_, reject) => setTimeout(() => reject(new Error("the page did not answer within a minute")), 60_000).unref()),
    ]);
    expect(errors).toEqual([]);
    await page.close();
    return found as Record<string, unknown>;
  };

  beforeAll(async () => {
    await build({ root: project, configFile: false, logLevel: "error", build: { outDir: "built", target: "esnext" } });
    const args =
      "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
    browser = await chromium.launch({ executablePath, headless: true, args: args.split(" ") });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.close();
  });

  test.each([{ deterministic: true }, { deterministic: false }])(
    "isolated, it has threads and gives the bits that Node gives: %o",
    async (kind) => {
      const found = await probe(true, { ...kind, threads: 3 });
      expect(found).toMatchObject({ isolated: true, shared: true, threads: 3, workers: 2 });
      const node = inNode({ ...kind, threads: 2 });
      expect([found.build, found.gaussian, found.warp, found.gradient]).toEqual([node.build, node.gaussian, node.warp, node.gradient]);
      expect(found.signal).toEqual({ error: "AbortedError", left: 0 });
      expect(found.flag).toEqual({ error: "AbortedError" });
    },
  );

  test("without isolation it runs on one thread, with the same bits", async () => {
    const found = await probe(false, { deterministic: true, threads: 3 });
    expect(found).toMatchObject({ isolated: false, shared: false, threads: 1 });
    const node = inNode({ deterministic: true, threads: 2 });
    expect([found.gaussian, found.warp, found.gradient]).toEqual([node.gaussian, node.warp, node.gradient]);
    expect(found.signal).toEqual({ error: "AbortedError", left: 0 });
  });
});
