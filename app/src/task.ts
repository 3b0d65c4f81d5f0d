import { linePlot } from "../../src/report/linePlot.js";
import { asCode, type Ran } from "./asCode.js";
import { Client, Refusal } from "./client.js";
import { copier, el, fresh, save } from "./dom.js";
import { placed, Slot, type Taken } from "./files.js";
import { Form, quoted } from "./form.js";
import type { Finished, Setup, Step } from "./protocol.js";

/** One input of a kind: an argument, or what an option names. */
export interface SlotDefinition {
  readonly key: string;
  readonly label: string;
  readonly help: string;
  readonly many?: boolean;
  /** The option that takes its path; without one it is an argument. */
  readonly option?: string;
  readonly optional?: boolean;
  /** What the option says when no file is given. */
  readonly otherwise?: string;
  /** Its files go with those of another slot: the option is given A:B, A:B, … */
  readonly beside?: string;
}
/** One command of a task, with what goes in and what comes out. */
export interface Kind {
  readonly id: string;
  readonly label: string;
  readonly command: string;
  /** Words before the files: "ct". */
  readonly words?: readonly string[];
  readonly slots: readonly SlotDefinition[];
  /** Options shown at once, and those not shown at all. */
  readonly first: readonly string[];
  readonly without?: readonly string[];
  readonly start?: Readonly<Record<string, string>>;
  /** Names that an option takes beside those it lists. */
  readonly more?: Readonly<Record<string, readonly string[]>>;
  /** Options without which there is no run, and what to do about it. */
  readonly needed?: Readonly<Record<string, string>>;
  readonly example?: { readonly name: string; readonly slots: readonly string[]; readonly options?: Readonly<Record<string, string>> };
  show(result: Result): Promise<void> | void;
}
/** A run that ended by itself, and where its looks go. */
export interface Result {
  readonly client: Client;
  readonly finished: Finished;
  readonly folder: string;
  readonly paths: Readonly<Record<string, readonly string[]>>;
  readonly looks: HTMLElement;
  file(name: string | RegExp): { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
}
/** What the list of runs keeps. */
export interface Kept {
  readonly title: string;
  readonly command: string;
  /** As a program of the library, where there is one. */
  readonly code?: string;
  readonly when: Date;
  readonly state: string;
  readonly seconds: number;
  readonly files: Finished["files"];
}
const folder = "out";

/** One tab: files in, options, a run, its result. */
export class Task {
  readonly root: HTMLElement;
  readonly client = new Client();
  onkept: (kept: Kept) => void = () => {};
  /** More files and options for a run: landmarks. */
  further: () => { files: { path: string; file: File }[]; options: Record<string, string>; flags: string[] } = () => ({
    files: [],
    options: {},
    flags: [],
  });
  onfiles: (kind: Kind, slots: ReadonlyMap<string, Slot>) => void = () => {};
  onresult: (result: Result) => void = () => {};
  /** Options have changed, or another kind was chosen. */
  onchange: () => void = () => {};
  #kind: Kind;
  #slots = new Map<string, Slot>();
  #form: Form | undefined;
  #setup: Setup = {};
  readonly #inputs = el("div", { class: "slots" });
  readonly #options = el("div");
  readonly #run: HTMLButtonElement;
  readonly #cancel: HTMLButtonElement;
  readonly #example: HTMLButtonElement;
  readonly #bar = el("progress", { max: 1, "aria-label": "Progress" });
  readonly #said = el("p", { class: "said", role: "status" });
  readonly #alert = el("div", { class: "verdict bad", role: "alert", hidden: true });
  readonly #curve = el("div", { class: "curve" });
  readonly #going = el("div", { class: "going", hidden: true });
  readonly #result = el("div", { class: "result" });
  readonly #missing = el("p", { class: "said help", role: "status" });
  readonly #command = el("code", { class: "command" });
  readonly #asCode = copier(
    "Copy as code",
    () => asCode(this.ran) ?? "",
    (text) => (this.#command.textContent = text),
  );

