import * as nodeFs from "node:fs";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ArgumentError, FormatError, MemoryError, OutputError } from "../core/errors.js";
import { nearest } from "./nearest.js";
import { choice, keyOf, numberList, option, output, positive, resolveOptions, text, wholeFromOne } from "./options.js";
import { discardUnfinished, type FileSystem, isFolder, Output } from "./output.js";
import { present } from "./present.js";
import { commands } from "./program.js";
import { Progress } from "./progress.js";

const place = () => mkdtempSync(join(tmpdir(), "pullback-cli-"));

describe("nearest name", () => {
  test("forgives a slip, not another word", () => {
    expect(nearest("regsiter", ["report", "register"])).toBe("register");
    expect(nearest("aply", Object.keys(commands))).toBe("apply");
    expect(nearest("banana", Object.keys(commands))).toBeUndefined();
  });
});

describe("options", () => {
  const definitions = [
    choice("--metric <name>", "which", ["ssd", "ncc", "lncc"]),
    option("--levels <list>", "levels", numberList(wholeFromOne), "numbers such as 4,2,1"),
    option("--alpha <w>", "weight", positive, "a positive number"),
    option("--fixed-mask <file>", "mask", text, "a file"),
    output("where"),
  ];
  const config = (value: unknown) => {
    const path = join(place(), "c.json");
    writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
    return path;
  };
  test("a flag and a key of the config file mean the same, and the flag wins", () => {
    expect(resolveOptions(definitions, { levels: "4,2,1", alpha: "0.5" })).toEqual({ levels: [4, 2, 1], alpha: 0.5 });
    expect(resolveOptions(definitions, {}, config({ levels: [4, 2, 1], alpha: 0.5, "fixed-mask": "m.nii" }))).toEqual({
      levels: [4, 2, 1],
      alpha: 0.5,
      fixedMask: "m.nii",
    });
    expect(resolveOptions(definitions, { alpha: "2" }, config({ alpha: 1 })).alpha).toBe(2);
  });
  test("an unknown key of the config file is an error with the nearest name", () =>
    expect(() => resolveOptions(definitions, {}, config({ metrik: "ssd" }))).toThrow(/no option "metrik"; did you mean "metric"\?/));
  test.each([
    ["metric", "nccc", /--metric: got "nccc"; expected one of ssd, ncc, lncc; did you mean ncc\?/],
    ["alpha", "abc", /--alpha: got "abc"; expected a positive number/],
    ["alpha", "", /--alpha/],
    ["alpha", "-1", /--alpha/],
    ["alpha", "Infinity", /--alpha/],
    ["levels", "4,x", /--levels: got "4,x"; expected numbers such as 4,2,1/],
    ["levels", "4,,1", /--levels/],
    ["levels", "0", /--levels/],
  ])("--%s %s says what was expected", (key, value, sentence) =>
    expect(() => resolveOptions(definitions, { [key]: value })).toThrow(sentence),
  );
  test("a config file that is no JSON object is an error of input", () => {
    expect(() => resolveOptions(definitions, {}, config("{"))).toThrow(FormatError);
    expect(() => resolveOptions(definitions, {}, config([1]))).toThrow(/no JSON object/);
    expect(() => resolveOptions(definitions, {}, join(place(), "none.json"))).toThrow(/cannot be read/);
  });
  test("names turn from dashes to camel-case", () =>
    expect(definitions.map(keyOf)).toEqual(["metric", "levels", "alpha", "fixedMask", "output"]));
});

