import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PullbackError } from "../../core/errors.js";
import { command as apply } from "../commands/apply.js";
import { command as register } from "../commands/register.js";
import { common, resolveOptions } from "../options.js";
import { antsPrograms, translateAnts } from "./ants.js";
import { readElastixParameters, translateElastix, translateElastixCommand, translateTransformix } from "./elastix.js";
import { shellCommands } from "./shellWords.js";
import { scriptOf } from "./translate.js";
import { folderOfPrefix, lineOf, type Translation } from "./translation.js";

const stage = (text: string, path = "p.txt") => ({ path, parameters: readElastixParameters(text, path) });
const bsplineFile = `
// a usual file
(FixedInternalImagePixelType "float")
(Registration "MultiMetricMultiResolutionRegistration")
(Transform "BSplineTransform")   // cubic
(Metric "AdvancedMattesMutualInformation" "TransformBendingEnergyPenalty")
(Metric0Weight 1.0) 
(Metric1Weight 0.05)
(NumberOfResolutions 3)
(FinalGridSpacingInPhysicalUnits 16)
(MaximumNumberOfIterations 500)
(ImageSampler "RandomCoordinate")
(HowToCombineTransforms "Compose")
(DefaultPixelValue 0)
(Nonsense 1 2 3)
`;
const wordsOf = (t: Translation) => t.commands.map(lineOf);
/** What a translation says goes through the checks of the command it is for. */
function accepted(t: Translation): void {
  for (const c of t.commands) {
    const definitions = { register: register.options, apply: apply.options }[c.name as "register" | "apply"];
    if (definitions) resolveOptions([...definitions, ...common], c.options as Record<string, unknown>);
  }
}

