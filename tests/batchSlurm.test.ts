import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built, root } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { begin, pairs } from "./support/pairs.js";

/* Batches on a real Slurm: one that runs here, or a node of our own where Slurm is installed and we are root. */
const runs = (program: string, ...args: string[]) => spawnSync(program, args, { timeout: 20_000 }).status === 0;
const running = runs("scontrol", "ping");
const own =
  !running && process.getuid?.() === 0 && ["sbatch", "slurmctld", "slurmd", "munged"].every((p) => runs("sh", "-c", `command -v ${p}`));
if (!running && !own)
  console.log("skipped: batches on Slurm, none runs here and none can be started (apt-get install slurm-wlm munge, as root)");

const script = join(root, "tests/support/slurmNode.sh");
const at = own ? folder() : "";
const env: Record<string, string> = {};
const node = own ? spawnSync(script, ["start", at], { encoding: "utf8", timeout: 90_000 }) : undefined;
if (node) env.SLURM_CONF = /SLURM_CONF=(.*)/.exec(node.stdout)?.[1] ?? "";
const there = running || node?.status === 0;
if (node && !there) console.log(`skipped: batches on Slurm, its node did not start here: ${node.stderr.trim()}`);
beforeAll(built);
afterAll(() => {
  if (own) execFileSync(script, ["stop", at]);
});

const slurm = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: "utf8", env: { ...process.env, ...env } });
const list = (where: string, kind: string) =>
  existsSync(join(where, "out/queue", kind)) ? readdirSync(join(where, "out/queue", kind)) : [];
const until = async (what: () => boolean) => {
  while (!what()) await new Promise((done) => setTimeout(done, 20));
};
const gone = (job: string) =>
  !slurm("squeue", "--noheader", "--format=%A").split("\n").includes(job) && slurm("squeue", "-h", "-j", job).trim() === "";
const transforms = (where: string, count: number) =>
  Array.from({ length: count }, (_, k) =>
    createHash("sha256")
      .update(readFileSync(join(where, `out/pair${k}/transform.json`)))
      .digest("hex"),
  );
const submit = async (where: string, pilots: number) => {
  const ran = await pullback(begin(where, "--on", "slurm", "--pilots", `${pilots}`, "--workers", "1", "--silent", "2", "--json"), {
    cwd: where,
    env,
  });
  expect(ran.stderr).toBe("");
  expect(ran.code).toBe(0);
  return ran.json.job as string;
};
/** The worker's process, by its name in the queue: machine-process-number. */
const processOf = (claim: string) => Number(/@.*-(\d+)-[0-9a-f]{4}$/.exec(claim)?.[1]);

describe.skipIf(!there)("pullback batch --on slurm", () => {
  const count = 6;
  let calm: readonly string[];
  beforeAll(async () => {
    const where = pairs(count);
    expect((await pullback(begin(where, "--workers", "1"), { cwd: where })).code).toBe(0);
    calm = transforms(where, count);
  }, 300_000);

  test("pilots drain the queue, and the outcome is that of this machine alone", async () => {
    const where = pairs(count);
    const job = await submit(where, 2);
    await until(() => list(where, "done").length === count);
    await until(() => gone(job));
    expect(transforms(where, count)).toEqual(calm);
  }, 300_000);

  test("a pilot killed in the midst of its work, and a job that is cancelled, lose nothing: a second submission finishes", async () => {
    const where = pairs(count);
    const first = await submit(where, 1);
    await until(() => list(where, "done").length >= 1 && list(where, "running").length > 0);
    process.kill(processOf(list(where, "running")[0]), "SIGKILL");
    await until(() => gone(first));
    expect(list(where, "done").length).toBeLessThan(count);
    const orphans = list(where, "running").length;
    const second = await submit(where, 1);
    await until(() => list(where, "running").length > orphans || list(where, "done").length === count);
    slurm("scancel", second);
    await until(() => gone(second));
    const before = new Map(list(where, "done").map((n) => [n, readFileSync(join(where, "out/queue/done", n), "utf8")]));
    const third = await submit(where, 2);
    await until(() => list(where, "done").length === count);
    await until(() => gone(third));
    // What had been done was not done again, and nothing differs.
    for (const [n, record] of before) expect(readFileSync(join(where, "out/queue/done", n), "utf8")).toBe(record);
    expect(list(where, "failed")).toEqual([]);
    expect(transforms(where, count)).toEqual(calm);
  }, 300_000);
});
