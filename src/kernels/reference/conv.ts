/** z, y, x */
export type Triple = readonly [number, number, number];

/**
 * The geometry of a convolution, always in three dimensions (unit sizes for fewer):
 *   out[b, o, p] = Σ_{c, t} w[o, c, t] · x[b, c, p·stride − padding + t·dilation],   x = 0 outside its size.
 * x [batch, inputs, ...size], w [outputs, inputs / groups, ...kernel], out [batch, outputs, ...outputSize]; triples are z, y, x.
 * `padding` is the one before the first element; `outputSize` says how much there is behind the last.
 */
export interface ConvolutionShape {
  readonly batch: number;
  readonly groups: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly size: Triple;
  readonly outputSize: Triple;
  readonly kernel: Triple;
  readonly stride: Triple;
  readonly padding: Triple;
  readonly dilation: Triple;
}

type Visit = (x: number, w: number, out: number, n: number, stride: number) => void;

/** Visits every row of products: x at `x`, stepping by `stride`, with the weight `w`, and out at `out`, n of them. */
function rows(s: ConvolutionShape, visit: Visit): void {
  const [D, H, W] = s.size;
  const [OD, OH, OW] = s.outputSize;
  const [KD, KH, KW] = s.kernel;
  const perGroup = s.inputs / s.groups;
  const outputsPerGroup = s.outputs / s.groups;
  for (let b = 0; b < s.batch; b++)
    for (let o = 0; o < s.outputs; o++)
      for (let c = 0; c < perGroup; c++) {
        const input = (b * s.inputs + Math.floor(o / outputsPerGroup) * perGroup + c) * D * H * W;
        const output = (b * s.outputs + o) * OD * OH * OW;
        for (let k = 0; k < KD * KH * KW; k++) {
          const w = (o * perGroup + c) * KD * KH * KW + k;
          const shiftX = (k % KW) * s.dilation[2] - s.padding[2];
          const shiftY = (Math.floor(k / KW) % KH) * s.dilation[1] - s.padding[1];
          const shiftZ = Math.floor(k / KW / KH) * s.dilation[0] - s.padding[0];
          const first = Math.max(0, Math.ceil(-shiftX / s.stride[2]));
          const n = Math.min(OW, Math.floor((W - 1 - shiftX) / s.stride[2]) + 1) - first;
          if (n <= 0) continue;
          for (let oz = 0; oz < OD; oz++) {
            const z = oz * s.stride[0] + shiftZ;
            if (z < 0 || z >= D) continue;
            for (let oy = 0; oy < OH; oy++) {
              const y = oy * s.stride[1] + shiftY;
              if (y < 0 || y >= H) continue;
              visit(input + (z * H + y) * W + first * s.stride[2] + shiftX, w, output + (oz * OH + oy) * OW + first, n, s.stride[2]);
            }
          }
        }
      }
}

/** Plain twin of the convolution; `out` is overwritten. */
export function convolution(x: ArrayLike<number>, w: ArrayLike<number>, out: Float32Array | Float64Array, s: ConvolutionShape): void {
  out.fill(0);
  rows(s, (i, k, o, n, stride) => {
    for (let l = 0; l < n; l++) out[o + l] += w[k] * x[i + l * stride];
  });
}

/** Plain twin of its adjoint with respect to x (the transposed convolution of g); `gx` is overwritten. */
export function convolutionInput(g: ArrayLike<number>, w: ArrayLike<number>, gx: Float32Array | Float64Array, s: ConvolutionShape): void {
  gx.fill(0);
  rows(s, (i, k, o, n, stride) => {
    for (let l = 0; l < n; l++) gx[i + l * stride] += w[k] * g[o + l];
  });
}

/** Plain twin of its adjoint with respect to w; `gw` is overwritten. */
export function convolutionWeights(x: ArrayLike<number>, g: ArrayLike<number>, gw: Float32Array | Float64Array, s: ConvolutionShape): void {
  gw.fill(0);
  rows(s, (i, k, o, n, stride) => {
    let sum = 0;
    for (let l = 0; l < n; l++) sum += g[o + l] * x[i + l * stride];
    gw[k] += sum;
  });
}
