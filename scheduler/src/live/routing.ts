/** Who gets what: inputs and messages by the host that simulates their party. */
import type { Envelope, HostInput } from '@paperfleet/core';
import type { HostPort } from './host-port.ts';

/** The inputs that reach parties of a host; joins are told to everybody. */
export function inputsFor(host: HostPort, inputs: readonly HostInput[]): HostInput[] {
  const theirs: HostInput[] = [];
  for (const entry of inputs) {
    const parties = entry.parties.filter((party) => host.parties.has(party));
    if (parties.length > 0 || entry.input.kind === 'join') theirs.push({ ...entry, parties });
  }
  return theirs;
}

/** Adds a message to the list of its key. */
export function appendTo<K>(map: Map<K, Envelope[]>, key: K, envelope: Envelope): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [envelope]);
  else list.push(envelope);
}