  constructor(title: string, intro: string, kinds: readonly Kind[]) {
    this.#kind = kinds[0];
    this.#run = el("button", { type: "button", class: "main", onclick: () => void this.#start() }, "Run");
    this.#cancel = el("button", { type: "button", hidden: true, onclick: () => this.client.cancel() }, "Cancel");
    this.#example = el("button", { type: "button", class: "quiet", onclick: () => void this.#try() }, "Try an example");
    this.#going.append(this.#bar, this.#said, this.#curve);
    const pick = fresh("kind");
    const select = el(
      "select",
      {
        id: pick,
        onchange: () => {
          this.#kind = kinds.find((k) => k.id === select.value) ?? kinds[0];
          this.#build();
        },
      },
      ...kinds.map((k) => el("option", { value: k.id }, k.label)),
    );
    this.root = el(
      "div",
      { class: "task" },
      el("h2", {}, title),
      el("p", { class: "sub" }, intro),
      kinds.length > 1 && el("div", { class: "field kind" }, el("label", { for: pick }, "What to do"), select),
      el("section", { "aria-label": "Files" }, this.#inputs, this.#example),
      el("section", { "aria-label": "Options" }, this.#options, this.#engine()),
      el(
        "section",
        { "aria-label": "Run" },
        el("div", { class: "row" }, this.#run, this.#cancel, this.#missing),
        this.#going,
        this.#alert,
        el("p", { class: "help" }, "The same on a command line:"),
        el("pre", { tabindex: "0", "aria-label": "Command" }, this.#command),
        el(
          "div",
          { class: "row" },
          copier(
            "Copy as command",
            () => this.commandLine,
            (text) => (this.#command.textContent = text),
          ),
          this.#asCode,
        ),
      ),
      this.#result,
    );
    this.#build();
  }
  /** Between the options and the run. */
  add(section: HTMLElement): void {
    this.root.insertBefore(section, this.root.querySelector('[aria-label="Options"]'));
  }
  get kind(): Kind {
    return this.#kind;
  }
  /** What was chosen, without the files. */
  get values(): Readonly<Record<string, string | boolean>> {
    return this.#form?.values ?? {};
  }
  set(values: Readonly<Record<string, string | boolean | undefined>>): void {
    this.#form?.set(values);
    this.changed();
  }
  get slots(): ReadonlyMap<string, Slot> {
    return this.#slots;
  }
  get ran(): Ran {
    const { paths } = this.#placed();
    const options: Record<string, string | boolean | string[]> = { ...this.#form?.values, ...this.further().options };
    for (const s of this.#kind.slots) {
      const given = this.#given(s, paths);
      if (s.option && given.length > 0) options[s.option] = s.many ? given : given[0];
    }
    return {
      command: this.#kind.command,
      args: [...(this.#kind.words ?? []), ...this.#kind.slots.filter((s) => !s.option).flatMap((s) => paths[s.key])],
      options,
      folder,
    };
  }
  get commandLine(): string {
    const { paths } = this.#placed();
    const named = this.#kind.slots.flatMap((s) => {
      const given = this.#given(s, paths);
      return s.option && given.length > 0 ? [flagOf(s.option), ...given] : [];
    });
    const args = this.#kind.slots
      .filter((s) => !s.option)
      .flatMap((s) => (paths[s.key].length > 0 ? paths[s.key] : s.optional ? [] : [s.key.toUpperCase()]));
    return [
      "pullback",
      this.#kind.command,
      ...(this.#kind.words ?? []),
      ...args,
      "-o",
      `${folder}/`,
      ...(this.#form?.flags ?? []),
      ...named,
      ...this.further().flags,
    ]
      .map(quoted)
      .join(" ");
  }
  /** The command line anew. */
  changed(): void {
    this.#asCode.hidden = asCode(this.ran) === undefined;
    this.#command.textContent = this.commandLine;
    const missing = this.#kind.slots.filter((s) => !s.optional && this.#slots.get(s.key)?.taken.length === 0);
    const values = this.values;
    const words = [
      ...(missing.length > 0 ? [`give ${missing.map((s) => `the ${s.label.toLowerCase()}`).join(" and ")}`] : []),
      ...Object.entries(this.#kind.needed ?? {}).flatMap(([key, what]) => (values[key] === undefined ? [what] : [])),
    ];
    this.#run.disabled = words.length > 0 || !this.#cancel.hidden;
    this.#missing.textContent = words.length > 0 ? `First ${words.join("; ")}.` : "";
    this.onchange();
  }
  /** What an option that takes files is given. */
  #given(s: SlotDefinition, paths: Readonly<Record<string, readonly string[]>>): string[] {
    const partner = this.#kind.slots.find((other) => other.beside === s.key);
    if (s.beside !== undefined) return [];
    if (partner) return paths[s.key].map((p, k) => (paths[partner.key][k] === undefined ? p : `${p}:${paths[partner.key][k]}`));
    return paths[s.key].length > 0 ? [...paths[s.key]] : s.otherwise === undefined ? [] : [s.otherwise];
  }

  #placed() {
    return placed(this.#kind.slots.map((s) => ({ key: s.key, taken: this.#slots.get(s.key)?.taken ?? [] })));
  }
  #build(): void {
    const kept = this.#slots;
    this.#slots = new Map();
    this.#form = undefined;
    for (const s of this.#kind.slots) {
      const slot = new Slot({ ...s, change: () => this.#filed() });
      this.#slots.set(s.key, slot);
    }
    this.#form = new Form(this.#kind.command, {
      first: this.#kind.first,
      without: [...(this.#kind.without ?? []), ...this.#kind.slots.flatMap((s) => (s.option ? [s.option] : []))],
      word: this.#kind.words?.[0],
      start: this.#kind.start,
      more: this.#kind.more,
      change: () => this.changed(),
    });
    // An image that was there for another choice of the same tab stays.
    for (const [key, slot] of this.#slots) {
      const before = kept.get(key)?.taken ?? [];
      if (before.length > 0) slot.take(before);
    }
    this.#inputs.replaceChildren(...[...this.#slots.values()].map((s) => s.root));
    this.#options.replaceChildren(this.#form.root);
    this.#example.hidden = this.#kind.example === undefined;
    this.#alert.hidden = true;
    this.#result.replaceChildren();
    this.changed();
  }
  #filed(): void {
    if (!this.#form) return;
    this.client.give(this.#placed().files);
    this.changed();
    this.onfiles(this.#kind, this.#slots);
  }
  async #try(): Promise<void> {
    const e = this.#kind.example;
    if (!e) return;
    try {
      const files = await this.client.ask<"example">({ kind: "example", name: e.name });
      const taken: Taken[] = files.map(({ path, bytes }) => ({ name: path, files: [{ path, file: new File([bytes], path) }] }));
      // Files are for the slots by their names' beginning, where slots take several.
      const many = (key: string) => this.#kind.slots.find((s) => s.key === key)?.many === true;
      const shared = e.slots.filter(many).length;
      e.slots.forEach((key, k) =>
        this.#slots
          .get(key)
          ?.take(e.slots.length === 1 && shared === 1 ? taken : shared > 0 ? taken.filter((t) => t.name.startsWith(key)) : [taken[k]]),
      );
      if (e.options) this.#form?.set(e.options);
      this.changed();
    } catch (error) {
      this.#refuse(error);
    }
  }
  #engine(): HTMLElement {
    const [threads, memory] = [fresh("threads"), fresh("memory")];
    const number = (id: string, key: keyof Setup, max?: number) => {
      const input = el("input", {
        id,
        type: "number",
        min: 1,
        max,
        placeholder: "default",
        onchange: () => {
          this.#setup = { ...this.#setup, [key]: input.value === "" ? undefined : Math.max(1, Math.round(input.valueAsNumber)) };
        },
      });
      return input;
    };
    const isolated = globalThis.crossOriginIsolated === true;
    return el(
      "details",
      {},
      el("summary", {}, "Threads and memory"),
      el(
        "div",
        { class: "form" },
        el(
          "div",
          { class: "field" },
          el("label", { for: threads }, "Threads"),
          number(threads, "threads", 16),
          el(
            "p",
            { class: "help" },
            isolated
              ? `All ${navigator.hardwareConcurrency} unless you say fewer; the result does not depend on it.`
              : "One: this page was served without the headers that let threads share memory (Cross-Origin-Opener-Policy, Cross-Origin-Embedder-Policy). pullback serve sends them.",
          ),
        ),
        el(
          "div",
          { class: "field" },
          el("label", { for: memory }, "Most memory (MB)"),
          number(memory, "memoryMb"),
          el("p", { class: "help" }, "More than this is refused in words before the tab suffers (4096 at most)."),
        ),
      ),
    );
  }

  async #start(): Promise<void> {
    const { paths, files } = this.#placed();
    const extra = this.further();
    const { command, args, options } = this.ran;
    const line = this.commandLine;
    const code = asCode(this.ran);
    const began = performance.now();
    this.client.setup = this.#setup;
    this.client.give([...files, ...extra.files]);
    this.#alert.hidden = true;
    this.#result.replaceChildren();
    this.#busy(true);
    const seen: { name: string; values: number[] }[] = [];
    let drawn = 0;
    const draw = () => {
      drawn = performance.now();
      this.#curve.innerHTML = seen.some((s) => s.values.length > 1)
        ? linePlot(seen, { height: 200, yLabel: "objective", title: "Objective while it runs" })
        : "";
    };
    const step = (s: Step) => {
      this.#bar.value = Math.min(1, Math.max(0, s.share));
      const left = s.secondsLeft === null || s.secondsLeft === undefined ? "" : `, about ${Math.ceil(s.secondsLeft)} s left`;
      this.#said.textContent = `${s.stage ?? "level"} ${s.level + 1} of ${s.levels}, iteration ${s.iteration}${left}`;
      if (s.value === undefined || !Number.isFinite(s.value)) return;
      const name = `level ${s.level + 1}`;
      if (seen.at(-1)?.name !== name) seen.push({ name, values: [] });
      seen.at(-1)?.values.push(s.value);
      if (performance.now() - drawn > 200) draw();
    };
    const keep = (state: string, produced: Finished["files"]) =>
      this.onkept({
        title: this.#kind.label,
        command: line,
        code,
        when: new Date(),
        state,
        seconds: (performance.now() - began) / 1000,
        files: produced,
      });
    try {
      const finished = await this.client.ask<"run">(
        { kind: "run", command, args, options, folder },
        { step, note: (text) => (this.#said.textContent = text) },
      );
      draw();
      this.#busy(false);
      const seconds = (performance.now() - began) / 1000;
      keep(String(finished.json.trust ?? finished.json.status ?? "ok"), finished.files);
      await this.#show(finished, paths, seconds);
    } catch (error) {
      this.#busy(false);
      keep(error instanceof Refusal && error.exit === 130 ? "cancelled" : "refused", []);
      this.#refuse(error);
    }
  }
  #busy(on: boolean): void {
    this.root.classList.toggle("busy", on);
    this.#run.disabled = on;
    this.#cancel.hidden = !on;
    if (!on) this.changed();
    this.#going.hidden = !on && this.#curve.childElementCount === 0;
    this.#bar.hidden = !on;
    if (on) {
      this.#bar.removeAttribute("value");
      this.#said.textContent = "reading";
      this.#curve.replaceChildren();
      this.#cancel.focus();
    } else {
      this.#said.textContent = "";
      this.#run.focus();
    }
  }
  #refuse(error: unknown): void {
    const words = error instanceof Error ? error.message : String(error);
    this.#alert.hidden = false;
    this.#alert.className = error instanceof Refusal && error.exit === 130 ? "verdict check" : "verdict bad";
    // A sentence begins large, but the name of a file stays as it is.
    this.#alert.replaceChildren(el("p", {}, /^[a-z]+[ ,:;]/.test(words) ? words[0].toUpperCase() + words.slice(1) : words));
    this.#alert.scrollIntoView({ block: "nearest" });
  }
  async #show(finished: Finished, paths: Record<string, string[]>, seconds: number): Promise<void> {
    const { json } = finished;
    const level = json.trust === "bad" || finished.exit === 4 ? "bad" : json.trust === "check" || json.status !== "ok" ? "check" : "good";
    const words = String(json.sentence ?? json.reason ?? finished.lines[0] ?? "done");
    const looks = el("div", { class: "looks" });
    const warnings = (json.warnings as string[] | undefined) ?? [];
    const threads = this.client.threads;
    this.#result.replaceChildren(
      el("h2", { tabindex: "-1" }, "Result"),
      el(
        "div",
        { class: `verdict ${level}` },
        // What the sentence says itself need not be said before it.
        /^(Do not use|Look before use)/.test(words)
          ? el("p", {}, el("strong", {}, words.split(": ")[0]), words.slice(words.split(": ")[0].length))
          : el("p", {}, el("strong", {}, { good: "Good", check: "Look closely", bad: "Do not trust it" }[level]), ": ", words),
      ),
      ...(warnings.length > 0 ? [el("ul", { class: "warnings" }, ...warnings.map((w) => el("li", {}, w)))] : []),
      el("p", { class: "note" }, `${seconds.toFixed(1)} s, ${threads} thread${threads === 1 ? "" : "s"}.`),
      looks,
      downloads(finished.files),
    );
    const result: Result = {
      client: this.client,
      finished,
      folder,
      paths,
      looks,
      file: (name) => finished.files.find((f) => (typeof name === "string" ? f.name === name : name.test(f.name))),
    };
    this.#result.querySelector("h2")?.focus({ preventScroll: true });
    try {
      await this.#kind.show(result);
      this.onresult(result);
    } catch (error) {
      looks.append(
        el(
          "p",
          { class: "note" },
          `It cannot be shown here: ${error instanceof Error ? error.message : String(error)}; the files are below.`,
        ),
      );
    }
    this.#result.dataset.shown = "yes";
    this.#result.querySelector("h2")?.scrollIntoView({ block: "start" });
  }
}

const flagOf = (key: string): string => `--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
const about: readonly (readonly [RegExp, string])[] = [
  [/^warped/, "moving on the fixed grid"],
  [/^transform\.json$/, "the transform, both directions"],
  [/\.tfm$/, "the transform for ITK programs"],
  [/^displacement/, "displacement field, ITK's convention"],
  [/^report\.html$/, "everything to look at in one file"],
  [/^run\.json$/, "inputs, options, figures, versions"],
  [/^matches/, "the matches, drawn"],
];

/** Every file of a run, and all of them in one. */
export function downloads(files: Finished["files"]): HTMLElement {
  const size = (n: number) => (n < 1000 ? `${n} B` : n < 1e6 ? `${(n / 1e3).toFixed(0)} kB` : `${(n / 1e6).toFixed(1)} MB`);
  return el(
    "section",
    { "aria-label": "Downloads" },
    el("h3", {}, "Files"),
    el(
      "ul",
      { class: "files" },
      ...files.map((f) =>
        el(
          "li",
          {},
          el("button", { type: "button", class: "link", onclick: () => save(f.name, f.bytes) }, f.name),
          el(
            "small",
            {},
            ` ${size(f.bytes.length)}${about.find(([p]) => p.test(f.name)) ? `, ${about.find(([p]) => p.test(f.name))?.[1]}` : ""}`,
          ),
        ),
      ),
    ),
    files.length > 1 &&
      el(
        "button",
        {
          type: "button",
          onclick: async () => {
            const { zipSync } = await import("fflate");
            save(
              "pullback.zip",
              zipSync(Object.fromEntries(files.map((f) => [f.name, [f.bytes, { level: 0 }] as const])) as never) as Uint8Array<ArrayBuffer>,
            );
          },
        },
        "Download all (.zip)",
      ),
  );
}
