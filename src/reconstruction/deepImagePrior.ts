import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Iteration, LinearOperator, Parameters, Progress, State, Stop } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { type Random, seeded, seededAt } from "../core/random.js";
import { shapeText, sizeOf } from "../core/shape.js";
import { leastSquares } from "../fidelities/index.js";
import { hourglass, type Layer } from "../nn/index.js";
import { adamW } from "../optimisers/index.js";
import { solveSquares } from "../solvers/index.js";
import { concat, maxPool, scope, Tensor } from "../tensor/index.js";
import { pullback } from "../tensor/primitive.js";
import { inpaintBiharmonic } from "./inpaintBiharmonic.js";

/** Which network stands for the image, and for how many steps it is fitted. */
export interface DeepImagePriorOptions {
  /** A, on pictures [y, x] or [c, y, x]. */
  readonly operator: LinearOperator;
  /** y. Samples that A multiplies by 0 are never looked at: they may hold anything. */
  readonly data: Tensor;
  /** G, a network of `inputs` channels (default: `hourglass` of as many levels as the picture has room for). */
  readonly network?: Layer;
  /** σ of the noise of the data, to bring the picture into agreement with them at the end; default: none for missing samples (A a mask), else it is left as it is. */
  readonly noise?: number;
  /** Channels of the network inside (default 32; the finest level has half as many). */
  readonly features?: number;
  /** Channels across each level (default 4). With 0 details have to come through the coarsest level: for large holes. */
  readonly skip?: number;
  /**
   * z: white noise; the coordinates x and y, which make smoother pictures; or, for missing samples, the data themselves: what is known is interpolated, at each step
   * without a fifth of the samples, and the network adds to it what these show is lacking. Default: data where samples are missing one by one, none farther than three
   * from a known one (but one in a hundred may be), else noise: of large holes what was hidden for a step tells nothing.
   */
  readonly input?: "noise" | "mesh" | "data";
  /** Channels of z where it is noise (default 16). */
  readonly inputs?: number;
  /** How far z moves between steps, in its own standard deviations (default 1 for noise, 0 for coordinates; of data another part is shown at each step instead). */
  readonly jitter?: number;
  /** Most steps (default 3000, of data as input 1500). */
  readonly iterations?: number;
  /** Of Adam (default 0.01), on half a cosine down to a tenth over `iterations`. */
  readonly step?: number;
  /** Part of the samples of y that is kept from the network, to stop by (default 0.03, more where those would be fewer than 1000, but at most 0.1); 0: all steps are done. */
  readonly held?: number;
  /** Of the running mean of pictures that is returned (default 0.99; 0: the last picture). */
  readonly average?: number;
  /** Of the random numbers: the same seed, the same result. */
  readonly seed?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** `value` is the mean squared error of the samples kept back; `x` the picture so far. */
  readonly onProgress?: (progress: Progress<Tensor>) => void;
}
/** What a network that was fitted to one picture makes of it, and when it was stopped. */
export interface DeepImagePriorResult {
  /** The image. */
  readonly image: Tensor;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** Steps done, and after how many the picture returned was best. */
  readonly iterations: number;
  /** The step whose picture was kept. */
  readonly best: number;
  /** Mean (Ax − y)² over the samples that the network saw, and over those that it did not, every `every` steps. */
  readonly history: {
    /** Steps from one to the next. */
    readonly every: number;
    /** Misfit of the data that the network was fitted to. */
    readonly seen: readonly number[];
    /** Misfit of the data that were held back. */
    readonly held: readonly number[];
  };
}

/** Steps between two looks at the samples kept back, and two turns of the event loop. */
const every = 5;

/** Are samples missing, and is next to none of them farther than three samples from a known one? */
function scattered({ diagonal, domain }: LinearOperator): boolean {
  if (!(diagonal instanceof Tensor)) return false;
  return scope(() => {
    const [h, w] = domain.slice(-2);
    const missing = diagonal.broadcastTo(domain).equal(0).reshape(-1, 1, h, w);
    const known = missing.equal(0);
    const far = maxPool(known, { kernel: 7, stride: 1, padding: 3 }).equal(0).mul(missing).sum().item();
    const count = missing.sum().item();
    return count > 0 && far <= 0.01 * count;
  });
}

