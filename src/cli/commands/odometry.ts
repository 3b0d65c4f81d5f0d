import { basename } from "node:path";
import { ArgumentError } from "../../core/errors.js";
import { readBytes } from "../../io/node.js";
import { gallery, type Picture, plain } from "../../report/index.js";
import { type CameraPose, cloudFile, Odometer, odometryResult, posesText, readCalibration } from "../../vision/index.js";
import type { CommandDefinition, Options } from "../command.js";
import { Exit } from "../exit.js";
import { loadFrames } from "../frames.js";
import { folderOf, grayOfMiddle, putRun } from "../groupFiles.js";
import { force, notNegative, option, output, positive, text, whole, wholeFromOne } from "../options.js";
import { isFolder } from "../output.js";
import { stopwatch } from "../registrationFiles.js";

/** `pullback odometry FRAMES… --calib FILE -o poses.txt`: where a camera goes. */
export const command: CommandDefinition = {
  name: "odometry",
  summary: "where a calibrated camera goes, from its frames",
  examples: [
    "pullback odometry frames/*.png --calib calib.txt -o poses.txt",
    "pullback odometry frames/*.png --calib calib.json -o out/          poses, a cloud of points, the path drawn",
  ],
  arguments: [{ name: "<frames...>", help: "the frames in order, or one file with a time axis" }],
  options: [
    output("the poses (.txt, a 3×4 matrix a line), or a folder for poses, points (PLY) and report; without it only the figures are given"),
    force,
    option("--calib <file>", "fx, fy, cx, cy or K as JSON, or a line of a 3×4 or 3×3 matrix", text, "a path"),
    option("--points <n>", "about so many points are followed (800)", wholeFromOne, "a whole number of at least 20"),
    option("--sigma <s>", "largest noise of a track thought of, pixels (0.5)", positive, "a positive number"),
    option("--window <n>", "frames refined together with their points; 0: none (3)", notNegative, "a whole number"),
    option("--seed <n>", "of the robust search (1)", whole, "a whole number"),
  ],
  async run(session, paths, options) {
    const target = options.output as string | undefined;
    const calib = options.calib as string | undefined;
    if (!calib) throw new ArgumentError("odometry: the camera is not known; give its calibration with --calib FILE");
    const folder = target !== undefined && isFolder(target);
    const out =
      target === undefined || session.dryRun
        ? undefined
        : session.output(folderOf("odometry", options), folder, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      session.reading();
      const camera = readCalibration(new TextDecoder().decode(readBytes(calib)));
      const frames = await loadFrames(session, paths);
      if (frames.images[0].grid.size.length !== 2)
        throw new ArgumentError(`odometry: ${paths[0]} is ${frames.images[0].grid.size.join("×")}; pictures are expected`);
      clock("read");
      const plan = planOf(options);
      if (session.dryRun)
        return {
          json: { dryRun: true, frames: frames.images.length, camera, ...plan, outputs: [] },
          lines: [`would follow ${frames.images.length} frames`],
        };
      const odometer = new Odometer(camera, plan);
      for (const frame of frames.images) odometer.next(frame);
      const r = odometryResult(odometer);
      clock("follow");
      const steps = r.steps.map(({ status, tracked, inliers, parallax, source }, frame) => ({
        frame,
        status,
        tracked,
        inliers,
        parallax,
        source,
      }));
      const figures = {
        frames: r.poses.length,
        points: r.points.length,
        lost: steps.filter((s) => s.status === "lost").length,
        turned: steps.filter((s) => s.status === "turned").length,
      };
      const told = { status: r.status, reason: r.reason, figures, camera };
      if (out) {
        const poses = posesText(r.poses);
        if (!folder) out.put(basename(target as string), poses);
        else {
          out.put("poses.txt", poses);
          out.put("points.ply", cloudFile(r.points));
          out.put("result.json", `${JSON.stringify({ ...told, steps }, null, 1)}\n`);
          const last = frames.images[frames.images.length - 1];
          out.put(
            "report.html",
            gallery({
              title: "Odometry",
              subtitle: `${frames.images.length} frames of ${last.grid.size.join("×")} pixels`,
              verdict: { level: r.status === "ok" ? "good" : "bad", sentence: r.reason },
              figures: [
                { label: "points", value: figures.points },
                { label: "frames lost", value: figures.lost },
                { label: "frames that only turned", value: figures.turned },
                { label: "pairs that agree, mean", value: plain(steps.reduce((s, k) => s + k.inliers, 0) / Math.max(1, steps.length - 1)) },
              ],
              rows: [
                {
                  title: "Path and points from above",
                  large: true,
                  note: "Black: the cameras; gray: points of the scene; ahead of the first camera is up.",
                  pictures: [
                    { picture: fromAbove(r.poses, r.points), caption: "from above" },
                    { picture: grayOfMiddle(frames.images[0]), caption: "first frame" },
                    { picture: grayOfMiddle(last), caption: "last frame" },
                  ],
                },
              ],
              summary: { frames: paths.length, calib, ...plan },
              timings,
              warnings: session.warnings,
            }),
          );
          clock("write");
          putRun(session, out, [...paths, calib], { options: plan, ...told, seconds: timings });
        }
      }
      return {
        json: {
          ...told,
          steps,
          poses: r.poses.map((p) => [0, 1, 2].map((k) => [...p.rotation.subarray(3 * k, 3 * k + 3), p.position[k]])),
          outputs: out ? out.commit() : [],
        },
        lines: [r.reason, ...(target ? [target] : [])],
        exit: r.status === "ok" ? Exit.ok : Exit.quality,
      };
    } finally {
      out?.discard();
    }
  },
};
function planOf(o: Options) {
  return {
    points: (o.points as number | undefined) ?? 800,
    sigma: (o.sigma as number | undefined) ?? 0.5,
    window: Math.round((o.window as number | undefined) ?? 3),
    seed: (o.seed as number | undefined) ?? 1,
  };
}

/** Cameras and points seen from above (x right, z up), on a square. */
function fromAbove(poses: readonly CameraPose[], points: readonly { readonly at: readonly number[] }[]): Picture {
  const size = 400;
  const data = new Uint8Array(3 * size * size).fill(255);
  const path = poses.map((p) => [p.position[0], p.position[2]]);
  const near = points.map((p) => [p.at[0], p.at[2]]);
  const reach = Math.max(1e-6, ...path.flat().map(Math.abs));
  // The path in the middle of a scene a few times its size.
  const seen = near.filter(([x, z]) => Math.hypot(x, z) < 4 * reach);
  const all = [...path, ...seen];
  const [x0, x1] = [Math.min(...all.map((p) => p[0])), Math.max(...all.map((p) => p[0]))];
  const [z0, z1] = [Math.min(...all.map((p) => p[1])), Math.max(...all.map((p) => p[1]))];
  const by = (size - 20) / Math.max(1e-9, x1 - x0, z1 - z0);
  const dot = ([x, z]: readonly number[], value: number, r: number) => {
    const [u, v] = [Math.round(10 + (x - x0) * by), Math.round(size - 10 - (z - z0) * by)];
    for (let j = -r; j <= r; j++)
      for (let i = -r; i <= r; i++)
        if (u + i >= 0 && v + j >= 0 && u + i < size && v + j < size)
          data.fill(value, 3 * ((v + j) * size + u + i), 3 * ((v + j) * size + u + i) + 3);
  };
  for (const p of seen) dot(p, 170, 0);
  for (const p of path) dot(p, 0, 2);
  return { width: size, height: size, channels: 3, data };
}
