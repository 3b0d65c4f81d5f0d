import { ArgumentError, FormatError } from "../core/errors.js";

/** Points with names for what else their rows say. */
export interface PointTable {
  /** Whether rows have x, y or x, y, z. */
  readonly dimension: 2 | 3;
  /** How many there are. */
  readonly count: number;
  /** [count, dimension] row by row: (x, y[, z]) in LPS mm, pixels for plain pictures */
  readonly points: Float64Array;
  /** every other column as it stands, by name, in file order */
  readonly columns: ReadonlyMap<string, readonly string[]>;
}

/** Rows of fields; quotes may hold separators, line breaks and doubled quotes. Each row knows the line it began on. */
function parse(text: string, separator: string): Array<{ line: number; fields: string[] }> {
  const rows: Array<{ line: number; fields: string[] }> = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    if (text[at] === "#") {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end + 1;
      line++;
      continue;
    }
    const fields: string[] = [];
    const start = line;
    for (;;) {
      let field = "";
      while (text[at] === " ") at++;
      if (text[at] === '"') {
        at++;
        for (;;) {
          const end = text.indexOf('"', at);
          if (end < 0) throw new FormatError(`csv: the quote opened on line ${start} is never closed`, { line: start });
          field += text.slice(at, end);
          at = end + 1;
          if (text[at] !== '"') break;
          field += '"';
          at++;
        }
        line += field.split("\n").length - 1;
        while (at < text.length && text[at] === " ") at++;
        if (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r")
          throw new FormatError(`csv: line ${start} has text after a closing quote`, { line: start });
      } else {
        let end = at;
        while (end < text.length && text[end] !== separator && text[end] !== "\n" && text[end] !== "\r") end++;
        field = text.slice(at, end).trim();
        at = end;
      }
      fields.push(field);
      if (text[at] === separator) {
        at++;
        continue;
      }
      if (text[at] === "\r") at++;
      if (text[at] === "\n") at++;
      line++;
      break;
    }
    if (fields.length > 1 || fields[0] !== "") rows.push({ line: start, fields });
  }
  return rows;
}

/**
 * Reads points from CSV: a header naming `x,y` or `x,y,z` among its columns (any order, upper or lower case), one point a row. Commas, semicolons or tabs,
 * quoted fields, Windows line ends, a byte-order mark and lines beginning with # are understood; with semicolons or tabs a decimal comma is too.
 * @param o.prefix  the columns are named `<prefix>x`, `<prefix>y`, e.g. "fixed_" in a table of point pairs
 * @throws FormatError naming the line: missing columns, missing or non-finite values
 */
export function readPoints(source: string | Uint8Array, o: { prefix?: string } = {}): PointTable {
  const { prefix = "" } = o;
  let text = typeof source === "string" ? source : new TextDecoder().decode(source);
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
  const head = /^(?!#).*\S.*$/m.exec(text)?.[0] ?? "";
  const separator = head.includes("\t") ? "\t" : head.includes(";") ? ";" : ",";
  const [header, ...rows] = parse(text, separator);
  if (!header) throw new FormatError("csv: the file is empty; a header x,y or x,y,z and one point a row were expected", {});
  const names = header.fields.map((f) => f.toLowerCase());
  const axis = (a: string) => names.indexOf((prefix + a).toLowerCase());
  const used = [axis("x"), axis("y"), axis("z")];
  if (used[0] < 0 || used[1] < 0)
    throw new FormatError(
      `csv: the header "${header.fields.join(separator).slice(0, 80)}" names no columns ${prefix}x and ${prefix}y${header.fields.every((f) => f !== "" && Number.isFinite(Number(f))) ? "; the first line must be a header, not a point" : ""}`,
      { header: header.fields },
    );
  const dimension = used[2] >= 0 ? 3 : 2;
  const columns = used.slice(0, dimension);
  const points = new Float64Array(rows.length * dimension);
  const extra = header.fields.map((_, i) => i).filter((i) => !columns.includes(i));
  const others = new Map<string, string[]>(extra.map((i) => [header.fields[i], []]));
  rows.forEach(({ line, fields }, row) => {
    columns.forEach((column, k) => {
      const field = fields[column];
      const name = header.fields[column];
      if (field === undefined || field === "") throw new FormatError(`csv: line ${line} has no value for ${name}`, { line, column: name });
      const value = Number(separator === "," ? field : field.replace(",", "."));
      if (!Number.isFinite(value))
        throw new FormatError(`csv: line ${line} has ${name} = "${field.slice(0, 20)}", which is not a finite number`, {
          line,
          column: name,
          field,
        });
      points[row * dimension + k] = value;
    });
    for (const i of extra) others.get(header.fields[i])?.push(fields[i] ?? "");
  });
  return { dimension, count: rows.length, points, columns: others };
}

/**
 * Writes points as CSV, commas and LF, shortest numbers that read back equal; other columns follow.
 * @throws ArgumentError when a column's length is not the number of points
 */
export function writePoints(table: {
  dimension: number;
  points: ArrayLike<number>;
  columns?: ReadonlyMap<string, readonly string[]>;
}): string {
  const { dimension, points } = table;
  const columns = [...(table.columns ?? [])];
  const count = points.length / dimension;
  if ((dimension !== 2 && dimension !== 3) || !Number.isInteger(count))
    throw new ArgumentError(`csv: ${points.length} numbers are no list of ${dimension}-dimensional points`, { dimension });
  for (const [name, values] of columns)
    if (values.length !== count) throw new ArgumentError(`csv: column "${name}" has ${values.length} values for ${count} points`, { name });
  const quoted = (s: string) => (/[",\r\n#]|^\s|\s$/.test(s) ? `"${s.replaceAll('"', '""')}"` : s);
  const lines = [
    ["x", "y", "z"]
      .slice(0, dimension)
      .concat(columns.map(([name]) => quoted(name)))
      .join(","),
  ];
  for (let i = 0; i < count; i++)
    lines.push(
      [...Array.from({ length: dimension }, (_, k) => String(points[i * dimension + k])), ...columns.map(([, v]) => quoted(v[i]))].join(
        ",",
      ),
    );
  return `${lines.join("\n")}\n`;
}
