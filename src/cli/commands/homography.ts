import { ArgumentError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { type DetectorName, detectorNames } from "../../features/index.js";
import { gridText } from "../../image/index.js";
import { readBytes } from "../../io/node.js";
import { homographyByNetwork, loadModel } from "../../models/index.js";
import { type DrawnMatch, gallery, matchesSvg, plain } from "../../report/index.js";
import { type HomographyResult, homography } from "../../vision/index.js";
import type { CommandDefinition, Options, Outcome } from "../command.js";
import { Exit } from "../exit.js";
import { folderOf, loadGroup, putRun } from "../groupFiles.js";
import type { Loaded } from "../inputs.js";
import { choice, flag, force, notNegative, option, output, positive, share, text, wholeFromOne, whole as wholeNumber } from "../options.js";
import type { Output } from "../output.js";
import { outlineOf, putWarped, whole } from "../pictureFiles.js";
import { stopwatch } from "../registrationFiles.js";
import type { Session } from "../session.js";

/** `pullback homography A B -o OUT/`: the map of the plane between two pictures of one plane, or from one place. */
export const command: CommandDefinition = {
  name: "homography",
  summary: "the homography between two pictures, by features or by a network",
  examples: [
    "pullback homography poster.jpg photo.jpg -o out/",
    "pullback homography a.png b.png --fast --json",
    "pullback homography a.png b.png --detector orb --limit 4000 -o out/",
    "pullback homography a.png b.png --method network -o out/",
  ],
  arguments: [
    { name: "<a>", help: "the first picture; H takes its pixel centres to the second" },
    { name: "<b>", help: "the second picture" },
  ],
  options: [
    output("folder for H, the warped second picture, the matches and the report; without it only the figures are given"),
    force,
    choice("--method <name>", "features, or a network polished by brightness, for views that differ little (features)", [
      "features",
      "network",
    ]),
    option("--weights <file>", "with --method network: weights of one's own training (those of the package)", text, "a safetensors file"),
    choice("--detector <name>", "what finds and describes points (sift)", detectorNames),
    choice("--refine <how>", "polish by brightness: lk, ecc, or not (after features none, after the network lk)", ["none", "lk", "ecc"]),
    option("--fast", "fewer points on a coarser grid: several times faster, less exact", flag, "true or false"),
    option("--limit <n>", "at most so many points in each picture (8000; with --fast 2000)", wholeFromOne, "a whole number of at least 1"),
    option(
      "--ratio <r>",
      "largest distance of the nearest over the second nearest descriptor (0.9)",
      share,
      "a number above 0 and at most 1",
    ),
    option("--sigma <s>", "largest noise of places thought of, in units of each point's own (3)", positive, "a positive number"),
    option("--guided <n>", "rounds of guided matching (3)", wholeNumber, "a whole number"),
    option("--iterations <n>", "most samples drawn by the robust search (5000)", wholeFromOne, "a whole number of at least 1"),
    option("--contrast <c>", "least contrast of SIFT's points, as a share of the picture's range (0.01)", notNegative, "a number from 0"),
    option("--seed <n>", "of the robust search (1)", wholeNumber, "a whole number"),
  ],
  async run(session, [pathA, pathB], options) {
    const target = options.output as string | undefined;
    const out =
      target === undefined || session.dryRun
        ? undefined
        : session.output(folderOf("homography", options), true, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const {
        loaded: [, colourB],
        images: [a, b],
      } = await loadGroup(session, "homography", [pathA, pathB]);
      if (a.grid.size.length !== 2)
        throw new ArgumentError(
          `homography: ${pathA} is ${a.grid.size.join("×")}; pictures are expected (pullback register aligns volumes)`,
        );
      clock("read");
      if (options.method === "network") return await byNetwork(session, [pathA, pathB], [a, b], colourB, options, out, timings);
      if (options.weights !== undefined) throw new ArgumentError("--weights: they are of --method network; add it, or leave them out");
      const plan = planOf(options);
      if (session.dryRun)
        return {
          json: { dryRun: true, a: gridText(a.grid), b: gridText(b.grid), ...plan, outputs: [] },
          lines: ["would look for a homography"],
        };
      const { detector, fast, limit, contrast, ratio, ...rest } = plan;
      const r = homography(a, b, { detector, fast, features: { limit, contrast }, matching: { ratio }, ...rest });
      clock("estimate");
      const H = r.h ? [0, 3, 6].map((k) => Array.from(r.h?.subarray(k, k + 3) ?? [])) : undefined;
      const figures = {
        keypoints: r.features.map((f) => f.count),
        matches: r.matches.count,
        inliers: r.inliers,
        logFalseAlarms: r.logFalseAlarms,
        samples: r.iterations,
      };
      const covariance = r.covariance && Array.from(r.covariance);
      const told = { status: r.status, reason: r.reason, H, covariance, figures };
      if (out) {
        const drawn = drawnMatches(r);
        out.put("matches.svg", matchesSvg(whole(a), whole(b), drawn, { outline: outlineOf(r.h, a) }));
        out.put("result.json", `${JSON.stringify(told, null, 1)}\n`);
        const pictures = putWarped(out, a, b, colourB, r.transform);
        const small = matchesSvg(pictures[0].picture, pictures[1].picture, drawn, {
          outline: outlineOf(r.h, a),
          most: 200,
          sizes: [a.grid.size, b.grid.size],
        });
        clock("write");
        out.put(
          "report.html",
          gallery({
            title: "Homography",
            subtitle: `${plan.detector}${plan.fast ? ", fast" : ""}; ${a.grid.size.join("×")} to ${b.grid.size.join("×")} pixels`,
            verdict: { level: r.status === "ok" ? "good" : "bad", sentence: r.reason },
            figures: [
              { label: "points", value: figures.keypoints.join(" and ") },
              { label: "matches", value: r.matches.count },
              { label: "agree", value: r.inliers },
              { label: "agreements expected by chance", value: `10^${Math.round(r.logFalseAlarms)}` },
            ],
            rows: [{ title: "Pictures", large: true, pictures }],
            drawings: [
              {
                title: "Matches",
                svg: small,
                note: "Green: pairs that agree with the homography. Red: the others. Yellow: the border of A in B.",
              },
            ],
            summary: { a: pathA, b: pathB, ...plan },
            timings,
            warnings: session.warnings,
          }),
        );
        putRun(session, out, [pathA, pathB], { options: plan, ...told, seconds: timings });
      }
      const words = H ? [`H = [${H.map((row) => row.map((v) => plain(v)).join(" ")).join("; ")}]`] : [];
      return {
        json: { ...told, inliers: r.inliers, outputs: out ? out.commit() : [] },
        lines: [r.reason, ...words, ...(target ? [target] : [])],
        exit: r.status === "ok" ? Exit.ok : Exit.quality,
      };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};

/** What is of features, and not of the network. */
const ofFeatures = ["detector", "fast", "limit", "ratio", "sigma", "guided", "iterations", "contrast", "seed"] as const;

async function byNetwork(
  session: Session,
  paths: readonly string[],
  [a, b]: readonly Image[],
  colourB: Loaded,
  options: Options,
  out: Output | undefined,
  timings: Record<string, number>,
): Promise<Outcome> {
  const clock = stopwatch(timings);
  const other = ofFeatures.find((name) => options[name] !== undefined);
  if (other) throw new ArgumentError(`--${other}: it is of --method features, and the network was asked for; leave one of them out`);
  const plan = { method: "network" as const, refine: (options.refine as "none" | "lk" | "ecc" | undefined) ?? "lk" };
  const weights = options.weights as string | undefined;
  if (session.dryRun)
    return {
      json: { dryRun: true, a: gridText(a.grid), b: gridText(b.grid), ...plan, outputs: [] },
      lines: ["would ask a network for a homography"],
    };
  const model = await loadModel("homography", weights === undefined ? {} : { weights: readBytes(weights) });
  clock("load");
  const r = homographyByNetwork(model, a, b, { refine: plan.refine });
  clock("estimate");
  const rows = (h: Float64Array) => [0, 3, 6].map((k) => Array.from(h.subarray(k, k + 3)));
  const figures = { explained: r.explained, overlap: r.overlap, polished: r.polished };
  const told = { status: r.status, reason: r.reason, H: rows(r.h), figures };
  if (out) {
    out.put("result.json", `${JSON.stringify({ ...told, steps: r.steps.map(rows) }, null, 1)}\n`);
    const pictures = putWarped(out, a, b, colourB, r.transform);
    clock("write");
    out.put(
      "report.html",
      gallery({
        title: "Homography",
        subtitle: `network${plan.refine === "none" ? "" : `, ${plan.refine}`}; ${a.grid.size.join("×")} to ${b.grid.size.join("×")} pixels`,
        verdict: { level: r.status === "ok" ? "good" : "bad", sentence: r.reason },
        figures: [
          { label: "blocks with texture that agree", value: 100 * r.explained, unit: "%" },
          { label: "of the first picture covered", value: 100 * r.overlap, unit: "%" },
        ],
        rows: [{ title: "Pictures", large: true, pictures }],
        summary: { a: paths[0], b: paths[1], ...plan },
        timings,
        warnings: session.warnings,
      }),
    );
    putRun(session, out, weights === undefined ? paths : [...paths, weights], { options: plan, ...told, seconds: timings });
  }
  return {
    json: { ...told, outputs: out ? out.commit() : [] },
    lines: [r.reason, `H = [${told.H.map((row) => row.map((v) => plain(v)).join(" ")).join("; ")}]`],
    exit: r.status === "ok" ? Exit.ok : Exit.quality,
  };
}

/** Every option as it is used. */
function planOf(o: Options) {
  if (o.contrast !== undefined && o.detector !== undefined && o.detector !== "sift")
    throw new ArgumentError(`--contrast: it is of SIFT's points, and --detector ${o.detector} was asked for; leave one of them out`);
  const fast = o.fast === true;
  return {
    detector: (o.detector as DetectorName | undefined) ?? "sift",
    refine: (o.refine as "none" | "lk" | "ecc" | undefined) ?? "none",
    fast,
    limit: (o.limit as number | undefined) ?? (fast ? 2000 : 8000),
    contrast: (o.contrast as number | undefined) ?? 0.01,
    ratio: (o.ratio as number | undefined) ?? 0.9,
    sigma: (o.sigma as number | undefined) ?? 3,
    guided: (o.guided as number | undefined) ?? 3,
    iterations: (o.iterations as number | undefined) ?? 5000,
    seed: (o.seed as number | undefined) ?? 1,
  };
}
/** The pairs of the fit, and the first matches that found no place in it. */
function drawnMatches(r: HomographyResult): DrawnMatch[] {
  const { a, b, count } = r.pairs;
  const place = (p: Float64Array, k: number) => [p[2 * k], p[2 * k + 1]] as const;
  const drawn: DrawnMatch[] = Array.from({ length: count }, (_, k) => ({ a: place(a, k), b: place(b, k), inlier: r.weights[k] > 0 }));
  const known = new Set(drawn.map((m) => `${m.a}`));
  const [fa, fb] = r.features;
  for (let k = 0; k < r.matches.count; k++) {
    const [i, j] = [r.matches.a[k], r.matches.b[k]];
    if (!known.has(`${[fa.x[i], fa.y[i]]}`)) drawn.push({ a: [fa.x[i], fa.y[i]], b: [fb.x[j], fb.y[j]], inlier: false });
  }
  return drawn;
}
