import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built, root } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { begin, pairs } from "./support/pairs.js";

const server = ["redis-server", "valkey-server"].find((name) => spawnSync(name, ["--version"]).status === 0);
if (!server) console.log("skipped: batches on Redis, there is no redis-server here");

const free = () =>
  new Promise<number>((done) => {
    const s = createServer().listen(0, "127.0.0.1", () => {
      const { port } = s.address() as AddressInfo;
      s.close(() => done(port));
    });
  });
const started = new Set<ChildProcess>();
/** A server that keeps nothing on a disk: what it knew is gone when it stops. */
async function redis(port: number): Promise<ChildProcess> {
  const child = spawn(server as string, [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--dir",
    folder(),
  ]);
  started.add(child);
  await new Promise<void>((done) => {
    let said = "";
    child.stdout?.on("data", (d) => {
      said += d;
      if (/ready to accept/i.test(said)) done();
    });
  });
  return child;
}
const stop = (child: ChildProcess, signal: NodeJS.Signals) =>
  new Promise<void>((done) => {
    started.delete(child);
    child.once("close", () => done());
    child.kill(signal);
  });
afterAll(async () => {
  await Promise.all([...started].map((c) => stop(c, "SIGKILL")));
});
const until = async (what: () => boolean) => {
  while (!what()) await new Promise((done) => setTimeout(done, 5));
};
const done = (at: string) => (existsSync(join(at, "out/queue/done")) ? readdirSync(join(at, "out/queue/done")).length : 0);
const transforms = (at: string, count: number) =>
  Array.from({ length: count }, (_, k) =>
    createHash("sha256")
      .update(readFileSync(join(at, "out", `pair${k}`, "transform.json")))
      .digest("hex"),
  );

describe.skipIf(!server)("a batch on Redis", () => {
  beforeAll(built);

  test("goes to every worker there, and its outcome is that of a batch without", async () => {
    const port = await free();
    await redis(port);
    const [plain, shared] = [pairs(6, ["broken.png"]), pairs(6, ["broken.png"])];
    await pullback(begin(plain, "--workers", "1"), { cwd: plain });
    const helper = spawn(process.execPath, [join(root, "dist/cli/main.js"), "worker", `redis://127.0.0.1:${port}`, "--workers", "1"]);
    started.add(helper);
    const ran = await pullback(begin(shared, "--on", `redis://127.0.0.1:${port}`, "--workers", "1", "--json"), { cwd: shared });
    expect(ran.json).toMatchObject({ status: "suspect", figures: { ok: 6, failed: 1 }, failed: [{ name: "bad-broken.png" }] });
    expect(transforms(shared, 6)).toEqual(transforms(plain, 6));
    await stop(helper, "SIGTERM");
  });

  test("a worker killed with -9 and a server that forgets everything lose nothing, and nothing is in the outcome twice", async () => {
    const port = await free();
    const first = await redis(port);
    const at = pairs(10);
    const url = `redis://127.0.0.1:${port}`;
    const victim = spawn(process.execPath, [join(root, "dist/cli/main.js"), "worker", url, "--workers", "2", "--silent", "2"]);
    started.add(victim);
    const run = pullback(begin(at, "--on", url, "--workers", "1", "--silent", "2", "--json"), { cwd: at });
    await until(() => done(at) >= 2);
    await stop(victim, "SIGKILL");
    await until(() => done(at) >= 4);
    await stop(first, "SIGKILL");
    await redis(port);
    const ran = await run;
    expect(ran.json).toMatchObject({ status: "ok", figures: { tasks: 10, ok: 10, failed: 0 } });
    const table = readFileSync(join(at, "out/results.csv"), "utf8").trim().split("\n").slice(1);
    expect(table.map((line) => line.split(",")[0])).toEqual(Array.from({ length: 10 }, (_, k) => `pair${k}`));
  });
});

test("where no Redis answers one sentence says so", async () => {
  await built();
  const at = pairs(1);
  const ran = await pullback(begin(at, "--on", `redis://127.0.0.1:${await free()}`), { cwd: at });
  expect(ran.code).toBe(1);
  expect(ran.stderr).toMatch(/no Redis answers there/);
});
