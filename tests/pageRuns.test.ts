import { type ChildProcess, execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { example } from "../app/src/examples.js";
import { readRaw } from "../src/io/index.js";
import { root } from "./built.js";
import { browserPath, builtPage, launch } from "./support/browser.js";
import { folder, pullback } from "./support/cli.js";
import { blobs, put } from "./support/data.js";
import { serve, Tab } from "./support/page.js";

/** What the page computes, what its copied command computes, and what its copied program computes: the same, tab by tab. */
const executablePath = browserPath();
const data = resolve(root, process.env.PULLBACK_DATA ?? "../shared/data", "registration");
if (!executablePath) console.log("No chromium (on PATH, or named by CHROMIUM_PATH): runs of the page are not compared.");
if (!existsSync(data)) console.log("No data folder (PULLBACK_DATA): the page is not tried on real volumes.");

const numbersOf = (text: string): number[] => [...text.matchAll(/-?\d+(?:\.\d+)?(?:e-?\d+)?/gi)].map(Number);
/** The numbers of a file of a result. */
function numbers(bytes: Uint8Array, name: string): number[] {
  if (/\.(json|csv)$/.test(name)) return numbersOf(Buffer.from(bytes).toString());
  return Array.from(readRaw(bytes, name).data as Float32Array, Number);
}
/** The largest difference, as a share of the largest number. */
function apart(a: Uint8Array, b: Uint8Array, name: string): number {
  const [x, y] = [numbers(a, name), numbers(b, name)];
  expect([name, x.length]).toEqual([name, y.length]);
  const size = y.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-30);
  return x.reduce((m, v, k) => Math.max(m, Math.abs(v - y[k])), 0) / size;
}

