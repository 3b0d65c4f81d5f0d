/** A run as a program of the library, for Node; what stands in it does what the run did. */

export interface Ran {
  readonly command: string;
  readonly args: readonly string[];
  /** As the command line's flags, camel-case, text as it was written. */
  readonly options: Readonly<Record<string, string | boolean | readonly string[]>>;
  readonly folder: string;
}
const text = (v: unknown): string => JSON.stringify(v);
const value = (v: unknown): string => (typeof v === "string" && v !== "" && Number.isFinite(Number(v)) ? v : text(v));
const list = (v: string): string =>
  `[${v
    .split(",")
    .map((x) => x.trim())
    .join(", ")}]`;
const object = (entries: readonly (string | undefined | false)[]): string => {
  const some = entries.filter(Boolean);
  return some.length === 0 ? "" : `{ ${some.join(", ")} }`;
};
/** `{ name: value }` of the options that carry the same name in the library. */
const same = (o: Ran["options"], ...keys: string[]): string[] => keys.filter((k) => o[k] !== undefined).map((k) => `${k}: ${value(o[k])}`);

/** Colours as luminance, as the command line makes them. */
const gray = `/** One gray channel: of colours their luminance. */
const gray = async (path) => {
  const raw = await openImage(path);
  const { values, grid } = imageFromRaw(raw);
  if (!/^rgb|^graya/.test(raw.channelKind)) return { values, grid };
  const n = values.size / values.shape[0];
  const weights = raw.channelKind === "graya" ? [1] : [0.299, 0.587, 0.114];
  return image(Float32Array.from({ length: n }, (_, i) => weights.reduce((s, w, c) => s + w * values.data[c * n + i], 0)), grid);
};`;
const program = (imports: Readonly<Record<string, string>>, ...lines: (string | undefined | false)[]): string =>
  [
    ...Object.entries(imports)
      .sort(([, a], [, b]) => (a < b ? -1 : 1))
      .map(([names, from]) => `import { ${names} } from "${from}";`),
    "",
    ...lines.filter((l): l is string => typeof l === "string"),
    "",
  ].join("\n");

const writers: Readonly<Record<string, (r: Ran) => string>> = {
  register({ args: [fixed, moving], options: o }) {
    const plain = same(o, "preset", "formulation", "transform", "regulariser", "alpha", "optimiser", "homotopy", "pointsWeight").map(
      (s) => s,
    );
    const masks = ["fixedMask", "movingMask"].filter((k) => o[k] !== undefined);
    const points = o.fixedPoints !== undefined && o.movingPoints !== undefined;
    const starts = /^[a-z]+$/i.test(String(o.init ?? ""));
    const chosen = object([
      ...plain,
      o.metric !== undefined && `metric: metricNamed(${text(o.metric)})`,
      o.levels !== undefined && `levels: ${list(String(o.levels))}`,
      o.allowFolds === true && "unfold: false",
      (o.uncertaintyStarts !== undefined && `uncertainty: ${o.uncertaintyStarts}`) || (o.uncertainty === true && "uncertainty: true"),
      (o.velocities !== undefined || o.massPreserving === true) &&
        `lddmm: ${object([o.velocities !== undefined && `velocities: ${o.velocities}`, o.massPreserving === true && "massPreserving: true"])}`,
      ...masks.map((k) => `${k}: (await gray(${text(o[k])})).values`),
      points &&
        `fixedPoints: readPoints(readFileSync(${text(o.fixedPoints)})), movingPoints: readPoints(readFileSync(${text(o.movingPoints)}))`,
      o.unpaired === true && "pointsPaired: false",
      o.init !== undefined && (starts ? `init: ${text(o.init)}` : `init: readTransform(readFileSync(${text(o.init)}), ${text(o.init)})`),
    ]);
    const read = points || (o.init !== undefined && !starts);
    return program(
      {
        [`${read ? "readFileSync, " : ""}writeFileSync`]: "node:fs",
        image: "pullback/image",
        [["imageFromRaw", points && "readPoints", o.init !== undefined && !starts && "readTransform", "writeImage", "writeTransform"]
          .filter(Boolean)
          .join(", ")]: "pullback/io",
        openImage: "pullback/io/node",
        ...(o.metric !== undefined && { metricNamed: "pullback/metrics" }),
        register: "pullback/registration",
        warp: "pullback/transforms",
      },
      gray,
      `const fixed = await gray(${text(fixed)});`,
      `const moving = await gray(${text(moving)});`,
      `const { transform, status, reason } = await register(fixed, moving${chosen ? `, ${chosen}` : ""});`,
      "console.log(status, reason);",
      `const warped = warp(moving, transform, fixed.grid);`,
      `for (const [name, bytes] of [...writeImage(warped, "warped.nii.gz"), ...writeTransform(transform, "transform.json")]) writeFileSync(name, bytes);`,
    );
  },
  homography({ args: [a, b], options: o }) {
    const chosen = object([
      ...same(o, "detector", "refine", "fast", "sigma", "guided", "iterations", "seed"),
      (o.limit ?? o.contrast) !== undefined && `features: ${object(same(o, "limit", "contrast"))}`,
      o.ratio !== undefined && `matching: { ratio: ${o.ratio} }`,
    ]);
    return program(
      { image: "pullback/image", imageFromRaw: "pullback/io", openImage: "pullback/io/node", homography: "pullback/vision" },
      gray,
      `const { h, inliers, status, reason } = homography(await gray(${text(a)}), await gray(${text(b)})${chosen ? `, ${chosen}` : ""});`,
      "console.log(status, reason, h, inliers);",
    );
  },
  mosaic({ args, options: o }) {
    const chosen = object([
      ...same(o, "projection", "scale", "focal", "eachFocal", "bands", "seed"),
      o.exposure === false && "exposure: false",
      (o.limit ?? o.contrast) !== undefined && `features: ${object(same(o, "limit", "contrast"))}`,
    ]);
    return program(
      {
        writeFileSync: "node:fs",
        image: "pullback/image",
        "imageFromRaw, writeImage": "pullback/io",
        openImage: "pullback/io/node",
        mosaic: "pullback/vision",
      },
      gray,
      `const views = await Promise.all(${text(args)}.map(gray));`,
      `const { picture, status, reason } = mosaic(views${chosen ? `, ${chosen}` : ""});`,
      "console.log(status, reason);",
      `if (picture) for (const [name, bytes] of writeImage(picture, "mosaic.png")) writeFileSync(name, bytes);`,
    );
  },
};

/** The program; undefined for commands whose library call has another shape than their flags. */
export const asCode = (ran: Ran): string | undefined => writers[ran.command]?.(ran);
