import type { Image } from "../../core/interfaces.js";

/** Two 32-bit words of a multiplicative hash (FNV-1a over words) of an image's values and place: equal images have equal hashes on every machine. */
function contentHash({ values, grid }: Image): string {
  const place = Float64Array.from([...grid.size, ...grid.spacing, ...grid.origin, ...grid.direction]);
  const data = values.data instanceof Float32Array ? values.data : Float32Array.from(values.data);
  let a = 0x811c9dc5 | 0;
  let b = 0x9747b28c | 0;
  for (const words of [new Uint32Array(place.buffer), new Uint32Array(data.buffer, data.byteOffset, data.length)])
    for (let i = 0; i < words.length; i++) {
      a = Math.imul(a ^ words[i], 0x01000193);
      b = Math.imul(b ^ (words[i] >>> 15) ^ a, 0x85ebca6b);
    }
  return [a, b].map((w) => (w >>> 0).toString(16).padStart(8, "0")).join("");
}

/**
 * Positions of the images in an order that depends on what they hold alone. Sums taken in this order have the same bits however the caller lists the
 * images; images that are equal may change places, which changes no sum.
 */
export function contentOrder(images: readonly Image[]): number[] {
  const hashes = images.map(contentHash);
  return images.map((_, i) => i).sort((i, j) => (hashes[i] < hashes[j] ? -1 : hashes[i] > hashes[j] ? 1 : i - j));
}
