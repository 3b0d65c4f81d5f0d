import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readImage } from "../src/io/index.js";
import { readBytes } from "../src/io/node.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { blobs, put as putImages } from "./support/data.js";

beforeAll(built);

const size = [20, 22, 18];
/** Three participants, one with two sessions, whose heads are shifted; a template. */
function dataset(): string {
  const at = folder();
  const put = (path: string, shift: readonly number[]) => {
    mkdirSync(dirname(join(at, path)), { recursive: true });
    putImages(join(at, dirname(path)), { [basename(path)]: blobs(size, shift) });
  };
  put("template.nii.gz", [0, 0, 0]);
  put("data/sub-01/anat/sub-01_T1w.nii.gz", [1, 0, 0]);
  put("data/sub-02/ses-a/anat/sub-02_ses-a_T1w.nii.gz", [0, 1.5, 0]);
  put("data/sub-02/ses-b/anat/sub-02_ses-b_run-1_T1w.nii.gz", [0, -1, 1]);
  writeFileSync(join(at, "data/sub-01/anat/sub-01_T2w.nii.gz"), "not for us");
  writeFileSync(join(at, "data/dataset_description.json"), JSON.stringify({ Name: "blobs", BIDSVersion: "1.9.0" }));
  return at;
}
const participant = [
  "bids",
  "data",
  "out",
  "participant",
  "--template",
  "template.nii.gz",
  "--preset",
  "rigid",
  "--workers",
  "2",
  "--json",
];

describe("pullback bids", () => {
  test("participants come into the template's space under BIDS names, one after a broken one too, and the group has their mean", async () => {
    const at = dataset();
    mkdirSync(join(at, "data/sub-03/anat"), { recursive: true });
    writeFileSync(join(at, "data/sub-03/anat/sub-03_T1w.nii.gz"), "broken");
    const ran = await pullback(participant, { cwd: at });
    expect(ran.code).toBe(4);
    expect(ran.json).toMatchObject({ status: "suspect", figures: { images: 4, ok: 3, failed: 1 }, failed: [{ name: "sub-03" }] });
    const files = [
      "dataset_description.json",
      ".bidsignore",
      "sub-01/anat/sub-01_space-template_desc-registered_T1w.nii.gz",
      "sub-01/anat/sub-01_from-template_to-T1w_mode-points_xfm.tfm",
      "sub-01/figures/sub-01_desc-registration_T1w.html",
      "sub-02/ses-a/anat/sub-02_ses-a_space-template_desc-registered_T1w.nii.gz",
      "sub-02/ses-b/anat/sub-02_ses-b_run-1_space-template_desc-registered_T1w.json",
    ];
    for (const f of files) expect(existsSync(join(at, "out", f)), f).toBe(true);
    const sidecar = JSON.parse(readFileSync(join(at, "out", files[6]), "utf8"));
    expect(sidecar).toMatchObject({
      Sources: ["bids:raw:sub-02/ses-b/anat/sub-02_ses-b_run-1_T1w.nii.gz"],
      Status: "ok",
      SkullStripped: false,
    });

    const group = await pullback(["bids", "data", "out", "group", "--json"], { cwd: at });
    expect(group.code).toBe(0);
    expect(readFileSync(join(at, "out/group_T1w.tsv"), "utf8").trim().split("\n")).toHaveLength(4);
    const read = (path: string) => readImage(readBytes(path), path).values;
    const mean = read(join(at, "out/space-template_desc-mean_T1w.nii.gz"));
    const template = read(join(at, "template.nii.gz"));
    const scaled = template.div(template.mean());
    expect(mean.sub(scaled).norm().item() / scaled.norm().item()).toBeLessThan(0.05); // shifted heads would be at 0.3
  });

  test("single participants, one after the other, add up", async () => {
    const at = dataset();
    for (const label of ["01", "sub-02"])
      expect((await pullback([...participant, "--participant-label", label], { cwd: at })).code).toBe(0);
    const group = await pullback(["bids", "data", "out", "group", "--json"], { cwd: at });
    expect(group.json).toMatchObject({ figures: { images: 3, ok: 3 } });
  });

  test.each([
    ["a level that there is not", ["bids", "data", "out", "subject"], /expected participant or group/],
    ["no template", ["bids", "data", "out", "participant"], /name an image after --template/],
    ["a participant that is not there", [...participant, "--participant-label", "07"], /there is no sub-07; there are sub-01, sub-02/],
    ["no data set", ["bids", "nothing", "out", "group"], /no dataset_description\.json/],
    ["a group before its participants", ["bids", "data", "out", "group"], /run the participant level first/],
  ])("%s: one sentence", async (_, args, sentence) => {
    const at = dataset();
    const ran = await pullback(args, { cwd: at });
    expect([2, 3]).toContain(ran.code);
    expect(ran.stderr.trim().split("\n")).toHaveLength(1);
    expect(ran.stderr).toMatch(sentence);
  });
});
