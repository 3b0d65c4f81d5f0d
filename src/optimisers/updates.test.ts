import { describe, expect, test } from "vitest";
import "../tensor/index.js";
import { tensor } from "../tensor/tensor.js";
import { clipped } from "../tensor/variables.js";
import { adamW, constant, cosine, sgd, stepwise } from "./index.js";

const f64 = (v: number[]) => tensor(v, [v.length], "f64");

describe("update rules", () => {
  test("sgd follows its two lines, with Nesterov's look ahead and with decay", () => {
    const rule = sgd({ step: 0.1, momentum: 0.5, nesterov: true, decay: 0.2 });
    const first = rule.step(f64([1]), f64([4]), rule.init(f64([1])), 0);
    expect(first.memory.velocity.item()).toBe(4);
    expect(first.x.item()).toBeCloseTo(1 - 0.1 * (4 + 0.5 * 4 + 0.2 * 1), 12);
    const second = rule.step(first.x, f64([1]), first.memory, 1, 0.5);
    expect(second.memory.velocity.item()).toBe(3); // ½ · 4 + 1
    expect(second.x.item()).toBeCloseTo(first.x.item() - 0.05 * (1 + 1.5 + 0.2 * first.x.item()), 12);
  });
  test("the first step of adamW is its step size against the sign of the gradient, and the decay", () => {
    const rule = adamW({ step: 0.1, decay: 0.5 });
    const { x } = rule.step(f64([2, -2]), f64([1e-3, -50]), rule.init(f64([2, -2])), 0, 0.5);
    [2 - 0.05 - 0.05, -2 + 0.05 + 0.05].forEach((v, i) => expect(x.data[i]).toBeCloseTo(v, 5)); // ε is 1e-5 of the first gradient
  });
  test("rules move records of tensors like single ones", () => {
    const rule = adamW();
    const x = { a: f64([1]), b: f64([2, 3]) };
    const one = rule.step(x, x, rule.init(x), 0);
    expect(one.x.b.item === undefined).toBe(false);
    expect([...one.x.b.data]).toEqual([...rule.step(x.b, x.b, rule.init(x.b), 0).x.data]);
  });
  test("long gradients are shortened, short ones are left alone", () => {
    expect([...clipped(f64([3, 4]), 1).data]).toEqual([0.6000000000000001, 0.8]);
    const g = f64([0.3, 0.4]);
    expect(clipped(g, 1)).toBe(g);
  });
});

describe("schedules", () => {
  test("cosine rises over the warm-up, falls from 1 to its floor and stays there", () => {
    const s = cosine({ steps: 14, warmUp: 4, floor: 0.1 });
    expect([0, 1, 2, 3, 4].map(s)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(s(9)).toBeCloseTo(0.55, 12);
    expect(s(14)).toBeCloseTo(0.1, 12);
    expect(s(99)).toBeCloseTo(0.1, 12);
    expect(() => cosine({ steps: 3, warmUp: 3 })).toThrow(/warm up/);
  });
  test("stepwise falls by its factor every so many steps", () =>
    expect([0, 9, 10, 25].map(stepwise({ every: 10, factor: 0.5 }))).toEqual([1, 1, 0.5, 0.25]));
  test("constant is 1 after its warm-up", () => expect([0, 1, 2].map(constant({ warmUp: 2 }))).toEqual([0.5, 1, 1]));
});
