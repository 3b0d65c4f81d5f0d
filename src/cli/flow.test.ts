import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PullbackError } from "../core/errors.js";
import { image } from "../image/index.js";
import { readFlo, readNpy, readTransform, writeImage } from "../io/index.js";
import { command as flow } from "./commands/flow.js";
import { command as stereo } from "./commands/stereo.js";
import { Exit } from "./exit.js";
import { Session } from "./session.js";

const place = mkdtempSync(join(tmpdir(), "pullback-flow-"));
const [width, height] = [72, 56];
const texture = (x: number, y: number) =>
  120 + 45 * Math.sin(x / 2 + Math.sin(y / 5)) + 40 * Math.cos(y / 3 - Math.cos(x / 7)) + 25 * Math.sin((x + 2 * y) / 4);
const put = (name: string, f: (x: number, y: number) => number, size = [width, height]) => {
  const values = Float32Array.from({ length: size[0] * size[1] }, (_, k) => f(k % size[0], Math.floor(k / size[0])));
  for (const [file, bytes] of writeImage(image(values, { size }), name, { clamp: true })) writeFileSync(join(place, file), bytes);
  return join(place, name);
};
const a = put("a.png", texture);
const b = put("b.png", (x, y) => texture(x - 2, y + 1));
const far = put("far.png", (x, y) => texture(x + 6, y));
const small = put("small.png", texture, [40, 30]);
const run = (command: typeof flow, name: string | undefined, options: Record<string, unknown>, files: string[]) => {
  const all = { ...(name ? { output: join(place, name) } : {}), quiet: true, ...options };
  return command.run(new Session(command.name, all), files, all);
};
const say = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: unknown) => {
      expect(error).toBeInstanceOf(PullbackError);
      return (error as Error).message;
    },
  );
const middle = 28 * width + 36;

describe("pullback flow", () => {
  test("writes the flow as .flo, as planes, as colours, and all of it into a folder with a transform and a report", async () => {
    expect((await run(flow, "f.flo", {}, [a, b])).json.status).toBe("ok");
    const f = readFlo(readFileSync(join(place, "f.flo")));
    expect([f.width, f.height, f.u[middle], f.v[middle]]).toEqual([width, height, expect.closeTo(2, 1), expect.closeTo(-1, 1)]);
    await run(flow, "f.npy", { fast: true }, [a, b]);
    expect(readNpy(readFileSync(join(place, "f.npy"))).shape).toEqual([2, height, width]);
    const { json } = await run(flow, "all/", { method: "tvl1" }, [a, b]);
    expect((json.outputs as string[]).map((p) => p.slice(p.lastIndexOf("/") + 1))).toEqual(
      expect.arrayContaining(["flow.flo", "flow.png", "warped.png", "transform.json", "report.html", "run.json"]),
    );
    expect(readFileSync(join(place, "all/report.html"), "utf8")).toContain("B along the flow");
    const files = (name: string) => readFileSync(join(place, "all", name));
    expect(readTransform(files("transform.json"), "transform.json", files).kind).toBe("displacement");
  });
  test("says in a sentence what it cannot take", async () => {
    expect(await say(run(flow, "f.txt", {}, [a, b]))).toContain(".flo, .npy or .png");
    expect(await say(run(flow, "f.flo", {}, [a, small]))).toContain("both must have one size");
    expect((await run(flow, "dry.flo", { dryRun: true }, [a, b])).json.outputs).toEqual([]);
  });
});

describe("pullback stereo", () => {
  test("writes disparities, and points where the cameras are known", async () => {
    const calib = join(place, "calib.txt");
    writeFileSync(calib, "cam0=[60 0 36; 0 60 28; 0 0 1]\nbaseline=2\n");
    expect((await run(stereo, "d.npy", { range: 16 }, [a, far])).json.status).toBe("ok");
    expect(readNpy(readFileSync(join(place, "d.npy"))).data[middle]).toBeCloseTo(6, 0);
    await run(stereo, "d/", { range: 16, calib }, [a, far]);
    const ply = readFileSync(join(place, "d/points.ply"));
    const body = ply.indexOf("end_header\n") + 11;
    expect(ply.readFloatLE(body + 15 * middle + 8)).toBeCloseTo(20, 0); // z = f b / d = 60 · 2 / 6
    expect(readFileSync(join(place, "d/report.html"), "utf8")).toContain("left and right agree");
  });
  test("rectifies by cameras: a pair that is rectified stays as it is", async () => {
    const cameras = join(place, "cameras.json");
    const own = { fx: 60, cx: 35.5, cy: 27.5 };
    writeFileSync(cameras, JSON.stringify({ left: own, right: own, R: [1, 0, 0, 0, 1, 0, 0, 0, 1], t: [-2, 0, 0] }));
    const { json } = await run(stereo, "rect/", { range: 16, cameras }, [a, far]);
    expect((json.rectification as { left: number[] }).left).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1].map((v) => expect.closeTo(v, 9)));
    expect(readNpy(readFileSync(join(place, "rect/disparity.npy"))).data[middle]).toBeCloseTo(6, 0);
    const ply = readFileSync(join(place, "rect/points.ply"));
    expect(ply.readFloatLE(ply.indexOf("end_header\n") + 11 + 15 * middle + 8)).toBeCloseTo(20, 0);
    expect(readFileSync(join(place, "rect/left.png")).length).toBeGreaterThan(100);
  });
  test("rectifies by what the pictures show, and fails with a sentence when that does not tell", async () => {
    const { json, exit } = await run(stereo, "none.npy", { rectify: true }, [a, far]);
    expect([json.status, exit]).toEqual(["failed", Exit.quality]);
    expect(json.reason).toMatch(/matches/);
    expect(await say(run(stereo, "d.npy", { rectify: true, calib: a }, [a, far]))).toContain("--calib is for a rectified pair");
  });
  test("says in a sentence what it cannot take", async () => {
    expect(await say(run(stereo, "p.ply", {}, [a, far]))).toContain("--calib");
    expect(await say(run(stereo, "p.jpg", {}, [a, far]))).toContain(".npy, .png or .ply");
    expect(await say(run(stereo, "d.npy", { calib: a }, [a, far]))).toContain("calibration");
  });
});
