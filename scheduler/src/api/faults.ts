/** Turns a fault on nodes, named by people, into faults at parties. */
import type { CommandAck, Fault, FaultRequest, LinkFault, PartyId } from '@paperfleet/core';
import { HEALTHY_LINK, isTerminal, MANAGER } from '@paperfleet/core';
import type { LiveRun } from '../live/run.ts';
import type { NodeRecord } from '../store/records.ts';
import { accepted, ApiFailure } from './failure.ts';
import { taskName } from './live/views.ts';
import { notFound } from './subject.ts';

/** One fault to submit. */
export interface PlannedFault {
  readonly parties: readonly PartyId[];
  readonly label: string;
  readonly fault: Fault;
}

type Direction = 'both' | 'up' | 'down';

function requireNodes(run: LiveRun, references: readonly string[] | undefined): NodeRecord[] {
  if (references === undefined || references.length === 0) {
    throw new ApiFailure('PF_INVALID', 'no node is named', { path: 'nodes', hint: 'name at least one node' });
  }
  const nodes = references.map((reference, index) => {
    const node = run.manager.store.findNode(reference);
    if (node === undefined) throw new ApiFailure('PF_NOT_FOUND', notFound('node', reference).message, { path: `nodes[${index}]` });
    return node;
  });
  return [...new Set(nodes)];
}

/** Up to three names, then a count: the label stands in one line of the event list. */
function namesOf(nodes: readonly NodeRecord[]): string {
  const shown = nodes.slice(0, 3).map(({ name }) => name);
  return nodes.length > 3 ? `${shown.join(', ')} and ${nodes.length - 3} more` : shown.join(', ');
}

/** A link fault of nodes: what they send (`up`) is set at the nodes, what the manager sends them (`down`) at the manager. */
function linkFaults(nodes: readonly NodeRecord[], label: string, link: LinkFault, direction: Direction): PlannedFault[] {
  const parties = nodes.map(({ party }) => party);
  const up: PlannedFault = { parties, label, fault: { fault: 'link', peers: [], link } };
  const down: PlannedFault = { parties: [MANAGER], label, fault: { fault: 'link', peers: parties, link } };
  return direction === 'both' ? [up, down] : [direction === 'up' ? up : down];
}

/** The task's node is where the fault is delivered. */
function killTask(run: LiveRun, reference: string, exitCode: number): PlannedFault {
  const { store } = run.manager;
  const task = store.findTask(reference);
  if (task === undefined) throw new ApiFailure('PF_NOT_FOUND', notFound('task', reference).message, { path: 'fault.task' });
  const name = taskName(task, store);
  const node = store.nodes.get(task.nodeId);
  if (node === undefined || isTerminal(task.state)) {
    throw new ApiFailure(
      'PF_CONFLICT',
      `${name} ${node === undefined ? 'has no node yet' : 'has ended already'}: there is nothing to kill`,
    );
  }
  return { parties: [node.party], label: `kill task ${name}`, fault: { fault: 'killTask', task: task.id, exitCode } };
}

/** What to submit for a request. @throws ApiFailure when it names what does not exist. */
export function planFaults(run: LiveRun, request: FaultRequest): readonly PlannedFault[] {
  const { fault } = request;
  if (fault.fault === 'killTask') return [killTask(run, fault.task, fault.exitCode)];
  const nodes = requireNodes(run, request.nodes);
  const names = namesOf(nodes);
  switch (fault.fault) {
    case 'crash':
    case 'recover':
      return [{ parties: nodes.map(({ party }) => party), label: `${fault.fault} ${names}`, fault: { fault: fault.fault } }];
    case 'partition': {
      const direction = fault.direction === 'both' ? '' : fault.direction === 'up' ? ' (what they send)' : ' (what they are sent)';
      return linkFaults(nodes, `partition ${names}${direction}`, { ...HEALTHY_LINK, partitioned: true }, fault.direction);
    }
    case 'heal':
      return linkFaults(nodes, `heal ${names}`, HEALTHY_LINK, 'both');
    case 'link':
      // Named peers: only what the nodes send to those. Otherwise the whole connection, both ways.
      if (fault.peers.length > 0) return [{ parties: nodes.map(({ party }) => party), label: `link ${names}`, fault }];
      return linkFaults(nodes, `link ${names}`, fault.link, 'both');
  }
}

/** Submits the faults of a request in order; the acknowledgement is the last one's. @throws ApiFailure when one is refused. */
export async function submitFaults(run: LiveRun, request: FaultRequest, by: string): Promise<CommandAck> {
  let last: CommandAck | undefined;
  for (const { parties, label, fault } of planFaults(run, request)) {
    const { seq, at } = accepted(await run.submitFault(parties, label, fault, by));
    last = { seq, at };
  }
  return last!;
}
