import { ShapeError } from "../../core/errors.js";
import { shapeText, sizeOf } from "../../core/shape.js";
import * as dense from "../../kernels/linalg.js";
import { type Applied, define, defineMany } from "../primitive.js";
import type { DType } from "../storage.js";
import { Tensor } from "../tensor.js";
import { matmul } from "./matmul.js";
import { broadcastTo, reshape } from "./shaping.js";

// Small dense matrices in the last two axes, any number of them in front. Computed in f64 whatever the type.

const rowsOf = (a: Tensor) => a.shape[a.rank - 2];
const columnsOf = (a: Tensor) => a.shape[a.rank - 1];
function matrices(a: Tensor, who: string, square = true): Tensor {
  const v = a.dtype === "i32" ? a.cast("f32") : a;
  if (v.rank < 2 || (square && rowsOf(v) !== columnsOf(v)))
    throw new ShapeError(`${who}: ${shapeText(v.shape)} holds no ${square ? "square " : ""}matrix in its last two axes`, {
      shape: v.shape,
    });
  if (v.dtype !== "f32" && v.dtype !== "f64")
    throw new ShapeError(`${who}: matrices of ${v.dtype} numbers are not supported; give real ones`, { dtype: v.dtype });
  return v;
}
/** Each matrix through `fn`; its results, one after the other, as tensors of the given shapes. */
function each(
  inputs: readonly Tensor[],
  shapes: readonly (readonly number[])[],
  fn: (...a: Float64Array[]) => readonly ArrayLike<number>[],
): Tensor[] {
  const lead = inputs[0].shape.slice(0, -2);
  const sizes = inputs.map((t) => rowsOf(t) * columnsOf(t));
  const values = inputs.map((t) => Float64Array.from(t.data));
  const results = shapes.map((s) => Tensor.uninitialised([...lead, ...s], inputs[0].dtype));
  for (let q = 0; q < sizeOf(lead); q++) {
    const out = fn(...values.map((v, i) => v.subarray(q * sizes[i], (q + 1) * sizes[i])));
    out.forEach((v, i) => {
      results[i].storage.data.set(v, q * v.length);
    });
  }
  return results;
}
/** The lower triangle of an n×n matrix of ones with `diagonal` on its diagonal. */
function lowerMask(n: number, diagonal: number, dtype: DType): Tensor {
  return Tensor.from(
    Float64Array.from({ length: n * n }, (_, i) => {
      const [r, c] = [Math.floor(i / n), i % n];
      return r > c ? 1 : r === c ? diagonal : 0;
    }),
    [n, n],
    dtype,
  );
}
const unit = (n: number, dtype: DType) => Tensor.from(dense.identity(n), [n, n], dtype);
const column = (v: Tensor) => reshape(v, [...v.shape, 1]);
const row = (v: Tensor) => reshape(v, [...v.shape.slice(0, -1), 1, v.shape[v.rank - 1]]);
const symmetric = (a: Tensor) => a.add(a.transpose()).mul(0.5);

const choleskyOf: Applied<undefined> = define<undefined>({
  name: "cholesky",
  forward: ([a]) => each([a], [a.shape.slice(-2)], (x) => [dense.cholesky(x, rowsOf(a))])[0],
  // dL = L Φ(L⁻¹ dA L⁻ᵀ), Φ: lower triangle with half the diagonal
  vjp: ({ output: l }, g) => {
    const phi = matmul(l.transpose(), g).mul(lowerMask(rowsOf(l), 0.5, l.dtype));
    return [symmetric(solve(l.transpose(), solve(l.transpose(), phi.transpose()).transpose()))];
  },
  jvp: ({ output: l }, [t]) => {
    if (!t) return undefined;
    const inner = solve(l, solve(l, symmetric(t)).transpose());
    return matmul(l, inner.mul(lowerMask(rowsOf(l), 0.5, l.dtype)));
  },
});
/** L, lower triangular, with A = L Lᵀ for symmetric positive definite A. @throws SingularError */
export const cholesky = (a: Tensor): Tensor => choleskyOf([symmetric(matrices(a, "cholesky"))], undefined);

