import { parse, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import * as catalogue from "../catalogue.js";
import { ArgumentError } from "../core/errors.js";
import type { LinearOperator, Prior } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { sizeOf } from "../core/shape.js";
import { learnedDenoiser } from "../models/index.js";
import { Operator } from "../operators/index.js";
import {
  type AnyDenoiser,
  biharmonic,
  type Denoiser,
  denoiserFrom,
  inOpponentColours,
  noPrior,
  plugAndPlay,
  red,
  ridge,
  tikhonov,
  totalGeneralizedVariation,
  totalVariation,
  waveletL1,
} from "../priors/index.js";
import { noiseLevel, type Solver } from "../reconstruction/index.js";
import { admm, fista, ista, pdhg } from "../solvers/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { suggestion } from "./nearest.js";

/** What a prior may want to know of the problem. */
export interface PriorContext {
  /** Axes that it differentiates along. */
  readonly dimensions: number;
  readonly data: Tensor;
  /** σ of the noise in inner units, where it is known. */
  readonly sigma?: number;
  readonly colour: boolean;
}
/** A choice for R: its name, its formula, and the part. */
export interface PriorChoice {
  readonly name: string;
  readonly formula: string;
  /** λ comes from the noise, and rules for it do not apply. */
  readonly denoises: boolean;
  readonly make: (context: PriorContext) => Prior;
}
const named: Readonly<Record<string, { readonly formula: string; readonly make: (c: PriorContext) => Prior }>> = {
  none: { formula: "0", make: () => noPrior() },
  l2: { formula: "½‖x‖²", make: () => ridge() },
  tikhonov: { formula: "½‖∇x‖²", make: ({ dimensions }) => tikhonov({ dimensions }) },
  biharmonic: { formula: "½‖Δx‖²", make: ({ dimensions }) => biharmonic({ dimensions }) },
  tv: { formula: "Σ|∇x|", make: ({ dimensions }) => totalVariation({ dimensions }) },
  tgv: { formula: "min_w Σ|∇x − w| + 2 Σ|E w|", make: ({ dimensions }) => totalGeneralizedVariation({ dimensions }) },
  wavelet: { formula: "Σ|details of Wx|", make: ({ dimensions }) => waveletL1({ dimensions }) },
};
const denoiserNames = [...Object.keys(catalogue.denoisers), "learned"];
export const priorNames: readonly string[] = [...Object.keys(named), ...denoiserNames];
export const priorHelp = `${priorNames.join(", ")}; pnp:NAME and red:NAME with a denoiser; or a module of yours, ./mine.mjs`;

/** Whether a name of a prior is that of a denoiser: by itself or after "pnp:". */
export const isDenoiserPrior = (name: string): boolean => name.startsWith("pnp:") || denoiserNames.includes(name);

const isModule = (name: string): boolean => /\.m?js$/i.test(name);
async function load(flag: string, name: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(resolve(name)).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new ArgumentError(`${flag}: ${name} cannot be loaded: ${(cause as Error).message}`, { name }, { cause });
  }
}

/** Values of a tensor as plain numbers for functions that know no tensors, and back. @throws ArgumentError for what does not fit */
function plainly(
  who: string,
  f: (values: Float32Array, ...rest: never[]) => unknown,
  x: Tensor,
  shape: readonly number[],
  rest: readonly unknown[],
): Tensor {
  const values = (f as (...a: unknown[]) => unknown)(Float32Array.from(x.data), ...rest);
  const n = sizeOf(shape);
  const length = (values as ArrayLike<number> | undefined)?.length;
  if (length !== n)
    throw new ArgumentError(`${who} returned ${length === undefined ? String(values) : `${length} numbers`}; expected ${n}, as an array`, {
      length,
      expected: n,
    });
  return Tensor.from(Float32Array.from(values as ArrayLike<number>), shape);
}

/** A denoiser by its name, or of a module. @throws ArgumentError for names that there are not */
export async function denoiserNamed(flag: string, name: string): Promise<Denoiser> {
  if (name === "learned" || name === catalogue.models.denoiser.name) return learnedDenoiser();
  if (Object.hasOwn(catalogue.denoisers, name)) return catalogue.denoisers[name as keyof typeof catalogue.denoisers]();
  if (!isModule(name))
    throw new ArgumentError(
      `${flag}: there is no denoiser "${name}"${suggestion(name, denoiserNames) || `; choose one of ${denoiserNames.join(", ")}, or a module such as ./mine.mjs`}`,
      { name },
    );
  return denoiserOf(flag, name, await load(flag, name));
}
function denoiserOf(flag: string, name: string, module: Record<string, unknown>): Denoiser {
  const given = module.denoise ?? module.default;
  const own = parse(name).name;
  if (typeof given === "function")
    return denoiserFrom((image, sigma) => plainly(`${name}: denoise`, given as never, image, image.shape, [sigma, image.shape]), own);
  if (typeof (given as Denoiser | undefined)?.denoise === "function") return denoiserFrom(given as AnyDenoiser, own);
  throw new ArgumentError(
    `${flag}: ${name} exports no denoiser; export function denoise(values, sigma, shape) that returns as many numbers, or a prior`,
    { name },
  );
}

