import { AbortedError, ArgumentError, FormatError } from "../core/errors.js";
import { readSafetensors, writeSafetensors } from "../io/index.js";
import {
  ahead,
  type Checkpoint,
  type Layer,
  parameterCount,
  type TrainHistory,
  type TrainProgress,
  train,
  weightsOf,
  withWeightsOf,
} from "../nn/index.js";
import type { Card } from "./card.js";
import { cascadeRecipe } from "./cascadeRecipe.js";
import { ctPostFilterRecipe, ctPrimalDualRecipe } from "./ctRecipe.js";
import { denoiserRecipe } from "./denoiserRecipe.js";
import { digitsRecipe } from "./digitsRecipe.js";
import { homographyRecipe, unsupervisedHomographyRecipe } from "./homographyRecipe.js";
import type { Recipe, RecipeOptions, SpecialOption, TrainingPicture } from "./recipe.js";
import { registrationRecipe } from "./registrationRecipe.js";
import { seriesCascadeRecipe } from "./seriesCascadeRecipe.js";
import { superResolutionRecipe } from "./superResolutionRecipe.js";
import { throughPlaneRecipe } from "./throughPlaneRecipe.js";
import { deepLkRecipe, regressionRecipe } from "./trackingRecipe.js";
import { unrolledRecipe } from "./unrolledRecipe.js";

/** How the models of the catalogue are trained, by their names. */
export const recipes = {
  "ct-post-filter": ctPostFilterRecipe,
  "ct-primal-dual": ctPrimalDualRecipe,
  /** Trains `models.denoiser`. */
  denoiser: denoiserRecipe,
  /** Trains `models.homography`. */
  homography: homographyRecipe,
  "homography-unsupervised": unsupervisedHomographyRecipe,
  "mr-cascade": cascadeRecipe,
  "mr-series-cascade": seriesCascadeRecipe,
  "registration-2d": registrationRecipe,
  "super-resolution-x2": superResolutionRecipe(2),
  "super-resolution-x3": superResolutionRecipe(3),
  "super-resolution-x4": superResolutionRecipe(4),
  "unrolled-inpainting": unrolledRecipe("inpainting"),
  "unrolled-deblur": unrolledRecipe("deblur"),
  "tracking-deep-lk": deepLkRecipe,
  "tracking-regression": regressionRecipe,
  /** Trains `models.digits`. */
  digits: digitsRecipe,
  "through-plane": throughPlaneRecipe,
} as const;
/** A name in `recipes`. */
export type RecipeName = keyof typeof recipes;

export interface TrainModelOptions extends RecipeOptions {
  /** To learn from. */
  readonly pictures: readonly TrainingPicture[];
  /** How many of the pictures, the last ones, are held back to judge by (default: a twentieth, at least 1). */
  readonly held?: number;
  /** How long; default the recipe's. */
  readonly steps?: number;
  /** Steps between two looks at the pictures held back, and two checkpoints (default 250). */
  readonly every?: number;
  /** Ends this sitting at the first checkpoint after so many seconds; the run can go on. */
  readonly seconds?: number;
  /** Batches are made ahead on a worker thread (see `ahead` of pullback/nn); the weights are the same. */
  readonly ahead?: boolean;
  /** Go on from here. */
  readonly resume?: Checkpoint;
  /** Begin with the weights of an earlier training (a safetensors file of the same network), its random numbers and steps anew: fine-tuning. */
  readonly from?: Uint8Array;
  /** Given a checkpoint from time to time. */
  readonly save?: (checkpoint: Checkpoint) => void;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: TrainProgress) => void;
  /** For the card: what the owners of the pictures allow, where they are from, the command. */
  readonly licence?: string;
  /** Where it came from. */
  readonly source?: string;
  /** The command that made it. */
  readonly command?: string;
}
/** A trained network with its recipe and what came of the training. */
export interface TrainedModel {
  /** false: this sitting ended before the last step; `checkpoint` goes on. */
  readonly finished: boolean;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** The network as it is at the end. */
  readonly model: Layer<never, unknown>;
  /** A safetensors file of half floats: what `loadModel` takes. */
  readonly weights: Uint8Array;
  /** Figures of the halved weights on the pictures held back. */
  readonly figures: Readonly<Record<string, number>>;
  /** What the figures compare. */
  readonly figuresTitle: string;
  /** What the network is, and what it was trained and tested on. */
  readonly card: Card;
  /** Steps so far. */
  readonly steps: number;
  /** What was measured on the way, step by step. */
  readonly history: TrainHistory;
  /** All that is needed to go on. */
  readonly checkpoint: Checkpoint;
}
const specialOptions: readonly SpecialOption[] = ["domain", "stacks"];
const meanOf = (figures: Readonly<Record<string, number>>): number => {
  const all = Object.values(figures);
  return all.reduce((a, b) => a + b, 0) / all.length;
};

