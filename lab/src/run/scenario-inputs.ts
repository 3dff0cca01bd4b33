/** A planned scenario as journal inputs: node names become parties, in order of joining. Pure. */
import {
  assert,
  type ClusterConfig,
  DEFAULT_CONFIG,
  FIRST_NODE,
  HEALTHY_LINK,
  type Input,
  type JournaledInput,
  type LinkFault,
  MANAGER,
  type PartyId,
  partyId,
  type RunHeader,
} from '@paperfleet/core';
import type { PlannedFault, Scenario } from '../scenario/scenario.ts';

/** The header of a scenario's run: its settings over the defaults. */
export function scenarioHeader(scenario: Scenario, build: string): RunHeader {
  const config: ClusterConfig = { ...DEFAULT_CONFIG, ...scenario.config };
  return { format: 1, build, run: scenario.name, seed: scenario.seed, config };
}

/** Everything the scenario does, in journal order. */
export function scenarioInputs(scenario: Scenario): JournaledInput[] {
  const parties = new Map<string, PartyId>();
  const entries: JournaledInput[] = [];
  for (const { at, input } of scenario.inputs) {
    for (const made of inputsOf(input, parties)) entries.push({ seq: entries.length + 1, at, input: made });
  }
  return entries;
}

function inputsOf(planned: Scenario['inputs'][number]['input'], parties: Map<string, PartyId>): Input[] {
  switch (planned.kind) {
    case 'join': {
      const party = partyId(FIRST_NODE + parties.size);
      parties.set(planned.name, party);
      return [{ kind: 'join', party, name: planned.name, key: planned.key, offer: planned.offer }];
    }
    case 'command':
      return [{ kind: 'command', key: '', by: 'scenario', command: planned.command }];
    case 'fault':
      return faultsOf(planned, parties);
  }
}

function faultsOf({ nodes, label, fault }: PlannedFault, parties: ReadonlyMap<string, PartyId>): Input[] {
  const all = [...parties.values()];
  const named = nodes.map((name) => {
    const party = parties.get(name);
    assert(party !== undefined, 'a scenario names a node that has not joined', { name });
    return party;
  });
  switch (fault.fault) {
    case 'crash':
    case 'recover':
      return [{ kind: 'fault', parties: named, label, fault }];
    case 'killTask':
      // Where the task runs is known only then: every node is told, the one that runs it acts.
      return [{ kind: 'fault', parties: all, label, fault }];
    case 'link':
      return linkFaults(named, all, label, fault.link, fault.direction);
    case 'partition':
      return linkFaults(named, all, label, { ...HEALTHY_LINK, partitioned: true }, fault.direction);
    case 'heal':
      return linkFaults(named, all, label, HEALTHY_LINK, 'both');
  }
}

/** `out`: what the named nodes send to anybody; `in`: what everybody else sends to them. */
function linkFaults(
  named: readonly PartyId[],
  all: readonly PartyId[],
  label: string,
  link: LinkFault,
  direction: 'out' | 'in' | 'both',
): Input[] {
  const inside = new Set(named);
  const others = [MANAGER, ...all.filter((party) => !inside.has(party))];
  const made: Input[] = [];
  if (direction !== 'in') made.push({ kind: 'fault', parties: named, label, fault: { fault: 'link', peers: others, link } });
  if (direction !== 'out') made.push({ kind: 'fault', parties: others, label, fault: { fault: 'link', peers: named, link } });
  return made;
}
