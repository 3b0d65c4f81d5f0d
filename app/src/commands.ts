import type { CommandDefinition } from "../../src/cli/command.js";

/** The commands that the page has a form for: the very ones of the command line. */
export const commands: Readonly<Record<string, () => Promise<{ command: CommandDefinition }>>> = {
  register: () => import("../../src/cli/commands/register.js"),
  denoise: () => import("../../src/cli/commands/denoise.js"),
  deblur: () => import("../../src/cli/commands/deblur.js"),
  inpaint: () => import("../../src/cli/commands/inpaint.js"),
  superres: () => import("../../src/cli/commands/superres.js"),
  homography: () => import("../../src/cli/commands/homography.js"),
  mosaic: () => import("../../src/cli/commands/mosaic.js"),
  reconstruct: () => import("../../src/cli/commands/reconstruct.js"),
  motion: () => import("../../src/cli/commands/motion.js"),
  track: () => import("../../src/cli/commands/track.js"),
  segment: () => import("../../src/cli/commands/segment.js"),
  atlas: () => import("../../src/cli/commands/atlas.js"),
};
