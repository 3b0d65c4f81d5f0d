type Child = Node | string | undefined | false | null;
type Attributes = Readonly<Record<string, unknown>>;

/** An element: attributes by their names, `on…` functions as listeners, `class` as words, properties where the name is one. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  set(e, attributes);
  e.append(...children.filter((c): c is Node | string => c !== undefined && c !== false && c !== null));
  return e;
}
export function svg(tag: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(e, attributes);
  e.append(...children.filter((c): c is Node | string => c !== undefined && c !== false && c !== null));
  return e;
}
function set(e: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value as EventListener);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden")
      (e as unknown as Record<string, unknown>)[name] = value;
    else e.setAttribute(name, value === true ? "" : String(value));
  }
}
let count = 0;
/** An id that no other element has. */
export const fresh = (word: string): string => `${word}-${++count}`;

/** A row of which one is chosen, as radio buttons that look like pills. */
export function choices(
  label: string,
  names: readonly (readonly [value: string, text: string])[],
  chosen: string,
  change: (value: string) => void,
): HTMLFieldSetElement {
  const group = fresh("choice");
  return el(
    "fieldset",
    { class: "choices" },
    el("legend", { class: "away" }, label),
    ...names.map(([value, text]) =>
      el(
        "label",
        {},
        el("input", { type: "radio", name: group, value, checked: value === chosen, onchange: () => change(value) }),
        el("span", {}, text),
      ),
    ),
  );
}
/** A slider with its label and what it stands at. */
export function slider(
  label: string,
  {
    min,
    max,
    step = 1,
    value,
    text = String,
    name,
  }: { min: number; max: number; step?: number; value: number; text?: (v: number) => string; name?: string },
  change: (value: number) => void,
): HTMLElement & { input: HTMLInputElement; show(value: number): void } {
  const id = fresh("slider");
  const output = el("output", { for: id }, text(value));
  const input = el("input", {
    id,
    type: "range",
    min,
    max,
    step,
    "aria-label": name ?? label,
    oninput: () => {
      output.textContent = text(input.valueAsNumber);
      change(input.valueAsNumber);
    },
  });
  input.value = String(value);
  return Object.assign(el("div", { class: "slider" }, el("label", { for: id }, label), input, output), {
    input,
    show(v: number) {
      input.value = String(v);
      output.textContent = text(v);
    },
  });
}
/** A button that copies words. Where that is not allowed (no secure context) they are shown instead, to be copied by hand. */
export function copier(label: string, words: () => string, show: (text: string) => void): HTMLButtonElement {
  const button = el(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: async () => {
        const text = words();
        try {
          await navigator.clipboard.writeText(text);
          button.textContent = "Copied";
        } catch {
          show(text);
          button.textContent = "Shown above";
        }
        setTimeout(() => (button.textContent = label), 1500);
      },
    },
    label,
  );
  return button;
}
/** A file to keep. */
export function save(name: string, bytes: Uint8Array<ArrayBuffer> | Blob): void {
  const url = URL.createObjectURL(bytes instanceof Blob ? bytes : new Blob([bytes]));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
