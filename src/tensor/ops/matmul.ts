import { ShapeError } from "../../core/errors.js";
import { broadcastShapes, shapeText } from "../../core/shape.js";
import { define } from "../primitive.js";
import { isComplex } from "../storage.js";
import { Tensor } from "../tensor.js";
import { cast, commonType } from "./elementwise.js";
import { broadcastTo, reshape } from "./shaping.js";

const batched = define<undefined>({
  name: "matmul",
  forward: ([a, b]) => {
    const [n, m, k] = a.shape;
    const p = b.shape[2];
    const out = Tensor.uninitialised([n, m, p], a.dtype);
    const [x, w, y] = [a.data, b.data, out.data];
    if (isComplex(a.dtype)) {
      for (let q = 0; q < n; q++)
        for (let i = 0; i < m; i++)
          for (let j = 0; j < p; j++) {
            let re = 0;
            let im = 0;
            for (let l = 0; l < k; l++) {
              const s = 2 * ((q * m + i) * k + l);
              const t = 2 * ((q * k + l) * p + j);
              re += x[s] * w[t] - x[s + 1] * w[t + 1];
              im += x[s] * w[t + 1] + x[s + 1] * w[t];
            }
            y[2 * ((q * m + i) * p + j)] = re;
            y[2 * ((q * m + i) * p + j) + 1] = im;
          }
      return out;
    }
    for (let q = 0; q < n; q++)
      for (let i = 0; i < m; i++)
        for (let j = 0; j < p; j++) {
          let s = 0;
          for (let l = 0, at = (q * m + i) * k, bt = q * k * p + j; l < k; l++, at++, bt += p) s += x[at] * w[bt];
          y[(q * m + i) * p + j] = s;
        }
    return out;
  },
  vjp: ({ inputs: [a, b], needs }, g) => [
    needs[0] ? matmul(g, b.conj().transpose()) : undefined, // dA = G Bᴴ
    needs[1] ? matmul(a.conj().transpose(), g) : undefined, // dB = Aᴴ G
  ],
  jvp: ({ inputs: [a, b] }, [t, u]) => {
    const p = t && matmul(t, b);
    const q = u && matmul(a, u);
    return p && q ? p.add(q) : (p ?? q);
  },
});

/** Matrix product over the last two axes; leading axes broadcast; a vector is a row on the left and a column on the right. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  if (a.rank === 0 || b.rank === 0) throw new ShapeError("matmul: a scalar is no matrix; use mul", {});
  if (a.rank === 1) return reshape(matmul(reshape(a, [1, a.size]), b), b.rank === 1 ? [] : [...b.shape.slice(0, -2), b.shape[b.rank - 1]]);
  if (b.rank === 1) return reshape(matmul(a, reshape(b, [b.size, 1])), a.shape.slice(0, -1));
  const [m, k] = a.shape.slice(-2);
  const [l, p] = b.shape.slice(-2);
  if (k !== l)
    throw new ShapeError(`matmul: ${shapeText(a.shape)} times ${shapeText(b.shape)}; the inner extents ${k} and ${l} must be equal`, {
      a: a.shape,
      b: b.shape,
    });
  const lead = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), "matmul");
  const type = commonType(a.dtype, b.dtype);
  const flat = (t: Tensor, r: number, c: number) =>
    reshape(broadcastTo(cast(t, type), [...lead, r, c]), [lead.reduce((s, n) => s * n, 1), r, c]);
  return reshape(batched([flat(a, m, k), flat(b, k, p)], undefined), [...lead, m, p]);
}