/**
 * Trains a model of the catalogue on pictures, by its recipe. The same pictures and options give the same weights, bit for bit, in one sitting or
 * in several.
 * @throws ArgumentError for pictures that are too few or too small, for an option that the recipe has not, and for a checkpoint of a run with other settings;
 *         FormatError for weights to begin with that are not this network's
 */
export async function trainModel(name: RecipeName, o: TrainModelOptions): Promise<TrainedModel> {
  if (!Object.hasOwn(recipes, name))
    throw new ArgumentError(`trainModel: there is no recipe for "${name}"; there are ${Object.keys(recipes).join(", ")}`, { name });
  const recipe = recipes[name] as unknown as Recipe<Layer<never, unknown>, unknown>;
  const { pictures, steps = recipe.steps, every = 250, seconds = Number.POSITIVE_INFINITY } = o;
  const held = o.held ?? Math.max(1, Math.round(pictures.length / 20));
  if (pictures.length <= held)
    throw new ArgumentError(
      `${name}: ${pictures.length} ${pictures.length === 1 ? "picture" : "pictures"} came and ${held} ${held === 1 ? "is" : "are"} held back; give at least ${held + 1}`,
      { pictures: pictures.length, held },
    );
  const other = pictures.find((p) => (p.depth === undefined ? 2 : 3) !== (recipe.axes ?? 2));
  if (other)
    throw new ArgumentError(
      `${other.name}: ${other.depth === undefined ? "a picture" : "a volume"} came; ${name} learns from ${recipe.axes === 3 ? "volumes" : "pictures"}`,
      { name: other.name },
    );
  const [h, w] = recipe.least(o);
  const small = pictures.find((p) => p.height < h || p.width < w || (p.depth ?? h) < h);
  if (small)
    throw new ArgumentError(
      `${small.name}: ${small.width}×${small.height} pixels are fewer than the patches of ${w}×${h}; leave it out, or learn from smaller patches (patch)`,
      { name: small.name },
    );
  const dark = pictures.find((p) => p.values.some((v) => !Number.isFinite(v)));
  if (dark) throw new ArgumentError(`${dark.name}: there are values that are not finite; leave the picture out`, { name: dark.name });
  const [learn, judge] = [pictures.slice(0, pictures.length - held), pictures.slice(pictures.length - held)];
  for (const key of specialOptions)
    if (o[key] !== undefined && !recipe.takes?.includes(key))
      throw new ArgumentError(`${name}: there is no ${key} to choose; ${takers(key)}`, { name, key });
  const fresh = await recipe.plan(learn, judge, o);
  const plan = o.from === undefined ? fresh : { ...fresh, model: begun(name, fresh.model, o.from) };
  const begin = o.from === undefined ? {} : { from: checksum(o.from) };
  const settings = JSON.stringify({ name, ...plan.settings, every, pictures: namesOf(pictures), held, ...begin });
  const earlier = o.resume?.metadata.settings;
  if (earlier !== undefined && earlier !== settings)
    throw new ArgumentError(
      `${name}: the checkpoint is of a run with other settings (${differences(earlier, settings)}); use those, or begin anew elsewhere`,
      { earlier, settings },
    );
  const began = performance.now();
  const stop = new AbortController();
  const abort = () => stop.abort(o.signal?.reason);
  if (o.signal?.aborted) abort();
  o.signal?.addEventListener("abort", abort);
  let latest: Checkpoint | undefined = o.resume;
  let over = false;
  const marked = (c: Checkpoint): Checkpoint => ({ ...c, metadata: { ...c.metadata, settings } });
  const kept = (c: Checkpoint) => {
    latest = marked(c);
    o.save?.(latest);
  };
  const weigh = (model: Layer<never, unknown>) => {
    const weights = writeSafetensors(weightsOf(model).tensors, {}, { floats: "f16" });
    return { weights, figures: plan.figures(withWeightsOf(plan.model, readSafetensors(weights))) };
  };
  const ended = (
    model: Layer<never, unknown>,
    done: number,
    history: TrainHistory,
    checkpoint: Checkpoint,
    reason: string,
  ): TrainedModel => {
    const { weights, figures } = weigh(model);
    const rounded = Object.fromEntries(Object.entries(figures).map(([k, v]) => [k, Number(v.toFixed(3))]));
    return {
      finished: done >= steps,
      reason,
      model,
      weights,
      figures: rounded,
      figuresTitle: plan.figuresTitle,
      card: {
        name,
        what: plan.what,
        weights: parameterCount(model),
        bytes: weights.length,
        licence: o.licence ?? "not stated",
        data: `${learn.length} pictures${o.source === undefined ? "" : ` from ${o.source}`}`,
        trainedOn: namesOf(learn),
        validatedOn: namesOf(judge),
        command: o.command ?? `trainModel("${name}", …)`,
        steps: done,
        seed: o.seed ?? 1,
        tables: [{ title: plan.figuresTitle, columns: Object.keys(rounded), rows: [Object.values(rounded)] }],
      },
      steps: done,
      history,
      checkpoint,
    };
  };
  const { batch, patch, features, depth, domain, stacks, seed = 1 } = o;
  const helper = o.ahead
    ? await ahead<unknown>({
        module: new URL("./recipeData.js", import.meta.url),
        argument: { name, pictures: learn, held: judge, options: { batch, patch, features, depth, domain, stacks, seed } },
        here: plan.data,
        seed,
      })
    : undefined;
  try {
    const r = await train({
      model: plan.model,
      data: helper?.data ?? plan.data,
      loss: plan.loss,
      optimiser: plan.optimiser,
      schedule: plan.schedule(steps),
      steps,
      clip: plan.clip,
      average: plan.average,
      seed: o.seed ?? 1,
      resume: o.resume,
      signal: stop.signal,
      validation: { every, value: (m) => -meanOf(plan.figures(m)) },
      checkpoint: {
        every,
        save(c) {
          kept(c);
          if (over) stop.abort(new AbortedError("the time is over"));
        },
      },
      onProgress(p) {
        o.onProgress?.(p);
        over = (performance.now() - began) / 1000 > seconds;
      },
    });
    return ended(r.model, r.steps, r.history, marked(r.checkpoint), r.reason);
  } catch (error) {
    if (!over || o.signal?.aborted || !stop.signal.aborted || !latest) throw error;
    const done = Number(latest.metadata.step);
    const numbers = (key: string) => Array.from(latest?.tensors[key]?.data ?? [], Number);
    const flat = numbers("history.validation");
    const validation = Array.from({ length: flat.length / 2 }, (_, i) => ({ step: flat[2 * i], value: flat[2 * i + 1] }));
    const history = { loss: numbers("history.loss"), validation };
    const reason = `${done} of ${steps} steps are done after ${Math.round((performance.now() - began) / 1000)} s; the same call goes on`;
    return ended(withWeightsOf(plan.model, latest), done, history, latest, reason);
  } finally {
    helper?.close();
    o.signal?.removeEventListener("abort", abort);
  }
}

