import { ArgumentError } from "../core/errors.js";
import type { Fidelity } from "../core/interfaces.js";
import { absolute, huber, leastSquares, poisson } from "../fidelities/index.js";
import { isNpy, readNpy } from "../io/index.js";
import { readBytes } from "../io/node.js";
import { Tensor } from "../tensor/index.js";
import { suggestion } from "./nearest.js";
import { option, text } from "./options.js";

/** F as it is asked for: what it is of the residual or of z = Ax, and how it is made of the data in inner units. */
export interface AskedFidelity {
  readonly name: string;
  /** With the words for z − y, and for z. */
  readonly formula: (residual: string) => string;
  readonly make: (data: Tensor) => Fidelity;
  readonly inputs: readonly string[];
}
const names = ["leastSquares", "l1", "huber", "poisson", "weighted"] as const;

export const fidelityOption = option(
  "--fidelity <name>",
  "F, how far from the data: leastSquares, l1 (outliers), huber:DELTA, poisson[:BACKGROUND] (counts), weighted:FILE.npy (one over the variance); needs --lambda (leastSquares)",
  text,
  `one of ${names.join(", ")}`,
);

/** Undefined for least squares. @throws ArgumentError, FormatError for what names none */
export function askedFidelity(words: string | undefined, scale: number): AskedFidelity | undefined {
  if (words === undefined || words === "leastSquares") return undefined;
  const at = words.indexOf(":");
  const [name, rest] = at < 0 ? [words, undefined] : [words.slice(0, at), words.slice(at + 1)];
  const number = (least: number, open: boolean, fallback?: number): number => {
    if (rest === undefined && fallback !== undefined) return fallback;
    const x = Number(rest ?? Number.NaN);
    if (rest === undefined || rest.trim() === "" || !Number.isFinite(x) || (open ? x <= least : x < least))
      throw new ArgumentError(
        `--fidelity: got "${words}"; expected ${name}:NUMBER with ${open ? "a positive number" : "a number that is not negative"}, in inner units`,
        { fidelity: words },
      );
    return x;
  };
  const plain = () => {
    if (rest !== undefined) throw new ArgumentError(`--fidelity: ${name} has no number; got "${words}"`, { fidelity: words });
  };
  if (name === "l1") {
    plain();
    return { name, formula: (r) => `Σ|${r}|`, make: absolute, inputs: [] };
  }
  if (name === "huber") {
    const delta = number(0, true);
    return { name, formula: (r) => `Σ h(${r}), δ = ${delta}`, make: (y) => huber(y, delta), inputs: [] };
  }
  if (name === "poisson") {
    const background = number(0, false, 0);
    return {
      name,
      formula: (r) => `KL(y ‖ ${r.replace(" − y", "")}${background > 0 ? ` + ${background}` : ""})`,
      make: (y) => poisson(y, background),
      inputs: [],
    };
  }
  if (name === "weighted") {
    if (!rest)
      throw new ArgumentError("--fidelity: weighted needs a file, weighted:FILE.npy, with one over the variance of each sample", {});
    return { name, formula: (r) => `½ Σ w (${r})²`, make: (y) => leastSquares(y, weightsOf(rest, y, scale)), inputs: [rest] };
  }
  throw new ArgumentError(`--fidelity: there is no "${name}"${suggestion(name, names) || `; choose one of ${names.join(", ")}`}`, { name });
}

/** Weights of the data's shape; in stored units one over a variance, so that inner units have scale² of them. */
function weightsOf(path: string, data: Tensor, scale: number): Tensor {
  const bytes = readBytes(path);
  if (!isNpy(bytes)) throw new ArgumentError(`${path}: this is no .npy file; write weights with numpy.save`, { path });
  const a = readNpy(bytes);
  const values = Float32Array.from(a.data as ArrayLike<number>, (w) => w * scale * scale);
  if (a.complex || values.length !== data.size || values.some((w) => !(w >= 0 && Number.isFinite(w))))
    throw new ArgumentError(
      `${path}: ${a.shape.join("×")} weights came; expected one real weight of at least 0 for each of ${data.shape.join("×")} samples`,
      { path, shape: a.shape },
    );
  return Tensor.from(values, data.shape);
}