const solution: Applied<undefined> = define<undefined>({
  name: "solve",
  forward: ([a, b]) => each([a, b], [b.shape.slice(-2)], (x, y) => [dense.solve(x, rowsOf(a), y, columnsOf(b))])[0],
  vjp: ({ inputs: [a], output: x, needs }, g) => {
    const gb = solve(a.transpose(), g); // dB = A⁻ᵀ dX, dA = −dB Xᵀ
    return [needs[0] ? matmul(gb, x.transpose()).neg() : undefined, gb];
  },
  jvp: ({ inputs: [a, b], output: x }, [ta, tb]) => {
    const right = ta ? (tb ?? Tensor.zeros(b.shape, b.dtype)).sub(matmul(ta, x)) : tb;
    return right && solve(a, right);
  },
});
/** X with A X = B. A [..., n, n]; B [..., n, k] or one vector [n]; leading axes broadcast. @throws SingularError */
export function solve(a: Tensor, b: Tensor): Tensor {
  const m = matrices(a, "solve");
  if (b.rank === 1) return reshape(solve(m, column(b)), [...m.shape.slice(0, -1)]);
  const n = rowsOf(m);
  if (rowsOf(b) !== n)
    throw new ShapeError(`solve: ${shapeText(m.shape)} against a right-hand side of ${shapeText(b.shape)}`, { a: m.shape, b: b.shape });
  const double = m.dtype === "f64" || b.dtype === "f64";
  const [p, q] = [m.cast(double ? "f64" : "f32"), b.cast(double ? "f64" : "f32")];
  const lead = leading(p, q);
  return solution([broadcastTo(p, [...lead, n, n]), broadcastTo(q, [...lead, n, columnsOf(q)])], undefined);
}
function leading(a: Tensor, b: Tensor): number[] {
  const [p, q] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const rank = Math.max(p.length, q.length);
  return Array.from({ length: rank }, (_, i) => Math.max(p[p.length - rank + i] ?? 1, q[q.length - rank + i] ?? 1));
}

const inverted: Applied<undefined> = define<undefined>({
  name: "inverse",
  forward: ([a]) => each([a], [a.shape.slice(-2)], (x) => [dense.inverse(x, rowsOf(a))])[0],
  vjp: ({ output: y }, g) => [matmul(matmul(y.transpose(), g), y.transpose()).neg()], // d(A⁻¹) = −A⁻¹ dA A⁻¹
  jvp: ({ output: y }, [t]) => t && matmul(matmul(y, t), y).neg(),
});
/** A⁻¹. @throws SingularError */
export const inverse = (a: Tensor): Tensor => inverted([matrices(a, "inverse")], undefined);

const logAbsoluteDeterminant: Applied<undefined> = define<undefined>({
  name: "logdet",
  forward: ([a]) => each([a], [[]], (x) => [[dense.logDeterminant(x, rowsOf(a)).logarithm]])[0],
  vjp: ({ inputs: [a] }, g) => [
    inverse(a)
      .transpose()
      .mul(column(column(g))),
  ], // d log|det A| = tr(A⁻¹ dA)
  jvp: ({ inputs: [a] }, [t]) =>
    t &&
    matmul(inverse(a), t)
      .mul(unit(rowsOf(a), a.dtype))
      .sum([-2, -1]),
});
/** log |det A|; −∞ for a singular matrix. [..., n, n] → [...] */
export const logdet = (a: Tensor): Tensor => logAbsoluteDeterminant([matrices(a, "logdet")], undefined);

const factors = defineMany<undefined>({
  name: "qr",
  forward: ([a]) => {
    const [m, n] = a.shape.slice(-2);
    return each(
      [a],
      [
        [m, n],
        [n, n],
      ],
      (x) => {
        const { q, r } = dense.qr(x, m, n);
        return [q, r];
      },
    );
  },
  vjp: ({ outputs: [q, r] }, [gq, gr]) => {
    // dA = (dQ + Q sym(M)) R⁻ᵀ, M = R dRᵀ − dQᵀ Q, sym: the lower triangle mirrored
    let m: Tensor | undefined;
    if (gr) m = matmul(r, gr.transpose());
    if (gq) {
      const second = matmul(gq.transpose(), q);
      m = m ? m.sub(second) : second.neg();
    }
    if (!m) return [undefined];
    const n = rowsOf(r);
    const mirrored = m.mul(lowerMask(n, 1, r.dtype)).add(m.mul(lowerMask(n, 0, r.dtype)).transpose());
    const inner = matmul(q, mirrored);
    return [solve(r, (gq ? gq.add(inner) : inner).transpose()).transpose()];
  },
});
/**
 * A = Q R: Q [..., m, n] with orthonormal columns, R [..., n, n] upper triangular with a positive diagonal; m ≥ n.
 * Differentiable where the columns of A are independent.
 */
