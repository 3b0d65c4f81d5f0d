import { ArgumentError, ShapeError } from "../../core/errors.js";
import { normalAxes, type Shape, sameShape, shapeText, sizeOf } from "../../core/shape.js";
import { type Applied, define } from "../primitive.js";
import { componentsOf } from "../storage.js";
import { Tensor } from "../tensor.js";

type P = { axis: number };
const layout = (shape: Shape, axis: number) => ({
  outer: sizeOf(shape.slice(0, axis)),
  n: shape[axis],
  inner: sizeOf(shape.slice(axis + 1)),
});

const gathered: Applied<P> = define<P>({
  name: "gather",
  forward: ([x, indices], { axis }) => {
    const out = Tensor.uninitialised([...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], x.dtype);
    const { outer, n, inner } = layout(x.shape, axis);
    const c = componentsOf(x.dtype) * inner;
    const [a, k, y] = [x.data, indices.data, out.data];
    for (let o = 0, at = 0; o < outer; o++)
      for (let i = 0; i < k.length; i++) {
        const from = (o * n + k[i]) * c;
        for (let j = 0; j < c; j++) y[at++] = a[from + j];
      }
    return out;
  },
  vjp: ({ inputs: [x, indices], params }, g) => [scattered([g, indices], { ...params, n: x.shape[params.axis] }), undefined],
  jvp: ({ inputs: [, indices], params }, [t]) => t && gathered([t, indices], params),
});
const scattered: Applied<P & { n: number }> = define<P & { n: number }>({
  name: "scatterAdd",
  forward: ([x, indices], { axis, n }) => {
    const rest = x.shape.slice(axis + indices.rank);
    const out = Tensor.zeros([...x.shape.slice(0, axis), n, ...rest], x.dtype);
    const outer = sizeOf(x.shape.slice(0, axis));
    const c = componentsOf(x.dtype) * sizeOf(rest);
    const [a, k, y] = [x.data, indices.data, out.data];
    for (let o = 0, at = 0; o < outer; o++)
      for (let i = 0; i < k.length; i++) {
        const to = (o * n + k[i]) * c;
        for (let j = 0; j < c; j++) y[to + j] += a[at++];
      }
    return out;
  },
  vjp: ({ inputs: [, indices], params: { axis } }, g) => [gathered([g, indices], { axis }), undefined],
  jvp: ({ inputs: [, indices], params }, [t]) => t && scattered([t, indices], params),
});

function checked(indices: Tensor, n: number, who: string): Tensor {
  const whole = indices.dtype === "i32" ? indices : indices.cast("i32");
  const k = whole.data;
  for (let i = 0; i < k.length; i++)
    if (k[i] < 0 || k[i] >= n)
      throw new ArgumentError(`${who}: index ${k[i]} at place ${i}; the axis has elements 0 to ${n - 1}`, { index: k[i], n });
  return whole;
}

/** y[…, i, …] = x[…, indices[i], …] along an axis; the indices' shape takes the axis's place. */
export function gather(x: Tensor, indices: Tensor, axis = 0): Tensor {
  const [a] = normalAxes(axis, x.rank, "gather");
  return gathered([x, checked(indices, x.shape[a], "gather")], { axis: a });
}
/** y[…, indices[i], …] += x[…, i, …] into zeros of extent n along the axis: the adjoint of gather. */
export function scatterAdd(x: Tensor, indices: Tensor, n: number, axis = 0): Tensor {
  const a = axis < 0 ? axis + x.rank - indices.rank + 1 : axis;
  if (!sameShape(x.shape.slice(a, a + indices.rank), indices.shape))
    throw new ShapeError(`scatterAdd: indices ${shapeText(indices.shape)} do not match the axes from ${a} on of ${shapeText(x.shape)}`, {
      axis,
    });
  return scattered([x, checked(indices, n, "scatterAdd")], { axis: a, n });
}
