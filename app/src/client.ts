import type { Answers, Given, Message, Request, Setup, Step } from "./protocol.js";

/** A sentence that a person should read, and the exit code that the command line would give. */
export class Refusal extends Error {
  readonly exit: number;
  constructor(sentence: string, exit: number) {
    super(sentence);
    this.exit = exit;
  }
}
interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly step?: (step: Step) => void;
  readonly note?: (text: string) => void;
}

/** The worker of one tab. It starts when it is first asked; `cancel` ends it whatever it does, and the next question starts another. */
export class Client {
  /** Threads of the engine, when it is up. */
  threads: number | undefined;
  #worker: Worker | undefined;
  #next = 1;
  readonly #waiting = new Map<number, Waiting>();
  #setup: Setup = {};
  #given = new Map<string, Blob>();
  #there = new Map<string, Blob>();

  /** Threads and memory of the next worker; one that runs with others ends. */
  set setup(setup: Setup) {
    if (JSON.stringify(setup) === JSON.stringify(this.#setup)) return;
    this.#setup = setup;
    this.#stop();
  }
  /** Files that are there for every question, by their paths. */
  give(files: Given): void {
    for (const { path, file } of files) this.#given.set(path, file);
  }
  async ask<K extends Request["kind"]>(
    request: Extract<Request, { kind: K }>,
    listeners: { step?: (step: Step) => void; note?: (text: string) => void } = {},
  ): Promise<Answers[K]> {
    if (!this.#worker) this.#start();
    const files = [...this.#given].filter(([path, file]) => this.#there.get(path) !== file).map(([path, file]) => ({ path, file }));
    for (const { path, file } of files) this.#there.set(path, file);
    // Without waiting for the answer: the worker takes one request after the other.
    const put = files.length > 0 ? this.#post({ kind: "put", files }) : undefined;
    const answer = this.#post(request, listeners);
    await Promise.all([put, answer]);
    return answer as Promise<Answers[K]>;
  }
  /** What runs ends here and now; its question is refused. */
  cancel(): void {
    this.#stop(new Refusal("cancelled; nothing was written", 130));
  }

  #start(): void {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Message>) => this.#hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#stop(
        new Refusal(
          `the worker ended: ${event.message || "it could not be loaded, or ran out of memory; downsample or crop the images"}`,
          1,
        ),
      );
    };
    if (this.#setup.threads !== undefined || this.#setup.memoryMb !== undefined)
      void this.#post({ kind: "setup", setup: this.#setup }).catch(() => {}); // the question that follows says what is wrong
  }
  #post(request: Request, listeners: { step?: (step: Step) => void; note?: (text: string) => void } = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject, ...listeners });
      this.#worker?.postMessage({ id, request });
    });
  }
  #hear(message: Message): void {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    if (message.kind === "step") {
      waiting.step?.(message.step);
      return;
    }
    if (message.kind === "note") {
      waiting.note?.(message.text);
      return;
    }
    this.#waiting.delete(message.id);
    if (message.kind === "failed") waiting.reject(new Refusal(message.sentence, message.exit));
    else {
      this.threads = message.threads;
      waiting.resolve(message.value);
    }
  }
  #stop(why: Refusal = new Refusal("the settings changed", 130)): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#there.clear();
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of all) reject(why);
  }
}
