// npm run bench -- NAME [options]: the benches by name. Each one is a module with a `main(args)`.
const benches = {
  kernels: "our kernels against native C++ on one and two threads",
  registration: "our command line against other registration programs, with ground truth",
  formulations: "forward, inverse and inverse-compositional linear registration: the cost of a step",
  homotopy: "from blurred to sharp: with and without, from harder and harder starts",
  atlas: "means of groups: deformation models, numbers of images, time",
  fusion: "labels from several atlases, leave one out",
  cineTracking: "frames a second of following a structure through a cine loop",
  acceptance: "how often unrelated images are called aligned",
  capture: "from how far away a rigid registration finds home",
  patches: "denoisers and what is built on them: deblurring, inpainting, super-resolution, unknown blur",
  learned: "the learned denoiser and what is built on it",
  frameworks: "where a network for super-resolution enlarges, and how: PSNR, time, memory",
  losses: "what a network for super-resolution is trained by: PSNR, SSIM, perceptual distance",
  classes: "model-agnostic, partly agnostic, plug-and-play, GAN range, unrolled: MR and super-resolution, A as trained and changed",
  anatomy: "super-resolution of cardiac slices with and without a prior of cavities: PSNR, Dice, area",
  generative: "deep image prior, GAN prior, unrolled networks",
  learnedRegistration: "the registration network beside the classical presets: Dice, time",
  neuralOde: "deformations as neural differential equations beside classical ones: landmarks, folds",
  trainingStep: "a step of training beside PyTorch's",
  inverse: "restoration: objectives against reference optima, certified gaps, PSNR, times",
  inversePeers: "BART, scikit-image and OpenCV beside our reconstructions, image by image",
  illposed: "two data that differ by a thousandth: least squares against Tikhonov, and how λ trades",
  vision: "pictures: homographies, flow, tracking, mosaics against ground truth",
  jacobians: "super-resolution by variable projection: derivatives of the projection compared",
  batch: "many small registrations: how busy the workers are, what the queue costs",
  page: "the page in a browser beside the command line: the same pairs in turn",
  peers: "which other programs this machine has",
};
const [name, ...args] = process.argv.slice(2);
if (!name || name === "--help" || name === "-h") {
  console.log("npm run bench -- NAME [options]\n");
  for (const [key, about] of Object.entries(benches)) console.log(`  ${key.padEnd(21)}${about}`);
  console.log("\nOptions of one bench: npm run bench -- NAME --help");
} else if (!(name in benches)) {
  console.error(`bench: there is no bench called ${name}; choose one of ${Object.keys(benches).join(", ")}`);
  process.exitCode = 2;
} else {
  const { main } = await import(`./${name}.mjs`);
  try {
    process.exitCode = await main(args);
  } catch (error) {
    if (!error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
    console.error(`bench ${name}: ${error.message.split(".")[0]}; see npm run bench -- ${name} --help`);
    process.exitCode = 2;
  }
}
