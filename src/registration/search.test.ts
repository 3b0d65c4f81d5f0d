import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { image } from "../image/image.js";
import { Tensor } from "../tensor/index.js";
import { judge } from "./judgement.js";
import { register } from "./register.js";

const n = 160;
/** A scene of bars and blobs as a function of the plane, wider than the picture. */
function scene(seed: number) {
  const random = seeded(seed);
  const parts = Array.from({ length: 90 }, () => {
    const angle = Math.PI * random.uniform();
    return {
      at: [n * (1.8 * random.uniform() - 0.4), n * (1.8 * random.uniform() - 0.4)],
      axis: [Math.cos(angle), Math.sin(angle)],
      long: 4 + 16 * random.uniform(),
      thin: 2 + 2 * random.uniform(),
      height: 0.5 + random.uniform(),
    };
  });
  return (x: number, y: number) =>
    parts.reduce((s, p) => {
      const [u, v] = [x - p.at[0], y - p.at[1]];
      const [a, b] = [u * p.axis[0] + v * p.axis[1], v * p.axis[0] - u * p.axis[1]];
      return s + p.height * Math.exp(-(a * a) / (2 * p.long ** 2) - (b * b) / (2 * p.thin ** 2));
    }, 0);
}
const picture = (f: (x: number, y: number) => number) =>
  image(
    Float32Array.from({ length: n * n }, (_, k) => f(k % n, Math.floor(k / n))),
    { size: [n, n] },
  );

describe("the search of register", () => {
  test("finds a turn of 140° and a scale of 1.4 under inverted contrast, and says ok", async () => {
    const f = scene(1);
    const m = (n - 1) / 2;
    const [c, s] = [1.4 * Math.cos((140 * Math.PI) / 180), 1.4 * Math.sin((140 * Math.PI) / 180)];
    // moving(y(p)) = −fixed(p) with y(p) = 1.4 R (p − m) + m + (6, −4): moving(q) = −f(y⁻¹(q)).
    const y = (x: number, v: number) => [m + 6 + c * (x - m) - s * (v - m), m - 4 + s * (x - m) + c * (v - m)];
    const back = (x: number, v: number) => {
      const [a, b] = [x - m - 6, v - m + 4];
      return [m + (c * a + s * b) / 1.96, m + (-s * a + c * b) / 1.96] as const;
    };
    const { transform, status } = await register(
      picture(f),
      picture((x, v) => 3 - f(...back(x, v))),
      { preset: "similarity" },
    );
    const points = [
      [60, 70],
      [90, 80],
      [80, 100],
    ];
    const found = transform.apply(Tensor.from(points.flat(), [3, 2], "f64")).data;
    points.forEach(([x, v], k) => {
      const [a, b] = y(x, v);
      expect(Math.hypot(found[2 * k] - a, found[2 * k + 1] - b)).toBeLessThan(0.7); // half a sample of the finest level searched
    });
    expect(status).toBe("ok");
  });
  test("is left out where edges agree from the usual starts", async () => {
    const f = scene(1);
    const { plan, status, transform } = await register(
      picture(f),
      picture((x, v) => 3 - f(x - 5, v + 3)),
      { preset: "similarity" },
    );
    expect(plan).not.toContain("search");
    expect(status).toBe("ok");
    const [x, y] = transform.apply(Tensor.from([80, 80], [1, 2], "f64")).data;
    expect(Math.hypot(x - 85, y - 77)).toBeLessThan(0.3); // mutual information on the pixels themselves
  });
  test("does not call two unrelated scenes aligned", async () => {
    const { status, reason } = await register(picture(scene(2)), picture(scene(3)), { preset: "affine" });
    expect(status).toBe("suspect");
    expect(reason).toMatch(/masks.*--init.*--metric/);
  });
});

describe("judgement", () => {
  const good = {
    overlap: 0.9,
    before: 1,
    after: 0.5,
    volume: 1,
    stretch: 1,
    agreement: [{ planes: 1, blocks: 200, home: 150, score: 80 }],
  };
  test("is ok when edges agree, even if the metric started lower", () => {
    expect(judge({ ...good, before: 0.4 }).status).toBe("ok");
  });
  test("a deformation does not vouch for itself: its linear part must be spoken for as well", () => {
    const drawn = { planes: 1, blocks: 44, home: 40, score: 20 };
    const { status, reason } = judge({ ...good, agreement: [drawn], linear: [{ planes: 1, blocks: 44, home: 5, score: 2 }] });
    expect(status).toBe("suspect");
    expect(reason).toMatch(/before the deformation.*5 of 44/);
    expect(judge({ ...good, agreement: [drawn], linear: [{ planes: 1, blocks: 44, home: 24, score: 9 }] }).status).toBe("ok");
    // Too few edges to say anything before: then the rest decides.
    expect(judge({ ...good, agreement: [drawn], linear: [{ planes: 1, blocks: 5, home: 0, score: 0 }] }).status).toBe("ok");
  });
  test.each([
    ["overlap", { overlap: 0.1 }, /10 % of fixed/],
    ["volume", { volume: 0.05 }, /volumes by a factor of 0\.050/],
    ["edges", { agreement: [{ planes: 1, blocks: 200, home: 10, score: 5 }] }, /only 10 of 200 blocks/],
    ["nothing in common", { agreement: [{ planes: 1, blocks: 0, home: 0, score: 0 }] }, /hardly any place/],
    ["metric", { agreement: [], after: 2 }, /not better than at the start/],
  ])("names what speaks against a result: %s", (_, change, reason) => {
    const { status, reason: said } = judge({ ...good, ...change });
    expect(status).toBe("suspect");
    expect(said).toMatch(reason);
  });
});
