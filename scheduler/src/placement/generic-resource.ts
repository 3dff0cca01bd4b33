/**
 * Generic resources of nodes (`gpu: 4` or `gpu: ['GPU-1', 'GPU-2']`) and how tasks claim and return them. Pure functions
 * over plain records; a kind of which nothing is left is absent. Rules of swarmkit api/genericresource.
 */

/** By kind: a discrete amount, or the names in the order in which they are handed out. */
export type GenericResources = Readonly<Record<string, number | readonly string[]>>;
/** What a task reserves: a discrete amount by kind. */
export type GenericDemand = Readonly<Record<string, number>>;

type Mutable = Record<string, number | readonly string[]>;

const own = (resources: GenericResources, kind: string): number | readonly string[] | undefined =>
  Object.hasOwn(resources, kind) ? resources[kind] : undefined;

function copy(resources: GenericResources): Mutable {
  const out: Mutable = Object.create(null) as Mutable;
  for (const kind of Object.keys(resources)) {
    const value = resources[kind];
    if (value !== undefined && amount(value) > 0) out[kind] = value;
  }
  return out;
}

const plain = (resources: Mutable): GenericResources => ({ ...resources });

function put(resources: Mutable, kind: string, value: number | readonly string[]): void {
  if (amount(value) > 0) resources[kind] = value;
  else delete resources[kind];
}

/** How many units a value stands for: the discrete amount, or the number of names. */
export const amount = (value: number | readonly string[] | undefined): number =>
  value === undefined ? 0 : typeof value === 'number' ? value : value.length;

/** True when every kind is there in the wanted amount. A wanted amount of 0 still needs the kind to be there. */
export function hasEnoughGeneric(available: GenericResources, want: GenericDemand): boolean {
  return Object.keys(want).every((kind) => enough(amount(own(available, kind)), want[kind] ?? 0));
}

/** The rule for one kind, by its free and wanted number of units. */
export const enough = (free: number, wanted: number): boolean => free > 0 && free >= wanted;

/**
 * Takes `want` out of `available`: names from the front of their list. Of a discrete kind with too little left nothing is
 * taken, of a named kind whatever is left; the resource filter keeps that from happening to tasks it places.
 */
export function claimGeneric(available: GenericResources, want: GenericDemand): { left: GenericResources; claimed: GenericResources } {
  const left = copy(available);
  const claimed: Mutable = Object.create(null) as Mutable;
  for (const kind of Object.keys(want)) {
    const wanted = want[kind] ?? 0;
    const value = left[kind];
    if (value === undefined || wanted <= 0) continue;
    if (typeof value === 'number') {
      if (value < wanted) continue;
      claimed[kind] = wanted;
      put(left, kind, value - wanted);
    } else {
      claimed[kind] = value.slice(0, wanted);
      put(left, kind, value.slice(wanted));
    }
  }
  return { left: plain(left), claimed: plain(claimed) };
}

/** Gives back what a task had claimed, at the end of the lists. A kind that changed its type meanwhile is not touched. */
export function reclaimGeneric(available: GenericResources, back: GenericResources): GenericResources {
  const out = copy(available);
  for (const kind of Object.keys(back)) {
    const returned = back[kind];
    const value = out[kind];
    if (returned === undefined) continue;
    if (value === undefined) put(out, kind, returned);
    else if (typeof value === 'number' && typeof returned === 'number') out[kind] = value + returned;
    else if (typeof value !== 'number' && typeof returned !== 'number') out[kind] = [...value, ...returned];
  }
  return plain(out);
}

/** Takes exactly these claimed units out of `available`; what is not there is ignored. */
export function consumeGeneric(available: GenericResources, claimed: GenericResources): GenericResources {
  const out = copy(available);
  for (const kind of Object.keys(claimed)) {
    const taken = claimed[kind];
    const value = out[kind];
    if (taken === undefined || value === undefined) continue;
    if (typeof value === 'number' && typeof taken === 'number') put(out, kind, value - taken);
    else if (typeof value !== 'number' && typeof taken !== 'number') {
      const names = new Set(taken);
      put(
        out,
        kind,
        value.filter((name) => !names.has(name)),
      );
    }
  }
  return plain(out);
}

/**
 * Holds what is free against what the node now says it has: amounts are capped, unknown kinds and names dropped, and a
 * kind whose type changed starts anew from the description.
 */
export function sanitizeGeneric(described: GenericResources, available: GenericResources): GenericResources {
  const out = copy(available);
  for (const kind of Object.keys(out)) {
    const value = out[kind];
    const full = own(described, kind);
    if (value === undefined) continue;
    if (full === undefined) delete out[kind];
    else if (typeof full === 'number') out[kind] = typeof value === 'number' ? Math.min(value, full) : full;
    else if (typeof value === 'number') out[kind] = full;
    else {
      put(
        out,
        kind,
        value.filter((name) => full.includes(name)),
      );
    }
    if (amount(out[kind]) === 0) delete out[kind];
  }
  return plain(out);
}