/** A network with the weights of a file. @throws FormatError when they are another network's, or nothing of the kind */
function begun(name: string, model: Layer<never, unknown>, from: Uint8Array): Layer<never, unknown> {
  try {
    return withWeightsOf(model, readSafetensors(from));
  } catch (cause) {
    const { message } = cause as Error;
    throw new FormatError(
      `${name}: the weights to begin with cannot be taken (${message}); give a safetensors file of this network, of the same size`,
      { name },
      { cause },
    );
  }
}
/** Which recipes have an option of their own. */
function takers(key: SpecialOption): string {
  const names = Object.values(recipes as unknown as Readonly<Record<string, Recipe>>).filter((r) => r.takes?.includes(key));
  return `of ${names.map((r) => r.name).join(", ")} there is`;
}
/** FNV-1a of bytes: tells files of weights apart. */
function checksum(bytes: Uint8Array): string {
  let h = 0x811c9dc5;
  for (const b of bytes) h = Math.imul(h ^ b, 0x01000193);
  return (h >>> 0).toString(16);
}

/** The names of pictures; of many in one file, how many. */
function namesOf(pictures: readonly TrainingPicture[]): string[] {
  const counts = new Map<string, number>();
  for (const p of pictures) counts.set(p.file ?? p.name, (counts.get(p.file ?? p.name) ?? 0) + 1);
  const packed = new Set(pictures.flatMap((p) => (p.file === undefined ? [] : [p.file])));
  return [...counts].map(([name, n]) => (packed.has(name) ? `${n} of ${name}` : name));
}

/** "batch 16 there, 8 here". */
function differences(earlier: string, now: string): string {
  const unlike: string[] = [];
  try {
    const [a, b] = [JSON.parse(earlier), JSON.parse(now)] as Record<string, unknown>[];
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      if (JSON.stringify(a[key]) !== JSON.stringify(b[key]))
        unlike.push(typeof b[key] === "object" ? `other ${key}` : `${key} ${a[key]} there, ${b[key]} here`);
  } catch {
    return "unreadable";
  }
  return unlike.join("; ");
}
