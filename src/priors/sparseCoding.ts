import { ArgumentError } from "../core/errors.js";

/** Sparse coefficients of many signals: signal s uses atoms `atoms[first[s]] … atoms[first[s + 1] − 1]` with the `values` of the same places. */
export interface SparseCodes {
  /** Where each patch's atoms begin. */
  readonly first: Int32Array;
  /** Which atoms. */
  readonly atoms: Int32Array;
  /** How much of each. */
  readonly values: Float64Array;
}
/** When matching pursuit stops: by the number of atoms or by what is left. */
export interface MatchingPursuitOptions {
  /** Stop when ‖signal − D γ‖² ≤ this. */
  readonly error: number;
  /** Most atoms of a signal (default half its length). */
  readonly most?: number;
}

/**
 * Orthogonal matching pursuit: for each signal, atom by atom, the one that correlates most with what is left, the coefficients fitted again each time. All signals share the
 * Gram matrix of the dictionary, so that residuals are never formed.
 * @param dictionary  atoms of length 1, [count, length]
 * @param signals     [any number, length]
 * @see Pati, Rezaiifar & Krishnaprasad (1993), Asilomar; Rubinstein, Zibulevsky & Elad (2008), Efficient implementation of the K-SVD algorithm, Technion
 * @throws ArgumentError when lengths do not agree
 */
export function matchingPursuit(dictionary: Float64Array, signals: Float32Array, length: number, o: MatchingPursuitOptions): SparseCodes {
  if (!(length >= 1) || dictionary.length % length !== 0 || signals.length % length !== 0)
    throw new ArgumentError(`matching pursuit: ${dictionary.length} and ${signals.length} numbers are no atoms and signals of ${length}`, {
      length,
    });
  const K = dictionary.length / length;
  const S = signals.length / length;
  const most = Math.min(o.most ?? Math.ceil(length / 2), K, length);
  const gram = new Float64Array(K * K);
  for (let a = 0; a < K; a++)
    for (let b = 0; b <= a; b++) {
      let s = 0;
      for (let i = 0; i < length; i++) s += dictionary[a * length + i] * dictionary[b * length + i];
      gram[a * K + b] = gram[b * K + a] = s;
    }
  const [alpha0, alpha] = [new Float64Array(K), new Float64Array(K)];
  const L = new Float64Array(most * most);
  const [picked, gamma, half] = [new Int32Array(most), new Float64Array(most), new Float64Array(most)];
  const used = new Uint8Array(K);
  const first = new Int32Array(S + 1);
  const atoms: number[] = [];
  const values: number[] = [];
  for (let s = 0; s < S; s++) {
    let energy = 0;
    for (let i = 0; i < length; i++) energy += signals[s * length + i] ** 2;
    first[s] = atoms.length;
    if (energy <= o.error) continue;
    for (let a = 0; a < K; a++) {
      let c = 0;
      for (let i = 0, d = a * length, x = s * length; i < length; i++) c += dictionary[d + i] * signals[x + i];
      alpha0[a] = c;
    }
    alpha.set(alpha0);
    let k = 0;
    let left = energy;
    while (k < most && left > o.error) {
      let best = -1;
      let size = 1e-12 * Math.sqrt(energy);
      for (let a = 0; a < K; a++)
        if (!used[a] && Math.abs(alpha[a]) > size) {
          size = Math.abs(alpha[a]);
          best = a;
        }
      if (best < 0) break;
      // One more row of the Cholesky factor of the picked atoms' Gram matrix.
      let rest = gram[best * K + best];
      for (let i = 0; i < k; i++) {
        let v = gram[best * K + picked[i]];
        for (let j = 0; j < i; j++) v -= L[i * most + j] * L[k * most + j];
        v /= L[i * most + i];
        L[k * most + i] = v;
        rest -= v * v;
      }
      if (rest < 1e-9) {
        used[best] = 2; // in the span of the others
        continue;
      }
      L[k * most + k] = Math.sqrt(rest);
      picked[k] = best;
      used[best] = 1;
      k++;
      for (let i = 0; i < k; i++) {
        let v = alpha0[picked[i]];
        for (let j = 0; j < i; j++) v -= L[i * most + j] * half[j];
        half[i] = v / L[i * most + i];
      }
      for (let i = k - 1; i >= 0; i--) {
        let v = half[i];
        for (let j = i + 1; j < k; j++) v -= L[j * most + i] * gamma[j];
        gamma[i] = v / L[i * most + i];
      }
      // ‖x − Dγ‖² = ‖x‖² − ⟨Dᵀx, γ⟩ at the least-squares γ.
      left = energy;
      for (let i = 0; i < k; i++) left -= gamma[i] * alpha0[picked[i]];
      if (left <= o.error || k === most) break;
      for (let a = 0; a < K; a++) {
        let v = alpha0[a];
        for (let i = 0; i < k; i++) v -= gram[picked[i] * K + a] * gamma[i];
        alpha[a] = v;
      }
    }
    for (let i = 0; i < k; i++) {
      atoms.push(picked[i]);
      values.push(gamma[i]);
    }
    used.fill(0);
  }
  first[S] = atoms.length;
  return { first, atoms: Int32Array.from(atoms), values: Float64Array.from(values) };
}
