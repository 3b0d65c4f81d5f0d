import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, builtPage, launch } from "./support/browser.js";
import { folder, pullback } from "./support/cli.js";
import { blobs, picture, put } from "./support/data.js";
import { dicomSlice } from "./support/dicom.js";
import { serve, Tab } from "./support/page.js";

/** Ways into the page and through it: a dropped folder, the keyboard alone, files that are no images. */
const executablePath = browserPath();

describe.skipIf(!executablePath)("ways through the page", { timeout: 600_000 }, () => {
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
  const size = [24, 22, 20];

  test("a folder of DICOM slices is dropped as it is", async () => {
    const there = folder();
    mkdirSync(join(there, "head"));
    const volume = blobs([24, 22, 12]);
    for (let z = 0; z < 12; z++) {
      const pixels = Uint16Array.from({ length: 24 * 22 }, (_, i) => Math.round(Number(volume.data[z * 24 * 22 + i])));
      const slice = dicomSlice({ series: "1.2.3.4.6", z: 2.5 * z, number: z + 1, pixels, rows: 22, columns: 24, slope: 1, intercept: 0 });
      writeFileSync(join(there, "head", `IM${z}`), slice);
    }
    const t = await Tab.open(browser, url, "register");
    const cdp = await t.page.context().newCDPSession(t.page);
    const box = (await t.panel.locator(".slot").first().boundingBox()) as { x: number; y: number; width: number; height: number };
    const at = {
      x: box.x + box.width / 2,
      y: box.y + box.height / 2,
      data: { items: [], files: [join(there, "head")], dragOperationsMask: 1 },
    };
    for (const type of ["dragEnter", "dragOver", "drop"] as const) await cdp.send("Input.dispatchDragEvent", { type, ...at });
    await t.panel.locator(".slot .chosen").first().getByText("head").waitFor({ timeout: 30_000 });
    // It is looked at at once: three planes of 24 × 22 × 12 samples.
    await t.panel.getByText("The images as they came, and landmarks").click({ timeout: 120_000 });
    await t.panel.getByLabel("Fixed, as it came: axial slice").waitFor({ timeout: 120_000 });
    expect(await t.panel.getByLabel("Fixed, as it came: axial slice").getAttribute("max")).toBe("11");
    expect(await t.panel.locator("code.command").first().textContent()).toContain("register head ");
    expect(t.faults).toEqual([]);
    await t.close();
  });

  test("a whole run by the keyboard alone, from choosing files to keeping the result", async () => {
    const paths = put(folder(), { "f.nii.gz": blobs(size), "m.nii.gz": blobs(size, [2, -1, 1]) });
    const t = await Tab.open(browser, url, "register");
    const { page, panel } = t;
    const tabTo = async (goal: Locator): Promise<void> => {
      for (let k = 0; k < 80; k++) {
        if (await goal.evaluate((e) => e === document.activeElement)) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`the keyboard does not reach ${goal}`);
    };
    for (const [label, path] of [
      ["Fixed image", paths["f.nii.gz"]],
      ["Moving image", paths["m.nii.gz"]],
    ]) {
      await tabTo(panel.getByLabel(label, { exact: false }).first());
      // A chromium that is driven lets a key open a second chooser only after another key.
      for (let k = 0; k < 4; k++) {
        const opened = page.waitForEvent("filechooser", { timeout: 8000 }).catch(() => undefined);
        await page.keyboard.press("Enter");
        const chooser = await opened;
        await chooser?.setFiles(path);
        if (chooser) break;
      }
    }
    expect(await panel.locator(".slot.full").count()).toBe(2);
    await tabTo(panel.getByLabel("Preset"));
    await page.keyboard.type("tra");
    expect(await panel.getByLabel("Preset").inputValue()).toBe("translation");
    await tabTo(panel.locator("button.main"));
    await page.keyboard.press("Enter");
    await t.ended();
    expect(await t.refused).toEqual([]);
    // The result has the focus, so that the next Tab leads into it.
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Result");
    await tabTo(panel.locator(".result .choices input:checked").first());
    await page.keyboard.press("ArrowRight");
    expect(await panel.locator(".result .choices input:checked").first().getAttribute("value")).toBe("flicker");
    const file = panel.locator(".result .files button", { hasText: "transform.json" }).first();
    await tabTo(file);
    const [kept] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
    expect(kept.suggestedFilename()).toBe("transform.json");
    // With its result the page still fits a phone.
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    expect(t.faults).toEqual([]);
    await t.close();
  });

  test("files that are no images are refused in the command line's words, and the page goes on", async () => {
    const here = folder();
    const good = blobs(size);
    const hole = { ...good, data: Float32Array.from(good.data as Float32Array, (v, i) => (i % 3 === 0 ? Number.NaN : v)) };
    put(here, {
      "f.nii.gz": good,
      "m.nii.gz": blobs(size, [1, 0, 0]),
      "empty.nii.gz": new Uint8Array(),
      "notes.nii.gz": "these are notes, and no image",
      "letter.docx": "no image either",
      "flat.png": picture([24, 22]),
      "holes.nii.gz": hole,
      "even.nii.gz": { ...good, data: new Float32Array(good.data.length) },
    });
    const t = await Tab.open(browser, url, "register");
    await t.give("Fixed image", join(here, "f.nii.gz"));
    await t.panel.getByLabel("Preset").selectOption("translation");
    for (const name of ["empty.nii.gz", "notes.nii.gz", "letter.docx", "flat.png", "holes.nii.gz", "even.nii.gz"]) {
      await t.give("Moving image", join(here, name));
      await t.run();
      const said = (await t.refused).join(" ");
      if (name === "letter.docx") {
        // Other readers come as packages on the command line; the page names what it knows.
        expect(said).toMatch(/^reading letter\.docx is not possible in the page, which knows NIfTI.*pullback convert/i);
        continue;
      }
      const { json, code } = await pullback(["register", "f.nii.gz", name, "-o", "never/", "--preset", "translation", "--json"], {
        cwd: here,
      });
      if (code === 0 || code === 4) {
        // What the command line takes (holes are left out of the sum) the page takes too.
        expect([name, said]).toEqual([name, ""]);
        continue;
      }
      expect([name, said.toLowerCase()]).toEqual([name, json.reason.toLowerCase()]);
      expect(said.length).toBeGreaterThan(30);
    }
    await t.give("Moving image", join(here, "m.nii.gz"));
    await t.run();
    expect(await t.refused).toEqual([]);
    expect(t.faults).toEqual([]);
    await t.close();
  });
});
