import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeNpy } from "../io/index.js";
import { command as reconstruct } from "./commands/reconstruct.js";
import { command as superres } from "./commands/superres.js";
import { Session } from "./session.js";

const place = mkdtempSync(join(tmpdir(), "pullback-idle-"));
const file = (name: string, shape: number[]) => {
  const path = join(place, name);
  writeFileSync(path, writeNpy({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5) }));
  return path;
};
const picture = file("picture.npy", [8, 8]);
const video = file("video.npy", [4, 8, 8]);
const sinogram = file("sinogram.npy", [6, 16]);
const say = async (command: typeof superres, paths: string[], options: Record<string, unknown>) => {
  const all = { output: join(place, "out.npy"), quiet: true, ...options };
  return command.run(new Session(command.name, all), paths, all).then(
    () => "no error",
    (error: unknown) => (error as Error).message,
  );
};

describe("options that would do nothing are refused", () => {
  test("superres: what belongs to several frames, and what belongs to one image", async () => {
    for (const [key, value] of [
      ["psf", "1"],
      ["motion", "rigid"],
      ["jacobian", "fixed"],
      ["brightness", "equal"],
      ["pixel", "point"],
    ])
      expect(await say(superres, [picture], { scale: [2], [key]: value })).toMatch(new RegExp(`^--${key}: it goes with --frames`));
    const frames = { frames: [video], scale: [2] };
    expect(await say(superres, [], { ...frames, solver: "fista" })).toMatch(/^--solver: it is for one image/);
    expect(await say(superres, [], { ...frames, scaleData: "auto" })).toMatch(/^--scale-data auto: it is for one image/);
    expect(await say(superres, [], { ...frames, lambda: "auto:gcv" })).toMatch(/^--lambda auto:gcv: rules are for/);
    expect(await say(superres, [picture], { scale: [2], lambdaRule: "gcv" })).toMatch(/^--lambda-rule: superres has none/);
    expect(await say(superres, [picture], { scale: [2], fidelity: "l1" })).toMatch(/^--fidelity: superres has none/);
  });
  test("superres --frames: a negative blur, and a file of transforms that is none", async () => {
    const frames = { frames: [video], scale: [2] };
    expect(await say(superres, [], { ...frames, psf: "-1" })).toMatch(/^--psf: got "-1"; a standard deviation/);
    expect(await say(superres, [], { ...frames, motion: `known:${picture}` })).toMatch(/picture\.npy: this is no JSON; expected/);
  });
  test("reconstruct ct: a closed form has no iterations, and the axis of rotation lies on the detector", async () => {
    const ct = (o: Record<string, unknown>) => say(reconstruct, ["ct", sinogram], { angles: "0:180", ...o });
    expect(await ct({ prior: "none", iterations: 5 })).toMatch(/^--iterations: filtered back-projection is a closed form/);
    expect(await ct({ solver: "fbp", low: "0" })).toMatch(/^--low: filtered/);
    expect(await ct({ prior: "none", centre: "400" })).toMatch(/axis of rotation at bin 400 of a detector with bins 0 to 15/);
  });
});
