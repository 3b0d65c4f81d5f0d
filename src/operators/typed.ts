import { type DType, keep, type Tensor } from "../tensor/index.js";

/** A constant in the precision that is asked for, made when it is first needed and kept as long as its operator. */
export function inEveryPrecision(make: (precision: "f32" | "f64") => Tensor): (type: DType) => Tensor {
  const made = new Map<"f32" | "f64", Tensor>();
  return (type) => {
    const precision = type === "f64" || type === "c128" ? "f64" : "f32";
    let t = made.get(precision);
    if (!t) {
      t = keep(make(precision));
      made.set(precision, t);
    }
    return t;
  };
}
