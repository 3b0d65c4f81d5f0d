import { ArgumentError, ShapeError, UseError } from "../core/errors.js";
import type { Iteration, Parameters, Schedule, State, Stop, UpdateRule } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { seededAt } from "../core/random.js";
import { scope } from "../core/scope.js";
import { shapeText } from "../core/shape.js";
import { pullback } from "../tensor/primitive.js";
import { Tensor, Traced } from "../tensor/tensor.js";
import { addScaled, clipped, difference } from "../tensor/variables.js";
import type { Data, Sample } from "./data.js";
import type { Layer, Training } from "./module.js";

type Numbers =
  | Float64Array
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | BigInt64Array
  | BigUint64Array;
/** Plain arrays by name and texts by name: what a file of weights holds. Belongs to nobody's memory, and may be sent to a worker. */
export interface Checkpoint {
  /** By their names. */
  readonly tensors: Readonly<
    Record<
      string,
      {
        /** Lengths of the axes, the slowest first. */
        readonly shape: readonly number[];
        /** The measured data d. */
        readonly data: Numbers;
      }
    >
  >;
  /** Words that travel with the file. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Examples, loss, steps and schedule of a training, and when it is judged. */
export interface TrainOptions<M extends Layer<never, unknown>, Batch = Sample> {
  /** The network to begin with. */
  readonly model: M;
  /** The batch of every step. */
  readonly data: Data<Batch>;
  /** What is minimised: a scalar of the model and a batch; hand `training` on to `forward`. */
  readonly loss: (model: M, batch: Batch, training: Training) => Tensor;
  /** How gradients become steps. */
  readonly optimiser: UpdateRule;
  /** Factor of the step size (default 1 throughout). */
  readonly schedule?: Schedule;
  /** Steps in all, with those done before a checkpoint. */
  readonly steps: number;
  /** Longest gradient, √Σg²; longer ones are shortened. */
  readonly clip?: number;
  /** Running mean of the weights, a ← β a + (1 − β) x, used in place of the last weights (β at first (1 + k)/(10 + k)). */
  readonly average?: number;
  /** How the network is judged on the way. */
  readonly validation?: {
    /** Smaller is better; the model is as it will be used (averaged weights, no dropout). */
    readonly value: (model: M) => number | Tensor;
    /** Steps between two looks. */
    readonly every: number;
    /** End after so many looks without a better value. */
    readonly patience?: number;
  };
  /** All chance of the run (default 42). */
  readonly seed?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Handed out every so many steps and at the end. */
  readonly checkpoint?: {
    /** Steps from one to the next. */
    readonly every: number;
    /** Given the checkpoint. */
    readonly save: (checkpoint: Checkpoint) => void;
  };
  /** Go on from there: the rest of the run is the same to the last bit. */
  readonly resume?: Checkpoint;
}
/** Where a training stands; what `onProgress` is told. */
export interface TrainProgress {
  /** Steps done, of how many. */
  readonly step: number;
  /** Steps so far. */
  readonly steps: number;
  /** Of the batch of the last step, before it. */
  readonly loss: number;
  /** When this step was followed by a look. */
  readonly validation?: number;
}
/** Losses of a training, by step. */
export interface TrainHistory {
  /** Loss of the batch of every step. */
  readonly loss: readonly number[];
  /** Looks at the validation: after how many steps, and the value. */
  readonly validation: readonly {
    /** Steps done by then. */
    readonly step: number;
    /** The validation's value; less is better. */
    readonly value: number;
  }[];
}
/** The trained network with its history, and why the training ended. */
export interface TrainResult<M> {
  /** With the weights of the best look; without validation, the last or averaged ones. */
  readonly model: M;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** Steps done in all. */
  readonly steps: number;
  /** The best look. */
  readonly best?: {
    /** Steps done by then. */
    readonly step: number;
    /** The validation's value; less is better. */
    readonly value: number;
  };
  /** What was measured on the way, step by step. */
  readonly history: TrainHistory;
  /** To go on with more steps. */
  readonly checkpoint: Checkpoint;
}

/** Everything a run remembers: training is a walk of `iterate` over these. */
interface Trained {
  readonly step: number;
  readonly parameters: Parameters;
  readonly memory: Readonly<Record<string, Parameters>>;
  readonly average?: Parameters;
  readonly best?: { readonly step: number; readonly value: number; readonly parameters: Parameters };
  /** Looks since the best one. */
  readonly stale: number;
  readonly looked?: number;
}

/** A value made under differentiation as a plain one. */
const plain = (t: Tensor): Tensor => (t instanceof Traced ? plain(t.primal) : t);
const pick = (all: Parameters, names: readonly string[]): Parameters => Object.fromEntries(names.map((name) => [name, all[name]]));

/**
 * Mini-batch training, by `iterate`: draw a batch, move the weights against the gradient of its loss, look at the validation now and then,
 * keep the best. Chance belongs to the seed and the number of the step, so a run that goes on from a checkpoint is the run that was not
 * interrupted, bit for bit, and so is one with any number of threads.
 * @throws AbortedError when the signal fires
 */
export async function train<M extends Layer<never, unknown>, Batch = Sample>(o: TrainOptions<M, Batch>): Promise<TrainResult<M>> {
  const { model, data, loss, optimiser, schedule = () => 1, steps, clip, average: beta, validation, seed = 42, resume } = o;
  for (const [name, every] of Object.entries({ "validation.every": validation?.every, "checkpoint.every": o.checkpoint?.every }))
    if (every !== undefined && !(Number.isInteger(every) && every >= 1))
      throw new ArgumentError(`train: ${name} is ${every}; give a whole number of steps`, { [name]: every });
  const learned = Object.keys(model.parameters).filter((name) => !model.buffers.includes(name));
  const withWeights = (parameters: Parameters) => model.with(parameters) as M;
  const start: Trained = resume
    ? restored(resume, model, beta !== undefined)
    : {
        step: 0,
        parameters: model.parameters,
        memory: optimiser.init(pick(model.parameters, learned)),
        ...(beta !== undefined && { average: model.parameters }),
        stale: 0,
      };
  if (start.step > steps)
    throw new ArgumentError(`train: the checkpoint has ${start.step} steps behind it, and ${steps} are asked for`, { steps });
  const history = { loss: resume ? historyOf(resume, "loss") : [], validation: resume ? looksOf(resume) : [] };

  const used = (s: Trained) => s.average ?? s.parameters;
  const judged = (s: Trained, value: (model: M) => number | Tensor) =>
    scope(() => {
      const v = value(withWeights(used(s)));
      return typeof v === "number" ? v : v.item();
    });
  const better = (value: number, s: Trained) => value < (s.best?.value ?? Number.POSITIVE_INFINITY);
  const look = (s: Trained): Trained => {
    if (!validation || s.step % validation.every !== 0) return s;
    const looked = judged(s, validation.value);
    return better(looked, s)
      ? { ...s, looked, stale: 0, best: { step: s.step, value: looked, parameters: used(s) } }
      : { ...s, looked, stale: s.stale + 1 };
  };
  const iteration: Iteration<undefined, Trained> = {
    init: (_, x) => ({ x }),
    step(_, { x: before }) {
      const k = before.step;
      const random = seededAt(seed, k);
      const batch = data(random.split(), k);
      const updates = new Map<Tensor, Tensor>();
      const training: Training = { random: random.split(), update: (buffer, value) => updates.set(buffer, value) };
      const weights = pick(before.parameters, learned);
      const { values, pull } = pullback((...leaves) => {
        const all = { ...before.parameters };
        learned.forEach((name, i) => {
          all[name] = leaves[i];
        });
        return [loss(withWeights(all), batch, training)];
      }, Object.values(weights));
      const [value] = values;
      if (value.size !== 1)
        throw new ShapeError(`train: the loss is ${shapeText(value.shape)}; one number was expected`, { shape: value.shape });
      const slopes = pull([Tensor.ones(value.shape, value.dtype)]);
      const whole: Parameters = Object.fromEntries(learned.map((name, i) => [name, slopes[i]]));
      const gradient = clip === undefined ? whole : clipped(whole, clip);
      const moved = optimiser.step(weights, gradient, before.memory, k, schedule(k));
      const parameters = Object.fromEntries(
        Object.entries(before.parameters).map(([name, old]) => {
          const update = updates.get(old);
          return [name, moved.x[name] ?? (update ? plain(update) : old)];
        }),
      );
      const slow = beta === undefined ? 0 : Math.min(beta, (1 + k) / (10 + k));
      const average = before.average && addScaled(parameters, slow, difference(before.average, parameters));
      const now = look({ step: k + 1, parameters, memory: moved.memory, average, best: before.best, stale: before.stale });
      return { x: now, value: value.item() };
    },
    done: ({ x }) =>
      validation?.patience !== undefined && x.looked !== undefined && x.stale >= validation.patience
        ? { stop: "converged", reason: `${x.stale} looks at the validation found nothing better than after ${x.best?.step ?? 0} steps` }
        : undefined,
  };

  let last: Trained = start;
  const { every, save } = o.checkpoint ?? {};
  const run = await iterate<undefined, Trained, State<Trained>>(iteration, undefined, start, {
    iterations: steps - start.step,
    signal: o.signal,
    keepBest: false,
    onProgress({ x, value }) {
      last = x;
      if (value === undefined) return; // the start
      history.loss.push(value);
      if (x.looked !== undefined) history.validation.push({ step: x.step, value: x.looked });
      if (save && every && x.step % every === 0 && x.step < steps) save(checkpointOf(x, history));
      o.onProgress?.({ step: x.step, steps, loss: value, ...(x.looked !== undefined && { validation: x.looked }) });
    },
  });
  const checkpoint = checkpointOf(last, history);
  save?.(checkpoint);
  let end = run.x;
  // A last look between the regular ones is for the result only: a longer run would not have had it.
  if (validation && end.step % validation.every !== 0 && run.stop !== "diverged") {
    const value = judged(end, validation.value);
    history.validation.push({ step: end.step, value });
    if (better(value, end)) end = { ...end, best: { step: end.step, value, parameters: used(end) } };
  }
  const { best } = end;
  return {
    model: withWeights(best?.parameters ?? used(end)),
    stop: run.stop,
    reason: run.reason,
    steps: end.step,
    ...(best && { best: { step: best.step, value: best.value } }),
    history,
    checkpoint,
  };
}

const copyOf = (t: Tensor) => ({ shape: t.shape, data: t.data.slice() as Numbers });

/** The weights of a network as a file holds them. */
export function weightsOf(model: Layer<never, unknown>, metadata: Readonly<Record<string, string>> = {}): Checkpoint {
  return { tensors: Object.fromEntries(Object.entries(model.parameters).map(([name, t]) => [name, copyOf(t)])), metadata };
}
/** The network with weights from a file; a checkpoint's names, "model/…", are understood. @throws ArgumentError, ShapeError when they are another network's */
export function withWeightsOf<M extends Layer<never, unknown>>(model: M, { tensors }: Checkpoint): M {
  const prefix = ["best/", "average/", "model/"].find((p) => Object.keys(tensors).some((name) => name.startsWith(p))) ?? "";
  return model.with(section(tensors, prefix)) as M;
}

const tensorOf = (data: Numbers, shape: readonly number[]): Tensor =>
  data instanceof BigInt64Array || data instanceof BigUint64Array
    ? Tensor.from(Float64Array.from(data, Number), shape, "i32") // counters in files of other programs
    : Tensor.from(data, shape);
/** Tensors whose names begin with a prefix, without it. */
function section(tensors: Checkpoint["tensors"], prefix: string): Parameters {
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, { shape, data }]) => [name.slice(prefix.length), tensorOf(data, shape)]),
  );
}

