/** One slice as a DICOM file, explicit little-endian: enough for a reader, not for an archive. */
export function dicomSlice(o: {
  series: string;
  z: number;
  number: number;
  pixels: Uint16Array;
  rows: number;
  columns: number;
  slope: number;
  intercept: number;
}): Uint8Array {
  const text = (value: string) => new TextEncoder().encode(value.length % 2 ? `${value} ` : value);
  const uid = (value: string) => new TextEncoder().encode(value.length % 2 ? `${value}\0` : value);
  const short = (value: number) => new Uint8Array(Uint16Array.of(value).buffer);
  const element = (group: number, tag: number, form: string, value: Uint8Array) => {
    const long = form === "OW" || form === "OB";
    const out = new Uint8Array((long ? 12 : 8) + value.length);
    const view = new DataView(out.buffer);
    view.setUint16(0, group, true);
    view.setUint16(2, tag, true);
    out[4] = form.charCodeAt(0);
    out[5] = form.charCodeAt(1);
    if (long) view.setUint32(8, value.length, true);
    else view.setUint16(6, value.length, true);
    out.set(value, long ? 12 : 8);
    return out;
  };
  const ct = "1.2.840.10008.5.1.4.1.1.2";
  const instance = `${o.series}.${o.number}`;
  const meta = [
    element(2, 1, "OB", Uint8Array.of(0, 1)),
    element(2, 2, "UI", uid(ct)),
    element(2, 3, "UI", uid(instance)),
    element(2, 0x10, "UI", uid("1.2.840.10008.1.2.1")),
  ];
  const length = meta.reduce((a, m) => a + m.length, 0);
  const parts = [
    new Uint8Array(128),
    new TextEncoder().encode("DICM"),
    element(2, 0, "UL", new Uint8Array(Uint32Array.of(length).buffer)),
    ...meta,
    element(8, 0x16, "UI", uid(ct)),
    element(8, 0x18, "UI", uid(instance)),
    element(8, 0x60, "CS", text("CT")),
    element(8, 0x103e, "LO", text(`series ${o.series.slice(-1)}`)),
    element(0x18, 0x50, "DS", text("2.5")),
    element(0x20, 0xd, "UI", uid("1.2.3.4")),
    element(0x20, 0xe, "UI", uid(o.series)),
    element(0x20, 0x13, "IS", text(String(o.number))),
    element(0x20, 0x32, "DS", text(`-10\\20\\${o.z}`)),
    element(0x20, 0x37, "DS", text("1\\0\\0\\0\\1\\0")),
    element(0x20, 0x52, "UI", uid("1.2.3.5")),
    element(0x28, 2, "US", short(1)),
    element(0x28, 4, "CS", text("MONOCHROME2")),
    element(0x28, 0x10, "US", short(o.rows)),
    element(0x28, 0x11, "US", short(o.columns)),
    element(0x28, 0x30, "DS", text("0.75\\0.5")),
    element(0x28, 0x100, "US", short(16)),
    element(0x28, 0x101, "US", short(16)),
    element(0x28, 0x102, "US", short(15)),
    element(0x28, 0x103, "US", short(0)),
    element(0x28, 0x1052, "DS", text(String(o.intercept))),
    element(0x28, 0x1053, "DS", text(String(o.slope))),
    element(0x7fe0, 0x10, "OW", new Uint8Array(o.pixels.buffer)),
  ];
  const out = new Uint8Array(parts.reduce((a, p) => a + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
