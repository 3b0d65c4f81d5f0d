import { ShapeError } from "../core/errors.js";
import { normalAxes, type Shape, shapeText } from "../core/shape.js";
import { type DType, fft, ifft, ifftShift, keep, Tensor } from "../tensor/index.js";
import { Operator } from "./operator.js";
import { inEveryPrecision } from "./typed.js";

/** Which axes are transformed, and how they are centred. */
export interface FourierOperatorOptions {
  /** Default: all. */
  readonly axes?: readonly number[];
  /** Default c64. */
  readonly type?: DType;
}

/**
 * The unitary Fourier transform with position 0 and frequency 0 both at index ⌊n/2⌋, as scanners and radiologists count:
 * X = fftshift(fft(ifftshift(x))) / √N over `axes`. Complex in, complex out.
 */
export function fourierOperator(shape: Shape, o: FourierOperatorOptions = {}): Operator {
  const { forward, back } = centred(shape, o);
  const type = o.type ?? "c64";
  return new Operator({
    name: "fourier",
    domain: shape,
    range: shape,
    domainType: type,
    rangeType: type,
    apply: forward,
    adjoint: back,
    normal: (x) => x,
    unitary: true,
    norm: 1,
    normalInverse: (b, rho) => b.div(1 + rho),
  });
}

/**
 * Rolling by m = ⌊n/2⌋ on both sides of a transform is two products with phases: fftshift(F(ifftshift x)) = d₂ · F(d₁ · x) with
 * d₁(t) = e^{2πi m t / n} and d₂(k) = e^{2πi m (k − m) / n}; nothing is moved.
 */
function centred(shape: Shape, o: FourierOperatorOptions): { forward: (x: Tensor) => Tensor; back: (y: Tensor) => Tensor } {
  const axes = normalAxes(o.axes, shape.length, "fourier");
  const phases = (phase: (i: number, n: number, m: number) => number) =>
    inEveryPrecision((precision) => {
      let all = Tensor.ones([], "c128");
      for (const a of axes) {
        const n = shape[a];
        const m = Math.floor(n / 2);
        const values = new Float64Array(2 * n);
        for (let i = 0; i < n; i++) {
          const turns = phase(i, n, m) % n; // whole multiples of 2π are left out before the cosine is taken
          values[2 * i] = Math.cos((2 * Math.PI * turns) / n);
          values[2 * i + 1] = Math.sin((2 * Math.PI * turns) / n);
        }
        all = all.mul(
          Tensor.from(
            values,
            shape
              .slice(0, a + 1)
              .map((_, j) => (j === a ? n : 1))
              .concat(shape.slice(a + 1).map(() => 1)),
            "c128",
          ),
        );
      }
      return precision === "f64" ? all : all.cast("c64");
    });
  const before = phases((t, _, m) => m * t);
  const after = phases((k, _, m) => m * (k - m));
  const options = { axes, normalisation: "ortho" } as const;
  return {
    forward: (x) => fft(x.mul(before(x.dtype)), options).mul(after(x.dtype)),
    back: (y) => ifft(y.mul(after(y.dtype).conj()), options).mul(before(y.dtype).conj()),
  };
}

/**
 * m · F x: samples of the centred unitary Fourier transform, 0 where nothing was measured. The normal operator is a convolution on a ring and so
 * diagonal in the Fourier basis, where rolling falls away: two transforms.
 * @param mask  real weights; of `shape`, or of one that stretches to it (a mask of rows: [n, 1])
 * @throws ShapeError when the mask does not stretch
 */
export function sampledFourierOperator(mask: Tensor, o: FourierOperatorOptions & { readonly shape?: Shape } = {}): Operator {
  const { type = "c64", shape = mask.shape } = o;
  const axes = normalAxes(o.axes, shape.length, "sampledFourier");
  if (mask.rank > shape.length || mask.shape.some((n, i) => n !== 1 && n !== shape[i + shape.length - mask.rank]))
    throw new ShapeError(`sampledFourier: a mask of ${shapeText(mask.shape)} does not stretch to ${shapeText(shape)}`, {
      mask: mask.shape,
      shape,
    });
  const full = keep(mask.reshape(...shape.map((_, i) => mask.shape[i - shape.length + mask.rank] ?? 1)));
  const weights = inEveryPrecision((precision) => full.cast(precision));
  // Frequency 0 first, as the basis has it; axes of extent 1 need no roll.
  const squares = inEveryPrecision((precision) =>
    ifftShift(
      full.cast(precision).square(),
      axes.filter((a) => full.shape[a] > 1),
    ),
  );
  const { forward, back } = centred(shape, { axes });
  const options = { axes, normalisation: "ortho" } as const;
  return new Operator({
    name: "sampledFourier",
    domain: shape,
    range: shape,
    domainType: type,
    rangeType: type,
    apply: (x) => forward(x).mul(weights(x.dtype)),
    adjoint: (y) => back(y.mul(weights(y.dtype))),
    diagonalisation: {
      basis: `fft ${shape.join("×")} along ${axes.join(",")}`,
      values: squares,
      analyse: (x) => fft(x, options),
      synthesise: (z) => ifft(z, options),
    },
  });
}
