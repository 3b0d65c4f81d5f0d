import { ArgumentError, FormatError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { isNpy, readNpy } from "../io/index.js";
import { readBytes } from "../io/node.js";
import { type Gating, gate, gatedSeries, navigatorSignal } from "../reconstruction/index.js";
import { Tensor } from "../tensor/index.js";
import type { Options } from "./command.js";

export interface GatedLines {
  readonly kspace: Tensor;
  readonly mask: Tensor;
  readonly gating: Gating;
  readonly navigator: Float64Array;
  /** Share of the lines that lie within whole cycles. */
  readonly used: number;
}
const needed = ["rows", "navigator"] as const;

/** The files that `--gate` reads besides the lines; refuses what does not go with it. */
export function gateFiles(options: Options): readonly string[] {
  if (options.gate === undefined) {
    const idle = [...needed, "height"].find((name) => options[name] !== undefined);
    if (idle) throw new ArgumentError(`--${idle}: it goes with --gate PHASES; leave it out, or say how many frames a cycle has`, { idle });
    return [];
  }
  for (const name of needed)
    if (options[name] === undefined)
      throw new ArgumentError(
        name === "rows"
          ? "--gate: which row of k-space is each line? name a .npy file after --rows"
          : "--gate: gate by what? name a .npy file after --navigator: a signal [lines], or complex samples of the centre of k-space [lines, …]",
        { name },
      );
  if (options.mask !== undefined) throw new ArgumentError("--mask: --rows say what was measured; leave it out");
  return [options.rows as string, options.navigator as string];
}

/** Lines measured one after the other, complex [n, w] or [n, coils, w], sorted into frames of the motion's cycle by a navigator. */
export function gatedLines(path: string, options: Options): GatedLines {
  const phases = options.gate as number;
  const lines = arrayFrom(path);
  if (!lines.complex) throw new FormatError(`${path}: lines of real numbers came; k-space is complex`, { path });
  if (lines.shape.length !== 2 && lines.shape.length !== 3)
    throw new FormatError(`${path}: an array of ${shapeText(lines.shape)} came; --gate takes lines, [n, w] or [n, coils, w]`, {
      path,
      shape: lines.shape,
    });
  const n = lines.shape[0];
  const rowsPath = options.rows as string;
  const rows = arrayFrom(rowsPath);
  if (rows.complex || rows.shape.length !== 1 || rows.shape[0] !== n)
    throw new FormatError(
      `${rowsPath}: ${rows.complex ? "complex " : ""}${shapeText(rows.shape)} came for ${n} lines; one row for each was expected`,
      {
        path: rowsPath,
        shape: rows.shape,
      },
    );
  const signalPath = options.navigator as string;
  const signal = arrayFrom(signalPath);
  if (signal.shape[0] !== n || (!signal.complex && signal.shape.length !== 1))
    throw new FormatError(
      `${signalPath}: ${signal.complex ? "complex" : "real"} ${shapeText(signal.shape)} came for ${n} lines; expected a signal [${n}], or complex samples of the centre [${n}, …]`,
      { path: signalPath, shape: signal.shape },
    );
  const numbers = Float64Array.from(signal.data as ArrayLike<number>, Number);
  if (!numbers.every(Number.isFinite))
    throw new FormatError(`${signalPath}: values are NaN or infinite; gate by another signal`, { path: signalPath });
  const navigator = signal.complex ? navigatorSignal(Tensor.from(Float32Array.from(numbers), signal.shape, "c64")) : numbers;
  const places = Float64Array.from(rows.data as ArrayLike<number>, Number);
  const height = (options.height as number | undefined) ?? lines.shape[lines.shape.length - 1];
  const outside = places.findIndex((r) => !(Number.isInteger(r) && r >= 0 && r < height));
  if (outside >= 0)
    throw new FormatError(
      `${rowsPath}: line ${outside} is row ${places[outside]}; rows are whole numbers from 0 to ${height - 1}. A picture of another height needs --height`,
      { path: rowsPath },
    );
  const gating = gate(navigator, { phases });
  const tensor = Tensor.from(Float32Array.from(lines.data as ArrayLike<number>), lines.shape, "c64");
  const used = gating.phases.reduce((s, p) => s + Number(p >= 0), 0) / n;
  if (used === 0) throw new ArgumentError("--gate: the navigator holds no whole cycle; measure longer", { period: gating.period });
  return { ...gatedSeries(tensor, places, gating.phases, { height, phases }), gating, navigator, used };
}

function arrayFrom(path: string) {
  const bytes = readBytes(path);
  if (!isNpy(bytes)) throw new FormatError(`${path}: this is no .npy file; write lines, rows and navigators with numpy.save`, { path });
  return readNpy(bytes);
}
