import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { begin, pairs, picture } from "./support/pairs.js";

beforeAll(built);

const statusOf = (at: string) =>
  JSON.parse(execFileSync(process.execPath, ["dist/cli/main.js", "status", join(at, "out"), "--json"], { encoding: "utf8" }));
/** Hash of what every pair's transform says. */
const transforms = (at: string, count: number) =>
  Array.from({ length: count }, (_, k) =>
    createHash("sha256")
      .update(readFileSync(join(at, "out", `pair${k}`, "transform.json")))
      .digest("hex"),
  );

describe("pullback batch", () => {
  test("registers every pair, sets bad ones aside with their sentences, and tells how it went", async () => {
    const at = pairs(3, ["broken.png"]);
    const ran = await pullback(begin(at, "--workers", "2", "--json"), { cwd: at });
    expect(ran.code).toBe(4);
    expect(ran.json).toMatchObject({ status: "suspect", figures: { tasks: 4, ok: 3, failed: 1 }, failed: [{ name: "bad-broken.png" }] });
    expect(ran.stderr).not.toMatch(/at .*\.js:\d+/);
    for (const k of [0, 1, 2])
      for (const name of ["transform.json", "run.json", "report.html"]) expect(existsSync(join(at, "out", `pair${k}`, name))).toBe(true);
    expect(existsSync(join(at, "out", "bad-broken.png"))).toBe(false);
    const table = readFileSync(join(at, "out", "results.csv"), "utf8")
      .trim()
      .split("\n");
    expect(table).toHaveLength(5);
    expect(table[4]).toMatch(/^bad-broken\.png,failed,/);
    expect(statusOf(at)).toMatchObject({ figures: { ok: 3, failed: 1, waiting: 0, running: 0 } });
    // What was wrong is put right under the same name: it is another plan, and said so.
    writeFileSync(join(at, "broken.png"), picture(2));
    const other = await pullback(begin(at), { cwd: at });
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/another plan/);
  });

  test("the same bits for one worker and for several, and for a second run, which has nothing left to do", async () => {
    const [one, many] = [pairs(4), pairs(4)];
    for (const [at, workers] of [
      [one, "1"],
      [many, "3"],
    ] as const)
      expect((await pullback(begin(at, "--workers", workers), { cwd: at })).code).toBe(0);
    expect(transforms(many, 4)).toEqual(transforms(one, 4));
    const before = statusOf(one);
    const again = await pullback(begin(one, "--json"), { cwd: one });
    expect(again.json).toMatchObject({ status: "ok", figures: { ok: 4, busy: 0 } });
    expect(statusOf(one)).toEqual({ ...before, seconds: expect.anything() });
  });

  test("a worker killed in the midst of its work loses nothing: another finishes, and the outcome is that of an undisturbed run", async () => {
    const [calm, hit] = [pairs(8), pairs(8)];
    expect((await pullback(begin(calm, "--workers", "1"), { cwd: calm })).code).toBe(0);
    const done = () => (existsSync(join(hit, "out/queue/done")) ? readdirSync(join(hit, "out/queue/done")).length : 0);
    const killed = await pullback(begin(hit, "--workers", "1"), {
      cwd: hit,
      during(child) {
        const look = setInterval(() => {
          if (done() >= 2 && readdirSync(join(hit, "out/queue/running")).length > 0) {
            child.kill("SIGKILL");
            clearInterval(look);
          }
        }, 2);
        child.on("close", () => clearInterval(look));
      },
    });
    expect(killed.code).toBeNull();
    expect(done()).toBeLessThan(8);
    const orphan = readdirSync(join(hit, "out/queue/running"));
    expect(orphan).toHaveLength(1);
    // As if it had been killed while it wrote: this stands for any moment of its work.
    for (let k = 0; k < 8; k++) if (!existsSync(join(hit, `out/pair${k}`))) mkdirSync(join(hit, `out/.pair${k}.0badc0de.part`));
    const helped = await pullback(["worker", join(hit, "out"), "--workers", "1", "--silent", "0.5", "--json"]);
    expect(helped.code).toBe(0);
    expect(statusOf(hit)).toMatchObject({ figures: { ok: 8, failed: 0, waiting: 0, running: 0 } });
    expect(transforms(hit, 8)).toEqual(transforms(calm, 8));
    expect(readdirSync(join(hit, "out/queue/done"))).toHaveLength(8); // each once
    expect(readdirSync(join(hit, "out")).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("an interrupted batch says so, gives back what it had begun, and goes on when it is run again", async () => {
    const at = pairs(8);
    const stopped = await pullback(begin(at, "--workers", "1", "--json"), {
      cwd: at,
      during(child) {
        const look = setInterval(() => {
          const place = join(at, "out/queue/done");
          if (existsSync(place) && readdirSync(place).length >= 2) {
            child.kill("SIGTERM");
            clearInterval(look);
          }
        }, 2);
        child.on("close", () => clearInterval(look));
      },
    });
    expect(stopped.code).toBe(130);
    expect(stopped.json.status).toBe("interrupted");
    expect(statusOf(at).figures).toMatchObject({ running: 0, failed: 0 });
    const rest = await pullback(begin(at, "--json"), { cwd: at });
    expect(rest.json).toMatchObject({ status: "ok", figures: { ok: 8 } });
  });

  test("any commands, stage after stage: a later one reads what an earlier one wrote", async () => {
    const at = pairs(0);
    const lines = [
      { name: "second", stage: 1, argv: ["denoise", join(at, "a.npy"), "--sigma", "0.02", "-o", join(at, "b.npy")] },
      { name: "first", stage: 0, argv: ["convert", join(at, "p0.png"), "-o", join(at, "a.npy")] },
    ];
    writeFileSync(join(at, "tasks.jsonl"), lines.map((l) => JSON.stringify(l)).join("\n"));
    const ran = await pullback(["batch", "tasks.jsonl", "-o", "out", "--workers", "2", "--json"], { cwd: at });
    expect(ran.json).toMatchObject({ status: "ok", figures: { ok: 2 } });
    expect(existsSync(join(at, "b.npy"))).toBe(true);
  });

  test("--on slurm --print-script: the queue is ready, and the script is one that bash reads", async () => {
    const at = pairs(2);
    const ran = await pullback(begin(at, "--on", "slurm:long", "--pilots", "3", "--print-script", "--json"), { cwd: at });
    expect(ran.code).toBe(0);
    const script = String(ran.json.script);
    expect(script).toContain("#SBATCH --array=1-3");
    expect(spawnSync("bash", ["-n"], { input: script }).status).toBe(0);
    expect(statusOf(at).figures).toMatchObject({ waiting: 2 });
    // A pilot does what the script says.
    expect(spawnSync("bash", [join(at, "out/queue/slurm.sh")], { encoding: "utf8" }).status).toBe(0);
    expect(statusOf(at).figures).toMatchObject({ ok: 2, waiting: 0 });
  });

  test("--on slurm hands the script to sbatch, and says where sbatch is missing", async () => {
    const at = pairs(1);
    const bin = join(at, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "sbatch"), '#!/bin/sh\ncat "$2" > "$(dirname "$0")/seen"\necho "417;cluster"\n');
    chmodSync(join(bin, "sbatch"), 0o755);
    const ran = await pullback(begin(at, "--on", "slurm", "--json"), { cwd: at, env: { PATH: `${bin}:${process.env.PATH}` } });
    expect(ran.json).toMatchObject({ status: "ok", job: "417" });
    expect(readFileSync(join(bin, "seen"), "utf8")).toBe(readFileSync(join(at, "out/queue/slurm.sh"), "utf8"));
    const none = await pullback(begin(at, "--on", "slurm"), { cwd: at, env: { PATH: "/nowhere" } });
    expect(none.code).toBe(3);
    expect(none.stderr).toMatch(/sbatch was not found/);
  });

  test("on a full disk it stops with one sentence, and goes on when there is room", async ({ skip }) => {
    const small = folder();
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", small]).status !== 0) skip("a small disk cannot be mounted here");
    try {
      const at = pairs(6);
      const args = ["batch", "pairs.csv", "-o", join(small, "out"), "--preset", "rigid", "--levels", "2", "--workers", "1", "--json"];
      const full = await pullback(args, { cwd: at });
      expect(full.code).toBe(5);
      expect(full.json.reason).toMatch(/the disk is full; \d of 6 tasks are done/);
      spawnSync("mount", ["-o", "remount,size=64m", small]);
      const rest = await pullback(args, { cwd: at });
      expect(rest.json).toMatchObject({ status: "ok", figures: { ok: 6, failed: 0 } });
    } finally {
      spawnSync("umount", [small]);
    }
  });

  test.each([
    ["no column", "name,a,b\nx,p0.png,p1.png\n", /no column "fixed"/],
    ["no pairs", "fixed,moving\n", /a heading and no pairs/],
    ["a line too short", "name,fixed,moving\nx,p0.png\n", /pair 1 has 2 fields/],
    ["an empty field", "fixed,moving\np0.png,\n", /pair 1 has no moving image/],
    ["a name twice", "name,fixed,moving\nx,p0.png,p1.png\nx,p1.png,p2.png\n", /second pair is called "x"/],
    ["a name that leads elsewhere", "name,fixed,moving\n../x,p0.png,p1.png\n", /no name for a folder/],
    ["an unknown option", "fixed,moving,presett\np0.png,p1.png,rigid\n", /no option "presett" of register.*preset/],
    ["a wrong value", "fixed,moving,preset\np0.png,p1.png,stiff\n", /got "stiff"/],
    ["an open quote", 'fixed,moving\n"p0.png,p1.png\n', /double quote is not closed/],
  ])("a bad table, %s: one sentence and nothing written", async (_, text, sentence) => {
    const at = pairs(1);
    writeFileSync(join(at, "pairs.csv"), text);
    const ran = await pullback(["batch", "pairs.csv", "-o", "out"], { cwd: at });
    expect([2, 3]).toContain(ran.code);
    expect(ran.stderr.trim().split("\n")).toHaveLength(1);
    expect(ran.stderr).toMatch(sentence);
    expect(existsSync(join(at, "out"))).toBe(false);
  });
});
