import { ArgumentError } from "../core/errors.js";

/**
 * Writes a point cloud as binary little-endian PLY: x, y, z as float32 and, when colours come, red, green, blue as bytes. Points with a coordinate that
 * is no finite number are left out.
 * @param points   x, y, z of each point
 * @param colours  red, green, blue of each point, 0–255
 * @throws ArgumentError when the lengths do not belong together
 */
export function writePly(points: ArrayLike<number>, colours?: ArrayLike<number>): Uint8Array {
  const count = points.length / 3;
  if (!Number.isInteger(count)) throw new ArgumentError(`ply: ${points.length} numbers are no list of points of three coordinates`, {});
  if (colours && colours.length !== points.length)
    throw new ArgumentError(`ply: ${count} points need ${points.length} colour values, ${colours.length} came`, { count });
  const kept: number[] = [];
  for (let k = 0; k < count; k++)
    if (Number.isFinite(points[3 * k]) && Number.isFinite(points[3 * k + 1]) && Number.isFinite(points[3 * k + 2])) kept.push(k);
  const names = ["property float x", "property float y", "property float z"];
  if (colours) names.push("property uchar red", "property uchar green", "property uchar blue");
  const head = new TextEncoder().encode(
    ["ply", "format binary_little_endian 1.0", `element vertex ${kept.length}`, ...names, "end_header", ""].join("\n"),
  );
  const each = colours ? 15 : 12;
  const bytes = new Uint8Array(head.length + each * kept.length);
  bytes.set(head);
  const view = new DataView(bytes.buffer);
  for (const [row, k] of kept.entries()) {
    const at = head.length + each * row;
    for (let c = 0; c < 3; c++) {
      view.setFloat32(at + 4 * c, points[3 * k + c], true);
      if (colours) bytes[at + 12 + c] = Math.max(0, Math.min(255, Math.round(colours[3 * k + c])));
    }
  }
  return bytes;
}
