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

/** denoise, deblur and inpaint: one problem, three operators. */
function restoration({ command, args: [path], options: o }: Ran): string | undefined {
  const prior = String(o.prior ?? "tv");
  const rule = /^auto:(\w+)$/.exec(String(o.lambda ?? ""))?.[1] ?? o.lambdaRule;
  const numeric = o.lambda !== undefined && !/^auto/.test(String(o.lambda));
  const denoiser = ["bm3d", "nlm", "dictionary"].includes(prior);
  // A fidelity, a modified prior or a kernel that is to be found have no short form.
  if (/[:/]/.test(prior) || prior === "learned" || o.fidelity !== undefined || o.solver !== undefined || o.scaleData === "auto")
    return undefined;
  if (command === "deblur" && (o.kernel === undefined || /^(auto|blind)/.test(String(o.kernel)))) return undefined;
  const made = denoiser
    ? `plugAndPlay(denoisers.${prior}())`
    : `priors.${prior}(${["none", "l2"].includes(prior) ? "" : "{ dimensions: grid.size.length }"})`;
  const operator =
    command === "denoise"
      ? "identityOperator(data.shape)"
      : command === "deblur"
        ? `blurOperator(data.shape, kernel.values.reshape(...kernel.values.shape.slice(1)), { border: ${text(o.boundary ?? "periodic")} })`
        : "maskOperator(known)";
  const sigma = o.sigma === undefined ? undefined : Number(o.sigma) >= 1 ? `${o.sigma} / scale` : String(o.sigma);
  return program(
    {
      writeFileSync: "node:fs",
      [denoiser ? "denoisers" : "priors"]: "pullback/catalogue",
      image: "pullback/image",
      "imageFromRaw, writeImage": "pullback/io",
      openImage: "pullback/io/node",
      [{ denoise: "identityOperator", deblur: "blurOperator", inpaint: "maskOperator" }[command] as string]: "pullback/operators",
      ...(denoiser && { plugAndPlay: "pullback/priors" }),
      restore: "pullback/reconstruction",
      Tensor: "pullback/tensor",
    },
    `const path = ${text(path)};`,
    "const raw = await openImage(path);",
    "const { values, grid } = imageFromRaw(raw);",
    "// Gray levels of pictures between 0 and 1; colours as they are, transparency left out.",
    "const scale = /.(png|jpe?g|tiff?)$/i.test(path) ? (raw.data instanceof Uint8Array ? 255 : raw.data instanceof Uint16Array ? 65535 : 1) : 1;",
    "const channels = /^rgb/.test(raw.channelKind) ? 3 : 1;",
    "const n = values.size / values.shape[0];",
    "const shape = channels === 1 ? values.shape.slice(1) : [3, ...values.shape.slice(1)];",
    "const data = Tensor.from(Float32Array.from(values.data.subarray(0, channels * n), (v) => v / scale), shape);",
    command === "deblur" && `const kernel = imageFromRaw(await openImage(${text(o.kernel)}));`,
    command === "inpaint" &&
      `const mask = imageFromRaw(await openImage(${text(o.mask)})).values.data;\nconst known = Tensor.from(Float32Array.from({ length: channels * n }, (_, i) => (mask[i % n] !== 0 ? 1 : 0)), shape);`,
    `const r = await restore(${object([
      `operator: ${operator}`,
      "data",
      `prior: ${made}`,
      prior !== "none" && `lambda: ${numeric ? o.lambda : '"auto"'}`,
      rule !== undefined && `lambdaRule: ${text(rule)}`,
      sigma !== undefined && `noise: ${sigma}`,
      ...same(o, "iterations", "tolerance"),
    ])});`,
    "console.log(r.status, r.reason);",
    "const restored = image(Float32Array.from(r.image.data, (v) => v * scale), grid);",
    'const name = scale === 1 ? "restored.nii.gz" : "restored.png";',
    "for (const [file, bytes] of writeImage(restored, name, scale === 1 ? {} : { clamp: true })) writeFileSync(file, bytes);",
  );
}

const writers: Readonly<Record<string, (r: Ran) => string | undefined>> = {
  denoise: restoration,
  deblur: restoration,
  inpaint: restoration,
  reconstruct({ args: [kind, path], options: o }) {
    const auto = (key: string) => o[key] !== undefined && `${key}: ${value(o[key])}`;
    if (kind === "ct") {
      if (o.geometry !== undefined && o.geometry !== "parallel") return undefined;
      const range = /^(-?[\d.]+):(-?[\d.]+)$/.exec(String(o.angles ?? "0:180"));
      if (!range) return undefined;
      return program(
        {
          "readFileSync, writeFileSync": "node:fs",
          ...(o.prior !== undefined && { priors: "pullback/catalogue" }),
          "readNpy, writeNpy": "pullback/io",
          reconstructCt: "pullback/reconstruction",
          Tensor: "pullback/tensor",
        },
        `const { shape, data } = readNpy(readFileSync(${text(path)}));`,
        `const angles = Array.from({ length: shape[0] }, (_, k) => ${range[1]} + ((${range[2]} - ${range[1]}) * k) / shape[0]);`,
        `const r = await reconstructCt(${object(["sinogram: Tensor.from(Float32Array.from(data), shape)", "angles", o.prior !== undefined && `prior: priors.${o.prior}()`, auto("lambda"), auto("centre"), o.size !== undefined && `size: [${o.size}, ${o.size}]`, ...same(o, "binWidth", "solver", "filter", "iterations", "tolerance"), o.low === "none" && "nonNegative: false"])});`,
        "console.log(r.status, r.reason);",
        'writeFileSync("image.npy", writeNpy({ shape: [...r.image.shape], data: Float32Array.from(r.image.data) }));',
      );
    }
    return undefined;
  },
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
