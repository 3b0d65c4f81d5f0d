import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PullbackError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { readNpy, writeNpy } from "../io/index.js";
import { fourierOperator } from "../operators/index.js";
import { coilPhantom } from "../reconstruction/index.js";
import { stack, Tensor } from "../tensor/index.js";
import { command } from "./commands/reconstruct.js";
import { Session } from "./session.js";

const place = mkdtempSync(join(tmpdir(), "pullback-gating-"));
const put = (name: string, x: Tensor | ArrayLike<number>) => {
  const tensor = x instanceof Tensor ? x : Tensor.from(Float32Array.from(x), [x.length]);
  const bytes = writeNpy({ shape: [...tensor.shape], data: Float32Array.from(tensor.data), complex: tensor.dtype === "c64" });
  writeFileSync(join(place, name), bytes);
  return join(place, name);
};
// A heart that beats every 20 lines while rows are measured in no order; the middle of k-space is measured with every line.
const [h, w, cycle, phases] = [40, 32, 20, 10];
const random = seeded(11);
const n = 40 * cycle;
const beats = Array.from({ length: cycle }, (_, k) => coilPhantom([h, w], 1, 0.2 * Math.sin((2 * Math.PI * k) / cycle)).image);
const spectra = beats.map((x) => fourierOperator([h, w]).apply(x));
const order = Int32Array.from({ length: n }, () => Math.floor(random.uniform() * h));
const lines = put("lines.npy", stack(Array.from(order, (row, k) => spectra[k % cycle].at(row))));
const rows = put("rows.npy", order);
const centre = put("centre.npy", stack(Array.from(order, (_, k) => spectra[k % cycle].at(h / 2).slice([w / 2 - 1], [w / 2 + 2]))));
const run = (name: string, options: Record<string, unknown>, input = lines) => {
  const all = { output: join(place, name), quiet: true, ...options };
  return command.run(new Session("reconstruct", all), ["mr", input], all);
};
const say = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: unknown) => {
      expect(error).toBeInstanceOf(PullbackError);
      return (error as Error).message;
    },
  );
const gate = { gate: phases, rows, navigator: centre, height: h };

describe("reconstruct mr of lines that a navigator sorts", () => {
  test("gives the frames of one beat, in their order, with phases, a run and a report", async () => {
    const { json } = await run("gated/", gate);
    expect((json as { figures: { period: number } }).figures.period).toBeCloseTo(cycle, 0);
    expect(readdirSync(join(place, "gated")).sort()).toEqual(["frames.npy", "phases.npy", "report.html", "run.json"]);
    const a = readNpy(readFileSync(join(place, "gated/frames.npy")));
    expect(a.shape).toEqual([phases, h, w]);
    const frames = Tensor.from(Float32Array.from(a.data as ArrayLike<number>), a.shape, "c64");
    const found = readNpy(readFileSync(join(place, "gated/phases.npy"))).data as Float32Array;
    const first = found.findIndex((p, k) => p === 0 && found[k - 1] !== 0);
    // A frame is nearer to the picture of its own two moments of the beat than to that of half a beat later.
    const off = (p: number, later: number) =>
      frames
        .at(p)
        .sub(beats[(first + 2 * p + later) % cycle])
        .norm()
        .item();
    expect(off(2, 0)).toBeLessThan(0.6 * off(2, 10));
    expect(off(7, 0)).toBeLessThan(0.6 * off(7, 10));
    expect(readFileSync(join(place, "gated/report.html"), "utf8")).toContain("Navigator");
  });
  test("a signal of real numbers gates as well, with a method of the user's", async () => {
    const belt = put(
      "belt.npy",
      Array.from({ length: n }, (_, k) => 3 + Math.cos((2 * Math.PI * k) / cycle)),
    );
    const { json } = await run("belt.npy.out.npy", { ...gate, navigator: belt, dynamic: "temporalWavelet", iterations: 5 });
    expect((json as { dynamic: string }).dynamic).toBe("temporalWavelet");
  });
  test("what is missing or does not belong together is named", async () => {
    expect(await say(run("a.npy", { gate: 8, rows }))).toMatch(/--navigator/);
    expect(await say(run("a.npy", { gate: 8, navigator: centre }))).toMatch(/--rows/);
    expect(await say(run("a.npy", { rows }))).toMatch(/--gate PHASES/);
    expect(await say(run("a.npy", { ...gate, mask: rows }))).toMatch(/leave it out/);
    expect(await say(run("a.npy", { ...gate, height: undefined }))).toMatch(/0 to 31.*--height/);
    expect(await say(run("a.npy", { ...gate, rows: put("few.npy", [1, 2]) }))).toMatch(/for 800 lines/);
    expect(await say(run("a.npy", { ...gate, navigator: put("still.npy", new Float32Array(n).fill(2)) }))).toMatch(/constant/);
    expect(await say(run("a.npy", gate, put("real.npy", new Float32Array(n))))).toMatch(/complex/);
  });
});
