/** A seeded stream of numbers. Every use of chance in the library takes one as an argument. */
export interface Random {
  /** Uniform on [0, 1), 53 bits. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform on {0, …, n − 1}. */
  integer(n: number): number;
  /** An independent stream, reproducible from this one. */
  split(): Random;
}

/**
 * xoshiro128** seeded by splitmix32: period 2¹²⁸ − 1, the same numbers on every platform.
 * @see Blackman & Vigna (2021), Scrambled linear pseudorandom number generators, ACM TOMS 47(4)
 */
export function seeded(seed: number): Random {
  let mix = seed | 0;
  const next32 = () => {
    mix = (mix + 0x9e3779b9) | 0;
    let t = mix ^ (mix >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return t ^ (t >>> 15);
  };
  let a = next32();
  let b = next32();
  let c = next32();
  let d = next32();
  const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k));
  const bits = () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  };
  let spare: number | undefined;
  const random: Random = {
    uniform: () => ((bits() >>> 5) * 67108864 + (bits() >>> 6)) / 9007199254740992,
    normal() {
      if (spare !== undefined) {
        const s = spare;
        spare = undefined;
        return s;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - random.uniform())); // Box–Muller
      const angle = 2 * Math.PI * random.uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    integer: (n) => Math.floor(random.uniform() * n),
    split: () => seeded(bits() | 0),
  };
  return random;
}

/** The k-th of a family of streams: whoever knows the seed and k can go on from there, without the state of a generator. */
export const seededAt = (seed: number, k: number): Random => seeded((seed ^ Math.imul(k + 1, 0x85ebca6b)) | 0).split();
