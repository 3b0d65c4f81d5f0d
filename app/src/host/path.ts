/** `node:path` of the memory file system: names with slashes, the root is the only working folder. */

export const sep = "/";

const parts = (path: string): string[] => {
  const out: string[] = [];
  for (const p of path.split("/")) {
    if (p === "..") out.pop();
    else if (p !== "" && p !== ".") out.push(p);
  }
  return out;
};
export const resolve = (...paths: string[]): string => {
  const last = paths.map((p) => p.startsWith("/")).lastIndexOf(true);
  return `/${parts(paths.slice(Math.max(0, last)).join("/")).join("/")}`;
};
export const join = (...paths: string[]): string => {
  const whole = paths.filter((p) => p !== "").join("/");
  return `${whole.startsWith("/") ? "/" : ""}${parts(whole).join("/")}` || ".";
};
export const basename = (path: string, ending = ""): string => {
  const name = /([^/]*)\/*$/.exec(path)?.[1] ?? "";
  return ending !== "" && name.endsWith(ending) ? name.slice(0, -ending.length) : name;
};
export const dirname = (path: string): string => {
  const at = path.replace(/\/+$/, "").lastIndexOf("/");
  return at < 0 ? "." : at === 0 ? "/" : path.slice(0, at);
};
export const extname = (path: string): string => /[^./](\.[^./]*)$/.exec(basename(path))?.[1] ?? "";
export const parse = (path: string) => {
  const base = basename(path);
  const ext = extname(path);
  return { root: path.startsWith("/") ? "/" : "", dir: dirname(path), base, ext, name: ext ? base.slice(0, -ext.length) : base };
};
