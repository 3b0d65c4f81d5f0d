import { el, fresh } from "./dom.js";

/** One input of a task: a file, several, or a folder. */
export interface Taken {
  /** As it is called on a command line. */
  readonly name: string;
  /** Files below it; one with the path `name` unless it is a folder. */
  readonly files: readonly { readonly path: string; readonly file: File }[];
}
const headers = /\.(mhd|nhdr|hdr|img)$/i;

/** Files that came together: several images, or one of several files (a header with its data, a DICOM folder). */
export function takenFrom(files: readonly { path: string; file: File }[], many: boolean): Taken[] {
  const sorted = [...files]
    .filter(({ path }) => !/(^|\/)\./.test(path))
    .sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
  if (sorted.length === 0) return [];
  const nested = sorted.some(({ path }) => path.includes("/"));
  if (!nested && (many || sorted.length === 1)) return sorted.map((f) => ({ name: f.path, files: [f] }));
  const header = sorted.find(({ path }) => headers.test(path));
  if (header) return [{ name: header.path, files: sorted }];
  const folder = nested ? sorted[0].path.split("/")[0] : "dicom";
  return [{ name: folder, files: nested ? sorted : sorted.map(({ path, file }) => ({ path: `${folder}/${path}`, file })) }];
}

/** What was dropped, folders and all. */
async function dropped(transfer: DataTransfer): Promise<{ path: string; file: File }[]> {
  const entries = [...transfer.items].map((i) => i.webkitGetAsEntry()).filter((e): e is FileSystemEntry => e !== null);
  const found: { path: string; file: File }[] = [];
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      found.push({ path: entry.fullPath.replace(/^\//, ""), file });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const e of some) await walk(e);
    }
  };
  if (entries.length === 0) return [...transfer.files].map((file) => ({ path: file.name, file }));
  for (const e of entries) await walk(e);
  return found;
}

export interface SlotOptions {
  readonly label: string;
  readonly help: string;
  /** Takes several images. */
  readonly many?: boolean;
  readonly accept?: string;
  readonly optional?: boolean;
  readonly change: () => void;
}

/** A place to drop files into, or to choose them with the keyboard. */
export class Slot {
  readonly root: HTMLElement;
  taken: readonly Taken[] = [];
  readonly #o: SlotOptions;
  readonly #shown: HTMLElement;
  readonly #clear: HTMLButtonElement;

  constructor(o: SlotOptions) {
    this.#o = o;
    const id = fresh("file");
    const input = el("input", {
      id,
      type: "file",
      multiple: true,
      accept: o.accept,
      "aria-describedby": `${id}-help`,
      onchange: () => {
        const files = [...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
        if (files.length > 0) this.take(takenFrom(files, o.many === true));
        input.value = "";
      },
    });
    this.#shown = el("p", { class: "chosen", role: "status" }, "nothing yet");
    this.#clear = el(
      "button",
      { type: "button", class: "quiet", hidden: true, "aria-label": `Remove ${o.label}`, onclick: () => this.take([]) },
      "Remove",
    );
    this.root = el(
      "div",
      { class: "slot" },
      el("label", { for: id }, o.label, o.optional ? el("small", {}, " (optional)") : ""),
      el("p", { id: `${id}-help`, class: "help" }, o.help),
      el("div", { class: "row" }, input, this.#clear),
      this.#shown,
    );
    this.root.addEventListener("dragover", (e) => {
      e.preventDefault();
      this.root.classList.add("over");
    });
    this.root.addEventListener("dragleave", () => this.root.classList.remove("over"));
    this.root.addEventListener("drop", (e) => {
      e.preventDefault();
      this.root.classList.remove("over");
      if (e.dataTransfer) void dropped(e.dataTransfer).then((files) => this.take(takenFrom(files, o.many === true)));
    });
  }
  take(taken: readonly Taken[]): void {
    this.taken = this.#o.many ? taken : taken.slice(0, 1);
    this.#clear.hidden = taken.length === 0;
    this.#shown.textContent = taken.length === 0 ? "nothing yet" : this.taken.map((t) => t.name).join(", ");
    this.root.classList.toggle("full", taken.length > 0);
    this.#o.change();
  }
}

/** A path for every input, and its files there: its own name, with a folder of its slot before it where two are called alike. */
export function placed(slots: readonly { key: string; taken: readonly Taken[] }[]): {
  paths: Record<string, string[]>;
  files: { path: string; file: File }[];
} {
  const names = slots.flatMap((s) => s.taken.map((t) => t.name));
  const paths: Record<string, string[]> = {};
  const files: { path: string; file: File }[] = [];
  for (const { key, taken } of slots) {
    paths[key] = taken.map((t) => {
      const before = names.filter((n) => n === t.name).length > 1 ? `${key}/` : "";
      for (const f of t.files) files.push({ path: before + f.path, file: f.file });
      return before + t.name;
    });
  }
  return { paths, files };
}
