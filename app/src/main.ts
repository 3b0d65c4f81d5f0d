import { el } from "./dom.js";
import { atlasTab } from "./tabs/atlas.js";
import { picturesTab } from "./tabs/pictures.js";
import { reconstructTab } from "./tabs/reconstruct.js";
import { registerTab } from "./tabs/register.js";
import { restoreTab } from "./tabs/restore.js";
import { runsTab } from "./tabs/runs.js";
import { seriesTab } from "./tabs/series.js";
import type { Task } from "./task.js";

/** The page: one tab for each kind of problem. A tab is made when it is first opened. */
const runs = runsTab();
const kept = (make: () => Task) => () => {
  const task = make();
  task.onkept = (k) => runs.add(k);
  return task.root;
};
const tabs: readonly { readonly id: string; readonly label: string; readonly make: () => HTMLElement }[] = [
  { id: "register", label: "Register", make: kept(registerTab) },
  { id: "series", label: "Series and tracking", make: kept(seriesTab) },
  { id: "atlas", label: "Atlas and labels", make: kept(atlasTab) },
  { id: "pictures", label: "Features and mosaic", make: kept(picturesTab) },
  { id: "restore", label: "Restore", make: kept(restoreTab) },
  { id: "reconstruct", label: "Reconstruct", make: kept(reconstructTab) },
  { id: "runs", label: "Runs", make: () => runs.root },
];

const panels = new Map<string, HTMLElement>();
const main = document.querySelector("main") as HTMLElement;
const bar = document.querySelector("nav") as HTMLElement;
const buttons = tabs.map(({ id, label }, k) =>
  el(
    "button",
    {
      type: "button",
      role: "tab",
      id: `tab-${id}`,
      "aria-controls": `panel-${id}`,
      onclick: () => open(id),
      onkeydown: (e: KeyboardEvent) => {
        const to = { ArrowRight: k + 1, ArrowLeft: k - 1, Home: 0, End: tabs.length - 1 }[e.key];
        if (to === undefined) return;
        e.preventDefault();
        const next = tabs[(to + tabs.length) % tabs.length];
        open(next.id);
        document.getElementById(`tab-${next.id}`)?.focus();
      },
    },
    label,
  ),
);
bar.append(el("div", { role: "tablist", "aria-label": "What to do" }, ...buttons));
for (const { id } of tabs) main.append(el("div", { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}`, hidden: true }));

function open(id: string): void {
  const tab = tabs.find((t) => t.id === id) ?? tabs[0];
  if (!panels.has(tab.id)) {
    const panel = document.getElementById(`panel-${tab.id}`) as HTMLElement;
    panel.append(tab.make());
    panels.set(tab.id, panel);
  }
  tabs.forEach((t, k) => {
    const here = t.id === tab.id;
    buttons[k].setAttribute("aria-selected", String(here));
    buttons[k].tabIndex = here ? 0 : -1;
    // On a phone the tabs are a row that scrolls.
    if (here) buttons[k].scrollIntoView({ block: "nearest", inline: "nearest" });
    (document.getElementById(`panel-${t.id}`) as HTMLElement).hidden = !here;
  });
  if (location.hash !== `#${tab.id}`) history.replaceState(undefined, "", `#${tab.id}`);
}
addEventListener("hashchange", () => open(location.hash.slice(1)));
// A file that misses its place must not replace the page.
for (const type of ["dragover", "drop"]) addEventListener(type, (e) => e.preventDefault());
open(location.hash.slice(1));
