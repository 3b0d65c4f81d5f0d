import { UseError } from "./errors.js";

/** Something that holds memory outside the garbage collector's sight: a block of the engine's memory, later a GPU buffer. */
export abstract class Resource {
  /** Give the memory back now. */
  abstract free(): void;
  /** Leave it to the garbage collector. */
  abstract release(): void;
}

/** Who frees what: a set of resources with one owner. */
class Owner {
  readonly owned = new Set<Resource>();
  constructor(readonly parent?: Owner) {}
}
let currentScope: Owner | undefined;
/** Owners that outlive a call (see Holder): `keep` and `dispose` take their resources from these as well. */
const holders = new Set<Owner>();
/** How many reverse-mode recordings are under way: their tapes need every value, so scopes inside them free nothing. */
let recordings = 0;

/** Give a new resource to the surrounding scope; without one, to the garbage collector. */
export function adopt(resource: Resource): void {
  if (currentScope) currentScope.owned.add(resource);
  else resource.release();
}

/** Run with every scope inside switched off: what is made on the way is needed later. */
export function recording<T>(fn: () => T): T {
  recordings++;
  try {
    return fn();
  } finally {
    recordings--;
  }
}

function collect(value: unknown, found: Set<Resource>, seen: Set<unknown>): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Resource) found.add(value);
  else if (Array.isArray(value)) for (const v of value) collect(v, found, seen);
  else if (value instanceof Map || value instanceof Set) for (const v of value.values()) collect(v, found, seen);
  else for (const key of Object.keys(value)) collect((value as Record<string, unknown>)[key], found, seen);
}
/** Every resource that a value holds, through arrays, maps, sets and object fields. */
function resourcesIn(value: unknown): Set<Resource> {
  const found = new Set<Resource>();
  collect(value, found, new Set());
  return found;
}

/** Run `fn` as the owner of what it makes, free what its result does not hold, and hand the rest to `heir`. */
function owning<T>(fn: () => T, parent: Owner | undefined, heir: (resource: Resource) => void): T {
  const outer = currentScope;
  const mine = new Owner(parent);
  currentScope = mine;
  let result: T | undefined;
  try {
    result = fn();
    if (result instanceof Promise)
      throw new UseError("scope: its function must be synchronous; open a scope inside the asynchronous function instead", {});
    return result;
  } finally {
    currentScope = outer;
    const held = resourcesIn(result);
    for (const resource of mine.owned) {
      if (held.has(resource)) heir(resource);
      else resource.free();
    }
  }
}

/**
 * Run `fn` and free every tensor made in it that is not reachable from its result (through arrays, maps and object fields).
 * Scopes nest; what an inner one returns belongs to the outer one. `fn` must be synchronous.
 */
export function scope<T>(fn: () => T): T {
  if (recordings > 0) return fn();
  const parent = currentScope;
  return owning(fn, parent, (resource) => (parent ? parent.owned.add(resource) : resource.release()));
}

/** A scope that frees even while a recording is under way: for functions whose inner values are on no tape. */
export function detached<T>(fn: () => T): T {
  const outer = recordings;
  recordings = 0;
  try {
    return scope(fn);
  } finally {
    recordings = outer;
  }
}

/** Take tensors out of all scopes: they live as long as they are referenced. */
export function keep<T>(value: T): T {
  for (const resource of disowned(value)) resource.release();
  return value;
}

/** Free tensors now. They must not be used again; views of them (reshapes) share their fate. */
export function dispose(...values: unknown[]): void {
  for (const resource of disowned(values)) resource.free();
}

function disowned(value: unknown): Set<Resource> {
  const found = resourcesIn(value);
  for (const resource of found) {
    for (let open = currentScope; open; open = open.parent) open.owned.delete(resource);
    for (const holder of holders) holder.owned.delete(resource);
  }
  return found;
}

/** The owner of a state that passes through many scopes with the event loop in between: `iterate` holds one. */
export class Holder {
  readonly #owner = new Owner();
  constructor() {
    holders.add(this.#owner);
  }
  /** A scope whose survivors belong to the holder. */
  run<T>(fn: () => T): T {
    if (recordings > 0) return fn();
    return owning(fn, currentScope, (resource) => this.#owner.owned.add(resource));
  }
  /** Free everything held that `live` does not reach. */
  retain(live: unknown): void {
    const wanted = resourcesIn(live);
    for (const resource of this.#owner.owned)
      if (!wanted.has(resource)) {
        this.#owner.owned.delete(resource);
        resource.free();
      }
  }
  /** Hand what `result` reaches to the surrounding scope, free the rest, and end. */
  close(result?: unknown): void {
    this.retain(result);
    holders.delete(this.#owner);
    for (const resource of this.#owner.owned) adopt(resource);
    this.#owner.owned.clear();
  }
}