/** What the network is given at a step. */
interface Shown {
  /** z, [1, inputs, y, x]. */
  readonly from: Tensor;
  /** What its output is added to; default the mean of the data. */
  readonly base?: Tensor;
  /** Turns or mirrors a picture; done twice it is undone. */
  readonly turned?: (x: Tensor) => Tensor;
  /** The samples that it is asked for, and how many; default all that it may see. */
  readonly asked?: Tensor;
  readonly count?: number;
}
interface Fitting extends State<Tensor> {
  readonly k: number;
  readonly weights: Parameters;
  readonly memory: Readonly<Record<string, Parameters>>;
  readonly seen: number;
  readonly best: number;
  readonly least: number;
  /** Least error of the samples kept back, a few looks smoothed, that counted as progress; and when. */
  readonly mark: number;
  readonly marked: number;
}

/**
 * min over w of Σ m (A G(w; z) − y)²,  x = G(w; z): a picture made of nothing but a network's weights, whose form alone is the prior. z is fixed and moves a little at every
 * step; the picture returned is a running mean. m leaves out what A multiplies by 0, and a few samples, drawn by the seed, that the network never sees: the error of
 * those falls as long as the picture comes nearer to the truth and rises when it comes nearer to the noise. The picture is that of their least error, and the end has
 * come when there was none better for a quarter of the steps so far. Nothing is known of the noise but that it differs from sample to sample independently.
 * Where samples are missing one by one, z is the data (`input`), and each of them is in turn kept from z and asked for.
 * Where the noise σ is known the data have the last word: argmin ½‖Ax − y‖² + ½ (σ/τ)² ‖x − G(w)‖², τ² the error of the samples kept back, less σ².
 * Gain and offset of the data pass through: x = a + b f(w), with a the mean and b the deviation of a first rough picture.
 * @throws ShapeError for pictures that are not [y, x] or [c, y, x], ArgumentError for shares and steps that make no sense, AbortedError when the signal fires
 * @see Ulyanov, Vedaldi & Lempitsky (2018), Deep image prior, CVPR; stopping compares with Wang et al. (2021), Early stopping for deep image prior
 */
