import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { adjointMismatch, scalarised, taylorSecond } from "../../testing/laws.js";
import { randomNormal, type Tensor, tensor } from "../tensor.js";
import { einsum } from "./einsum.js";

const normal = (shape: number[], seed: number) => randomNormal(shape, seeded(seed), "f64");
const close = (a: Tensor, b: Tensor) => {
  expect(a.shape).toEqual(b.shape);
  for (let i = 0; i < a.data.length; i++) expect(a.data[i]).toBeCloseTo(b.data[i], 10); // f64, few terms
};

test("products, traces, diagonals, outer products, transposes read as in a book", () => {
  const [A, B] = [normal([3, 4], 1), normal([4, 5], 2)];
  const S = tensor(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), [3, 3]);
  const [u, v] = [tensor(Float64Array.of(1, 2, 3), [3]), tensor(Float64Array.of(4, 5, 6), [3])];
  close(einsum("ij,jk->ik", A, B), A.matmul(B));
  close(einsum("ij,jk", A, B), A.matmul(B));
  close(einsum("ji", A), A.transpose());
  expect(einsum("ii", S).item()).toBe(15);
  expect(einsum("ii->i", S).toArray()).toEqual([1, 5, 9]);
  expect(einsum("i,i->", u, v).item()).toBe(32);
  expect(einsum("i,j->ij", u, v).toArray()).toEqual([
    [4, 5, 6],
    [8, 10, 12],
    [12, 15, 18],
  ]);
  expect(einsum("i,ij,j->", u, S, v).item()).toBe(1 * 32 + 2 * 77 + 3 * 122);
  expect(einsum("ij->", S).item()).toBe(45);
  expect(
    einsum(
      "iji->j",
      tensor(
        Float64Array.from({ length: 8 }, (_, i) => i),
        [2, 2, 2],
      ),
    ).toArray(),
  ).toEqual([0 + 5, 2 + 7]);
});

test("dots stand for leading axes, which broadcast", () => {
  const [a, b] = [normal([2, 1, 3, 4], 1), normal([5, 4, 2], 2)];
  close(einsum("...ij,...jk->...ik", a, b), a.matmul(b));
  close(einsum("...ij,...jk", a, b), a.matmul(b));
  close(einsum("...i->i...", normal([2, 3], 3)), normal([2, 3], 3).transpose());
});

/** The definition, one sum over every letter. */
function plain(inputs: readonly string[], output: string, tensors: readonly Tensor[], extents: Readonly<Record<string, number>>): number[] {
  const letters = [...new Set([...output, ...inputs.join("")])];
  const out = new Array<number>([...output].reduce((n, l) => n * extents[l], 1)).fill(0);
  const place = (term: string, at: Record<string, number>) => [...term].reduce((s, l) => s * extents[l] + at[l], 0);
  const walk = (depth: number, at: Record<string, number>) => {
    if (depth === letters.length) out[place(output, at)] += inputs.reduce((p, term, i) => p * tensors[i].data[place(term, at)], 1);
    else for (let v = 0; v < extents[letters[depth]]; v++) walk(depth + 1, { ...at, [letters[depth]]: v });
  };
  walk(0, {});
  return out;
}

test("any specification equals the sum over every letter", () => {
  const letter = fc.constantFrom("a", "b", "c", "d");
  const term = fc.array(letter, { maxLength: 3 }).map((l) => l.join(""));
  const extents = { a: 1, b: 2, c: 3, d: 2 };
  fc.assert(
    fc.property(fc.array(term, { minLength: 1, maxLength: 3 }), fc.shuffledSubarray(["a", "b", "c", "d"]), (inputs, wanted) => {
      const output = wanted.filter((l) => inputs.some((t) => t.includes(l))).join("");
      const shapes = inputs.map((t) => [...t].map((l) => extents[l as "a"]));
      const tensors = shapes.map((s, i) => normal(s, i + 1));
      const result = einsum(`${inputs.join(",")}->${output}`, ...tensors);
      const expected = plain(inputs, output, tensors, extents);
      expect(result.shape).toEqual([...output].map((l) => extents[l as "a"]));
      expected.forEach((v, i) => {
        expect(result.data[i]).toBeCloseTo(v, 10); // f64, at most 12 terms
      });
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("its derivatives are those of the matrix products it is made of", () => {
  const xs = [normal([2, 3, 3], 1), normal([3, 2], 2)];
  const f = (...v: Tensor[]) => einsum("bii,ic->bc", v[0], v[1]);
  const scalar = scalarised(f, xs, seeded(5));
  expect(adjointMismatch(f, xs, seeded(3))).toBeLessThan(1e-12);
  expect(taylorSecond((v) => scalar(v, xs[1]), xs[0], seeded(4)).order).toBeGreaterThan(2.7);
});

test("what cannot be read is said clearly", () => {
  const A = normal([2, 3], 1);
  expect(() => einsum("ij,jk", A)).toThrow(/one comma-separated term of letters for each/);
  expect(() => einsum("ijk", A)).toThrow(/names 3 axes of 2×3/);
  expect(() => einsum("ii", A)).toThrow(/meets i with the extents 2 and 3/);
  expect(() => einsum("ij->ik", A)).toThrow(/only axes of the tensors/);
});