describe("output", () => {
  test("a path with a slash at its end or without an extension is a folder", () =>
    expect(["out/", "out", "a.b/out", "out.nii.gz", "x.png"].map(isFolder)).toEqual([true, true, true, false, false]));
  test("nothing is there before commit, everything after, and no temporary stays", () => {
    const at = place();
    const out = new Output(join(at, "out"), true);
    out.put("a.txt", "A");
    out.put("b.bin", Uint8Array.of(1, 2));
    expect(readdirSync(at).filter((n) => !n.startsWith("."))).toEqual([]);
    expect(out.commit()).toEqual([join(at, "out", "a.txt"), join(at, "out", "b.bin")]);
    expect(readdirSync(at)).toEqual(["out"]);
    expect(readFileSync(join(at, "out", "a.txt"), "utf8")).toBe("A");
  });
  test("a folder with something in it needs force, which keeps foreign files and takes away those of the earlier run", () => {
    const at = place();
    mkdirSync(join(at, "out"));
    writeFileSync(join(at, "out", "notes.txt"), "mine");
    expect(() => new Output(join(at, "out"), true)).toThrow(/--force/);
    const first = new Output(join(at, "out"), true, { force: true });
    first.put("old.txt", "");
    first.put("run.json", JSON.stringify({ outputs: ["old.txt", "run.json", "../evil"] }));
    first.commit();
    const second = new Output(join(at, "out"), true, { force: true });
    second.put("new.txt", "");
    second.put("run.json", "{}");
    second.commit();
    expect(readdirSync(join(at, "out")).sort()).toEqual(["new.txt", "notes.txt", "run.json"]);
  });
  test("an empty folder may be filled", () => {
    const at = place();
    mkdirSync(join(at, "out"));
    const out = new Output(join(at, "out"), true);
    out.put("a", "");
    out.commit();
    expect(readdirSync(join(at, "out"))).toEqual(["a"]);
  });
  const real: FileSystem = { ...nodeFs };
  const failing = (code: string, name: keyof FileSystem, after = 0): FileSystem => {
    let calls = 0;
    const fail = (...args: unknown[]) => {
      if (calls++ >= after) throw Object.assign(new Error(`${code}: no`), { code });
      return (real[name] as (...a: unknown[]) => unknown)(...args);
    };
    return { ...real, [name]: fail };
  };
  test("a full disk leaves nothing behind and is a matter of resources", () => {
    const at = place();
    const out = new Output(join(at, "out"), true, { fs: failing("ENOSPC", "writeSync", 1) });
    out.put("first", "fits");
    let caught: unknown;
    try {
      out.put("second", "does not");
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(OutputError);
    expect(present(caught)).toEqual({ sentence: expect.stringMatching(/second: the disk is full/), exit: 5 });
    expect(readdirSync(at)).toEqual([]);
  });
  test.each(["EACCES", "EROFS", "ENOTDIR"])("a folder that refuses (%s) is a failure in one sentence", (code) => {
    const at = place();
    let caught: unknown;
    try {
      new Output(join(at, "out", "x.png"), false, { fs: failing(code, "mkdirSync") });
    } catch (error) {
      caught = error;
    }
    expect(present(caught).exit).toBe(1);
    expect(present(caught).sentence).toMatch(/choose another/);
    expect(readdirSync(at)).toEqual([]);
  });
  test("a signal takes away what is half written", () => {
    const at = place();
    new Output(join(at, "out"), true).put("a", "half");
    expect(readdirSync(at)).toHaveLength(1);
    discardUnfinished();
    expect(readdirSync(at)).toEqual([]);
  });
});

describe("errors", () => {
  test.each([
    [new ArgumentError("x: bad"), 2],
    [new FormatError("x: bad"), 3],
    [new MemoryError("x: bad"), 5],
    [new OutputError("x: bad"), 1],
    [new RangeError("Array buffer allocation failed"), 5],
    [Object.assign(new Error("ENOSPC: no space left on device, write '/a/b'"), { code: "ENOSPC" }), 5],
    [new TypeError("boom\n   at somewhere"), 1],
  ])("%s has its exit code and one line", (error, exit) => {
    const shown = present(error);
    expect(shown.exit).toBe(exit);
    expect(shown.sentence).not.toMatch(/\n/);
  });
});

describe("progress", () => {
  const collect = (mode: "bar" | "json") => {
    const lines: string[] = [];
    let time = 0;
    const progress = new Progress(mode, { write: (t) => lines.push(t), now: () => (time += 1000) });
    return { lines, progress };
  };
  test("for machines it is one JSON object a line, with the share done growing to one", () => {
    const { lines, progress } = collect("json");
    for (let level = 0; level < 2; level++)
      for (let iteration = 1; iteration <= 5; iteration++) progress.step({ level, levels: 2, iteration, iterations: 5, value: 1 });
    const shares = lines.map((l) => JSON.parse(l).progress.share);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    expect(JSON.parse(lines[3]).progress.secondsLeft).toBeGreaterThan(0);
  });
  test("on a terminal it is a bar with the time left, and clear takes it away", () => {
    const { lines, progress } = collect("bar");
    progress.step({ level: 0, levels: 1, iteration: 1, iterations: 4 });
    progress.step({ level: 0, levels: 1, iteration: 2, iterations: 4 });
    expect(lines[1]).toMatch(/█+·+ {2}50 %.* s left/);
    progress.clear();
    expect(lines.at(-1)).toBe("\r\u001b[K");
  });
});
