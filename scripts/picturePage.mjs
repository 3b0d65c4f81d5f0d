/**
 * Draws docs/images/page.png and docs/images/pagePhone.png: the page after its own example, a phantom.
 *     npm run build && npm run build:page && node scripts/picturePage.mjs
 * Needs chromium (on PATH, or named by CHROMIUM_PATH).
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const executablePath =
  process.env.CHROMIUM_PATH ??
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((f) => join(f, "chromium"))
    .find((f) => existsSync(f));
const server = spawn(process.execPath, [join(root, "dist/cli/main.js"), "serve", "--no-open", "--json", "--port", "0"]);
const url = await new Promise((done) => server.stdout.once("data", (d) => done(JSON.parse(String(d)).url)));
const browser = await chromium.launch({ executablePath, headless: true, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1040, height: 900 } });
await page.goto(`${url}#register`);
await page.getByRole("button", { name: "Try an example" }).click();
await page.getByLabel("Preset").selectOption("diffeo");
await page.locator("button.main:enabled").click();
await page.locator(".result[data-shown]").waitFor({ timeout: 300_000 });
await page.locator(".result input[value=checker]").check({ force: true });
await page.mouse.move(0, 0);
await page.evaluate(() => document.activeElement?.blur());
await page.waitForTimeout(500);
const end = await page.locator(".result .viewer").first().boundingBox();
const scroll = await page.evaluate(() => scrollY);
await page.screenshot({
  path: join(root, "docs/images/page.png"),
  fullPage: true,
  clip: { x: 0, y: 0, width: 1040, height: end.y + scroll + end.height + 16 },
});
await page.setViewportSize({ width: 375, height: 760 });
await page.locator(".result h2").scrollIntoViewIfNeeded();
await page.evaluate(() => document.querySelector(".result")?.scrollIntoView());
await page.waitForTimeout(300);
await page.screenshot({ path: join(root, "docs/images/pagePhone.png") });
await browser.close();
server.kill("SIGINT");
