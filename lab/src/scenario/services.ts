/** What the plan knows of services while it goes through the commands in order of time: names, and specs for updates. */
import type { ServiceSpec, StackSpec } from '@paperfleet/core';
import { didYouMean } from '../compose/diagnostic.ts';

export type Found = { readonly ok: true; readonly name: string } | { readonly ok: false; readonly message: string; readonly hint: string };

interface Entry {
  spec: ServiceSpec;
  previous: ServiceSpec | undefined;
}

/** Services as the commands so far have left them. What the cluster does by itself (an automatic rollback) is not foreseen. */
export class ServiceBook {
  readonly #entries = new Map<string, Entry>();
  /** Every name that is deployed at some time, with the Compose name at its end. */
  readonly #names: ReadonlySet<string>;

  constructor(stacks: readonly StackSpec[]) {
    this.#names = new Set(stacks.flatMap((stack) => stack.services.map(({ name }) => name)));
  }

  /** A full name from a full name, or from a service's own name when only one app has it. */
  find(name: string): Found {
    if (this.#names.has(name)) return { ok: true, name };
    const matches = [...this.#names].filter((full) => full.endsWith(`_${name}`));
    if (matches.length === 1 && matches[0] !== undefined) return { ok: true, name: matches[0] };
    if (matches.length > 1) return { ok: false, message: `'${name}' may be ${matches.join(' or ')}`, hint: 'write the full name' };
    const near = didYouMean(
      name,
      [...this.#names].flatMap((full) => [full, full.slice(full.indexOf('_') + 1)]),
    );
    return {
      ok: false,
      message: `there is no service '${name}'`,
      hint: near === undefined ? `there are ${[...this.#names].join(', ') || 'none'}` : `did you mean '${near}'?`,
    };
  }

  deploy(stack: StackSpec): void {
    for (const spec of stack.services) this.#change(spec.name, spec);
  }

  /** The spec as it stands; undefined when the service is not deployed (yet, or any more). */
  spec(name: string): ServiceSpec | undefined {
    return this.#entries.get(name)?.spec;
  }

  change(name: string, spec: ServiceSpec): void {
    this.#change(name, spec);
  }

  /** Swaps the spec with the one before it, as a manual rollback does; false when there is none. */
  rollback(name: string): boolean {
    const entry = this.#entries.get(name);
    if (entry?.previous === undefined) return false;
    [entry.spec, entry.previous] = [entry.previous, entry.spec];
    return true;
  }

  remove(name: string): void {
    this.#entries.delete(name);
  }

  #change(name: string, spec: ServiceSpec): void {
    this.#entries.set(name, { spec, previous: this.#entries.get(name)?.spec });
  }
}
