import { copier, el } from "../dom.js";
import { downloads, type Kept } from "../task.js";

/** What was run in this tab since it was opened; nothing is kept beyond it. */
export function runsTab(): { root: HTMLElement; add(kept: Kept): void } {
  const list = el("div", {});
  const empty = el("p", { class: "note" }, "Nothing yet. Runs of this page appear here with their files, until it is closed.");
  return {
    root: el(
      "div",
      { class: "task" },
      el("h2", {}, "Runs"),
      el("p", { class: "sub" }, "Nothing is stored or sent: close the page and they are gone."),
      empty,
      list,
    ),
    add(kept) {
      empty.hidden = true;
      const words = el("code", { class: "command" }, kept.command);
      const show = (text: string) => (words.textContent = text);
      list.prepend(
        el(
          "section",
          { class: "kept", "aria-label": `${kept.title}, ${kept.when.toLocaleTimeString()}` },
          el("h3", {}, kept.title),
          el("p", { class: "note" }, `${kept.when.toLocaleTimeString()}, ${kept.seconds.toFixed(1)} s: ${kept.state}`),
          el("pre", { tabindex: "0", "aria-label": "Command" }, words),
          el(
            "div",
            { class: "row" },
            copier("Copy as command", () => kept.command, show),
            kept.code !== undefined && copier("Copy as code", () => kept.code ?? "", show),
          ),
          kept.files.length > 0 && el("details", {}, el("summary", {}, `${kept.files.length} files`), downloads(kept.files)),
        ),
      );
    },
  };
}
