/** `node:url` as far as the commands use it. Modules of one's own cannot be loaded in the page. */
export const pathToFileURL = (path: string): URL => new URL(`file://${path}`);
