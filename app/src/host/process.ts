/** What the commands expect of `process`: what they write to stderr goes to whoever listens. Import before them. */

let listener: (text: string) => void = () => {};
export const listen = (to: (text: string) => void): void => {
  listener = to;
};
(globalThis as Record<string, unknown>).process = {
  env: {},
  versions: {},
  version: "browser",
  stdout: { write: () => true, isTTY: false },
  stderr: {
    write: (text: string) => {
      listener(text);
      return true;
    },
    isTTY: false,
    columns: 80,
  },
  on: () => {},
  off: () => {},
};
