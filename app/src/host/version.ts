declare const __PULLBACK_VERSION__: string;
/** The version in package.json, known when the page is built. */
export const version = (): string => __PULLBACK_VERSION__;
