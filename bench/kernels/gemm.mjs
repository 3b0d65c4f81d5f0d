import { gemm } from "../../dist/kernels/gemm.js";
import { place, probes, uniform } from "./data.mjs";

const [m, k, n] = [1000, 900, 1100];

export const rows = [
  {
    name: "gemm",
    about: "matrix product",
    size: `${m}×${k} · ${k}×${n}`,
    goal: 2.3,
    speedUp: 1.85,
    native: ["gemm"],
    kernels: ["gemm"],
    tolerance: 1e-5, // f32 sums of 900 signed terms in different orders
    prepare(engine) {
      const random = uniform(9);
      const array = (length) => Float32Array.from({ length }, () => random() - 0.5);
      const [a, b] = [array(m * k), array(k * n)];
      const { at, free } = place(engine, a, b, m * n);
      return { run: () => gemm(engine, ...at, { m, n, k }), check: () => probes(engine.f32(at[2], m * n)), free };
    },
  },
];
