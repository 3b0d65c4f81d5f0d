/** What the process says to the shell. */
export const Exit = {
  ok: 0,
  failure: 1,
  usage: 2,
  input: 3,
  quality: 4,
  resources: 5,
  tryAgain: 75,
  interrupted: 130,
} as const;
export type Exit = (typeof Exit)[keyof typeof Exit];
