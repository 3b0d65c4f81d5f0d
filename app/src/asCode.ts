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
/** The frames of a series: one file with a time axis, or one file for each. */
const frames = `${gray}
/** One file with a time axis, or one file for each frame. */
const frames = async (paths) => {
  if (paths.length > 1) return Promise.all(paths.map(gray));
  const { values, grid } = imageFromRaw(await openImage(paths[0]));
  const n = values.size / values.shape[0];
  return Array.from({ length: values.shape[0] }, (_, t) => image(Float32Array.from(values.data.subarray(t * n, (t + 1) * n)), grid));
};`;
const picture = (path: string): string => (/\.(png|jpe?g|tiff?)$/i.test(path) ? ".png" : ".nii.gz");
/** Complex or real numbers of NumPy. */
const array = `const array = (path) => {
  const { shape, data, complex } = readNpy(readFileSync(path));
  return Tensor.from(Float32Array.from(data), shape, complex ? "c64" : "f32");
};`;
const files = {
  image: "pullback/image",
  "imageFromRaw, writeImage": "pullback/io",
  openImage: "pullback/io/node",
  writeFileSync: "node:fs",
};
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
  const [, plug = "pnp", prior] = /^(?:(pnp|red):)?(.*)$/.exec(String(o.prior ?? "tv")) as unknown as [string, string | undefined, string];
  const rule = /^auto:(\w+)$/.exec(String(o.lambda ?? ""))?.[1] ?? o.lambdaRule;
  const numeric = o.lambda !== undefined && !/^auto/.test(String(o.lambda));
  const denoiser = ["bm3d", "nlm", "dictionary", "learned"].includes(prior);
  // A fidelity, a module or a kernel that is to be found have no short form; RED takes its strength from the noise, which the command measures.
  if (/[:/]/.test(prior) || o.fidelity !== undefined || o.solver !== undefined || o.scaleData === "auto") return undefined;
  if (plug === "red" && o.sigma === undefined) return undefined;
  if (command === "deblur" && (o.kernel === undefined || /^(auto|blind)/.test(String(o.kernel)))) return undefined;
  const sigma = o.sigma === undefined ? undefined : Number(o.sigma) >= 1 ? `${o.sigma} / scale` : String(o.sigma);
  const made = denoiser
    ? plug === "red"
      ? `red(denoiser, { sigma: 2.5 * ${sigma?.includes("/") ? `(${sigma})` : sigma} })`
      : "plugAndPlay(denoiser)"
    : `priors.${prior}(${["none", "l2"].includes(prior) ? "" : "{ dimensions: grid.size.length }"})`;
  const operator =
    command === "denoise"
      ? "identityOperator(data.shape)"
      : command === "deblur"
        ? `blurOperator(data.shape, kernel.values.reshape(...kernel.values.shape.slice(1)), { border: ${text(o.boundary ?? "periodic")} })`
        : "maskOperator(known)";
  return program(
    {
      writeFileSync: "node:fs",
      ...(prior !== "learned" && { [denoiser ? "denoisers" : "priors"]: "pullback/catalogue" }),
      ...(prior === "learned" && { learnedDenoiser: "pullback/models" }),
      image: "pullback/image",
      "imageFromRaw, writeImage": "pullback/io",
      openImage: "pullback/io/node",
      [{ denoise: "identityOperator", deblur: "blurOperator", inpaint: "maskOperator" }[command] as string]: "pullback/operators",
      ...(denoiser && { [`inOpponentColours, ${plug === "red" ? "red" : "plugAndPlay"}`]: "pullback/priors" }),
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
    denoiser &&
      `const plain = ${prior === "learned" ? "await learnedDenoiser()" : `denoisers.${prior}()`};\nconst denoiser = channels === 3 ? inOpponentColours(plain) : plain;`,
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
  superres({ args: [path], options: o }) {
    const scale = Number(o.scale);
    // The rule of the command: the network, where nothing is said that it has no use for.
    const classical = ["lambda", "iterations", "tolerance", "solver", "sigma", "seed"].some((key) => o[key] !== undefined);
    const network = o.views !== undefined || ([2, 3, 4].includes(scale) && !classical);
    const prior = String(o.prior ?? (network ? "model:super-resolution" : "bm3d"));
    const learned = /^model:super-resolution/.test(prior);
    // One image by back-projection, with a denoiser or a network; a minimisation has no short form.
    if (
      path === undefined ||
      o.weights !== undefined ||
      o.lambda !== undefined ||
      o.solver !== undefined ||
      o.fidelity !== undefined ||
      o.scaleData === "auto"
    )
      return undefined;
    if (!Number.isInteger(scale) || !(learned || ["bm3d", "nlm", "dictionary", "learned", "none"].includes(prior))) return undefined;
    const sigma = o.sigma === undefined ? undefined : Number(o.sigma) >= 1 ? `${o.sigma} / peak` : String(o.sigma);
    const part = learned
      ? `network: await learnedEnlarger(${scale}${o.views === undefined ? "" : `, { views: ${o.views} }`})`
      : `denoiser: ${prior === "none" ? '"none"' : prior === "learned" ? "await learnedDenoiser()" : `denoisers.${prior}()`}`;
    return program(
      {
        ...files,
        ...(!learned && !["none", "learned"].includes(prior) && { denoisers: "pullback/catalogue" }),
        ...(learned && { learnedEnlarger: "pullback/models" }),
        ...(prior === "learned" && { learnedDenoiser: "pullback/models" }),
        enlarge: "pullback/reconstruction",
        Tensor: "pullback/tensor",
      },
      `const path = ${text(path)};`,
      "const raw = await openImage(path);",
      "const { values, grid } = imageFromRaw(raw);",
      "const peak = /.(png|jpe?g|tiff?)$/i.test(path) ? (raw.data instanceof Uint8Array ? 255 : raw.data instanceof Uint16Array ? 65535 : 1) : 1;",
      "const channels = /^rgb/.test(raw.channelKind) ? 3 : 1;",
      "const n = values.size / values.shape[0];",
      "const shape = channels === 1 ? values.shape.slice(1) : [3, ...values.shape.slice(1)];",
      "const data = Tensor.from(Float32Array.from(values.data.subarray(0, channels * n), (v) => v / peak), shape);",
      `const r = await enlarge(data, ${object([`scale: ${scale}`, part, o.iterations !== undefined && !learned && `steps: ${o.iterations}`, sigma !== undefined && `noise: ${sigma}`, "colour: channels === 3"])});`,
      'console.log("ok", r.residual);',
      `const size = grid.size.map((m, a) => (a < 2 ? ${scale} * m : m));`,
      "const fine = image(Float32Array.from(r.image.data, (v) => v * peak), { size, spacing: grid.spacing.map((s, a) => (a < 2 ? s / " +
        scale +
        " : s)) });",
      'const name = peak === 1 ? "restored.nii.gz" : "restored.png";',
      "for (const [file, bytes] of writeImage(fine, name, peak === 1 ? {} : { clamp: true })) writeFileSync(file, bytes);",
    );
  },
  motion({ args, options: o }) {
    if (o.labels !== undefined || (o.dynamics !== undefined && o.dynamics !== "none")) return undefined;
    const chosen = object([...same(o, "model", "reference"), o.mask !== undefined && `mask: (await gray(${text(o.mask)})).values`]);
    const ending = picture(args[0] ?? "");
    return program(
      { ...files, correctMotion: "pullback/registration" },
      frames,
      `const { corrected, mean, status, reason } = await correctMotion(await frames(${text(args)})${chosen ? `, ${chosen}` : ""});`,
      "console.log(status, reason);",
      `const named = [...corrected.map((frame, t) => [\`corrected-\${String(t).padStart(3, "0")}${ending}\`, frame]), ["mean${ending}", mean]];`,
      "for (const [name, frame] of named) for (const [file, bytes] of writeImage(frame, name, { clamp: true })) writeFileSync(file, bytes);",
    );
  },
  track({ args, options: o }) {
    if (o.box !== undefined) {
      const [x, y, width, height] = String(o.box).split(",");
      const chosen = object(same(o, "search", "pose"));
      return program(
        { ...files, boxTracker: "pullback/vision" },
        frames.replace("Promise.all(paths.map(gray))", "Promise.all(paths.map(coloured))"),
        `/** Colours are kept where there are any: the tracker looks at them. */
async function coloured(path) {
  const raw = await openImage(path);
  return /^rgba?$/.test(raw.channelKind) ? imageFromRaw(raw) : gray(path);
}`,
        `const [first, ...rest] = await frames(${text(args)});`,
        `const box = { x: ${x}, y: ${y}, width: ${width}, height: ${height} };`,
        `const tracker = boxTracker(first, box${chosen ? `, ${chosen}` : ""});`,
        "const boxes = [{ ...box, confidence: 1, lost: false }, ...rest.map((frame) => tracker.next(frame))];",
        'console.log(boxes.some((b) => b.lost) ? "check" : "ok", boxes.length);',
        "const number = (v) => String(+v.toFixed(3));",
        'const rows = boxes.map((b, t) => [t, ...[b.x, b.y, b.width, b.height, b.confidence].map(number), b.lost ? 1 : 0].join(","));',
        'writeFileSync("boxes.csv", ["frame,x,y,w,h,confidence,lost", ...rows, ""].join("\\n"));',
      ).replace("imageFromRaw, writeImage", "imageFromRaw");
    }
    if (o.labels === undefined) return undefined;
    const chosen = object(same(o, "start"));
    const ending = picture(args[0] ?? "");
    return program(
      { ...files, trackLabels: "pullback/registration" },
      frames,
      `const { labels, curves, status, reason } = await trackLabels(await frames(${text(args)}), await gray(${text(o.labels)})${chosen ? `, ${chosen}` : ""});`,
      "console.log(status, reason);",
      "console.table(curves);",
      `for (const [t, map] of labels.entries())
  for (const [name, bytes] of writeImage(map, \`labels-\${String(t).padStart(3, "0")}${ending}\`, { dtype: "uint8", clamp: true })) writeFileSync(name, bytes);`,
    );
  },
  atlas({ args, options: o }) {
    if (o.labels !== undefined) return undefined;
    const chosen = object([...same(o, "model", "rounds", "init"), o.levels !== undefined && `levels: ${list(String(o.levels))}`]);
    const ending = picture(args[0] ?? "");
    return program(
      { ...files, buildAtlas: "pullback/registration" },
      gray,
      `const images = await Promise.all(${text(args)}.map(gray));`,
      `const { mean, rounds } = await buildAtlas(images${chosen ? `, ${chosen}` : ""});`,
      'console.log("ok", rounds.length);',
      `for (const [name, bytes] of writeImage(mean, "mean${ending}", { clamp: true })) writeFileSync(name, bytes);`,
    );
  },
  segment({ args: [target], options: o }) {
    const given = o.atlas as readonly string[] | undefined;
    if (o.fusion === "em" || !given || given.some((g) => g.split(":").length !== 2)) return undefined;
    const chosen = object([
      `method: ${text(o.fusion ?? "joint")}`,
      `decide: ${text(o.decide ?? "overlap")}`,
      `registration: { preset: ${text(o.preset ?? "diffeo")} }`,
    ]);
    const ending = picture(target ?? "");
    return program(
      { ...files, segment: "pullback/registration" },
      gray,
      `const target = await gray(${text(target)});`,
      `const atlases = ${text(given.map((g) => g.split(":")))};`,
      "const labelled = await Promise.all(atlases.map(async ([picture, labels]) => ({ image: await gray(picture), labels: await gray(labels) })));",
      `const { labels, registrations } = await segment(target, labelled, ${chosen});`,
      'console.log(registrations.every((r) => r.status === "ok") ? "ok" : "suspect");',
      `for (const [name, bytes] of writeImage(labels, "labels${ending}", { dtype: "uint8", clamp: true })) writeFileSync(name, bytes);`,
    );
  },
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
    // Series, trajectories and weights of one's own have no short form.
    if (kind !== "mr" || ["dynamic", "gate", "trajectory", "weights"].some((k) => o[k] !== undefined)) return undefined;
    const prior = o.prior === undefined ? undefined : String(o.prior);
    const [, plugged] = /^pnp:(.*)$/.exec(prior ?? "") ?? [];
    const network = prior === "model:mr-cascade";
    const maps = o.maps === undefined ? undefined : o.maps === "espirit" ? '"espirit"' : `array(${text(o.maps)})`;
    return program(
      {
        "readFileSync, writeFileSync": "node:fs",
        "readNpy, writeNpy": "pullback/io",
        ...(plugged && plugged !== "learned" && { denoisers: "pullback/catalogue" }),
        ...(plugged === "learned" && { learnedDenoiser: "pullback/models" }),
        ...(network && { "loadModel, networkReconstruction": "pullback/models" }),
        reconstructMr: "pullback/reconstruction",
        Tensor: "pullback/tensor",
      },
      array,
      `const r = await reconstructMr(${object([
        `kspace: array(${text(path)})`,
        o.mask !== undefined && `mask: array(${text(o.mask)})`,
        maps !== undefined && `maps: ${maps}`,
        network
          ? 'network: networkReconstruction(await loadModel("mr-cascade")), prior: "learned"'
          : plugged
            ? `denoiser: ${plugged === "learned" ? "await learnedDenoiser()" : `denoisers.${plugged}()`}, prior: "pnp"`
            : prior !== undefined && `prior: ${text(prior)}`,
        auto("lambda"),
        ...same(o, "iterations", "tolerance", "scaleData"),
      ])});`,
      "console.log(r.status, r.reason);",
      'writeFileSync("image.npy", writeNpy({ shape: [...r.image.shape], data: Float32Array.from(r.image.data), complex: true }));',
    );
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
