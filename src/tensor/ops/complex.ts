import { ArgumentError } from "../../core/errors.js";
import { call, elementwise, input } from "../../kernels/elementwise.js";
import { engine } from "../../kernels/engine.js";
import { type Applied, define } from "../primitive.js";
import { complexOf, isComplex, realOf } from "../storage.js";
import { Tensor } from "../tensor.js";
import { where } from "./elementwise.js";

const joined: Applied<undefined> = define<undefined>({
  name: "complex",
  forward: ([re, im]) => {
    const out = Tensor.uninitialised(re.shape, complexOf(re.dtype));
    if (re.dtype === "f32") {
      engine().parallel("complexJoin", [re.pointer, im.pointer, out.pointer], { extent: re.size, grain: 65536 });
      return out;
    }
    const [x, y, z] = [re.data, im.data, out.data];
    for (let i = 0; i < x.length; i++) {
      z[2 * i] = x[i];
      z[2 * i + 1] = y[i];
    }
    return out;
  },
  vjp: (_, g) => [real(g), imag(g)],
  jvp: ({ inputs: [re, im] }, [t, u]) => joined([t ?? Tensor.zeros(re.shape, re.dtype), u ?? Tensor.zeros(im.shape, im.dtype)], undefined),
});
/** re + i·im. */
export function complex(re: Tensor, im: Tensor = Tensor.zeros(re.shape, re.dtype)): Tensor {
  if (isComplex(re.dtype) || isComplex(im.dtype))
    throw new ArgumentError("complex: both parts must be real", { re: re.dtype, im: im.dtype });
  const type = re.dtype === "f64" || im.dtype === "f64" ? "f64" : "f32";
  const [a, b] = [re.cast(type), im.cast(type)];
  return joined([a.broadcastTo(a.add(b).shape), b.broadcastTo(a.add(b).shape)], undefined);
}

const part = (name: "real" | "imag", offset: 0 | 1) =>
  define<undefined>({
    name,
    forward: ([z]) => {
      const out = Tensor.uninitialised(z.shape, realOf(z.dtype));
      if (z.dtype === "c64") {
        engine().parallel("complexPart", [offset, z.pointer, out.pointer], { extent: z.size, grain: 65536 });
        return out;
      }
      const [x, y] = [z.data, out.data];
      for (let i = 0; i < y.length; i++) y[i] = x[2 * i + offset];
      return out;
    },
    vjp: (_, g) => [offset === 0 ? complex(g) : complex(Tensor.zeros(g.shape, g.dtype), g)],
    jvp: (_, [t]) => t && (offset === 0 ? real(t) : imag(t)),
  });
const realPart = part("real", 0);
const imaginaryPart = part("imag", 1);
/** Re z; a real tensor is its own. */
export const real = (z: Tensor): Tensor => (isComplex(z.dtype) ? realPart([z], undefined) : z);
/** Im z; 0 for a real tensor. */
export const imag = (z: Tensor): Tensor => (isComplex(z.dtype) ? imaginaryPart([z], undefined) : Tensor.zeros(z.shape, z.dtype));

const conjugation = call("conj", input(0));
const conjugated = define<undefined>({
  name: "conj",
  forward: ([z]) => {
    const out = Tensor.uninitialised(z.shape, z.dtype);
    if (z.dtype === "c64") {
      const shape = [2 * z.size];
      elementwise(engine(), conjugation, [{ pointer: z.pointer, shape }], shape, out.pointer);
      return out;
    }
    const [x, y] = [z.data, out.data];
    for (let i = 0; i < x.length; i += 2) {
      y[i] = x[i];
      y[i + 1] = -x[i + 1];
    }
    return out;
  },
  vjp: (_, g) => [conj(g)],
  jvp: (_, [t]) => t && conj(t),
});
/** Complex conjugate. */
export const conj = (z: Tensor): Tensor => (isComplex(z.dtype) ? conjugated([z], undefined) : z);

const modulus = define<undefined>({
  name: "magnitude",
  forward: ([z]) => {
    const out = Tensor.uninitialised(z.shape, realOf(z.dtype));
    if (z.dtype === "c64") {
      engine().parallel("complexMagnitude", [z.pointer, out.pointer], { extent: z.size, grain: 65536 });
      return out;
    }
    const [x, y] = [z.data, out.data];
    for (let i = 0; i < y.length; i++) y[i] = Math.hypot(x[2 * i], x[2 * i + 1]);
    return out;
  },
  vjp: (c, g) => [direction(c.inputs[0], c.output).mul(complex(g))], // ∂|z| = Re(z̄/|z| dz); 0 at 0
  jvp: (c, [t]) => t && real(direction(c.inputs[0], c.output).conj().mul(t)),
});
const direction = (z: Tensor, r: Tensor) => z.div(complex(where(r.equal(0), 1, r)));
/** |z|. */
export const magnitude = (z: Tensor): Tensor => modulus([z], undefined);
