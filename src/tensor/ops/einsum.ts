import { ArgumentError, ShapeError } from "../../core/errors.js";
import { shapeText, sizeOf } from "../../core/shape.js";
import type { Tensor } from "../tensor.js";
import { matmul } from "./matmul.js";
import { permute, reshape } from "./shaping.js";

/** A tensor with a letter for each axis, no letter twice. */
interface Lettered {
  readonly t: Tensor;
  readonly letters: readonly string[];
}

/** x[…, i, …, i, …]: two axes of one letter become their diagonal. */
function diagonal({ t, letters }: Lettered): Lettered {
  const again = letters.findIndex((l, i) => letters.indexOf(l) < i);
  if (again < 0) return { t, letters };
  const first = letters.indexOf(letters[again]);
  const rest = letters.map((_, i) => i).filter((i) => i !== first && i !== again);
  const n = t.shape[first];
  const shape = rest.map((i) => t.shape[i]);
  const moved = reshape(permute(t, [first, again, ...rest]), [n * n, ...shape]);
  return diagonal({ t: moved.slice([0], [n * n], [n + 1]), letters: [letters[first], ...rest.map((i) => letters[i])] });
}

/** Sum over the letters that nobody needs any more. */
function reduced({ t, letters }: Lettered, wanted: (letter: string) => boolean): Lettered {
  const axes = letters.map((_, i) => i).filter((i) => !wanted(letters[i]));
  return axes.length === 0 ? { t, letters } : { t: t.sum(axes), letters: letters.filter(wanted) };
}

const ordered = ({ t, letters }: Lettered, order: readonly string[]) =>
  permute(
    t,
    order.map((l) => letters.indexOf(l)),
  );

/** Product of two, summed over the letters of both that are not wanted: one batched matrix product. */
function contracted(a: Lettered, b: Lettered, wanted: (letter: string) => boolean): Lettered {
  const common = a.letters.filter((l) => b.letters.includes(l));
  const batch = common.filter(wanted);
  const inner = common.filter((l) => !wanted(l));
  const rows = a.letters.filter((l) => !common.includes(l));
  const columns = b.letters.filter((l) => !common.includes(l));
  const size = (of: Lettered, letters: readonly string[]) => letters.map((l) => of.t.shape[of.letters.indexOf(l)]);
  const shape = [...size(a, batch), ...size(a, rows), ...size(b, columns)];
  const [n, m, k, p] = [size(a, batch), size(a, rows), size(a, inner), size(b, columns)].map(sizeOf);
  const left = ordered(a, [...batch, ...rows, ...inner]);
  const right = ordered(b, [...batch, ...inner, ...columns]);
  const product =
    inner.length === 0
      ? reshape(left, [n, m, 1]).mul(reshape(right, [n, 1, p]))
      : matmul(reshape(left, [n, m, k]), reshape(right, [n, k, p]));
  return { t: reshape(product, shape), letters: [...batch, ...rows, ...columns] };
}

/**
 * Einstein summation: each tensor's axes are named by letters, axes of one letter run together, and letters missing after `->` are
 * summed. Without `->` the result has the letters that occur once, in alphabetical order. `...` stands for leading axes that broadcast.
 *   einsum("ij,jk->ik", A, B) = A B,   einsum("ii", A) = trace A,   einsum("...i,...i->...", u, v) = u · v
 * Several tensors are contracted from left to right, two at a time, each as one batched matrix product.
 * @throws ArgumentError for a specification that cannot be read, ShapeError for extents that do not fit it
 */
export function einsum(spec: string, ...tensors: readonly Tensor[]): Tensor {
  const [left, right, ...more] = spec.replaceAll(" ", "").split("->");
  const terms = left.split(",");
  const bad = more.length > 0 || [...terms, right ?? ""].some((s) => !/^[a-zA-Z]*(\.\.\.)?[a-zA-Z]*$/.test(s));
  if (bad || terms.length !== tensors.length)
    throw new ArgumentError(
      `einsum: "${spec}" with ${tensors.length} tensors; expected one comma-separated term of letters for each, as in "ij,jk->ik"`,
      { spec, tensors: tensors.length },
    );
  // Axes under the dots are numbered from the last: "·0" is the innermost.
  const dots = (count: number) => Array.from({ length: count }, (_, i) => `·${count - 1 - i}`);
  const extents = new Map<string, number>();
  let most = 0;
  const operands = terms.map((term, i): Lettered => {
    const t = tensors[i];
    const [before, after] = term.split("...");
    const covered = t.rank - before.length - (after?.length ?? 0);
    if (after === undefined ? covered !== 0 : covered < 0)
      throw new ShapeError(`einsum: "${term}" names ${term.replace("...", "").length} axes of ${shapeText(t.shape)}`, {
        spec,
        shape: t.shape,
      });
    most = Math.max(most, covered);
    const letters = [...before, ...dots(covered), ...(after ?? "")];
    letters.forEach((l, axis) => {
      const known = extents.get(l);
      const n = t.shape[axis];
      if (known === undefined || (l.startsWith("·") && known === 1)) extents.set(l, n);
      else if (known !== n && !(l.startsWith("·") && n === 1))
        throw new ShapeError(`einsum: "${spec}" meets ${l} with the extents ${known} and ${n}`, { spec, letter: l });
    });
    return { t, letters };
  });
  const all = operands.flatMap((o) => o.letters);
  const output =
    right === undefined
      ? [...dots(most), ...[...extents.keys()].filter((l) => !l.startsWith("·") && all.filter((a) => a === l).length === 1).sort()]
      : right.split("...").flatMap((part, i) => (i === 0 ? [...part] : [...dots(most), ...part]));
  const unknown = output.find((l) => !extents.has(l));
  if (unknown !== undefined || new Set(output).size !== output.length)
    throw new ArgumentError(`einsum: the result "${right}" of "${spec}" must name each of its axes once, and only axes of the tensors`, {
      spec,
    });

  // A broadcast axis of extent 1 is left out of its tensor, unless all have it so.
  const stretched = operands.map(({ t, letters }): Lettered => {
    const kept = letters.map((_, i) => i).filter((i) => !(letters[i].startsWith("·") && t.shape[i] === 1 && extents.get(letters[i]) !== 1));
    return {
      t: reshape(
        t,
        kept.map((i) => t.shape[i]),
      ),
      letters: kept.map((i) => letters[i]),
    };
  });
  let result = diagonal(stretched[0]);
  for (let i = 0; i < stretched.length; i++) {
    const rest = stretched.slice(i + 1);
    const later = (l: string) => output.includes(l) || rest.some((o) => o.letters.includes(l));
    if (i === 0) result = reduced(result, later);
    else {
      const next = diagonal(stretched[i]);
      result = contracted(
        result,
        reduced(next, (l) => later(l) || result.letters.includes(l)),
        later,
      );
    }
  }
  return ordered(result, output);
}