/**
 * R by its name: a formula; a denoiser, which is plugged in; "pnp:" or "red:" before a denoiser; or a module that exports `denoise(values, sigma, shape)` or a `prior`.
 * @throws ArgumentError for names that there are not, with the nearest one
 */
export async function priorChoice(text: string): Promise<PriorChoice> {
  if (Object.hasOwn(named, text)) return { name: text, denoises: false, ...named[text] };
  const [, kind = "pnp", name] = /^(?:(pnp|red):)?(.*)$/s.exec(text) as unknown as [string, string | undefined, string];
  if (!denoiserNames.includes(name) && !isModule(name)) {
    if (kind === "pnp" && !text.startsWith("pnp:"))
      throw new ArgumentError(`--prior: there is no "${text}"${suggestion(text, priorNames) || `; choose one of ${priorHelp}`}`, {
        name: text,
      });
  }
  let denoiser: Denoiser;
  if (isModule(name) && kind === "pnp") {
    const module = await load("--prior", name);
    const prior = (module.prior ?? module.default) as Prior | undefined;
    if (typeof prior?.terms === "function" && typeof prior.value === "function")
      return { name: parse(name).name, formula: "R(x)", denoises: false, make: () => prior };
    denoiser = denoiserOf("--prior", name, module);
  } else denoiser = await denoiserNamed("--prior", name);
  const of = (colour: boolean) => (colour ? inOpponentColours(denoiser) : denoiser);
  if (kind === "red")
    return {
      name: `red:${denoiser.name}`,
      formula: `½⟨x, x − ${denoiser.name}(x)⟩`,
      denoises: true,
      make: ({ data, sigma, colour }) => red(of(colour), { sigma: 2.5 * Math.max(1e-6, sigma ?? noiseLevel(data)) }),
    };
  return {
    name: text === name ? denoiser.name : `pnp:${denoiser.name}`,
    formula: `R(x), its proximal map the denoiser ${denoiser.name}`,
    denoises: true,
    make: ({ colour }) => plugAndPlay(of(colour)),
  };
}

const solvers: Readonly<Record<string, (tolerance?: number) => Solver["iteration"]>> = {
  admm: (tolerance) => admm({ tolerance }) as Solver["iteration"],
  fista: (tolerance) => fista({ tolerance }) as Solver["iteration"],
  ista: (tolerance) => ista({ tolerance }) as Solver["iteration"],
  pdhg: (tolerance) => pdhg({ tolerance }) as Solver["iteration"],
};
export const solverNames: readonly string[] = Object.keys(solvers);
export const solverNamed = (name: string | undefined, tolerance?: number): Solver | undefined =>
  name === undefined ? undefined : { name, iteration: solvers[name](tolerance) };

/**
 * A of a module: plain functions `apply(values, shape)` and `adjoint(values, shape)` of images of one shape, or `operator(shape)` that returns a linear operator. Checked with
 * random numbers: ⟨Ax, y⟩ = ⟨x, A*y⟩.
 * @throws ArgumentError when the module exports none, or the two do not belong together
 */
export async function ownOperator(name: string): Promise<(shape: readonly number[]) => LinearOperator> {
  if (!isModule(name)) throw new ArgumentError(`--operator: ${name} came; expected a module such as ./mine.mjs`, { name });
  const module = await load("--operator", name);
  const { apply, adjoint } = module;
  const make = module.operator ?? module.default;
  if (typeof make !== "function" && !(typeof apply === "function" && typeof adjoint === "function"))
    throw new ArgumentError(
      `--operator: ${name} exports no operator; export functions apply(values, shape) and adjoint(values, shape), or operator(shape)`,
      { name },
    );
  return (shape) => {
    const a =
      typeof apply === "function" && typeof adjoint === "function"
        ? new Operator({
            name: parse(name).name,
            domain: shape,
            range: shape,
            apply: (x) => plainly(`${name}: apply`, apply as never, x, shape, [shape]),
            adjoint: (y) => plainly(`${name}: adjoint`, adjoint as never, y, shape, [shape]),
          })
        : ((make as (shape: readonly number[]) => unknown)(shape) as LinearOperator);
    if (
      typeof a?.apply !== "function" ||
      typeof a.adjoint !== "function" ||
      sizeOf(a.domain) !== sizeOf(shape) ||
      sizeOf(a.range) !== sizeOf(shape)
    )
      throw new ArgumentError(`--operator: ${name} makes no operator that takes images ${shape.join("×")} and gives such images`, {
        name,
        shape,
      });
    const random = seeded(1);
    const [x, y] = [randomNormal(a.domain, random), randomNormal(a.range, random)];
    const [ax, ay] = [a.apply(x), a.adjoint(y)];
    const [left, right] = [ax.innerProduct(y).item(), x.innerProduct(ay).item()];
    const size = Math.max(1e-30, ax.norm().item() * y.norm().item());
    if (!(Math.abs(left - right) <= 1e-3 * size))
      throw new ArgumentError(
        `--operator: ${name}: adjoint is not that of apply: ⟨Ax, y⟩ = ${left.toPrecision(4)} but ⟨x, A*y⟩ = ${right.toPrecision(4)} for random x and y`,
        { name, left, right },
      );
    return a;
  };
}
