import { argsort } from "../../tensor/ops/sort.js";
import { randomNormal } from "../../tensor/tensor.js";
import type { Examples } from "../laws.js";

export const sortExamples: Examples = {
  argsort: { f: (x) => argsort(x, { axis: 0 }).cast("f64"), inputs: (random) => [randomNormal([4, 3], random, "f64")], kind: "constant" },
};
