import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { image } from "../../dist/image/index.js";
import { writeImage } from "../../dist/io/index.js";
import { scenePath, sceneView } from "../../dist/vision/index.js";
import { between } from "../../dist/vision/odometry/odometer.js";
import { readPoses } from "../../dist/vision/odometry/poseFile.js";
import { multiply3 } from "../../dist/vision/planar.js";
import { angleOf, times3, transpose3 } from "../../dist/vision/rotation.js";
import { dataFolder } from "../data.mjs";
import { median, root } from "../machine.mjs";

export const about = "Odometry: rotation and direction of each step, drift with each step scaled by its true length";

/** The sequences of the data folder, and drives rendered from a phantom in which the camera turns by up to several degrees a frame. */
function* sequences(at) {
  const folder = join(dataFolder, "vision/vo");
  for (const set of readdirSync(folder).sort()) {
    const files = readdirSync(join(folder, set))
      .filter((f) => f.endsWith(".png"))
      .sort()
      .map((f) => join(folder, set, f));
    yield {
      name: set,
      files,
      calib: join(folder, set, "calib.txt"),
      truth: readPoses(readFileSync(join(folder, set, "poses.txt"), "utf8")),
      goals: ["0.05", "0.8", "0.7"],
    };
  }
  const view = { focal: 450, width: 640, height: 360 };
  const calib = join(at, "calib.json");
  writeFileSync(calib, JSON.stringify({ fx: 450, fy: 450, cx: 319.5, cy: 179.5 }));
  const drives = [
    { name: "turning phantom", path: scenePath(20, 1.2, 0.3), seed: 1 },
    { name: "turning left", path: scenePath(20, -0.9, 0.4), seed: 100 },
    { name: "short steps", path: scenePath(24, 0.5, 0.15), seed: 200 },
  ];
  for (const { name, path, seed } of drives) {
    const files = path.map((pose, k) => {
      const { values } = sceneView(pose, { ...view, seed: k + seed });
      const file = join(at, `${seed}-${String(k).padStart(3, "0")}.png`);
      const im = image(
        Float32Array.from(values.data, (v) => Math.round(Math.min(255, 255 * v))),
        { size: [view.width, view.height] },
      );
      for (const [, bytes] of writeImage(im, file, { dtype: "uint8", clamp: true })) writeFileSync(file, bytes);
      return file;
    });
    yield {
      name,
      files,
      calib,
      truth: path.map((p) => ({ rotation: transpose3(p.rotation), position: p.position })),
      goals: ["0.06", "0.8", "0.7"],
    };
  }
}

export function scored(poses, truth) {
  const [turns, still, ways] = [[], [], []];
  let [place, R, length] = [[0, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0, 1], 0];
  const degrees = 180 / Math.PI;
  const size = (v) => Math.hypot(...v);
  for (let k = 1; k < truth.length; k++) {
    const [t, e] = [between(truth[k - 1], truth[k]), between(poses[k - 1], poses[k])];
    turns.push(degrees * angleOf(multiply3(t.rotation, transpose3(e.rotation))));
    still.push(degrees * angleOf(t.rotation));
    // The step in the frame before it.
    const step = (m) => times3(transpose3(m.rotation), m.translation).map((v) => -v);
    const [a, b] = [step(t), step(e)];
    const cosine = (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) / size(a) / size(b);
    ways.push(degrees * Math.acos(Math.max(-1, Math.min(1, cosine))));
    length += size(a);
    const moved = times3(
      R,
      b.map((v) => (v / size(b)) * size(a)),
    );
    place = place.map((v, c) => v + moved[c]);
    R = multiply3(R, transpose3(e.rotation));
  }
  const last = truth[truth.length - 1];
  const end = times3(
    transpose3(truth[0].rotation),
    last.position.map((v, c) => v - truth[0].position[c]),
  );
  return { turn: median(turns), still: median(still), way: median(ways), drift: (100 * size(place.map((v, c) => v - end[c]))) / length };
}

export async function run({ reps, threads }) {
  const head = [
    "sequence",
    "frames",
    "rotation °",
    "goal",
    "of the identity",
    "direction °",
    "goal",
    "drift %",
    "goal",
    "ms a frame",
    "goal ms",
  ];
  const rows = [];
  const at = mkdtempSync(join(tmpdir(), "odometry-"));
  for (const { name, files, calib, truth, goals } of sequences(at)) {
    const times = [];
    let poses;
    for (let k = 0; k < reps; k++) {
      const to = join(at, `poses-${k}.txt`);
      const json = JSON.parse(
        execFileSync(
          "node",
          [join(root, "dist/cli/main.js"), "odometry", ...files, "--calib", calib, "-o", to, "--threads", String(threads), "--json"],
          { maxBuffer: 1e9 },
        ),
      );
      times.push((1000 * json.seconds.total) / files.length);
      poses = readPoses(readFileSync(to, "utf8"));
    }
    const s = scored(poses, truth);
    rows.push([
      name,
      files.length,
      s.turn.toFixed(3),
      goals[0],
      s.still.toFixed(3),
      s.way.toFixed(2),
      goals[1],
      s.drift.toFixed(2),
      goals[2],
      median(times).toFixed(0),
      "100",
    ]);
  }
  rmSync(at, { recursive: true });
  return {
    head,
    rows,
    notes: [
      "times include reading and decoding; peers measured on kitti_seq1: PyrLK and essential matrix 0.078°, 0.80°, 0.70 %; ORB 0.162°, 3.67°, 14.3 %",
      "of kitti_seq1 the truth of the first twelve frames is off by about 0.1° a step: tracks and SIFT matches, which share nothing, agree to 0.006°, and to 0.02° with the later truth; its drift is that of the truth",
    ],
  };
}
