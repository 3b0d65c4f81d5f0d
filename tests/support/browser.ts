import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, extname, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { built, root } from "../built.js";

/** Debian's chromium, or the one named by CHROMIUM_PATH. */
export function browserPath(): string | undefined {
  const { CHROMIUM_PATH, PATH = "" } = process.env;
  if (CHROMIUM_PATH) return existsSync(CHROMIUM_PATH) ? CHROMIUM_PATH : undefined;
  return PATH.split(delimiter)
    .flatMap((folder) => [join(folder, "chromium"), join(folder, "chromium-browser")])
    .find((file) => existsSync(file));
}
export function launch(executablePath: string): Promise<Browser> {
  const args =
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader";
  return chromium.launch({ executablePath, headless: true, args: args.split(" ") });
}

const newest = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).reduce((t, name) => Math.max(t, statSync(join(folder, name)).mtimeMs), 0);
/** dist/ with the page in dist/page as the sources are now. Test files run side by side, so one builds and the others wait. */
export async function builtPage(): Promise<string> {
  await built();
  const page = join(root, "dist/page");
  const lock = join(root, "dist/.building-page");
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0);
      if (age > 300_000) rmdirSync(lock); // left by a run that was killed
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  try {
    const made = statSync(join(page, "index.html"), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (made < Math.max(newest(join(root, "app")), newest(join(root, "src"))))
      execFileSync("npm", ["run", "--silent", "build:page"], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  } finally {
    rmdirSync(lock);
  }
  return page;
}

const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
/** A plain web server of a folder, as anybody has one: no headers but the types. */
export async function plainServer(folder: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const [path] = (request.url ?? "/").split("?");
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream" });
    response.end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}
