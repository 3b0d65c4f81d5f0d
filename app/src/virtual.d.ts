declare module "virtual:description" {
  /** A `Description`; see described.ts. */
  export const description: unknown;
}
