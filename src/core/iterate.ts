import { AbortedError, ArgumentError } from "./errors.js";
import type { Iteration, Result, Run, State, Stop } from "./interfaces.js";
import { Holder, scope } from "./scope.js";

/** Longest time between two turns of the event loop that is ours to decide: a frame of a page. A single step may take longer. */
const sliceMs = 16;

/**
 * Run an iteration: the one loop. Between steps it lets the event loop turn (at most every 16 ms, so small steps stay cheap), reports
 * progress and listens to the signal; each step is a scope, so of a step's tensors only those in its state stay.
 * Returns the point of least value seen (see Run.keepBest) and how the run ended.
 * @throws AbortedError when the signal fires or the engine's abort flag is set; everything the run made is freed by then
 */
export async function iterate<Problem, X, S extends State<X>>(
  iteration: Iteration<Problem, X, S>,
  problem: Problem,
  x0: X,
  run: Run<X>,
): Promise<Result<X, S>> {
  const { signal } = run;
  let last = Number.NEGATIVE_INFINITY; // turn once before the first step: pages paint, workers come up
  const steps = stepping(iteration, problem, x0, run);
  try {
    for (;;) {
      if (performance.now() - last >= sliceMs) {
        await turn();
        last = performance.now();
      }
      if (signal?.aborted) throw new AbortedError("stopped by its signal", {}, { cause: signal.reason });
      const next = steps.next();
      if (next.done) return next.value;
    }
  } finally {
    steps.return(undefined as never); // ends the generator where an error or abort left it, and frees what it holds
  }
}

/** The same without turns of the event loop, for loops inside steps. The signal is not listened to: the outer loop has it. */
export function iterateSync<Problem, X, S extends State<X>>(
  iteration: Iteration<Problem, X, S>,
  problem: Problem,
  x0: X,
  run: Run<X>,
): Result<X, S> {
  const steps = stepping(iteration, problem, x0, run);
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
  }
}

/** n steps as one expression, to be differentiated with respect to anything in the problem, the method or x0. */
export function unroll<Problem, X, S extends State<X>>(iteration: Iteration<Problem, X, S>, problem: Problem, x0: X, n: number): X {
  let state = scope(() => iteration.init(problem, x0));
  for (let k = 0; k < n; k++) {
    const before = state;
    state = scope(() => iteration.step(problem, before));
  }
  return state.x;
}

const sentences: Record<Stop, string> = {
  converged: "the method's criterion is met",
  iterations: "the number of iterations asked for is done",
  stalled: "no step improves the value",
  diverged: "the value is not a finite number any more; a smaller step or a better start may help",
};

/** One `next` a step; the last one gives the result. */
function* stepping<Problem, X, S extends State<X>>(
  iteration: Iteration<Problem, X, S>,
  problem: Problem,
  x0: X,
  run: Run<X>,
): Generator<void, Result<X, S>> {
  const { iterations, onProgress, level = 0, levels = 1, keepBest = true } = run;
  if (!(iterations >= 0)) throw new ArgumentError(`iterate: ${iterations} iterations; give a number that is not negative`, { iterations });
  const holder = new Holder();
  let result: Result<X, S> | undefined;
  try {
    let state = holder.run(() => iteration.init(problem, x0));
    let best: State<X> = state;
    const history: number[] = [];
    for (let k = 0; ; k++) {
      const { x, value } = state;
      if (value !== undefined) {
        history.push(value);
        if (value <= (best.value ?? Number.POSITIVE_INFINITY) || Number.isNaN(best.value)) best = { x, value };
      }
      if (!keepBest || value === undefined) best = { x, value };
      holder.retain([state, best]);
      onProgress?.({ level, levels, iteration: k, iterations, value, x });
      const end = ending(value, k, iterations, iteration.done?.(state));
      if (end) {
        result = { ...best, ...end, iterations: k, history, ...(run.keepState && { state }) };
        return result;
      }
      yield;
      const before = state;
      state = holder.run(() => iteration.step(problem, before));
    }
  } finally {
    holder.close(result);
  }
}

function ending(
  value: number | undefined,
  done: number,
  asked: number,
  said: { stop: Stop; reason: string } | undefined,
): { stop: Stop; reason: string } | undefined {
  const stop: Stop | undefined =
    value !== undefined && !Number.isFinite(value) ? "diverged" : said ? said.stop : done >= asked ? "iterations" : undefined;
  return stop && { stop, reason: said?.stop === stop ? said.reason : sentences[stop] };
}

/** Let the event loop turn once. Not by scheduler.yield, which goes before timers, and so before a signal's timeout, every time. */
function turn(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const channel = new MessageChannel(); // not setTimeout: pages round it up to 4 ms
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(0);
  });
}
