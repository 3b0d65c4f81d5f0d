import { type DescribedOption, description } from "./described.js";
import { el, fresh } from "./dom.js";

/** "cgls" ↦ itself; what a person left alone is not an option. */
type Values = Record<string, string | boolean>;

/** The options of a command as fields: those that matter most first, the others folded away. */
export class Form {
  readonly root: HTMLElement;
  readonly #fields = new Map<
    string,
    { definition: DescribedOption; read: () => string | boolean | undefined; write: (value: string | boolean | undefined) => void }
  >();

  constructor(
    command: string,
    o: {
      first: readonly string[];
      without: readonly string[];
      word?: string;
      /** Names that an option takes beside those it lists. */
      more?: Readonly<Record<string, readonly string[]>>;
      start?: Readonly<Record<string, string>>;
      change: () => void;
    },
  ) {
    const { options } = description.commands[command];
    const seen = new Set<string>();
    // Files are given in their own places; modules need Node. Options that begin "mr:" are for that kind alone.
    const elsewhere = (d: DescribedOption) => /file|module/.test(d.expected) && !/ or |,/.test(d.expected);
    const foreign = (d: DescribedOption) => o.word !== undefined && /^(ct|mr): /.test(d.help) && !d.help.startsWith(o.word);
    const shown = options.filter((d) => !o.without.includes(d.key) && !elsewhere(d) && !foreign(d) && !seen.has(d.key) && seen.add(d.key));
    const first = o.first.flatMap((key) => shown.filter((d) => d.key === key));
    const rest = shown.filter((d) => !o.first.includes(d.key));
    this.root = el(
      "div",
      { class: "form" },
      ...first.map((d) => this.#field(d, o.start?.[d.key], o.change, o.more?.[d.key])),
      rest.length > 0 &&
        el(
          "details",
          {},
          el("summary", {}, "More options"),
          el("div", { class: "form" }, ...rest.map((d) => this.#field(d, o.start?.[d.key], o.change, o.more?.[d.key]))),
        ),
    );
  }
  /** What was chosen. */
  get values(): Values {
    const out: Values = {};
    for (const [key, { read }] of this.#fields) {
      const v = read();
      if (v !== undefined) out[key] = v;
    }
    return out;
  }
  set(values: Readonly<Record<string, string | boolean | undefined>>): void {
    for (const [key, v] of Object.entries(values)) this.#fields.get(key)?.write(v);
  }
  /** As flags of the command line. */
  get flags(): string[] {
    return [...this.#fields.values()].flatMap(({ definition: d, read }) => {
      const v = read();
      return v === undefined ? [] : v === true || v === false ? [d.flag] : [d.flag, String(v)];
    });
  }

  #field(d: DescribedOption, start: string | undefined, change: () => void, more: readonly string[] = []): HTMLElement {
    const id = fresh("field");
    const label = words(d.flag);
    const help = el("p", { class: "help", id: `${id}-help` }, d.help);
    if (d.takes === undefined) {
      const negative = d.flag.startsWith("--no-");
      const input = el("input", { id, type: "checkbox", "aria-describedby": `${id}-help`, onchange: change });
      this.#fields.set(d.key, {
        definition: d,
        read: () => (input.checked ? !negative : undefined),
        write: (v) => (input.checked = v !== undefined && v !== negative),
      });
      return el("div", { class: "field check" }, input, el("label", { for: id }, label), help);
    }
    // A list of names to choose from; where a name may be put together of others, it is written.
    const parts = description.parts[d.key] ?? {};
    const names = d.choices ?? (d.key === "metric" ? (/^[^:]*: ([\w, ]+), a sum/.exec(d.help)?.[1].split(", ") ?? undefined) : undefined);
    if (names) {
      const about = el("p", { class: "help", role: "status" });
      const say = () => {
        about.textContent = parts[select.value] ?? "";
        about.hidden = !about.textContent;
      };
      const select = el(
        "select",
        {
          id,
          "aria-describedby": `${id}-help`,
          onchange: () => {
            say();
            change();
          },
        },
        el("option", { value: "" }, "default"),
        ...[...names, ...more].map((c) => el("option", { value: c }, c)),
      );
      select.value = start ?? "";
      say();
      if (d.key === "metric") help.textContent = "what makes two images alike";
      this.#fields.set(d.key, {
        definition: d,
        read: () => select.value || undefined,
        write: (v) => {
          select.value = String(v ?? "");
          say();
        },
      });
      return el("div", { class: "field" }, el("label", { for: id }, label), select, help, about);
    }
    const input = el("input", {
      id,
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "default",
      "aria-describedby": `${id}-help`,
      oninput: change,
    });
    if (start !== undefined) input.value = start;
    this.#fields.set(d.key, { definition: d, read: () => input.value.trim() || undefined, write: (v) => (input.value = String(v ?? "")) });
    return el("div", { class: "field" }, el("label", { for: id }, label), input, help);
  }
}

/** "--fixed-mask" ↦ "Fixed mask". */
function words(flag: string): string {
  const text = flag.replace(/^--/, "").replace(/-/g, " ");
  return text[0].toUpperCase() + text.slice(1);
}

/** An argument as a shell takes it. */
export const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);
