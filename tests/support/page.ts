import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { root } from "../built.js";

/** The page as `pullback serve` serves it. */
export async function serve(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [join(root, "dist/cli/main.js"), "serve", "--no-open", "--json", "--port", "0"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (d) => resolve(JSON.parse(String(d)).url));
    child.once("exit", (code) => reject(new Error(`serve ended with ${code}`)));
  });
  return { child, url };
}

/** One tab of the page as a person uses it. Whatever it asks of the network beyond its own server, and every error, is kept in `faults`. */
export class Tab {
  readonly faults: string[] = [];
  readonly page: Page;
  readonly panel: Locator;
  private constructor(page: Page, tab: string) {
    this.page = page;
    this.panel = page.locator(`#panel-${tab}`);
  }
  static async open(browser: Browser, url: string, tab: string, viewport = { width: 1280, height: 900 }): Promise<Tab> {
    const context = await browser.newContext({ viewport, acceptDownloads: true, permissions: ["clipboard-read", "clipboard-write"] });
    const page = await context.newPage();
    const t = new Tab(page, tab);
    page.on("request", (r) => {
      if (!r.url().startsWith(url) && !/^(blob|data):/.test(r.url())) t.faults.push(`asked for ${r.url()}`);
    });
    page.on("pageerror", (e) => t.faults.push(String(e)));
    page.on("console", (m) => {
      if (m.type() === "error") t.faults.push(m.text());
    });
    await page.goto(`${url}#${tab}`);
    return t;
  }
  close(): Promise<void> {
    return this.page.context().close();
  }
  give(label: string, files: string | readonly string[]): Promise<void> {
    return this.panel.getByLabel(label, { exact: false }).first().setInputFiles(files);
  }
  /** Ends when the result is shown, or a refusal. */
  async run(): Promise<void> {
    await this.panel.locator("button.main:enabled").click();
    await this.ended();
  }
  async ended(): Promise<void> {
    const result = this.panel.locator(".result[data-shown]");
    await result.or(this.panel.locator("[role=alert]:visible")).first().waitFor({ timeout: 280_000 });
  }
  get refused(): Promise<string[]> {
    return this.panel.locator("[role=alert]:visible").allTextContents();
  }
  /** A file of the result, as the page hands it to the person. */
  async download(name: string): Promise<Buffer> {
    const [file] = await Promise.all([
      this.page.waitForEvent("download"),
      this.panel.locator(".result .files button").getByText(name, { exact: true }).first().click(),
    ]);
    return readFileSync(await file.path());
  }
  async copied(button: "Copy as command" | "Copy as code"): Promise<string> {
    await this.panel.getByRole("button", { name: button }).first().click();
    return this.page.evaluate(() => navigator.clipboard.readText());
  }
  /** Two frames later: the first one draws what was asked for. */
  drawn(): Promise<unknown> {
    return this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }
}
