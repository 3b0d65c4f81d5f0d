import { call, elementwise, input } from "../../dist/kernels/elementwise.js";
import { place, uniform } from "./data.mjs";

const n = 8 << 20;
const formula = call("exp", call("add", call("mul", input(0), input(1)), input(2)));

export const rows = [
  {
    name: "expChain",
    about: "Σ exp(a b + c), one emitted loop",
    size: "8 M",
    goal: 2.3,
    speedUp: 1.85,
    native: ["expChain"],
    kernels: [],
    tolerance: 1e-6, // the native side adds 16384 floats per lane before it goes on in double
    prepare(engine) {
      const random = uniform(3);
      const [a, b, c] = [new Float32Array(n), new Float32Array(n), new Float32Array(n)];
      for (let i = 0; i < n; i++) {
        a[i] = random();
        b[i] = random();
        c[i] = random() - 1;
      }
      const { at, free } = place(engine, a, b, c);
      const operands = at.map((pointer) => ({ pointer, shape: [n] }));
      let value = 0;
      return {
        run: () => {
          value = elementwise(engine, formula, operands, [n], undefined, { sum: true });
        },
        check: () => [value],
        free,
      };
    },
  },
];
