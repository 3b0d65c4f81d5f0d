import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Debian's chromium, or the one named. */
export function browserPath(): string | undefined {
  const { CHROMIUM_PATH, PATH = "" } = process.env;
  if (CHROMIUM_PATH) return existsSync(CHROMIUM_PATH) ? CHROMIUM_PATH : undefined;
  return PATH.split(delimiter)
    .flatMap((folder) => [join(folder, "chromium"), join(folder, "chromium-browser")])
    .find((file) => existsSync(file));
}
