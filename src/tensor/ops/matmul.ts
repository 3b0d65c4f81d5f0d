import { ShapeError } from "../../core/errors.js";
import { broadcastShapes, type Shape, shapeText, sizeOf } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as kernel from "../../kernels/gemm.js";
import * as twin from "../../kernels/reference/gemm.js";
import { type Applied, define } from "../primitive.js";
import { Tensor } from "../tensor.js";
import { cast, commonType } from "./elementwise.js";
import { broadcastTo, permute, reshape } from "./shaping.js";

interface P {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** [m, k] of op(A), [k, n] of op(B). */
const extents = (a: Tensor, b: Tensor, p: P) => {
  const [m, k] = p.transposeA ? [a.shape[2], a.shape[1]] : [a.shape[1], a.shape[2]];
  return { m, k, n: b.shape[p.transposeB ? 1 : 2], batch: Math.max(a.shape[0], b.shape[0]) };
};

/**
 * A complex product as one real one: the rows of A are read as 2k numbers re, im, …, and B becomes [2k, 2n] with rows
 * (re, im, …) and (−im, re, …) in turn, so that the real product is the interleaved complex one.
 */
function complexProduct(a: Tensor, b: Tensor, out: Tensor, p: P, s: twin.ProductShape): void {
  const e = engine();
  const straight = p.transposeA ? permute(a, [0, 2, 1]) : a;
  const { n, k } = s;
  const at = e.allocate(b.shape[0] * k * n * 16);
  const wide = e.f32(at, b.shape[0] * k * n * 4);
  const from = b.data;
  for (let i = 0, q = 0; i < b.shape[0]; i++)
    for (let l = 0; l < k; l++, q += 4 * n)
      for (let j = 0; j < n; j++) {
        const v = 2 * (i * k * n + (p.transposeB ? j * k + l : l * n + j));
        wide[q + 2 * j] = from[v];
        wide[q + 2 * j + 1] = from[v + 1];
        wide[q + 2 * n + 2 * j] = -from[v + 1];
        wide[q + 2 * n + 2 * j + 1] = from[v];
      }
  const strideA = s.strideA === 0 ? 0 : 2 * s.m * k;
  const strideB = s.strideB === 0 ? 0 : 4 * k * n;
  try {
    kernel.gemm(e, straight.pointer, at, out.pointer, { m: s.m, n: 2 * n, k: 2 * k, batch: s.batch, strideA, strideB });
  } finally {
    e.free(at);
  }
}

/** op(A[i]) op(B[i]) for stacks of matrices [batch, ·, ·]; a stack of one serves every i. */
const product: Applied<P> = define<P>({
  name: "matmul",
  forward: ([a, b], p) => {
    const { m, n, k, batch } = extents(a, b, p);
    const count = a.shape[0] === 0 || b.shape[0] === 0 ? 0 : batch;
    const out = Tensor.uninitialised([count, m, n], a.dtype);
    const s = { m, n, k, ...p, batch: count, strideA: a.shape[0] === 1 ? 0 : m * k, strideB: b.shape[0] === 1 ? 0 : k * n };
    if (a.dtype === "f32") kernel.gemm(engine(), a.pointer, b.pointer, out.pointer, s);
    else if (a.dtype === "c64") complexProduct(a, b, out, p, s);
    else if (a.dtype === "c128") twin.gemmComplex(a.data, b.data, out.data, s);
    else twin.gemm(a.data, b.data, out.data, s);
    return out;
  },
  vjp: ({ inputs: [a, b], params: { transposeA, transposeB }, needs }, g) =>
    [
      needs[0] &&
        shared(
          a,
          transposeA
            ? product([b.conj(), g], { transposeA: transposeB, transposeB: true }) // dA = conj(B) Gᵀ
            : product([g, b.conj()], { transposeA: false, transposeB: !transposeB }), // dA = G Bᴴ
        ),
      needs[1] &&
        shared(
          b,
          transposeB
            ? product([g, a.conj()], { transposeA: true, transposeB: transposeA }) // dB = Gᵀ conj(A)
            : product([a.conj(), g], { transposeA: !transposeA, transposeB: false }), // dB = Aᴴ G
        ),
    ].map((t) => t || undefined),
  jvp: ({ inputs: [a, b], params }, [t, u]) => {
    const p = t && product([t, b], params);
    const q = u && product([a, u], params);
    return p && q ? p.add(q) : (p ?? q);
  },
});
/** What a shared matrix receives is the sum over the stack. */
const shared = (x: Tensor, g: Tensor): Tensor => (g.shape[0] === x.shape[0] ? g : g.sum(0, true));

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
  const [x, w] = [cast(a, type), cast(b, type)];
  const options = { transposeA: false, transposeB: false };
  // One B for a stack of A is one tall product.
  if (b.rank === 2 || sizeOf(b.shape.slice(0, -2)) === 1)
    return reshape(product([reshape(x, [1, sizeOf(a.shape.slice(0, -2)) * m, k]), reshape(w, [1, k, p])], options), [...lead, m, p]);
  return reshape(product([stacked(x, lead), stacked(w, lead)], options), [...lead, m, p]);
}
/** [batch, r, c]: one matrix stays one, the others stretch to the whole stack. */
function stacked(t: Tensor, lead: Shape): Tensor {
  const matrix = t.shape.slice(-2);
  const own = sizeOf(t.shape.slice(0, -2));
  return own === 1 && sizeOf(lead) > 0
    ? reshape(t, [1, ...matrix])
    : reshape(broadcastTo(t, [...lead, ...matrix]), [sizeOf(lead), ...matrix]);
}