export async function deepImagePrior(o: DeepImagePriorOptions): Promise<DeepImagePriorResult> {
  const { operator, data, average = 0.99, seed = 1, step = 0.01 } = o;
  const input = o.input ?? (o.network === undefined && o.inputs === undefined && scattered(operator) ? "data" : "noise");
  const iterations = o.iterations ?? (input === "data" ? 1500 : 3000);
  const held = o.held ?? Math.min(0.1, Math.max(0.03, 1000 / Math.max(1, data.size)));
  const shape = operator.domain;
  if (shape.length !== 2 && shape.length !== 3)
    throw new ShapeError(`deepImagePrior: pictures ${shapeText(shape)}; expected [y, x] or [c, y, x]`, { shape });
  if (sizeOf(operator.range) !== data.size)
    throw new ShapeError(`deepImagePrior: the data are ${shapeText(data.shape)} but A gives ${shapeText(operator.range)}`, {
      data: data.shape,
      range: operator.range,
    });
  if (!(held >= 0 && held <= 0.5)) throw new ArgumentError(`deepImagePrior: a share of ${held} is kept back; give 0 to 0.5`, { held });
  if (!(Number.isInteger(iterations) && iterations >= 1))
    throw new ArgumentError(`deepImagePrior: ${iterations} steps; give 1 or more`, { iterations });
  const [h, w] = shape.slice(-2);
  const channels = shape.length === 3 ? shape[0] : 1;
  const { inputs = input === "noise" ? 16 : input === "mesh" ? 2 : 2 * channels, jitter = input === "noise" ? 1 : 0, features = 32 } = o;
  if (input === "data" && !(operator.diagonal instanceof Tensor && inputs === 2 * channels))
    throw new ArgumentError("deepImagePrior: data as input are for missing samples (A a mask), twice as many channels as the picture has", {
      inputs,
    });
  const random = seeded(seed);
  const levels = Math.max(2, Math.min(5, Math.floor(Math.log2(Math.min(h, w))) - 2));
  const first = random.split(); // drawn in any case: the samples kept back do not depend on whose network it is
  const network =
    o.network ??
    hourglass({
      inputs,
      outputs: channels,
      random: first,
      features: [Math.max(1, features >> 1), ...new Array<number>(levels - 1).fill(features)],
      // Of data as input the fine levels are not noise: they are looked at closely, and at first nothing is added to them.
      ...(input === "data" ? { skip: o.skip ?? features >> 1, across: 3, silent: true } : { skip: o.skip }),
    });
  const learned = Object.keys(network.parameters).filter((name) => !network.buffers.includes(name));
  const rule = adamW({ step, decay: 0 });
  const draws = random.split();
  const { y, weights, shown } = scope(() => split(operator, data, held, random.split()));
  const { centre, size } = scope(() => rough(operator, y));
  const [count, kept] = [weights.seen.sum().item(), shown];
  if (count === 0) throw new ArgumentError("deepImagePrior: there is nothing to learn from: A multiplies every sample by 0", {});
  const z: (chance: Random) => Shown =
    input === "data"
      ? dataInput(operator, y, weights.seen, { centre, size }, draws)
      : input === "noise"
        ? noiseInput(inputs, h, w, jitter, draws)
        : meshInput(inputs, h, w, jitter, draws);
  const picture = (parameters: Parameters, { from, base, turned = (x) => x }: Shown): Tensor =>
    turned(network.with(parameters).forward(turned(from)))
      .reshape(...shape)
      .mul(size)
      .add(base ?? centre);
  const misfit = (x: Tensor, which: Tensor): Tensor =>
    operator
      .apply(x)
      .reshape(...y.shape)
      .sub(y)
      .square()
      .mul(which)
      .sum();
  const seenHistory: number[] = [];
  const heldHistory: number[] = [];
  const scale = 1 / (size * size);

  const iteration: Iteration<undefined, Tensor, Fitting> = {
    init: (_, x) => ({
      x,
      k: 0,
      weights: network.parameters,
      memory: rule.init(Object.fromEntries(learned.map((name) => [name, network.parameters[name]]))),
      seen: Number.NaN,
      best: 0,
      least: Number.POSITIVE_INFINITY,
      mark: Number.POSITIVE_INFINITY,
      marked: 0,
    }),
    step(_, before) {
      let state = before;
      for (let j = 0; j < every && state.k < iterations; j++) {
        const now = state;
        state = scope(() => {
          const from = z(seededAt(seed, now.k));
          const names = Object.fromEntries(learned.map((name) => [name, now.weights[name]]));
          const { values, pull } = pullback((...leaves) => {
            const x = picture({ ...now.weights, ...Object.fromEntries(learned.map((name, i) => [name, leaves[i]])) }, from);
            return [misfit(x, from.asked ?? weights.seen).mul(scale / (from.count ?? count)), x];
          }, Object.values(names));
          const [loss, x] = values;
          const slopes = pull([Tensor.ones(loss.shape, loss.dtype), Tensor.zeros(x.shape, x.dtype)]);
          const gradient = Object.fromEntries(learned.map((name, i) => [name, slopes[i]]));
          const factor = 0.1 + 0.9 * 0.5 * (1 + Math.cos((Math.PI * now.k) / iterations));
          const moved = rule.step(names, gradient, now.memory, now.k, factor);
          // Young means follow fast.
          const slow = Math.min(average, (1 + now.k) / (10 + now.k));
          const mean = now.k === 0 || average === 0 ? x : now.x.mul(slow).add(x.mul(1 - slow));
          return { ...now, x: mean, k: now.k + 1, weights: { ...now.weights, ...moved.x }, memory: moved.memory, seen: loss.item() };
        });
      }
      const value = kept > 0 ? scope(() => misfit(state.x, weights.held).item()) / kept : undefined;
      seenHistory.push(state.seen * size * size);
      if (value === undefined) return { ...state, value };
      heldHistory.push(value);
      const better = value < state.least ? { least: value, best: state.k } : {};
      // What is less than half a per cent does not count as progress.
      const progress = value < 0.995 * state.mark ? { mark: value, marked: state.k } : {};
      return { ...state, value, ...better, ...progress };
    },
    done: (s) =>
      s.value !== undefined && s.k - s.marked > Math.max(200, s.k / 4)
        ? { stop: "converged", reason: `samples kept back are predicted no better than after ${s.best} steps` }
        : undefined,
  };
  let last: Fitting | undefined;
  const watched: typeof iteration = {
    ...iteration,
    done(s) {
      last = s;
      return iteration.done?.(s);
    },
  };
  const run = await iterate(watched, undefined, Tensor.zeros(shape), {
    iterations: Math.ceil(iterations / every),
    signal: o.signal,
    onProgress: (p) => o.onProgress?.({ ...p, iteration: Math.min(iterations, p.iteration * every), iterations }),
  });
  const done = last?.k ?? 0;
  const noise = o.noise ?? (operator.diagonal instanceof Tensor ? 0 : undefined);
  const left = run.value ?? last?.seen ?? 0;
  const tau = Math.max(left - (noise ?? 0) ** 2, 1e-3 * left, 1e-30);
  return {
    image: noise === undefined ? run.x : agreeing(operator, y, run.x, noise ** 2 / tau),
    stop: run.stop,
    reason: run.reason,
    iterations: done,
    best: kept > 0 ? (last?.best ?? done) : done,
    history: { every, seen: seenHistory, held: heldHistory },
  };
}

