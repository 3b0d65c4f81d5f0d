import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPoints, writePoints } from "./points.js";

describe("points in CSV", () => {
  test("a header names the columns, other columns are kept", () => {
    const t = readPoints('label,x,y,z\n"a, b",1,2,3\nc,4,5,6\n');
    expect(t.dimension).toBe(3);
    expect([...t.points]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(t.columns.get("label")).toEqual(["a, b", "c"]);
  });
  test("semicolons with decimal commas, tabs, Windows lines, byte-order mark, comments and blank lines are understood", () => {
    for (const text of ["\ufeffX;Y\r\n1,5;2\r\n", "x\ty\n1.5\t2", "# measured\nx,y\n\n1.5, 2 \n\n", 'y,x\n"2","1.5"'])
      expect([...readPoints(text).points], text).toEqual([1.5, 2]);
  });
  test("pairs of points are read by their prefix", () => {
    const text = "fixed_x,fixed_y,moving_x,moving_y\n1,2,3,4\n";
    expect([...readPoints(text, { prefix: "moving_" }).points]).toEqual([3, 4]);
    expect(readPoints(text, { prefix: "fixed_" }).columns.get("moving_x")).toEqual(["3"]);
  });
  test("missing and non-finite values are an error that names the line", () => {
    expect(() => readPoints("x,y\n1,2\n\n3,\n")).toThrow(/line 4 has no value for y/);
    expect(() => readPoints("x,y\n1,2\n3\n")).toThrow(/line 3/);
    expect(() => readPoints("x,y\n1,NaN\n")).toThrow(/line 2 has y = "NaN"/);
    expect(() => readPoints("1,2\n3,4\n")).toThrow(/must be a header/);
    expect(() => readPoints("")).toThrow(/empty/);
    expect(() => readPoints('x,y\n"1,2\n')).toThrow(/never closed/);
  });
  test("what is written reads back equal, whatever the names say", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<2 | 3>(2, 3),
        fc.array(fc.tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string({ maxLength: 8 })), {
          minLength: 1,
          maxLength: 8,
        }),
        (dimension, rows) => {
          const points = rows.flatMap(([v]) => [v, v / 3, -v].slice(0, dimension));
          const names = rows.map(([, s]) => s.replace(/\r/g, "").trim());
          const back = readPoints(writePoints({ dimension, points, columns: new Map([["name", names]]) }));
          expect([...back.points].map((v) => v + 0)).toEqual(points.map((v) => v + 0));
          expect(back.columns.get("name")).toEqual(names);
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });
});