describe.skipIf(!executablePath)("runs of the page", { timeout: 600_000 }, () => {
  let browser: Browser;
  let served: ChildProcess;
  let url: string;
  beforeAll(async () => {
    await builtPage();
    ({ child: served, url } = await serve());
    browser = await launch(executablePath as string);
  }, 600_000);
  afterAll(async () => {
    await browser?.close();
    served?.kill("SIGINT");
  });
  /** What a program says that runs in a folder; it lies in the checkout, so that "pullback/…" is what was built. */
  const execute = (code: string, cwd: string): string => {
    const file = join(root, "dist", `.copied-${process.pid}.mjs`);
    writeFileSync(file, code);
    return execFileSync(process.execPath, [file], { cwd, encoding: "utf8" });
  };
  const shell = (command: string, cwd: string): void => {
    const program = command.replace(/^pullback /, `'${process.execPath}' '${join(root, "dist/cli/main.js")}' `);
    // A result that is to be looked at has an exit code of its own.
    execFileSync("bash", ["-c", `${program} || [ $? = 4 ]`], { cwd, stdio: ["ignore", "ignore", "pipe"] });
  };

  interface Case {
    readonly tab: string;
    readonly kind?: string;
    readonly example: string;
    /** Labels of the slots, and the files whose names begin so. */
    readonly slots: Readonly<Record<string, string>>;
    readonly choose?: Readonly<Record<string, string>>;
    readonly write?: Readonly<Record<string, string>>;
    /** The file compared, and how far apart it may be: bytes may round otherwise by one where sums go in another order (the page's kernels are the plain build's or the relaxed one's). */
    readonly file: string;
    readonly tolerance: number;
    /** What the program writes has another name, or it prints only. */
    readonly written?: string | false;
  }
  const byte = 1.01 / 255;
  const cases: readonly Case[] = [
    {
      tab: "series",
      kind: "motion",
      example: "series",
      slots: { Series: "frame" },
      choose: { Model: "rigid" },
      file: "corrected-003.png",
      tolerance: byte,
    },
    {
      tab: "series",
      kind: "box",
      example: "film",
      slots: { Series: "film" },
      write: { Box: "36,34,25,25" },
      file: "boxes.csv",
      tolerance: 1e-4,
    },
    {
      tab: "series",
      kind: "labels",
      example: "labelledSeries",
      slots: { Series: "series", "Label map": "labels" },
      file: "labels-005.png",
      tolerance: 0,
    },
    {
      tab: "atlas",
      kind: "atlas",
      example: "group",
      slots: { Images: "subject" },
      choose: { Model: "affine" },
      file: "mean.png",
      tolerance: byte,
    },
    {
      tab: "atlas",
      kind: "segment",
      example: "labelledGroup",
      slots: { "Image to label": "target", "Labelled images": "atlases", "Their label maps": "maps" },
      choose: { Preset: "affine" },
      file: "labels.png",
      tolerance: 0,
    },
    {
      tab: "pictures",
      kind: "homography",
      example: "pictures",
      slots: { "Picture A": "view-1", "Picture B": "view-2" },
      file: "warped.png",
      tolerance: byte,
      written: false,
    },
    { tab: "pictures", kind: "mosaic", example: "views", slots: { Views: "view" }, file: "mosaic.png", tolerance: byte },
    {
      tab: "restore",
      kind: "denoise",
      example: "noisy",
      slots: { Image: "noisy" },
      choose: { Prior: "learned" },
      file: "restored.png",
      tolerance: byte,
    },
    {
      tab: "restore",
      kind: "superres",
      example: "group",
      slots: { Image: "subject-1" },
      choose: { Prior: "nlm" },
      file: "restored.png",
      tolerance: byte,
    },
    { tab: "reconstruct", kind: "ct", example: "sinogram", slots: { Sinogram: "sinogram" }, file: "image.npy", tolerance: 1e-4 },
    {
      tab: "reconstruct",
      kind: "mr",
      example: "kspace",
      slots: { "k-space": "kspace", Mask: "mask" },
      file: "image.npy",
      tolerance: 1e-4,
    },
  ];
  test.each(cases)("$tab, $kind: page, copied command and copied program agree on $file", async (c) => {
    const here = folder();
    const names = example(c.example).map(({ path, bytes }) => {
      writeFileSync(join(here, path), bytes);
      return path;
    });
    const t = await Tab.open(browser, url, c.tab);
    if (c.kind) await t.panel.getByLabel("What to do").selectOption(c.kind);
    for (const [label, begin] of Object.entries(c.slots))
      await t.give(
        label,
        names.filter((n) => n.startsWith(begin)).map((n) => join(here, n)),
      );
    for (const [label, value] of Object.entries(c.choose ?? {})) await t.panel.getByLabel(label, { exact: true }).selectOption(value);
    for (const [label, value] of Object.entries(c.write ?? {})) await t.panel.getByLabel(label, { exact: true }).fill(value);
    await t.run();
    expect(await t.refused).toEqual([]);
    expect(await t.panel.locator(".result canvas").count()).toBeGreaterThan(0);
    const ours = await t.download(c.file);
    const [command, code] = [await t.copied("Copy as command"), await t.copied("Copy as code")];
    expect(t.faults).toEqual([]);
    await t.close();
    shell(command, here);
    expect(apart(ours, readFileSync(join(here, "out", c.file)), c.file)).toBeLessThanOrEqual(c.tolerance);
    expect(execute(code, here)).toMatch(/^(ok|suspect|check)/);
    if (c.written !== false)
      expect(apart(readFileSync(join(here, c.file)), readFileSync(join(here, "out", c.file)), c.file)).toBeLessThanOrEqual(c.tolerance);
  });

  test("a start by hand is where the run begins, and a file that the copied command takes", async () => {
    const here = folder();
    const size = [28, 26, 24];
    put(here, { "fixed.nii.gz": blobs(size), "moving.nii.gz": blobs(size, [2, -1, 1]) });
    const t = await Tab.open(browser, url, "register");
    await t.give("Fixed image", join(here, "fixed.nii.gz"));
    await t.give("Moving image", join(here, "moving.nii.gz"));
    await t.panel.getByText("A start by hand").click();
    const axial = t.panel.locator("canvas[aria-label^='Moving over fixed, axial']");
    await axial.waitFor({ timeout: 120_000 });
    // Four voxels of 1 mm to the right of the picture, which is the patient's left, +x: what is drawn there is looked up at −x.
    await axial.focus();
    for (let k = 0; k < 4; k++) await t.page.keyboard.press("ArrowRight");
    await t.panel.locator("input[value=turn]").check({ force: true });
    await axial.focus();
    for (let k = 0; k < 3; k++) await t.page.keyboard.press("ArrowRight");
    await t.panel.getByLabel("Preset").selectOption("affine");
    expect(await t.panel.locator("code.command").first().textContent()).toBe(
      "pullback register fixed.nii.gz moving.nii.gz -o out/ --preset affine --init start.tfm",
    );
    const [file] = await Promise.all([t.page.waitForEvent("download"), t.panel.getByRole("button", { name: "Save the start" }).click()]);
    copyFileSync(await file.path(), join(here, "start.tfm"));
    const [, parameters] = /Parameters: (.*)/.exec(readFileSync(join(here, "start.tfm"), "utf8")) ?? [];
    const given = parameters.split(" ").map(Number);
    // Then three degrees about the crosshair (14, 13, 12): p ↦ Q (p − c) + c − (4, 0, 0).
    const [c, s] = [Math.cos((3 * Math.PI) / 180), Math.sin((3 * Math.PI) / 180)];
    const expected = [c, s, 0, -s, c, 0, 0, 0, 1, 14 * (1 - c) - 13 * s - 4, 13 * (1 - c) + 14 * s, 0];
    expect(given).toEqual(expected.map((v) => expect.closeTo(v, 9)));
    await t.run();
    expect(await t.refused).toEqual([]);
    const [command, code] = [await t.copied("Copy as command"), await t.copied("Copy as code")];
    const ours = await t.download("transform.json");
    expect(t.faults).toEqual([]);
    await t.close();
    shell(command, here);
    expect(apart(ours, readFileSync(join(here, "out/transform.json")), "transform.json")).toBeLessThanOrEqual(1e-5);
    expect(execute(code, here)).toMatch(/^(ok|suspect)/);
    expect(
      apart(readFileSync(join(here, "transform.json")), readFileSync(join(here, "out/transform.json")), "transform.json"),
    ).toBeLessThanOrEqual(1e-5);
  });

  test.skipIf(!existsSync(data))(
    "two brains are dropped, aligned, looked at in every way and downloaded; files are the command line's",
    async () => {
      const brains = ["A.nii.gz", "B.nii.gz"].map((n) => join(data, "brain3d_oasis", n));
      const t = await Tab.open(browser, url, "register");
      await t.give("Fixed image", brains[0]);
      await t.give("Moving image", brains[1]);
      await t.panel.getByLabel("Preset").selectOption("affine");
      await t.run();
      expect(await t.refused).toEqual([]);
      const seen = new Set<string>();
      const canvas = t.panel.locator(".result canvas").first();
      for (const mode of ["layer-0", "layer-1", "layer-2", "overlay", "checker", "curtain", "difference", "edges", "grid"]) {
        await t.panel.locator(`.result input[value=${mode}]`).check({ force: true });
        await t.drawn();
        seen.add(await canvas.evaluate((c) => (c as HTMLCanvasElement).toDataURL()));
      }
      expect(seen.size).toBe(9);
      // Another slice by key, and a picture that is brighter.
      await t.panel.locator(".result input[value=layer-0]").check({ force: true });
      await t.drawn();
      const before = await canvas.evaluate((c) => (c as HTMLCanvasElement).toDataURL());
      await canvas.focus();
      await t.page.keyboard.press("PageUp");
      await t.drawn();
      const next = await canvas.evaluate((c) => (c as HTMLCanvasElement).toDataURL());
      expect(next).not.toBe(before);
      await t.panel.locator(".result").getByText("Brightness and contrast").first().click();
      await t.panel.getByLabel("Fixed and moving, aligned: contrast").focus();
      for (let k = 0; k < 10; k++) await t.page.keyboard.press("ArrowRight");
      await t.drawn();
      expect(await canvas.evaluate((c) => (c as HTMLCanvasElement).toDataURL())).not.toBe(next);
      const out = join(folder(), "cli");
      const { code } = await pullback(["register", ...brains, "-o", `${out}/`, "--preset", "affine", "--json"]);
      expect([0, 4]).toContain(code); // two heads are not one: the verdict may say so, in both the same
      const names = await t.panel.locator(".result .files button").allTextContents();
      expect([...names].sort()).toEqual(readdirSync(out).sort());
      // Sines and exponentials of two JavaScript engines differ in their last bit, and steps that end by a tolerance add that up: points come to the same
      // place to 1e-5 of the head's size, and so do gray levels in the mean; at the steepest edges a single voxel may be ten times as far off.
      type Linear = { matrix: number[][]; offset: number[] };
      type File = { forward: Linear[]; from: { grid: { size: number[]; spacing: number[]; origin: number[]; direction: number[] } } };
      const read = (b: Uint8Array) => JSON.parse(Buffer.from(b).toString()) as File;
      const [ours, theirs] = [read(await t.download("transform.json")), read(readFileSync(join(out, "transform.json")))];
      const { size, spacing, origin, direction } = theirs.from.grid;
      const extent = Math.max(...size.map((n, k) => n * spacing[k]));
      const carried = ({ matrix, offset }: Linear, p: number[]) =>
        offset.map((o, r) => o + p.reduce((q, v, k) => q + matrix.flat()[3 * r + k] * v, 0));
      for (let corner = 0; corner < 8; corner++) {
        const index = size.map((n, k) => (corner & (1 << k) ? n - 1 : 0));
        const p = origin.map((o, r) => o + index.reduce((q, v, k) => q + direction[3 * r + k] * spacing[k] * v, 0));
        const [a, b] = [carried(ours.forward[0], p), carried(theirs.forward[0], p)];
        expect(Math.hypot(...a.map((v, k) => v - b[k]))).toBeLessThanOrEqual(1e-5 * extent);
      }
      const warped = [await t.download("warped.nii.gz"), readFileSync(join(out, "warped.nii.gz"))].map((b) => numbers(b, "warped.nii.gz"));
      const white = warped[1].reduce((m, v) => Math.max(m, v), 0);
      const meanDifference = warped[0].reduce((s, v, k) => s + Math.abs(v - warped[1][k]), 0) / warped[0].length;
      expect(meanDifference / white).toBeLessThanOrEqual(1e-5);
      expect(apart(await t.download("warped.nii.gz"), readFileSync(join(out, "warped.nii.gz")), "warped.nii.gz")).toBeLessThanOrEqual(5e-4);
      const verdict = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()).verdict;
      expect(verdict(await t.download("run.json"))).toEqual(verdict(readFileSync(join(out, "run.json"))));
      expect(t.faults).toEqual([]);
      await t.close();
    },
  );
});