/** argmin ½‖Ax − y‖² + ½ ρ ‖x − g‖²; without noise the data hold to a millionth. */
const agreeing = (operator: LinearOperator, y: Tensor, g: Tensor, rho: number): Tensor =>
  scope(() => {
    const terms = [{ weight: Math.max(1e-6, rho), functional: leastSquares(g) }];
    return solveSquares({ operator, fidelity: leastSquares(y), terms }, { start: g });
  });

/** The data with what does not count set to 0, and where the network looks and where it does not; `shown` samples are kept back. */
function split(operator: LinearOperator, data: Tensor, share: number, random: Random) {
  const mask = operator.diagonal instanceof Tensor ? operator.diagonal.broadcastTo(operator.range).data : undefined;
  const [seen, held, values] = [new Float32Array(data.size), new Float32Array(data.size), new Float32Array(data.size)];
  // A place is kept back with all its channels: they tell each other.
  const places = sizeOf(operator.range.slice(operator.range.length === 3 ? 1 : 0));
  const back = Uint8Array.from({ length: places }, () => Number(random.uniform() < share));
  let shown = 0;
  for (let i = 0; i < data.size; i++) {
    if (mask && mask[i] === 0) continue;
    values[i] = data.data[i];
    if (back[i % places] === 1) {
      held[i] = 1;
      shown++;
    } else seen[i] = 1;
  }
  const as = (v: Float32Array) => Tensor.from(v, operator.range);
  return { y: as(values), weights: { seen: as(seen), held: as(held) }, shown };
}
/** Means of the channels and the deviation from them that pictures of these data have: of the known samples themselves, else of a step of steepest descent. */
function rough(operator: LinearOperator, y: Tensor): { readonly centre: Tensor; readonly size: number } {
  const shape = operator.domain;
  const channels = shape.length === 3 ? shape[0] : 1;
  const n = sizeOf(shape) / channels;
  const mask = operator.diagonal instanceof Tensor ? operator.diagonal.broadcastTo(shape).data : undefined;
  let values: ArrayLike<number> = y.data;
  if (mask) values = Float64Array.from(y.data as ArrayLike<number>, (v, i) => (mask[i] === 0 ? 0 : v / mask[i]));
  else {
    const back = operator.adjoint(y);
    const forth = operator.apply(back);
    const [b, f] = [back.innerProduct(back).item(), forth.innerProduct(forth).item()];
    values = back.mul(f > 0 ? b / f : 0).data;
  }
  const counts = (i: number) => !mask || mask[i] !== 0;
  const centre = new Float32Array(channels);
  let [squares, count] = [0, 0];
  for (let c = 0; c < channels; c++) {
    let [sum, known] = [0, 0];
    for (let i = c * n; i < (c + 1) * n; i++)
      if (counts(i)) {
        sum += values[i];
        known++;
      }
    centre[c] = known > 0 ? sum / known : 0;
    for (let i = c * n; i < (c + 1) * n; i++) if (counts(i)) squares += (values[i] - centre[c]) ** 2;
    count += known;
  }
  const place = shape.map((_, i) => (i === 0 && shape.length === 3 ? channels : 1));
  return { centre: Tensor.from(centre, place), size: Math.max(1e-12, Math.sqrt(squares / Math.max(1, count))) };
}

