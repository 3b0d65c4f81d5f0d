import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { OutputError } from "../../core/errors.js";
import type { CommandDefinition } from "../command.js";
import { flag, option } from "../options.js";
import { pageSources, pageState } from "../pageSources.js";
import type { Session } from "../session.js";
import { version } from "../version.js";

/** Where the built page lies in the package. */
const pageFolder = fileURLToPath(new URL("../../page/", import.meta.url));
/** Weights of the library, which the page asks for as its own. */
const weightsFolder = fileURLToPath(new URL("../../models/weights/", import.meta.url));
const preferred = 8737;
const port = v.pipe(
  v.union([v.number(), v.string()]),
  v.transform(Number),
  v.check((n) => Number.isInteger(n) && n >= 0 && n < 65536),
);

/** `pullback serve`: the page, for this machine only. */
export const command: CommandDefinition = {
  name: "serve",
  summary: "align, restore and reconstruct images in a page of your browser",
  examples: ["pullback serve", "pullback serve --port 9000 --no-open", "pullback serve --no-open --json      the address as JSON, at once"],
  arguments: [],
  options: [
    option("--port <n>", `the port; 0 takes any free one (${preferred}, or any free one)`, port, "a whole number from 0 to 65535"),
    option("--no-open", "only say the address, open no browser", flag, "true or false"),
  ],
  async run(session, _, options) {
    await whole(session);
    const files = pageFiles(pageFolder);
    for (const [name, path] of pageFiles(weightsFolder))
      if (name.endsWith(".js") && !name.endsWith("Card.js")) files.set(`weights/${name}`, path);
    if (session.dryRun) return { json: { dryRun: true, files: files.size, outputs: [] }, lines: [`would serve ${files.size} files`] };
    const token = randomBytes(18).toString("base64url");
    const server = pageServer(files, token);
    const at = await listening(server, options.port as number | undefined);
    const url = `http://127.0.0.1:${at}/${token}/`;
    if (session.json) process.stdout.write(`${JSON.stringify({ status: "ok", url, port: at, outputs: [] })}\n`);
    else {
      process.stdout.write(`${url}\n`);
      session.note("Images stay in the browser; this address works on this machine only. Ctrl-C ends it.");
    }
    if (options.open !== false) open(url);
    // Until Ctrl-C, which is how this ends well.
    await session.stoppable(
      (signal) =>
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve());
        }),
    );
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    return { json: {}, said: true };
  },
};

/** In a checkout the page is built when it is first served, and again when its sources have changed; a package brings it. */
async function whole(session: Session): Promise<void> {
  const index = join(pageFolder, "index.html");
  const checkout = fileURLToPath(new URL("../../../", import.meta.url));
  const config = join(checkout, "app/vite.config.ts");
  const sources = existsSync(config) ? pageSources(checkout) : undefined;
  const state = pageState(pageFolder, { version: version(), sources });
  if (state === "current") return;
  if (sources !== undefined) {
    session.note(state === "missing" ? "building the page, once …" : "the page is older than its sources; building it anew …");
    const name = "vite"; // a tool of the checkout, not of the package
    try {
      const { build } = (await import(name)) as { build: (o: object) => Promise<unknown> };
      await build({ configFile: config, logLevel: "silent" });
      return;
    } catch (cause) {
      if (state === "missing")
        throw new OutputError(
          `serve: the page cannot be built: ${(cause as Error).message.split("\n")[0]}; npm ci, then npm run build:page`,
          {},
          { cause },
        );
      session.warn(`the page is older than its sources, and cannot be built anew: ${(cause as Error).message.split("\n")[0]}`);
    }
  } else if (state === "stale")
    session.warn(`the page in this package was built by another version than ${version()}; install the package anew if it misbehaves`);
  if (!existsSync(index))
    throw new OutputError(`serve: the page is not in this package (${index} is missing); in a checkout: npm run build:page`, { index });
}

/** The files of a folder by the address they are asked for at. What is not in this list is not served: there is no path to escape through. */
export function pageFiles(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    if (statSync(path).isFile()) found.set(name.split(sep).join("/"), path);
  }
  const index = found.get("index.html");
  if (index) found.set("", index);
  return found;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".zst": "application/zstd",
  ".json": "application/json",
};
/** Threads share memory only in pages that nothing foreign can reach into; the rest keeps the page from loading or sending anything. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; img-src 'self' blob: data:; connect-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
};

/**
 * Answers GET and HEAD for these files below /TOKEN/, to requests that name this machine as their host (a name that somebody else's server made point
 * here is refused). Nothing is taken: a request with a body is refused before it is read.
 */
export function pageServer(files: ReadonlyMap<string, string>, token: string): Server {
  const refuse = (response: ServerResponse, status: number, words: string): void => {
    response.writeHead(status, { ...headers, "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
    response.end(`${words}\n`);
  };
  /** Why a request is not answered. */
  const fault = ({ method, url = "/", headers: asked }: IncomingMessage): readonly [number, string] | undefined => {
    if (Number(asked["content-length"] ?? 0) > 0 || asked["transfer-encoding"] !== undefined)
      return [413, "nothing is uploaded here: images stay in the browser"];
    if (method !== "GET" && method !== "HEAD") return [405, "only GET and HEAD are answered"];
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(asked.host ?? "")) return [421, "this server answers to 127.0.0.1 only"];
    if (!url.startsWith(`/${token}/`)) return [403, "the address lacks its token; open the one that pullback serve printed"];
    return files.has(nameOf(url)) ? undefined : [404, "there is no such file"];
  };
  const nameOf = (url: string): string => url.split(/[?#]/)[0].slice(token.length + 2);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const found = fault(request);
    if (found) {
      refuse(response, ...found);
      if (found[0] === 413) request.destroy();
      return;
    }
    const file = files.get(nameOf(request.url as string)) as string;
    const bytes = readFileSync(file);
    response.writeHead(200, {
      ...headers,
      "Content-Type": types[extname(file)] ?? "application/octet-stream",
      "Content-Length": bytes.length,
    });
    response.end(request.method === "HEAD" ? undefined : bytes);
  };
  const server = createServer({ maxHeaderSize: 16384, requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    try {
      answer(request, response);
    } catch {
      if (response.headersSent) response.destroy();
      else refuse(response, 500, "the file cannot be read");
    }
  });
  server.maxConnections = 64;
  return server;
}

/** The port that is listened to. @throws OutputError when the one asked for is taken */
async function listening(server: Server, asked: number | undefined): Promise<number> {
  const listen = (n: number) =>
    new Promise<number>((resolve, reject) => {
      server.once("error", reject);
      server.listen(n, "127.0.0.1", () => {
        server.off("error", reject);
        resolve((server.address() as AddressInfo).port);
      });
    });
  try {
    return await listen(asked ?? preferred);
  } catch (cause) {
    if (asked === undefined) return listen(0);
    const code = (cause as NodeJS.ErrnoException).code;
    throw new OutputError(
      `--port ${asked}: ${code === "EADDRINUSE" ? "another program listens there" : code === "EACCES" ? "it may not be used" : (cause as Error).message}; choose another, or 0 for any free one`,
      { port: asked, code },
      { cause },
    );
  }
}

/** The address in the browser that this system prefers; without one, the printed address remains. */
function open(url: string): void {
  const [program, ...args] =
    process.platform === "darwin" ? ["open"] : process.platform === "win32" ? ["cmd", "/c", "start", ""] : ["xdg-open"];
  spawn(program, [...args, url], { stdio: "ignore", detached: true })
    .on("error", () => {})
    .unref();
}
