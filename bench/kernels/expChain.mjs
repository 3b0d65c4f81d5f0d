import { call, elementwise, input } from "../../dist/kernels/elementwise.js";
import { place, uniform } from "./data.mjs";

const n = 8 * 2 ** 20;

export const rows = [
  {
    name: "expChain",
    about: "sum(exp(a·b + c)), one fused pass",
    size: "8 M",
    goal: 2.3,
    speedUp: 1.85,
    native: ["expChain"],
    kernels: [],
    tolerance: 1e-6, // native's exponential is right to about 10⁻⁷
    prepare(engine) {
      const random = uniform(3);
      const [a, b, c] = [0, 0, 0].map(() => new Float32Array(n));
      for (let i = 0; i < n; i++) {
        a[i] = random();
        b[i] = random();
        c[i] = random() - 1;
      }
      const { at, free } = place(engine, a, b, c);
      const operands = at.map((pointer) => ({ pointer, shape: [n] }));
      const formula = call("exp", call("add", call("mul", input(0), input(1)), input(2)));
      let sum = 0;
      return {
        run: () => {
          sum = elementwise(engine, formula, operands, [n], undefined, { sum: true });
        },
        check: () => ({ length: 1, values: [sum] }),
        free,
      };
    },
  },
];
