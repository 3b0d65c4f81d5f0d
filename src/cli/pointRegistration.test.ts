import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PullbackError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { readPoints, readTransform, writePoints } from "../io/index.js";
import { Tensor } from "../tensor/index.js";
import { command } from "./commands/register.js";
import { Session } from "./session.js";

const place = mkdtempSync(join(tmpdir(), "pullback-points-"));
const put = (name: string, points: number[][], columns = new Map<string, string[]>()) => {
  const path = join(place, name);
  writeFileSync(path, writePoints({ dimension: points[0].length, points: points.flat(), columns }));
  return path;
};
const random = seeded(4);
const points = Array.from({ length: 60 }, () => [80 * random.uniform(), 50 * random.uniform()]);
const turn = ([x, y]: number[]) => [0.8 * x - 0.6 * y + 7, 0.6 * x + 0.8 * y - 3];
const fixed = put("fixed.csv", points);
const moving = put("moving.csv", points.map(turn), new Map([["name", points.map((_, i) => `p${i}`)]]));
const run = async (name: string, options: Record<string, unknown>, files = [fixed, moving]) => {
  const all = { output: join(place, name), quiet: true, ...options };
  return command.run(new Session("register", all), files, all);
};
const say = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: unknown) => {
      expect(error).toBeInstanceOf(PullbackError);
      return (error as Error).message;
    },
  );

describe("register with point files", () => {
  test("writes a transform, the moving points on the fixed ones with their columns, a run and a report", async () => {
    const { json, exit } = await run("pairs/", { paired: true, preset: "rigid", fixedPoints: fixed, movingPoints: moving });
    expect([json.status, exit ?? 0]).toEqual(["ok", 0]);
    const warped = readPoints(readFileSync(join(place, "pairs/warped.csv")));
    expect(warped.columns.get("name")?.[5]).toBe("p5");
    warped.points.forEach((v, i) => {
      expect(v).toBeCloseTo(points.flat()[i], 9);
    });
    const t = readTransform(readFileSync(join(place, "pairs/transform.json")), "transform.json");
    const [x, y] = t.apply(Tensor.from(Float64Array.of(1, 2), [1, 2])).data;
    expect([x, y]).toEqual(turn([1, 2]).map((v) => expect.closeTo(v, 9)));
    const told = JSON.parse(readFileSync(join(place, "pairs/run.json"), "utf8"));
    expect(told.figures.landmarks.pairs).toBe(60);
    expect(told.figures.landmarks.before.mean).toBeGreaterThan(10);
    expect(told.figures.landmarks.after.mean).toBeLessThan(1e-9);
    expect(readFileSync(join(place, "pairs/report.html"), "utf8")).toMatch(/<img src="data:image\/png/);
  });
  test("options of clouds reach the method, and images refuse them", async () => {
    const { json } = await run("drift/", { matching: "drift", smoothness: 30, reach: 20 });
    expect(json.status).toBe("ok");
    const told = JSON.parse(readFileSync(join(place, "drift/run.json"), "utf8"));
    expect(told.plan).toMatch(/affine and non-rigid drift; kernel of 30 mm/);
    expect(told.options).toMatchObject({ matching: "drift", smoothness: 30, reach: 20 });
    expect(await say(run("odd/", { outliers: 0.2 }, ["a.png", "b.png"]))).toMatch(/--outliers is for two point files/);
  });
  test("without --paired partners are found, and the deformation's files are read back", async () => {
    const { json } = await run("clouds/", {});
    expect(json.status).toBe("ok");
    const t = readTransform(readFileSync(join(place, "clouds/transform.json")), "transform.json", (n) =>
      readFileSync(join(place, "clouds", n)),
    );
    expect(t.kind).toBe("composite");
  });
  test("bad input gets one sentence", async () => {
    const short = put("short.csv", points.slice(1));
    const space = put(
      "space.csv",
      points.map(([x, y]) => [x, y, 0]),
    );
    expect(await say(run("a/", { paired: true }, [fixed, short]))).toMatch(/60 fixed points and 59 moving points are no pairs/);
    expect(await say(run("a/", {}, [fixed, space]))).toMatch(/space.csv: the points are 3-D but 2-D ones were expected/);
    expect(await say(run("a/", {}, [fixed, join(place, "image.png")]))).toMatch(/give two images or two point files/);
    expect(await say(run("a/", { metric: "mi" }))).toMatch(/--metric is for images/);
    expect(await say(run("a/", { fixedPoints: fixed }))).toMatch(/--fixed-points came alone/);
    expect(await say(run("a/", { fixedPoints: fixed, movingPoints: short }))).toMatch(/short.csv: 59 points, but fixed.csv holds 60/);
    expect(await say(run("a/", { preset: "homography" }))).toMatch(/homography is for images/);
  });
});
