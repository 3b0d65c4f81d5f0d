import fc from "fast-check";
import { expect, test } from "vitest";
import { select } from "./select.js";

const numbers = fc.float32Array({ minLength: 1, maxLength: 200, noNaN: true });

test("the k-th smallest is what sorting puts at k, ties and sorted input included", () => {
  fc.assert(
    fc.property(numbers, fc.nat(), fc.constantFrom("as it is", "sorted", "reversed", "ties"), (given, n, how) => {
      const values = how === "ties" ? given.map((v) => Math.sign(v)) : Float32Array.from(given);
      if (how !== "as it is") values.sort();
      if (how === "reversed") values.reverse();
      const k = n % values.length;
      const sorted = Float32Array.from(values).sort();
      const kept = Float32Array.from(values);
      expect(select(kept, k)).toBe(kept[k]);
      expect(kept[k] === sorted[k]).toBe(true); // 0 and −0 are the same size
      expect([...kept].sort((a, b) => a - b).map(Math.abs)).toEqual([...sorted].sort((a, b) => a - b).map(Math.abs));
    }),
  );
});

test("a second, larger rank needs to look only behind the first", () => {
  fc.assert(
    fc.property(numbers, fc.nat(), fc.nat(), (values, a, b) => {
      const [low, high] = [a % values.length, b % values.length].sort((p, q) => p - q);
      const sorted = Float32Array.from(values).sort();
      const first = select(values, low);
      expect([first, select(values, high, low)].map((v, i) => v === sorted[[low, high][i]])).toEqual([true, true]);
    }),
  );
});