/** Noise of deviation 1, and at each step a little of other noise: windows at random places of one large field, which costs no new numbers. */
function noiseInput(inputs: number, h: number, w: number, jitter: number, random: Random): (chance: Random) => Shown {
  const drawn = (height: number, width: number) =>
    Tensor.from(
      Float32Array.from({ length: inputs * height * width }, () => 3.4641 * (random.uniform() - 0.5)),
      [1, inputs, height, width],
    );
  const fixed = drawn(h, w);
  if (jitter === 0) return () => ({ from: fixed });
  const room = 24;
  const field = drawn(h + room, w + room).mul(jitter);
  return (chance) => {
    const [i, j] = [chance.integer(room), chance.integer(room)];
    return { from: fixed.add(field.slice([0, 0, i, j], [1, inputs, i + h, j + w])) };
  };
}
/** x and y from −1 to 1, and waves of them where there are more channels. */
function meshInput(inputs: number, h: number, w: number, jitter: number, random: Random): (chance: Random) => Shown {
  const values = new Float32Array(inputs * h * w);
  for (let c = 0; c < inputs; c++)
    for (let i = 0; i < h; i++)
      for (let j = 0; j < w; j++) {
        const t = c % 2 === 0 ? (2 * j) / Math.max(1, w - 1) - 1 : (2 * i) / Math.max(1, h - 1) - 1;
        values[(c * h + i) * w + j] = c < 2 ? t : Math.sin(2 ** ((c >> 1) - 1) * Math.PI * t);
      }
  const mesh = Tensor.from(values, [1, inputs, h, w]);
  if (jitter === 0) return () => ({ from: mesh });
  const grain = noiseInput(inputs, h, w, jitter, random);
  return (chance) => ({ from: mesh.add(grain(chance).from.mul(0.02)) });
}
/** Pictures that mirror themselves back: left and right, up and down, both, and across the diagonal. */
const mirrors: readonly ((x: Tensor) => Tensor)[] = [
  (x) => x,
  (x) => x.flip(3),
  (x) => x.flip(2),
  (x) => x.flip(2).flip(3),
  (x) => x.transpose(),
  (x) => x.transpose().flip(2).flip(3),
];
/** Hidden of the samples at each step, and choices of them made beforehand. */
const [hidden, choices] = [0.2, 12];
/** The biharmonic interpolation of a part of the known samples, and which they were; asked for are the others. */
function dataInput(
  operator: LinearOperator,
  y: Tensor,
  seen: Tensor,
  { centre, size }: { readonly centre: Tensor; readonly size: number },
  random: Random,
): (chance: Random) => Shown {
  const shape = operator.domain;
  const [h, w] = shape.slice(-2);
  const mask = (operator.diagonal as Tensor).broadcastTo(shape);
  const values = y.reshape(...shape).div(mask.add(mask.equal(0)));
  const all = seen.reshape(...shape);
  const made = Array.from({ length: choices }, () => {
    const chance = random.split();
    const places = Tensor.from(
      Float32Array.from({ length: h * w }, () => Number(chance.uniform() >= hidden)),
      [h, w],
    );
    const known = all.mul(places);
    // Where next to nothing is known there is nothing to hide.
    const [part, asked] = known.sum().item() > 0 && known.sum().item() < all.sum().item() ? [known, all.sub(known)] : [all, all];
    const base = inpaintBiharmonic(values.mul(part), part, { dimensions: 2 }).image;
    const from = concat([base.sub(centre).div(size).reshape(1, -1, h, w), part.reshape(1, -1, h, w)], 1);
    return { base, from, asked: asked.reshape(...seen.shape), count: asked.sum().item() };
  });
  return (chance) => ({ ...made[chance.integer(choices)], turned: mirrors[chance.integer(mirrors.length)] });
}
