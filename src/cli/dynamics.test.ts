import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PullbackError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { image } from "../image/index.js";
import { rawFromImage, writeRawFiles } from "../io/index.js";
import { command } from "./commands/motion.js";
import { readColumn } from "./dynamics.js";
import { Session } from "./session.js";

const place = mkdtempSync(join(tmpdir(), "pullback-dynamics-"));
const put = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(place, name), content);
  return join(place, name);
};
const random = seeded(9);
const [W, H, T] = [36, 32, 6];
const frames = Array.from({ length: T }, (_, t) =>
  Float32Array.from({ length: W * H }, (_, i) => {
    const [x, y] = [(i % W) - 0.7 * Math.sin(t), Math.floor(i / W)];
    const disc = 1 / (1 + Math.exp(2 * (Math.hypot(x - 18, y - 16) - 8)));
    return 40 + 8 * Math.sin(x / 2) * Math.cos(y / 3) + disc * (20 + 8 * t) + random.normal();
  }),
);
const whole = image(Float32Array.from(frames.flatMap((f) => Array.from(f))), { size: [W, H] });
const files = (spacing?: number) => writeRawFiles(rawFromImage(whole, { channelKind: "time", frameSpacing: spacing }), "series.nrrd");
const series = put("series.nrrd", files().get("series.nrrd") as Uint8Array);
const regions = image(
  Float32Array.from({ length: W * H }, (_, i) => (Math.hypot((i % W) - 18, Math.floor(i / W) - 16) < 6 ? 2 : 0)),
  { size: [W, H] },
);
const labels = put("labels.nrrd", writeRawFiles(rawFromImage(regions), "labels.nrrd").get("labels.nrrd") as Uint8Array);
const times = put("times.csv", `frame,time\n${Array.from({ length: T }, (_, t) => `${t},${2 * t + 1}`).join("\n")}\n`);
const run = (name: string, options: Record<string, unknown>) => {
  const all = { output: join(place, name), quiet: true, ...options };
  return command.run(new Session("motion", all), [series], all);
};
const say = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: unknown) => {
      expect(error).toBeInstanceOf(PullbackError);
      return (error as Error).message;
    },
  );

describe("motion with dynamics", () => {
  test("writes the series, parameter maps, curves of regions, a run and a report", async () => {
    const { json } = await run("low/", { dynamics: "exponential", times, labels, model: "translation" });
    const written = readdirSync(join(place, "low"));
    for (const name of ["corrected.nrrd", "map-offset.nrrd", "map-tau.nrrd", "motion.csv", "curves.csv", "run.json", "report.html"])
      expect(written).toContain(name);
    const rows = readFileSync(join(place, "low/curves.csv"), "utf8").trim().split("\n");
    expect(rows[0]).toBe("frame,time,label,voxels,value,mean,core,model,x,y");
    expect(rows.length).toBe(T + 1);
    const last = rows[T].split(",").map(Number);
    expect(last.slice(0, 3)).toEqual([5, 11, 2]);
    const first = rows[1].split(",").map(Number);
    expect(last[4] - first[4]).toBeGreaterThan(30); // 40, less what the disc's soft rim takes
    expect((json.curves as unknown[]).length).toBe(T);
  });
  test("without dynamics labels give curves too", async () => {
    await run("plain/", { labels, model: "translation" });
    expect(readFileSync(join(place, "plain/curves.csv"), "utf8").split("\n")[1]).toMatch(/^0,0,2,/);
  });
  test("what is missing or does not fit: one sentence each, and nothing is written", async () => {
    const short = put("short.csv", "1\n2\n3\n");
    const two = put("two.csv", "a,b\n1,2\n");
    const odd = put("odd.csv", "time\n1\nx\n");
    expect(await say(run("a/", { dynamics: "t1" }))).toMatch(/times are missing/);
    expect(await say(run("a/", { dynamics: "t1", times: short }))).toMatch(/3 times came for 6 frames/);
    expect(await say(run("a/", { dynamics: "t1", times: two }))).toMatch(/none is named time/);
    expect(await say(run("a/", { dynamics: "t1", times: odd }))).toMatch(/row 2 holds no finite number/);
    expect(await say(run("a/", { dynamics: "t1", times: join(place, "none.csv") }))).toMatch(/cannot be read/);
    expect(await say(run("a/", { dynamics: "tofts", times }))).toMatch(/arterial input is missing/);
    expect(await say(run("a/", { dynamics: "lowrank", components: 4 }))).toMatch(/6 frames came; at least 7/);
    expect(await say(run("a/", { dynamics: "free", components: 4 }))).toMatch(/--components goes with/);
    expect(await say(run("a/", { components: 4 }))).toMatch(/--components goes with --dynamics/);
    expect(readdirSync(place)).not.toContain("a");
  });
  test("columns of CSV files: by name, or the only one", () => {
    expect(readColumn(times, ["time"])).toEqual([1, 3, 5, 7, 9, 11]);
    expect(readColumn(put("plain.csv", "0.5\r\n1\r\n"), ["time"])).toEqual([0.5, 1]);
    expect(readColumn(put("named.csv", "seconds\n4\n"), ["time"])).toEqual([4]);
    expect(() => readColumn(put("empty.csv", ""), ["time"])).toThrow(/no numbers/);
  });
});
