/** One report of a long computation. */
export interface Step {
  readonly level: number;
  readonly levels: number;
  readonly iteration: number;
  readonly iterations: number;
  readonly value?: number;
  readonly stage?: string;
}

export type ProgressMode = "bar" | "json" | "none";

/** Draws steps on stderr: a bar with the time left on a terminal, one JSON object a line for machines. */
export class Progress {
  readonly #mode: ProgressMode;
  readonly #write: (text: string) => void;
  readonly #columns: number;
  readonly #now: () => number;
  #start: number | undefined;
  #last = Number.NEGATIVE_INFINITY;
  #drawn = false;

  constructor(
    mode: ProgressMode,
    { write, columns = 80, now = () => performance.now() }: { write: (text: string) => void; columns?: number; now?: () => number },
  ) {
    this.#mode = mode;
    this.#write = write;
    this.#columns = columns;
    this.#now = now;
  }

  step(step: Step): void {
    if (this.#mode === "none") return;
    const now = this.#now();
    this.#start ??= now;
    const ends = step.iteration >= step.iterations;
    if (now - this.#last < 80 && !ends) return;
    this.#last = now;
    const seconds = (now - this.#start) / 1000;
    const share = done(step);
    const left = share > 0.02 ? (seconds / share) * (1 - share) : undefined;
    if (this.#mode === "json") {
      this.#write(
        `${JSON.stringify({ progress: { ...step, share: round(share), seconds: round(seconds), secondsLeft: left === undefined ? null : round(left) } })}\n`,
      );
      return;
    }
    const label = `${step.stage ?? "register"} ${step.level + 1}/${step.levels}`;
    const value = step.value === undefined ? "" : `  ${step.value.toPrecision(5)}`;
    const tail = `${String(Math.round(100 * share)).padStart(3)} %${value}${left === undefined ? "" : `  ${clock(left)} left`}`;
    const room = Math.max(8, Math.min(32, this.#columns - label.length - tail.length - 5));
    const filled = Math.round(room * share);
    this.#write(`\r\u001b[K${label} ${"█".repeat(filled)}${"·".repeat(room - filled)} ${tail}`);
    this.#drawn = true;
  }

  /** Take the bar away. */
  clear(): void {
    if (this.#drawn) this.#write("\r\u001b[K");
    this.#drawn = false;
  }
}

/** Levels cost more and more: each is taken to cost as much as all before it, so that the bar does not race and then crawl. */
function done({ level, levels, iteration, iterations }: Step): number {
  const weight = (k: number) => 2 ** k;
  let total = 0;
  let before = 0;
  for (let k = 0; k < levels; k++) {
    total += weight(k);
    if (k < level) before += weight(k);
  }
  return Math.min(1, (before + weight(level) * Math.min(1, iteration / Math.max(1, iterations))) / total);
}

const round = (v: number): number => Math.round(v * 1000) / 1000;
const clock = (seconds: number): string => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);
