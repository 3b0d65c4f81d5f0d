import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RawImage, rawImage, writeRaw } from "../../src/io/index.js";

/** A picture (2-D) or volume with a few soft, unlike blobs; `shift` moves them in voxels, so that fixed(p) = moving(p + shift). */
export function blobs(size: readonly number[], shift: readonly number[] = size.map(() => 0), more: Partial<RawImage> = {}): RawImage {
  const n = size.reduce((a, b) => a * b, 1);
  const data = new Float32Array(n);
  const spots = [
    { at: [0.35, 0.4, 0.45], radius: 0.16, value: 100 },
    { at: [0.65, 0.45, 0.6], radius: 0.11, value: 160 },
    { at: [0.5, 0.7, 0.35], radius: 0.09, value: 60 },
  ];
  const short = Math.min(...size);
  for (let i = 0; i < n; i++) {
    let rest = i;
    const index = size.map((s) => {
      const k = rest % s;
      rest = Math.floor(rest / s);
      return k;
    });
    for (const { at, radius, value } of spots) {
      let square = 0;
      for (const [k, s] of size.entries()) square += ((index[k] - shift[k] - at[k] * s) / (radius * short)) ** 2;
      data[i] += value * Math.exp(-square);
    }
  }
  return rawImage("test", { data, channels: 1, channelKind: "scalar", size, ...more });
}

/** The same spots as labels 1, 2, 3. */
export function blobLabels(size: readonly number[], shift: readonly number[] = size.map(() => 0)): RawImage {
  const { data } = blobs(size, shift);
  return rawImage("test", { data: Uint8Array.from(data, (v) => (v > 110 ? 2 : v > 50 ? 1 : 0)), channels: 1, channelKind: "scalar", size });
}

/** Write images into a folder under their names; the paths come back. */
export function put(folder: string, images: Readonly<Record<string, RawImage | string | Uint8Array>>): Record<string, string> {
  const paths: Record<string, string> = {};
  for (const [name, content] of Object.entries(images)) {
    paths[name] = join(folder, name);
    writeFileSync(paths[name], typeof content === "string" || content instanceof Uint8Array ? content : writeRaw(content, name));
  }
  return paths;
}

/** An ITK text transform. */
export const itk = (matrix: readonly number[], translation: readonly number[]): string => {
  const n = translation.length;
  return `#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_${n}_${n}\nParameters: ${[...matrix, ...translation].join(" ")}\nFixedParameters: ${translation.map(() => 0).join(" ")}\n`;
};

/** The spots as an 8-bit picture. */
export function picture(size: readonly number[], shift?: readonly number[]): RawImage {
  const raw = blobs(size, shift);
  return { ...raw, data: Uint8Array.from(raw.data) };
}
