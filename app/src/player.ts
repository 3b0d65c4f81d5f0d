import { el, slider } from "./dom.js";

/** Frames played one after the other, or one by one: a button, and a slider that stands at the frame shown. */
export function player(count: number, show: (t: number) => void, perSecond = 8): HTMLElement {
  let timer: ReturnType<typeof setInterval> | undefined;
  const go = (t: number): void => {
    slide.show(t);
    show(t);
  };
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
    button.textContent = "Play";
  };
  const slide = slider("Frame", { min: 0, max: count - 1, value: 0 }, (t) => {
    stop();
    show(t);
  });
  const button = el(
    "button",
    {
      type: "button",
      onclick: () => {
        if (timer !== undefined) return stop();
        button.textContent = "Pause";
        timer = setInterval(() => {
          if (!root.isConnected) return stop();
          go((slide.input.valueAsNumber + 1) % count);
        }, 1000 / perSecond);
      },
    },
    "Play",
  );
  const root = el("div", { class: "player" }, button, slide);
  root.hidden = count < 2;
  return root;
}
