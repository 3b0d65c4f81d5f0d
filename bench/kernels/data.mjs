// The inputs of bench/native/server.cpp, made by the same formulas, and the places where results are compared.

/** The generator of bench/native: a linear congruential one, 24 bits of it as a float in [0, 1). */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

export const volume = { D: 160, H: 192, W: 160, N: 160 * 192 * 160 };

/** Two smooth images I, J and a displacement field U (planes x, y, z, up to 4 voxels) on 160×192×160. */
export function volumes() {
  const { D, H, W, N } = volume;
  const I = new Float32Array(N);
  const J = new Float32Array(N);
  const U = new Float32Array(3 * N);
  for (let z = 0, i = 0; z < D; z++)
    for (let y = 0; y < H; y++)
      for (let x = 0; x < W; x++, i++) {
        I[i] = 0.5 + 0.3 * Math.sin(x * 0.11 + y * 0.07) + 0.2 * Math.cos(z * 0.13 - x * 0.05);
        J[i] = 0.5 + 0.3 * Math.sin(x * 0.11 + y * 0.07 + 0.4) + 0.2 * Math.cos(z * 0.13 - x * 0.05 + 0.3);
        U[i] = 4 * Math.sin(y * 0.09 + z * 0.03);
        U[N + i] = 4 * Math.cos(x * 0.07 + z * 0.05);
        U[2 * N + i] = 4 * Math.sin(x * 0.05 + y * 0.06);
      }
  return { I, J, U };
}

/** 64 places in an array, spread by the golden ratio: the ones the native side prints. */
export const places = (length) =>
  Array.from({ length: 64 }, (_, k) => {
    const f = (k + 1) * 0.6180339887498949;
    return Math.floor((f - Math.floor(f)) * length);
  });

/** The values of a result there, and its length. */
export const probes = (values) => ({ length: values.length, values: places(values.length).map((i) => values[i]) });

/** Copy arrays into an engine's memory. @returns addresses, and `free` for all of them */
export function place(engine, ...arrays) {
  const at = arrays.map((a) => engine.allocate((typeof a === "number" ? a : a.length) * 4));
  arrays.forEach((a, k) => {
    if (typeof a !== "number") engine.f32(at[k], a.length).set(a);
  });
  const free = () => {
    for (const p of at) engine.free(p);
  };
  return { at, free };
}
