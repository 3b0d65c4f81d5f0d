import { MissingPeerError } from "../core/errors.js";

/** Whether this is Node (or something that offers Node's built-in modules). */
export function inNode(): boolean {
  const host = globalThis as { process?: { versions?: { node?: string } } };
  return host.process?.versions?.node !== undefined;
}

/**
 * An optional package, loaded when first needed.
 * @throws MissingPeerError with the one line that installs it
 */
export async function peer<T>(name: string, purpose: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new MissingPeerError(`${purpose} needs the package ${name}; install it with: npm install ${name}`, { package: name }, { cause });
  }
}