function checkpointOf(s: Trained, history: TrainHistory): Checkpoint {
  const tensors: Record<string, Checkpoint["tensors"][string]> = {};
  const put = (prefix: string, all: Parameters | undefined) => {
    for (const [name, t] of Object.entries(all ?? {})) tensors[`${prefix}/${name}`] = copyOf(t);
  };
  put("model", s.parameters);
  put("average", s.average);
  put("best", s.best?.parameters);
  for (const [name, all] of Object.entries(s.memory)) put(`optimiser.${name}`, all);
  const numbers = (name: string, values: readonly number[]) => {
    tensors[`history.${name}`] = { shape: [values.length], data: Float64Array.from(values) };
  };
  numbers("loss", history.loss);
  numbers(
    "validation",
    history.validation.flatMap(({ step, value }) => [step, value]),
  );
  if (s.best) numbers("best", [s.best.step, s.best.value]);
  return { tensors, metadata: { format: "pullback-checkpoint-1", step: String(s.step), stale: String(s.stale) } };
}

const historyOf = ({ tensors }: Checkpoint, name: string): number[] => Array.from(tensors[`history.${name}`]?.data ?? [], Number);
function looksOf(c: Checkpoint): { step: number; value: number }[] {
  const flat = historyOf(c, "validation");
  return Array.from({ length: flat.length / 2 }, (_, i) => ({ step: flat[2 * i], value: flat[2 * i + 1] }));
}

function restored(checkpoint: Checkpoint, model: Layer<never, unknown>, averaged: boolean): Trained {
  const { tensors, metadata } = checkpoint;
  if (metadata.format !== "pullback-checkpoint-1")
    throw new UseError("train: these are weights, no checkpoint of a run; begin anew from them with withWeightsOf(model, weights)", {
      metadata,
    });
  const memory: Record<string, Parameters> = {};
  for (const name of new Set(Object.keys(tensors).flatMap((n) => /^optimiser\.([^/]*)\//.exec(n)?.[1] ?? [])))
    memory[name] = section(tensors, `optimiser.${name}/`);
  const average = section(tensors, "average/");
  const best = section(tensors, "best/");
  const [step, value] = historyOf(checkpoint, "best");
  const { parameters } = model.with(section(tensors, "model/"));
  return {
    step: Number(metadata.step),
    parameters,
    memory,
    ...(averaged && { average: Object.keys(average).length > 0 ? average : parameters }),
    ...(Object.keys(best).length > 0 && { best: { step, value, parameters: best } }),
    stale: Number(metadata.stale),
  };
}