export function qr(a: Tensor): { q: Tensor; r: Tensor } {
  const v = matrices(a, "qr", false);
  if (rowsOf(v) < columnsOf(v))
    throw new ShapeError(`qr: ${shapeText(v.shape)} has fewer rows than columns; transpose first`, { shape: v.shape });
  const [q, r] = factors([v], undefined);
  return { q, r };
}

/** 1/(xⱼ − xᵢ) off the diagonal and 0 on it and for equal values, where no derivative exists. */
function gaps(x: Tensor): Tensor {
  const d = row(x).sub(column(x));
  const same = d.equal(0);
  return d.add(same).reciprocal().mul(same.neg().add(1));
}
const spectral = defineMany<undefined>({
  name: "eigh",
  forward: ([a]) => {
    const n = rowsOf(a);
    return each([a], [[n], [n, n]], (x) => {
      const { values, vectors } = dense.eigh(x, n);
      return [values, vectors];
    });
  },
  vjp: ({ outputs: [values, v] }, [gl, gv]) => {
    // dA = V (diag dλ + F ∘ Vᵀ dV) Vᵀ, F_ij = 1/(λj − λi)
    let inner: Tensor | undefined;
    if (gv) inner = matmul(v.transpose(), gv).mul(gaps(values));
    if (gl) {
      const diagonal = row(gl).mul(unit(rowsOf(v), v.dtype));
      inner = inner ? inner.add(diagonal) : diagonal;
    }
    return [inner && symmetric(matmul(matmul(v, inner), v.transpose()))];
  },
});
/**
 * A = V diag(λ) Vᵀ for symmetric A: eigenvalues [..., n] from small to large, eigenvectors in the columns of V [..., n, n], the largest
 * component of each positive. The derivative of V exists where the eigenvalues differ.
 */
export function eigh(a: Tensor): { values: Tensor; vectors: Tensor } {
  const [values, vectors] = spectral([symmetric(matrices(a, "eigh"))], undefined);
  return { values, vectors };
}

const singular = defineMany<undefined>({
  name: "svd",
  forward: ([a]) => {
    const [m, n] = a.shape.slice(-2);
    const k = Math.min(m, n);
    return each([a], [[m, k], [k], [n, k]], (x) => {
      const { u, s, v } = dense.svd(x, m, n);
      return [u, s, v];
    });
  },
  // Townsend (2016), Differentiating the singular value decomposition: F_ij = 1/(sj² − si²)
  vjp: ({ outputs: [u, s, v] }, [gu, gs, gv]) => {
    const skew = (x: Tensor) => x.sub(x.transpose());
    const f = gaps(s.square());
    let total: Tensor | undefined;
    const include = (t: Tensor) => {
      total = total ? total.add(t) : t;
    };
    if (gu) {
      const ug = matmul(u.transpose(), gu);
      include(matmul(matmul(u, f.mul(skew(ug)).mul(row(s))), v.transpose()));
      if (rowsOf(u) > columnsOf(u)) include(matmul(gu.sub(matmul(u, ug)).div(row(s)), v.transpose()));
    }
    if (gs) include(matmul(u.mul(row(gs)), v.transpose()));
    if (gv) {
      const vg = matmul(v.transpose(), gv);
      include(matmul(u, matmul(f.mul(skew(vg)).mul(column(s)), v.transpose())));
      if (rowsOf(v) > columnsOf(v)) include(matmul(u, gv.sub(matmul(v, vg)).div(row(s)).transpose()));
    }
    return [total];
  },
});
/**
 * A = U diag(s) Vᵀ: U [..., m, k], s [..., k] from large to small, V [..., n, k], k = min(m, n), the largest component of each column of V
 * positive. The derivatives of U and V exist where the singular values differ (and, for m ≠ n, are not 0).
 */
export function svd(a: Tensor): { u: Tensor; s: Tensor; v: Tensor } {
  const [u, s, v] = singular([matrices(a, "svd", false)], undefined);
  return { u, s, v };
}
