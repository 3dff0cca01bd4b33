/**
 * Scenarios in virtual time: as fast as they go, in one queue in this process or with agent hosts behind WebSockets. The
 * outcome is the same.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  addressed,
  digestText,
  type Journal,
  type JournaledInput,
  MANAGER,
  MemoryJournal,
  PaperfleetError,
  type Party,
  type PartyAssignment,
  type RunHeader,
  Timeline,
  type TimeUs,
} from '@paperfleet/core';
import { Conductor, HostEndpoint, JournalFile, type ManagerView } from '@paperfleet/scheduler';
import { FACTORIES } from './factories.ts';
import { endSelf, spawnSelf } from './program.ts';

export interface VirtualRunOptions {
  readonly header: RunHeader;
  readonly inputs: readonly JournaledInput[];
  readonly until: TimeUs;
  readonly transport: 'inproc' | 'ws';
  /** Agent hosts with transport ws. */
  readonly agents: number;
  /** Which host simulates the nth node; round robin when absent. */
  readonly place?: (index: number) => number;
  /** Where to write the journal; absent: nowhere. */
  readonly journalPath?: string;
  readonly progress?: (at: number, events: number) => void;
  readonly signal?: AbortSignal;
}

export interface VirtualRunResult {
  readonly at: TimeUs;
  readonly digest: string;
  readonly events: number;
  readonly windows: number;
  readonly manager: ManagerView;
}

const ATTACH_MS = 60_000;
/** Simulated µs between two looks at progress and signal. */
const SLICE_US = 1_000_000;

export function runVirtual(options: VirtualRunOptions): Promise<VirtualRunResult> {
  return options.transport === 'inproc' ? runInProcess(options) : runOverSockets(options);
}

async function runInProcess(options: VirtualRunOptions): Promise<VirtualRunResult> {
  const journal = openJournal(options);
  journal.append(
    options.inputs.map((entry) => ({ kind: 'input' as const, planned: true as const, ...entry })),
    true,
  );
  const timeline = new Timeline(options.header, FACTORIES);
  timeline.createManager();
  for (const entry of options.inputs) if (entry.at < options.until) timeline.inject(addressed(entry));
  let now = 0;
  while (now < options.until && options.signal?.aborted !== true) {
    const next = timeline.next();
    now = Math.min(options.until, (next < 0 ? options.until : Math.max(now, next)) + SLICE_US);
    timeline.runUntil(now);
    timeline.takeOutbox(); // messages to nodes that are gone
    options.progress?.(now, timeline.events);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const digest = digestText(timeline.digest());
  journal.append([{ kind: 'digest', at: now as TimeUs, digest }], true);
  journal.close();
  return { at: now as TimeUs, digest, events: timeline.events, windows: 1, manager: timeline.party(MANAGER) as Party & ManagerView };
}

async function runOverSockets(options: VirtualRunOptions): Promise<VirtualRunResult> {
  const { header, inputs, until } = options;
  const joins = inputs.flatMap(({ input }) => (input.kind === 'join' ? [input] : []));
  const place = options.place ?? ((index: number): number => index % options.agents);
  const assignments = new Map<string, PartyAssignment[]>();
  for (const [index, { party, name, key, offer }] of joins.entries()) {
    const host = workerName(place(index));
    assignments.set(host, [...(assignments.get(host) ?? []), { party, name, key, offer }]);
  }
  const hosts = [...assignments.keys()];
  const timeline = new Timeline(header, FACTORIES);
  timeline.createManager();
  const trouble: string[] = [];
  const log = (event: string, detail: Record<string, unknown>): void => {
    if (event === 'host.lost' || event === 'frame.refused' || event === 'socket.refused')
      trouble.push(`${event} ${JSON.stringify(detail)}`);
  };
  const conductor = new Conductor({
    name: header.run,
    header,
    timeline,
    journal: openJournal(options),
    inputs: [],
    at: 0 as TimeUs,
    speed: 0,
    paused: false,
    log,
  });
  conductor.plan(inputs);
  const token = `run-${process.pid}-${Math.trunc(performance.now())}`;
  const endpoint = new HostEndpoint({ conductor, token, build: header.build, assignWorker: (host) => assignments.get(host), log });
  const server = createServer();
  server.on('upgrade', (request, socket, head) => {
    if (!endpoint.handleUpgrade(request, socket, head)) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}`;
  const children = hosts.map((host) =>
    spawnSelf(['agent', '--join', url, '--name', host, '--nodes', '0', '--quiet', '--with-parent'], { PAPERFLEET_JOIN_TOKEN: token }),
  );
  try {
    let ended: string | undefined;
    for (const [index, child] of children.entries()) {
      child.once('exit', (code, signal) => (ended ??= `${hosts[index]} has ended (${signal ?? `exit code ${code}`}); it says above why`));
    }
    await conductor.waitForHosts(hosts.length, ATTACH_MS, () => ended);
    for (let now = 0; now < until && options.signal?.aborted !== true; ) {
      now = Math.min(until, now + 10 * SLICE_US);
      await conductor.runUntil(now as TimeUs);
      options.progress?.(now, conductor.totals().eventsProcessed);
      if (trouble.length > 0) throw new PaperfleetError('PF_HOST_LOST', `an agent host failed: ${trouble[0]}`);
    }
    const asked = conductor.digest();
    await conductor.runUntil(conductor.at);
    const { at, digest } = await asked;
    const { eventsProcessed, windows } = conductor.totals();
    return { at, digest, events: eventsProcessed, windows, manager: conductor.manager };
  } finally {
    endpoint.close();
    for (const child of children) endSelf(child);
    await conductor.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function openJournal({ journalPath, header }: VirtualRunOptions): Journal {
  return journalPath === undefined ? new MemoryJournal() : new JournalFile(journalPath, header);
}

const workerName = (index: number): string => `worker-${index}`;