describe("elastix", () => {
  test("a parameter file becomes options of register; what has no counterpart is named, what needs none too", () => {
    const t = translateElastix([stage(bsplineFile)]);
    expect(wordsOf(t)).toEqual([
      "pullback register FIXED MOVING --preset bspline --metric mi --regulariser bendingEnergy --levels 4,2,1 -o OUT/",
    ]);
    for (const name of ["Metric1Weight", "FinalGridSpacingInPhysicalUnits 16", "MaximumNumberOfIterations 500", "Nonsense 1 2 3"])
      expect(t.missing.filter((m) => m.includes(name))).toHaveLength(1);
    expect(t.unneeded.join()).toMatch(/ImageSampler: metrics look at every voxel/);
    accepted(t);
  });
  test("several files are the stages of one command, the last deciding how free the transform is", () => {
    const rigid = '(Transform "EulerTransform")\n(Metric "AdvancedNormalizedCorrelation")\n(AutomaticTransformInitialization "true")';
    const t = translateElastix([stage(rigid, "rigid.txt"), stage(bsplineFile, "bspline.txt")]);
    expect(t.commands[0].options).toMatchObject({ preset: "bspline", metric: "mi", init: "center" });
    expect(t.missing.join("\n")).toMatch(/rigid\.txt: Transform EulerTransform: its metric ncc differs from the last stage's/);
    const back = translateElastix([stage(bsplineFile, "bspline.txt"), stage(rigid, "rigid.txt")]);
    expect(back.missing.join("\n")).toMatch(/run bspline on its own/);
  });
  test("a schedule gives the levels, several metrics their weighted sum", () => {
    const t = translateElastix([
      stage(
        '(Transform "AffineTransform")(Metric "x")'
          .replace(")(", ")\n(")
          .replace('"x"', '"AdvancedMeanSquares" "AdvancedNormalizedCorrelation"') +
          "\n(Metric0Weight 2)\n(Metric1Weight 1)\n(NumberOfResolutions 2)\n(ImagePyramidSchedule 8 8 4 2 2 1)",
      ),
    ]);
    expect(t.commands[0].options).toMatchObject({ preset: "affine", metric: "ssd+0.5*ncc", levels: [8, 2] });
    expect(t.missing.join()).toMatch(/one factor for all axes/);
    accepted(t);
  });
  test("a command line names images, masks and files; transformix becomes apply and transform", () => {
    const t = translateElastixCommand(
      "elastix -f f.nii -m m.nii -fMask b.nii -out o -p a.txt -t0 x.txt".split(" "),
      () => '(Transform "EulerTransform")',
    );
    expect(wordsOf(t)).toEqual(["pullback register f.nii m.nii --preset rigid --fixed-mask b.nii -o o/"]);
    expect(t.missing.join()).toMatch(/-t0 x\.txt/);
    expect(wordsOf(translateTransformix("transformix -in a.nii -def p.txt -jac all -tp T.txt -out o".split(" ")))).toEqual([
      "pullback apply a.nii --transform OUT/transform.json --to fixed -o o/result.nii.gz",
      "pullback apply p.csv --transform OUT/transform.json --to moving -o o/outputpoints.csv",
      "pullback transform jacobian OUT/transform.json -o o/spatialJacobian.nii.gz",
    ]);
  });
  test.each([
    ["(Transform", /line 1/],
    ['(Transform "Euler', /line 1/],
    ['(Transform "EulerTransform")\n(Transform "EulerTransform")', /came before/],
    ["(Metric)", /no value/],
    ['(Metric "AdvancedMeanSquares")', /no \(Transform/],
    ['(Transform "EulerTransform")\n(TransformParameters 0 0 0)', /transform that elastix has found/],
    ['(Transform "SplineKernelTransform")', /no counterpart/],
    ['(Transform "EulerTransform")\n(NumberOfResolutions 0)', /whole number/],
    ['(Transform "EulerTransform")\n(NumberOfResolutions 2)\n(ImagePyramidSchedule 1 2 3)', /3 factors for 2/],
    ["hello", /expected \(Name value/],
    ["", /no parameter/],
  ])("%j is refused in a sentence", (text, says) => {
    expect(() => translateElastix([stage(text)])).toThrow(says);
  });
});

test("the guide's example is what comes", () => {
  const guide = readFileSync(new URL("../../../docs/coming-from.md", import.meta.url), "utf8");
  const [, file, said] = /```elastix\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)```/.exec(guide) as RegExpExecArray;
  const t = translateElastix([stage(file)]);
  expect([...t.missing.map((m) => `# without counterpart: ${m}`), ...wordsOf(t), ""].join("\n")).toBe(said);
});

const braced = "$" + "{M}"; // a variable of the shell
describe("ANTs", () => {
  const of = (line: string) => translateAnts(shellCommands(line)[0].words);
  test("antsRegistration of three stages, with masks, a start, and the warped image it was to write", () => {
    const t = of(`antsRegistration -d 3 --float 0 -o [out/sub_,out/sub_Warped.nii.gz] -n BSpline -w [0.005,0.995] -u 0 \\
      -r [f.nii.gz, m.nii.gz, 1] -x [mask.nii.gz,NULL] \\
      -t Rigid[0.1] -m MI[f.nii.gz,m.nii.gz,1,32,Regular,0.25] -c [1000x500x250x100,1e-6,10] -f 8x4x2x1 -s 3x2x1x0vox \\
      -t SyN[0.1,3,0] -m CC[f.nii.gz,m.nii.gz,1,4] -c [100x70x50x20,1e-6,10] -f 8x4x2x1 -s 3x2x1x0vox`);
    expect(wordsOf(t)).toEqual([
      "pullback register f.nii.gz m.nii.gz --preset diffeo --metric lncc --levels 8,4,2,1 --init moments --fixed-mask mask.nii.gz -o out/sub/",
      "pullback apply m.nii.gz --transform out/sub/transform.json --to fixed --interp cubic -o out/sub_Warped.nii.gz",
    ]);
    expect(t.missing.join("\n")).toMatch(/SyN\[0\.1,3,0\]: smoothing is chosen/);
    accepted(t);
  });
  test.each([
    [
      "antsRegistrationSyNQuick.sh -d 3 -f f.nii -m m.nii -o out -t s -n 4",
      "pullback register f.nii m.nii --preset quick --threads 4 -o out/",
    ],
    ["antsRegistrationSyN.sh -d 2 -f f.png -m m.png -o a/b_ -t r", "pullback register f.png m.png --preset rigid --metric mi -o a/b/"],
    [
      `antsRegistrationSyN.sh -d 3 -f $F -m ${braced} -o $OUT/x -x b.nii`,
      `pullback register $F ${braced} --preset diffeo --metric lncc --fixed-mask b.nii -o $OUT/x/`,
    ],
    [
      "antsApplyTransforms -d 3 -i l.nii -r f.nii -o w.nii -n GenericLabel -t out1Warp.nii.gz -t out0GenericAffine.mat -f -1",
      "pullback transform compose out1Warp.nii.gz out0GenericAffine.mat -o composed.json\npullback apply l.nii --transform composed.json --to fixed --interp label --like f.nii --fill -1 -o w.nii",
    ],
    [
      "antsApplyTransforms -i m.nii -r f.nii -o w.nii -t [a.mat,1]",
      "pullback apply m.nii --transform a.mat --to moving --like f.nii -o w.nii",
    ],
    [
      "antsApplyTransforms -r f.nii -o [field.nii.gz,1] -t [a.mat,1] -t w.nii.gz",
      "pullback transform invert a.mat -o inverse-1.json\npullback transform compose inverse-1.json w.nii.gz -o composed.json\npullback transform field composed.json --like f.nii -o field.nii.gz",
    ],
    ["antsApplyTransformsToPoints -d 3 -i p.csv -o q.csv -t a.mat", "pullback apply p.csv --transform a.mat --to moving -o q.csv"],
  ])("%s", (line, expected) => {
    const t = of(line);
    expect(wordsOf(t).join("\n")).toBe(expected);
    accepted(t);
  });
  test.each([
    ["antsRegistration -d 3 -o x", /no --transform/],
    ["antsRegistration -t Rigid[0.1] -o x", /no --metric/],
    ["antsRegistration --transfrom Rigid[0.1]", /did you mean --transform/],
    ["antsRegistration -t Bend[1] -m CC[a,b]", /no transform that is known/],
    ["antsRegistration -t Rigid[1] -m CC[a,b] -f 8xx1", /shrink factors/],
    ["antsRegistrationSyN.sh -d 3 -f a", /-f and -m/],
    ["antsRegistrationSyN.sh -f a -m b -t q", /expected one of t, r/],
    ["antsApplyTransforms -i a -t b", /--output/],
  ])("%s is refused in a sentence", (line, says) => {
    expect(() => of(line)).toThrow(says);
  });
  test("calls in a script are found, other commands are named with their lines", () => {
    const t = scriptOf(
      `#!/bin/bash\nN4BiasFieldCorrection -i a -o b\nfor s in 1 2; do\n  time $ANTSPATH/antsRegistrationSyNQuick.sh -f F \\\n -m "M $s" -o o_ > log 2>&1\ndone\n`,
      "x.sh",
    );
    expect(t?.flatMap(wordsOf)).toEqual(['pullback register F "M $s" --preset quick -o o/']);
    expect(t?.at(-1)?.missing).toEqual(expect.arrayContaining([expect.stringMatching(/^line 2, N4BiasFieldCorrection/)]));
    expect(scriptOf("echo hello", "x.sh")).toBeUndefined();
  });
});

describe("whatever comes", () => {
  const own = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof PullbackError)) throw error;
      expect(error.message).not.toMatch(/undefined|NaN|\[object/);
    }
  };
  const seeds = [
    bsplineFile,
    "antsRegistration -d 3 -o [a,b] -t SyN[0.1,3,0] -m CC[f,m,1,4] -f 4x2x1 -x [a,b]",
    "antsApplyTransforms -i a -r b -o c -t [d,1] -t e -n Linear",
  ];
  const damaged = fc
    .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(400), fc.string({ maxLength: 6 }), fc.nat(12)), { maxLength: 4 }))
    .map(([seed, edits]) =>
      edits.reduce(
        (text, [at, put, cut]) => text.slice(0, at % text.length || 0) + put + text.slice((at % text.length || 0) + cut) || "(",
        seed,
      ),
    );
  const names = fc.constantFrom(
    "Transform",
    "Metric",
    "toString",
    "constructor",
    "__proto__",
    "Metric0Weight",
    "NumberOfResolutions",
    "UseDirectionCosines",
    "Unheard",
    "MaximumNumberOfIterations",
  );
  test("readers take it or refuse it with a sentence", () => {
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string({ maxLength: 200 })), (text) => {
        own(() => translateElastix([stage(text)]));
        own(() => scriptOf(text, "s.sh"));
        for (const program of antsPrograms)
          own(() =>
            shellCommands(`${program} ${text}`)
              .slice(0, 1)
              .map(({ words }) => translateAnts(words)),
          );
      }),
      { numRuns: 400 },
    );
  });
  test("no parameter of elastix is lost: each is in a command, or named", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(names, fc.constantFrom("1", "true", '"EulerTransform"', '"a b"')), { selector: ([n]) => n }),
        (lines) => {
          const all = [["Transform", '"BSplineTransform"'], ...lines.filter(([n]) => n !== "Transform")];
          let t: Translation | undefined;
          own(() => {
            t = translateElastix([stage(all.map(([n, v]) => `(${n} ${v})`).join("\n"))]);
          });
          if (!t) return;
          accepted(t);
          const said = [...t.missing, ...t.unneeded].join("\n");
          for (const [n] of all.slice(1)) if (n !== "NumberOfResolutions") expect(said).toContain(n);
        },
      ),
    );
  });
  test.each([
    ["out/sub_", "out/sub/"],
    ["out/", "out/"],
    ["x", "x/"],
    ["_", "out/"],
    ["/a/b.", "/a/b/"],
  ])("the prefix %s is the folder %s", (prefix, at) => {
    expect(folderOfPrefix(prefix)).toBe(at);
  });
});
